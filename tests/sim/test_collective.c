/* Collectives: what they compute, bit for bit, on every PE. */
#include "collective_bench.h"

static const weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64, WEFT_I8,  WEFT_U8,
                                    WEFT_I16, WEFT_U16, WEFT_I32,  WEFT_U32, WEFT_I64, WEFT_U64};
#define DTYPES (sizeof dtypes / sizeof dtypes[0])
#define REDUCTIONS 3u
#define SCRATCH_BYTES 1000000u /* for an operand and a result */

/* PEs of a launch at most. */
#define PES_MAX 256u

static uint32_t count_pes(const simulation_bench *bench, const weft_pe_set *pes)
{
    uint32_t count;
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_machine_count_pes(bench->machine, pes, &count, &err), err);
    return count;
}

/* ---- what rings give ---- */

/* The tensors of a group, by rank. */
typedef struct group {
    const unsigned char *tensors[PES_MAX];
    uint32_t size;
} group;

static group group_of(const trial *it, uint32_t pes, uint32_t number)
{
    group found = {.size = it->group_size ? it->group_size : pes};
    uint32_t stride = it->group_stride ? it->group_stride : 1;
    uint64_t bytes = it->rows * it->columns * weft_dtype_bytes(it->dtype);
    for (uint32_t rank = 0; rank < found.size; rank++) {
        uint32_t pe = (number / stride * found.size + rank) * stride + number % stride;
        found.tensors[rank] = (const unsigned char *)it->data + pe * bytes;
    }
    return found;
}

/* Elements [begin, end), which are of the share of one rank: the next one begins. */
static void reduce_share(const trial *it, const group *of, uint32_t share, uint64_t begin, uint64_t end, void *out)
{
    size_t each = weft_dtype_bytes(it->dtype);
    if (begin == end)
        return;
    memcpy(out, of->tensors[(share + 1) % of->size] + begin * each, (end - begin) * each);
    for (uint32_t i = 2; i <= of->size; i++)
        reduce_plainly(it->reduction, it->dtype, out, of->tensors[(share + i) % of->size] + begin * each, end - begin);
}

static void expect_ring(const trial *it, const group *of, uint32_t rank, unsigned char *out)
{
    size_t each = weft_dtype_bytes(it->dtype);
    uint64_t count = it->rows * it->columns;
    for (uint32_t share = 0; share < of->size; share++) {
        uint64_t begin = count * share / of->size, end = count * (share + 1) / of->size;
        if (it->which == ALL_REDUCE_RING)
            reduce_share(it, of, share, begin, end, out + begin * each);
        else if (it->which == REDUCE_SCATTER && share == rank)
            reduce_share(it, of, share, begin, end, out);
        else if (it->which == ALL_GATHER)
            memcpy(out + share * count * each, of->tensors[share], count * each);
    }
    if (it->which == BROADCAST)
        memcpy(out, of->tensors[it->root], count * each);
}

static uint64_t rows_of_result(const trial *it, uint32_t size)
{
    return it->which == ALL_GATHER ? it->rows * size : it->which == REDUCE_SCATTER ? it->rows / size : it->rows;
}

static void check_groups(const simulation_bench *bench, trial *it, weft__rng *rng, bool has_special)
{
    uint32_t pes = count_pes(bench, &it->pes), size = it->group_size ? it->group_size : pes;
    uint64_t rows = rows_of_result(it, size), bytes = rows * it->columns * weft_dtype_bytes(it->dtype);
    void *data = random_data(rng, it->dtype, pes * it->rows * it->columns, has_special);
    unsigned char *actual = malloc(pes * bytes), *expected = malloc(bytes);
    it->data = data;
    (void)run_trial(bench, it, rows, actual);
    uint32_t stride = it->group_stride ? it->group_stride : 1, wrong = 0;
    for (uint32_t pe = 0; pe < pes; pe++) {
        group of = group_of(it, pes, pe / (size * stride) * stride + pe % stride);
        expect_ring(it, &of, pe / stride % size, expected);
        for (uint64_t i = 0; i < rows * it->columns; i++)
            wrong += !naive_same(it->dtype, actual + pe * bytes, expected, i);
    }
    ck_assert_msg(wrong == 0, "%u elements are wrong: collective %d, reduction %d, %s [%d, %d], %u ranks", wrong,
                  (int)it->which, (int)it->reduction, weft_dtype_name(it->dtype), (int)it->rows, (int)it->columns,
                  size);
    free(expected);
    free(actual);
    free(data);
}

static const uint64_t lengths[] = {1, 2, 3, 5, 8, 31, 64, 100, 257, 1000};
#define LENGTHS (sizeof lengths / sizeof lengths[0])

/* Slots, bytes of a slot. */
static const char *const rings[][2] = {{"1", "64"}, {"2", "64"}, {"4", "128"}, {"3", "256"}, {"4", "4096"}};
#define RINGS (sizeof rings / sizeof rings[0])

/* With other latencies for each of them. */
static simulation_bench open_rings(const char *machine, uint32_t ring, const char *key, const char *value)
{
    const weft_simulation_options options = {.perturb_seed = ring};
    const char *const settings[] = {
        "pe.ipcq.slots", rings[ring][0], "pe.ipcq.slot_bytes", rings[ring][1], key, value, NULL, NULL};
    return open_simulation(machine, settings, &options);
}

START_TEST(rings_give_what_plain_loops_give_of_every_dtype)
{
    static const collective all[] = {ALL_REDUCE_RING, ALL_GATHER, REDUCE_SCATTER, BROADCAST};
    weft__rng rng;
    weft__rng_init(&rng, 1 + (uint64_t)_i);
    simulation_bench bench = open_rings("two-sip", (uint32_t)_i, NULL, NULL);
    for (uint32_t dtype = 0; dtype < DTYPES; dtype++)
        for (uint32_t reduction = 0; reduction < REDUCTIONS; reduction++)
            for (uint32_t which = 0; which < 4; which++) {
                uint32_t size = 1 + (uint32_t)weft__rng_below(&rng, 8);
                trial it = {.which = all[which],
                            .reduction = (tl_reduction)reduction,
                            .pes = {.cubes = 1, .sips = 1, .pes = size},
                            .root = (uint32_t)weft__rng_below(&rng, size),
                            .dtype = dtypes[dtype],
                            .rows = lengths[weft__rng_below(&rng, 6)],
                            .columns = lengths[weft__rng_below(&rng, LENGTHS)]};
                if (it.which == REDUCE_SCATTER)
                    it.rows *= size;
                uint64_t most = weft_dtype_bytes(it.dtype) * (it.which == ALL_GATHER ? size : 1) * it.rows;
                if (it.columns > SCRATCH_BYTES / 2 / most)
                    it.columns = SCRATCH_BYTES / 2 / most;
                check_groups(&bench, &it, &rng, weft__rng_below(&rng, 2) == 0);
            }
    close_simulation(&bench);
}
END_TEST

START_TEST(groups_do_it_each_for_itself)
{
    static const struct {
        uint32_t size, stride;
    } groups[] = {{8, 1}, {16, 8}, {2, 128}, {32, 8}, {1, 1}, {2, 1}, {4, 2}};
    weft__rng rng;
    weft__rng_init(&rng, 7);
    simulation_bench bench = open_rings("two-sip", 2, NULL, NULL);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        for (uint32_t which = ALL_REDUCE_RING; which <= BROADCAST; which++) {
            if (which == ALL_REDUCE_CENTRE || which == ALL_REDUCE_MESH)
                continue;
            uint32_t size = groups[i].size;
            trial it = {.which = (collective)which,
                        .group_size = groups[i].size,
                        .group_stride = groups[i].stride,
                        .root = size - 1,
                        .dtype = WEFT_F16,
                        .rows = which == REDUCE_SCATTER ? size : 1,
                        .columns = 3};
            check_groups(&bench, &it, &rng, false);
        }
    close_simulation(&bench);
}
END_TEST

START_TEST(broadcasts_come_from_every_rank)
{
    weft__rng rng;
    weft__rng_init(&rng, 8);
    simulation_bench bench = open_rings("two-sip", (uint32_t)_i, NULL, NULL);
    for (uint32_t size = 1; size <= 16; size++)
        for (uint32_t root = 0; root < size; root++) {
            trial it = {.which = BROADCAST,
                        .pes = {.sips = 1, .pes = 1, .cubes = size},
                        .root = root,
                        .dtype = WEFT_U8,
                        .rows = 1,
                        .columns = root % 2 ? 1 : 700};
            check_groups(&bench, &it, &rng, false);
        }
    close_simulation(&bench);
}
END_TEST

/* ---- what grids give ---- */

/* The places of a launch along the row of cubes, the column, the row of SIPs, the column; and of each some PEs. */
typedef struct grid {
    uint32_t extent[4];
    uint32_t pes;
} grid;

/* Of all elements of some tensors, by place. */
typedef struct values {
    unsigned char *tensors[PES_MAX];
} values;

/* A line of places. */
typedef struct line {
    uint32_t first, stride, count;
    uint32_t root;
} line;

/* Elements [begin, end), from both ends towards the root, from the last one first; everybody gets it. */
static void reduce_line(const trial *it, values *all, const line *of, uint64_t begin, uint64_t end)
{
    size_t each = weft_dtype_bytes(it->dtype), offset = begin * each;
    uint32_t first = of->first, stride = of->stride;
    for (uint32_t i = of->count - 1; i-- > of->root;)
        reduce_plainly(it->reduction, it->dtype, all->tensors[first + i * stride] + offset,
                       all->tensors[first + (i + 1) * stride] + offset, end - begin);
    for (uint32_t i = 1; i <= of->root; i++)
        reduce_plainly(it->reduction, it->dtype, all->tensors[first + i * stride] + offset,
                       all->tensors[first + (i - 1) * stride] + offset, end - begin);
    for (uint32_t i = 0; i < of->count; i++)
        if (i != of->root)
            memcpy(all->tensors[first + i * stride] + offset, all->tensors[first + of->root * stride] + offset,
                   (end - begin) * each);
}

/* Along one axis after the other, towards a root with these places on them. */
static void reduce_axes(const trial *it, values *all, const grid *of, const uint32_t roots[4], uint64_t begin,
                        uint64_t end)
{
    uint32_t places = of->extent[0] * of->extent[1] * of->extent[2] * of->extent[3], stride = 1;
    for (uint32_t axis = 0; axis < 4 && end > begin; axis++) {
        for (uint32_t place = 0; place < places; place++)
            if (place / stride % of->extent[axis] == 0)
                reduce_line(it, all, &(line){place, stride, of->extent[axis], roots[axis]}, begin, end);
        stride *= of->extent[axis];
    }
}

static void expect_grid(const trial *it, values *all, const grid *of)
{
    uint64_t count = it->rows * it->columns;
    const uint32_t *extent = of->extent;
    uint32_t places = extent[0] * extent[1] * extent[2] * extent[3];
    if (it->which == ALL_REDUCE_CENTRE)
        reduce_axes(it, all, of, (uint32_t[]){extent[0] / 2, extent[1] / 2, extent[2] / 2, extent[3] / 2}, 0, count);
    for (uint32_t share = 0; it->which == ALL_REDUCE_MESH && share < places; share++) {
        const uint32_t roots[] = {share % extent[0], share / extent[0] % extent[1],
                                  share / extent[0] / extent[1] % extent[2], share / extent[0] / extent[1] / extent[2]};
        reduce_axes(it, all, of, roots, count * share / places, count * (share + 1) / places);
    }
}

/* PEs are numbered SIP by SIP, cube by cube; each number of them has a grid of its own. */
static void check_grid(const simulation_bench *bench, trial *it, const grid *of, weft__rng *rng, bool has_special)
{
    uint32_t pes = count_pes(bench, &it->pes), wrong = 0;
    uint64_t count = it->rows * it->columns, bytes = count * weft_dtype_bytes(it->dtype);
    unsigned char *data = random_data(rng, it->dtype, pes * count, has_special), *actual = malloc(pes * bytes);
    it->data = data;
    ck_assert_uint_eq(pes, of->pes * of->extent[0] * of->extent[1] * of->extent[2] * of->extent[3]);
    (void)run_trial(bench, it, it->rows, actual);
    for (uint32_t unit = 0; unit < of->pes; unit++) {
        values all;
        for (uint32_t place = 0; place < pes / of->pes; place++)
            all.tensors[place] = data + (place * of->pes + unit) * bytes;
        expect_grid(it, &all, of);
    }
    for (uint64_t i = 0; i < pes * count; i++)
        wrong += !naive_same(it->dtype, actual, data, i);
    ck_assert_msg(wrong == 0, "%u elements are wrong: collective %d, reduction %d, %s [%d, %d]", wrong, (int)it->which,
                  (int)it->reduction, weft_dtype_name(it->dtype), (int)it->rows, (int)it->columns);
    free(actual);
    free(data);
}

START_TEST(grids_give_what_plain_loops_give_of_every_dtype)
{
    static const uint32_t sizes[][2] = {{4, 4}, {4, 3}, {4, 2}, {4, 1}, {3, 1}, {2, 1}, {1, 1}}; /* columns, rows */
    weft__rng rng;
    weft__rng_init(&rng, 11 + (uint64_t)_i);
    simulation_bench bench = open_rings("two-sip", (uint32_t)_i, NULL, NULL);
    for (uint32_t dtype = 0; dtype < DTYPES; dtype++)
        for (uint32_t reduction = 0; reduction < REDUCTIONS; reduction++)
            for (uint32_t which = ALL_REDUCE_CENTRE; which <= ALL_REDUCE_MESH; which++) {
                const uint32_t *size = sizes[weft__rng_below(&rng, sizeof sizes / sizeof sizes[0])];
                uint32_t sips = 1 + (uint32_t)weft__rng_below(&rng, 2);
                trial it = {.which = (collective)which,
                            .reduction = (tl_reduction)reduction,
                            .pes = {.sips = sips, .pes = 1, .cubes = size[0] * size[1]},
                            .dtype = dtypes[dtype],
                            .rows = 1 + weft__rng_below(&rng, 3),
                            .columns = lengths[weft__rng_below(&rng, LENGTHS)],
                            .is_strided = weft__rng_below(&rng, 4) == 0};
                const grid of = {{size[0], size[1], sips, 1}, 1};
                check_grid(&bench, &it, &of, &rng, weft__rng_below(&rng, 2) == 0);
            }
    close_simulation(&bench);
}
END_TEST

/* All of them in one ring, or tree. */
static void check_rings_of(const simulation_bench *bench, const weft_pe_set *pes, weft__rng *rng)
{
    uint32_t size = count_pes(bench, pes);
    for (uint32_t which = 0; which <= BROADCAST; which++) {
        trial it = {.which = (collective)which,
                    .pes = *pes,
                    .root = size / 2,
                    .dtype = WEFT_I16,
                    .rows = which == REDUCE_SCATTER ? size : 1,
                    .columns = 7};
        if (which != ALL_REDUCE_CENTRE && which != ALL_REDUCE_MESH)
            check_groups(bench, &it, rng, false);
    }
}

START_TEST(grids_of_sips)
{
    static const struct {
        const char *machine, *key, *value;
        weft_pe_set pes;
        grid of;
    } cases[] = {
        {"six-sip-torus", NULL, NULL, {.pes = 1}, {{4, 4, 3, 2}, 1}},
        {"six-sip-torus", "system.fabric", "mesh", {.pes = 1, .cubes = 8}, {{4, 2, 3, 2}, 1}},
        {"six-sip-torus", "system.fabric", "ring", {.pes = 1, .cubes = 4}, {{4, 1, 6, 1}, 1}},
        {"six-sip-torus", "system.fabric", "switch", {.pes = 1, .cubes = 1}, {{1, 1, 6, 1}, 1}},
        {"six-sip-torus", NULL, NULL, {.first_sip = 3, .sips = 3, .pes = 1, .cubes = 4}, {{4, 1, 3, 1}, 1}},
        {"six-sip-torus", NULL, NULL, {.first_sip = 1, .sips = 2, .pes = 2, .cubes = 4}, {{4, 1, 2, 1}, 2}},
        {"two-sip", "system.sips", "3", {.pes = 1}, {{4, 4, 3, 1}, 1}},
        {"two-sip", "system.sips", "1", {.pes = 0}, {{4, 4, 1, 1}, 8}},
        {"two-sip", NULL, NULL, {.first_pe = 3, .pes = 2, .first_cube = 8, .cubes = 8}, {{4, 2, 2, 1}, 2}},
        {"two-sip", NULL, NULL, {.pes = 1, .first_cube = 5, .cubes = 3}, {{3, 1, 2, 1}, 1}},
        {"two-sip", "sip.columns", "3", {.sips = 1, .pes = 1}, {{3, 4, 1, 1}, 1}},
        {"two-sip", "sip.rows", "3", {.sips = 1, .pes = 1}, {{4, 3, 1, 1}, 1}},
        {"two-sip", "sip.columns", "1", {.sips = 1, .pes = 1}, {{1, 4, 1, 1}, 1}},
        {"tiny", NULL, NULL, {.pes = 0}, {{1, 1, 1, 1}, 2}},
    };
    weft__rng rng;
    weft__rng_init(&rng, 23);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        simulation_bench bench = open_rings(cases[i].machine, (uint32_t)i % 4, cases[i].key, cases[i].value);
        for (uint32_t which = ALL_REDUCE_CENTRE; which <= ALL_REDUCE_MESH; which++) {
            trial it = {
                .which = (collective)which, .pes = cases[i].pes, .dtype = WEFT_F16, .rows = 7, .columns = 1 + 96 * i};
            check_grid(&bench, &it, &cases[i].of, &rng, false);
        }
        check_rings_of(&bench, &cases[i].pes, &rng);
        close_simulation(&bench);
    }
}
END_TEST

START_TEST(many_sips_do_every_dtype)
{
    static const grid grids[] = {{{1, 1, 3, 1}, 1}, {{1, 1, 3, 2}, 1}, {{4, 1, 2, 1}, 1}, {{3, 1, 1, 1}, 1}};
    static const weft_pe_set sets[] = {{.sips = 3, .cubes = 1, .pes = 1},
                                       {.cubes = 1, .pes = 1},
                                       {.sips = 2, .cubes = 4, .pes = 1},
                                       {.first_sip = 5, .sips = 1, .first_cube = 4, .cubes = 3, .pes = 1}};
    weft__rng rng;
    weft__rng_init(&rng, 41);
    simulation_bench bench = open_rings("six-sip-torus", 1, NULL, NULL);
    for (uint32_t i = 0; i < DTYPES * 4; i++)
        for (uint32_t which = ALL_REDUCE_RING; which <= BROADCAST; which++) {
            uint32_t size = count_pes(&bench, &sets[i % 4]);
            trial it = {.which = (collective)which,
                        .reduction = (tl_reduction)((i + which) % REDUCTIONS),
                        .pes = sets[i % 4],
                        .root = (i + which) % size,
                        .dtype = dtypes[i / 4],
                        .rows = which == REDUCE_SCATTER ? size : 1,
                        .columns = 37};
            if (which == ALL_REDUCE_CENTRE || which == ALL_REDUCE_MESH)
                check_grid(&bench, &it, &grids[i % 4], &rng, false);
            else
                check_groups(&bench, &it, &rng, false);
        }
    close_simulation(&bench);
}
END_TEST

/* ---- every length ---- */

typedef struct lengths_work {
    collective which;
    uint64_t last;
} lengths_work;

static void lengths_kernel(weft_tile *tl, const void *arguments)
{
    const lengths_work *work = arguments;
    for (uint64_t length = 1; length <= work->last; length++) {
        uint64_t mark = tl_mark(tl), ranks = tl_num_programs(tl, TL_AXIS_RANK);
        const trial it = {.which = work->which, .root = (uint32_t)(length % ranks)};
        uint64_t count = work->which == REDUCE_SCATTER ? length * ranks : length;
        (void)call_collective(tl, &it, tl_full(tl, weft_shape_1d(count), WEFT_I32, 1));
        tl_release(tl, mark);
    }
}

START_TEST(no_length_and_no_number_of_slots_locks_up)
{
    static const char *const slots[] = {"1", "2", "3", "5"};
    static const weft_pe_set sets[] = {
        {.sips = 1, .cubes = 1, .pes = 2}, {.sips = 1, .cubes = 1, .pes = 3}, {.sips = 1, .cubes = 1, .pes = 5},
        {.sips = 1, .cubes = 1, .pes = 7}, {.sips = 2, .cubes = 4, .pes = 1}, {.sips = 1, .cubes = 12, .pes = 1},
    };
    const char *const settings[] = {"pe.ipcq.slots", slots[_i], "pe.ipcq.slot_bytes", "64", NULL, NULL};
    simulation_bench bench = open_simulation("two-sip", settings, NULL);
    for (size_t set = 0; set < sizeof sets / sizeof sets[0]; set++)
        for (uint32_t which = 0; which <= BROADCAST; which++) {
            const lengths_work work = {(collective)which, set < 4 ? 100 : 40};
            const weft_launch_options options = {.kernel = lengths_kernel,
                                                 .arguments = &work,
                                                 .pes = sets[set],
                                                 .queues = WEFT_QUEUES_CUBES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING |
                                                           WEFT_QUEUES_TREE};
            (void)run_launch(&bench, &options);
        }
    close_simulation(&bench);
}
END_TEST

/* ---- memory ---- */

START_TEST(they_need_no_more_memory_than_the_header_says)
{
    enum {
        MESSAGE = 256,
        KIB = 1024
    };
    static const struct {
        collective which;
        weft_pe_set pes;
        uint64_t kib;     /* of an operand */
        uint64_t results; /* of what size all of them are together, in KiB */
        uint64_t messages;
    } cases[] = {
        {ALL_REDUCE_RING, {.sips = 1, .cubes = 1}, 16, 16, 6},     {ALL_GATHER, {.sips = 1, .cubes = 1}, 4, 32, 0},
        {REDUCE_SCATTER, {.sips = 1, .cubes = 1}, 16, 2 * 2, 22},  {BROADCAST, {.sips = 1, .cubes = 1}, 16, 16, 0},
        {ALL_REDUCE_TREE, {.sips = 1, .cubes = 1}, 16, 16, 13},    {ALL_REDUCE_CENTRE, {.pes = 1}, 16, 16, 5 * 5},
        {ALL_REDUCE_CENTRE, {.sips = 1, .pes = 1}, 16, 16, 4 * 5}, {ALL_REDUCE_MESH, {.pes = 1}, 16, 3 * 16, 0},
        {ALL_REDUCE_MESH, {.sips = 1, .pes = 1}, 16, 3 * 16, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char scratch_kib[16];
        uint64_t bytes = (cases[i].kib + cases[i].results) * KIB + cases[i].messages * MESSAGE;
        (void)snprintf(scratch_kib, sizeof scratch_kib, "%d", (int)((bytes + KIB - 1) / KIB));
        const char *const settings[] = {"pe.ipcq.slot_bytes", "256", "pe.scratch_kib", scratch_kib, NULL, NULL};
        simulation_bench bench = open_simulation("two-sip", settings, NULL);
        trial it = {.which = cases[i].which,
                    .pes = cases[i].pes,
                    .dtype = WEFT_U8,
                    .rows = 16,
                    .columns = cases[i].kib * KIB / 16};
        weft__rng rng;
        weft__rng_init(&rng, 31);
        uint32_t pes = count_pes(&bench, &it.pes);
        void *data = random_data(&rng, it.dtype, pes * it.rows * it.columns, false);
        it.data = data;
        (void)run_trial(&bench, &it, rows_of_result(&it, pes), NULL);
        free(data);
        close_simulation(&bench);
    }
}
END_TEST

/* ---- barriers ---- */

typedef struct barrier_work {
    const simulation_bench *bench;
    uint64_t entered[PES_MAX], left[PES_MAX];
} barrier_work;

static void barrier_kernel(weft_tile *tl, const void *arguments)
{
    barrier_work *work = *(barrier_work *const *)arguments;
    uint32_t me = tl_program_id(tl, TL_AXIS_ALL);
    for (uint32_t i = 0; i < me * 7 % 13; i++)
        (void)tl_full(tl, weft_shape_1d(1000), WEFT_F32, 0);
    uint64_t mark = tl_mark(tl);
    work->entered[me] = tl_now_ps(tl);
    tl_barrier(tl);
    work->left[me] = tl_now_ps(tl);
    ck_assert_uint_eq(tl_mark(tl), mark);
    tl_barrier(tl);
}

START_TEST(nobody_leaves_a_barrier_before_all_have_come)
{
    for (uint32_t size = 1; size <= 128; size = size * 3 / 2 + 1) {
        barrier_work work = {0}, *arguments = &work;
        simulation_bench bench = open_rings("two-sip", 0, NULL, NULL);
        work.bench = &bench;
        const weft_launch_options options = {
            .kernel = barrier_kernel,
            .arguments = &arguments,
            .pes = {.sips = 1, .cubes = size < 8 ? 1 : size / 8, .pes = size < 8 ? size : 8},
            .queues = WEFT_QUEUES_TREE};
        weft_launch_report report = run_launch(&bench, &options);
        uint64_t first_left = UINT64_MAX, last_entered = 0;
        for (uint32_t i = 0; i < report.pes; i++) {
            first_left = work.left[i] < first_left ? work.left[i] : first_left;
            last_entered = work.entered[i] > last_entered ? work.entered[i] : last_entered;
        }
        ck_assert_uint_ge(first_left, last_entered);
        ck_assert((report.spent_ps[WEFT_PE_TIME_BARRIER] > 0) == (report.pes > 1));
        ck_assert_uint_eq(report.spent_ps[WEFT_PE_TIME_QUEUE], 0);
        close_simulation(&bench);
    }
}
END_TEST

/* ---- one behind another ---- */

static void chain_kernel(weft_tile *tl, const void *arguments)
{
    const weft_placed_tensor *const *tensors = arguments;
    tl_tensor from = tl_shard(tl, tensors[0]), to = tl_shard(tl, tensors[1]);
    tl_tensor x = tl_load(tl, from.address, from.shape, from.dtype);
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t mark = tl_mark(tl);
        tl_tensor sum = tl_all_reduce_ring(tl, x, TL_REDUCE_SUM);
        tl_tensor middle = tl_all_reduce_centre(tl, sum, TL_REDUCE_MAX);
        tl_tensor mesh = tl_all_reduce_mesh(tl, middle, TL_REDUCE_MIN);
        tl_tensor rows = tl_reduce_scatter(tl, mesh, TL_REDUCE_MAX);
        tl_tensor all = tl_all_gather(tl, rows);
        tl_barrier(tl);
        tl_store(tl, to.address, tl_broadcast(tl, all, round));
        tl_release(tl, mark);
    }
}

START_TEST(collectives_follow_one_another)
{
    static const char *const settings[] = {"pe.ipcq.slots", "2", "pe.ipcq.slot_bytes", "64", NULL, NULL};
    uint64_t makespan[2];
    for (uint32_t round = 0; round < 2; round++) { /* with values, and times alone */
        const weft_simulation_options options = {.values = round ? WEFT_VALUES_NONE : WEFT_VALUES_LAZY};
        simulation_bench bench = open_simulation("two-sip", settings, &options);
        const weft_placement placement = {.pes = {.pes = 1},
                                          .over_sips = WEFT_SPLIT_ROWS,
                                          .over_cubes = WEFT_SPLIT_ROWS,
                                          .over_pes = WEFT_SPLIT_ROWS};
        int32_t data[32 * 32 * 5], out[32 * 32 * 5];
        weft_placed_tensor *tensors[2];
        for (uint32_t i = 0; i < 2; i++)
            tensors[i] = make_tensor(&bench, WEFT_I32, weft_shape_2d((uint64_t)32 * 32, 5), placement);
        for (uint32_t i = 0; i < 32 * 32 * 5; i++)
            data[i] = (int32_t)(i * 2654435761u >> 16);
        set_tensor(tensors[0], data, sizeof data);
        const weft_launch_options launch = {.kernel = chain_kernel,
                                            .arguments = tensors,
                                            .pes = placement.pes,
                                            .queues = WEFT_QUEUES_CUBES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING |
                                                      WEFT_QUEUES_TREE};
        makespan[round] = run_launch(&bench, &launch).makespan_ps;
        if (round == 0) {
            uint32_t wrong = 0;
            get_tensor(tensors[1], out, sizeof out);
            for (uint32_t i = 0; i < 32 * 5; i++) {
                int32_t sum = 0;
                for (uint32_t pe = 0; pe < 32; pe++)
                    sum += data[pe * 32 * 5 + i];
                for (uint32_t pe = 0; pe < 32; pe++)
                    wrong += out[pe * 32 * 5 + i] != sum;
            }
            ck_assert_uint_eq(wrong, 0);
        }
        weft_placed_tensor_destroy(tensors[0]);
        weft_placed_tensor_destroy(tensors[1]);
        close_simulation(&bench);
    }
    ck_assert_uint_eq(makespan[0], makespan[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collective");
    TCase *tests = tcase_create("collective");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, rings_give_what_plain_loops_give_of_every_dtype, 0, (int)RINGS);
    tcase_add_test(tests, groups_do_it_each_for_itself);
    tcase_add_loop_test(tests, broadcasts_come_from_every_rank, 0, 2);
    tcase_add_loop_test(tests, grids_give_what_plain_loops_give_of_every_dtype, 0, (int)RINGS);
    tcase_add_test(tests, grids_of_sips);
    tcase_add_test(tests, many_sips_do_every_dtype);
    tcase_add_loop_test(tests, no_length_and_no_number_of_slots_locks_up, 0, 4);
    tcase_add_test(tests, they_need_no_more_memory_than_the_header_says);
    tcase_add_test(tests, nobody_leaves_a_barrier_before_all_have_come);
    tcase_add_test(tests, collectives_follow_one_another);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
