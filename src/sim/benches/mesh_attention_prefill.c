/* Prefill: each rank has its share of the queries, and of the keys and values, which go round in blocks.
 *
 * Block by block: first the keys of this block of all ranks go round, and each gives scores with the own queries. When
 * all are there, their greatest is known, and the output so far is made what it is beside that, once for all ranks.
 * Then the values of the same block go round, in the same order, and are added to the output with their weights. */
#include <math.h>

#include "sim/benches/mesh_attention.h"

/* A key-value head under way. Rows are the queries of its sharers, one query head behind another. */
typedef struct prefilling {
    const weft__attention *it;
    uint64_t rows;
    weft__attention_path path;
    uint32_t block;                /* of the tokens of each rank */
    tl_tensor queries;             /* [rows, head_dim] */
    tl_tensor positions, offsets;  /* of a causal one, see weft__attention */
    tl_tensor scores;              /* room for [ranks, rows, block], of those blocks that the queries see */
    uint32_t seen, used;           /* so many are there, and have met their values */
    tl_tensor greatest, sum;       /* [rows, 1] */
    tl_tensor outputs[2], current; /* [rows, head_dim]; the one that is not current is written next */
} prefilling;

/* ---- what a query sees ---- */

typedef enum sight {
    SEES_NONE,
    SEES_SOME,
    SEES_ALL
} sight;

static uint32_t first_token(const prefilling *all, uint32_t origin)
{
    return origin * all->it->tokens + all->block * all->it->block;
}

/* What the queries of this rank see of the present block of another. */
static sight sight_of(const prefilling *all, uint32_t origin)
{
    const weft__attention *it = all->it;
    uint32_t first = first_token(all, origin), position = it->first_position + all->path.rank * it->queries;
    if (!it->is_causal || first + it->block - 1 <= position)
        return SEES_ALL;
    return first <= position + it->queries - 1 ? SEES_SOME : SEES_NONE;
}

/* [rows, block]: minus infinity where a query comes before a key, else 0. */
static tl_tensor mask_of(weft_tile *tl, const prefilling *all, uint32_t origin)
{
    weft_shape one = weft_shape_2d(1, 1);
    tl_tensor tokens = tl_add(tl, all->offsets, tl_full(tl, one, WEFT_F32, first_token(all, origin)));
    tl_tensor is_seen = tl_le(tl, tokens, all->positions);
    return tl_where(tl, is_seen, tl_full(tl, one, WEFT_F32, 0), tl_full(tl, one, WEFT_F32, -INFINITY));
}

/* ---- keys ---- */

/* Block `index` among the scores, as [rows, block]. */
static tl_tensor scores_at(weft_tile *tl, const prefilling *all, uint32_t index)
{
    tl_tensor scores = tl_slice(tl, all->scores, 0, index, 1);
    return weft__attention_place(tl, tl_reshape(tl, scores, weft_shape_2d(all->rows, all->it->block)));
}

static void use_keys(weft_tile *tl, void *context, uint32_t part, uint32_t origin, tl_tensor keys)
{
    (void)part;
    prefilling *all = context;
    sight seen = sight_of(all, origin);
    if (seen == SEES_NONE)
        return;
    tl_tensor mask = seen == SEES_SOME ? mask_of(tl, all, origin) : (tl_tensor){0};
    tl_wait(tl, weft__attention_product(tl, all->queries, tl_trans(tl, keys), seen == SEES_SOME ? &mask : NULL,
                                        all->it->scale, scores_at(tl, all, all->seen)));
    all->seen++;
}

/* The greatest of all scores so far; sum and output become what they are beside it. */
static void raise_greatest(weft_tile *tl, prefilling *all)
{
    tl_tensor scores = weft__attention_place(tl, tl_slice(tl, all->scores, 0, 0, all->seen));
    tl_tensor of_blocks = tl_max(tl, tl_max(tl, scores, 2), 0);
    tl_tensor greatest = tl_maximum(tl, all->greatest, tl_reshape(tl, of_blocks, all->greatest.shape));
    tl_tensor share = tl_exp(tl, tl_sub(tl, all->greatest, greatest));
    tl_copy(tl, all->greatest, greatest);
    tl_copy(tl, all->sum, tl_mul(tl, all->sum, share));
    all->current = tl_mul(tl, all->current, share);
}

/* ---- values ---- */

static void use_values(weft_tile *tl, void *context, uint32_t part, uint32_t origin, tl_tensor values)
{
    (void)part;
    prefilling *all = context;
    if (sight_of(all, origin) == SEES_NONE)
        return;
    tl_tensor weights = tl_exp(tl, tl_sub(tl, scores_at(tl, all, all->used), all->greatest));
    tl_tensor output = all->outputs[all->used % 2];
    tl_copy(tl, all->sum, tl_add(tl, all->sum, tl_sum(tl, weights, 1)));
    tl_wait(tl, weft__attention_product(tl, tl_cast(tl, weights, all->it->dtype), values, &all->current, 1, output));
    all->current = output;
    all->used++;
}

/* ---- the kernel ---- */

/* The present block of a head of the own keys, or values. */
static tl_tensor load_block(weft_tile *tl, const prefilling *all, const weft_placed_tensor *cache, uint32_t head)
{
    const weft__attention *it = all->it;
    uint64_t first = (uint64_t)head * it->tokens + (uint64_t)all->block * it->block;
    tl_tensor block = tl_slice(tl, tl_shard(tl, cache), 0, first, it->block);
    return tl_load_tensor(tl, block);
}

static void attend_to_block(weft_tile *tl, prefilling *all, uint32_t head)
{
    tl_tensor keys = load_block(tl, all, all->it->key, head);
    all->seen = all->used = 0;
    weft__attention_go_round(tl, all->it, &all->path, &keys, 1, use_keys, all);
    if (all->seen > 0)
        raise_greatest(tl, all);
    tl_tensor values = load_block(tl, all, all->it->value, head);
    weft__attention_go_round(tl, all->it, &all->path, &values, 1, use_values, all);
}

/* Room for what is written again and again. */
static void make_places(weft_tile *tl, prefilling *all)
{
    const weft__attention *it = all->it;
    weft_shape column = weft_shape_2d(all->rows, 1), rows = weft_shape_2d(all->rows, it->head_dim);
    all->greatest = weft__attention_place(tl, tl_full(tl, column, WEFT_F32, -INFINITY));
    all->sum = weft__attention_place(tl, tl_full(tl, column, WEFT_F32, 0));
    all->outputs[0] = tl_empty(tl, rows, WEFT_F32);
    all->outputs[1] = weft__attention_place(tl, tl_full(tl, rows, WEFT_F32, 0));
    all->current = all->outputs[1];
    all->scores = tl_empty(tl, weft_shape_3d(all->path.ranks, all->rows, it->block), WEFT_F32);
}

static void attend(weft_tile *tl, prefilling *all, uint32_t head)
{
    const weft__attention *it = all->it;
    tl_tensor queries = tl_slice(tl, tl_shard(tl, it->query), 0, head * all->rows, all->rows);
    tl_tensor target = tl_slice(tl, tl_shard(tl, it->output), 0, head * all->rows, all->rows);
    all->queries = tl_load_tensor(tl, queries);
    make_places(tl, all);
    for (all->block = 0; all->block < it->tokens / it->block; all->block++) {
        uint64_t mark = tl_mark(tl);
        attend_to_block(tl, all, head);
        tl_release(tl, mark);
    }
    tl_tensor result = tl_cast(tl, tl_mul(tl, all->current, tl_reciprocal(tl, all->sum)), it->dtype);
    tl_store_tensor(tl, target, result);
}

void weft__attention_prefill(weft_tile *tl, const void *arguments)
{
    const weft__attention *it = arguments;
    prefilling all = {.it = it, .rows = (uint64_t)it->sharers * it->queries, .path = weft__attention_ring(tl, it)};
    if (it->is_causal) {
        tl_tensor positions = tl_shard(tl, it->positions), offsets = tl_shard(tl, it->offsets);
        all.positions = tl_load_tensor(tl, positions);
        all.offsets = tl_load_tensor(tl, offsets);
    }
    for (uint32_t head = 0; head < it->kv_heads; head++) {
        uint64_t mark = tl_mark(tl);
        attend(tl, &all, head);
        tl_release(tl, mark);
    }
}

/* ---- scratch memory ---- */

/* What attend_to_block takes where all ranks' keys are seen. The last rank sees all of them in the first block. A mask
 * takes less, beside less, than the weights do that are made of it. */
static void take_block(weft__attention_scratch *scratch, const weft__attention *it, uint32_t ranks)
{
    uint64_t rows = (uint64_t)it->sharers * it->queries, scores = rows * it->block,
             block = (uint64_t)it->block * it->head_dim;
    weft__attention_take(scratch, 1, block, it->dtype);              /* keys */
    weft__attention_take(scratch, 1, ranks * rows, WEFT_F32);        /* the greatest of each rank's scores */
    weft__attention_take(scratch, 5, rows, WEFT_F32);                /* of all; what sums are multiplied by, and made */
    weft__attention_take(scratch, 1, rows * it->head_dim, WEFT_F32); /* the output so far */
    weft__attention_take(scratch, 1, block, it->dtype);              /* values */
    if (ranks > 1 && !it->stays_in_slots)
        weft__attention_take(scratch, 1, block, it->dtype); /* those of another rank */
    weft__attention_take(scratch, 2, scores, WEFT_F32);     /* differences and weights */
    weft__attention_take(scratch, 2, rows, WEFT_F32);       /* their sums, and those so far */
    weft__attention_take(scratch, 1, scores, it->dtype);    /* weights that multiply values */
}

/* Tensor by tensor what the kernel does for a head. */
uint64_t weft__attention_prefill_bytes(const weft__attention *it, uint32_t ranks)
{
    uint64_t rows = (uint64_t)it->sharers * it->queries, output = rows * it->head_dim;
    weft__attention_scratch scratch = {0};
    if (it->is_causal) {
        weft__attention_take(&scratch, 1, rows, WEFT_F32);      /* positions */
        weft__attention_take(&scratch, 1, it->block, WEFT_F32); /* offsets */
    }
    weft__attention_take(&scratch, 1, output, it->dtype); /* queries */
    weft__attention_take(&scratch, 2, rows, WEFT_F32);    /* the greatest and sums */
    weft__attention_take(&scratch, 2, output, WEFT_F32);
    weft__attention_take(&scratch, 1, ranks * rows * it->block, WEFT_F32); /* scores */
    uint64_t mark = scratch.used_bytes;
    take_block(&scratch, it, ranks);
    scratch.used_bytes = mark;
    weft__attention_take(&scratch, 1, rows, WEFT_F32);    /* what the output is multiplied by */
    weft__attention_take(&scratch, 1, output, WEFT_F32);  /* the result */
    weft__attention_take(&scratch, 1, output, it->dtype); /* and in the dtype */
    return scratch.most_bytes;
}
