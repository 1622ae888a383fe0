/* What submission costs: nanoseconds to record a dispatch (without and with the hazard tracker, and with inferred
 * barriers), to replay one that a graph holds, to run it, to commit a command buffer, and to put a fence between two.
 *
 * The dispatch is an addition of one element. Recording and commits are timed apart from the work: a recording is
 * dropped by a reset, and empty command buffers have nothing to run.
 *
 * Usage: bench_dispatch [--json] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/graph.h>
#include <weft/ops.h>
#include <weft/session.h>

#include "bench_timer.h"

enum {
    DISPATCHES = 2000,
    BUFFERS = 64,
    COMMITS = 200,
    SAMPLES = 40
};

static const double sample_ns = 2e6;

static void check(weft_status status, const weft_error *err)
{
    if (status) {
        (void)fprintf(stderr, "bench_dispatch: %s\n", err->message);
        exit(1);
    }
}

typedef struct bench {
    weft_device *device;
    weft_encoder *encoder;
    weft_session *session;
    weft_graph *graph; /* of what record_all() records */
    weft_buffer *inputs[BUFFERS], *outputs[BUFFERS];
} bench;

/* DISPATCHES additions; a barrier wherever the outputs come round again. */
static void record_all(bench *it)
{
    weft_error err;
    for (size_t i = 0; i < DISPATCHES; i++) {
        size_t at = i % BUFFERS;
        if (at == 0 && i)
            check(weft_encoder_barrier(it->encoder, &err), &err);
        check(weft_add(it->encoder, it->inputs[at], it->inputs[(at + 1) % BUFFERS], it->outputs[at], &err), &err);
    }
}

static bench open_bench(const char *uri, const weft_encoder_options *options)
{
    bench it = {0};
    weft_error err;
    check(weft_device_open(uri, &it.device, &err), &err);
    weft_shape one = weft_shape_1d(1);
    for (size_t i = 0; i < BUFFERS; i++) {
        check(weft_buffer_create(it.device, WEFT_F32, &one, &it.inputs[i], &err), &err);
        check(weft_buffer_create(it.device, WEFT_F32, &one, &it.outputs[i], &err), &err);
    }
    check(weft_encoder_create(it.device, options, &it.encoder, &err), &err);
    check(weft_session_create(it.device, NULL, &it.session, &err), &err);
    record_all(&it);
    check(weft_graph_capture(it.encoder, &it.graph, &err), &err);
    return it;
}

static void close_bench(bench *it)
{
    weft_graph_destroy(it->graph);
    weft_session_destroy(it->session);
    weft_encoder_destroy(it->encoder);
    for (size_t i = 0; i < BUFFERS; i++) {
        weft_buffer_destroy(it->inputs[i]);
        weft_buffer_destroy(it->outputs[i]);
    }
    weft_device_close(it->device);
}

static void record(void *context)
{
    bench *it = context;
    weft_error err;
    record_all(it);
    check(weft_encoder_reset(it->encoder, &err), &err);
}

static void replay(void *context)
{
    bench *it = context;
    weft_error err;
    check(weft_graph_replay(it->graph, it->encoder, &err), &err);
    check(weft_encoder_reset(it->encoder, &err), &err);
}

static void record_and_run(void *context)
{
    bench *it = context;
    weft_error err;
    record_all(it);
    check(weft_encoder_commit_and_wait(it->encoder, "bench", &err), &err);
    check(weft_encoder_reset(it->encoder, &err), &err);
}

/* COMMITS empty command buffers, and one wait at the end. */
static void commit(void *context)
{
    bench *it = context;
    weft_error err;
    for (size_t i = 0; i < COMMITS; i++) {
        check(weft_encoder_commit(it->encoder, NULL, &err), &err);
        check(weft_encoder_reset(it->encoder, &err), &err);
    }
    check(weft_encoder_wait(it->encoder, &err), &err);
}

/* The same with a fence between each two. */
static void fence(void *context)
{
    bench *it = context;
    weft_error err;
    for (size_t i = 0; i < COMMITS; i++) {
        check(weft_session_fence_stage(it->session, NULL, &err), &err);
        check(weft_session_reset_for_next_stage(it->session, &err), &err);
    }
    check(weft_session_wait(it->session, &err), &err);
}

static void commit_and_wait(void *context)
{
    bench *it = context;
    weft_error err;
    check(weft_encoder_commit_and_wait(it->encoder, NULL, &err), &err);
    check(weft_encoder_reset(it->encoder, &err), &err);
}

typedef struct row {
    const char *name;
    const char *uri;
    bool tracked, inferred;
    bench_function *function;
    size_t per_call; /* what one call does, so often */
    double goal_ns;  /* 0: none */
} row;

static const row rows[] = {
    {"record a dispatch", "cpu?threads=1", false, false, record, DISPATCHES, 20},
    {"record with the hazard tracker", "cpu?threads=1", true, false, record, DISPATCHES, 60},
    {"record with inferred barriers", "cpu?threads=1", false, true, record, DISPATCHES, 60},
    {"replay a recorded dispatch", "cpu?threads=1", false, false, replay, DISPATCHES, 10},
    {"replay with the hazard tracker", "cpu?threads=1", true, false, replay, DISPATCHES, 60},
    {"record and run a dispatch, 1 thread", "cpu?threads=1", false, false, record_and_run, DISPATCHES, 0},
    {"record and run a dispatch, 2 threads", "cpu?threads=2", false, false, record_and_run, DISPATCHES, 0},
    {"commit an empty command buffer", "cpu?threads=1", false, false, commit, COMMITS, 1000},
    {"commit with a fence, and wait for it", "cpu?threads=1", false, false, fence, COMMITS, 1000},
    {"commit and wait on the host", "cpu?threads=1", false, false, commit_and_wait, 1, 0},
};

static double measure(const row *each, double *median_ns)
{
    weft_error err;
    weft_hazard_report *report = NULL;
    weft_encoder_options options = {.barriers = each->inferred ? WEFT_BARRIERS_INFERRED : WEFT_BARRIERS_MANUAL};
    if (each->tracked) {
        check(weft_hazard_report_create(&report, &err), &err);
        options.hazards = report;
    }
    bench it = open_bench(each->uri, &options);
    bench_samples samples = {0};
    bench_measure(&samples, each->function, &it, SAMPLES, sample_ns);
    close_bench(&it);
    weft_hazard_report_destroy(report);
    *median_ns = bench_median_ns(&samples) / (double)each->per_call;
    return bench_fastest_ns(&samples) / (double)each->per_call;
}

int main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        (void)fprintf(stderr, "usage: bench_dispatch [--json]\n");
        return 2;
    }
    if (!json)
        (void)printf("%-40s %10s %10s %8s\n", "ns each", "fastest", "median", "goal");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double median_ns, fastest_ns = measure(&rows[i], &median_ns);
        if (json)
            (void)printf("%s{\"name\": \"%s\", \"fastest_ns\": %.2f, \"median_ns\": %.2f, \"goal_ns\": %.0f}%s\n",
                         i ? " " : "[", rows[i].name, fastest_ns, median_ns, rows[i].goal_ns,
                         i + 1 == sizeof rows / sizeof rows[0] ? "]" : ",");
        else if (rows[i].goal_ns > 0)
            (void)printf("%-40s %10.1f %10.1f %8.0f\n", rows[i].name, fastest_ns, median_ns, rows[i].goal_ns);
        else
            (void)printf("%-40s %10.1f %10.1f %8s\n", rows[i].name, fastest_ns, median_ns, "-");
    }
    return 0;
}
