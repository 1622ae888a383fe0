/* All-reduce with its root in the middle: of the rows of cubes, of the middle column, and then of SIPs likewise. */
#include "sim/collective/lines.h"

static tl_tensor all_reduce_centre(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    weft__line lines[4];
    weft__check_reduction(tl, reduction);
    weft__tile_check_local(tl, &tensor, "The tensor");
    weft__cube_lines(tl, &lines[0]);
    weft__sip_lines(tl, &lines[2]);
    weft__tree tree = weft__tree_of(tl, lines, 4);
    if (!tree.has_parent && tree.child_count == 0)
        return tensor;
    tl_tensor result = tl_empty(tl, tensor.shape, tensor.dtype);
    uint64_t mark = tl_mark(tl);
    tl_tensor source = weft__flat(tl, tensor), flat = weft__flat(tl, result);
    weft__tree_reduce(tl, reduction, &tree, &source, &flat);
    tl_release(tl, mark);
    return result;
}

/* ---- the calls ---- */

tl_tensor tl_all_reduce_centre(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    weft__tile_begin_collective(tl, "tl_all_reduce_centre", false);
    tl_tensor result = all_reduce_centre(tl, tensor, reduction);
    weft__tile_end_collective(tl);
    return result;
}
