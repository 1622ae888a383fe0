#include <stdlib.h>

#include "base/status.h"
#include "text/merges.h"

static bool is_before(const weft__bpe_candidate *a, const weft__bpe_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->position < b->position;
}

static void sift_up(weft__bpe *bpe, size_t index)
{
    weft__bpe_candidate moved = bpe->heap[index];
    while (index > 0 && is_before(&moved, &bpe->heap[(index - 1) / 2])) {
        bpe->heap[index] = bpe->heap[(index - 1) / 2];
        index = (index - 1) / 2;
    }
    bpe->heap[index] = moved;
}

static void sift_down(weft__bpe *bpe, size_t index)
{
    weft__bpe_candidate moved = bpe->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= bpe->heap_count)
            break;
        if (child + 1 < bpe->heap_count && is_before(&bpe->heap[child + 1], &bpe->heap[child]))
            child++;
        if (!is_before(&bpe->heap[child], &moved))
            break;
        bpe->heap[index] = bpe->heap[child];
        index = child;
    }
    bpe->heap[index] = moved;
}

/* Enters the merge of the symbol at `position` with the one after it, if there is such a merge. */
static void consider(weft__bpe *bpe, const weft__merges *merges, uint32_t position)
{
    const weft__bpe_symbol *left = &bpe->symbols[position];
    if (left->next == WEFT__BPE_END)
        return;
    int32_t right = bpe->symbols[left->next].id;
    const weft__merge *merge = weft__merges_find(merges, left->id, right);
    if (!merge)
        return;
    bpe->heap[bpe->heap_count] =
        (weft__bpe_candidate){.rank = merge->rank, .position = position, .left = left->id, .right = right};
    sift_up(bpe, bpe->heap_count++);
}

static weft__bpe_candidate pop(weft__bpe *bpe)
{
    weft__bpe_candidate top = bpe->heap[0];
    bpe->heap[0] = bpe->heap[--bpe->heap_count];
    if (bpe->heap_count > 0)
        sift_down(bpe, 0);
    return top;
}

/* Each merge takes one candidate out and enters two, and there are fewer merges than bytes: 2n candidates are enough.
 */
static weft_status reserve(weft__bpe *bpe, size_t bytes, weft_error *err)
{
    if (bytes <= bpe->symbols_capacity)
        return WEFT_OK;
    size_t capacity = bytes < 256 ? 256 : bytes + bytes / 2;
    weft__bpe_free(bpe); /* nothing of the last piece is needed */
    bpe->symbols = malloc(capacity * sizeof *bpe->symbols);
    bpe->heap = malloc(2 * capacity * sizeof *bpe->heap);
    if (!bpe->symbols || !bpe->heap)
        return weft__fail_memory(err, capacity * (sizeof *bpe->symbols + 2 * sizeof *bpe->heap),
                                 "the merging of a piece of text");
    bpe->symbols_capacity = capacity;
    return WEFT_OK;
}

weft_status weft__bpe_encode(weft__bpe *bpe, const weft__merges *merges, const weft__vocab *vocab, const char *piece,
                             size_t bytes, weft_error *err)
{
    weft_status status = reserve(bpe, bytes, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t i = 0; i < (uint32_t)bytes; i++)
        bpe->symbols[i] = (weft__bpe_symbol){.id = vocab->byte_ids[(unsigned char)piece[i]],
                                             .previous = i == 0 ? WEFT__BPE_END : i - 1,
                                             .next = i + 1 == bytes ? WEFT__BPE_END : i + 1};
    bpe->heap_count = 0;
    for (uint32_t i = 0; i < (uint32_t)bytes; i++)
        consider(bpe, merges, i);
    while (bpe->heap_count > 0) {
        weft__bpe_candidate best = pop(bpe);
        weft__bpe_symbol *left = &bpe->symbols[best.position];
        /* A candidate whose symbols have changed since it was entered is out of date. */
        if (left->id != best.left || left->next == WEFT__BPE_END || bpe->symbols[left->next].id != best.right)
            continue;
        const weft__merge *merge = weft__merges_find(merges, best.left, best.right);
        bpe->symbols[left->next].id = -1;
        left->id = merge->merged;
        left->next = bpe->symbols[left->next].next;
        if (left->next != WEFT__BPE_END)
            bpe->symbols[left->next].previous = best.position;
        if (left->previous != WEFT__BPE_END)
            consider(bpe, merges, left->previous);
        consider(bpe, merges, best.position);
    }
    return WEFT_OK;
}

void weft__bpe_free(weft__bpe *bpe)
{
    free(bpe->symbols);
    free(bpe->heap);
    *bpe = (weft__bpe){0};
}
