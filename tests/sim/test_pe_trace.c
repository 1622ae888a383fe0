/* Traces of PEs: spans that never overlap, and whose sums are the times of the report to the picosecond. */
#include "tile_bench.h"

#include <jansson.h>
#include <stdlib.h>

#include "sim/pe/pe_trace.h"
#include "support/failing_malloc.h"
#include "support/sentence.h"

#define TRACE_PATH "pe_trace.json"

enum {
    PES = 2,
    SPANS_MAX = 4096,
    FLOWS_MAX = 64,
    NAME_BYTES = 64
};

/* ---- a trace, read again ---- */

typedef struct span {
    char process[NAME_BYTES], track[NAME_BYTES], name[NAME_BYTES], call[NAME_BYTES];
    int64_t pid, tid;
    uint64_t begin, end;
} span;

typedef struct flow_point {
    char id[NAME_BYTES];
    bool is_start;
    int64_t tid;
    uint64_t time;
} flow_point;

typedef struct trace_events {
    span spans[SPANS_MAX];
    flow_point flows[FLOWS_MAX];
    size_t span_count, flow_count;
} trace_events;

static uint64_t ps_of(json_t *event, const char *key)
{
    double ps = json_number_value(json_object_get(event, key)) * 1e6;
    uint64_t whole = (uint64_t)(ps + 0.5);
    WEFT_TEST_ASSERT_CLOSE(ps, (double)whole, 1e-3, 0);
    return whole;
}

static const char *text_of(json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

/* What a process, or a track, is called. */
static const char *name_of(json_t *events, const char *kind, const char *key, int64_t id)
{
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        if (strcmp(text_of(event, "name"), kind) == 0 && json_integer_value(json_object_get(event, key)) == id)
            return text_of(json_object_get(event, "args"), "name");
    }
    ck_abort_msg("%s %lld has no name", key, (long long)id);
}

static void keep_span(trace_events *out, json_t *events, json_t *event)
{
    ck_assert_uint_lt(out->span_count, SPANS_MAX);
    span *it = &out->spans[out->span_count++];
    it->pid = json_integer_value(json_object_get(event, "pid"));
    it->tid = json_integer_value(json_object_get(event, "tid"));
    (void)snprintf(it->process, NAME_BYTES, "%s", name_of(events, "process_name", "pid", it->pid));
    (void)snprintf(it->track, NAME_BYTES, "%s", name_of(events, "thread_name", "tid", it->tid));
    (void)snprintf(it->name, NAME_BYTES, "%s", text_of(event, "name"));
    (void)snprintf(it->call, NAME_BYTES, "%s", text_of(json_object_get(event, "args"), "call"));
    it->begin = ps_of(event, "ts");
    it->end = it->begin + ps_of(event, "dur");
    ck_assert_uint_lt(it->begin, it->end);
}

static void keep_flow(trace_events *out, json_t *event, bool is_start)
{
    ck_assert_uint_lt(out->flow_count, FLOWS_MAX);
    flow_point *it = &out->flows[out->flow_count++];
    it->is_start = is_start;
    it->tid = json_integer_value(json_object_get(event, "tid"));
    it->time = ps_of(event, "ts");
    (void)snprintf(it->id, NAME_BYTES, "%s", text_of(event, "id"));
}

/* By track, then by time. */
static int compare_spans(const void *left, const void *right)
{
    const span *a = left, *b = right;
    if (a->tid != b->tid)
        return a->tid < b->tid ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static trace_events *read_trace(void)
{
    json_error_t json_err;
    json_t *root = json_load_file(TRACE_PATH, 0, &json_err);
    ck_assert_msg(root != NULL, "%s", json_err.text);
    json_t *events = json_object_get(root, "traceEvents"), *event;
    trace_events *out = calloc(1, sizeof *out);
    ck_assert_ptr_nonnull(out);
    size_t i;
    json_array_foreach(events, i, event)
    {
        char kind = text_of(event, "ph")[0];
        if (kind == 'X')
            keep_span(out, events, event);
        else if (kind == 's' || kind == 'f')
            keep_flow(out, event, kind == 's');
    }
    json_decref(root);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
    qsort(out->spans, out->span_count, sizeof out->spans[0], compare_spans);
    return out;
}

/* ---- what is traced ---- */

typedef struct work {
    uint64_t a, b, out;
} work;

static work work_of(const tile_bench *bench)
{
    return (work){.a = address_in(bench, WEFT__REGION_HBM, 0, 0, 0),
                  .b = address_in(bench, WEFT__REGION_HBM, 0, 0, 1 << 20),
                  .out = address_in(bench, WEFT__REGION_HBM, 0, 0, 2 << 20)};
}

/* Some of everything: loads, products, math, composite commands one behind the other, messages, and a store. */
static void busy_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(32, 256), WEFT_F16);
    tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                    .a = a,
                                    .b = tl_ref(tl, it->b, weft_shape_2d(256, 96), WEFT_F16),
                                    .out = it->out + 65536 * rank,
                                    .dtype = WEFT_F16};
    (void)tl_composite(tl, &request);
    request.out += 32768;
    tl_command last = tl_composite(tl, &request);
    tl_tensor sum = tl_add(tl, a, tl_exp(tl, a));
    tl_wait(tl, last);
    tl_tensor product = tl_dot(tl, sum, tl_trans(tl, sum));
    for (int i = 0; i < 6; i++) {
        (void)tl_send(tl, rank == 0 ? TL_NEXT : TL_PREVIOUS, product);
        product = tl_recv(tl, rank == 0 ? TL_NEXT : TL_PREVIOUS, product.shape, WEFT_F16);
    }
    tl_store(tl, it->out + 65536 * rank, product);
    (void)tl_composite(tl, &request); /* nobody waits for it */
}

/* Runs it on two PEs, traced or not; and gives the hash of its events. */
static uint64_t run_busy(tile_bench *it, const char *path)
{
    static const uint32_t pes[PES] = {0, 1};
    weft_error err;
    weft__ipcq_pair pairs[2];
    weft__trace *trace = NULL;
    weft__pe_trace *pe_trace = NULL;
    work job = work_of(it);
    lay_pair(0, 1, pairs);
    if (path) {
        WEFT_TEST_ASSERT_OK(weft__trace_open(path, &trace, &err), err);
        WEFT_TEST_ASSERT_OK(weft__pe_trace_create(it->pes, trace, &pe_trace, &err), err);
    }
    run_queued(
        it, &(queued_launch){
                .kernel = busy_kernel, .arguments = &job, .pes = pes, .count = PES, .pairs = pairs, .pair_count = 2});
    weft__pe_trace_destroy(pe_trace);
    WEFT_TEST_ASSERT_OK(weft__trace_close(trace, &err), err);
    weft__sim_info info;
    weft__sim_get_info(it->base.sim, &info);
    return info.trace_hash;
}

static const char *const wide[] = {"pe.dma.channels", "2", "pe.dma.outstanding", "3", NULL, NULL};

/* ---- sums ---- */

static bool is_on(const span *it, const char *process, const char *track)
{
    return strcmp(it->process, process) == 0 && strcmp(it->track, track) == 0;
}

static uint64_t sum_of(const trace_events *events, const char *process, const char *track, const char *name)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < events->span_count; i++)
        if (is_on(&events->spans[i], process, track) && (!name || strcmp(events->spans[i].name, name) == 0))
            sum += events->spans[i].end - events->spans[i].begin;
    return sum;
}

static int compare_begins(const void *left, const void *right)
{
    const span *a = left, *b = right;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* Time in which an engine served something, in any of its places, and how many stages. */
static uint64_t union_of(const trace_events *events, const char *process, const char *engine, uint64_t *out_count)
{
    static span found[SPANS_MAX];
    uint64_t sum = 0, end = 0;
    *out_count = 0;
    for (size_t i = 0; i < events->span_count; i++) {
        const span *it = &events->spans[i];
        size_t bytes = strlen(engine);
        bool is_its = strncmp(it->track, engine, bytes) == 0 && (it->track[bytes] == ' ' || it->track[bytes] == '\0');
        if (is_its && strcmp(it->process, process) == 0)
            found[(*out_count)++] = *it;
    }
    qsort(found, *out_count, sizeof found[0], compare_begins);
    for (uint64_t i = 0; i < *out_count; i++) {
        uint64_t begin = found[i].begin > end ? found[i].begin : end;
        sum += found[i].end > begin ? found[i].end - begin : 0;
        end = found[i].end > end ? found[i].end : end;
    }
    return sum;
}

static void check_sums(const trace_events *events, const weft__kernel_report *report)
{
    for (uint32_t i = 0; i < WEFT__PE_ACTIVITIES; i++)
        ck_assert_uint_eq(sum_of(events, report->pe, "processor", weft__pe_activity_name((weft__pe_activity)i)),
                          report->times.processor_ps[i]);
    ck_assert_uint_eq(sum_of(events, report->pe, "processor", NULL), report->end - report->start);
    ck_assert_uint_eq(sum_of(events, report->pe, "calls", NULL), report->end - report->start);
    for (uint32_t i = 0; i < WEFT__STAGE_KINDS; i++) {
        uint64_t count;
        const weft__engine_times *times = &report->times.engines[i];
        const char *engine = weft__pe_engine_name((weft__stage_kind)i);
        ck_assert_uint_eq(union_of(events, report->pe, engine, &count), times->busy_ps);
        ck_assert_uint_eq(count, times->tokens);
        ck_assert_uint_gt(count, 0);
    }
}

START_TEST(sums_of_spans_are_the_times_of_the_report)
{
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        tile_bench it;
        open_tile_bench(&it, "two-sip", is_wide ? wide : NULL);
        (void)run_busy(&it, TRACE_PATH);
        trace_events *events = read_trace();
        for (size_t i = 0; i < PES; i++) {
            weft__kernel_report report;
            weft__kernel_run_report(it.run, i, &report);
            check_sums(events, &report);
            /* The engine of the queues is taken for the set-up, too. */
            uint64_t setup_ps = weft__ps_of_ns(it.spec->pe.dma.setup_ns);
            ck_assert_uint_eq(report.times.messages, 6);
            ck_assert_uint_eq(sum_of(events, report.pe, "send", NULL) + 6 * setup_ps, report.times.queue.busy_ps);
        }
        free(events);
        close_tile_bench(&it);
    }
}
END_TEST

/* ---- shapes ---- */

START_TEST(spans_of_a_track_follow_one_another)
{
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        tile_bench it;
        open_tile_bench(&it, "two-sip", is_wide ? wide : NULL);
        (void)run_busy(&it, TRACE_PATH);
        trace_events *events = read_trace();
        ck_assert_uint_gt(events->span_count, 200);
        for (size_t i = 1; i < events->span_count; i++) {
            const span *before = &events->spans[i - 1], *it_span = &events->spans[i];
            ck_assert_msg(before->tid != it_span->tid || before->end <= it_span->begin,
                          "%s overlaps %s on track %s of %s", before->name, it_span->name, before->track,
                          before->process);
        }
        free(events);
        close_tile_bench(&it);
    }
}
END_TEST

/* What the processor does lies within the call that it is done for. */
START_TEST(calls_enclose_what_is_done_for_them)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", NULL);
    (void)run_busy(&it, TRACE_PATH);
    trace_events *events = read_trace();
    size_t checked = 0;
    for (size_t i = 0; i < events->span_count; i++) {
        const span *inner = &events->spans[i];
        size_t around = 0;
        if (strcmp(inner->track, "processor") != 0)
            continue;
        for (size_t j = 0; j < events->span_count; j++) {
            const span *outer = &events->spans[j];
            around += is_on(outer, inner->process, "calls") && strcmp(outer->name, inner->call) == 0 &&
                      outer->begin <= inner->begin && inner->end <= outer->end;
        }
        ck_assert_uint_eq(around, 1);
        checked++;
    }
    ck_assert_uint_gt(checked, 40);
    free(events);
    close_tile_bench(&it);
}
END_TEST

static size_t count_named(const trace_events *events, const char *process, const char *track, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < events->span_count; i++)
        count += is_on(&events->spans[i], process, track) && strcmp(events->spans[i].name, name) == 0;
    return count;
}

START_TEST(spans_are_named_for_commands_and_tiles)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", wide);
    (void)run_busy(&it, TRACE_PATH);
    trace_events *events = read_trace();
    const char *pe = "sip0.cube0.pe0";
    ck_assert_uint_eq(count_named(events, pe, "dma_read 0", "tl_load"), 1);
    for (int command = 1; command <= 3; command++)
        for (int tile = 0; tile < 12; tile++) {
            char name[NAME_BYTES];
            (void)snprintf(name, sizeof name, "tl_composite %d, tile %d", command, tile);
            ck_assert_uint_eq(count_named(events, pe, "gemm", name), 1);
        }
    ck_assert_uint_eq(count_named(events, pe, "gemm", "tl_dot, tile 3"), 1);
    ck_assert_uint_eq(count_named(events, pe, "math", "tl_exp, tile 7"), 1);
    ck_assert_uint_eq(count_named(events, pe, "dma_write 0", "tl_store"), 1);
    ck_assert_uint_eq(count_named(events, pe, "calls", "tl_composite"), 3);
    ck_assert_uint_eq(count_named(events, pe, "calls", "the end of the kernel"), 1);
    ck_assert_uint_eq(count_named(events, pe, "send", "send next"), 6);
    ck_assert_uint_eq(count_named(events, pe, "receive next", "receive next"), 6);
    ck_assert_uint_eq(count_named(events, "sip0.cube0.pe1", "receive previous", "receive previous"), 6);
    free(events);
    close_tile_bench(&it);
}
END_TEST

/* Of a point of an arrow: the span that begins with it. */
static const span *span_at(const trace_events *events, const flow_point *point)
{
    for (size_t i = 0; i < events->span_count; i++)
        if (events->spans[i].tid == point->tid && events->spans[i].begin == point->time)
            return &events->spans[i];
    ck_abort_msg("the arrow %s touches no span", point->id);
}

START_TEST(arrows_lead_from_a_send_to_its_receive)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", NULL);
    (void)run_busy(&it, TRACE_PATH);
    trace_events *events = read_trace();
    ck_assert_uint_eq(events->flow_count, 2 * PES * 6);
    for (size_t i = 0; i < events->flow_count; i++) {
        const flow_point *start = &events->flows[i];
        size_t ends = 0;
        for (size_t j = 0; start->is_start && j < events->flow_count; j++) {
            const flow_point *end = &events->flows[j];
            if (strcmp(start->id, end->id) != 0 || i == j)
                continue;
            const span *from = span_at(events, start), *to = span_at(events, end);
            ck_assert(!end->is_start);
            ck_assert_int_ne(from->pid, to->pid);
            ck_assert_uint_lt(from->end, to->begin);
            ck_assert_int_eq(strncmp(from->name, "send", 4), 0);
            ck_assert_int_eq(strncmp(to->name, "receive", 7), 0);
            ends++;
        }
        ck_assert_uint_eq(ends, start->is_start);
    }
    free(events);
    close_tile_bench(&it);
}
END_TEST

/* ---- what tracing costs ---- */

START_TEST(tracing_changes_no_time)
{
    uint64_t hashes[2];
    for (int is_traced = 0; is_traced < 2; is_traced++) {
        tile_bench it;
        open_tile_bench(&it, "two-sip", NULL);
        hashes[is_traced] = run_busy(&it, is_traced ? TRACE_PATH : NULL);
        close_tile_bench(&it);
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
}
END_TEST

static void long_kernel(weft_tile *tl, const void *arguments)
{
    const uint64_t *rounds = arguments;
    for (uint64_t i = 0; i < *rounds; i++) {
        uint64_t mark = tl_mark(tl);
        (void)tl_exp(tl, tl_full(tl, weft_shape_1d(5000), WEFT_F16, 1));
        tl_release(tl, mark);
    }
}

static uint64_t allocations_of(uint64_t rounds, bool is_traced)
{
    tile_bench it;
    weft_error err;
    weft__trace *trace = NULL;
    weft__pe_trace *pe_trace = NULL;
    open_tile_bench(&it, "tiny", NULL);
    uint64_t before = weft_test_allocations();
    if (is_traced) {
        WEFT_TEST_ASSERT_OK(weft__trace_open(TRACE_PATH, &trace, &err), err);
        WEFT_TEST_ASSERT_OK(weft__pe_trace_create(it.pes, trace, &pe_trace, &err), err);
    }
    (void)run_kernel(&it, long_kernel, &rounds, 2);
    uint64_t made = weft_test_allocations() - before;
    weft__pe_trace_destroy(pe_trace);
    WEFT_TEST_ASSERT_OK(weft__trace_close(trace, &err), err);
    close_tile_bench(&it);
    return made;
}

START_TEST(a_trace_takes_no_more_memory_for_a_longer_run)
{
    (void)allocations_of(5, true); /* those of Check, for places that are passed for the first time */
    uint64_t few = allocations_of(5, true) - allocations_of(5, false);
    uint64_t many = allocations_of(500, true) - allocations_of(500, false);
    ck_assert_uint_gt(few, 0);
    ck_assert_uint_eq(few, many);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
}
END_TEST

START_TEST(want_of_memory_is_an_error)
{
    tile_bench it;
    weft_error err;
    bool failed = true;
    open_tile_bench(&it, "tiny", NULL);
    for (uint64_t n = 0; failed; n++) {
        weft__pe_trace *pe_trace;
        weft_test_fail_allocation_after(n);
        weft_status status = weft__pe_trace_create(it.pes, NULL, &pe_trace, &err);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert(!failed || (!pe_trace && weft_test_is_sentence(err.message)));
        weft__pe_trace_destroy(pe_trace);
    }
    close_tile_bench(&it);
}
END_TEST

START_TEST(want_of_memory_in_a_run_is_told_by_the_run_or_by_the_trace)
{
    uint64_t rounds = 2, failures = 0;
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        tile_bench it;
        weft_error err, trace_err;
        weft__trace *trace;
        weft__pe_trace *pe_trace;
        open_tile_bench(&it, "tiny", NULL);
        WEFT_TEST_ASSERT_OK(weft__trace_open(TRACE_PATH, &trace, &err), err);
        WEFT_TEST_ASSERT_OK(weft__pe_trace_create(it.pes, trace, &pe_trace, &err), err);
        launch_kernel(&it, long_kernel, &rounds, 1);
        weft_test_fail_allocation_after(n);
        weft_status status = weft__sim_run(it.base.sim, WEFT__NEVER, &err);
        failed = weft_test_stop_failing();
        weft__pe_trace_destroy(pe_trace);
        weft_status closed = weft__trace_close(trace, &trace_err);
        ck_assert(status == WEFT_OK || status == WEFT_OUT_OF_MEMORY);
        ck_assert(closed == WEFT_OK || closed == WEFT_OUT_OF_MEMORY);
        ck_assert_int_eq(status != WEFT_OK || closed != WEFT_OK, failed);
        failures += failed;
        close_tile_bench(&it);
    }
    ck_assert_uint_gt(failures, 5);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
}
END_TEST

WEFT_TEST_MAIN("pe_trace", sums_of_spans_are_the_times_of_the_report, spans_of_a_track_follow_one_another,
               calls_enclose_what_is_done_for_them, spans_are_named_for_commands_and_tiles,
               arrows_lead_from_a_send_to_its_receive, tracing_changes_no_time,
               a_trace_takes_no_more_memory_for_a_longer_run, want_of_memory_is_an_error,
               want_of_memory_in_a_run_is_told_by_the_run_or_by_the_trace)
