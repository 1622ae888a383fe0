#include "sim/collective/lines.h"

#include <inttypes.h>

/* A rectangle of places in a grid, and a place in it. */
typedef struct grid {
    const char *what; /* stands there */
    uint32_t columns; /* of the whole grid */
    uint32_t first, count, index;
} grid;

/* Columns of the rectangle; 0 if it is none. */
static uint32_t width_of(const grid *it)
{
    uint32_t column = it->first % it->columns;
    if (column + it->count <= it->columns)
        return it->count;
    return column == 0 && it->count % it->columns == 0 ? it->columns : 0;
}

static void cut_lines(weft_tile *tl, const grid *it, weft__line out[2])
{
    uint32_t width = width_of(it);
    if (width == 0)
        weft__tile_fail(tl, WEFT_UNSUPPORTED,
                        "%s %" PRIu32 " to %" PRIu32 " are not whole rows of their grid of %" PRIu32
                        " columns, nor a part of one row.",
                        it->what, it->first, it->first + it->count - 1, it->columns);
    out[0].at = it->index % width;
    out[0].count = width;
    out[0].root = width / 2;
    out[1].at = it->index / width;
    out[1].count = it->count / width;
    out[1].root = out[1].count / 2;
}

static grid cube_grid(const weft_tile *tl)
{
    const weft__graph *graph = weft__pes_graph(weft__pe_owner(tl->pe));
    uint32_t cube = weft__pe_index(tl->pe) / graph->pes % graph->cubes, index = tl_program_id(tl, TL_AXIS_CUBE);
    return (grid){"Cubes", graph->spec->sip.columns, cube - index, tl_num_programs(tl, TL_AXIS_CUBE), index};
}

static grid sip_grid(const weft_tile *tl)
{
    const weft__graph *graph = weft__pes_graph(weft__pe_owner(tl->pe));
    const weft__system_spec *system = &graph->spec->system;
    bool is_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    uint32_t sip = weft__pe_index(tl->pe) / graph->pes / graph->cubes, index = tl_program_id(tl, TL_AXIS_SIP);
    return (grid){"SIPs", is_grid ? system->columns : system->sips, sip - index, tl_num_programs(tl, TL_AXIS_SIP),
                  index};
}

void weft__need_cubes(weft_tile *tl, bool is_all)
{
    uint32_t size = tl->run->request.group_size, stride = tl->run->request.group_stride;
    uint32_t pes = tl_num_programs(tl, TL_AXIS_PE), cubes = tl_num_programs(tl, TL_AXIS_CUBE);
    uint32_t wanted = is_all ? cubes * tl_num_programs(tl, TL_AXIS_SIP) : cubes;
    bool are_cubes = size == pes && (stride == 1 || size == 1);
    if (size == tl_num_programs(tl, TL_AXIS_ALL) || are_cubes || (stride == pes && size == wanted))
        return;
    weft__tile_fail(tl, WEFT_UNSUPPORTED,
                    "The groups of the launch have group_size %" PRIu32 " and group_stride %" PRIu32
                    ", but a group must be one PE of each of %" PRIu32 " cubes, size %" PRIu32 " and stride %" PRIu32
                    ", or the PEs of a cube, or there must be none. For others there are tl_all_reduce, "
                    "tl_all_reduce_ring and tl_all_reduce_tree.",
                    size, stride, wanted, wanted, pes);
}

void weft__cube_lines(weft_tile *tl, weft__line out[2])
{
    const grid cubes = cube_grid(tl);
    out[0] = (weft__line){.low = TL_WEST, .high = TL_EAST};
    out[1] = (weft__line){.low = TL_NORTH, .high = TL_SOUTH};
    cut_lines(tl, &cubes, out);
}

void weft__sip_lines(weft_tile *tl, weft__line out[2])
{
    const grid sips = sip_grid(tl);
    out[0] = (weft__line){.low = TL_SIP_WEST, .high = TL_SIP_EAST};
    out[1] = (weft__line){.low = TL_SIP_NORTH, .high = TL_SIP_SOUTH};
    cut_lines(tl, &sips, out);
}

static bool has_any(const weft_tile *tl, tl_direction first)
{
    for (uint32_t i = 0; i < 4; i++)
        if (tl_has_neighbour(tl, (tl_direction)(first + i)))
            return true;
    return false;
}

bool weft__has_sip_queues(const weft_tile *tl)
{
    return has_any(tl, TL_SIP_NORTH);
}

bool weft__has_lines(const weft_tile *tl)
{
    const grid cubes = cube_grid(tl), sips = sip_grid(tl);
    return width_of(&cubes) && width_of(&sips) && (cubes.count == 1 || has_any(tl, TL_NORTH)) &&
           (sips.count == 1 || weft__has_sip_queues(tl));
}

static void add_child(weft_tile *tl, weft__tree *tree, tl_direction direction)
{
    weft__tile_need_neighbour(tl, direction);
    tree->children[tree->child_count++] = direction;
}

weft__tree weft__tree_of(weft_tile *tl, const weft__line *lines, uint32_t count)
{
    weft__tree tree = {0};
    for (uint32_t i = 0; i < count; i++) {
        const weft__line *line = &lines[i];
        tree.depth += line->at > line->root ? line->at - line->root : line->root - line->at;
        if (tree.has_parent)
            continue; /* who is not the root of a line has no part in the next one */
        if (line->at >= line->root && line->at + 1 < line->count)
            add_child(tl, &tree, line->high);
        if (line->at <= line->root && line->at > 0)
            add_child(tl, &tree, line->low);
        tree.has_parent = line->at != line->root;
        if (!tree.has_parent)
            continue;
        tree.parent = line->at > line->root ? line->low : line->high;
        weft__tile_need_neighbour(tl, tree.parent);
    }
    return tree;
}
