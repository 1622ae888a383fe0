#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/benches/bench_impl.h"
#include "sim/replay/kernels.h"

/* Half a step above 1, and half of the smallest subnormal number, of a dtype. */
typedef struct dtype_steps {
    double unit, smallest;
} dtype_steps;

static dtype_steps steps_of(weft_dtype dtype)
{
    static const dtype_steps steps[WEFT_F64 + 1] = {[WEFT_F32] = {0x1p-24, 0x1p-150},
                                                    [WEFT_F16] = {0x1p-11, 0x1p-25},
                                                    [WEFT_BF16] = {0x1p-8, 0x1p-134},
                                                    [WEFT_F64] = {0x1p-53, 0}};
    return steps[dtype]; /* 0 of integers; and half of the smallest double is none */
}

void weft__bench_product(const double *a, const double *b, uint64_t m, uint64_t k, uint64_t n, double *out)
{
    for (uint64_t i = 0; i < m; i++) {
        for (uint64_t j = 0; j < n; j++)
            out[i * n + j] = 0;
        for (uint64_t l = 0; l < k; l++)
            for (uint64_t j = 0; j < n; j++)
                out[i * n + j] += a[i * k + l] * b[l * n + j];
    }
}

/* ---- shards ---- */

/* The shards of a tensor, one behind another as they lie in memory. */
typedef struct shards {
    const weft__bench_tensor_record *tensor;
    void *data; /* malloc'ed */
    size_t bytes;
} shards;

static weft_status read_shards(const weft__bench_tensor_record *tensor, shards *out, weft_error *err)
{
    weft_shard shard;
    size_t count = weft_placed_tensor_shard_count(tensor->placed), at = 0;
    *out = (shards){.tensor = tensor};
    for (size_t i = 0; i < count; i++) {
        (void)weft_placed_tensor_get_shard(tensor->placed, i, &shard);
        out->bytes += weft_shape_elements(&shard.shape) * weft_dtype_bytes(tensor->dtype);
    }
    out->data = malloc(out->bytes > 0 ? out->bytes : 1);
    if (!out->data)
        return weft__fail_memory(err, out->bytes, weft__bench_purpose_of(tensor->name).text);
    for (size_t i = 0; i < count; i++) {
        (void)weft_placed_tensor_get_shard(tensor->placed, i, &shard);
        size_t bytes = weft_shape_elements(&shard.shape) * weft_dtype_bytes(tensor->dtype);
        if (bytes == 0)
            continue;
        weft_status status = weft_placed_tensor_get_of(tensor->placed, i, (char *)out->data + at, bytes, err);
        if (status != WEFT_OK)
            return weft__fail_within(err, status, "Tensor '%s' on %s", tensor->name, shard.pe);
        at += bytes;
    }
    return WEFT_OK;
}

static double number_at(const shards *it, const void *data, size_t index)
{
    double number;
    weft__load_doubles(it->tensor->dtype, data, index, &number, 1);
    return number;
}

/* The index in the whole tensor of an element of a shard; its coordinates too. */
static uint64_t whole_index(const weft_shape *whole, const weft_shard *shard, uint64_t index, weft_shape *coordinates)
{
    uint64_t at = 0, stride = 1;
    coordinates->rank = whole->rank;
    for (uint32_t axis = whole->rank; axis-- > 0;) {
        coordinates->extent[axis] = shard->origin[axis] + index % shard->shape.extent[axis];
        index /= shard->shape.extent[axis];
        at += coordinates->extent[axis] * stride;
        stride *= whole->extent[axis];
    }
    return at;
}

/* ---- the first run: the reference ---- */

static double error_of(double found, double expected)
{
    if (isnan(found) && isnan(expected))
        return 0;
    if (isfinite(found) && isfinite(expected))
        return fabs(found - expected);
    return found == expected ? 0 : INFINITY;
}

static void compare_number(weft_sim_bench_check *check, double found, double expected, double smallest)
{
    double error = error_of(found, expected);
    bool is_exact = check->relative_bound == 0 && check->absolute_bound == 0;
    double bound = is_exact ? 0 : check->relative_bound * fabs(expected) + check->absolute_bound + smallest;
    double share = error == 0 ? 0 : isfinite(error) && bound > 0 ? error / bound : INFINITY;
    if (check->elements == 0 || share > check->worst) {
        check->worst = share;
        check->worst_error = error;
        check->found = found;
        check->expected = expected;
        check->bound = bound;
    }
    check->elements++;
}

static void compare_with_reference(const shards *it, const double *expected, weft_sim_bench_check *check)
{
    weft_shard shard;
    weft_shape coordinates;
    const weft_shape *whole = &it->tensor->shape;
    size_t count = weft_placed_tensor_shard_count(it->tensor->placed), at = 0;
    double smallest = steps_of(it->tensor->dtype).smallest;
    for (size_t i = 0; i < count; i++) {
        (void)weft_placed_tensor_get_shard(it->tensor->placed, i, &shard);
        uint64_t elements = weft_shape_elements(&shard.shape);
        for (uint64_t j = 0; j < elements; j++)
            compare_number(check, number_at(it, it->data, at++), expected[whole_index(whole, &shard, j, &coordinates)],
                           smallest);
    }
    check->holds = check->worst <= 1;
}

static void check_first(weft__bench_run *run, const char *what, const shards *it, weft__bench_reference *reference,
                        const void *arguments, weft__bench_bound bound)
{
    weft_sim_bench_result *result = &run->outcome->result;
    size_t elements = weft_shape_elements(&it->tensor->shape);
    double *expected = malloc(elements * sizeof *expected);
    if (!expected) {
        (void)weft__fail_memory(&run->err, elements * sizeof *expected, "a reference");
        return;
    }
    reference(arguments, expected);
    double unit = steps_of(it->tensor->dtype).unit;
    weft_sim_bench_check *check = &run->outcome->checks[result->check_count++];
    *check = (weft_sim_bench_check){
        .what = what, .relative_bound = unit * bound.relative, .absolute_bound = unit * bound.absolute};
    compare_with_reference(it, expected, check);
    free(expected);
}

/* ---- the others: the first run ---- */

/* Names the element behind the byte at `differs`. */
static void tell_difference(weft__bench_run *run, const char *what, const shards *it, const void *first, size_t differs)
{
    weft_sim_bench_perturbed *perturbed = &run->outcome->result.perturbed;
    char place[WEFT_SHAPE_TEXT_BYTES];
    weft_shard shard;
    weft_shape coordinates;
    size_t index = differs / weft_dtype_bytes(it->tensor->dtype), before = 0, i = 0;
    for (;; i++) {
        (void)weft_placed_tensor_get_shard(it->tensor->placed, i, &shard);
        uint64_t elements = weft_shape_elements(&shard.shape);
        if (index < before + elements)
            break;
        before += elements;
    }
    (void)whole_index(&it->tensor->shape, &shard, index - before, &coordinates);
    (void)snprintf(perturbed->differs, sizeof perturbed->differs,
                   "Run %" PRIu64 " of %" PRIu64 " with seed %" PRIu64 ": %s%s on %s is %.9g, and %.9g without "
                   "perturbation.",
                   run->index, run->options->perturb, run->options->seed + run->index, what,
                   weft_shape_text(&coordinates, place), shard.pe, number_at(it, it->data, index),
                   number_at(it, first, index));
    perturbed->agree = false;
}

static void check_again(weft__bench_run *run, const char *what, const shards *it, const weft__bench_kept *first)
{
    if (!run->outcome->result.perturbed.agree)
        return;
    assert(first->bytes == it->bytes);
    const unsigned char *now = it->data, *then = first->data;
    size_t at = 0;
    while (at < it->bytes && now[at] == then[at])
        at++;
    if (at < it->bytes)
        tell_difference(run, what, it, first->data, at);
}

void weft__bench_check(weft__bench_run *run, const char *what, weft_placed_tensor *tensor,
                       weft__bench_reference *reference, const void *arguments, weft__bench_bound bound)
{
    if (weft__bench_has_failed(run) || !run->verifies)
        return;
    shards it;
    double begin = weft__bench_seconds();
    assert(run->checks < WEFT__BENCH_CHECKS_MAX);
    weft__bench_kept *kept = &run->outcome->kept[run->checks++];
    weft_status status = read_shards(weft__bench_record_of(run, tensor), &it, &run->err);
    double computed = weft__bench_seconds();
    if (status == WEFT_OK) {
        if (run->index > 0) {
            check_again(run, what, &it, kept);
        } else {
            check_first(run, what, &it, reference, arguments, bound);
            *kept = (weft__bench_kept){it.data, it.bytes};
            it.data = NULL;
        }
    }
    free(it.data);
    if (run->index > 0)
        return;
    run->outcome->result.compute_seconds += computed - begin;
    run->outcome->result.check_seconds += weft__bench_seconds() - computed;
}
