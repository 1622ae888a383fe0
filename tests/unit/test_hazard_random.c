/* The hazard tracker against brute force, over random streams: which barriers are missing, needless or too wide, where
 * inferred barriers go, and that streams whose barriers suffice give the same bits in every order. */
#include "support/random_stream.h"

enum {
    LENGTH = 30,
    ROUNDS = 400
};

/* A stream and where its barriers stand: barriers_before[i] right before op i, the last ones at the end. */
typedef struct stream {
    stream_op ops[LENGTH];
    uint32_t barriers_before[LENGTH + 1];
} stream;

static stream random_stream(weft__rng *rng, uint64_t one_barrier_in)
{
    stream it;
    for (size_t i = 0; i < LENGTH; i++)
        it.ops[i] = stream_random_op(rng);
    for (size_t i = 0; i <= LENGTH; i++)
        it.barriers_before[i] = weft__rng_below(rng, one_barrier_in) == 0 ? 1 + (weft__rng_below(rng, 8) == 0) : 0;
    return it;
}

static void place_barriers(weft_encoder *encoder, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        OK(weft_encoder_barrier(encoder, NULL));
}

static void record(weft_encoder *encoder, const stream *it, weft_buffer *const *places)
{
    for (size_t i = 0; i < LENGTH; i++) {
        place_barriers(encoder, it->barriers_before[i]);
        OK(stream_record(encoder, &it->ops[i], places));
    }
    place_barriers(encoder, it->barriers_before[LENGTH]);
}

/* Is there a barrier between every two ops that conflict? `stands[i]` tells whether one is right before op i. */
static bool all_ordered(const stream *it, const bool stands[LENGTH + 1])
{
    for (size_t j = 1; j < LENGTH; j++) {
        bool between = false;
        for (size_t i = j; i-- > 0 && !between;) {
            between = stands[i + 1];
            if (!between && stream_conflict(&it->ops[i], &it->ops[j]))
                return false;
        }
    }
    return true;
}

/* One barrier as the report must see it. */
typedef struct placed {
    size_t position; /* ops before it */
    bool is_real;
    bool needless;
} placed;

/* What both ops of a hazard do with the bytes that it names fits its kind. */
static void check_bytes(const stream *it, const weft_hazard *hazard, uint64_t allocation_of_first_place)
{
    const stream_op *first = &it->ops[hazard->first_dispatch], *second = &it->ops[hazard->second_dispatch];
    size_t place = (size_t)(hazard->allocation - allocation_of_first_place);
    ck_assert_uint_lt(place, STREAM_PLACES);
    ck_assert(hazard->begin_bytes < hazard->end_bytes && hazard->end_bytes <= 4 * STREAM_FLOATS);
    stream_box named = {place, hazard->begin_bytes / 4, 1, (hazard->end_bytes - hazard->begin_bytes) / 4, 0};
    uint64_t mask = stream_mask(&named);
    uint64_t by_first = hazard->kind == WEFT_HAZARD_WAR ? first->reads[place] : first->writes[place];
    uint64_t by_second = hazard->kind == WEFT_HAZARD_RAW ? second->reads[place] : second->writes[place];
    ck_assert((mask & ~by_first) == 0);
    ck_assert((mask & ~by_second) == 0);
}

/* Walks the stream as the tracker must: the missing barriers in their order, each then taken as if it had been there.
 * Returns how many were missing and fills in all barriers that count. */
static size_t check_missing(const stream *it, const weft_hazard_report *report, uint64_t first_allocation,
                            placed *barriers, size_t *barrier_count)
{
    size_t missing = 0, count = 0, real = 0, last = 0;
    for (size_t j = 0; j <= LENGTH; j++) {
        for (uint32_t b = 0; b < it->barriers_before[j]; b++, real++)
            barriers[count++] = (placed){.position = last = j, .is_real = true};
        size_t i = j;
        while (j < LENGTH && i > last && !stream_conflict(&it->ops[i - 1], &it->ops[j]))
            i--;
        if (j == LENGTH || i == last)
            continue;
        const weft_hazard *hazard = weft_hazard_report_at(report, missing++);
        ck_assert_ptr_nonnull(hazard);
        ck_assert_int_eq(hazard->verdict, WEFT_VERDICT_MISSING);
        ck_assert_uint_eq(hazard->first_dispatch, i - 1);
        ck_assert_uint_eq(hazard->second_dispatch, j);
        ck_assert_uint_eq(hazard->barrier, real);
        check_bytes(it, hazard, first_allocation);
        barriers[count++] = (placed){.position = last = j};
    }
    *barrier_count = count;
    return missing;
}

static placed *real_barrier(placed *barriers, size_t count, uint32_t index)
{
    for (size_t i = 0; i < count; i++)
        if (barriers[i].is_real && index-- == 0)
            return &barriers[i];
    return NULL;
}

/* The needless ones can all be left out together; then none of the rest can. */
static void check_needless(const stream *it, const placed *barriers, size_t count)
{
    bool stands[LENGTH + 1] = {false};
    for (size_t i = 0; i < count; i++)
        if (!barriers[i].needless) {
            ck_assert(!stands[barriers[i].position]); /* of two side by side, one is needless */
            stands[barriers[i].position] = true;
        }
    ck_assert(all_ordered(it, stands));
    for (size_t i = 0; i < count; i++) {
        if (barriers[i].needless || !barriers[i].is_real)
            continue;
        stands[barriers[i].position] = false;
        ck_assert_msg(!all_ordered(it, stands), "the barrier before op %zu is not needed", barriers[i].position);
        stands[barriers[i].position] = true;
    }
}

/* Ops behind barrier `b` and before the next that conflict with nothing since the needed barrier before it. */
static size_t count_unheld(const stream *it, const placed *barriers, size_t count, size_t b, size_t *first)
{
    size_t begin = 0, end = b + 1 < count ? barriers[b + 1].position : LENGTH, unheld = 0;
    for (size_t i = 0; i < b; i++)
        if (!barriers[i].needless)
            begin = barriers[i].position;
    for (size_t k = barriers[b].position; k < end; k++) {
        bool held = false;
        for (size_t i = begin; i < barriers[b].position; i++)
            held |= stream_conflict(&it->ops[i], &it->ops[k]);
        if (!held && unheld++ == 0)
            *first = k;
    }
    return unheld;
}

static void check_verdicts_on_barriers(const stream *it, const weft_hazard_report *report, size_t missing,
                                       placed *barriers, size_t count)
{
    size_t too_wide = 0;
    for (size_t i = missing; i < weft_hazard_report_count(report); i++) {
        const weft_hazard *hazard = weft_hazard_report_at(report, i);
        ck_assert_int_ne(hazard->verdict, WEFT_VERDICT_MISSING);
        placed *barrier = real_barrier(barriers, count, hazard->barrier);
        ck_assert_ptr_nonnull(barrier);
        barrier->needless |= hazard->verdict == WEFT_VERDICT_NEEDLESS;
    }
    check_needless(it, barriers, count);
    size_t seen = missing;
    for (size_t b = 0; b < count; b++) {
        size_t first = 0, unheld = count_unheld(it, barriers, count, b, &first);
        if (!barriers[b].is_real || (!barriers[b].needless && unheld == 0))
            continue;
        const weft_hazard *hazard = weft_hazard_report_at(report, seen++); /* in the order of the barriers */
        ck_assert_ptr_nonnull(hazard);
        ck_assert_int_eq(hazard->verdict, barriers[b].needless ? WEFT_VERDICT_NEEDLESS : WEFT_VERDICT_TOO_WIDE);
        if (barriers[b].needless)
            continue;
        too_wide++;
        ck_assert_uint_eq(hazard->first_dispatch, first);
        ck_assert_uint_eq(hazard->held_back, unheld);
    }
    ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_TOO_WIDE), too_wide);
    ck_assert_uint_eq(weft_hazard_report_count(report), seen);
}

START_TEST(verdicts_are_those_of_brute_force)
{
    weft_device *device = test_open("ref");
    weft_hazard_report *report;
    OK(weft_hazard_report_create(&report, NULL));
    weft_buffer *places[STREAM_PLACES];
    stream_places(device, places);
    weft_encoder_options options = {.hazards = report};
    weft_encoder *encoder = test_encoder(device, &options);
    weft__rng rng;
    weft__rng_init(&rng, 11);
    size_t missing = 0, needless = 0, too_wide = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        stream it = random_stream(&rng, 1 + round % 9);
        weft_hazard_report_clear(report);
        record(encoder, &it, places);
        OK(weft_encoder_commit(encoder, NULL, NULL));
        OK(weft_encoder_reset(encoder, NULL));
        placed barriers[4 * LENGTH];
        size_t count;
        size_t found = check_missing(&it, report, 1, barriers, &count); /* the places were allocated first */
        ck_assert_uint_eq(found, weft_hazard_report_count_of(report, WEFT_VERDICT_MISSING));
        check_verdicts_on_barriers(&it, report, found, barriers, count);
        missing += found;
        needless += weft_hazard_report_count_of(report, WEFT_VERDICT_NEEDLESS);
        too_wide += weft_hazard_report_count_of(report, WEFT_VERDICT_TOO_WIDE);
    }
    ck_assert_uint_gt(missing, 1000);
    ck_assert_uint_gt(needless, 500);
    ck_assert_uint_gt(too_wide, 300);
    for (size_t p = 0; p < STREAM_PLACES; p++)
        weft_buffer_destroy(places[p]);
    weft_encoder_destroy(encoder);
    weft_hazard_report_destroy(report);
    weft_device_close(device);
}
END_TEST

/* Records without barriers of its own but those that `manual` says, and notes where Weft has put some. */
static void record_inferred(weft_encoder *encoder, const stream *it, const bool *manual, weft_buffer *const *places,
                            bool inferred[LENGTH + 1])
{
    inferred[LENGTH] = false;
    for (size_t i = 0; i < LENGTH; i++) {
        place_barriers(encoder, manual[i]);
        uint32_t before = weft_encoder_barrier_count(encoder);
        OK(stream_record(encoder, &it->ops[i], places));
        inferred[i] = weft_encoder_barrier_count(encoder) != before;
        ck_assert_uint_le(weft_encoder_barrier_count(encoder) - before, 1);
    }
}

START_TEST(inferred_barriers_suffice_and_none_can_go)
{
    weft_device *device = test_open("ref");
    weft_hazard_report *report;
    OK(weft_hazard_report_create(&report, NULL));
    weft_buffer *places[STREAM_PLACES];
    stream_places(device, places);
    weft__rng rng;
    weft__rng_init(&rng, 12);
    for (size_t round = 0; round < ROUNDS; round++) {
        stream it = random_stream(&rng, 6);
        bool manual[LENGTH + 1], inferred[LENGTH + 1], stands[LENGTH + 1];
        for (size_t i = 0; i <= LENGTH; i++)
            manual[i] = round % 2 && it.barriers_before[i];
        weft_encoder_options options = {.barriers = WEFT_BARRIERS_INFERRED, .hazards = round % 4 < 2 ? report : NULL};
        weft_encoder *encoder = test_encoder(device, &options);
        weft_counters before = test_counters(device);
        record_inferred(encoder, &it, manual, places, inferred);
        OK(weft_encoder_commit(encoder, NULL, NULL));
        weft_encoder_destroy(encoder);
        uint64_t placed_by_weft = 0;
        for (size_t i = 0; i <= LENGTH; i++) {
            stands[i] = manual[i] || inferred[i];
            placed_by_weft += inferred[i];
        }
        ck_assert_uint_eq(test_counters(device).barriers_inferred - before.barriers_inferred, placed_by_weft);
        ck_assert(all_ordered(&it, stands));
        for (size_t i = 0; i < LENGTH; i++) {
            if (!inferred[i])
                continue;
            ck_assert(!manual[i]);
            stands[i] = false;
            ck_assert_msg(!all_ordered(&it, stands), "round %zu: the barrier before op %zu is not needed", round, i);
            stands[i] = true;
        }
    }
    ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_MISSING), 0);
    for (size_t p = 0; p < STREAM_PLACES; p++)
        weft_buffer_destroy(places[p]);
    weft_hazard_report_destroy(report);
    weft_device_close(device);
}
END_TEST

/* Trackers leave hints on allocations where they have found them: those of one must not lead the other astray. */
START_TEST(encoders_that_record_in_turns_do_not_disturb_each_other)
{
    weft_device *device = test_open("ref");
    weft_buffer *places[STREAM_PLACES];
    stream_places(device, places);
    weft_encoder_options options = {.barriers = WEFT_BARRIERS_INFERRED};
    weft_encoder *both[2] = {test_encoder(device, &options), test_encoder(device, &options)};
    weft__rng rng;
    weft__rng_init(&rng, 14);
    for (size_t round = 0; round < ROUNDS / 4; round++) {
        stream streams[2] = {random_stream(&rng, 6), random_stream(&rng, 6)};
        bool none[LENGTH + 1] = {false}, alone[2][LENGTH + 1];
        for (size_t e = 0; e < 2; e++) {
            record_inferred(both[e], &streams[e], none, places, alone[e]);
            OK(weft_encoder_reset(both[e], NULL));
        }
        for (size_t i = 0; i < LENGTH; i++) {
            for (size_t e = 0; e < 2; e++) {
                uint32_t before = weft_encoder_barrier_count(both[e]);
                OK(stream_record(both[e], &streams[e].ops[i], places));
                ck_assert_uint_eq(weft_encoder_barrier_count(both[e]) - before, alone[e][i]);
            }
        }
        for (size_t e = 0; e < 2; e++)
            OK(weft_encoder_reset(both[e], NULL));
    }
    for (size_t p = 0; p < STREAM_PLACES; p++)
        weft_buffer_destroy(places[p]);
    weft_encoder_destroy(both[0]);
    weft_encoder_destroy(both[1]);
    weft_device_close(device);
}
END_TEST

enum {
    CROWD = 3000, /* allocations, */
    CHOSEN = 250, /* of which an encoder uses some, */
    STEPS = 500   /* in so many dispatches */
};

/* One encoder that adds allocations to others at random, and what it has recorded so far. */
typedef struct adder {
    weft_encoder *encoder;
    size_t chosen[CHOSEN];
    size_t read[STEPS], written[STEPS];
    size_t last_barrier;
} adder;

/* Records the next step and checks that it gets a barrier exactly if it conflicts with a step since the last one. */
static void take_step(adder *it, size_t step, weft_buffer *const *crowd, weft__rng *rng)
{
    size_t from = it->chosen[weft__rng_below(rng, CHOSEN)], to = it->chosen[weft__rng_below(rng, CHOSEN)];
    bool conflicts = false;
    for (size_t i = it->last_barrier; i < step; i++)
        conflicts |= it->written[i] == from || it->written[i] == to || it->read[i] == to;
    uint32_t before = weft_encoder_barrier_count(it->encoder);
    OK(weft_add(it->encoder, crowd[from], crowd[from], crowd[to], NULL));
    ck_assert_uint_eq(weft_encoder_barrier_count(it->encoder) - before, conflicts);
    it->read[step] = from;
    it->written[step] = to;
    if (conflicts)
        it->last_barrier = step;
}

START_TEST(many_allocations_are_told_apart)
{
    weft_device *device = test_open("ref");
    static weft_buffer *crowd[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = test_floats(device, 1, 0);
    weft_encoder_options options = {.barriers = WEFT_BARRIERS_INFERRED};
    adder adders[2] = {{.encoder = test_encoder(device, &options)}, {.encoder = test_encoder(device, &options)}};
    weft__rng rng;
    weft__rng_init(&rng, 15);
    for (size_t round = 0; round < 20; round++) {
        for (size_t e = 0; e < 2; e++) {
            for (size_t i = 0; i < CHOSEN; i++)
                adders[e].chosen[i] = (size_t)weft__rng_below(&rng, CROWD);
            adders[e].last_barrier = 0;
        }
        for (size_t step = 0; step < STEPS; step++)
            for (size_t e = 0; e < 2; e++)
                take_step(&adders[e], step, crowd, &rng);
        for (size_t e = 0; e < 2; e++)
            OK(weft_encoder_reset(adders[e].encoder, NULL));
    }
    for (size_t e = 0; e < 2; e++)
        weft_encoder_destroy(adders[e].encoder);
    for (size_t i = 0; i < CROWD; i++)
        weft_buffer_destroy(crowd[i]);
    weft_device_close(device);
}
END_TEST

/* Runs the stream with a barrier before every op (`manual`) or with inferred ones. */
static void run(const char *uri, const stream *it, bool manual, float results[STREAM_PLACES][STREAM_FLOATS])
{
    weft_device *device = test_open(uri);
    weft_buffer *places[STREAM_PLACES];
    stream_places(device, places);
    weft_encoder_options options = {.barriers = manual ? WEFT_BARRIERS_MANUAL : WEFT_BARRIERS_INFERRED};
    weft_encoder *encoder = test_encoder(device, &options);
    for (size_t i = 0; i < LENGTH; i++) {
        place_barriers(encoder, manual);
        OK(stream_record(encoder, &it->ops[i], places));
    }
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    stream_results(places, results);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
}

START_TEST(every_mode_order_and_device_gives_the_same_bits)
{
    static const char *const uris[] = {"ref",           "cpu?threads=1",           "cpu?threads=3",
                                       "ref?shuffle=1", "cpu?threads=2&shuffle=2", "ref?shuffle=3"};
    weft__rng rng;
    weft__rng_init(&rng, 13);
    for (size_t round = 0; round < 20; round++) {
        stream it = random_stream(&rng, 1);
        float expected[STREAM_PLACES][STREAM_FLOATS], results[STREAM_PLACES][STREAM_FLOATS];
        run("ref", &it, true, expected);
        for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
            for (int manual = 0; manual < 2; manual++) {
                run(uris[i], &it, manual, results);
                ck_assert_msg(memcmp(results, expected, sizeof expected) == 0, "round %zu differs on %s", round,
                              uris[i]);
            }
        }
    }
}
END_TEST

/* x = 2 x, x = x + 1, ... with a barrier between any two, but for the one with the number `omit`. */
static float run_chain(const char *scheme, uint64_t seed, uint64_t omit)
{
    char uri[64];
    (void)snprintf(uri, sizeof uri, "%s?shuffle=%" PRIu64, scheme, seed);
    weft_device *device = test_open(uri);
    weft_buffer *x = test_floats(device, 1, 1.0f), *one = test_floats(device, 1, 1.0f);
    weft_encoder_options options = {.omit_barrier = omit};
    weft_encoder *encoder = test_encoder(device, &options);
    for (size_t i = 0; i < 12; i++) {
        if (i)
            OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_add(encoder, x, i % 2 ? one : x, x, NULL));
    }
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    float result = test_float_at(x, 0);
    weft_buffer_destroy(x);
    weft_buffer_destroy(one);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
    return result;
}

START_TEST(a_missing_barrier_shows_when_the_order_is_shuffled)
{
    static const char *const schemes[] = {"ref", "cpu"};
    for (size_t s = 0; s < 2; s++) {
        for (uint64_t seed = 0; seed < 20; seed++)
            ck_assert(run_chain(schemes[s], seed, 0) == 127.0f);
        for (uint64_t omit = 1; omit <= 11; omit++) {
            size_t wrong = 0;
            for (uint64_t seed = 0; seed < 20; seed++) {
                float result = run_chain(schemes[s], seed, omit);
                ck_assert(result == run_chain(schemes[s], seed, omit)); /* one seed, one order */
                wrong += result != 127.0f;
            }
            ck_assert_uint_ge(wrong, 4); /* 10 of 20 on average */
            ck_assert_uint_le(wrong, 16);
        }
    }
}
END_TEST

WEFT_TEST_MAIN("hazard_random", verdicts_are_those_of_brute_force, inferred_barriers_suffice_and_none_can_go,
               encoders_that_record_in_turns_do_not_disturb_each_other, many_allocations_are_told_apart,
               every_mode_order_and_device_gives_the_same_bits, a_missing_barrier_shows_when_the_order_is_shuffled)
