/* Sets of PEs: so many of each level, one behind another. */
#include <inttypes.h>

#include "sim/host/host_impl.h"

/* One level of a set: `what` are its units, `above` is the unit that has `have` of them. */
static weft_status resolve_level(const char *what, const char *above, uint32_t have, uint32_t first, uint32_t count,
                                 uint32_t *out, weft_error *err)
{
    *out = count;
    if (first >= have)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The set begins with %s %" PRIu32 ", but %s has %" PRIu32 ", counted from 0.", what, first,
                          above, have);
    if (count > have - first)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The set has %" PRIu32 " %ss from %s %" PRIu32 " on, but %s has %" PRIu32 ", counted from 0.",
                          count, what, what, first, above, have);
    if (count == 0)
        *out = have - first;
    return WEFT_OK;
}

weft_status weft__pe_set_resolve(const weft__graph *graph, const weft_pe_set *set, weft_pe_set *out, weft_error *err)
{
    *out = *set;
    uint32_t sips = graph->spec->system.sips;
    weft_status status = resolve_level("SIP", "the machine", sips, set->first_sip, set->sips, &out->sips, err);
    if (status == WEFT_OK)
        status = resolve_level("cube", "a SIP", graph->cubes, set->first_cube, set->cubes, &out->cubes, err);
    if (status == WEFT_OK)
        status = resolve_level("PE", "a cube", graph->pes, set->first_pe, set->pes, &out->pes, err);
    return status;
}

uint32_t weft__pe_set_count(const weft_pe_set *set)
{
    return set->sips * set->cubes * set->pes;
}

uint32_t weft__pe_set_at(const weft__graph *graph, const weft_pe_set *set, uint32_t index)
{
    uint32_t sip = set->first_sip + index / set->pes / set->cubes;
    uint32_t cube = set->first_cube + index / set->pes % set->cubes;
    return (sip * graph->cubes + cube) * graph->pes + set->first_pe + index % set->pes;
}

uint32_t weft__pe_set_find(const weft__graph *graph, const weft_pe_set *set, uint32_t place)
{
    /* What lies before the first wraps round to a number that is too large. */
    uint32_t pe = place % graph->pes - set->first_pe;
    uint32_t cube = place / graph->pes % graph->cubes - set->first_cube;
    uint32_t sip = place / graph->pes / graph->cubes - set->first_sip;
    if (pe >= set->pes || cube >= set->cubes || sip >= set->sips)
        return WEFT__PE_SET_NONE;
    return (sip * set->cubes + cube) * set->pes + pe;
}

weft_status weft_machine_count_pes(const weft_machine *machine, const weft_pe_set *pes, uint32_t *out, weft_error *err)
{
    weft_pe_set resolved;
    *out = 0;
    weft_status status = weft__pe_set_resolve(machine->graph, pes, &resolved, err);
    if (status == WEFT_OK)
        *out = weft__pe_set_count(&resolved);
    return status;
}
