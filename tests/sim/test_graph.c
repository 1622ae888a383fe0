/* The graph of a machine: its nodes and links by formulas, names both ways, and specifications that cannot be built. */
#include "support/weft_check.h"

#include "sim/machine/graph.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"
#include "support/sentence.h"

static weft__graph *create(const weft__machine_spec *spec)
{
    weft__graph *graph;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__graph_create(spec, &graph, &error), error);
    ck_assert_ptr_eq(graph->spec, spec);
    return graph;
}

static uint32_t count_kind(const weft__graph *graph, weft__node_kind kind)
{
    uint32_t count = 0;
    for (uint32_t node = 0; node < graph->node_count; node++)
        count += graph->nodes[node].kind == kind;
    return count;
}

static uint32_t node_called(const weft__graph *graph, const char *name)
{
    uint32_t node;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__graph_find(graph, name, &node, &error), error);
    return node;
}

/* The link between two nodes, or NULL; there must not be two. */
static const weft__link *link_between(const weft__graph *graph, const char *from, const char *to)
{
    uint32_t from_node = node_called(graph, from), to_node = node_called(graph, to);
    const weft__link *found = NULL;
    for (uint32_t i = 0; i < graph->link_count; i++)
        if (graph->links[i].from == from_node && graph->links[i].to == to_node) {
            ck_assert_msg(!found, "two links from %s to %s", from, to);
            found = &graph->links[i];
        }
    return found;
}

static void check_link(const weft__graph *graph, const char *from, const char *to, uint64_t mbs, uint64_t wire_ps)
{
    const weft__link *there = link_between(graph, from, to), *back = link_between(graph, to, from);
    ck_assert_msg(there && back, "no links between %s and %s", from, to);
    ck_assert_ptr_eq(graph->links + ((size_t)(there - graph->links) ^ 1), back);
    ck_assert_uint_eq(there->mbs, mbs);
    ck_assert_uint_eq(back->mbs, mbs);
    ck_assert_uint_eq(there->wire_ps, wire_ps);
    ck_assert_uint_eq(back->wire_ps, wire_ps);
}

START_TEST(rounds_times_and_bandwidths)
{
    ck_assert_uint_eq(weft__ps_of_ns(0), 0);
    ck_assert_uint_eq(weft__ps_of_ns(8), 8000);
    ck_assert_uint_eq(weft__ps_of_ns(0.0014), 1);
    ck_assert_uint_eq(weft__ps_of_ns(0.0016), 2);
    ck_assert_uint_eq(weft__mbs_of_gbs(128), 128000);
    ck_assert_uint_eq(weft__mbs_of_gbs(0.0001), 1);
    ck_assert_uint_eq(weft__ps_of_bytes(256, 128000), 2000);
    ck_assert_uint_eq(weft__ps_of_bytes(256, 256000), 1000);
    ck_assert_uint_eq(weft__ps_of_bytes(16, 128000), 125);
    ck_assert_uint_eq(weft__ps_of_bytes(1, 3000000), 1); /* a third, rounded up */
    ck_assert_uint_eq(weft__ps_of_bytes(9, 3000000), 3);
    ck_assert_uint_eq(weft__ps_of_bytes(10, 3000000), 4);
    ck_assert_uint_eq(weft__ps_of_bytes(0, 7), 0);
    ck_assert_uint_eq(weft__ps_of_bytes(UINT64_C(1) << 42, 1000000), UINT64_C(1) << 42);
}
END_TEST

START_TEST(counts_the_nodes_of_two_sip)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    /* 24 pairs of neighbouring cubes and 4 cubes at the IO chiplet: 52 sides with connections. */
    uint32_t sides = 2 * (4 * 3 + 3 * 4) + 4, connections = 4, cubes = 16;
    uint32_t parts = 32 + 1 + 1 + 8 * 3;
    uint32_t sip = 3 + 4 * connections + cubes * parts + sides * connections;
    ck_assert_uint_eq(graph->sip_nodes, sip);
    ck_assert_uint_eq(graph->node_count, 2 + 2 * sip);
    ck_assert_uint_eq(graph->cubes, cubes);
    ck_assert_uint_eq(graph->pes, 8);
    ck_assert_uint_eq(graph->routers, 32);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_ROUTER), 2 * 16 * 32);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_HBM), 256);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_DMA), 256);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_PE_CPU), 256);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_SRAM), 32);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_MCPU), 32);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_UCIE), 2 * sides * connections);
    ck_assert_uint_eq(count_kind(graph, WEFT__NODE_IO_PHY), 32);
    /* 6 x 6 routers have 60 pairs of neighbours; the hole of 4 takes 4 pairs inside and 8 at its rim. */
    uint32_t in_cube = 60 - 12 + 2 + 8 * 3;
    uint32_t pairs = 1 + 2 * (1 + 2 + 16 * 2 + cubes * in_cube + sides * connections + 24 * connections);
    ck_assert_uint_eq(graph->link_count, 2 * pairs);
    weft__graph_destroy(graph);
}
END_TEST

/* Every node lies where it says, and each link is in the list of the node that it leaves. */
static void check_whole(const weft__machine_spec *spec)
{
    weft__graph *graph = create(spec);
    for (uint32_t index = 0; index < graph->node_count; index++) {
        const weft__node *node = &graph->nodes[index];
        uint32_t unit = node->unit;
        if (node->kind == WEFT__NODE_ROUTER)
            unit = node->row * spec->cube.columns + node->column;
        else if (node->kind == WEFT__NODE_UCIE)
            unit = (uint32_t)node->side * spec->cube.ucie.connections + node->unit;
        else if (node->kind == WEFT__NODE_IO_PHY)
            unit = node->unit * spec->cube.ucie.connections + node->connection;
        ck_assert_uint_eq(weft__graph_node(graph, node->kind, node->sip, node->cube, unit), index);
        char name[WEFT__NODE_NAME_BYTES];
        weft__graph_node_name(graph, index, name);
        ck_assert_uint_eq(node_called(graph, name), index);
    }
    uint32_t listed = 0;
    for (uint32_t node = 0; node < graph->node_count; node++)
        for (uint32_t i = graph->first_out[node]; i < graph->first_out[node + 1]; i++, listed++) {
            ck_assert_uint_eq(graph->links[graph->out[i]].from, node);
            ck_assert(i == graph->first_out[node] || graph->out[i] > graph->out[i - 1]);
        }
    ck_assert_uint_eq(listed, graph->link_count);
    for (uint32_t i = 0; i < graph->link_count; i++) {
        ck_assert_uint_eq(graph->links[i].from, graph->links[i ^ 1].to);
        ck_assert_uint_eq(graph->links[i].to, graph->links[i ^ 1].from);
        ck_assert_uint_gt(graph->links[i].mbs, 0);
    }
    weft__graph_destroy(graph);
}

START_TEST(finds_every_node_by_place_and_by_name)
{
    weft__machine_spec specs[] = {two_sip(), six_sip_torus(), tiny(), mesh(1), mesh(5)};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        check_whole(&specs[i]);
    /* The IO chiplet on each side, of cubes that are no square, in grids that are none. */
    for (unsigned side = 0; side < WEFT__SIDES; side++) {
        weft__machine_spec spec = mesh(3);
        spec.cube.columns = 5;
        spec.cube.ucie.connections = 2;
        spec.sip = (weft__sip_spec){2, 3, {.side = (weft__side)side, .link_gbs = 1}};
        check_whole(&spec);
    }
    weft__machine_spec alone = mesh(3);
    alone.cube.ucie.connections = 0;
    check_whole(&alone);
}
END_TEST

START_TEST(has_no_node_where_none_is)
{
    weft__machine_spec spec = two_sip(), bare = mesh(4);
    weft__graph *graph = create(&spec);
    const uint32_t none = WEFT__NODE_NONE;
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_HOST, 1, 0, 0), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_SWITCH, 0, 0, 1), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_PCIE, 2, 0, 0), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_IO_CPU, 0, 1, 0), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_IO_PHY, 0, 0, 16), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_ROUTER, 0, 0, 2 * 6 + 2), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_ROUTER, 0, 0, 36), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_ROUTER, 0, 16, 0), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_HBM, 0, 0, 8), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 8), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_PE_CPU, 0, 0, 8), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_MCPU, 0, 0, 1), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_SRAM, 0, 0, 1), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_UCIE, 0, 0, 4u * WEFT__NORTH), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_UCIE, 0, 0, 16), none);
    ck_assert_uint_ne(weft__graph_node(graph, WEFT__NODE_UCIE, 0, 0, 4u * WEFT__WEST), none);
    weft__graph_destroy(graph);
    graph = create(&bare);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_HBM, 0, 0, 0), none);
    ck_assert_uint_eq(weft__graph_node(graph, WEFT__NODE_SRAM, 0, 0, 0), none);
    ck_assert_uint_eq(graph->pes, 16);
    ck_assert_uint_eq(graph->nodes[node_called(graph, "sip0.cube0.pe7.dma")].row, 1);
    ck_assert_uint_eq(graph->nodes[node_called(graph, "sip0.cube0.pe7.dma")].column, 3);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(gives_links_their_numbers)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    check_link(graph, "host", "switch", 128000, 1000);
    check_link(graph, "switch", "sip1.io.pcie", 128000, 500);
    check_link(graph, "sip1.io.pcie", "sip1.io.noc", 512000, 0);
    check_link(graph, "sip1.io.cpu", "sip1.io.noc", 512000, 0);
    check_link(graph, "sip0.io.noc", "sip0.io.phy3.c2", 512000, 0);
    check_link(graph, "sip0.io.phy3.c2", "sip0.cube12.ucie.w2", 128000, 15);
    check_link(graph, "sip0.cube5.ucie.e1", "sip0.cube6.ucie.w1", 128000, 15);
    check_link(graph, "sip0.cube5.ucie.s3", "sip0.cube9.ucie.n3", 128000, 15);
    check_link(graph, "sip0.cube5.ucie.s3", "sip0.cube5.r5c4", 128000, 0);
    check_link(graph, "sip0.cube5.ucie.n0", "sip0.cube5.r0c1", 128000, 0);
    check_link(graph, "sip0.cube5.ucie.w0", "sip0.cube5.r1c0", 128000, 0);
    check_link(graph, "sip0.cube5.ucie.e3", "sip0.cube5.r4c5", 128000, 0);
    check_link(graph, "sip0.cube5.r1c1", "sip0.cube5.r1c2", 256000, 25);
    check_link(graph, "sip0.cube5.r1c1", "sip0.cube5.r2c1", 256000, 25);
    check_link(graph, "sip0.cube5.pe3.dma", "sip0.cube5.r0c5", 256000, 2);
    check_link(graph, "sip0.cube5.pe3.cpu", "sip0.cube5.r0c5", 256000, 2);
    check_link(graph, "sip0.cube5.pe3.hbm", "sip0.cube5.r0c5", 256000, 0);
    check_link(graph, "sip0.cube5.sram", "sip0.cube5.r3c0", 128000, 0);
    check_link(graph, "sip0.cube5.mcpu", "sip0.cube5.r0c2", 256000, 0);
    ck_assert_ptr_null(link_between(graph, "sip0.cube5.r1c1", "sip0.cube5.r3c1"));
    ck_assert_ptr_null(link_between(graph, "sip0.io.noc", "sip1.io.noc"));
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(gives_nodes_their_overheads)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    const struct {
        const char *name;
        uint64_t overhead_ps;
    } nodes[] = {{"host", 0},
                 {"switch", 100000},
                 {"sip0.io.pcie", 50000},
                 {"sip0.io.noc", 500},
                 {"sip0.io.cpu", 10000},
                 {"sip0.io.phy0.c0", 8000},
                 {"sip0.cube0.ucie.e0", 8000},
                 {"sip0.cube0.r0c0", 1000},
                 {"sip0.cube0.pe0.hbm", 250},
                 {"sip0.cube0.pe0.dma", 0},
                 {"sip0.cube0.pe0.cpu", 2000},
                 {"sip0.cube0.sram", 2000},
                 {"sip0.cube0.mcpu", 3000}};
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        ck_assert_msg(graph->nodes[node_called(graph, nodes[i].name)].overhead_ps == nodes[i].overhead_ps, "%s",
                      nodes[i].name);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(gives_links_their_flow_control)
{
    weft__machine_spec spec = two_sip();
    spec.cube.flow = (weft__flow_control){8, 4, WEFT__ARBITRATE_ROUND_ROBIN, 2, 3, true};
    spec.cube.ucie.flow = (weft__flow_control){16, 2, WEFT__ARBITRATE_FIFO, 5, 6, false};
    weft__graph *graph = create(&spec);
    const weft__flow_control none = {.arbitration = WEFT__ARBITRATE_FIFO};
    const weft__flow_control chosen = {.arbitration = WEFT__ARBITRATE_ROUND_ROBIN};
    const struct {
        const char *from, *to;
        const weft__flow_control *flow;
        bool is_ucie;
    } flows[] = {
        {"host", "switch", &none, false},
        {"switch", "sip0.io.pcie", &none, false},
        {"sip0.io.noc", "sip0.io.phy0.c0", &none, false},
        {"sip0.io.phy0.c0", "sip0.io.noc", &none, false},
        {"sip0.io.phy0.c0", "sip0.cube0.ucie.w0", &spec.cube.ucie.flow, true},
        {"sip0.cube0.ucie.w0", "sip0.io.phy0.c0", &spec.cube.ucie.flow, true},
        {"sip0.cube1.ucie.w0", "sip0.cube0.ucie.e0", &spec.cube.ucie.flow, true},
        {"sip0.cube0.ucie.e0", "sip0.cube0.r1c5", &spec.cube.flow, false},
        {"sip0.cube0.r1c5", "sip0.cube0.ucie.e0", &spec.cube.flow, false},
        {"sip0.cube0.r1c5", "sip0.cube0.r1c4", &spec.cube.flow, false},
        {"sip0.cube0.pe0.dma", "sip0.cube0.r0c0", &spec.cube.flow, false},
        {"sip0.cube0.r0c0", "sip0.cube0.pe0.dma", &chosen, false},
        {"sip0.cube0.pe0.hbm", "sip0.cube0.r0c0", &spec.cube.flow, false},
        {"sip0.cube0.r0c0", "sip0.cube0.pe0.hbm", &chosen, false},
        {"sip0.cube0.r0c0", "sip0.cube0.pe0.cpu", &chosen, false},
        {"sip0.cube0.r3c0", "sip0.cube0.sram", &chosen, false},
        {"sip0.cube0.r0c2", "sip0.cube0.mcpu", &chosen, false},
    };
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        const weft__link *link = link_between(graph, flows[i].from, flows[i].to);
        const weft__flow_control *flow = flows[i].flow;
        ck_assert_msg(link && link->buffer_flits == flow->buffer_flits && link->vcs == flow->vcs &&
                          link->arbitration == flow->arbitration && link->tail_credit == flow->tail_credit &&
                          link->credit_ps == weft__ps_of_ns(flow->credit_ns) &&
                          link->vc_ps == weft__ps_of_ns(flow->vc_ns) && link->is_ucie == flows[i].is_ucie,
                      "%s to %s", flows[i].from, flows[i].to);
    }
    weft__graph_destroy(graph);
}
END_TEST

/* The number of pairs of IO network nodes that are joined directly. */
static uint32_t count_fabric_pairs(weft__sip_fabric fabric, uint32_t rows, uint32_t columns)
{
    weft__machine_spec spec = mesh(1);
    spec.system.fabric = fabric;
    spec.system.rows = rows;
    spec.system.columns = columns;
    spec.system.sips = rows * columns;
    weft__graph *graph = create(&spec);
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < graph->link_count; i += 2)
        pairs += graph->nodes[graph->links[i].from].kind == WEFT__NODE_IO_NOC &&
                 graph->nodes[graph->links[i].to].kind == WEFT__NODE_IO_NOC;
    weft__graph_destroy(graph);
    return pairs;
}

START_TEST(joins_the_sips)
{
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_SWITCH, 1, 5), 0);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_RING, 1, 1), 0);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_RING, 1, 2), 1);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_RING, 1, 5), 5);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_MESH, 3, 4), 3 * 3 + 2 * 4);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_TORUS, 3, 4), 2 * 12);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_TORUS, 3, 2), 6 + 3);
    ck_assert_uint_eq(count_fabric_pairs(WEFT__SIPS_TORUS, 1, 4), 4);
    weft__machine_spec spec = six_sip_torus();
    weft__graph *graph = create(&spec);
    check_link(graph, "sip0.io.noc", "sip1.io.noc", 128000, 500);
    check_link(graph, "sip0.io.noc", "sip2.io.noc", 128000, 500);
    check_link(graph, "sip4.io.noc", "sip0.io.noc", 128000, 500);
    ck_assert_ptr_null(link_between(graph, "sip1.io.noc", "sip2.io.noc"));
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(puts_the_io_chiplet_on_any_side)
{
    const struct {
        weft__side side;
        const char *phy, *ucie;
    } cases[] = {{WEFT__NORTH, "sip0.io.phy2.c1", "sip0.cube2.ucie.n1"},
                 {WEFT__SOUTH, "sip0.io.phy2.c1", "sip0.cube5.ucie.s1"},
                 {WEFT__WEST, "sip0.io.phy1.c1", "sip0.cube3.ucie.w1"},
                 {WEFT__EAST, "sip0.io.phy1.c1", "sip0.cube5.ucie.e1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft__machine_spec spec = mesh(2);
        spec.cube.ucie.connections = 2;
        spec.sip = (weft__sip_spec){2, 3, {.side = cases[i].side, .link_gbs = 1}};
        weft__graph *graph = create(&spec);
        check_link(graph, cases[i].phy, cases[i].ucie, 128000, 0);
        bool along_row = cases[i].side == WEFT__NORTH || cases[i].side == WEFT__SOUTH;
        ck_assert_uint_eq(count_kind(graph, WEFT__NODE_IO_PHY), along_row ? 6 : 4);
        weft__graph_destroy(graph);
    }
}
END_TEST

static void check_not_found(const weft__graph *graph, const char *name, const char *a, const char *b)
{
    uint32_t node = 7;
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(weft__graph_find(graph, name, &node, &error), error, WEFT_NOT_FOUND, a, b, NULL, NULL);
    ck_assert_uint_eq(node, WEFT__NODE_NONE);
    ck_assert_int_eq(weft__graph_find(graph, name, &node, NULL), WEFT_NOT_FOUND);
}

START_TEST(says_what_is_wrong_with_a_name)
{
    weft__machine_spec spec = two_sip(), bare = mesh(4);
    weft__graph *graph = create(&spec);
    ck_assert_uint_eq(node_called(graph, "sip1.cube0.pe5"), node_called(graph, "sip1.cube0.pe5.dma"));
    ck_assert_uint_eq(node_called(graph, "host"), 0);
    check_not_found(graph, "", "begin with host, switch or sip0 to sip1", NULL);
    check_not_found(graph, ".", "begin with host, switch or sip0 to sip1", NULL);
    check_not_found(graph, "hosts", "hosts: ", "begin with host, switch or sip0 to sip1");
    check_not_found(graph, "host.cpu", "host.cpu: after host comes nothing", NULL);
    check_not_found(graph, "sip", "sip: ", "host, switch or sip0 to sip1");
    check_not_found(graph, "sip2.cube0", "sip2: this machine has SIPs 0 to 1", NULL);
    check_not_found(graph, "sip0", "sip0: after sip0 comes io or cube0 to cube15", NULL);
    check_not_found(graph, "sip0.", "sip0.: after sip0 comes io or cube0 to cube15", NULL);
    check_not_found(graph, "sip00", "host, switch or sip0 to sip1", NULL);
    check_not_found(graph, "sip0.cubes.x", "sip0.cubes: after sip0 comes io or cube0 to cube15", NULL);
    check_not_found(graph, "sip0.cube19.pe0", "sip0.cube19: the SIPs of this machine have cubes 0 to 15", NULL);
    check_not_found(graph, "sip0.cube4294967295", "the SIPs of this machine have cubes 0 to 15", NULL);
    check_not_found(graph, "sip0.cube18446744073709551616.mcpu", "have cubes 0 to 15", NULL);
    check_not_found(graph, "sip0.cube3", "after sip0.cube3 comes pe0 to pe7, mcpu, sram, ucie or a router", NULL);
    check_not_found(graph, "sip0.cube3.pe", "sip0.cube3.pe: after sip0.cube3 comes pe0 to pe7", NULL);
    check_not_found(graph, "sip0.cube3.pe07", "after sip0.cube3 comes pe0 to pe7", NULL);
    check_not_found(graph, "sip0.cube3.pe8", "sip0.cube3.pe8: the cubes of this machine have PEs 0 to 7", NULL);
    check_not_found(graph, "sip0.cube3.pe7.tcm", "sip0.cube3.pe7.tcm: after sip0.cube3.pe7 comes dma, cpu or hbm",
                    NULL);
    check_not_found(graph, "sip0.cube3.pe7.dma.x", "after sip0.cube3.pe7.dma comes nothing", NULL);
    check_not_found(graph, "sip0.cube3.pe7.", "after sip0.cube3.pe7 comes dma", NULL);
    check_not_found(graph, "sip0.cube3.r2c2", "sip0.cube3.r2c2: there is a hole", NULL);
    check_not_found(graph, "sip0.cube3.r6c0", "have rows 0 to 5 and columns 0 to 5", NULL);
    check_not_found(graph, "sip0.cube3.r1", "after sip0.cube3 comes", NULL);
    check_not_found(graph, "sip0.cube3.ucie", "after sip0.cube3.ucie comes n, e, s or w", NULL);
    check_not_found(graph, "sip0.cube3.ucie.q0", "after sip0.cube3.ucie comes n, e, s or w", NULL);
    check_not_found(graph, "sip0.cube3.ucie.w4", "has connections 0 to 3", NULL);
    check_not_found(graph, "sip0.cube3.ucie.n0", "no connections on its north side", NULL);
    check_not_found(graph, "sip0.io", "after sip0.io comes pcie, noc, cpu", NULL);
    check_not_found(graph, "sip0.io.phy4.c0", "sip0.io.phy4: the IO chiplets of this machine have phys 0 to 3", NULL);
    check_not_found(graph, "sip0.io.phy3", "after sip0.io.phy3 comes c0 to c3", NULL);
    check_not_found(graph, "sip0.io.phy3.c4", "the phys of this machine have connections 0 to 3", NULL);
    check_not_found(graph, "sip0.\033[1m", "sip0.?[1m", NULL);
    char endless[5000];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    check_not_found(graph, endless, "xxx...: names of nodes begin", NULL);
    weft__graph_destroy(graph);

    bare.cube.ucie.connections = 0;
    graph = create(&bare);
    check_not_found(graph, "sip1", "sip1: this machine has SIP 0 alone", NULL);
    check_not_found(graph, "sip0.cube1", "the SIPs of this machine have cube 0 alone", NULL);
    check_not_found(graph, "sip0.cube0.pe3.hbm", "no HBM", NULL);
    check_not_found(graph, "sip0.cube0.pe3.x", "comes dma or cpu.", NULL);
    check_not_found(graph, "sip0.cube0.sram", "no SRAM", NULL);
    check_not_found(graph, "sip0.cube0.ucie.e0", "no UCIe connections", NULL);
    check_not_found(graph, "sip0.io.phy0.c0", "have no phys", NULL);
    weft__graph_destroy(graph);
}
END_TEST

static void check_refused(const weft__machine_spec *spec, weft_status expected, const char *a, const char *b)
{
    weft__graph *graph = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(weft__graph_create(spec, &graph, &error), error, expected, a, b, NULL, NULL);
    ck_assert_ptr_null(graph);
}

START_TEST(refuses_parts_without_a_router)
{
    weft__machine_spec spec = two_sip();
    spec.cube.mcpu.at = (weft__place){2, 2};
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "command processor", "r2c2");
    spec = two_sip();
    spec.cube.sram.at = (weft__place){6, 0};
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "SRAM", "r6c0");
    spec = two_sip();
    weft__place astray[] = {{0, 0}, {3, 3}};
    spec.cube.pes = astray;
    spec.cube.pe_count = 2;
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "PE", "r3c3");
    spec = two_sip();
    weft__place at_port[] = {{0, 3}};
    spec.cube.holes = at_port;
    spec.cube.hole_count = 1;
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "UCIe", "r0c3");
    spec = two_sip();
    spec.cube.ucie.connections = 7;
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "UCIe", NULL);
    /* On a side where no cube has connections they need no room. */
    spec = mesh(2);
    spec.cube.rows = 7;
    spec.cube.ucie.connections = 7;
    weft__graph_destroy(create(&spec));
    spec.sip.io.side = WEFT__NORTH;
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "UCIe", NULL);
    spec = mesh(1);
    weft__place everywhere[] = {{0, 0}};
    spec.cube.holes = everywhere;
    spec.cube.hole_count = 1;
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "command processor", "r0c0");
}
END_TEST

START_TEST(refuses_what_cannot_be_counted)
{
    weft__machine_spec spec = six_sip_torus();
    spec.system.rows = 2;
    check_refused(&spec, WEFT_INVALID_ARGUMENT, "2 rows", "6 SIPs");
    spec = mesh(65536);
    check_refused(&spec, WEFT_OUT_OF_RANGE, "places for routers", "4294967296");
    spec = mesh(2);
    spec.system.sips = 65537;
    check_refused(&spec, WEFT_OUT_OF_RANGE, "SIPs", "65537");
    spec = mesh(2);
    spec.sip.rows = spec.sip.columns = 256;
    spec.system.sips = 4096;
    check_refused(&spec, WEFT_OUT_OF_RANGE, "nodes", NULL);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    weft__machine_spec spec = six_sip_torus();
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft__graph *graph;
        weft_error error;
        weft_test_fail_allocation_after(n);
        weft_status status = weft__graph_create(&spec, &graph, &error);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert(failed ? graph == NULL && weft_test_is_sentence(error.message) : graph != NULL);
        weft__graph_destroy(graph);
        ck_assert(failed || n > 10);
    }
    weft__graph_destroy(NULL);
}
END_TEST

WEFT_TEST_MAIN("graph", rounds_times_and_bandwidths, counts_the_nodes_of_two_sip, finds_every_node_by_place_and_by_name,
               has_no_node_where_none_is, gives_links_their_numbers, gives_nodes_their_overheads,
               gives_links_their_flow_control, joins_the_sips, puts_the_io_chiplet_on_any_side,
               says_what_is_wrong_with_a_name, refuses_parts_without_a_router, refuses_what_cannot_be_counted,
               survives_failing_allocations)
