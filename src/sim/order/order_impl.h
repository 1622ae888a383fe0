/* Inside of the happens-before detector. */
#ifndef WEFT_SIM_ORDER_ORDER_IMPL_H
#define WEFT_SIM_ORDER_ORDER_IMPL_H

#include <stdalign.h>

#include "sim/order/order.h"

#define WEFT__ORDER_LINE_BYTES 64

/* When an access was made, in its agent's own time: an epoch, which a point ends, or the number of a message; or, with
 * the flag, the command that makes it, whose epoch is known once it has been waited for. */
typedef uint32_t weft__order_stamp;
#define WEFT__ORDER_IS_COMMAND 0x80000000u
#define WEFT__ORDER_PENDING                                                                                            \
    UINT32_MAX /* the epoch of a command that nobody has waited for: later than any known one                          \
                */

/* Per agent the last epoch, and beside it the last message, that is known to be over. They come in blocks, of which
 * only those are there that are other than zero: kernels mostly hear of those of their own group, and small clocks stay
 * in the cache. */
typedef struct weft__order_clock {
    alignas(WEFT__ORDER_LINE_BYTES) uint64_t blocks; /* bit i: block i is there; they stand in their order */
    uint32_t references;
    uint32_t room; /* for so many blocks, as a logarithm */
    struct weft__order_clock *next_free, *next_made;
    alignas(WEFT__ORDER_LINE_BYTES) uint32_t known[];
} weft__order_clock;

struct weft__order_point {
    weft__order_clock *clock;
    weft__order_clock *own; /* of one that is extended and not waited for: the clock that it had from its agent */
    uint32_t references;    /* the caller's, and that of the agent's list */
    uint32_t agent, epoch;  /* the agent is known up to this epoch, which ended here */
    uint32_t messages;      /* of the agent, that are over; a message is over where it is known */
    bool is_message;
    bool is_extended;                   /* it knows more than its agent did */
    weft__order_stamp command;          /* of a fork, else 0 */
    weft__order_point *next, *previous; /* commands of the agent that have not been waited for; or free */
    weft__order_point *next_made;
};

typedef struct weft__order_agent {
    weft__order_clock *clock; /* does not keep up with itself */
    uint32_t epoch;           /* the present one, from 1 */
    uint32_t messages;        /* sent */
    uint32_t messages_over;   /* of these, that it knows of */
    weft__order_point *under_way;
} weft__order_agent;

typedef struct weft__order_mark {
    uint64_t time_ps; /* WEFT__ORDER_UNDER_WAY: a read that has begun */
    const char *call;
    uint32_t agent; /* agents + i: a message of agent i */
    weft__order_stamp stamp;
} weft__order_mark;

/* What is remembered for some bytes, not necessarily together. */
typedef struct weft__order_cell {
    uint64_t bytes;          /* 0: free */
    weft__order_mark write;  /* its agent is WEFT__ORDER_NOBODY if nobody wrote */
    weft__order_mark *reads; /* since, by ascending agent; &one if there is room for one */
    weft__order_mark one;
    uint32_t read_count, read_room;     /* the room is a power of two */
    uint64_t successor_of;              /* the number of a read, and */
    struct weft__order_cell *successor; /* the cell to which that moves bytes of this one; or the next free one */
} weft__order_cell;

#define WEFT__ORDER_NOBODY UINT32_MAX
#define WEFT__ORDER_UNDER_WAY UINT64_MAX
#define WEFT__ORDER_SLAB_CELLS 128
#define WEFT__ORDER_ROOMS 32
#define WEFT__ORDER_CLOCK_ROOMS 7 /* up to 64 blocks */

typedef struct weft__order_slab {
    struct weft__order_slab *next;
    weft__order_cell cells[WEFT__ORDER_SLAB_CELLS];
} weft__order_slab;

/* Room for reads that is free. */
typedef struct weft__order_room {
    struct weft__order_room *next;
} weft__order_room;

struct weft__order {
    uint32_t agent_count;
    uint32_t
        block_bits; /* the logarithm of the entries of a block: of a line or more; there are no more than 64 blocks */
    bool has_failed;
    weft__order_agent *agents;
    uint32_t *commands; /* the epochs in which they were waited for */
    uint32_t command_count;
    size_t command_room;
    weft__order_clock *free_clocks[WEFT__ORDER_CLOCK_ROOMS], *made_clocks; /* by the room that they have */
    weft__order_point *free_points, *made_points;
    /* Of memories. */
    weft__order_slab *slabs;
    weft__order_cell *free_cells;
    weft__order_cell blank;                          /* of bytes that nobody has accessed */
    weft__order_room *free_rooms[WEFT__ORDER_ROOMS]; /* by the logarithm of what they have room for */
    weft__order_mark last_read;                      /* no write since, if it has an agent */
    uint64_t reads;                                  /* that differ from the one before */
};

/* What the one who accesses knows. */
typedef struct weft__order_knowledge {
    const weft__order *order;
    const weft__order_clock *clock;
    uint32_t agent, epoch, messages; /* of its own agent, beyond what is in the clock */
    weft__order_stamp command;       /* that it is; else 0 */
} weft__order_knowledge;

weft__order_knowledge weft__order_knowledge_of(const weft__order *order, const weft__order_access *access);

/* Of an agent; of messages of agent i with agents + i. */
static inline uint32_t weft__order_known(const weft__order *order, const weft__order_clock *clock, uint32_t agent)
{
    uint32_t entry = agent < order->agent_count ? 2 * agent : 2 * (agent - order->agent_count) + 1;
    uint64_t block = (uint64_t)1 << (entry >> order->block_bits);
    if (!(clock->blocks & block))
        return 0;
    size_t before = (size_t)__builtin_popcountll(clock->blocks & (block - 1));
    return clock->known[(before << order->block_bits) + (entry & (((uint32_t)1 << order->block_bits) - 1))];
}

/* True if what the mark says happened before. */
static inline bool weft__order_knows(const weft__order_knowledge *it, const weft__order_mark *mark)
{
    uint32_t epoch = mark->stamp;
    if (epoch & WEFT__ORDER_IS_COMMAND) {
        if (epoch == it->command)
            return true;
        epoch = it->order->commands[epoch & ~WEFT__ORDER_IS_COMMAND];
    }
    if (mark->agent == it->agent && epoch <= it->epoch)
        return true;
    if (mark->agent == it->agent + it->order->agent_count && epoch <= it->messages)
        return true;
    return epoch <= weft__order_known(it->order, it->clock, mark->agent);
}

/* Lets go of all cells; after the memories. */
void weft__order_cells_destroy(weft__order *order);

#endif
