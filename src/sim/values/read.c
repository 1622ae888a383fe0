/* Reading: what is captured, and whether it is what the kernel means. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/values/values_impl.h"

/* Zeros for what nobody wrote are a value of so many bytes, over and over. */
#define ZEROS_BYTES 4096u

void weft__pe_values_fail(weft__pe_values *it, const weft__pe *pe, const char *kernel, const char *call,
                          const weft_error *err)
{
    weft_sim *sim = weft__pes_sim(it->pes);
    (void)weft__sim_fail(sim, err->code, "Kernel '%s' on %s at %.3f ns, %s: %s", kernel, weft__pe_name(pe),
                         (double)weft__sim_now(sim) / 1000, call, err->message);
}

static bool fail(weft__pe_values *it, const weft__reading *reading, const weft_error *err)
{
    weft__pe_values_fail(it, reading->pe, reading->kernel, reading->call, err);
    return false;
}

/* ---- hazards ---- */

static weft_kernel_hazard hazard_of(const weft__reading *reading, weft_kernel_hazard_kind kind,
                                    const weft__memory_change *change)
{
    return (weft_kernel_hazard){.kind = kind,
                                .kernel = reading->kernel,
                                .call = reading->call,
                                .pe = weft__pe_name(reading->pe),
                                .address = change->address,
                                .bytes = change->bytes};
}

/* Something else stands there than what is meant. False if the run ends. */
static bool meet_overwritten(weft__pe_values *it, const weft__reading *reading, const char *what,
                             const weft__memory_change *change)
{
    char shape[WEFT_SHAPE_TEXT_BYTES], freed[80] = "";
    const tl_tensor *tensor = reading->tensor;
    const weft__own_slot *slot = weft__pe_values_freed_slot(it, reading->pe, tensor);
    weft_kernel_hazard hazard = hazard_of(reading, WEFT_KERNEL_HAZARD_OVERWRITTEN, change);
    if (slot)
        (void)snprintf(freed, sizeof freed, "; the kernel had freed the slot at %.3f ns",
                       (double)slot->freed_ps / 1000);
    if (change->is_written) {
        hazard.other = weft__pe_values_writer_name(it, change->writer);
        hazard.other_call = weft__pe_values_writer_call(it, change->writer);
    }
    hazard.other_ps = change->time_ps;
    hazard.margin_ps = weft__sim_now(weft__pes_sim(it->pes)) - change->time_ps;
    return weft__hazards_add(&it->hazards, &hazard, NULL,
                             "%s, %s %s at 0x%" PRIx64 ", %s: %" PRIu64 " bytes at 0x%" PRIx64
                             " were written by %s%s%s%s at %.3f ns, %.3f ns before%s.",
                             reading->what, weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, shape),
                             tensor->address, what, change->bytes, change->address,
                             hazard.other ? hazard.other : "nobody", hazard.other_call ? " (" : "",
                             hazard.other_call ? hazard.other_call : "", hazard.other_call ? ")" : "",
                             (double)hazard.other_ps / 1000, (double)hazard.margin_ps / 1000, freed);
}

static bool meet_unwritten(weft__pe_values *it, const weft__reading *reading)
{
    weft_error err;
    bool has_gap;
    weft__memory_change gap = {0};
    char shape[WEFT_SHAPE_TEXT_BYTES];
    const tl_tensor *tensor = reading->tensor;
    if (weft__pe_values_has_gap(it, tensor, &has_gap, &gap, &err) != WEFT_OK)
        return fail(it, reading, &err);
    const weft_kernel_hazard hazard = hazard_of(reading, WEFT_KERNEL_HAZARD_UNWRITTEN, &gap);
    return weft__hazards_add(&it->hazards, &hazard, NULL,
                             "%s, %s %s at 0x%" PRIx64 ", is read, and nobody has written %" PRIu64
                             " bytes of it at 0x%" PRIx64 ".",
                             reading->what, weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, shape),
                             tensor->address, gap.bytes, gap.address);
}

/* ---- capturing ---- */

/* Whether something else than a tensor's value stands where the tensor is: *out says what, if its bytes are not 0. */
static weft_status look_for_another(weft__pe_values *it, const tl_tensor *tensor, weft__memory_change *out,
                                    weft_error *err)
{
    bool is_there, was_written;
    *out = (weft__memory_change){0};
    if (!weft__values_lives(it->values, tensor->value)) /* not a byte of it is left, but others stand in its place */
        return weft__pe_values_was_written(it, tensor, 0, &was_written, out, err);
    weft_status status = weft__pe_values_is_there(it, tensor, tensor->value, tensor->base, &is_there, out, err);
    if (status == WEFT_OK && is_there)
        out->bytes = 0;
    return status;
}

static weft_status make_zeros(weft__pe_values *it, weft_error *err)
{
    static const unsigned char zeros[ZEROS_BYTES];
    const weft_shape shape = weft_shape_1d(ZEROS_BYTES);
    return it->zeros ? WEFT_OK : weft__values_constant(it->values, WEFT_U8, &shape, zeros, &it->zeros, err);
}

weft_status weft__pe_values_stands(weft__pe_values *it, const tl_tensor *tensor, weft__value_id *out, weft_error *err)
{
    weft_status status = weft__pe_values_view(it, tensor, 0, 0, out, err);
    if (status != WEFT_INVALID_STATE)
        return status;
    status = make_zeros(it, err);
    return status == WEFT_OK ? weft__pe_values_view(it, tensor, 0, it->zeros, out, err) : status;
}

bool weft__pe_values_capture(weft__pe_values *it, const weft__reading *reading, weft__value_id *out, uint64_t *out_at,
                             weft__memory_change *out_change)
{
    weft_error err;
    uint64_t offset;
    weft__memory *memory;
    const tl_tensor *tensor = reading->tensor;
    *out = 0;
    *out_change = (weft__memory_change){0};
    weft__pe_values_ask_for(it, tensor->address);
    if (weft__pe_values_find(it, tensor->address, 1, &memory, &offset, &err) != WEFT_OK)
        return fail(it, reading, &err);
    *out_at = weft__memory_writes(memory);
    if (tensor->value && look_for_another(it, tensor, out_change, &err) != WEFT_OK)
        return fail(it, reading, &err);
    if (out_change->bytes && !meet_overwritten(it, reading, "is not what it was when it was made", out_change))
        return false;
    bool is_given = weft__values_lives(it->values, tensor->value) && it->hazards.action != WEFT_HAZARDS_HARDWARE;
    weft_status status = weft__pe_values_view(it, tensor, is_given ? tensor->value : 0, 0, out, &err);
    if (status == WEFT_INVALID_STATE) {
        if (!meet_unwritten(it, reading))
            return false;
        status = weft__pe_values_stands(it, tensor, out, &err);
    }
    return status == WEFT_OK || fail(it, reading, &err);
}

void weft__pe_values_note(weft__pe_values *it, const void *subject, uint32_t input, const weft__memory_change *change)
{
    if (it->log && change->bytes)
        weft__pe_log_overwritten(it->log, subject, input, it->hazards.action != WEFT_HAZARDS_HARDWARE, change,
                                 weft__pe_values_writer_name(it, change->writer));
}

bool weft__pe_values_has_changed(weft__pe_values *it, const weft__reading *reading, const weft__tile_part *part,
                                 uint64_t at, weft__memory_change *out)
{
    weft_error err;
    uint64_t offset, writes = at & ~WEFT__TOLD;
    weft__memory *memory;
    bool was_written;
    if ((at & WEFT__TOLD) && it->hazards.action != WEFT_HAZARDS_HARDWARE)
        return false;
    if (weft__pe_values_find(it, part->tensor.address, 1, &memory, &offset, &err) != WEFT_OK ||
        weft__memory_writes(memory) == writes)
        return false;
    if (weft__pe_values_part_was_written(it, part, writes, &was_written, out, &err) != WEFT_OK)
        return fail(it, reading, &err);
    return was_written;
}

void weft__pe_values_meet_change(weft__pe_values *it, const weft__reading *reading, bool is_own,
                                 const weft__memory_change *change, uint64_t *at)
{
    if (*at & WEFT__TOLD)
        return;
    *at |= WEFT__TOLD;
    (void)meet_overwritten(it, reading,
                           is_own ? "is read after another tile of the same command has written over a part of it"
                                  : "changed while it was read",
                           change);
}

void weft__pe_values_confirm(weft__pe_values *it, const weft__reading *reading, uint64_t *at)
{
    weft__memory_change change;
    const weft__tile_part all = {.tensor = *reading->tensor};
    if (!(*at & WEFT__TOLD) && weft__pe_values_has_changed(it, reading, &all, *at, &change))
        weft__pe_values_meet_change(it, reading, false, &change, at);
}
