/* Sets of PEs, and which of them has which part of a tensor. */
#include "simulation_bench.h"

#include "base/rng.h"
#include "sim/machine/address.h"
#include "sim/machine/machine.h"
#include "support/failing_malloc.h"

/* ---- sets ---- */

START_TEST(sets_count_their_pes)
{
    static const struct {
        weft_pe_set set;
        uint32_t count;
    } cases[] = {
        {{0}, 256},
        {{.first_sip = 1}, 128},
        {{.sips = 1}, 128},
        {{.cubes = 3}, 2 * 3 * 8},
        {{.first_cube = 15, .first_pe = 7}, 2},
        {{.first_sip = 1, .sips = 1, .first_cube = 4, .cubes = 2, .first_pe = 2, .pes = 5}, 10},
        {{.sips = 2, .cubes = 16, .pes = 8}, 256},
    };
    weft_error err;
    weft_machine *machine = open_machine("two-sip", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t count;
        WEFT_TEST_ASSERT_OK(weft_machine_count_pes(machine, &cases[i].set, &count, &err), err);
        ck_assert_uint_eq(count, cases[i].count);
    }
    weft_machine_close(machine);
}
END_TEST

START_TEST(sets_of_pes_that_are_not_there)
{
    static const struct {
        weft_pe_set set;
        const char *sentence;
    } cases[] = {
        {{.first_sip = 2}, "The set begins with SIP 2, but the machine has 2, counted from 0."},
        {{.first_sip = 1, .sips = 2}, "The set has 2 SIPs from SIP 1 on, but the machine has 2, counted from 0."},
        {{.first_cube = 16}, "The set begins with cube 16, but a SIP has 16, counted from 0."},
        {{.cubes = 17}, "The set has 17 cubes from cube 0 on, but a SIP has 16, counted from 0."},
        {{.first_pe = 3, .pes = 6}, "The set has 6 PEs from PE 3 on, but a cube has 8, counted from 0."},
        {{.first_pe = UINT32_MAX, .pes = UINT32_MAX},
         "The set begins with PE 4294967295, but a cube has 8, counted from 0."},
    };
    weft_machine *machine = open_machine("two-sip", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_error err;
        uint32_t count = 7;
        WEFT_TEST_ASSERT_STATUS(weft_machine_count_pes(machine, &cases[i].set, &count, &err), WEFT_OUT_OF_RANGE);
        ck_assert_str_eq(err.message, cases[i].sentence);
        ck_assert_uint_eq(count, 0);
    }
    weft_machine_close(machine);
}
END_TEST

/* ---- shards ---- */

/* The unit that has an index, when `extent` indices are dealt to `units`, and where its share begins and how long it
 * is: counted one by one. */
static uint64_t dealt_to(uint64_t extent, uint64_t units, uint64_t index, uint64_t *begin, uint64_t *count)
{
    uint64_t each = 0;
    while (each * units < extent)
        each++;
    uint64_t unit = index / each;
    *begin = unit * each;
    for (*count = 0; *count < each && *begin + *count < extent;)
        ++*count;
    return unit;
}

/* Whether a PE has an element, by its first and last index. */
static bool has_element(const weft_placement *placement, const weft_shape *shape, const uint32_t units[3],
                        const uint32_t unit[3], uint64_t row, uint64_t column)
{
    const weft_split splits[3] = {placement->over_sips, placement->over_cubes, placement->over_pes};
    uint64_t rows = shape->extent[0], columns = shape->extent[shape->rank - 1], begin, count;
    bool is_one_axis = shape->rank == 1;
    for (int level = 0; level < 3; level++) {
        if (splits[level] == WEFT_SPLIT_ROWS || (is_one_axis && splits[level] != WEFT_REPLICATE)) {
            if (dealt_to(rows, units[level], row, &begin, &count) != unit[level])
                return false;
            row -= begin;
            rows = count;
        } else if (splits[level] == WEFT_SPLIT_COLUMNS) {
            if (dealt_to(columns, units[level], column, &begin, &count) != unit[level])
                return false;
            column -= begin;
            columns = count;
        }
    }
    return true;
}

/* A shard lies in the memory of its PE or cube. */
static void check_home(const weft__graph *graph, const weft_placement *placement, const uint32_t unit[3],
                       const weft_shard *shard)
{
    weft_error err;
    weft__location location;
    uint64_t bytes = weft_shape_elements(&shard->shape) * sizeof(int32_t);
    WEFT_TEST_ASSERT_OK(weft__address_resolve(graph, shard->address, bytes, &location, &err), err);
    ck_assert_int_eq(location.region, placement->home == WEFT_HOME_HBM ? WEFT__REGION_HBM : WEFT__REGION_SRAM);
    ck_assert_uint_eq(location.sip, placement->pes.first_sip + unit[0]);
    ck_assert_uint_eq(location.cube, placement->pes.first_cube + unit[1]);
    ck_assert_uint_eq(location.unit, placement->home == WEFT_HOME_HBM ? placement->pes.first_pe + unit[2] : 0);
}

/* Every shard has exactly the elements that it should have. */
static void check_shards(const weft__graph *graph, weft_placed_tensor *tensor, const weft_placement *placement,
                         const weft_shape *shape, const uint32_t units[3])
{
    uint64_t rows = shape->extent[0], columns = shape->rank > 1 ? shape->extent[shape->rank - 1] : 1;
    ck_assert_uint_eq(weft_placed_tensor_shard_count(tensor), units[0] * units[1] * units[2]);
    weft_shard none = {.address = 1};
    ck_assert(!weft_placed_tensor_get_shard(tensor, weft_placed_tensor_shard_count(tensor), &none));
    ck_assert(!weft_placed_tensor_get_shard(tensor, SIZE_MAX, &none));
    ck_assert_uint_eq(none.address, 0);
    for (uint32_t i = 0; i < weft_placed_tensor_shard_count(tensor); i++) {
        weft_shard shard;
        ck_assert(weft_placed_tensor_get_shard(tensor, i, &shard));
        const uint32_t unit[3] = {i / units[2] / units[1], i / units[2] % units[1], i % units[2]};
        char name[48];
        (void)snprintf(name, sizeof name, "sip%u.cube%u.pe%u", unit[0] + placement->pes.first_sip,
                       unit[1] + placement->pes.first_cube, unit[2] + placement->pes.first_pe);
        ck_assert_str_eq(shard.pe, name);
        ck_assert_uint_eq(shard.shape.rank, shape->rank);
        bool is_empty = weft_shape_elements(&shard.shape) == 0;
        if (!is_empty)
            check_home(graph, placement, unit, &shard);
        ck_assert(!is_empty || shard.address == 0);
        uint64_t found = 0;
        for (uint64_t row = 0; row < rows; row++)
            for (uint64_t column = 0; column < columns; column++) {
                uint64_t last = shape->rank - 1;
                bool is_in = row >= shard.origin[0] && row < shard.origin[0] + shard.shape.extent[0] &&
                             (last == 0 ||
                              (column >= shard.origin[last] && column < shard.origin[last] + shard.shape.extent[last]));
                bool expected = has_element(placement, shape, units, unit, row, column);
                if (is_in != expected)
                    ck_abort_msg("Shard %u: row %llu, column %llu.", i, (unsigned long long)row,
                                 (unsigned long long)column);
                found += is_in;
            }
        ck_assert(is_empty == (found == 0));
        for (uint32_t axis = 1; axis + 1 < shape->rank; axis++) {
            ck_assert_uint_eq(shard.shape.extent[axis], shape->extent[axis]);
            ck_assert_uint_eq(shard.origin[axis], 0);
        }
    }
}

/* The numbers 0, 1, ... stand where they should: in the shards one by one, and all together. */
static void check_elements(weft_placed_tensor *tensor, const weft_shape *shape)
{
    weft_error err;
    uint64_t count = weft_shape_elements(shape);
    int32_t *data = malloc(count * sizeof *data), *out = malloc(count * sizeof *out);
    for (uint64_t i = 0; i < count; i++)
        data[i] = (int32_t)i;
    set_tensor(tensor, data, count * sizeof *data);
    get_tensor(tensor, out, count * sizeof *out);
    ck_assert_mem_eq(out, data, count * sizeof *data);
    for (size_t i = 0; i < weft_placed_tensor_shard_count(tensor); i++) {
        weft_shard shard;
        ck_assert(weft_placed_tensor_get_shard(tensor, i, &shard));
        uint64_t elements = weft_shape_elements(&shard.shape);
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_get_of(tensor, i, out, elements * sizeof *out, &err), err);
        uint64_t index[WEFT_RANK_MAX] = {0};
        for (uint64_t j = 0; j < elements; j++) {
            uint64_t flat = 0;
            for (uint32_t axis = 0; axis < shape->rank; axis++)
                flat = flat * shape->extent[axis] + shard.origin[axis] + index[axis];
            if (out[j] != (int32_t)flat)
                ck_abort_msg("Shard %zu, element %llu is %d instead of %llu.", i, (unsigned long long)j, out[j],
                             (unsigned long long)flat);
            for (uint32_t axis = shape->rank; axis-- > 0 && ++index[axis] == shard.shape.extent[axis];)
                index[axis] = 0;
        }
    }
    free(data);
    free(out);
}

static void pick_range(weft__rng *rng, uint32_t have, uint32_t *first, uint32_t *count, uint32_t *units)
{
    *first = (uint32_t)weft__rng_below(rng, have);
    *units = 1 + (uint32_t)weft__rng_below(rng, have - *first);
    *count = *units == have - *first && weft__rng_below(rng, 2) ? 0 : *units;
}

START_TEST(every_element_is_where_it_should_be)
{
    weft__rng rng;
    weft__rng_init(&rng, 7);
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    for (int round = 0; round < 150; round++) {
        uint32_t units[3];
        weft_placement placement = {.over_sips = (weft_split)weft__rng_below(&rng, 3),
                                    .over_cubes = (weft_split)weft__rng_below(&rng, 3),
                                    .over_pes = (weft_split)weft__rng_below(&rng, 3),
                                    .home = (weft_home)weft__rng_below(&rng, 2)};
        pick_range(&rng, 2, &placement.pes.first_sip, &placement.pes.sips, &units[0]);
        pick_range(&rng, 16, &placement.pes.first_cube, &placement.pes.cubes, &units[1]);
        pick_range(&rng, 8, &placement.pes.first_pe, &placement.pes.pes, &units[2]);
        weft_shape shape = {.rank = 1 + (uint32_t)weft__rng_below(&rng, 3)};
        for (uint32_t axis = 0; axis < shape.rank; axis++)
            shape.extent[axis] = 1 + weft__rng_below(&rng, axis ? 13 : 40);
        weft_placed_tensor *tensor = make_tensor(&it, WEFT_I32, shape, placement);
        check_shards(it.machine->graph, tensor, &placement, &shape, units);
        check_elements(tensor, &shape);
        weft_placed_tensor_destroy(tensor);
    }
    close_simulation(&it);
}
END_TEST

START_TEST(a_scalar_goes_everywhere)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_placed_tensor *tensor = make_tensor(&it, WEFT_F16, (weft_shape){0}, (weft_placement){0});
    const uint16_t one = 0x3c00;
    uint16_t out[2] = {0};
    set_tensor(tensor, &one, sizeof one);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(weft_placed_tensor_get_of(tensor, i, &out[i], sizeof out[i], NULL), WEFT_OK);
    ck_assert_uint_eq(out[0], one);
    ck_assert_uint_eq(out[1], one);
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

/* ---- memory ---- */

/* Shards of several tensors: none overlaps another, and all begin at flits. */
/* No placement is one of zeros. */
START_TEST(without_a_placement_all_is_everywhere)
{
    weft_error err;
    weft_shard shard;
    weft_placed_tensor *tensor;
    const weft_shape shape = weft_shape_2d(3, 4);
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it.simulation, WEFT_F32, &shape, NULL, &tensor, &err), err);
    ck_assert_uint_eq(weft_placed_tensor_shard_count(tensor), 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(weft_placed_tensor_get_shard(tensor, i, &shard));
        ck_assert(weft_shape_equal(&shard.shape, &shape));
    }
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

START_TEST(shards_share_no_bytes)
{
    enum {
        TENSORS = 40
    };
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_placed_tensor *tensors[TENSORS] = {NULL};
    struct {
        uint64_t begin, end;
    } taken[TENSORS][2];
    weft__rng rng;
    weft__rng_init(&rng, 3);
    for (int step = 0; step < 400; step++) {
        size_t at = weft__rng_below(&rng, TENSORS);
        weft_placed_tensor_destroy(tensors[at]);
        tensors[at] = make_tensor(&it, WEFT_U8, weft_shape_1d(1 + weft__rng_below(&rng, 2000)),
                                  (weft_placement){.over_pes = (weft_split)weft__rng_below(&rng, 2),
                                                   .home = (weft_home)weft__rng_below(&rng, 2)});
        for (size_t i = 0; i < 2; i++) {
            weft_shard shard;
            ck_assert(weft_placed_tensor_get_shard(tensors[at], i, &shard));
            taken[at][i].begin = shard.address;
            taken[at][i].end = shard.address + weft_shape_elements(&shard.shape);
            ck_assert_uint_eq(shard.address % 256, 0);
        }
        for (size_t a = 0; a < 2 * TENSORS; a++)
            for (size_t b = 0; b < a; b++)
                if (tensors[a / 2] && tensors[b / 2])
                    ck_assert(taken[a / 2][a % 2].end <= taken[b / 2][b % 2].begin ||
                              taken[b / 2][b % 2].end <= taken[a / 2][a % 2].begin);
    }
    for (size_t i = 0; i < TENSORS; i++)
        weft_placed_tensor_destroy(tensors[i]);
    close_simulation(&it);
}
END_TEST

/* A shard that shares no flit with another is read alone. */
START_TEST(shards_begin_at_flits)
{
    static const char *const settings[2][3] = {{"system.flit_bytes", "1024", NULL}, {"system.flit_bytes", "64", NULL}};
    static const uint64_t expected[] = {1024, 256};
    for (int i = 0; i < 2; i++) {
        weft_shard shards[2];
        simulation_bench it = open_simulation("tiny", settings[i], NULL);
        weft_placed_tensor *first = make_tensor(&it, WEFT_U8, weft_shape_1d(1), (weft_placement){0});
        weft_placed_tensor *second = make_tensor(&it, WEFT_U8, weft_shape_1d(1), (weft_placement){0});
        ck_assert(weft_placed_tensor_get_shard(first, 1, &shards[0]));
        ck_assert(weft_placed_tensor_get_shard(second, 1, &shards[1]));
        ck_assert_uint_eq(shards[1].address - shards[0].address, expected[i]);
        weft_placed_tensor_destroy(first);
        weft_placed_tensor_destroy(second);
        close_simulation(&it);
    }
}
END_TEST

/* Copies share their data, and what was given back is not kept. */
START_TEST(data_are_kept_once)
{
    enum {
        BYTES = 1 << 16
    };
    static char data[BYTES];
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    weft_simulation_statistics statistics;
    for (int i = 0; i < 20; i++) {
        weft_placed_tensor *tensor = make_tensor(&it, WEFT_U8, weft_shape_1d(BYTES), (weft_placement){0});
        set_tensor(tensor, data, BYTES);
        weft_placed_tensor_destroy(tensor);
    }
    weft_simulation_get_statistics(it.simulation, &statistics);
    ck_assert_uint_eq(statistics.peak_bytes, BYTES);
    ck_assert_uint_eq(statistics.values, 20);
    close_simulation(&it);
}
END_TEST

START_TEST(the_lowest_place_is_taken_again)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_shard before, after;
    weft_placed_tensor *first = make_tensor(&it, WEFT_U8, weft_shape_1d(300), (weft_placement){0});
    weft_placed_tensor *second = make_tensor(&it, WEFT_U8, weft_shape_1d(300), (weft_placement){0});
    ck_assert(weft_placed_tensor_get_shard(first, 1, &before));
    weft_placed_tensor_destroy(first);
    first = make_tensor(&it, WEFT_U8, weft_shape_1d(512), (weft_placement){0});
    ck_assert(weft_placed_tensor_get_shard(first, 1, &after));
    ck_assert_uint_eq(before.address, after.address);
    weft_placed_tensor_destroy(first);
    weft_placed_tensor_destroy(second);
    close_simulation(&it);
}
END_TEST

START_TEST(memory_of_the_machine_ends)
{
    weft_error err;
    weft_placed_tensor *tensor, *other;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    const weft_placement on_second = {.pes = {.first_pe = 1}};
    const weft_placement everywhere = {0}, in_sram = {.home = WEFT_HOME_SRAM};
    weft_shape shape = weft_shape_1d((UINT64_C(1) << 30) - 256), byte = weft_shape_1d(1), two = weft_shape_1d(257);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it.simulation, WEFT_U8, &shape, &on_second, &tensor, &err), err);
    /* The first PE has room, the second not: nothing is taken. */
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_create(it.simulation, WEFT_U8, &two, &everywhere, &other, &err),
                            WEFT_OUT_OF_MEMORY);
    ck_assert_ptr_null(other);
    ck_assert_str_eq(err.message, "The memory of sip0.cube0.pe1.hbm: no room for 257 bytes aligned to 256; 256 bytes "
                                  "are free, the largest block has 256.");
    weft_shape whole = weft_shape_1d(UINT64_C(1) << 30);
    const weft_placement on_first = {.pes = {.pes = 1}};
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it.simulation, WEFT_U8, &whole, &on_first, &other, &err), err);
    weft_placed_tensor_destroy(other);
    weft_placed_tensor_destroy(tensor);
    /* Both PEs have their copies in the one SRAM. */
    shape = weft_shape_1d(1 << 19);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it.simulation, WEFT_U8, &shape, &in_sram, &tensor, &err), err);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_create(it.simulation, WEFT_U8, &byte, &in_sram, &other, &err),
                            WEFT_OUT_OF_MEMORY);
    ck_assert_str_eq(err.message, "The memory of sip0.cube0.sram: no room for 1 bytes aligned to 256; 0 bytes are "
                                  "free, the largest block has 0.");
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

/* Where queues have their slots, tensors leave them room: for 17 directions, but not more than half of the memory. */
START_TEST(tensors_and_queues_do_not_meet)
{
    static const char *const settings[][5] = {{"pe.ipcq.memory", "tcm", NULL},
                                              {"pe.ipcq.memory", "hbm", NULL},
                                              {"pe.ipcq.memory", "sram", "pe.ipcq.slots", "2", NULL},
                                              {"pe.ipcq.memory", "sram", NULL}};
    static const uint64_t hbm[] = {0, 17 * 4 * 4096, 0, 0}, sram[] = {0, 0, 2 * 17 * 2 * 4096, 1 << 19};
    for (int i = 0; i < 4; i++) {
        simulation_bench it = open_simulation("tiny", settings[i], NULL);
        const uint64_t most[] = {(UINT64_C(1) << 30) - hbm[i], (UINT64_C(1) << 20) - sram[i]};
        for (int home = 0; home < 2; home++) {
            weft_error err;
            weft_placed_tensor *tensor;
            const weft_placement one = {.pes = {.pes = 1}, .home = (weft_home)home};
            const weft_shape fits = weft_shape_1d(most[home]), more = weft_shape_1d(most[home] + 1);
            WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_create(it.simulation, WEFT_U8, &more, &one, &tensor, &err),
                                    WEFT_OUT_OF_MEMORY);
            WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it.simulation, WEFT_U8, &fits, &one, &tensor, &err), err);
            weft_placed_tensor_destroy(tensor);
        }
        close_simulation(&it);
    }
}
END_TEST

/* ---- errors ---- */

static void refuse(const simulation_bench *it, weft_dtype dtype, weft_shape shape, weft_placement placement,
                   weft_status status, const char *sentence)
{
    weft_error err;
    weft_placed_tensor *tensor;
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_create(it->simulation, dtype, &shape, &placement, &tensor, &err),
                            status);
    ck_assert_ptr_null(tensor);
    if (sentence)
        ck_assert_str_eq(err.message, sentence);
}

START_TEST(tensors_that_cannot_be)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL), bare = open_simulation("mesh-8x8", NULL, NULL);
    const weft_placement whole = {0};
    refuse(&it, WEFT_F32, weft_shape_2d(3, 0), whole, WEFT_INVALID_ARGUMENT,
           "A tensor of shape [3, 0] has no elements.");
    refuse(&it, (weft_dtype)77, weft_shape_1d(3), whole, WEFT_INVALID_ARGUMENT, NULL);
    refuse(&it, WEFT_F32, (weft_shape){.rank = 9}, whole, WEFT_INVALID_ARGUMENT, NULL);
    refuse(&it, WEFT_F32, weft_shape_2d(UINT64_MAX, 2), whole, WEFT_OUT_OF_RANGE, NULL);
    refuse(&it, WEFT_U8, weft_shape_1d(UINT64_MAX - 3), (weft_placement){.over_pes = WEFT_SPLIT_ROWS},
           WEFT_OUT_OF_RANGE, NULL);
    refuse(&it, WEFT_U8, weft_shape_1d(1), (weft_placement){.pes = {.pes = 3}}, WEFT_OUT_OF_RANGE,
           "The set has 3 PEs from PE 0 on, but a cube has 2, counted from 0.");
    refuse(&it, WEFT_U8, weft_shape_1d(1), (weft_placement){.over_cubes = (weft_split)3}, WEFT_INVALID_ARGUMENT,
           "The split over cubes is 3, which is none.");
    refuse(&it, WEFT_U8, weft_shape_1d(1), (weft_placement){.home = (weft_home)2}, WEFT_INVALID_ARGUMENT,
           "The home of a tensor is 2, which is none.");
    refuse(&it, WEFT_U8, (weft_shape){0}, (weft_placement){.over_pes = WEFT_SPLIT_COLUMNS}, WEFT_INVALID_ARGUMENT,
           "A tensor of rank 0 has no axis that could be split over PEs.");
    refuse(&bare, WEFT_U8, weft_shape_1d(1), whole, WEFT_UNSUPPORTED,
           "No tensor can lie in the HBM of machine 'mesh-8x8', which has none: cube.hbm.gib is 0.");
    refuse(&bare, WEFT_U8, weft_shape_1d(1), (weft_placement){.home = WEFT_HOME_SRAM}, WEFT_UNSUPPORTED,
           "No tensor can lie in the SRAM of machine 'mesh-8x8', which has none: cube.sram.mib is 0.");
    close_simulation(&it);
    close_simulation(&bare);
}
END_TEST

START_TEST(elements_that_do_not_fit)
{
    weft_error err;
    char room[64];
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_placed_tensor *tensor =
        make_tensor(&it, WEFT_F32, weft_shape_2d(3, 5), (weft_placement){.over_pes = WEFT_SPLIT_ROWS});
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_set(tensor, room, 59, &err), WEFT_SHAPE_MISMATCH);
    ck_assert_str_eq(err.message, "The tensor is f32 [3, 5] of 60 bytes, but the host gives 59.");
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get(tensor, room, 61, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_upload(tensor, room, 64, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_download(tensor, room, 0, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get_of(tensor, 1, room, 40, &err), WEFT_SHAPE_MISMATCH);
    ck_assert_str_eq(err.message, "The tensor is f32 [1, 5] of 20 bytes, but the host gives 40.");
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get_of(tensor, 2, room, 20, &err), WEFT_OUT_OF_RANGE);
    ck_assert_str_eq(err.message, "The tensor has 2 shards, counted from 0, so that there is no shard 2.");
    /* Nobody has written it. */
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get(tensor, room, 60, &err), WEFT_INVALID_STATE);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get_of(tensor, 0, room, 40, &err), WEFT_INVALID_STATE);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_download(tensor, room, 60, &err), WEFT_INVALID_STATE);
    ck_assert_str_eq(err.message, "Bytes 0x0 to 0x28 of sip0.cube0.pe0.hbm are read, and nobody has written those "
                                  "from 0x0 to 0x28.");
    set_tensor(tensor, room, 60);
    get_tensor(tensor, room, 60);
    /* What was there is not there any more. */
    weft_placed_tensor_destroy(tensor);
    tensor = make_tensor(&it, WEFT_F32, weft_shape_2d(3, 5), (weft_placement){.over_pes = WEFT_SPLIT_ROWS});
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get(tensor, room, 60, &err), WEFT_INVALID_STATE);
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

START_TEST(memory_runs_out)
{
    weft_machine *machine = open_machine("tiny", NULL);
    static int16_t data[300], out[300];
    bool failed = true;
    for (int i = 0; i < 300; i++)
        data[i] = (int16_t)(3 * i);
    for (uint64_t n = 0; failed; n++) {
        weft_simulation *simulation;
        weft_placed_tensor *tensor = NULL;
        const weft_shape shape = weft_shape_2d(20, 15);
        const weft_placement placement = {.over_pes = WEFT_SPLIT_COLUMNS};
        weft_test_fail_allocation_after(n);
        weft_status status = weft_simulation_create(machine, NULL, &simulation, NULL);
        if (status == WEFT_OK)
            status = weft_placed_tensor_create(simulation, WEFT_I16, &shape, &placement, &tensor, NULL);
        if (status == WEFT_OK)
            status = weft_placed_tensor_set(tensor, data, sizeof data, NULL);
        if (status == WEFT_OK)
            status = weft_placed_tensor_get(tensor, out, sizeof out, NULL);
        if (status == WEFT_OK)
            status = weft_placed_tensor_get_of(tensor, 0, out, 20 * 8 * 2, NULL);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        weft_placed_tensor_destroy(tensor);
        weft_simulation_destroy(simulation);
    }
    weft_machine_close(machine);
}
END_TEST

WEFT_TEST_MAIN("placement", sets_count_their_pes, sets_of_pes_that_are_not_there, every_element_is_where_it_should_be,
               a_scalar_goes_everywhere, without_a_placement_all_is_everywhere, shards_share_no_bytes,
               shards_begin_at_flits, data_are_kept_once, the_lowest_place_is_taken_again, memory_of_the_machine_ends,
               tensors_and_queues_do_not_meet, tensors_that_cannot_be, elements_that_do_not_fit, memory_runs_out)
