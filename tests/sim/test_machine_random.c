/* Two thousand machine files by chance: each loads as it was drawn and runs a probe, or is refused with its line and a
 * rule. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "sim/fabric/transfer.h"
#include "sim/machine/load.h"
#include "sim/random_machine.h"
#include "support/sentence.h"

enum {
    MACHINES = 2000
};

static random_machine machine;

static void assert_same_places(const weft__place *actual, unsigned actual_count, const weft__place *expected,
                               unsigned count)
{
    ck_assert_uint_eq(actual_count, count);
    ck_assert(count == 0 || memcmp(actual, expected, count * sizeof *actual) == 0);
}

/* Numbers were written with seven digits. */
#define ASSERT_NUMBER(member) WEFT_TEST_ASSERT_CLOSE(spec->member, expected->member, 0, 1e-6)
#define ASSERT_COUNT(member) ck_assert_uint_eq(spec->member, expected->member)

static void assert_as_drawn(const weft__machine_spec *spec, const weft__machine_spec *expected)
{
    bool is_derived = expected->system.rows == 0 && expected->system.columns == 0;
    ck_assert_str_eq(spec->name, "drawn by chance");
    ASSERT_COUNT(system.sips);
    ASSERT_COUNT(system.fabric);
    ck_assert(is_derived || spec->system.rows == expected->system.rows);
    ck_assert(is_derived || spec->system.columns == expected->system.columns);
    ASSERT_COUNT(system.flit_bytes);
    ASSERT_COUNT(system.command_bytes);
    ASSERT_NUMBER(system.ns_per_mm);
    ASSERT_NUMBER(system.switch_overhead_ns);
    ASSERT_NUMBER(host.link_gbs);
    ASSERT_COUNT(sip.rows);
    ASSERT_COUNT(sip.columns);
    ASSERT_COUNT(sip.io.side);
    ASSERT_NUMBER(sip.io.cpu_overhead_ns);
    ASSERT_COUNT(cube.rows);
    ASSERT_COUNT(cube.columns);
    ASSERT_NUMBER(cube.link_gbs);
    ASSERT_COUNT(cube.flow.vcs);
    ASSERT_COUNT(cube.flow.arbitration);
    ASSERT_COUNT(cube.flow.tail_credit);
    ASSERT_COUNT(cube.ucie.connections);
    ASSERT_COUNT(cube.ucie.flow.buffer_flits);
    ASSERT_NUMBER(cube.ucie.flow.credit_ns);
    ASSERT_COUNT(cube.hbm.gib);
    ASSERT_COUNT(cube.hbm.channels);
    ASSERT_NUMBER(cube.hbm.open_ns);
    ASSERT_COUNT(cube.sram.mib);
    ASSERT_COUNT(cube.sram.at.column);
    ASSERT_COUNT(cube.mcpu.at.row);
    ASSERT_COUNT(pe.tcm_kib);
    ASSERT_NUMBER(pe.dma.setup_ns);
    assert_same_places(spec->cube.holes, spec->cube.hole_count, expected->cube.holes, expected->cube.hole_count);
    if (expected->cube.pe_count > 0)
        assert_same_places(spec->cube.pes, spec->cube.pe_count, expected->cube.pes, expected->cube.pe_count);
    else
        ck_assert_uint_eq(spec->cube.pe_count, spec->cube.rows * spec->cube.columns - spec->cube.hole_count);
}

static void assert_refused_with_line(weft_status status, const weft_error *err, uint64_t seed)
{
    char place[64];
    (void)snprintf(place, sizeof place, "m.yaml:%u:%u: ", err->line, err->column);
    ck_assert_msg(status == WEFT_PARSE, "seed %" PRIu64 " gave %s: %s", seed, weft_status_name(status), err->message);
    ck_assert_msg(err->line > 0 && err->column > 0, "seed %" PRIu64 ": no place in '%s'", seed, err->message);
    ck_assert_msg(strncmp(err->message, place, strlen(place)) == 0, "seed %" PRIu64 ": '%s'", seed, err->message);
    ck_assert_msg(weft_test_is_sentence(err->message), "seed %" PRIu64 ": '%s'", seed, err->message);
}

/* ---- a probe ---- */

enum {
    PROBES = 6
};

static bool has_way(const weft__graph *graph, uint32_t from, uint32_t to)
{
    weft__route route;
    if (from == to || weft__graph_route(graph, from, to, &route, NULL) != WEFT_OK)
        return false;
    free(route.links);
    return true;
}

static void count_end(void *context, const weft__transfer *transfer)
{
    ck_assert_uint_gt(weft__transfer_end_ps(transfer), weft__transfer_begin_ps(transfer));
    ++*(unsigned *)context;
}

/* Begins transfers between nodes that the seed chooses, where there is a way. Gives their number. */
static unsigned begin_probes(weft__transfers *transfers, const weft__graph *graph, uint64_t seed, unsigned *ended)
{
    unsigned begun = 0;
    for (uint64_t draw = 0; begun < PROBES && draw < 2000; draw++) {
        uint32_t source = (uint32_t)(weft__rng_at(seed, draw, 0) % graph->node_count);
        uint32_t target = (uint32_t)(weft__rng_at(seed, draw, 1) % graph->node_count);
        weft__node_kind from = graph->nodes[source].kind, to = graph->nodes[target].kind;
        bool is_source = from == WEFT__NODE_DMA || from == WEFT__NODE_HOST;
        bool is_target = to == WEFT__NODE_HBM || to == WEFT__NODE_SRAM || to == WEFT__NODE_DMA;
        if (!is_source || !is_target || !has_way(graph, source, target) || !has_way(graph, target, source))
            continue;
        weft__transfer_request request = {.source = source,
                                          .target = target,
                                          .bytes = 1 + weft__rng_at(seed, draw, 2) % 10000,
                                          .is_write = weft__rng_at(seed, draw, 3) % 2,
                                          .ended = count_end,
                                          .context = ended};
        weft__transfer_begin(transfers, 1000 * begun, &request);
        begun++;
    }
    return begun;
}

/* All transfers end, but where finite buffers let messages wait for one another for ever, which is told. */
static void run_probe(const weft__machine_spec *spec, uint64_t seed)
{
    weft_error err;
    weft_sim *sim;
    weft__graph *graph;
    weft__fabric *fabric;
    weft__transfers *transfers;
    unsigned ended = 0;
    WEFT_TEST_ASSERT_OK(weft__graph_create(spec, &graph, &err), err);
    WEFT_TEST_ASSERT_OK(weft__sim_create(NULL, &sim, &err), err);
    WEFT_TEST_ASSERT_OK(weft__fabric_create(sim, graph, WEFT__FLITS_TRAINS, &fabric, &err), err);
    WEFT_TEST_ASSERT_OK(weft__transfers_create(fabric, &transfers, &err), err);
    unsigned begun = begin_probes(transfers, graph, seed, &ended);
    WEFT_TEST_ASSERT_OK(weft__sim_run(sim, WEFT__NEVER, &err), err);
    weft_status status = weft__fabric_check_arrived(fabric, &err);
    bool may_deadlock = spec->cube.flow.buffer_flits > 0 || spec->cube.ucie.flow.buffer_flits > 0;
    ck_assert_msg(status == WEFT_OK || (status == WEFT_DEADLOCK && may_deadlock), "seed %" PRIu64 ": %s", seed,
                  err.message);
    ck_assert(status == WEFT_DEADLOCK || ended == begun);
    weft__sim_destroy(sim);
    weft__transfers_destroy(transfers);
    weft__fabric_destroy(fabric);
    weft__graph_destroy(graph);
}

START_TEST(machines_load_as_drawn_or_are_refused_with_a_line)
{
    unsigned seen[4] = {0};
    unsigned loaded = 0;
    for (uint64_t seed = 0; seed < MACHINES; seed++) {
        draw_random_machine(seed, &machine);
        weft_error err = {.code = WEFT_OK};
        weft__machine_spec *spec;
        weft_status status = weft__machine_parse(machine.text, machine.bytes, "m.yaml", NULL, 0, &spec, &err);
        seen[machine.verdict]++;
        loaded += status == WEFT_OK;
        if (machine.verdict == RANDOM_LOADS)
            ck_assert_msg(status == WEFT_OK, "seed %" PRIu64 ": %s", seed, err.message);
        else if (machine.verdict != RANDOM_ANYTHING || status != WEFT_OK)
            assert_refused_with_line(status, &err, seed);
        if (machine.verdict == RANDOM_BREAKS_A_LINE)
            ck_assert_msg(err.line == machine.line, "seed %" PRIu64 ": line %u was broken, not that of '%s'", seed,
                          machine.line, err.message);
        if (machine.verdict == RANDOM_LOADS)
            assert_as_drawn(spec, &machine.expected);
        if (status == WEFT_OK)
            run_probe(spec, seed);
        weft__machine_spec_destroy(spec);
    }
    ck_assert_uint_gt(seen[RANDOM_LOADS], MACHINES * 4 / 10);
    ck_assert_uint_gt(seen[RANDOM_BREAKS_A_RULE], MACHINES / 10);
    ck_assert_uint_gt(seen[RANDOM_BREAKS_A_LINE], MACHINES / 10);
    ck_assert_uint_gt(seen[RANDOM_ANYTHING], MACHINES / 20);
    ck_assert_uint_ge(loaded, seen[RANDOM_LOADS]);
}
END_TEST

START_TEST(random_settings_are_applied_or_refused_by_name)
{
    static const weft_machine_setting pool[] = {{"cube.rows", "3"},
                                                {"cube.columns", "2"},
                                                {"cube.holes", "[[0, 0]]"},
                                                {"cube.holes", "[]"},
                                                {"cube.pes", "[[0, 0]]"},
                                                {"cube.mcpu.at", "[1, 1]"},
                                                {"cube.vcs", "0"},
                                                {"cube.buffer_flits", "2"},
                                                {"cube.link_gbs", "-1"},
                                                {"system.sips", "6"},
                                                {"system.fabric", "mesh"},
                                                {"cube.hbm.gib", "7"},
                                                {"cube.ucie.connections", "0"},
                                                {"cube.ucie.gbs", "]["},
                                                {"pe.dma.channels", "4"},
                                                {"pe.dma.chanels", "4"},
                                                {"sip.io", "{side: west}"},
                                                {"name", "other"}};
    weft__rng rng;
    weft__rng_init(&rng, 1);
    unsigned seen[16] = {0};
    unsigned tried = 0;
    for (uint64_t seed = 0; seed < MACHINES; seed++) {
        draw_random_machine(seed, &machine);
        if (machine.verdict != RANDOM_LOADS)
            continue;
        weft_machine_setting settings[3];
        size_t count = 1 + (size_t)weft__rng_below(&rng, 3);
        for (size_t i = 0; i < count; i++)
            settings[i] = pool[weft__rng_below(&rng, sizeof pool / sizeof pool[0])];
        weft_error err = {.code = WEFT_OK};
        weft__machine_spec *spec;
        weft_status status = weft__machine_parse(machine.text, machine.bytes, "m.yaml", settings, count, &spec, &err);
        ck_assert_uint_lt(status, 16);
        seen[status]++;
        tried++;
        weft__machine_spec_destroy(spec);
        if (status == WEFT_OK)
            continue;
        ck_assert(weft_test_is_sentence(err.message));
        ck_assert((status == WEFT_PARSE) == (err.line > 0));
        /* The file alone was right, so that the sentence must name a setting. */
        bool is_named = false;
        for (size_t i = 0; i < count; i++)
            is_named = is_named || strstr(err.message, settings[i].key);
        ck_assert_msg(is_named, "seed %" PRIu64 ": '%s'", seed, err.message);
    }
    ck_assert_uint_gt(seen[WEFT_OK], 100);
    ck_assert_uint_gt(seen[WEFT_PARSE], 20);
    ck_assert_uint_gt(seen[WEFT_INVALID_ARGUMENT], 100);
    ck_assert_uint_gt(seen[WEFT_NOT_FOUND], 20);
    ck_assert_uint_eq(seen[WEFT_OK] + seen[WEFT_PARSE] + seen[WEFT_INVALID_ARGUMENT] + seen[WEFT_NOT_FOUND], tried);
}
END_TEST

WEFT_TEST_MAIN("machine_random", machines_load_as_drawn_or_are_refused_with_a_line,
               random_settings_are_applied_or_refused_by_name)
