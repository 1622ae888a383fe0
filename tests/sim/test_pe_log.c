/* The log of what PEs do: which records there are, from when to when, and what they read and wrote. */
#include "value_bench.h"

#include "support/failing_malloc.h"

/* A kernel of each kind of command, on the second PE of the machine as well as on the first. */
static void assorted_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_PE) == 0)
        return;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(2, 4), WEFT_F32);
    tl_tensor b = tl_clamp(tl, tl_trans(tl, a), -0.5, 0.25);
    tl_tensor c = tl_dot(tl, a, b);
    tl_tensor d = tl_full(tl, weft_shape_2d(2, 2), WEFT_F32, 3);
    tl_store(tl, it->c, tl_add(tl, c, d));
    tl_wait(tl, tl_composite(tl, &(tl_composite_request){.op = WEFT_COMMAND_GEMM,
                                                         .a = tl_ref(tl, it->a, weft_shape_2d(2, 4), WEFT_F32),
                                                         .b = b,
                                                         .out = it->out,
                                                         .dtype = WEFT_F32}));
}

/* What a record must be. */
typedef struct expectation {
    weft_command_op op;
    const char *component;
    weft_memory_kind from, to;
    uint32_t from_owner, to_owner;
    size_t inputs;
} expectation;

static void check_values(const weft_record *record, const float *elements, size_t input)
{
    const weft_tensor *tensor = &record->inputs[input].tensor;
    ck_assert_uint_ne(tensor->value, 0);
    ck_assert_ptr_nonnull(tensor->data);
    ck_assert_mem_eq(tensor->data, elements, weft_shape_elements(&tensor->shape) * sizeof(float));
}

START_TEST(each_command_is_a_record)
{
    static const expectation expected[] = {
        {WEFT_COMMAND_DMA_READ, "sip0.cube0.pe1.dma_read", WEFT_HBM, WEFT_TCM, 0, 1, 1},
        {WEFT_COMMAND_CLAMP, "sip0.cube0.pe1.math", WEFT_TCM, WEFT_TCM, 1, 1, 3},
        {WEFT_COMMAND_GEMM, "sip0.cube0.pe1.gemm", WEFT_TCM, WEFT_TCM, 1, 1, 2},
        {WEFT_COMMAND_CAST, "sip0.cube0.pe1.math", WEFT_TCM, WEFT_TCM, 1, 1, 0},
        {WEFT_COMMAND_ADD, "sip0.cube0.pe1.math", WEFT_TCM, WEFT_TCM, 1, 1, 2},
        {WEFT_COMMAND_DMA_WRITE, "sip0.cube0.pe1.dma_write", WEFT_TCM, WEFT_SRAM, 1, 0, 1},
        {WEFT_COMMAND_GEMM, "sip0.cube0.pe1.gemm", WEFT_HBM, WEFT_HBM, 0, 0, 2},
    };
    value_bench it;
    weft_error err;
    weft_record record;
    open_value_bench_with(&it, "tiny", &(value_options){.keeps_log = true});
    work job = work_in(&it, 0, 0, 0);
    matrix *a = new_matrix(1, 2, 4);
    put(&it, job.a, a, WEFT_F32);
    WEFT_TEST_ASSERT_OK(try_kernel(&it, assorted_kernel, &job, 2, &err), err);
    float first = a->at[0];
    a->at[0] = 77; /* the log has what was read, whatever becomes of the place */
    put(&it, job.a, a, WEFT_F32);
    a->at[0] = first;
    size_t count = sizeof expected / sizeof expected[0];
    ck_assert_uint_eq(weft__pe_log_count(it.log), count);
    uint64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        const expectation *wanted = &expected[i];
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, i, &record, &err), err);
        ck_assert_int_eq(record.op, wanted->op);
        ck_assert_str_eq(record.component, wanted->component);
        ck_assert_uint_eq(record.input_count, wanted->inputs);
        ck_assert_uint_ge(record.start_ps, last); /* the kernel waits for each */
        ck_assert_uint_gt(record.end_ps, record.start_ps);
        last = record.end_ps;
        ck_assert_int_eq(record.output.space.kind, wanted->to);
        ck_assert_uint_eq(record.output.space.owner, wanted->to_owner);
        ck_assert_uint_ne(record.output.value, 0);
        if (wanted->inputs) {
            ck_assert_int_eq(record.inputs[0].tensor.space.kind, wanted->from);
            ck_assert_uint_eq(record.inputs[0].tensor.space.owner, wanted->from_owner);
            ck_assert(!record.inputs[0].overwrite.is_overwritten);
        }
    }
    /* The load: what stood at the address. */
    WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, 0, &record, &err), err);
    ck_assert_uint_eq(record.inputs[0].tensor.address, job.a);
    ck_assert(!record.inputs[0].is_carried);
    check_values(&record, a->at, 0);
    /* The clamp: the turned tensor as it was read, and two numbers. */
    WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, 1, &record, &err), err);
    float turned[8];
    for (int i = 0; i < 8; i++)
        turned[i] = a->at[i % 2 * 4 + i / 2];
    check_values(&record, turned, 0);
    ck_assert(record.inputs[0].is_carried);
    check_values(&record, (const float[]){-0.5f}, 1);
    check_values(&record, (const float[]){0.25f}, 2);
    ck_assert_uint_eq(record.inputs[2].tensor.shape.rank, 0);
    ck_assert_uint_eq(record.inputs[2].tensor.address, 0);
    /* The composite command reads its operand where it is. */
    WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, 6, &record, &err), err);
    ck_assert(!record.inputs[0].is_carried && record.inputs[1].is_carried);
    check_values(&record, a->at, 0);
    ck_assert_uint_eq(record.output.address, job.out);
    WEFT_TEST_ASSERT_STATUS(weft__pe_log_at(it.log, 7, &record, &err), WEFT_OUT_OF_RANGE);
    free(a);
    close_value_bench(&it);
}
END_TEST

/* ---- messages ---- */

static void queue_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_PE) == 0) {
        tl_tensor a = tl_load(tl, it->a, weft_shape_2d(2, 4), WEFT_F32);
        (void)tl_send(tl, TL_NEXT, tl_trans(tl, a));
        (void)tl_send(tl, TL_NEXT, a);
        return;
    }
    tl_tensor got = tl_recv(tl, TL_PREVIOUS, weft_shape_1d(8), WEFT_F32);
    tl_tensor there = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(8), WEFT_F32);
    tl_store(tl, it->out, tl_add(tl, got, there));
    tl_free_slot(tl, there);
}

static void run_queue_kernel(value_bench *it, const work *job)
{
    static const uint32_t pes[] = {0, 1};
    weft__ipcq_pair pairs[2];
    lay_pair(0, 1, pairs);
    run_queued(&it->base,
               &(queued_launch){
                   .kernel = queue_kernel, .arguments = job, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2});
}

/* The record at an index, of those with this component. */
static weft_record record_of(weft__pe_log *log, const char *component, size_t index)
{
    weft_error err;
    weft_record record = {0};
    for (size_t i = 0; i < weft__pe_log_count(log); i++) {
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(log, i, &record, &err), err);
        if (strcmp(record.component, component) == 0 && index-- == 0)
            return record;
    }
    ck_abort_msg("there is no such record of %s", component);
}

START_TEST(messages_and_receives_are_copies)
{
    value_bench it;
    open_value_bench_with(&it, "tiny", &(value_options){.keeps_log = true});
    work job = work_in(&it, 0, 0, 0);
    matrix *a = new_matrix(1, 2, 4);
    put(&it, job.a, a, WEFT_F32);
    run_queue_kernel(&it, &job);
    float turned[8];
    for (int i = 0; i < 8; i++)
        turned[i] = a->at[i % 2 * 4 + i / 2];
    weft_record sent = record_of(it.log, "sip0.cube0.pe0.queue", 0);
    ck_assert_int_eq(sent.op, WEFT_COMMAND_QUEUE_COPY);
    check_values(&sent, turned, 0);
    ck_assert_uint_eq(sent.inputs[0].tensor.shape.extent[0], 4);
    ck_assert_uint_eq(sent.inputs[0].tensor.space.owner, 0);
    ck_assert_uint_eq(sent.output.space.owner, 1);
    ck_assert_uint_eq(sent.output.value, sent.inputs[0].tensor.value);
    weft_record second = record_of(it.log, "sip0.cube0.pe0.queue", 1);
    check_values(&second, a->at, 0);
    ck_assert_uint_eq(second.output.address - sent.output.address, it.base.spec->pe.ipcq.slot_bytes);
    weft_record got = record_of(it.log, "sip0.cube0.pe1.queue", 0);
    ck_assert_uint_eq(got.inputs[0].tensor.address, sent.output.address);
    ck_assert_uint_eq(got.inputs[0].tensor.shape.rank, 1);
    check_values(&got, turned, 0);
    ck_assert_uint_eq(got.output.space.owner, 1);
    ck_assert_uint_ge(got.start_ps, sent.end_ps);
    /* 32 bytes at 512 GB/s: the access to the slot. */
    ck_assert_uint_eq(got.end_ps - got.start_ps, 63);
    /* Loads, the sum and the store; two messages; one receive, as the other one moves nothing. */
    ck_assert_uint_eq(weft__pe_log_count(it.log), 6);
    free(a);
    close_value_bench(&it);
}
END_TEST

START_TEST(a_log_needs_no_values)
{
    value_bench with;
    tile_bench without;
    weft_error err;
    weft__pe_log *log;
    open_value_bench_with(&with, "tiny", &(value_options){.keeps_log = true});
    open_tile_bench(&without, "tiny", NULL);
    WEFT_TEST_ASSERT_OK(weft__pe_log_create(without.pes, NULL, &log, &err), err);
    weft__pe_log_record(log);
    work job = work_in(&with, 0, 0, 0);
    matrix *a = new_matrix(1, 2, 4);
    put(&with, job.a, a, WEFT_F32);
    run_queue_kernel(&with, &job);
    value_bench alone = {.base = without};
    run_queue_kernel(&alone, &job);
    WEFT_TEST_ASSERT_OK(weft__kernel_run_check(alone.base.run, &err), err);
    ck_assert_uint_eq(weft__pe_log_count(log), weft__pe_log_count(with.log));
    for (size_t i = 0; i < weft__pe_log_count(log); i++) {
        weft_record record, same;
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(log, i, &record, &err), err);
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(with.log, i, &same, &err), err);
        ck_assert_int_eq(record.op, same.op);
        ck_assert_str_eq(record.component, same.component);
        ck_assert_uint_eq(record.start_ps, same.start_ps);
        ck_assert_uint_eq(record.end_ps, same.end_ps);
        ck_assert_uint_eq(record.output.address, same.output.address);
        ck_assert_uint_eq(record.output.value, 0);
        ck_assert_uint_eq(record.inputs[0].tensor.value, 0);
        ck_assert_ptr_null(record.inputs[0].tensor.data);
    }
    free(a);
    weft__pe_log_destroy(log);
    close_tile_bench(&alone.base);
    close_value_bench(&with);
}
END_TEST

/* ---- hazards ---- */

static void overwritten_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_1d(8), WEFT_F32), sum = tl_add(tl, a, a);
    tl_wait(tl, tl_composite(tl, &(tl_composite_request){.op = WEFT_COMMAND_NEG,
                                                         .a = tl_slice(tl, sum, 0, 0, 2),
                                                         .out = a.address + 4,
                                                         .dtype = WEFT_F32}));
    (void)tl_sub(tl, sum, a);
}

START_TEST(an_input_that_was_overwritten_says_so)
{
    for (int action = 1; action < 3; action++) {
        value_bench it;
        weft_error err;
        weft_record record;
        open_value_bench_with(&it, "tiny", &(value_options){.keeps_log = true, .hazards = (weft_hazard_action)action});
        work job = work_in(&it, 0, 0, 0);
        matrix *a = new_matrix(1, 1, 8);
        put(&it, job.a, a, WEFT_F32);
        WEFT_TEST_ASSERT_OK(try_kernel(&it, overwritten_kernel, &job, 1, &err), err);
        WEFT_TEST_ASSERT_OK(weft__pe_log_at(it.log, 3, &record, &err), err);
        ck_assert_int_eq(record.op, WEFT_COMMAND_SUB);
        ck_assert(!record.inputs[0].overwrite.is_overwritten);
        const weft_overwrite *overwrite = &record.inputs[1].overwrite;
        if (action == WEFT_HAZARDS_REPORT) {
            ck_assert(overwrite->is_overwritten && record.inputs[1].is_carried);
            ck_assert_str_eq(overwrite->writer, "sip0.cube0.pe0");
            ck_assert_uint_eq(overwrite->address, record.inputs[1].tensor.address + 4);
            ck_assert_uint_eq(overwrite->bytes, 8);
            ck_assert_uint_eq(overwrite->time_ps, hazard_at(&it, 0).other_ps);
            check_values(&record, a->at, 1);
        } else { /* it is what was read */
            ck_assert(!overwrite->is_overwritten && !record.inputs[1].is_carried);
            float read[8];
            memcpy(read, a->at, sizeof read);
            read[1] = -2 * a->at[0];
            read[2] = -2 * a->at[1];
            check_values(&record, read, 1);
        }
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

/* ---- memory ---- */

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t tried = 0;
    for (; failed; tried++) {
        value_bench it;
        weft_error err;
        weft_record record;
        open_value_bench_with(&it, "tiny", &(value_options){.keeps_log = true, .hazards = WEFT_HAZARDS_REPORT});
        work job = work_in(&it, 0, 0, 0);
        matrix *a = new_matrix(1, 1, 8);
        put(&it, job.a, a, WEFT_F32);
        launch_kernel(&it.base, overwritten_kernel, &job, 1);
        weft_test_fail_allocation_after(tried);
        weft_status status = weft__sim_run(it.base.base.sim, WEFT__NEVER, &err);
        for (size_t i = 0; status == WEFT_OK && i < weft__pe_log_count(it.log); i++)
            status = weft__pe_log_at(it.log, i, &record, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s", tried,
                      weft_status_name(status), status == WEFT_OK ? "" : err.message);
        free(a);
        close_value_bench(&it);
    }
    ck_assert_uint_gt(tried, 20);
}
END_TEST

WEFT_TEST_MAIN("pe_log", each_command_is_a_record, messages_and_receives_are_copies, a_log_needs_no_values,
               an_input_that_was_overwritten_says_so, every_allocation_may_fail)
