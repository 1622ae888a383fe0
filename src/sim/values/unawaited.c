#include "sim/values/unawaited.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/values/runs.h"

/* A tensor that has gaps. */
typedef struct weft__kept_tensor {
    tl_tensor tensor;
    struct weft__kept_tensor *next;
} weft__kept_tensor;

struct weft__unawaited_entry {
    weft__unawaited_id id;
    const char *call;
    uint64_t sent; /* of a message: how many there were with it */
    weft__time since;
    bool has_ended;
    weft__unawaited_entry *next;
    weft__kept_tensor *kept; /* of those that are not whole; others have none */
    uint32_t touch_count;
    weft__touch touches[WEFT__TOUCHES_MAX];
    uint64_t times_ps[WEFT__TOUCHES_MAX]; /* of the accesses, if it has ended */
    size_t hazards[WEFT__TOUCHES_MAX][2]; /* with these: one more than the number of the first one with a later read, */
};                                        /* and with a later write; 0: none */

weft_status weft__unawaited_init(weft__unawaited *it, uint32_t pes, weft__hazards *hazards, weft_error *err)
{
    *it = (weft__unawaited){.hazards = hazards};
    it->lists = calloc(pes, sizeof *it->lists);
    return it->lists ? WEFT_OK : weft__fail_memory(err, pes * sizeof *it->lists, "what kernels have given");
}

void weft__unawaited_destroy(weft__unawaited *it)
{
    free(it->lists);
    weft__arena_destroy(&it->entries);
}

/* ---- touching ---- */

void weft__given_init(weft__given *given, weft__pe *pe, const char *kernel, const char *call, const void *subject)
{
    given->pe = pe;
    given->kernel = kernel;
    given->call = call;
    given->subject = subject;
    given->touch_count = 0;
}

void weft__given_touch(weft__given *given, const tl_tensor *tensor, bool is_write, const char *what)
{
    uint64_t last = 0, stride = 1;
    bool is_whole = true;
    for (uint32_t axis = tensor->shape.rank; axis-- > 0;) {
        uint64_t extent = tensor->shape.extent[axis];
        last += (extent - 1) * tensor->stride[axis];
        is_whole &= extent == 1 || tensor->stride[axis] == stride;
        stride *= extent;
    }
    given->touches[given->touch_count++] =
        (weft__touch){.tensor = tensor,
                      .begin = tensor->address,
                      .end = tensor->address + (last + 1) * weft_dtype_bytes(tensor->dtype),
                      .is_whole = is_whole,
                      .is_write = is_write,
                      .what = what};
}

/* What two ranges have in common. */
static bool cut(uint64_t from, uint64_t to, uint64_t begin, uint64_t end, uint64_t *out_address, uint64_t *out_bytes)
{
    if (to <= begin || end <= from)
        return false;
    *out_address = from > begin ? from : begin;
    *out_bytes = (to < end ? to : end) - *out_address;
    return true;
}

/* The first bytes of a tensor that lie in [begin, end). */
static bool meets_range(const weft__touch *touch, uint64_t begin, uint64_t end, uint64_t *out_address,
                        uint64_t *out_bytes)
{
    if (touch->end <= begin || end <= touch->begin)
        return false;
    if (touch->is_whole)
        return cut(touch->begin, touch->end, begin, end, out_address, out_bytes);
    weft__runs runs = weft__runs_of(touch->tensor);
    uint64_t each = weft_dtype_bytes(touch->tensor->dtype), bytes = runs.run * each;
    for (uint64_t i = 0; i < runs.count; i++) {
        uint64_t from = touch->begin + weft__runs_begin(&runs, i) * each;
        if (cut(from, from + bytes, begin, end, out_address, out_bytes))
            return true;
    }
    return false;
}

/* What is written is contiguous, and one of two that conflict is. */
static bool conflict(const weft__touch *earlier, const weft__touch *later, uint64_t *out_address, uint64_t *out_bytes)
{
    if (!earlier->is_write && !later->is_write)
        return false;
    const weft__touch *written = earlier->is_write ? earlier : later, *other = earlier->is_write ? later : earlier;
    return meets_range(other, written->begin, written->end, out_address, out_bytes);
}

/* ---- hazards ---- */

static weft_kernel_hazard_kind race_of(const weft__touch *earlier, const weft__touch *later)
{
    if (!later->is_write)
        return WEFT_KERNEL_HAZARD_RAW;
    return earlier->is_write ? WEFT_KERNEL_HAZARD_WAW : WEFT_KERNEL_HAZARD_WAR;
}

/* Two touches that conflict. */
typedef struct pair {
    weft__unawaited_entry *entry;
    uint32_t earlier, later; /* the numbers of the touches */
    uint64_t address, bytes;
} pair;

static bool meet(weft__unawaited *it, const weft__given *given, const pair *of)
{
    char shape[WEFT_SHAPE_TEXT_BYTES], when[64] = "it is still under way";
    const weft__unawaited_entry *entry = of->entry;
    const weft__touch *earlier = &entry->touches[of->earlier], *later = &given->touches[of->later];
    uint64_t now = weft__sim_now(weft__pes_sim(it->hazards->pes)), ended = entry->times_ps[of->earlier];
    weft_kernel_hazard hazard = {.kind = race_of(earlier, later),
                                 .kernel = given->kernel,
                                 .call = given->call,
                                 .pe = weft__pe_name(given->pe),
                                 .address = of->address,
                                 .bytes = of->bytes,
                                 .other = weft__pe_name(given->pe),
                                 .other_call = entry->call,
                                 .other_ps = entry->has_ended ? ended : entry->since,
                                 .held = entry->has_ended};
    const weft__accesses accesses = {.earlier = entry->has_ended ? NULL : entry,
                                     .later = given->subject,
                                     .earlier_part = of->earlier,
                                     .later_part = of->later,
                                     .earlier_ps = ended,
                                     .later_ps = now};
    if (entry->has_ended) {
        hazard.margin_ps = now - ended;
        (void)snprintf(when, sizeof when, "it had ended %.3f ns before", (double)hazard.margin_ps / 1000);
    }
    return weft__hazards_add(it->hazards, &hazard, &accesses,
                             "%s, %s %s at 0x%" PRIx64 ", is %s and the kernel has not waited for the %s of %.3f ns, "
                             "which %s %" PRIu64 " bytes of it at 0x%" PRIx64 "; %s.",
                             later->what, weft_dtype_name(later->tensor->dtype),
                             weft_shape_text(&later->tensor->shape, shape), later->tensor->address,
                             later->is_write ? "written" : "read", entry->call, (double)entry->since / 1000,
                             earlier->is_write ? "writes" : "reads", of->bytes, of->address, when);
}

/* The first of its kind is a hazard, and counts the others. */
static bool meet_or_repeat(weft__unawaited *it, const weft__given *given, const pair *of)
{
    size_t *first = &of->entry->hazards[of->earlier][given->touches[of->later].is_write];
    if (*first) {
        weft__hazards_repeat(it->hazards, *first - 1);
        return true;
    }
    *first = it->hazards->kept_count + 1;
    return meet(it, given, of);
}

bool weft__unawaited_has_any(const weft__unawaited *it, const weft__pe *pe)
{
    return it->lists[weft__pe_index(pe)].first != NULL;
}

/* One hazard for both, the first that there is. */
static bool check_entry(weft__unawaited *it, weft__unawaited_entry *entry, const weft__given *given)
{
    pair of = {.entry = entry};
    for (uint32_t i = 0; i < given->touch_count; i++)
        for (uint32_t j = 0; j < entry->touch_count; j++)
            if (conflict(&entry->touches[j], &given->touches[i], &of.address, &of.bytes)) {
                of.earlier = j;
                of.later = i;
                return meet_or_repeat(it, given, &of);
            }
    return true;
}

/* So that a kernel may have given a great many which it will never meet again. */
static bool is_far(const weft__unawaited_list *list, const weft__given *given)
{
    for (uint32_t i = 0; i < given->touch_count; i++) {
        const weft__touch *touch = &given->touches[i];
        uint64_t begin = touch->is_write ? list->begin : list->write_begin;
        uint64_t end = touch->is_write ? list->end : list->write_end;
        if (touch->begin < end && begin < touch->end)
            return false;
    }
    return true;
}

bool weft__unawaited_check(weft__unawaited *it, const weft__given *given)
{
    bool goes_on = true;
    const weft__unawaited_list *list = &it->lists[weft__pe_index(given->pe)];
    weft__unawaited_entry *entry = is_far(list, given) ? NULL : list->first;
    for (; entry && goes_on; entry = entry->next)
        goes_on = check_entry(it, entry, given);
    return goes_on;
}

/* ---- what there is ---- */

static void widen(uint64_t *begin, uint64_t *end, const weft__touch *touch)
{
    *begin = touch->begin < *begin ? touch->begin : *begin;
    *end = touch->end > *end ? touch->end : *end;
}

static void append(weft__unawaited_list *list, weft__unawaited_entry *entry)
{
    if (!list->first)
        *list = (weft__unawaited_list){.begin = UINT64_MAX, .write_begin = UINT64_MAX, .sent = list->sent};
    for (uint32_t i = 0; i < entry->touch_count; i++) {
        const weft__touch *touch = &entry->touches[i];
        widen(&list->begin, &list->end, touch);
        if (touch->is_write)
            widen(&list->write_begin, &list->write_end, touch);
    }
    *(list->last ? &list->last->next : &list->first) = entry;
    list->last = entry;
    if (!list->running)
        list->running = entry;
}

/* Something has ended, or is taken out. */
static void move_on(weft__unawaited_list *list)
{
    while (list->running && list->running->has_ended)
        list->running = list->running->next;
}

static void give_entry(weft__unawaited *it, weft__unawaited_entry *entry)
{
    for (uint32_t i = 0; i < 2 * entry->touch_count; i++)
        if (entry->hazards[i / 2][i % 2])
            weft__hazards_tell_repeats(it->hazards, entry->hazards[i / 2][i % 2] - 1);
    while (entry->kept) {
        weft__kept_tensor *kept = entry->kept;
        entry->kept = kept->next;
        kept->next = it->free_tensors;
        it->free_tensors = kept;
    }
    entry->next = it->free;
    it->free = entry;
}

static weft__unawaited_entry *take_entry(weft__unawaited *it)
{
    weft__unawaited_entry *entry = it->free;
    if (entry)
        it->free = entry->next;
    else
        entry = weft__arena_alloc(&it->entries, sizeof *entry, alignof(weft__unawaited_entry));
    if (entry)
        entry->kept = NULL;
    return entry;
}

/* Gives what an entry touches a copy of its tensor. */
static bool keep_tensor(weft__unawaited *it, weft__unawaited_entry *entry, weft__touch *touch)
{
    weft__kept_tensor *kept = it->free_tensors;
    if (kept)
        it->free_tensors = kept->next;
    else
        kept = weft__arena_alloc(&it->entries, sizeof *kept, alignof(weft__kept_tensor));
    if (!kept)
        return false;
    *kept = (weft__kept_tensor){*touch->tensor, entry->kept};
    entry->kept = kept;
    touch->tensor = &kept->tensor;
    return true;
}

static weft__unawaited_entry *make_entry(weft__unawaited *it, const weft__given *given)
{
    weft__unawaited_entry *entry = take_entry(it);
    if (!entry)
        return NULL;
    entry->touch_count = given->touch_count;
    for (uint32_t i = 0; i < given->touch_count; i++) {
        entry->touches[i] = given->touches[i];
        if (given->touches[i].is_whole) {
            entry->touches[i].tensor = NULL;
        } else if (!keep_tensor(it, entry, &entry->touches[i])) {
            give_entry(it, entry);
            return NULL;
        }
    }
    return entry;
}

weft_status weft__unawaited_add(weft__unawaited *it, const weft__given *given, weft__unawaited_id id, weft_error *err)
{
    weft__unawaited_list *list = &it->lists[weft__pe_index(given->pe)];
    weft__unawaited_entry *entry = make_entry(it, given);
    if (!entry)
        return weft__fail_memory(err, sizeof *entry, "what a kernel has given");
    entry->id = id;
    entry->call = given->call;
    entry->since = weft__sim_now(weft__pes_sim(it->hazards->pes));
    entry->has_ended = false;
    memset(entry->hazards, 0, sizeof entry->hazards);
    entry->next = NULL;
    entry->sent = id.kind == WEFT__UNAWAITED_SEND ? ++list->sent : 0;
    append(list, entry);
    return WEFT_OK;
}

static bool is_it(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    return entry->id.kind == id.kind && entry->id.direction == id.direction && entry->id.number == id.number;
}

/* From an entry on. */
static weft__unawaited_entry *find(weft__unawaited_entry *entry, weft__unawaited_id id)
{
    while (entry && !is_it(entry, id))
        entry = entry->next;
    return entry;
}

void weft__unawaited_end(weft__unawaited *it, const weft__pe *pe, weft__unawaited_id id, const uint64_t *times_ps)
{
    weft__unawaited_list *list = &it->lists[weft__pe_index(pe)];
    weft__unawaited_entry *entry = find(list->running, id);
    if (!entry)
        return;
    entry->has_ended = true;
    memcpy(entry->times_ps, times_ps, entry->touch_count * sizeof *times_ps);
    move_on(list);
    weft__hazards_ended(it->hazards, entry, times_ps);
}

/* ---- waiting ---- */

/* True if an entry is over as soon as the one that is waited for is. */
typedef bool is_over(const weft__unawaited_entry *entry, weft__unawaited_id id);

/* Takes out what is over, up to the last one that can be. */
static void take_out(weft__unawaited *it, const weft__pe *pe, is_over *over, weft__unawaited_id id,
                     const weft__unawaited_entry *last)
{
    weft__unawaited_list *list = &it->lists[weft__pe_index(pe)];
    weft__unawaited_entry **link = &list->first, *kept = NULL;
    for (bool is_past = false; *link && !is_past;) {
        weft__unawaited_entry *entry = *link;
        is_past = entry == last;
        if (!over(entry, id)) {
            kept = entry;
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        if (list->last == entry)
            list->last = kept;
        if (list->running == entry)
            list->running = entry->next;
        give_entry(it, entry);
    }
    move_on(list);
}

static bool is_the_one(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    return is_it(entry, id);
}

static bool is_a_message(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    (void)id;
    return entry->id.kind == WEFT__UNAWAITED_SEND;
}

static bool is_a_receive_from_there(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    return entry->id.kind == WEFT__UNAWAITED_RECEIVE && entry->id.direction == id.direction;
}

static bool is_a_composite(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    (void)id;
    return entry->id.kind == WEFT__UNAWAITED_COMPOSITE;
}

static bool is_anything(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    (void)entry;
    (void)id;
    return true;
}

void weft__unawaited_wait(weft__unawaited *it, const weft__pe *pe, weft__unawaited_id id)
{
    static is_over *const rules[] = {[WEFT__UNAWAITED_COMPOSITE] = is_the_one,
                                     [WEFT__UNAWAITED_SEND] = is_a_message,
                                     [WEFT__UNAWAITED_RECEIVE] = is_a_receive_from_there};
    const weft__unawaited_entry *entry = find(it->lists[weft__pe_index(pe)].first, id);
    if (entry)
        take_out(it, pe, rules[id.kind], id, entry);
}

static bool is_known(const weft__unawaited_entry *entry, weft__unawaited_id id)
{
    return entry->id.kind == WEFT__UNAWAITED_SEND && entry->sent <= id.number;
}

void weft__unawaited_know_sends(weft__unawaited *it, const weft__pe *pe, uint64_t sent)
{
    take_out(it, pe, is_known, (weft__unawaited_id){.number = sent}, NULL);
}

void weft__unawaited_wait_composites(weft__unawaited *it, const weft__pe *pe)
{
    take_out(it, pe, is_a_composite, (weft__unawaited_id){0}, NULL);
}

void weft__unawaited_wait_all(weft__unawaited *it, const weft__pe *pe)
{
    take_out(it, pe, is_anything, (weft__unawaited_id){0}, NULL);
}
