/* Inside of mesh-attention: grouped-query attention over PEs that have the keys and values between them.
 *
 * The key-value heads are divided over groups of PEs, and the tokens over the ranks of a group. The ranks stand in a
 * ring, or in a line: then nothing goes from the last to the first. What a rank has and all others of its group need
 * travels both ways at once, from neighbour to neighbour: half of them get it from one side, the others from the other.
 * Or a group is a rectangle of cubes. Then the ranks of each cube stand in a ring, and PEs of the same number in lines
 * from cube to cube, along rows and along columns: what those of a ring have made together travels along the lines.
 *
 * Numbers. Queries, keys, values and the weights that multiply values have the dtype of the bench. Scores, their
 * greatest, sums and outputs are f32 until an output is stored. */
#ifndef WEFT_SIM_BENCHES_MESH_ATTENTION_H
#define WEFT_SIM_BENCHES_MESH_ATTENTION_H

#include <weft/sim.h>

/* The most key-value heads of a group. */
#define WEFT__ATTENTION_KV_HEADS 256u

/* What the PEs of a launch work on. Counts are those of one rank. A row is a query of one head. */
typedef struct weft__attention {
    uint32_t kv_heads; /* at most WEFT__ATTENTION_KV_HEADS */
    uint32_t sharers;  /* query heads of each of these */
    uint32_t head_dim;
    uint32_t queries; /* of each head: of decode one, which all ranks of a group have */
    uint32_t tokens;
    uint32_t first_position; /* of the first query of rank 0 among the tokens */
    bool is_causal;
    double scale;

    bool is_ring;
    uint32_t cube_columns, cube_rows; /* that a group has, of decode; 1 and 1 if it is one ring or line */
    bool stays_in_slots;              /* messages are used, and sent on, from where they came in */
    uint32_t together;                /* messages of a rank that may go round one behind another */
    uint32_t output_rows;             /* of decode: of an output, in a message */
    uint32_t pair_rows;               /* of decode: whose pairs are joined at a time, on all PEs the same number */
    uint32_t block;                   /* of prefill: tokens in a message */

    weft_dtype dtype;
    const weft_placed_tensor *query, *key, *value, *output;
    const weft_placed_tensor *positions; /* of prefill: [queries, 1], of each query its position */
    const weft_placed_tensor *offsets;   /* of prefill: [1, block], of each token its place in a block */
} weft__attention;

/* ---- travel ---- */

/* Ranks that stand in a ring or line, as one of them sees it. */
typedef struct weft__attention_path {
    uint32_t rank, ranks;
    bool is_ring;
    tl_direction next, previous;
} weft__attention_path;

/* The ring or line of a group, or of a cube of it. */
weft__attention_path weft__attention_ring(const weft_tile *tl, const weft__attention *it);

/* That, and the lines from cube to cube if there are any; gives their number. What has gone along all of them, one
 * after another, has come to all ranks of the group. */
#define WEFT__ATTENTION_PATHS 3u
uint32_t weft__attention_paths(const weft_tile *tl, const weft__attention *it,
                               weft__attention_path out[WEFT__ATTENTION_PATHS]);

/* What a rank does with part `part` of what `origin` has. What it makes in scratch memory is given back after it. */
typedef void weft__attention_use(weft_tile *tl, void *context, uint32_t part, uint32_t origin, tl_tensor tensor);

/* The most parts that can go together. */
#define WEFT__ATTENTION_PARTS 8u

/* All ranks of a path call it with as many parts, at most `together`, of the same shapes: each gets to use its own
 * first, while they are sent, and then those of all others. Own parts may be changed from then on. */
typedef void weft__attention_travel(weft_tile *tl, const weft__attention *it, const weft__attention_path *path,
                                    const tl_tensor *parts, uint32_t count, weft__attention_use *use, void *context);
weft__attention_travel weft__attention_go_round;

/* All ranks of a path call it with a table of f32 [ranks, columns] of the same shape, of which a slot has room for a
 * row: a place in which each has written its own row, and gets those of all others. */
void weft__attention_gather(weft_tile *tl, const weft__attention_path *path, tl_tensor table);

/* ---- scratch memory ---- */

/* What has been taken of it, and the most that was in use at once; begins as zeros. */
typedef struct weft__attention_scratch {
    uint64_t used_bytes, most_bytes;
} weft__attention_scratch;

/* Takes room for so many tensors of so many elements each. */
void weft__attention_take(weft__attention_scratch *scratch, uint32_t tensors, uint64_t elements, weft_dtype dtype);

/* Bytes of scratch memory that the kernels take, with so many ranks in a ring or line: on the rank that takes most. */
uint64_t weft__attention_decode_bytes(const weft__attention *it, uint32_t ranks);
uint64_t weft__attention_prefill_bytes(const weft__attention *it, uint32_t ranks);

/* ---- kernels ---- */

/* out[address] = a b, times `factor`, plus `bias` unless that is NULL. Non-blocking. */
tl_command weft__attention_product(weft_tile *tl, tl_tensor a, tl_tensor b, const tl_tensor *bias, double factor,
                                   tl_tensor out);

/* The same tensor as a place that is written again and again: it is what stands there when it is read. */
tl_tensor weft__attention_place(weft_tile *tl, tl_tensor tensor);

weft_tile_kernel weft__attention_decode, weft__attention_prefill;

/* Decode whose outputs travel in another way. */
void weft__attention_decode_by(weft_tile *tl, const weft__attention *it, weft__attention_travel *travel);

#endif
