#include "sim/values/hazards.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/pe/ipcq.h"

static weft_sim *sim_of(const weft__hazards *it)
{
    return weft__pes_sim(it->pes);
}

void weft__hazards_destroy(weft__hazards *it)
{
    free(it->kept);
    weft__names_destroy(&it->kernels);
    weft__arena_destroy(&it->texts);
}

static weft_status copy_text(weft__hazards *it, const char *text, const char **out, weft_error *err)
{
    size_t bytes = strlen(text) + 1;
    char *copy = weft__arena_alloc(&it->texts, bytes, 1);
    if (!copy)
        return weft__fail_memory(err, bytes, "the text of a hazard");
    memcpy(copy, text, bytes);
    *out = copy;
    return WEFT_OK;
}

static weft_status make_room(weft__hazards *it, weft_error *err)
{
    if (it->kept_count < it->kept_capacity)
        return WEFT_OK;
    size_t capacity = it->kept_capacity ? 2 * it->kept_capacity : 16;
    weft__kept_hazard *grown = realloc(it->kept, capacity * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, capacity * sizeof *grown, "hazards");
    it->kept = grown;
    it->kept_capacity = capacity;
    return WEFT_OK;
}

static bool is_open(const weft__accesses *accesses)
{
    return accesses->earlier || accesses->later;
}

static weft_status keep(weft__hazards *it, const weft_kernel_hazard *hazard, const weft__accesses *accesses,
                        weft_error *err)
{
    uint32_t kernel = 0;
    if (it->kept_count == WEFT__HAZARDS_KEPT)
        return WEFT_OK;
    weft_status status = make_room(it, err);
    if (status == WEFT_OK && hazard->kernel)
        status = weft__names_number(&it->kernels, hazard->kernel, &kernel, err);
    if (status != WEFT_OK)
        return status;
    weft__kept_hazard *kept = &it->kept[it->kept_count];
    *kept = (weft__kept_hazard){.hazard = *hazard};
    if (accesses)
        kept->accesses = *accesses;
    if (hazard->kernel)
        kept->hazard.kernel = weft__names_at(&it->kernels, kernel);
    status = copy_text(it, hazard->text, &kept->hazard.text, err);
    it->kept_count += status == WEFT_OK;
    it->open_count += status == WEFT_OK && is_open(&kept->accesses);
    return status;
}

/* Fills in the slot that the bytes are in, if they are in one and it is not known. */
static void find_slot(const weft__hazards *it, weft_kernel_hazard *hazard)
{
    weft__ipcq_slot slot;
    if (hazard->slot_pe || !weft__ipcq_slot_at(it->pes, hazard->address, &slot))
        return;
    hazard->slot_pe = weft__pe_name(slot.pe);
    hazard->slot_direction = slot.direction;
    hazard->slot = slot.number;
}

bool weft__hazards_add(weft__hazards *it, const weft_kernel_hazard *hazard, const weft__accesses *accesses,
                       const char *format, ...)
{
    weft_error err;
    char text[WEFT_ERROR_MESSAGE_BYTES];
    weft_kernel_hazard whole = *hazard;
    whole.time_ps = weft__sim_now(sim_of(it));
    whole.text = text;
    find_slot(it, &whole);
    size_t used = 0;
    if (hazard->kernel)
        used = (size_t)snprintf(text, sizeof text, "Kernel '%.128s' on %s", hazard->kernel, hazard->pe);
    else
        used = (size_t)snprintf(text, sizeof text, "The host");
    used += (size_t)snprintf(text + used, sizeof text - used, " at %.3f ns, %s: Hazard", (double)whole.time_ps / 1000,
                             hazard->call);
    if (whole.slot_pe)
        used += (size_t)snprintf(text + used, sizeof text - used, " in slot %" PRIu32 " of queue %s of %s", whole.slot,
                                 tl_direction_name(whole.slot_direction), whole.slot_pe);
    used += (size_t)snprintf(text + used, sizeof text - used, ": ");
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
    weft_status status = keep(it, &whole, accesses, &err);
    it->count++;
    if (it->action == WEFT_HAZARDS_ERROR)
        (void)weft__sim_fail(sim_of(it), WEFT_HAZARD, "%s", text);
    else if (status != WEFT_OK)
        (void)weft__sim_fail(sim_of(it), status, "%s", err.message);
    return !weft__sim_has_failed(sim_of(it));
}

/* ---- what becomes known later ---- */

/* Puts something else behind the first bytes of a text. */
static void rewrite(weft__hazards *it, weft_kernel_hazard *hazard, size_t bytes, const char *end)
{
    weft_error err;
    char text[WEFT_ERROR_MESSAGE_BYTES];
    (void)snprintf(text, sizeof text, "%.*s%s", (int)bytes, hazard->text, end);
    if (copy_text(it, text, &hazard->text, &err) != WEFT_OK)
        (void)weft__sim_fail(sim_of(it), err.code, "%s", err.message);
}

#define REPEATS_BYTES 80

/* What is said of repetitions, with the full stop. */
static const char *repeats_text(const weft__kept_hazard *kept, char out[REPEATS_BYTES])
{
    uint64_t repeats = kept->tells_repeats ? kept->hazard.repeats : 0;
    if (repeats)
        (void)snprintf(out, REPEATS_BYTES, ", and %" PRIu64 " later %s with it in the same way.", repeats,
                       repeats == 1 ? "access conflicts" : "accesses conflict");
    return repeats ? out : ".";
}

static void settle(weft__hazards *it, weft__kept_hazard *kept)
{
    char end[REPEATS_BYTES + 100], repeats[REPEATS_BYTES];
    const weft__accesses *accesses = &kept->accesses;
    weft_kernel_hazard *hazard = &kept->hazard;
    if (is_open(accesses))
        return;
    it->open_count--;
    uint64_t earlier = accesses->earlier_ps, later = accesses->later_ps;
    hazard->other_ps = earlier;
    hazard->held = earlier <= later;
    hazard->margin_ps = hazard->held ? later - earlier : earlier - later;
    (void)snprintf(end, sizeof end, "; that %s ended %.3f ns %s this %s%s",
                   hazard->kind == WEFT_KERNEL_HAZARD_WAR ? "read" : "write", (double)hazard->margin_ps / 1000,
                   hazard->held ? "before" : "after", hazard->kind == WEFT_KERNEL_HAZARD_RAW ? "read" : "write",
                   repeats_text(kept, repeats));
    const char *last = strrchr(hazard->text, ';');
    rewrite(it, hazard, last ? (size_t)(last - hazard->text) : strlen(hazard->text), end);
}

void weft__hazards_accessed(weft__hazards *it, const void *later, uint32_t part)
{
    for (size_t i = 0; it->open_count && i < it->kept_count; i++) {
        weft__accesses *accesses = &it->kept[i].accesses;
        if (accesses->later != later || accesses->later_part != part)
            continue;
        accesses->later = NULL;
        accesses->later_ps = weft__sim_now(sim_of(it));
        settle(it, &it->kept[i]);
    }
}

void weft__hazards_ended(weft__hazards *it, const void *earlier, const uint64_t *times_ps)
{
    for (size_t i = 0; it->open_count && i < it->kept_count; i++) {
        weft__accesses *accesses = &it->kept[i].accesses;
        if (accesses->earlier != earlier)
            continue;
        accesses->earlier = NULL;
        accesses->earlier_ps = times_ps[accesses->earlier_part];
        settle(it, &it->kept[i]);
    }
}

void weft__hazards_repeat(weft__hazards *it, size_t index)
{
    if (index < it->kept_count)
        it->kept[index].hazard.repeats++;
}

void weft__hazards_tell_repeats(weft__hazards *it, size_t index)
{
    char text[REPEATS_BYTES];
    if (index >= it->kept_count || it->kept[index].hazard.repeats == 0)
        return;
    weft__kept_hazard *kept = &it->kept[index];
    kept->tells_repeats = true;
    rewrite(it, &kept->hazard, strlen(kept->hazard.text) - 1, repeats_text(kept, text));
}

bool weft__hazards_at(const weft__hazards *it, size_t index, weft_kernel_hazard *out)
{
    if (index >= it->kept_count)
        return false;
    *out = it->kept[index].hazard;
    return true;
}
