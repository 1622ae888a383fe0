#include "sim/retime/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define PLACES_MAX (UINT32_MAX / 2)
#define BYTES_MAX (UINT32_MAX / 2)

/* ---- contents ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0xff51afd7ed558ccdU;
    return hash ^ hash >> 32;
}

static bool are_same(const weft__pair *a, const weft__pair *b)
{
    return a->first == b->first && a->second == b->second;
}

static size_t find_pair(const weft__pairs *pairs, const weft__pair *pair)
{
    size_t mask = pairs->table_capacity - 1, at = (size_t)mix(mix(0, pair->first), pair->second) & mask;
    while (pairs->table[at] && !are_same(&pairs->items[pairs->table[at] - 1], pair))
        at = (at + 1) & mask;
    return at;
}

static bool reserve_pair(weft__pairs *pairs)
{
    if (pairs->count == UINT32_MAX || !weft__array_reserve(&pairs->items, &pairs->capacity, pairs->count, 1))
        return false;
    if (2 * (size_t)pairs->count < pairs->table_capacity)
        return true;
    size_t wanted = pairs->table_capacity ? 2 * pairs->table_capacity : 64;
    uint32_t *table = calloc(wanted, sizeof *table);
    if (!table)
        return false;
    free(pairs->table);
    pairs->table = table;
    pairs->table_capacity = wanted;
    for (uint32_t i = 0; i < pairs->count; i++)
        table[find_pair(pairs, &pairs->items[i])] = i + 1;
    return true;
}

/* Its number; 0 without memory. */
static uint32_t number_of_pair(weft__pairs *pairs, uint64_t first, uint64_t second)
{
    const weft__pair pair = {first, second};
    if (!reserve_pair(pairs))
        return 0;
    size_t at = find_pair(pairs, &pair);
    if (!pairs->table[at]) {
        pairs->items[pairs->count] = pair;
        pairs->table[at] = ++pairs->count;
    }
    return pairs->table[at];
}

/* The number of these bytes with those of a number behind them; 0 for none at all, or without memory. Each pair is of
 * so many bytes, up to 7, and of their number. */
static uint32_t content_of(weft__pairs *contents, const uint8_t *bytes, size_t count, uint32_t behind)
{
    uint32_t number = behind;
    for (size_t left = count; left > 0;) {
        size_t part = left % 7 ? left % 7 : 7;
        uint64_t word = part;
        left -= part;
        memcpy((uint8_t *)&word + 1, bytes + left, part);
        number = number_of_pair(contents, word, number);
        if (!number)
            return 0;
    }
    return number;
}

/* ---- what a request concerns ---- */

typedef enum request_reach {
    REACH_COMPUTE, /* the PE's processor, its engines and its TCM */
    REACH_OWN,     /* its slice of HBM, too */
    REACH_OTHERS
} request_reach;

static request_reach larger(request_reach a, request_reach b)
{
    return a > b ? a : b;
}

static request_reach reach_of_place(const weft__place_code *place)
{
    return place->kind == WEFT__PLACE_HBM && place->pes == 0 ? REACH_OWN : REACH_OTHERS;
}

static request_reach reach_of(const weft__step *step)
{
    request_reach reach = REACH_COMPUTE;
    if (step->kind == WEFT__ASK_DISPATCH || step->kind == WEFT__ASK_READ || step->kind == WEFT__ASK_WAIT)
        return reach;
    if (step->kind != WEFT__ASK_COMMAND)
        return REACH_OTHERS;
    for (uint32_t i = 0; i < step->plan.input_count; i++)
        if (weft__plan_moves_input(&step->plan, i))
            reach = larger(reach, reach_of_place(&step->inputs[i]));
    return weft__plan_moves_output(&step->plan) ? larger(reach, reach_of_place(&step->output)) : reach;
}

/* ---- reading one through ---- */

/* Composite commands under way, by their numbers in the kernel. */
typedef struct commands_open {
    uint64_t *numbers;
    size_t count, capacity;
} commands_open;

typedef struct stream_scan {
    weft__stream *stream;
    commands_open open;
    uint64_t composites;
    uint32_t commands, places;
    size_t rest_capacity, place_capacity;
    request_reach *reaches; /* from each rest to the next */
    size_t reach_capacity;
    bool has_memory;
} stream_scan;

static void add_place(stream_scan *it, const weft__place_code *place, uint64_t bytes)
{
    weft__stream *stream = it->stream;
    if (place->kind != WEFT__PLACE_HBM)
        return;
    it->has_memory = it->has_memory && weft__array_reserve(&stream->places, &it->place_capacity, it->places, 1);
    if (it->has_memory)
        stream->places[it->places++] =
            (weft__stream_place){place->pes, bytes < WEFT__STEP_ELEMENTS_MAX ? bytes : WEFT__STEP_ELEMENTS_MAX};
}

static void add_places(stream_scan *it, const weft__step *step)
{
    const weft__plan *plan = &step->plan;
    for (uint32_t i = 0; i < plan->input_count; i++)
        if (weft__plan_moves_input(plan, i))
            add_place(it, &step->inputs[i], weft__plan_input_bytes(plan, i));
    if (weft__plan_moves_output(plan))
        add_place(it, &step->output, weft__plan_output_bytes(plan));
}

static void note_command(stream_scan *it, const weft__step *step)
{
    commands_open *open = &it->open;
    it->commands++;
    add_places(it, step);
    if (step->is_direct)
        return;
    it->has_memory = it->has_memory && weft__array_reserve(&open->numbers, &open->capacity, open->count, 1);
    if (it->has_memory)
        open->numbers[open->count++] = ++it->composites;
}

static void note_wait(stream_scan *it, uint64_t number)
{
    size_t kept = 0;
    for (size_t i = 0; i < it->open.count; i++)
        if (number && it->open.numbers[i] + number != it->composites + 1)
            it->open.numbers[kept++] = it->open.numbers[i];
    it->open.count = kept;
}

/* Nothing is under way after `at` bytes. */
static void add_rest(stream_scan *it, size_t at)
{
    weft__stream *stream = it->stream;
    it->has_memory = it->has_memory && weft__array_reserve(&stream->rests, &it->rest_capacity, stream->rest_count, 1) &&
                     weft__array_reserve(&it->reaches, &it->reach_capacity, stream->rest_count, 1);
    if (!it->has_memory)
        return;
    it->reaches[stream->rest_count] = REACH_COMPUTE;
    stream->rests[stream->rest_count++] =
        (weft__rest){.at = (uint32_t)at, .places = it->places, .commands = it->commands};
}

/* False if it is damaged. */
static bool scan(stream_scan *it)
{
    weft__step step = {0};
    weft__reader from = weft__reader_of(&it->stream->asks);
    const uint8_t *begin = from.at;
    weft__offsets offsets = {0};
    add_rest(it, 0);
    while (from.at < from.end && it->has_memory && it->places < PLACES_MAX) {
        weft__step_take(&from, &offsets, &step);
        if (from.is_bad)
            return false;
        it->stream->requests++;
        request_reach *reach = &it->reaches[it->stream->rest_count - 1];
        *reach = larger(*reach, reach_of(&step));
        if (step.kind == WEFT__ASK_COMMAND)
            note_command(it, &step);
        else if (step.kind == WEFT__ASK_WAIT && step.number > it->composites)
            return false; /* for one of before the kernel */
        else if (step.kind == WEFT__ASK_WAIT)
            note_wait(it, step.number);
        if (it->open.count == 0)
            add_rest(it, (size_t)(from.at - begin));
    }
    return !it->has_memory || from.at == from.end;
}

/* From each rest, how far one may go. What moves data is cut, where it has too many places, at the same rests from
 * wherever one begins: so nearly every rest goes as far as the next one, and has its number from that. */
static void find_ends(const stream_scan *it)
{
    weft__rest *rests = it->stream->rests;
    uint32_t count = it->stream->rest_count, compute_end = 0, own_end = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t begin = rests[i].places;
        compute_end = compute_end < i ? i : compute_end;
        while (compute_end + 1 < count && it->reaches[compute_end] == REACH_COMPUTE)
            compute_end++;
        if (own_end <= i)
            for (own_end = i; own_end + 1 < count && it->reaches[own_end] < REACH_OTHERS &&
                              rests[own_end + 1].places - begin <= WEFT__STRETCH_PLACES_MAX;)
                own_end++;
        rests[i].compute_end = compute_end;
        rests[i].own_end = own_end;
    }
}

/* The number of what is asked from one rest to another; where the next rest goes as far, its number is known. */
static uint32_t number_stretch(const weft__stream *stream, weft__pairs *contents, uint32_t from, uint32_t end,
                               uint32_t next_end, uint32_t next_number)
{
    const weft__rest *rests = stream->rests;
    uint32_t number = 0;
    if (from + 1 < end && next_end == end)
        return next_number ? content_of(contents, stream->asks.data + rests[from].at,
                                        rests[from + 1].at - rests[from].at, next_number)
                           : 0;
    for (uint32_t i = end; i-- > from;) {
        number = content_of(contents, stream->asks.data + rests[i].at, rests[i + 1].at - rests[i].at, number);
        if (!number)
            return 0;
    }
    return number;
}

/* False without memory. */
static bool number_stretches(const weft__stream *stream, weft__pairs *contents)
{
    for (uint32_t i = stream->rest_count; i-- > 0;) {
        weft__rest *it = &stream->rests[i];
        const weft__rest *next = i + 1 < stream->rest_count ? it + 1 : it;
        it->compute_id = number_stretch(stream, contents, i, it->compute_end, next->compute_end, next->compute_id);
        it->own_id = number_stretch(stream, contents, i, it->own_end, next->own_end, next->own_id);
        if ((it->compute_end > i && !it->compute_id) || (it->own_end > i && !it->own_id))
            return false;
    }
    return true;
}

static bool read_through(weft__stream *stream, weft__pairs *contents, bool *is_bad)
{
    stream_scan it = {.stream = stream, .has_memory = true};
    *is_bad = stream->asks.count > BYTES_MAX || !scan(&it);
    if (!*is_bad && it.has_memory) {
        stream->place_count = it.places;
        find_ends(&it);
        it.has_memory = number_stretches(stream, contents);
    }
    free(it.open.numbers);
    free(it.reaches);
    return it.has_memory && !*is_bad;
}

/* ---- all of them ---- */

static void free_stream(weft__stream *stream)
{
    weft__bytes_free(&stream->asks);
    free(stream->places);
    free(stream->rests);
}

void weft__streams_free(weft__streams *streams)
{
    for (uint32_t i = 0; i < streams->count; i++)
        free_stream(&streams->items[i]);
    free(streams->items);
    free(streams->table);
    free(streams->contents.items);
    free(streams->contents.table);
    *streams = (weft__streams){0};
}

static uint64_t hash_of(const weft__bytes *asks)
{
    uint64_t hash = asks->count, word;
    size_t at = 0;
    for (; at + sizeof word <= asks->count; at += sizeof word) {
        memcpy(&word, asks->data + at, sizeof word);
        hash = mix(hash, word);
    }
    for (; at < asks->count; at++)
        hash = mix(hash, asks->data[at]);
    return hash;
}

/* Where it is in the table, or would be. */
static size_t find(const weft__streams *streams, const weft__bytes *asks, uint64_t hash)
{
    size_t mask = streams->table_capacity - 1, at = (size_t)hash & mask;
    for (; streams->table[at]; at = (at + 1) & mask) {
        const weft__stream *it = &streams->items[streams->table[at] - 1];
        if (it->hash == hash && it->asks.count == asks->count &&
            (asks->count == 0 || memcmp(it->asks.data, asks->data, asks->count) == 0))
            break;
    }
    return at;
}

/* Room for one more in table and list. */
static bool reserve(weft__streams *streams)
{
    if (streams->count == UINT32_MAX - 1 ||
        !weft__array_reserve(&streams->items, &streams->capacity, streams->count, 1))
        return false;
    if (2 * (size_t)streams->count < streams->table_capacity)
        return true;
    size_t wanted = streams->table_capacity ? 2 * streams->table_capacity : 64;
    uint32_t *table = calloc(wanted, sizeof *table);
    if (!table)
        return false;
    free(streams->table);
    streams->table = table;
    streams->table_capacity = wanted;
    for (uint32_t i = 0; i < streams->count; i++)
        table[find(streams, &streams->items[i].asks, streams->items[i].hash)] = i + 1;
    return true;
}

uint32_t weft__streams_intern(weft__streams *streams, weft__bytes *asks, bool *is_bad)
{
    *is_bad = false;
    if (asks->has_failed || !reserve(streams))
        return WEFT__STREAM_NONE;
    uint64_t hash = hash_of(asks);
    size_t at = find(streams, asks, hash);
    if (streams->table[at])
        return streams->table[at] - 1;
    weft__stream made = {.asks = *asks, .hash = hash};
    if (!read_through(&made, &streams->contents, is_bad)) {
        made.asks = (weft__bytes){0};
        free_stream(&made);
        return WEFT__STREAM_NONE;
    }
    *asks = (weft__bytes){0};
    streams->items[streams->count] = made;
    streams->table[at] = ++streams->count;
    return streams->count - 1;
}
