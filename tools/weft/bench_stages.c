#include "bench_stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_input.h"
#include "output.h"

#define WIDTH 4

/* Values whose sums round, so that another order of the additions gives other bits. */
static const float hidden_values[WIDTH] = {0.1f, -1.7f, 3.3f, 1e-3f};
static const float attention_values[WIDTH] = {1.1f, 0.37f, -0.9f, 7.7f};
static const float ffn_values[WIDTH] = {-0.3f, 1.9f, 0.013f, -3.1f};

static weft_status make_constant(weft_device *device, const float values[WIDTH], weft_buffer **out, weft_error *err)
{
    weft_shape shape = weft_shape_1d(WIDTH);
    weft_status status = weft_buffer_create(device, WEFT_F32, &shape, out, err);
    return status == WEFT_OK ? weft_buffer_write(*out, 0, values, WIDTH * sizeof values[0], err) : status;
}

static weft_status make_form(const bench_stages *bench, bench_form *form, const char *name, weft_error *err)
{
    size_t sums = 2 * bench->pairs;
    weft_shape shape = weft_shape_2d(sums, WIDTH), row = weft_shape_1d(WIDTH);
    form->name = name;
    form->seconds = cli_allocate(bench->repeat * sizeof *form->seconds);
    form->rows = cli_allocate(sums * sizeof *form->rows);
    memset(form->rows, 0, sums * sizeof *form->rows);
    weft_status status = weft_buffer_create(bench->device, WEFT_F32, &shape, &form->results, err);
    for (size_t i = 0; i < sums && status == WEFT_OK; i++)
        status = weft_buffer_view(form->results, i * WIDTH, &row, &form->rows[i], err);
    return status;
}

/* Fills the results with what no addition gives: what a run leaves out shows. */
static weft_status clear_results(const bench_form *form, weft_error *err)
{
    size_t bytes = weft_buffer_bytes(form->results);
    void *nan_bits = cli_allocate(bytes);
    memset(nan_bits, 0xff, bytes);
    weft_status status = weft_buffer_write(form->results, 0, nan_bits, bytes, err);
    free(nan_bits);
    return status;
}

/* Records one sum of a pair: which of the two is told by its index. */
static weft_status add_sum(const bench_stages *bench, const bench_form *form, weft_encoder *encoder, size_t sum,
                           weft_error *err)
{
    const weft_buffer *in = sum > 0 ? form->rows[sum - 1] : bench->hidden;
    return weft_add(encoder, in, sum % 2 == 0 ? bench->attention : bench->ffn, form->rows[sum], err);
}

static weft_status submit_plain(const bench_stages *bench, const bench_form *form, weft_encoder **encoders,
                                weft_error *err)
{
    size_t sums = 2 * bench->pairs;
    weft_status status = WEFT_OK;
    const weft_encoder_options options = {.timeline = bench->timeline};
    for (size_t i = 0; i < sums && status == WEFT_OK; i++) {
        char label[48];
        snprintf(label, sizeof label, "plain.%s.layer%zu", i % 2 == 0 ? "attn" : "ffn", i / 2);
        status = weft_encoder_create(bench->device, &options, &encoders[i], err);
        if (status == WEFT_OK)
            status = add_sum(bench, form, encoders[i], i, err);
        if (status == WEFT_OK)
            status = weft_encoder_commit(encoders[i], label, err);
    }
    /* Command buffers of a device run in the order of their commits, so the last one is the end of all. */
    return status == WEFT_OK ? weft_encoder_wait(encoders[sums - 1], err) : status;
}

static weft_status run_plain(const bench_stages *bench, bench_form *form, weft_error *err)
{
    size_t sums = 2 * bench->pairs;
    weft_budget budget = {.max_command_buffers = bench->budget};
    weft_span *span;
    weft_status status = weft_span_begin(bench->device, form->name, &budget, &span, err);
    if (status != WEFT_OK)
        return status;
    weft_encoder **encoders = cli_allocate(sums * sizeof(weft_encoder *));
    memset(encoders, 0, sums * sizeof(weft_encoder *));
    status = submit_plain(bench, form, encoders, err);
    weft_status ended = weft_span_end(span, NULL, status == WEFT_OK ? err : NULL);
    for (size_t i = 0; i < sums; i++)
        weft_encoder_destroy(encoders[i]);
    free(encoders);
    return status == WEFT_OK ? ended : status;
}

static weft_status submit_session(const bench_stages *bench, const bench_form *form, weft_session *session,
                                  weft_error *err)
{
    weft_encoder *encoder = weft_session_encoder(session);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < bench->pairs && status == WEFT_OK; i++) {
        char label[48];
        snprintf(label, sizeof label, "session.attn.layer%zu", i);
        status = add_sum(bench, form, encoder, 2 * i, err);
        if (status == WEFT_OK)
            status = weft_encoder_barrier(encoder, err);
        if (status == WEFT_OK)
            status = add_sum(bench, form, encoder, 2 * i + 1, err);
        if (status == WEFT_OK)
            status = weft_session_fence_stage(session, label, err);
        if (status == WEFT_OK && i + 1 < bench->pairs)
            status = weft_session_reset_for_next_stage(session, err);
    }
    return status == WEFT_OK ? weft_session_wait(session, err) : status;
}

static weft_status run_session(const bench_stages *bench, bench_form *form, weft_error *err)
{
    weft_session_options options = {.encoder = {.timeline = bench->timeline},
                                    .budget = {.max_command_buffers = bench->budget},
                                    .label = form->name};
    weft_session *session;
    weft_status status = weft_session_create(bench->device, &options, &session, err);
    if (status != WEFT_OK)
        return status;
    status = submit_session(bench, form, session, err);
    weft_session_info(session, &form->state);
    weft_session_destroy(session);
    return status;
}

/* One run of one form: its cost, which must be that of the runs before, and its time. */
static weft_status run_form(const bench_stages *bench, bench_form *form, weft_error *err)
{
    weft_counters before, after;
    cli_device_times times_before, times_after;
    weft_status status = clear_results(form, err);
    if (status != WEFT_OK)
        return status;
    weft_device_counters(bench->device, &before);
    cli_device_times_take(bench->device, &times_before);
    double begun = cli_seconds();
    status = form == &bench->form[BENCH_PLAIN] ? run_plain(bench, form, err) : run_session(bench, form, err);
    double seconds = cli_seconds() - begun;
    if (status != WEFT_OK)
        weft_device_wait(bench->device); /* what was submitted before must end before buffers are written */
    weft_device_counters(bench->device, &after);
    weft_counters spent = cli_counters_between(&before, &after);
    if (status != WEFT_OK)
        return status;
    bool is_same = form->runs == 0 || (spent.command_buffers_created == form->spent.command_buffers_created &&
                                       spent.dispatches == form->spent.dispatches &&
                                       spent.barriers == form->spent.barriers && spent.syncs == form->spent.syncs);
    if (!is_same || spent.command_buffers_failed > 0) {
        snprintf(err->message, sizeof err->message, "The %s form did not cost the same in run %zu as in the first.",
                 form->name, form->runs + 1);
        err->line = err->column = 0;
        return WEFT_INTERNAL;
    }
    cli_device_times_take(bench->device, &times_after);
    form->begun_ps = times_before.now_ps;
    form->times = cli_device_times_between(&times_before, &times_after);
    form->spent = spent;
    form->seconds[form->runs++] = seconds;
    return WEFT_OK;
}

static void compute_on_host(size_t sums, float *out)
{
    const float *in = hidden_values;
    for (size_t i = 0; i < sums; i++, in = out, out += WIDTH) {
        for (size_t j = 0; j < WIDTH; j++)
            out[j] = in[j] + (i % 2 == 0 ? attention_values[j] : ffn_values[j]);
    }
}

static weft_status compare(bench_stages *bench, weft_error *err)
{
    size_t bytes = weft_buffer_bytes(bench->form[0].results);
    float *expected = cli_allocate(bytes), *actual = cli_allocate(bytes);
    compute_on_host(2 * bench->pairs, expected);
    weft_status status = WEFT_OK;
    bench->results_equal = true;
    for (size_t i = 0; i < BENCH_STAGES_FORMS && status == WEFT_OK; i++) {
        status = weft_buffer_read(bench->form[i].results, 0, actual, bytes, err);
        if (status != WEFT_OK || memcmp(expected, actual, bytes) != 0)
            bench->results_equal = false;
    }
    free(expected);
    free(actual);
    return status;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static weft_status run_forms(bench_stages *bench, weft_error *err)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < BENCH_STAGES_FORMS && status == WEFT_OK; i++) {
        bench_form *form = &bench->form[i];
        if (form->is_over_budget)
            continue;
        status = run_form(bench, form, err);
        if (status == WEFT_BUDGET_EXCEEDED) {
            form->is_over_budget = true;
            memcpy(form->over_budget, err->message, sizeof form->over_budget);
            status = WEFT_OK;
        }
    }
    return status;
}

weft_status bench_stages_run(bench_stages *bench, bench_step step, void *user, weft_error *err)
{
    weft_status status = make_constant(bench->device, hidden_values, &bench->hidden, err);
    if (status == WEFT_OK)
        status = make_constant(bench->device, attention_values, &bench->attention, err);
    if (status == WEFT_OK)
        status = make_constant(bench->device, ffn_values, &bench->ffn, err);
    if (status == WEFT_OK)
        status = make_form(bench, &bench->form[BENCH_PLAIN], "plain", err);
    if (status == WEFT_OK)
        status = make_form(bench, &bench->form[BENCH_SESSION], "session", err);
    for (size_t run = 0; run < bench->repeat && status == WEFT_OK && bench->watcher_code == 0; run++) {
        bool is_watched = bench->watcher && run + 1 == bench->repeat;
        if (is_watched)
            bench->watcher_code = bench->watcher(bench->watcher_user, false);
        if (bench->watcher_code == 0)
            status = run_forms(bench, err);
        if (is_watched && status == WEFT_OK && bench->watcher_code == 0)
            bench->watcher_code = bench->watcher(bench->watcher_user, true);
        if (step)
            step(user, run + 1, bench->repeat);
    }
    if (status != WEFT_OK || bench->watcher_code != 0)
        return status;
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++)
        qsort(bench->form[i].seconds, bench->form[i].runs, sizeof(double), by_size);
    return compare(bench, err);
}

void bench_stages_release(bench_stages *bench)
{
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        bench_form *form = &bench->form[i];
        for (size_t j = 0; form->rows && j < 2 * bench->pairs; j++)
            weft_buffer_destroy(form->rows[j]);
        weft_buffer_destroy(form->results);
        free(form->rows);
        free(form->seconds);
    }
    weft_buffer_destroy(bench->hidden);
    weft_buffer_destroy(bench->attention);
    weft_buffer_destroy(bench->ffn);
}

double bench_form_min(const bench_form *form)
{
    return form->runs > 0 ? form->seconds[0] : (double)NAN;
}

double bench_form_median(const bench_form *form)
{
    if (form->runs == 0)
        return (double)NAN;
    size_t middle = form->runs / 2;
    return form->runs % 2 == 1 ? form->seconds[middle] : (form->seconds[middle - 1] + form->seconds[middle]) / 2;
}
