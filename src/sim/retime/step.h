/* What one request of a kernel is in a recording, and back.
 *
 * Places are told from where the PE is: the kind of memory, how many PEs on its PE is, and the offset there. Offsets in
 * HBM are kept apart. So PEs that do the same in their own memories have the same bytes. */
#ifndef WEFT_SIM_RETIME_STEP_H
#define WEFT_SIM_RETIME_STEP_H

#include "sim/pe/pe.h"
#include "sim/retime/bytes.h"

/* The memories that transfers go to. */
typedef enum weft__place_kind {
    WEFT__PLACE_HBM,
    WEFT__PLACE_SRAM,
    WEFT__PLACE_TCM
} weft__place_kind;

/* A place without a machine. */
typedef struct weft__place_code {
    weft__place_kind kind;
    int64_t pes; /* from the PE that it is told from; to the first PE of the cube, of an SRAM */
    uint64_t offset_bytes;
} weft__place_code;

/* One request. */
typedef struct weft__step {
    weft__ask_kind kind;
    uint8_t direction;
    bool is_in_place;
    bool is_direct;   /* of a command */
    uint64_t number;  /* of a wait: how many composite commands ago it was given, the last one being 1; 0: for all */
    weft_dtype dtype; /* of a message */
    uint64_t elements;
    weft__plan plan; /* of a command; and where the DMA goes */
    weft__place_code inputs[WEFT__PLAN_INPUTS_MAX], output;
} weft__step;

/* More requests, and fields of them, cannot be in a recording. */
#define WEFT__STEP_ELEMENTS_MAX (UINT64_C(1) << 51)

/* Offsets in HBM, in the order of the places; behind the last one they are 0. */
typedef struct weft__offsets {
    const uint64_t *at, *end;
} weft__offsets;

/* A node of a memory, told from the PE at `pe`. */
weft__place_code weft__place_code_of(const weft__graph *graph, uint32_t pe, uint32_t node, uint64_t offset_bytes);
/* The node; WEFT__NODE_NONE if the machine has none there, or not so many bytes from the offset on. */
uint32_t weft__place_code_node(const weft__graph *graph, uint32_t pe, const weft__place_code *place, uint64_t bytes);
void weft__place_code_put(weft__bytes *to, const weft__place_code *place);
void weft__place_code_take(weft__reader *from, weft__place_code *out);

/* True for the inputs, or the output, that the DMA moves. */
bool weft__plan_moves_input(const weft__plan *plan, uint32_t input);
bool weft__plan_moves_output(const weft__plan *plan);
/* Of such a one, so many bytes from its first one on that no tile goes beyond. */
uint64_t weft__plan_input_bytes(const weft__plan *plan, uint32_t input);
uint64_t weft__plan_output_bytes(const weft__plan *plan);

void weft__step_put(weft__bytes *to, weft__bytes *offsets, const weft__step *step);
/* Reads one, all of whose fields are in their ranges; otherwise the reader is bad afterwards. */
void weft__step_take(weft__reader *from, weft__offsets *offsets, weft__step *out);

#endif
