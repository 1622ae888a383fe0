/* All-reduce with its root in the middle: of the rows of cubes, of the middle column, and then of SIPs likewise. */
#include "sim/collective/lines.h"

tl_tensor weft__all_reduce_centre(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    weft__line lines[4];
    weft__tile_join_collective(tl, WEFT__PEERS_CUBES, weft__reduction_name(reduction), UINT32_MAX);
    weft__need_cubes(tl, true);
    weft__cube_lines(tl, &lines[0]);
    weft__sip_lines(tl, &lines[2]);
    weft__tree tree = weft__tree_of(tl, lines, 4);
    return weft__tree_all_reduce(tl, tensor, reduction, &tree);
}

/* ---- the call ---- */

tl_tensor tl_all_reduce_centre(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return weft__call_reducer(tl, "tl_all_reduce_centre", weft__all_reduce_centre, tensor, reduction);
}
