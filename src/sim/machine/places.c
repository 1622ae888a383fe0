#include "sim/machine/places.h"

#include <stdbool.h>

#define CUBE_GAP 1.0
#define IO_DEPTH 4.0 /* of the chiplet, away from the cubes */
#define IO_GAP 1.0
#define SIP_MARGIN 1.0
#define SIP_GAP 2.0

/* Of a router: where it is in its cube, and how far off the parts are that hang at it. */
#define ROUTER_FIRST 1.0
#define PART_OFF 0.3

static double cube_width(const weft__graph *graph)
{
    return graph->spec->cube.columns + ROUTER_FIRST;
}

static double cube_height(const weft__graph *graph)
{
    return graph->spec->cube.rows + ROUTER_FIRST;
}

static double grid_width(const weft__graph *graph)
{
    return graph->spec->sip.columns * (cube_width(graph) + CUBE_GAP) - CUBE_GAP;
}

static double grid_height(const weft__graph *graph)
{
    return graph->spec->sip.rows * (cube_height(graph) + CUBE_GAP) - CUBE_GAP;
}

static bool lies_flat(const weft__graph *graph)
{
    return graph->spec->sip.io.side == WEFT__NORTH || graph->spec->sip.io.side == WEFT__SOUTH;
}

weft__area weft__area_of_sip(const weft__graph *graph, uint32_t sip)
{
    const weft__system_spec *system = &graph->spec->system;
    bool is_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    uint32_t columns = is_grid ? system->columns : system->sips;
    double beyond = IO_DEPTH + IO_GAP;
    weft__area area = {.width = grid_width(graph) + 2 * SIP_MARGIN + (lies_flat(graph) ? 0 : beyond),
                       .height = grid_height(graph) + 2 * SIP_MARGIN + (lies_flat(graph) ? beyond : 0)};
    area.x = sip % columns * (area.width + SIP_GAP);
    area.y = sip / columns * (area.height + SIP_GAP);
    return area;
}

/* Where the grid of cubes begins. */
static weft__point grid_origin(const weft__graph *graph, uint32_t sip)
{
    weft__area area = weft__area_of_sip(graph, sip);
    weft__side side = graph->spec->sip.io.side;
    double beyond = IO_DEPTH + IO_GAP;
    return (weft__point){area.x + SIP_MARGIN + (side == WEFT__WEST ? beyond : 0),
                         area.y + SIP_MARGIN + (side == WEFT__NORTH ? beyond : 0)};
}

weft__area weft__area_of_cube(const weft__graph *graph, uint32_t sip, uint32_t cube)
{
    weft__point origin = grid_origin(graph, sip);
    uint32_t columns = graph->spec->sip.columns;
    return (weft__area){origin.x + cube % columns * (cube_width(graph) + CUBE_GAP),
                        origin.y + cube / columns * (cube_height(graph) + CUBE_GAP), cube_width(graph),
                        cube_height(graph)};
}

/* A point of the chiplet: so far from its edge at the cubes, and so far along that. */
static weft__point io_point(const weft__graph *graph, uint32_t sip, double across, double along)
{
    weft__point origin = grid_origin(graph, sip);
    switch (graph->spec->sip.io.side) {
    case WEFT__NORTH:
        return (weft__point){origin.x + along, origin.y - IO_GAP - across};
    case WEFT__SOUTH:
        return (weft__point){origin.x + along, origin.y + grid_height(graph) + IO_GAP + across};
    case WEFT__EAST:
        return (weft__point){origin.x + grid_width(graph) + IO_GAP + across, origin.y + along};
    case WEFT__WEST:
        break;
    }
    return (weft__point){origin.x - IO_GAP - across, origin.y + along};
}

static double io_length(const weft__graph *graph)
{
    return lies_flat(graph) ? grid_width(graph) : grid_height(graph);
}

weft__area weft__area_of_io(const weft__graph *graph, uint32_t sip)
{
    weft__point near = io_point(graph, sip, 0, 0), far = io_point(graph, sip, IO_DEPTH, io_length(graph));
    return (weft__area){near.x < far.x ? near.x : far.x, near.y < far.y ? near.y : far.y,
                        near.x < far.x ? far.x - near.x : near.x - far.x,
                        near.y < far.y ? far.y - near.y : near.y - far.y};
}

/* ---- nodes ---- */

/* Above the SIPs, in their middle. */
static weft__point outer_place(const weft__graph *graph, double above)
{
    weft__area last = weft__area_of_sip(graph, graph->spec->system.sips - 1);
    const weft__system_spec *system = &graph->spec->system;
    bool is_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    weft__area right = is_grid ? weft__area_of_sip(graph, system->columns - 1) : last;
    return (weft__point){(right.x + right.width) / 2, -above};
}

/* A phy is opposite the connection of its cube. */
static weft__point phy_place(const weft__graph *graph, const weft__node *node)
{
    const weft__machine_spec *spec = graph->spec;
    weft__place port = graph->port_place[spec->sip.io.side * spec->cube.ucie.connections + node->connection];
    double along = lies_flat(graph) ? node->unit * (cube_width(graph) + CUBE_GAP) + ROUTER_FIRST + port.column
                                    : node->unit * (cube_height(graph) + CUBE_GAP) + ROUTER_FIRST + port.row;
    return io_point(graph, node->sip, 0.5, along);
}

static weft__point port_place(const weft__node *node, weft__area cube, weft__point router)
{
    switch (node->side) {
    case WEFT__NORTH:
        return (weft__point){router.x, cube.y};
    case WEFT__SOUTH:
        return (weft__point){router.x, cube.y + cube.height};
    case WEFT__EAST:
        return (weft__point){cube.x + cube.width, router.y};
    case WEFT__WEST:
        break;
    }
    return (weft__point){cube.x, router.y};
}

static weft__point cube_part_place(const weft__graph *graph, const weft__node *node)
{
    static const weft__point off[] = {
        [WEFT__NODE_HBM] = {-PART_OFF, PART_OFF},       [WEFT__NODE_SRAM] = {-PART_OFF, -PART_OFF},
        [WEFT__NODE_MCPU] = {PART_OFF, -PART_OFF},      [WEFT__NODE_DMA] = {PART_OFF, PART_OFF},
        [WEFT__NODE_PE_CPU] = {2 * PART_OFF, PART_OFF},
    };
    weft__area cube = weft__area_of_cube(graph, node->sip, node->cube);
    weft__point router = {cube.x + ROUTER_FIRST + node->column, cube.y + ROUTER_FIRST + node->row};
    if (node->kind == WEFT__NODE_UCIE)
        return port_place(node, cube, router);
    return (weft__point){router.x + off[node->kind].x, router.y + off[node->kind].y};
}

weft__point weft__place_of_node(const weft__graph *graph, uint32_t number)
{
    const weft__node *node = &graph->nodes[number];
    double middle = io_length(graph) / 2;
    switch (node->kind) {
    case WEFT__NODE_HOST:
        return outer_place(graph, 4);
    case WEFT__NODE_SWITCH:
        return outer_place(graph, 2);
    case WEFT__NODE_PCIE:
        return io_point(graph, node->sip, 3.25, 1);
    case WEFT__NODE_IO_CPU:
        return io_point(graph, node->sip, 3.25, middle);
    case WEFT__NODE_IO_NOC:
        return io_point(graph, node->sip, 2, middle);
    case WEFT__NODE_IO_PHY:
        return phy_place(graph, node);
    default:
        return cube_part_place(graph, node);
    }
}

/* ---- links ---- */

/* The first of these kinds that either end of a link is of says what the link is. */
static const struct {
    weft__node_kind kind;
    const char *link;
} link_kinds[] = {
    {WEFT__NODE_HBM, "hbm"},      {WEFT__NODE_DMA, "pe"},         {WEFT__NODE_SRAM, "sram"},
    {WEFT__NODE_MCPU, "control"}, {WEFT__NODE_PE_CPU, "control"}, {WEFT__NODE_HOST, "pcie"},
    {WEFT__NODE_SWITCH, "pcie"},  {WEFT__NODE_PCIE, "io"},        {WEFT__NODE_IO_CPU, "control"},
    {WEFT__NODE_IO_PHY, "io"},    {WEFT__NODE_UCIE, "ucie"},      {WEFT__NODE_ROUTER, "mesh"},
};

const char *weft__link_kind(const weft__graph *graph, uint32_t number)
{
    const weft__link *link = &graph->links[number];
    weft__node_kind from = graph->nodes[link->from].kind, to = graph->nodes[link->to].kind;
    if (link->is_ucie)
        return "ucie";
    for (size_t i = 0; i < sizeof link_kinds / sizeof link_kinds[0]; i++)
        if (from == link_kinds[i].kind || to == link_kinds[i].kind)
            return link_kinds[i].link;
    return "sip"; /* from network node to network node */
}
