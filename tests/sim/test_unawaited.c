/* Commands that a kernel has not waited for, and what it must not do meanwhile, whether or not time hides it. */
#include "value_bench.h"

#include "support/failing_malloc.h"

typedef enum unawaited_case {
    READS_OUTPUT,      /* of a composite command that is under way */
    READS_OUTPUT_LATE, /* the same, a long time after it has ended */
    LOADS_OUTPUT,      /* that goes to memory */
    PEEKS_AT_OUTPUT,
    STREAMS_OUTPUT,      /* as an operand of the next composite command */
    WRITES_OPERAND,      /* of a composite command, by a load into scratch memory that was given back */
    WRITES_OUTPUT,       /* again, by another composite command */
    STORES_OVER_OPERAND, /* that is in memory */
    READS_BESIDE_OUTPUT, /* no hazard: between its rows */
    READS_OPERAND,       /* no hazard */
    UNAWAITED_CASES
} unawaited_case;

/* One broken command, repaired by `what` not 0. */
typedef struct unawaited_work {
    work base;
    unawaited_case which;
    uint64_t scratch;
} unawaited_work;

static tl_command negate(weft_tile *tl, tl_tensor a, uint64_t out)
{
    return tl_composite(tl, &(tl_composite_request){.op = WEFT_COMMAND_NEG, .a = a, .out = out, .dtype = WEFT_F32});
}

static void unawaited_kernel(weft_tile *tl, const void *arguments)
{
    const unawaited_work *it = arguments;
    const weft_shape shape = weft_shape_2d(it->base.m, it->base.n);
    uint64_t mark = tl_mark(tl);
    tl_tensor a = tl_load(tl, it->base.a, shape, WEFT_F32);
    tl_tensor remote = tl_ref(tl, it->base.b, shape, WEFT_F32);
    uint64_t out = it->scratch + (512 << 10); /* in the TCM, behind the scratch memory */
    uint64_t memory = it->base.out;
    tl_tensor made = tl_ref(tl, out, shape, WEFT_F32);
    bool is_remote = it->which == LOADS_OUTPUT || it->which == WRITES_OUTPUT;
    bool is_row = it->which == READS_BESIDE_OUTPUT;
    tl_tensor operand = it->which == WRITES_OPERAND ? a : remote;
    if (is_row)
        operand = tl_ref(tl, it->base.b, weft_shape_2d(1, it->base.n), WEFT_F32);
    tl_wait(tl, tl_composite(tl, &(tl_composite_request){
                                     .op = WEFT_COMMAND_ABS, .a = remote, .out = memory, .dtype = WEFT_F32}));
    tl_command command = negate(tl, operand, is_remote ? memory : out + (is_row ? it->base.n * 4 : 0));
    if (it->base.what)
        tl_wait(tl, command);
    for (int i = 0; i < 30 && it->which == READS_OUTPUT_LATE; i++)
        (void)tl_exp(tl, a);
    float seen[64];
    switch (it->which) {
    case LOADS_OUTPUT:
        (void)tl_load(tl, memory, shape, WEFT_F32);
        break;
    case PEEKS_AT_OUTPUT:
        tl_peek(tl, tl_slice(tl, tl_reshape(tl, made, weft_shape_1d(shape.extent[0] * shape.extent[1])), 0, 0, 64),
                seen);
        break;
    case STREAMS_OUTPUT:
        tl_wait(tl, negate(tl, made, memory));
        break;
    case WRITES_OPERAND:
        tl_release(tl, mark);
        (void)tl_load(tl, it->base.b, shape, WEFT_F32);
        break;
    case WRITES_OUTPUT:
        tl_wait(tl, negate(tl, remote, memory));
        break;
    case STORES_OVER_OPERAND:
        tl_store(tl, it->base.b, a);
        break;
    case READS_BESIDE_OUTPUT: { /* rows 0 and 2 of three, as a tensor with a gap */
        tl_tensor rows = tl_ref(tl, out, weft_shape_3d(3, 1, it->base.n), WEFT_F32);
        rows.shape.extent[0] = 2;
        rows.stride[0] *= 2;
        tl_store(tl, memory, rows);
        break;
    }
    case READS_OPERAND:
        (void)tl_load(tl, it->base.b, shape, WEFT_F32);
        break;
    default:
        (void)tl_add(tl, made, made);
    }
}

static void open_unawaited(value_bench *it, unawaited_work *job, weft_hazard_action action, unawaited_case which,
                           bool is_repaired)
{
    static const char *const settings[] = {"pe.scratch_kib", "512", NULL};
    open_value_bench_with(it, "tiny", &(value_options){.settings = settings, .hazards = action, .keeps_log = true});
    *job = (unawaited_work){
        .base = work_in(it, 3, 0, 1024), .which = which, .scratch = address_in(&it->base, WEFT__REGION_TCM, 0, 0, 0)};
    job->base.what = is_repaired;
    matrix *a = new_matrix(21, job->base.m, job->base.n);
    put(it, job->base.a, a, WEFT_F32);
    put(it, job->base.b, a, WEFT_F32);
    put(it, job->scratch + (512 << 10), a, WEFT_F32); /* so that nothing is read that nobody wrote */
    put(it, job->base.out, a, WEFT_F32);
    free(a);
}

/* What the log says of the first composite command, which is the first record of operation neg. */
static weft_record composite_of(const value_bench *it)
{
    weft_error err;
    weft_record record = {0};
    for (size_t i = 0; i < weft__pe_log_count(it->log); i++) {
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(it->log, i, &record, &err), err);
        if (record.op == WEFT_COMMAND_NEG)
            return record;
    }
    ck_abort_msg("there is no composite command");
}

START_TEST(commands_that_nobody_waited_for_are_found)
{
    static const struct {
        weft_kernel_hazard_kind kind;
        const char *call, *text;
    } expected[UNAWAITED_CASES] = {
        [READS_OUTPUT] = {WEFT_KERNEL_HAZARD_RAW, "tl_add", "operand 0, f32 [3, 1024] at 0x"},
        [READS_OUTPUT_LATE] = {WEFT_KERNEL_HAZARD_RAW, "tl_add", "operand 0, f32 [3, 1024] at 0x"},
        [LOADS_OUTPUT] = {WEFT_KERNEL_HAZARD_RAW, "tl_load", "operand 0, f32 [3, 1024] at 0x"},
        [PEEKS_AT_OUTPUT] = {WEFT_KERNEL_HAZARD_RAW, "tl_peek", "the tensor, f32 [64] at 0x"},
        [STREAMS_OUTPUT] = {WEFT_KERNEL_HAZARD_RAW, "tl_composite", "operand 0, f32 [3, 1024] at 0x"},
        [WRITES_OPERAND] = {WEFT_KERNEL_HAZARD_WAR, "tl_load", "the result, f32 [3, 1024] at 0x"},
        [WRITES_OUTPUT] = {WEFT_KERNEL_HAZARD_WAW, "tl_composite", "the result, f32 [3, 1024] at 0x"},
        [STORES_OVER_OPERAND] = {WEFT_KERNEL_HAZARD_WAR, "tl_store", "the result, f32 [3, 1024] at 0x"},
    };
    for (int which = 0; which < UNAWAITED_CASES; which++) {
        for (int is_repaired = 0; is_repaired < 2; is_repaired++) {
            value_bench it;
            unawaited_work job;
            weft_error err;
            bool is_fine = is_repaired || !expected[which].call;
            open_unawaited(&it, &job, WEFT_HAZARDS_ERROR, (unawaited_case)which, is_repaired);
            weft_status status = try_kernel(&it, unawaited_kernel, &job, 1, &err);
            ck_assert_msg(status == (is_fine ? WEFT_OK : WEFT_HAZARD), "case %d%s: %s", which,
                          is_repaired ? " repaired" : "", status == WEFT_OK ? "no hazard" : err.message);
            ck_assert_uint_eq(weft__pe_values_hazards(it.memory), is_fine ? 0 : 1);
            if (!is_fine) {
                weft_kernel_hazard hazard = hazard_at(&it, 0);
                ck_assert_int_eq(hazard.kind, expected[which].kind);
                ck_assert_str_eq(hazard.call, expected[which].call);
                ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
                ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
                ck_assert_str_eq(hazard.other_call, "tl_composite");
                ck_assert_msg(strstr(hazard.text, expected[which].text) != NULL, "%s", hazard.text);
                ck_assert_msg(strstr(hazard.text, "the kernel has not waited for the tl_composite of ") != NULL, "%s",
                              hazard.text);
                ck_assert(hazard.held == (which == READS_OUTPUT_LATE));
            }
            close_value_bench(&it);
        }
    }
}
END_TEST

/* Rows 0 and 2 of three are read by a command that nobody waits for, and row `what` is written. */
static void gap_kernel(weft_tile *tl, const void *arguments)
{
    const unawaited_work *it = arguments;
    uint64_t out = it->scratch + (512 << 10), row_bytes = it->base.n * 4;
    tl_tensor a = tl_load(tl, it->base.a, weft_shape_1d(it->base.n), WEFT_F32);
    tl_tensor rows = tl_ref(tl, out, weft_shape_3d(3, 1, it->base.n), WEFT_F32);
    rows.shape.extent[0] = 2;
    rows.stride[0] *= 2;
    tl_command command = negate(tl, rows, it->base.out);
    tl_copy(tl, tl_ref(tl, out + (uint64_t)it->base.what * row_bytes, a.shape, WEFT_F32), a);
    tl_wait(tl, command);
}

START_TEST(what_lies_between_rows_is_free)
{
    for (int row = 0; row < 3; row++) {
        value_bench it;
        unawaited_work job;
        weft_error err;
        open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, READS_OPERAND, false);
        job.base.what = row;
        WEFT_TEST_ASSERT_OK(try_kernel(&it, gap_kernel, &job, 1, &err), err);
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory) > 0, row != 1);
        if (row != 1) {
            weft_kernel_hazard hazard = hazard_at(&it, 0);
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_WAR);
            ck_assert_str_eq(hazard.other_call, "tl_composite");
            ck_assert_uint_eq(hazard.address, job.scratch + (512 << 10) + (uint64_t)row * job.base.n * 4);
            ck_assert_uint_eq(hazard.bytes, job.base.n * 4);
        }
        close_value_bench(&it);
    }
}
END_TEST

START_TEST(an_order_that_held_did_so_by_some_time)
{
    value_bench it;
    unawaited_work job;
    weft_error err;
    open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, READS_OUTPUT_LATE, false);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, unawaited_kernel, &job, 1, &err), err);
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1);
    weft_kernel_hazard hazard = hazard_at(&it, 0);
    weft_record composite = composite_of(&it);
    ck_assert(hazard.held);
    ck_assert_uint_eq(hazard.other_ps, composite.end_ps);
    ck_assert_uint_eq(hazard.margin_ps, hazard.time_ps - composite.end_ps);
    ck_assert_uint_gt(hazard.margin_ps, 0);
    ck_assert_uint_eq(hazard.address, job.scratch + (512 << 10));
    ck_assert_uint_eq(hazard.bytes, 3 * 1024 * 4);
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "; that write ended %.3f ns before this read.",
                   (double)hazard.margin_ps / 1000);
    ck_assert_msg(strstr(hazard.text, wanted) != NULL, "%s", hazard.text);
    /* The hazard is met when the second of the two is given. */
    weft_record last;
    WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, weft__pe_log_count(it.log) - 1, &last, &err), err);
    ck_assert_int_eq(last.op, WEFT_COMMAND_ADD);
    ck_assert_uint_eq(hazard.time_ps, last.start_ps);
    close_value_bench(&it);
}
END_TEST

START_TEST(an_order_that_failed_did_so_until_the_end)
{
    value_bench it;
    unawaited_work job;
    weft_error err;
    open_unawaited(&it, &job, WEFT_HAZARDS_HARDWARE, LOADS_OUTPUT, false);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, unawaited_kernel, &job, 1, &err), err);
    weft_kernel_hazard hazard = hazard_at(&it, 0);
    weft_record composite = composite_of(&it);
    ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_RAW);
    ck_assert(!hazard.held);
    /* It has landed, and is confirmed after that; the load is given, and at the memory after that. */
    ck_assert(hazard.other_ps < composite.end_ps && hazard.other_ps + 5000 > composite.end_ps);
    ck_assert_uint_gt(hazard.other_ps, hazard.time_ps + hazard.margin_ps);
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "; that write ended %.3f ns after this read.",
                   (double)hazard.margin_ps / 1000);
    ck_assert_msg(strstr(hazard.text, wanted) != NULL, "%s", hazard.text);
    ck_assert_msg(strstr(hazard.text, "under way") == NULL, "%s", hazard.text);
    close_value_bench(&it);
}
END_TEST

/* Gives back what a composite command reads, which takes its time for something else, and writes there. */
static void early_kernel(weft_tile *tl, const void *arguments)
{
    const unawaited_work *it = arguments;
    const weft_shape shape = weft_shape_2d(1, it->base.n);
    uint64_t mark = tl_mark(tl);
    tl_tensor a = tl_load(tl, it->base.a, shape, WEFT_F32);
    (void)negate(tl, a, it->base.out);
    for (int i = 0; i < it->base.what; i++) {
        tl_release(tl, mark);
        (void)tl_full(tl, shape, WEFT_F32, 2);
    }
}

/* The write lands when the operand has been read, though it is given before that. */
START_TEST(an_order_is_that_of_the_accesses)
{
    for (int writes = 1; writes <= 31; writes += 15) {
        value_bench it;
        unawaited_work job;
        weft_error err;
        weft_record first;
        open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, READS_OPERAND, false);
        job.base.what = writes;
        WEFT_TEST_ASSERT_OK(try_kernel(&it, early_kernel, &job, 1, &err), err);
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1); /* one wait is missing */
        weft_kernel_hazard hazard = hazard_at(&it, 0);
        weft_record composite = composite_of(&it);
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, 1, &first, &err), err); /* after the load */
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_WAR);
        ck_assert(hazard.held);
        ck_assert(hazard.other_ps >= composite.start_ps && hazard.other_ps < composite.end_ps);
        ck_assert_uint_eq(hazard.margin_ps, first.end_ps - hazard.other_ps);
        ck_assert_uint_eq(hazard.time_ps, first.start_ps);
        ck_assert_uint_lt(hazard.time_ps, composite.end_ps);
        ck_assert_uint_eq(hazard.repeats, (uint64_t)writes - 1);
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "; that read ended %.3f ns before this write%s.",
                       (double)hazard.margin_ps / 1000,
                       writes == 1    ? ""
                       : writes == 16 ? ", and 15 later accesses conflict with it in the same way"
                                      : ", and 30 later accesses conflict with it in the same way");
        ck_assert_msg(strstr(hazard.text, wanted) != NULL, "%s", hazard.text);
        close_value_bench(&it);
    }
}
END_TEST

/* What is forgotten once does not hide other mistakes: another kind, another command. */
static void three_mistakes_kernel(weft_tile *tl, const void *arguments)
{
    const unawaited_work *it = arguments;
    const weft_shape shape = weft_shape_2d(1, it->base.n);
    uint64_t out = it->scratch + (512 << 10);
    tl_tensor a = tl_load(tl, it->base.a, shape, WEFT_F32), made = tl_ref(tl, out, shape, WEFT_F32);
    (void)negate(tl, a, out);
    (void)negate(tl, a, out + it->base.n * 4);
    for (int i = 0; i < 3; i++) {
        (void)tl_neg(tl, made);                                              /* the first one */
        tl_copy(tl, made, a);                                                /* the same, by a write */
        (void)tl_neg(tl, tl_ref(tl, out + it->base.n * 4, shape, WEFT_F32)); /* the second one */
    }
}

START_TEST(repetitions_hide_nothing_else)
{
    value_bench it;
    unawaited_work job;
    weft_error err;
    open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, READS_OPERAND, false);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, three_mistakes_kernel, &job, 1, &err), err);
    static const weft_kernel_hazard_kind kinds[] = {WEFT_KERNEL_HAZARD_RAW, WEFT_KERNEL_HAZARD_WAW,
                                                    WEFT_KERNEL_HAZARD_RAW};
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(hazard_at(&it, i).kind, kinds[i]);
        ck_assert_uint_eq(hazard_at(&it, i).repeats, 2);
    }
    close_value_bench(&it);
}
END_TEST

/* Three composite commands, of which the kernel waits for the one in the middle. */
static void middle_kernel(weft_tile *tl, const void *arguments)
{
    const unawaited_work *it = arguments;
    const weft_shape shape = weft_shape_2d(1, it->base.n);
    tl_tensor a = tl_ref(tl, it->base.a, shape, WEFT_F32);
    tl_command commands[3];
    uint64_t out = it->scratch + (512 << 10);
    for (uint64_t i = 0; i < 3; i++)
        commands[i] = negate(tl, a, out + i * it->base.n * 4);
    tl_wait(tl, commands[1]);
    tl_wait(tl, commands[1]);
    (void)tl_add(tl, tl_ref(tl, out + it->base.n * 4, shape, WEFT_F32), tl_full(tl, shape, WEFT_F32, 1));
    (void)tl_neg(tl, tl_ref(tl, out + (uint64_t)it->base.what * it->base.n * 4, shape, WEFT_F32));
    tl_wait(tl, commands[2]);
    tl_wait(tl, commands[0]);
    (void)tl_neg(tl, tl_ref(tl, out, weft_shape_2d(3, it->base.n), WEFT_F32));
}

START_TEST(a_wait_is_for_one_command)
{
    for (int what = 0; what < 3; what++) {
        value_bench it;
        unawaited_work job;
        weft_error err;
        open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, READS_OUTPUT, false);
        job.base.what = what;
        WEFT_TEST_ASSERT_OK(try_kernel(&it, middle_kernel, &job, 1, &err), err);
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), what == 1 ? 0 : 1);
        if (what != 1) {
            weft_kernel_hazard hazard = hazard_at(&it, 0);
            ck_assert_str_eq(hazard.call, "tl_neg");
            ck_assert_uint_eq(hazard.address, job.scratch + (512 << 10) + (uint64_t)what * job.base.n * 4);
        }
        close_value_bench(&it);
    }
}
END_TEST

/* Leaves a composite command under way, or reads what one of an earlier kernel has made. */
static void successor_kernel(weft_tile *tl, const void *arguments)
{
    const unawaited_work *it = arguments;
    const weft_shape shape = weft_shape_2d(it->base.m, it->base.n);
    if (it->base.what == 0)
        (void)negate(tl, tl_ref(tl, it->base.a, shape, WEFT_F32), it->base.out);
    else
        (void)tl_load(tl, it->base.out, shape, WEFT_F32);
}

START_TEST(a_kernel_that_has_ended_has_waited)
{
    value_bench it;
    unawaited_work job;
    open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, READS_OUTPUT, false);
    (void)run_kernel(&it.base, successor_kernel, &job, 1);
    job.base.what = 1;
    (void)run_kernel(&it.base, successor_kernel, &job, 1);
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 0);
    close_value_bench(&it);
}
END_TEST

/* ---- memory ---- */

START_TEST(every_allocation_may_fail)
{
    static const unawaited_case cases[] = {LOADS_OUTPUT, READS_OUTPUT_LATE};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool failed = true;
        uint64_t tried = 0;
        for (; failed; tried++) {
            value_bench it;
            unawaited_work job;
            weft_error err;
            open_unawaited(&it, &job, WEFT_HAZARDS_REPORT, cases[i], false);
            launch_kernel(&it.base, unawaited_kernel, &job, 1);
            weft_test_fail_allocation_after(tried);
            weft_status status = weft__sim_run(it.base.base.sim, WEFT__NEVER, &err);
            failed = weft_test_stop_failing();
            ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s",
                          tried, weft_status_name(status), status == WEFT_OK ? "" : err.message);
            close_value_bench(&it);
        }
        ck_assert_uint_gt(tried, 20);
    }
}
END_TEST

WEFT_TEST_MAIN("unawaited", what_lies_between_rows_is_free, commands_that_nobody_waited_for_are_found,
               an_order_is_that_of_the_accesses, repetitions_hide_nothing_else, an_order_that_held_did_so_by_some_time,
               an_order_that_failed_did_so_until_the_end, a_wait_is_for_one_command, a_kernel_that_has_ended_has_waited,
               every_allocation_may_fail)
