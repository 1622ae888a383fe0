#include "sim/fabric/hbm.h"

#include <string.h>

void weft__hbm_init(weft__hbm *hbm, const weft__machine_spec *spec)
{
    memset(hbm, 0, sizeof *hbm);
    hbm->channels = spec->cube.hbm.channels;
    hbm->flit_bytes = spec->system.flit_bytes;
    hbm->row_flits = spec->cube.hbm.row_flits;
    hbm->chunk_ps = weft__ps_of_bytes(hbm->flit_bytes, weft__mbs_of_gbs(spec->cube.hbm.channel_gbs));
    hbm->turnaround_ps = weft__ps_of_ns(spec->cube.hbm.turnaround_ns);
    hbm->open_ps = weft__ps_of_ns(spec->cube.hbm.open_ns);
}

/* True if the row of a chunk, by its number in the channel, is open; it is from now on, unless this is its last. */
static bool turn_to_row(const weft__hbm *hbm, weft__hbm_channel *channel, uint64_t chunk)
{
    if (hbm->row_flits == 0)
        return false;
    uint64_t row = chunk / hbm->row_flits + 1;
    bool was_open = channel->open_row == row;
    channel->open_row = chunk % hbm->row_flits + 1 < hbm->row_flits ? row : 0;
    return was_open;
}

weft__time weft__hbm_serve(weft__hbm *hbm, uint64_t offset_bytes, bool is_write, weft__time arrival, uint64_t *opened)
{
    uint64_t chunk = offset_bytes / hbm->flit_bytes, index = chunk & (hbm->channels - 1);
    weft__hbm_channel *channel = &hbm->channel[index];
    bool is_open = turn_to_row(hbm, channel, chunk / hbm->channels) || *opened >> index & 1;
    weft__time begin = arrival;
    if (channel->was_used) {
        weft__time ready = channel->free_at;
        if (channel->has_written != is_write)
            ready += hbm->turnaround_ps;
        if (!is_open)
            ready += hbm->open_ps;
        begin = ready > begin ? ready : begin;
    }
    *opened |= (uint64_t)1 << index;
    channel->was_used = true;
    channel->has_written = is_write;
    channel->free_at = begin + hbm->chunk_ps;
    hbm->busy_ps += hbm->chunk_ps;
    hbm->chunks++;
    if (__builtin_expect(hbm->observer != NULL, 0))
        hbm->observer->served(hbm->observer->context, hbm->number, begin, channel->free_at);
    return channel->free_at;
}

/* A channel that has been idle for so long notices neither its direction nor its open row. */
bool weft__hbm_is_quiet(const weft__hbm *hbm, weft__time now)
{
    for (uint32_t i = 0; i < hbm->channels; i++)
        if (hbm->channel[i].was_used && hbm->channel[i].free_at + hbm->turnaround_ps + hbm->open_ps > now)
            return false;
    return true;
}
