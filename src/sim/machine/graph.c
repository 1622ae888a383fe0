#include "sim/machine/graph_impl.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Nodes of the machine before the first SIP, and of an IO chiplet before its phys. */
enum {
    OUTER_NODES = 2,
    IO_NODES = 3
};

uint64_t weft__ps_of_ns(double ns)
{
    return (uint64_t)llround(ns * 1000.0);
}

uint64_t weft__mbs_of_gbs(double gbs)
{
    uint64_t mbs = (uint64_t)llround(gbs * 1000.0);
    return mbs ? mbs : 1;
}

uint64_t weft__ps_of_bytes(uint64_t bytes, uint64_t mbs)
{
    /* A byte takes 10^6 / mbs ps. In two parts, so that the product does not overflow for any bandwidth below 10^13. */
    uint64_t rest = bytes % mbs * 1000000u;
    return bytes / mbs * 1000000u + rest / mbs + (rest % mbs != 0);
}

/* Shape */

static bool runs_along_row(weft__side side)
{
    return side == WEFT__NORTH || side == WEFT__SOUTH;
}

static uint32_t io_cube_count(const weft__sip_spec *sip)
{
    return runs_along_row(sip->io.side) ? sip->columns : sip->rows;
}

uint32_t weft__graph_phys(const weft__machine_spec *spec)
{
    return io_cube_count(&spec->sip) * spec->cube.ucie.connections;
}

uint32_t weft__graph_cube_of_phy(const weft__sip_spec *sip, uint32_t phy)
{
    weft__side side = sip->io.side;
    uint32_t row = side == WEFT__NORTH ? 0 : side == WEFT__SOUTH ? sip->rows - 1 : phy;
    uint32_t column = side == WEFT__WEST ? 0 : side == WEFT__EAST ? sip->columns - 1 : phy;
    return row * sip->columns + column;
}

/* Sides of a cube on which there is another chiplet, as bits. */
static uint8_t sides_of_cube(const weft__sip_spec *sip, uint32_t cube)
{
    uint32_t row = cube / sip->columns, column = cube % sip->columns;
    bool has_cube[WEFT__SIDES] = {[WEFT__NORTH] = row > 0,
                                  [WEFT__EAST] = column + 1 < sip->columns,
                                  [WEFT__SOUTH] = row + 1 < sip->rows,
                                  [WEFT__WEST] = column > 0};
    unsigned sides = 0;
    for (unsigned side = 0; side < WEFT__SIDES; side++)
        if (has_cube[side] || side == (unsigned)sip->io.side)
            sides |= 1u << side;
    return (uint8_t)sides;
}

/* Parts of a cube before its UCIe connections are numbered routers, command processor, SRAM, then the parts of each PE:
 * dma, cpu, hbm. */
static uint32_t first_pe_part(const weft__graph *graph)
{
    return graph->routers + 1 + (graph->spec->cube.sram.mib != 0);
}

static uint32_t pe_parts(const weft__graph *graph)
{
    return 2 + (graph->spec->cube.hbm.gib != 0);
}

static uint32_t first_connection(const weft__graph *graph)
{
    return first_pe_part(graph) + graph->pes * pe_parts(graph);
}

/* Where among the nodes of its cube the connections of a side begin. */
static uint32_t first_of_side(const weft__graph *graph, uint32_t cube, weft__side side)
{
    unsigned before = graph->cube_sides[cube] & ((1u << side) - 1);
    return first_connection(graph) + (uint32_t)__builtin_popcount(before) * graph->spec->cube.ucie.connections;
}

uint32_t weft__graph_first_of_cube(const weft__graph *graph, uint32_t sip, uint32_t cube)
{
    return OUTER_NODES + sip * graph->sip_nodes + graph->cube_first[cube];
}

uint32_t weft__graph_node(const weft__graph *graph, weft__node_kind kind, uint32_t sip, uint32_t cube, uint32_t unit)
{
    const weft__machine_spec *spec = graph->spec;
    if (kind <= WEFT__NODE_SWITCH)
        return sip == 0 && cube == 0 && unit == 0 ? (uint32_t)kind : WEFT__NODE_NONE;
    if (sip >= spec->system.sips || cube >= graph->cubes)
        return WEFT__NODE_NONE;
    uint32_t first = OUTER_NODES + sip * graph->sip_nodes;
    if (kind <= WEFT__NODE_IO_PHY) {
        uint32_t units = kind == WEFT__NODE_IO_PHY ? weft__graph_phys(spec) : 1;
        return cube == 0 && unit < units ? first + (uint32_t)(kind - WEFT__NODE_PCIE) + unit : WEFT__NODE_NONE;
    }
    first = weft__graph_first_of_cube(graph, sip, cube);
    uint32_t pe = first + first_pe_part(graph) + unit * pe_parts(graph);
    uint32_t side = 0;
    switch (kind) {
    case WEFT__NODE_ROUTER:
        if (unit >= spec->cube.rows * spec->cube.columns || graph->router_at[unit] == WEFT__NODE_NONE)
            return WEFT__NODE_NONE;
        return first + graph->router_at[unit];
    case WEFT__NODE_MCPU:
        return unit == 0 ? first + graph->routers : WEFT__NODE_NONE;
    case WEFT__NODE_SRAM:
        return unit == 0 && spec->cube.sram.mib ? first + graph->routers + 1 : WEFT__NODE_NONE;
    case WEFT__NODE_DMA:
        return unit < graph->pes ? pe : WEFT__NODE_NONE;
    case WEFT__NODE_PE_CPU:
        return unit < graph->pes ? pe + 1 : WEFT__NODE_NONE;
    case WEFT__NODE_HBM:
        return unit < graph->pes && spec->cube.hbm.gib ? pe + 2 : WEFT__NODE_NONE;
    default:
        if (unit >= WEFT__SIDES * spec->cube.ucie.connections)
            return WEFT__NODE_NONE;
        side = unit / spec->cube.ucie.connections;
        if (!(graph->cube_sides[cube] & 1u << side))
            return WEFT__NODE_NONE;
        return first + first_of_side(graph, cube, (weft__side)side) + unit % spec->cube.ucie.connections;
    }
}

/* Checks */

static weft_status check_extents(const weft__machine_spec *spec, weft_error *err)
{
    const struct {
        const char *name;
        uint64_t value;
    } extents[] = {
        {"SIPs", spec->system.sips},
        {"cubes in a SIP", (uint64_t)spec->sip.rows * spec->sip.columns},
        {"places for routers in a cube", (uint64_t)spec->cube.rows * spec->cube.columns},
        {"PEs in a cube", spec->cube.pe_count},
        {"UCIe connections on a side of a cube", spec->cube.ucie.connections},
    };
    for (size_t i = 0; i < sizeof extents / sizeof extents[0]; i++)
        if (extents[i].value > UINT16_MAX + UINT64_C(1))
            return weft__fail(err, WEFT_OUT_OF_RANGE, "A machine has at most 65536 %s, not %" PRIu64 ".",
                              extents[i].name, extents[i].value);
    if ((spec->system.fabric == WEFT__SIPS_TORUS || spec->system.fabric == WEFT__SIPS_MESH) &&
        (uint64_t)spec->system.rows * spec->system.columns != spec->system.sips)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%" PRIu32 " rows and %" PRIu32 " columns of SIPs are not %" PRIu32 " SIPs.",
                          spec->system.rows, spec->system.columns, spec->system.sips);
    return WEFT_OK;
}

static weft_status check_place(const weft__graph *graph, weft__place place, const char *what, weft_error *err)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    if (place.row < cube->rows && place.column < cube->columns &&
        graph->router_at[weft__place_index(cube, place)] != WEFT__NODE_NONE)
        return WEFT_OK;
    return weft__fail(err, WEFT_INVALID_ARGUMENT,
                      "%s cannot sit at r%" PRIu32 "c%" PRIu32 ": the cubes have no router there.", what, place.row,
                      place.column);
}

/* Whether everything has a router to sit on. */
static weft_status check_places(const weft__graph *graph, unsigned sides, weft_error *err)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    weft_status status = check_place(graph, cube->mcpu.at, "The command processor of a cube", err);
    if (!status && cube->sram.mib)
        status = check_place(graph, cube->sram.at, "The SRAM of a cube", err);
    for (unsigned pe = 0; !status && pe < cube->pe_count; pe++)
        status = check_place(graph, cube->pes[pe], "A PE", err);
    for (uint32_t port = 0; !status && port < WEFT__SIDES * cube->ucie.connections; port++)
        if (sides & 1u << port / cube->ucie.connections)
            status = check_place(graph, graph->port_place[port], "A UCIe connection", err);
    return status;
}

/* Tables */

static bool allocate_tables(weft__graph *graph)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    size_t places = (size_t)cube->rows * cube->columns;
    size_t ports = (size_t)WEFT__SIDES * cube->ucie.connections;
    graph->cube_first = calloc((size_t)graph->cubes + 1, sizeof *graph->cube_first);
    graph->cube_sides = calloc(graph->cubes, sizeof *graph->cube_sides);
    graph->router_at = calloc(places, sizeof *graph->router_at);
    /* One more, so that no table is empty. */
    graph->port_place = calloc(ports + 1, sizeof *graph->port_place);
    graph->port_hops = malloc((ports * places + 1) * sizeof *graph->port_hops);
    return graph->cube_first && graph->cube_sides && graph->router_at && graph->port_place && graph->port_hops;
}

static void place_routers(weft__graph *graph)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    for (unsigned i = 0; i < cube->hole_count; i++)
        if (cube->holes[i].row < cube->rows && cube->holes[i].column < cube->columns)
            graph->router_at[weft__place_index(cube, cube->holes[i])] = WEFT__NODE_NONE;
    for (uint32_t place = 0; place < cube->rows * cube->columns; place++)
        if (graph->router_at[place] != WEFT__NODE_NONE)
            graph->router_at[place] = graph->routers++;
}

/* Connections sit in the middle of their side. On a side that is too short for them the places wrap round to nowhere,
 * which check_places finds if there is such a side. */
static void place_ports(weft__graph *graph)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    uint32_t connections = cube->ucie.connections;
    for (uint32_t port = 0; port < WEFT__SIDES * connections; port++) {
        weft__side side = (weft__side)(port / connections);
        uint32_t extent = runs_along_row(side) ? cube->columns : cube->rows;
        uint32_t along = connections > extent ? UINT32_MAX : (extent - connections) / 2 + port % connections;
        graph->port_place[port] = (weft__place){
            .row = runs_along_row(side) ? (side == WEFT__NORTH ? 0 : cube->rows - 1) : along,
            .column = runs_along_row(side) ? along : (side == WEFT__WEST ? 0 : cube->columns - 1),
        };
    }
}

static weft_status number_nodes(weft__graph *graph, weft_error *err)
{
    const weft__machine_spec *spec = graph->spec;
    uint64_t nodes = IO_NODES + (uint64_t)weft__graph_phys(spec);
    for (uint32_t cube = 0; cube < graph->cubes; cube++) {
        graph->cube_first[cube] = (uint32_t)nodes;
        nodes += first_connection(graph) +
                 (uint64_t)(unsigned)__builtin_popcount(graph->cube_sides[cube]) * spec->cube.ucie.connections;
    }
    graph->cube_first[graph->cubes] = (uint32_t)nodes;
    graph->sip_nodes = (uint32_t)nodes;
    uint64_t all = OUTER_NODES + nodes * spec->system.sips;
    /* No node has more than two pairs of links on average, so the number of links stays within 32 bits too. */
    if (all > UINT32_MAX / 8)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The machine %s has %" PRIu64 " nodes, more than %" PRIu32 ".",
                          spec->name ? spec->name : "", all, UINT32_MAX / 8);
    graph->node_count = (uint32_t)all;
    return WEFT_OK;
}

/* Nodes */

static weft__node node_of_cube(weft__node_kind kind, uint32_t unit, weft__place place, double overhead_ns)
{
    return (weft__node){.kind = kind,
                        .unit = (uint16_t)unit,
                        .row = (uint16_t)place.row,
                        .column = (uint16_t)place.column,
                        .overhead_ps = weft__ps_of_ns(overhead_ns)};
}

static void fill_cube(weft__graph *graph, weft__node *next, uint32_t sip, uint32_t cube_index)
{
    const weft__machine_spec *spec = graph->spec;
    const weft__cube_spec *cube = &spec->cube;
    weft__node *first = next;
    for (uint32_t place = 0; place < cube->rows * cube->columns; place++)
        if (graph->router_at[place] != WEFT__NODE_NONE)
            *next++ = node_of_cube(WEFT__NODE_ROUTER, 0, (weft__place){place / cube->columns, place % cube->columns},
                                   cube->router_overhead_ns);
    *next++ = node_of_cube(WEFT__NODE_MCPU, 0, cube->mcpu.at, cube->mcpu.overhead_ns);
    if (cube->sram.mib)
        *next++ = node_of_cube(WEFT__NODE_SRAM, 0, cube->sram.at, cube->sram.overhead_ns);
    for (uint32_t pe = 0; pe < graph->pes; pe++) {
        /* Without a list, PE number n sits at router number n, and those are the first nodes. */
        weft__place at = cube->pe_count ? cube->pes[pe] : (weft__place){first[pe].row, first[pe].column};
        *next++ = node_of_cube(WEFT__NODE_DMA, pe, at, 0);
        *next++ = node_of_cube(WEFT__NODE_PE_CPU, pe, at, spec->pe.cpu_overhead_ns);
        if (cube->hbm.gib)
            *next++ = node_of_cube(WEFT__NODE_HBM, pe, at, cube->hbm.overhead_ns);
    }
    for (unsigned side = 0; side < WEFT__SIDES; side++)
        for (uint32_t n = 0; n < cube->ucie.connections; n++)
            if (graph->cube_sides[cube_index] & 1u << side) {
                *next = node_of_cube(WEFT__NODE_UCIE, n, graph->port_place[side * cube->ucie.connections + n],
                                     cube->ucie.overhead_ns);
                next++->side = (weft__side)side;
            }
    for (weft__node *node = first; node < next; node++) {
        node->sip = (uint16_t)sip;
        node->cube = (uint16_t)cube_index;
    }
}

static void fill_nodes(weft__graph *graph)
{
    const weft__machine_spec *spec = graph->spec;
    uint32_t connections = spec->cube.ucie.connections;
    graph->nodes[0] = (weft__node){.kind = WEFT__NODE_HOST};
    graph->nodes[1] =
        (weft__node){.kind = WEFT__NODE_SWITCH, .overhead_ps = weft__ps_of_ns(spec->system.switch_overhead_ns)};
    const weft__io_spec *io = &spec->sip.io;
    double overheads_ns[IO_NODES] = {io->pcie_overhead_ns, io->cpu_overhead_ns, io->noc_overhead_ns};
    for (uint32_t sip = 0; sip < spec->system.sips; sip++) {
        weft__node *first = graph->nodes + OUTER_NODES + (size_t)sip * graph->sip_nodes;
        for (uint32_t i = 0; i < IO_NODES; i++)
            first[i] = (weft__node){.kind = (weft__node_kind)(WEFT__NODE_PCIE + i),
                                    .sip = (uint16_t)sip,
                                    .overhead_ps = weft__ps_of_ns(overheads_ns[i])};
        for (uint32_t i = 0; i < weft__graph_phys(spec); i++)
            first[IO_NODES + i] = (weft__node){.kind = WEFT__NODE_IO_PHY,
                                               .sip = (uint16_t)sip,
                                               .unit = (uint16_t)(i / connections),
                                               .connection = (uint16_t)(i % connections),
                                               .side = io->side,
                                               .overhead_ps = weft__ps_of_ns(spec->cube.ucie.overhead_ns)};
        for (uint32_t cube = 0; cube < graph->cubes; cube++)
            fill_cube(graph, first + graph->cube_first[cube], sip, cube);
    }
}

/* Creation */

static bool measure_ports(weft__graph *graph)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    uint32_t places = cube->rows * cube->columns;
    uint32_t *queue = malloc(places * sizeof *queue);
    if (!queue)
        return false;
    for (uint32_t port = 0; port < WEFT__SIDES * cube->ucie.connections; port++) {
        weft__place at = graph->port_place[port];
        uint32_t *hops = graph->port_hops + (size_t)port * places;
        /* A port that no cube has may lie at a hole or nowhere, and nobody asks for the way there. */
        if (at.row < cube->rows && at.column < cube->columns)
            weft__graph_hops(graph, weft__place_index(cube, at), hops, queue);
    }
    free(queue);
    return true;
}

static weft_status build(weft__graph *graph, weft_error *err)
{
    const weft__machine_spec *spec = graph->spec;
    weft_status status = check_extents(spec, err);
    if (status)
        return status;
    graph->cubes = spec->sip.rows * spec->sip.columns;
    if (!allocate_tables(graph))
        return weft__fail_memory(err, sizeof *graph->router_at * spec->cube.rows * spec->cube.columns,
                                 "the tables of a machine");
    unsigned sides = 0;
    for (uint32_t cube = 0; cube < graph->cubes; cube++)
        sides |= graph->cube_sides[cube] = sides_of_cube(&spec->sip, cube);
    place_routers(graph);
    place_ports(graph);
    graph->pes = spec->cube.pe_count ? spec->cube.pe_count : graph->routers;
    status = check_places(graph, sides, err);
    if (!status)
        status = number_nodes(graph, err);
    if (status)
        return status;
    graph->nodes = calloc(graph->node_count, sizeof *graph->nodes);
    graph->first_out = calloc((size_t)graph->node_count + 1, sizeof *graph->first_out);
    if (!graph->nodes || !graph->first_out || !measure_ports(graph))
        return weft__fail_memory(err, sizeof *graph->nodes * graph->node_count, "the nodes of a machine");
    fill_nodes(graph);
    return weft__graph_join(graph, err);
}

weft_status weft__graph_create(const weft__machine_spec *spec, weft__graph **out, weft_error *err)
{
    *out = NULL;
    weft__graph *graph = calloc(1, sizeof *graph);
    if (!graph)
        return weft__fail_memory(err, sizeof *graph, "a machine");
    graph->spec = spec;
    weft_status status = build(graph, err);
    if (status) {
        weft__graph_destroy(graph);
        return status;
    }
    *out = graph;
    return WEFT_OK;
}

void weft__graph_destroy(weft__graph *graph)
{
    if (!graph)
        return;
    free(graph->nodes);
    free(graph->links);
    free(graph->first_out);
    free(graph->out);
    free(graph->cube_first);
    free(graph->cube_sides);
    free(graph->router_at);
    free(graph->port_place);
    free(graph->port_hops);
    free(graph);
}
