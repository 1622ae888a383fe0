#include "sim/probe/traffic.h"

#include <math.h>
#include <sleef.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/rng.h"
#include "sim/engine/store.h"

/* So many measured packets, and it can be said whether the network keeps up. */
#define PACKETS_TO_JUDGE 1000u

typedef struct traffic traffic;

/* A node that makes packets. */
typedef struct maker {
    traffic *owner;
    uint32_t node; /* of the graph */
    uint32_t number;
    weft__rng rng;
    uint32_t unanswered;    /* closed loop */
    weft__store held;       /* closed loop: when the packets were made that wait for an answer to an earlier one */
    uint64_t arrived_flits; /* at it, in the measured cycles */
} maker;

struct traffic {
    const weft__graph *graph;
    const weft__traffic_options *options;
    weft_sim *sim;
    weft__fabric *fabric;
    maker *makers;
    uint32_t *number;     /* of each node of the graph among the makers */
    uint32_t count, side; /* makers; k if they are k x k, else 0 */
    uint64_t cycle_ps;
    double log_of_silence; /* logarithm of the probability that a cycle passes without a packet */
    weft__time measure_from, measure_until, give_up_at;
    weft__time last_arrival;
    uint64_t made, arrived; /* of the measured packets */
    uint64_t hops;
    uint64_t *latencies; /* ps, of the measured packets that have arrived */
    size_t latency_capacity;
    bool is_over;
};

const char *weft__traffic_pattern_name(weft__traffic_pattern pattern)
{
    static const char *const names[WEFT__TRAFFIC_PATTERNS] = {"uniform", "transpose", "bit-complement",
                                                              "tornado", "neighbour", "hotspot"};
    return names[pattern];
}

/* ---- who sends to whom ---- */

typedef uint32_t target_function(const traffic *it, maker *from);

static uint32_t to_any(const traffic *it, maker *from)
{
    return (uint32_t)weft__rng_below(&from->rng, it->count);
}

static uint32_t to_transposed(const traffic *it, maker *from)
{
    return from->number % it->side * it->side + from->number / it->side;
}

static uint32_t to_complement(const traffic *it, maker *from)
{
    return ~from->number & (it->count - 1);
}

/* Further by as much in both coordinates. */
static uint32_t to_shifted(const traffic *it, const maker *from, uint32_t by)
{
    uint32_t row = (from->number / it->side + by) % it->side, column = (from->number % it->side + by) % it->side;
    return row * it->side + column;
}

static uint32_t to_half_way(const traffic *it, maker *from)
{
    return to_shifted(it, from, (it->side + 1) / 2 - 1);
}

static uint32_t to_neighbour(const traffic *it, maker *from)
{
    return to_shifted(it, from, 1);
}

static uint32_t to_middle(const traffic *it, maker *from)
{
    uint32_t first = (it->side - 1) / 2, which = (uint32_t)weft__rng_below(&from->rng, 4);
    return (first + which / 2) * it->side + first + which % 2;
}

/* What each pattern asks of the number of nodes. */
static const struct {
    target_function *target;
    bool needs_square, needs_power_of_two;
} patterns[WEFT__TRAFFIC_PATTERNS] = {
    [WEFT__TRAFFIC_UNIFORM] = {to_any, false, false},
    [WEFT__TRAFFIC_TRANSPOSE] = {to_transposed, true, false},
    [WEFT__TRAFFIC_BIT_COMPLEMENT] = {to_complement, false, true},
    [WEFT__TRAFFIC_TORNADO] = {to_half_way, true, false},
    [WEFT__TRAFFIC_NEIGHBOUR] = {to_neighbour, true, false},
    [WEFT__TRAFFIC_HOTSPOT] = {to_middle, true, false},
};

/* ---- packets ---- */

/* The number of cycles until a node makes its next packet, from 1 on. */
static uint64_t gap_cycles(const traffic *it, maker *from)
{
    if (it->log_of_silence == 0) /* a packet in every cycle */
        return 1;
    double unit = 1 - weft__rng_unit(&from->rng); /* in (0, 1] */
    double cycles = Sleef_cinz_logd1_u10purec(unit) / it->log_of_silence;
    return cycles < 1e15 ? 1 + (uint64_t)cycles : (uint64_t)1 << 50;
}

static bool is_measured(const traffic *it, weft__time made)
{
    return made >= it->measure_from && made < it->measure_until;
}

static void keep_latency(traffic *it, uint64_t latency_ps)
{
    if (!weft__array_reserve(&it->latencies, &it->latency_capacity, it->arrived, 1)) {
        (void)weft__sim_fail(it->sim, WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate the latencies of packets.");
        return;
    }
    it->latencies[it->arrived++] = latency_ps;
}

static void send_packet(maker *from, weft__time made);

static void on_answer(void *context, weft__message *message)
{
    maker *it = context;
    (void)message;
    weft__time made;
    it->unanswered--;
    if (weft__store_get_then(&it->held, &made, NULL, 0))
        send_packet(it, made);
}

static const weft__receiver answer_receiver = {.arrived = on_answer};

static void answer(traffic *it, maker *from, const maker *to)
{
    weft__run now = {weft__sim_now(it->sim), 0, 1};
    weft__parcel parcel = {.from = to->node,
                           .to = from->node,
                           .size = WEFT__FLIT_COMMAND,
                           .ready = &now,
                           .ready_count = 1,
                           .receiver = &answer_receiver,
                           .context = from};
    (void)weft__fabric_send(it->fabric, &parcel);
}

static void on_packet(void *context, weft__message *message)
{
    maker *from = context;
    traffic *it = from->owner;
    const weft__route *route = weft__message_route(message);
    weft__time now = weft__sim_now(it->sim), made = weft__message_tag(message);
    maker *to = &it->makers[it->number[it->graph->links[route->links[route->count - 1]].to]];
    it->last_arrival = now;
    if (is_measured(it, now))
        to->arrived_flits += weft__message_flits(message);
    if (is_measured(it, made)) {
        it->hops += route->count - 2; /* but for the first link and the last */
        keep_latency(it, now - made);
    }
    if (it->options->outstanding)
        answer(it, from, to);
    if (now >= it->measure_until && it->arrived == it->made)
        it->is_over = true;
}

static const weft__receiver packet_receiver = {.arrived = on_packet};

/* A packet goes out now that was made before or now. */
static void send_packet(maker *from, weft__time made)
{
    traffic *it = from->owner;
    weft__run flits = {weft__sim_now(it->sim), 0, it->options->packet_flits};
    const maker *to = &it->makers[patterns[it->options->pattern].target(it, from)];
    weft__parcel parcel = {.from = from->node,
                           .to = to->node,
                           .size = WEFT__FLIT_PAYLOAD,
                           .ready = &flits,
                           .ready_count = 1,
                           .receiver = &packet_receiver,
                           .context = from,
                           .tag = made};
    from->unanswered += it->options->outstanding != 0;
    (void)weft__fabric_send(it->fabric, &parcel);
}

static void on_make(weft_sim *sim, uint64_t argument)
{
    maker *from = (maker *)(uintptr_t)argument;
    traffic *it = from->owner;
    weft__time now = weft__sim_now(sim);
    if (it->is_over || now >= it->give_up_at)
        return;
    it->made += is_measured(it, now);
    if (it->options->outstanding && from->unanswered == it->options->outstanding)
        (void)weft__store_put_then(&from->held, now, NULL, 0);
    else
        send_packet(from, now);
    /* Before the arrivals of its time, whatever the order in which events were scheduled. */
    (void)weft__sim_at(sim, now + gap_cycles(it, from) * it->cycle_ps, -1, on_make, argument);
}

/* ---- results ---- */

static int compare_latencies(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void sum_up_latencies(traffic *it, weft__traffic_result *out)
{
    double cycle = (double)it->cycle_ps, sum = 0;
    out->packets = it->arrived;
    if (!it->arrived) {
        out->latency_mean = out->latency_median = out->latency_p99 = out->latency_max = out->hops_mean = (double)NAN;
        return;
    }
    qsort(it->latencies, it->arrived, sizeof *it->latencies, compare_latencies);
    for (uint64_t i = 0; i < it->arrived; i++)
        sum += (double)it->latencies[i];
    out->latency_mean = sum / (double)it->arrived / cycle;
    out->latency_median = (double)it->latencies[it->arrived / 2] / cycle;
    out->latency_p99 = (double)it->latencies[it->arrived - 1 - it->arrived / 100] / cycle;
    out->latency_max = (double)it->latencies[it->arrived - 1] / cycle;
    out->hops_mean = (double)it->hops / (double)it->arrived;
}

static bool is_between_routers(const weft__graph *graph, const weft__link *link)
{
    return graph->nodes[link->from].kind == WEFT__NODE_ROUTER && graph->nodes[link->to].kind == WEFT__NODE_ROUTER;
}

/* The share of the run in which a link was busy. What it has decided to send may reach beyond the end of the run. */
static double load_of(const traffic *it, uint32_t link)
{
    weft__link_load load = weft__fabric_load(it->fabric, link);
    weft__time end = load.until > it->last_arrival ? load.until : it->last_arrival;
    return end > 0 ? (double)load.busy_ps / (double)end : 0;
}

static void sum_up_links(const traffic *it, weft__traffic_result *out)
{
    double links = 0;
    for (uint32_t i = 0; i < it->graph->link_count; i++) {
        out->loads[i] = load_of(it, i);
        if (!is_between_routers(it->graph, &it->graph->links[i]))
            continue;
        links++;
        out->load_mean += out->loads[i];
        if (out->loads[i] > out->load_max) {
            out->load_max = out->loads[i];
            out->busiest_link = i;
        }
    }
    out->load_mean = links > 0 ? out->load_mean / links : 0;
}

static void sum_up_nodes(const traffic *it, weft__traffic_result *out)
{
    double cycles = (double)it->options->cycles;
    for (uint32_t i = 0; i < it->count; i++) {
        double rate = (double)it->makers[i].arrived_flits / cycles;
        out->accepted_rate += rate / it->count;
        out->accepted_most = rate > out->accepted_most ? rate : out->accepted_most;
        out->accepted_least = i == 0 || rate < out->accepted_least ? rate : out->accepted_least;
    }
}

/* Whether as much arrived in the measured cycles as was made in them, but for a twentieth; with few packets chance
 * decides, and nothing is said. */
static bool keeps_up(const traffic *it)
{
    uint64_t arrived_flits = 0, made_flits = it->made * it->options->packet_flits;
    for (uint32_t i = 0; i < it->count; i++)
        arrived_flits += it->makers[i].arrived_flits;
    return it->made < PACKETS_TO_JUDGE || 20 * arrived_flits >= 19 * made_flits;
}

static weft_status sum_up(traffic *it, weft__traffic_result *out, weft_error *err)
{
    out->loads = calloc(it->graph->link_count, sizeof *out->loads);
    if (!out->loads)
        return weft__fail_memory(err, it->graph->link_count * sizeof *out->loads, "the loads of the links");
    weft__sim_info sim;
    weft__fabric_info fabric;
    weft__sim_get_info(it->sim, &sim);
    weft__fabric_get_info(it->fabric, &fabric);
    out->is_stable = it->arrived == it->made && keeps_up(it);
    out->cycle_ps = it->cycle_ps;
    out->flits_sent = fabric.flits_sent;
    out->flits_arrived = fabric.flits_arrived;
    out->events = sim.events;
    out->trace_hash = sim.trace_hash;
    out->cycles_run = it->last_arrival / it->cycle_ps;
    sum_up_latencies(it, out);
    sum_up_links(it, out);
    sum_up_nodes(it, out);
    return WEFT_OK;
}

/* ---- the run ---- */

static uint32_t root_of(uint32_t count)
{
    uint32_t side = 0;
    while ((side + 1) * (side + 1) <= count)
        side++;
    return side * side == count ? side : 0;
}

weft_status weft__traffic_check(const weft__traffic_options *options, weft_error *err)
{
    if (!(options->rate > 0 && options->rate <= 1))
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "The rate of traffic is %g flits for each node and cycle, but must be above 0 and at most 1.",
                          options->rate);
    if (options->packet_flits == 0 || options->cycles == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "Traffic of packets of %llu flits over %llu cycles is none; both must be at least 1.",
                          (unsigned long long)options->packet_flits, (unsigned long long)options->cycles);
    return WEFT_OK;
}

static weft_status check_options(const traffic *it, weft_error *err)
{
    const weft__traffic_options *options = it->options;
    const char *name = weft__traffic_pattern_name(options->pattern);
    weft_status status = weft__traffic_check(options, err);
    if (status != WEFT_OK)
        return status;
    if (it->count < 2)
        return weft__fail(err, WEFT_UNSUPPORTED, "Traffic needs two PEs or more, and machine '%s' has %u.",
                          it->graph->spec->name, it->count);
    if (patterns[options->pattern].needs_square && !it->side)
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "Traffic pattern '%s' needs a square number of PEs, and machine '%s' has %u.", name,
                          it->graph->spec->name, it->count);
    if (patterns[options->pattern].needs_power_of_two && (it->count & (it->count - 1)))
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "Traffic pattern '%s' needs a power of two of PEs, and machine '%s' has %u.", name,
                          it->graph->spec->name, it->count);
    return WEFT_OK;
}

/* Every PE makes packets. */
static weft_status find_makers(traffic *it, weft_error *err)
{
    const weft__graph *graph = it->graph;
    it->number = calloc(graph->node_count, sizeof *it->number);
    it->makers = calloc(graph->node_count, sizeof *it->makers);
    if (!it->number || !it->makers)
        return weft__fail_memory(err, graph->node_count * sizeof *it->makers, "the nodes of the traffic");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].kind != WEFT__NODE_DMA)
            continue;
        maker *made = &it->makers[it->count];
        *made = (maker){.owner = it, .node = i, .number = it->count};
        weft__rng_init(&made->rng, weft__rng_at(it->options->seed, it->count, 0));
        it->number[i] = it->count++;
    }
    it->side = root_of(it->count);
    return WEFT_OK;
}

static void start(traffic *it)
{
    const weft__traffic_options *options = it->options;
    it->cycle_ps =
        weft__ps_of_bytes(it->graph->spec->system.flit_bytes, weft__mbs_of_gbs(it->graph->spec->cube.link_gbs));
    it->log_of_silence = 0;
    double chance = options->rate / (double)options->packet_flits;
    if (chance < 1)
        it->log_of_silence = Sleef_cinz_log1pd1_u10purec(-chance);
    it->measure_from = options->warmup * it->cycle_ps;
    it->measure_until = it->measure_from + options->cycles * it->cycle_ps;
    it->give_up_at = it->measure_until + options->cycles * it->cycle_ps;
    for (uint32_t i = 0; i < it->count; i++) {
        weft__store_init(&it->makers[i].held, it->sim, "the packets of a PE", WEFT__STORE_UNBOUNDED);
        (void)weft__sim_at(it->sim, (gap_cycles(it, &it->makers[i]) - 1) * it->cycle_ps, 0, on_make,
                           (uintptr_t)&it->makers[i]);
    }
}

#define PROGRESS_STEPS 256u

/* Runs in steps if somebody wants to know how far it has come; events do not notice. */
static weft_status run_steps(traffic *it, weft_error *err)
{
    const weft__traffic_options *options = it->options;
    uint64_t total = options->warmup + options->cycles, step = total / PROGRESS_STEPS + 1;
    for (uint64_t done = step; options->progress && done < total && !it->is_over; done += step) {
        weft_status status = weft__sim_run(it->sim, done * it->cycle_ps, err);
        if (status != WEFT_OK)
            return status;
        options->progress(options->progress_user, done, total);
    }
    return weft__sim_run(it->sim, it->give_up_at, err);
}

static bool has_finite_buffers(const weft__graph *graph)
{
    for (uint32_t i = 0; i < graph->link_count; i++)
        if (graph->links[i].buffer_flits)
            return true;
    return false;
}

/* If packets are left, are they only late, or will they never arrive? With finite buffers they may wait for one
 * another; when nobody makes new ones, time tells. */
static weft_status check_deadlock(traffic *it, weft_error *err)
{
    if (it->arrived == it->made || !has_finite_buffers(it->graph))
        return WEFT_OK;
    it->is_over = true;
    weft__fabric_observe(it->fabric, NULL); /* this is no part of what was asked for */
    weft_status status = weft__sim_run(it->sim, WEFT__NEVER, err);
    return status == WEFT_OK ? weft__fabric_check_arrived(it->fabric, err) : status;
}

/* Runs until the measured packets have arrived, or it is given up; what is on its way then may still arrive. */
static weft_status run(traffic *it, weft__traffic_result *out, weft_error *err)
{
    weft_status status = check_options(it, err);
    if (status == WEFT_OK)
        status = weft__sim_create(NULL, &it->sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(it->sim, it->graph, it->options->mode, &it->fabric, err);
    if (status != WEFT_OK)
        return status;
    weft__fabric_observe(it->fabric, it->options->observer);
    start(it);
    status = run_steps(it, err);
    if (status == WEFT_OK)
        status = sum_up(it, out, err);
    return status == WEFT_OK ? check_deadlock(it, err) : status;
}

weft_status weft__traffic_run(const weft__graph *graph, const weft__traffic_options *options, weft__traffic_result *out,
                              weft_error *err)
{
    memset(out, 0, sizeof *out);
    traffic it = {.graph = graph, .options = options};
    weft_status status = find_makers(&it, err);
    if (status == WEFT_OK)
        status = run(&it, out, err);
    free(it.makers);
    free(it.number);
    free(it.latencies);
    weft__sim_destroy(it.sim);
    weft__fabric_destroy(it.fabric);
    if (status != WEFT_OK) {
        free(out->loads);
        *out = (weft__traffic_result){0};
    }
    return status;
}
