/* Reducing up a tree of PEs and down again, with messages on their way in both directions at once. */
#ifndef WEFT_SIM_COLLECTIVE_TREE_H
#define WEFT_SIM_COLLECTIVE_TREE_H

#include "sim/collective/messages.h"

#define WEFT__TREE_CHILDREN_MAX 8u

/* A PE in a tree. */
typedef struct weft__tree {
    bool has_parent;
    tl_direction parent;
    uint32_t depth; /* steps to the root */
    uint32_t child_count;
    tl_direction children[WEFT__TREE_CHILDREN_MAX];
} weft__tree;

/* The reduction of the tensors of all PEs of a tree, everywhere the same; the tensor itself for who is alone. On each
 * PE an element is joined with that of its first child, this with the one of its second, and so forth; what the root
 * has is the result. */
tl_tensor weft__tree_all_reduce(weft_tile *tl, tl_tensor tensor, tl_reduction reduction, const weft__tree *tree);

#endif
