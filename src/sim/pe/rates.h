/* What the engines of a PE need for their work: the numbers of a machine file as whole picoseconds and MB/s, and times
 * made of them. All functions are pure.
 *
 * Sources of the assumptions. Bandwidths of the TCM, the tile, pages and dispatch cycles are published for the root's
 * machine; clock, products in a cycle, lanes and cycles of the vector unit are our choice. So is this: the array of the
 * GEMM works on all outputs of one tile at once, so a tile at a ragged edge takes as long as a whole one with as many
 * products for each output. */
#ifndef WEFT_SIM_PE_RATES_H
#define WEFT_SIM_PE_RATES_H

#include <weft/store.h>

#include "sim/machine/spec.h"

typedef struct weft__pe_rates {
    uint64_t cycle_ps, dispatch_ps;
    uint64_t read_mbs, write_mbs; /* of the TCM */
    uint64_t banks, bank_bytes;   /* of it; banks 0: nobody minds */
    uint64_t page_bytes, tlb_ps;
    uint32_t tlb_entries;
    uint64_t scratch_bytes;
    uint32_t dma_channels;    /* for each direction */
    uint32_t dma_outstanding; /* reads of one command in a channel */
    uint32_t tiles;           /* of composite commands, under way at once */
    weft__gemm_spec gemm;
    weft__math_spec math;
} weft__pe_rates;

void weft__pe_rates_init(weft__pe_rates *rates, const weft__machine_spec *spec);

/* Between TCM and registers. */
uint64_t weft__pe_read_ps(const weft__pe_rates *rates, uint64_t bytes);
uint64_t weft__pe_write_ps(const weft__pe_rates *rates, uint64_t bytes);

/* The same from TCM to registers of an operand with gaps: so many runs of bytes that lie together, each of which begins
 * so many bytes behind the one before it.
 *
 * Byte a lies in bank a / bank_bytes modulo banks. A bank gives one line, bank_bytes, at a time, in the time that
 * banks * bank_bytes take at the bandwidth of the TCM: all of them together keep up with that. The runs begin in every
 * d-th bank, where d = max(1, gcd(banks * bank_bytes, pitch) / bank_bytes), so in s = banks / d of them, and have
 * r = ceil(run / bank_bytes) lines each. So the bank that has most of them gives
 *     ceil(runs / s) * ceil(r / d)
 * lines, or, where the pitch is less than a line and a line holds several runs, ceil(runs * pitch / bank_bytes) /
 * banks, rounded up; and the operand takes as long as these do. Runs are taken to begin with a line. */
uint64_t weft__pe_read_runs_ps(const weft__pe_rates *rates, uint64_t runs, uint64_t run_bytes, uint64_t pitch_bytes);

/* Looking up the pages that a range touches, each of them. */
uint64_t weft__pe_pages_ps(const weft__pe_rates *rates, uint64_t address, uint64_t bytes);

/* A tile of the GEMM with `k` products for each output. */
uint64_t weft__pe_gemm_ps(const weft__pe_rates *rates, weft_dtype dtype, uint64_t k);

/* So many products if the array were busy with nothing else, rounded down. */
uint64_t weft__pe_macs_ps(const weft__pe_rates *rates, weft_dtype dtype, uint64_t macs);

/* An operation, or a step after a GEMM, on so many elements. Operations that compute nothing count as a copy in the
 * registers, which is a simple step. */
uint64_t weft__pe_math_ps(const weft__pe_rates *rates, weft_command_op op, uint64_t elements);
uint64_t weft__pe_epilogue_ps(const weft__pe_rates *rates, weft_epilogue_op op, uint64_t elements);

#endif
