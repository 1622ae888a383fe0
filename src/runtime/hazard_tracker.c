#include "runtime/hazard_tracker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/range_map.h"
#include "base/status.h"
#include "runtime/buffer_impl.h"
#include "runtime/hazard_report_impl.h"
#include "runtime/label.h"

/* A barrier of the command buffer, and what became of it so far. */
typedef struct barrier {
    uint32_t position; /* dispatches before it */
    bool needed;
    uint32_t unheld;       /* dispatches behind it, up to the next, that conflict with nothing before it */
    uint32_t first_unheld; /* the first of them */
    char first_label[WEFT_HAZARD_LABEL_BYTES];
} barrier;

/* The accesses to one allocation. A payload holds two dispatch indices plus one (0: none), writer above reader. Most
 * allocations are only ever touched as a whole: one range is kept here, and the map is used from the second one on. */
typedef struct tracked {
    uint64_t allocation; /* id */
    bool is_split;       /* the map counts, not `only` */
    weft__range only;    /* empty: nothing yet */
    weft__range_map accesses;
} tracked;

struct weft__hazard_tracker {
    weft_hazard_report *report;
    uint32_t command_buffers;         /* committed so far */
    const weft_dispatch **dispatches; /* by index: to name the earlier one of a conflict */
    uint32_t dispatch_count;
    size_t dispatch_capacity;
    barrier *barriers;
    uint32_t barrier_count;
    size_t barrier_capacity;
    uint32_t window;       /* dispatches before this one are ordered with all that come */
    uint32_t outer_window; /* the window before the latest barrier was found needed */
    uint32_t last_barrier; /* position of the latest barrier, real or made up after a missing one */
    bool last_is_real;
    tracked *maps;
    uint32_t map_count, map_made; /* in use; initialised */
    size_t map_capacity;
    uint32_t *slots;                    /* hash table: 1 + index into maps, by allocation id */
    uint32_t slot_count;                /* a power of two */
    uint32_t found[WEFT_ARGUMENTS_MAX]; /* by the last look: the maps of its arguments, or NO_MAP */
};

#define NO_DISPATCH UINT32_MAX
#define NO_MAP UINT32_MAX

static uint64_t pack(uint32_t writer, uint32_t reader)
{
    return (uint64_t)writer << 32 | reader;
}

static uint32_t slot_of(const weft__hazard_tracker *tracker, uint64_t allocation)
{
    return (uint32_t)((allocation * 0x9e3779b97f4a7c15u) >> 32) & (tracker->slot_count - 1);
}

weft_status weft__hazard_tracker_create(weft_hazard_report *report, weft__hazard_tracker **out, weft_error *err)
{
    *out = NULL;
    weft__hazard_tracker *tracker = calloc(1, sizeof *tracker);
    uint32_t *slots = calloc(64, sizeof *slots);
    if (!tracker || !slots) {
        free(tracker);
        free(slots);
        return weft__fail_memory(err, sizeof *tracker, "a hazard tracker");
    }
    tracker->report = report;
    tracker->slots = slots;
    tracker->slot_count = 64;
    *out = tracker;
    return WEFT_OK;
}

void weft__hazard_tracker_destroy(weft__hazard_tracker *tracker)
{
    if (!tracker)
        return;
    weft__hazard_tracker_drop(tracker);
    for (uint32_t i = 0; i < tracker->map_made; i++)
        weft__range_map_destroy(&tracker->maps[i].accesses);
    free(tracker->maps);
    free(tracker->slots);
    free(tracker->barriers);
    free(tracker->dispatches);
    free(tracker);
}

static void start_over(weft__hazard_tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->map_count; i++)
        if (tracker->maps[i].is_split)
            weft__range_map_clear(&tracker->maps[i].accesses);
    memset(tracker->slots, 0, tracker->slot_count * sizeof *tracker->slots);
    tracker->map_count = 0;
    tracker->dispatch_count = tracker->barrier_count = 0;
    tracker->window = tracker->outer_window = tracker->last_barrier = 0;
    tracker->last_is_real = false;
}

/* The map of an allocation; NO_MAP if nothing has touched it yet. */
static uint32_t find_map(const weft__hazard_tracker *tracker, weft__allocation *allocation)
{
    uint32_t hint = atomic_load_explicit(&allocation->tracker_hint, memory_order_relaxed);
    if (hint < tracker->map_count && tracker->maps[hint].allocation == allocation->id)
        return hint;
    uint32_t mask = tracker->slot_count - 1;
    for (uint32_t slot = slot_of(tracker, allocation->id); tracker->slots[slot]; slot = (slot + 1) & mask) {
        uint32_t index = tracker->slots[slot] - 1;
        if (tracker->maps[index].allocation == allocation->id) {
            atomic_store_explicit(&allocation->tracker_hint, index, memory_order_relaxed);
            return index;
        }
    }
    return NO_MAP;
}

static void enter_slot(weft__hazard_tracker *tracker, uint32_t index)
{
    uint32_t slot = slot_of(tracker, tracker->maps[index].allocation);
    while (tracker->slots[slot])
        slot = (slot + 1) & (tracker->slot_count - 1);
    tracker->slots[slot] = index + 1;
}

static bool grow_slots(weft__hazard_tracker *tracker)
{
    if (2 * (tracker->map_count + 1) <= tracker->slot_count)
        return true;
    uint32_t *slots = calloc(2 * (size_t)tracker->slot_count, sizeof *slots);
    if (!slots)
        return false;
    free(tracker->slots);
    tracker->slots = slots;
    tracker->slot_count *= 2;
    for (uint32_t i = 0; i < tracker->map_count; i++)
        enter_slot(tracker, i);
    return true;
}

/* A new map for an allocation; NO_MAP when out of memory. */
static uint32_t make_map(weft__hazard_tracker *tracker, weft__allocation *allocation)
{
    if (!weft__array_reserve(&tracker->maps, &tracker->map_capacity, tracker->map_count, 1) || !grow_slots(tracker))
        return NO_MAP;
    uint32_t index = tracker->map_count;
    tracked *map = &tracker->maps[index];
    if (index == tracker->map_made) {
        map->accesses = (weft__range_map){0};
        tracker->map_made++;
    }
    map->allocation = allocation->id;
    map->is_split = false;
    map->only = (weft__range){0};
    tracker->map_count++;
    enter_slot(tracker, index);
    atomic_store_explicit(&allocation->tracker_hint, index, memory_order_relaxed);
    return index;
}

/* The latest conflict of a dispatch that was found so far. */
typedef struct conflict {
    uint32_t first; /* NO_DISPATCH: none */
    uint32_t argument;
    weft_hazard_kind kind;
    uint64_t begin, end; /* bytes of the allocation */
} conflict;

/* Both sinks: an argument's ranges arrive relative to the argument. */
typedef struct visit {
    weft__range_sink sink;
    tracked *map;
    uint64_t offset; /* of the argument in its allocation */
    bool writes;
    uint32_t argument, mark; /* mark: index of the dispatch plus one */
    conflict *worst;
    bool out_of_memory;
} visit;

/* Compares an access to [begin, end) with those before it in one segment that overlaps it. */
static inline void compare(const visit *at, const weft__range *segment, uint64_t begin, uint64_t end)
{
    uint32_t writer = (uint32_t)(segment->payload >> 32), reader = (uint32_t)segment->payload;
    bool by_reader = at->writes && reader > writer;
    uint32_t mark = by_reader ? reader : writer;
    conflict *worst = at->worst;
    if (mark == 0 || (worst->first != NO_DISPATCH && mark - 1 <= worst->first))
        return;
    worst->first = mark - 1;
    worst->argument = at->argument;
    worst->kind = by_reader ? WEFT_HAZARD_WAR : at->writes ? WEFT_HAZARD_WAW : WEFT_HAZARD_RAW;
    worst->begin = segment->begin > begin ? segment->begin : begin;
    worst->end = segment->end < end ? segment->end : end;
}

static void look_at(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    const visit *at = (const visit *)sink;
    begin += at->offset;
    end += at->offset;
    if (!at->map->is_split) {
        const weft__range *only = &at->map->only;
        if (only->begin < end && begin < only->end)
            compare(at, only, begin, end);
        return;
    }
    weft__range_cursor cursor;
    const weft__range *segment = weft__range_map_first_overlap(&at->map->accesses, begin, end, &cursor);
    for (; segment; segment = weft__range_cursor_next(&cursor))
        compare(at, segment, begin, end);
}

/* Keeps the writer of a piece, and makes this dispatch its last reader. */
static bool note_reader(void *context, weft__range *piece, bool is_mapped)
{
    (void)is_mapped; /* a gap has the payload 0 */
    const visit *at = context;
    piece->payload = pack((uint32_t)(piece->payload >> 32), at->mark);
    return true;
}

static bool split(tracked *map)
{
    const weft__range *only = &map->only;
    weft__range_map_clear(&map->accesses);
    map->is_split = weft__range_map_assign(&map->accesses, only->begin, only->end, only->payload);
    return map->is_split;
}

static void enter(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    visit *at = (visit *)sink;
    begin += at->offset;
    end += at->offset;
    tracked *map = at->map;
    if (!map->is_split) {
        weft__range *only = &map->only;
        if (only->end == 0)
            *only = (weft__range){begin, end, 0};
        if (only->begin == begin && only->end == end) {
            only->payload = at->writes ? pack(at->mark, 0) : pack((uint32_t)(only->payload >> 32), at->mark);
            return;
        }
        if (!split(map)) {
            at->out_of_memory = true;
            return;
        }
    }
    bool fine = at->writes ? weft__range_map_assign(&map->accesses, begin, end, pack(at->mark, 0))
                           : weft__range_map_update(&map->accesses, begin, end, note_reader, at);
    at->out_of_memory |= !fine;
}

/* Hands the ranges of an argument to the sink of the visit; most arguments are touched as a whole. */
static inline void visit_ranges(const weft_dispatch *dispatch, uint32_t argument, visit *at)
{
    const weft_buffer *buffer = dispatch->arguments[argument];
    if (dispatch->op->ranges)
        weft__dispatch_ranges(dispatch, argument, &at->sink);
    else if (buffer->bytes)
        at->sink.take(&at->sink, 0, buffer->bytes);
}

static void name_dispatch(char label[WEFT_HAZARD_LABEL_BYTES], const weft_dispatch *dispatch)
{
    (void)snprintf(label, WEFT_HAZARD_LABEL_BYTES, "%s%s%s", dispatch->op->name, dispatch->label ? " " : "",
                   dispatch->label ? dispatch->label : "");
}

/* The argument of the earlier dispatch of a conflict: the first that touches the bytes in the way that conflicts. */
static const char *earlier_argument(const weft_dispatch *earlier, uint64_t allocation, const conflict *found)
{
    weft_role role = found->kind == WEFT_HAZARD_WAR ? WEFT_READ : WEFT_WRITE;
    for (uint32_t i = 0; i < earlier->op->argument_count; i++) {
        const weft_buffer *buffer = earlier->arguments[i];
        if (buffer && buffer->allocation->id == allocation && (earlier->op->arguments[i].role & role) &&
            buffer->offset_bytes < found->end && found->begin < buffer->offset_bytes + buffer->bytes)
            return earlier->op->arguments[i].name;
    }
    return "?";
}

static weft_status report_missing(weft__hazard_tracker *tracker, const weft_dispatch *dispatch, const conflict *found,
                                  weft_error *err)
{
    weft_status status = weft__hazard_report_reserve(tracker->report, tracker->barrier_count + 2, err);
    if (status)
        return status;
    const weft_dispatch *earlier = tracker->dispatches[found->first];
    const weft__allocation *allocation = dispatch->arguments[found->argument]->allocation;
    weft_hazard hazard = {
        .verdict = WEFT_VERDICT_MISSING,
        .kind = found->kind,
        .command_buffer = tracker->command_buffers,
        .barrier = tracker->barrier_count,
        .first_dispatch = found->first,
        .second_dispatch = dispatch->index,
        .first_argument = earlier_argument(earlier, allocation->id, found),
        .second_argument = dispatch->op->arguments[found->argument].name,
        .allocation = allocation->id,
        .begin_bytes = found->begin,
        .end_bytes = found->end,
    };
    name_dispatch(hazard.first_label, earlier);
    name_dispatch(hazard.second_label, dispatch);
    weft__label_copy(hazard.buffer_label, allocation->label);
    weft__hazard_report_add(tracker->report, &hazard);
    return WEFT_OK;
}

/* What a dispatch's latest conflict, if any, says about the latest barrier. */
static void judge_barrier(weft__hazard_tracker *tracker, const weft_dispatch *dispatch, const conflict *worst)
{
    if (!tracker->last_is_real || tracker->barrier_count == 0)
        return;
    barrier *last = &tracker->barriers[tracker->barrier_count - 1];
    uint32_t reach = last->needed ? tracker->outer_window : tracker->window;
    bool held = worst->first != NO_DISPATCH && worst->first >= reach;
    if (!held) {
        if (last->unheld++ == 0 && tracker->report) {
            last->first_unheld = dispatch->index;
            name_dispatch(last->first_label, dispatch);
        }
    } else if (!last->needed) {
        last->needed = true;
        tracker->outer_window = tracker->window;
        tracker->window = last->position;
    }
}

weft_status weft__hazard_tracker_look(weft__hazard_tracker *tracker, const weft_dispatch *dispatch, bool infers,
                                      bool *out_conflicts, weft_error *err)
{
    *out_conflicts = false;
    conflict worst = {.first = NO_DISPATCH};
    for (uint32_t i = 0; i < dispatch->op->argument_count; i++) {
        const weft_buffer *buffer = dispatch->arguments[i];
        tracker->found[i] = buffer ? find_map(tracker, buffer->allocation) : NO_MAP;
        if (tracker->found[i] == NO_MAP)
            continue;
        visit at = {
            .sink = {look_at},
            .map = &tracker->maps[tracker->found[i]],
            .offset = buffer->offset_bytes,
            .writes = dispatch->op->arguments[i].role & WEFT_WRITE,
            .argument = i,
            .worst = &worst,
        };
        visit_ranges(dispatch, i, &at);
    }
    if (worst.first != NO_DISPATCH && worst.first >= tracker->last_barrier) {
        *out_conflicts = true;
        if (infers) /* the caller puts a barrier here, which this conflict makes a needed one */
            return WEFT_OK;
        weft_status status = report_missing(tracker, dispatch, &worst, err);
        if (status)
            return status;
        tracker->last_barrier = tracker->window = tracker->outer_window = dispatch->index;
        tracker->last_is_real = false;
        return WEFT_OK;
    }
    judge_barrier(tracker, dispatch, &worst);
    return WEFT_OK;
}

weft_status weft__hazard_tracker_add(weft__hazard_tracker *tracker, const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__array_reserve_or_fail(&tracker->dispatches, &tracker->dispatch_capacity,
                                                     tracker->dispatch_count, 1, "a hazard tracker", err);
    if (status)
        return status;
    tracker->dispatches[tracker->dispatch_count] = dispatch; /* first: if memory runs out below, some bytes name it */
    for (uint32_t i = 0; i < dispatch->op->argument_count; i++) {
        const weft_buffer *buffer = dispatch->arguments[i];
        if (!buffer)
            continue;
        uint32_t index = tracker->found[i];
        if (index == NO_MAP) /* unless an argument before it is in the same allocation */
            index = find_map(tracker, buffer->allocation);
        if (index == NO_MAP)
            index = make_map(tracker, buffer->allocation);
        if (index == NO_MAP)
            return weft__fail_memory(err, sizeof(tracked), "a hazard tracker");
        visit at = {
            .sink = {enter},
            .map = &tracker->maps[index],
            .offset = buffer->offset_bytes,
            .writes = dispatch->op->arguments[i].role & WEFT_WRITE,
            .mark = dispatch->index + 1,
        };
        visit_ranges(dispatch, i, &at);
        if (at.out_of_memory)
            return weft__fail_memory(err, sizeof(tracked), "a hazard tracker");
    }
    tracker->dispatch_count++;
    return WEFT_OK;
}

weft_status weft__hazard_tracker_barrier(weft__hazard_tracker *tracker, bool inferred, weft_error *err)
{
    weft_status status = weft__array_reserve_or_fail(&tracker->barriers, &tracker->barrier_capacity,
                                                     tracker->barrier_count, 1, "a hazard tracker", err);
    if (status == WEFT_OK && tracker->report)
        status = weft__hazard_report_reserve(tracker->report, tracker->barrier_count + 2, err);
    if (status)
        return status;
    tracker->barriers[tracker->barrier_count++] = (barrier){.position = tracker->dispatch_count, .needed = inferred};
    tracker->last_barrier = tracker->dispatch_count;
    tracker->last_is_real = true;
    if (inferred) {
        tracker->outer_window = tracker->window;
        tracker->window = tracker->dispatch_count;
    }
    return WEFT_OK;
}

static void report_barrier(weft__hazard_tracker *tracker, uint32_t index)
{
    const barrier *each = &tracker->barriers[index];
    if (each->needed && each->unheld == 0)
        return;
    weft_hazard hazard = {
        .verdict = each->needed ? WEFT_VERDICT_TOO_WIDE : WEFT_VERDICT_NEEDLESS,
        .command_buffer = tracker->command_buffers,
        .barrier = index,
        .first_dispatch = each->needed ? each->first_unheld : WEFT_NO_INDEX,
        .second_dispatch = WEFT_NO_INDEX,
        .held_back = each->needed ? each->unheld : 0,
    };
    memcpy(hazard.first_label, each->first_label, sizeof hazard.first_label);
    weft__hazard_report_add(tracker->report, &hazard);
}

void weft__hazard_tracker_commit(weft__hazard_tracker *tracker, const char *label)
{
    if (tracker->report) {
        for (uint32_t i = 0; i < tracker->barrier_count; i++)
            report_barrier(tracker, i);
        weft__hazard_report_close(tracker->report, label, tracker->dispatch_count, tracker->barrier_count);
    }
    tracker->command_buffers++;
    start_over(tracker);
}

void weft__hazard_tracker_drop(weft__hazard_tracker *tracker)
{
    if (tracker->report && tracker->dispatch_count) /* or the report may be in the hands of another tracker */
        weft__hazard_report_drop(tracker->report);
    start_over(tracker);
}
