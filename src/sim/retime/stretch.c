#include "sim/retime/stretch.h"

#include <stdlib.h>
#include <string.h>

#include "sim/fabric/slice.h"
#include "sim/machine/address.h"
#include "sim/pe/rest.h"

_Static_assert(WEFT__STRETCH_PLACES_MAX <= WEFT__SLICE_PARTS_MAX, "the places of a stretch are parts of a slice");

#define NUMBERS_MAX (2u + WEFT__SLICE_KEY_MAX)

/* What a stretch depends on. */
typedef struct stretch_key {
    uint32_t count;
    uint64_t numbers[NUMBERS_MAX];
} stretch_key;

/* What came out. */
typedef struct outcome {
    bool is_known; /* else it must be simulated each time */
    uint64_t ps;
    weft__pe_counts counts;
    weft__slice_change slice;
} outcome;

/* A stretch that has been met. */
typedef struct stretch {
    struct stretch *next; /* in its place of the table */
    uint64_t hash;
    outcome *outcome; /* NULL: it has been met once, and was not worth a simulation of its own yet */
    uint32_t key_count;
    uint64_t key[];
} stretch;

/* A PE in a stretch. */
typedef struct stay {
    weft__stretches *owner;
    weft__playing *playing;
    uint32_t end;             /* the rest */
    const weft__slice *slice; /* that it moves data from and to; NULL: it computes */
    weft__slice_part parts[WEFT__SLICE_PARTS_MAX];
    uint32_t part_count;
    weft__slice_rows rows;
    stretch_key key;
    bool is_to_be_tried;
    const outcome *outcome;
    weft__time begin;
    weft__event_id over, breaking; /* events; 0: none */
    bool was_broken;
} stay;

struct weft__stretches {
    weft_simulation *simulation;
    weft_sim *clock;
    bool may_move;         /* look-ups of pages take no time */
    weft__slice *slices;   /* by PE; no links: not looked at */
    uint8_t *slice_states; /* the same */
    uint32_t *passing;     /* by link: messages that have not arrived */
    stay **stays;          /* by link: who has it */
    stretch **table;
    size_t count, capacity; /* the latter a power of two, or 0 */
    weft__message_watcher watcher;
};

enum {
    SLICE_UNKNOWN,
    SLICE_NONE,
    SLICE_THERE
};

/* ---- outcomes ---- */

static uint64_t hash_of(const stretch_key *key)
{
    uint64_t hash = 0x9e3779b97f4a7c15U;
    for (uint32_t i = 0; i < key->count; i++) {
        hash = (hash ^ key->numbers[i]) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 32;
    }
    return hash;
}

static stretch *find(const weft__stretches *all, const stretch_key *key)
{
    if (all->capacity == 0)
        return NULL;
    uint64_t hash = hash_of(key);
    stretch *it = all->table[hash & (all->capacity - 1)];
    while (it && (it->hash != hash || it->key_count != key->count ||
                  memcmp(it->key, key->numbers, key->count * sizeof it->key[0]) != 0))
        it = it->next;
    return it;
}

static bool grow_table(weft__stretches *all)
{
    size_t capacity = all->capacity ? 2 * all->capacity : 256;
    stretch **table = calloc(capacity, sizeof(stretch *));
    if (!table)
        return false;
    for (size_t i = 0; i < all->capacity; i++)
        while (all->table[i]) {
            stretch *it = all->table[i];
            all->table[i] = it->next;
            it->next = table[it->hash & (capacity - 1)];
            table[it->hash & (capacity - 1)] = it;
        }
    free(all->table);
    all->table = table;
    all->capacity = capacity;
    return true;
}

static void fail_memory(const weft__stretches *all)
{
    (void)weft__sim_fail(all->clock, WEFT_OUT_OF_MEMORY, "Out of memory: could not keep what a kernel takes.");
}

/* Without memory, which is noted, it is not there. */
static void add_stretch(weft__stretches *all, const stretch_key *key)
{
    size_t bytes = sizeof(stretch) + key->count * sizeof(uint64_t);
    stretch *it = all->count < all->capacity || grow_table(all) ? malloc(bytes) : NULL;
    if (!it) {
        fail_memory(all);
        return;
    }
    *it = (stretch){.hash = hash_of(key), .key_count = key->count};
    memcpy(it->key, key->numbers, key->count * sizeof it->key[0]);
    it->next = all->table[it->hash & (all->capacity - 1)];
    all->table[it->hash & (all->capacity - 1)] = it;
    all->count++;
}

/* ---- what a stretch depends on ---- */

static weft__pe *pe_of(const stay *it)
{
    return it->playing->tl->pe;
}

static const weft__slice *slice_of(weft__stretches *all, weft__pe *pe)
{
    uint32_t index = weft__pe_index(pe);
    if (all->may_move && all->slice_states[index] == SLICE_UNKNOWN)
        all->slice_states[index] =
            weft__slice_of(all->simulation->transfers, weft__pe_dma_node(pe), &all->slices[index]) ? SLICE_THERE
                                                                                                   : SLICE_NONE;
    return all->slice_states[index] == SLICE_THERE ? &all->slices[index] : NULL;
}

/* Nobody uses the links of its slice, or is about to. */
static bool is_alone(const stay *it)
{
    for (uint32_t i = 0; it->slice && i < it->slice->link_count; i++)
        if (it->owner->passing[it->slice->links[i]] || it->owner->stays[it->slice->links[i]])
            return false;
    return weft__pe_has_rest(pe_of(it)) &&
           (!it->slice || (weft__pe_sends_nothing(pe_of(it)) && weft__slice_is_idle(it->slice)));
}

/* False if they are not in the slice: that is for the requests to say. */
static bool list_parts(stay *it)
{
    const weft__stream *stream = it->playing->stream;
    uint32_t first = stream->rests[it->playing->rest].places;
    it->part_count = stream->rests[it->end].places - first;
    uint64_t room = weft__region_bytes(weft__simulation_graph(it->owner->simulation), WEFT__REGION_HBM);
    for (uint32_t i = 0; i < it->part_count; i++) {
        uint64_t bytes = stream->places[first + i].bytes;
        if (bytes > room || it->playing->places[first + i] > room - bytes)
            return false;
        it->parts[i] = (weft__slice_part){it->playing->places[first + i], bytes};
    }
    weft__slice_rows_of(it->slice, it->parts, it->part_count, &it->rows);
    return true;
}

static void make_key(stay *it)
{
    const weft__rest *rest = &it->playing->stream->rests[it->playing->rest];
    it->key.numbers[0] = it->slice ? rest->own_id : rest->compute_id;
    it->key.numbers[1] = it->slice != NULL;
    it->key.count = 2;
    if (it->slice)
        it->key.count += weft__slice_key(it->slice, it->parts, it->part_count, &it->rows, &it->key.numbers[2]);
}

/* ---- a stretch by itself ---- */

typedef struct trial {
    weft__playing playing;
    uint32_t end;
    weft_tile tl;
    bool has_ended;
    weft__time ended;
} trial;

static void run_trial(weft__process *self, void *context)
{
    trial *it = context;
    it->tl.process = self;
    it->tl.stack_begin = (uintptr_t)__builtin_frame_address(0);
    weft__play_until(&it->playing, it->end);
    it->has_ended = true;
    it->ended = weft__sim_now(weft__process_sim(self));
}

/* Simulates it, apart from all else; the clock is that of its end afterwards. */
static void simulate(const stay *it, trial *out)
{
    weft_error err;
    weft_sim *clock = it->owner->clock;
    *out = (trial){.playing = *it->playing, .end = it->end, .tl = *it->playing->tl};
    out->playing.tl = &out->tl;
    if (weft__process_start(clock, weft__sim_now(clock), 0, run_trial, out, weft__pe_name(pe_of(it))))
        (void)weft__sim_run(clock, WEFT__NEVER, &err);
}

/* Its outcome, from a simulation that is undone; NULL after an error, which is noted. */
static outcome *try(const stay *it)
{
    trial run;
    weft__slice_state slice;
    weft__pe_counts before;
    weft_sim *clock = it->owner->clock;
    weft__time begin = weft__sim_now(clock);
    outcome *out = calloc(1, sizeof *out);
    if (!out)
        fail_memory(it->owner);
    if (!out || !weft__sim_step_aside(clock, begin)) {
        free(out);
        return NULL;
    }
    weft__pe_counts_get(pe_of(it), &before);
    if (it->slice)
        weft__slice_save(it->slice, &slice);
    simulate(it, &run);
    if (!weft__sim_has_failed(clock)) {
        out->is_known = run.has_ended && run.ended == weft__sim_now(clock) && weft__pe_has_rest(pe_of(it));
        out->ps = run.ended - begin;
        weft__pe_counts_get(pe_of(it), &out->counts);
        weft__pe_counts_subtract(&out->counts, &before);
        if (it->slice)
            weft__slice_changed(it->slice, &slice, &it->rows, &out->slice);
    }
    weft__pe_counts_set(pe_of(it), &before, begin);
    if (it->slice)
        weft__slice_load(it->slice, &slice);
    weft__sim_step_back(clock);
    return out;
}

/* The one with the present key, tried if it has been met before; NULL if it is met for the first time. */
static const outcome *look_up(stay *it, bool may_try)
{
    make_key(it);
    stretch *found = find(it->owner, &it->key);
    if (found && !found->outcome && may_try)
        found->outcome = try(it);
    if (!found)
        add_stretch(it->owner, &it->key);
    it->is_to_be_tried = found && !found->outcome;
    return found ? found->outcome : NULL;
}

static void on_try(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    stay *it = (stay *)(uintptr_t)argument;
    if (is_alone(it))
        (void)look_up(it, true);
    (void)weft__process_resume(it->playing->tl->process);
}

/* Finds the outcome; it may be one that is not known. NULL: it is met for the first time, or somebody else has come in
 * between. */
static const outcome *outcome_of(stay *it)
{
    const outcome *found = look_up(it, false);
    if (!it->is_to_be_tried)
        return found;
    (void)weft__sim_after(it->owner->clock, 0, on_try, (uintptr_t)it);
    weft__process_suspend(it->playing->tl->process);
    return is_alone(it) ? look_up(it, false) : NULL;
}

/* ---- having links to oneself ---- */

static void mark_links(stay *it, stay *who)
{
    for (uint32_t i = 0; i < it->slice->link_count; i++)
        it->owner->stays[it->slice->links[i]] = who;
}

static void on_over(weft_sim *clock, uint64_t argument)
{
    stay *it = (stay *)(uintptr_t)argument;
    mark_links(it, NULL);
    if (it->breaking)
        (void)weft__sim_cancel(clock, it->breaking);
    weft__slice_apply(it->slice, &it->outcome->slice, it->begin, &it->rows);
    (void)weft__process_resume(it->playing->tl->process);
}

/* A message has been sent that will come to a link: the PE does what it would have done before now. */
static void on_break(weft_sim *clock, uint64_t argument)
{
    weft_error err;
    stay *it = (stay *)(uintptr_t)argument;
    weft__process *process = it->playing->tl->process;
    weft__time now = weft__sim_now(clock);
    mark_links(it, NULL);
    (void)weft__sim_cancel(clock, it->over);
    it->was_broken = true;
    if (it->begin == now) {
        (void)weft__process_resume(process);
        return;
    }
    if (!weft__sim_step_aside(clock, it->begin))
        return;
    (void)weft__process_resume(process);
    (void)weft__sim_run(clock, now - 1, &err);
    weft__sim_step_back(clock);
}

static void on_sent(void *context, const weft__message *message)
{
    weft__stretches *all = context;
    const weft__route *route = weft__message_route(message);
    for (uint32_t hop = 0; hop < route->count; hop++) {
        stay *it = all->stays[route->links[hop]];
        all->passing[route->links[hop]]++;
        if (it && !it->breaking)
            it->breaking = weft__sim_after(all->clock, 0, on_break, (uintptr_t)it);
    }
}

static void on_arrived(void *context, const weft__message *message)
{
    const weft__stretches *all = context;
    const weft__route *route = weft__message_route(message);
    for (uint32_t hop = 0; hop < route->count; hop++)
        all->passing[route->links[hop]]--;
}

/* ---- skipping ---- */

/* False if it has been disturbed. */
static bool pass_time(stay *it)
{
    weft__process *process = it->playing->tl->process;
    weft__pe_account(pe_of(it));
    if (!it->slice) {
        weft__process_wait(process, it->outcome->ps);
    } else {
        it->begin = weft__sim_now(it->owner->clock);
        it->over = weft__sim_after(it->owner->clock, it->outcome->ps, on_over, (uintptr_t)it);
        mark_links(it, it);
        weft__process_suspend(process);
    }
    if (!it->was_broken)
        weft__pe_counts_add(pe_of(it), &it->outcome->counts);
    return !it->was_broken;
}

/* A stretch to `end`; with its slice, or NULL. */
static bool skip_to(weft__stretches *all, weft__playing *playing, uint32_t end, const weft__slice *slice)
{
    const weft__rest *rests = playing->stream->rests;
    if (weft__sim_is_aside(all->clock) || rests[end].commands == rests[playing->rest].commands)
        return false;
    stay it = {.owner = all, .playing = playing, .end = end, .slice = slice};
    if (!is_alone(&it))
        return false;
    if (slice && !list_parts(&it))
        return false;
    it.outcome = outcome_of(&it);
    if (!it.outcome || !it.outcome->is_known || !pass_time(&it))
        return false;
    weft__play_go_to(playing, end);
    return true;
}

bool weft__stretch_skip(weft__stretches *all, weft__playing *playing)
{
    const weft__rest *rest = &playing->stream->rests[playing->rest];
    const weft__slice *slice = rest->own_end > rest->compute_end ? slice_of(all, playing->tl->pe) : NULL;
    if (slice && skip_to(all, playing, rest->own_end, slice))
        return true;
    return skip_to(all, playing, rest->compute_end, NULL);
}

/* ---- all of them ---- */

weft_status weft__stretches_create(weft_simulation *simulation, weft__stretches **out, weft_error *err)
{
    const weft__graph *graph = weft__simulation_graph(simulation);
    uint32_t pes = weft__pes_count(simulation->pes);
    weft__stretches *it = calloc(1, sizeof *it);
    *out = it;
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the stretches of a run");
    it->simulation = simulation;
    it->clock = simulation->sim;
    it->may_move = weft__pes_rates(simulation->pes)->tlb_ps == 0;
    it->slices = calloc(pes, sizeof *it->slices);
    it->slice_states = calloc(pes, sizeof *it->slice_states);
    it->passing = calloc(graph->link_count + 1, sizeof *it->passing);
    it->stays = calloc(graph->link_count + 1, sizeof(stay *));
    it->watcher = (weft__message_watcher){.sent = on_sent, .arrived = on_arrived, .context = it};
    if (!it->slices || !it->slice_states || !it->passing || !it->stays) {
        weft__stretches_destroy(it);
        *out = NULL;
        return weft__fail_memory(err, pes * sizeof *it->slices, "the stretches of a run");
    }
    weft__fabric_watch(simulation->fabric, &it->watcher);
    return WEFT_OK;
}

void weft__stretches_destroy(weft__stretches *it)
{
    if (!it)
        return;
    for (size_t i = 0; i < it->capacity; i++)
        while (it->table[i]) {
            stretch *next = it->table[i]->next;
            free(it->table[i]->outcome);
            free(it->table[i]);
            it->table[i] = next;
        }
    free(it->table);
    free(it->slices);
    free(it->slice_states);
    free(it->passing);
    free(it->stays);
    free(it);
}
