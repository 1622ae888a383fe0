/* Drawing one index from a row of logits.
 *
 * Candidates are walked in falling order, and a model's distribution is mostly peaked: the walk tends to end after a
 * few of 150,000 candidates. So they are not sorted but put into a heap, from which they are taken one by one. */
#include "kernels/ref/ref.h"

#include <math.h>

#include "base/rng.h"

/* Indices into the logits, heaped by them. `sign` 1 has the most likely at the root, -1 the least likely. */
typedef struct index_heap {
    const float *logits;
    int32_t *indices;
    size_t count;
    int sign;
} index_heap;

static bool comes_first(const index_heap *heap, int32_t a, int32_t b)
{
    float x = heap->logits[a];
    float y = heap->logits[b];
    bool is_better = x > y || (x == y && a < b);
    return heap->sign > 0 ? is_better : !is_better && a != b;
}

static void sift_down(index_heap *heap, size_t at)
{
    int32_t moved = heap->indices[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && comes_first(heap, heap->indices[child + 1], heap->indices[child]))
            ++child;
        if (!comes_first(heap, heap->indices[child], moved))
            break;
        heap->indices[at] = heap->indices[child];
        at = child;
    }
    heap->indices[at] = moved;
}

static void make_heap(index_heap *heap, int sign)
{
    heap->sign = sign;
    for (size_t at = heap->count / 2; at-- > 0;)
        sift_down(heap, at);
}

/* Moves the root behind the end of the heap and returns it. So the array ends up, from its back, in the order taken. */
static int32_t take_root(index_heap *heap)
{
    int32_t root = heap->indices[0];
    --heap->count;
    heap->indices[0] = heap->indices[heap->count];
    heap->indices[heap->count] = root;
    if (heap->count)
        sift_down(heap, 0);
    return root;
}

/* Collects the `keep` most likely of all `vocabulary` indices; in index order where that is all of them. */
static void gather_candidates(index_heap *heap, size_t vocabulary, size_t keep)
{
    heap->count = keep;
    for (size_t i = 0; i < keep; ++i)
        heap->indices[i] = (int32_t)i;
    if (keep == vocabulary)
        return;
    make_heap(heap, -1);
    for (size_t i = keep; i < vocabulary; ++i) {
        /* an equal logit loses: its index is higher than that of the root */
        if (heap->logits[i] > heap->logits[heap->indices[0]]) {
            heap->indices[0] = (int32_t)i;
            sift_down(heap, 0);
        }
    }
}

/* The likelihood relative to that of the most likely index, which has exactly 1. */
static double weight_of(float logit, float largest, float temperature)
{
    if (logit == largest)
        return 1; /* also where both are infinite */
    return exp(((double)logit - (double)largest) / (double)temperature);
}

/* Walks the heap to find how many candidates top_p and min_p leave, and what they weigh together. */
static size_t filter_candidates(const weft__sample_args *args, index_heap *heap, float largest, double total,
                                double *out_sum)
{
    double enough = args->top_p > 0 && args->top_p < 1 ? (double)args->top_p * total : INFINITY;
    double sum = 0;
    size_t candidates = heap->count;
    while (heap->count && sum < enough) {
        double weight = weight_of(heap->logits[heap->indices[0]], largest, args->temperature);
        if (weight <= 0 || weight < (double)args->min_p)
            break;
        sum += weight;
        take_root(heap);
    }
    *out_sum = sum;
    return candidates - heap->count;
}

/* `uniform` in [0, 1) chooses among the gathered candidates. */
static int32_t draw_index(const weft__sample_args *args, index_heap *heap, float largest, double uniform)
{
    size_t candidates = heap->count;
    size_t kept = candidates;
    double total = 0;
    for (size_t i = 0; i < candidates; ++i)
        total += weight_of(heap->logits[heap->indices[i]], largest, args->temperature);
    make_heap(heap, 1);
    if ((args->top_p > 0 && args->top_p < 1) || args->min_p > 0)
        kept = filter_candidates(args, heap, largest, total, &total);
    double target = uniform * total;
    double passed = 0;
    int32_t chosen = -1;
    for (size_t i = 0; i < kept; ++i) {
        bool is_taken = heap->count < candidates - i;
        int32_t index = is_taken ? heap->indices[candidates - 1 - i] : take_root(heap);
        double weight = weight_of(heap->logits[index], largest, args->temperature);
        /* rounding alone can take the walk this far; what cannot be drawn is not */
        if (weight <= 0)
            break;
        chosen = index;
        passed += weight;
        if (passed > target)
            break;
    }
    return chosen;
}

static weft__fault check_row(const weft__sample_args *args, size_t row, size_t *out_best)
{
    const float *logits = args->logits + row * args->vocabulary;
    bool has_finite = false;
    size_t best = 0;
    for (size_t i = 0; i < args->vocabulary; ++i) {
        if (isnan(logits[i]))
            return (weft__fault){WEFT__FAULT_NAN, row, i, 0};
        has_finite = has_finite || isfinite(logits[i]);
        if (logits[i] > logits[best])
            best = i;
    }
    *out_best = best;
    return (weft__fault){has_finite ? WEFT__FAULT_NONE : WEFT__FAULT_NO_FINITE, row, 0, 0};
}

size_t weft__ref_sample_scratch_bytes(const weft__sample_args *args)
{
    return args->temperature > 0 ? args->vocabulary * sizeof(int32_t) : 0;
}

weft__fault weft__ref_sample(const weft__sample_args *args, size_t begin, size_t end, void *scratch)
{
    for (size_t row = begin; row < end; ++row) {
        size_t best;
        weft__fault fault = check_row(args, row, &best);
        if (fault.kind != WEFT__FAULT_NONE)
            return fault;
        if (!(args->temperature > 0)) {
            args->out[row] = (int32_t)best;
            continue;
        }
        index_heap heap = {args->logits + row * args->vocabulary, scratch, 0, 1};
        bool keeps_all = args->top_k == 0 || args->top_k > args->vocabulary;
        gather_candidates(&heap, args->vocabulary, keeps_all ? args->vocabulary : args->top_k);
        double uniform = weft__rng_unit_of(weft__rng_at(args->seed, args->first_row + row, args->draw));
        args->out[row] = draw_index(args, &heap, heap.logits[best], uniform);
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}
