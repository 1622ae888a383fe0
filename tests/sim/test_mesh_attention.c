/* mesh-attention: many inputs on rings with many and few slots against plain attention, shapes and machines of other
 * sorts, and what becomes of a kernel that gives a slot back before it has sent on what is in it.
 *
 * With --long all inputs run perturbed, not some of them. */
#include "bench_memory.h"
#include "simulation_bench.h"

#include "base/rng.h"
#include "sim/benches/mesh_attention.h"
#include "sim/replay/kernels.h"
#include "support/sentence.h"

static bool is_long;

/* ---- the bench ---- */

static weft_sim_bench_result *run_attention(const weft_machine *machine, const char *const *pairs, uint64_t seed,
                                            uint64_t perturb)
{
    return run_bench_on(machine, "mesh-attention", pairs,
                        (weft_sim_bench_options){.verify = true, .seed = seed, .perturb = perturb});
}

static void check_within_a_thousandth(const weft_sim_bench_result *result)
{
    const weft_sim_bench_check *check = &result->checks[0];
    ck_assert_uint_eq(result->check_count, 1);
    ck_assert_msg(check->worst_error <= 1e-3, "%.17g where %.17g was expected", check->found, check->expected);
    ck_assert_msg(result->perturbed.agree, "%s", result->perturbed.differs);
    ck_assert_uint_eq(result->statistics.hazards, 0);
    ck_assert(result->holds);
}

/* Of the inputs, one in 25 runs with 20 perturbations too. */
static void check_inputs(const char *slots, uint64_t inputs)
{
    static const char *const pairs[] = {"ranks",    "8",  "q_heads", "24",  "kv_heads", "2",
                                        "head_dim", "64", "cached",  "512", NULL};
    weft_machine *machine = open_bench_machine("two-sip", (const char *const[]){"pe.ipcq.slots", slots, NULL});
    uint64_t times = 0;
    for (uint64_t seed = 1; seed <= inputs; seed++) {
        bool is_perturbed = is_long || seed % 25 == 0;
        weft_sim_bench_result *result = run_attention(machine, pairs, seed, is_perturbed ? 20 : 0);
        check_within_a_thousandth(result);
        ck_assert_uint_eq(result->checks[0].elements, 8 * 24 * 64);
        ck_assert_uint_eq(result->report.messages, 8 * 3 * 7);
        if (is_perturbed) {
            ck_assert_uint_eq(result->perturbed.runs, 20);
            ck_assert_uint_ne(result->perturbed.least_ps, result->perturbed.most_ps);
        }
        if (times == 0)
            times = result->report.makespan_ps;
        ck_assert_uint_eq(result->report.makespan_ps, times); /* numbers do not change times */
        weft_sim_bench_result_destroy(result);
    }
    weft_machine_close(machine);
}

START_TEST(decode_is_attention_on_rings_of_8_slots)
{
    check_inputs("8", 100);
}
END_TEST

START_TEST(decode_is_attention_on_rings_of_4_slots)
{
    check_inputs("4", 100);
}
END_TEST

START_TEST(decode_is_attention_on_rings_of_2_slots)
{
    check_inputs("2", 100);
}
END_TEST

START_TEST(decode_is_attention_on_rings_of_1_slot)
{
    check_inputs("1", 25);
}
END_TEST

/* Machines and shapes beside the usual ones; decode and prefill. */
typedef struct shape {
    const char *machine[5]; /* settings */
    const char *bench[17];
} shape;

static const shape shapes[] = {
    {{NULL}, {"ranks", "1", "cached", "96", "queries", "40"}},
    {{NULL}, {"ranks", "2", "cached", "96", "queries", "96"}},
    {{NULL}, {"ranks", "3", "cached", "99", "queries", "15", "path", "line"}},
    {{NULL}, {"ranks", "7", "cached", "49", "queries", "7", "q_heads", "6", "kv_heads", "3", "head_dim", "24"}},
    {{NULL}, {"ranks", "8", "cached", "8", "queries", "8", "q_heads", "1", "kv_heads", "1", "head_dim", "1"}},
    {{"pe.ipcq.slots", "1"}, {"ranks", "5", "cached", "200", "queries", "50", "path", "line"}},
    {{"pe.ipcq.slots", "2"}, {"ranks", "8", "cached", "128", "queries", "16", "path", "line", "causal", "no"}},
    {{"pe.ipcq.slots", "3"}, {"ranks", "8", "cached", "128", "queries", "128", "dtype", "bf16"}},
    {{"pe.ipcq.memory", "sram"}, {"ranks", "8", "cached", "128", "queries", "32", "dtype", "f32"}},
    {{"pe.ipcq.memory", "hbm", "pe.ipcq.slots", "1"}, {"ranks", "4", "groups", "2", "cached", "64", "queries", "8"}},
    {{"pe.scratch_kib", "40"}, {"ranks", "8", "cached", "256", "queries", "16"}}, /* what a step makes is given back */
    {{"pe.scratch_kib", "40", "pe.ipcq.slots", "1"}, {"ranks", "8", "cached", "256", "queries", "16"}},
    {{"pe.ipcq.slot_bytes", "256"}, {"ranks", "8", "cached", "64", "queries", "8", "q_heads", "8"}},
    {{"pe.ipcq.slot_bytes", "256", "pe.ipcq.slots", "2"}, {"ranks", "4", "cached", "64", "queries", "8"}},
    {{"pe.ipcq.slot_bytes", "256"}, {"ranks", "4", "cached", "64", "queries", "8", "q_heads", "48", "head_dim", "16"}},
    {{NULL}, {"ranks", "16", "groups", "2", "cached", "64", "queries", "16", "q_heads", "8", "head_dim", "16"}},
};

static void check_shape(const shape *it, const char *mode)
{
    const char *pairs[20] = {"mode", mode};
    for (size_t i = 0; it->bench[i]; i++)
        pairs[i + 2] = it->bench[i];
    weft_machine *machine = open_bench_machine("two-sip", it->machine);
    weft_sim_bench_result *result = run_attention(machine, pairs, 7, 2);
    ck_assert_msg(result->holds, "%s %s=%s: %s %.17g where %.17g was expected", mode, it->bench[0], it->bench[1],
                  result->perturbed.differs, result->checks[0].found, result->checks[0].expected);
    weft_sim_bench_result_destroy(result);
    weft_machine_close(machine);
}

START_TEST(shapes_and_machines_of_all_sorts_are_attention)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check_shape(&shapes[i], "decode");
        check_shape(&shapes[i], "prefill");
    }
}
END_TEST

/* A long ring that has little room for pairs. Parts of a cube, one, a part of a row, rows, parts of a SIP and all of
 * it; SIPs that are no squares. */
static const shape decodes[] = {
    {{"pe.scratch_kib", "40"}, {"ranks", "128", "cached", "128", "q_heads", "16", "head_dim", "8"}},
    {{NULL}, {"ranks", "4", "path", "cubes", "groups", "2", "cached", "64"}},
    {{NULL}, {"ranks", "6", "path", "cubes", "cached", "96"}},
    {{NULL}, {"ranks", "8", "path", "cubes", "groups", "2", "cached", "64"}},
    {{NULL}, {"ranks", "16", "path", "cubes", "groups", "2", "cached", "128"}},
    {{"pe.ipcq.slots", "1"}, {"ranks", "32", "path", "cubes", "cached", "128", "head_dim", "16"}},
    {{"pe.ipcq.slots", "2"}, {"ranks", "64", "path", "cubes", "cached", "192", "q_heads", "6", "head_dim", "24"}},
    {{"pe.ipcq.memory", "sram"}, {"ranks", "64", "path", "cubes", "groups", "2", "cached", "64", "dtype", "f32"}},
    {{"pe.ipcq.slot_bytes", "64"}, /* pairs in several messages */
     {"ranks", "128", "path", "cubes", "groups", "2", "cached", "128", "head_dim", "8", "q_heads", "48"}},
    {{"pe.tcm_kib", "128"}, /* cubes at an end have more scratch memory than others, but all send as many pairs */
     {"ranks", "32", "path", "cubes", "groups", "4", "cached", "8640", "q_heads", "32", "kv_heads", "4", "head_dim",
      "16"}},
    {{"sip.rows", "2", "sip.columns", "8"}, {"ranks", "32", "path", "cubes", "cached", "64", "head_dim", "16"}},
    {{"sip.rows", "2", "sip.columns", "8"}, {"ranks", "64", "path", "cubes", "cached", "64", "head_dim", "16"}},
    {{"sip.rows", "2", "sip.columns", "8"}, {"ranks", "128", "path", "cubes", "cached", "128", "head_dim", "16"}},
};

START_TEST(rectangles_and_long_rings_are_attention)
{
    for (size_t i = 0; i < sizeof decodes / sizeof decodes[0]; i++)
        check_shape(&decodes[i], "decode");
}
END_TEST

/* How long it takes, in picoseconds, with so many messages that each PE gets. */
static uint64_t time_of_large_layer(const weft_machine *machine, const char *path, uint64_t messages)
{
    const char *const pairs[] = {"path",     "ring", "ranks",    "32",  "groups", "8",    "q_heads", "64",
                                 "kv_heads", "8",    "head_dim", "128", "cached", "8192", NULL};
    const char *settings[sizeof pairs / sizeof pairs[0]];
    memcpy(settings, pairs, sizeof pairs);
    settings[1] = path;
    weft_sim_bench_result *result = run_bench_on(machine, "mesh-attention", settings, (weft_sim_bench_options){0});
    ck_assert_uint_eq(result->report.pes, 256);
    ck_assert_uint_eq(result->report.messages, 256 * messages);
    ck_assert_uint_eq(result->flops, UINT64_C(4) * 64 * 128 * 8192);
    ck_assert_uint_eq(result->report.macs, result->flops / 2);
    ck_assert_uint_eq(result->statistics.values, 0);
    uint64_t time_ps = result->report.makespan_ps;
    weft_sim_bench_result_destroy(result);
    return time_ps;
}

/* Pairs and outputs of 31 others, or of 7 in the cube and then of 3 cubes. */
START_TEST(a_layer_of_a_large_model_runs_on_all_pes)
{
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    uint64_t in_rings_ps = time_of_large_layer(machine, "ring", 2 * 31);
    uint64_t in_cubes_ps = time_of_large_layer(machine, "cubes", 2 * (7 + 3));
    ck_assert_uint_lt(2 * in_cubes_ps, in_rings_ps);
    weft_machine_close(machine);
}
END_TEST

/* The ranks of one cube stand in a ring. */
START_TEST(a_group_of_one_cube_is_a_ring)
{
    static const char *const paths[] = {"cubes", "ring", "line"};
    uint64_t times_ps[3];
    weft_machine *machine = open_bench_machine("two-sip", NULL);
    for (size_t i = 0; i < 3; i++) {
        const char *const pairs[] = {"path", paths[i], "ranks", "8", NULL};
        weft_sim_bench_result *result = run_bench_on(machine, "mesh-attention", pairs, (weft_sim_bench_options){0});
        times_ps[i] = result->report.makespan_ps;
        weft_sim_bench_result_destroy(result);
    }
    ck_assert_uint_eq(times_ps[0], times_ps[1]);
    ck_assert_uint_ne(times_ps[0], times_ps[2]);
    weft_machine_close(machine);
}
END_TEST

/* Every allocation fails once. */
START_TEST(memory_that_fails)
{
    static const weft_machine_setting settings[] = {{"mode", "prefill"}, {"ranks", "2"},    {"q_heads", "2"},
                                                    {"kv_heads", "1"},   {"head_dim", "4"}, {"cached", "4"},
                                                    {"queries", "2"}};
    check_bench_memory("mesh-attention", settings, sizeof settings / sizeof settings[0]);
}
END_TEST

/* ---- a layer of our own ---- */

#define RANKS 8u
#define HEADS 16u
#define KV_HEADS 2u
#define DIM 64u
#define TOKENS 32u      /* of a rank */
#define OUTPUT_ROWS 12u /* in the first message of an output; the other rows are in the second */

/* The data of a layer, in their natural order, and what should come out. */
typedef struct layer {
    double query[HEADS][DIM];
    double key[KV_HEADS][RANKS * TOKENS][DIM], value[KV_HEADS][RANKS * TOKENS][DIM];
    double output[HEADS][DIM];
} layer;

static void fill(double *numbers, size_t count, double scale, weft__rng *rng)
{
    uint16_t rounded;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (2 * weft__rng_unit(rng) - 1) * scale;
        weft__store_doubles(WEFT_F16, &rounded, 0, &numbers[i], 1);
        weft__load_doubles(WEFT_F16, &rounded, 0, &numbers[i], 1);
    }
}

static void attend(layer *it, size_t head)
{
    size_t kv_head = head / (HEADS / KV_HEADS);
    double sum = 0, weights[RANKS * TOKENS];
    for (size_t token = 0; token < RANKS * TOKENS; token++) {
        double score = 0;
        for (size_t i = 0; i < DIM; i++)
            score += it->query[head][i] * it->key[kv_head][token][i];
        weights[token] = exp(score / sqrt(DIM));
        sum += weights[token];
    }
    for (size_t i = 0; i < DIM; i++) {
        it->output[head][i] = 0;
        for (size_t token = 0; token < RANKS * TOKENS; token++)
            it->output[head][i] += weights[token] / sum * it->value[kv_head][token][i];
    }
}

static layer *new_layer(uint64_t seed)
{
    weft__rng rng;
    layer *it = malloc(sizeof *it);
    weft__rng_init(&rng, seed);
    fill(&it->query[0][0], HEADS * DIM, 2, &rng);
    fill(&it->key[0][0][0], (size_t)KV_HEADS * RANKS * TOKENS * DIM, 2, &rng);
    fill(&it->value[0][0][0], (size_t)KV_HEADS * RANKS * TOKENS * DIM, 1, &rng);
    for (size_t head = 0; head < HEADS; head++)
        attend(it, head);
    return it;
}

/* It on a machine. */
typedef struct placed_layer {
    simulation_bench base;
    weft_placed_tensor *query, *key, *value, *output;
    weft__attention attention;
} placed_layer;

static void set_halves(weft_placed_tensor *tensor, const double *numbers, size_t count)
{
    uint16_t *halves = malloc(count * sizeof *halves);
    weft__store_doubles(WEFT_F16, halves, 0, numbers, count);
    set_tensor(tensor, halves, count * sizeof *halves);
    free(halves);
}

/* Tokens as the ranks have them: rank, head, token. */
static void set_tokens(weft_placed_tensor *tensor, const double (*numbers)[RANKS * TOKENS][DIM])
{
    const size_t bytes = sizeof(double) * KV_HEADS * RANKS * TOKENS * DIM;
    double(*placed)[KV_HEADS][TOKENS][DIM] = malloc(bytes);
    for (size_t rank = 0; rank < RANKS; rank++)
        for (size_t head = 0; head < KV_HEADS; head++)
            memcpy(placed[rank][head], numbers[head][rank * TOKENS], sizeof placed[rank][head]);
    set_halves(tensor, &placed[0][0][0][0], bytes / sizeof(double));
    free(placed);
}

static void place_layer(placed_layer *it, const layer *data, const char *slots, weft_hazard_action hazards)
{
    const weft_placement copies = {.pes = {.sips = 1, .cubes = 1}};
    const weft_placement rows = {.pes = copies.pes, .over_pes = WEFT_SPLIT_ROWS};
    it->base = open_simulation("two-sip", (const char *const[]){"pe.ipcq.slots", slots, NULL},
                               &(weft_simulation_options){.hazards = hazards});
    it->query = make_tensor(&it->base, WEFT_F16, weft_shape_2d(HEADS, DIM), copies);
    it->key = make_tensor(&it->base, WEFT_F16, weft_shape_2d(RANKS * KV_HEADS * TOKENS, DIM), rows);
    it->value = make_tensor(&it->base, WEFT_F16, weft_shape_2d(RANKS * KV_HEADS * TOKENS, DIM), rows);
    it->output = make_tensor(&it->base, WEFT_F16, weft_shape_2d(RANKS * HEADS, DIM), rows);
    set_halves(it->query, &data->query[0][0], HEADS * DIM);
    set_tokens(it->key, data->key);
    set_tokens(it->value, data->value);
    uint32_t together = (uint32_t)strtoul(slots, NULL, 10) - 1;
    it->attention = (weft__attention){.kv_heads = KV_HEADS,
                                      .sharers = HEADS / KV_HEADS,
                                      .head_dim = DIM,
                                      .queries = 1,
                                      .tokens = TOKENS,
                                      .scale = 1 / sqrt(DIM),
                                      .is_ring = true,
                                      .cube_columns = 1,
                                      .cube_rows = 1,
                                      .stays_in_slots = true,
                                      .together = together < WEFT__ATTENTION_PARTS ? together : WEFT__ATTENTION_PARTS,
                                      .output_rows = OUTPUT_ROWS,
                                      .pair_rows = HEADS,
                                      .dtype = WEFT_F16,
                                      .query = it->query,
                                      .key = it->key,
                                      .value = it->value,
                                      .output = it->output};
}

static weft_status run_layer(placed_layer *it, weft_tile_kernel *kernel, weft_error *err)
{
    const weft_launch_options options = {.name = "decode",
                                         .kernel = kernel,
                                         .arguments = &it->attention,
                                         .pes = {.sips = 1, .cubes = 1},
                                         .queues = WEFT_QUEUES_RING};
    weft_kernel_launch *launch = begin_launch(&it->base, &options);
    weft_status status = weft_simulation_wait(it->base.simulation, launch, err);
    weft_kernel_launch_destroy(launch);
    return status;
}

/* The greatest error of all ranks. */
static double worst_error(placed_layer *it, const layer *data)
{
    static double found[RANKS][HEADS][DIM];
    static uint16_t halves[RANKS * HEADS * DIM];
    double worst = 0;
    get_tensor(it->output, halves, sizeof halves);
    weft__load_doubles(WEFT_F16, halves, 0, &found[0][0][0], RANKS * HEADS * DIM);
    for (size_t rank = 0; rank < RANKS; rank++)
        for (size_t head = 0; head < HEADS; head++)
            for (size_t i = 0; i < DIM; i++)
                worst = fmax(worst, fabs(found[rank][head][i] - data->output[head][i]));
    return worst;
}

static void close_layer(placed_layer *it)
{
    weft_placed_tensor_destroy(it->query);
    weft_placed_tensor_destroy(it->key);
    weft_placed_tensor_destroy(it->value);
    weft_placed_tensor_destroy(it->output);
    close_simulation(&it->base);
}

START_TEST(a_layer_of_our_own_is_attention)
{
    weft_error err;
    placed_layer it;
    layer *data = new_layer(3);
    place_layer(&it, data, "4", WEFT_HAZARDS_ERROR);
    WEFT_TEST_ASSERT_OK(run_layer(&it, weft__attention_decode, &err), err);
    double worst = worst_error(&it, data);
    ck_assert_msg(worst > 0 && worst <= 1e-3, "%g", worst);
    close_layer(&it);
    free(data);
}
END_TEST

/* ---- a slot that is given back too early ---- */

#define WRONG_RANK 3u

/* Of one rank that, once, gives back a slot before it sends on what is in it. */
typedef struct mistake {
    uint32_t part;    /* when: in the first step, on the way to the next rank */
    uint32_t busy;    /* operations between the two */
    uint64_t address; /* of the slot */
    bool is_made;
    uint64_t freed_ps, sent_ps, read_ps;
} mistake;

static mistake wrong;

static void give_back_and_send(weft_tile *tl, tl_tensor message)
{
    wrong.is_made = true;
    wrong.address = message.address;
    tl_free_slot(tl, message);
    wrong.freed_ps = tl_now_ps(tl);
    tl_tensor work = tl_full(tl, weft_shape_2d(32, 32), WEFT_F32, 0);
    for (uint32_t i = 0; i < wrong.busy; i++)
        (void)tl_exp(tl, work);
    wrong.sent_ps = tl_now_ps(tl);
    tl_wait(tl, tl_send(tl, TL_NEXT, message));
    wrong.read_ps = tl_now_ps(tl);
}

static void pass_on(weft_tile *tl, const tl_tensor *parts, uint32_t part, uint32_t step, bool is_back,
                    weft__attention_use *use, void *context)
{
    uint32_t origin = (WRONG_RANK + (is_back ? step + 1 : RANKS - step - 1)) % RANKS;
    bool goes_on = step + 1 < (is_back ? (RANKS - 1) / 2 : RANKS / 2);
    tl_direction to = is_back ? TL_PREVIOUS : TL_NEXT, from = is_back ? TL_NEXT : TL_PREVIOUS;
    uint64_t mark = tl_mark(tl);
    tl_tensor message = tl_recv_in_place(tl, from, parts[part].shape, parts[part].dtype);
    use(tl, context, part, origin, message);
    if (!is_back && step == 0 && part == wrong.part && !wrong.is_made) {
        give_back_and_send(tl, message);
    } else {
        if (goes_on)
            tl_wait(tl, tl_send(tl, to, message));
        tl_free_slot(tl, message);
    }
    tl_release(tl, mark);
}

static void go_wrong(weft_tile *tl, const weft__attention *it, const weft__attention_path *path, const tl_tensor *parts,
                     uint32_t count, weft__attention_use *use, void *context)
{
    if (path->rank != WRONG_RANK) {
        weft__attention_go_round(tl, it, path, parts, count, use, context);
        return;
    }
    for (uint32_t part = 0; part < count; part++) {
        tl_wait(tl, tl_send(tl, TL_NEXT, parts[part]));
        tl_wait(tl, tl_send(tl, TL_PREVIOUS, parts[part]));
    }
    for (uint32_t step = 0; step < RANKS / 2; step++)
        for (uint32_t part = 0; part < count; part++) {
            pass_on(tl, parts, part, step, false, use, context);
            if (step < (RANKS - 1) / 2)
                pass_on(tl, parts, part, step, true, use, context);
        }
}

static void wrong_kernel(weft_tile *tl, const void *arguments)
{
    weft__attention_decode_by(tl, arguments, go_wrong);
}

/* Runs it, and gives the first hazard, which must be the only one; the layer stays open. */
static weft_kernel_hazard make_mistake(placed_layer *it, const layer *data, const char *slots, mistake which,
                                       weft_hazard_action action)
{
    weft_error err = {0};
    weft_kernel_hazard hazard, other;
    wrong = which;
    place_layer(it, data, slots, action);
    weft_status status = run_layer(it, wrong_kernel, &err);
    ck_assert(weft_simulation_hazard_at(it->base.simulation, 0, &hazard));
    ck_assert_msg(!weft_simulation_hazard_at(it->base.simulation, 1, &other), "%s\n%s", hazard.text, other.text);
    if (action == WEFT_HAZARDS_ERROR) {
        ck_assert_int_eq(status, WEFT_HAZARD);
        ck_assert_str_eq(err.message, hazard.text);
    } else {
        WEFT_TEST_ASSERT_OK(status, err);
    }
    return hazard;
}

/* The right PE, slot, time, and culprit. */
static void check_hazard(const weft_kernel_hazard *it, uint64_t bytes, uint32_t slots)
{
    char slot[96];
    uint32_t number = (RANKS / 2 + wrong.part) % slots; /* pairs of half of the ranks have come before */
    ck_assert_int_eq(it->kind, WEFT_KERNEL_HAZARD_OVERWRITTEN);
    ck_assert_str_eq(it->kernel, "decode");
    ck_assert_str_eq(it->call, "tl_send");
    ck_assert_str_eq(it->pe, "sip0.cube0.pe3");
    ck_assert_uint_eq(it->address, wrong.address);
    ck_assert_uint_eq(it->bytes, bytes);
    ck_assert_str_eq(it->slot_pe, "sip0.cube0.pe3");
    ck_assert_int_eq(it->slot_direction, TL_PREVIOUS);
    ck_assert_uint_eq(it->slot, number);
    (void)snprintf(slot, sizeof slot, ": Hazard in slot %" PRIu32 " of queue previous of sip0.cube0.pe3: ", number);
    ck_assert_msg(strstr(it->text, slot) != NULL, "%s", it->text);
    ck_assert_uint_gt(it->time_ps, wrong.sent_ps);
    ck_assert_str_eq(it->other, "sip0.cube0.pe2");
    ck_assert_uint_gt(it->other_ps, wrong.freed_ps);
    ck_assert_uint_lt(it->other_ps, wrong.sent_ps);
    ck_assert_uint_eq(it->margin_ps, it->time_ps - it->other_ps);
    ck_assert(!it->held);
    ck_assert_msg(weft_test_is_sentence(it->text), "'%s'", it->text);
}

/* As error, as report with the right numbers, and as the wrong numbers that the machine would give. */
static void check_mistake(const char *slots, mistake which, uint64_t bytes)
{
    layer *data = new_layer(4);
    for (int action = WEFT_HAZARDS_ERROR; action <= (int)WEFT_HAZARDS_HARDWARE; action++) {
        placed_layer it;
        weft_kernel_hazard hazard = make_mistake(&it, data, slots, which, (weft_hazard_action)action);
        check_hazard(&hazard, bytes, (uint32_t)strtoul(slots, NULL, 10));
        if (action == WEFT_HAZARDS_REPORT) {
            ck_assert_uint_lt(hazard.time_ps, wrong.read_ps);
            ck_assert(worst_error(&it, data) <= 1e-3);
        } else if (action == WEFT_HAZARDS_HARDWARE) {
            ck_assert(worst_error(&it, data) > 1e-2);
        }
        close_layer(&it);
    }
    free(data);
}

/* Outputs come in two messages, of 3072 and of 1024 bytes, in turn. With 4 slots a message is overwritten by a later
 * one of its own shape, with 3 slots by one of the other. */
START_TEST(a_slot_that_is_freed_before_it_is_sent_on_is_found)
{
    check_mistake("4", (mistake){.part = 0, .busy = 4}, 3072);
    check_mistake("4", (mistake){.part = 1, .busy = 4}, 1024);
    check_mistake("3", (mistake){.part = 0, .busy = 4}, 1024);
    check_mistake("3", (mistake){.part = 1, .busy = 4}, 1024);
}
END_TEST

/* At once, when no other message can have come: as in a ring that has a slot for each message there will be. */
START_TEST(a_slot_that_is_freed_before_it_is_sent_on_is_found_in_any_ring)
{
    static const char *const all_slots[] = {"16", "8", "4", "2"};
    layer *data = new_layer(4);
    for (size_t i = 0; i < sizeof all_slots / sizeof all_slots[0]; i++) {
        placed_layer it;
        uint32_t slots = (uint32_t)strtoul(all_slots[i], NULL, 10);
        weft_kernel_hazard hazard = make_mistake(&it, data, all_slots[i], (mistake){.part = 0}, WEFT_HAZARDS_REPORT);
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_FREED);
        ck_assert_str_eq(hazard.call, "tl_send");
        ck_assert_str_eq(hazard.pe, "sip0.cube0.pe3");
        ck_assert_str_eq(hazard.other, "sip0.cube0.pe3");
        ck_assert_str_eq(hazard.other_call, "tl_free_slot");
        ck_assert_str_eq(hazard.slot_pe, "sip0.cube0.pe3");
        ck_assert_int_eq(hazard.slot_direction, TL_PREVIOUS);
        ck_assert_uint_eq(hazard.slot, (RANKS / 2 + wrong.part) % slots);
        ck_assert_uint_le(hazard.other_ps, wrong.freed_ps);
        ck_assert_uint_lt(hazard.time_ps, wrong.read_ps);
        ck_assert_uint_eq(hazard.time_ps, hazard.other_ps + hazard.margin_ps);
        ck_assert(worst_error(&it, data) <= 1e-3);
        close_layer(&it);
    }
    free(data);
}
END_TEST

int main(int count, char **arguments)
{
    const TTest *const tests[] = {decode_is_attention_on_rings_of_8_slots,
                                  decode_is_attention_on_rings_of_4_slots,
                                  decode_is_attention_on_rings_of_2_slots,
                                  decode_is_attention_on_rings_of_1_slot,
                                  shapes_and_machines_of_all_sorts_are_attention,
                                  rectangles_and_long_rings_are_attention,
                                  a_layer_of_a_large_model_runs_on_all_pes,
                                  a_group_of_one_cube_is_a_ring,
                                  memory_that_fails,
                                  a_layer_of_our_own_is_attention,
                                  a_slot_that_is_freed_before_it_is_sent_on_is_found,
                                  a_slot_that_is_freed_before_it_is_sent_on_is_found_in_any_ring};
    is_long = count > 1 && strcmp(arguments[1], "--long") == 0;
    return weft_test_run("mesh_attention", tests, sizeof tests / sizeof tests[0]);
}
