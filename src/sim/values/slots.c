/* Slots in which messages were received in place. Once a kernel has freed one, the next message may come at any time,
 * or as soon as older slots are free: what it still reads there is right by luck, whether one has come or not. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "sim/values/values_impl.h"

static weft__own_slot *find(const weft__pe_values *it, const weft__pe *pe, uint64_t address)
{
    const weft__own_slots *slots = &it->own_slots[weft__pe_index(pe)];
    for (size_t i = 0; i < slots->count; i++)
        if (address >= slots->at[i].begin && address < slots->at[i].end)
            return &slots->at[i];
    return NULL;
}

/* What is there is no longer what reads were told of. */
static void end(weft__pe_values *it, const weft__own_slot *slot)
{
    if (slot->hazard)
        weft__hazards_tell_repeats(&it->hazards, slot->hazard - 1);
}

weft_status weft__pe_values_slot_taken(weft__pe_values *it, const weft__ipcq_message *message, weft_error *err)
{
    weft__own_slots *slots = &it->own_slots[weft__pe_index(message->to)];
    weft__own_slot *slot = find(it, message->to, message->slot_address);
    if (!slot) {
        weft_status status = weft__array_reserve_or_fail(&slots->at, &slots->capacity, slots->count, 1,
                                                         "the slots that a kernel holds", err);
        if (status != WEFT_OK)
            return status;
        slot = &slots->at[slots->count++];
        *slot = (weft__own_slot){0};
    }
    end(it, slot);
    *slot = (weft__own_slot){
        .begin = message->slot_address, .end = message->slot_address + message->bytes, .freed_ps = WEFT__NEVER};
    return WEFT_OK;
}

void weft__pe_values_on_slot_given_up(void *context, weft__ipcq_message *message)
{
    weft__pe_values *it = context;
    weft__own_slot *slot = find(it, message->to, message->slot_address);
    if (slot)
        slot->freed_ps = weft__sim_now(weft__pes_sim(it->pes));
}

const weft__own_slot *weft__pe_values_freed_slot(const weft__pe_values *it, const weft__pe *pe, const tl_tensor *tensor)
{
    const weft__own_slot *slot = find(it, pe, tensor->address);
    return slot && slot->freed_ps != WEFT__NEVER ? slot : NULL;
}

/* The first read of a slot since it was freed is a hazard, and counts the others. */
static void meet(weft__pe_values *it, const weft__reading *reading, weft__own_slot *slot)
{
    char shape[WEFT_SHAPE_TEXT_BYTES];
    const tl_tensor *tensor = reading->tensor;
    if (slot->hazard) {
        weft__hazards_repeat(&it->hazards, slot->hazard - 1);
        return;
    }
    slot->hazard = it->hazards.kept_count + 1;
    weft_kernel_hazard hazard = {.kind = WEFT_KERNEL_HAZARD_FREED,
                                 .kernel = reading->kernel,
                                 .call = reading->call,
                                 .pe = weft__pe_name(reading->pe),
                                 .address = tensor->address,
                                 .bytes = weft_shape_elements(&tensor->shape) * weft_dtype_bytes(tensor->dtype),
                                 .other = weft__pe_name(reading->pe),
                                 .other_call = "tl_free_slot",
                                 .other_ps = slot->freed_ps,
                                 .held = true};
    hazard.margin_ps = weft__sim_now(weft__pes_sim(it->pes)) - slot->freed_ps;
    (void)weft__hazards_add(&it->hazards, &hazard, NULL,
                            "%s, %s %s at 0x%" PRIx64 ", is read after the kernel has freed the slot, at %.3f ns, "
                            "%.3f ns before; the next message may be written there at any time.",
                            reading->what, weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, shape),
                            tensor->address, (double)slot->freed_ps / 1000, (double)hazard.margin_ps / 1000);
}

bool weft__pe_values_meet_freed(weft__pe_values *it, const weft__reading *reading, bool has_met_hazard, uint64_t *at)
{
    weft__own_slot *slot = find(it, reading->pe, reading->tensor->address);
    if (!slot || slot->freed_ps == WEFT__NEVER)
        return false;
    if (!has_met_hazard && !(*at & WEFT__TOLD))
        meet(it, reading, slot);
    *at |= WEFT__TOLD;
    return true;
}

void weft__pe_values_forget_slots(weft__pe_values *it, const weft__pe *pe)
{
    weft__own_slots *slots = &it->own_slots[weft__pe_index(pe)];
    for (size_t i = 0; i < slots->count; i++)
        end(it, &slots->at[i]);
    slots->count = 0;
}

void weft__pe_values_free_slots(weft__pe_values *it)
{
    for (uint32_t i = 0; it->own_slots && i < weft__pes_count(it->pes); i++)
        free(it->own_slots[i].at);
    free(it->own_slots);
}
