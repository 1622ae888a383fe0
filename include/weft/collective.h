/* Collectives: what PEs do together. They are subroutines of tile kernels, made of the queues, composite commands and
 * scratch memory of <weft/tile.h>; so they take the time that their messages and reductions take.
 *
 * All PEs that take part must call the same, with one reduction or root and tensors of one shape and dtype in TL_TCM,
 * in the same order; collectives of a group and those between cubes have an order each. Results are new tensors in
 * scratch memory, and nothing else of it is in use afterwards; operands stay as they are, and may be views. Who has
 * nothing to do, because he is alone or the root of a broadcast, gets the operand itself, at no cost.
 *
 * Messages. A tensor of any size is cut into messages of at most `pe.ipcq.slot_bytes`, and these are under way while
 * others are sent, received and reduced; the size of a slot and the number of slots change the time, never the result.
 * None of it can lock up, however few slots there are, if nothing else is sent along its queues meanwhile.
 *
 * Numbers. Every PE gets the same bits. An element is reduced by one command after another, in the order that stands
 * with each collective, and rounded to its dtype each time; integers saturate. Which PE asks and how long things take
 * does not matter.
 *
 * Those on rings work along TL_NEXT of the group (WEFT_QUEUES_RING), in order of TL_AXIS_RANK. Of a tensor, counted in
 * elements in row-major order, share c of n is that from elements * c / n on, to where the next one begins.
 *
 * Errors. A message of a collective that something else receives is WEFT_INVALID_STATE, and so is one of something else
 * that a collective receives: of another collective, of the same with another reduction, root or place in the order, or
 * of tl_send(). The sentence names both, and it takes no values to find it. Calls that differ and whose messages never
 * meet leave PEs that wait, or messages that nobody has received.
 * Queues that a collective needs and the launch did not ask for are WEFT_NOT_FOUND, PEs that do not stand as it needs
 * them WEFT_UNSUPPORTED, messages of another size than expected WEFT_SHAPE_MISMATCH, and no room in scratch memory is
 * WEFT_OUT_OF_MEMORY; each names what is missing. All of them end the run. */
#ifndef WEFT_COLLECTIVE_H
#define WEFT_COLLECTIVE_H

#include <weft/sim.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How elements are joined: by tl_add(), tl_maximum() or tl_minimum(). Values are pinned. */
typedef enum tl_reduction {
    TL_REDUCE_SUM = 0,
    TL_REDUCE_MAX = 1,
    TL_REDUCE_MIN = 2
} tl_reduction;

/** Element by element over all PEs of the group, for every one of them, in one of the ways below, whichever should be
 *  the fastest. A group that has one PE of each cube of the launch, and queues between cubes and SIPs, takes the centre
 *  for a message and for fewer messages than an eighth of the cubes, else the mesh. Others take the ring or the tree,
 *  what there is; and if there are both, the tree for up to eight messages, in a single cube only for a quarter of one
 *  and more than four PEs. The machine, the launch and the tensor alone decide. Needs what the chosen way needs. */
WEFT_API tl_tensor tl_all_reduce(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);

/** Element by element over all PEs of the group, for every one of them. A ring: each rank reduces its share while
 *  shares go round once, and they go round a second time; 2 (n - 1) steps of 1 / n of the tensor, which take
 *  2 (n - 1) / n * bytes / bandwidth if the tensor is large and reductions are faster than the link. Share c begins
 *  with the elements of rank c + 1, to which those of ranks c + 2, c + 3 ... and at last c are joined, round the ring.
 *  Needs the result and six messages of scratch memory. */
WEFT_API tl_tensor tl_all_reduce_ring(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);

/** The same up the tree of the group and down again (WEFT_QUEUES_TREE), for tensors of a few messages. A PE joins to
 * its own elements what comes from its left child, then from its right one. Needs the result and up to thirteen
 * messages.
 */
WEFT_API tl_tensor tl_all_reduce_tree(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);

/** Element by element over one PE of each cube of all SIPs of the launch (WEFT_QUEUES_CUBES, and WEFT_QUEUES_SIPS where
 * there is more than one SIP), for tensors of a few messages: the shortest way. Along the rows of cubes to the centre
 * column, along that to the centre cube, from both sides at once; in the same way between the centre cubes of the SIPs,
 * along rows, then columns; and back. The centre of n in a line is place n / 2. A PE joins to its own elements what
 * comes from the east, then from the west, the south, the north, and from SIPs in the same order.
 *
 *  The PEs of a cube, one of each number, do it each for itself. That is what a group of the launch does which has one
 *  PE of each cube, a group_stride of the PEs of a cube and a group_size of the cubes; with groups that are the PEs of
 *  a cube each it is what goes on between groups; and a launch may have none. Other groups are WEFT_UNSUPPORTED;
 *  tl_all_reduce_ring() and tl_all_reduce_tree() go with any. The cubes of a SIP must be whole rows
 *  of its grid or a part of one row, and so must the SIPs. Needs the result and up to five messages for each
 *  neighbour. */
WEFT_API tl_tensor tl_all_reduce_centre(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);

/** The same over the same PEs, for tensors of many messages: all links and all PEs do as much. The tensor has a share
 *  for each cube, counted along the rows, and each share is reduced to its cube and sent back from there as
 *  tl_all_reduce_centre() does it to the centre. With WEFT_QUEUES_SIPS over all SIPs, which then have shares in the
 *  same way, counted SIP by SIP; without, over the cubes of each SIP, which groups of the launch must be then, if it
 *  has some. Needs about three times the result. */
WEFT_API tl_tensor tl_all_reduce_mesh(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);

/** The tensors of the group's ranks, one behind another along the first axis, which they must have: n - 1 steps of a
 *  ring. */
WEFT_API tl_tensor tl_all_gather(weft_tile *tl, tl_tensor tensor);

/** The share of this rank of the tensors' reduction: rows rank * rows / n on, of rows / n. The rows must be a multiple
 *  of the ranks, else WEFT_SHAPE_MISMATCH. The first n - 1 steps of tl_all_reduce_ring(), in the same order. Needs the
 *  result twice, and some twenty messages. */
WEFT_API tl_tensor tl_reduce_scatter(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);

/** The tensor of the rank @p root. The others give one of the same shape and dtype, whose elements do not matter. Along
 *  the tree (WEFT_QUEUES_TREE), from wherever the root is in it to all sides. WEFT_OUT_OF_RANGE for a root that is no
 *  rank. */
WEFT_API tl_tensor tl_broadcast(weft_tile *tl, tl_tensor tensor, uint32_t root);

/** Returns when all PEs of the group have called it: messages of one element up the tree and down again
 *  (WEFT_QUEUES_TREE). What they wait here is WEFT_PE_TIME_BARRIER. */
WEFT_API void tl_barrier(weft_tile *tl);

#ifdef __cplusplus
}
#endif
#endif
