/* Flow control: credits, virtual channels and arbiters. Times are worked out by hand on machines where wires and
 * routers take nothing, unless a test says otherwise. A short flit, which has the size of a command, takes 1 ns on
 * every link, a long one 16 ns: it keeps a link busy while others come to it. */
#include "support/weft_check.h"

#include "fabric_bench.h"
#include "support/machine_specs.h"

/* `length` routers in a row, with a PE at each. */
static weft__machine_spec line(uint32_t length, weft__flow_control flow)
{
    weft__machine_spec spec = mesh(length);
    spec.cube.rows = 1;
    spec.cube.ucie.connections = 0;
    spec.cube.flow = flow;
    return with_two_sizes(spec);
}

/* ---- credits ---- */

START_TEST(a_buffer_of_so_many_flits_gives_as_many_for_each_round_trip)
{
    /* A flit is 1 ns on the link and 5 ns on the wire, and leaves the buffer at once if the next link is free; its
     * credit takes 2 ns. So a place is used every 8 ns. */
    for (uint32_t buffer = 1; buffer <= 10; buffer++) {
        for (uint32_t vcs = 1; vcs <= 3; vcs += 2) {
            weft__machine_spec spec =
                line(2, (weft__flow_control){.buffer_flits = buffer, .vcs = vcs, .credit_ns = 2, .vc_ns = 3});
            spec.system.ns_per_mm = 1;
            spec.cube.pitch_mm = 5;
            fabric_bench it;
            weft__time arrival;
            open_bench(&it, &spec, WEFT__FLITS_TRAINS);
            ck_assert(!weft__fabric_has_trains(it.fabric));
            send_short(&it, 0, 1, 0, 40, &arrival);
            run_bench_dry(&it);
            uint64_t trip = buffer < 8 ? 8000 : 1000 * buffer;
            ck_assert_msg(arrival == 1000 + 39 / buffer * trip + 39 % buffer * 1000 + 6000 + 1000,
                          "with %u places in %u channels the last flit comes at %" PRIu64, buffer, vcs, arrival);
            close_bench(&it);
        }
    }
}
END_TEST

START_TEST(a_crossing_between_cubes_has_buffers_of_its_own)
{
    /* 2 ns on the link and 5 ns on the wire, 2 ns for the credit: 9 ns. */
    for (uint32_t buffer = 1; buffer <= 6; buffer++) {
        weft__machine_spec spec = with_two_sizes(mesh(1));
        spec.sip.columns = 2;
        spec.system.ns_per_mm = 1;
        spec.cube.ucie.length_mm = 5;
        spec.cube.ucie.overhead_ns = 0;
        spec.cube.ucie.flow = (weft__flow_control){.buffer_flits = buffer, .vcs = 1, .credit_ns = 2};
        fabric_bench it;
        weft__time end = WEFT__NEVER;
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        const weft__run ready = {0, 0, 30};
        const weft__parcel parcel = {.from = node_at(&it, "sip0.cube0.pe0"),
                                     .to = node_at(&it, "sip0.cube1.pe0"),
                                     .size = WEFT__FLIT_COMMAND,
                                     .ready = &ready,
                                     .ready_count = 1,
                                     .receiver = &arrival_receiver,
                                     .context = &it,
                                     .tag = (uint64_t)(uintptr_t)&end};
        ck_assert_ptr_nonnull(weft__fabric_send(it.fabric, &parcel));
        run_bench_dry(&it);
        uint64_t trip = buffer < 5 ? 9000 : 2000 * buffer;
        ck_assert_uint_eq(end, 3000 + 29 / buffer * trip + 29 % buffer * 2000 + 7000 + 2000 + 1000);
        close_bench(&it);
    }
}
END_TEST

START_TEST(a_target_takes_its_flits_at_once)
{
    /* To a router: two places, 1 ns on the link and 2 ns for the credit of a flit that has arrived. */
    weft__machine_spec spec = line(2, (weft__flow_control){.buffer_flits = 2, .vcs = 1, .credit_ns = 2});
    fabric_bench it;
    weft__time end = WEFT__NEVER;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    const weft__run ready = {0, 0, 6};
    const weft__parcel parcel = {.from = node_at(&it, "sip0.cube0.pe0"),
                                 .to = node_at(&it, "sip0.cube0.r0c0"),
                                 .size = WEFT__FLIT_COMMAND,
                                 .ready = &ready,
                                 .ready_count = 1,
                                 .receiver = &arrival_receiver,
                                 .context = &it,
                                 .tag = (uint64_t)(uintptr_t)&end};
    ck_assert_ptr_nonnull(weft__fabric_send(it.fabric, &parcel));
    run_bench_dry(&it);
    ck_assert_uint_eq(end, 2 * 3000 + 1000 + 1000);
    close_bench(&it);
}
END_TEST

START_TEST(a_full_buffer_holds_back_the_links_before_it)
{
    /* The link to PE 3 is busy until 32 ns. A message for PE 3 of 12 flits, from PE 0 at 13 ns, fills two places at
     * each of the routers 0 to 3, and 4 flits are still at their source; all move on when the first does. */
    weft__machine_spec spec = line(4, (weft__flow_control){.buffer_flits = 2, .vcs = 1});
    fabric_bench it;
    weft__time busy, held, last;
    weft_error err;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    send_long(&it, 3, 3, 0, &busy);
    send_short(&it, 0, 3, 13000, 12, &held);
    send_short(&it, 0, 0, 13000, 1, &last); /* behind it in the source */
    WEFT_TEST_ASSERT_OK(weft__sim_run(it.sim, 31500, &err), err);
    for (uint32_t router = 0; router < 4; router++) {
        uint32_t node = weft__graph_node(it.graph, WEFT__NODE_ROUTER, 0, 0, router);
        uint32_t before = router ? node - 1 : weft__graph_node(it.graph, WEFT__NODE_DMA, 0, 0, 0);
        for (uint32_t i = 0; i < it.graph->link_count; i++)
            if (it.graph->links[i].to == node && it.graph->links[i].from == before)
                ck_assert_uint_eq(weft__fabric_load(it.fabric, i).flits, 8 - 2 * router);
    }
    run_bench_dry(&it);
    ck_assert_uint_eq(busy, 32000);
    ck_assert_uint_eq(held, 44000);
    /* The 12th flit leaves the source at 35 and router 0 at 37. */
    ck_assert_uint_eq(last, 39000);
    close_bench(&it);
}
END_TEST

/* ---- virtual channels ---- */

/* The link to PE 3 is busy until 32 ns. A message for PE 3 of `blocked` short flits, from PE 0 at 13 ns, waits there
 * from 17 on. Gives when a flit from PE 1 to PE 2, ready at 23 ns, arrives, and checks when the blocked message does.
 */
static weft__time pass_by(weft__flow_control flow, uint64_t blocked, weft__time blocked_until)
{
    weft__machine_spec spec = line(4, flow);
    fabric_bench it;
    weft__time ends[3];
    open_bench(&it, &spec, WEFT__FLITS_EACH);
    send_long(&it, 3, 3, 0, &ends[0]);
    send_short(&it, 0, 3, 13000, blocked, &ends[1]);
    send_short(&it, 1, 2, 23000, 1, &ends[2]);
    run_bench_dry(&it);
    ck_assert_uint_eq(ends[0], 32000);
    ck_assert_uint_eq(ends[1], blocked_until);
    close_bench(&it);
    return ends[2];
}

START_TEST(a_blocked_message_blocks_its_channel)
{
    /* Six flits, two at each of routers 3, 2 and 1: the tail goes from router 1 to router 2 at 33, so the channel there
     * is free at 34; behind the tail, which leaves router 2 at 35, the flit goes at 36. */
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 2, .vcs = 1}, 6, 38000), 37000);
    /* In a channel of its own: router 1 at 24, router 2 at 25. */
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 2, .vcs = 2}, 6, 38000), 26000);
    /* Unbounded buffers take all flits: the last of the six has left router 2 at 21. */
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 0, .vcs = 1}, 6, 38000), 26000);
    /* Without channels nobody stands behind anybody. */
    ck_assert_uint_eq(pass_by((weft__flow_control){0}, 6, 38000), 26000);
}
END_TEST

START_TEST(a_blocked_message_blocks_those_behind_it_in_its_buffer)
{
    /* Three flits: the tail waits in router 2 from 18 on, with a place behind it, and leaves at 32. */
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 2, .vcs = 1}, 3, 35000), 34000);
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 2, .vcs = 2}, 3, 35000), 26000);
    /* The next message of a buffer may go 4 ns after the last. */
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 2, .vcs = 1, .vc_ns = 4}, 3, 35000), 38000);
    ck_assert_uint_eq(pass_by((weft__flow_control){.buffer_flits = 2, .vcs = 2, .vc_ns = 4}, 3, 35000), 26000);
}
END_TEST

START_TEST(with_tail_credit_a_channel_must_drain_first)
{
    /* Four places and 3 ns for a credit. Five flits: the tail waits in router 2 until the first leaves router 3 at 32
     * and its credit comes back at 35. */
    weft__flow_control flow = {.buffer_flits = 4, .vcs = 1, .credit_ns = 3};
    ck_assert_uint_eq(pass_by(flow, 5, 37000), 37000);
    /* The tail's credit is back at 38. */
    flow.tail_credit = true;
    ck_assert_uint_eq(pass_by(flow, 5, 37000), 40000);
    flow.vcs = 2;
    ck_assert_uint_eq(pass_by(flow, 5, 37000), 26000);
}
END_TEST

START_TEST(a_credit_under_way_is_waited_for)
{
    /* A flit from PE 0 to PE 3 leaves router 2 at 3, and its credit is back at router 1 at 13. When another message
     * comes to router 1 at 5, it alone knows of the channel. */
    weft__machine_spec spec =
        line(4, (weft__flow_control){.buffer_flits = 4, .vcs = 1, .credit_ns = 10, .tail_credit = true});
    for (int vcs = 1; vcs <= 2; vcs++) {
        spec.cube.flow.vcs = (uint32_t)vcs;
        fabric_bench it;
        weft__time ends[3];
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        send_short(&it, 0, 3, 0, 1, &ends[0]);
        send_short(&it, 1, 2, 4000, 1, &ends[1]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 5000);
        ck_assert_uint_eq(ends[1], vcs == 1 ? 15000 : 7000);
        close_bench(&it);
    }
    /* The same without tail credit, for the only place of a buffer. */
    spec.cube.flow = (weft__flow_control){.buffer_flits = 1, .vcs = 1, .credit_ns = 10};
    fabric_bench it;
    weft__time ends[2];
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    send_short(&it, 0, 3, 0, 1, &ends[0]);
    send_short(&it, 1, 2, 4000, 1, &ends[1]);
    run_bench_dry(&it);
    ck_assert_uint_eq(ends[0], 5000);
    ck_assert_uint_eq(ends[1], 15000);
    close_bench(&it);
}
END_TEST

START_TEST(a_channel_is_given_on_after_its_time)
{
    /* A flit goes from router 1 to router 2 at 2, so the channel may be taken at 3 + 4; the next one, at router 1 at
     * 2.5, goes at 7, and at 8 from router 2, which the first left at 3. */
    weft__machine_spec spec = line(4, (weft__flow_control){.buffer_flits = 8, .vcs = 1, .vc_ns = 4});
    for (uint32_t vcs = 1; vcs <= 2; vcs++) {
        spec.cube.flow.vcs = vcs;
        fabric_bench it;
        weft__time ends[2];
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        send_short(&it, 0, 3, 0, 1, &ends[0]);
        send_short(&it, 1, 2, 1500, 1, &ends[1]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 5000);
        /* In the other channel it waits for the link alone, until 3. */
        ck_assert_uint_eq(ends[1], vcs == 1 ? 9000 : 5000);
        close_bench(&it);
    }
    /* From one source: every link gives its channel on after 4 ns, and every buffer its front. */
    for (uint32_t vcs = 1; vcs <= 2; vcs++) {
        spec.cube.flow.vcs = vcs;
        fabric_bench it;
        weft__time ends[2];
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        send_short(&it, 0, 1, 0, 1, &ends[0]);
        send_short(&it, 0, 1, 0, 1, &ends[1]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 3000);
        ck_assert_uint_eq(ends[1], vcs == 1 ? 8000 : 4000);
        close_bench(&it);
    }
}
END_TEST

/* ---- arbiters ---- */

/* Messages to PE 1 of a row of three, from both sides and from itself. */
static void meet(weft__arbitration arbitration, const weft__run ready[3], weft__time ends[3])
{
    weft__machine_spec spec = line(3, (weft__flow_control){.arbitration = arbitration});
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_EACH);
    for (uint32_t from = 0; from < 3; from++)
        if (ready[from].count)
            send_run(&it, from, 1, WEFT__FLIT_COMMAND, &ready[from], &ends[from]);
    run_bench_dry(&it);
    close_bench(&it);
}

START_TEST(round_robin_gives_inputs_equal_shares)
{
    weft__time ends[3];
    /* From both sides flits come from 2 on, so 29 have gone when PE 1's own begin to come at 31. Then all take turns,
     * until the others have none left after 45 or 46 rounds. */
    const weft__run late[3] = {{0, 0, 60}, {30000, 0, 60}, {0, 0, 60}};
    meet(WEFT__ARBITRATE_ROUND_ROBIN, late, ends);
    ck_assert_msg(ends[0] >= 164000 && ends[0] <= 168000, "%" PRIu64, ends[0]);
    ck_assert_msg(ends[2] >= 164000 && ends[2] <= 168000, "%" PRIu64, ends[2]);
    ck_assert_uint_eq(ends[1], 182000);
    /* By arrival those before come first: 60 of each side and 31 of the late ones arrive until 61. */
    meet(WEFT__ARBITRATE_FIFO, late, ends);
    ck_assert_msg(ends[0] >= 148000 && ends[0] <= 153000, "%" PRIu64, ends[0]);
    ck_assert_msg(ends[2] >= 148000 && ends[2] <= 153000, "%" PRIu64, ends[2]);
    ck_assert_uint_eq(ends[1], 182000);
    /* One flit among a crowd: it is served in the round in which it comes, or behind all that came before, which are 20
     * of each side and the one that came with it from PE 0. */
    const weft__run lonely[3] = {{0, 0, 40}, {21000, 0, 1}, {0, 0, 40}};
    meet(WEFT__ARBITRATE_ROUND_ROBIN, lonely, ends);
    ck_assert_msg(ends[1] >= 23000 && ends[1] <= 25000, "%" PRIu64, ends[1]);
    meet(WEFT__ARBITRATE_FIFO, lonely, ends);
    ck_assert_uint_eq(ends[1], 44000);
}
END_TEST

START_TEST(by_arrival_flits_of_two_messages_go_in_turns)
{
    weft__time ends[3];
    const weft__run later[3] = {{0, 0, 20}, {0, 0, 0}, {500, 0, 20}};
    meet(WEFT__ARBITRATE_FIFO, later, ends);
    ck_assert_uint_eq(ends[0], 41000);
    ck_assert_uint_eq(ends[2], 42000);
    /* Of two flits of the same time, that of the lower source. */
    const weft__run same[3] = {{0, 0, 20}, {0, 0, 0}, {0, 0, 20}};
    meet(WEFT__ARBITRATE_FIFO, same, ends);
    ck_assert_uint_eq(ends[0], 41000);
    ck_assert_uint_eq(ends[2], 42000);
    /* A flit that is not there yet keeps nobody waiting. */
    const weft__run gaps[3] = {{0, 10000, 2}, {0, 0, 0}, {500, 0, 3}};
    meet(WEFT__ARBITRATE_FIFO, gaps, ends);
    ck_assert_uint_eq(ends[0], 13000);
    ck_assert_uint_eq(ends[2], 6000);
    meet(WEFT__ARBITRATE_ROUND_ROBIN, gaps, ends);
    ck_assert_uint_eq(ends[0], 13000);
    ck_assert_uint_eq(ends[2], 6000);
}
END_TEST

/* Flits that have gone from r1c1 to the PE there and to the south. */
static uint64_t gone_from_r1c1(const fabric_bench *it)
{
    uint32_t router = node_at(it, "sip0.cube0.r1c1"), pe = node_at(it, "sip0.cube0.pe5");
    uint32_t south = node_at(it, "sip0.cube0.r2c1");
    uint64_t gone = 0;
    for (uint32_t i = 0; i < it->graph->link_count; i++) {
        const weft__link *link = &it->graph->links[i];
        if (link->from == router && (link->to == pe || link->to == south))
            gone += weft__fabric_load(it->fabric, i).flits;
    }
    return gone;
}

START_TEST(an_input_is_read_as_often_as_its_speedup_says)
{
    /* From r1c1 the links to its PE 5 and to the south are busy until 48.5 ns with long flits of PE 5 itself and of PE
     * 1. Meanwhile two messages of six flits have come from PE 4 in two channels of one link, one for each of these
     * links. Then two flits go every ns, or one if the link they came over may be read only once. A wire between
     * routers takes 0.5 ns. */
    static const struct {
        weft__time time;
        uint64_t gone[3]; /* with a speedup of 0, 1 and 2 */
    } rows[] = {{48400, {2, 2, 2}},   {48600, {4, 3, 4}},    {50600, {8, 5, 8}},
                {53600, {14, 8, 14}}, {59400, {14, 13, 14}}, {59600, {14, 14, 14}}};
    for (uint32_t speedup = 0; speedup < 3; speedup++) {
        weft__machine_spec spec = with_two_sizes(mesh(4));
        spec.system.ns_per_mm = 0.5;
        spec.cube.flow = (weft__flow_control){.buffer_flits = 8, .vcs = 2};
        spec.cube.input_speedup = speedup;
        fabric_bench it;
        weft__time ends[4];
        weft_error err;
        open_bench(&it, &spec, WEFT__FLITS_TRAINS);
        send_long(&it, 5, 5, 16500, &ends[0]);
        send_long(&it, 1, 13, 0, &ends[1]);
        send_short(&it, 4, 5, 31500, 6, &ends[2]);
        send_short(&it, 4, 9, 31500, 6, &ends[3]);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            WEFT_TEST_ASSERT_OK(weft__sim_run(it.sim, rows[i].time, &err), err);
            ck_assert_msg(gone_from_r1c1(&it) == rows[i].gone[speedup], "speedup %u: %" PRIu64 " have gone at %" PRIu64,
                          speedup, gone_from_r1c1(&it), rows[i].time);
        }
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 48500);
        ck_assert_uint_eq(ends[1], 81500);
        close_bench(&it);
    }
}
END_TEST

WEFT_TEST_MAIN("flow_control", a_buffer_of_so_many_flits_gives_as_many_for_each_round_trip,
               a_crossing_between_cubes_has_buffers_of_its_own, a_target_takes_its_flits_at_once,
               a_full_buffer_holds_back_the_links_before_it, a_blocked_message_blocks_its_channel,
               a_blocked_message_blocks_those_behind_it_in_its_buffer, with_tail_credit_a_channel_must_drain_first,
               a_credit_under_way_is_waited_for, a_channel_is_given_on_after_its_time,
               round_robin_gives_inputs_equal_shares, by_arrival_flits_of_two_messages_go_in_turns,
               an_input_is_read_as_often_as_its_speedup_says)
