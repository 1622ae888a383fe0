/* All-reduce up and down the tree of a group, and the choice among all of them. */
#include <inttypes.h>

#include "base/size.h"
#include "sim/collective/lines.h"

/* ---- the tree ---- */

tl_tensor weft__all_reduce_tree(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    static const tl_direction children[] = {TL_LEFT_CHILD, TL_RIGHT_CHILD};
    uint64_t rank = tl_program_id(tl, TL_AXIS_RANK), size = tl_num_programs(tl, TL_AXIS_RANK);
    weft__tree tree = {.has_parent = rank > 0, .parent = TL_PARENT};
    weft__tile_join_collective(tl, WEFT__PEERS_GROUP, weft__reduction_name(reduction), UINT32_MAX);
    for (uint64_t above = rank; above > 0; above = (above - 1) / 2)
        tree.depth++;
    for (uint32_t i = 0; i < 2; i++)
        if (2 * rank + i + 1 < size)
            tree.children[tree.child_count++] = children[i];
    if (tree.has_parent)
        weft__tile_need_neighbour(tl, TL_PARENT);
    for (uint32_t i = 0; i < tree.child_count; i++)
        weft__tile_need_neighbour(tl, tree.children[i]);
    return weft__tree_all_reduce(tl, tensor, reduction, &tree);
}

/* ---- the choice ---- */

/* Where one way becomes faster than another, as measured on the machines two-sip and six-sip-torus; no PE may see
 * anything of it in another way than the others of its group. */
#define MESH_SHARES 8u   /* shares that a message must be there for, that the mesh pays */
#define TREE_MESSAGES 8u /* that a ring through several cubes is slower for than a tree */
#define TREE_PART 4u     /* of a message: the same in one cube, */
#define TREE_SIZE 5u     /* for as many PEs at least */

/* How the PEs of a group lie. */
static uint64_t pes_in_cube(const weft_tile *tl)
{
    return tl_num_programs(tl, TL_AXIS_PE);
}

static bool is_in_cube(const weft_tile *tl)
{
    uint64_t together = (uint64_t)tl->run->request.group_size * tl->run->request.group_stride;
    return pes_in_cube(tl) % together == 0;
}

/* One PE of each cube of all SIPs: PEs of a cube follow one another, and each of them is of another group. */
static bool is_across_cubes(const weft_tile *tl)
{
    uint64_t cubes = (uint64_t)tl_num_programs(tl, TL_AXIS_CUBE) * tl_num_programs(tl, TL_AXIS_SIP);
    return tl->run->request.group_stride == pes_in_cube(tl) && tl->run->request.group_size == cubes;
}

static bool is_tree_faster(const weft_tile *tl, uint64_t bytes)
{
    if (is_in_cube(tl))
        return tl->run->request.group_size >= TREE_SIZE && bytes * TREE_PART <= tl_slot_bytes(tl);
    return bytes <= TREE_MESSAGES * tl_slot_bytes(tl);
}

static weft__reducer *choose(weft_tile *tl, const tl_tensor *tensor)
{
    uint64_t bytes = weft_shape_elements(&tensor->shape) * weft_dtype_bytes(tensor->dtype);
    uint64_t messages = weft__ceil_div(bytes, tl_slot_bytes(tl)), size = tl->run->request.group_size;
    if (is_across_cubes(tl) && weft__has_lines(tl))
        return messages > 1 && messages * MESH_SHARES >= size ? weft__all_reduce_mesh : weft__all_reduce_centre;
    bool has_ring = tl_has_neighbour(tl, TL_NEXT);
    bool has_tree = tl_has_neighbour(tl, TL_PARENT) || tl_has_neighbour(tl, TL_LEFT_CHILD);
    if (has_tree && (!has_ring || is_tree_faster(tl, bytes)))
        return weft__all_reduce_tree;
    if (has_ring)
        return weft__all_reduce_ring;
    weft__tile_fail(tl, WEFT_NOT_FOUND,
                    "There are no queues among the %" PRIu64
                    " PEs of the group: weft_launch_options.queues must ask for "
                    "WEFT_QUEUES_RING, WEFT_QUEUES_TREE, or, across cubes, WEFT_QUEUES_CUBES and WEFT_QUEUES_SIPS.",
                    size);
}

static tl_tensor all_reduce(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return tl_num_programs(tl, TL_AXIS_RANK) == 1 ? tensor : choose(tl, &tensor)(tl, tensor, reduction);
}

/* ---- the calls ---- */

tl_tensor tl_all_reduce_tree(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return weft__call_reducer(tl, "tl_all_reduce_tree", weft__all_reduce_tree, tensor, reduction);
}

tl_tensor tl_all_reduce(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return weft__call_reducer(tl, "tl_all_reduce", all_reduce, tensor, reduction);
}
