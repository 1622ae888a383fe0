/* mesh-attention: settings that do not go together or do not fit the machine are refused, and those that just fit run.
 */
#include "bench_suite.h"

#include "support/sentence.h"

/* ---- what is refused ---- */

typedef struct refusal {
    const char *machine[9];
    const char *bench[17];
    weft_status status;
    const char *fragments[7];
} refusal;

static const refusal refusals[] = {
    {{NULL}, {"q_heads", "5"}, WEFT_INVALID_ARGUMENT, {"q_heads=5", "kv_heads=2"}},
    {{NULL}, {"kv_heads", "2", "groups", "4"}, WEFT_INVALID_ARGUMENT, {"kv_heads=2", "groups=4"}},
    {{NULL}, {"cached", "1001"}, WEFT_INVALID_ARGUMENT, {"cached=1001", "ranks=8"}},
    {{NULL}, {"mode", "prefill", "queries", "12"}, WEFT_INVALID_ARGUMENT, {"queries=12", "ranks=8"}},
    {{NULL},
     {"mode", "prefill", "q_heads", "4096", "cached", "16777216", "queries", "1048576"},
     WEFT_INVALID_ARGUMENT,
     {"q_heads=4096", "queries=1048576", "4294967296"}},
    {{NULL},
     {"mode", "prefill", "q_heads", "4094", "cached", "16777216", "queries", "1048576", "head_dim", "4096"},
     WEFT_INVALID_ARGUMENT,
     {"q_heads=4094", "cached=16777216", "head_dim=4096"}},
    {{NULL}, {"mode", "prefill", "cached", "64"}, WEFT_INVALID_ARGUMENT, {"queries=256", "cached=64"}},
    {{NULL}, {"ranks", "9", "cached", "900"}, WEFT_UNSUPPORTED, {"'two-sip'", "9 PEs"}},
    {{NULL}, {"ranks", "512"}, WEFT_UNSUPPORTED, {"512 PEs:"}},
    {{NULL},
     {"ranks", "100", "groups", "2", "cached", "900"},
     WEFT_UNSUPPORTED,
     {"200 PEs, ranks=100 times groups=2:"}},
    {{"pe.ipcq.slot_bytes", "128"}, {NULL}, WEFT_INVALID_ARGUMENT, {"pe.ipcq.slot_bytes=128", "head_dim=64", "256"}},
    {{NULL}, {"path", "cubes", "mode", "prefill"}, WEFT_INVALID_ARGUMENT, {"path=cubes", "mode=decode"}},
    {{NULL},
     {"path", "cubes", "ranks", "6", "cached", "48", "groups", "2"},
     WEFT_INVALID_ARGUMENT,
     {"ranks=6", "'two-sip'", "path=cubes it can be 1, 2, 4, 8, 16, 32, 64 or 128."}},
    {{NULL},
     {"path", "cubes", "ranks", "12", "cached", "48"},
     WEFT_INVALID_ARGUMENT,
     {"ranks=12", "it can be 1 to 8, 16, 32, 64 or 128."}},
    {{NULL}, {"path", "cubes", "ranks", "24", "cached", "48"}, WEFT_INVALID_ARGUMENT, {"ranks=24"}},
    {{NULL}, {"path", "cubes", "ranks", "96", "cached", "96"}, WEFT_INVALID_ARGUMENT, {"ranks=96"}},
    {{NULL}, {"path", "cubes", "ranks", "256"}, WEFT_INVALID_ARGUMENT, {"ranks=256"}},
    {{"sip.rows", "3", "sip.columns", "2"},
     {"path", "cubes", "ranks", "24", "cached", "48"},
     WEFT_INVALID_ARGUMENT,
     {"ranks=24", "it can be 1 to 8, 16 or 48."}},
    {{NULL},
     {"cached", "16777216"},
     WEFT_UNSUPPORTED,
     {"cached=16777216", "ranks=8", "2097152 scores for each of 16 rows", "469774528", "1015808", "pe.scratch_kib=0"}},
    {{"pe.scratch_kib", "64"}, {"cached", "1896"}, WEFT_UNSUPPORTED, {"65600", "65536", "pe.scratch_kib=64"}},
    {{"pe.scratch_kib", "64", "pe.ipcq.memory", "sram"}, /* so that messages are copied */
     {"cached", "1824"},
     WEFT_UNSUPPORTED,
     {"65600", "65536"}},
    {{"pe.tcm_kib", "128"}, /* 6 queues end at a PE, though groups are rows of cubes */
     {"path", "cubes", "ranks", "32", "groups", "4", "q_heads", "32", "kv_heads", "4", "head_dim", "16", "cached",
      "8800"},
     WEFT_UNSUPPORTED,
     {"275 scores", "32772", "32768"}},
    {{NULL},
     {"mode", "prefill", "ranks", "2"},
     WEFT_UNSUPPORTED,
     {"mode=prefill of queries=256 over ranks=2", "q_heads=16", "head_dim=64", "1073216", "1015808",
      "pe.scratch_kib=0"}},
    {{NULL}, {"mode", "prefill", "ranks", "1"}, WEFT_UNSUPPORTED, {"queries=256", "ranks=1,", "2138176", "1048576"}},
    {{"pe.scratch_kib", "66"},
     {"mode", "prefill", "q_heads", "1", "kv_heads", "1", "queries", "512", "cached", "512", "causal", "no"},
     WEFT_UNSUPPORTED,
     {"queries=512", "68352", "67584", "pe.scratch_kib=66"}},
    {{"pe.scratch_kib", "2", "pe.ipcq.slot_bytes", "512", "pe.ipcq.slots", "4", "pe.ipcq.memory", "sram"},
     {"mode", "prefill", "path", "line", "ranks", "4", "q_heads", "2", "kv_heads", "2", "head_dim", "16", "cached",
      "48", "queries", "24"},
     WEFT_UNSUPPORTED,
     {"queries=24", "2636", "2048", "pe.scratch_kib=2"}},
    {{"pe.tcm_kib", "32"}, {NULL}, WEFT_OUT_OF_MEMORY, {"The queues of"}},
};

START_TEST(what_does_not_go_together_is_refused)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal *it = &refusals[i];
        weft_error err;
        weft_sim_bench_result *result;
        weft_machine_setting settings[BENCH_SETTINGS_MAX];
        weft_machine *machine = open_bench_machine("two-sip", it->machine);
        const weft_sim_bench_options options = {.settings = settings,
                                                .setting_count = bench_settings(it->bench, settings)};
        weft_status status = weft_sim_bench_run(machine, "mesh-attention", &options, &result, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, it->status, NULL, NULL, NULL, NULL);
        for (size_t k = 0; it->fragments[k]; k++)
            ck_assert_msg(strstr(err.message, it->fragments[k]) != NULL, "'%s' is not in '%s'", it->fragments[k],
                          err.message);
        ck_assert_ptr_null(result);
        weft_machine_close(machine);
    }
}
END_TEST

/* ---- what just fits ---- */

/* One step further, these are refused above. */
static const struct fitting {
    const char *machine[9];
    const char *bench[17];
} fitting[] = {
    {{"pe.scratch_kib", "64"}, {"cached", "1888"}},
    {{"pe.scratch_kib", "64", "pe.ipcq.memory", "sram"}, {"cached", "1816"}},
    {{"pe.tcm_kib", "128"},
     {"path", "cubes", "ranks", "32", "groups", "4", "q_heads", "32", "kv_heads", "4", "head_dim", "16", "cached",
      "8768"}},
    {{"pe.scratch_kib", "67"},
     {"mode", "prefill", "q_heads", "1", "kv_heads", "1", "queries", "512", "cached", "512", "causal", "no"}},
    {{"pe.scratch_kib", "3", "pe.ipcq.slot_bytes", "512", "pe.ipcq.slots", "4", "pe.ipcq.memory", "sram"},
     {"mode", "prefill", "path", "line", "ranks", "4", "q_heads", "2", "kv_heads", "2", "head_dim", "16", "cached",
      "48", "queries", "24"}},
};

START_TEST(what_just_fits_into_scratch_memory_runs)
{
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++) {
        weft_machine *machine = open_bench_machine("two-sip", fitting[i].machine);
        weft_sim_bench_result *result = run_bench_on(machine, "mesh-attention", fitting[i].bench,
                                                     (weft_sim_bench_options){.verify = true, .seed = 7});
        ck_assert(result->holds);
        weft_sim_bench_result_destroy(result);
        weft_machine_close(machine);
    }
}
END_TEST

/* ---- what has no effect ---- */

START_TEST(what_is_of_prefill_is_unused_in_decode)
{
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    for (int is_prefill = 0; is_prefill < 2; is_prefill++) {
        const char *const pairs[] = {"mode", is_prefill ? "prefill" : "decode", "queries", "16", NULL};
        weft_sim_bench_result *result = run_bench_on(machine, "mesh-attention", pairs, (weft_sim_bench_options){0});
        for (size_t i = 0; i < result->setting_count; i++) {
            const weft_sim_bench_setting *it = &result->settings[i];
            bool is_of_prefill = strcmp(it->key, "queries") == 0 || strcmp(it->key, "causal") == 0;
            ck_assert_msg(it->is_unused == (is_of_prefill && !is_prefill), "%s of %s", it->key, pairs[1]);
        }
        weft_sim_bench_result_destroy(result);
    }
    weft_machine_close(machine);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_does_not_go_together_is_refused, what_just_fits_into_scratch_memory_runs,
                                  what_is_of_prefill_is_unused_in_decode};
    return weft_test_run("mesh_attention_settings", tests, sizeof tests / sizeof tests[0]);
}
