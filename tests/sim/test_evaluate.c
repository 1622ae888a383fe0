/* What commands compute: against a second opinion, for all commands, dtypes and shapes; NaN, infinities and integers;
 * and whole random programs, computed lazily, eagerly and by several threads. */
#include "support/weft_check.h"

#include "base/dtype.h"
#include "base/rng.h"
#include "naive_values.h"
#include "sim/replay/kernels.h"
#include "sim/replay/value.h"

#define DTYPES 12
#define DATA_BYTES 16384

/* Inputs of a command, its output as computed by a graph and by the second opinion. */
typedef struct trial {
    weft_tensor inputs[WEFT_COMMAND_INPUTS_MAX];
    unsigned char data[WEFT_COMMAND_INPUTS_MAX][DATA_BYTES];
    unsigned char expected[DATA_BYTES], first[DATA_BYTES];
} trial;

static trial play;

static const double odd_numbers[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 0.0,    -0.0, 65504,     1e30,   1e-30,
                                     127.5,       -128.5,   0x1p63,    0x1p64, 0.1,  -0x1.8p63, 0x1p53, 1e300};

static void fill(weft__rng *rng, weft_dtype dtype, void *data, uint64_t count, bool with_odd)
{
    for (uint64_t i = 0; i < count; i++) {
        double value = weft__rng_normal(rng) * 4;
        if (with_odd && weft__rng_below(rng, 8) == 0)
            value = odd_numbers[weft__rng_below(rng, sizeof odd_numbers / sizeof odd_numbers[0])];
        naive_store(dtype, data, i, value);
        if (with_odd && weft__dtype_is_integer(dtype) && weft__rng_below(rng, 3) == 0) { /* of all sizes */
            uint64_t bits = weft__rng_next_u64(rng);
            memcpy((char *)data + i * weft_dtype_bytes(dtype), &bits, weft_dtype_bytes(dtype));
        }
    }
}

/* Computes a command whose inputs carry data; the data are good until the graph ends. */
static const void *compute(weft__values *values, const weft_command *command)
{
    weft_error err;
    weft__value_id ids[WEFT_COMMAND_INPUTS_MAX], out;
    for (size_t i = 0; i < command->input_count; i++)
        WEFT_TEST_ASSERT_OK(weft__values_constant(values, command->inputs[i].dtype, &command->inputs[i].shape,
                                                  command->inputs[i].data, &ids[i], &err),
                            err);
    const weft__operation operation = {
        .op = command->op,
        .dtype = command->output.dtype,
        .shape = command->output.shape,
        .inputs = ids,
        .input_count = command->input_count,
        .axis = command->axis,
        .epilogues = command->epilogues,
        .epilogue_count = command->epilogue_count,
        .tile_k = command->tile_k,
    };
    WEFT_TEST_ASSERT_OK(weft__values_operate(values, &operation, &out, &err), err);
    WEFT_TEST_ASSERT_OK(weft__values_evaluate(values, &out, 1, &err), err);
    return weft__values_data(values, out);
}

/* Computes with one thread and with three, which must agree, and with the second opinion. */
static void check(const weft_command *command, weft__threads *threads)
{
    weft_error err;
    uint64_t count = weft_shape_elements(&command->output.shape);
    size_t bytes = (size_t)count * weft_dtype_bytes(command->output.dtype);
    ck_assert(bytes <= DATA_BYTES);
    naive_compute(command, play.expected);
    for (int is_parallel = 0; is_parallel < 2; is_parallel++) {
        weft__values *values;
        const weft__values_options options = {.threads = is_parallel ? threads : NULL};
        WEFT_TEST_ASSERT_OK(weft__values_create(&options, &values, &err), err);
        const void *data = compute(values, command);
        for (uint64_t i = 0; i < count; i++)
            if (!naive_same(command->output.dtype, data, play.expected, i))
                ck_abort_msg("%s to %s: element %" PRIu64 " is %.17g, not %.17g", weft_command_op_name(command->op),
                             weft_dtype_name(command->output.dtype), i, naive_load(command->output.dtype, data, i),
                             naive_load(command->output.dtype, play.expected, i));
        if (is_parallel)
            ck_assert_int_eq(memcmp(play.first, data, bytes), 0);
        memcpy(play.first, data, bytes);
        weft__values_destroy(values);
    }
}

static weft__threads *start_threads(void)
{
    weft_error err;
    weft__threads *threads;
    WEFT_TEST_ASSERT_OK(weft__threads_create(3, WEFT__SPINS_DEFAULT, &threads, &err), err);
    return threads;
}

static weft_dtype draw_dtype(weft__rng *rng)
{
    return (weft_dtype)weft__rng_below(rng, DTYPES);
}

static void set_input(weft__rng *rng, size_t index, weft_dtype dtype, weft_shape shape)
{
    ck_assert(weft_shape_elements(&shape) * weft_dtype_bytes(dtype) <= DATA_BYTES);
    fill(rng, dtype, play.data[index], weft_shape_elements(&shape), true);
    play.inputs[index] = (weft_tensor){.dtype = dtype, .shape = shape, .data = play.data[index]};
}

START_TEST(elementwise_commands)
{
    weft__rng rng;
    weft__rng_init(&rng, 1);
    weft__threads *threads = start_threads();
    for (size_t round = 0; round < 4000; round++) {
        weft_command_op op = (weft_command_op)weft__rng_below(&rng, WEFT_COMMAND_SUM);
        const weft__command_row *row = weft__command_row_of(op);
        if (!row || row->kind != WEFT__CLASS_ELEMENTWISE)
            continue;
        weft_shape shape = {.rank = (uint32_t)weft__rng_below(&rng, 5)};
        for (uint32_t i = 0; i < shape.rank; i++)
            shape.extent[i] = weft__rng_below(&rng, 12) ? 1 + weft__rng_below(&rng, 5) : weft__rng_below(&rng, 2);
        if (shape.rank == 1)
            shape.extent[0] = weft__rng_below(&rng, 1500);
        weft_dtype all = draw_dtype(&rng);
        size_t full = (size_t)weft__rng_below(&rng, row->inputs);
        for (size_t i = 0; i < row->inputs; i++) {
            weft_shape own = shape;
            for (uint32_t k = 0; i != full && k < own.rank; k++)
                own.extent[k] = weft__rng_below(&rng, 3) ? own.extent[k] : 1;
            if (i != full && own.rank && weft__rng_below(&rng, 3) == 0) { /* without its first axis */
                memmove(own.extent, own.extent + 1, (size_t)--own.rank * sizeof own.extent[0]);
            }
            set_input(&rng, i, weft__rng_below(&rng, 2) ? all : draw_dtype(&rng), own);
        }
        weft_command command = {.op = op, .inputs = play.inputs, .input_count = row->inputs};
        command.output = (weft_tensor){.dtype = draw_dtype(&rng), .shape = shape};
        check(&command, threads);
    }
    weft__threads_destroy(threads);
}
END_TEST

START_TEST(reductions_and_softmax)
{
    const weft_command_op ops[] = {WEFT_COMMAND_SUM, WEFT_COMMAND_MAX, WEFT_COMMAND_MIN, WEFT_COMMAND_SOFTMAX};
    weft__rng rng;
    weft__rng_init(&rng, 2);
    weft__threads *threads = start_threads();
    for (size_t round = 0; round < 1500; round++) {
        weft_shape shape = {.rank = 1 + (uint32_t)weft__rng_below(&rng, 3)};
        for (uint32_t i = 0; i < shape.rank; i++)
            shape.extent[i] = 1 + weft__rng_below(&rng, 9);
        weft_command command = {.op = ops[weft__rng_below(&rng, 4)], .inputs = play.inputs, .input_count = 1};
        command.axis = (uint32_t)weft__rng_below(&rng, shape.rank);
        if (weft__rng_below(&rng, 4) == 0)
            shape.extent[command.axis] = 300;
        uint64_t room = DATA_BYTES / 8 / weft_shape_elements(&shape);
        if (room == 0)
            continue;
        set_input(&rng, 0, draw_dtype(&rng), shape);
        if (command.op == WEFT_COMMAND_SOFTMAX) /* whose oracle goes from the maximum, which NaN is not */
            fill(&rng, play.inputs[0].dtype, play.data[0], weft_shape_elements(&shape), false);
        command.output = (weft_tensor){.dtype = draw_dtype(&rng), .shape = shape};
        if (command.op != WEFT_COMMAND_SOFTMAX)
            command.output.shape.extent[command.axis] = 1;
        check(&command, threads);
    }
    weft__threads_destroy(threads);
}
END_TEST

/* A random epilogue; its operand, if it has one, is the next input. */
static void add_epilogue(weft__rng *rng, weft_command *command, uint64_t m, uint64_t n, uint64_t k)
{
    weft_epilogue step = {.op = (weft_epilogue_op)weft__rng_below(rng, 6), .factor = 0.5};
    step.scope = (weft_epilogue_scope)weft__rng_below(rng, 3);
    command->epilogues[command->epilogue_count++] = step;
    if (step.op > WEFT_EPILOGUE_BIAS)
        return;
    uint64_t rows = step.scope == WEFT_SCOPE_K_TILE ? (k + command->tile_k - 1) / command->tile_k : m;
    rows = weft__rng_below(rng, 2) ? rows : 1;
    weft_shape shape = weft_shape_2d(rows, weft__rng_below(rng, 2) ? n : 1);
    if (weft__rng_below(rng, 3) == 0)
        shape = weft_shape_1d(n);
    set_input(rng, command->input_count++, draw_dtype(rng), shape);
}

START_TEST(products_and_epilogues)
{
    const uint64_t sizes[] = {1, 2, 5, 31, 32, 33};
    weft__rng rng;
    weft__rng_init(&rng, 3);
    weft__threads *threads = start_threads();
    for (size_t round = 0; round < 600; round++) {
        uint64_t m = sizes[weft__rng_below(&rng, 6)], n = sizes[weft__rng_below(&rng, 6)];
        uint64_t k = sizes[weft__rng_below(&rng, 6)];
        if (weft__rng_below(&rng, 16) == 0)
            k = weft__rng_below(&rng, 3) * 150;
        m = k > 33 ? 3 : m;
        n = k > 33 ? 2 : weft__rng_below(&rng, 16) ? n : 0;
        weft_command command = {.op = WEFT_COMMAND_GEMM, .inputs = play.inputs, .input_count = 2};
        set_input(&rng, 0, draw_dtype(&rng), weft_shape_2d(m, k));
        set_input(&rng, 1, weft__rng_below(&rng, 2) ? play.inputs[0].dtype : draw_dtype(&rng), weft_shape_2d(k, n));
        command.output = (weft_tensor){.dtype = draw_dtype(&rng), .shape = weft_shape_2d(m, n)};
        command.tile_k = 1 + weft__rng_below(&rng, 40);
        for (uint64_t i = weft__rng_below(&rng, 5); i > 0; i--)
            add_epilogue(&rng, &command, m, n, k);
        check(&command, threads);
    }
    weft__threads_destroy(threads);
}
END_TEST

/* One by one, and many at once, of which some are no numbers. */
START_TEST(all_halves_are_loaded)
{
    enum {
        HALVES = 65536
    };
    static uint16_t halves[HALVES];
    static double together[HALVES];
    for (uint32_t i = 0; i < HALVES; i++)
        halves[i] = (uint16_t)i;
    for (uint32_t first = 0; first < 40; first += 13) {
        weft__load_doubles(WEFT_F16, halves, first, together, HALVES - first);
        for (uint32_t bits = first; bits < HALVES; bits++) {
            double got, expected = (double)weft__f16_to_f32(halves[bits]);
            weft__load_doubles(WEFT_F16, &halves[bits], 0, &got, 1);
            ck_assert_msg(naive_same_bytes(&got, &expected, sizeof got), "%04x is %.9g, not %.9g", bits, got, expected);
            ck_assert_msg(naive_same_bytes(&together[bits - first], &expected, sizeof expected),
                          "%04x is %.9g among others, not %.9g", bits, together[bits - first], expected);
        }
    }
}
END_TEST

/* Whatever instructions this machine has: products as the sums are told, in whole blocks, narrow and empty ones. */
START_TEST(all_instruction_sets_agree_bit_for_bit)
{
    enum {
        HALVES = 65536,
        ROWS = 9,
        DEPTH = 21
    };
    const size_t columns[] = {0, 1, 7, 31, WEFT__LOOPS_COLUMNS - 1, WEFT__LOOPS_COLUMNS};
    static uint16_t halves[HALVES];
    static double loaded[2][HALVES], a[ROWS * DEPTH], b[DEPTH * WEFT__LOOPS_COLUMNS];
    static double sums[ROWS * WEFT__LOOPS_COLUMNS], expected[ROWS * WEFT__LOOPS_COLUMNS];
    weft__rng rng;
    weft__rng_init(&rng, 7);
    for (uint32_t i = 0; i < HALVES; i++)
        halves[i] = (uint16_t)(i * 40503u); /* each once, those that are no numbers among others */
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] = weft__rng_unit(&rng) - 0.5;
    for (size_t i = 0; i < sizeof b / sizeof b[0]; i++)
        b[i] = weft__rng_unit(&rng) - 0.5;
    weft__loops_scalar.load_f16(halves, loaded[0], HALVES);
    for (size_t set = 0; set < WEFT__ISA_COUNT; set++) {
        const weft__loops *loops = weft__loops_for((weft__isa)set);
        if (!weft__isa_available((weft__isa)set))
            continue;
        loops->load_f16(halves, loaded[1], HALVES);
        ck_assert_msg(naive_same_bytes(loaded[0], loaded[1], sizeof loaded[0]), "%s", weft__isa_name((weft__isa)set));
        for (size_t round = 0; round < sizeof columns / sizeof columns[0] * (ROWS + 1); round++) {
            size_t rows = round % (ROWS + 1), width = columns[round / (ROWS + 1)];
            for (size_t i = 0; i < rows * width; i++) {
                sums[i] = expected[i] = (double)i;
                for (size_t k = 0; k < DEPTH; k++) {
                    volatile double product = a[i / width * DEPTH + k] * b[k * width + i % width];
                    expected[i] += product;
                }
            }
            loops->add_products(sums, a, b, rows, width, DEPTH);
            ck_assert_msg(naive_same_bytes(sums, expected, rows * width * sizeof sums[0]), "%s, %zu by %zu",
                          weft__isa_name((weft__isa)set), rows, width);
        }
    }
}
END_TEST

START_TEST(rounds_once)
{
    weft__rng rng;
    weft__rng_init(&rng, 4);
    const weft_dtype dtypes[] = {WEFT_F16, WEFT_BF16};
    for (size_t round = 0; round < 200000; round++) {
        weft_dtype dtype = dtypes[round % 2];
        uint16_t bits = (uint16_t)weft__rng_next_u64(&rng), next = (uint16_t)(bits + 1), got, expected;
        double low = naive_load(dtype, &bits, 0), high = naive_load(dtype, &next, 0);
        if (!isfinite(low) || !isfinite(high))
            continue;
        double middle = low + (high - low) / 2; /* a tie, or the least bit beside one */
        double value = round % 3 == 0 ? middle : nextafter(middle, round % 3 == 1 ? HUGE_VAL : -HUGE_VAL);
        weft__store_doubles(dtype, &got, 0, &value, 1);
        naive_store(dtype, &expected, 0, value);
        ck_assert_msg(got == expected, "%.20g to %s is %04x, not %04x", value, weft_dtype_name(dtype), got, expected);
    }
    const double edges[] = {65519.99999999999, 65520, 1e300, -1e300, 0x1p-25, 0x1.0000000000001p-25, 0x1p-1074};
    const uint16_t wanted[] = {0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 1, 0};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        uint16_t got;
        weft__store_doubles(WEFT_F16, &got, 0, &edges[i], 1);
        ck_assert_uint_eq(got, wanted[i]);
    }
}
END_TEST

START_TEST(integers_saturate)
{
    const int64_t a[4] = {INT64_MAX, INT64_MIN, INT64_MIN, INT64_C(9007199254740993)}, b[4] = {1, -1, 1, 2};
    const int64_t sums[4] = {INT64_MAX, INT64_MIN, INT64_MIN + 1, INT64_C(9007199254740995)};
    const int64_t products[4] = {INT64_MAX, INT64_MAX, INT64_MIN, INT64_C(18014398509481986)};
    const int64_t differences[4] = {INT64_MAX - 1, INT64_MIN + 1, INT64_MIN, INT64_C(9007199254740991)};
    const weft_command_op ops[] = {WEFT_COMMAND_ADD, WEFT_COMMAND_MUL, WEFT_COMMAND_SUB};
    const int64_t *const expected[] = {sums, products, differences};
    weft_error err;
    weft__values *values;
    WEFT_TEST_ASSERT_OK(weft__values_create(NULL, &values, &err), err);
    weft_shape four = weft_shape_1d(4);
    weft_tensor inputs[2] = {{.dtype = WEFT_I64, .shape = four, .data = a},
                             {.dtype = WEFT_I64, .shape = four, .data = b}};
    weft_command command = {.inputs = inputs, .input_count = 2, .output = inputs[0]};
    for (size_t i = 0; i < 3; i++) {
        command.op = ops[i];
        ck_assert_int_eq(memcmp(compute(values, &command), expected[i], sizeof sums), 0);
    }
    const float odd[4] = {NAN, INFINITY, -300, 2.5f};
    const int8_t bytes[4] = {0, 127, -128, 2};
    inputs[0] = (weft_tensor){.dtype = WEFT_F32, .shape = four, .data = odd};
    command.op = WEFT_COMMAND_CAST;
    command.input_count = 1;
    command.output.dtype = WEFT_I8;
    ck_assert_int_eq(memcmp(compute(values, &command), bytes, 4), 0);
    const int64_t least = INT64_MIN;
    inputs[0] = (weft_tensor){.dtype = WEFT_I64, .shape = weft_shape_1d(1), .data = &least};
    command.output = inputs[0];
    command.op = WEFT_COMMAND_NEG;
    ck_assert(*(const int64_t *)compute(values, &command) == INT64_MAX);
    weft__values_destroy(values);
}
END_TEST

/* One command on one or more elements each of its inputs, against what it must give, bit for bit. */
static void expect(weft_command_op op, weft_dtype from, const void *const *data, size_t inputs, weft_dtype to,
                   const void *expected, uint64_t count)
{
    weft_error err;
    weft__values *values;
    WEFT_TEST_ASSERT_OK(weft__values_create(NULL, &values, &err), err);
    weft_tensor operands[3];
    for (size_t i = 0; i < inputs; i++)
        operands[i] = (weft_tensor){.dtype = from, .shape = weft_shape_1d(count), .data = data[i]};
    const weft_command command = {
        .op = op, .inputs = operands, .input_count = inputs, .output = {.dtype = to, .shape = weft_shape_1d(count)}};
    ck_assert_msg(naive_same_bytes(compute(values, &command), expected, count * weft_dtype_bytes(to)), "%s of %s to %s",
                  weft_command_op_name(op), weft_dtype_name(from), weft_dtype_name(to));
    weft__values_destroy(values);
}

/* Of floats what doubles give, rounded once: also where they are subnormal, overflow, or lose digits beside a tie. */
START_TEST(floats_are_computed_as_doubles)
{
    static const weft_command_op ops[] = {WEFT_COMMAND_ADD, WEFT_COMMAND_SUB, WEFT_COMMAND_MUL, WEFT_COMMAND_MAXIMUM,
                                          WEFT_COMMAND_MINIMUM};
    static const uint32_t masks[] = {UINT32_MAX, 0x807fffff, 0x80000003, 0xff800001};
    static float a[999], b[999], expected[999]; /* more than a chunk */
    weft__rng rng;
    weft__rng_init(&rng, 14);
    for (size_t round = 0; round < 200; round++) {
        weft_command_op op = ops[round % 5];
        for (size_t i = 0; i < 999; i++) {
            uint32_t x_bits = (uint32_t)weft__rng_next_u64(&rng) & masks[weft__rng_below(&rng, 4)];
            uint32_t y_bits = (uint32_t)weft__rng_next_u64(&rng) & masks[weft__rng_below(&rng, 4)];
            if (i % 3 == 0) /* some powers of two less */
                y_bits = x_bits - ((uint32_t)weft__rng_below(&rng, 31) << 23) + (uint32_t)weft__rng_below(&rng, 3);
            memcpy(&a[i], &x_bits, sizeof a[i]);
            memcpy(&b[i], &y_bits, sizeof b[i]);
            a[i] = isnan(a[i]) ? 1 : a[i];
            b[i] = isnan(b[i]) ? -1 : b[i];
            double x = (double)a[i], y = (double)b[i];
            const double results[] = {x + y, x - y, x * y, x > y ? x : y, x < y ? x : y};
            expected[i] = (float)results[round % 5];
        }
        expect(op, WEFT_F32, (const void *const[]){a, b}, 2, WEFT_F32, expected, 999);
    }
}
END_TEST

#define TOP UINT64_MAX

START_TEST(numbers_of_64_bits_are_exact)
{
    const uint64_t a[5] = {TOP, 3, (1ull << 53) + 1, 1ull << 63, 0xfffffffffffff801u};
    const uint64_t b[5] = {1, 5, 2, (1ull << 63) - 1, 0xfffffffffffff800u};
    const void *const u[2] = {a, b};
    expect(WEFT_COMMAND_ADD, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){TOP, 8, (1ull << 53) + 3, TOP, TOP}, 5);
    expect(WEFT_COMMAND_SUB, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){TOP - 1, 0, (1ull << 53) - 1, 1, 1}, 5);
    expect(WEFT_COMMAND_SUB, WEFT_U64, u, 2, WEFT_I64, (int64_t[]){INT64_MAX, -2, (1ll << 53) - 1, 1, 1}, 5);
    expect(WEFT_COMMAND_MUL, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){TOP, 15, (1ull << 54) + 2, TOP, TOP}, 5);
    expect(WEFT_COMMAND_MAXIMUM, WEFT_U64, u, 2, WEFT_U64,
           (uint64_t[]){TOP, 5, (1ull << 53) + 1, 1ull << 63, 0xfffffffffffff801u}, 5);
    expect(WEFT_COMMAND_MINIMUM, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){1, 3, 2, (1ull << 63) - 1, 0xfffffffffffff800u},
           5);
    expect(WEFT_COMMAND_LT, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){0, 1, 0, 0, 0}, 5);
    const void *const turned[2] = {b, a};
    expect(WEFT_COMMAND_LT, WEFT_U64, turned, 2, WEFT_U64, (uint64_t[]){1, 0, 1, 1, 1}, 5);
    expect(WEFT_COMMAND_LE, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){0, 1, 0, 0, 0}, 5);
    expect(WEFT_COMMAND_EQ, WEFT_U64, u, 2, WEFT_U64, (uint64_t[]){0, 0, 0, 0, 0}, 5);
    expect(WEFT_COMMAND_NE, WEFT_U64, u, 2, WEFT_I8, (int8_t[]){1, 1, 1, 1, 1}, 5);
    const int64_t c[2] = {(1ll << 53) + 1, -(1ll << 53) - 1}, d[2] = {1ll << 53, -(1ll << 53)};
    const void *const i[2] = {c, d};
    expect(WEFT_COMMAND_LT, WEFT_I64, i, 2, WEFT_I64, (int64_t[]){0, 1}, 2);
    expect(WEFT_COMMAND_MAXIMUM, WEFT_I64, i, 2, WEFT_I64, (int64_t[]){(1ll << 53) + 1, -(1ll << 53)}, 2);
    const int64_t least[2] = {INT64_MIN, INT64_MAX};
    const void *const l[1] = {least};
    expect(WEFT_COMMAND_NEG, WEFT_I64, l, 1, WEFT_U64, (uint64_t[]){1ull << 63, 0}, 2);
    expect(WEFT_COMMAND_ABS, WEFT_I64, l, 1, WEFT_U64, (uint64_t[]){1ull << 63, INT64_MAX}, 2);
    expect(WEFT_COMMAND_RELU, WEFT_I64, l, 1, WEFT_U64, (uint64_t[]){0, INT64_MAX}, 2);
    /* Thirds, and a sum whose last bits an f32 has not. */
    const double x[2] = {1.0 / 3, 0x1p60}, y[2] = {3, 0x1p8};
    const void *const f[2] = {x, y};
    expect(WEFT_COMMAND_ADD, WEFT_F64, f, 2, WEFT_F64, (double[]){1.0 / 3 + 3, 0x1p60 + 0x1p8}, 2);
    expect(WEFT_COMMAND_DIV, WEFT_F64, f, 2, WEFT_F64, (double[]){1.0 / 3 / 3, 0x1p52}, 2);
}
END_TEST

START_TEST(conversions_of_64_bits)
{
    const double x[8] = {(double)NAN, -1, 0.5, 1.5, 0x1p63, 0x1.fffffffffffffp63, 0x1p64, -HUGE_VAL};
    const void *const f[1] = {x};
    expect(WEFT_COMMAND_CAST, WEFT_F64, f, 1, WEFT_U64,
           (uint64_t[]){0, 0, 0, 2, 1ull << 63, 0xfffffffffffff800u, TOP, 0}, 8);
    expect(WEFT_COMMAND_CAST, WEFT_F64, f, 1, WEFT_I64,
           (int64_t[]){0, -1, 0, 2, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MIN}, 8);
    /* Rounded once: by way of a double it would be a tie, and go to even. */
    const uint64_t n[4] = {TOP, (1ull << 53) + 1, (1ull << 54) + (1ull << 30) + 1, (1ull << 63) + (1ull << 55) + 1};
    const int64_t m[2] = {-(1ll << 54) - (1ll << 30) - 1, (1ll << 62) + (1ll << 54) + 1};
    const void *const u[1] = {n}, *const i[1] = {m};
    expect(WEFT_COMMAND_CAST, WEFT_U64, u, 1, WEFT_F64, (double[]){0x1p64, 0x1p53, 0x1p54 + 0x1p30, 0x1p63 + 0x1p55},
           4);
    expect(WEFT_COMMAND_CAST, WEFT_U64, u, 1, WEFT_F32,
           (float[]){0x1p64f, 0x1p53f, 0x1p54f + 0x1p31f, 0x1p63f + 0x1p55f}, 4);
    expect(WEFT_COMMAND_CAST, WEFT_U64, u, 1, WEFT_BF16, (uint16_t[]){0x5f80, 0x5a00, 0x5a80, 0x5f01}, 4);
    expect(WEFT_COMMAND_CAST, WEFT_U64, u, 1, WEFT_I64,
           (int64_t[]){INT64_MAX, (1ll << 53) + 1, (1ll << 54) + (1ll << 30) + 1, INT64_MAX}, 4);
    expect(WEFT_COMMAND_CAST, WEFT_U64, u, 1, WEFT_I8, (int8_t[]){127, 127, 127, 127}, 4);
    expect(WEFT_COMMAND_CAST, WEFT_I64, i, 1, WEFT_U64, (uint64_t[]){0, (1ull << 62) + (1ull << 54) + 1}, 2);
    expect(WEFT_COMMAND_CAST, WEFT_I64, i, 1, WEFT_F32, (float[]){-0x1p54f - 0x1p31f, 0x1p62f + 0x1p54f}, 2);
    expect(WEFT_COMMAND_CAST, WEFT_I64, i, 1, WEFT_BF16, (uint16_t[]){0xda80, 0x5e81}, 2);
    const float y[3] = {NAN, 0x1p64f, 0x1.8p40f};
    const double near[2] = {0.1, 1e300};
    const void *const s[1] = {y}, *const t[1] = {near};
    expect(WEFT_COMMAND_CAST, WEFT_F32, s, 1, WEFT_U64, (uint64_t[]){0, TOP, 0x18000000000u}, 3);
    expect(WEFT_COMMAND_CAST, WEFT_F32, s, 1, WEFT_F64, (double[]){(double)y[0], 0x1p64, 0x1.8p40}, 3);
    expect(WEFT_COMMAND_CAST, WEFT_F64, t, 1, WEFT_F32, (float[]){0.1f, INFINITY}, 2);
    expect(WEFT_COMMAND_CAST, WEFT_F64, t, 1, WEFT_F64, near, 2);
}
END_TEST

/* A row and a column of k numbers of a dtype, all the same, give k times their product. */
static void expect_product(weft_dtype dtype, const void *a, const void *b, uint64_t k, weft_dtype to,
                           const void *expected)
{
    weft_error err;
    weft__values *values;
    unsigned char data[2][64 * 8];
    size_t bytes = weft_dtype_bytes(dtype);
    for (size_t i = 0; i < k; i++) {
        memcpy(data[0] + i * bytes, a, bytes);
        memcpy(data[1] + i * bytes, b, bytes);
    }
    WEFT_TEST_ASSERT_OK(weft__values_create(NULL, &values, &err), err);
    const weft_tensor inputs[2] = {{.dtype = dtype, .shape = weft_shape_2d(1, k), .data = data[0]},
                                   {.dtype = dtype, .shape = weft_shape_2d(k, 1), .data = data[1]}};
    const weft_command command = {.op = WEFT_COMMAND_GEMM,
                                  .inputs = inputs,
                                  .input_count = 2,
                                  .output = {.dtype = to, .shape = weft_shape_2d(1, 1)}};
    ck_assert_msg(naive_same_bytes(compute(values, &command), expected, weft_dtype_bytes(to)), "%s to %s",
                  weft_dtype_name(dtype), weft_dtype_name(to));
    weft__values_destroy(values);
}

START_TEST(products_of_64_bits)
{
    const uint64_t half = 1ull << 63, one = 1, odd = (1ull << 53) + 1, top = TOP;
    const uint32_t wide = UINT32_MAX, three = 3;
    const int64_t least = INT64_MIN, two = 2, minus = -1;
    expect_product(WEFT_U64, &odd, &one, 3, WEFT_U64, &(uint64_t){3 * ((1ull << 53) + 1)});
    expect_product(WEFT_U64, &half, &one, 1, WEFT_U64, &half);
    expect_product(WEFT_U64, &half, &one, 1, WEFT_I64, &(int64_t){INT64_MAX});
    expect_product(WEFT_U64, &half, &one, 1, WEFT_F64, &(double){0x1p63});
    expect_product(WEFT_U64, &half, &one, 3, WEFT_U64, &half); /* modulo 2^64 */
    expect_product(WEFT_U64, &top, &top, 5, WEFT_U64, &(uint64_t){5});
    expect_product(WEFT_U32, &wide, &wide, 1, WEFT_U64, &(uint64_t){0xfffffffe00000001u});
    expect_product(WEFT_U32, &wide, &wide, 1, WEFT_U32, &wide);
    expect_product(WEFT_U32, &wide, &three, 1, WEFT_I64, &(int64_t){3ll * UINT32_MAX});
    expect_product(WEFT_I64, &least, &two, 1, WEFT_I64, &(int64_t){0});
    expect_product(WEFT_I64, &minus, &two, 1, WEFT_U64, &(uint64_t){0});
    /* A sum in f32 would lose the small products. */
    const double big = 1 + 0x1p-40, small = 1 - 0x1p-40;
    expect_product(WEFT_F64, &big, &small, 64, WEFT_F64, &(double){64 * (1 - 0x1p-80)});
    expect_product(WEFT_F64, &big, &big, 1, WEFT_F64, &(double){1 + 0x1p-39});
}
END_TEST

START_TEST(reductions_of_nothing)
{
    weft_error err;
    weft__values *values;
    WEFT_TEST_ASSERT_OK(weft__values_create(NULL, &values, &err), err);
    float unused = 1;
    weft_tensor input = {.dtype = WEFT_F32, .shape = weft_shape_2d(2, 0), .data = &unused};
    weft_command command = {.op = WEFT_COMMAND_SUM, .inputs = &input, .input_count = 1, .axis = 1};
    command.output = (weft_tensor){.dtype = WEFT_F32, .shape = weft_shape_1d(2)};
    ck_assert(((const float *)compute(values, &command))[1] == 0);
    command.op = WEFT_COMMAND_MAX;
    ck_assert(((const float *)compute(values, &command))[1] == -INFINITY);
    input.dtype = command.output.dtype = WEFT_U64;
    ck_assert_uint_eq(((const uint64_t *)compute(values, &command))[1], 0);
    command.output.dtype = WEFT_I64;
    ck_assert(((const int64_t *)compute(values, &command))[1] == INT64_MIN);
    command.output.dtype = WEFT_U64;
    command.op = WEFT_COMMAND_MIN;
    ck_assert_uint_eq(((const uint64_t *)compute(values, &command))[1], TOP);
    input.dtype = command.output.dtype = WEFT_F32;
    command.op = WEFT_COMMAND_SOFTMAX;
    command.output.shape = input.shape;
    ck_assert_ptr_nonnull(compute(values, &command));
    weft__values_destroy(values);
}
END_TEST

/* Enough work that all threads get some, through a graph with many ways. */
START_TEST(threads_agree_bit_for_bit)
{
    enum {
        ROWS = 192
    };
    weft_error err;
    weft__rng rng;
    weft__threads *threads = start_threads();
    static uint16_t data[ROWS * ROWS];
    static float results[2][8][ROWS];
    weft__rng_init(&rng, 6);
    fill(&rng, WEFT_F16, data, (uint64_t)ROWS * ROWS, false);
    weft_shape square = weft_shape_2d(ROWS, ROWS), row = weft_shape_2d(1, ROWS);
    for (int round = 0; round < 2; round++) {
        weft__values *values;
        const weft__values_options options = {.threads = round ? threads : NULL};
        WEFT_TEST_ASSERT_OK(weft__values_create(&options, &values, &err), err);
        weft__value_id a, sums[8];
        WEFT_TEST_ASSERT_OK(weft__values_constant(values, WEFT_F16, &square, data, &a, &err), err);
        for (size_t i = 0; i < 8; i++) {
            weft__value_id ids[2] = {a, a}, product, soft;
            const weft__operation gemm = {WEFT_COMMAND_GEMM, WEFT_F16, square, ids, 2, 0, NULL, 0, 0};
            WEFT_TEST_ASSERT_OK(weft__values_operate(values, &gemm, &product, &err), err);
            const weft__operation softmax = {WEFT_COMMAND_SOFTMAX, WEFT_F32, square, &product, 1,
                                             (uint32_t)(i % 2),    NULL,     0,      0};
            WEFT_TEST_ASSERT_OK(weft__values_operate(values, &softmax, &soft, &err), err);
            const weft__operation sum = {WEFT_COMMAND_SUM, WEFT_F32, row, &soft, 1, 0, NULL, 0, 0};
            WEFT_TEST_ASSERT_OK(weft__values_operate(values, &sum, &sums[i], &err), err);
            weft__values_release(values, a);
            weft__values_release(values, soft);
            a = product;
        }
        WEFT_TEST_ASSERT_OK(weft__values_evaluate(values, sums, 8, &err), err);
        for (size_t i = 0; i < 8; i++)
            memcpy(results[round][i], weft__values_data(values, sums[i]), sizeof results[round][i]);
        weft__values_destroy(values);
    }
    ck_assert(naive_same_bytes(results[0], results[1], sizeof results[0]));
    weft__threads_destroy(threads);
}
END_TEST

WEFT_TEST_MAIN("evaluate", elementwise_commands, reductions_and_softmax, products_and_epilogues, all_halves_are_loaded,
               all_instruction_sets_agree_bit_for_bit, rounds_once, floats_are_computed_as_doubles, integers_saturate,
               numbers_of_64_bits_are_exact, conversions_of_64_bits, products_of_64_bits, reductions_of_nothing,
               threads_agree_bit_for_bit)
