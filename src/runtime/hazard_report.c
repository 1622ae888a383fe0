#include "runtime/hazard_report_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"
#include "runtime/label.h"

struct weft_hazard_report {
    weft_hazard *hazards;
    size_t count, capacity;
    uint32_t command_buffers;
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
    free(report->hazards);
    free(report);
}

weft_status weft__hazard_report_reserve(weft_hazard_report *report, size_t more, weft_error *err)
{
    if (report->capacity - report->count >= more)
        return WEFT_OK;
    size_t wanted = report->capacity ? report->capacity : 16;
    while (wanted - report->count < more)
        wanted *= 2;
    weft_hazard *grown = realloc(report->hazards, wanted * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, wanted * sizeof *grown, "a hazard report");
    report->hazards = grown;
    report->capacity = wanted;
    return WEFT_OK;
}

void weft__hazard_report_add(weft_hazard_report *report, const weft_hazard *hazard)
{
    report->hazards[report->count++] = *hazard;
}

void weft__hazard_report_close(weft_hazard_report *report, size_t first, const char *label, uint64_t dispatches,
                               uint64_t barriers)
{
    for (size_t i = first; i < report->count; i++)
        weft__label_copy(report->hazards[i].stage, label);
    report->command_buffers++;
    report->dispatches += dispatches;
    report->barriers += barriers;
}

void weft__hazard_report_truncate(weft_hazard_report *report, size_t first)
{
    if (report->count > first)
        report->count = first;
}

uint32_t weft__hazard_report_command_buffers(const weft_hazard_report *report)
{
    return report->command_buffers;
}

size_t weft_hazard_report_count(const weft_hazard_report *report)
{
    return report->count;
}

const weft_hazard *weft_hazard_report_at(const weft_hazard_report *report, size_t index)
{
    return index < report->count ? &report->hazards[index] : NULL;
}

size_t weft_hazard_report_count_of(const weft_hazard_report *report, weft_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->hazards[i].verdict == verdict;
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
    report->count = 0;
    report->command_buffers = 0;
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
            hazard->command_buffer, open, hazard->stage, close, hazard->barrier, hazard->second_dispatch,
            hazard->second_dispatch == 1 ? "" : "es", hazard->second_dispatch == 1 ? "s" : "", hazard->first_dispatch,
            hazard->first_label);
    return text;
}
