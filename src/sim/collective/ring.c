/* Collectives along the ring of a group.
 *
 * A tensor has a share for each rank. Shares go round, in messages: a rank sends one share, receives the one before it
 * in number, sends that on, and so forth. While shares are reduced, what a rank sends on is the reduction of what came
 * with its own elements. So share c begins at rank c + 1, which sends its own elements; ranks c + 2, c + 3 ... join
 * theirs to it, in this order; rank c has it whole. From there it goes round once more, as it is.
 *
 * Both the messages that a rank sends and those that it receives are one long sequence, in the order of steps, and the
 * receives lag behind the sends by one share. A rank sends when the data are there, unless it is `ahead` of its own
 * receives; else it handles a receive, of which some are always posted. This never locks up, however few the slots:
 * suppose that all ranks wait. One that waits for a slot waits for a rank that has handled fewer receives than itself,
 * as long as `ahead` is no more than slots and posted receives together. One that waits for a message waits for a rank
 * that waits for a message itself, for its posted receives would take one that is under way, and which has handled
 * fewer as well. Around the ring that cannot be. */
#include <inttypes.h>

#include "base/size.h"
#include "sim/collective/messages.h"

/* Receives that are posted or whose messages are being reduced; of these no more than so many. */
#define POSTED_MAX 6u
#define OPEN_MAX 2u

/* A message of a sequence: share by share downwards. */
typedef struct place {
    uint32_t step, share;
    uint64_t message; /* of the share */
} place;

typedef struct ring {
    weft_tile *tl;
    uint32_t rank, size;
    tl_reduction reduction;
    uint32_t reductions; /* steps whose receives are reduced; the last of them completes this rank's own share */
    uint32_t steps;
    bool keeps_all;           /* the result has all shares, else this rank's */
    tl_tensor source, result; /* in a row */
    uint64_t source_first;    /* the element of the whole that is first in the source */
    uint64_t elements;        /* of the whole */
    uint64_t each;            /* elements of a message */
    tl_tensor buffers;        /* for messages to be reduced */
    tl_tensor partial;        /* for what is reduced and has no place in the result */
    uint64_t partials;        /* messages that it has room for */

    weft__sends sends;
    weft__ipcq_receive *receives[POSTED_MAX]; /* by their number among `posted` */
    uint64_t own;                             /* messages that are sent from the source */
    tl_command reduced[OPEN_MAX + 1];         /* by the number of their receive */
    uint64_t posted_most, open_most, ahead;
    uint64_t whole;                 /* messages of all shares together */
    uint64_t posted, handled, done; /* receives; reductions of those between handled and done are under way */
    place to_send, to_post, to_handle;
} ring;

/* ---- shares and messages ---- */

static uint64_t share_first(const ring *it, uint32_t share)
{
    return it->elements * share / it->size;
}

static uint64_t share_elements(const ring *it, uint32_t share)
{
    return share_first(it, share + 1) - share_first(it, share);
}

static uint64_t share_messages(const ring *it, uint32_t share)
{
    return weft__ceil_div(share_elements(it, share), it->each);
}

static bool is_over(const ring *it, const place *at)
{
    return at->step == it->steps;
}

/* Passes over shares without elements. */
static void settle(const ring *it, place *at)
{
    while (!is_over(it, at) && at->message == share_messages(it, at->share)) {
        at->step++;
        at->share = (at->share + it->size - 1) % it->size;
        at->message = 0;
    }
}

static void advance(const ring *it, place *at)
{
    at->message++;
    settle(it, at);
}

static uint64_t message_first(const ring *it, const place *at)
{
    return share_first(it, at->share) + at->message * it->each;
}

static uint64_t message_elements(const ring *it, const place *at)
{
    uint64_t left = share_elements(it, at->share) - at->message * it->each;
    return left < it->each ? left : it->each;
}

/* ---- places ---- */

static tl_tensor in_source(const ring *it, const place *at)
{
    return weft__elements(&it->source, message_first(it, at) - it->source_first, message_elements(it, at));
}

/* Where the receive with this number of the whole sequence ends up. */
static tl_tensor in_result(const ring *it, const place *at, uint64_t number)
{
    uint64_t count = message_elements(it, at);
    if (it->keeps_all)
        return weft__elements(&it->result, message_first(it, at), count);
    if (at->step + 1 < it->reductions)
        return weft__elements(&it->partial, number % it->partials * it->each, count);
    return weft__elements(&it->result, message_first(it, at) - share_first(it, it->rank), count);
}

/* ---- one message ---- */

/* Posts the next receive, if its place is free. */
static bool post_next(ring *it)
{
    const place *at = &it->to_post;
    if (is_over(it, at) || it->posted - it->done == it->posted_most)
        return false;
    tl_tensor into;
    if (at->step < it->reductions) {
        into = weft__elements(&it->buffers, it->posted % it->posted_most * it->each, message_elements(it, at));
    } else {
        /* One round before, what was reduced of the same message was sent on from there. */
        uint64_t sent_on = it->reductions && it->posted >= it->whole ? it->own + it->posted - it->whole + 1 : 0;
        if (sent_on > it->sends.sent)
            return false;
        weft__sends_await(it->tl, &it->sends, sent_on);
        into = in_result(it, at, it->posted);
    }
    it->receives[it->posted++ % it->posted_most] = weft__receive_into(it->tl, TL_PREVIOUS, into);
    advance(it, &it->to_post);
    return true;
}

static void post_all(ring *it)
{
    while (post_next(it))
        ;
}

/* Waits for the reductions of the first receives. */
static void finish(ring *it, uint64_t receives)
{
    for (; it->done < receives; it->done++)
        tl_wait(it->tl, it->reduced[it->done % (OPEN_MAX + 1)]);
}

static void send_next(ring *it)
{
    const place *at = &it->to_send;
    uint64_t receive = it->sends.sent - it->own; /* that is sent on, after the first share */
    tl_tensor message =
        at->step == 0 ? in_source(it, at) : in_result(it, &(place){at->step - 1, at->share, at->message}, receive);
    if (at->step > 0)
        finish(it, receive + 1);
    weft__send(it->tl, &it->sends, TL_NEXT, message);
    advance(it, &it->to_send);
    post_all(it);
}

static void handle_next(ring *it)
{
    const place *at = &it->to_handle;
    tl_tensor message = weft__receive_take(it->tl, it->receives[it->handled % it->posted_most]);
    if (at->step < it->reductions) {
        tl_tensor into = in_result(it, at, it->handled);
        it->reduced[it->handled % (OPEN_MAX + 1)] =
            weft__reduce(it->tl, it->reduction, message, in_source(it, at), into);
        it->handled++;
        finish(it, it->handled > it->open_most ? it->handled - it->open_most : 0);
    } else {
        finish(it, it->handled);
        it->done = ++it->handled;
    }
    advance(it, &it->to_handle);
    post_all(it);
}

/* ---- the whole ---- */

/* Buffers, and where the sequences begin: with this share the sends. */
static void begin_ring(ring *it, uint32_t first_share)
{
    weft_dtype dtype = it->source.dtype;
    it->each = weft__message_elements(it->tl, dtype);
    it->to_send.share = first_share;
    it->to_post.share = (first_share + it->size - 1) % it->size;
    it->own = share_messages(it, first_share);
    uint64_t largest = (it->elements - 1) / it->size + 1;
    uint64_t shares = weft__ceil_div(largest, it->each);
    for (uint32_t share = 0; share < it->size; share++)
        it->whole += share_messages(it, share);
    /* Less than a round, so that what was sent on from a place has been when a receive to it is posted. */
    it->posted_most = it->whole > POSTED_MAX ? POSTED_MAX : it->whole > 1 ? it->whole - 1 : 1;
    it->open_most = it->posted_most > OPEN_MAX ? OPEN_MAX : it->posted_most - 1;
    /* Not as far as slots and receives would do: who waits for a slot cannot handle what has come meanwhile. */
    uint64_t slots = tl_slots(it->tl);
    it->ahead = it->posted_most - it->open_most + (slots < it->open_most ? slots : it->open_most);
    it->each = largest < it->each ? largest : it->each;
    if (it->reductions)
        it->buffers = tl_empty(it->tl, weft_shape_1d(it->posted_most * it->each), dtype);
    if (it->reductions > 1 && !it->keeps_all) {
        /* What may have been reduced and not sent while the source goes out, a share at most, and what may have been
         * sent and not waited for: so whatever lies in a place has been read when the next message comes there. */
        it->partials = shares + WEFT__SENDS_OPEN;
        it->partial = tl_empty(it->tl, weft_shape_1d(it->partials * it->each), dtype);
    }
    settle(it, &it->to_send);
    settle(it, &it->to_post);
    it->to_handle = it->to_post;
}

static void run_ring(ring *it, uint32_t first_share)
{
    begin_ring(it, first_share);
    post_all(it);
    while (!is_over(it, &it->to_send) || !is_over(it, &it->to_handle)) {
        uint64_t sent = it->sends.sent;
        bool is_last = is_over(it, &it->to_handle);
        bool has_data = sent < it->own + it->handled;
        if (!is_over(it, &it->to_send) && has_data && (is_last || sent < it->handled + it->ahead))
            send_next(it);
        else
            handle_next(it);
    }
    finish(it, it->handled);
    weft__sends_await(it->tl, &it->sends, it->sends.sent);
}

/* Ranks and queues; false for a group of one. The name of a reduction is NULL if there is none. */
static bool enter_ring(weft_tile *tl, const char *reduction, ring *out)
{
    weft__tile_join_collective(tl, WEFT__PEERS_GROUP, reduction, UINT32_MAX);
    *out = (ring){.tl = tl, .rank = tl_program_id(tl, TL_AXIS_RANK), .size = tl_num_programs(tl, TL_AXIS_RANK)};
    if (out->size == 1)
        return false;
    weft__tile_need_neighbour(tl, TL_NEXT);
    return true;
}

static uint32_t rank_before(const ring *it)
{
    return (it->rank + it->size - 1) % it->size;
}

tl_tensor weft__all_reduce_ring(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    ring it;
    if (!enter_ring(tl, weft__reduction_name(reduction), &it))
        return tensor;
    weft__result result = weft__result_begin(tl, tensor, tensor.shape);
    it.reduction = reduction;
    it.reductions = it.size - 1;
    it.steps = 2 * (it.size - 1);
    it.keeps_all = true;
    it.source = result.source;
    it.result = result.flat;
    it.elements = it.source.shape.extent[0];
    run_ring(&it, rank_before(&it));
    return weft__result_end(tl, &result);
}

static tl_tensor reduce_scatter(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    ring it;
    char text[WEFT_SHAPE_TEXT_BYTES];
    bool is_ring = enter_ring(tl, weft__reduction_name(reduction), &it);
    weft_shape share = tensor.shape;
    if (share.rank == 0 || share.extent[0] % it.size != 0)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH,
                        "A tensor of shape %s has no rows that %" PRIu32 " ranks could share evenly.",
                        weft_shape_text(&share, text), it.size);
    if (!is_ring)
        return tensor;
    share.extent[0] /= it.size;
    weft__result result = weft__result_begin(tl, tensor, share);
    it.reduction = reduction;
    it.reductions = it.steps = it.size - 1;
    it.source = result.source;
    it.result = result.flat;
    it.elements = it.source.shape.extent[0];
    run_ring(&it, rank_before(&it));
    return weft__result_end(tl, &result);
}

static tl_tensor all_gather(weft_tile *tl, tl_tensor tensor)
{
    ring it;
    bool is_ring = enter_ring(tl, NULL, &it);
    weft__tile_check_local(tl, &tensor, "The tensor");
    weft_shape whole = tensor.shape;
    if (whole.rank == 0)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "A tensor of rank 0 has no first axis to be gathered along.");
    if (!is_ring)
        return tensor;
    if (__builtin_mul_overflow(whole.extent[0], it.size, &whole.extent[0]))
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE, "The tensors of %" PRIu32 " ranks have too many rows.", it.size);
    weft__result result = weft__result_begin(tl, tensor, whole);
    it.steps = it.size - 1;
    it.keeps_all = true;
    it.source = result.source;
    it.result = result.flat;
    it.elements = it.result.shape.extent[0];
    it.source_first = share_first(&it, it.rank);
    /* The own share, while the others come. */
    tl_tensor own = weft__elements(&it.result, it.source_first, it.source.shape.extent[0]);
    const tl_composite_request copy = {
        .op = WEFT_COMMAND_CAST, .a = it.source, .out = own.address, .dtype = tensor.dtype};
    tl_command copied = tl_composite(tl, &copy);
    run_ring(&it, it.rank);
    tl_wait(tl, copied);
    return weft__result_end(tl, &result);
}

/* ---- the calls ---- */

tl_tensor tl_all_reduce_ring(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return weft__call_reducer(tl, "tl_all_reduce_ring", weft__all_reduce_ring, tensor, reduction);
}

tl_tensor tl_reduce_scatter(weft_tile *tl, tl_tensor tensor, tl_reduction reduction)
{
    return weft__call_reducer(tl, "tl_reduce_scatter", reduce_scatter, tensor, reduction);
}

tl_tensor tl_all_gather(weft_tile *tl, tl_tensor tensor)
{
    weft__tile_begin_collective(tl, "tl_all_gather", false);
    tl_tensor result = all_gather(tl, tensor);
    weft__tile_end_collective(tl);
    return result;
}
