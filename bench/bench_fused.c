/* Fused ops beside the ops that they stand for, on the cpu device with one thread: recorded, committed and waited for,
 * the separate ops with the barriers that they need. Both are measured in turns, and the fastest sample of each counts.
 * Where there is little to do, many of them are recorded into one command buffer, so that handing that over does not
 * count. The yardstick, of what caches do not hold, is what the fused op must move, by its definition, at the speed of
 * memcpy; what reads more than it writes can be faster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "bench_data.h"
#include "bench_machine.h"
#include "bench_timer.h"

enum {
    ROUNDS = 6,
    SAMPLES_PER_ROUND = 3,
    ARGUMENTS = 8,
    MANY = 64
};

static const double sample_ns = 4e6;
static const size_t copy_bytes = (size_t)128 << 20;
static const double cached_bytes = 64 << 20;

/* The arguments of all ops; MIDDLE is what lies between the separate ones. */
enum {
    X,
    OTHER,
    WEIGHT,
    UP_WEIGHT,
    POSITIONS,
    MIDDLE,
    SECOND_MIDDLE,
    OUT
};

typedef struct bench_case bench_case;

struct bench_case {
    const char *name;
    const char *op;
    weft_status (*separate)(weft_encoder *encoder, weft_buffer *const *at, weft_error *err);
    weft_status (*fused)(weft_encoder *encoder, weft_buffer *const *at, weft_error *err);
    weft_dtype dtype; /* of weights */
    weft_shape x, weight, out;
    uint32_t arguments[6]; /* of the fused op */
    uint32_t argument_count;
};

static const weft_rms_norm_params norm = {1e-6f, 0};
static const weft_rms_norm_rope_params norm_rope = {{1e-6f, 0}, {.theta = 1e6}};

static weft_status barrier(weft_encoder *encoder, weft_status status, weft_error *err)
{
    return status == WEFT_OK ? weft_encoder_barrier(encoder, err) : status;
}

static weft_status separate_norm_mul(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    weft_status status = barrier(encoder, weft_rms_norm(encoder, at[X], at[WEIGHT], &norm, at[MIDDLE], err), err);
    return status == WEFT_OK ? weft_mul(encoder, at[MIDDLE], at[OTHER], at[OUT], err) : status;
}

static weft_status fused_norm_mul(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_rms_norm_mul(encoder, at[X], at[WEIGHT], at[OTHER], &norm, at[OUT], err);
}

static weft_status separate_add_norm(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    weft_status status = barrier(encoder, weft_add(encoder, at[X], at[OTHER], at[MIDDLE], err), err);
    return status == WEFT_OK ? weft_rms_norm(encoder, at[MIDDLE], at[WEIGHT], &norm, at[OUT], err) : status;
}

static weft_status fused_add_norm(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_add_rms_norm(encoder, at[X], at[OTHER], at[WEIGHT], &norm, at[MIDDLE], at[OUT], err);
}

static weft_status separate_norm_rope(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    weft_status status =
        barrier(encoder, weft_rms_norm(encoder, at[X], at[WEIGHT], &norm_rope.norm, at[MIDDLE], err), err);
    return status == WEFT_OK ? weft_rope(encoder, at[MIDDLE], at[POSITIONS], &norm_rope.rope, at[OUT], err) : status;
}

static weft_status fused_norm_rope(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_rms_norm_rope(encoder, at[X], at[WEIGHT], at[POSITIONS], &norm_rope, at[OUT], err);
}

static weft_status separate_gated(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    weft_status status = weft_matmul(encoder, at[X], at[WEIGHT], at[MIDDLE], err);
    if (status == WEFT_OK)
        status = weft_matmul(encoder, at[X], at[UP_WEIGHT], at[SECOND_MIDDLE], err);
    status = barrier(encoder, status, err);
    return status == WEFT_OK ? weft_silu_mul(encoder, at[MIDDLE], at[SECOND_MIDDLE], at[OUT], err) : status;
}

static weft_status fused_gated(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_gate_up_silu(encoder, at[X], at[WEIGHT], at[UP_WEIGHT], at[OUT], err);
}

#define NORM_MUL "rms_norm_mul", separate_norm_mul, fused_norm_mul, WEFT_BF16
#define ADD_NORM "add_rms_norm", separate_add_norm, fused_add_norm, WEFT_BF16
#define NORM_ROPE "rms_norm_rope", separate_norm_rope, fused_norm_rope, WEFT_BF16
#define GATED "gate_up_silu", separate_gated, fused_gated, WEFT_BF16

/* clang-format off */
#define ROWS(rows, dims) {2, {rows, dims}}, {1, {dims}}, {2, {rows, dims}}
#define HEADS(tokens, heads) {3, {tokens, heads, 128}}, {1, {128}}, {3, {tokens, heads, 128}}
#define PRODUCT(m, k, n) {2, {m, k}}, {2, {n, k}}, {2, {m, n}}

static const bench_case cases[] = {
    {"1 x 4096", NORM_MUL, ROWS(1, 4096), {X, WEIGHT, OTHER, OUT}, 4},
    {"2048 x 4096", NORM_MUL, ROWS(2048, 4096), {X, WEIGHT, OTHER, OUT}, 4},
    {"1 x 4096", ADD_NORM, ROWS(1, 4096), {X, OTHER, WEIGHT, MIDDLE, OUT}, 5},
    {"2048 x 4096", ADD_NORM, ROWS(2048, 4096), {X, OTHER, WEIGHT, MIDDLE, OUT}, 5},
    {"1 x 32 x 128", NORM_ROPE, HEADS(1, 32), {X, WEIGHT, POSITIONS, OUT}, 4},
    {"2048 x 32 x 128", NORM_ROPE, HEADS(2048, 32), {X, WEIGHT, POSITIONS, OUT}, 4},
    {"1 x 256 by 768", GATED, PRODUCT(1, 256, 768), {X, WEIGHT, UP_WEIGHT, OUT}, 4},
    {"1 x 4096 by 8192", GATED, PRODUCT(1, 4096, 8192), {X, WEIGHT, UP_WEIGHT, OUT}, 4},
    {"256 x 1024 by 3072", GATED, PRODUCT(256, 1024, 3072), {X, WEIGHT, UP_WEIGHT, OUT}, 4},
};
/* clang-format on */

static void expect(weft_status status, const weft_error *error)
{
    if (status == WEFT_OK)
        return;
    fprintf(stderr, "bench_fused: %s\n", error->message);
    exit(EXIT_FAILURE);
}

/* One side of a comparison. */
typedef struct side {
    weft_status (*record)(weft_encoder *encoder, weft_buffer *const *at, weft_error *err);
    weft_encoder *encoder;
    weft_buffer *const *at;
    size_t repeats;
    bench_samples samples;
} side;

static void run(void *context)
{
    side *it = context;
    weft_error error;
    expect(weft_encoder_reset(it->encoder, &error), &error);
    for (size_t i = 0; i < it->repeats; ++i) {
        expect(it->record(it->encoder, it->at, &error), &error);
        expect(weft_encoder_barrier(it->encoder, &error), &error);
    }
    expect(weft_encoder_commit_and_wait(it->encoder, NULL, &error), &error);
}

static weft_buffer *new_buffer(weft_device *device, const bench_case *one, uint32_t argument, const void *data)
{
    weft_error error;
    weft_buffer *buffer;
    bool is_weight = argument == WEIGHT || argument == UP_WEIGHT;
    weft_shape shape = is_weight ? one->weight : argument == X ? one->x : one->out;
    if (argument == POSITIONS)
        shape = weft_shape_1d(one->x.extent[0]);
    weft_dtype dtype = is_weight ? one->dtype : argument == POSITIONS ? WEFT_I32 : WEFT_F32;
    expect(weft_buffer_create(device, dtype, &shape, &buffer, &error), &error);
    if (argument != POSITIONS)
        expect(weft_buffer_write(buffer, 0, data, weft_buffer_bytes(buffer), &error), &error);
    return buffer;
}

static double bytes_of(const bench_case *one, weft_buffer *const *at)
{
    const weft_buffer *arguments[6];
    const weft_op *op;
    weft_cost cost;
    weft_error error;
    expect(weft_op_find(one->op, &op, &error), &error);
    for (uint32_t i = 0; i < one->argument_count; ++i)
        arguments[i] = at[one->arguments[i]];
    const void *params = one->fused == fused_norm_rope ? (const void *)&norm_rope : (const void *)&norm;
    if (one->fused == fused_gated)
        params = NULL;
    expect(weft_op_cost(op, arguments, one->argument_count, params, &cost, &error), &error);
    return (double)(cost.bytes_read + cost.bytes_written);
}

static void measure(weft_device *device, const bench_case *one, bench_memory *memory)
{
    weft_error error;
    weft_encoder *encoder;
    weft_buffer *at[ARGUMENTS];
    bench_samples copy = {0};
    expect(weft_encoder_create(device, NULL, &encoder, &error), &error);
    for (uint32_t i = 0; i < ARGUMENTS; ++i)
        at[i] = new_buffer(device, one, i, memory->from);
    double bytes = bytes_of(one, at);
    size_t repeats = bytes < cached_bytes ? MANY : 1;
    if (one->x.extent[0] > 1)
        repeats = 1;
    side separate = {one->separate, encoder, at, repeats, {0}}, fused = {one->fused, encoder, at, repeats, {0}};
    for (size_t round = 0; round < ROUNDS; ++round) {
        bench_measure(&copy, bench_copy, memory, SAMPLES_PER_ROUND, sample_ns);
        bench_measure(&separate.samples, run, &separate, SAMPLES_PER_ROUND, sample_ns);
        bench_measure(&fused.samples, run, &fused, SAMPLES_PER_ROUND, sample_ns);
    }
    double separate_ns = bench_fastest_ns(&separate.samples) / (double)repeats;
    double fused_ns = bench_fastest_ns(&fused.samples) / (double)repeats;
    double copy_gbs = 2.0 * (double)memory->bytes / bench_fastest_ns(&copy);
    printf("%-14s %-20s separate %11.0f ns  fused %11.0f ns  ratio %5.2f", one->op, one->name, separate_ns, fused_ns,
           separate_ns / fused_ns);
    if (bytes >= cached_bytes)
        printf("  memcpy %11.0f ns, %5.1f %% of its rate", bytes / copy_gbs, 100 * bytes / copy_gbs / fused_ns);
    printf("\n");
    weft_encoder_destroy(encoder);
    for (uint32_t i = 0; i < ARGUMENTS; ++i)
        weft_buffer_destroy(at[i]);
}

int main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : "";
    weft_error error;
    weft_device *device;
    weft_device_info info;
    bench_memory memory = {bench_numbers(copy_bytes), bench_numbers(copy_bytes), copy_bytes};
    expect(weft_device_open("cpu?threads=1", &device, &error), &error);
    weft_device_get_info(device, &info);
    printf("cpu?threads=1, %s\n", info.isa);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i)
        if (strstr(cases[i].op, filter) || strstr(cases[i].name, filter))
            measure(device, &cases[i], &memory);
    weft_device_close(device);
    free(memory.from);
    free(memory.to);
    return EXIT_SUCCESS;
}
