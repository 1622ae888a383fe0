/* Where a PE stands in the grids of its launch: cubes in rows and columns, and SIPs in rows and columns. Whoever
 * reduces along a line does it from both ends towards the middle, place count / 2. */
#ifndef WEFT_SIM_COLLECTIVE_LINES_H
#define WEFT_SIM_COLLECTIVE_LINES_H

#include "sim/collective/tree.h"

/* A line of PEs. */
typedef struct weft__line {
    uint32_t at, count;
    uint32_t root;          /* the place that is reduced to, from both ends; at first the middle one, count / 2 */
    tl_direction low, high; /* towards place 0, towards the last one */
} weft__line;

/* Ends the run unless the group of the PE is one PE of each cube of all SIPs, or, if it need not be all, of each cube
 * of this SIP; or all of the launch, which then has many such sets, each for itself. */
void weft__need_cubes(weft_tile *tl, bool is_all);

/* Along the row and along the column. They end the run if the cubes of a SIP are neither whole rows of its grid nor a
 * part of one row, or the SIPs of theirs. */
void weft__cube_lines(weft_tile *tl, weft__line out[2]);
void weft__sip_lines(weft_tile *tl, weft__line out[2]);

/* True if the launch has queues between SIPs. */
bool weft__has_sip_queues(const weft_tile *tl);

/* True if none of this ends the run: PEs stand in such lines, and have queues along them. All PEs are told the same. */
bool weft__has_lines(const weft_tile *tl);

/* The tree of those who reduce along the first line, its root along the second, and so forth. A PE's children are
 * those of the earlier lines first, on each the high one first: no more lie behind it than behind the other, if the
 * root is in the middle. Ends the run if a neighbour is missing. */
weft__tree weft__tree_of(weft_tile *tl, const weft__line *lines, uint32_t count);

#endif
