#include "check_run.h"

#include <stdlib.h>
#include <string.h>

#include <weft/trace.h>

#include "output.h"

static weft_status run_passes(const cli_model *model, const cli_prompt *prompt, size_t passes, weft_context *context,
                              cli_progress *progress, check_run *out)
{
    const int32_t *ids = prompt->ids;
    size_t count = prompt->count, vocab = model->info.vocab;
    weft_status status = WEFT_OK;
    while (out->passes < passes && status == WEFT_OK) {
        int32_t *token = &out->tokens[out->passes];
        status = weft_context_feed_and_sample(context, ids, count, NULL, token, &out->err);
        if (status == WEFT_OK)
            status = weft_context_logits(context, 0, 1, out->logits + out->passes * vocab, &out->err);
        if (status != WEFT_OK)
            break;
        out->passes++;
        cli_progress_show(progress, out->passes, passes, "forward passes");
        ids = token;
        count = 1;
    }
    return status;
}

weft_status check_run_model(const cli_model *model, const cli_prompt *prompt, size_t steps, uint64_t omit_barrier,
                            const char *verb, const check_trace *trace, check_run *out, weft_error *err)
{
    size_t passes = steps + 1;
    size_t rows = passes < model->info.positions ? passes : (size_t)model->info.positions + 1; /* no more can happen */
    uint64_t wanted = (uint64_t)prompt->count + steps;
    weft_context_options options = {.capacity_tokens =
                                        wanted < model->info.positions ? (uint32_t)wanted : model->info.positions};
    weft_status status = weft_hazard_report_create(&out->report, err);
    if (status != WEFT_OK)
        return status;
    out->tokens = cli_allocate(rows * sizeof *out->tokens);
    out->logits = cli_allocate(rows * model->info.vocab * sizeof *out->logits);
    options.no_graph = true; /* the barriers are those of the model */
    options.session.encoder.hazards = out->report;
    options.session.encoder.omit_barrier = omit_barrier;
    options.session.encoder.timeline = trace->path ? trace->timeline : NULL;
    weft_context *context = NULL;
    out->status = weft_context_create(model->model, &options, &context, &out->err);
    if (out->status == WEFT_OK && trace->path)
        status = weft_device_begin_trace(model->device, trace->path, err);
    if (out->status == WEFT_OK && status == WEFT_OK) {
        weft_context_info info;
        cli_progress progress;
        cli_progress_begin(&progress, verb);
        out->status = run_passes(model, prompt, passes, context, &progress, out);
        cli_progress_end(&progress);
        weft_context_get_info(context, &info);
        out->spent = info.session.spent;
        if (trace->path)
            status = weft_device_end_trace(model->device, trace->timeline, err);
    }
    weft_context_destroy(context);
    weft_hazard_report_totals(out->report, &out->dispatches, &out->barriers);
    return status;
}

bool check_runs_equal(const check_run *a, const check_run *b, const cli_model *model)
{
    if (a->passes != b->passes || a->status != b->status)
        return false;
    return memcmp(a->tokens, b->tokens, a->passes * sizeof *a->tokens) == 0 &&
           memcmp(a->logits, b->logits, a->passes * model->info.vocab * sizeof *a->logits) == 0;
}

void check_run_release(check_run *run)
{
    weft_hazard_report_destroy(run->report);
    free(run->tokens);
    free(run->logits);
    *run = (check_run){0};
}
