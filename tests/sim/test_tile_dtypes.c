/* Tensors of every dtype, from the host through a kernel and back: what is loaded, given as a constant, looked at,
 * added, converted, multiplied, and made by a composite command with an epilogue. Numbers have more digits than f32
 * has, and integers all the bits of their dtype. */
#include "naive_values.h"
#include "simulation_bench.h"

#include <string.h>

#include "base/dtype.h"
#include "base/rng.h"
#include "sim/replay/kernels.h"

#define DTYPES 12
#define PES 2u
#define ROWS 4u /* of each PE */
#define COLUMNS 8u

typedef struct room {
    uint64_t words[PES * ROWS * COLUMNS]; /* for elements of any dtype */
} room;

typedef struct dtype_work {
    weft_dtype dtype, other;
    weft_placed_tensor *in, *sum, *other_sum, *product, *biased;
    room constant;
    room *looked_at; /* of each PE */
} dtype_work;

static void dtype_kernel(weft_tile *tl, const void *arguments)
{
    const dtype_work *it = arguments;
    tl_tensor in = tl_shard(tl, it->in), biased = tl_shard(tl, it->biased);
    tl_tensor x = tl_load(tl, in.address, in.shape, in.dtype);
    tl_tensor sum = tl_add(tl, x, tl_constant(tl, weft_shape_2d(1, COLUMNS), it->dtype, &it->constant));
    tl_peek(tl, sum, &it->looked_at[tl_program_id(tl, TL_AXIS_ALL)]);
    tl_store(tl, tl_shard(tl, it->sum).address, sum);
    tl_store(tl, tl_shard(tl, it->other_sum).address, tl_cast(tl, sum, it->other));
    tl_tensor product = tl_dot(tl, sum, tl_trans(tl, x));
    tl_store(tl, tl_shard(tl, it->product).address, product);
    const tl_epilogue bias = {.step = {WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 0},
                              .operand = tl_full(tl, weft_shape_2d(1, ROWS), it->dtype, 3)};
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = sum,
                                          .b = tl_trans(tl, x),
                                          .out = biased.address,
                                          .dtype = WEFT_F64,
                                          .epilogues = &bias,
                                          .epilogue_count = 1};
    tl_wait(tl, tl_composite(tl, &request));
}

static void draw(weft__rng *rng, weft_dtype dtype, uint64_t count, room *out)
{
    size_t each = weft_dtype_bytes(dtype);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bits = weft__rng_next_u64(rng);
        if (weft__dtype_is_integer(dtype))
            memcpy((char *)out->words + i * each, &bits, each);
        else
            naive_store(dtype, out->words, i, weft__rng_normal(rng));
    }
}

static void transpose(weft_dtype dtype, const void *rows, void *columns)
{
    size_t each = weft_dtype_bytes(dtype);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        memcpy((char *)columns + (i % COLUMNS * ROWS + i / COLUMNS) * each, (const char *)rows + i * each, each);
}

static weft_tensor tensor_of(weft_dtype dtype, uint64_t rows, uint64_t columns, const void *data)
{
    return (weft_tensor){.dtype = dtype, .shape = weft_shape_2d(rows, columns), .data = data};
}

/* What a PE has made in a tensor, against the command that should make it. */
static void check(weft_placed_tensor *tensor, uint32_t pe, weft_command command, const char *what)
{
    room expected, found;
    uint64_t count = weft_shape_elements(&command.output.shape);
    size_t bytes = count * weft_dtype_bytes(command.output.dtype);
    naive_compute(&command, &expected);
    get_tensor(tensor, &found, PES * bytes);
    for (uint64_t i = 0; i < count; i++)
        ck_assert_msg(naive_same(command.output.dtype, (char *)&found + pe * bytes, &expected, i),
                      "%s of %s in %s, element %d of PE %d", what, weft_dtype_name(command.inputs[0].dtype),
                      weft_dtype_name(command.output.dtype), (int)i, (int)pe);
}

static void check_pe(const dtype_work *it, uint32_t pe, const room *in)
{
    const uint64_t elements = ROWS * COLUMNS;
    const void *rows = (const char *)in + pe * elements * weft_dtype_bytes(it->dtype);
    room columns, sum, three;
    weft_dtype narrow = it->dtype == WEFT_I8 || it->dtype == WEFT_U8 ? WEFT_I32 : it->dtype;
    const weft_tensor added[] = {tensor_of(it->dtype, ROWS, COLUMNS, rows),
                                 tensor_of(it->dtype, 1, COLUMNS, &it->constant)};
    weft_command command = {.op = WEFT_COMMAND_ADD, .inputs = added, .input_count = 2, .output = added[0]};
    check(it->sum, pe, command, "sum");
    naive_compute(&command, &sum);
    for (uint64_t i = 0; i < elements; i++)
        ck_assert(naive_same(it->dtype, &it->looked_at[pe], &sum, i));
    transpose(it->dtype, rows, &columns);
    for (uint64_t i = 0; i < ROWS; i++)
        naive_store(it->dtype, &three, i, 3);
    const weft_tensor factors[] = {tensor_of(it->dtype, ROWS, COLUMNS, &sum),
                                   tensor_of(it->dtype, COLUMNS, ROWS, &columns),
                                   tensor_of(it->dtype, 1, ROWS, &three)};
    command = (weft_command){.op = WEFT_COMMAND_CAST, .inputs = factors, .input_count = 1};
    command.output = tensor_of(it->other, ROWS, COLUMNS, NULL);
    check(it->other_sum, pe, command, "cast");
    command = (weft_command){.op = WEFT_COMMAND_GEMM, .inputs = factors, .input_count = 2};
    command.output = tensor_of(narrow, ROWS, ROWS, NULL);
    check(it->product, pe, command, "product");
    command.input_count = 3;
    command.epilogues[0].op = WEFT_EPILOGUE_BIAS;
    command.epilogue_count = 1;
    command.output.dtype = WEFT_F64;
    check(it->biased, pe, command, "biased product");
}

/* Every dtype, and its conversions to all others. */
START_TEST(tensors_of_every_dtype_go_through_a_kernel)
{
    const weft_placement placement = {.pes = {.sips = 1, .cubes = 1, .pes = PES}, .over_pes = WEFT_SPLIT_ROWS};
    const weft_shape shape = weft_shape_2d(PES * ROWS, COLUMNS), square = weft_shape_2d(PES * ROWS, ROWS);
    weft__rng rng;
    room in, looked_at[PES];
    weft_dtype dtype = (weft_dtype)_i;
    weft__rng_init(&rng, 100 + (uint64_t)_i);
    simulation_bench bench = open_simulation("two-sip", NULL, NULL);
    for (uint32_t other = 0; other < DTYPES; other++) {
        weft_dtype product = dtype == WEFT_I8 || dtype == WEFT_U8 ? WEFT_I32 : dtype;
        dtype_work work = {.dtype = dtype,
                           .other = (weft_dtype)other,
                           .in = make_tensor(&bench, dtype, shape, placement),
                           .sum = make_tensor(&bench, dtype, shape, placement),
                           .other_sum = make_tensor(&bench, (weft_dtype)other, shape, placement),
                           .product = make_tensor(&bench, product, square, placement),
                           .biased = make_tensor(&bench, WEFT_F64, square, placement),
                           .looked_at = looked_at};
        draw(&rng, dtype, PES * ROWS * COLUMNS, &in);
        draw(&rng, dtype, COLUMNS, &work.constant);
        set_tensor(work.in, &in, PES * ROWS * COLUMNS * weft_dtype_bytes(dtype));
        const weft_launch_options options = {.kernel = dtype_kernel, .arguments = &work, .pes = placement.pes};
        ck_assert_uint_eq(run_launch(&bench, &options).pes, PES);
        for (uint32_t pe = 0; pe < PES; pe++)
            check_pe(&work, pe, &in);
        weft_placed_tensor *const made[] = {work.in, work.sum, work.other_sum, work.product, work.biased};
        for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
            weft_placed_tensor_destroy(made[i]);
    }
    close_simulation(&bench);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tile_dtypes");
    TCase *tests = tcase_create("tile_dtypes");
    tcase_add_loop_test(tests, tensors_of_every_dtype_go_through_a_kernel, 0, DTYPES);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
