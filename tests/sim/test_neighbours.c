/* Who is whose neighbour, against a search through all PEs by where they are. */
#include "support/weft_check.h"

#include <stdio.h>
#include <stdlib.h>

#include <weft/sim.h>

#include "sim/host/neighbours.h"
#include "sim/machine/load.h"
#include "sim/tile/groups.h"
#include "support/failing_malloc.h"

#define ALL_QUEUES (WEFT_QUEUES_CUBES | WEFT_QUEUES_PES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING | WEFT_QUEUES_TREE)

/* Where a PE is: SIP, row and column of SIPs, of cubes, of routers. */
typedef struct spot {
    int sip, sip_row, sip_column, cube, cube_row, cube_column, unit, row, column;
} spot;

/* Some PEs of a machine. */
typedef struct crowd {
    weft__machine_spec *spec;
    weft__graph *graph;
    weft__neighbourhood all;
    uint32_t *pes;
    spot *spots; /* of each PE of the machine */
} crowd;

static spot spot_of(const crowd *it, uint32_t pe)
{
    const weft__machine_spec *spec = it->spec;
    int units = (int)it->graph->pes, cubes = (int)it->graph->cubes, columns = (int)spec->sip.columns;
    bool is_grid = spec->system.fabric == WEFT__SIPS_TORUS || spec->system.fabric == WEFT__SIPS_MESH;
    int sip_columns = is_grid ? (int)spec->system.columns : (int)spec->system.sips;
    spot at = {.sip = (int)pe / units / cubes, .cube = (int)pe / units % cubes, .unit = (int)pe % units};
    at.sip_row = at.sip / sip_columns;
    at.sip_column = at.sip % sip_columns;
    at.cube_row = at.cube / columns;
    at.cube_column = at.cube % columns;
    at.row = (int)spec->cube.pes[at.unit].row;
    at.column = (int)spec->cube.pes[at.unit].column;
    return at;
}

/* `machine` is a file's name without its folder and suffix; settings are in pairs, and NULL after the last. All of its
 * PEs in one group. */
static void open_crowd(crowd *it, const char *machine, const char *const *settings)
{
    char path[512];
    weft_error err;
    weft_machine_setting given[8];
    size_t count = 0;
    for (; settings && settings[2 * count]; count++)
        given[count] = (weft_machine_setting){settings[2 * count], settings[2 * count + 1]};
    (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, machine);
    WEFT_TEST_ASSERT_OK(weft__machine_load(path, given, count, &it->spec, &err), err);
    WEFT_TEST_ASSERT_OK(weft__graph_create(it->spec, &it->graph, &err), err);
    uint32_t pes = it->spec->system.sips * it->graph->cubes * it->graph->pes;
    it->pes = malloc(pes * sizeof *it->pes);
    it->spots = malloc(pes * sizeof *it->spots);
    for (uint32_t i = 0; i < pes; i++)
        it->spots[i] = spot_of(it, it->pes[i] = i);
    it->all = (weft__neighbourhood){it->graph, it->pes, pes, pes, 1, ALL_QUEUES};
}

static void close_crowd(crowd *it)
{
    free(it->pes);
    free(it->spots);
    weft__graph_destroy(it->graph);
    weft__machine_spec_destroy(it->spec);
}

/* Takes those PEs whose bit of the pattern is set, counted round and round; one group of them. */
static void choose(crowd *it, uint32_t pattern, uint32_t bits)
{
    uint32_t count = 0, pes = it->spec->system.sips * it->graph->cubes * it->graph->pes;
    for (uint32_t i = 0; i < pes; i++)
        if (pattern >> i % bits & 1)
            it->pes[count++] = i;
    it->all.count = it->all.group_size = count;
}

/* ---- the plain way ---- */

static const int down[] = {-1, 0, 1, 0}, right[] = {0, 1, 0, -1}; /* north, east, south, west */

static bool is_next_cube(spot a, spot b, int side)
{
    return a.sip == b.sip && a.unit == b.unit && b.cube_row == a.cube_row + down[side] &&
           b.cube_column == a.cube_column + right[side];
}

static bool is_next_sip(const crowd *it, spot a, spot b, int side)
{
    const weft__system_spec *system = &it->spec->system;
    bool is_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    int rows = is_grid ? (int)system->rows : 1, columns = is_grid ? (int)system->columns : (int)system->sips;
    int row = a.sip_row + down[side], column = a.sip_column + right[side];
    if (system->fabric != WEFT__SIPS_MESH) {
        row = (row + rows) % rows;
        column = (column + columns) % columns;
    }
    return a.cube == b.cube && a.unit == b.unit && a.sip != b.sip && b.sip_row == row && b.sip_column == column;
}

/* b lies on that side of a, and no other PE of the cube between them. */
static bool is_next_pe(const crowd *it, spot a, spot b, int side)
{
    if (a.sip != b.sip || a.cube != b.cube || a.unit == b.unit)
        return false;
    int steps = 0, row = a.row, column = a.column;
    for (; row != b.row || column != b.column; steps++) {
        row += down[side];
        column += right[side];
        if (row < 0 || column < 0 || row >= (int)it->spec->cube.rows || column >= (int)it->spec->cube.columns)
            return false;
        for (uint32_t unit = 0; unit < it->graph->pes; unit++) {
            const weft__place *other = &it->spec->cube.pes[unit];
            if ((int)unit != b.unit && (int)other->row == row && (int)other->column == column)
                return false;
        }
    }
    return steps > 0;
}

static weft__group_place place_of(const crowd *it, uint32_t index)
{
    return weft__group_place_of(it->all.group_size, it->all.group_stride, index);
}

static bool is_next_rank(const crowd *it, uint32_t a, uint32_t b, tl_direction direction)
{
    weft__group_place from = place_of(it, a), to = place_of(it, b);
    if (from.group != to.group || a == b)
        return false;
    switch (direction) {
    case TL_NEXT:
        return to.rank == (from.rank + 1) % from.size;
    case TL_PREVIOUS:
        return from.rank == (to.rank + 1) % from.size;
    case TL_PARENT:
        return from.rank > 0 && to.rank == (from.rank - 1) / 2;
    case TL_LEFT_CHILD:
        return to.rank == 2 * from.rank + 1;
    default:
        return to.rank == 2 * from.rank + 2;
    }
}

static uint32_t plain_neighbour(const crowd *it, uint32_t index, tl_direction direction)
{
    spot from = it->spots[it->pes[index]];
    uint32_t found = WEFT__NODE_NONE, hits = 0; /* asserting costs too much for so many */
    for (uint32_t i = 0; i < it->all.count; i++) {
        spot to = it->spots[it->pes[i]];
        int side = (int)direction % 4;
        bool is_next = direction < TL_PE_NORTH    ? is_next_cube(from, to, side)
                       : direction < TL_SIP_NORTH ? is_next_pe(it, from, to, side)
                       : direction < TL_NEXT      ? is_next_sip(it, from, to, side)
                                                  : is_next_rank(it, index, i, direction);
        hits += is_next;
        found = is_next ? i : found;
    }
    ck_assert_uint_le(hits, 1);
    return found;
}

/* ---- the checks ---- */

static void check_neighbours(const crowd *it)
{
    weft_error err;
    weft__ipcq_pair *pairs;
    size_t count, at = 0;
    WEFT_TEST_ASSERT_OK(weft__neighbours_list(&it->all, &pairs, &count, &err), err);
    for (uint32_t i = 0; i < it->all.count; i++)
        for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++) {
            uint32_t next = weft__neighbour_of(&it->all, i, (tl_direction)direction);
            ck_assert_uint_eq(next, plain_neighbour(it, i, (tl_direction)direction));
            if (next == WEFT__NODE_NONE)
                continue;
            tl_direction back = weft__neighbour_way_back(&it->all, i, (tl_direction)direction);
            ck_assert_uint_eq(weft__neighbour_of(&it->all, next, back), i);
            ck_assert_int_eq((int)weft__neighbour_way_back(&it->all, next, back), (int)direction);
            ck_assert_uint_lt(at, count);
            const weft__ipcq_pair *pair = &pairs[at++];
            ck_assert(pair->from == it->pes[i] && pair->to == it->pes[next] && pair->from_direction == direction &&
                      pair->to_direction == (uint32_t)back);
        }
    ck_assert_uint_eq(at, count);
    free(pairs);
}

static const struct {
    const char *machine;
    const char *const settings[8];
} machines[] = {
    {"tiny", {NULL}},
    {"two-sip", {NULL}},
    {"two-sip", {"system.sips", "1", NULL}},
    {"two-sip", {"system.sips", "3", "sip.rows", "1", "sip.columns", "3", NULL}},
    {"two-sip", {"system.sips", "5", "system.fabric", "ring", "sip.rows", "3", NULL}},
    {"two-sip", {"system.fabric", "ring", "sip.columns", "1", NULL}},
    {"six-sip-torus", {NULL}},
    {"six-sip-torus", {"system.rows", "3", "system.columns", "2", NULL}},
    {"six-sip-torus", {"system.rows", "1", "system.columns", "6", NULL}},
    {"six-sip-torus", {"system.fabric", "mesh", NULL}},
    {"mesh-8x8", {NULL}},
};

START_TEST(neighbours_are_those_that_a_search_finds)
{
    crowd it;
    open_crowd(&it, machines[_i].machine, machines[_i].settings);
    check_neighbours(&it);
    close_crowd(&it);
}
END_TEST

START_TEST(only_those_who_take_part_are_neighbours)
{
    static const struct {
        uint32_t pattern, bits;
    } parts[] = {{1, 8}, {0x81, 8}, {0x55, 7}, {0xfe, 8}, {1, 31}};
    crowd it;
    open_crowd(&it, machines[_i].machine, machines[_i].settings);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        choose(&it, parts[i].pattern, parts[i].bits);
        check_neighbours(&it);
    }
    close_crowd(&it);
}
END_TEST

START_TEST(groups_are_counted_as_a_launch_says)
{
    static const uint32_t sizes[][2] = {{1, 1}, {2, 1}, {8, 1}, {16, 8}, {2, 128}, {4, 4}, {256, 1}, {1, 256}};
    crowd it;
    open_crowd(&it, "two-sip", NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t size = it.all.group_size = sizes[i][0], stride = it.all.group_stride = sizes[i][1];
        uint32_t index[256] = {0}; /* by group and rank */
        for (uint32_t pe = 0; pe < 256; pe++) {
            weft__group_place at = place_of(&it, pe);
            ck_assert_uint_eq(at.rank, pe / stride % size);
            ck_assert_uint_eq(at.group, pe / (size * stride) * stride + pe % stride);
            ck_assert_uint_eq(at.size, size);
            ck_assert_uint_lt(at.group * size + at.rank, 256);
            ck_assert_uint_eq(index[at.group * size + at.rank]++, 0);
        }
        check_neighbours(&it);
    }
    close_crowd(&it);
}
END_TEST

START_TEST(queues_are_those_that_were_asked_for)
{
    static const struct {
        uint32_t queues;
        size_t count;
    } expected[] = {
        {0, 0},
        /* 24 pairs of neighbours in a grid of 4 x 4, both ways, for 8 PEs in 2 SIPs. */
        {WEFT_QUEUES_CUBES, (size_t)24 * 2 * 8 * 2},
        /* Rows of 4 PEs, of 2 rows: 3 + 3 + 4 pairs in each of 32 cubes. */
        {WEFT_QUEUES_PES, (size_t)10 * 2 * 32},
        {WEFT_QUEUES_SIPS, (size_t)2 * 256},
        {WEFT_QUEUES_RING, (size_t)2 * 256},
        {WEFT_QUEUES_TREE, (size_t)2 * 255},
    };
    crowd it;
    open_crowd(&it, "two-sip", NULL);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        weft_error err;
        weft__ipcq_pair *pairs;
        size_t count;
        it.all.queues = expected[i].queues;
        WEFT_TEST_ASSERT_OK(weft__neighbours_list(&it.all, &pairs, &count, &err), err);
        ck_assert_uint_eq(count, expected[i].count);
        ck_assert((pairs != NULL) == (count > 0));
        free(pairs);
    }
    close_crowd(&it);
}
END_TEST

START_TEST(figures_of_the_root)
{
    /* In the cube of the root, pe0 - pe1 lie side by side, and pe0 - pe4 one above the other. */
    crowd it;
    open_crowd(&it, "six-sip-torus", NULL);
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 0, TL_PE_EAST), 1);
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 0, TL_PE_SOUTH), 4);
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 1, TL_PE_EAST), 2);
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 0, TL_PE_NORTH), WEFT__NODE_NONE);
    /* Two rows of three SIPs with 128 PEs each. */
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 80, TL_SIP_WEST), 2 * 128 + 80);
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 80, TL_SIP_NORTH), 3 * 128 + 80);
    ck_assert_uint_eq(weft__neighbour_of(&it.all, 80, TL_SIP_SOUTH), 3 * 128 + 80);
    close_crowd(&it);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    crowd it;
    weft_error err;
    open_crowd(&it, "tiny", NULL);
    weft__ipcq_pair *pairs = (weft__ipcq_pair *)1;
    size_t count = 1;
    weft_test_fail_allocation_after(0);
    weft_status status = weft__neighbours_list(&it.all, &pairs, &count, &err);
    (void)weft_test_stop_failing();
    ck_assert_int_eq(status, WEFT_OUT_OF_MEMORY);
    ck_assert_ptr_null(pairs);
    ck_assert_uint_eq(count, 0);
    close_crowd(&it);
}
END_TEST

int main(void)
{
    const int count = (int)(sizeof machines / sizeof machines[0]);
    Suite *suite = suite_create("neighbours");
    TCase *tests = tcase_create("neighbours");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, neighbours_are_those_that_a_search_finds, 0, count);
    tcase_add_loop_test(tests, only_those_who_take_part_are_neighbours, 0, count);
    tcase_add_test(tests, groups_are_counted_as_a_launch_says);
    tcase_add_test(tests, queues_are_those_that_were_asked_for);
    tcase_add_test(tests, figures_of_the_root);
    tcase_add_test(tests, no_memory_is_an_error);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
