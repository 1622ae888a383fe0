#include "sim/host/neighbours.h"

#include <stdlib.h>

#include <weft/sim.h>

#include "sim/tile/groups.h"

/* Where a PE is in the machine. */
typedef struct position {
    uint32_t sip, cube, unit;
} position;

/* The position that lies one step further; false if there is none. */
typedef bool next_position(const weft__graph *graph, position *at, int rows, int columns);

/* A direction: the queues that have it, and how it goes on; or, without `next`, by which function of the rank. */
typedef struct way {
    uint32_t queues;
    next_position *next;
    int rows, columns;     /* of a step */
    tl_direction opposite; /* of the parent one of two */
} way;

/* ---- steps ---- */

/* A step in a grid whose places are numbered row by row; around its edges if it wraps. */
static bool next_in_grid(uint32_t rows, uint32_t columns, bool wraps, uint32_t *place, int down, int right)
{
    uint32_t row = *place / columns + (uint32_t)down, column = *place % columns + (uint32_t)right;
    if (wraps) {
        row = row == UINT32_MAX ? rows - 1 : row % rows;
        column = column == UINT32_MAX ? columns - 1 : column % columns;
    }
    *place = row * columns + column;
    return row < rows && column < columns;
}

static bool next_cube(const weft__graph *graph, position *at, int rows, int columns)
{
    return next_in_grid(graph->spec->sip.rows, graph->spec->sip.columns, false, &at->cube, rows, columns);
}

static bool next_sip(const weft__graph *graph, position *at, int rows, int columns)
{
    const weft__system_spec *system = &graph->spec->system;
    bool is_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    if (!is_grid)
        return rows == 0 && next_in_grid(1, system->sips, true, &at->sip, 0, columns);
    return next_in_grid(system->rows, system->columns, system->fabric == WEFT__SIPS_TORUS, &at->sip, rows, columns);
}

/* The nearest PE of the cube in the same row of routers, or column. */
static bool next_pe(const weft__graph *graph, position *at, int rows, int columns)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    const weft__place from = cube->pes[at->unit];
    bool is_found = false;
    uint32_t nearest = UINT32_MAX;
    for (uint32_t unit = 0; unit < graph->pes; unit++) {
        const weft__place to = cube->pes[unit];
        uint32_t across = rows ? to.column - from.column : to.row - from.row;
        uint32_t along = rows ? (to.row - from.row) * (uint32_t)rows : (to.column - from.column) * (uint32_t)columns;
        if (across != 0 || along == 0 || along > INT32_MAX || along >= nearest)
            continue;
        is_found = true;
        nearest = along;
        at->unit = unit;
    }
    return is_found;
}

/* ---- directions ---- */

static const way ways[TL_DIRECTIONS] = {
    [TL_NORTH] = {WEFT_QUEUES_CUBES, next_cube, -1, 0, TL_SOUTH},
    [TL_EAST] = {WEFT_QUEUES_CUBES, next_cube, 0, 1, TL_WEST},
    [TL_SOUTH] = {WEFT_QUEUES_CUBES, next_cube, 1, 0, TL_NORTH},
    [TL_WEST] = {WEFT_QUEUES_CUBES, next_cube, 0, -1, TL_EAST},
    [TL_PE_NORTH] = {WEFT_QUEUES_PES, next_pe, -1, 0, TL_PE_SOUTH},
    [TL_PE_EAST] = {WEFT_QUEUES_PES, next_pe, 0, 1, TL_PE_WEST},
    [TL_PE_SOUTH] = {WEFT_QUEUES_PES, next_pe, 1, 0, TL_PE_NORTH},
    [TL_PE_WEST] = {WEFT_QUEUES_PES, next_pe, 0, -1, TL_PE_EAST},
    [TL_SIP_NORTH] = {WEFT_QUEUES_SIPS, next_sip, -1, 0, TL_SIP_SOUTH},
    [TL_SIP_EAST] = {WEFT_QUEUES_SIPS, next_sip, 0, 1, TL_SIP_WEST},
    [TL_SIP_SOUTH] = {WEFT_QUEUES_SIPS, next_sip, 1, 0, TL_SIP_NORTH},
    [TL_SIP_WEST] = {WEFT_QUEUES_SIPS, next_sip, 0, -1, TL_SIP_EAST},
    [TL_NEXT] = {WEFT_QUEUES_RING, NULL, 0, 0, TL_PREVIOUS},
    [TL_PREVIOUS] = {WEFT_QUEUES_RING, NULL, 0, 0, TL_NEXT},
    [TL_PARENT] = {WEFT_QUEUES_TREE, NULL, 0, 0, TL_LEFT_CHILD},
    [TL_LEFT_CHILD] = {WEFT_QUEUES_TREE, NULL, 0, 0, TL_PARENT},
    [TL_RIGHT_CHILD] = {WEFT_QUEUES_TREE, NULL, 0, 0, TL_PARENT},
};

static weft__group_place group_place_of(const weft__neighbourhood *all, uint32_t index)
{
    return weft__group_place_of(all->group_size, all->group_stride, index);
}

/* The rank that a direction along the group leads to; the group's size, or more, for none. */
static uint64_t next_rank(const weft__group_place *at, tl_direction direction)
{
    uint64_t rank = at->rank, size = at->size;
    switch (direction) {
    case TL_NEXT:
        return size > 1 ? (rank + 1) % size : size;
    case TL_PREVIOUS:
        return size > 1 ? (rank + size - 1) % size : size;
    case TL_PARENT:
        return rank > 0 ? (rank - 1) / 2 : size;
    case TL_LEFT_CHILD:
        return 2 * rank + 1;
    default:
        return 2 * rank + 2;
    }
}

static uint32_t neighbour_in_group(const weft__neighbourhood *all, uint32_t index, tl_direction direction)
{
    weft__group_place at = group_place_of(all, index);
    uint64_t rank = next_rank(&at, direction);
    /* Ranks of a group are `group_stride` apart. */
    return rank < at.size ? (uint32_t)(index + (rank - at.rank) * all->group_stride) : WEFT__NODE_NONE;
}

/* The place in the launch of a PE of the machine. */
static uint32_t place_in_launch(const weft__neighbourhood *all, uint32_t pe)
{
    uint32_t low = 0, high = all->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (all->pes[middle] < pe)
            low = middle + 1;
        else
            high = middle;
    }
    return low < all->count && all->pes[low] == pe ? low : WEFT__NODE_NONE;
}

uint32_t weft__neighbour_of(const weft__neighbourhood *all, uint32_t index, tl_direction direction)
{
    const way *it = &ways[direction];
    const weft__graph *graph = all->graph;
    if (!(all->queues & it->queues))
        return WEFT__NODE_NONE;
    if (!it->next)
        return neighbour_in_group(all, index, direction);
    uint32_t pe = all->pes[index], cube = pe / graph->pes;
    position at = {cube / graph->cubes, cube % graph->cubes, pe % graph->pes};
    if (!it->next(graph, &at, it->rows, it->columns))
        return WEFT__NODE_NONE;
    uint32_t next = (at.sip * graph->cubes + at.cube) * graph->pes + at.unit;
    return next == pe ? WEFT__NODE_NONE : place_in_launch(all, next);
}

tl_direction weft__neighbour_way_back(const weft__neighbourhood *all, uint32_t index, tl_direction direction)
{
    if (direction == TL_PARENT && group_place_of(all, index).rank % 2 == 0)
        return TL_RIGHT_CHILD;
    return ways[direction].opposite;
}

/* ---- all queues ---- */

static size_t list_of(const weft__neighbourhood *all, uint32_t index, weft__ipcq_pair *out)
{
    size_t count = 0;
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++) {
        uint32_t to = weft__neighbour_of(all, index, (tl_direction)direction);
        if (to == WEFT__NODE_NONE)
            continue;
        out[count++] = (weft__ipcq_pair){
            .from = all->pes[index],
            .to = all->pes[to],
            .from_direction = (uint8_t)direction,
            .to_direction = (uint8_t)weft__neighbour_way_back(all, index, (tl_direction)direction),
        };
    }
    return count;
}

weft_status weft__neighbours_list(const weft__neighbourhood *all, weft__ipcq_pair **out, size_t *out_count,
                                  weft_error *err)
{
    *out = NULL;
    *out_count = 0;
    size_t directions = 0;
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
        directions += (all->queues & ways[direction].queues) != 0;
    if (directions == 0)
        return WEFT_OK;
    size_t bytes = (size_t)all->count * directions * sizeof **out;
    weft__ipcq_pair *pairs = malloc(bytes);
    if (!pairs)
        return weft__fail_memory(err, bytes, "the queues of a launch");
    size_t count = 0;
    for (uint32_t index = 0; index < all->count; index++)
        count += list_of(all, index, &pairs[count]);
    *out = pairs;
    *out_count = count;
    return WEFT_OK;
}
