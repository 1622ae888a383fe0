/* Why it never locks up, however few the slots: what a PE does goes through one list, message by message, up and then
 * down, with the way down some messages late. That `lag` is no less in a child than in its parent. So whatever is
 * waited for, a message or a slot, is made by a step that comes earlier in the list of another PE, or by one that comes
 * as early and is nearer to the leaves on the way up, nearer to the root on the way down; of these there is always one
 * that waits for nothing. On the way down nobody waits for slots, because a receive is posted before the message is
 * sent up that it answers. */
#include "sim/collective/tree.h"

#include "base/size.h"

/* Receives from each child that are posted, and messages of partial results that may not have been read. */
#define POSTED_MAX 4u
#define PARTIALS_MAX 4u
/* Messages that may have been sent up before the first one comes down. */
#define LAG_MAX 64u

typedef struct passage {
    weft_tile *tl;
    tl_reduction reduction;
    const weft__tree *tree;
    const tl_tensor *source, *result;
    uint64_t each, messages;
    uint64_t posted_most, partials, lag;
    tl_tensor buffers, partial;
    weft__ipcq_receive *from_children[WEFT__TREE_CHILDREN_MAX][POSTED_MAX]; /* by number */
    weft__ipcq_receive *from_parent[LAG_MAX + 1];
    weft__sends sends;
    uint64_t sent_up[PARTIALS_MAX]; /* how many messages had been sent with this one */
} passage;

static uint64_t message_elements(const passage *it, uint64_t number)
{
    uint64_t left = it->source->shape.extent[0] - number * it->each;
    return left < it->each ? left : it->each;
}

static tl_tensor message_of(const passage *it, const tl_tensor *flat, uint64_t number)
{
    return weft__elements(flat, number * it->each, message_elements(it, number));
}

/* ---- up ---- */

static void post_from_children(passage *it, uint64_t number)
{
    if (number >= it->messages)
        return;
    for (uint32_t child = 0; child < it->tree->child_count; child++) {
        uint64_t place = child * it->posted_most + number % it->posted_most;
        tl_tensor into = weft__elements(&it->buffers, place * it->each, message_elements(it, number));
        it->from_children[child][number % it->posted_most] =
            weft__receive_into(it->tl, it->tree->children[child], into);
    }
}

static void join_children(passage *it, uint64_t number, tl_tensor place)
{
    tl_tensor joined = message_of(it, it->source, number);
    uint64_t mark = tl_mark(it->tl);
    for (uint32_t child = 0; child < it->tree->child_count; child++) {
        tl_tensor message = weft__receive_take(it->tl, it->from_children[child][number % it->posted_most]);
        bool is_last = child + 1 == it->tree->child_count;
        tl_tensor into = is_last ? place : tl_empty(it->tl, place.shape, place.dtype);
        tl_wait(it->tl, weft__reduce(it->tl, it->reduction, joined, message, into));
        joined = into;
    }
    tl_release(it->tl, mark);
    post_from_children(it, number + it->posted_most);
}

static void go_up(passage *it, uint64_t number)
{
    if (!it->tree->has_parent) {
        join_children(it, number, message_of(it, it->result, number));
        return;
    }
    it->from_parent[number % (LAG_MAX + 1)] =
        weft__receive_into(it->tl, it->tree->parent, message_of(it, it->result, number));
    tl_tensor joined = message_of(it, it->source, number);
    if (it->tree->child_count > 0) {
        uint64_t place = number % it->partials;
        joined = weft__elements(&it->partial, place * it->each, message_elements(it, number));
        weft__sends_await(it->tl, &it->sends, it->sent_up[place]);
        join_children(it, number, joined);
        it->sent_up[place] = it->sends.sent + 1;
    }
    weft__send(it->tl, &it->sends, it->tree->parent, joined);
}

/* ---- down ---- */

/* To the last child first: behind it are the most. */
static void go_down(passage *it, uint64_t number)
{
    tl_tensor message = message_of(it, it->result, number);
    if (it->tree->has_parent)
        message = weft__receive_take(it->tl, it->from_parent[number % (LAG_MAX + 1)]);
    for (uint32_t child = it->tree->child_count; child-- > 0;)
        weft__send(it->tl, &it->sends, it->tree->children[child], message);
}

/* ---- the whole ---- */

static void begin_passage(passage *it)
{
    uint64_t elements = it->source->shape.extent[0], children = it->tree->child_count;
    weft_dtype dtype = it->source->dtype;
    it->each = weft__message_elements(it->tl, dtype);
    it->each = elements < it->each ? elements : it->each;
    it->messages = weft__ceil_div(elements, it->each);
    /* Between a PE and the root are as many messages as all slots there can hold, both ways. */
    it->lag = (uint64_t)2 * it->tree->depth * tl_slots(it->tl);
    it->lag = it->lag < LAG_MAX ? it->lag : LAG_MAX;
    it->posted_most = it->messages < POSTED_MAX ? it->messages : POSTED_MAX;
    it->partials = it->messages < PARTIALS_MAX ? it->messages : PARTIALS_MAX;
    if (children > 0)
        it->buffers = tl_empty(it->tl, weft_shape_1d(children * it->posted_most * it->each), dtype);
    if (children > 0 && it->tree->has_parent)
        it->partial = tl_empty(it->tl, weft_shape_1d(it->partials * it->each), dtype);
    for (uint64_t number = 0; number < it->posted_most; number++)
        post_from_children(it, number);
}

tl_tensor weft__tree_all_reduce(weft_tile *tl, tl_tensor tensor, tl_reduction reduction, const weft__tree *tree)
{
    if (!tree->has_parent && tree->child_count == 0)
        return tensor;
    weft__result result = weft__result_begin(tl, tensor, tensor.shape);
    passage it = {.tl = tl, .reduction = reduction, .tree = tree, .source = &result.source, .result = &result.flat};
    begin_passage(&it);
    for (uint64_t step = 0; step < it.messages + it.lag; step++) {
        if (step < it.messages)
            go_up(&it, step);
        if (step >= it.lag)
            go_down(&it, step - it.lag);
    }
    weft__sends_await(tl, &it.sends, it.sends.sent);
    return weft__result_end(tl, &result);
}
