#include "sim/fabric/slice.h"

#include <string.h>

#include "sim/fabric/fabric_impl.h"
#include "sim/fabric/transfer_impl.h"

/* ---- which links and which controller ---- */

static bool add_links(weft__slice *out, const weft__route *route)
{
    for (uint32_t hop = 0; route && hop < route->count; hop++) {
        uint32_t i = 0;
        while (i < out->link_count && out->links[i] != route->links[hop])
            i++;
        if (i == WEFT__SLICE_LINKS_MAX)
            return false;
        out->links[i] = route->links[hop];
        out->link_count += i == out->link_count;
    }
    return route != NULL;
}

bool weft__slice_of(weft__transfers *transfers, uint32_t dma_node, weft__slice *out)
{
    weft__fabric *fabric = transfers->fabric;
    const weft__graph *graph = weft__fabric_graph(fabric);
    const weft__node *dma = &graph->nodes[dma_node];
    if (!weft__fabric_has_trains(fabric) || graph->spec->cube.hbm.gib == 0)
        return false;
    uint32_t hbm = weft__graph_node(graph, WEFT__NODE_HBM, dma->sip, dma->cube, dma->unit);
    *out = (weft__slice){.fabric = fabric, .hbm = &transfers->hbm[transfers->number[hbm]]};
    return add_links(out, weft__fabric_route(fabric, dma_node, hbm)) &&
           add_links(out, weft__fabric_route(fabric, hbm, dma_node));
}

/* ---- all of it ---- */

static weft__wire *wire_of(const weft__slice *slice, uint32_t link)
{
    return &slice->fabric->wires[slice->links[link]];
}

void weft__slice_save(const weft__slice *slice, weft__slice_state *out)
{
    const weft__hbm *hbm = slice->hbm;
    out->time = weft__sim_now(slice->fabric->sim);
    out->busy_ps = hbm->busy_ps;
    out->chunks = hbm->chunks;
    memcpy(out->channels, hbm->channel, hbm->channels * sizeof hbm->channel[0]);
    for (uint32_t i = 0; i < slice->link_count; i++) {
        const weft__wire *wire = wire_of(slice, i);
        out->links[i] = (weft__slice_link){wire->free_at, wire->known_before, wire->flits, wire->busy_ps};
    }
}

void weft__slice_load(const weft__slice *slice, const weft__slice_state *state)
{
    weft__hbm *hbm = slice->hbm;
    hbm->busy_ps = state->busy_ps;
    hbm->chunks = state->chunks;
    memcpy(hbm->channel, state->channels, hbm->channels * sizeof hbm->channel[0]);
    for (uint32_t i = 0; i < slice->link_count; i++) {
        weft__wire *wire = wire_of(slice, i);
        const weft__slice_link *link = &state->links[i];
        wire->free_at = link->free_at;
        wire->known_before = link->known_before;
        wire->flits = link->flits;
        wire->busy_ps = link->busy_ps;
    }
}

bool weft__slice_is_idle(const weft__slice *slice)
{
    weft__time now = weft__sim_now(slice->fabric->sim);
    for (uint32_t i = 0; i < slice->hbm->channels; i++)
        if (slice->hbm->channel[i].was_used && slice->hbm->channel[i].free_at >= now)
            return false;
    return true;
}

/* ---- rows ---- */

/* Makes one group of all those that touch these rows. */
static void add_rows(weft__slice_rows *out, uint32_t part, uint64_t first, uint64_t last)
{
    uint32_t into = out->group_count;
    for (uint32_t i = 0; i < out->group_count;) {
        if (out->groups[i].first > last || out->groups[i].last < first) {
            i++;
            continue;
        }
        first = out->groups[i].first < first ? out->groups[i].first : first;
        last = out->groups[i].last > last ? out->groups[i].last : last;
        if (into == out->group_count) { /* the first of them stays */
            into = i++;
            continue;
        }
        for (uint32_t j = 0; j < part; j++) {
            if (out->group_of[j] == i)
                out->group_of[j] = into;
            else if (out->group_of[j] > i)
                out->group_of[j]--;
        }
        memmove(&out->groups[i], &out->groups[i + 1], (--out->group_count - i) * sizeof out->groups[0]);
    }
    out->group_count += into == out->group_count;
    out->groups[into].first = first;
    out->groups[into].last = last;
    out->group_of[part] = into;
}

void weft__slice_rows_of(const weft__slice *slice, const weft__slice_part *parts, uint32_t count, weft__slice_rows *out)
{
    const weft__hbm *hbm = slice->hbm;
    out->row_bytes = hbm->channels * hbm->flit_bytes * (hbm->row_flits ? hbm->row_flits : 1);
    out->group_count = 0;
    for (uint32_t i = 0; i < count; i++)
        add_rows(out, i, parts[i].offset_bytes / out->row_bytes,
                 (parts[i].offset_bytes + parts[i].bytes - 1) / out->row_bytes);
}

/* ---- what later times depend on ---- */

/* The group of an open row, and 1 more; 0 for one that nobody touches. */
static uint32_t group_of_row(const weft__slice_rows *rows, uint64_t open_row)
{
    for (uint32_t i = 0; open_row && i < rows->group_count; i++)
        if (rows->groups[i].first < open_row && open_row <= rows->groups[i].last + 1)
            return i + 1;
    return 0;
}

/* A pseudo-channel that has been idle for long enough is as good as one that was never used. */
static void add_channel(const weft__slice *slice, const weft__slice_rows *rows, const weft__hbm_channel *channel,
                        weft__time now, uint64_t key[2])
{
    const weft__hbm *hbm = slice->hbm;
    key[0] = key[1] = 0;
    if (!channel->was_used || channel->free_at + hbm->turnaround_ps + hbm->open_ps <= now)
        return;
    uint32_t group = group_of_row(rows, channel->open_row);
    key[0] = (now - channel->free_at) << 2 | (uint64_t)channel->has_written << 1 | 1;
    if (group)
        key[1] = (uint64_t)group << 48 | (channel->open_row - rows->groups[group - 1].first);
}

uint32_t weft__slice_key(const weft__slice *slice, const weft__slice_part *parts, uint32_t part_count,
                         const weft__slice_rows *rows, uint64_t key[WEFT__SLICE_KEY_MAX])
{
    uint32_t count = 0;
    weft__time now = weft__sim_now(slice->fabric->sim);
    for (uint32_t i = 0; i < part_count; i++) {
        key[count++] = rows->group_of[i];
        key[count++] = parts[i].offset_bytes - rows->groups[rows->group_of[i]].first * rows->row_bytes;
    }
    for (uint32_t i = 0; i < slice->hbm->channels; i++, count += 2)
        add_channel(slice, rows, &slice->hbm->channel[i], now, &key[count]);
    for (uint32_t i = 0; i < slice->link_count; i++) {
        const weft__wire *wire = wire_of(slice, i);
        key[count++] = wire->known_before > now ? wire->known_before - now : 0;
    }
    return count;
}

/* ---- what has changed ---- */

void weft__slice_changed(const weft__slice *slice, const weft__slice_state *since, const weft__slice_rows *rows,
                         weft__slice_change *out)
{
    const weft__hbm *hbm = slice->hbm;
    *out = (weft__slice_change){.busy_ps = hbm->busy_ps - since->busy_ps, .chunks = hbm->chunks - since->chunks};
    for (uint32_t i = 0; i < hbm->channels; i++) {
        const weft__hbm_channel *channel = &hbm->channel[i];
        if (channel->was_used == since->channels[i].was_used && channel->free_at == since->channels[i].free_at)
            continue;
        uint32_t group = group_of_row(rows, channel->open_row);
        out->touched |= UINT64_C(1) << i;
        out->channels[i].free_ps = channel->free_at - since->time;
        out->channels[i].has_written = channel->has_written;
        out->channels[i].group = group;
        out->channels[i].row = group ? channel->open_row - rows->groups[group - 1].first : 0;
    }
    for (uint32_t i = 0; i < slice->link_count; i++) {
        const weft__wire *wire = wire_of(slice, i);
        const weft__slice_link *link = &since->links[i];
        if (wire->free_at != link->free_at)
            out->links[i].free_ps = wire->free_at - since->time;
        if (wire->known_before != link->known_before)
            out->links[i].known_ps = wire->known_before - since->time;
        out->links[i].flits = wire->flits - link->flits;
        out->links[i].busy_ps = wire->busy_ps - link->busy_ps;
    }
}

void weft__slice_apply(const weft__slice *slice, const weft__slice_change *change, weft__time begin,
                       const weft__slice_rows *rows)
{
    weft__hbm *hbm = slice->hbm;
    hbm->busy_ps += change->busy_ps;
    hbm->chunks += change->chunks;
    for (uint32_t i = 0; i < hbm->channels; i++) {
        uint32_t group = change->channels[i].group;
        if (!(change->touched >> i & 1))
            continue;
        hbm->channel[i] =
            (weft__hbm_channel){.free_at = begin + change->channels[i].free_ps,
                                .open_row = group ? rows->groups[group - 1].first + change->channels[i].row : 0,
                                .has_written = change->channels[i].has_written,
                                .was_used = true};
    }
    for (uint32_t i = 0; i < slice->link_count; i++) {
        weft__wire *wire = wire_of(slice, i);
        if (change->links[i].free_ps)
            wire->free_at = begin + change->links[i].free_ps;
        if (change->links[i].known_ps)
            wire->known_before = begin + change->links[i].known_ps;
        wire->flits += change->links[i].flits;
        wire->busy_ps += change->links[i].busy_ps;
    }
}
