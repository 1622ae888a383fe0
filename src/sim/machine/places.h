/* Where the parts of a machine are in a picture of all of it: one plane, y downwards, and routers of a cube 1 apart.
 *
 * A SIP is its grid of cubes with the IO chiplet on its side; SIPs stand side by side, or as their torus or mesh has
 * them, with the switch and the host above. What hangs at a router stands beside it. Nothing here means distances of
 * the machine, which the specification has in millimetres. */
#ifndef WEFT_SIM_MACHINE_PLACES_H
#define WEFT_SIM_MACHINE_PLACES_H

#include "sim/machine/graph.h"

typedef struct weft__point {
    double x, y;
} weft__point;

typedef struct weft__area {
    double x, y, width, height;
} weft__area;

weft__point weft__place_of_node(const weft__graph *graph, uint32_t node);

weft__area weft__area_of_sip(const weft__graph *graph, uint32_t sip);
weft__area weft__area_of_cube(const weft__graph *graph, uint32_t sip, uint32_t cube);
weft__area weft__area_of_io(const weft__graph *graph, uint32_t sip);

/* "mesh", "ucie", "pe", "hbm", "sram", "control", "pcie", "sip" (between two SIPs) or "io" (in the chiplet). */
const char *weft__link_kind(const weft__graph *graph, uint32_t link);

#endif
