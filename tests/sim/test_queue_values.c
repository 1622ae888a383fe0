/* What messages between PEs carry: numbers, wherever slots are, and hazards of slots, sources and receives. */
#include "queue_value_bench.h"

#include "support/failing_malloc.h"

/* ---- numbers ---- */

/* The first sends a matrix, a part of it, turned, and one that it has got; the second sends the sum of them back. */
static void exchange_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape shape = weft_shape_2d(it->m, it->n), part = weft_shape_2d(it->n, it->m / 2);
    if (is_first(tl)) {
        tl_tensor a = tl_load(tl, it->a, shape, WEFT_F32);
        (void)tl_send(tl, TL_NEXT, a);
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_trans(tl, tl_slice(tl, a, 0, it->m / 2, it->m / 2))));
        tl_tensor back = tl_recv(tl, TL_NEXT, shape, WEFT_F32);
        (void)tl_send(tl, TL_NEXT, back);
        tl_store(tl, it->out, tl_recv(tl, TL_NEXT, part, WEFT_F32));
        return;
    }
    /* As many elements in another shape. */
    tl_tensor whole = it->what == 1 ? tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(it->m * it->n), WEFT_F32)
                                    : tl_recv(tl, TL_PREVIOUS, weft_shape_1d(it->m * it->n), WEFT_F32);
    tl_tensor doubled = tl_add(tl, whole, whole);
    if (it->what == 1)
        tl_free_slot(tl, tl_slice(tl, whole, 0, 5, 1));
    tl_command turned = tl_recv_async(tl, TL_PREVIOUS, part, WEFT_F32);
    (void)tl_send(tl, TL_PREVIOUS, doubled);
    tl_tensor second = tl_recv_wait(tl, turned);
    tl_tensor third = tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
    tl_tensor half = tl_trans(tl, tl_slice(tl, third, 0, 0, it->m / 2));
    (void)tl_send(tl, TL_PREVIOUS, tl_add(tl, second, half));
}

START_TEST(messages_are_what_was_sent)
{
    static const char *const memories[] = {"tcm", "tcm", "sram", "hbm"};
    static float found[ELEMENTS_MAX];
    for (int what = 0; what < 8; what++) {
        value_bench it;
        queue_work job;
        weft_error err;
        open_queue_bench(&it, &job, &(value_options){.is_eager = what >= 4}, "4", memories[what % 4]);
        job.base.what = what % 4;
        matrix *a = new_matrix(1, job.base.m, job.base.n);
        put(&it, job.base.a, a, WEFT_F32);
        WEFT_TEST_ASSERT_OK(try_pair(&it, exchange_kernel, &job, &err), err);
        /* And again: what the kernels have not waited for has ended with them. */
        WEFT_TEST_ASSERT_OK(try_pair(&it, exchange_kernel, &job, &err), err);
        get(&it, job.base.out, job.base.n, job.base.m / 2, found);
        for (uint64_t row = 0; row < job.base.m / 2; row++)
            for (uint64_t column = 0; column < job.base.n; column++) {
                float expected =
                    a->at[(row + job.base.m / 2) * job.base.n + column] + 2 * a->at[row * job.base.n + column];
                ck_assert(found[column * job.base.m / 2 + row] == expected);
            }
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 0);
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

/* ---- slots that are written again ---- */

/* The first sends 7s and then 99s; the second forwards the 7s out of their slot, which it frees before (broken) or
 * after (repaired). */
static void forward_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape shape = weft_shape_2d(16, 1), next = it->what & 2 ? weft_shape_2d(16, 64) : shape;
    if (is_first(tl)) {
        (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F16, 7));
        (void)tl_send(tl, TL_NEXT, tl_full(tl, next, WEFT_F16, 99));
        tl_store(tl, it->out, tl_cast(tl, tl_recv(tl, TL_NEXT, shape, WEFT_F16), WEFT_F32));
        return;
    }
    tl_tensor got = tl_recv_in_place(tl, TL_PREVIOUS, shape, WEFT_F16);
    if (it->what & 1) {
        tl_wait(tl, tl_send(tl, TL_PREVIOUS, got));
        tl_free_slot(tl, got);
        (void)tl_recv(tl, TL_PREVIOUS, next, WEFT_F16);
        return;
    }
    tl_free_slot(tl, got);
    tl_tensor later = tl_recv_in_place(tl, TL_PREVIOUS, next, WEFT_F16);
    (void)tl_send(tl, TL_PREVIOUS, got);
    tl_free_slot(tl, later);
}

/* The record of a log that is the message with this number. */
static weft_record message_at(const value_bench *it, const char *component, size_t number)
{
    weft_error err;
    weft_record record = {0};
    for (size_t i = 0; i < weft__pe_log_count(it->log); i++) {
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(it->log, i, &record, &err), err);
        if (strcmp(record.component, component) == 0 && number-- == 0)
            return record;
    }
    ck_abort_msg("%s has not sent so many messages", component);
}

START_TEST(a_slot_that_is_freed_too_early_is_found)
{
    for (int what = 0; what < 4; what++) { /* repaired; another shape */
        for (int action = 0; action < 3; action++) {
            value_bench it;
            queue_work job;
            weft_error err;
            float stored[16];
            bool is_repaired = what & 1;
            const value_options options = {.hazards = (weft_hazard_action)action, .keeps_log = true};
            open_queue_bench(&it, &job, &options, "1", "tcm");
            job.base.what = what;
            weft_status status = try_pair(&it, forward_kernel, &job, &err);
            ck_assert_msg(status == (is_repaired || action ? WEFT_OK : WEFT_HAZARD), "%s",
                          status == WEFT_OK ? "no hazard" : err.message);
            ck_assert_uint_eq(weft__pe_values_hazards(it.memory), is_repaired ? 0 : 1);
            if (status == WEFT_OK) {
                get(&it, job.base.out, 16, 1, stored);
                for (int i = 0; i < 16; i++)
                    ck_assert(stored[i] == (!is_repaired && action == WEFT_HAZARDS_HARDWARE ? 99 : 7));
            }
            if (!is_repaired) {
                weft_kernel_hazard hazard = hazard_at(&it, 0);
                ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_OVERWRITTEN);
                ck_assert_str_eq(hazard.kernel, "kernel");
                ck_assert_str_eq(hazard.call, "tl_send");
                ck_assert_str_eq(hazard.pe, "sip0.cube0.pe1");
                ck_assert_uint_eq(hazard.address, job.slot);
                ck_assert_uint_eq(hazard.bytes, 32);
                ck_assert_str_eq(hazard.slot_pe, "sip0.cube0.pe1");
                ck_assert_uint_eq(hazard.slot, 0);
                ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
                ck_assert_str_eq(hazard.other_call, "tl_send");
                ck_assert_uint_eq(hazard.other_ps, message_at(&it, "sip0.cube0.pe0.queue", 1).end_ps);
                ck_assert_uint_eq(hazard.margin_ps, hazard.time_ps - hazard.other_ps);
                ck_assert(!hazard.held);
                ck_assert_msg(strstr(hazard.text, ": the tensor, f16 [16, 1] at 0x") != NULL, "%s", hazard.text);
                ck_assert_msg(strstr(hazard.text, "; the kernel had freed the slot at ") != NULL, "%s", hazard.text);
            }
            close_value_bench(&it);
        }
    }
}
END_TEST

/* The second frees a slot, into which nothing else comes, before it reads what is there, twice, in the shape that was
 * sent or in another one. */
static void linger_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape sent = weft_shape_2d(4, 4), asked = it->what ? weft_shape_2d(16, 1) : sent;
    if (is_first(tl)) {
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, sent, WEFT_F32, 7)));
        return;
    }
    tl_tensor got = tl_recv_in_place(tl, TL_PREVIOUS, asked, WEFT_F32);
    tl_free_slot(tl, got);
    for (int i = 0; i < 2; i++)
        tl_store(tl, it->out, tl_add(tl, got, tl_full(tl, got.shape, WEFT_F32, 7)));
}

START_TEST(a_slot_that_was_freed_is_not_to_be_read_though_nothing_has_come)
{
    for (int what = 0; what < 2; what++)
        for (int action = 0; action < 3; action++) {
            value_bench it;
            queue_work job;
            weft_error err;
            float stored[16];
            open_queue_bench(&it, &job, &(value_options){.hazards = (weft_hazard_action)action}, "2", "tcm");
            job.base.what = what;
            weft_status status = try_pair(&it, linger_kernel, &job, &err);
            ck_assert_int_eq(status, action ? WEFT_OK : WEFT_HAZARD);
            ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1);
            weft_kernel_hazard hazard = hazard_at(&it, 0);
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_FREED);
            ck_assert_str_eq(hazard.call, "tl_add");
            ck_assert_str_eq(hazard.pe, "sip0.cube0.pe1");
            ck_assert_str_eq(hazard.other, "sip0.cube0.pe1");
            ck_assert_str_eq(hazard.other_call, "tl_free_slot");
            ck_assert_str_eq(hazard.slot_pe, "sip0.cube0.pe1");
            ck_assert_uint_eq(hazard.slot, 0);
            ck_assert_uint_eq(hazard.bytes, 64);
            ck_assert_uint_gt(hazard.margin_ps, 0);
            ck_assert_uint_eq(hazard.other_ps + hazard.margin_ps, hazard.time_ps);
            ck_assert(hazard.held);
            ck_assert_uint_eq(hazard.repeats, action ? 1 : 0);
            ck_assert_msg(strstr(hazard.text, "is read after the kernel has freed the slot") != NULL, "%s",
                          hazard.text);
            if (status == WEFT_OK) { /* it is as it was all the same */
                get(&it, job.base.out, 16, 1, stored);
                for (int i = 0; i < 16; i++)
                    ck_assert(stored[i] == 14);
            }
            close_value_bench(&it);
        }
}
END_TEST

/* The first writes into a slot of the second without asking. */
static void intrude_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    const weft_shape shape = weft_shape_1d(16);
    if (is_first(tl)) {
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 7)));
        for (int i = 0; i < 10; i++)
            (void)tl_full(tl, shape, WEFT_F32, 1);
        tl_store(tl, it->slot + 16, tl_full(tl, weft_shape_1d(2), WEFT_F32, 99));
        return;
    }
    for (int i = 0; i < 100; i++)
        (void)tl_full(tl, shape, WEFT_F32, 1);
    tl_store(tl, it->base.out, tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32));
}

START_TEST(a_message_must_still_be_in_its_slot)
{
    for (int action = 0; action < 3; action++) {
        value_bench it;
        queue_work job;
        weft_error err;
        float stored[16];
        const value_options options = {.hazards = (weft_hazard_action)action};
        open_queue_bench(&it, &job, &options, "2", "tcm");
        weft_status status = try_pair(&it, intrude_kernel, &job, &err);
        ck_assert_msg(status == (action ? WEFT_OK : WEFT_HAZARD), "%s", status == WEFT_OK ? "no hazard" : err.message);
        if (action) {
            weft_kernel_hazard hazard;
            ck_assert_uint_eq(count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, &hazard), 1);
            ck_assert_str_eq(hazard.call, "tl_recv");
            ck_assert_str_eq(hazard.pe, "sip0.cube0.pe1");
            ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
            ck_assert_str_eq(hazard.other_call, "tl_store");
            ck_assert_uint_eq(hazard.address, job.slot + 16);
            ck_assert_uint_eq(hazard.bytes, 8);
        }
        for (int i = 0; i < 16 && status == WEFT_OK; i++) {
            get(&it, job.base.out, 1, 16, stored);
            ck_assert(stored[i] == (action == WEFT_HAZARDS_HARDWARE && (i == 4 || i == 5) ? 99 : 7));
        }
        close_value_bench(&it);
    }
}
END_TEST

/* ---- sources ---- */

/* The second writes over what the first is sending, which takes the first a while to read. */
static void disturb_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    const weft_shape shape = weft_shape_1d(32768);
    if (is_first(tl)) {
        tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 7)));
        return;
    }
    tl_tensor nines = tl_full(tl, weft_shape_1d(2), WEFT_F32, 99);
    uint64_t mark = tl_mark(tl);
    for (int i = 0; i < it->base.what; i++) {
        (void)tl_full(tl, weft_shape_1d(4096), WEFT_F32, 99);
        tl_release(tl, mark);
    }
    tl_store(tl, it->scratch + 1024, nines);
    tl_store(tl, it->base.out, tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32));
}

START_TEST(a_source_must_not_change_while_it_is_read)
{
    static float stored[32768];
    uint64_t changed = 0;
    for (int what = 0; what < 60; what++) { /* later and later */
        value_bench it;
        queue_work job;
        weft_error err;
        static const char *const settings[] = {"pe.ipcq.slots", "1", "pe.ipcq.slot_bytes", "131072", NULL};
        open_value_bench_with(&it, "tiny", &(value_options){.settings = settings, .hazards = WEFT_HAZARDS_REPORT});
        job = (queue_work){.base = work_in(&it, 0, 0, 0), .scratch = address_in(&it.base, WEFT__REGION_TCM, 0, 0, 0)};
        job.base.what = what;
        WEFT_TEST_ASSERT_OK(try_pair(&it, disturb_kernel, &job, &err), err);
        weft_kernel_hazard hazard;
        if (count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, &hazard) &&
            strstr(hazard.text, "changed while it was read")) {
            changed++;
            ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
            ck_assert_str_eq(hazard.call, "tl_send");
            ck_assert_str_eq(hazard.other, "sip0.cube0.pe1");
            ck_assert_str_eq(hazard.other_call, "tl_store");
            ck_assert_uint_eq(hazard.address, job.scratch + 1024);
            ck_assert_uint_eq(hazard.bytes, 8);
            ck_assert_uint_eq(count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, NULL), 1);
            get(&it, job.base.out, 1, 32768, stored); /* what was there when it began */
            for (int i = 0; i < 32768; i++)
                ck_assert(stored[i] == 7);
        }
        close_value_bench(&it);
    }
    ck_assert_uint_gt(changed, 0);
}
END_TEST

/* Sends something and loads something else over it. */
static void overwrite_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape shape = weft_shape_2d(it->m, it->n);
    if (!is_first(tl)) {
        for (int i = 0; i < 3; i++)
            tl_store(tl, it->out, tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32));
        return;
    }
    uint64_t mark = tl_mark(tl);
    tl_tensor a = tl_load(tl, it->a, shape, WEFT_F32);
    tl_tensor other = tl_load(tl, it->b, shape, WEFT_F32);
    uint64_t end = tl_mark(tl);
    tl_command first = tl_send(tl, TL_NEXT, a);
    tl_command second = tl_send(tl, TL_NEXT, other); /* with two slots */
    if (it->what == 1)
        tl_wait(tl, first);
    if (it->what == 2) /* one after another */
        tl_wait(tl, second);
    if (it->what == 3)
        (void)tl_send(tl, TL_NEXT, other); /* it takes the slot of the first */
    if (it->what == 4)                     /* a long time */
        for (int i = 0; i < 200; i++) {
            tl_release(tl, end);
            (void)tl_full(tl, shape, WEFT_F32, 1);
        }
    if (it->what == 5) { /* the wrong one */
        tl_wait(tl, first);
        tl_wait(tl, tl_composite(tl, &(tl_composite_request){
                                         .op = WEFT_COMMAND_NEG, .a = a, .out = other.address, .dtype = WEFT_F32}));
        (void)tl_send(tl, TL_NEXT, a);
        return;
    }
    tl_release(tl, mark);
    (void)tl_load(tl, it->b, shape, WEFT_F32);
    if (it->what != 3)
        (void)tl_send(tl, TL_NEXT, other);
}

START_TEST(a_source_must_have_been_waited_for)
{
    for (int what = 0; what < 6; what++) {
        value_bench it;
        queue_work job;
        weft_error err;
        const value_options options = {.hazards = WEFT_HAZARDS_REPORT};
        open_queue_bench(&it, &job, &options, "2", "tcm");
        job.base.what = what;
        matrix *a = new_matrix(1, job.base.m, job.base.n);
        put(&it, job.base.a, a, WEFT_F32);
        put(&it, job.base.b, a, WEFT_F32);
        WEFT_TEST_ASSERT_OK(try_pair(&it, overwrite_kernel, &job, &err), err);
        bool is_broken = what == 0 || what >= 4;
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), is_broken);
        if (is_broken) {
            weft_kernel_hazard hazard = hazard_at(&it, 0);
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_WAR);
            ck_assert_str_eq(hazard.call, what == 5 ? "tl_composite" : "tl_load");
            ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
            ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
            ck_assert_str_eq(hazard.other_call, "tl_send");
            ck_assert_uint_eq(hazard.address, job.scratch + (what == 5 ? 4096 : 0));
            ck_assert_uint_eq(hazard.bytes, 16 * 64 * 4);
            ck_assert_ptr_null(hazard.slot_pe);
            ck_assert(hazard.held); /* it has been read when the write lands, though not when that is given */
            ck_assert_uint_gt(hazard.margin_ps, 0);
            ck_assert_uint_gt(hazard.margin_ps + hazard.other_ps, hazard.time_ps);
        }
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

/* An answer tells that the message was read, also if it has gone round all PEs; what was sent before does not. */
static void answer_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape shape = weft_shape_2d(16, 64);
    uint64_t mark = tl_mark(tl);
    tl_tensor own = tl_full(tl, shape, WEFT_F32, 1);
    uint32_t rounds = tl_num_programs(tl, TL_AXIS_ALL) - (it->what == 0 ? 0 : 1);
    tl_tensor got = own;
    for (uint32_t i = 0; i < rounds; i++) {
        (void)tl_send(tl, TL_NEXT, got);
        got = tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
    }
    tl_release(tl, mark);
    (void)tl_full(tl, shape, WEFT_F32, 2);
}

START_TEST(an_answer_tells_that_a_message_was_read)
{
    for (int what = 0; what < 4; what++) { /* all round, or one less; with few slots too */
        static const uint32_t pes[] = {0, 1, 2, 3};
        const char *const settings[] = {"pe.ipcq.slots", what < 2 ? "8" : "1", NULL};
        value_bench it;
        weft__ipcq_pair pairs[8];
        queue_work job = {.base.what = what % 2};
        open_value_bench_with(&it, "two-sip", &(value_options){.settings = settings, .hazards = WEFT_HAZARDS_REPORT});
        lay_ring(pes, 4, pairs);
        run_queued(
            &it.base,
            &(queued_launch){
                .kernel = answer_kernel, .arguments = &job, .pes = pes, .count = 4, .pairs = pairs, .pair_count = 8});
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), what == 1 ? 4 : 0);
        close_value_bench(&it);
    }
}
END_TEST

/* ---- receives ---- */

/* Receives into scratch memory that it gives back meanwhile. */
static void receive_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape shape = weft_shape_2d(it->m, it->n);
    if (is_first(tl)) {
        (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 1));
        (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 2));
        return;
    }
    uint64_t mark = tl_mark(tl);
    tl_command first = tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
    tl_command second = tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
    if (it->what == 1) /* the first has been served, then */
        (void)tl_recv_wait(tl, second);
    tl_release(tl, mark);
    (void)tl_full(tl, shape, WEFT_F32, 3);
    tl_store(tl, it->out, tl_recv_wait(tl, first));
    if (it->what == 0)
        (void)tl_recv_wait(tl, second);
}

START_TEST(a_receive_must_have_been_waited_for)
{
    for (int what = 0; what < 2; what++) {
        value_bench it;
        queue_work job;
        weft_error err;
        const value_options options = {.hazards = WEFT_HAZARDS_REPORT};
        open_queue_bench(&it, &job, &options, "2", "tcm");
        job.base.what = what;
        WEFT_TEST_ASSERT_OK(try_pair(&it, receive_kernel, &job, &err), err);
        weft_kernel_hazard hazard = hazard_at(&it, 0);
        if (what == 0) {
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_WAW);
            ck_assert_str_eq(hazard.call, "tl_full");
            ck_assert_str_eq(hazard.pe, "sip0.cube0.pe1");
            ck_assert_str_eq(hazard.other_call, "tl_recv_async");
        } else { /* nothing but that the tensor is not what it was */
            ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1);
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_OVERWRITTEN);
            ck_assert_str_eq(hazard.call, "tl_store");
            ck_assert_str_eq(hazard.other_call, "tl_full");
        }
        close_value_bench(&it);
    }
}
END_TEST

/* Leaves a receive that it never takes. */
static void leave_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    const weft_shape shape = weft_shape_1d(16);
    if (is_first(tl))
        (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 1));
    else
        (void)tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
}

START_TEST(a_receive_ends_with_its_kernel)
{
    value_bench it;
    queue_work job;
    weft_error err;
    open_queue_bench(&it, &job, &(value_options){.hazards = WEFT_HAZARDS_REPORT}, "2", "tcm");
    for (int i = 0; i < 2; i++)
        WEFT_TEST_ASSERT_OK(try_pair(&it, leave_kernel, &job, &err), err);
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 0);
    close_value_bench(&it);
}
END_TEST

/* ---- memory ---- */

/* Gives back what lies behind a tensor that was received later than it was made. */
static void give_back_kernel(weft_tile *tl, const void *arguments)
{
    const queue_work *it = arguments;
    const weft_shape shape = weft_shape_1d(16);
    if (is_first(tl)) {
        (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 1));
        return;
    }
    tl_command command = tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
    uint64_t mark = tl_mark(tl);
    tl_tensor made = tl_full(tl, shape, WEFT_F32, 2);
    (void)tl_recv_wait(tl, command);
    tl_release(tl, mark);
    (void)tl_full(tl, shape, WEFT_F32, 3);
    ck_assert(!weft__values_lives(it->values, made.value));
}

START_TEST(what_is_given_back_is_let_go)
{
    value_bench it;
    queue_work job;
    weft_error err;
    open_queue_bench(&it, &job, &(value_options){.is_eager = true}, "2", "tcm");
    job.values = it.values;
    WEFT_TEST_ASSERT_OK(try_pair(&it, give_back_kernel, &job, &err), err);
    close_value_bench(&it);
}
END_TEST

static void loop_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = &((const queue_work *)arguments)->base;
    const weft_shape shape = weft_shape_2d(it->m, it->n);
    for (int i = 0; i < 100; i++) {
        uint64_t mark = tl_mark(tl);
        if (is_first(tl)) {
            tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, i)));
        } else if (i % 2) {
            tl_tensor got = tl_recv_in_place(tl, TL_PREVIOUS, shape, WEFT_F32);
            tl_store(tl, it->out, tl_add(tl, got, got));
            tl_free_slot(tl, got);
        } else { /* the tensor that lies behind is there before the received one */
            tl_command command = tl_recv_async(tl, TL_PREVIOUS, shape, WEFT_F32);
            tl_tensor one = tl_full(tl, shape, WEFT_F32, 1);
            tl_store(tl, it->out, tl_add(tl, one, tl_recv_wait(tl, command)));
        }
        tl_release(tl, mark);
    }
}

START_TEST(values_of_messages_end)
{
    value_bench it;
    queue_work job;
    weft_error err;
    float stored[1024];
    open_queue_bench(&it, &job, &(value_options){.is_eager = true}, "4", "tcm");
    WEFT_TEST_ASSERT_OK(try_pair(&it, loop_kernel, &job, &err), err);
    weft__values_statistics statistics;
    weft__values_get_statistics(it.values, &statistics);
    ck_assert_uint_ge(statistics.made, 150);
    ck_assert_uint_le(statistics.live, 16);
    ck_assert_uint_le(statistics.peak_bytes, UINT64_C(24) * 4096); /* slots, scratch memory, what is on its way */
    get(&it, job.base.out, 16, 64, stored);
    ck_assert(stored[1023] == 198);
    close_value_bench(&it);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t tried = 0;
    for (; failed; tried++) {
        value_bench it;
        queue_work job;
        weft_error err;
        const value_options options = {.hazards = WEFT_HAZARDS_REPORT, .keeps_log = true};
        open_queue_bench(&it, &job, &options, "1", "tcm");
        weft_test_fail_allocation_after(tried);
        weft_status status = try_pair(&it, forward_kernel, &job, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s", tried,
                      weft_status_name(status), status == WEFT_OK ? "" : err.message);
        close_value_bench(&it);
    }
    ck_assert_uint_gt(tried, 30);
}
END_TEST

WEFT_TEST_MAIN("queue_values", messages_are_what_was_sent, a_slot_that_is_freed_too_early_is_found,
               a_slot_that_was_freed_is_not_to_be_read_though_nothing_has_come, a_message_must_still_be_in_its_slot,
               a_source_must_not_change_while_it_is_read, a_source_must_have_been_waited_for,
               an_answer_tells_that_a_message_was_read, a_receive_must_have_been_waited_for,
               a_receive_ends_with_its_kernel, what_is_given_back_is_let_go, values_of_messages_end,
               every_allocation_may_fail)
