/* Inside of the PEs. */
#ifndef WEFT_SIM_PE_PE_IMPL_H
#define WEFT_SIM_PE_PE_IMPL_H

#include "sim/pe/ipcq.h"
#include "sim/pe/mmu.h"
#include "sim/pe/pe.h"

typedef struct weft__pe_engine weft__pe_engine;

struct weft__token {
    weft__command *command;
    uint64_t tile;
    weft__stages stages;
    uint32_t stage;    /* where it is, or waits */
    bool is_served;    /* but others before it are not */
    uint32_t place;    /* of the trace: among those that the engine serves at once */
    weft__time began;  /* of the trace: the stage */
    weft__time since;  /* it has been waiting for the engine */
    weft__token *next; /* waiting for the same engine, served by it, or free */
    weft__token *next_made;
};

/* Tokens in the order of coming. */
typedef struct weft__token_list {
    weft__token *first, *last;
} weft__token_list;

struct weft__pe_engine {
    uint32_t channels, outstanding; /* in a channel, tiles of one command */
    uint32_t serving;               /* tiles */
    uint32_t held;                  /* channels, by them */
    uint32_t wanted;                /* by commands under way */
    weft__token_list waiting, served;
    weft__time accounted; /* the times go so far */
    weft__engine_times times;
};

struct weft__pe {
    weft__pes *owner;
    uint32_t dma_node;
    uint64_t tcm_address;
    weft__mmu mmu;
    char name[WEFT__NODE_NAME_BYTES];
    weft__pe_engine engines[WEFT__STAGE_KINDS];
    weft__pe_engine queue;                      /* of ipcq.h; its messages wait there */
    weft__command *composites, *last_composite; /* not done */
    weft__command *feeding;                     /* the first of these that has tiles left */
    uint64_t composite_tiles;                   /* under way */
    uint64_t composite_count;                   /* ever */
    uint64_t command_count;                     /* the same */
    weft__process *waiter;                      /* for a composite command */
    uint64_t waited_number;                     /* the one, or WEFT__COMPOSITES_ALL */
    weft_tile *kernels;                         /* of tile/ */
    weft__pe_times times;                       /* without the engines' */
    uint64_t compute_ps;                        /* in which GEMM or math have served something */
    weft__time compute_accounted;               /* it goes so far */
};

#define WEFT__COMPOSITES_ALL 0u

struct weft__pes {
    weft__fabric *fabric;
    weft__transfers *transfers;
    const weft__pe_recorder *recorder, *watcher; /* the trace's, who is told of messages and receives */
    const weft__pe_listener *listener;
    const weft__pe_observer *observer;
    struct weft__pe_trace *trace;
    weft__pe_rates rates;
    uint64_t seed, message_ps; /* of perturb.h */
    uint32_t engine_percent;
    weft__pe *pes;
    uint32_t count;
    uint64_t launches; /* ever */
    weft__command *free_commands, *made_commands;
    weft__token *free_tokens, *made_tokens;
    weft__ipcq *ipcqs; /* that live */
};

/* Tells the listener, if there is one: the fields of a weft__ask. */
#define WEFT__PE_ASK(pe, ...)                                                                                          \
    do {                                                                                                               \
        if ((pe)->owner->listener)                                                                                     \
            weft__pe_ask(pe, &(weft__ask){__VA_ARGS__});                                                               \
    } while (0)

/* A token for a tile, which sets out to its first engine. False when out of memory, which is noted. */
bool weft__token_start(weft__command *command, uint64_t tile);

/* The scheduler's: a token of the command has been through all of its stages. */
void weft__scheduler_finished(weft__command *command);

void weft__pe_engine_account(weft__pe_engine *engine, weft__time now);
/* The processor has done that since then. */
void weft__pe_spend(weft__pe *pe, weft__pe_activity activity, weft__time since);
/* The time in which GEMM or math served something, ever, up to now. */
uint64_t weft__pe_compute_account(weft__pe *pe, weft__time now);

/* Frees the queues that wait for their last message to come to rest. */
void weft__ipcqs_destroy(weft__pes *pes);

#endif
