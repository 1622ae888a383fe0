#include "sim/retime/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/machine/address.h"

/* A number list that grows. */
typedef struct numbers {
    uint64_t *items;
    size_t count, capacity;
    bool has_failed;
} numbers;

/* A part of HBM that a command of the group goes to. */
typedef struct touched {
    uint32_t slice;
    uint32_t number;      /* among all of the group, in the order in which they are told */
    uint64_t first, last; /* rows */
    uint64_t offset;      /* bytes from the first of them on */
    size_t cluster;
} touched;

/* Rows that parts have in common, or that overlap. */
typedef struct cluster {
    uint64_t first;
    uint64_t name; /* in the order of the parts, from 1; 0: it has none yet */
} cluster;

typedef struct known_group {
    struct known_group *next; /* in its place of the table */
    uint64_t hash;
    uint64_t ps;
    size_t key_count, launch_count;
    uint64_t *key;
    weft_launch_report *reports; /* as if it had begun at 0 */
} known_group;

struct weft__groups {
    weft__player *player;
    weft_sim *clock;
    uint64_t row_bytes, slice_bytes;
    numbers key;      /* of the group that is under way */
    numbers launches; /* the same: what it launches */
    bool is_new;      /* and its outcome is to be kept */
    weft__time begin;
    const known_group *skipped; /* that is under way; NULL: none */
    weft__reader behind;        /* its parts */
    touched *parts;
    cluster *clusters;
    size_t part_count, part_capacity, cluster_capacity;
    known_group **table;
    size_t count, capacity; /* the latter a power of two, or 0 */
};

/* ---- memory ---- */

static void add_number(numbers *to, uint64_t number)
{
    if (!weft__array_reserve(&to->items, &to->capacity, to->count, 1)) {
        to->has_failed = true;
        return;
    }
    to->items[to->count++] = number;
}

static bool reserve_part(weft__groups *it)
{
    return weft__array_reserve(&it->parts, &it->part_capacity, it->part_count, 1) &&
           weft__array_reserve(&it->clusters, &it->cluster_capacity, it->part_count, 1);
}

/* ---- what a group is ---- */

/* False without memory, or if they are not in HBM. */
static bool add_parts(weft__groups *it, const weft__recorded_kernel *kernel, uint32_t pe)
{
    const weft__stream *stream = &it->player->recording->streams.items[kernel->stream];
    for (uint32_t i = 0; i < stream->place_count; i++) {
        uint64_t begin = kernel->offsets[i], end = begin + stream->places[i].bytes;
        int64_t slice = pe + stream->places[i].pes;
        if (end > it->slice_bytes || slice < 0 || slice >= weft__pes_count(it->player->simulation->pes))
            return false; /* for the request to say */
        if (!reserve_part(it))
            return false;
        it->parts[it->part_count] = (touched){.slice = (uint32_t)slice,
                                              .number = (uint32_t)it->part_count,
                                              .first = begin / it->row_bytes,
                                              .last = (end - 1) / it->row_bytes,
                                              .offset = begin % it->row_bytes};
        it->part_count++;
    }
    return true;
}

static void add_launch(weft__groups *it, const weft__recorded_launch *launch)
{
    const weft__graph *graph = weft__simulation_graph(it->player->simulation);
    const weft_pe_set *pes = &launch->pes;
    const uint64_t head[] = {pes->first_sip, pes->sips,      pes->first_cube,    pes->cubes,           pes->first_pe,
                             pes->pes,       launch->queues, launch->group_size, launch->group_stride, launch->count};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        add_number(&it->key, head[i]);
    for (uint32_t i = 0; i < launch->count && !it->key.has_failed; i++) {
        add_number(&it->key, launch->kernels[i].stream);
        if (!add_parts(it, &launch->kernels[i], weft__pe_set_at(graph, pes, i)))
            it->key.has_failed = true;
    }
}

static int compare_rows(const void *a, const void *b)
{
    const touched *one = a, *other = b;
    if (one->slice != other->slice)
        return one->slice < other->slice ? -1 : 1;
    return (one->first > other->first) - (one->first < other->first);
}

static int compare_numbers(const void *a, const void *b)
{
    const touched *one = a, *other = b;
    return (one->number > other->number) - (one->number < other->number);
}

/* Where parts are, up to which rows they are in. */
static void add_rows(weft__groups *it)
{
    size_t count = 0;
    uint64_t last = 0, names = 0;
    qsort(it->parts, it->part_count, sizeof it->parts[0], compare_rows);
    for (size_t i = 0; i < it->part_count; i++) {
        touched *part = &it->parts[i];
        if (i == 0 || part->slice != part[-1].slice || part->first > last) {
            it->clusters[count++] = (cluster){.first = part->first};
            last = part->last;
        }
        last = part->last > last ? part->last : last;
        part->cluster = count - 1;
    }
    qsort(it->parts, it->part_count, sizeof it->parts[0], compare_numbers);
    for (size_t i = 0; i < it->part_count; i++) {
        const touched *part = &it->parts[i];
        cluster *in = &it->clusters[part->cluster];
        in->name = in->name ? in->name : ++names;
        add_number(&it->key, in->name);
        add_number(&it->key, (part->first - in->first) * it->row_bytes + part->offset);
    }
}

/* A launch that can be made. */
static bool is_fit(const weft__groups *it, uint64_t number)
{
    const weft__player *player = it->player;
    if (number >= player->recording->launch_count || player->launches[number] || player->reports[number].pes)
        return false;
    for (size_t i = 0; i < it->launches.count; i++)
        if (it->launches.items[i] == number)
            return false;
    return true;
}

/* The group that the processor is at. False if it holds nothing that takes time, or without memory. */
static bool make_key(weft__groups *it)
{
    weft__reader parts = it->player->parts;
    it->key.count = it->launches.count = it->part_count = 0;
    it->key.has_failed = it->launches.has_failed = false;
    for (;;) {
        it->behind = parts;
        if (weft__reader_take(&parts) != WEFT__PART_DISPATCH || parts.is_bad)
            break;
        uint64_t number = weft__reader_take(&parts);
        add_number(&it->key, number != 0);
        if (number == 0)
            continue;
        if (!is_fit(it, number - 1))
            return false;
        add_number(&it->launches, number - 1);
        add_launch(it, &it->player->recording->launches[number - 1]);
    }
    if (it->part_count)
        add_rows(it);
    return it->launches.count && !it->key.has_failed && !it->launches.has_failed;
}

/* ---- those that are known ---- */

static uint64_t hash_of(const numbers *key)
{
    uint64_t hash = key->count;
    for (size_t i = 0; i < key->count; i++) {
        hash = (hash ^ key->items[i]) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 32;
    }
    return hash;
}

static const known_group *find(const weft__groups *it, uint64_t hash)
{
    const known_group *group = it->capacity ? it->table[hash & (it->capacity - 1)] : NULL;
    while (group && (group->hash != hash || group->key_count != it->key.count ||
                     memcmp(group->key, it->key.items, group->key_count * sizeof group->key[0]) != 0))
        group = group->next;
    return group;
}

static bool grow_table(weft__groups *it)
{
    size_t capacity = it->capacity ? 2 * it->capacity : 64;
    known_group **table = calloc(capacity, sizeof(known_group *));
    if (!table)
        return false;
    for (size_t i = 0; i < it->capacity; i++)
        while (it->table[i]) {
            known_group *group = it->table[i];
            it->table[i] = group->next;
            group->next = table[group->hash & (capacity - 1)];
            table[group->hash & (capacity - 1)] = group;
        }
    free(it->table);
    it->table = table;
    it->capacity = capacity;
    return true;
}

static void free_group(known_group *group)
{
    free(group->key);
    free(group->reports);
    free(group);
}

static void shift(weft_launch_report *report, uint64_t by)
{
    report->begin_ps += by;
    report->start_ps += by;
    report->finish_ps += by;
    report->end_ps += by;
}

/* False without memory. */
static bool add_group(weft__groups *it)
{
    known_group *group = it->count < it->capacity || grow_table(it) ? calloc(1, sizeof *group) : NULL;
    if (!group)
        return false;
    group->key = malloc(it->key.count * sizeof *group->key);
    group->reports = malloc(it->launches.count * sizeof *group->reports);
    if (!group->key || !group->reports) {
        free_group(group);
        return false;
    }
    group->hash = hash_of(&it->key);
    group->ps = weft__sim_now(it->clock) - it->begin;
    group->key_count = it->key.count;
    group->launch_count = it->launches.count;
    memcpy(group->key, it->key.items, group->key_count * sizeof *group->key);
    for (size_t i = 0; i < group->launch_count; i++) {
        group->reports[i] = it->player->reports[it->launches.items[i]];
        shift(&group->reports[i], 0 - it->begin);
    }
    group->next = it->table[group->hash & (it->capacity - 1)];
    it->table[group->hash & (it->capacity - 1)] = group;
    it->count++;
    return true;
}

/* ---- on the way ---- */

/* Without events no message is under way, so links are free; buffers and arbiters, which remember more, there are only
 * where flits are no trains. */
static bool is_quiet(const weft__groups *it)
{
    weft__sim_info info;
    const weft_simulation *simulation = it->player->simulation;
    weft__sim_get_info(it->clock, &info);
    return info.pending == 0 && weft__fabric_has_trains(simulation->fabric) &&
           weft__transfers_are_quiet(simulation->transfers);
}

static void on_over(weft_sim *clock, uint64_t argument)
{
    weft__groups *it = (weft__groups *)(uintptr_t)argument;
    weft__player *player = it->player;
    const known_group *group = it->skipped;
    (void)clock;
    for (size_t i = 0; i < group->launch_count; i++) {
        weft_launch_report *report = &player->reports[it->launches.items[i]];
        *report = group->reports[i];
        shift(report, it->begin);
    }
    player->parts = it->behind;
    it->skipped = NULL;
    weft__processor_drain(&player->processor);
}

bool weft__groups_skip(weft__groups *it)
{
    it->is_new = false;
    if (!is_quiet(it) || !make_key(it))
        return false;
    it->begin = weft__sim_now(it->clock);
    it->skipped = find(it, hash_of(&it->key));
    it->is_new = !it->skipped;
    if (!it->skipped)
        return false;
    (void)weft__sim_after(it->clock, it->skipped->ps, on_over, (uintptr_t)it);
    return true;
}

void weft__groups_drained(weft__groups *it)
{
    if (it->is_new && is_quiet(it) && !add_group(it))
        (void)weft__sim_fail(it->clock, WEFT_OUT_OF_MEMORY, "Out of memory: could not keep what dispatches take.");
    it->is_new = false;
}

/* ---- all of them ---- */

weft_status weft__groups_create(weft__player *player, weft__groups **out, weft_error *err)
{
    const weft__machine_spec *spec = weft__simulation_graph(player->simulation)->spec;
    const weft__hbm_spec *hbm = &spec->cube.hbm;
    weft__groups *it = calloc(1, sizeof *it);
    *out = it;
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the groups of a run");
    it->player = player;
    it->clock = player->simulation->sim;
    it->row_bytes = (uint64_t)hbm->channels * spec->system.flit_bytes * (hbm->row_flits ? hbm->row_flits : 1);
    it->slice_bytes = weft__region_bytes(weft__simulation_graph(player->simulation), WEFT__REGION_HBM);
    it->row_bytes = it->row_bytes ? it->row_bytes : 1; /* without HBM there are no places in it */
    return WEFT_OK;
}

void weft__groups_destroy(weft__groups *it)
{
    if (!it)
        return;
    for (size_t i = 0; i < it->capacity; i++)
        while (it->table[i]) {
            known_group *next = it->table[i]->next;
            free_group(it->table[i]);
            it->table[i] = next;
        }
    free(it->table);
    free(it->key.items);
    free(it->launches.items);
    free(it->parts);
    free(it->clusters);
    free(it);
}
