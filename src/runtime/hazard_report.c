#include "runtime/hazard_report_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/status.h"
#include "runtime/label.h"

/* Verdicts are kept in blocks, so that one that somebody looks at does not move when others are added. */
#define BLOCK_HAZARDS 32u

struct weft_hazard_report {
    weft_hazard **blocks;
    size_t block_count, block_capacity;
    size_t count;
    size_t closed; /* the verdicts of command buffers that have ended; the rest is of the one being recorded */
    uint64_t dispatches, barriers;
};

static const char *const verdict_names[] = {"missing", "needless", "too wide"};
static const char *const kind_names[] = {"RAW", "WAR", "WAW"};

const char *weft_verdict_name(weft_verdict verdict)
{
    return (size_t)verdict < 3 ? verdict_names[verdict] : "unknown";
}

const char *weft_hazard_kind_name(weft_hazard_kind kind)
{
    return (size_t)kind < 3 ? kind_names[kind] : "unknown";
}

weft_status weft_hazard_report_create(weft_hazard_report **out, weft_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? WEFT_OK : weft__fail_memory(err, sizeof **out, "a hazard report");
}

void weft_hazard_report_destroy(weft_hazard_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->block_count; i++)
        free(report->blocks[i]);
    free(report->blocks);
    free(report);
}

static weft_hazard *at(const weft_hazard_report *report, size_t index)
{
    return &report->blocks[index / BLOCK_HAZARDS][index % BLOCK_HAZARDS];
}

static bool add_block(weft_hazard_report *report)
{
    if (!weft__array_reserve(&report->blocks, &report->block_capacity, report->block_count, 1))
        return false;
    weft_hazard *block = malloc(BLOCK_HAZARDS * sizeof *block);
    if (!block)
        return false;
    report->blocks[report->block_count++] = block;
    return true;
}

weft_status weft__hazard_report_reserve(weft_hazard_report *report, size_t more, weft_error *err)
{
    while (report->block_count * BLOCK_HAZARDS - report->count < more)
        if (!add_block(report))
            return weft__fail_memory(err, BLOCK_HAZARDS * sizeof(weft_hazard), "a hazard report");
    return WEFT_OK;
}

void weft__hazard_report_add(weft_hazard_report *report, const weft_hazard *hazard)
{
    *at(report, report->count++) = *hazard;
}

void weft__hazard_report_close(weft_hazard_report *report, const char *label, uint64_t dispatches, uint64_t barriers)
{
    for (size_t i = report->closed; i < report->count; i++)
        weft__label_copy(at(report, i)->stage, label);
    report->closed = report->count;
    report->dispatches += dispatches;
    report->barriers += barriers;
}

void weft__hazard_report_drop(weft_hazard_report *report)
{
    report->count = report->closed;
}

size_t weft_hazard_report_count(const weft_hazard_report *report)
{
    return report->count;
}

const weft_hazard *weft_hazard_report_at(const weft_hazard_report *report, size_t index)
{
    return index < report->count ? at(report, index) : NULL;
}

size_t weft_hazard_report_count_of(const weft_hazard_report *report, weft_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += at(report, i)->verdict == verdict;
    return count;
}

void weft_hazard_report_totals(const weft_hazard_report *report, uint64_t *dispatches, uint64_t *barriers)
{
    if (dispatches)
        *dispatches = report->dispatches;
    if (barriers)
        *barriers = report->barriers;
}

void weft_hazard_report_clear(weft_hazard_report *report)
{
    report->count = report->closed = 0;
    report->dispatches = report->barriers = 0;
}

static const char *missing_text(const weft_hazard *hazard, char text[WEFT_HAZARD_TEXT_BYTES])
{
    char allocation[32];
    (void)snprintf(allocation, sizeof allocation, "allocation %llu", (unsigned long long)hazard->allocation);
    (void)snprintf(
        text, WEFT_HAZARD_TEXT_BYTES,
        "Missing barrier in command buffer %u%s%s%s: dispatch %u (%s, %s) and dispatch %u (%s, %s) both touch "
        "bytes [%llu, %llu) of %s: %s.",
        hazard->command_buffer, hazard->stage[0] ? " '" : "", hazard->stage, hazard->stage[0] ? "'" : "",
        hazard->first_dispatch, hazard->first_label, hazard->first_argument, hazard->second_dispatch,
        hazard->second_label, hazard->second_argument, (unsigned long long)hazard->begin_bytes,
        (unsigned long long)hazard->end_bytes, hazard->buffer_label[0] ? hazard->buffer_label : allocation,
        weft_hazard_kind_name(hazard->kind));
    return text;
}

const char *weft_hazard_text(const weft_hazard *hazard, char text[WEFT_HAZARD_TEXT_BYTES])
{
    if (hazard->verdict == WEFT_VERDICT_MISSING)
        return missing_text(hazard, text);
    const char *open = hazard->stage[0] ? " '" : "", *close = hazard->stage[0] ? "'" : "";
    if (hazard->verdict == WEFT_VERDICT_NEEDLESS)
        (void)snprintf(text, WEFT_HAZARD_TEXT_BYTES,
                       "Needless barrier in command buffer %u%s%s%s: without barrier %u, every conflict would still be "
                       "ordered.",
                       hazard->command_buffer, open, hazard->stage, close, hazard->barrier);
    else
        (void)snprintf(
            text, WEFT_HAZARD_TEXT_BYTES,
            "Barrier too wide in command buffer %u%s%s%s: barrier %u holds back %u dispatch%s that need%s nothing "
            "from before it, first dispatch %u (%s).",
            hazard->command_buffer, open, hazard->stage, close, hazard->barrier, hazard->held_back,
            hazard->held_back == 1 ? "" : "es", hazard->held_back == 1 ? "s" : "", hazard->first_dispatch,
            hazard->first_label);
    return text;
}
