/* PEs for a number of ranks in a ring, and what memory these have. */
#ifndef WEFT_SIM_BENCHES_RANK_SET_H
#define WEFT_SIM_BENCHES_RANK_SET_H

#include "sim/benches/bench.h"

/* PEs for so many groups (the setting of that name, or 1) of so many ranks (likewise), the first of the machine in its
 * order: of one cube, or whole cubes of one SIP, or whole SIPs. Ends the run if that does not come out, and gives an
 * empty set then. */
weft_pe_set weft__bench_first_pes(weft__bench_run *run, uint64_t ranks, uint64_t groups);

/* Bytes of scratch memory that the slots of so many queues leave to the PE at which they end. */
uint64_t weft__bench_scratch_bytes(const weft__bench_run *run, uint64_t queues);

/* The same for the two queues of a PE in a ring. */
uint64_t weft__bench_ring_scratch_bytes(const weft__bench_run *run);

#endif
