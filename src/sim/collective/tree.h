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

/* Writes the reduction of the sources of all PEs of a tree to the result, everywhere the same. Both are in a row, and
 * apart from each other. On each PE an element is joined with that of its first child, this with the one of its second,
 * and so forth; what the root has is the result. */
void weft__tree_reduce(weft_tile *tl, tl_reduction reduction, const weft__tree *tree, const tl_tensor *source,
                       const tl_tensor *result);

#endif
