/* What benches are made with: settings, random numbers, launches that add up, checks that fail when they should, and
 * runs that are compared. */
#include "bench_suite.h"

#include "sim/benches/bench_impl.h"
#include "support/failing_malloc.h"
#include "support/sentence.h"

/* What the benches below do differently. */
static struct {
    weft_dtype dtype;
    weft_placement placement;
    double numbers[6];  /* that the tensor is given */
    double expected[6]; /* that its reference says */
    weft__bench_bound bound;
    uint32_t launches, runs;
    uint32_t differing_run; /* it and those after it have other numbers, or fail; 0: none */
    double scale;
} test;

static void small_product(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_tensor a = tl_full(tl, weft_shape_2d(8, 8), WEFT_F32, 0);
    (void)tl_dot(tl, a, a);
}

static void reference(const void *arguments, double *out)
{
    (void)arguments;
    memcpy(out, test.expected, sizeof test.expected);
}

static const weft_sim_bench_key no_keys[] = {{0}};

/* A tensor [2, 3] that the host writes and reads back. */
static void run_given(weft__bench_run *run)
{
    double numbers[6];
    memcpy(numbers, test.numbers, sizeof numbers);
    if (test.runs++ >= test.differing_run && test.differing_run > 0)
        numbers[3] += 1;
    weft_placed_tensor *tensor = weft__bench_tensor(run, "given", test.dtype, weft_shape_2d(2, 3), &test.placement);
    (void)weft__bench_set(run, tensor, numbers);
    for (uint32_t i = 0; i < test.launches; i++) {
        weft__bench_launch(run, &(weft_launch_options){.kernel = small_product});
        weft__bench_add_flops(run, 10);
    }
    weft__bench_measure(run, "launches", test.launches, "times");
    weft__bench_check(run, "given", tensor, reference, NULL, test.bound);
}

static const weft__bench given = {.name = "given", .what = "Given.", .keys = no_keys, .run = run_given};

static weft_sim_bench_result *run_test(const weft_machine *machine, const weft__bench *bench,
                                       weft_sim_bench_options options)
{
    weft_error err;
    weft_sim_bench_result *result;
    test.runs = 0;
    WEFT_TEST_ASSERT_OK(weft__bench_run_all(bench, machine, &options, &result, &err), err);
    return result;
}

static void reset(void)
{
    memset(&test, 0, sizeof test);
    test.dtype = WEFT_F32;
    test.placement = (weft_placement){.pes = {.pes = 1}};
    for (int i = 0; i < 6; i++)
        test.numbers[i] = test.expected[i] = i + 1;
}

/* ---- checks ---- */

/* One run of which the fifth number is `found` where `expected` should be; gives the check. */
static weft_sim_bench_check check_of(const weft_machine *machine, double found, double expected,
                                     weft__bench_bound bound)
{
    test.numbers[4] = found;
    test.expected[4] = expected;
    test.bound = bound;
    weft_sim_bench_result *result = run_test(machine, &given, (weft_sim_bench_options){.verify = true});
    ck_assert_uint_eq(result->check_count, 1);
    weft_sim_bench_check check = result->checks[0];
    ck_assert(check.holds == result->holds);
    weft_sim_bench_result_destroy(result);
    return check;
}

START_TEST(a_check_holds_within_its_bound_and_not_outside)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    reset();
    weft__bench_bound none = {0, 0}, relative = {4, 0}, absolute = {0, 4};
    const double unit = 0x1p-24; /* of f32 */
    ck_assert(check_of(machine, 5, 5, none).holds);
    ck_assert(!check_of(machine, 5 + 0x1p-21, 5, none).holds);
    /* 4 units of 5 are 20 units: 16 is below, 24 above. */
    ck_assert(check_of(machine, 5 + 16 * unit, 5, relative).holds);
    ck_assert(!check_of(machine, 5 + 24 * unit, 5, relative).holds);
    ck_assert(check_of(machine, 0.5 + 4 * unit, 0.5, absolute).holds);
    ck_assert(!check_of(machine, 0.5 + 5 * unit, 0.5, absolute).holds);

    weft_sim_bench_check worst = check_of(machine, 5 + 24 * unit, 5, relative);
    ck_assert_uint_eq(worst.elements, 6);
    ck_assert(worst.found == 5 + 24 * unit && worst.expected == 5 && worst.worst_error == 24 * unit);
    WEFT_TEST_ASSERT_CLOSE(worst.bound, 20 * unit, 0, 1e-9);
    WEFT_TEST_ASSERT_CLOSE(worst.worst, 1.2, 0, 1e-9);
    ck_assert(worst.relative_bound == 4 * unit && worst.absolute_bound == 0);
    weft_machine_close(machine);
}
END_TEST

START_TEST(a_check_knows_what_is_not_finite)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    reset();
    weft__bench_bound wide = {1e30, 1e30};
    ck_assert(check_of(machine, INFINITY, INFINITY, wide).holds);
    ck_assert(check_of(machine, NAN, NAN, wide).holds);
    ck_assert(!check_of(machine, NAN, 5, wide).holds);
    ck_assert(!check_of(machine, 5, NAN, wide).holds);
    ck_assert(!check_of(machine, -INFINITY, INFINITY, wide).holds);
    ck_assert(!check_of(machine, INFINITY, 5, wide).holds);
    ck_assert(!check_of(machine, 5, INFINITY, wide).holds);
    ck_assert(isinf(check_of(machine, NAN, 5, wide).worst));
    weft_machine_close(machine);
}
END_TEST

START_TEST(the_steps_of_each_dtype)
{
    static const struct {
        weft_dtype dtype;
        double step, smallest; /* above 1, and the first above 0 */
    } dtypes[] = {{WEFT_F32, 0x1p-23, 0x1p-149}, {WEFT_F16, 0x1p-10, 0x1p-24}, {WEFT_BF16, 0x1p-7, 0x1p-133}};
    weft_machine *machine = open_bench_machine("tiny", NULL);
    for (size_t i = 0; i < 3; i++) {
        reset();
        test.dtype = dtypes[i].dtype;
        double step = dtypes[i].step;
        ck_assert(check_of(machine, 1, 1 + step / 2, (weft__bench_bound){1, 0}).holds);
        ck_assert(!check_of(machine, 1, 1 + step, (weft__bench_bound){1, 0}).holds);
        ck_assert(check_of(machine, 0, dtypes[i].smallest / 2, (weft__bench_bound){1, 0}).holds);
        ck_assert(!check_of(machine, 0, dtypes[i].smallest, (weft__bench_bound){0, 0}).holds);
        /* Without any bound numbers are equal or not, and half of the smallest one is not allowed either. */
        ck_assert(!check_of(machine, 0, dtypes[i].smallest / 2, (weft__bench_bound){0, 0}).holds);
        ck_assert(check_of(machine, 1, 1, (weft__bench_bound){0, 0}).bound == 0);
    }
    reset();
    test.dtype = WEFT_F64;
    ck_assert(check_of(machine, 1, 1 + 0x1p-52, (weft__bench_bound){2, 0}).holds);
    ck_assert(!check_of(machine, 1, 1 + 0x1p-52, (weft__bench_bound){1, 0}).holds);
    ck_assert(!check_of(machine, 0, 0x1p-1074, (weft__bench_bound){1, 0}).holds);
    test.dtype = WEFT_I32;
    ck_assert(check_of(machine, 5, 5, (weft__bench_bound){1, 1}).holds);
    ck_assert(!check_of(machine, 6, 5, (weft__bench_bound){1, 1}).holds);
    weft_machine_close(machine);
}
END_TEST

/* A wrong number is found in whichever shard it is, whatever the split; of copies all are compared. */
START_TEST(shards_are_put_together)
{
    static const struct {
        weft_split split;
        uint64_t elements;
    } splits[] = {{WEFT_REPLICATE, 12}, {WEFT_SPLIT_ROWS, 6}, {WEFT_SPLIT_COLUMNS, 6}};
    weft_machine *machine = open_bench_machine("tiny", NULL);
    for (size_t i = 0; i < 3; i++) {
        for (int wrong = -1; wrong < 6; wrong++) {
            reset();
            test.placement = (weft_placement){.over_pes = splits[i].split};
            if (wrong >= 0)
                test.expected[wrong] = 100;
            weft_sim_bench_result *result = run_test(machine, &given, (weft_sim_bench_options){.verify = true});
            ck_assert_int_eq(result->holds, wrong < 0);
            ck_assert_uint_eq(result->checks[0].elements, splits[i].elements);
            if (wrong >= 0)
                ck_assert(result->checks[0].found == wrong + 1);
            weft_sim_bench_result_destroy(result);
        }
    }
    weft_machine_close(machine);
}
END_TEST

/* ---- perturbed runs ---- */

START_TEST(the_first_difference_is_named)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    weft_sim_bench_options options = {.perturb = 4, .seed = 10};
    reset();
    test.placement = (weft_placement){.over_pes = WEFT_SPLIT_ROWS};
    test.launches = 1;
    weft_sim_bench_result *result = run_test(machine, &given, options);
    ck_assert(result->holds && result->perturbed.agree && result->perturbed.runs == 4);
    ck_assert(result->flops == 10 && result->measure_count == 1); /* of one run */
    ck_assert_str_eq(result->perturbed.differs, "");
    weft_sim_bench_result_destroy(result);

    test.differing_run = 2;
    result = run_test(machine, &given, options);
    ck_assert(!result->holds && !result->perturbed.agree && result->checks[0].holds);
    ck_assert_uint_eq(result->perturbed.runs, 4);
    ck_assert_str_eq(result->perturbed.differs, "Run 2 of 4 with seed 12: given[1, 0] on sip0.cube0.pe1 is 5, and 4 "
                                                "without perturbation.");
    weft_sim_bench_result_destroy(result);
    weft_machine_close(machine);
}
END_TEST

/* ---- launches, numbers, errors ---- */

START_TEST(launches_add_up)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    weft_sim_bench_result *results[2];
    for (uint32_t i = 0; i < 2; i++) {
        reset();
        test.launches = i == 0 ? 1 : 3;
        results[i] = run_test(machine, &given, (weft_sim_bench_options){0});
        ck_assert_uint_eq(results[i]->flops, 10u * test.launches);
        ck_assert(results[i]->measures[0].number == test.launches);
    }
    const weft_launch_report *one = &results[0]->report, *three = &results[1]->report;
    ck_assert_uint_eq(three->makespan_ps, 3 * one->makespan_ps);
    ck_assert_uint_eq(three->commands, 3 * one->commands);
    ck_assert_uint_eq(three->pes, one->pes);
    ck_assert_uint_eq(three->begin_ps, one->begin_ps);
    ck_assert_uint_gt(three->finish_ps, one->finish_ps);
    ck_assert(three->compute_bound_ps > 0 && three->compute_bound_ps == 3 * one->compute_bound_ps);
    ck_assert(three->memory_bound_ps == 0 && three->macs == 3 * one->macs);
    WEFT_TEST_ASSERT_CLOSE(three->roofline_fraction, one->roofline_fraction, 0, 1e-12);
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        ck_assert_uint_eq(three->spent_ps[i], 3 * one->spent_ps[i]);
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        ck_assert_uint_eq(three->engines[i].busy_ps, 3 * one->engines[i].busy_ps);
        ck_assert_uint_eq(three->engines[i].stall_ps, 3 * one->engines[i].stall_ps);
        ck_assert_uint_eq(three->engines[i].idle_ps, 3 * one->engines[i].idle_ps);
    }
    weft_sim_bench_result_destroy(results[0]);
    weft_sim_bench_result_destroy(results[1]);
    weft_machine_close(machine);
}
END_TEST

static void run_filled(weft__bench_run *run)
{
    weft_placed_tensor *tensor = weft__bench_tensor(run, "filled", test.dtype, weft_shape_2d(40, 50), &test.placement);
    const double *numbers = weft__bench_fill(run, tensor, test.scale);
    double least = 0, most = 0, sum = 0;
    for (size_t i = 0; numbers && i < 2000; i++) {
        least = fmin(least, numbers[i]);
        most = fmax(most, numbers[i]);
        sum += numbers[i];
        ck_assert(numbers[i] == weft__bench_rounded(test.dtype, numbers[i]));
    }
    ck_assert(!numbers || (least >= -test.scale && least < -0.9 * test.scale));
    ck_assert(!numbers || (most <= test.scale && most > 0.9 * test.scale));
    ck_assert(fabs(sum) < 2000 * 0.1 * test.scale);
    weft__bench_measure(run, "first", numbers ? numbers[0] : 0, "");
    weft__bench_measure(run, "is there", numbers != NULL, "");
    ck_assert(!numbers == !weft__bench_numbers(run, "more numbers", 5));
    /* Another tensor has other numbers. */
    tensor = weft__bench_tensor(run, "filled too", test.dtype, weft_shape_2d(40, 50), &test.placement);
    const double *others = weft__bench_fill(run, tensor, test.scale);
    ck_assert(!numbers || memcmp(numbers, others, 2000 * sizeof *numbers) != 0);
}

static const weft__bench filled = {.name = "filled", .what = "Filled.", .keys = no_keys, .run = run_filled};

START_TEST(random_numbers_fill_their_range)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    static const weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_I8};
    for (size_t i = 0; i < 4; i++) {
        reset();
        test.dtype = dtypes[i];
        test.scale = 100;
        weft_sim_bench_options options = {.verify = true, .seed = 3};
        weft_sim_bench_result *one = run_test(machine, &filled, options);
        weft_sim_bench_result *same = run_test(machine, &filled, options);
        options.seed = 4;
        weft_sim_bench_result *other = run_test(machine, &filled, options);
        ck_assert(one->measures[1].number == 1);
        ck_assert(one->measures[0].number == same->measures[0].number);
        ck_assert(one->measures[0].number != other->measures[0].number);
        weft_sim_bench_result_destroy(one);
        weft_sim_bench_result_destroy(same);
        weft_sim_bench_result_destroy(other);
    }
    weft_sim_bench_result *times = run_test(machine, &filled, (weft_sim_bench_options){0});
    ck_assert(times->measures[1].number == 0);
    weft_sim_bench_result_destroy(times);
    weft_machine_close(machine);
}
END_TEST

static void run_failing(weft__bench_run *run)
{
    weft__bench_fail(run, WEFT_UNSUPPORTED, "There are %d reasons.", 2);
    weft__bench_fail(run, WEFT_INTERNAL, "A second one.");
    ck_assert(weft__bench_has_failed(run));
    ck_assert_ptr_null(weft__bench_memory(run, "nothing", 1, 1));
    ck_assert_uint_eq(weft__bench_count_pes(run, &(weft_pe_set){0}), 0);
    run_given(run);
}

static void run_greedy(weft__bench_run *run)
{
    if (test.launches > 0) {
        (void)weft__bench_numbers(run, "the numbers of the whole world", SIZE_MAX / 4);
        return;
    }
    weft_test_fail_allocation_after(0);
    (void)weft__bench_memory(run, "the whole world", 1000000, 8);
    (void)weft_test_stop_failing();
}

/* No memory is taken where no values are kept; an error says what memory was for, in bytes that do not wrap around. */
START_TEST(memory_that_there_is_not)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine *machine = open_bench_machine("tiny", NULL);
    const weft__bench greedy = {.name = "greedy", .what = "Takes all.", .keys = no_keys, .run = run_greedy};
    weft_sim_bench_options options = {.verify = true};
    reset();
    weft_status status = weft__bench_run_all(&greedy, machine, &options, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_OUT_OF_MEMORY, "8000000 bytes", "for the whole world", NULL, NULL);
    test.launches = 1;
    status = weft__bench_run_all(&greedy, machine, &options, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_OUT_OF_MEMORY, "18446744073709551615 bytes",
                           "for the numbers of the whole world", NULL, NULL);
    weft_sim_bench_result_destroy(run_test(machine, &greedy, (weft_sim_bench_options){0}));
    weft_machine_close(machine);
}
END_TEST

START_TEST(nothing_happens_after_an_error)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine *machine = open_bench_machine("tiny", NULL);
    const weft__bench failing = {.name = "failing", .what = "Fails.", .keys = no_keys, .run = run_failing};
    reset();
    test.launches = 1;
    weft_status status =
        weft__bench_run_all(&failing, machine, &(weft_sim_bench_options){.verify = true}, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "There are 2 reasons.", NULL, NULL, NULL);
    ck_assert_ptr_null(result);
    weft_machine_close(machine);
}
END_TEST

/* ---- hazards, and errors of one run of many ---- */

/* Reads what a composite command may not have written yet. */
static void careless(weft_tile *tl, const void *arguments)
{
    const weft_placed_tensor *given_tensor = arguments;
    tl_tensor source = tl_shard(tl, given_tensor);
    tl_tensor a = tl_load(tl, source.address, source.shape, source.dtype);
    tl_tensor out = tl_full(tl, a.shape, a.dtype, 0);
    const tl_composite_request request = {.op = WEFT_COMMAND_NEG, .a = a, .out = out.address, .dtype = a.dtype};
    (void)tl_composite(tl, &request);
    tl_store(tl, source.address, tl_add(tl, out, out));
}

static void run_careless(weft__bench_run *run)
{
    weft_placed_tensor *tensor = weft__bench_tensor(run, "given", WEFT_F32, weft_shape_2d(2, 3), &test.placement);
    (void)weft__bench_set(run, tensor, test.numbers);
    if (test.runs++ >= test.differing_run && test.differing_run > 0)
        weft__bench_fail(run, WEFT_UNSUPPORTED, "This one not.");
    weft__bench_launch(
        run, &(weft_launch_options){.name = "thoughtless", .kernel = careless, .arguments = tensor, .pes = {.pes = 1}});
    weft__bench_check(run, "given", tensor, reference, NULL, (weft__bench_bound){1e9, 1e9});
}

static const weft__bench careless_bench = {
    .name = "careless", .what = "Careless.", .keys = no_keys, .run = run_careless};

START_TEST(hazards_are_counted_and_outlive_their_run)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine *machine = open_bench_machine("tiny", NULL);
    reset();
    weft_sim_bench_options options = {.verify = true};
    weft_status status = weft__bench_run_all(&careless_bench, machine, &options, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_HAZARD, "thoughtless", "tl_composite", "sip0.cube0.pe0", NULL);
    ck_assert_ptr_null(result);

    options.hazards = WEFT_HAZARDS_REPORT;
    options.perturb = 2;
    result = run_test(machine, &careless_bench, options);
    ck_assert(!result->holds && result->checks[0].holds && result->perturbed.agree);
    ck_assert_uint_gt(result->hazard_count, 0);
    ck_assert_uint_eq(result->hazard_count, result->statistics.hazards);
    ck_assert_uint_eq(result->perturbed.hazards, 2 * result->statistics.hazards);
    const weft_kernel_hazard *hazard = &result->hazards[0];
    ck_assert_str_eq(hazard->kernel, "thoughtless");
    ck_assert_str_eq(hazard->pe, "sip0.cube0.pe0");
    ck_assert(weft_test_is_sentence(hazard->text));
    weft_sim_bench_result_destroy(result);

    options.hazards = WEFT_HAZARDS_HARDWARE;
    result = run_test(machine, &careless_bench, options);
    ck_assert(result->holds && result->hazard_count > 0);
    weft_sim_bench_result_destroy(result);

    result = run_test(machine, &careless_bench, (weft_sim_bench_options){.hazards = WEFT_HAZARDS_REPORT});
    ck_assert(result->holds && result->hazard_count == 0); /* times alone: nobody looks */
    weft_sim_bench_result_destroy(result);
    weft_machine_close(machine);
}
END_TEST

/* Each PE sends to the one east of it, and nobody receives. */
static void talkative(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    if (tl_has_neighbour(tl, TL_PE_EAST))
        (void)tl_send(tl, TL_PE_EAST, tl_full(tl, weft_shape_2d(2, 3), WEFT_F32, 1));
}

static void run_talkative(weft__bench_run *run)
{
    weft__bench_launch(run, &(weft_launch_options){.kernel = talkative, .queues = WEFT_QUEUES_PES});
}

static const weft__bench talkative_bench = {
    .name = "talkative", .what = "Talkative.", .keys = no_keys, .run = run_talkative};

/* The PE that has the slot goes with the simulation, and its name with it. */
START_TEST(the_slot_of_a_hazard_outlives_its_run)
{
    weft_machine *machine = open_bench_machine("tiny", NULL);
    weft_sim_bench_result *result =
        run_test(machine, &talkative_bench, (weft_sim_bench_options){.verify = true, .hazards = WEFT_HAZARDS_REPORT});
    weft_machine_close(machine);
    ck_assert_uint_eq(result->hazard_count, 1);
    const weft_kernel_hazard *hazard = &result->hazards[0];
    ck_assert_int_eq(hazard->kind, WEFT_KERNEL_HAZARD_UNRECEIVED);
    ck_assert_str_eq(hazard->slot_pe, "sip0.cube0.pe1");
    ck_assert_int_eq(hazard->slot_direction, TL_PE_WEST);
    ck_assert_uint_eq(hazard->slot, 0);
    weft_sim_bench_result_destroy(result);
}
END_TEST

START_TEST(an_error_says_in_which_run)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine *machine = open_bench_machine("tiny", NULL);
    reset();
    test.differing_run = 2;
    weft_sim_bench_options options = {.perturb = 3, .seed = 10, .hazards = WEFT_HAZARDS_REPORT};
    weft_status status = weft__bench_run_all(&careless_bench, machine, &options, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "Perturbed run 2 of 3, seed 12: This one not.", NULL, NULL,
                           NULL);
    weft_machine_close(machine);
}
END_TEST

static void count_progress(void *user, uint64_t done, uint64_t total)
{
    uint64_t *calls = user;
    ck_assert_uint_eq(done, (*calls)++);
    ck_assert_uint_eq(total, 4);
}

START_TEST(progress_counts_runs)
{
    uint64_t calls = 0;
    weft_machine *machine = open_bench_machine("tiny", NULL);
    reset();
    weft_sim_bench_options options = {.perturb = 3, .progress = count_progress, .progress_user = &calls};
    weft_sim_bench_result_destroy(run_test(machine, &given, options));
    ck_assert_uint_eq(calls, 5);
    weft_machine_close(machine);
}
END_TEST

/* Every allocation matters but those with which a tensor that is destroyed is forgotten: nobody reads it any more. */
START_TEST(memory_that_fails)
{
    static const weft_machine_setting settings[] = {{"m", "3"}, {"k", "4"}, {"n", "3"}};
    const weft_sim_bench_options options = {
        .settings = settings, .setting_count = 3, .perturb = 1, .keeps_history = true};
    weft_machine *machine = open_bench_machine("tiny", NULL);
    static const char *const bare[] = {" bytes for a.", " bytes for b.", " bytes for out."};
    uint64_t harmless = 0, of_tensors = 0;
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_error err;
        weft_sim_bench_result *result;
        weft_test_fail_allocation_after(n);
        weft_status status = weft_sim_bench_run(machine, "gemm-single-pe", &options, &result, &err);
        failed = weft_test_stop_failing();
        harmless += failed && status == WEFT_OK;
        ck_assert_msg(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY), "allocation %" PRIu64 ": %s", n,
                      err.message);
        ck_assert(status == WEFT_OK ? result->holds : !result);
        of_tensors += status != WEFT_OK && strstr(err.message, " bytes for tensor '") != NULL;
        for (size_t i = 0; status != WEFT_OK && i < 3; i++)
            ck_assert_ptr_null(strstr(err.message, bare[i]));
        weft_sim_bench_result_destroy(result);
    }
    ck_assert_uint_ge(of_tensors, 3); /* numbers of two, and shards of one */
    ck_assert_uint_le(harmless, 6);   /* three tensors of two runs */
    weft_machine_close(machine);
}
END_TEST

WEFT_TEST_MAIN("bench_framework", a_check_holds_within_its_bound_and_not_outside, a_check_knows_what_is_not_finite,
               the_steps_of_each_dtype, shards_are_put_together, the_first_difference_is_named, launches_add_up,
               random_numbers_fill_their_range, memory_that_there_is_not, nothing_happens_after_an_error,
               hazards_are_counted_and_outlive_their_run, the_slot_of_a_hazard_outlives_its_run,
               an_error_says_in_which_run, progress_counts_runs, memory_that_fails)
