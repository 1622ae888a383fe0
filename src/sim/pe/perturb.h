/* Perturbed runs: every message of a DMA engine or a queue, every credit and every stage of an engine takes a random
 * while longer, within the bounds of the machine file (`perturb`). What a kernel computes must not depend on it.
 *
 * The while is a function of the seed and of what it is drawn for: a PE, a kind, and a number that the program of the
 * PE gives it. So it depends neither on the order in which events of one moment are worked out nor on what other PEs
 * do, and a run with the same seed is the same run. Seed 0, as it is at first, takes the exact times. */
#ifndef WEFT_SIM_PE_PERTURB_H
#define WEFT_SIM_PE_PERTURB_H

#include "sim/pe/pe.h"

/* What times are drawn for. */
typedef enum weft__perturbed {
    WEFT__PERTURBED_STAGE, /* of a tile in an engine, by weft__perturb_stage_ps() */
    WEFT__PERTURBED_DMA,   /* the first message of a transfer */
    WEFT__PERTURBED_QUEUE, /* a message to a neighbour; a kind for each direction of the sender */
    WEFT__PERTURBED_CREDIT = WEFT__PERTURBED_QUEUE + TL_DIRECTIONS /* the same, for each direction of the receiver */
} weft__perturbed;
#define WEFT__PERTURBED_KINDS (WEFT__PERTURBED_CREDIT + TL_DIRECTIONS)

/* Before the run. */
void weft__pes_perturb(weft__pes *pes, uint64_t seed);

/* How much later than it could a message leaves: at most `perturb.message_ns`. What it leaves from waits with it, so
 * that messages of one queue stay in order. `kind` of a queue: WEFT__PERTURBED_QUEUE + direction. */
uint64_t weft__perturb_message_ps(const weft__pes *pes, const weft__pe *pe, uint32_t kind, uint64_t number);

/* How much longer than `ps` a stage takes: at most `perturb.engine_percent` of it. */
uint64_t weft__perturb_stage_ps(const weft__pes *pes, const weft__pe *pe, uint64_t number, uint64_t ps);

#endif
