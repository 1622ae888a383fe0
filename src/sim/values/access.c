/* Accesses to memories that nothing orders are hazards, also where time has hidden the mistake. */
#include <inttypes.h>

#include "sim/values/values_impl.h"
#include "sim/values/runs.h"

/* How a tensor is accessed. */
typedef struct manner {
    const weft__order_point *point;
    bool is_write, is_quiet;
    weft__order_phase phase;
} manner;

/* A write that came while it was read has not kept the order, whichever is meant. */
static bool meet(weft__pe_values *it, const weft__reading *by, const manner *how, const weft__order_race *race,
                 uint64_t address)
{
    char shape[WEFT_SHAPE_TEXT_BYTES];
    const tl_tensor *tensor = by->tensor;
    bool is_host = race->other == weft__pes_count(it->pes);
    weft_kernel_hazard hazard = {.kind = race->kind,
                                 .kernel = by->kernel,
                                 .call = by->call,
                                 .pe = by->pe ? weft__pe_name(by->pe) : "host",
                                 .address = address,
                                 .bytes = race->bytes,
                                 .other = is_host ? "host" : weft__pe_name(weft__pe_at(it->pes, race->other)),
                                 .other_call = race->other_call,
                                 .other_ps = race->other_ps,
                                 .held = how->phase != WEFT__ORDER_ENDS};
    hazard.margin_ps = weft__sim_now(weft__pes_sim(it->pes)) - race->other_ps;
    return weft__hazards_add(&it->hazards, &hazard, NULL,
                             "%s, %s %s at 0x%" PRIx64 ", is %s, and nothing orders that after %s%s%s at %.3f ns, "
                             "which %s %" PRIu64 " bytes of it at 0x%" PRIx64 "; %s %.3f ns before.",
                             by->what, weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, shape),
                             tensor->address, how->is_write ? "written" : "read",
                             is_host            ? "the "
                             : race->other_call ? race->other_call
                                                : "",
                             is_host ? "" : " of ", hazard.other, (double)race->other_ps / 1000,
                             race->kind == WEFT_KERNEL_HAZARD_WAR ? "read" : "wrote", race->bytes, address,
                             hazard.held ? "it had come" : "it came meanwhile,", (double)hazard.margin_ps / 1000);
}

static bool access_range(weft__pe_values *it, weft__order_memory *memory, const weft__order_access *access,
                         bool is_write, uint64_t offset, uint64_t bytes, weft__order_race *out)
{
    return is_write ? weft__order_write(it->order, memory, access, offset, bytes, out)
                    : weft__order_read(it->order, memory, access, offset, bytes, out);
}

/* *out is the first race that there is. */
static void access_runs(weft__pe_values *it, weft__order_memory *memory, const weft__order_access *access,
                        bool is_write, uint64_t offset, const tl_tensor *tensor, weft__order_race *out)
{
    weft__order_race race;
    weft__runs runs = weft__runs_of(tensor);
    uint64_t each = weft_dtype_bytes(tensor->dtype), bytes = runs.run * each;
    *out = (weft__order_race){0};
    for (uint64_t i = 0; i < runs.count; i++) {
        uint64_t begin = offset + weft__runs_begin(&runs, i) * each;
        if (access_range(it, memory, access, is_write, begin, bytes, &race) && out->bytes == 0)
            *out = race;
    }
}

static bool access(weft__pe_values *it, const weft__reading *by, const manner *how)
{
    weft_error err;
    weft__location location;
    weft__order_race first;
    const tl_tensor *tensor = by->tensor;
    if (weft__pe_values_locate(it, tensor->address, 1, &location, &err) != WEFT_OK)
        return true; /* which others tell of */
    weft__order_memory *memory = &it->accesses[location.node];
    const weft__order_access access = {.agent = by->pe ? weft__pe_index(by->pe) : weft__pes_count(it->pes),
                                       .point = how->point,
                                       .time_ps = weft__sim_now(weft__pes_sim(it->pes)),
                                       .call = by->pe ? by->call : NULL,
                                       .only_others = true,
                                       .phase = how->phase};
    if (weft__pe_values_is_contiguous(tensor)) {
        uint64_t bytes = weft_shape_elements(&tensor->shape) * weft_dtype_bytes(tensor->dtype);
        (void)access_range(it, memory, &access, how->is_write, location.offset, bytes, &first);
    } else {
        access_runs(it, memory, &access, how->is_write, location.offset, tensor, &first);
    }
    weft__pe_values_order_note(it);
    if (first.bytes == 0 || how->is_quiet)
        return true;
    return meet(it, by, how, &first, first.offset - location.offset + tensor->address);
}

bool weft__pe_values_order_read(weft__pe_values *it, const weft__reading *by, const weft__order_point *point,
                                weft__order_phase phase, bool has_met_hazard)
{
    return access(it, by, &(manner){.point = point, .is_quiet = has_met_hazard, .phase = phase});
}

bool weft__pe_values_order_write(weft__pe_values *it, const weft__reading *by, const weft__order_point *point)
{
    return access(it, by, &(manner){.point = point, .is_write = true});
}

weft_status weft__pe_values_order_host(weft__pe_values *it, uint64_t address, uint64_t bytes, bool is_write,
                                       weft_error *err)
{
    weft_kernel_hazard hazard;
    const tl_tensor tensor = {.shape = weft_shape_1d(bytes), .stride = {1}, .dtype = WEFT_U8, .address = address};
    const weft__reading by = {
        .call = is_write ? "writing a tensor" : "reading a tensor", .what = "the tensor", .tensor = &tensor};
    if (bytes == 0 || weft__sim_has_failed(weft__pes_sim(it->pes))) /* what is left may be looked at */
        return WEFT_OK;
    bool goes_on = access(it, &by, &(manner){.is_write = is_write});
    if (weft__order_has_failed(it->order))
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not note that the host was %s.", by.call);
    if (goes_on)
        return WEFT_OK;
    if (it->hazards.kept_count && weft__hazards_at(&it->hazards, it->hazards.kept_count - 1, &hazard))
        return weft__fail(err, WEFT_HAZARD, "%s", hazard.text);
    return weft__fail_memory(err, sizeof hazard, "a hazard");
}
