/* PEs for a number of ranks in a ring, and what memory these have. */
#ifndef WEFT_SIM_BENCHES_RANK_SET_H
#define WEFT_SIM_BENCHES_RANK_SET_H

#include "sim/benches/bench.h"

/* The first `count` PEs of the machine, in its order: of one cube, or whole cubes of one SIP, or whole SIPs. Ends the
 * run if that does not come out, and gives an empty set then. */
weft_pe_set weft__bench_first_pes(weft__bench_run *run, uint64_t count);

/* Bytes of scratch memory that the slots of a ring, both ways, leave to each of its PEs. */
uint64_t weft__bench_ring_scratch_bytes(const weft__bench_run *run);

#endif
