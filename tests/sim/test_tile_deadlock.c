/* Queues between kernels that do not go together: who waits for whom for ever, and messages that nobody receives. */
#include "queue_bench.h"

#include "sim/pe/pe_impl.h"

/* ---- waiting for ever ---- */

static void mutual_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)receive(tl, is_first(tl) ? TL_NEXT : TL_PREVIOUS, 64);
}

static void unmatched_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    if (is_first(tl))
        (void)receive(tl, TL_NEXT, 64);
}

static void ahead_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    if (is_first(tl))
        (void)tl_recv_async(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
}

static void full_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < 5 && is_first(tl); i++)
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64));
}

/* Both send more than the rings hold before they receive. */
static void both_full_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < 5; i++)
        (void)tl_send(tl, is_first(tl) ? TL_NEXT : TL_PREVIOUS, own_tensor(tl, 64));
    for (int i = 0; i < 5; i++)
        (void)receive(tl, is_first(tl) ? TL_NEXT : TL_PREVIOUS, 64);
}

/* Holds a slot for ever, while the other waits for it to be free. */
static void holding_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < 5; i++)
        if (is_first(tl))
            (void)tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        else
            (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
}

static void check_deadlock(weft_tile_kernel *kernel, const char *says, const char *says_too)
{
    tile_bench it;
    weft_error err;
    open_tile_bench(&it, "tiny", NULL);
    const queued_launch launch = {kernel, NULL, two, 2, both_ways, 2, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
    run_bench(&it.base);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, says) != NULL, "'%s' does not say '%s'", err.message, says);
    ck_assert_msg(strstr(err.message, says_too) != NULL, "'%s' does not say '%s'", err.message, says_too);
    ck_assert_msg(err.message[strlen(err.message) - 1] == '.', "%s does not end", err.message);
    ck_assert_msg(strstr(says, "circle") || strstr(says_too, "circle") || !strstr(err.message, "circle"), "%s",
                  err.message);
    close_tile_bench(&it);
}

START_TEST(those_that_wait_for_ever_are_named)
{
    check_deadlock(mutual_kernel, "sip0.cube0.pe0 waits in tl_recv for a message from next, sip0.cube0.pe1, since ",
                   "in a circle: sip0.cube0.pe0 -> sip0.cube0.pe1 -> sip0.cube0.pe0: ");
    check_deadlock(mutual_kernel, "on 2 of 2 PEs, and nothing happens any more, in a circle: ",
                   "sip0.cube0.pe1 waits in tl_recv for a message from previous, sip0.cube0.pe0, since ");
    check_deadlock(unmatched_kernel, "on 1 of 2 PEs, and nothing happens any more: sip0.cube0.pe0 waits",
                   "for a message from next, sip0.cube0.pe1, whose kernel has ended, since ");
    check_deadlock(ahead_kernel, "sip0.cube0.pe0 waits in the end of the kernel for a message from next, ",
                   "whose kernel has ended");
    check_deadlock(full_kernel,
                   "sip0.cube0.pe0 waits in tl_send for a free slot of next, sip0.cube0.pe1, whose kernel has ended, ",
                   "on 1 of 2 PEs");
    check_deadlock(both_full_kernel, "in a circle: sip0.cube0.pe0 -> sip0.cube0.pe1 -> sip0.cube0.pe0: ",
                   "sip0.cube0.pe1 waits in tl_send for a free slot of previous, sip0.cube0.pe0, since ");
    check_deadlock(holding_kernel, "in a circle: ",
                   "sip0.cube0.pe0 waits in tl_recv_in_place for a message from next, sip0.cube0.pe1, since ");
}
END_TEST

static void waiting_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)receive(tl, TL_NEXT, 64);
}

START_TEST(a_circle_is_found_among_those_that_wait)
{
    tile_bench it;
    weft_error err;
    uint32_t pes[16];
    weft__ipcq_pair pairs[16];
    /* 0 waits for 1 and so on; the last waits for 11, so that 11 to 15 are the circle. */
    for (uint32_t i = 0; i < 16; i++) {
        pes[i] = i;
        pairs[i] = (weft__ipcq_pair){i < 15 ? i + 1 : 11, i, i < 15 ? TL_PREVIOUS : TL_LEFT_CHILD, TL_NEXT};
    }
    open_tile_bench(&it, "two-sip", NULL);
    const queued_launch launch = {waiting_kernel, NULL, pes, 16, pairs, 16, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
    run_bench(&it.base);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, "on 16 of 16 PEs, and nothing happens any more, in a circle: sip0.cube1.pe3 -> "
                                      "sip0.cube1.pe4 -> sip0.cube1.pe5 -> sip0.cube1.pe6 -> sip0.cube1.pe7 -> "
                                      "sip0.cube1.pe3: ") != NULL,
                  "%s", err.message);
    ck_assert_msg(strcmp(err.message + strlen(err.message) - 3, "...") == 0, "%s", err.message);
    close_tile_bench(&it);
}
END_TEST

START_TEST(a_long_circle_is_cut)
{
    tile_bench it;
    weft_error err;
    uint32_t pes[256];
    weft__ipcq_pair pairs[512];
    for (uint32_t i = 0; i < 256; i++)
        pes[i] = i;
    lay_ring(pes, 256, pairs);
    open_tile_bench(&it, "two-sip", NULL);
    const queued_launch launch = {waiting_kernel, NULL, pes, 256, pairs, 512, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
    run_bench(&it.base);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, "on 256 of 256 PEs") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "in a circle of 256 PEs: sip0.cube0.pe0 -> sip0.cube0.pe1 -> ") != NULL, "%s",
                  err.message);
    ck_assert_msg(strstr(err.message, "sip0.cube0.pe0 waits in tl_recv for a message from next, ") != NULL, "%s",
                  err.message);
    ck_assert_msg(strcmp(err.message + strlen(err.message) - 3, "...") == 0, "%s", err.message);
    close_tile_bench(&it);
}
END_TEST

/* ---- messages that nobody receives ---- */

enum {
    SENT = 4
};

/* The second PE receives one, and one in its slot, and leaves the others. */
static void leaving_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < SENT && is_first(tl); i++)
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64 + (uint64_t)i));
    if (is_first(tl))
        (void)tl_send(tl, TL_EAST, own_tensor(tl, 16));
    if (is_first(tl))
        return;
    (void)receive(tl, TL_PREVIOUS, 64);
    tl_free_slot(tl, tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(65), WEFT_U8));
    sleep_ps(tl, SLEEP_PS);
}

/* The second PE ends while a message is on its way, 2 ns after its send. */
static void leaving_early_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    if (is_first(tl))
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, 4096));
    else
        sleep_ps(tl, 3 * NS);
}

typedef struct lost_notes {
    uint64_t numbers[8];
    size_t lost, credited, written;
} lost_notes;

static void note_lost(void *context, weft__ipcq_message *message)
{
    lost_notes *notes = context;
    notes->numbers[notes->lost++] = message->number;
}

static void note_credited(void *context, weft__ipcq_message *message)
{
    (void)message;
    ((lost_notes *)context)->credited++;
}

static void note_written(void *context, weft__ipcq_message *message)
{
    (void)message;
    ((lost_notes *)context)->written++;
}

START_TEST(messages_that_nobody_received_are_told_of)
{
    static const weft__ipcq_pair pairs[] = {{0, 1, TL_EAST, TL_WEST}, {0, 1, TL_NEXT, TL_PREVIOUS}};
    tile_bench it;
    lost_notes notes = {.lost = 0};
    const weft__pe_recorder recorder = {
        .lost = note_lost, .credited = note_credited, .slot_written = note_written, .context = &notes};
    open_tile_bench(&it, "tiny", NULL);
    weft__pes_record(it.pes, &recorder);
    run_queued(&it, &(queued_launch){leaving_kernel, NULL, two, 2, pairs, 2, 0, 0});
    weft__unreceived left;
    const weft__ipcq_message *place = NULL;
    ck_assert(weft__kernel_run_unreceived(it.run, &place, &left));
    ck_assert_int_eq(left.from_direction, TL_EAST);
    ck_assert_int_eq(left.to_direction, TL_WEST);
    ck_assert_uint_eq(left.number, 0);
    ck_assert_uint_eq(left.bytes, 16);
    for (uint64_t i = 2; i < SENT; i++) {
        ck_assert(weft__kernel_run_unreceived(it.run, &place, &left));
        ck_assert_str_eq(left.from, "sip0.cube0.pe0");
        ck_assert_str_eq(left.to, "sip0.cube0.pe1");
        ck_assert_str_eq(left.call, "tl_send");
        ck_assert_int_eq(left.from_direction, TL_NEXT);
        ck_assert_int_eq(left.to_direction, TL_PREVIOUS);
        ck_assert_uint_eq(left.number, i);
        ck_assert_uint_eq(left.bytes, 64 + i);
        ck_assert_uint_lt(left.sent, left.written);
        ck_assert_uint_lt(left.written, weft__kernel_run_end_ps(it.run));
        ck_assert_uint_eq(left.address, address_in(&it, WEFT__REGION_TCM, 0, 1, 0) + (1024 << 10) - (4 - i) * 4096);
    }
    ck_assert(!weft__kernel_run_unreceived(it.run, &place, &left));
    ck_assert_uint_eq(notes.written, 5);
    ck_assert_uint_eq(notes.credited, 2);
    ck_assert_uint_eq(notes.lost, 3);
    ck_assert_uint_eq(notes.numbers[0], 0); /* west is before previous */
    for (uint64_t i = 1; i < 3; i++)
        ck_assert_uint_eq(notes.numbers[i], i + 1);
    /* One that comes too late is never in its slot. */
    notes = (lost_notes){.lost = 0};
    run_queued(&it, &(queued_launch){leaving_early_kernel, NULL, two, 2, both_ways, 2, 0, 0});
    place = NULL;
    ck_assert(weft__kernel_run_unreceived(it.run, &place, &left));
    ck_assert_uint_eq(left.written, WEFT__NEVER);
    ck_assert(!weft__kernel_run_unreceived(it.run, &place, &left));
    ck_assert_uint_eq(notes.lost, 1);
    ck_assert_uint_eq(notes.written, 0);
    close_tile_bench(&it);
}
END_TEST

START_TEST(queues_outlive_their_launch_until_their_messages_rest)
{
    /* A slow network, and an end of the launch before the message is there. */
    static const char *const settings[] = {"pe.link_gbs", "0.01", "system.command_bytes", "1", NULL, NULL};
    tile_bench it;
    weft_error err;
    for (int round = 0; round < 2; round++) {
        open_tile_bench(&it, "tiny", settings);
        const queued_launch launch = {leaving_early_kernel, NULL, two, 2, both_ways, 2, 0, 0};
        WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
        while (weft__kernel_run_end_ps(it.run) == WEFT__NEVER)
            WEFT_TEST_ASSERT_OK(weft__sim_run(it.base.sim, weft__sim_now(it.base.sim) + 10000 * NS, &err), err);
        weft__fabric_info info;
        weft__fabric_get_info(it.base.fabric, &info);
        ck_assert_uint_eq(info.messages_sent, info.messages_arrived + 1);
        weft__kernel_run_destroy(it.run);
        it.run = NULL;
        ck_assert_ptr_nonnull(it.pes->ipcqs);
        if (round == 0) {
            run_bench_dry(&it.base);
            ck_assert_ptr_null(it.pes->ipcqs);
        }
        close_tile_bench(&it);
    }
}
END_TEST

/* ---- one kernel after another ---- */

static void long_alone_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    weft__process_wait(tl->process, 5000 * NS);
}

static void ping_kernel(weft_tile *tl, const void *arguments)
{
    uint64_t *times = (uint64_t *)(uintptr_t)arguments;
    if (is_first(tl))
        (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64));
    else
        (void)receive(tl, TL_PREVIOUS, 64);
    times[tl_program_id(tl, TL_AXIS_ALL)] = tl_now_ps(tl);
}

START_TEST(a_send_waits_for_the_kernel_of_the_receiver)
{
    static const uint32_t second[] = {1};
    tile_bench it;
    weft_error err;
    weft__kernel_run *alone;
    weft__kernel_report before, report;
    uint64_t times[2] = {0};
    open_tile_bench(&it, "tiny", NULL);
    const queued_launch first = {long_alone_kernel, NULL, second, 1, NULL, 0, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &first, &alone, &err), err);
    run_queued(&it, &(queued_launch){ping_kernel, times, two, 2, both_ways, 2, 0, 0});
    weft__kernel_run_report(alone, 0, &before);
    weft__kernel_run_report(it.run, 1, &report);
    ck_assert_uint_eq(report.start, before.end);
    ck_assert_uint_eq(times[0], before.end);
    ck_assert_uint_gt(times[1], before.end);
    weft__kernel_run_report(it.run, 0, &report);
    ck_assert_uint_lt(report.start + 4000 * NS, before.end);
    weft__kernel_run_destroy(alone);
    close_tile_bench(&it);
}
END_TEST

START_TEST(one_that_waits_for_a_kernel_that_never_begins_is_named)
{
    tile_bench it;
    weft_error err;
    weft__kernel_run *alone;
    uint64_t times[2] = {0};
    open_tile_bench(&it, "tiny", NULL);
    const queued_launch first = {unmatched_kernel, NULL, two, 2, both_ways, 2, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &first, &alone, &err), err);
    const queued_launch next = {ping_kernel, times, two, 2, both_ways, 2, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &next, &it.run, &err), err);
    run_bench(&it.base);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, "sip0.cube0.pe0 has not begun") != NULL, "%s", err.message);
    ck_assert_msg(
        strstr(err.message, "for a message from previous, sip0.cube0.pe0, whose kernel has not begun, since") != NULL,
        "%s", err.message);
    weft__kernel_run_destroy(alone);
    close_tile_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("tile_deadlock", those_that_wait_for_ever_are_named, a_circle_is_found_among_those_that_wait,
               a_long_circle_is_cut, messages_that_nobody_received_are_told_of,
               queues_outlive_their_launch_until_their_messages_rest, a_send_waits_for_the_kernel_of_the_receiver,
               one_that_waits_for_a_kernel_that_never_begins_is_named)
