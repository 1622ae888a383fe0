/* Tile kernels: what simulating and computing attention over all PEs of a machine costs, beside plain C loops that do
 * the same arithmetic.
 *
 * Usage: bench_sim [--json] [FOLDER], where FOLDER holds two-sip.yaml; default: machines */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include <weft/sim_bench.h>

#include "base/dtype.h"
#include "base/threads.h"
#include "bench_timer.h"
#include "large_pages.h"

enum {
    ROUNDS = 3
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_sim: %s\n", what);
    exit(1);
}

/* ---- what is run ---- */

typedef struct attention {
    const char *name, *json_name, *goal;
    const char *path;
    uint32_t in_cube; /* ranks whose results are joined first; then those of a group's cubes, which stand in one row */
    uint32_t groups, ranks, query_heads, heads, head_dim, tokens;
} attention;

static const attention all[] = {
    {"mesh decode, 1,024 tokens", "decode", "goal 2 M events/s", "cubes", 8, 8, 32, 64, 8, 128, 1024},
    {"Llama-70B-shaped layer, 8,192 tokens", "layer", "goal 10 s", "cubes", 8, 8, 32, 64, 8, 128, 8192},
    {"the same, 32,768 tokens", "long_layer", "", "cubes", 8, 8, 32, 64, 8, 128, 32768},
    {"8,192 tokens, in rings of 32 PEs", "ring_layer", "", "ring", 32, 8, 32, 64, 8, 128, 8192},
};

#define COUNT (sizeof all / sizeof all[0])

typedef struct measured {
    double events, simulate_s, compute_s;
} measured;

/* The fastest of some rounds, with so many threads that compute values; 0: none are. */
static measured run(const weft_machine *machine, const attention *it, uint32_t threads)
{
    char texts[6][16];
    const uint32_t numbers[] = {it->groups, it->ranks, it->query_heads, it->heads, it->head_dim, it->tokens};
    static const char *const keys[] = {"groups", "ranks", "q_heads", "kv_heads", "head_dim", "cached"};
    weft_machine_setting settings[7] = {{"path", it->path}};
    for (size_t i = 0; i < 6; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%u", numbers[i]);
        settings[i + 1] = (weft_machine_setting){keys[i], texts[i]};
    }
    const weft_sim_bench_options options = {
        .settings = settings, .setting_count = 7, .verify = threads > 0, .threads = threads};
    measured best = {.simulate_s = INFINITY, .compute_s = INFINITY};
    for (int round = 0; round < ROUNDS; round++) {
        weft_error err;
        weft_sim_bench_result *result;
        if (weft_sim_bench_run(machine, "mesh-attention", &options, &result, &err) != WEFT_OK)
            fail(err.message);
        if (!result->holds)
            fail("the check of mesh-attention does not hold");
        best.events = (double)result->statistics.events;
        best.simulate_s = fmin(best.simulate_s, result->wall_seconds);
        best.compute_s = fmin(best.compute_s, result->compute_seconds);
        weft_sim_bench_result_destroy(result);
    }
    return best;
}

/* ---- the same arithmetic in plain loops ---- */

/* Numbers as the kernels hold them, for one group: f16 queries, keys, values and weights, sums in double, what is kept
 * in f32. */
typedef struct plain {
    const attention *it;
    uint32_t rows, tokens; /* of a rank: query heads of the group, tokens */
    uint16_t *query, *key, *value, *output;
    double *doubles; /* a rank's keys, then its values, widened once */
    float *score, *greatest, *sum, *total;
} plain;

static void *take(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);
    if (!memory)
        fail("out of memory");
    return memory;
}

static void fill(uint16_t *to, size_t count, float scale, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = weft__f16_from_f32(((float)(seed >> 8) / 8388608.0f - 1.0f) * scale);
    }
}

static plain make_plain(const attention *it)
{
    plain p = {.it = it, .rows = it->query_heads / it->groups, .tokens = it->tokens / it->ranks};
    size_t cache = (size_t)it->ranks * p.tokens * it->head_dim;
    p.query = take((size_t)p.rows * it->head_dim, sizeof *p.query);
    p.key = take(cache, sizeof *p.key);
    p.value = take(cache, sizeof *p.value);
    p.doubles = take((size_t)p.tokens * it->head_dim, sizeof *p.doubles);
    p.score = take((size_t)p.rows * p.tokens, sizeof *p.score);
    p.greatest = take((size_t)it->ranks * p.rows, sizeof *p.greatest);
    p.sum = take((size_t)it->ranks * p.rows, sizeof *p.sum);
    p.total = take((size_t)it->ranks * p.rows * it->head_dim, sizeof *p.total);
    p.output = take((size_t)it->ranks * p.rows * it->head_dim, sizeof *p.output);
    fill(p.query, (size_t)p.rows * it->head_dim, 2, 1);
    fill(p.key, cache, 2, 2);
    fill(p.value, cache, 1, 3);
    return p;
}

static void widen(const uint16_t *from, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (double)weft__f16_to_f32(from[i]);
}

/* Scores, their greatest, weights and their sum, and the weighted sum of the values, of one rank. */
static void attend(const plain *p, uint32_t rank)
{
    uint32_t dim = p->it->head_dim;
    double query[1024], out[1024], scale = 1 / sqrt(dim);
    widen(p->key + (size_t)rank * p->tokens * dim, (size_t)p->tokens * dim, p->doubles);
    for (uint32_t row = 0; row < p->rows; row++) {
        float *score = p->score + (size_t)row * p->tokens, greatest = -INFINITY;
        widen(p->query + (size_t)row * dim, dim, query);
        for (uint32_t token = 0; token < p->tokens; token++) {
            double sum = 0;
            for (uint32_t i = 0; i < dim; i++)
                sum += query[i] * p->doubles[(size_t)token * dim + i];
            score[token] = (float)(sum * scale);
            greatest = score[token] > greatest ? score[token] : greatest;
        }
        p->greatest[rank * p->rows + row] = greatest;
    }
    widen(p->value + (size_t)rank * p->tokens * dim, (size_t)p->tokens * dim, p->doubles);
    for (uint32_t row = 0; row < p->rows; row++) {
        float *score = p->score + (size_t)row * p->tokens;
        double sum = 0;
        memset(out, 0, dim * sizeof *out);
        for (uint32_t token = 0; token < p->tokens; token++) {
            float weight = (float)exp((double)(score[token] - p->greatest[rank * p->rows + row]));
            double rounded = (double)weft__f16_to_f32(weft__f16_from_f32(weight));
            sum += (double)weight;
            for (uint32_t i = 0; i < dim; i++)
                out[i] += rounded * p->doubles[(size_t)token * dim + i];
        }
        p->sum[rank * p->rows + row] = (float)sum;
        for (uint32_t i = 0; i < dim; i++)
            p->total[((size_t)rank * p->rows + row) * dim + i] = (float)out[i];
    }
}

/* What each rank multiplies its output by to be its share of the result: once, where each rank of the kernel finds out
 * by itself. */
static void find_shares(const plain *p, uint32_t row, float *share)
{
    uint32_t ranks = p->it->ranks;
    float greatest = -INFINITY, sum = 0;
    for (uint32_t rank = 0; rank < ranks; rank++)
        greatest = fmaxf(greatest, p->greatest[rank * p->rows + row]);
    for (uint32_t rank = 0; rank < ranks; rank++) {
        share[rank] = (float)exp((double)(p->greatest[rank * p->rows + row] - greatest));
        sum += p->sum[rank * p->rows + row] * share[rank];
    }
    for (uint32_t rank = 0; rank < ranks; rank++)
        share[rank] /= sum;
}

/* What the ranks of each path have, so many and so far apart, is added up for each of them. */
static void add_along(const plain *p, uint32_t size, uint32_t stride, const float *from, float *to)
{
    uint32_t dim = p->it->head_dim;
    for (uint32_t rank = 0; rank < p->it->ranks; rank++) {
        uint32_t first = rank - rank / stride % size * stride;
        memcpy(to + rank * dim, from + first * dim, dim * sizeof *to);
        for (uint32_t other = first + stride; other < first + size * stride; other += stride)
            for (uint32_t i = 0; i < dim; i++)
                to[rank * dim + i] += from[other * dim + i];
    }
}

static void join(const plain *p, float *share, float *parts, float *sums)
{
    const attention *it = p->it;
    uint32_t dim = it->head_dim;
    for (uint32_t row = 0; row < p->rows; row++) {
        find_shares(p, row, share);
        for (uint32_t rank = 0; rank < it->ranks; rank++)
            for (uint32_t i = 0; i < dim; i++)
                parts[rank * dim + i] = p->total[((size_t)rank * p->rows + row) * dim + i] * share[rank];
        add_along(p, it->in_cube, 1, parts, sums);
        const float *result = sums;
        if (it->in_cube < it->ranks) {
            add_along(p, it->ranks / it->in_cube, it->in_cube, sums, parts);
            result = parts;
        }
        for (uint32_t rank = 0; rank < it->ranks; rank++)
            for (uint32_t i = 0; i < dim; i++)
                p->output[((size_t)rank * p->rows + row) * dim + i] = weft__f16_from_f32(result[rank * dim + i]);
    }
}

static void free_plain(plain *p)
{
    void *const blocks[] = {p->query, p->key, p->value, p->output, p->doubles, p->score, p->greatest, p->sum, p->total};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

/* All groups: they do the same work on other numbers. */
static double run_plain(const attention *it)
{
    plain p = make_plain(it);
    float *share = take(it->ranks, sizeof *share);
    float *parts = take((size_t)it->ranks * it->head_dim, sizeof *parts);
    float *sums = take((size_t)it->ranks * it->head_dim, sizeof *sums);
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = bench_now_ns();
        for (uint32_t group = 0; group < it->groups; group++) {
            for (uint32_t rank = 0; rank < it->ranks; rank++)
                attend(&p, rank);
            join(&p, share, parts, sums);
        }
        best = fmin(best, (bench_now_ns() - begin) * 1e-9);
    }
    if (!isfinite(weft__f16_to_f32(p.output[7])))
        fail("the plain loops give no number");
    free(share);
    free(parts);
    free(sums);
    free_plain(&p);
    return best;
}

/* ---- the report ---- */

static unsigned cpus(void)
{
    return (unsigned)weft__cpu_count();
}

static double peak_megabytes(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* What is measured of one of them. */
typedef struct row {
    const attention *it;
    measured timing, both, parallel; /* both with one thread that computes, and with one on each CPU */
    double loops_s;
} row;

static double ratio_of(const measured *both, double loops_s)
{
    return (both->simulate_s + both->compute_s) / loops_s;
}

static void print_rows(const row *rows, double megabytes)
{
    printf("attention on the 256 PEs of two-sip, the fastest of %d rounds\n\n", ROUNDS);
    printf("timing only                                 events  seconds  M events/s\n");
    for (size_t i = 0; i < COUNT; i++)
        printf("%-40s %9.0f %8.3f %11.2f   %s\n", rows[i].it->name, rows[i].timing.events, rows[i].timing.simulate_s,
               rows[i].timing.events / rows[i].timing.simulate_s * 1e-6, rows[i].it->goal);
    printf("most memory of timing only: %.0f MB   goal 2000\n\n", megabytes);
    printf("timing and data                          simulate  compute  on %2u CPUs  plain loops  ratio  on %2u CPUs   "
           "goal 2\n",
           cpus(), cpus());
    for (size_t i = 0; i < COUNT; i++)
        printf("%-40s %8.3f %8.3f %11.3f %12.3f %6.2f %11.2f\n", rows[i].it->name, rows[i].both.simulate_s,
               rows[i].both.compute_s, rows[i].parallel.compute_s, rows[i].loops_s,
               ratio_of(&rows[i].both, rows[i].loops_s), ratio_of(&rows[i].parallel, rows[i].loops_s));
}

static void print_json(const row *rows, double megabytes)
{
    printf("{\"timing_megabytes\": %.1f, \"cpus\": %u", megabytes, cpus());
    for (size_t i = 0; i < COUNT; i++)
        printf(", \"%s\": {\"events_per_second\": %.0f, \"timing_seconds\": %.3f, \"simulate_seconds\": %.3f, "
               "\"compute_seconds\": %.3f, \"parallel_compute_seconds\": %.3f, \"plain_loops_seconds\": %.3f, "
               "\"of_plain_loops\": %.3f, \"parallel_of_plain_loops\": %.3f}",
               rows[i].it->json_name, rows[i].timing.events / rows[i].timing.simulate_s, rows[i].timing.simulate_s,
               rows[i].both.simulate_s, rows[i].both.compute_s, rows[i].parallel.compute_s, rows[i].loops_s,
               ratio_of(&rows[i].both, rows[i].loops_s), ratio_of(&rows[i].parallel, rows[i].loops_s));
    printf("}\n");
}

int main(int argc, char **argv)
{
    bool is_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    const char *folder = argc > 1 + is_json ? argv[1 + is_json] : "machines";
    char path[1024];
    weft_error err;
    weft_machine *machine;
    row rows[COUNT];
    cli_ask_for_large_pages();
    (void)snprintf(path, sizeof path, "%s/two-sip.yaml", folder);
    if (weft_machine_open(path, NULL, 0, &machine, &err) != WEFT_OK)
        fail(err.message);
    for (size_t i = 0; i < COUNT; i++)
        rows[i] = (row){.it = &all[i], .timing = run(machine, &all[i], 0)};
    double megabytes = peak_megabytes(); /* of timing alone, before any values */
    for (size_t i = 0; i < COUNT; i++) {
        rows[i].both = run(machine, rows[i].it, 1);
        rows[i].parallel = run(machine, rows[i].it, cpus());
        rows[i].loops_s = run_plain(rows[i].it);
    }
    (is_json ? print_json : print_rows)(rows, megabytes);
    weft_machine_close(machine);
    return 0;
}
