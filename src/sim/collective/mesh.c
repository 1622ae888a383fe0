/* All-reduce whose shares have other roots each, so that all links and all PEs have as much to do.
 *
 * A tensor has a share for each place of the grid, and a share is reduced to its place and sent back from there as in
 * tl_all_reduce_centre(). A PE takes the shares in the order of their distance: on the way up the farthest first, whose
 * leaf it is; its own last. On the way down it is the other way round. What it sends at one distance, its neighbour
 * wants at the next.
 *
 * It never locks up, however few the slots: before a PE sends at one distance, it has posted all receives of the next.
 * So whoever waits for a message or a slot waits for somebody who is one distance behind. */
#include "base/size.h"
#include "sim/collective/lines.h"

#define LINES_MAX 4u

/* Messages that may be reduced while others are received. */
#define OPEN_MAX 3u

/* A message that is got ready for its parent, or is a result. */
typedef struct upward {
    bool is_reduced, has_parent;
    tl_command reduction; /* the last one */
    tl_direction parent;
    tl_tensor message;
} upward;

typedef struct mesh {
    weft_tile *tl;
    tl_reduction reduction;
    weft__line lines[LINES_MAX];
    uint32_t line_count;
    uint32_t shares;
    uint32_t depth; /* the largest distance between two places */
    tl_tensor source, result;
    uint64_t each; /* elements of a message */
    weft__sends sends;
    /* Of the receives of even and of odd distances. */
    tl_tensor buffers[2];
    uint64_t first[2]; /* the number of the first, among all receives of the PE */
    upward open[OPEN_MAX];
    uint64_t begun, done; /* messages on the way up */
    tl_tensor sums;       /* two for each open message */
} mesh;

/* ---- shares ---- */

static uint64_t share_first(const mesh *it, uint32_t share)
{
    return it->source.shape.extent[0] * share / it->shares;
}

static uint64_t share_messages(const mesh *it, uint32_t share)
{
    return weft__ceil_div(share_first(it, share + 1) - share_first(it, share), it->each);
}

static tl_tensor message_of(const mesh *it, const tl_tensor *flat, uint32_t share, uint64_t number)
{
    uint64_t begin = share_first(it, share) + number * it->each, left = share_first(it, share + 1) - begin;
    return weft__elements(flat, begin, left < it->each ? left : it->each);
}

static weft__tree tree_of(mesh *it, uint32_t share)
{
    for (uint32_t i = 0; i < it->line_count; i++) {
        it->lines[i].root = share % it->lines[i].count;
        share /= it->lines[i].count;
    }
    return weft__tree_of(it->tl, it->lines, it->line_count);
}

/* The next share at a distance, from `*share` on, and its tree. */
static bool find_share(mesh *it, uint32_t distance, uint32_t *share, weft__tree *out)
{
    for (; *share < it->shares; ++*share) {
        *out = tree_of(it, *share);
        if (out->depth == distance)
            return true;
    }
    return false;
}

static weft__ipcq_receive *receive_at(const mesh *it, uint32_t distance, uint64_t index)
{
    return weft__ipcq_receive_find(it->tl->run->ipcq, it->tl->pe, it->first[distance % 2] + index);
}

static void note_first(mesh *it, uint32_t distance)
{
    it->first[distance % 2] = weft__ipcq_receives(it->tl->run->ipcq, it->tl->pe) + 1;
}

/* ---- up ---- */

static void post_from_children(mesh *it, uint32_t distance)
{
    weft__tree tree;
    uint64_t index = 0;
    note_first(it, distance);
    for (uint32_t share = 0; find_share(it, distance, &share, &tree); share++)
        for (uint64_t number = 0; number < share_messages(it, share); number++)
            for (uint32_t child = 0; child < tree.child_count; child++) {
                uint64_t count = message_of(it, &it->source, share, number).shape.extent[0];
                tl_tensor into = weft__elements(&it->buffers[distance % 2], index++ * it->each, count);
                (void)weft__receive_into(it->tl, tree.children[child], into);
            }
}

/* The oldest of the messages that are got ready for their parents is: waits for its reduction, and sends it. */
static void finish_oldest(mesh *it)
{
    const upward *oldest = &it->open[it->done++ % OPEN_MAX];
    if (oldest->is_reduced)
        tl_wait(it->tl, oldest->reduction);
    if (oldest->has_parent)
        weft__send(it->tl, &it->sends, oldest->parent, oldest->message);
}

/* The place for a sum that further children will be added to. */
static tl_tensor between(const mesh *it, uint32_t child, uint64_t count)
{
    uint64_t place = it->begun % OPEN_MAX * 2 + child % 2;
    return weft__elements(&it->sums, place * it->each, count);
}

/* Joins the own elements with those of the children, whose receives are from `*index` on. */
static void begin_message(mesh *it, const weft__tree *tree, uint32_t share, uint64_t number, uint64_t *index)
{
    if (it->begun - it->done == OPEN_MAX)
        finish_oldest(it);
    upward message = {
        .has_parent = tree->has_parent, .parent = tree->parent, .message = message_of(it, &it->source, share, number)};
    for (uint32_t child = 0; child < tree->child_count; child++) {
        bool is_last = child + 1 == tree->child_count;
        tl_tensor next = weft__receive_take(it->tl, receive_at(it, tree->depth, (*index)++));
        tl_tensor into =
            is_last ? message_of(it, &it->result, share, number) : between(it, child, next.shape.extent[0]);
        if (message.is_reduced)
            tl_wait(it->tl, message.reduction);
        message.reduction = weft__reduce(it->tl, it->reduction, message.message, next, into);
        message.is_reduced = true;
        message.message = into;
    }
    it->open[it->begun++ % OPEN_MAX] = message;
}

static void go_up(mesh *it, uint32_t distance)
{
    weft__tree tree;
    uint64_t index = 0;
    for (uint32_t share = 0; find_share(it, distance, &share, &tree); share++)
        for (uint64_t number = 0; number < share_messages(it, share); number++)
            begin_message(it, &tree, share, number, &index);
    while (it->done < it->begun)
        finish_oldest(it);
}

/* ---- down ---- */

static void post_from_parents(mesh *it, uint32_t distance)
{
    weft__tree tree;
    note_first(it, distance);
    for (uint32_t share = 0; find_share(it, distance, &share, &tree); share++)
        for (uint64_t number = 0; number < share_messages(it, share); number++)
            (void)weft__receive_into(it->tl, tree.parent, message_of(it, &it->result, share, number));
}

static void go_down(mesh *it, uint32_t distance)
{
    weft__tree tree;
    uint64_t index = 0;
    for (uint32_t share = 0; find_share(it, distance, &share, &tree); share++)
        for (uint64_t number = 0; number < share_messages(it, share); number++) {
            tl_tensor message = message_of(it, &it->result, share, number);
            if (tree.has_parent)
                message = weft__receive_take(it->tl, receive_at(it, distance, index++));
            for (uint32_t child = 0; child < tree.child_count; child++)
                weft__send(it->tl, &it->sends, tree.children[child], message);
        }
}

/* ---- the whole ---- */

static void begin_mesh(mesh *it)
{
    it->shares = 1;
    weft__cube_lines(it->tl, &it->lines[0]);
    it->line_count = 2;
    if (weft__has_sip_queues(it->tl)) {
        weft__sip_lines(it->tl, &it->lines[2]);
        it->line_count = 4;
    }
    for (uint32_t i = 0; i < it->line_count; i++) {
        it->shares *= it->lines[i].count;
        it->depth += it->lines[i].count - 1;
    }
}

/* For all that is received at a distance. */
static void take_buffers(mesh *it)
{
    uint64_t largest = weft__ceil_div(it->source.shape.extent[0], it->shares), most[2] = {0};
    it->each = weft__message_elements(it->tl, it->source.dtype);
    it->each = largest < it->each ? largest : it->each;
    for (uint32_t distance = 0; distance <= it->depth; distance++) {
        weft__tree tree;
        uint64_t receives = 0;
        for (uint32_t share = 0; find_share(it, distance, &share, &tree); share++)
            receives += share_messages(it, share) * tree.child_count;
        most[distance % 2] = receives > most[distance % 2] ? receives : most[distance % 2];
    }
    for (uint32_t i = 0; i < 2; i++)
        if (most[i] > 0)
            it->buffers[i] = tl_empty(it->tl, weft_shape_1d(most[i] * it->each), it->source.dtype);
    it->sums = tl_empty(it->tl, weft_shape_1d((uint64_t)2 * OPEN_MAX * it->each), it->source.dtype);
}

static void run_mesh(mesh *it)
{
    post_from_children(it, it->depth);
    for (uint32_t distance = it->depth; distance > 0; distance--) {
        post_from_children(it, distance - 1);
        go_up(it, distance);
    }
    go_up(it, 0);
    /* What is on its way up is where the results go. */
    weft__sends_await(it->tl, &it->sends, it->sends.sent);
    for (uint32_t distance = 0; distance < it->depth; distance++) {
        post_from_parents(it, distance + 1);
        go_down(it, distance);
    }
    go_down(it, it->depth);
    weft__sends_await(it->tl, &it->sends, it->sends.sent);
}

tl_tensor weft__all_reduce_mesh(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    mesh it = {.tl = tl, .reduction = reduction};
    weft__tile_join_collective(tl, WEFT__PEERS_CUBES, weft__reduction_name(reduction), UINT32_MAX);
    weft__need_cubes(tl, weft__has_sip_queues(tl));
    begin_mesh(&it);
    if (it.shares == 1)
        return tensor;
    weft__result result = weft__result_begin(tl, tensor, tensor.shape);
    it.source = result.source;
    it.result = result.flat;
    take_buffers(&it);
    run_mesh(&it);
    return weft__result_end(tl, &result);
}

/* ---- the call ---- */

tl_tensor tl_all_reduce_mesh(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return weft__call_reducer(tl, "tl_all_reduce_mesh", weft__all_reduce_mesh, tensor, reduction);
}
