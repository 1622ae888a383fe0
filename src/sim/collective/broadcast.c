/* Broadcasts and barriers along the tree of a group. */
#include <inttypes.h>

#include "base/size.h"
#include "sim/collective/messages.h"

/* Receives that are posted before their messages are needed. */
#define POSTED_MAX 8u

static const tl_direction branches[] = {TL_LEFT_CHILD, TL_RIGHT_CHILD, TL_PARENT};
#define BRANCHES (sizeof branches / sizeof branches[0])

/* This PE in the tree of its group. */
typedef struct place {
    uint32_t rank, size;
    bool has[BRANCHES]; /* neighbours, as in `branches` */
} place;

/* The root is UINT32_MAX if there is none. */
static place enter_tree(weft_tile *tl, uint32_t root)
{
    place at = {.rank = tl_program_id(tl, TL_AXIS_RANK), .size = tl_num_programs(tl, TL_AXIS_RANK)};
    weft__tile_join_collective(tl, WEFT__PEERS_GROUP, NULL, root);
    for (uint32_t i = 0; i < BRANCHES; i++) {
        at.has[i] = branches[i] == TL_PARENT ? at.rank > 0 : (uint64_t)2 * at.rank + i + 1 < at.size;
        if (at.has[i])
            weft__tile_need_neighbour(tl, branches[i]);
    }
    return at;
}

/* ---- broadcasts ---- */

/* Where a rank lies, seen from another one, as in `branches`. */
static uint32_t branch_towards(uint32_t from, uint32_t to)
{
    while (to > from) {
        uint32_t parent = (to - 1) / 2;
        if (parent == from)
            return (to - 1) % 2;
        to = parent;
    }
    return BRANCHES - 1;
}

/* Sends on what comes from one branch to all others; from none at the root, which has it. */
static void pass_on(weft_tile *tl, const place *at, uint32_t source, const tl_tensor *flat)
{
    uint64_t elements = flat->shape.extent[0], each = weft__message_elements(tl, flat->dtype);
    uint64_t messages = weft__ceil_div(elements, each), posted = 0;
    weft__ipcq_receive *receives[POSTED_MAX];
    weft__sends sends = {0};
    for (uint64_t number = 0; number < messages; number++) {
        for (; source < BRANCHES && posted < messages && posted < number + POSTED_MAX; posted++) {
            uint64_t left = elements - posted * each;
            tl_tensor into = weft__elements(flat, posted * each, left < each ? left : each);
            receives[posted % POSTED_MAX] = weft__receive_into(tl, branches[source], into);
        }
        uint64_t left = elements - number * each;
        tl_tensor message = source < BRANCHES ? weft__receive_take(tl, receives[number % POSTED_MAX])
                                              : weft__elements(flat, number * each, left < each ? left : each);
        for (uint32_t i = 0; i < BRANCHES; i++)
            if (i != source && at->has[i])
                weft__send(tl, &sends, branches[i], message);
    }
    weft__sends_await(tl, &sends, sends.sent);
}

static tl_tensor broadcast(weft_tile *tl, tl_tensor tensor, uint32_t root)
{
    place at = enter_tree(tl, root);
    weft__tile_check_local(tl, &tensor, "The tensor");
    if (root >= at.size)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE, "There is no rank %" PRIu32 " in a group of %" PRIu32 ".", root,
                        at.size);
    if (at.size == 1)
        return tensor;
    bool is_root = at.rank == root;
    tl_tensor result = is_root ? tensor : tl_empty(tl, tensor.shape, tensor.dtype);
    uint64_t mark = tl_mark(tl);
    tl_tensor flat = weft__flat(tl, result);
    pass_on(tl, &at, is_root ? BRANCHES : branch_towards(at.rank, root), &flat);
    tl_release(tl, mark);
    return result;
}

/* ---- barriers ---- */

static void barrier(weft_tile *tl)
{
    const weft_shape one = weft_shape_1d(1);
    place at = enter_tree(tl, UINT32_MAX);
    weft__sends sends = {0};
    tl_tensor token = {0};
    bool has_token = false;
    uint64_t mark = tl_mark(tl);
    for (uint32_t i = 0; i < BRANCHES; i++) {
        if (!at.has[i])
            continue;
        if (branches[i] == TL_PARENT) {
            token = has_token ? token : tl_full(tl, one, WEFT_U8, 1);
            weft__send(tl, &sends, TL_PARENT, token);
        }
        token = tl_recv(tl, branches[i], one, WEFT_U8);
        has_token = true;
    }
    for (uint32_t i = 0; i < BRANCHES; i++)
        if (at.has[i] && branches[i] != TL_PARENT)
            weft__send(tl, &sends, branches[i], token);
    weft__sends_await(tl, &sends, sends.sent);
    tl_release(tl, mark);
}

/* ---- the calls ---- */

tl_tensor tl_broadcast(weft_tile *tl, tl_tensor tensor, uint32_t root)
{
    weft__tile_begin_collective(tl, "tl_broadcast", false);
    tl_tensor result = broadcast(tl, tensor, root);
    weft__tile_end_collective(tl);
    return result;
}

void tl_barrier(weft_tile *tl)
{
    weft__tile_begin_collective(tl, "tl_barrier", true);
    barrier(tl);
    weft__tile_end_collective(tl);
}
