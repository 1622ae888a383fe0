/* Graphs of random streams against brute force and against recording: reordered streams give the same bits in every
 * order that their barriers allow, with as few barriers as there can be, also when parameters change. */
#include <weft/graph.h>

#include "support/random_stream.h"

enum {
    LENGTH = 24,
    ROUNDS = 150,
    REPLAYS = 3
};

typedef struct stream {
    stream_op ops[LENGTH];
    bool barrier_before[LENGTH];
} stream;

static stream random_stream(weft__rng *rng)
{
    stream it;
    for (size_t i = 0; i < LENGTH; i++) {
        it.ops[i] = stream_random_op(rng);
        it.barrier_before[i] = weft__rng_below(rng, 3) == 0; /* too few, and some for nothing: none of them counts */
    }
    return it;
}

static void record(weft_encoder *encoder, const stream *it, weft_buffer *const *places)
{
    for (size_t i = 0; i < LENGTH; i++) {
        if (it->barrier_before[i])
            OK(weft_encoder_barrier(encoder, NULL));
        OK(stream_record(encoder, &it->ops[i], places));
    }
}

typedef float results[STREAM_PLACES][STREAM_FLOATS];

/* Some streams one after the other, each in the order of its recording. Infinities and NaNs compare by their bits. */
static void run_recorded(const stream *streams, size_t count, results out)
{
    weft_device *device = test_open("ref");
    weft_buffer *places[STREAM_PLACES];
    stream_places(device, places);
    weft_encoder *encoder = test_encoder(device, &(weft_encoder_options){.barriers = WEFT_BARRIERS_INFERRED});
    for (size_t i = 0; i < count; i++) {
        record(encoder, &streams[i], places);
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        OK(weft_encoder_reset(encoder, NULL));
    }
    stream_results(places, out);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
}

/* A device with a stream on it as an optimised graph. */
typedef struct bed {
    weft_device *device;
    weft_buffer *places[STREAM_PLACES];
    weft_hazard_report *report;
    weft_encoder *encoder;
    weft_graph *graph;
} bed;

static bed open_bed(const char *uri, const stream *it, const weft_graph_options *options)
{
    bed at = {.device = test_open(uri)};
    stream_places(at.device, at.places);
    OK(weft_hazard_report_create(&at.report, NULL));
    weft_encoder *plain = test_encoder(at.device, NULL);
    record(plain, it, at.places);
    OK(weft_graph_capture(plain, &at.graph, NULL));
    weft_encoder_destroy(plain);
    OK(weft_graph_optimise(at.graph, options, NULL));
    at.encoder = test_encoder(at.device, &(weft_encoder_options){.hazards = at.report});
    return at;
}

static void replay(bed *at)
{
    OK(weft_graph_replay(at->graph, at->encoder, NULL));
    OK(weft_encoder_commit_and_wait(at->encoder, NULL, NULL));
    OK(weft_encoder_reset(at->encoder, NULL));
}

static void close_bed(bed *at, results out)
{
    stream_results(at->places, out);
    weft_graph_destroy(at->graph);
    weft_encoder_destroy(at->encoder);
    weft_hazard_report_destroy(at->report);
    weft_device_close(at->device);
}

/* The fewest barriers: one less than the longest chain of conflicts, or in the order of the recording, one whenever an
 * op conflicts with one since the last. */
static uint32_t fewest_barriers(const stream *it, bool in_order)
{
    uint32_t groups[LENGTH] = {0}, most = 0;
    for (size_t j = 0; j < LENGTH; j++) {
        groups[j] = in_order && j ? groups[j - 1] : 0;
        for (size_t i = 0; i < j; i++)
            if (stream_conflict(&it->ops[i], &it->ops[j]) && groups[i] + 1 > groups[j])
                groups[j] = groups[i] + 1;
        most = groups[j] > most ? groups[j] : most;
    }
    return most;
}

static const char *const uris[] = {"ref", "cpu?threads=2", "ref?shuffle=1", "cpu?threads=2&shuffle=2", "cpu?shuffle=3"};

START_TEST(optimised_streams_give_the_bits_of_the_recording)
{
    weft__rng rng;
    weft__rng_init(&rng, 21);
    uint32_t moved = 0, saved = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        const stream it = random_stream(&rng);
        const stream again[REPLAYS] = {it, it, it};
        results expected, given;
        run_recorded(again, REPLAYS, expected);
        for (int in_order = 0; in_order < 2; in_order++) {
            const weft_graph_options options = {.no_reorder = in_order};
            bed at = open_bed(uris[round % (sizeof uris / sizeof uris[0])], &it, &options);
            for (size_t i = 0; i < REPLAYS; i++)
                replay(&at);
            weft_graph_info info;
            OK(weft_graph_get_info(at.graph, &info, NULL));
            ck_assert_uint_eq(info.dispatches, LENGTH);
            ck_assert_uint_eq(info.barriers, fewest_barriers(&it, in_order));
            ck_assert_uint_eq(weft_hazard_report_count_of(at.report, WEFT_VERDICT_MISSING), 0);
            ck_assert_uint_eq(weft_hazard_report_count_of(at.report, WEFT_VERDICT_NEEDLESS), 0);
            if (!in_order)
                ck_assert_uint_eq(weft_hazard_report_count(at.report), 0); /* none too wide either */
            moved += in_order ? 0 : info.moved;
            saved += in_order ? 0 : fewest_barriers(&it, true) - info.barriers;
            ck_assert(!in_order || info.moved == 0);
            close_bed(&at, given);
            ck_assert_msg(memcmp(given, expected, sizeof given) == 0, "round %zu differs%s", round,
                          in_order ? " in order" : "");
        }
    }
    ck_assert_uint_gt(moved, ROUNDS);
    ck_assert_uint_gt(saved, ROUNDS / 4);
}
END_TEST

/* The same copies with other boxes, drawn anew in each round, of the same places. */
static void change_copies(weft__rng *rng, stream *it, bed *at)
{
    for (uint32_t i = 0; i < LENGTH; i++) {
        stream_op *op = &it->ops[i], other;
        if (!op->is_copy || i % 2)
            continue;
        do
            other = stream_random_op(rng);
        while (!other.is_copy || other.in[0].place != op->in[0].place || other.out.place != op->out.place);
        *op = other;
        const weft_copy_params params = stream_copy_params(op);
        OK(weft_graph_set_params(at->graph, i, &params, NULL));
    }
}

START_TEST(changed_parameters_give_the_bits_of_a_recording_with_them)
{
    weft__rng rng;
    weft__rng_init(&rng, 22);
    for (size_t round = 0; round < ROUNDS; round++) {
        stream it = random_stream(&rng), each[REPLAYS];
        const weft_graph_options options = {.no_reorder = round % 3 == 0};
        bed at = open_bed(uris[round % (sizeof uris / sizeof uris[0])], &it, &options);
        for (size_t i = 0; i < REPLAYS; i++) {
            change_copies(&rng, &it, &at);
            each[i] = it;
            replay(&at);
        }
        ck_assert_uint_eq(weft_hazard_report_count_of(at.report, WEFT_VERDICT_MISSING), 0);
        results expected, given;
        run_recorded(each, REPLAYS, expected);
        close_bed(&at, given);
        ck_assert_msg(memcmp(given, expected, sizeof given) == 0, "round %zu differs", round);
    }
}
END_TEST

WEFT_TEST_MAIN("graph_random", optimised_streams_give_the_bits_of_the_recording,
               changed_parameters_give_the_bits_of_a_recording_with_them)
