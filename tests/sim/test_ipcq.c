/* Queues between PEs: when messages leave, arrive and are received, and when slots are free again. */
#include "queue_bench.h"

/* ---- one message ---- */

typedef struct message_case {
    uint64_t bytes;
    uint64_t sleep_ps; /* of the receiver, before it receives */
    diary diaries[2];
} message_case;

static void message_kernel(weft_tile *tl, const void *arguments)
{
    message_case *it = (message_case *)(uintptr_t)arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    diary *own = &it->diaries[rank];
    own->begin = tl_now_ps(tl);
    if (rank == 0) {
        tl_command command = tl_send(tl, TL_NEXT, own_tensor(tl, it->bytes));
        note(tl, own);
        tl_wait(tl, command);
        note(tl, own);
        return;
    }
    if (it->sleep_ps)
        sleep_ps(tl, it->sleep_ps);
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(it->bytes), WEFT_U8);
    note(tl, own);
}

static void check_message(tile_bench *it, uint32_t to, uint64_t bytes, uint64_t sleep_ps_)
{
    message_case what = {.bytes = bytes, .sleep_ps = sleep_ps_};
    const uint32_t pes[] = {0, to};
    weft__ipcq_pair pairs[2];
    lay_pair(0, to, pairs);
    run_queued(
        it, &(queued_launch){
                .kernel = message_kernel, .arguments = &what, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    weft__route route = route_of(it, 0, to);
    uint64_t flits = (bytes + 255) / 256, reading_ps = SETUP_PS + flits * FLIT_PS;
    uint64_t written = DISPATCH_PS + SETUP_PS + flight_ps(it, &route, bytes) + tcm_access_ps(bytes);
    uint64_t asked = sleep_ps_ + DISPATCH_PS;
    uint64_t received = (written > asked ? written : asked) + tcm_access_ps(bytes) + credit_ps(it, 0, to);
    free(route.links);
    const diary *sender = &what.diaries[0], *receiver = &what.diaries[1];
    uint64_t waited = 2 * DISPATCH_PS, read = DISPATCH_PS + reading_ps;
    ck_assert_uint_eq(sender->begin, receiver->begin);
    ck_assert_uint_eq(sender->times[0] - sender->begin, DISPATCH_PS);
    ck_assert_uint_eq(sender->times[1] - sender->begin, read > waited ? read : waited);
    ck_assert_msg(receiver->times[0] - receiver->begin == received,
                  "%" PRIu64 " bytes to PE %u took %" PRIu64 " ps, not %" PRIu64, bytes, to,
                  receiver->times[0] - receiver->begin, received);

    weft__kernel_report report;
    weft__kernel_run_report(it->run, 0, &report);
    ck_assert_uint_eq(report.times.messages, 1);
    ck_assert_uint_eq(report.times.queue.busy_ps, reading_ps);
    ck_assert_uint_eq(report.times.queue.bytes, bytes);
    ck_assert_uint_eq(report.times.queue.tokens, 1);
    weft__kernel_run_report(it->run, 1, &report);
    ck_assert_uint_eq(report.times.messages, 0);
    ck_assert_uint_eq(report.times.queue.idle_ps, report.end - report.start);
    ck_assert_uint_eq(report.times.processor_ps[WEFT__PE_WAIT_QUEUE], received - asked);
    const weft__ipcq_message *place = NULL;
    weft__unreceived unreceived;
    ck_assert(!weft__kernel_run_unreceived(it->run, &place, &unreceived));
}

START_TEST(a_message_takes_what_its_parts_take)
{
    static const char *const settings[] = {"pe.ipcq.slot_bytes", "65536", NULL, NULL};
    /* In the cube, in the next one, in the far corner, in the other SIP. */
    static const uint32_t targets[] = {1, 7, 8, 127, 128, 255};
    static const uint64_t sizes[] = {1, 16, 64, 255, 256, 257, 512, 1000, 4096, 10000, 65536};
    static const weft__flit_mode modes[] = {WEFT__FLITS_TRAINS, WEFT__FLITS_EACH};
    for (size_t mode = 0; mode < 2; mode++) {
        tile_bench it;
        open_tile_bench_in(&it, "two-sip", settings, modes[mode]);
        for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
            for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++)
                check_message(&it, targets[i], sizes[j], 0);
        check_message(&it, 1, 4096, 1000 * NS);
        close_tile_bench(&it);
    }
}
END_TEST

/* ---- what a slot costs ---- */

/* From the send until the receiver has it. */
static uint64_t latency_ps(const char *memory, uint64_t bytes)
{
    const char *const settings[] = {"pe.ipcq.slot_bytes", "65536", "pe.ipcq.memory", memory, NULL, NULL};
    static const uint32_t pes[] = {0, 8};
    tile_bench it;
    weft__ipcq_pair pairs[2];
    message_case what = {.bytes = bytes};
    lay_pair(0, 8, pairs);
    open_tile_bench(&it, "two-sip", settings);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = message_kernel, .arguments = &what, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    close_tile_bench(&it);
    return what.diaries[1].times[0] - what.diaries[0].begin;
}

/* A sum of numbers and of bytes over numbers, in whole ps. */
static uint64_t formula_ps(const char *formula, uint64_t bytes)
{
    double ns = 0;
    for (const char *at = formula; *at;) {
        char *end;
        bool is_rate = strncmp(at, "bytes/", 6) == 0;
        double number = strtod(is_rate ? at + 6 : at, &end);
        ns += is_rate ? (double)bytes / number : number;
        at = *end == '+' ? end + 1 : end;
    }
    return (uint64_t)(ns * NS);
}

START_TEST(slots_cost_what_was_published)
{
    static const uint64_t sizes[] = {512, 1024, 4096, 16384, 65536};
    uint64_t tcm[5], tcm_access[5];
    FILE *file = fopen(WEFT_SOURCE_DIR "/tests/data/slot_access.csv", "r");
    char line[256], name[32], machine[32], memory[32], formula[64], unit[8];
    uint32_t rows = 0;
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    for (; fgets(line, sizeof line, file); rows++) {
        ck_assert_int_eq(sscanf(line, "%31[^,],%31[^,],%31[^,],%63[^,],%7[^\n]", name, machine, memory, formula, unit),
                         5);
        ck_assert_str_eq(machine, "two-sip");
        ck_assert_str_eq(unit, "ns");
        for (size_t i = 0; i < 5; i++) {
            uint64_t access = formula_ps(formula, sizes[i]), latency = latency_ps(memory, sizes[i]);
            if (rows == 0) {
                tcm[i] = latency;
                tcm_access[i] = access;
            }
            ck_assert_msg(latency - tcm[i] == 2 * (access - tcm_access[i]),
                          "%s: %" PRIu64 " bytes take %" PRIu64 " ps, in TCM %" PRIu64, name, sizes[i], latency,
                          tcm[i]);
        }
    }
    ck_assert_uint_eq(rows, 3);
    (void)fclose(file);
}
END_TEST

/* The same bytes written to the TCM of the same PE by the DMA engine alone: until they are there. The answer to such a
 * write is left out: each link sends it anew, while a credit costs its bytes once. */
static void note_commit(void *context, const weft__transfer *transfer)
{
    *(uint64_t *)context = weft__transfer_committed_ps(transfer) - weft__transfer_begin_ps(transfer);
}

static uint64_t dma_ps(const tile_bench *it, uint32_t to, uint64_t bytes)
{
    uint64_t ps = 0;
    const weft__transfer_request request = {.source = weft__pe_dma_node(weft__pe_at(it->pes, 0)),
                                            .target = weft__pe_dma_node(weft__pe_at(it->pes, to)),
                                            .bytes = bytes,
                                            .is_write = true,
                                            .ended = note_commit,
                                            .context = &ps};
    weft__transfer_begin(it->base.transfers, weft__sim_now(it->base.sim), &request);
    run_bench_dry(&it->base);
    return ps;
}

START_TEST(a_message_takes_no_less_than_the_dma)
{
    static const char *const settings[] = {
        "pe.ipcq.slot_bytes", "65536", "pe.dispatch_cycles", "0", "pe.ipcq.tcm.gbs", "1000000", NULL, NULL};
    static const uint32_t targets[] = {1, 7, 8, 9, 39, 64, 120, 128, 255};
    static const uint64_t sizes[] = {1, 16, 128, 256, 257, 512, 1024, 4096, 16384, 65536};
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            const uint32_t pes[] = {0, targets[i]};
            weft__ipcq_pair pairs[2];
            message_case what = {.bytes = sizes[j]};
            lay_pair(0, targets[i], pairs);
            run_queued(&it, &(queued_launch){.kernel = message_kernel,
                                             .arguments = &what,
                                             .pes = pes,
                                             .count = 2,
                                             .pairs = pairs,
                                             .pair_count = 2});
            uint64_t took = what.diaries[1].times[0] - what.diaries[0].begin;
            uint64_t alone = dma_ps(&it, targets[i], sizes[j]);
            ck_assert_msg(took >= alone, "%" PRIu64 " bytes to PE %u: %" PRIu64 " ps, by DMA %" PRIu64, sizes[j],
                          targets[i], took, alone);
        }
    close_tile_bench(&it);
}
END_TEST

/* ---- back-pressure ---- */

enum {
    SENDS = 10
};

/* Rank 0 sends, rank 1 receives later, all of them at once. */
static void pressing_kernel(weft_tile *tl, const void *arguments)
{
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_RANK);
    own->begin = tl_now_ps(tl);
    if (tl_program_id(tl, TL_AXIS_RANK) == 1)
        sleep_ps(tl, SLEEP_PS);
    for (int i = 0; i < SENDS; i++) {
        if (tl_program_id(tl, TL_AXIS_RANK) == 0)
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 2048));
        else
            (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(2048), WEFT_U8);
        note(tl, own);
    }
}

static void check_pressure(const char *slots, uint32_t to)
{
    const char *const settings[] = {"pe.ipcq.slots", slots, NULL, NULL};
    const uint32_t pes[] = {0, to};
    const uint32_t ring = (uint32_t)atoi(slots);
    tile_bench it;
    weft__ipcq_pair pairs[2];
    diary diaries[2] = {{0}};
    lay_pair(0, to, pairs);
    open_tile_bench(&it, "two-sip", settings);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = pressing_kernel, .arguments = diaries, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    uint64_t called = diaries[0].begin, stalled = 0;
    for (uint32_t i = 0; i < SENDS; i++) {
        uint64_t ready = called + DISPATCH_PS, credited = i < ring ? 0 : diaries[1].times[i - ring];
        uint64_t expected = credited > ready ? credited : ready;
        ck_assert_msg(diaries[0].times[i] == expected, "send %u at %" PRIu64 ", not %" PRIu64, i, diaries[0].times[i],
                      expected);
        called = expected;
        stalled += expected - ready;
    }
    /* The messages are there: a receive takes dispatch, access and credit. */
    uint64_t each = DISPATCH_PS + tcm_access_ps(2048) + credit_ps(&it, 0, to);
    ck_assert_uint_eq(diaries[1].times[0] - diaries[1].begin, SLEEP_PS + each);
    weft__kernel_report report;
    weft__kernel_run_report(it.run, 0, &report);
    const weft__engine_times *queue = &report.times.queue;
    ck_assert_uint_eq(report.times.messages, SENDS);
    ck_assert_uint_eq(queue->busy_ps, SENDS * (SETUP_PS + 8 * FLIT_PS));
    ck_assert_uint_eq(queue->busy_ps + queue->stall_ps + queue->idle_ps, report.end - report.start);
    ck_assert_uint_ge(queue->stall_ps, ring < SENDS ? SLEEP_PS / 2 : 0);
    ck_assert_uint_le(queue->stall_ps, stalled);
    uint64_t last_read = report.end - diaries[0].times[SENDS - 1];
    ck_assert_uint_eq(report.times.processor_ps[WEFT__PE_WAIT_QUEUE], stalled + last_read);
    close_tile_bench(&it);
}

START_TEST(a_full_ring_holds_the_sender_until_the_credit)
{
    static const char *const rings[] = {"1", "2", "4", "7", "16"};
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        check_pressure(rings[i], 1);
        check_pressure(rings[i], 8);
        check_pressure(rings[i], 200);
    }
}
END_TEST

/* ---- the channel ---- */

static void two_ways_kernel(weft_tile *tl, const void *arguments)
{
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_ALL);
    own->begin = tl_now_ps(tl);
    if (tl_program_id(tl, TL_AXIS_ALL) != 1) {
        (void)tl_recv(tl, tl_program_id(tl, TL_AXIS_ALL) == 0 ? TL_EAST : TL_WEST, weft_shape_1d(4096), WEFT_U8);
        note(tl, own);
        return;
    }
    tl_command first = tl_send(tl, TL_EAST, own_tensor(tl, 4096)), second = tl_send(tl, TL_WEST, own_tensor(tl, 4096));
    tl_wait(tl, second);
    note(tl, own);
    tl_wait(tl, first);
    note(tl, own);
}

START_TEST(messages_of_a_pe_are_read_one_after_another)
{
    static const uint32_t pes[] = {0, 1, 2};
    static const weft__ipcq_pair pairs[] = {{1, 0, TL_WEST, TL_EAST}, {1, 2, TL_EAST, TL_WEST}};
    tile_bench it;
    diary diaries[3] = {{0}};
    open_tile_bench(&it, "two-sip", NULL);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = two_ways_kernel, .arguments = diaries, .pes = pes, .count = 3, .pairs = pairs, .pair_count = 2});
    uint64_t reading = SETUP_PS + 16 * FLIT_PS;
    ck_assert_uint_eq(diaries[1].times[0] - diaries[1].begin, DISPATCH_PS + 2 * reading);
    ck_assert_uint_eq(diaries[1].times[1] - diaries[1].times[0], DISPATCH_PS);
    weft__kernel_report report;
    weft__kernel_run_report(it.run, 1, &report);
    ck_assert_uint_eq(report.times.queue.busy_ps, 2 * reading);
    ck_assert_uint_eq(report.times.queue.queued_ps, reading - DISPATCH_PS);
    ck_assert_uint_eq(report.times.queue.stall_ps, 0);
    close_tile_bench(&it);
}
END_TEST

/* A transfer of the PE, which takes long, and a send. */
typedef struct beside_case {
    uint64_t address; /* 0: the send alone */
    uint64_t received_ps;
} beside_case;

static void beside_kernel(weft_tile *tl, const void *arguments)
{
    beside_case *it = (beside_case *)(uintptr_t)arguments;
    if (tl_program_id(tl, TL_AXIS_RANK) == 1) {
        uint64_t begin = tl_now_ps(tl);
        (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(64), WEFT_U8);
        it->received_ps = tl_now_ps(tl) - begin;
        return;
    }
    if (it->address) {
        tl_tensor a = tl_ref(tl, it->address, weft_shape_2d(256, 256), WEFT_F32);
        const tl_composite_request request = {
            .op = WEFT_COMMAND_EXP, .a = a, .out = weft__pe_tcm_address(tl->pe), .dtype = WEFT_F32};
        (void)tl_composite(tl, &request);
    }
    (void)tl_send(tl, TL_NEXT, tl_ref(tl, weft__pe_tcm_address(tl->pe) + (512 << 10), weft_shape_1d(64), WEFT_U8));
}

START_TEST(a_message_does_not_wait_for_other_transfers)
{
    static const uint32_t pes[] = {0, 1};
    uint64_t took[2];
    for (size_t i = 0; i < 2; i++) {
        tile_bench it;
        weft__ipcq_pair pairs[2];
        lay_pair(0, 1, pairs);
        open_tile_bench(&it, "two-sip", NULL);
        beside_case what = {.address = i ? address_in(&it, WEFT__REGION_HBM, 0, 0, 4096) : 0};
        run_queued(
            &it,
            &(queued_launch){
                .kernel = beside_kernel, .arguments = &what, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
        weft__kernel_report report;
        weft__kernel_run_report(it.run, 0, &report);
        ck_assert_uint_eq(report.times.queue.busy_ps, SETUP_PS + FLIT_PS);
        took[i] = what.received_ps;
        close_tile_bench(&it);
    }
    /* The dispatch of the composite command, and a read request or two on the link. */
    ck_assert_uint_ge(took[1], took[0] + DISPATCH_PS);
    ck_assert_uint_le(took[1], took[0] + DISPATCH_PS + 200);
}
END_TEST

/* Neither waits for what it has given. */
static void hasty_kernel(weft_tile *tl, const void *arguments)
{
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_RANK);
    own->begin = tl_now_ps(tl);
    if (tl_program_id(tl, TL_AXIS_RANK) == 0)
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, 4096));
    else
        (void)tl_recv_async(tl, TL_PREVIOUS, weft_shape_1d(4096), WEFT_U8);
    note(tl, own);
}

START_TEST(a_kernel_ends_when_its_sends_are_read_and_its_receives_done)
{
    static const uint32_t pes[] = {0, 8};
    tile_bench it;
    weft__ipcq_pair pairs[2];
    diary diaries[2] = {{0}};
    weft__kernel_report report;
    lay_pair(0, 8, pairs);
    open_tile_bench(&it, "two-sip", NULL);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = hasty_kernel, .arguments = diaries, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    ck_assert_uint_eq(diaries[0].times[0] - diaries[0].begin, DISPATCH_PS);
    ck_assert_uint_eq(diaries[1].times[0] - diaries[1].begin, DISPATCH_PS);
    weft__kernel_run_report(it.run, 0, &report);
    ck_assert_uint_eq(report.end - report.start, DISPATCH_PS + SETUP_PS + 16 * FLIT_PS);
    weft__route route = route_of(&it, 0, 8);
    weft__kernel_run_report(it.run, 1, &report);
    ck_assert_uint_eq(report.end - report.start, DISPATCH_PS + SETUP_PS + flight_ps(&it, &route, 4096) +
                                                     2 * tcm_access_ps(4096) + credit_ps(&it, 0, 8));
    free(route.links);
    close_tile_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("ipcq", a_message_takes_what_its_parts_take, slots_cost_what_was_published,
               a_message_takes_no_less_than_the_dma, a_full_ring_holds_the_sender_until_the_credit,
               messages_of_a_pe_are_read_one_after_another, a_message_does_not_wait_for_other_transfers,
               a_kernel_ends_when_its_sends_are_read_and_its_receives_done)
