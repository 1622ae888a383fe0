/* Queues between PEs at work: receives ahead, messages that stay in their slots, rings, and perturbed runs. */
#include "queue_bench.h"

#include "sim/pe/perturb.h"

/* ---- receiving ahead ---- */

enum {
    AHEAD = 3
};

/* All receives are given at once, when all messages are there; they are taken in the order of `take`. */
static void ahead_kernel(weft_tile *tl, const void *arguments)
{
    static const uint32_t take[AHEAD] = {1, 0, 2};
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_RANK);
    own->begin = tl_now_ps(tl);
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        for (int i = 0; i < AHEAD; i++)
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 1024));
        return;
    }
    tl_command commands[AHEAD];
    sleep_ps(tl, SLEEP_PS);
    for (int i = 0; i < AHEAD; i++)
        commands[i] = tl_recv_async(tl, TL_PREVIOUS, weft_shape_1d(1024), WEFT_U8);
    note(tl, own);
    for (int i = 0; i < AHEAD; i++) {
        tl_tensor got = tl_recv_wait(tl, commands[take[i]]);
        ck_assert_uint_eq(got.address, weft__pe_tcm_address(tl->pe) + take[i] * 1024);
        note(tl, own);
    }
    tl_wait(tl, commands[0]);
    note(tl, own);
}

START_TEST(receives_of_a_direction_are_served_one_after_another)
{
    static const uint32_t pes[] = {0, 8};
    tile_bench it;
    weft__ipcq_pair pairs[2];
    diary diaries[2] = {{0}};
    lay_pair(0, 8, pairs);
    open_tile_bench(&it, "two-sip", NULL);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = ahead_kernel, .arguments = diaries, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    uint64_t each = tcm_access_ps(1024) + credit_ps(&it, 0, 8), first = SLEEP_PS + DISPATCH_PS;
    const diary *own = &diaries[1];
    ck_assert_uint_gt(each, AHEAD * DISPATCH_PS);
    ck_assert_uint_eq(own->times[0] - own->begin, SLEEP_PS + AHEAD * DISPATCH_PS);
    ck_assert_uint_eq(own->times[1] - own->begin, first + 2 * each);
    ck_assert_uint_eq(own->times[2] - own->times[1], DISPATCH_PS);
    ck_assert_uint_eq(own->times[3] - own->begin, first + 3 * each);
    ck_assert_uint_eq(own->times[4] - own->times[3], DISPATCH_PS);
    close_tile_bench(&it);
}
END_TEST

/* ---- in place ---- */

typedef struct place_case {
    diary diaries[3];
    uint64_t addresses[4];
} place_case;

/* Rank 0 sends four messages through two slots. Rank 1 holds two, and gives them up in the wrong order. */
static void wrong_order_kernel(weft_tile *tl, const void *arguments)
{
    place_case *it = (place_case *)(uintptr_t)arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    diary *own = &it->diaries[rank];
    own->begin = tl_now_ps(tl);
    if (rank == 0) {
        for (int i = 0; i < 4; i++) {
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 512));
            note(tl, own);
        }
        return;
    }
    sleep_ps(tl, SLEEP_PS);
    tl_tensor held[2];
    for (int i = 0; i < 2; i++) {
        held[i] = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_2d(2, 256), WEFT_U8);
        it->addresses[i] = held[i].address;
        note(tl, own);
    }
    tl_free_slot(tl, tl_slice(tl, held[1], 0, 1, 1));
    note(tl, own);
    tl_free_slot(tl, held[0]);
    note(tl, own);
    for (int i = 2; i < 4; i++) {
        tl_tensor got = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(512), WEFT_U8);
        it->addresses[i] = got.address;
        tl_free_slot(tl, got);
    }
}

START_TEST(slots_become_free_in_the_order_of_the_ring)
{
    static const char *const settings[] = {"pe.ipcq.slots", "2", NULL, NULL};
    static const uint32_t pes[] = {0, 8};
    tile_bench it;
    weft__ipcq_pair pairs[2];
    place_case what = {{{0}}, {0}};
    lay_pair(0, 8, pairs);
    open_tile_bench(&it, "two-sip", settings);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = wrong_order_kernel, .arguments = &what, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    const diary *sender = &what.diaries[0], *receiver = &what.diaries[1];
    uint64_t read = DISPATCH_PS + tcm_access_ps(512);
    ck_assert_uint_eq(receiver->times[0] - receiver->begin, SLEEP_PS + read);
    ck_assert_uint_eq(receiver->times[1] - receiver->times[0], read);
    ck_assert_uint_eq(receiver->times[2] - receiver->times[1], DISPATCH_PS);
    ck_assert_uint_eq(receiver->times[3] - receiver->times[2], DISPATCH_PS + credit_ps(&it, 0, 8));
    ck_assert_uint_eq(sender->times[2], receiver->times[3]);
    ck_assert_uint_eq(sender->times[3], sender->times[2] + DISPATCH_PS);
    /* The slots are at the end of the TCM. */
    uint64_t end = address_in(&it, WEFT__REGION_TCM, 1, 0, 0) + (1024 << 10);
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_uint_eq(what.addresses[i], end - 2 * 4096 + i % 2 * 4096);
    close_tile_bench(&it);
}
END_TEST

/* A held message, then one that is copied: the copy's slot cannot be free before the held one's. */
static void mixed_kernel(weft_tile *tl, const void *arguments)
{
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_RANK);
    own->begin = tl_now_ps(tl);
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        for (int i = 0; i < 3; i++) {
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 512));
            note(tl, own);
        }
        return;
    }
    sleep_ps(tl, SLEEP_PS);
    tl_tensor held = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(512), WEFT_U8);
    note(tl, own);
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(512), WEFT_U8);
    note(tl, own);
    tl_free_slot(tl, held);
    note(tl, own);
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(512), WEFT_U8);
}

START_TEST(a_copy_does_not_wait_for_a_credit_that_an_older_slot_holds_up)
{
    static const char *const settings[] = {"pe.ipcq.slots", "2", NULL, NULL};
    static const uint32_t pes[] = {0, 8};
    tile_bench it;
    weft__ipcq_pair pairs[2];
    diary diaries[2] = {{0}};
    lay_pair(0, 8, pairs);
    open_tile_bench(&it, "two-sip", settings);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = mixed_kernel, .arguments = diaries, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
    const diary *receiver = &diaries[1];
    ck_assert_uint_eq(receiver->times[1] - receiver->times[0], DISPATCH_PS + tcm_access_ps(512));
    ck_assert_uint_eq(receiver->times[2] - receiver->times[1], DISPATCH_PS + credit_ps(&it, 0, 8));
    ck_assert_uint_eq(diaries[0].times[2], receiver->times[2]);
    close_tile_bench(&it);
}
END_TEST

/* Rank 1 passes on what it was sent, without moving it. */
static void forwarding_kernel(weft_tile *tl, const void *arguments)
{
    place_case *it = (place_case *)(uintptr_t)arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    diary *own = &it->diaries[rank];
    own->begin = tl_now_ps(tl);
    if (rank == 0)
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, 1024));
    if (rank == 1) {
        tl_tensor got = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(1024), WEFT_U8);
        note(tl, own);
        tl_wait(tl, tl_send(tl, TL_NEXT, got));
        tl_free_slot(tl, got);
        note(tl, own);
    }
    if (rank == 2) {
        (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(1024), WEFT_U8);
        note(tl, own);
    }
}

START_TEST(a_message_can_be_passed_on_from_its_slot)
{
    static const uint32_t pes[] = {0, 1, 2};
    static const weft__ipcq_pair pairs[] = {{0, 1, TL_NEXT, TL_PREVIOUS}, {1, 2, TL_NEXT, TL_PREVIOUS}};
    tile_bench it;
    place_case what = {{{0}}, {0}};
    open_tile_bench(&it, "two-sip", NULL);
    run_queued(
        &it,
        &(queued_launch){
            .kernel = forwarding_kernel, .arguments = &what, .pes = pes, .count = 3, .pairs = pairs, .pair_count = 2});
    weft__route first = route_of(&it, 0, 1), second = route_of(&it, 1, 2);
    uint64_t access = tcm_access_ps(1024), send = DISPATCH_PS + SETUP_PS;
    uint64_t held = send + flight_ps(&it, &first, 1024) + 2 * access;
    ck_assert_uint_eq(what.diaries[1].times[0] - what.diaries[1].begin, held);
    ck_assert_uint_eq(what.diaries[1].times[1] - what.diaries[1].times[0],
                      send + 4 * FLIT_PS + DISPATCH_PS + credit_ps(&it, 0, 1));
    ck_assert_uint_eq(what.diaries[2].times[0] - what.diaries[2].begin,
                      held + send + flight_ps(&it, &second, 1024) + 2 * access + credit_ps(&it, 1, 2));
    free(first.links);
    free(second.links);
    close_tile_bench(&it);
}
END_TEST

/* ---- rings ---- */

/* Sizes that tell who sent, which way, and in which round. */
static uint64_t size_of(uint32_t rank, bool is_next, uint32_t round)
{
    return 64 + rank * 32 + (is_next ? 16 : 0) + round % 13;
}

enum {
    ROUNDS = 9
};

/* Everybody sends both ways, and receives from both sides what he should. */
static void ring_kernel(weft_tile *tl, const void *arguments)
{
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_ALL);
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK), count = tl_num_programs(tl, TL_AXIS_RANK);
    uint32_t next = (rank + 1) % count, previous = (rank + count - 1) % count;
    own->begin = tl_now_ps(tl);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t mark = tl_mark(tl);
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, size_of(rank % 8, true, round)));
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, size_of(rank % 8, false, round)));
        (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(size_of(previous % 8, true, round)), WEFT_U8);
        (void)tl_recv(tl, TL_NEXT, weft_shape_1d(size_of(next % 8, false, round)), WEFT_U8);
        tl_release(tl, mark);
    }
    note(tl, own);
}

typedef struct ring_result {
    uint64_t times[256], hash;
} ring_result;

static void run_ring(uint32_t count, const char *const *settings, weft__flit_mode mode, ring_result *out)
{
    tile_bench it;
    static diary diaries[256];
    uint32_t pes[256];
    weft__ipcq_pair pairs[512];
    memset(diaries, 0, sizeof diaries);
    for (uint32_t i = 0; i < count; i++)
        pes[i] = i;
    lay_ring(pes, count, pairs);
    open_tile_bench_in(&it, "two-sip", settings, mode);
    run_queued(&it, &(queued_launch){.kernel = ring_kernel,
                                     .arguments = diaries,
                                     .pes = pes,
                                     .count = count,
                                     .pairs = pairs,
                                     .pair_count = 2 * (size_t)count});
    for (uint32_t i = 0; i < count; i++) {
        weft__kernel_report report;
        uint64_t sum = 0;
        weft__kernel_run_report(it.run, i, &report);
        for (uint32_t activity = 0; activity < WEFT__PE_ACTIVITIES; activity++)
            sum += report.times.processor_ps[activity];
        ck_assert_uint_eq(sum, report.end - report.start);
        ck_assert_uint_eq(report.times.messages, 2 * ROUNDS);
        out->times[i] = diaries[i].times[0];
    }
    weft__sim_info info;
    weft__sim_get_info(it.base.sim, &info);
    out->hash = info.trace_hash;
    close_tile_bench(&it);
}

/* Both neighbours of a PE are the other one, and nothing is mixed up: sizes would not fit. */
START_TEST(two_ranks_in_a_ring_have_two_queues_each_way)
{
    static const char *const settings[] = {"pe.ipcq.slots", "1", NULL, NULL};
    ring_result one, four;
    run_ring(2, settings, WEFT__FLITS_TRAINS, &one);
    run_ring(2, NULL, WEFT__FLITS_TRAINS, &four);
    ck_assert_uint_le(four.times[0], one.times[0]);
}
END_TEST

START_TEST(a_ring_of_all_pes_is_the_same_every_time_and_in_both_modes)
{
    static ring_result first, again, each;
    run_ring(256, NULL, WEFT__FLITS_TRAINS, &first);
    run_ring(256, NULL, WEFT__FLITS_TRAINS, &again);
    run_ring(256, NULL, WEFT__FLITS_EACH, &each);
    ck_assert_uint_eq(first.hash, again.hash);
    ck_assert_mem_eq(first.times, again.times, sizeof first.times);
    ck_assert_mem_eq(first.times, each.times, sizeof first.times);
}
END_TEST

/* A long message, and a short one behind it that could overtake it on another virtual channel. */
static void overtaking_kernel(weft_tile *tl, const void *arguments)
{
    diary *own = (diary *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_RANK);
    for (int i = 0; i < 8; i++) {
        uint64_t bytes = i % 2 ? 16 : 4096;
        if (tl_program_id(tl, TL_AXIS_RANK) == 0)
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, bytes));
        else
            (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(bytes), WEFT_U8);
        note(tl, own);
    }
}

START_TEST(messages_of_a_queue_never_overtake)
{
    static const char *const settings[] = {"cube.buffer_flits",
                                           "2",
                                           "cube.vcs",
                                           "4",
                                           "cube.arbitration",
                                           "round_robin",
                                           "pe.ipcq.slots",
                                           "8",
                                           "pe.tcm.read_gbs",
                                           "10000",
                                           "cube.link_gbs",
                                           "16",
                                           "pe.dma.setup_ns",
                                           "0",
                                           "pe.dispatch_cycles",
                                           "0",
                                           NULL,
                                           NULL};
    static const uint32_t pes[] = {0, 4};
    tile_bench it;
    weft__ipcq_pair pairs[2];
    diary diaries[2] = {{0}};
    lay_pair(0, 4, pairs);
    open_tile_bench(&it, "two-sip", settings);
    run_queued(&it, &(queued_launch){.kernel = overtaking_kernel,
                                     .arguments = diaries,
                                     .pes = pes,
                                     .count = 2,
                                     .pairs = pairs,
                                     .pair_count = 2});
    for (int i = 1; i < 8; i++)
        ck_assert_uint_ge(diaries[1].times[i], diaries[1].times[i - 1]);
    close_tile_bench(&it);
}
END_TEST

/* ---- perturbed ---- */

enum {
    CREDITED = 60
};

/* The credit of one message is under way when that of the next sets out. */
static void two_credits_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < CREDITED / 2; i++) {
        if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64));
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64));
            continue;
        }
        uint64_t mark = tl_mark(tl);
        sleep_ps(tl, SLEEP_PS);
        tl_tensor held = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(64), WEFT_U8);
        tl_command ahead = tl_recv_async(tl, TL_PREVIOUS, weft_shape_1d(64), WEFT_U8);
        tl_free_slot(tl, held);
        (void)tl_recv_wait(tl, ahead);
        tl_release(tl, mark);
    }
}

typedef struct credit_notes {
    const tile_bench *bench;
    uint64_t numbers[CREDITED], freed_ps[CREDITED], least_ps, most_ps;
    uint32_t count, together;
} credit_notes;

static void note_freed(void *context, weft__ipcq_message *message)
{
    credit_notes *it = context;
    it->freed_ps[message->number] = weft__sim_now(it->bench->base.sim);
    it->together += message->number > it->count;
}

static void note_credit(void *context, weft__ipcq_message *message)
{
    credit_notes *it = context;
    uint64_t took_ps = weft__sim_now(it->bench->base.sim) - it->freed_ps[message->number];
    ck_assert_uint_eq(message->number, it->count);
    it->count++;
    it->least_ps = took_ps < it->least_ps ? took_ps : it->least_ps;
    it->most_ps = took_ps > it->most_ps ? took_ps : it->most_ps;
}

START_TEST(perturbed_credits_are_late_and_in_order)
{
    static const char *const settings[] = {"pe.ipcq.tcm.overhead_ns", "3", "perturb.message_ns", "300", NULL, NULL};
    static const uint32_t pes[] = {0, 8};
    weft__ipcq_pair pairs[2];
    lay_pair(0, 8, pairs);
    for (uint64_t seed = 0; seed < 5; seed++) {
        tile_bench it;
        credit_notes notes = {.bench = &it, .least_ps = UINT64_MAX};
        const weft__pe_recorder recorder = {.slot_freed = note_freed, .credited = note_credit, .context = &notes};
        open_tile_bench(&it, "two-sip", settings);
        weft__pes_perturb(it.pes, seed);
        weft__pes_record(it.pes, &recorder);
        run_queued(&it, &(queued_launch){
                            .kernel = two_credits_kernel, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
        uint64_t exact_ps = credit_ps(&it, 0, 8);
        ck_assert_uint_eq(notes.count, CREDITED);
        ck_assert_uint_gt(notes.together, CREDITED / 3);
        if (seed == 0) {
            ck_assert_uint_eq(notes.least_ps, exact_ps);
            ck_assert_uint_eq(notes.most_ps, exact_ps);
        } else {
            ck_assert_uint_ge(notes.least_ps, exact_ps);
            ck_assert_uint_lt(notes.least_ps, exact_ps + 30 * NS);
            ck_assert_uint_le(notes.most_ps, exact_ps + 300 * NS);
            ck_assert_uint_gt(notes.most_ps, exact_ps + 250 * NS);
        }
        close_tile_bench(&it);
    }
}
END_TEST

WEFT_TEST_MAIN("ipcq_ring", receives_of_a_direction_are_served_one_after_another,
               slots_become_free_in_the_order_of_the_ring,
               a_copy_does_not_wait_for_a_credit_that_an_older_slot_holds_up, a_message_can_be_passed_on_from_its_slot,
               two_ranks_in_a_ring_have_two_queues_each_way, a_ring_of_all_pes_is_the_same_every_time_and_in_both_modes,
               messages_of_a_queue_never_overtake, perturbed_credits_are_late_and_in_order)
