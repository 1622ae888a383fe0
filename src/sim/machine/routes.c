/* Routes. The cubes of a SIP and its IO chiplet are its chiplets; a way through a SIP is a sequence of chiplets with a
 * crossing between each and the next. Which chiplets follows from the grid of cubes alone; over which of the parallel
 * connections each crossing goes is found from the end backwards, as the lengths of the ways that are left. */
#include "sim/machine/graph_impl.h"

#include <stdlib.h>

#include "base/array.h"

#define FAR UINT64_MAX

/* A route as it grows. */
typedef struct way {
    const weft__graph *graph;
    uint32_t at; /* the node that it has come to */
    uint32_t *links;
    uint32_t count;
    size_t capacity;
    weft_status status; /* WEFT_UNSUPPORTED: there is no way; WEFT_OUT_OF_MEMORY */
} way;

static bool is_in_cube(const weft__node *node)
{
    return node->kind >= WEFT__NODE_ROUTER;
}

/* Goes over the link to a node, which is a neighbour. Nodes have few links, but for a network node of an IO chiplet,
 * and two nodes have one at most. */
static bool step(way *w, uint32_t to)
{
    const weft__graph *graph = w->graph;
    if (!weft__array_reserve(&w->links, &w->capacity, w->count, 1)) {
        w->status = WEFT_OUT_OF_MEMORY;
        return false;
    }
    for (uint32_t i = graph->first_out[w->at]; i < graph->first_out[w->at + 1]; i++)
        if (graph->links[graph->out[i]].to == to) {
            w->links[w->count++] = graph->out[i];
            w->at = to;
            return true;
        }
    w->status = WEFT_UNSUPPORTED;
    return false;
}

/* Inside a cube */

static uint32_t place_of(const weft__graph *graph, const weft__node *node)
{
    return node->row * graph->spec->cube.columns + node->column;
}

/* The neighbour of a place to the east, west, south and north; WEFT__NODE_NONE at the border and where a hole is. */
static void neighbours(const weft__graph *graph, uint32_t place, uint32_t next[4])
{
    const weft__cube_spec *cube = &graph->spec->cube;
    uint32_t column = place % cube->columns;
    next[0] = column + 1 < cube->columns ? place + 1 : WEFT__NODE_NONE;
    next[1] = column > 0 ? place - 1 : WEFT__NODE_NONE;
    next[2] = place + cube->columns < cube->rows * cube->columns ? place + cube->columns : WEFT__NODE_NONE;
    next[3] = place >= cube->columns ? place - cube->columns : WEFT__NODE_NONE;
    for (unsigned i = 0; i < 4; i++)
        if (next[i] != WEFT__NODE_NONE && graph->router_at[next[i]] == WEFT__NODE_NONE)
            next[i] = WEFT__NODE_NONE;
}

void weft__graph_hops(const weft__graph *graph, uint32_t to, uint32_t *hops, uint32_t *queue)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    for (uint32_t place = 0; place < cube->rows * cube->columns; place++)
        hops[place] = WEFT__NODE_NONE;
    if (graph->router_at[to] == WEFT__NODE_NONE)
        return;
    uint32_t head = 0, tail = 0;
    hops[to] = 0;
    queue[tail++] = to;
    while (head < tail) {
        uint32_t place = queue[head++], next[4];
        neighbours(graph, place, next);
        for (unsigned i = 0; i < 4; i++)
            if (next[i] != WEFT__NODE_NONE && hops[next[i]] == WEFT__NODE_NONE) {
                hops[next[i]] = hops[place] + 1;
                queue[tail++] = next[i];
            }
    }
}

/* By place, the hops to the router of a UCIe connection. */
static const uint32_t *hops_to_port(const weft__graph *graph, const weft__node *ucie)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    size_t port = (size_t)ucie->side * cube->ucie.connections + ucie->unit;
    return graph->port_hops + port * cube->rows * cube->columns;
}

/* The next place on the way along the row, then along the column. */
static uint32_t next_xy(uint32_t columns, uint32_t place, uint32_t to)
{
    uint32_t column = place % columns, to_column = to % columns;
    if (column != to_column)
        return column < to_column ? place + 1 : place - 1;
    return place < to ? place + columns : place - columns;
}

static bool is_xy_free(const weft__graph *graph, uint32_t from, uint32_t to)
{
    for (uint32_t place = from; place != to;) {
        place = next_xy(graph->spec->cube.columns, place, to);
        if (graph->router_at[place] == WEFT__NODE_NONE)
            return false;
    }
    return true;
}

static bool walk_xy(way *w, uint32_t first, uint32_t from, uint32_t to)
{
    for (uint32_t place = from; place != to;) {
        place = next_xy(w->graph->spec->cube.columns, place, to);
        if (!step(w, first + w->graph->router_at[place]))
            return false;
    }
    return true;
}

/* From place to place, each time to the first neighbour that comes nearer. Where nothing is in the way this is XY. */
static bool walk_down(way *w, uint32_t first, uint32_t from, uint32_t to, const uint32_t *hops)
{
    if (hops[from] == WEFT__NODE_NONE) {
        w->status = WEFT_UNSUPPORTED;
        return false;
    }
    for (uint32_t place = from; place != to;) {
        uint32_t next[4];
        neighbours(w->graph, place, next);
        unsigned i = 0;
        while (next[i] == WEFT__NODE_NONE || hops[next[i]] >= hops[place])
            i++;
        place = next[i];
        if (!step(w, first + w->graph->router_at[place]))
            return false;
    }
    return true;
}

/* The same without distances at hand. */
static bool walk_round(way *w, uint32_t first, uint32_t from, uint32_t to)
{
    size_t places = (size_t)w->graph->spec->cube.rows * w->graph->spec->cube.columns;
    uint32_t *hops = malloc(2 * places * sizeof *hops);
    if (!hops) {
        w->status = WEFT_OUT_OF_MEMORY;
        return false;
    }
    weft__graph_hops(w->graph, to, hops, hops + places);
    bool is_done = walk_down(w, first, from, to, hops);
    free(hops);
    return is_done;
}

static bool go_in_cube(way *w, uint32_t to)
{
    const weft__graph *graph = w->graph;
    const weft__node *source = &graph->nodes[w->at], *target = &graph->nodes[to];
    uint32_t first = weft__graph_first_of_cube(graph, source->sip, source->cube);
    uint32_t from_place = place_of(graph, source), to_place = place_of(graph, target);
    if (source->kind != WEFT__NODE_ROUTER && !step(w, first + graph->router_at[from_place]))
        return false;
    bool is_there;
    if (is_xy_free(graph, from_place, to_place))
        is_there = walk_xy(w, first, from_place, to_place);
    else if (target->kind == WEFT__NODE_UCIE)
        is_there = walk_down(w, first, from_place, to_place, hops_to_port(graph, target));
    else
        is_there = walk_round(w, first, from_place, to_place);
    return is_there && (target->kind == WEFT__NODE_ROUTER || step(w, to));
}

/* Inside an IO chiplet everything meets in the network node. */
static bool go_in_io(way *w, uint32_t to)
{
    uint32_t noc = weft__graph_node(w->graph, WEFT__NODE_IO_NOC, w->graph->nodes[to].sip, 0, 0);
    return (w->at == noc || step(w, noc)) && (to == noc || step(w, to));
}

static bool go_in_chiplet(way *w, uint32_t to)
{
    if (w->at == to)
        return true;
    return is_in_cube(&w->graph->nodes[to]) ? go_in_cube(w, to) : go_in_io(w, to);
}

/* Links between two nodes of a chiplet. In a cube, one of them at least is a UCIe connection. */
static uint64_t links_inside(const weft__graph *graph, uint32_t from, uint32_t to)
{
    const weft__node *a = &graph->nodes[from], *b = &graph->nodes[to];
    if (from == to)
        return 0;
    if (!is_in_cube(a))
        return a->kind == WEFT__NODE_IO_NOC || b->kind == WEFT__NODE_IO_NOC ? 1 : 2;
    uint32_t hops = b->kind == WEFT__NODE_UCIE ? hops_to_port(graph, b)[place_of(graph, a)]
                                               : hops_to_port(graph, a)[place_of(graph, b)];
    if (hops == WEFT__NODE_NONE)
        return FAR;
    return (uint64_t)hops + (a->kind != WEFT__NODE_ROUTER) + (b->kind != WEFT__NODE_ROUTER);
}

/* From chiplet to chiplet */

/* Connection 0 on both sides of a crossing; the others follow it in number. */
typedef struct crossing {
    uint32_t exit, entry;
} crossing;

/* A sequence of crossings, and for each connection of each how many links are left from its entry on. */
typedef struct passage {
    const weft__graph *graph;
    uint32_t sip;
    uint32_t count;
    crossing *crossings;
    uint64_t *left; /* [crossing * connections + number] */
} passage;

static uint32_t ucie_of(const passage *p, uint32_t row, uint32_t column, weft__side side)
{
    const weft__machine_spec *spec = p->graph->spec;
    return weft__graph_node(p->graph, WEFT__NODE_UCIE, p->sip, row * spec->sip.columns + column,
                            (uint32_t)side * spec->cube.ucie.connections);
}

/* From a cube to its neighbour; moves the place there. */
static void cross(passage *p, weft__place *cube, weft__side side)
{
    uint32_t exit = ucie_of(p, cube->row, cube->column, side);
    cube->row += (side == WEFT__SOUTH ? 1u : 0u) - (side == WEFT__NORTH ? 1u : 0u);
    cube->column += (side == WEFT__EAST ? 1u : 0u) - (side == WEFT__WEST ? 1u : 0u);
    uint32_t entry = ucie_of(p, cube->row, cube->column, (weft__side)((side + 2) % WEFT__SIDES));
    p->crossings[p->count++] = (crossing){exit, entry};
}

static weft__place cube_of(const weft__graph *graph, const weft__node *node)
{
    return (weft__place){node->cube / graph->spec->sip.columns, node->cube % graph->spec->sip.columns};
}

/* The cube at the IO chiplet from which a straight line of cubes leads to `cube`; and its place along that side. */
static weft__place border_cube(const weft__sip_spec *sip, weft__place cube, uint32_t *along)
{
    bool is_column = sip->io.side == WEFT__NORTH || sip->io.side == WEFT__SOUTH;
    *along = is_column ? cube.column : cube.row;
    uint32_t border = weft__graph_cube_of_phy(sip, *along);
    return (weft__place){border / sip->columns, border % sip->columns};
}

/* The most crossings that a passage can have: through all rows and columns, and into and out of the IO chiplet. */
static size_t crossings_max(const weft__sip_spec *sip)
{
    return (size_t)sip->rows + sip->columns;
}

static void find_crossings(passage *p, const weft__node *from, const weft__node *to)
{
    const weft__graph *graph = p->graph;
    const weft__sip_spec *sip = &graph->spec->sip;
    uint32_t connections = graph->spec->cube.ucie.connections, along = 0;
    weft__place here = cube_of(graph, from), there = cube_of(graph, to);
    if (!is_in_cube(from)) {
        here = border_cube(sip, there, &along);
        p->crossings[p->count++] =
            (crossing){weft__graph_node(graph, WEFT__NODE_IO_PHY, p->sip, 0, along * connections),
                       ucie_of(p, here.row, here.column, sip->io.side)};
    } else if (!is_in_cube(to)) {
        there = border_cube(sip, here, &along);
    }
    while (here.column != there.column)
        cross(p, &here, here.column < there.column ? WEFT__EAST : WEFT__WEST);
    while (here.row != there.row)
        cross(p, &here, here.row < there.row ? WEFT__SOUTH : WEFT__NORTH);
    if (!is_in_cube(to))
        p->crossings[p->count++] =
            (crossing){ucie_of(p, here.row, here.column, sip->io.side),
                       weft__graph_node(graph, WEFT__NODE_IO_PHY, p->sip, 0, along * connections)};
}

/* Links from a node to the target if it leaves its chiplet over a connection of crossing `i`, but for the crossings
 * themselves, of which all ways have equally many. */
static uint64_t left_over(const passage *p, uint32_t from, uint32_t i, uint32_t number)
{
    uint64_t inside = links_inside(p->graph, from, p->crossings[i].exit + number);
    uint64_t rest = p->left[(size_t)i * p->graph->spec->cube.ucie.connections + number];
    return inside == FAR || rest == FAR ? FAR : inside + rest;
}

/* The best connection of crossing `i` from a node on; *out_left is FAR if there is none. */
static uint32_t best_connection(const passage *p, uint32_t from, uint32_t i, uint64_t *out_left)
{
    uint32_t best = 0;
    *out_left = FAR;
    for (uint32_t number = 0; number < p->graph->spec->cube.ucie.connections; number++) {
        uint64_t left = left_over(p, from, i, number);
        if (left < *out_left) {
            *out_left = left;
            best = number;
        }
    }
    return best;
}

static void measure(passage *p, uint32_t to)
{
    uint32_t connections = p->graph->spec->cube.ucie.connections;
    for (uint32_t i = p->count; i-- > 0;)
        for (uint32_t number = 0; number < connections; number++) {
            uint64_t *left = &p->left[(size_t)i * connections + number];
            uint32_t entry = p->crossings[i].entry + number;
            if (i + 1 == p->count)
                *left = links_inside(p->graph, entry, to);
            else
                (void)best_connection(p, entry, i + 1, left);
        }
}

static bool go_over(way *w, const passage *p, uint32_t to)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint64_t left;
        uint32_t number = best_connection(p, w->at, i, &left);
        if (left == FAR) {
            w->status = WEFT_UNSUPPORTED;
            return false;
        }
        if (!go_in_chiplet(w, p->crossings[i].exit + number) || !step(w, p->crossings[i].entry + number))
            return false;
    }
    return go_in_chiplet(w, to);
}

/* To any node of the SIP. */
static bool go_in_sip(way *w, uint32_t to)
{
    const weft__graph *graph = w->graph;
    const weft__node *source = &graph->nodes[w->at], *target = &graph->nodes[to];
    if (is_in_cube(source) == is_in_cube(target) && source->cube == target->cube)
        return go_in_chiplet(w, to);
    size_t crossings = crossings_max(&graph->spec->sip);
    size_t entry_bytes = sizeof(uint64_t) * graph->spec->cube.ucie.connections + sizeof(crossing);
    /* The longer type first, so that both arrays are aligned. */
    uint64_t *left = malloc(crossings * entry_bytes);
    if (!left) {
        w->status = WEFT_OUT_OF_MEMORY;
        return false;
    }
    passage p = {.graph = graph,
                 .sip = source->sip,
                 .crossings = (crossing *)(void *)(left + crossings * graph->spec->cube.ucie.connections),
                 .left = left};
    find_crossings(&p, source, target);
    measure(&p, to);
    bool is_there = go_over(w, &p, to);
    free(left);
    return is_there;
}

/* From SIP to SIP */

/* The next one on a line of `count`, closed or not. */
static uint32_t next_on_line(uint32_t from, uint32_t to, uint32_t count, bool is_closed)
{
    uint32_t up = to > from ? to - from : to + count - from;
    bool goes_up = is_closed ? up <= count - up : to > from;
    return goes_up ? (from + 1) % count : (from + count - 1) % count;
}

static uint32_t next_sip(const weft__system_spec *system, uint32_t from, uint32_t to)
{
    if (system->fabric == WEFT__SIPS_RING)
        return next_on_line(from, to, system->sips, true);
    bool is_closed = system->fabric == WEFT__SIPS_TORUS;
    uint32_t columns = system->columns;
    uint32_t row = from / columns, column = from % columns;
    if (column != to % columns)
        return row * columns + next_on_line(column, to % columns, columns, is_closed);
    return next_on_line(row, to / columns, system->rows, is_closed) * columns + column;
}

/* The node through which a SIP is left for, or entered from, `other`. */
static uint32_t gate(const weft__graph *graph, uint32_t sip, const weft__node *other)
{
    bool over_switch = other->kind <= WEFT__NODE_SWITCH || graph->spec->system.fabric == WEFT__SIPS_SWITCH;
    return weft__graph_node(graph, over_switch ? WEFT__NODE_PCIE : WEFT__NODE_IO_NOC, sip, 0, 0);
}

static bool go(way *w, uint32_t to)
{
    const weft__graph *graph = w->graph;
    const weft__node *source = &graph->nodes[w->at], *target = &graph->nodes[to];
    bool from_sip = source->kind > WEFT__NODE_SWITCH, to_sip = target->kind > WEFT__NODE_SWITCH;
    if (from_sip && to_sip && source->sip == target->sip)
        return go_in_sip(w, to);
    if (from_sip && !go_in_sip(w, gate(graph, source->sip, target)))
        return false;
    if (graph->nodes[w->at].kind == WEFT__NODE_IO_NOC) {
        for (uint32_t sip = source->sip; sip != target->sip;) {
            sip = next_sip(&graph->spec->system, sip, target->sip);
            if (!step(w, weft__graph_node(graph, WEFT__NODE_IO_NOC, sip, 0, 0)))
                return false;
        }
    } else {
        uint32_t crossbar = weft__graph_node(graph, WEFT__NODE_SWITCH, 0, 0, 0);
        if (w->at != crossbar && !step(w, crossbar))
            return false;
        if (to != crossbar && !step(w, to_sip ? gate(graph, target->sip, source) : to))
            return false;
    }
    return !to_sip || go_in_sip(w, to);
}

weft_status weft__graph_route(const weft__graph *graph, uint32_t from, uint32_t to, weft__route *out, weft_error *err)
{
    *out = (weft__route){0};
    char from_name[WEFT__NODE_NAME_BYTES], to_name[WEFT__NODE_NAME_BYTES];
    if (from == to) {
        weft__graph_node_name(graph, from, from_name);
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "There is no route from %s to itself.", from_name);
    }
    way w = {.graph = graph, .at = from};
    if (go(&w, to)) {
        *out = (weft__route){w.links, w.count};
        return WEFT_OK;
    }
    free(w.links);
    weft__graph_node_name(graph, from, from_name);
    weft__graph_node_name(graph, to, to_name);
    if (w.status == WEFT_OUT_OF_MEMORY)
        return weft__fail(err, w.status, "Out of memory: could not allocate the route from %s to %s.", from_name,
                          to_name);
    return weft__fail(err, w.status, "There is no way from %s to %s.", from_name, to_name);
}

uint64_t weft__route_latency_ps(const weft__graph *graph, const weft__route *route, uint64_t flits, uint64_t flit_bytes)
{
    uint64_t total_ps = 0, slowest_ps = 0;
    for (uint32_t i = 0; i < route->count; i++) {
        const weft__link *link = &graph->links[route->links[i]];
        uint64_t flit_ps = weft__ps_of_bytes(flit_bytes, link->mbs);
        total_ps += flit_ps + link->wire_ps + graph->nodes[link->to].overhead_ps;
        if (flit_ps > slowest_ps)
            slowest_ps = flit_ps;
    }
    return total_ps + (flits - 1) * slowest_ps;
}
