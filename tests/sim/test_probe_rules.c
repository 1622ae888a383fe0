/* Rules that every probe keeps, on every machine: its parts add up, every request takes time, and the published figures
 * come out. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "random_machine.h"
#include "support/probe_test.h"

enum {
    SETTINGS = 9,
    FLOWS_MAX = 24,
    TEXT_BYTES = 64
};

/* ---- what holds for every flow ---- */

static uint64_t sum_of_parts(const weft_flow_result *flow)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++)
        sum += flow->parts_ps[i];
    return sum;
}

static void expect_sound(const weft_flow_result *flow)
{
    ck_assert_uint_gt(flow->latency_ps, 0);
    ck_assert_uint_eq(flow->end_ps - flow->start_ps, flow->latency_ps);
    ck_assert_msg(sum_of_parts(flow) == flow->latency_ps, "%s to %s: parts of %" PRIu64 " ps make %" PRIu64,
                  flow->source, flow->target, flow->latency_ps, sum_of_parts(flow));
    ck_assert_uint_gt(flow->hop_count, 1);
    ck_assert_str_eq(flow->hops[0].node, flow->source);
    for (size_t i = 1; i < flow->hop_count; i++)
        ck_assert_uint_ge(flow->hops[i].time_ps, flow->hops[i - 1].time_ps);
    ck_assert_uint_le(flow->hops[flow->hop_count - 1].time_ps, flow->latency_ps);
    ck_assert(flow->bandwidth_gbs == (double)flow->bytes * 1000.0 / (double)flow->latency_ps);
    ck_assert(flow->utilisation > 0 && flow->utilisation <= 1);
}

static void expect_sound_result(const weft_probe_result *result)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < result->flow_count; i++) {
        expect_sound(&result->flows[i]);
        ck_assert_uint_le(result->flows[i].latency_ps, result->makespan_ps);
        bytes += result->flows[i].bytes;
    }
    ck_assert_uint_eq(result->bytes, bytes);
    ck_assert_uint_gt(result->makespan_ps, 0);
    ck_assert_uint_gt(result->events, 0);
}

static void expect_same_flow(const weft_flow_result *a, const weft_flow_result *b)
{
    ck_assert_uint_eq(a->start_ps, b->start_ps);
    ck_assert_msg(a->latency_ps == b->latency_ps, "%s to %s: %" PRIu64 " ps with trains, %" PRIu64 " with single flits",
                  a->source, a->target, a->latency_ps, b->latency_ps);
    ck_assert_int_eq(memcmp(a->parts_ps, b->parts_ps, sizeof a->parts_ps), 0);
    ck_assert_uint_eq(a->hop_count, b->hop_count);
    for (size_t i = 0; i < a->hop_count; i++) {
        ck_assert_str_eq(a->hops[i].node, b->hops[i].node);
        ck_assert_uint_eq(a->hops[i].time_ps, b->hops[i].time_ps);
    }
}

static void expect_same_numbers(const weft_probe_result *a, const weft_probe_result *b)
{
    ck_assert_uint_eq(a->flow_count, b->flow_count);
    ck_assert_uint_eq(a->makespan_ps, b->makespan_ps);
    for (size_t i = 0; i < a->flow_count; i++)
        expect_same_flow(&a->flows[i], &b->flows[i]);
}

/* ---- cases ---- */

static void check_case(const weft_machine *machine, const char *name)
{
    weft_probe_case_result *trains = probe_case(machine, name, WEFT_FLITS_TRAINS);
    weft_probe_case_result *each = probe_case(machine, name, WEFT_FLITS_EACH);
    ck_assert((trains != NULL) == (each != NULL));
    if (!trains)
        return;
    ck_assert_uint_gt(trains->run_count, 0);
    ck_assert_uint_eq(trains->run_count, each->run_count);
    for (size_t run = 0; run < trains->run_count; run++) {
        expect_sound_result(trains->runs[run].result);
        expect_same_numbers(trains->runs[run].result, each->runs[run].result);
        ck_assert_str_eq(trains->runs[run].label, each->runs[run].label);
    }
    ck_assert(trains->value == each->value);
    ck_assert_msg(!trains->has_claim || trains->holds, "%s: %s", name, trains->claim);
    ck_assert_str_eq(trains->claim, each->claim);
    ck_assert_int_eq(trains->has_claim, trains->claim[0] != '\0');
    weft_probe_case_result_destroy(trains);
    weft_probe_case_result_destroy(each);
}

START_TEST(cases_add_up_and_hold_on_every_machine_in_both_modes)
{
    for (size_t i = 0; i < PROBE_MACHINES; i++) {
        weft_machine *machine = probe_open(probe_machines[i], NULL, 0);
        weft_probe_case it;
        for (size_t at = 0; weft_probe_case_at(at, &it); at++)
            check_case(machine, it.name);
        weft_machine_close(machine);
    }
}
END_TEST

/* ---- random machines and flows ---- */

static random_machine drawn;

/* A machine file by chance; NULL if it is refused, or so large that it would take long. */
static weft_machine *open_drawn(uint64_t seed)
{
    static const char path[] = "probe_rules_machine.yaml";
    weft_machine *machine;
    weft_machine_info info;
    draw_random_machine(seed, &drawn);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(drawn.text, 1, drawn.bytes, file), drawn.bytes);
    ck_assert_int_eq(fclose(file), 0);
    weft_status status = weft_machine_open(path, NULL, 0, &machine, NULL);
    ck_assert_int_eq(remove(path), 0);
    if (status != WEFT_OK)
        return NULL;
    weft_machine_get_info(machine, &info);
    if (info.nodes <= 4000)
        return machine;
    weft_machine_close(machine);
    return NULL;
}

START_TEST(random_machines_keep_the_rules)
{
    /* Of those that claim something, what holds on every machine. */
    static const char *const names[] = {"dma_distance", "dma_hotspot", "dma_neighbours_all", "cross_sip", "h2d_ge",
                                        "probe_hops",   "credit"};
    size_t loaded = 0;
    for (uint64_t seed = 0; seed < 160; seed++) {
        weft_machine *machine = open_drawn(seed);
        if (!machine)
            continue;
        loaded++;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            check_case(machine, names[i]);
        weft_machine_close(machine);
    }
    ck_assert_uint_gt(loaded, 60);
}
END_TEST

/* Values for keys that decide about bandwidths and overheads. */
typedef struct variation {
    char values[SETTINGS][TEXT_BYTES];
    weft_machine_setting settings[SETTINGS];
} variation;

static void draw_variation(weft__rng *rng, variation *out)
{
    static const struct {
        const char *key;
        uint64_t least, most;
    } keys[SETTINGS] = {
        {"cube.link_gbs", 20, 600},        {"cube.ucie.gbs", 10, 300},      {"cube.hbm.link_gbs", 30, 400},
        {"cube.hbm.channel_gbs", 5, 80},   {"cube.sram.link_gbs", 20, 300}, {"pe.link_gbs", 30, 600},
        {"cube.router_overhead_ns", 0, 3}, {"cube.hbm.overhead_ns", 0, 20}, {"cube.hbm.open_ns", 0, 30},
    };
    for (size_t i = 0; i < SETTINGS; i++) {
        (void)snprintf(out->values[i], TEXT_BYTES, "%" PRIu64 ".%" PRIu64,
                       keys[i].least + weft__rng_below(rng, keys[i].most - keys[i].least), weft__rng_below(rng, 10));
        out->settings[i] = (weft_machine_setting){keys[i].key, out->values[i]};
    }
}

/* A flow by chance, with its names. */
typedef struct random_flow {
    char source[TEXT_BYTES], target[TEXT_BYTES];
} random_flow;

static weft_flow draw_flow(const weft_machine_info *info, weft__rng *rng, random_flow *names)
{
    unsigned place[2][3];
    for (size_t end = 0; end < 2; end++) {
        place[end][0] = (unsigned)weft__rng_below(rng, info->sips);
        place[end][1] = (unsigned)weft__rng_below(rng, (uint64_t)info->cube_rows * info->cube_columns);
        place[end][2] = (unsigned)weft__rng_below(rng, info->pes);
    }
    uint64_t kind = weft__rng_below(rng, 8);
    bool is_same = memcmp(place[0], place[1], sizeof place[0]) == 0;
    (void)snprintf(names->source, TEXT_BYTES, "sip%u.cube%u.pe%u", place[0][0], place[0][1], place[0][2]);
    if (weft__rng_below(rng, 4) == 0)
        (void)snprintf(names->source, TEXT_BYTES, "host");
    if (kind == 0)
        (void)snprintf(names->target, TEXT_BYTES, "sip%u.cube%u.sram", place[1][0], place[1][1]);
    else
        (void)snprintf(names->target, TEXT_BYTES, "sip%u.cube%u.pe%u%s", place[1][0], place[1][1], place[1][2],
                       kind == 1 && !is_same ? "" : ".hbm");
    return (weft_flow){.source = names->source,
                       .target = names->target,
                       .bytes = 1 + weft__rng_below(rng, (uint64_t)1 << (8 + weft__rng_below(rng, 10))),
                       .offset_bytes = info->flit_bytes * weft__rng_below(rng, 64),
                       .is_write = weft__rng_below(rng, 2) == 0,
                       .start_ps = weft__rng_below(rng, 300000)};
}

START_TEST(lone_flows_never_queue)
{
    static const char *const names[] = {"two-sip", "six-sip-torus", "tiny"};
    weft__rng rng;
    weft__rng_init(&rng, 31);
    for (size_t round = 0; round < 45; round++) {
        variation how;
        weft_machine_info info;
        draw_variation(&rng, &how);
        weft_machine *machine = probe_open(names[round % 3], how.settings, round < 3 ? 0 : SETTINGS);
        weft_machine_get_info(machine, &info);
        for (size_t i = 0; i < 40; i++) {
            random_flow called;
            weft_flow flow = draw_flow(&info, &rng, &called);
            weft_probe_result *result = probe_flows(machine, &flow, 1, probe_modes[i % PROBE_MODES]);
            expect_sound_result(result);
            ck_assert_msg(result->flows[0].parts_ps[WEFT_FLOW_QUEUEING] == 0,
                          "round %zu: %s %s %" PRIu64 " bytes of %s at %" PRIu64 ", alone, and waits %" PRIu64 " ps",
                          round, flow.source, flow.is_write ? "writes" : "reads", flow.bytes, flow.target,
                          flow.offset_bytes, result->flows[0].parts_ps[WEFT_FLOW_QUEUEING]);
            weft_probe_result_destroy(result);
        }
        weft_machine_close(machine);
    }
}
END_TEST

START_TEST(flows_together_add_up_and_take_no_less_than_alone)
{
    weft__rng rng;
    weft__rng_init(&rng, 32);
    uint64_t queueing_ps = 0;
    for (size_t round = 0; round < 60; round++) {
        variation how;
        weft_machine_info info;
        random_flow called[FLOWS_MAX];
        weft_flow flows[FLOWS_MAX];
        draw_variation(&rng, &how);
        weft_machine *machine = probe_open(round % 2 ? "two-sip" : "tiny", how.settings, SETTINGS);
        weft_machine_get_info(machine, &info);
        size_t count = 2 + weft__rng_below(&rng, FLOWS_MAX - 1);
        for (size_t i = 0; i < count; i++)
            flows[i] = draw_flow(&info, &rng, &called[i]);
        weft_probe_result *trains = probe_flows(machine, flows, count, WEFT_FLITS_TRAINS);
        weft_probe_result *each = probe_flows(machine, flows, count, WEFT_FLITS_EACH);
        expect_sound_result(trains);
        expect_same_numbers(trains, each);
        for (size_t i = 0; i < count; i++) {
            weft_probe_result *alone = probe_flows(machine, &flows[i], 1, WEFT_FLITS_TRAINS);
            const weft_flow_result *flow = &trains->flows[i];
            ck_assert_uint_eq(flow->latency_ps - flow->parts_ps[WEFT_FLOW_QUEUEING], alone->flows[0].latency_ps);
            queueing_ps += flow->parts_ps[WEFT_FLOW_QUEUEING];
            weft_probe_result_destroy(alone);
        }
        weft_probe_result_destroy(trains);
        weft_probe_result_destroy(each);
        weft_machine_close(machine);
    }
    ck_assert_uint_gt(queueing_ps, 1000000);
}
END_TEST

/* ---- the host ---- */

START_TEST(the_host_reads_no_faster_than_it_writes)
{
    static const uint64_t sizes[] = {1, 256, 4096, 32768, 1048576};
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    weft_machine_info info;
    weft_machine_get_info(machine, &info);
    for (unsigned sip = 0; sip < info.sips; sip++) {
        for (unsigned cube = 0; cube < 16; cube++) {
            char slice[TEXT_BYTES], sram[TEXT_BYTES];
            (void)snprintf(slice, TEXT_BYTES, "sip%u.cube%u.pe%u.hbm", sip, cube, cube % info.pes);
            (void)snprintf(sram, TEXT_BYTES, "sip%u.cube%u.sram", sip, cube);
            for (size_t i = 0; i < 5; i++) {
                const char *targets[] = {slice, sram};
                for (size_t target = 0; target < 2; target++) {
                    uint64_t write_ps = probe_latency_ps(machine, "host", targets[target], sizes[i], true);
                    uint64_t read_ps = probe_latency_ps(machine, "host", targets[target], sizes[i], false);
                    ck_assert_msg(read_ps >= write_ps, "%" PRIu64 " bytes of %s: read %" PRIu64 ", written %" PRIu64,
                                  sizes[i], targets[target], read_ps, write_ps);
                }
            }
        }
    }
    weft_machine_close(machine);
}
END_TEST

/* ---- growth ---- */

START_TEST(latency_grows_with_bytes)
{
    static const char *const targets[] = {"sip0.cube0.pe0.hbm", "sip0.cube15.pe7.hbm", "sip1.cube3.pe2.hbm",
                                          "sip0.cube0.sram", "sip0.cube0.pe5"};
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    for (size_t i = 0; i < 5; i++) {
        for (int is_write = 0; is_write < 2; is_write++) {
            uint64_t before_ps = 0;
            for (uint64_t bytes = 1; bytes <= 65536; bytes += bytes < 4096 ? 200 : 6000) {
                uint64_t latency_ps = probe_latency_ps(machine, "sip0.cube0.pe0", targets[i], bytes, is_write);
                ck_assert_uint_ge(latency_ps, before_ps);
                before_ps = latency_ps;
            }
        }
    }
    weft_machine_close(machine);
}
END_TEST

START_TEST(farther_slices_take_longer_whatever_the_machine)
{
    static const char *const names[] = {"two-sip", "six-sip-torus", "tiny"};
    weft__rng rng;
    weft__rng_init(&rng, 33);
    for (size_t round = 0; round < 12; round++) {
        variation how;
        draw_variation(&rng, &how);
        weft_machine *machine = probe_open(names[round % 3], how.settings, round < 3 ? 0 : SETTINGS);
        weft_probe_case_result *result = probe_case(machine, "probe_hops", WEFT_FLITS_TRAINS);
        ck_assert_ptr_nonnull(result);
        ck_assert_msg(result->holds, "round %zu: %s", round, result->claim);
        for (size_t i = 1; i < result->run_count; i++)
            ck_assert_uint_gt(result->runs[i].result->flows[0].hop_count,
                              result->runs[i - 1].result->flows[0].hop_count);
        weft_probe_case_result_destroy(result);
        weft_machine_close(machine);
    }
}
END_TEST

START_TEST(all_pes_together_have_the_published_share_of_all_slices)
{
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    weft_machine_info info;
    weft_machine_get_info(machine, &info);
    weft_probe_case_result *all = probe_case(machine, "dma_local_all", WEFT_FLITS_TRAINS);
    weft_probe_case_result *one = probe_case(machine, "dma_local", WEFT_FLITS_TRAINS);
    double slices_tbs = info.cube_rows * info.cube_columns * info.pes * info.hbm_gbs / 1000;
    ck_assert_msg(weft_test_close(all->value, 0.83 * slices_tbs, 0, 0.02), "%.3f of %.3f TB/s", all->value, slices_tbs);
    /* Nobody is in another's way. */
    ck_assert_uint_eq(all->runs[0].result->makespan_ps, one->runs[0].result->makespan_ps);
    weft_probe_case_result_destroy(all);
    weft_probe_case_result_destroy(one);
    weft_machine_close(machine);
}
END_TEST

/* ---- published figures ---- */

typedef struct figure {
    char name[32], machine[32], quantity[32], unit[32], compare[16];
    double value;
} figure;

static void check_figure(const figure *it, weft_flits flits)
{
    weft_machine *machine = probe_open(it->machine, NULL, 0);
    weft_probe_case_result *result = probe_case(machine, it->name, flits);
    ck_assert_ptr_nonnull(result);
    ck_assert_str_eq(result->quantity, it->quantity);
    ck_assert_str_eq(result->unit, it->unit);
    bool is_met = strcmp(it->compare, "close") == 0   ? weft_test_close(result->value, it->value, 0, 0.02)
                  : strcmp(it->compare, "least") == 0 ? result->value >= it->value
                                                      : result->value == it->value;
    ck_assert_msg(is_met, "%s: %s is %.4f %s, but should be %s %.4f", it->name, it->quantity, result->value, it->unit,
                  it->compare, it->value);
    weft_probe_case_result_destroy(result);
    weft_machine_close(machine);
}

START_TEST(published_figures_come_out)
{
    FILE *file = fopen(WEFT_SOURCE_DIR "/tests/data/figures.csv", "r");
    char line[256];
    size_t count = 0;
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        figure it;
        ck_assert_msg(sscanf(line, "%31[^,],%31[^,],%31[^,],%lf,%31[^,],%15[^\n]", it.name, it.machine, it.quantity,
                             &it.value, it.unit, it.compare) == 6,
                      "'%s'", line);
        for (size_t mode = 0; mode < PROBE_MODES; mode++)
            check_figure(&it, probe_modes[mode]);
        count++;
    }
    (void)fclose(file);
    ck_assert_uint_eq(count, 10);
}
END_TEST

/* ---- hashes ---- */

/* Any compiler and any build must give these. They change with what the engine and the fabric do, and with
 * machines/two-sip.yaml; then the new ones are the right ones, if all other tests still pass. */
static const struct {
    const char *name;
    uint64_t hashes[PROBE_MODES];
} pinned[] = {
    {"dma_hotspot", {0xf63bc41c8ed86de6u, 0x685cbdb6f1d20d9fu}},
    {"dma_neighbours_all", {0xc5cbbdd9e1ae0392u, 0x4c1a3a93ef823eb1u}},
    {"launch_spread", {0x9aa37fb4c4b1a4c3u, 0xc0b823445d971b65u}},
};

START_TEST(the_same_input_has_the_same_trace_hash_everywhere)
{
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
        for (size_t mode = 0; mode < PROBE_MODES; mode++) {
            for (size_t again = 0; again < 2; again++) {
                weft_probe_case_result *result = probe_case(machine, pinned[i].name, probe_modes[mode]);
                ck_assert_msg(result->runs[0].result->trace_hash == pinned[i].hashes[mode],
                              "%s has hash 0x%" PRIx64 " in mode %zu", pinned[i].name,
                              result->runs[0].result->trace_hash, mode);
                weft_probe_case_result_destroy(result);
            }
        }
    }
    weft_machine_close(machine);
}
END_TEST

START_TEST(other_input_has_another_trace_hash)
{
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    weft_flow flows[] = {{.source = "sip0.cube0.pe0", .target = "sip0.cube0.pe0.hbm", .bytes = 4096},
                         {.source = "sip0.cube0.pe1", .target = "sip0.cube0.pe0.hbm", .bytes = 4096}};
    weft_probe_result *first = probe_flows(machine, flows, 2, WEFT_FLITS_TRAINS);
    flows[1].start_ps = 1;
    weft_probe_result *later = probe_flows(machine, flows, 2, WEFT_FLITS_TRAINS);
    ck_assert_uint_ne(first->trace_hash, later->trace_hash);
    weft_probe_result_destroy(first);
    weft_probe_result_destroy(later);
    weft_machine_close(machine);
}
END_TEST

WEFT_TEST_MAIN("probe_rules", cases_add_up_and_hold_on_every_machine_in_both_modes, random_machines_keep_the_rules,
               lone_flows_never_queue, flows_together_add_up_and_take_no_less_than_alone,
               the_host_reads_no_faster_than_it_writes, latency_grows_with_bytes,
               farther_slices_take_longer_whatever_the_machine, all_pes_together_have_the_published_share_of_all_slices,
               published_figures_come_out, the_same_input_has_the_same_trace_hash_everywhere,
               other_input_has_another_trace_hash)
