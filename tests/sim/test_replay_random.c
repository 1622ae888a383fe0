/* Random programs of writes, partial overwrites, commands that overlap in time, and reads, through the public store and
 * log, against a plain list of bytes that is copied whenever a command starts. Lazy, eager, with one thread and with
 * three: all must give the same bytes. */
#include "support/weft_check.h"

#include <stdio.h>

#include <weft/store.h>

#include "base/rng.h"
#include "naive_values.h"

#define SPACES 8
#define SPACE_BYTES 256u
#define RUNNING_MAX 6
#define HANDLES_MAX 4
#define INPUT_BYTES 256

static const weft_dtype dtype_of[SPACES] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_I8,
                                            WEFT_I32, WEFT_U8,  WEFT_U64,  WEFT_F64};

/* A command that runs, and what the second opinion says that it will write. */
typedef struct running {
    weft_command command;
    weft_tensor inputs[4];
    unsigned char data[4][INPUT_BYTES];
    unsigned char result[INPUT_BYTES];
    char component[16];
} running;

/* A tensor that carries a captured value. */
typedef struct handle {
    weft_tensor tensor;
    unsigned char data[INPUT_BYTES];
} handle;

typedef struct program {
    weft__rng rng;
    weft_store *store;
    weft_oplog *log;
    unsigned char bytes[SPACES][SPACE_BYTES];
    bool is_written[SPACES][SPACE_BYTES];
    running *run[RUNNING_MAX];
    size_t run_count;
    handle handles[HANDLES_MAX];
    uint64_t time_ps, started, ended;
} program;

static program play;

static uint64_t draw(uint64_t bound)
{
    return weft__rng_below(&play.rng, bound);
}

static weft_space space_of(size_t index)
{
    return (weft_space){(weft_memory_kind)(index % 3), (uint32_t)index};
}

static uint64_t bytes_of(const weft_tensor *tensor)
{
    return weft_shape_elements(&tensor->shape) * weft_dtype_bytes(tensor->dtype);
}

/* A random place for a shape in a space. All draws are made one after another: the order in which a call's arguments
 * are computed is the compiler's. */
static weft_tensor place(size_t space, weft_shape shape)
{
    weft_tensor tensor = {.space = space_of(space), .dtype = dtype_of[space], .shape = shape};
    size_t element = weft_dtype_bytes(tensor.dtype);
    tensor.address = draw((SPACE_BYTES - bytes_of(&tensor)) / element + 1) * element;
    return tensor;
}

static bool is_written(const weft_tensor *tensor)
{
    for (uint64_t i = 0; i < bytes_of(tensor); i++)
        if (!play.is_written[tensor->space.owner][tensor->address + i])
            return false;
    return true;
}

static void put(const weft_tensor *tensor, const void *data)
{
    memcpy(play.bytes[tensor->space.owner] + tensor->address, data, (size_t)bytes_of(tensor));
    memset(play.is_written[tensor->space.owner] + tensor->address, true, (size_t)bytes_of(tensor));
}

static void draw_data(weft_dtype dtype, uint64_t count, void *data)
{
    for (uint64_t i = 0; i < count; i++)
        naive_store(dtype, data, i, weft__rng_normal(&play.rng) * 3);
}

static weft_shape draw_shape(void)
{
    uint64_t rows = 1 + draw(4);
    return weft_shape_2d(rows, 1 + draw(4));
}

static void step_write(void)
{
    weft_error err;
    unsigned char data[INPUT_BYTES];
    weft_shape shape = draw_shape();
    weft_tensor tensor = place((size_t)draw(SPACES), shape);
    draw_data(tensor.dtype, weft_shape_elements(&tensor.shape), data);
    tensor.data = data;
    WEFT_TEST_ASSERT_OK(weft_store_write(play.store, tensor.space, tensor.address, &tensor, &err), err);
    put(&tensor, data);
}

static void step_capture(void)
{
    handle *it = &play.handles[draw(HANDLES_MAX)];
    if (it->tensor.value)
        weft_store_release(play.store, it->tensor.value);
    weft_shape shape = draw_shape();
    it->tensor = place((size_t)draw(SPACES), shape);
    bool expected = is_written(&it->tensor);
    weft_status status = weft_store_capture(play.store, &it->tensor, NULL);
    ck_assert_int_eq(status, expected ? WEFT_OK : WEFT_INVALID_STATE);
    memcpy(it->data, play.bytes[it->tensor.space.owner] + it->tensor.address, (size_t)bytes_of(&it->tensor));
}

/* An input of a shape: from its place, or carrying data or a captured value. False where nobody wrote all of it. */
static bool draw_input(running *it, size_t index, weft_shape shape)
{
    weft_tensor *tensor = &it->inputs[index];
    *tensor = place((size_t)draw(SPACES), shape);
    uint64_t way = draw(4);
    const handle *carried = &play.handles[draw(HANDLES_MAX)];
    if (way == 0 && carried->tensor.value &&
        weft_shape_elements(&carried->tensor.shape) == weft_shape_elements(&shape)) {
        *tensor = carried->tensor;
        tensor->shape = shape;
        memcpy(it->data[index], carried->data, (size_t)bytes_of(tensor));
        return true;
    }
    if (way == 1) {
        draw_data(tensor->dtype, weft_shape_elements(&shape), it->data[index]);
        tensor->data = it->data[index];
        return true;
    }
    memcpy(it->data[index], play.bytes[tensor->space.owner] + tensor->address, (size_t)bytes_of(tensor));
    return is_written(tensor);
}

static weft_shape draw_broadcast(weft_shape shape)
{
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.extent[i] = draw(3) ? shape.extent[i] : 1;
    return shape;
}

static bool draw_gemm(running *it, weft_shape shape)
{
    uint64_t k = 1 + draw(4);
    it->command.op = WEFT_COMMAND_GEMM;
    it->command.tile_k = 1 + draw(3);
    bool written = draw_input(it, 0, weft_shape_2d(shape.extent[0], k));
    bool second = draw_input(it, 1, weft_shape_2d(k, shape.extent[1]));
    written &= second;
    it->command.input_count = 2;
    for (uint64_t steps = draw(3); steps > 0; steps--) {
        weft_epilogue step = {.op = (weft_epilogue_op)draw(6), .factor = 0.25};
        step.scope = (weft_epilogue_scope)draw(3);
        it->command.epilogues[it->command.epilogue_count++] = step;
        if (step.op <= WEFT_EPILOGUE_BIAS) {
            bool operand = draw_input(it, it->command.input_count++, weft_shape_2d(1, shape.extent[1]));
            written &= operand;
        }
    }
    return written;
}

/* Fills in a random command; false where an input has bytes that nobody wrote. */
static bool draw_command(running *it)
{
    static const weft_command_op unary[] = {WEFT_COMMAND_CAST, WEFT_COMMAND_NEG,     WEFT_COMMAND_ABS,
                                            WEFT_COMMAND_RELU, WEFT_COMMAND_SIGMOID, WEFT_COMMAND_TANH};
    weft_shape shape = draw_shape();
    weft_command *command = &it->command;
    size_t space = (size_t)draw(SPACES), inputs = 1;
    *command = (weft_command){.inputs = it->inputs, .output = place(space, shape)};
    bool written = true;
    switch (draw(7)) {
    case 0:
    case 1: /* a copy, in another shape; to a space of its dtype */
        written = draw_input(it, 0, shape);
        command->op = (weft_command_op)draw(3);
        space = 0;
        while (dtype_of[space] != it->inputs[0].dtype)
            space++;
        command->output = place(space, weft_shape_1d(weft_shape_elements(&shape)));
        break;
    case 2:
        written = draw_input(it, 0, shape);
        command->op = unary[draw(6)];
        break;
    case 3:
        written = draw_input(it, 0, shape);
        command->op = (weft_command_op)(WEFT_COMMAND_SUM + draw(3));
        command->axis = (uint32_t)draw(2);
        command->output.shape.extent[command->axis] = 1;
        break;
    case 4:
        written = draw_gemm(it, shape);
        inputs = command->input_count;
        break;
    default: {
        inputs = 2 + draw(2);
        command->op = (weft_command_op)(inputs == 2 ? WEFT_COMMAND_ADD + draw(10) : WEFT_COMMAND_FMA + draw(3));
        written = draw_input(it, 0, shape);
        for (size_t i = 1; i < inputs; i++) {
            bool other = draw_input(it, i, draw_broadcast(shape));
            written &= other;
        }
        break;
    }
    }
    command->input_count = inputs;
    return written;
}

static void step_start(void)
{
    if (play.run_count == RUNNING_MAX)
        return;
    running *it = malloc(sizeof *it);
    bool written = draw_command(it);
    (void)snprintf(it->component, sizeof it->component, "pe%u", (unsigned)(play.started++ % 5));
    weft_error err;
    weft_status status = weft_oplog_start(play.log, ++play.time_ps, it->component, &it->command, &err);
    ck_assert_msg(status == (written ? WEFT_OK : WEFT_INVALID_STATE), "%s", status ? err.message : "started");
    if (status != WEFT_OK) {
        free(it);
        return;
    }
    weft_command copied = it->command;
    weft_tensor inputs[4];
    for (size_t i = 0; i < copied.input_count; i++) {
        inputs[i] = it->inputs[i];
        inputs[i].data = it->data[i];
    }
    copied.inputs = inputs;
    naive_compute(&copied, it->result);
    play.run[play.run_count++] = it;
}

/* The inputs that the log tells are those that were copied. */
static void check_record(const running *it)
{
    weft_error err;
    weft_record record;
    WEFT_TEST_ASSERT_OK(weft_oplog_record(play.log, weft_oplog_count(play.log) - 1, &record, &err), err);
    ck_assert_uint_eq(record.input_count, it->command.input_count);
    ck_assert_str_eq(record.component, it->component);
    for (size_t i = 0; i < record.input_count; i++) {
        const weft_tensor *input = &record.inputs[i].tensor;
        for (uint64_t k = 0; k < weft_shape_elements(&input->shape); k++)
            ck_assert(naive_same(input->dtype, input->data, it->data[i], k));
    }
}

static void step_end(void)
{
    if (play.run_count == 0)
        return;
    weft_error err;
    size_t index = (size_t)draw(play.run_count);
    running *it = play.run[index];
    WEFT_TEST_ASSERT_OK(weft_oplog_end(play.log, ++play.time_ps, it->component, &it->command, &err), err);
    put(&it->command.output, it->result);
    play.ended++;
    if (draw(8) == 0)
        check_record(it);
    play.run[index] = play.run[--play.run_count];
    free(it);
}

static void check_bytes(const weft_tensor *range)
{
    weft_error err;
    unsigned char out[SPACE_BYTES];
    bool expected = is_written(range);
    weft_status status = weft_store_read_bytes(play.store, range->space, range->address, bytes_of(range), out, &err);
    ck_assert_int_eq(status, expected ? WEFT_OK : WEFT_INVALID_STATE);
    const unsigned char *wanted = play.bytes[range->space.owner] + range->address;
    for (uint64_t i = 0; expected && i < weft_shape_elements(&range->shape); i++)
        ck_assert_msg(naive_same(range->dtype, out, wanted, i), "element %" PRIu64 " of %s at 0x%" PRIx64, i,
                      weft_dtype_name(range->dtype), range->address);
}

static void step_read(void)
{
    weft_shape shape = weft_shape_1d(draw(20));
    weft_tensor range = place((size_t)draw(SPACES), shape);
    check_bytes(&range);
}

/* Plays the program of a seed, and gives what all memories hold after it; bytes that nobody wrote are 0. */
static void run(uint64_t seed, const weft_store_options *options, unsigned char out[SPACES][SPACE_BYTES])
{
    weft_error err;
    memset(&play, 0, sizeof play);
    weft__rng_init(&play.rng, seed);
    WEFT_TEST_ASSERT_OK(weft_store_create(options, &play.store, &err), err);
    WEFT_TEST_ASSERT_OK(weft_oplog_create(play.store, &play.log, &err), err);
    static void (*const steps[])(void) = {step_write, step_write, step_capture, step_start, step_start,
                                          step_start, step_end,   step_end,     step_end,   step_read};
    for (int i = 0; i < 100; i++)
        step_write();
    for (uint64_t count = 80 + draw(80); count > 0; count--)
        steps[draw(sizeof steps / sizeof steps[0])]();
    while (play.run_count)
        step_end();
    memset(out, 0, SPACES * sizeof out[0]);
    for (size_t space = 0; space < SPACES; space++)
        for (uint64_t at = 0; at < SPACE_BYTES; at += weft_dtype_bytes(dtype_of[space])) {
            weft_tensor one = {.space = space_of(space), .address = at, .dtype = dtype_of[space]};
            check_bytes(&one);
            if (is_written(&one))
                WEFT_TEST_ASSERT_OK(
                    weft_store_read_bytes(play.store, one.space, at, bytes_of(&one), out[space] + at, &err), err);
        }
    for (size_t i = 0; i < HANDLES_MAX; i++)
        weft_store_release(play.store, play.handles[i].tensor.value);
    weft_oplog_destroy(play.log);
    weft_store_statistics held;
    weft_store_get_statistics(play.store, &held);
    ck_assert_uint_le(held.values, SPACES * SPACE_BYTES); /* what stands in memories, computed, and nothing behind it */
    weft_store_destroy(play.store);
}

START_TEST(programs_agree_with_bytes_that_are_copied)
{
    static unsigned char first[SPACES][SPACE_BYTES], other[SPACES][SPACE_BYTES];
    const weft_store_options lazy = {0}, eager = {.is_eager = true}, parallel = {.threads = 3};
    uint64_t ended = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        run(seed, &lazy, first);
        ended += play.ended;
        run(seed, &eager, other);
        ck_assert_int_eq(memcmp(first, other, sizeof first), 0);
        if (seed % 8 == 0) {
            run(seed, &parallel, other);
            ck_assert_int_eq(memcmp(first, other, sizeof first), 0);
        }
    }
    ck_assert_uint_gt(ended, 20000); /* commands, so that something has been tested */
}
END_TEST

WEFT_TEST_MAIN("replay_random", programs_agree_with_bytes_that_are_copied)
