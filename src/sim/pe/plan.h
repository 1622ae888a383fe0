/* What a command is made of: tiles, and for each tile the stages that it passes, one engine after another.
 *
 * A plan says it in closed form; the stages of a tile are a pure function of the plan, so a plan costs no more memory
 * for a large matrix than for a small one.
 * - A transfer has one tile with one stage.
 * - A GEMM has a tile for each tile_m rows, tile_n columns and tile_k products of its output, those along k one behind
 *   another: DMA reads of the operands that are not pinned in the TCM, fetch, GEMM, and math where steps follow each
 *   tile along k. Sums stay in the array over k; the last tile goes on with the steps that follow the output, store,
 *   and DMA write where the output goes elsewhere. Steps of the scope `kernel` are one tile more, which begins when all
 *   others are done: what was written is read, computed and written again.
 * - An operation on elements has a tile for each tile_m * tile_n elements of its largest operand: DMA reads, fetch,
 *   math, store, DMA write. An operand or a result with fewer elements has its share in each.
 * Fetches and stores move between TCM and registers, the DMA between TCM and elsewhere. A tile of a strided operand
 * that is pinned in the TCM is fetched as runs of elements that lie together (rates.h): its rows, or its columns where
 * it is transposed, or single elements. What lies contiguously, what the DMA brought and what is stored meets no
 * conflicts of banks, in whatever tiles. */
#ifndef WEFT_SIM_PE_PLAN_H
#define WEFT_SIM_PE_PLAN_H

#include "sim/pe/rates.h"

/* A stage is named for the engine that it passes. */
typedef enum weft__stage_kind {
    WEFT__STAGE_DMA_READ,
    WEFT__STAGE_DMA_WRITE,
    WEFT__STAGE_FETCH,
    WEFT__STAGE_GEMM,
    WEFT__STAGE_MATH,
    WEFT__STAGE_STORE
} weft__stage_kind;
#define WEFT__STAGE_KINDS 6u

typedef struct weft__stage {
    weft__stage_kind kind;
    uint32_t operand;      /* of a DMA read: which input, or WEFT__PLAN_OUTPUT */
    uint64_t ps;           /* that the engine takes; of the DMA nothing: the fabric says */
    uint64_t offset_bytes; /* of the DMA: from the first byte of the operand or output */
    uint64_t bytes;        /* that are moved */
} weft__stage;

#define WEFT__STAGES_MAX 8u
#define WEFT__PLAN_INPUTS_MAX 3u
#define WEFT__PLAN_OUTPUT UINT32_MAX

typedef struct weft__stages {
    uint32_t count;
    weft__stage at[WEFT__STAGES_MAX];
} weft__stages;

typedef enum weft__plan_kind {
    WEFT__PLAN_READ,  /* of one tensor, by the DMA */
    WEFT__PLAN_WRITE, /* the same */
    WEFT__PLAN_GEMM,
    WEFT__PLAN_MATH
} weft__plan_kind;

/* An input, or the output. */
typedef struct weft__plan_tensor {
    bool is_remote;  /* the DMA brings its tiles, or takes them away */
    bool is_strided; /* it has gaps, or lies in another order */
    uint32_t element_bytes;
    uint64_t elements;           /* of math and transfers */
    uint64_t columns;            /* of math, if it is strided: elements of a row */
    uint64_t row_stride, stride; /* of a GEMM, or if it is strided, in elements: from row to row, column to column */
} weft__plan_tensor;

/* A step after a GEMM. */
typedef struct weft__plan_step {
    weft_epilogue_op op;
    weft_epilogue_scope scope;
    uint32_t operand_bytes;                 /* of an element of its operand; 0: it has none */
    uint64_t operand_rows, operand_columns; /* 1, or as many as the output has */
} weft__plan_step;

typedef struct weft__plan {
    weft__plan_kind kind;
    weft_command_op op; /* of math */
    weft_dtype dtype;   /* of what is multiplied */
    uint64_t m, k, n;   /* of a GEMM */
    uint64_t elements;  /* of math: of the largest operand */
    uint32_t input_count;
    weft__plan_tensor inputs[WEFT__PLAN_INPUTS_MAX];
    weft__plan_tensor output;
    uint32_t step_count;
    weft__plan_step steps[WEFT_COMMAND_EPILOGUES_MAX];
} weft__plan;

/* At least one, as no extent may be 0. */
uint64_t weft__plan_tiles(const weft__plan *plan, const weft__pe_rates *rates);

/* How many of them give a part of the result. */
uint64_t weft__plan_landings(const weft__plan *plan, const weft__pe_rates *rates);

/* True for a tile that must not begin before all before it are done. */
bool weft__plan_is_last_pass(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile);

void weft__plan_stages(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile, weft__stages *out);

/* The part of an input that a tile reads: of a GEMM a part of the matrix; of math so many columns, counting all
 * elements in a row. Not for a tile of the last pass. */
typedef struct weft__tile_box {
    uint64_t row, column, rows, columns;
} weft__tile_box;

weft__tile_box weft__plan_box(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile, uint32_t input);

/* The engines that any of its tiles passes: bit 1 << kind. */
uint32_t weft__plan_engines(const weft__plan *plan);

#endif
