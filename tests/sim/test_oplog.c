/* The log: commands capture their inputs when they start, whatever becomes of the places afterwards. The first four
 * tests are those with which the simulator that Weft follows fixed its replay. */
#include "support/weft_check.h"

#include <weft/store.h>

#include "base/dtype.h"
#include "support/failing_malloc.h"

#define COMPONENT "sip0.cube0.pe0.pe_math"

static const weft_space tcm = {WEFT_TCM, 0};

typedef struct bench {
    weft_store *store;
    weft_oplog *log;
} bench;

static bench create(void)
{
    weft_error err;
    bench it;
    WEFT_TEST_ASSERT_OK(weft_store_create(NULL, &it.store, &err), err);
    WEFT_TEST_ASSERT_OK(weft_oplog_create(it.store, &it.log, &err), err);
    return it;
}

static void destroy(bench it)
{
    weft_oplog_destroy(it.log);
    weft_store_destroy(it.store);
}

/* A tensor of one f16 number everywhere is written. */
static void write_f16(bench it, uint64_t address, uint64_t rows, uint64_t columns, float value)
{
    weft_error err;
    uint16_t data[16 * 64];
    for (size_t i = 0; i < rows * columns; i++)
        data[i] = weft__f16_from_f32(value);
    weft_tensor tensor = {.dtype = WEFT_F16, .shape = weft_shape_2d(rows, columns), .data = data};
    WEFT_TEST_ASSERT_OK(weft_store_write(it.store, tcm, address, &tensor, &err), err);
}

static weft_tensor at(uint64_t address, uint64_t rows, uint64_t columns)
{
    return (weft_tensor){.space = tcm, .address = address, .dtype = WEFT_F16, .shape = weft_shape_2d(rows, columns)};
}

static void start(bench it, uint64_t time_ps, const weft_command *command)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_oplog_start(it.log, time_ps, COMPONENT, command, &err), err);
}

static void end(bench it, uint64_t time_ps, const weft_command *command)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_oplog_end(it.log, time_ps, COMPONENT, command, &err), err);
}

/* That an input of the first record is one number everywhere, with this shape. */
static void expect_input(bench it, size_t input, uint64_t rows, uint64_t columns, float value)
{
    weft_error err;
    weft_record record;
    weft_shape shape = weft_shape_2d(rows, columns);
    WEFT_TEST_ASSERT_OK(weft_oplog_record(it.log, 0, &record, &err), err);
    ck_assert(input < record.input_count);
    const weft_tensor *tensor = &record.inputs[input].tensor;
    ck_assert(tensor->dtype == WEFT_F16 && weft_shape_equal(&tensor->shape, &shape));
    ck_assert_ptr_nonnull(tensor->data);
    for (size_t i = 0; i < rows * columns; i++)
        ck_assert(weft__float_load(WEFT_F16, tensor->data, i) == value);
}

static void overwrite_slot(uint64_t rows, uint64_t columns)
{
    weft_error err;
    bench it = create();
    write_f16(it, 0x3000, 16, 1, 7);
    weft_tensor slot = at(0x3000, 16, 1);
    WEFT_TEST_ASSERT_OK(weft_store_capture(it.store, &slot, &err), err);
    weft_command command = {.op = WEFT_COMMAND_EXP, .inputs = &slot, .input_count = 1, .output = at(0x5000, 16, 1)};
    start(it, 10, &command);
    write_f16(it, 0x3000, rows, columns, 99);
    end(it, 15, &command);
    expect_input(it, 0, 16, 1, 7);
    uint16_t out[16];
    WEFT_TEST_ASSERT_OK(weft_store_read(it.store, tcm, 0x5000, &slot.shape, WEFT_F16, out, &err), err);
    ck_assert_uint_eq(out[3], weft__f16_from_f32((float)exp(7)));
    weft_store_release(it.store, slot.value);
    destroy(it);
}

START_TEST(a_slot_overwritten_by_the_same_shape)
{
    overwrite_slot(16, 1);
}
END_TEST

START_TEST(a_slot_overwritten_by_another_shape)
{
    overwrite_slot(16, 64);
}
END_TEST

START_TEST(two_inputs_one_of_them_carried)
{
    weft_error err;
    bench it = create();
    write_f16(it, 0x5000, 16, 1, 3);
    write_f16(it, 0x3000, 16, 1, 7);
    uint16_t sevens[16];
    for (size_t i = 0; i < 16; i++)
        sevens[i] = weft__f16_from_f32(7);
    weft_tensor inputs[2] = {at(0x5000, 16, 1), at(0x3000, 16, 1)};
    inputs[1].data = sevens; /* carried as data */
    weft_command command = {
        .op = WEFT_COMMAND_MAXIMUM, .inputs = inputs, .input_count = 2, .output = at(0x7000, 16, 1)};
    write_f16(it, 0x3000, 16, 64, 99);
    start(it, 10, &command);
    memset(sevens, 0, sizeof sevens);
    end(it, 15, &command);
    expect_input(it, 0, 16, 1, 3);
    expect_input(it, 1, 16, 1, 7);
    weft_record record;
    WEFT_TEST_ASSERT_OK(weft_oplog_record(it.log, 0, &record, &err), err);
    ck_assert(!record.inputs[0].is_carried && record.inputs[1].is_carried);
    destroy(it);
}
END_TEST

START_TEST(an_input_from_the_store)
{
    bench it = create();
    write_f16(it, 0x6000, 8, 8, 2);
    weft_tensor input = at(0x6000, 8, 8);
    weft_command command = {.op = WEFT_COMMAND_EXP, .inputs = &input, .input_count = 1, .output = at(0x7000, 8, 8)};
    start(it, 10, &command);
    write_f16(it, 0x6000, 8, 8, 50); /* the engine has read already */
    end(it, 15, &command);
    expect_input(it, 0, 8, 8, 2);
    destroy(it);
}
END_TEST

START_TEST(records_tell_who_and_when)
{
    weft_error err;
    bench it = create();
    write_f16(it, 0, 4, 4, 1);
    weft_tensor input = at(0, 4, 4);
    weft_command first = {.op = WEFT_COMMAND_DMA_WRITE, .inputs = &input, .input_count = 1, .output = at(0x100, 4, 4)};
    weft_command second = first;
    second.output.address = 0x200;
    ck_assert_uint_eq(weft_oplog_count(it.log), 0);
    WEFT_TEST_ASSERT_OK(weft_oplog_start(it.log, 5, "a", &first, &err), err);
    WEFT_TEST_ASSERT_OK(weft_oplog_start(it.log, 5, "b", &first, &err), err); /* the same one of somebody else */
    WEFT_TEST_ASSERT_OK(weft_oplog_start(it.log, 6, "a", &second, &err), err);
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 7, "a", &second, &err), WEFT_INVALID_STATE);
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 3, "c", &second, &err), WEFT_INVALID_STATE);
    WEFT_TEST_ASSERT_OK(weft_oplog_end(it.log, 8, "a", &second, &err), err);
    WEFT_TEST_ASSERT_OK(weft_oplog_end(it.log, 9, "b", &first, &err), err);
    WEFT_TEST_ASSERT_STATUS(weft_oplog_end(it.log, 9, "b", &first, &err), WEFT_NOT_FOUND);
    WEFT_TEST_ASSERT_STATUS(weft_oplog_end(it.log, 8, "a", &first, &err), WEFT_INVALID_STATE);
    weft_record record;
    ck_assert_uint_eq(weft_oplog_count(it.log), 2);
    WEFT_TEST_ASSERT_OK(weft_oplog_record(it.log, 1, &record, &err), err);
    ck_assert_str_eq(record.component, "b");
    ck_assert(record.op == WEFT_COMMAND_DMA_WRITE && record.start_ps == 5 && record.end_ps == 9);
    ck_assert(record.output.address == 0x100 && record.output.value == record.inputs[0].tensor.value);
    WEFT_TEST_ASSERT_STATUS(weft_oplog_record(it.log, 2, &record, &err), WEFT_OUT_OF_RANGE);
    destroy(it); /* with a command that still runs */
}
END_TEST

START_TEST(an_overwritten_place_is_told)
{
    weft_error err;
    bench it = create();
    write_f16(it, 0x3000, 16, 4, 7);
    weft_tensor slot = at(0x3000, 16, 4), source = at(0x8000, 4, 4);
    WEFT_TEST_ASSERT_OK(weft_store_capture(it.store, &slot, &err), err);
    write_f16(it, 0x8000, 4, 4, 1);
    weft_command copy = {
        .op = WEFT_COMMAND_QUEUE_COPY, .inputs = &source, .input_count = 1, .output = at(0x3010, 4, 4)};
    weft_command reader = {.op = WEFT_COMMAND_NEG, .inputs = &slot, .input_count = 1, .output = at(0x5000, 16, 4)};
    weft_command again = reader;
    start(it, 1, &reader);
    end(it, 2, &reader);
    WEFT_TEST_ASSERT_OK(weft_oplog_start(it.log, 3, "sip0.cube0.pe1.dma", &copy, &err), err);
    WEFT_TEST_ASSERT_OK(weft_oplog_end(it.log, 7, "sip0.cube0.pe1.dma", &copy, &err), err);
    start(it, 8, &again);
    end(it, 9, &again);
    weft_record record;
    WEFT_TEST_ASSERT_OK(weft_oplog_record(it.log, 0, &record, &err), err);
    ck_assert(!record.inputs[0].overwrite.is_overwritten);
    WEFT_TEST_ASSERT_OK(weft_oplog_record(it.log, 2, &record, &err), err);
    const weft_overwrite *told = &record.inputs[0].overwrite;
    ck_assert(told->is_overwritten && told->address == 0x3010 && told->bytes == 32 && told->time_ps == 7);
    ck_assert_str_eq(told->writer, "sip0.cube0.pe1.dma");
    ck_assert(weft__float_load(WEFT_F16, record.inputs[0].tensor.data, 8) == 7);
    weft_store_release(it.store, slot.value);
    destroy(it);
}
END_TEST

START_TEST(commands_that_make_no_sense_are_refused)
{
    weft_error err;
    bench it = create();
    write_f16(it, 0x0, 4, 4, 1);
    write_f16(it, 0x100, 3, 4, 1);
    weft_tensor inputs[9] = {at(0, 4, 4), at(0x100, 3, 4)};
    weft_command command = {.op = WEFT_COMMAND_ADD, .inputs = inputs, .input_count = 2, .output = at(0x200, 4, 4)};
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 0, "a", &command, &err), WEFT_SHAPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(err.message, "[3, 4]"));
    ck_assert_ptr_nonnull(strstr(err.message, "[4, 4]"));
    command.op = WEFT_COMMAND_GEMM;
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 0, "a", &command, &err), WEFT_SHAPE_MISMATCH);
    command.input_count = 1;
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 0, "a", &command, &err), WEFT_INVALID_ARGUMENT);
    command.op = (weft_command_op)5;
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 0, "a", &command, &err), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_null(weft_command_op_name(command.op));
    command.input_count = 9;
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 0, "a", &command, &err), WEFT_INVALID_ARGUMENT);
    command.op = WEFT_COMMAND_EXP;
    command.input_count = 1;
    inputs[0].address = 0x9000;
    WEFT_TEST_ASSERT_STATUS(weft_oplog_start(it.log, 0, "a", &command, &err), WEFT_INVALID_STATE);
    ck_assert_str_eq(weft_command_op_name(WEFT_COMMAND_EXP), "exp");
    weft_store_statistics held;
    weft_store_get_statistics(it.store, &held);
    ck_assert_uint_eq(held.values, 2); /* failures leave nothing */
    destroy(it);
}
END_TEST

/* Many commands at once, ended in another order: each finds its own. */
START_TEST(thousands_of_commands_run_at_once)
{
    enum {
        COUNT = 3000
    };
    weft_error err;
    bench it = create();
    weft_command *commands = calloc(COUNT, sizeof *commands);
    weft_tensor input = at(0, 1, 1);
    write_f16(it, 0, 1, 1, 1);
    for (size_t i = 0; i < COUNT; i++) {
        commands[i] = (weft_command){
            .op = WEFT_COMMAND_NEG, .inputs = &input, .input_count = 1, .output = at(0x100 + 2 * i, 1, 1)};
        start(it, i, &commands[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        end(it, COUNT + i, &commands[i * 7 % COUNT]);
    for (size_t i = 0; i < COUNT; i += 17) {
        weft_record record;
        WEFT_TEST_ASSERT_OK(weft_oplog_record(it.log, i, &record, &err), err);
        ck_assert_uint_eq(record.output.address, 0x100 + 2 * (i * 7 % COUNT));
        ck_assert_uint_eq(record.start_ps, i * 7 % COUNT);
    }
    free(commands);
    destroy(it);
}
END_TEST

static weft_status everything(void)
{
    weft_store *store;
    weft_oplog *log = NULL;
    float data[16] = {1, 2, 3};
    weft_tensor tensor = {.dtype = WEFT_F32, .shape = weft_shape_2d(4, 4), .data = data};
    weft_status status = weft_store_create(NULL, &store, NULL);
    if (status != WEFT_OK)
        return status;
    status = weft_oplog_create(store, &log, NULL);
    if (status == WEFT_OK)
        status = weft_store_write(store, tcm, 0, &tensor, NULL);
    weft_tensor inputs[3] = {tensor, tensor, tensor};
    inputs[1].data = NULL;
    inputs[2].data = NULL;
    weft_command commands[12];
    for (size_t i = 0; i < 12; i++) {
        commands[i] = (weft_command){.op = WEFT_COMMAND_GEMM, .inputs = inputs, .input_count = 3, .output = tensor};
        commands[i].epilogues[0] = (weft_epilogue){.op = WEFT_EPILOGUE_BIAS};
        commands[i].epilogue_count = 1;
    }
    for (size_t i = 0; status == WEFT_OK && i < 12; i++)
        status = weft_oplog_start(log, i, "a", &commands[i], NULL);
    for (size_t i = 0; status == WEFT_OK && i < 12; i++)
        status = weft_oplog_end(log, 20 + i, "a", &commands[i], NULL);
    weft_record record;
    for (size_t i = 0; status == WEFT_OK && i < 12; i++)
        status = weft_oplog_record(log, i, &record, NULL);
    if (status == WEFT_OK)
        status = weft_store_read(store, tcm, 0, &tensor.shape, WEFT_F32, data, NULL);
    weft_oplog_destroy(log);
    weft_store_statistics held;
    weft_store_get_statistics(store, &held);
    weft_store_destroy(store);
    return status == WEFT_OK && held.values != 1 ? WEFT_INTERNAL : status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = everything();
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
    }
}
END_TEST

WEFT_TEST_MAIN("oplog", a_slot_overwritten_by_the_same_shape, a_slot_overwritten_by_another_shape,
               two_inputs_one_of_them_carried, an_input_from_the_store, records_tell_who_and_when,
               an_overwritten_place_is_told, commands_that_make_no_sense_are_refused, thousands_of_commands_run_at_once,
               every_allocation_may_fail)
