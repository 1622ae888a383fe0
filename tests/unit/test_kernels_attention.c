/* Attention of every instruction set, and that of ref, against a full score matrix in double. Rows of k and v that may
 * not be read are NaN, and memory ends where the last row that may be read ends. */
#include "support/kernel_arrays.h"

#include "kernels/ref/ref.h"

typedef struct shape {
    size_t tokens, heads, kv_heads, head_dim, kv_length, window;
    bool is_bidirectional;
    float soft_cap;
    weft_dtype dtype;
} shape;

typedef struct problem {
    weft__attention_args args;
    kernel_array q, k, v, out;
    double *want;
    double *allowed;
} problem;

static bool sees(const weft__attention_args *args, size_t token, size_t key)
{
    int64_t position = (int64_t)(args->kv_length - args->tokens + token);
    int64_t distance = position - (int64_t)key;
    if (distance < 0 && !args->bidirectional)
        return false;
    return args->window == 0 || llabs(distance) < (int64_t)args->window;
}

static double kv_value(const weft__attention_args *args, const kernel_array *array, size_t key, size_t head, size_t i)
{
    size_t kv_head = head / (args->heads / args->kv_heads);
    return kernel_value(args->kv_dtype, array, (key * args->kv_heads + kv_head) * args->head_dim + i);
}

/* One row of the result, and what an element of it may be off by. */
static void expect_row(const problem *p, size_t token, size_t head, double *scores, double *want, double *allowed)
{
    const weft__attention_args *args = &p->args;
    double largest = -INFINITY, steepest = 0, heaviest = 0, sum = 0;
    for (size_t key = 0; key < args->kv_length; key++) {
        double dot = 0, weight = 0;
        scores[key] = -INFINITY;
        if (!sees(args, token, key))
            continue;
        for (size_t i = 0; i < args->head_dim; i++) {
            double product = (double)args->q[(token * args->heads + head) * args->head_dim + i] *
                             kv_value(args, &p->k, key, head, i);
            dot += product;
            weight += fabs(product);
            heaviest = fmax(heaviest, fabs(kv_value(args, &p->v, key, head, i)));
        }
        steepest = fmax(steepest, weight * (double)args->scale);
        scores[key] = dot * (double)args->scale;
        if (args->soft_cap != 0)
            scores[key] = (double)args->soft_cap * tanh(scores[key] / (double)args->soft_cap);
        largest = scores[key] > largest ? scores[key] : largest;
    }
    for (size_t key = 0; key < args->kv_length; key++)
        sum += scores[key] > -INFINITY || isnan(scores[key]) ? exp(scores[key] - largest) : 0;
    for (size_t i = 0; i < args->head_dim; i++) {
        want[i] = 0;
        for (size_t key = 0; key < args->kv_length; key++)
            if (sees(args, token, key))
                want[i] += exp(scores[key] - largest) / sum * kv_value(args, &p->v, key, head, i);
        double length = (double)args->kv_length, dims = (double)args->head_dim;
        allowed[i] = (length / 8 + 96 + (dims / 8 + 80) * steepest) * 0x1p-24 * heaviest;
    }
}

static void expect(problem *p)
{
    double *scores = malloc(p->args.kv_length * sizeof *scores);
    ck_assert_ptr_nonnull(scores);
    for (size_t row = 0; row < p->args.tokens * p->args.heads; row++)
        expect_row(p, row / p->args.heads, row % p->args.heads, scores, p->want + row * p->args.head_dim,
                   p->allowed + row * p->args.head_dim);
    free(scores);
}

static problem problem_create(const shape *s, weft__rng *rng)
{
    size_t elements = s->tokens * s->heads * s->head_dim;
    size_t row = s->kv_heads * s->head_dim;
    problem p = {.q = kernel_random(WEFT_F32, elements, rng, 1.5),
                 .k = kernel_random(s->dtype, s->kv_length * row, rng, 1),
                 .v = kernel_random(s->dtype, s->kv_length * row, rng, 1),
                 .out = kernel_output(elements, sizeof(float)),
                 .want = malloc((elements + 1) * sizeof(double)),
                 .allowed = malloc((elements + 1) * sizeof(double))};
    ck_assert(p.want && p.allowed);
    p.args = (weft__attention_args){.tokens = s->tokens,
                                    .heads = s->heads,
                                    .kv_heads = s->kv_heads,
                                    .head_dim = s->head_dim,
                                    .kv_length = s->kv_length,
                                    .window = s->window,
                                    .bidirectional = s->is_bidirectional,
                                    .soft_cap = s->soft_cap,
                                    .kv_dtype = s->dtype,
                                    .q = p.q.data,
                                    .k = p.k.data,
                                    .v = p.v.data,
                                    .out = p.out.data};
    p.args.scale = 1 / sqrtf((float)s->head_dim);
    /* what lies before the window of the first query may not be read */
    size_t first = s->kv_length - s->tokens;
    for (size_t i = 0; s->window && i < row * (first + 1); i++) {
        if (i / row + s->window <= first) {
            weft__float_store(s->dtype, p.k.data, i, NAN);
            weft__float_store(s->dtype, p.v.data, i, NAN);
        }
    }
    expect(&p);
    return p;
}

static void problem_destroy(problem *p)
{
    kernel_array_destroy(&p->q);
    kernel_array_destroy(&p->k);
    kernel_array_destroy(&p->v);
    kernel_array_destroy(&p->out);
    free(p->want);
    free(p->allowed);
}

/* All tasks, forwards or backwards, each in scratch full of NaN and of exactly the size that the plan says. */
static void run(const weft__cpu_kernels *table, const weft__attention_args *args, bool is_backwards)
{
    weft__attention_plan plan = weft__cpu_attention_plan(args);
    kernel_array shared = kernel_output(plan.shared_bytes / sizeof(float), sizeof(float));
    for (size_t i = 0; i < plan.tasks; i++) {
        kernel_array scratch = kernel_output((plan.scratch_bytes + 7) / sizeof(double), sizeof(double));
        memset(scratch.data, 0xff, scratch.bytes);
        size_t task = is_backwards ? plan.tasks - 1 - i : i;
        table->attention(args, task, scratch.data, plan.merge_tasks ? shared.data : NULL);
        kernel_array_destroy(&scratch);
    }
    for (size_t i = 0; i < plan.merge_tasks; i++)
        table->attention_merge(args, is_backwards ? plan.merge_tasks - 1 - i : i, shared.data);
    kernel_array_destroy(&shared);
}

static void check(const char *who, const problem *p)
{
    const weft__attention_args *a = &p->args;
    for (size_t i = 0; i < p->out.bytes / sizeof(float); i++)
        ck_assert_msg(weft_test_close_or_both_nan((double)a->out[i], p->want[i], p->allowed[i], 0),
                      "%s attention of %zu tokens, %zu / %zu heads of %zu, %zu keys, window %zu, %s%s, cap %g: element "
                      "%zu is %.9g, not %.9g (+- %.2g)",
                      who, a->tokens, a->heads, a->kv_heads, a->head_dim, a->kv_length, a->window,
                      weft_dtype_name(a->kv_dtype), a->bidirectional ? ", bidirectional" : "", (double)a->soft_cap, i,
                      (double)a->out[i], p->want[i], p->allowed[i]);
}

static void check_problem(const problem *p)
{
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    memset(p->out.data, 0xff, p->out.bytes);
    kernel_array scratch = kernel_output(weft__ref_attention_scratch_bytes(&p->args) / sizeof(double), sizeof(double));
    weft__ref_attention(&p->args, scratch.data);
    kernel_array_destroy(&scratch);
    check("ref", p);
    void *forwards = malloc(p->out.bytes + 1);
    ck_assert_ptr_nonnull(forwards);
    for (size_t t = 0; t < table_count; t++) {
        memset(p->out.data, 0xff, p->out.bytes);
        run(tables[t], &p->args, false);
        check(weft__isa_name(tables[t]->isa), p);
        memcpy(forwards, p->out.data, p->out.bytes);
        memset(p->out.data, 0xff, p->out.bytes);
        run(tables[t], &p->args, true);
        ck_assert_mem_eq(forwards, p->out.data, p->out.bytes);
    }
    free(forwards);
}

START_TEST(every_form)
{
    static const size_t tokens[] = {1, 1, 2, 3, 8, 9, 17, 64, 65, 100};
    static const size_t heads[][2] = {{1, 1}, {4, 1}, {8, 2}, {3, 3}, {16, 2}, {6, 2}, {12, 4}, {70, 1}};
    static const size_t dims[] = {1, 3, 8, 15, 16, 17, 33, 64, 65, 80, 128};
    static const size_t before[] = {0, 0, 1, 7, 63, 64, 65, 200, 511, 1100};
    static const size_t windows[] = {0, 0, 0, 1, 2, 7, 64, 100, 5000};
    weft__rng rng;
    weft__rng_init(&rng, 401);
    for (size_t round = 0; round < 240; round++) {
        const size_t *pair = heads[weft__rng_below(&rng, KERNEL_LENGTH(heads))];
        shape s = {.tokens = tokens[weft__rng_below(&rng, KERNEL_LENGTH(tokens))],
                   .heads = pair[0],
                   .kv_heads = pair[1],
                   .head_dim = dims[weft__rng_below(&rng, KERNEL_LENGTH(dims))],
                   .window = windows[weft__rng_below(&rng, KERNEL_LENGTH(windows))],
                   .is_bidirectional = weft__rng_below(&rng, 4) == 0,
                   .soft_cap = weft__rng_below(&rng, 3) ? 0 : 2.5f,
                   .dtype = kernel_float_dtypes[round % 3]};
        s.kv_length = s.tokens + before[weft__rng_below(&rng, KERNEL_LENGTH(before))];
        if (s.tokens * s.heads * s.head_dim * s.kv_length > 2000000)
            s.head_dim = 1 + s.head_dim / 16;
        problem p = problem_create(&s, &rng);
        check_problem(&p);
        problem_destroy(&p);
    }
}
END_TEST

/* Caches so long that chunks are more than their least size. */
START_TEST(long_caches)
{
    static const shape shapes[] = {
        {1, 3, 3, 16, 9001, 0, false, 0, WEFT_F32},
        {2, 8, 2, 5, 20000, 15000, false, 0, WEFT_BF16},
        {12, 1, 1, 8, 12345, 0, false, 0, WEFT_F16},
    };
    weft__rng rng;
    weft__rng_init(&rng, 405);
    for (size_t i = 0; i < KERNEL_LENGTH(shapes); i++) {
        problem p = problem_create(&shapes[i], &rng);
        check_problem(&p);
        problem_destroy(&p);
    }
}
END_TEST

/* Scores up to some hundreds: weights that underflow, and a maximum that moves from block to block. */
START_TEST(steep_scores)
{
    static const shape shapes[] = {
        {1, 4, 2, 64, 700, 0, false, 0, WEFT_F32},
        {40, 4, 2, 32, 200, 0, false, 0, WEFT_F32},
        {1, 1, 1, 16, 130, 0, false, 0, WEFT_BF16},
        {70, 2, 1, 16, 70, 0, true, 50, WEFT_F16},
    };
    weft__rng rng;
    weft__rng_init(&rng, 402);
    for (size_t i = 0; i < KERNEL_LENGTH(shapes); i++) {
        problem p = problem_create(&shapes[i], &rng);
        p.args.scale = 20;
        expect(&p);
        check_problem(&p);
        problem_destroy(&p);
    }
}
END_TEST

/* A NaN in a key or value reaches the queries that see it and no other, whatever tile or block they share. */
START_TEST(nan_reaches_only_who_sees_it)
{
    static const shape shapes[] = {
        {6, 4, 4, 16, 70, 0, false, 0, WEFT_F32},  {4, 2, 1, 16, 66, 3, false, 0, WEFT_BF16},
        {70, 2, 1, 20, 90, 0, false, 0, WEFT_F32}, {30, 4, 1, 16, 100, 9, false, 3, WEFT_F16},
        {40, 3, 1, 16, 64, 5, true, 0, WEFT_F32},  {3, 8, 1, 16, 1200, 600, false, 0, WEFT_F32},
    };
    weft__rng rng;
    weft__rng_init(&rng, 403);
    for (size_t i = 0; i < KERNEL_LENGTH(shapes); i++) {
        for (size_t key = shapes[i].kv_length - shapes[i].tokens; key < shapes[i].kv_length; key++) {
            problem p = problem_create(&shapes[i], &rng);
            size_t row = shapes[i].kv_heads * shapes[i].head_dim;
            kernel_array *spoilt = key % 2 ? &p.k : &p.v;
            weft__float_store(shapes[i].dtype, spoilt->data, key * row + key % row, NAN);
            expect(&p);
            check_problem(&p);
            problem_destroy(&p);
        }
    }
}
END_TEST

/* Scores of -inf for whole blocks and chunks, as infinite keys make them: weight zero, and NaN only where all are. */
START_TEST(scores_of_minus_infinity)
{
    static const shape shapes[] = {
        {1, 2, 1, 8, 1300, 0, false, 0, WEFT_F32},
        {1, 1, 1, 8, 1, 0, false, 0, WEFT_F32},
        {20, 2, 1, 8, 200, 0, false, 0, WEFT_F32},
        {3, 2, 1, 8, 130, 0, false, 0, WEFT_BF16},
    };
    weft__rng rng;
    weft__rng_init(&rng, 404);
    for (size_t i = 0; i < KERNEL_LENGTH(shapes); i++) {
        for (size_t finite = 0; finite < 2; finite++) {
            problem p = problem_create(&shapes[i], &rng);
            const shape *s = &shapes[i];
            for (size_t j = 0; j < s->tokens * s->heads; j++)
                ((float *)p.q.data)[j * s->head_dim] = 1.5f;
            for (size_t key = 0; key < s->kv_length; key++)
                if (!finite || key % 1024 != 0)
                    weft__float_store(s->dtype, p.k.data, key * s->head_dim, -INFINITY);
            expect(&p);
            for (size_t j = 0; j < s->tokens * s->heads * s->head_dim; j++) {
                ck_assert(isnan(p.want[j]) == !finite);
                p.allowed[j] = 1e-5; /* the stated bound is infinite here */
            }
            check_problem(&p);
            problem_destroy(&p);
        }
    }
}
END_TEST

START_TEST(plans_grow_with_the_cache)
{
    for (size_t window = 0; window < 9000; window += 3000) {
        weft__attention_args args = {.tokens = 2, .heads = 8, .kv_heads = 2, .head_dim = 40, .window = window};
        weft__attention_plan last = {0, 0, 0, 0};
        for (args.kv_length = 2; args.kv_length < 30000; args.kv_length += 37) {
            weft__attention_plan plan = weft__cpu_attention_plan(&args);
            ck_assert_uint_ge(plan.merge_tasks, last.merge_tasks);
            ck_assert(plan.scratch_bytes >= last.scratch_bytes && plan.shared_bytes >= last.shared_bytes);
            last = plan;
        }
        ck_assert_uint_eq(last.merge_tasks > 0, true);
    }
}
END_TEST

START_TEST(nothing_to_do)
{
    weft__attention_args args = {.tokens = 0, .heads = 4, .kv_heads = 2, .head_dim = 8, .kv_length = 5};
    ck_assert_uint_eq(weft__cpu_attention_plan(&args).tasks, 0);
    args.tokens = 3;
    args.head_dim = 0;
    ck_assert_uint_eq(weft__cpu_attention_plan(&args).tasks, 0);
}
END_TEST

WEFT_TEST_MAIN("kernels_attention", every_form, long_caches, steep_scores, nan_reaches_only_who_sees_it,
               scores_of_minus_infinity, plans_grow_with_the_cache, nothing_to_do)
