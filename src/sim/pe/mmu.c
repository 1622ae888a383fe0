#include "sim/pe/mmu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/pe/pe_impl.h"

/* Pages of a memory are told apart from those of others, and from virtual addresses, by the number of its node. */
#define PAGE_BITS 33u

weft_status weft__mmu_init(weft__mmu *mmu, const weft__pe_rates *rates, weft_error *err)
{
    size_t entries = rates->tlb_ps ? rates->tlb_entries : 0;
    if (entries == 0)
        return WEFT_OK;
    mmu->reads.pages = calloc(2 * entries, sizeof *mmu->reads.pages);
    if (!mmu->reads.pages)
        return weft__fail_memory(err, 2 * entries * sizeof *mmu->reads.pages, "the TLBs of a PE");
    mmu->writes.pages = mmu->reads.pages + entries;
    return WEFT_OK;
}

void weft__mmu_destroy(weft__mmu *mmu)
{
    free(mmu->reads.pages);
    free(mmu->mappings);
    *mmu = (weft__mmu){0};
}

/* ---- mappings ---- */

static uint64_t end_of(const weft__mapping *mapping)
{
    return mapping->virtual_address + mapping->bytes;
}

/* The first mapping that ends behind an address. */
static size_t first_behind(const weft__mmu *mmu, uint64_t virtual_address)
{
    size_t begin = 0, end = mmu->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (end_of(&mmu->mappings[middle]) <= virtual_address)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

weft_status weft__mmu_prepare(weft__pe *pe, const weft__mapping *mapping, weft_error *err)
{
    weft__mmu *mmu = &pe->mmu;
    size_t at = first_behind(mmu, mapping->virtual_address);
    if (at < mmu->count && mmu->mappings[at].virtual_address < end_of(mapping)) {
        const weft__mapping *other = &mmu->mappings[at];
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "A mapping of virtual addresses 0x%" PRIx64 " to 0x%" PRIx64
                          " on %s overlaps that of 0x%" PRIx64 " to 0x%" PRIx64 ", which lead to 0x%" PRIx64 ".",
                          mapping->virtual_address, end_of(mapping) - 1, pe->name, other->virtual_address,
                          end_of(other) - 1, other->address);
    }
    return weft__array_reserve_or_fail(&mmu->mappings, &mmu->capacity, mmu->count, 1, "the mappings of a PE", err);
}

void weft__mmu_map(weft__pe *pe, const weft__mapping *mapping)
{
    weft__mmu *mmu = &pe->mmu;
    size_t at = first_behind(mmu, mapping->virtual_address);
    if (at < mmu->count)
        memmove(&mmu->mappings[at + 1], &mmu->mappings[at], (mmu->count - at) * sizeof *mmu->mappings);
    mmu->mappings[at] = *mapping;
    mmu->count++;
}

weft_status weft__mmu_check_unmap(const weft__pe *pe, uint64_t virtual_address, uint64_t bytes, weft_error *err)
{
    const weft__mmu *mmu = &pe->mmu;
    uint64_t end = virtual_address + bytes;
    size_t first = first_behind(mmu, virtual_address), at = first;
    for (; at < mmu->count && mmu->mappings[at].virtual_address < end; at++) {
        const weft__mapping *it = &mmu->mappings[at];
        if (it->virtual_address < virtual_address || end_of(it) > end)
            return weft__fail(err, WEFT_INVALID_ARGUMENT,
                              "Virtual addresses 0x%" PRIx64 " to 0x%" PRIx64
                              " hold but a part of the mapping of 0x%" PRIx64 " to 0x%" PRIx64 " on %s.",
                              virtual_address, end - 1, it->virtual_address, end_of(it) - 1, pe->name);
    }
    if (at > first)
        return WEFT_OK;
    return weft__fail(err, WEFT_NOT_FOUND,
                      "Nothing is mapped at virtual addresses 0x%" PRIx64 " to 0x%" PRIx64 " on %s.", virtual_address,
                      end - 1, pe->name);
}

static void forget(weft__tlb *tlb, uint64_t begin, uint64_t end)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < tlb->count; i++)
        if (tlb->pages[i] < begin || tlb->pages[i] >= end)
            tlb->pages[kept++] = tlb->pages[i];
    tlb->count = kept;
}

void weft__mmu_unmap(weft__pe *pe, uint64_t virtual_address, uint64_t bytes)
{
    weft__mmu *mmu = &pe->mmu;
    uint64_t end = virtual_address + bytes;
    size_t first = first_behind(mmu, virtual_address), last = first_behind(mmu, end - 1);
    last += last < mmu->count && mmu->mappings[last].virtual_address < end;
    memmove(&mmu->mappings[first], &mmu->mappings[last], (mmu->count - last) * sizeof *mmu->mappings);
    mmu->count -= last - first;
    forget(&mmu->reads, virtual_address, end);
    forget(&mmu->writes, virtual_address, end);
}

bool weft__mmu_find(const weft__pe *pe, uint64_t virtual_address, uint64_t bytes, weft__mapping *out)
{
    const weft__mmu *mmu = &pe->mmu;
    size_t at = first_behind(mmu, virtual_address);
    if (at == mmu->count || mmu->mappings[at].virtual_address > virtual_address)
        return false;
    const weft__mapping *it = &mmu->mappings[at];
    uint64_t past = virtual_address - it->virtual_address;
    *out = (weft__mapping){virtual_address, it->bytes - past, it->address + past, it->node, it->offset_bytes + past};
    for (at++; at < mmu->count && out->bytes < bytes; at++) {
        it = &mmu->mappings[at];
        if (it->virtual_address != end_of(out) || it->node != out->node ||
            it->offset_bytes != out->offset_bytes + out->bytes)
            break;
        out->bytes += it->bytes;
    }
    out->bytes = out->bytes < bytes ? out->bytes : bytes;
    return true;
}

/* ---- the time ---- */

/* One page, which is the last used one from now on. */
static uint64_t look_up_page_ps(weft__pe *pe, weft__tlb *tlb, uint64_t page)
{
    const weft__pe_rates *rates = &pe->owner->rates;
    uint32_t at = 0;
    while (at < tlb->count && tlb->pages[at] != page)
        at++;
    bool is_there = at < tlb->count;
    if (!is_there && tlb->count < rates->tlb_entries)
        tlb->count++;
    else if (!is_there)
        at--;
    memmove(&tlb->pages[1], &tlb->pages[0], at * sizeof *tlb->pages);
    tlb->pages[0] = page;
    return is_there ? 0 : rates->tlb_ps;
}

/* The pages of [begin, end). Page i of all is known by `base` + i * `scale`, but the first of these by `least` at
 * least. */
static uint64_t look_up_pages_ps(weft__pe *pe, weft__tlb *tlb, uint64_t begin, uint64_t end, uint64_t base,
                                 uint64_t scale, uint64_t least)
{
    const weft__pe_rates *rates = &pe->owner->rates;
    uint64_t first = begin / rates->page_bytes, last = (end - 1) / rates->page_bytes, ps = 0;
    if (rates->tlb_entries == 0)
        return weft__pe_pages_ps(rates, begin, end - begin);
    for (uint64_t page = first; page <= last; page++) {
        uint64_t number = base + page * scale;
        ps += look_up_page_ps(pe, tlb, number > least ? number : least);
    }
    return ps;
}

/* A page of which a mapping has a part is known by the first address of that part. Between mappings is what has been
 * taken away since the command was given. */
static uint64_t look_up_virtual_ps(weft__pe *pe, weft__tlb *tlb, uint64_t begin, uint64_t end)
{
    const weft__mmu *mmu = &pe->mmu;
    uint64_t ps = 0, stop;
    for (; begin < end; begin = stop) {
        size_t at = first_behind(mmu, begin);
        const weft__mapping *next = at < mmu->count ? &mmu->mappings[at] : NULL;
        bool is_mapped = next && next->virtual_address <= begin;
        stop = !next ? end : is_mapped ? end_of(next) : next->virtual_address;
        stop = stop < end ? stop : end;
        ps += look_up_pages_ps(pe, tlb, begin, stop, 0, pe->owner->rates.page_bytes,
                               is_mapped ? next->virtual_address : 0);
    }
    return ps;
}

uint64_t weft__mmu_look_up_ps(weft__pe *pe, bool is_write, const weft__dma_place *place, uint64_t offset_bytes,
                              uint64_t bytes)
{
    weft__tlb *tlb = is_write ? &pe->mmu.writes : &pe->mmu.reads;
    if (pe->owner->rates.tlb_ps == 0)
        return 0;
    if (place->virtual_address)
        return look_up_virtual_ps(pe, tlb, place->virtual_address + offset_bytes,
                                  place->virtual_address + offset_bytes + bytes);
    uint64_t begin = place->offset_bytes + offset_bytes;
    return look_up_pages_ps(pe, tlb, begin, begin + bytes, (uint64_t)place->node << PAGE_BITS, 1, 0);
}
