/* mlp-tensor-parallel: right on few and many ranks, of shapes that divide evenly and do not, on machines of several
 * sorts; and what it moves and computes. */
#include "bench_memory.h"

#include "support/sentence.h"

static const weft_sim_bench_options verify = {.verify = true, .seed = 5};

static void check_holds(const weft_sim_bench_result *result, const char *what)
{
    const weft_sim_bench_check *check = &result->checks[0];
    ck_assert_uint_eq(result->check_count, 1);
    ck_assert_msg(check->holds, "%s: %.17g where %.17g was expected", what, check->found, check->expected);
    ck_assert_msg(result->perturbed.agree, "%s: %s", what, result->perturbed.differs);
    ck_assert_uint_eq(result->statistics.hazards, 0);
    ck_assert(result->holds);
}

typedef struct shape {
    const char *machine[5]; /* settings */
    const char *bench[13];
} shape;

static const shape shapes[] = {
    {{NULL}, {"ranks", "1", "tokens", "5", "hidden", "40", "inner", "70"}},
    {{NULL}, {"ranks", "2", "tokens", "1", "hidden", "64", "inner", "128", "activation", "gelu"}},
    {{NULL}, {"ranks", "3", "tokens", "37", "hidden", "77", "inner", "100"}},
    {{NULL}, {"ranks", "8", "tokens", "3", "hidden", "9", "inner", "5"}}, /* three ranks have nothing */
    {{NULL}, {"ranks", "8", "tokens", "1", "hidden", "1", "inner", "1", "activation", "gelu"}},
    {{NULL}, {"ranks", "8", "tokens", "33", "hidden", "200", "inner", "256", "dtype", "bf16"}},
    {{NULL}, {"ranks", "5", "tokens", "12", "hidden", "130", "inner", "96", "dtype", "f32", "activation", "gelu"}},
    {{NULL}, {"ranks", "32", "tokens", "4", "hidden", "64", "inner", "96"}},
    {{"pe.ipcq.slots", "1"}, {"ranks", "4", "tokens", "8", "hidden", "300", "inner", "64"}},
    {{"pe.ipcq.memory", "hbm", "pe.ipcq.slots", "2"}, {"ranks", "4", "tokens", "8", "hidden", "300", "inner", "64"}},
    {{"pe.ipcq.slots", "64"}, {"ranks", "2", "tokens", "32", "hidden", "2000", "inner", "16"}}, /* slots take half */
    {{"pe.ipcq.slot_bytes", "64", "pe.scratch_kib", "64"}, {"ranks", "8", "tokens", "20", "hidden", "500"}},
};

START_TEST(shapes_and_machines_of_all_sorts_are_right)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "shape %zu", i);
        weft_machine *machine = open_bench_machine("two-sip", shapes[i].machine);
        weft_sim_bench_options options = verify;
        options.perturb = 2;
        weft_sim_bench_result *result = run_bench_on(machine, "mlp-tensor-parallel", shapes[i].bench, options);
        check_holds(result, what);
        weft_sim_bench_result_destroy(result);
        weft_machine_close(machine);
    }
}
END_TEST

/* More ranks share the work, and each computes its part of it. */
START_TEST(ranks_share_the_work)
{
    static const char *const ranks[] = {"1", "2", "4", "8"};
    uint64_t before_ps = UINT64_MAX;
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        const char *const pairs[] = {"ranks", ranks[i], "tokens", "32", "hidden", "256", "inner", "1024", NULL};
        weft_sim_bench_result *result = run_bench_on(machine, "mlp-tensor-parallel", pairs, verify);
        check_holds(result, ranks[i]);
        ck_assert_uint_eq(result->flops, UINT64_C(4) * 32 * 256 * 1024);
        ck_assert_uint_eq(result->report.macs, result->flops / 2);
        ck_assert_uint_eq(result->report.pes, UINT64_C(1) << i);
        ck_assert_uint_eq(result->checks[0].elements, UINT64_C(32) * 256 << i);
        ck_assert_uint_lt(result->report.makespan_ps, before_ps);
        before_ps = result->report.makespan_ps;
        weft_sim_bench_result_destroy(result);
    }
    weft_machine_close(machine);
}
END_TEST

/* Tokens are taken a few at a time where scratch memory is small, which takes longer and gives the same. */
START_TEST(less_scratch_memory_takes_longer)
{
    static const char *const pairs[] = {"ranks", "8", "tokens", "32", "hidden", "512", "inner", "512", NULL};
    static const char *const kib[] = {"768", "128"};
    uint64_t makespans[2];
    for (size_t i = 0; i < 2; i++) {
        weft_machine *machine = open_bench_machine("two-sip", (const char *const[]){"pe.scratch_kib", kib[i], NULL});
        weft_sim_bench_result *result = run_bench_on(machine, "mlp-tensor-parallel", pairs, verify);
        check_holds(result, kib[i]);
        makespans[i] = result->report.makespan_ps;
        weft_sim_bench_result_destroy(result);
        weft_machine_close(machine);
    }
    ck_assert_uint_lt(makespans[0], makespans[1]);
}
END_TEST

START_TEST(all_pes_take_part)
{
    static const char *const pairs[] = {"ranks", "256", "tokens", "2", "hidden", "512", "inner", "1024", NULL};
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    weft_sim_bench_result *result = run_bench_on(machine, "mlp-tensor-parallel", pairs, verify);
    check_holds(result, "256 ranks");
    ck_assert_uint_eq(result->report.pes, 256);
    weft_sim_bench_result_destroy(result);
    weft_machine_close(machine);
}
END_TEST

START_TEST(ranks_that_do_not_come_out_are_refused)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    const weft_machine_setting setting = {"ranks", "12"};
    const weft_sim_bench_options options = {.settings = &setting, .setting_count = 1};
    weft_status status = weft_sim_bench_run(machine, "mlp-tensor-parallel", &options, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "'two-sip'", "12 PEs", "up to 8", "128 PEs");
    weft_machine_close(machine);
}
END_TEST

/* Every allocation fails once. */
START_TEST(memory_that_fails)
{
    static const weft_machine_setting settings[] = {{"ranks", "2"}, {"tokens", "1"}, {"hidden", "2"}, {"inner", "2"}};
    check_bench_memory("mlp-tensor-parallel", settings, sizeof settings / sizeof settings[0]);
}
END_TEST

WEFT_TEST_MAIN("mlp", shapes_and_machines_of_all_sorts_are_right, ranks_share_the_work,
               less_scratch_memory_takes_longer, all_pes_take_part, ranks_that_do_not_come_out_are_refused,
               memory_that_fails)
