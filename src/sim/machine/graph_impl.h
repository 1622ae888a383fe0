/* What the files that build and search a graph share. */
#ifndef WEFT_SIM_MACHINE_GRAPH_IMPL_H
#define WEFT_SIM_MACHINE_GRAPH_IMPL_H

#include "sim/machine/graph.h"

static inline uint32_t weft__place_index(const weft__cube_spec *cube, weft__place place)
{
    return place.row * cube->columns + place.column;
}

/* Phys of the IO chiplet of each SIP. */
uint32_t weft__graph_phys(const weft__machine_spec *spec);

/* The cube that the phys of a unit, "phy2.c0" to "phy2.c3" say, lead to. */
uint32_t weft__graph_cube_of_phy(const weft__sip_spec *sip, uint32_t phy);

/* The first node of a cube; its routers come first. */
uint32_t weft__graph_first_of_cube(const weft__graph *graph, uint32_t sip, uint32_t cube);

/* Makes all links between the nodes, which are there already. Fails for memory alone. */
weft_status weft__graph_join(weft__graph *graph, weft_error *err);

/* Links from router to router on the way to the place `to`, by place; WEFT__NODE_NONE for holes and where no way is.
 * `queue` has room for all places. */
void weft__graph_hops(const weft__graph *graph, uint32_t to, uint32_t *hops, uint32_t *queue);

#endif
