/* Re-timing: a recorded run on another machine takes what a full run takes there, to the picosecond; and what may not
 * be re-timed is refused. */
#include "bench_suite.h"
#include "same_report.h"

#include <unistd.h>

#include "base/rng.h"
#include "sim/retime/recording.h"
#include "support/sentence.h"

/* Benches, small, and the machine that they are recorded on. Together they use all that kernels can ask for. */
typedef struct timed_bench {
    const char *machine, *name;
    const char *pairs[20];
} timed_bench;

static const timed_bench timed_benches[] = {
    {"tiny", "allreduce", {"algorithm", "ring", "pes", "2", "bytes", "1028"}},
    {"two-sip", "allreduce", {"algorithm", "mesh", "bytes", "1028"}},
    {"tiny", "gemm-composite", {"m", "40", "k", "170", "n", "33", "variant", "load_ref"}},
    {"tiny", "gemm-composite", {"m", "40", "k", "170", "n", "33", "variant", "ref_ref"}},
    {"tiny", "gemm-single-pe", {"m", "5", "k", "70", "n", "33"}},
    {"tiny", "gpt3-qkv", {"tokens", "3", "hidden", "130", "columns", "5", "pes", "2"}},
    {"tiny", "mesh-attention", {"ranks", "2", "q_heads", "4", "kv_heads", "2", "head_dim", "16", "cached", "32"}},
    {"tiny", "mlp-tensor-parallel", {"ranks", "2", "tokens", "3", "hidden", "34", "inner", "70"}},
    {"tiny", "qkv-gemm", {"m", "10", "k", "70", "n", "11"}},
    {"tiny", "rms-norm", {"rows", "37", "columns", "50", "block", "3"}},
    {"two-sip", "softmax", {"rows", "337", "columns", "50", "block", "3"}},
};
#define TIMED_BENCHES (sizeof timed_benches / sizeof timed_benches[0])

/* ---- making ---- */

static weft_recording *record_bench(const timed_bench *it)
{
    weft_recording *recording;
    weft_machine *machine = open_bench_machine(it->machine, NULL);
    weft_sim_bench_result_destroy(
        run_bench_on(machine, it->name, it->pairs, (weft_sim_bench_options){.recording = &recording}));
    weft_machine_close(machine);
    return recording;
}

/* Gives the makespan. */
static uint64_t check_retimed(const timed_bench *it, const weft_recording *recording, const char *const *settings)
{
    weft_error err;
    weft_retime_result *retimed;
    weft_machine *machine = open_bench_machine(it->machine, settings);
    weft_sim_bench_result *full = run_bench_on(machine, it->name, it->pairs, (weft_sim_bench_options){0});
    WEFT_TEST_ASSERT_OK(weft__retime(recording, machine, false, &retimed, &err), err);
    assert_same_report(&retimed->report, &full->report);
    ck_assert_uint_eq(retimed->statistics.events, full->statistics.events);
    ck_assert_uint_eq(retimed->statistics.trace_hash, full->statistics.trace_hash);
    weft_retime_result_destroy(retimed);
    WEFT_TEST_ASSERT_OK(weft_retime(recording, machine, &retimed, &err), err);
    assert_same_report(&retimed->report, &full->report);
    ck_assert_uint_le(retimed->statistics.events, 2 * full->statistics.events);
    uint64_t makespan_ps = full->report.makespan_ps;
    weft_retime_result_destroy(retimed);
    weft_sim_bench_result_destroy(full);
    weft_machine_close(machine);
    return makespan_ps;
}

/* ---- keys ---- */

/* Two other values of each key that may differ, "" where there are less; a new key needs a line here, or one in the
 * table of those that must not. */
static const char *const other_values[][3] = {
    {"name", "\"another\"", ""},
    {"system.ns_per_mm", "0.5", "0"},
    {"system.command_bytes", "64", "7"},
    {"system.link_gbs", "16", "500"},
    {"system.link_mm", "3", "0"},
    {"system.switch_overhead_ns", "33", "0"},
    {"host.link_gbs", "7", "300"},
    {"host.link_mm", "12", "1"},
    {"host.submit_ns", "100", "0"},
    {"host.sync_ns", "100", "0"},
    {"processor.dispatch_ns", "100", "0"},
    {"processor.barrier_ns", "100", "0"},
    {"processor.signal_ns", "100", "0"},
    {"processor.wait_ns", "100", "0"},
    {"sip.io.side", "north", "east"},
    {"sip.io.link_gbs", "20", "1000"},
    {"sip.io.pcie_overhead_ns", "9", "0"},
    {"sip.io.noc_overhead_ns", "9", "0"},
    {"sip.io.cpu_overhead_ns", "9", "0"},
    {"cube.pitch_mm", "9", "0"},
    {"cube.router_overhead_ns", "3.3", "0"},
    {"cube.link_gbs", "40", "900"},
    {"cube.buffer_flits", "2", "9"},
    {"cube.vcs", "2", "1"},
    {"cube.arbitration", "round_robin", "fifo"},
    {"cube.credit_ns", "4", "0"},
    {"cube.vc_ns", "4", "0"},
    {"cube.tail_credit", "true", "false"},
    {"cube.input_speedup", "1", "2"},
    {"cube.ucie.connections", "1", "2"},
    {"cube.ucie.gbs", "30", "999"},
    {"cube.ucie.overhead_ns", "3", "0"},
    {"cube.ucie.length_mm", "5", "0"},
    {"cube.ucie.buffer_flits", "2", "9"},
    {"cube.ucie.vcs", "2", "1"},
    {"cube.ucie.arbitration", "round_robin", "fifo"},
    {"cube.ucie.credit_ns", "4", "0"},
    {"cube.ucie.vc_ns", "4", "0"},
    {"cube.ucie.tail_credit", "true", "false"},
    {"cube.hbm.channels", "2", "16"},
    {"cube.hbm.channel_gbs", "3", "77"},
    {"cube.hbm.link_gbs", "50", "999"},
    {"cube.hbm.overhead_ns", "3", "0"},
    {"cube.hbm.turnaround_ns", "30", "0"},
    {"cube.hbm.open_ns", "30", "0"},
    {"cube.hbm.row_flits", "2", "16"},
    {"cube.sram.at", "[0, 0]", ""},
    {"cube.sram.link_gbs", "30", "999"},
    {"cube.sram.overhead_ns", "30", "0"},
    {"cube.mcpu.at", "[0, 0]", ""},
    {"cube.mcpu.overhead_ns", "30", "0"},
    {"pe.link_gbs", "30", "999"},
    {"pe.link_mm", "30", "0"},
    {"pe.cpu_overhead_ns", "30", "0"},
    {"pe.clock_ghz", "0.7", "2"},
    {"pe.dispatch_cycles", "0", "17"},
    {"pe.dma.channels", "1", "3"},
    {"pe.dma.outstanding", "1", "5"},
    {"pe.dma.setup_ns", "11", "0"},
    {"pe.tcm.read_gbs", "44", "1000"},
    {"pe.tcm.write_gbs", "44", "1000"},
    {"pe.tcm.banks", "4", "32"},
    {"pe.tcm.bank_bytes", "4", "128"},
    {"pe.mmu.page_kib", "4", "64"},
    {"pe.mmu.tlb_ns", "5", "0"},
    {"pe.mmu.tlb_entries", "1", "64"},
    {"pe.gemm.tile_m", "16", "8"},
    {"pe.gemm.tile_n", "16", "8"},
    {"pe.gemm.macs_f64", "64", "1"},
    {"pe.gemm.macs_f32", "64", "1"},
    {"pe.gemm.macs_f16", "64", "1"},
    {"pe.gemm.macs_bf16", "64", "1"},
    {"pe.gemm.macs_i8", "64", "1"},
    {"pe.math.lanes", "3", "1000"},
    {"pe.math.simple_cycles", "0", "7"},
    {"pe.math.divide_cycles", "0", "33"},
    {"pe.math.exp_cycles", "0", "33"},
    {"pe.scheduler.tiles", "1", "3"},
    {"pe.ipcq.tcm.overhead_ns", "3", "0"},
    {"pe.ipcq.tcm.gbs", "33", "1"},
    {"pe.ipcq.sram.overhead_ns", "3", "0"},
    {"pe.ipcq.sram.gbs", "33", "1"},
    {"pe.ipcq.sram.hop_gbs", "33", "1"},
    {"pe.ipcq.hbm.overhead_ns", "3", "0"},
    {"pe.ipcq.hbm.gbs", "33", "1"},
    {"pe.ipcq.hbm.hop_gbs", "33", "1"},
    {"perturb.message_ns", "1", "0"},
    {"perturb.engine_percent", "1", "0"},
};
#define OTHER_VALUES (sizeof other_values / sizeof other_values[0])

/* OTHER_VALUES: none of these. */
static size_t index_of(const char *path)
{
    size_t index = 0;
    while (index < OTHER_VALUES && strcmp(other_values[index][0], path) != 0)
        index++;
    return index;
}

START_TEST(each_key_is_free_or_not)
{
    weft_machine_key key;
    size_t count = 0;
    for (size_t i = 0; weft_machine_key_at(i, &key); i++) {
        bool is_free = weft_retime_key_is_free(key.path);
        count += is_free;
        ck_assert(!key.is_group || !is_free);
        ck_assert_msg(is_free == (index_of(key.path) < OTHER_VALUES), "%s", key.path);
    }
    ck_assert_uint_eq(count, OTHER_VALUES);
    ck_assert(!weft_retime_key_is_free("pe.clock"));
    ck_assert(!weft_retime_key_is_free(""));
}
END_TEST

static bool can_open(const char *name, const char *const *pairs)
{
    char path[512];
    weft_error err;
    weft_machine *machine;
    weft_machine_setting settings[BENCH_SETTINGS_MAX];
    size_t count = bench_settings(pairs, settings);
    (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, name);
    weft_status status = weft_machine_open(path, settings, count, &machine, &err);
    weft_machine_close(machine);
    return status == WEFT_OK;
}

/* Each alone, on every bench of one machine. */
START_TEST(each_free_key_gives_the_time_of_a_full_run)
{
    size_t changed[OTHER_VALUES] = {0};
    for (size_t i = 0; i < TIMED_BENCHES; i++) {
        const timed_bench *it = &timed_benches[i];
        if (strcmp(it->machine, "tiny") != 0)
            continue;
        weft_recording *recording = record_bench(it);
        uint64_t as_it_is = check_retimed(it, recording, NULL);
        for (size_t key = 0; key < OTHER_VALUES; key++)
            for (size_t value = 1; value < 3 && other_values[key][value][0]; value++) {
                const char *const settings[] = {other_values[key][0], other_values[key][value], NULL};
                if (can_open(it->machine, settings))
                    changed[key] += check_retimed(it, recording, settings) != as_it_is;
            }
        weft_recording_destroy(recording);
    }
    /* These benches do look at machines. */
    static const char *const looked_at[] = {
        "cube.link_gbs",   "cube.hbm.channel_gbs", "cube.hbm.channels",       "pe.clock_ghz",
        "pe.dma.channels", "pe.mmu.tlb_ns",        "pe.ipcq.tcm.overhead_ns", "cube.router_overhead_ns"};
    for (size_t i = 0; i < sizeof looked_at / sizeof looked_at[0]; i++)
        ck_assert_msg(changed[index_of(looked_at[i])] > 0, "%s", looked_at[i]);
}
END_TEST

/* Many keys at once. */
START_TEST(machines_by_chance_give_the_times_of_full_runs)
{
    weft__rng rng;
    weft__rng_init(&rng, 11);
    for (size_t i = 0; i < TIMED_BENCHES; i++) {
        const timed_bench *it = &timed_benches[i];
        weft_recording *recording = record_bench(it);
        for (size_t run = 0, runs = strcmp(it->machine, "tiny") == 0 ? 12 : 3; run < runs;) {
            const char *settings[2 * 8 + 1] = {NULL};
            for (size_t j = 0; j < 8; j++) {
                const char *const *key = other_values[weft__rng_below(&rng, OTHER_VALUES)];
                settings[2 * j] = key[0];
                settings[2 * j + 1] = key[key[2][0] ? 1 + weft__rng_below(&rng, 2) : 1];
            }
            if (!can_open(it->machine, settings))
                continue;
            (void)check_retimed(it, recording, settings);
            run++;
        }
        weft_recording_destroy(recording);
    }
}
END_TEST

WEFT_TEST_MAIN("retime", each_key_is_free_or_not, each_free_key_gives_the_time_of_a_full_run,
               machines_by_chance_give_the_times_of_full_runs)
