/* Routes: against breadth-first search, against XY, over cubes and SIPs, round random holes; and their latencies. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "sim/machine/graph.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"
#include "support/sentence.h"

static weft__graph *create(const weft__machine_spec *spec)
{
    weft__graph *graph;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__graph_create(spec, &graph, &error), error);
    return graph;
}

static uint32_t node_called(const weft__graph *graph, const char *name)
{
    uint32_t node;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__graph_find(graph, name, &node, &error), error);
    return node;
}

/* A route whose links follow one another from source to target, which visits no node twice and passes nothing but what
 * is there to be passed. */
static weft__route route_between(const weft__graph *graph, uint32_t from, uint32_t to)
{
    static const bool is_passable[] = {
        [WEFT__NODE_SWITCH] = true, [WEFT__NODE_PCIE] = true, [WEFT__NODE_IO_NOC] = true, [WEFT__NODE_IO_PHY] = true,
        [WEFT__NODE_ROUTER] = true, [WEFT__NODE_UCIE] = true, [WEFT__NODE_PE_CPU] = false};
    weft__route route;
    weft_error error = {.message = "a broken route"};
    bool is_good = weft__graph_route(graph, from, to, &route, &error) == WEFT_OK;
    uint32_t at = from;
    for (uint32_t i = 0; i < route.count; i++) {
        const weft__link *link = &graph->links[route.links[i]];
        is_good = is_good && link->from == at && (i == 0 || is_passable[graph->nodes[at].kind]);
        at = link->to;
        for (uint32_t j = 0; j <= i; j++)
            is_good = is_good && graph->links[route.links[j]].from != at;
    }
    ck_assert_msg(is_good && at == to, "from %" PRIu32 " to %" PRIu32 ": %s", from, to, error.message);
    return route;
}

static weft__route route_named(const weft__graph *graph, const char *from, const char *to)
{
    return route_between(graph, node_called(graph, from), node_called(graph, to));
}

static uint32_t length_between(const weft__graph *graph, uint32_t from, uint32_t to)
{
    if (from == to)
        return 0;
    weft__route route = route_between(graph, from, to);
    free(route.links);
    return route.count;
}

/* The names of the nodes of a route, with blanks between them. */
static void check_nodes(const weft__graph *graph, const char *from, const char *to, const char *expected)
{
    char text[4096], name[WEFT__NODE_NAME_BYTES];
    weft__route route = route_named(graph, from, to);
    (void)snprintf(text, sizeof text, "%s", from);
    for (uint32_t i = 0; i < route.count; i++) {
        weft__graph_node_name(graph, graph->links[route.links[i]].to, name);
        size_t length = strlen(text);
        (void)snprintf(text + length, sizeof text - length, " %s", name);
    }
    free(route.links);
    ck_assert_str_eq(text, expected);
}

/* Whether a way from a node in a cube may pass a node: routers of the same cube. */
static bool is_router_of(const weft__node *node, const weft__node *cube)
{
    return node->kind == WEFT__NODE_ROUTER && node->sip == cube->sip && node->cube == cube->cube;
}

/* Links to every node of the cube of `from`, over routers of that cube alone, by the plainest search there is. */
static void measure_in_cube(const weft__graph *graph, uint32_t from, uint32_t *distance)
{
    memset(distance, 0xff, graph->node_count * sizeof *distance);
    distance[from] = 0;
    bool changed = true;
    for (uint32_t round = 0; changed; round++) {
        changed = false;
        for (uint32_t i = 0; i < graph->link_count; i++) {
            const weft__link *link = &graph->links[i];
            bool leaves = link->from == from || is_router_of(&graph->nodes[link->from], &graph->nodes[from]);
            if (!link->is_ucie && leaves && distance[link->from] == round && distance[link->to] == UINT32_MAX) {
                distance[link->to] = round + 1;
                changed = true;
            }
        }
    }
}

/* Whether the routers of a route are those of XY. What is called most often asserts nothing itself, because an
 * assertion of Check costs as much as a route. */
static bool goes_xy(const weft__graph *graph, const weft__route *route, const weft__node *from, const weft__node *to)
{
    uint32_t row = from->row, column = from->column;
    bool is_good = true;
    for (uint32_t i = 0; i < route->count; i++) {
        const weft__node *node = &graph->nodes[graph->links[route->links[i]].to];
        if (node->kind != WEFT__NODE_ROUTER)
            continue;
        if (graph->nodes[graph->links[route->links[i]].from].kind == WEFT__NODE_ROUTER) {
            if (column != to->column)
                column += column < to->column ? 1u : UINT32_MAX;
            else
                row += row < to->row ? 1u : UINT32_MAX;
        }
        is_good = is_good && node->row == row && node->column == column;
    }
    return is_good && row == to->row && column == to->column;
}

static bool is_hole(const weft__graph *graph, uint32_t row, uint32_t column)
{
    return graph->router_at[row * graph->spec->cube.columns + column] == WEFT__NODE_NONE;
}

/* Whether there is a router everywhere along the row of the source and the column of the target. */
static bool is_xy_free(const weft__graph *graph, const weft__node *from, const weft__node *to)
{
    uint32_t west = from->column < to->column ? from->column : to->column;
    uint32_t east = from->column + to->column - west;
    uint32_t north = from->row < to->row ? from->row : to->row;
    uint32_t south = from->row + to->row - north;
    for (uint32_t column = west; column <= east; column++)
        if (is_hole(graph, from->row, column))
            return false;
    for (uint32_t row = north; row <= south; row++)
        if (is_hole(graph, row, to->column))
            return false;
    return true;
}

/* Every pair of nodes of a cube. Returns how many of the ways are XY. */
static uint32_t check_cube(const weft__graph *graph, uint32_t cube)
{
    uint32_t *distance = malloc(graph->node_count * sizeof *distance);
    ck_assert_ptr_nonnull(distance);
    uint32_t xy = 0;
    for (uint32_t from = 2 + graph->cube_first[cube]; from < 2 + graph->cube_first[cube + 1]; from++) {
        measure_in_cube(graph, from, distance);
        for (uint32_t to = 2 + graph->cube_first[cube]; to < 2 + graph->cube_first[cube + 1]; to++) {
            if (from == to)
                continue;
            weft__route route = route_between(graph, from, to);
            bool is_good = route.count == distance[to];
            for (uint32_t i = 0; i + 1 < route.count; i++)
                is_good = is_good && is_router_of(&graph->nodes[graph->links[route.links[i]].to], &graph->nodes[from]);
            if (is_xy_free(graph, &graph->nodes[from], &graph->nodes[to])) {
                is_good = is_good && goes_xy(graph, &route, &graph->nodes[from], &graph->nodes[to]);
                xy++;
            }
            ck_assert(is_good);
            free(route.links);
        }
    }
    free(distance);
    return xy;
}

START_TEST(takes_the_shortest_way_inside_a_cube)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    uint32_t nodes = graph->cube_first[6] - graph->cube_first[5];
    ck_assert_uint_eq(nodes, 58 + 16);
    uint32_t xy = check_cube(graph, 5);
    ck_assert_uint_gt(xy, 0);
    ck_assert_uint_lt(xy, nodes * (nodes - 1));
    (void)check_cube(graph, 0);
    check_nodes(graph, "sip0.cube0.r2c1", "sip0.cube0.r2c4",
                "sip0.cube0.r2c1 sip0.cube0.r1c1 sip0.cube0.r1c2 sip0.cube0.r1c3 sip0.cube0.r1c4 sip0.cube0.r2c4");
    check_nodes(graph, "sip0.cube0.r4c2", "sip0.cube0.r1c2",
                "sip0.cube0.r4c2 sip0.cube0.r4c1 sip0.cube0.r3c1 sip0.cube0.r2c1 sip0.cube0.r1c1 sip0.cube0.r1c2");
    check_nodes(graph, "sip0.cube0.r0c3", "sip0.cube0.r4c2",
                "sip0.cube0.r0c3 sip0.cube0.r0c4 sip0.cube0.r1c4 sip0.cube0.r2c4 sip0.cube0.r3c4 sip0.cube0.r4c4 "
                "sip0.cube0.r4c3 sip0.cube0.r4c2");
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(goes_xy_in_a_mesh)
{
    const uint32_t sizes[] = {1, 2, 4, 8, 16};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        weft__machine_spec spec = mesh(sizes[s]);
        weft__graph *graph = create(&spec);
        for (uint32_t a = 0; a < graph->pes; a++)
            for (uint32_t b = 0; b < graph->pes; b++) {
                if (a == b)
                    continue;
                uint32_t from = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, a);
                uint32_t to = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, b);
                weft__route route = route_between(graph, from, to);
                const weft__node *source = &graph->nodes[from], *target = &graph->nodes[to];
                uint32_t hops =
                    (uint32_t)abs(source->row - target->row) + (uint32_t)abs(source->column - target->column);
                ck_assert(route.count == hops + 2 && goes_xy(graph, &route, source, target));
                free(route.links);
            }
        weft__graph_destroy(graph);
    }
}
END_TEST

/* Draws holes until the routers that are left hang together. */
static void draw_holes(weft__rng *rng, weft__machine_spec *spec, weft__place *holes)
{
    uint32_t rows = spec->cube.rows, columns = spec->cube.columns, reached = 0;
    uint32_t share = (uint32_t)weft__rng_below(rng, 40);
    spec->cube.holes = holes;
    do {
        spec->cube.hole_count = 0;
        bool is_free[64] = {false}, is_reached[64] = {true};
        for (uint32_t place = 0; place < rows * columns; place++) {
            /* The corner has the command processor. */
            is_free[place] = place == 0 || weft__rng_below(rng, 100) >= share;
            if (!is_free[place])
                holes[spec->cube.hole_count++] = (weft__place){place / columns, place % columns};
        }
        for (uint32_t round = 0; round < rows * columns; round++)
            for (uint32_t place = 0; place < rows * columns; place++)
                is_reached[place] |=
                    is_free[place] &&
                    ((place % columns && is_reached[place - 1]) || ((place + 1) % columns && is_reached[place + 1]) ||
                     (place >= columns && is_reached[place - columns]) ||
                     (place + columns < rows * columns && is_reached[place + columns]));
        reached = 0;
        for (uint32_t place = 0; place < rows * columns; place++)
            reached += is_reached[place];
    } while (reached + spec->cube.hole_count != rows * columns);
}

START_TEST(finds_the_way_round_random_holes)
{
    weft__rng rng;
    weft__rng_init(&rng, 20);
    uint32_t holes_in_all = 0;
    for (int round = 0; round < 60; round++) {
        weft__machine_spec spec = mesh(1);
        weft__place holes[64];
        spec.cube.rows = 1 + (uint32_t)weft__rng_below(&rng, 8);
        spec.cube.columns = 1 + (uint32_t)weft__rng_below(&rng, 8);
        spec.cube.ucie.connections = 0;
        draw_holes(&rng, &spec, holes);
        holes_in_all += spec.cube.hole_count;
        weft__graph *graph = create(&spec);
        (void)check_cube(graph, 0);
        weft__graph_destroy(graph);
    }
    ck_assert_uint_gt(holes_in_all, 100);
}
END_TEST

/* Whether the cubes that a route passes, each once, are those of XY over the grid of cubes. */
static bool goes_xy_over_cubes_of(const weft__graph *graph, const weft__route *route, uint32_t from, uint32_t to)
{
    uint32_t columns = graph->spec->sip.columns, cube = from;
    bool is_good = true;
    for (uint32_t i = 0; i < route->count; i++) {
        const weft__link *link = &graph->links[route->links[i]];
        if (link->is_ucie && cube % columns != to % columns)
            cube += cube % columns < to % columns ? 1u : UINT32_MAX;
        else if (link->is_ucie)
            cube = cube < to ? cube + columns : cube - columns;
        is_good = is_good && graph->nodes[link->to].cube == cube;
    }
    return is_good && cube == to;
}

START_TEST(goes_xy_over_cubes)
{
    weft__machine_spec spec = two_sip();
    spec.sip.columns = 3;
    weft__graph *graph = create(&spec);
    for (uint32_t from_cube = 0; from_cube < graph->cubes; from_cube++)
        for (uint32_t to_cube = 0; to_cube < graph->cubes; to_cube++)
            for (uint32_t pe = 0; pe < 64 && from_cube != to_cube; pe++) {
                uint32_t from = weft__graph_node(graph, WEFT__NODE_DMA, 1, from_cube, pe / 8);
                uint32_t to = weft__graph_node(graph, WEFT__NODE_HBM, 1, to_cube, pe % 8);
                weft__route route = route_between(graph, from, to);
                ck_assert(goes_xy_over_cubes_of(graph, &route, from_cube, to_cube));
                free(route.links);
            }
    weft__graph_destroy(graph);
}
END_TEST

/* Ways through three cubes in a row: all pairs of connections, the first of the shortest ones. */
START_TEST(takes_the_best_connections)
{
    weft__machine_spec spec = two_sip();
    weft__place more_holes[] = {{2, 2}, {2, 3}, {3, 2}, {3, 3}, {1, 3}, {4, 4}};
    spec.cube.holes = more_holes;
    spec.cube.hole_count = 6;
    weft__graph *graph = create(&spec);
    uint32_t first = 2 + graph->cube_first[4], end = 2 + graph->cube_first[5];
    for (uint32_t from = first; from < end; from++)
        for (uint32_t pe = 0; pe < 8; pe++) {
            uint32_t to = weft__graph_node(graph, WEFT__NODE_SRAM, 0, 6, 0), best = UINT32_MAX;
            if (pe)
                to = weft__graph_node(graph, WEFT__NODE_HBM, 0, 6, pe);
            uint32_t crossings[4] = {0};
            for (uint32_t a = 0; a < 4; a++)
                for (uint32_t b = 0; b < 4; b++) {
                    uint32_t ends[4] = {weft__graph_node(graph, WEFT__NODE_UCIE, 0, 4, 4u * WEFT__EAST + a),
                                        weft__graph_node(graph, WEFT__NODE_UCIE, 0, 5, 4u * WEFT__WEST + a),
                                        weft__graph_node(graph, WEFT__NODE_UCIE, 0, 5, 4u * WEFT__EAST + b),
                                        weft__graph_node(graph, WEFT__NODE_UCIE, 0, 6, 4u * WEFT__WEST + b)};
                    uint32_t length = length_between(graph, from, ends[0]) + 1 +
                                      length_between(graph, ends[1], ends[2]) + 1 + length_between(graph, ends[3], to);
                    if (length < best) {
                        best = length;
                        memcpy(crossings, ends, sizeof ends);
                    }
                }
            weft__route route = route_between(graph, from, to);
            ck_assert_uint_eq(route.count, best);
            uint32_t crossed = 0;
            for (uint32_t i = 0; i < route.count; i++)
                if (graph->links[route.links[i]].is_ucie) {
                    ck_assert_uint_eq(graph->links[route.links[i]].from, crossings[crossed++]);
                    ck_assert_uint_eq(graph->links[route.links[i]].to, crossings[crossed++]);
                }
            ck_assert_uint_eq(crossed, 4);
            free(route.links);
        }
    weft__graph_destroy(graph);
}
END_TEST

static uint64_t latency_of(const weft__graph *graph, const char *from, const char *to, uint64_t flits)
{
    weft__route route = route_named(graph, from, to);
    uint64_t latency_ps = weft__route_latency_ps(graph, &route, flits, 256);
    free(route.links);
    return latency_ps;
}

START_TEST(takes_longer_the_farther_it_is)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    const char *const row[] = {"sip0.cube0.pe0.hbm",  "sip0.cube0.pe1.hbm", "sip0.cube0.pe3.hbm", "sip0.cube1.pe0.hbm",
                               "sip0.cube2.pe0.hbm",  "sip0.cube3.pe0.hbm", "sip0.cube7.pe0.hbm", "sip0.cube11.pe0.hbm",
                               "sip0.cube15.pe0.hbm", "sip1.cube15.pe0.hbm"};
    uint64_t last = 0;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint64_t latency_ps = latency_of(graph, "sip0.cube0.pe0", row[i], 64);
        ck_assert_uint_gt(latency_ps, last);
        last = latency_ps;
    }
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(leads_straight_from_the_io_chiplet_to_a_cube)
{
    for (unsigned side = 0; side < WEFT__SIDES; side++) {
        weft__machine_spec spec = two_sip();
        spec.sip.io.side = (weft__side)side;
        spec.sip.columns = 3;
        weft__graph *graph = create(&spec);
        for (uint32_t cube = 0; cube < graph->cubes; cube++) {
            uint32_t host = node_called(graph, "host");
            uint32_t hbm = weft__graph_node(graph, WEFT__NODE_HBM, 1, cube, 6);
            uint32_t row = cube / 3, column = cube % 3;
            const uint32_t cubes_between[WEFT__SIDES] = {row, 2 - column, 3 - row, column};
            for (int back = 0; back < 2; back++) {
                weft__route route = back ? route_between(graph, hbm, host) : route_between(graph, host, hbm);
                uint32_t crossed = 0;
                for (uint32_t i = 0; i < route.count; i++) {
                    const weft__link *link = &graph->links[route.links[i]];
                    crossed += link->is_ucie;
                    const weft__node *node = &graph->nodes[link->to];
                    if (node->kind >= WEFT__NODE_ROUTER)
                        ck_assert(side % 2 ? node->cube / 3u == row : node->cube % 3u == column);
                }
                ck_assert_uint_eq(crossed, cubes_between[side] + 1);
                free(route.links);
            }
        }
        weft__graph_destroy(graph);
    }
}
END_TEST

START_TEST(spells_out_whole_routes)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    check_nodes(graph, "sip0.cube0.pe0.dma", "sip0.cube0.pe0.hbm",
                "sip0.cube0.pe0.dma sip0.cube0.r0c0 sip0.cube0.pe0.hbm");
    check_nodes(graph, "host", "sip0.cube0.mcpu",
                "host switch sip0.io.pcie sip0.io.noc sip0.io.phy0.c0 sip0.cube0.ucie.w0 sip0.cube0.r1c0 "
                "sip0.cube0.r1c1 sip0.cube0.r1c2 sip0.cube0.r0c2 sip0.cube0.mcpu");
    check_nodes(graph, "sip1.io.cpu", "sip1.cube12.pe4.cpu",
                "sip1.io.cpu sip1.io.noc sip1.io.phy3.c3 sip1.cube12.ucie.w3 sip1.cube12.r4c0 sip1.cube12.r5c0 "
                "sip1.cube12.pe4.cpu");
    check_nodes(graph, "sip0.cube0.pe1.dma", "sip1.cube0.pe0.hbm",
                "sip0.cube0.pe1.dma sip0.cube0.r0c1 sip0.cube0.r0c0 sip0.cube0.r1c0 sip0.cube0.ucie.w0 "
                "sip0.io.phy0.c0 sip0.io.noc sip0.io.pcie switch sip1.io.pcie sip1.io.noc sip1.io.phy0.c0 "
                "sip1.cube0.ucie.w0 sip1.cube0.r1c0 sip1.cube0.r0c0 sip1.cube0.pe0.hbm");
    check_nodes(graph, "switch", "host", "switch host");
    check_nodes(graph, "host", "switch", "host switch");
    check_nodes(graph, "sip0.io.cpu", "host", "sip0.io.cpu sip0.io.noc sip0.io.pcie switch host");
    check_nodes(graph, "sip0.io.pcie", "sip1.io.pcie", "sip0.io.pcie switch sip1.io.pcie");
    check_nodes(graph, "switch", "sip1.io.noc", "switch sip1.io.pcie sip1.io.noc");
    check_nodes(graph, "sip0.io.phy0.c1", "sip0.io.phy3.c2", "sip0.io.phy0.c1 sip0.io.noc sip0.io.phy3.c2");
    /* Ends of crossings as sources and targets: nothing but the crossing. */
    check_nodes(graph, "sip0.cube1.ucie.w2", "sip0.cube0.ucie.e2", "sip0.cube1.ucie.w2 sip0.cube0.ucie.e2");
    check_nodes(graph, "sip0.io.phy0.c3", "sip0.cube0.ucie.w3", "sip0.io.phy0.c3 sip0.cube0.ucie.w3");
    check_nodes(graph, "sip0.io.phy1.c3", "sip0.cube0.ucie.w3",
                "sip0.io.phy1.c3 sip0.io.noc sip0.io.phy0.c3 sip0.cube0.ucie.w3");
    weft__graph_destroy(graph);
}
END_TEST

/* The SIPs that a route from SIP to SIP visits, as digits. */
static void check_sips(const weft__graph *graph, uint32_t from, uint32_t to, const char *expected)
{
    char visited[16] = {(char)('0' + (int)from)};
    size_t count = 1;
    weft__route route = route_between(graph, weft__graph_node(graph, WEFT__NODE_DMA, from, 0, 0),
                                      weft__graph_node(graph, WEFT__NODE_DMA, to, 0, 0));
    for (uint32_t i = 0; i < route.count; i++) {
        const weft__node *node = &graph->nodes[graph->links[route.links[i]].to];
        ck_assert(node->kind != WEFT__NODE_SWITCH && node->kind != WEFT__NODE_PCIE);
        if (visited[count - 1] != '0' + node->sip) {
            ck_assert_uint_lt(count, sizeof visited - 1);
            visited[count++] = (char)('0' + node->sip);
        }
    }
    free(route.links);
    ck_assert_str_eq(visited, expected);
}

START_TEST(goes_from_sip_to_sip)
{
    weft__machine_spec spec = tiny();
    spec.system.sips = 6;
    spec.system.fabric = WEFT__SIPS_RING;
    weft__graph *graph = create(&spec);
    check_sips(graph, 0, 1, "01");
    check_sips(graph, 0, 2, "012");
    check_sips(graph, 0, 3, "0123");
    check_sips(graph, 3, 0, "3450");
    check_sips(graph, 0, 4, "054");
    check_sips(graph, 5, 1, "501");
    check_sips(graph, 1, 5, "105");
    check_nodes(graph, "sip0.io.pcie", "sip1.io.pcie", "sip0.io.pcie sip0.io.noc sip1.io.noc sip1.io.pcie");
    check_nodes(graph, "host", "sip3.io.noc", "host switch sip3.io.pcie sip3.io.noc");
    check_nodes(graph, "sip3.io.noc", "host", "sip3.io.noc sip3.io.pcie switch host");
    weft__graph_destroy(graph);
    spec.system.sips = 2;
    graph = create(&spec);
    check_sips(graph, 0, 1, "01");
    check_sips(graph, 1, 0, "10");
    weft__graph_destroy(graph);
    spec.system.sips = 8;
    spec.system.rows = 2;
    spec.system.columns = 4;
    spec.system.fabric = WEFT__SIPS_MESH;
    graph = create(&spec);
    check_sips(graph, 0, 7, "01237");
    check_sips(graph, 7, 0, "76540");
    check_sips(graph, 5, 1, "51");
    weft__graph_destroy(graph);
    spec.system.fabric = WEFT__SIPS_TORUS;
    graph = create(&spec);
    check_sips(graph, 0, 7, "037");
    check_sips(graph, 7, 0, "740");
    check_sips(graph, 0, 6, "0126");
    check_sips(graph, 6, 0, "6740");
    weft__graph_destroy(graph);
    spec.system.rows = 4;
    spec.system.columns = 2;
    graph = create(&spec);
    check_sips(graph, 0, 7, "017");
    check_sips(graph, 1, 4, "1024");
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(reaches_everything_from_everywhere)
{
    weft__machine_spec specs[] = {two_sip(), six_sip_torus(), tiny()};
    weft__rng rng;
    weft__rng_init(&rng, 4);
    for (size_t s = 0; s < 3; s++) {
        weft__graph *graph = create(&specs[s]);
        for (uint32_t to = 1; to < graph->node_count; to++) {
            ck_assert_uint_gt(length_between(graph, 0, to), 0);
            ck_assert_uint_gt(length_between(graph, to, 0), 0);
        }
        for (int i = 0; i < 3000; i++)
            (void)length_between(graph, (uint32_t)weft__rng_below(&rng, graph->node_count),
                                 (uint32_t)weft__rng_below(&rng, graph->node_count));
        weft__graph_destroy(graph);
    }
}
END_TEST

START_TEST(says_where_there_is_no_way)
{
    weft__machine_spec spec = mesh(3);
    weft__place wall[] = {{0, 1}, {1, 1}, {2, 1}};
    spec.cube.holes = wall;
    spec.cube.hole_count = 3;
    weft__graph *graph = create(&spec);
    weft__route route = {.count = 7};
    weft_error error;
    uint32_t west = node_called(graph, "sip0.cube0.r1c0"), east = node_called(graph, "sip0.cube0.pe1");
    WEFT_TEST_ASSERT_FAILS(weft__graph_route(graph, west, east, &route, &error), error, WEFT_UNSUPPORTED,
                           "no way from sip0.cube0.r1c0 to sip0.cube0.pe1.dma", NULL, NULL, NULL);
    ck_assert_ptr_null(route.links);
    ck_assert_uint_eq(route.count, 0);
    ck_assert_int_eq(weft__graph_route(graph, 0, east, &route, NULL), WEFT_UNSUPPORTED);
    ck_assert_int_eq(weft__graph_route(graph, east, 0, &route, NULL), WEFT_UNSUPPORTED);
    ck_assert_uint_gt(length_between(graph, 0, west), 0);
    WEFT_TEST_ASSERT_FAILS(weft__graph_route(graph, west, west, &route, &error), error, WEFT_INVALID_ARGUMENT,
                           "from sip0.cube0.r1c0 to itself", NULL, NULL, NULL);
    weft__graph_destroy(graph);
    /* No connections at all. */
    spec = mesh(3);
    spec.cube.ucie.connections = 0;
    graph = create(&spec);
    WEFT_TEST_ASSERT_FAILS(weft__graph_route(graph, 0, node_called(graph, "sip0.cube0.mcpu"), &route, &error), error,
                           WEFT_UNSUPPORTED, "from host to sip0.cube0.mcpu", NULL, NULL, NULL);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(adds_latencies_up)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    /* dma - r0c0 - hbm: two links of 1 ns a flit, 2 ps of wire; router 1 ns, controller 0.25 ns; 63 flits behind. */
    ck_assert_uint_eq(latency_of(graph, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", 64),
                      2 * 1000 + 2 + 1000 + 250 + 63 * 1000);
    /* To the sram: three routers down from r0c0; the last link has 2 ns a flit and sets the pace. */
    ck_assert_uint_eq(latency_of(graph, "sip0.cube0.pe0", "sip0.cube0.sram", 4),
                      1000 + 2 + 3 * (1000 + 25) + 2000 + 4 * 1000 + 2000 + 3 * 2000);
    /* Host to cube 0: 128 GB/s to the PCIe end point, 512 in the chiplet, 128 across, then r1c0 and up to r0c0. */
    ck_assert_uint_eq(latency_of(graph, "host", "sip0.cube0.pe0.hbm", 256),
                      (2000 + 1000) + 100000 + (2000 + 500) + 50000 + 500 + 500 + 500 + 8000 + (2000 + 15) + 8000 +
                          2000 + 1000 + (1000 + 25) + 1000 + 1000 + 250 + 255 * 2000);
    /* One flit of a command of 16 bytes: 62.5 ps each, rounded up. */
    weft__route route = route_named(graph, "sip0.cube0.pe0", "sip0.cube0.pe0.cpu");
    ck_assert_uint_eq(weft__route_latency_ps(graph, &route, 1, 16), 63 + 2 + 1000 + 63 + 2 + 2000);
    free(route.links);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    const char *const pairs[][2] = {{"sip0.cube3.pe4", "sip1.cube12.pe3.hbm"}, {"sip0.cube0.r2c1", "sip0.cube0.r2c4"}};
    for (size_t i = 0; i < 2; i++) {
        uint32_t from = node_called(graph, pairs[i][0]), to = node_called(graph, pairs[i][1]);
        uint64_t failures = 0;
        for (bool failed = true; failed; failures++) {
            weft__route route;
            weft_error error;
            weft_test_fail_allocation_after(failures);
            weft_status status = weft__graph_route(graph, from, to, &route, &error);
            failed = weft_test_stop_failing();
            ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
            ck_assert(failed ? !route.links && weft_test_is_sentence(error.message) : route.links != NULL);
            free(route.links);
        }
        ck_assert_uint_gt(failures, i == 0 ? 4 : 2);
    }
    weft__graph_destroy(graph);
}
END_TEST

WEFT_TEST_MAIN("routes", takes_the_shortest_way_inside_a_cube, goes_xy_in_a_mesh, finds_the_way_round_random_holes,
               goes_xy_over_cubes, takes_the_best_connections, takes_longer_the_farther_it_is,
               leads_straight_from_the_io_chiplet_to_a_cube, spells_out_whole_routes, goes_from_sip_to_sip,
               reaches_everything_from_everywhere, says_where_there_is_no_way, adds_latencies_up,
               survives_failing_allocations)
