/* argmax and top-k of every instruction set and of ref against a full sort; sampling against the definition on sorted
 * probabilities, and its frequencies against those probabilities. */
#include "support/kernel_arrays.h"

#include "kernels/ref/ref.h"

static weft__fault run_argmax(const weft__cpu_kernels *table, const float *x, int32_t *out, size_t rows, size_t dims)
{
    return table ? table->argmax(x, out, dims, 0, rows) : weft__ref_argmax(x, out, rows, dims);
}

static weft__fault run_top_k(const weft__cpu_kernels *table, const float *x, float *values, int32_t *indices,
                             size_t rows, size_t dims, size_t k)
{
    return table ? table->top_k(x, values, indices, dims, k, 0, rows)
                 : weft__ref_top_k(x, values, indices, rows, dims, k);
}

typedef struct entry {
    float value;
    int32_t index;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static entry *sorted(const float *x, size_t count)
{
    entry *entries = malloc((count + 1) * sizeof *entries);
    ck_assert_ptr_nonnull(entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (entry){x[i], (int32_t)i};
    qsort(entries, count, sizeof *entries, compare_entries);
    return entries;
}

/* Few distinct values make many ties; infinities, and zeros of both signs, are values like others. */
static void fill_with_ties(float *x, size_t count, size_t kind, weft__rng *rng)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = kind == 0 ? (float)weft__rng_normal(rng) : (float)weft__rng_below(rng, 4) - 2;
        if (kind == 2)
            x[i] = weft__rng_below(rng, 3) ? -INFINITY : weft__rng_below(rng, 2) ? 0.0f : -0.0f;
        if (kind == 3 && weft__rng_below(rng, 8) == 0)
            x[i] = INFINITY;
        if (kind == 4)
            x[i] = -INFINITY;
    }
}

START_TEST(argmax_and_top_k_of_every_size)
{
    enum {
        ROWS = 3
    };
    static const size_t more_sizes[] = {1003, 128, 129, 255, 256, 511, 512, 513, 4099};
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    weft__rng rng;
    weft__rng_init(&rng, 501);
    for (size_t round = 0; round < 5 * 29; round++) {
        size_t s = round / 5;
        size_t dims = s < 20 ? kernel_sizes[s + 1] : more_sizes[s - 20];
        kernel_array x = kernel_input(ROWS * dims, sizeof(float));
        fill_with_ties(x.data, ROWS * dims, round % 5, &rng);
        size_t ks[] = {1, dims, 1 + (size_t)weft__rng_below(&rng, dims)};
        for (size_t t = 0; t < table_count * 3; t++) {
            size_t k = ks[t % 3];
            kernel_array best = kernel_output(ROWS, sizeof(int32_t));
            kernel_array values = kernel_output(ROWS * k, sizeof(float));
            kernel_array indices = kernel_output(ROWS * k, sizeof(int32_t));
            ck_assert_int_eq(run_argmax(tables[t / 3], x.data, best.data, ROWS, dims).kind, WEFT__FAULT_NONE);
            ck_assert_int_eq(run_top_k(tables[t / 3], x.data, values.data, indices.data, ROWS, dims, k).kind,
                             WEFT__FAULT_NONE);
            for (size_t row = 0; row < ROWS; row++) {
                entry *want = sorted((float *)x.data + row * dims, dims);
                ck_assert_int_eq(((int32_t *)best.data)[row], want[0].index);
                for (size_t i = 0; i < k; i++) {
                    ck_assert_int_eq(((int32_t *)indices.data)[row * k + i], want[i].index);
                    ck_assert(((float *)values.data)[row * k + i] == want[i].value);
                }
                free(want);
            }
            kernel_array_destroy(&best);
            kernel_array_destroy(&values);
            kernel_array_destroy(&indices);
        }
        kernel_array_destroy(&x);
    }
}
END_TEST

START_TEST(the_first_nan_is_named)
{
    enum {
        ROWS = 3,
        DIMS = 1100
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    static float x[ROWS * DIMS], values[ROWS * DIMS];
    static int32_t indices[ROWS * DIMS];
    weft__rng rng;
    weft__rng_init(&rng, 502);
    for (size_t i = 0; i < ROWS * DIMS; i++)
        x[i] = (float)weft__rng_normal(&rng);
    for (size_t round = 0; round < 300; round++) {
        size_t dims = 1 + (size_t)weft__rng_below(&rng, round % 2 ? 40 : DIMS);
        size_t first = (size_t)weft__rng_below(&rng, ROWS * dims);
        size_t second = (size_t)weft__rng_below(&rng, ROWS * dims);
        size_t expected = first < second ? first : second;
        float kept[2] = {x[first], x[second]};
        x[first] = x[second] = NAN;
        for (size_t t = 0; t < table_count; t++) {
            weft__fault faults[2] = {run_argmax(tables[t], x, indices, ROWS, dims),
                                     run_top_k(tables[t], x, values, indices, ROWS, dims, (dims + 1) / 2)};
            for (size_t i = 0; i < 2; i++) {
                ck_assert_int_eq(faults[i].kind, WEFT__FAULT_NAN);
                ck_assert_uint_eq(faults[i].row * dims + faults[i].index, expected);
            }
        }
        x[second] = kept[1];
        x[first] = kept[0];
    }
}
END_TEST

/* ---- sampling ---- */

static weft__fault draw(const weft__sample_args *args)
{
    kernel_array scratch = kernel_output(weft__ref_sample_scratch_bytes(args) / sizeof(int32_t), sizeof(int32_t));
    weft__fault fault = weft__ref_sample(args, 0, args->rows, scratch.data);
    kernel_array_destroy(&scratch);
    return fault;
}

/* The probability of each place in the sorted order, after all filters; zero for what they drop. */
static void probabilities(const weft__sample_args *args, const entry *order, long double *out)
{
    size_t count = args->vocabulary;
    size_t keep = args->top_k && args->top_k < count ? args->top_k : count;
    long double total = 0, reached = 0, kept = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        if (i < keep)
            out[i] = order[i].value == order[0].value
                         ? 1
                         : expl(((long double)order[i].value - order[0].value) / args->temperature);
        total += out[i];
    }
    for (size_t i = 0; i < count; i++) {
        long double weight = out[i];
        bool is_past = args->top_p > 0 && args->top_p < 1 && reached >= args->top_p * total;
        if (is_past || weight < args->min_p)
            out[i] = 0;
        reached += weight;
        kept += out[i];
    }
    for (size_t i = 0; i < count; i++)
        out[i] /= kept;
}

static weft__sample_args random_sample_args(weft__rng *rng, size_t vocabulary)
{
    static const float top_ps[] = {0, 1, 0.9f, 0.5f, 0.01f, 0.999f};
    static const float min_ps[] = {0, 0, 0.05f, 0.5f, 1};
    static const float temperatures[] = {1, 0.7f, 2, 0.01f, 30};
    return (weft__sample_args){.rows = 1,
                               .vocabulary = vocabulary,
                               .temperature = temperatures[weft__rng_below(rng, 5)],
                               .top_k = weft__rng_below(rng, 2) ? 0 : weft__rng_below(rng, vocabulary + 3),
                               .top_p = top_ps[weft__rng_below(rng, 6)],
                               .min_p = min_ps[weft__rng_below(rng, 5)],
                               .seed = weft__rng_next_u64(rng),
                               .draw = weft__rng_below(rng, 100)};
}

START_TEST(samples_follow_the_definition)
{
    weft__rng rng;
    weft__rng_init(&rng, 503);
    for (size_t round = 0; round < 20000; round++) {
        size_t vocabulary = 1 + (size_t)weft__rng_below(&rng, round % 2 ? 9 : 200);
        kernel_array logits = kernel_input(vocabulary, sizeof(float));
        fill_with_ties(logits.data, vocabulary, round % 4, &rng);
        ((float *)logits.data)[weft__rng_below(&rng, vocabulary)] = 1.25f;
        weft__sample_args args = random_sample_args(&rng, vocabulary);
        int32_t chosen = -1;
        args.logits = logits.data;
        args.out = &chosen;
        ck_assert_int_eq(draw(&args).kind, WEFT__FAULT_NONE);
        entry *order = sorted(logits.data, vocabulary);
        long double *probability = malloc(vocabulary * sizeof *probability);
        ck_assert_ptr_nonnull(probability);
        probabilities(&args, order, probability);
        /* the interval of the chosen place must hold the number that was drawn */
        long double uniform = weft__rng_unit_of(weft__rng_at(args.seed, 0, args.draw)), before = 0;
        size_t place = 0;
        while (order[place].index != chosen)
            before += probability[place++];
        ck_assert(probability[place] > 0);
        ck_assert_msg(before - 1e-14L <= uniform && uniform <= before + probability[place] + 1e-14L,
                      "place %zu of %zu, from %Lg on with %Lg, was chosen for %Lg", place, vocabulary, before,
                      probability[place], uniform);
        free(probability);
        free(order);
        kernel_array_destroy(&logits);
    }
}
END_TEST

START_TEST(greedy_is_argmax)
{
    enum {
        ROWS = 5,
        DIMS = 77
    };
    float x[ROWS * DIMS];
    int32_t best[ROWS], drawn[ROWS];
    weft__rng rng;
    weft__rng_init(&rng, 504);
    for (size_t round = 0; round < 50; round++) {
        fill_with_ties(x, ROWS * DIMS, round % 2, &rng);
        weft__sample_args args = {.rows = ROWS, .vocabulary = DIMS, .logits = x, .out = drawn};
        ck_assert_uint_eq(weft__ref_sample_scratch_bytes(&args), 0);
        ck_assert_int_eq(weft__ref_sample(&args, 0, ROWS, NULL).kind, WEFT__FAULT_NONE);
        weft__ref_argmax(x, best, ROWS, DIMS);
        ck_assert_mem_eq(best, drawn, sizeof best);
        args.temperature = 1e-30f; /* so cold that only the best, or its equals, have any weight */
        args.draw = round;
        draw(&args);
        for (size_t row = 0; row < ROWS; row++)
            ck_assert(x[row * DIMS + (size_t)drawn[row]] == x[row * DIMS + (size_t)best[row]]);
    }
}
END_TEST

/* Ten thousand draws of each filter: every frequency within five standard deviations of its probability. */
START_TEST(frequencies_match_probabilities)
{
    enum {
        DIMS = 12,
        DRAWS = 10000
    };
    static const float logits[DIMS] = {0.5f, 2, -1, 2, 0, 1.5f, -3, 1, -INFINITY, 0.25f, 1.75f, -0.5f};
    static const weft__sample_args filters[] = {
        {.temperature = 1},
        {.temperature = 0.6f, .top_k = 5},
        {.temperature = 1.5f, .top_p = 0.8f},
        {.temperature = 1, .min_p = 0.3f},
        {.temperature = 2, .top_k = 9, .top_p = 0.9f, .min_p = 0.2f},
    };
    for (size_t f = 0; f < KERNEL_LENGTH(filters); f++) {
        weft__sample_args args = filters[f];
        size_t counts[DIMS] = {0};
        int32_t chosen = -1;
        args.rows = 1;
        args.vocabulary = DIMS;
        args.logits = logits;
        args.out = &chosen;
        args.seed = 77;
        for (args.draw = 0; args.draw < DRAWS; args.draw++) {
            ck_assert_int_eq(draw(&args).kind, WEFT__FAULT_NONE);
            counts[chosen]++;
        }
        entry *order = sorted(logits, DIMS);
        long double probability[DIMS];
        probabilities(&args, order, probability);
        for (size_t i = 0; i < DIMS; i++) {
            double want = (double)probability[i] * DRAWS;
            double deviation = sqrt(want * (1 - (double)probability[i]));
            double got = (double)counts[order[i].index];
            ck_assert_msg(fabs(got - want) <= 5 * deviation, "filter %zu, index %d: %g draws, not %g", f,
                          order[i].index, got, want);
        }
        free(order);
    }
}
END_TEST

/* Rows draw from streams of their own, and each draw depends on (seed, draw, row) alone, not on how rows are split. */
START_TEST(draws_repeat_and_rows_differ)
{
    enum {
        ROWS = 64,
        DIMS = 1000
    };
    static float logits[ROWS * DIMS];
    static int32_t scratch[DIMS];
    int32_t all[ROWS], split[ROWS], next[ROWS];
    weft__sample_args args = {
        .rows = ROWS, .vocabulary = DIMS, .logits = logits, .temperature = 1, .seed = 5, .draw = 3, .out = all};
    weft__ref_sample(&args, 0, ROWS, scratch);
    args.out = split;
    for (size_t row = ROWS; row-- > 0;)
        weft__ref_sample(&args, row, row + 1, scratch);
    ck_assert_mem_eq(all, split, sizeof all);
    args.out = next;
    args.draw = 4;
    weft__ref_sample(&args, 0, ROWS, scratch);
    size_t same_row = 0, same_draw = 0;
    for (size_t row = 1; row < ROWS; row++) {
        same_row += all[row] == all[row - 1];
        same_draw += all[row] == next[row];
    }
    ck_assert_uint_lt(same_row, 3);
    ck_assert_uint_lt(same_draw, 3);
}
END_TEST

START_TEST(rows_without_a_choice)
{
    float logits[4 * 3] = {1, 2, 3, -INFINITY, 0, INFINITY, -INFINITY, -INFINITY, -INFINITY, 1, NAN, INFINITY};
    int32_t out[4] = {-1, -1, -1, -1}, scratch[3];
    for (size_t hot = 0; hot < 2; hot++) {
        weft__sample_args args = {.rows = 4, .vocabulary = 3, .logits = logits, .temperature = (float)hot, .out = out};
        weft__fault fault = weft__ref_sample(&args, 0, 4, scratch);
        ck_assert_int_eq(fault.kind, WEFT__FAULT_NO_FINITE);
        ck_assert_uint_eq(fault.row, 2);
        ck_assert_int_eq(out[1], 2); /* an infinite logit takes everything */
        fault = weft__ref_sample(&args, 3, 4, scratch);
        ck_assert_int_eq(fault.kind, WEFT__FAULT_NAN);
        ck_assert_uint_eq(fault.row, 3);
        ck_assert_uint_eq(fault.index, 1);
    }
}
END_TEST

WEFT_TEST_MAIN("kernels_choose", argmax_and_top_k_of_every_size, the_first_nan_is_named, samples_follow_the_definition,
               greedy_is_argmax, frequencies_match_probabilities, draws_repeat_and_rows_differ, rows_without_a_choice)
