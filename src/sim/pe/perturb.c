#include "sim/pe/perturb.h"

#include "base/rng.h"
#include "sim/pe/pe_impl.h"

void weft__pes_perturb(weft__pes *pes, uint64_t seed)
{
    const weft__perturb_spec *spec = &weft__pes_graph(pes)->spec->perturb;
    pes->seed = seed;
    pes->message_ps = weft__ps_of_ns(spec->message_ns);
    pes->engine_percent = spec->engine_percent;
}

/* Each whole number up to `most` alike, for the little that is not divided evenly. */
static uint64_t draw(const weft__pes *pes, const weft__pe *pe, uint32_t kind, uint64_t number, uint64_t most)
{
    uint64_t stream = (uint64_t)weft__pe_index(pe) * WEFT__PERTURBED_KINDS + kind;
    return weft__rng_at(pes->seed, stream, number) % (most + 1);
}

uint64_t weft__perturb_message_ps(const weft__pes *pes, const weft__pe *pe, uint32_t kind, uint64_t number)
{
    return pes->seed ? draw(pes, pe, kind, number, pes->message_ps) : 0;
}

uint64_t weft__perturb_stage_ps(const weft__pes *pes, const weft__pe *pe, uint64_t number, uint64_t ps)
{
    uint64_t most = ps / 100 * pes->engine_percent + ps % 100 * pes->engine_percent / 100;
    return pes->seed ? draw(pes, pe, WEFT__PERTURBED_STAGE, number, most) : 0;
}
