/* Hazards: kernels that read something else than they mean; who, where, when, because of whom, and by how much. */
#include "value_bench.h"

/* The time between a call and what it reads. */
#define DISPATCH_PS 1000u

/* ---- what is read is not what is meant ---- */

/* A slot is given back and loaded again, and what was there before is used. */
static void reuse_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint64_t mark = tl_mark(tl);
    tl_tensor old = tl_load(tl, it->a, weft_shape_2d(1, it->n), WEFT_F32);
    if (it->what == 1) /* sent before the slot is written again */
        tl_store(tl, it->out, old);
    if (it->what == 0) { /* a value that is nowhere else */
        old = tl_neg(tl, old);
        tl_release(tl, mark);
        (void)tl_load(tl, it->b, weft_shape_2d(1, it->n), WEFT_F32);
    }
    if (it->what == 2) /* the same through the PE's own memory, by another command */
        tl_wait(tl, tl_composite(tl, &(tl_composite_request){.op = WEFT_COMMAND_NEG,
                                                             .a = tl_ref(tl, it->b, old.shape, WEFT_F32),
                                                             .out = old.address,
                                                             .dtype = WEFT_F32}));
    else
        (void)tl_load(tl, it->b, weft_shape_2d(1, it->n), WEFT_F32);
    if (it->what != 1)
        tl_store(tl, it->out, tl_add(tl, old, old));
}

typedef struct reuse_result {
    weft_status status;
    weft_error err;
    float stored; /* the first element */
    uint64_t hazards;
    uint64_t scratch; /* where it begins */
} reuse_result;

/* The bench stays open, for its hazards. */
static void reuse(value_bench *it, weft_hazard_action action, int what, reuse_result *out)
{
    open_value_bench(it, "tiny", action, false);
    work job = work_in(it, 1, 0, 64);
    job.what = what;
    matrix *a = new_matrix(0, 1, job.n), *b = new_matrix(0, 1, job.n);
    for (uint64_t i = 0; i < job.n; i++) {
        a->at[i] = 7;
        b->at[i] = 99;
    }
    put(it, job.a, a, WEFT_F32);
    put(it, job.b, b, WEFT_F32);
    *out = (reuse_result){.scratch = address_in(&it->base, WEFT__REGION_TCM, 0, 0, 0)};
    out->status = try_kernel(it, reuse_kernel, &job, 1, &out->err);
    float stored[64];
    if (out->status == WEFT_OK) {
        get(it, job.out, 1, job.n, stored);
        out->stored = stored[0];
    }
    out->hazards = weft__pe_values_hazards(it->memory);
    free(a);
    free(b);
}

START_TEST(a_slot_that_is_written_again_is_found)
{
    value_bench it;
    reuse_result found;
    /* The hazard ends the run. */
    reuse(&it, WEFT_HAZARDS_ERROR, 2, &found);
    ck_assert_int_eq(found.status, WEFT_HAZARD);
    weft_kernel_hazard hazard = hazard_at(&it, 0);
    ck_assert_str_eq(hazard.text, found.err.message);
    ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_OVERWRITTEN);
    ck_assert_str_eq(hazard.kernel, "kernel");
    ck_assert_str_eq(hazard.call, "tl_add");
    ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
    ck_assert_uint_eq(hazard.address, found.scratch);
    ck_assert_uint_eq(hazard.bytes, 256);
    ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
    ck_assert_str_eq(hazard.other_call, "tl_composite");
    ck_assert(!hazard.held);
    /* The composite command has landed, and the wait and tl_add take their dispatch. */
    ck_assert_uint_eq(hazard.margin_ps, DISPATCH_PS);
    ck_assert_uint_eq(hazard.time_ps - hazard.other_ps, hazard.margin_ps);
    ck_assert_msg(strstr(hazard.text, "Kernel 'kernel' on sip0.cube0.pe0 at ") == hazard.text, "%s", hazard.text);
    ck_assert_msg(strstr(hazard.text, ", tl_add: Hazard: operand 0, f32 [1, 64] at 0x") != NULL, "%s", hazard.text);
    ck_assert_msg(strstr(hazard.text, ": 256 bytes at 0x") != NULL, "%s", hazard.text);
    ck_assert_msg(strstr(hazard.text, " were written by sip0.cube0.pe0 (tl_composite) at ") != NULL, "%s", hazard.text);
    ck_assert_msg(strstr(hazard.text, " ns, 1.000 ns before.") != NULL, "%s", hazard.text);
    close_value_bench(&it);
    /* The same where the value is gone altogether. */
    reuse(&it, WEFT_HAZARDS_ERROR, 0, &found);
    ck_assert_int_eq(found.status, WEFT_HAZARD);
    hazard = hazard_at(&it, 0);
    ck_assert_str_eq(hazard.other_call, "tl_load");
    close_value_bench(&it);
    /* What left before the slot was written again is as it was, and no hazard. */
    reuse(&it, WEFT_HAZARDS_ERROR, 1, &found);
    ck_assert_int_eq(found.status, WEFT_OK);
    ck_assert(found.stored == 7);
    ck_assert_uint_eq(found.hazards, 0);
    close_value_bench(&it);
}
END_TEST

START_TEST(a_hazard_may_be_kept_alone)
{
    static const struct {
        weft_hazard_action action;
        int what;
        float stored;
    } cases[] = {
        {WEFT_HAZARDS_REPORT, 2, 14},     /* the tensor is what it was given */
        {WEFT_HAZARDS_REPORT, 0, -14},    /* also if nobody else has it any more */
        {WEFT_HAZARDS_HARDWARE, 2, -198}, /* it is what stands there */
        {WEFT_HAZARDS_HARDWARE, 0, 198},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        value_bench it;
        reuse_result found;
        reuse(&it, cases[i].action, cases[i].what, &found);
        ck_assert_int_eq(found.status, WEFT_OK);
        ck_assert_msg(found.stored == cases[i].stored, "case %zu stores %g", i, (double)found.stored);
        ck_assert_uint_eq(found.hazards, 2); /* each of the operands */
        ck_assert_msg(strstr(hazard_at(&it, 1).text, "Hazard: operand 1") != NULL, "%s", hazard_at(&it, 1).text);
        weft_kernel_hazard none;
        ck_assert(!weft__pe_values_hazard_at(it.memory, 2, &none));
        close_value_bench(&it);
    }
}
END_TEST

/* PE 0 streams a matrix while PE 1 writes a part of it. */
static void race_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_PE) == 1) {
        tl_tensor row = tl_full(tl, weft_shape_2d(1, it->n), WEFT_F16, 1);
        for (int i = 0; i < 20; i++) /* until the other one is at it */
            row = tl_exp(tl, row);
        uint64_t where = it->what % 3 == 0 ? (it->k - 1) * it->n * 2 : it->k * it->n * 2;
        tl_store(tl, it->b + where, row);
        return;
    }
    const weft_shape left = weft_shape_2d(it->m, it->k);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = it->what == 3 ? tl_ref(tl, it->a, left, WEFT_F16)
                                                             : tl_full(tl, left, WEFT_F16, 1),
                                          .b = tl_ref(tl, it->b, weft_shape_2d(it->k, it->n), WEFT_F16),
                                          .out = it->out,
                                          .dtype = WEFT_F32};
    (void)tl_composite(tl, &request);
}

START_TEST(an_operand_that_changes_while_it_is_read_is_found)
{
    for (int what = 0; what < 3; what++) {
        for (int action = 0; action < 2; action++) {
            value_bench it;
            weft_error err;
            weft_kernel_hazard hazard;
            open_value_bench(&it, "tiny", (weft_hazard_action)action, false);
            work job = work_in(&it, 1, 640, 32);
            job.what = what; /* its last row, or what is behind it; then the matrix is of two writes */
            matrix *b = new_matrix(9, job.k, job.n);
            put(&it, job.b, b, WEFT_F16);
            if (what == 2) {
                b->rows = 100;
                put(&it, job.b + 64, b, WEFT_F16);
            }
            weft_status status = try_kernel(&it, race_kernel, &job, 2, &err);
            ck_assert_msg(status == (what || action ? WEFT_OK : WEFT_HAZARD), "%s",
                          status == WEFT_OK ? "no hazard" : err.message);
            if (what) {
                ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 0);
            } else if (action) { /* else nothing comes after the write */
                ck_assert_uint_eq(count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, &hazard), 1);
                ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
                ck_assert_str_eq(hazard.other, "sip0.cube0.pe1");
                ck_assert_str_eq(hazard.other_call, "tl_store");
                ck_assert_uint_eq(hazard.address, job.b + (job.k - 1) * job.n * 2);
                ck_assert_uint_eq(hazard.bytes, 64);
                ck_assert_uint_eq(hazard.time_ps - hazard.other_ps, hazard.margin_ps);
                ck_assert_msg(strstr(hazard.text, "tl_composite: Hazard: operand 1, f16 [640, 32]") != NULL, "%s",
                              hazard.text);
                ck_assert_msg(strstr(hazard.text, "changed while it was read: 64 bytes at 0x") != NULL, "%s",
                              hazard.text);
            }
            free(b);
            close_value_bench(&it);
        }
    }
}
END_TEST

START_TEST(an_operand_that_has_changed_is_told_of_once)
{
    value_bench it;
    weft_error err;
    open_value_bench(&it, "tiny", WEFT_HAZARDS_REPORT, false);
    work job = work_in(&it, 60, 640, 32);
    job.what = 3; /* two tiles read the last row */
    matrix *a = new_matrix(8, job.m, job.k), *b = new_matrix(9, job.k, job.n);
    put(&it, job.a, a, WEFT_F16);
    put(&it, job.b, b, WEFT_F16);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, race_kernel, &job, 2, &err), err);
    ck_assert_uint_eq(count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, NULL), 1);
    free(a);
    free(b);
    close_value_bench(&it);
}
END_TEST

/* PE 0 loads a long row while PE 1 writes the end of it. */
static void overtake_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_PE) == 1)
        tl_store(tl, it->a + it->n * 4 - 256, tl_full(tl, weft_shape_2d(1, 64), WEFT_F32, 99));
    else
        tl_store(tl, it->out, tl_load(tl, it->a, weft_shape_2d(1, it->n), WEFT_F32));
}

START_TEST(a_load_is_what_was_there_when_the_memory_was_asked)
{
    static float found[ELEMENTS_MAX];
    for (int action = 0; action < 2; action++) {
        value_bench it;
        weft_error err;
        weft_kernel_hazard hazard;
        open_value_bench(&it, "tiny", (weft_hazard_action)action, false);
        work job = work_in(&it, 1, 0, 16384);
        matrix *a = new_matrix(13, 1, job.n);
        put(&it, job.a, a, WEFT_F32);
        ck_assert_int_eq(try_kernel(&it, overtake_kernel, &job, 2, &err), action ? WEFT_OK : WEFT_HAZARD);
        if (action) {
            ck_assert_uint_eq(count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, &hazard), 1);
            ck_assert_str_eq(hazard.call, "tl_load");
            ck_assert_str_eq(hazard.other, "sip0.cube0.pe1");
            ck_assert_msg(strstr(hazard.text, "changed while it was read: 256 bytes") != NULL, "%s", hazard.text);
            get(&it, job.out, 1, job.n, found);
            ck_assert_mem_eq(found, a->at, job.n * sizeof(float));
            get(&it, job.a, 1, job.n, found);
            ck_assert(found[job.n - 1] == 99 && found[job.n - 65] == a->at[job.n - 65]);
        }
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

/* ---- what nobody wrote ---- */

static void unwritten_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(it->m, it->n), WEFT_F32);
    tl_store(tl, it->out, tl_add(tl, a, tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, 1)));
    tl_tensor column = tl_slice(tl, tl_ref(tl, tl_mark(tl) + a.address, a.shape, WEFT_F32), 1, 1, 1);
    if (it->what)
        tl_store(tl, it->b, tl_neg(tl, column));
}

START_TEST(what_nobody_wrote_is_named)
{
    static float found[ELEMENTS_MAX];
    for (int mode = 0; mode < 3; mode++) {
        value_bench it;
        weft_error err;
        open_value_bench(&it, "tiny", (weft_hazard_action)mode, false);
        work job = work_in(&it, 3, 0, 1024);
        job.what = 0;
        matrix *a = new_matrix(5, 1, job.n);
        put(&it, job.a, a, WEFT_F32); /* the first row, in two writes, and most of the last */
        a->columns = job.n / 2;
        put(&it, job.a, a, WEFT_F32);
        a->columns = job.n - 1;
        put(&it, job.a + 2 * job.n * 4, a, WEFT_F32);
        weft_status status = try_kernel(&it, unwritten_kernel, &job, 1, &err);
        ck_assert_int_eq(status, mode ? WEFT_OK : WEFT_HAZARD);
        weft_kernel_hazard hazard = hazard_at(&it, 0);
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_UNWRITTEN);
        ck_assert_str_eq(hazard.call, "tl_load");
        ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
        ck_assert_ptr_null(hazard.other);
        ck_assert_ptr_null(hazard.other_call);
        ck_assert_uint_eq(hazard.address, job.a + job.n * 4);
        ck_assert_uint_eq(hazard.bytes, job.n * 4);
        ck_assert_uint_eq(hazard.margin_ps, 0);
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1);
        ck_assert_msg(strstr(hazard.text, "is read, and nobody has written 4096 bytes of it at 0x") != NULL, "%s",
                      hazard.text);
        if (mode) {
            get(&it, job.out, job.m, job.n, found);
            for (uint64_t i = 0; i < job.m * job.n; i++)
                ck_assert(found[i] == (i / job.n == 1 || i + 1 == job.m * job.n ? 1 : a->at[i % job.n] + 1));
            const weft_shape shape = weft_shape_2d(job.m, job.n); /* the host still sees that nobody wrote it */
            WEFT_TEST_ASSERT_STATUS(weft__pe_values_read(it.memory, job.a, WEFT_F32, &shape, found, &err),
                                    WEFT_INVALID_STATE);
        }
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

START_TEST(what_nobody_wrote_is_found_between_the_elements)
{
    value_bench it;
    weft_error err;
    float found[3];
    open_value_bench(&it, "tiny", WEFT_HAZARDS_HARDWARE, false);
    work job = work_in(&it, 3, 0, 8);
    job.what = 1; /* a column of scratch memory of which nothing was written */
    matrix *a = new_matrix(5, job.m, job.n);
    put(&it, job.a, a, WEFT_F32);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, unwritten_kernel, &job, 1, &err), err);
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1);
    weft_kernel_hazard hazard = hazard_at(&it, 0);
    ck_assert_str_eq(hazard.call, "tl_neg");
    ck_assert_uint_eq(hazard.bytes, 4);
    get(&it, job.b, 3, 1, found);
    for (int i = 0; i < 3; i++)
        ck_assert(found[i] == 0);
    free(a);
    close_value_bench(&it);
}
END_TEST

/* ---- many ---- */

static void many_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor nothing =
        tl_ref(tl, tl_full(tl, weft_shape_1d(4), WEFT_F32, 1).address + 4096, weft_shape_1d(4), WEFT_F32);
    uint64_t mark = tl_mark(tl);
    for (uint64_t i = 0; i < it->n; i++) {
        (void)tl_neg(tl, nothing);
        tl_release(tl, mark);
    }
}

START_TEST(the_first_thousand_are_kept)
{
    value_bench it;
    weft_error err;
    open_value_bench(&it, "tiny", WEFT_HAZARDS_REPORT, false);
    work job = work_in(&it, 1, 0, 1100);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, many_kernel, &job, 1, &err), err);
    ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 1100);
    weft_kernel_hazard last = hazard_at(&it, 999);
    ck_assert_uint_gt(last.time_ps, hazard_at(&it, 998).time_ps);
    ck_assert(!weft__pe_values_hazard_at(it.memory, 1000, &last));
    close_value_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("hazards", a_slot_that_is_written_again_is_found, a_hazard_may_be_kept_alone,
               an_operand_that_changes_while_it_is_read_is_found, an_operand_that_has_changed_is_told_of_once,
               a_load_is_what_was_there_when_the_memory_was_asked, what_nobody_wrote_is_named,
               what_nobody_wrote_is_found_between_the_elements, the_first_thousand_are_kept)
