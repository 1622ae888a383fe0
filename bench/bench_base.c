/* What the base layer costs: arena against malloc, range map against a plain sorted array, thread pool. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/range_map.h"
#include "base/rng.h"
#include "base/threads.h"
#include "bench_timer.h"

enum {
    SAMPLES = 40,
    ALLOCATIONS = 1000,
    CHANGES = 64
};

static const double sample_ns = 2e5;

static double measure(bench_function *function, void *context, size_t operations)
{
    bench_samples samples = {0};
    bench_measure(&samples, function, context, SAMPLES, sample_ns);
    return bench_fastest_ns(&samples) / (double)operations;
}

/* Allocation: a thousand small blocks of 8 to 64 bytes, and all of them freed. */

static void allocate_from_arena(void *context)
{
    weft__arena *arena = context;
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        unsigned char *block = weft__arena_alloc(arena, 8 + i % 8 * 8, 8);
        if (block)
            *(volatile unsigned char *)block = 1;
    }
    weft__arena_reset(arena);
}

static void allocate_with_malloc(void *context)
{
    void **blocks = context;
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        blocks[i] = malloc(8 + i % 8 * 8);
        if (blocks[i])
            *(volatile unsigned char *)blocks[i] = 1;
    }
    for (size_t i = 0; i < ALLOCATIONS; i++)
        free(blocks[i]);
}

static void bench_arena(void)
{
    static void *blocks[ALLOCATIONS];
    weft__arena arena = {0};
    double ours = measure(allocate_from_arena, &arena, ALLOCATIONS);
    double theirs = measure(allocate_with_malloc, blocks, ALLOCATIONS);
    printf("arena: %.1f ns per small allocation, malloc and free %.1f ns (%.1fx)\n", ours, theirs, theirs / ours);
    weft__arena_destroy(&arena);
}

/* The plain array: segments in order in one block, each change a search and a move of what is behind. Ten addresses per
 * segment, and only the two changes that are measured. */
typedef struct plain_map {
    weft__range *at;
    size_t count;
} plain_map;

static size_t plain_search(const plain_map *map, uint64_t address)
{
    size_t low = 0;
    size_t high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->at[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void plain_split(plain_map *map, uint64_t begin, uint64_t end, uint64_t payload)
{
    size_t i = plain_search(map, begin);
    weft__range *s = &map->at[i];
    memmove(s + 3, s + 1, (map->count - i - 1) * sizeof *s);
    s[2] = (weft__range){end, s->end, s->payload};
    s[1] = (weft__range){begin, end, payload};
    s->end = begin;
    map->count += 2;
}

static void plain_join(plain_map *map, uint64_t begin, uint64_t end, uint64_t payload)
{
    size_t i = plain_search(map, begin);
    weft__range *s = &map->at[i];
    *s = (weft__range){begin, end, payload};
    memmove(s + 1, s + 3, (map->count - i - 3) * sizeof *s);
    map->count -= 2;
}

typedef struct map_bench {
    weft__range_map map;
    plain_map plain;
    size_t segments;
    uint64_t round;
    uint64_t sink;
} map_bench;

static uint64_t random_segment(map_bench *b)
{
    return weft__rng_at(1, 1, b->round++) % b->segments;
}

static void find_segments(void *context)
{
    map_bench *b = context;
    for (size_t i = 0; i < CHANGES; i++)
        b->sink += weft__range_map_find(&b->map, 10 * random_segment(b) + 5)->payload;
}

static void overwrite_segments(void *context)
{
    map_bench *b = context;
    bool ok = true;
    for (size_t i = 0; i < CHANGES; i++) {
        uint64_t k = random_segment(b);
        ok &= weft__range_map_assign(&b->map, 10 * k, 10 * k + 10, k + (b->round << 32));
    }
    b->sink += ok;
}

static void split_and_join_segments(void *context)
{
    map_bench *b = context;
    bool ok = true;
    for (size_t i = 0; i < CHANGES; i += 2) {
        uint64_t k = random_segment(b);
        ok &= weft__range_map_assign(&b->map, 10 * k + 3, 10 * k + 6, UINT64_MAX);
        ok &= weft__range_map_assign(&b->map, 10 * k, 10 * k + 10, k);
    }
    b->sink += ok;
}

static void split_and_join_plainly(void *context)
{
    map_bench *b = context;
    for (size_t i = 0; i < CHANGES; i += 2) {
        uint64_t k = random_segment(b);
        plain_split(&b->plain, 10 * k + 3, 10 * k + 6, UINT64_MAX);
        plain_join(&b->plain, 10 * k, 10 * k + 10, k);
    }
}

static void draw_segments(void *context)
{
    map_bench *b = context;
    for (size_t i = 0; i < CHANGES; i++)
        b->sink += random_segment(b);
}

static bool fill(map_bench *b, size_t segments)
{
    b->segments = segments;
    b->plain.at = malloc((segments + 2) * sizeof *b->plain.at);
    bool ok = b->plain.at != NULL;
    for (uint64_t i = 0; ok && i < segments; i++) {
        uint64_t k = segments % 7 ? i * 7 % segments : i; /* in no order, which leaves the leaves as full as use does */
        ok = weft__range_map_assign(&b->map, 10 * k, 10 * k + 10, k);
        b->plain.at[i] = (weft__range){10 * i, 10 * i + 10, i};
    }
    b->plain.count = segments;
    return ok && weft__range_map_count(&b->map) == segments;
}

static void bench_map_of(size_t segments)
{
    map_bench b = {0};
    if (!fill(&b, segments)) {
        printf("range map of %zu segments: out of memory\n", segments);
    } else {
        double draw = measure(draw_segments, &b, CHANGES);
        double find = measure(find_segments, &b, CHANGES) - draw;
        double split = measure(split_and_join_segments, &b, CHANGES) - draw / 2;
        double plain = measure(split_and_join_plainly, &b, CHANGES) - draw / 2;
        double overwrite = measure(overwrite_segments, &b, CHANGES) - draw;
        printf("range map of %6zu segments: find %.1f ns, overwrite %.1f ns, split or join %.1f ns, "
               "in a plain array %.1f ns (%.1fx)\n",
               segments, find, overwrite, split, plain, plain / split);
    }
    weft__range_map_destroy(&b.map);
    free(b.plain.at);
}

/* What the hazard tracker does to one buffer between two barriers: four dispatches that each look for what overlaps
 * their range and then record it, and a clear. */
static void track_four_ranges(void *context)
{
    map_bench *b = context;
    bool ok = true;
    weft__range_cursor cursor;
    for (uint64_t i = 0; i < 4; i++) {
        ok &= weft__range_map_first_overlap(&b->map, i * 256, i * 256 + 256, &cursor) == NULL;
        ok &= weft__range_map_assign(&b->map, i * 256, i * 256 + 256, b->round + i);
    }
    weft__range_map_clear(&b->map);
    b->sink += ok;
}

static void track_one_range(void *context)
{
    map_bench *b = context;
    weft__range_cursor cursor;
    bool ok = weft__range_map_first_overlap(&b->map, 0, 256, &cursor) == NULL;
    ok &= weft__range_map_assign(&b->map, 0, 256, b->round++);
    weft__range_map_clear(&b->map);
    b->sink += ok;
}

static void bench_tracking(void)
{
    map_bench b = {0};
    double four = measure(track_four_ranges, &b, 8);
    double one = measure(track_one_range, &b, 2);
    printf("range map as the tracker uses it: %.1f ns per look or assign with 1 to 4 segments, %.1f ns with one, "
           "clears included\n",
           four, one);
    weft__range_map_destroy(&b.map);
}

/* Threads */

typedef struct pool_bench {
    weft__threads *threads;
    weft__gate present;
    uint32_t goal;
    size_t tasks;
} pool_bench;

static void meet(void *context, size_t task, size_t worker)
{
    pool_bench *b = context;
    (void)task;
    (void)worker;
    uint32_t present = weft__gate_add(&b->present, 1);
    weft__gate_wake(&b->present, WEFT__WAKE_ALL);
    while ((int32_t)(b->goal - present) > 0)
        present = weft__gate_wait(&b->present, present, 1000);
}

static void round_trip(void *context)
{
    pool_bench *b = context;
    b->goal += 2;
    weft__threads_run(b->threads, 2, meet, b);
}

static void do_nothing(void *context, size_t task, size_t worker)
{
    (void)context;
    (void)task;
    (void)worker;
}

static void run_empty_tasks(void *context)
{
    pool_bench *b = context;
    weft__threads_run(b->threads, b->tasks, do_nothing, b);
}

static void bench_threads(void)
{
    pool_bench b = {.tasks = 100000};
    weft_error err;
    if (weft__threads_create(2, WEFT__SPINS_DEFAULT, &b.threads, &err) != WEFT_OK ||
        weft__gate_init(&b.present, 0, &err) != WEFT_OK) {
        printf("threads: %s\n", err.message);
        weft__threads_destroy(b.threads);
        return;
    }
    double trip = measure(round_trip, &b, 1);
    double claim = measure(run_empty_tasks, &b, b.tasks);
    printf("thread pool of 2: %.0f ns for a run in which both take part, %.1f ns per task of %zu empty ones "
           "(%zu CPUs)\n",
           trip, claim, b.tasks, weft__cpu_count());
    weft__gate_destroy(&b.present);
    weft__threads_destroy(b.threads);
}

int main(void)
{
    static const size_t sizes[] = {1, 4, 64, 1000, 100000};
    bench_arena();
    bench_tracking();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        bench_map_of(sizes[i]);
    bench_threads();
    return 0;
}
