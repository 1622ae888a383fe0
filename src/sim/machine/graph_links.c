/* The links of a machine. */
#include "sim/machine/graph_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

typedef struct builder {
    weft__graph *graph;
    size_t capacity; /* of links */
    bool out_of_memory;
} builder;

/* What one direction of a connection is like. */
typedef struct link_kind {
    double gbs, mm;
    const weft__flow_control *flow;
    bool is_ucie;
} link_kind;

/* Between parts that have room for whatever comes. */
static const weft__flow_control unbounded = {.arbitration = WEFT__ARBITRATE_FIFO};

static void add_link(builder *b, uint32_t from, uint32_t to, link_kind like)
{
    weft__graph *graph = b->graph;
    if (b->out_of_memory)
        return;
    if (!weft__array_reserve(&graph->links, &b->capacity, graph->link_count, 1)) {
        b->out_of_memory = true;
        return;
    }
    graph->links[graph->link_count++] = (weft__link){
        .from = from,
        .to = to,
        .mbs = weft__mbs_of_gbs(like.gbs),
        .wire_ps = weft__ps_of_ns(like.mm * graph->spec->system.ns_per_mm),
        .buffer_flits = like.flow->buffer_flits,
        .vcs = like.flow->vcs,
        .arbitration = like.flow->arbitration,
        .credit_ps = weft__ps_of_ns(like.flow->credit_ns),
        .vc_ps = weft__ps_of_ns(like.flow->vc_ns),
        .tail_credit = like.flow->tail_credit,
        .is_ucie = like.is_ucie,
    };
}

/* A connection alike in both directions. */
static void join(builder *b, uint32_t one, uint32_t other, link_kind like)
{
    add_link(b, one, other, like);
    add_link(b, other, one, like);
}

/* A part of a cube to its router. The part itself takes whatever comes, but the router chooses what to send it as it
 * does on any of its links. */
static void join_part(builder *b, uint32_t part, double gbs, double mm)
{
    const weft__graph *graph = b->graph;
    const weft__node *node = &graph->nodes[part];
    weft__flow_control to_part = {.arbitration = graph->spec->cube.flow.arbitration};
    uint32_t place = node->row * graph->spec->cube.columns + node->column;
    uint32_t router = weft__graph_node(graph, WEFT__NODE_ROUTER, node->sip, node->cube, place);
    add_link(b, part, router, (link_kind){gbs, mm, &graph->spec->cube.flow, false});
    add_link(b, router, part, (link_kind){gbs, mm, &to_part, false});
}

static void join_routers(builder *b, uint32_t sip, uint32_t cube)
{
    const weft__cube_spec *spec = &b->graph->spec->cube;
    link_kind between = {spec->link_gbs, spec->pitch_mm, &spec->flow, false};
    for (uint32_t place = 0; place < spec->rows * spec->columns; place++) {
        uint32_t router = weft__graph_node(b->graph, WEFT__NODE_ROUTER, sip, cube, place);
        uint32_t east = WEFT__NODE_NONE;
        if (place % spec->columns + 1 < spec->columns)
            east = weft__graph_node(b->graph, WEFT__NODE_ROUTER, sip, cube, place + 1);
        uint32_t south = weft__graph_node(b->graph, WEFT__NODE_ROUTER, sip, cube, place + spec->columns);
        if (router != WEFT__NODE_NONE && east != WEFT__NODE_NONE)
            join(b, router, east, between);
        if (router != WEFT__NODE_NONE && south != WEFT__NODE_NONE)
            join(b, router, south, between);
    }
}

static void join_parts(builder *b, uint32_t sip, uint32_t cube)
{
    const weft__graph *graph = b->graph;
    const weft__machine_spec *spec = graph->spec;
    const struct {
        weft__node_kind kind;
        uint32_t units;
        double gbs, mm;
    } parts[] = {
        {WEFT__NODE_MCPU, 1, spec->cube.link_gbs, 0},
        {WEFT__NODE_SRAM, 1, spec->cube.sram.link_gbs, 0},
        {WEFT__NODE_DMA, graph->pes, spec->pe.link_gbs, spec->pe.link_mm},
        {WEFT__NODE_PE_CPU, graph->pes, spec->pe.link_gbs, spec->pe.link_mm},
        {WEFT__NODE_HBM, graph->pes, spec->cube.hbm.link_gbs, 0},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (uint32_t unit = 0; unit < parts[i].units; unit++) {
            uint32_t part = weft__graph_node(graph, parts[i].kind, sip, cube, unit);
            if (part != WEFT__NODE_NONE)
                join_part(b, part, parts[i].gbs, parts[i].mm);
        }
    link_kind to_port = {spec->cube.ucie.gbs, 0, &spec->cube.flow, false};
    for (uint32_t port = 0; port < WEFT__SIDES * spec->cube.ucie.connections; port++) {
        uint32_t ucie = weft__graph_node(graph, WEFT__NODE_UCIE, sip, cube, port);
        if (ucie != WEFT__NODE_NONE)
            join(b, ucie,
                 weft__graph_node(graph, WEFT__NODE_ROUTER, sip, cube,
                                  weft__place_index(&spec->cube, graph->port_place[port])),
                 to_port);
    }
}

/* The connections from one side of a cube to the opposite side of the other, east or south of it. */
static void join_cubes(builder *b, uint32_t sip, uint32_t one, uint32_t other, weft__side side)
{
    const weft__ucie_spec *ucie = &b->graph->spec->cube.ucie;
    uint32_t opposite = (side + 2u) % WEFT__SIDES;
    for (uint32_t n = 0; n < ucie->connections; n++)
        join(b, weft__graph_node(b->graph, WEFT__NODE_UCIE, sip, one, side * ucie->connections + n),
             weft__graph_node(b->graph, WEFT__NODE_UCIE, sip, other, opposite * ucie->connections + n),
             (link_kind){ucie->gbs, ucie->length_mm, &ucie->flow, true});
}

static void join_sip(builder *b, uint32_t sip)
{
    const weft__graph *graph = b->graph;
    const weft__machine_spec *spec = graph->spec;
    const weft__ucie_spec *ucie = &spec->cube.ucie;
    link_kind in_io = {spec->sip.io.link_gbs, 0, &unbounded, false};
    uint32_t noc = weft__graph_node(graph, WEFT__NODE_IO_NOC, sip, 0, 0);
    join(b, weft__graph_node(graph, WEFT__NODE_PCIE, sip, 0, 0), noc, in_io);
    join(b, weft__graph_node(graph, WEFT__NODE_IO_CPU, sip, 0, 0), noc, in_io);
    for (uint32_t i = 0; i < weft__graph_phys(spec); i++) {
        uint32_t phy = weft__graph_node(graph, WEFT__NODE_IO_PHY, sip, 0, i);
        uint32_t cube = weft__graph_cube_of_phy(&spec->sip, i / ucie->connections);
        uint32_t port = (uint32_t)spec->sip.io.side * ucie->connections + i % ucie->connections;
        join(b, noc, phy, in_io);
        join(b, phy, weft__graph_node(graph, WEFT__NODE_UCIE, sip, cube, port),
             (link_kind){ucie->gbs, ucie->length_mm, &ucie->flow, true});
    }
    for (uint32_t cube = 0; cube < graph->cubes; cube++) {
        join_routers(b, sip, cube);
        join_parts(b, sip, cube);
        if (cube % spec->sip.columns + 1 < spec->sip.columns)
            join_cubes(b, sip, cube, cube + 1, WEFT__EAST);
        if (cube + spec->sip.columns < graph->cubes)
            join_cubes(b, sip, cube, cube + spec->sip.columns, WEFT__SOUTH);
    }
}

/* `count` SIPs in a line, each with the next, and the last with the first if the line is closed. The two ends of a line
 * of two are neighbours already. */
static void join_sips(builder *b, uint32_t first, uint32_t stride, uint32_t count, bool is_closed)
{
    const weft__graph *graph = b->graph;
    const weft__system_spec *system = &graph->spec->system;
    uint32_t joined = is_closed && count > 2 ? count : count - 1;
    for (uint32_t i = 0; i < joined; i++)
        join(b, weft__graph_node(graph, WEFT__NODE_IO_NOC, first + i * stride, 0, 0),
             weft__graph_node(graph, WEFT__NODE_IO_NOC, first + (i + 1 < count ? i + 1 : 0) * stride, 0, 0),
             (link_kind){system->link_gbs, system->link_mm, &unbounded, false});
}

static void join_system(builder *b)
{
    const weft__machine_spec *spec = b->graph->spec;
    const weft__system_spec *system = &spec->system;
    join(b, 0, 1, (link_kind){spec->host.link_gbs, spec->host.link_mm, &unbounded, false});
    for (uint32_t sip = 0; sip < system->sips; sip++) {
        join(b, 1, weft__graph_node(b->graph, WEFT__NODE_PCIE, sip, 0, 0),
             (link_kind){system->link_gbs, system->link_mm, &unbounded, false});
        join_sip(b, sip);
    }
    bool is_torus = system->fabric == WEFT__SIPS_TORUS;
    if (system->fabric == WEFT__SIPS_RING)
        join_sips(b, 0, 1, system->sips, true);
    if (!is_torus && system->fabric != WEFT__SIPS_MESH)
        return;
    for (uint32_t row = 0; row < system->rows; row++)
        join_sips(b, row * system->columns, 1, system->columns, is_torus);
    for (uint32_t column = 0; column < system->columns; column++)
        join_sips(b, column, system->columns, system->rows, is_torus);
}

/* Lists the links that leave each node, in ascending order. */
static void list_out(weft__graph *graph)
{
    for (uint32_t i = 0; i < graph->link_count; i++)
        graph->first_out[graph->links[i].from + 1]++;
    for (uint32_t node = 0; node < graph->node_count; node++)
        graph->first_out[node + 1] += graph->first_out[node];
    /* Filled from the back, first_out of a node counts down from its end to its start. */
    for (uint32_t i = graph->link_count; i-- > 0;)
        graph->out[--graph->first_out[graph->links[i].from + 1]] = i;
    memmove(graph->first_out, graph->first_out + 1, graph->node_count * sizeof *graph->first_out);
    graph->first_out[graph->node_count] = graph->link_count;
}

weft_status weft__graph_join(weft__graph *graph, weft_error *err)
{
    builder b = {.graph = graph};
    join_system(&b);
    graph->out = b.out_of_memory ? NULL : malloc(graph->link_count * sizeof *graph->out);
    if (!graph->out)
        return weft__fail_memory(err, sizeof *graph->links * graph->link_count, "the links of a machine");
    list_out(graph);
    return WEFT_OK;
}
