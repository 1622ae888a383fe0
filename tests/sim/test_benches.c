/* The benches: each computes what it should, on machines small and large, and gives the same when it runs again. */
#include "bench_suite.h"

#include "support/sentence.h"

/* Small sizes of each bench, in the order of their names; where they may, they do not divide evenly. */
typedef struct small_bench {
    const char *name;
    const char *pairs[16];
} small_bench;

static const small_bench small_benches[] = {
    {"allreduce", {"algorithm", "ring", "pes", "2", "bytes", "1028"}},
    {"gemm-composite", {"m", "40", "k", "70", "n", "33", "variant", "load_ref"}},
    {"gemm-single-pe", {"m", "5", "k", "70", "n", "33"}},
    {"gpt3-qkv", {"tokens", "3", "hidden", "130", "columns", "5", "pes", "2"}},
    {"mesh-attention", {"ranks", "2", "q_heads", "4", "kv_heads", "2", "head_dim", "16", "cached", "30"}},
    {"mlp-tensor-parallel", {"ranks", "2", "tokens", "3", "hidden", "34", "inner", "70"}},
    {"qkv-gemm", {"m", "10", "k", "70", "n", "11"}},
    {"rms-norm", {"rows", "37", "columns", "50", "block", "3"}},
    {"softmax", {"rows", "37", "columns", "50", "block", "3"}},
};
#define SMALL_BENCHES (sizeof small_benches / sizeof small_benches[0])

static const weft_sim_bench_options verify = {.verify = true};

static void check_times(const weft_sim_bench_result *result)
{
    const weft_launch_report *report = &result->report;
    uint64_t spent_ps = 0, whole_ps = report->makespan_ps * report->pes;
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        spent_ps += report->spent_ps[i];
    ck_assert_uint_eq(spent_ps, whole_ps);
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        const weft_engine_time *engine = &report->engines[i];
        ck_assert_uint_eq(engine->busy_ps + engine->stall_ps + engine->idle_ps, whole_ps);
    }
    ck_assert_uint_gt(report->makespan_ps, 0);
    ck_assert(report->roofline_fraction >= 0 && report->roofline_fraction <= 1);
}

static void check_same_times(const weft_sim_bench_result *a, const weft_sim_bench_result *b)
{
    ck_assert_uint_eq(a->report.makespan_ps, b->report.makespan_ps);
    ck_assert_uint_eq(a->statistics.events, b->statistics.events);
    ck_assert_uint_eq(a->statistics.trace_hash, b->statistics.trace_hash);
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        ck_assert_uint_eq(a->report.spent_ps[i], b->report.spent_ps[i]);
    ck_assert_uint_eq(a->measure_count, b->measure_count);
    for (size_t i = 0; i < a->measure_count; i++)
        ck_assert(a->measures[i].number == b->measures[i].number);
}

static void check_holds(const weft_sim_bench_result *result)
{
    ck_assert_uint_gt(result->check_count, 0);
    for (size_t i = 0; i < result->check_count; i++) {
        const weft_sim_bench_check *it = &result->checks[i];
        ck_assert_msg(it->holds, "%s of %s: %.17g where %.17g was expected", it->what, result->bench, it->found,
                      it->expected);
        ck_assert_uint_gt(it->elements, 0);
        ck_assert(it->worst >= 0 && it->worst <= 1);
    }
    ck_assert(result->holds);
    ck_assert_uint_eq(result->statistics.hazards, 0);
}

/* ---- the table ---- */

static void check_key(const weft_sim_bench_key *key)
{
    ck_assert_msg(weft_test_is_sentence(key->what), "%s: '%s'", key->name, key->what);
    ck_assert_ptr_null(strchr(key->name, '.')); /* those are keys of machines */
    size_t words = 0;
    while (key->choices && key->choices[words])
        words++;
    if (key->choices)
        ck_assert_uint_lt(key->standard, words);
    else
        ck_assert(key->least <= key->standard && key->standard <= key->most);
}

START_TEST(all_benches_are_in_order_and_tell_their_keys)
{
    weft_sim_bench bench, before = {.name = ""};
    weft_sim_bench_key key;
    size_t count = 0;
    for (; weft_sim_bench_at(count, &bench); count++, before = bench) {
        ck_assert_int_lt(strcmp(before.name, bench.name), 0);
        ck_assert_msg(weft_test_is_sentence(bench.what), "%s: '%s'", bench.name, bench.what);
        size_t keys = 0;
        for (; weft_sim_bench_key_at(bench.name, keys, &key); keys++)
            check_key(&key);
        ck_assert_uint_gt(keys, 0);
        ck_assert_msg(count < SMALL_BENCHES && strcmp(small_benches[count].name, bench.name) == 0,
                      "There are no small settings for '%s' above.", bench.name);
    }
    ck_assert_uint_eq(count, SMALL_BENCHES);
    ck_assert(!weft_sim_bench_key_at("no-bench", 0, &key));
}
END_TEST

/* ---- numbers and times ---- */

static void check_bench(const weft_machine *machine, const small_bench *it)
{
    weft_sim_bench_options eager = verify;
    eager.values = WEFT_VALUES_EAGER;
    eager.threads = 2;
    weft_sim_bench_result *lazy = run_bench_on(machine, it->name, it->pairs, verify);
    weft_sim_bench_result *times = run_bench_on(machine, it->name, it->pairs, (weft_sim_bench_options){0});
    weft_sim_bench_result *other = run_bench_on(machine, it->name, it->pairs, eager);
    check_holds(lazy);
    check_holds(other);
    ck_assert_uint_eq(times->check_count, 0);
    ck_assert(times->holds);
    check_times(lazy);
    check_same_times(lazy, times);
    check_same_times(lazy, other);
    for (size_t i = 0; i < lazy->check_count; i++)
        ck_assert(lazy->checks[i].worst_error == other->checks[i].worst_error);
    weft_sim_bench_result_destroy(lazy);
    weft_sim_bench_result_destroy(times);
    weft_sim_bench_result_destroy(other);
}

START_TEST(each_is_right_on_a_small_machine)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    for (size_t i = 0; i < SMALL_BENCHES; i++)
        check_bench(machine, &small_benches[i]);
    weft_machine_close(machine);
}
END_TEST

START_TEST(each_is_right_on_a_large_machine)
{
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    for (size_t i = 0; i < SMALL_BENCHES; i++)
        check_bench(machine, &small_benches[i]);
    weft_machine_close(machine);
}
END_TEST

START_TEST(each_variant_and_dtype_is_right)
{
    static const char *const variants[] = {"ref_ref", "load_ref", "load_load"};
    static const char *const dtypes[] = {"f16", "bf16", "f32"};
    weft_machine *machine = open_bench_machine("tiny", NULL);
    for (size_t i = 0; i < SMALL_BENCHES; i++) {
        for (size_t j = 0; j < 3; j++) {
            const char *pairs[20] = {"dtype", dtypes[j]};
            memcpy(pairs + 2, small_benches[i].pairs, sizeof small_benches[i].pairs);
            weft_sim_bench_result *result = run_bench_on(machine, small_benches[i].name, pairs, verify);
            check_holds(result);
            weft_sim_bench_result_destroy(result);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        const char *pairs[] = {"m", "70", "k", "150", "n", "34", "variant", variants[i], NULL};
        weft_sim_bench_result *result = run_bench_on(machine, "gemm-composite", pairs, verify);
        check_holds(result);
        ck_assert_str_eq(result->settings[4].word, variants[i]);
        weft_sim_bench_result_destroy(result);
    }
    weft_machine_close(machine);
}
END_TEST

START_TEST(the_seed_changes_numbers_and_not_times)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    weft_sim_bench_options other = verify;
    other.seed = 7;
    weft_sim_bench_result *first = run_bench_on(machine, "softmax", small_benches[SMALL_BENCHES - 1].pairs, verify);
    weft_sim_bench_result *again = run_bench_on(machine, "softmax", small_benches[SMALL_BENCHES - 1].pairs, verify);
    weft_sim_bench_result *seeded = run_bench_on(machine, "softmax", small_benches[SMALL_BENCHES - 1].pairs, other);
    ck_assert(first->checks[0].found == again->checks[0].found);
    ck_assert(first->checks[0].found != seeded->checks[0].found);
    check_same_times(first, again);
    check_same_times(first, seeded);
    weft_sim_bench_result_destroy(first);
    weft_sim_bench_result_destroy(again);
    weft_sim_bench_result_destroy(seeded);
    weft_machine_close(machine);
}
END_TEST

/* ---- perturbation ---- */

static void check_perturbed(const char *const *bounds, bool varies)
{
    weft_machine *machine = open_bench_machine("tiny", bounds);
    for (size_t i = 0; i < SMALL_BENCHES; i++) {
        weft_sim_bench_options options = {.perturb = 5};
        weft_sim_bench_result *plain = run_bench_on(machine, small_benches[i].name, small_benches[i].pairs, verify);
        weft_sim_bench_result *result = run_bench_on(machine, small_benches[i].name, small_benches[i].pairs, options);
        const weft_sim_bench_perturbed *perturbed = &result->perturbed;
        check_holds(result);
        check_same_times(plain, result);
        ck_assert_uint_eq(perturbed->runs, 5);
        ck_assert(perturbed->agree);
        if (varies)
            ck_assert_uint_lt(perturbed->least_ps, perturbed->most_ps);
        else
            ck_assert(perturbed->least_ps == plain->report.makespan_ps && perturbed->most_ps == perturbed->least_ps);
        weft_sim_bench_result_destroy(plain);
        weft_sim_bench_result_destroy(result);
    }
    weft_machine_close(machine);
}

START_TEST(perturbed_runs_take_other_times_and_give_the_same_numbers)
{
    static const char *const none[] = {"perturb.message_ns", "0", "perturb.engine_percent", "0", NULL};
    check_perturbed(NULL, true);
    check_perturbed(none, false);
}
END_TEST

/* ---- the published composite ---- */

typedef struct composite_times {
    double window_ns, makespan_ns;
} composite_times;

static composite_times composite_on_two_sip(const char *const *settings)
{
    static const char *const pairs[] = {"m", "32", "k", "3072", "n", "32", "variant", "load_ref", NULL};
    weft_machine *machine = open_bench_machine("two-sip", settings);
    weft_sim_bench_result *result = run_bench_on(machine, "gemm-composite", pairs, (weft_sim_bench_options){0});
    ck_assert_uint_eq(result->measure_count, 1);
    ck_assert_str_eq(result->measures[0].name, "composite window");
    composite_times times = {result->measures[0].number, (double)result->report.makespan_ps / 1000};
    weft_sim_bench_result_destroy(result);
    weft_machine_close(machine);
    return times;
}

/* Published are 992 ns, and 1765 ns with the load before. The machine file meets them; docs/fabric.md tells how. */
START_TEST(the_composite_takes_what_was_published)
{
    composite_times times = composite_on_two_sip(NULL);
    WEFT_TEST_ASSERT_CLOSE(times.window_ns, 992, 0, 0.01);
    WEFT_TEST_ASSERT_CLOSE(times.makespan_ns, 1765, 0, 0.01);
}
END_TEST

/* They are of a fabric without flits, where a read is its bytes and its way, and no chunk of a pseudo-channel ends it.
 * With reads one after another and chunks that take no time, ours is that fabric, within a tenth; with the chunks, each
 * of the 48 reads ends in one of 8 ns. This is the table of docs/benches.md. */
START_TEST(the_composite_of_the_older_fabric)
{
    static const struct {
        const char *settings[7];
        double window_ns, makespan_ns;
    } rows[] = {
        {{"pe.dma.outstanding", "1", "cube.hbm.row_flits", "0", "cube.hbm.channel_gbs", "100000"}, 1053.0, 1828.0},
        {{"pe.dma.outstanding", "1", "cube.hbm.row_flits", "0", "cube.hbm.open_ns", "0"}, 1444.9, 2227.8},
        {{"pe.dma.outstanding", "1", "cube.hbm.row_flits", "0"}, 1495.9, 2278.8},
        {{NULL}, 991.9, 1774.8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        composite_times times = composite_on_two_sip(rows[i].settings);
        WEFT_TEST_ASSERT_CLOSE(times.window_ns, rows[i].window_ns, 0.051, 0);
        WEFT_TEST_ASSERT_CLOSE(times.makespan_ns, rows[i].makespan_ns, 0.051, 0);
    }
    WEFT_TEST_ASSERT_CLOSE(rows[0].window_ns, 992, 0, 0.1);
    WEFT_TEST_ASSERT_CLOSE(rows[0].makespan_ns, 1765, 0, 0.1);
}
END_TEST

/* ---- what is wrong ---- */

static void check_refusal(const weft_machine *machine, const char *bench, const char *key, const char *value,
                          weft_status expected, const char *a, const char *b)
{
    weft_error err;
    weft_sim_bench_result *result;
    const weft_machine_setting setting = {key, value};
    const weft_sim_bench_options options = {.settings = &setting, .setting_count = key ? 1 : 0};
    weft_status status = weft_sim_bench_run(machine, bench, &options, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, expected, a, b, NULL, NULL);
    ck_assert_ptr_null(result);
    status = weft_sim_bench_check_options(bench, &options, &err);
    if (expected == WEFT_NOT_FOUND || expected == WEFT_INVALID_ARGUMENT)
        WEFT_TEST_ASSERT_FAILS(status, err, expected, a, b, NULL, NULL);
    else /* only with a machine it is wrong */
        ck_assert_int_eq(status, WEFT_OK);
}

START_TEST(wrong_names_and_settings)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    check_refusal(machine, "sotfmax", NULL, NULL, WEFT_NOT_FOUND, "'sotfmax'", "'softmax'");
    check_refusal(machine, "softmax", "row", "1", WEFT_NOT_FOUND, "'row'", "'rows'");
    static const char *const no_numbers[] = {"",
                                             "x",
                                             "-1",
                                             "1.5",
                                             "1 ",
                                             "0x10",
                                             "0",
                                             "99999999999999999999",
                                             "18446744073709551617",
                                             "18446744073709551620",
                                             "16777217"};
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++)
        check_refusal(machine, "softmax", "rows", no_numbers[i], WEFT_INVALID_ARGUMENT, "rows", "from 1 to 16777216");
    check_refusal(machine, "softmax", "sips", "", WEFT_INVALID_ARGUMENT, "sips", "''");
    check_refusal(machine, "softmax", "dtype", "f64", WEFT_INVALID_ARGUMENT, "'f64'", "f16, bf16, f32");
    check_refusal(machine, "softmax", "sips", "2", WEFT_UNSUPPORTED, "sips=2", "'tiny' has 1.");
    check_refusal(machine, "allreduce", "cubes", "5", WEFT_UNSUPPORTED, "cubes=5", "'allreduce'");
    check_refusal(machine, "qkv-gemm", "pes", "65536", WEFT_UNSUPPORTED, "pes=65536", "in each cube.");
    check_refusal(machine, "gemm-single-pe", "k", "65536", WEFT_OUT_OF_MEMORY, "gemm-single-pe", "Scratch");
    weft_machine_close(machine);
}
END_TEST

/* Numbers of 32 PEs with 1 GiB each would take 128 GiB of this computer; the PEs themselves lack room first. */
START_TEST(times_alone_need_no_memory_for_numbers)
{
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    check_refusal(machine, "allreduce", "bytes", "1073741824", WEFT_OUT_OF_MEMORY, "tl_load_tensor", "Scratch");
    weft_machine_close(machine);
}
END_TEST

START_TEST(wrong_options)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine *machine = open_bench_machine("tiny", NULL);
    weft_sim_bench_options past = {.perturb = 2, .seed = UINT64_MAX - 2};
    weft_status status = weft_sim_bench_run(machine, "gemm-single-pe", &past, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_ARGUMENT, "18446744073709551613", "2", NULL, NULL);
    weft_sim_bench_options none = {.verify = true, .values = WEFT_VALUES_NONE};
    status = weft_sim_bench_run(machine, "gemm-single-pe", &none, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_ARGUMENT, "lazy", "eager", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_sim_bench_check_options("gemm-single-pe", &past, &err), err, WEFT_INVALID_ARGUMENT,
                           "18446744073709551613", "2", NULL, NULL);
    ck_assert_int_eq(weft_sim_bench_check_options("gemm-single-pe", NULL, &err), WEFT_OK);
    weft_machine_close(machine);
    machine = open_bench_machine("mesh-8x8", NULL);
    check_refusal(machine, "softmax", NULL, NULL, WEFT_UNSUPPORTED, "'softmax'", "cube.sram.mib");
    weft_machine_close(machine);
    weft_sim_bench_result_destroy(NULL);
}
END_TEST

WEFT_TEST_MAIN("benches", all_benches_are_in_order_and_tell_their_keys, each_is_right_on_a_small_machine,
               each_is_right_on_a_large_machine, each_variant_and_dtype_is_right,
               the_seed_changes_numbers_and_not_times, perturbed_runs_take_other_times_and_give_the_same_numbers,
               the_composite_takes_what_was_published, the_composite_of_the_older_fabric, wrong_names_and_settings,
               times_alone_need_no_memory_for_numbers, wrong_options)
