/* Receives: to places of the kernel's own, many at once, and of slots that hold something else. */
#include "queue_value_bench.h"

#include <inttypes.h>

#include "sim/tile/call.h"
#include "support/sentence.h"

#define SLEEP_PS UINT64_C(700000) /* longer than a few messages take */

/* Time passes, and nothing of the machine is busy. */
static void rest(weft_tile *tl, uint64_t ps)
{
    weft__process_wait(tl->process, ps);
}

/* ---- places ---- */

/* Gives the second what the queues and the scratch memory have, and three messages. */
static void send_kernel(weft_tile *tl)
{
    tl_tensor last = {0};
    for (int i = 0; i < 3; i++) {
        last = tl_full(tl, weft_shape_2d(2, 8), WEFT_F32, 1 + i);
        (void)tl_send(tl, TL_NEXT, last);
    }
}

/* One is received at once, one later, and one over the first, which has been read by then. */
static void place_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    const weft_shape shape = weft_shape_2d(2, 8), both = weft_shape_2d(4, 8);
    if (is_first(tl)) {
        send_kernel(tl);
        return;
    }
    tl_tensor buffer = tl_empty(tl, both, WEFT_F32);
    uint64_t left = tl_scratch_left(tl);
    tl_tensor first = tl_slice(tl, buffer, 0, 0, 2), second = tl_slice(tl, buffer, 0, 2, 2);
    tl_command command = tl_recv_into_async(tl, TL_PREVIOUS, second);
    tl_tensor got = tl_recv_wait(tl, command);
    ck_assert_uint_eq(got.address, second.address);
    ck_assert_uint_ne(got.value, 0);
    got = tl_recv_into(tl, TL_PREVIOUS, first);
    ck_assert_uint_eq(got.address, first.address);
    ck_assert(weft_shape_equal(&got.shape, &shape));
    ck_assert_uint_eq(tl_scratch_left(tl), left);
    tl_store(tl, it->base.out, buffer);
    /* In a flat place, and through what it was before. */
    got = tl_recv_into(tl, TL_PREVIOUS, tl_reshape(tl, got, weft_shape_1d(16)));
    tl_store(tl, it->base.out + 128, got);
}

START_TEST(messages_come_to_their_places)
{
    static float stored[48];
    value_bench it;
    queue_work job;
    weft_error err;
    open_queue_bench(&it, &job, &(value_options){0}, "2", "sram");
    WEFT_TEST_ASSERT_OK(try_pair(&it, place_kernel, &job, &err), err);
    get(&it, job.base.out, 1, 48, stored);
    for (int i = 0; i < 48; i++)
        ck_assert(stored[i] == (i < 16 ? 2 : i < 32 ? 1 : 3));
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 0);
    close_value_bench(&it);
}
END_TEST

static void wrong_place_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    const weft_shape shape = weft_shape_2d(4, 4);
    if (is_first(tl)) {
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, weft_shape_1d(16), WEFT_F32, 7)));
        return;
    }
    tl_tensor place = tl_empty(tl, weft_shape_2d(8, 8), WEFT_F32);
    if (it->base.what == 0)
        (void)tl_recv_into(tl, TL_PREVIOUS, tl_slice(tl, place, 1, 0, 4));
    else if (it->base.what == 1)
        (void)tl_recv_into(tl, TL_PREVIOUS, tl_ref(tl, it->base.a, shape, WEFT_F32));
    else if (it->base.what == 2)
        (void)tl_recv_into(tl, TL_NEXT, place);
    else if (it->base.what == 3)
        (void)tl_recv_into(tl, TL_PREVIOUS, place);
    else
        (void)tl_recv_into_async(tl, TL_PREVIOUS, tl_empty(tl, weft_shape_1d(tl_slot_bytes(tl) + 1), WEFT_U8));
}

START_TEST(places_that_are_wrong_are_named)
{
    static const struct mistake {
        weft_status status;
        const char *call, *what;
    } mistakes[] = {
        {WEFT_INVALID_ARGUMENT, "tl_recv_into:", "not contiguous"},
        {WEFT_INVALID_ARGUMENT, "tl_recv_into:", "is not in the PE's own memory"},
        {WEFT_NOT_FOUND, "tl_recv_into:", "no neighbour next"},
        {WEFT_SHAPE_MISMATCH, "tl_recv_into:", "f32 of shape [8, 8] was asked for"},
        {WEFT_OUT_OF_RANGE, "tl_recv_into_async:", "a slot has pe.ipcq.slot_bytes"},
    };
    for (int what = 0; what < 5; what++) {
        value_bench it;
        queue_work job;
        weft_error err = {0};
        open_queue_bench(&it, &job, &(value_options){0}, "2", "tcm");
        job.base.what = what;
        weft_status status = try_pair(&it, wrong_place_kernel, &job, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, mistakes[what].status, "on sip0.cube0.pe1", mistakes[what].call,
                               mistakes[what].what, NULL);
        close_value_bench(&it);
    }
}
END_TEST

/* ---- many ---- */

#define MANY 300u

/* Receives that are waited for in another order, some of them very late, and some not at all. */
static void many_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    static tl_command commands[MANY];
    const weft_shape shape = weft_shape_1d(1);
    for (uint32_t i = 0; is_first(tl) && i < MANY; i++) {
        uint64_t mark = tl_mark(tl);
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, i)));
        tl_release(tl, mark);
    }
    if (is_first(tl))
        return;
    /* The second is open all the time, so numbers run on while few are. */
    for (uint32_t i = 0; i < 100; i++) {
        commands[i] = tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
        if (it->base.what == 2 && i == 16) /* whose place another one has now */
            (void)tl_recv_wait(tl, commands[0]);
        if (i != 1)
            tl_store(tl, it->base.out + 4 * i, tl_recv_wait(tl, commands[i]));
    }
    for (uint32_t i = 100; i < MANY; i++)
        commands[i] = tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
    for (uint32_t i = MANY; i-- > 100;) {
        if (i % 3 == 0)
            tl_wait(tl, commands[i]);
        if (i % 7)
            tl_store(tl, it->base.out + 4 * i, tl_recv_wait(tl, commands[i]));
    }
    tl_wait(tl, commands[50]); /* which has been taken */
    tl_store(tl, it->base.out + 4, tl_recv_wait(tl, commands[1]));
    if (it->base.what == 1)
        (void)tl_recv_wait(tl, commands[101]);
}

START_TEST(receives_are_found_by_their_numbers)
{
    for (int what = 0; what < 3; what++) {
        value_bench it;
        queue_work job;
        weft_error err;
        float stored;
        open_queue_bench(&it, &job, &(value_options){0}, "4", "tcm");
        job.base.what = what;
        weft_status status = try_pair(&it, many_kernel, &job, &err);
        if (what)
            WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "tl_recv_wait",
                                   what == 1 ? "receive 102 has been taken before" : "receive 1 has been taken before",
                                   NULL, NULL);
        else
            WEFT_TEST_ASSERT_OK(status, err);
        for (uint32_t i = 0; what < 2 && i < MANY; i++) {
            if (i >= 100 && i % 7 == 0)
                continue;
            get(&it, job.base.out + 4 * i, 1, 1, &stored);
            ck_assert_msg(stored == (float)i, "Receive %u gave %g.", i, (double)stored);
        }
        close_value_bench(&it);
    }
}
END_TEST

/* ---- slots that hold something else ---- */

/* The first writes into a slot of the second without asking, which leaves its message there; `what` is 1 if the first
 * writes there once more before it is used. */
static void intrude_in_place_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    const weft_shape shape = weft_shape_1d(16);
    if (is_first(tl)) {
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 7)));
        rest(tl, SLEEP_PS);
        tl_store(tl, it->slot + 16, tl_full(tl, weft_shape_1d(2), WEFT_F32, 99));
        rest(tl, 2 * SLEEP_PS);
        if (it->base.what)
            tl_store(tl, it->slot + 40, tl_full(tl, weft_shape_1d(1), WEFT_F32, 55));
        return;
    }
    rest(tl, 2 * SLEEP_PS);
    tl_tensor there = tl_recv_in_place(tl, TL_PREVIOUS, shape, WEFT_F32);
    rest(tl, 3 * SLEEP_PS);
    tl_store(tl, it->base.out, tl_add(tl, there, there));
    tl_free_slot(tl, there);
}

/* As in the machine, the tensor is what the slot held when it was received: that is one hazard. */
START_TEST(a_slot_as_it_is_has_one_hazard)
{
    for (int again = 0; again < 2; again++) {
        value_bench it;
        queue_work job;
        weft_error err;
        float stored[16];
        weft_kernel_hazard hazard;
        const value_options options = {.hazards = WEFT_HAZARDS_HARDWARE};
        open_queue_bench(&it, &job, &options, "2", "tcm");
        job.base.what = again;
        WEFT_TEST_ASSERT_OK(try_pair(&it, intrude_in_place_kernel, &job, &err), err);
        size_t met = count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, &hazard);
        ck_assert_str_eq(hazard.call, "tl_recv_in_place");
        ck_assert_uint_eq(hazard.address, job.slot + 16);
        ck_assert_uint_eq(hazard.bytes, 8);
        /* An operand is found changed, whichever it is; both are that tensor. */
        ck_assert_uint_eq(met, again ? 3 : 1);
        get(&it, job.base.out, 1, 16, stored);
        for (int i = 0; i < 16; i++)
            ck_assert(stored[i] == (i == 4 || i == 5 ? 198 : again && i == 10 ? 110 : 14));
        close_value_bench(&it);
    }
}
END_TEST

WEFT_TEST_MAIN("queue_receive", messages_come_to_their_places, places_that_are_wrong_are_named,
               receives_are_found_by_their_numbers, a_slot_as_it_is_has_one_hazard)
