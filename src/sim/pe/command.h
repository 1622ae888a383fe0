/* Commands of a PE: what a kernel asks for, and its tiles on their way.
 *
 * A command is taken from the PE, filled in, and issued. One with a process is direct: the process waits, and gives the
 * command back when it has been resumed. One without is composite: it belongs to the PE, which ends it. */
#ifndef WEFT_SIM_PE_COMMAND_H
#define WEFT_SIM_PE_COMMAND_H

#include <weft/tile.h>

#include "sim/engine/process.h"
#include "sim/pe/plan.h"

typedef struct weft__pe weft__pe;
typedef struct weft__command weft__command;
typedef struct weft__token weft__token;

/* Where the DMA finds a tensor. */
typedef struct weft__dma_place {
    uint32_t node;
    uint64_t offset_bytes;
    uint64_t virtual_address; /* that it is mapped at; 0: it was named by its physical one */
} weft__dma_place;

struct weft__command {
    weft__pe *pe;
    weft__plan plan;
    weft__dma_place inputs[WEFT__PLAN_INPUTS_MAX], output; /* of what is remote */
    weft__process *process;                                /* of a direct command */
    bool is_done;

    /* What is computed, for those who keep values; times need none of it. Epilogues' operands follow the inputs. */
    weft_command_op op;
    uint32_t operand_count, epilogue_count;
    double low, high; /* of a clamp, and the number of a fill */
    const void *data; /* of a constant: its elements */
    uint32_t axis;
    const char *kernel, *call;                     /* who gave it, for errors */
    uint64_t captured[WEFT_COMMAND_INPUTS_MAX];    /* of the recorder: the values that its operands were, 0: not read */
    uint64_t captured_at[WEFT_COMMAND_INPUTS_MAX]; /* and how often their memories had been written by then */
    uint64_t made;                                 /* the same: the value of its result */
    uint64_t landings;                             /* the same: tiles whose results have not landed; 0: none has */
    uint64_t issued_ps;                            /* the same: when it was given */
    uint64_t landed_ps;                            /* the same: when the last part of its result landed */
    uint64_t read_ps[WEFT_COMMAND_INPUTS_MAX];     /* the same: when its operands were read last */
    void *pieces;                                  /* the same: what its tiles read and made, where that matters */
    void *order;                                   /* the same, of a composite command: what was known then */

    uint64_t number;                          /* of a composite command, from 1 */
    uint64_t serial;                          /* among all commands of the PE */
    uint64_t tiles, fed, under_way, finished; /* tiles */
    uint32_t serving[WEFT__STAGE_KINDS];      /* tiles that an engine serves */
    weft__command *next;      /* free, or among the composite commands of the PE in the order of their issue */
    weft__command *next_made; /* for the end */

    /* From here on an empty command holds whatever the last one did, as clearing so much takes time. */
    tl_tensor result; /* its value is known when the command is done */
    tl_tensor operands[WEFT_COMMAND_INPUTS_MAX];
    weft_epilogue epilogues[WEFT_COMMAND_EPILOGUES_MAX];
};

#endif
