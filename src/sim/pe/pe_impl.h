/* Inside of the PEs. */
#ifndef WEFT_SIM_PE_PE_IMPL_H
#define WEFT_SIM_PE_PE_IMPL_H

#include "sim/pe/pe.h"

typedef struct weft__pe_engine weft__pe_engine;

struct weft__token {
    weft__command *command;
    uint64_t tile;
    weft__stages stages;
    uint32_t stage;    /* where it is, or waits */
    bool is_served;    /* but others before it are not */
    weft__time since;  /* it has been waiting for the engine */
    weft__token *next; /* waiting for the same engine, served by it, or free */
    weft__token *next_made;
};

/* Tokens in the order of coming. */
typedef struct weft__token_list {
    weft__token *first, *last;
} weft__token_list;

struct weft__pe_engine {
    uint32_t channels, serving;
    uint32_t wanted; /* by commands under way */
    weft__token_list waiting, served;
    weft__time accounted; /* the times go so far */
    weft__engine_times times;
};

struct weft__pe {
    weft__pes *owner;
    uint32_t dma_node;
    uint64_t tcm_address;
    char name[WEFT__NODE_NAME_BYTES];
    weft__pe_engine engines[WEFT__STAGE_KINDS];
    weft__command *composites, *last_composite; /* not done */
    weft__command *feeding;                     /* the first of these that has tiles left */
    uint64_t composite_tiles;                   /* under way */
    uint64_t composite_count;                   /* ever */
    weft__process *waiter;                      /* for a composite command */
    uint64_t waited_number;                     /* the one, or WEFT__COMPOSITES_ALL */
    weft_tile *kernels;                         /* of tile/ */
    weft__pe_times times;                       /* without the engines' */
};

#define WEFT__COMPOSITES_ALL 0u

struct weft__pes {
    weft__fabric *fabric;
    weft__transfers *transfers;
    const weft__pe_recorder *recorder;
    weft__pe_rates rates;
    weft__pe *pes;
    uint32_t count;
    weft__command *free_commands, *made_commands;
    weft__token *free_tokens, *made_tokens;
};

/* A token for a tile, which sets out to its first engine. False when out of memory, which is noted. */
bool weft__token_start(weft__command *command, uint64_t tile);

/* The scheduler's: a token of the command has been through all of its stages. */
void weft__scheduler_finished(weft__command *command);

void weft__pe_engine_account(weft__pe_engine *engine, weft__time now);

#endif
