/* attention of few queries to many keys: decoding.
 *
 * Keys and values stay where they are. Each PE lets all heads of a query meet the keys that lie with it, and what it
 * has then, the greatest scores, sums of weights and weighted values, is joined over all PEs: the greatest scores up
 * and down the tree of each cube and through the centre of the cubes and SIPs; then the sums, made what they are beside
 * these, of which each PE of a cube gets a share that it joins with those of its number in all cubes. So between cubes
 * and SIPs there are only queries, which each cube brings once, and sums, a cube's worth of them. */
#ifndef WEFT_DEVICES_SIM_ATTENTION_SPREAD_H
#define WEFT_DEVICES_SIM_ATTENTION_SPREAD_H

#include "devices/sim/sim_impl.h"

#define WEFT__SIM_SPREAD_QUEUES (WEFT_QUEUES_RING | WEFT_QUEUES_TREE | WEFT_QUEUES_CUBES | WEFT_QUEUES_SIPS)

/* Whether that is the way for a dispatch of attention: the same for all PEs, and for the launch, which must have these
 * queues then. */
bool weft__sim_attention_is_spread(const weft__sim_call *call);

/* What a PE does. */
void weft__sim_attention_spread(weft_tile *tl, const weft__sim_call *call);

#endif
