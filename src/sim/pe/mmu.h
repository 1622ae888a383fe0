/* Virtual addresses: each PE may have names of its own for ranges of memory, and the time that looking them up takes.
 *
 * A mapping leads from a range of virtual addresses to as many bytes of one memory. Mappings are byte-exact, and a page
 * may have many: what is kept is the list of ranges itself, so that those of one page never write over one another. Two
 * that overlap are an error. Virtual addresses are those from WEFT_VIRTUAL_BEGIN on.
 *
 * The tile API translates what a kernel names, when it gives a command, or the part of one that is a transfer of its
 * own; what is under way goes to where its addresses led then.
 *
 * The time. A DMA transfer looks up each page that it touches, and of a page with several mappings each of these, which
 * takes `pe.mmu.tlb_ns` unless the TLB has it. A TLB has the last `pe.mmu.tlb_entries` that were looked up; the one
 * that has not been used for longest goes first. Reads and writes of a PE have a TLB each, so that nothing depends on
 * which of two transfers comes first that begin at the same time. Transfers of physical addresses look up pages of the
 * memory that they go to. Mapping takes no time; taking a mapping away takes it out of the TLBs too. Messages of queues
 * look nothing up: their slots are known.
 *
 * Source: byte-exact ranges in pages and a cost for each look-up are the root's, see there 2.7; TLBs are ours. */
#ifndef WEFT_SIM_PE_MMU_H
#define WEFT_SIM_PE_MMU_H

#include "sim/pe/pe.h"

/* A range of virtual addresses, and where it leads. */
typedef struct weft__mapping {
    uint64_t virtual_address, bytes; /* not 0 */
    uint64_t address;                /* physical */
    uint32_t node;                   /* that serves the memory */
    uint64_t offset_bytes;           /* there */
} weft__mapping;

/* Pages, the one that was used last first. */
typedef struct weft__tlb {
    uint64_t *pages;
    uint32_t count;
} weft__tlb;

/* Of a PE. Zeroed it has no mappings; private to the functions below. */
typedef struct weft__mmu {
    weft__mapping *mappings; /* by ascending virtual address */
    size_t count, capacity;
    weft__tlb reads, writes;
} weft__mmu;

static inline bool weft__is_virtual(uint64_t address)
{
    return address >= WEFT_VIRTUAL_BEGIN && address < WEFT_VIRTUAL_END;
}

/* Gives an MMU its TLBs, if the machine has some. */
weft_status weft__mmu_init(weft__mmu *mmu, const weft__pe_rates *rates, weft_error *err);
void weft__mmu_destroy(weft__mmu *mmu);

/* Makes room for one more mapping, so that weft__mmu_map cannot fail. WEFT_INVALID_ARGUMENT, naming both, for one that
 * overlaps another. */
weft_status weft__mmu_prepare(weft__pe *pe, const weft__mapping *mapping, weft_error *err);
void weft__mmu_map(weft__pe *pe, const weft__mapping *mapping);

/* Whether all mappings that begin or end in a range lie in it: WEFT_INVALID_ARGUMENT, naming it, if one does not;
 * WEFT_NOT_FOUND if there is none. And takes them away. */
weft_status weft__mmu_check_unmap(const weft__pe *pe, uint64_t virtual_address, uint64_t bytes, weft_error *err);
void weft__mmu_unmap(weft__pe *pe, uint64_t virtual_address, uint64_t bytes);

/* Where a virtual address leads, and up to where what follows it lies behind it in the same memory, through as many
 * mappings as it may: *out begins at the address. Looks no further than `bytes`, which are not 0. False if nothing is
 * mapped there. */
bool weft__mmu_find(const weft__pe *pe, uint64_t virtual_address, uint64_t bytes, weft__mapping *out);

/* What looking up so many bytes of a place takes, from an offset on, and the TLBs know it. */
uint64_t weft__mmu_look_up_ps(weft__pe *pe, bool is_write, const weft__dma_place *place, uint64_t offset_bytes,
                              uint64_t bytes);

#endif
