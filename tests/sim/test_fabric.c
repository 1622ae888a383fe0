/* The fabric: messages arrive when the definition says, and trains do what single flits do. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "random_machine.h"
#include "sim/fabric/transfer.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"

enum {
    TRANSFERS_MAX = 48,
    STEPS_PER_EVENT = 64
};

/* ---- a simulation of transfers ---- */

typedef struct bench {
    weft_sim *sim;
    weft__fabric *fabric;
    weft__transfers *transfers;
} bench;

static weft_status open_bench(bench *it, const weft__graph *graph, weft__flit_mode mode, weft_error *err)
{
    *it = (bench){0};
    weft_status status = weft__sim_create(NULL, &it->sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(it->sim, graph, mode, &it->fabric, err);
    if (status == WEFT_OK)
        status = weft__transfers_create(it->fabric, &it->transfers, err);
    return status;
}

static void close_bench(bench *it)
{
    weft__sim_destroy(it->sim);
    weft__transfers_destroy(it->transfers);
    weft__fabric_destroy(it->fabric);
}

static void note_end(void *context, const weft__transfer *transfer)
{
    *(weft__time *)context = weft__transfer_end_ps(transfer);
}

/* ---- random transfers on random machines ---- */

typedef struct plan {
    weft__transfer_request requests[TRANSFERS_MAX];
    weft__time begins[TRANSFERS_MAX], ends[2][TRANSFERS_MAX];
    size_t count;
    uint64_t steps; /* in which links have caught up, when it was played last */
} plan;

static uint32_t draw_node(const weft__graph *graph, weft__rng *rng, bool is_source)
{
    for (;;) {
        uint32_t node = (uint32_t)weft__rng_below(rng, graph->node_count);
        weft__node_kind kind = graph->nodes[node].kind;
        if (kind == WEFT__NODE_DMA || (is_source && kind == WEFT__NODE_HOST) ||
            (!is_source && (kind == WEFT__NODE_HBM || kind == WEFT__NODE_SRAM)))
            return node;
    }
}

static bool has_route(const weft__graph *graph, uint32_t from, uint32_t to)
{
    weft__route route;
    if (from == to || weft__graph_route(graph, from, to, &route, NULL) != WEFT_OK)
        return false;
    free(route.links);
    return true;
}

/* Many small ones and a few large ones, beginning close together, often at the same picosecond. */
static void draw_plan(plan *it, const weft__graph *graph, weft__rng *rng)
{
    it->count = 1 + weft__rng_below(rng, TRANSFERS_MAX);
    uint64_t spread = weft__rng_below(rng, 2) ? 4000000 : 50000;
    uint32_t hot = draw_node(graph, rng, false);
    for (size_t i = 0; i < it->count; i++) {
        weft__transfer_request *request = &it->requests[i];
        do {
            bool is_hot = weft__rng_below(rng, 3) == 0;
            request->source = draw_node(graph, rng, true);
            request->target = is_hot ? hot : draw_node(graph, rng, false);
        } while (!has_route(graph, request->source, request->target) ||
                 !has_route(graph, request->target, request->source));
        uint64_t bytes_max = weft__rng_below(rng, 4) ? 2000 : 60000;
        request->bytes = 1 + weft__rng_below(rng, bytes_max);
        request->offset_bytes = 256 * weft__rng_below(rng, 16);
        request->is_write = weft__rng_below(rng, 2);
        it->begins[i] = weft__rng_below(rng, 3) ? weft__rng_below(rng, spread) : 1000 * weft__rng_below(rng, 20);
    }
}

typedef void (*plan_drawer)(plan *it, const weft__graph *graph, weft__rng *rng);

/* Gives the number of events. */
static uint64_t play(plan *it, const weft__graph *graph, weft__flit_mode mode, weft__link_load *loads)
{
    weft_error err;
    bench run;
    ck_assert_msg(open_bench(&run, graph, mode, &err) == WEFT_OK, "%s", err.message);
    for (size_t i = 0; i < it->count; i++) {
        weft__transfer_request request = it->requests[i];
        request.ended = note_end;
        request.context = &it->ends[mode][i];
        it->ends[mode][i] = WEFT__NEVER;
        weft__transfer_begin(run.transfers, it->begins[i], &request);
    }
    ck_assert_msg(weft__sim_run(run.sim, WEFT__NEVER, &err) == WEFT_OK, "%s", err.message);
    weft__fabric_info info;
    weft__fabric_get_info(run.fabric, &info);
    ck_assert_uint_eq(info.flits_sent, info.flits_arrived);
    ck_assert_uint_eq(info.messages_sent, info.messages_arrived);
    it->steps = info.steps;
    for (uint32_t i = 0; i < graph->link_count; i++)
        loads[i] = weft__fabric_load(run.fabric, i);
    weft__sim_info sim;
    weft__sim_get_info(run.sim, &sim);
    close_bench(&run);
    return sim.events;
}

/* Every SIP of a ring writes over some links of it, all in the same direction and at about the same time. */
static void draw_circle(plan *it, const weft__graph *graph, weft__rng *rng)
{
    uint32_t sips = graph->spec->system.sips, pes = graph->spec->cube.pe_count, far = 1 + (sips - 1) / 2;
    it->count = (size_t)sips * pes;
    for (uint32_t i = 0; i < it->count; i++) {
        uint32_t to = (i / pes + 1 + (uint32_t)weft__rng_below(rng, far)) % sips;
        it->requests[i] =
            (weft__transfer_request){.source = weft__graph_node(graph, WEFT__NODE_DMA, i / pes, 0, i % pes),
                                     .target = weft__graph_node(graph, WEFT__NODE_HBM, to, 0, i % pes),
                                     .bytes = 1 + weft__rng_below(rng, 60000),
                                     .is_write = true};
        it->begins[i] = weft__rng_below(rng, 20000);
    }
}

static void compare_modes(const weft__machine_spec *spec, plan_drawer draw, uint64_t seed)
{
    weft_error err;
    weft__graph *graph;
    ck_assert_msg(weft__graph_create(spec, &graph, &err) == WEFT_OK, "%s", err.message);
    weft__rng rng;
    weft__rng_init(&rng, seed);
    static plan it;
    draw(&it, graph, &rng);
    weft__link_load *loads[2];
    uint64_t events = 0, steps = 0;
    for (size_t mode = 0; mode < 2; mode++) {
        loads[mode] = calloc(graph->link_count, sizeof *loads[mode]);
        events += play(&it, graph, (weft__flit_mode)mode, loads[mode]);
        steps += it.steps;
    }
    /* Links step where a flit can come, each of those that ask one another, but not while one is on its way. */
    ck_assert_msg(steps <= STEPS_PER_EVENT * events, "seed %" PRIu64 ": %" PRIu64 " steps, but %" PRIu64 " events",
                  seed, steps, events);
    for (size_t i = 0; i < it.count; i++) {
        ck_assert_uint_ne(it.ends[0][i], WEFT__NEVER);
        ck_assert_msg(it.ends[0][i] == it.ends[1][i],
                      "seed %" PRIu64 ": transfer %zu ends at %" PRIu64 ", not %" PRIu64, seed, i, it.ends[0][i],
                      it.ends[1][i]);
    }
    for (uint32_t i = 0; i < graph->link_count; i++) {
        ck_assert_uint_eq(loads[0][i].flits, loads[1][i].flits);
        ck_assert_uint_eq(loads[0][i].busy_ps, loads[1][i].busy_ps);
    }
    free(loads[0]);
    free(loads[1]);
    weft__graph_destroy(graph);
}

/* Trains need unbounded buffers, read as often as one likes, and the order of arrival. What the loader fills in is
 * filled in. */
static void let_trains_run(weft__machine_spec *spec)
{
    spec->cube.flow = spec->cube.ucie.flow = (weft__flow_control){0};
    spec->cube.input_speedup = 0;
    while (spec->system.rows * spec->system.columns < spec->system.sips)
        spec->system.columns = ++spec->system.rows;
}

START_TEST(trains_equal_flits_on_random_machines)
{
    static random_machine machine;
    int compared = 0;
    for (uint64_t seed = 1; compared < 150; seed++) {
        draw_random_machine(seed, &machine);
        if (machine.verdict != RANDOM_LOADS)
            continue;
        weft__machine_spec spec = machine.expected;
        let_trains_run(&spec);
        compare_modes(&spec, draw_plan, seed);
        compared++;
    }
}
END_TEST

START_TEST(trains_equal_flits_on_known_machines)
{
    weft__machine_spec specs[] = {two_sip(), six_sip_torus(), tiny(), mesh(5)};
    for (uint64_t seed = 1; seed <= 40; seed++)
        compare_modes(&specs[seed % 4], draw_plan, seed);
    /* Times that are no multiples of each other. */
    for (uint64_t seed = 100; seed <= 130; seed++) {
        weft__machine_spec spec = two_sip();
        spec.cube.link_gbs = 101.7;
        spec.cube.hbm.channel_gbs = 17.3;
        spec.cube.ucie.gbs = 93.1;
        spec.pe.link_gbs = 311;
        spec.pe.dma.channels = 2;
        spec.cube.hbm.open_ns = 7.3;
        spec.cube.hbm.turnaround_ns = 3.1;
        compare_modes(&spec, draw_plan, seed);
    }
}
END_TEST

/* A factor between a hundred thousandth and a hundred thousand. */
static double draw_speed(weft__rng *rng)
{
    static const double factors[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5};
    double factor = factors[weft__rng_below(rng, sizeof factors / sizeof factors[0])];
    return weft__rng_below(rng, 2) ? factor : 1 / factor;
}

static void draw_speeds(weft__machine_spec *spec, uint64_t seed)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    double *speeds[] = {&spec->system.link_gbs,    &spec->host.link_gbs, &spec->sip.io.link_gbs,
                        &spec->cube.link_gbs,      &spec->cube.ucie.gbs, &spec->cube.hbm.link_gbs,
                        &spec->cube.sram.link_gbs, &spec->pe.link_gbs};
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++)
        *speeds[i] *= draw_speed(&rng);
}

START_TEST(trains_equal_flits_whatever_the_speeds_of_links)
{
    static random_machine machine;
    int compared = 0;
    for (uint64_t seed = 1000; compared < 100; seed++) {
        draw_random_machine(seed, &machine);
        if (machine.verdict != RANDOM_LOADS)
            continue;
        weft__machine_spec spec = machine.expected;
        let_trains_run(&spec);
        draw_speeds(&spec, seed);
        compare_modes(&spec, draw_plan, seed);
        compared++;
    }
    /* Round a ring the questions come back to the link that has asked first. */
    for (uint64_t seed = 1; seed <= 100; seed++) {
        weft__machine_spec spec = tiny();
        spec.system.fabric = WEFT__SIPS_RING;
        spec.system.sips = 5 + (uint32_t)(seed % 4);
        draw_speeds(&spec, seed);
        compare_modes(&spec, draw_circle, seed);
    }
}
END_TEST

/* While a flit is on a slow link, the fastest could send a quarter of a thousand millions. */
START_TEST(one_fast_link_does_not_make_slow_ones_step)
{
    weft__machine_spec spec = two_sip();
    spec.pe.link_gbs = 0.001;
    spec.sip.io.link_gbs = 1000000;
    for (uint64_t seed = 1; seed <= 10; seed++)
        compare_modes(&spec, draw_plan, seed);
}
END_TEST

/* ---- closed forms ---- */

static void note_arrival(void *context, weft__message *message)
{
    const bench *it = context;
    uint64_t *due = (uint64_t *)(uintptr_t)weft__message_tag(message);
    ck_assert_uint_eq(weft__sim_now(it->sim), *due);
    *due = 0;
}

static const weft__receiver arrival_receiver = {.arrived = note_arrival};

/* Every pair, one after another, against cycles counted by hand: 1 + 1 into the first router, 2 in each router, 1 + 1
 * on each link, and a cycle for each flit behind the first. */
static void check_all_pairs(uint32_t k, uint64_t flits, weft__flit_mode mode)
{
    weft__machine_spec spec = mesh(k);
    spec.system.ns_per_mm = 1;
    spec.cube.pitch_mm = 2;
    spec.cube.router_overhead_ns = 1;
    spec.pe.link_mm = 1.5;
    weft_error err;
    weft__graph *graph;
    bench it;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
    ck_assert_int_eq(open_bench(&it, graph, mode, &err), WEFT_OK);
    uint64_t *due = calloc((size_t)k * k * k * k, sizeof *due);
    weft__time begin = 0;
    for (uint32_t from = 0; from < k * k; from++) {
        for (uint32_t to = 0; to < k * k; to++) {
            int64_t rows = (int64_t)(from / k) - to / k, columns = (int64_t)(from % k) - to % k;
            uint64_t hops = (uint64_t)(llabs(rows) + llabs(columns));
            uint64_t *when = &due[from * k * k + to];
            *when = begin + 1000 * (6 + 4 * hops + flits - 1);
            weft__run ready = {begin, 0, flits};
            weft__parcel parcel = {.from = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, from),
                                   .to = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, to),
                                   .size = WEFT__FLIT_PAYLOAD,
                                   .ready = &ready,
                                   .ready_count = 1,
                                   .receiver = &arrival_receiver,
                                   .context = &it,
                                   .tag = (uint64_t)(uintptr_t)when};
            ck_assert_ptr_nonnull(weft__fabric_send(it.fabric, &parcel));
            begin += 1000 * (8 * (uint64_t)k + 2 * flits + 20);
        }
    }
    ck_assert_msg(weft__sim_run(it.sim, WEFT__NEVER, &err) == WEFT_OK, "%s", err.message);
    for (size_t i = 0; i < (size_t)k * k * k * k; i++)
        ck_assert_uint_eq(due[i], 0);
    free(due);
    close_bench(&it);
    weft__graph_destroy(graph);
}

START_TEST(zero_load_latency_is_the_closed_form)
{
    static const uint64_t lengths[] = {1, 2, 4, 16, 64};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_all_pairs(4, lengths[i], WEFT__FLITS_TRAINS);
        check_all_pairs(4, lengths[i], WEFT__FLITS_EACH);
        check_all_pairs(8, lengths[i], WEFT__FLITS_TRAINS);
        check_all_pairs(16, lengths[i], WEFT__FLITS_TRAINS);
    }
    check_all_pairs(8, 4, WEFT__FLITS_EACH);
    check_all_pairs(16, 1, WEFT__FLITS_EACH);
}
END_TEST

START_TEST(trains_need_a_tenth_of_the_events)
{
    weft__machine_spec spec = two_sip();
    weft_error err;
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
    weft__link_load *loads = calloc(graph->link_count, sizeof *loads);
    static plan it;
    for (int far = 0; far < 2; far++) {
        for (int is_write = 0; is_write < 2; is_write++) {
            it.count = 1;
            it.begins[0] = 0;
            it.requests[0] = (weft__transfer_request){
                .source = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 0),
                .target = weft__graph_node(graph, WEFT__NODE_HBM, (uint32_t)far, far ? 15 : 0, far ? 7 : 0),
                .bytes = 1 << 20,
                .is_write = is_write};
            uint64_t trains = play(&it, graph, WEFT__FLITS_TRAINS, loads);
            uint64_t each = play(&it, graph, WEFT__FLITS_EACH, loads);
            ck_assert_uint_eq(it.ends[0][0], it.ends[1][0]);
            ck_assert_uint_ge(each, 10 * trains);
        }
    }
    free(loads);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(a_long_wait_does_not_nest_questions)
{
    /* A transfer of 256 MiB whose tail nobody asks for in a millisecond, and others that cross its way. */
    weft__machine_spec spec = two_sip();
    weft_error err;
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
    weft__link_load *loads = calloc(graph->link_count, sizeof *loads);
    static plan it;
    it.count = 4;
    for (uint32_t i = 0; i < 4; i++) {
        it.begins[i] = 1000 * i;
        it.requests[i] = (weft__transfer_request){.source = weft__graph_node(graph, WEFT__NODE_DMA, 0, i, i),
                                                  .target = weft__graph_node(graph, WEFT__NODE_HBM, 0, 3 - i, 7 - i),
                                                  .bytes = (uint64_t)64 << 20,
                                                  .is_write = i % 2};
    }
    (void)play(&it, graph, WEFT__FLITS_TRAINS, loads);
    for (size_t i = 0; i < it.count; i++)
        ck_assert_uint_gt(it.ends[0][i], 64u * 1048576u / 256u * 1000u);
    free(loads);
    weft__graph_destroy(graph);
}
END_TEST

/* ---- targets ---- */

typedef struct ear {
    weft__time last;
    uint64_t flits;
} ear;

static void hear(void *context, weft__message *message, uint64_t first, const weft__run *run)
{
    (void)message, (void)first;
    ear *it = context;
    ck_assert_uint_ge(run->first, it->last);
    it->last = weft__run_last(run);
    it->flits += run->count;
}

static void ignore(void *context, weft__message *message)
{
    (void)context, (void)message;
}

static const weft__receiver ear_receiver = {.arriving = hear, .arrived = ignore};

/* The overhead of the target is many flits long, and messages meet before it in every way. */
START_TEST(a_target_hears_of_flits_in_the_order_in_which_they_come)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = two_sip();
        spec.cube.hbm.overhead_ns = 10;
        spec.cube.router_overhead_ns = 3;
        weft_error err;
        weft__graph *graph;
        bench it;
        ear target = {0};
        uint64_t sent = 0;
        ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
        ck_assert_int_eq(open_bench(&it, graph, (weft__flit_mode)mode, &err), WEFT_OK);
        weft__rng rng;
        weft__rng_init(&rng, 4);
        for (int i = 0; i < 300; i++) {
            weft__run ready = {1 + weft__rng_below(&rng, 600000), 500 * weft__rng_below(&rng, 5),
                               1 + weft__rng_below(&rng, 6)};
            weft__parcel parcel = {.from =
                                       weft__graph_node(graph, WEFT__NODE_DMA, 0, (uint32_t)weft__rng_below(&rng, 2),
                                                        (uint32_t)weft__rng_below(&rng, 8)),
                                   .to = weft__graph_node(graph, WEFT__NODE_HBM, 0, 0, 0),
                                   .size = weft__rng_below(&rng, 3) ? WEFT__FLIT_PAYLOAD : WEFT__FLIT_COMMAND,
                                   .ready = &ready,
                                   .ready_count = 1,
                                   .receiver = &ear_receiver,
                                   .context = &target};
            sent += ready.count;
            ck_assert_ptr_nonnull(weft__fabric_send(it.fabric, &parcel));
        }
        ck_assert_msg(weft__sim_run(it.sim, WEFT__NEVER, &err) == WEFT_OK, "%s", err.message);
        ck_assert_uint_eq(target.flits, sent);
        close_bench(&it);
        weft__graph_destroy(graph);
    }
}
END_TEST

/* ---- memory ---- */

static weft_status run_some(const weft__graph *graph, weft__flit_mode mode)
{
    bench it;
    weft_error err;
    weft_status status = open_bench(&it, graph, mode, &err);
    for (uint32_t i = 0; i < 6 && status == WEFT_OK; i++) {
        weft__transfer_request request = {.source = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, i % 2),
                                          .target = weft__graph_node(graph, WEFT__NODE_HBM, 0, 0, i / 2 % 2),
                                          .bytes = 30000,
                                          .is_write = i % 2,
                                          .keeps_hops = true};
        weft__transfer_begin(it.transfers, 1000 * i, &request);
    }
    if (status == WEFT_OK)
        status = weft__sim_run(it.sim, WEFT__NEVER, &err);
    close_bench(&it);
    return status;
}

START_TEST(out_of_memory_is_an_error_of_the_run)
{
    weft__machine_spec spec = tiny();
    weft_error err;
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
    for (int mode = 0; mode < 2; mode++) {
        bool failed = true;
        for (uint64_t n = 0; failed; n++) {
            weft_test_fail_allocation_after(n);
            weft_status status = run_some(graph, (weft__flit_mode)mode);
            failed = weft_test_stop_failing();
            ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        }
    }
    weft__graph_destroy(graph);
}
END_TEST

WEFT_TEST_MAIN("fabric", trains_equal_flits_on_random_machines, trains_equal_flits_on_known_machines,
               trains_equal_flits_whatever_the_speeds_of_links, one_fast_link_does_not_make_slow_ones_step,
               zero_load_latency_is_the_closed_form, trains_need_a_tenth_of_the_events,
               a_long_wait_does_not_nest_questions, a_target_hears_of_flits_in_the_order_in_which_they_come,
               out_of_memory_is_an_error_of_the_run)
