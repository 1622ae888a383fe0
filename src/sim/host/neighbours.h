/* Who is whose neighbour: the tables by which the queues of a launch are laid.
 *
 * Among cubes: the PE of the same number in the next cube of the SIP's grid, without wrap. Among the PEs of a cube: the
 * next PE in the same row of routers, or column, however many routers lie between; without wrap. Among SIPs, the PE of
 * the same cube and number: in a ring, or where the SIPs are joined by the switch alone, east and west with wrap; in a
 * torus of rows x columns all four with wrap, in a mesh without. Ring and tree: the ranks of a group.
 *
 * Only PEs of the launch are neighbours, and nobody is his own: where that would be, there is no neighbour. Each queue
 * has its way back: who is east of somebody has him in the west. In a ring of two, the other is on both sides, by two
 * queues. Pure functions; any thread. */
#ifndef WEFT_SIM_HOST_NEIGHBOURS_H
#define WEFT_SIM_HOST_NEIGHBOURS_H

#include "sim/machine/graph.h"
#include "sim/pe/ipcq.h"

/* The PEs of a launch, in ascending order of their places among those of the machine, and their groups. */
typedef struct weft__neighbourhood {
    const weft__graph *graph;
    const uint32_t *pes; /* `count` of them, each once */
    uint32_t count;
    uint32_t group_size, group_stride; /* as in weft_launch_options; not 0 */
    uint32_t queues;                   /* WEFT_QUEUES_... */
} weft__neighbourhood;

/* The place in the launch of the neighbour of the PE at `index`; WEFT__NODE_NONE if there is none. */
uint32_t weft__neighbour_of(const weft__neighbourhood *all, uint32_t index, tl_direction direction);

/* The direction from which a neighbour receives what this PE sends towards `direction`. */
tl_direction weft__neighbour_way_back(const weft__neighbourhood *all, uint32_t index, tl_direction direction);

/* All queues, malloc'ed, the caller's; *out_count of them, by ascending PE and direction. */
weft_status weft__neighbours_list(const weft__neighbourhood *all, weft__ipcq_pair **out, size_t *out_count,
                                  weft_error *err);

#endif
