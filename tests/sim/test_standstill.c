/* Finite buffers under load: they never hold more than they can, everything arrives where links form no circle, and
 * where messages do wait for one another in a circle the fabric says so. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "fabric_bench.h"
#include "sim/fabric/fabric_impl.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"

/* ---- crowds ---- */

/* No buffer holds more than it can: flits there and on their way, and places whose credit is on its way. */
static void check_buffers(const weft__fabric *fabric, weft__time now)
{
    for (uint32_t i = 0; i < fabric->graph->link_count; i++) {
        const weft__wire *wire = &fabric->wires[i];
        uint32_t most = wire->link->buffer_flits;
        for (uint32_t channel = 0; most && channel < wire->link->vcs; channel++) {
            const weft__vc *vc = &wire->vcs[channel];
            uint64_t held = 0;
            for (const weft__leg *leg = vc->front; leg; leg = leg->next_in_buffer)
                held += leg->known - leg->served;
            for (uint32_t credit = 0; credit < vc->credit_count; credit++)
                held += vc->credits[(vc->credit_head + credit) % most] > now;
            if (held > most || vc->used > most) /* looked at too often for an assertion each time */
                ck_abort_msg("link %u holds %" PRIu64 " flits in channel %u, which has %u places", i, held, channel,
                             most);
        }
    }
}

enum {
    MESSAGES = 160
};

typedef struct crowd {
    fabric_bench bench;
    weft__time ready[MESSAGES], least[MESSAGES];
    size_t arrived;
} crowd;

static void on_tick(weft_sim *sim, uint64_t argument)
{
    const crowd *it = (const crowd *)(uintptr_t)argument;
    check_buffers(it->bench.fabric, weft__sim_now(sim));
    if (it->arrived < MESSAGES && weft__sim_now(sim) < 3000000)
        (void)weft__sim_after(sim, 1700, on_tick, argument);
}

static void on_crowd_arrival(void *context, weft__message *message)
{
    crowd *it = context;
    uint64_t which = weft__message_tag(message);
    it->arrived++;
    if (weft__sim_now(it->bench.sim) < it->least[which])
        ck_abort_msg("message %" PRIu64 " arrives %" PRIu64 " ps too early", which,
                     it->least[which] - weft__sim_now(it->bench.sim));
}

static const weft__receiver crowd_receiver = {.arrived = on_crowd_arrival};

static void send_any(crowd *it, weft__rng *rng, uint64_t which, weft__time time, uint64_t flits_max)
{
    const weft__graph *graph = it->bench.graph;
    uint32_t count = graph->pes * graph->cubes * graph->spec->system.sips, ends[2];
    for (size_t i = 0; i < 2; i++) {
        uint32_t pe = (uint32_t)weft__rng_below(rng, count);
        ends[i] = weft__graph_node(graph, WEFT__NODE_DMA, pe / graph->pes / graph->cubes,
                                   pe / graph->pes % graph->cubes, pe % graph->pes);
    }
    const weft__run ready = {time, 0, 1 + weft__rng_below(rng, flits_max)};
    const weft__parcel parcel = {.from = ends[0],
                                 .to = ends[1],
                                 .size = weft__rng_below(rng, 4) ? WEFT__FLIT_PAYLOAD : WEFT__FLIT_COMMAND,
                                 .ready = &ready,
                                 .ready_count = 1,
                                 .receiver = &crowd_receiver,
                                 .context = it,
                                 .tag = which};
    const weft__route *route = weft__fabric_route(it->bench.fabric, ends[0], ends[1]);
    ck_assert_ptr_nonnull(route);
    it->least[which] =
        time + weft__route_latency_ps(graph, route, ready.count,
                                      parcel.size == WEFT__FLIT_PAYLOAD ? graph->spec->system.flit_bytes
                                                                        : graph->spec->system.command_bytes);
    ck_assert_ptr_nonnull(weft__fabric_send(it->bench.fabric, &parcel));
}

/* Gives the number of events. */
static uint64_t run_crowd(const weft__machine_spec *spec, uint64_t seed, uint64_t spread_ps, uint64_t flits_max)
{
    static crowd it;
    weft__rng rng;
    weft__rng_init(&rng, seed);
    it.arrived = 0;
    open_bench(&it.bench, spec, WEFT__FLITS_TRAINS);
    for (uint64_t i = 0; i < MESSAGES; i++)
        send_any(&it, &rng, i, weft__rng_below(&rng, spread_ps), flits_max);
    (void)weft__sim_at(it.bench.sim, 0, 2, on_tick, (uintptr_t)&it);
    run_bench(&it.bench);
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft__fabric_check_arrived(it.bench.fabric, &err), err);
    run_bench_dry(&it.bench);
    ck_assert_uint_eq(it.arrived, MESSAGES);
    check_buffers(it.bench.fabric, weft__sim_now(it.bench.sim));
    weft__sim_info info;
    weft__sim_get_info(it.bench.sim, &info);
    close_bench(&it.bench);
    return info.events;
}

START_TEST(everything_arrives_whatever_the_flow_control)
{
    static const uint32_t buffers[] = {0, 1, 2, 5}, channels[] = {1, 2, 4};
    uint64_t seed = 0;
    for (size_t b = 0; b < 4; b++)
        for (size_t v = 0; v < 3; v++)
            for (uint32_t arbiter = 0; arbiter < 2; arbiter++)
                for (uint32_t bits = 0; bits < 16; bits++) {
                    weft__machine_spec spec = mesh(4);
                    spec.system.ns_per_mm = 0.5;
                    spec.cube.router_overhead_ns = bits & 8 ? 0.7 : 0;
                    spec.cube.flow = (weft__flow_control){.buffer_flits = buffers[b],
                                                          .vcs = channels[v],
                                                          .arbitration = (weft__arbitration)arbiter,
                                                          .credit_ns = bits & 1 ? 2.3 : 0,
                                                          .vc_ns = bits & 2 ? 1 : 0,
                                                          .tail_credit = bits & 4};
                    spec.cube.input_speedup = (uint32_t)(seed % 3);
                    seed++;
                    /* About 3.5 flits from each PE in 20 ns on the one hand, everything at once on the other. */
                    (void)run_crowd(&spec, seed, seed % 2 ? 60000 : 2000, 6);
                }
}
END_TEST

START_TEST(everything_arrives_where_buffers_are_never_empty)
{
    /* More at once, in fewer places. */
    for (uint64_t seed = 1; seed <= 24; seed++) {
        weft__machine_spec spec = mesh(3);
        spec.cube.rows = 2;
        spec.system.ns_per_mm = 0.3;
        spec.cube.flow = (weft__flow_control){.buffer_flits = 1 + (uint32_t)(seed % 3),
                                              .vcs = 1 + (uint32_t)(seed % 2),
                                              .arbitration = (weft__arbitration)(seed / 2 % 2),
                                              .credit_ns = (double)(seed % 5),
                                              .vc_ns = (double)(seed % 4),
                                              .tail_credit = seed / 3 % 2};
        spec.cube.input_speedup = (uint32_t)(seed / 4 % 3);
        (void)run_crowd(&spec, seed, 1, 40);
    }
}
END_TEST

START_TEST(cubes_in_a_row_come_to_no_standstill)
{
    /* Along the row first, then along the column, and all crossings on one axis: no circle of links can form. */
    for (uint64_t seed = 1; seed <= 24; seed++) {
        weft__machine_spec spec = mesh(3);
        *(seed % 2 ? &spec.sip.rows : &spec.sip.columns) = 2 + (uint32_t)(seed / 2 % 3);
        spec.system.sips = 1 + (uint32_t)(seed / 8 % 2);
        spec.cube.ucie.connections = 1 + (uint32_t)(seed % 3);
        spec.cube.flow = spec.cube.ucie.flow =
            (weft__flow_control){.buffer_flits = 1 + (uint32_t)(seed / 4 % 2), .vcs = 1, .credit_ns = 1};
        (void)run_crowd(&spec, seed, 1000, 30);
    }
}
END_TEST

/* ---- standstill ---- */

START_TEST(messages_in_a_circle_are_a_deadlock)
{
    /* Around the hole in the middle of 3 x 3 routers: from r1c0 to r1c2 through the south, from r2c1 to r0c1 through
     * the east, and from r0c2 to r2c0 through the north, along the row first. Each holds the links before it, and waits
     * for one that the next one holds. */
    static weft__place hole = {1, 1};
    static const struct {
        weft__flow_control flow;
        bool stands_still;
    } rows[] = {
        {{.buffer_flits = 2, .vcs = 1}, true},
        {{.buffer_flits = 1, .vcs = 1, .tail_credit = true}, true},
        {{.buffer_flits = 2, .vcs = 2}, false},
        {{.buffer_flits = 30, .vcs = 1}, false},
        {{.vcs = 1}, false},
        {{0}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft__machine_spec spec = with_two_sizes(mesh(3));
        spec.cube.holes = &hole;
        spec.cube.hole_count = 1;
        spec.cube.ucie.connections = 0;
        spec.cube.flow = rows[i].flow;
        fabric_bench it;
        weft_error err = {0};
        weft__time ends[3];
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        WEFT_TEST_ASSERT_OK(weft__fabric_check_arrived(it.fabric, &err), err);
        send_short(&it, 3, 4, 0, 20, &ends[0]);
        send_short(&it, 6, 1, 0, 20, &ends[1]);
        send_short(&it, 2, 5, 0, 20, &ends[2]);
        run_bench(&it);
        weft_status status = weft__fabric_check_arrived(it.fabric, &err);
        ck_assert_int_eq(status, rows[i].stands_still ? WEFT_DEADLOCK : WEFT_OK);
        for (size_t j = 0; j < 3; j++)
            ck_assert((ends[j] == WEFT__NEVER) == rows[i].stands_still);
        if (rows[i].stands_still)
            ck_assert_msg(strstr(err.message, "3 messages") && strstr(err.message, "sip0.cube0.r") &&
                              !strstr(err.message, "pe"),
                          "%s", err.message);
        close_bench(&it);
    }
}
END_TEST

START_TEST(four_cubes_can_be_a_circle_without_holes)
{
    /* Cubes of 2 x 2 routers with their ports in row 0 and column 0. From PE 0 of cube 2 a message goes east inside the
     * cube, to cube 3, to cube 1 and there north; from PE 2 of cube 1 another goes north inside the cube, to cube 0, to
     * cube 2 and there east. */
    for (uint32_t vcs = 1; vcs <= 2; vcs++) {
        weft__machine_spec spec = with_two_sizes(mesh(2));
        spec.sip.rows = spec.sip.columns = 2;
        spec.cube.flow = spec.cube.ucie.flow = (weft__flow_control){.buffer_flits = 1, .vcs = vcs};
        fabric_bench it;
        weft_error err = {0};
        weft__time ends[2] = {WEFT__NEVER, WEFT__NEVER};
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        for (size_t i = 0; i < 2; i++) {
            const weft__run ready = {0, 0, 60};
            const weft__parcel parcel = {.from = node_at(&it, i ? "sip0.cube1.pe2" : "sip0.cube2.pe0"),
                                         .to = node_at(&it, i ? "sip0.cube2.pe1" : "sip0.cube1.pe0"),
                                         .ready = &ready,
                                         .ready_count = 1,
                                         .receiver = &arrival_receiver,
                                         .context = &it,
                                         .tag = (uint64_t)(uintptr_t)&ends[i]};
            ck_assert_ptr_nonnull(weft__fabric_send(it.fabric, &parcel));
        }
        run_bench(&it);
        ck_assert_int_eq(weft__fabric_check_arrived(it.fabric, &err), vcs == 1 ? WEFT_DEADLOCK : WEFT_OK);
        ck_assert_msg(vcs > 1 || strstr(err.message, "2 messages"), "%s", err.message);
        ck_assert((ends[0] == WEFT__NEVER) == (vcs == 1) && (ends[1] == WEFT__NEVER) == (vcs == 1));
        close_bench(&it);
    }
}
END_TEST

/* ---- memory ---- */

static void ignore_arrival(void *context, weft__message *message)
{
    (void)context, (void)message;
}

static const weft__receiver no_receiver = {.arrived = ignore_arrival};

static weft_status run_few(const weft__graph *graph)
{
    weft_sim *sim = NULL;
    weft__fabric *fabric = NULL;
    weft_status status = weft__sim_create(NULL, &sim, NULL);
    if (status == WEFT_OK)
        status = weft__fabric_create(sim, graph, WEFT__FLITS_TRAINS, &fabric, NULL);
    for (uint32_t i = 0; i < 24 && status == WEFT_OK; i++) {
        const weft__run ready[2] = {{100 * i, 700, 5}, {100 * i + 9000, 0, 3}};
        const weft__parcel parcel = {.from = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, i % 4),
                                     .to = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 3 - i / 2 % 4),
                                     .ready = ready,
                                     .ready_count = 2,
                                     .receiver = &no_receiver};
        (void)weft__fabric_send(fabric, &parcel);
    }
    if (status == WEFT_OK)
        status = weft__sim_run(sim, WEFT__NEVER, NULL);
    if (status == WEFT_OK)
        status = weft__fabric_check_arrived(fabric, NULL);
    weft__sim_destroy(sim);
    weft__fabric_destroy(fabric);
    return status;
}

START_TEST(out_of_memory_is_an_error)
{
    weft__machine_spec spec = mesh(2);
    spec.cube.flow = (weft__flow_control){.buffer_flits = 2, .vcs = 2, .credit_ns = 1};
    spec.cube.input_speedup = 2;
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, NULL), WEFT_OK);
    bool failed = true;
    uint64_t n;
    for (n = 0; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = run_few(graph);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
    }
    ck_assert_uint_gt(n, 100);
    weft__graph_destroy(graph);
}
END_TEST

WEFT_TEST_MAIN("standstill", everything_arrives_whatever_the_flow_control,
               everything_arrives_where_buffers_are_never_empty, cubes_in_a_row_come_to_no_standstill,
               messages_in_a_circle_are_a_deadlock, four_cubes_can_be_a_circle_without_holes, out_of_memory_is_an_error)
