/* Decode: one query of each head, which all ranks of a group have.
 *
 * Each rank attends to its own tokens, for all heads at once. That gives, for each row, the greatest score m, the sum l
 * of the weights exp(score - m), and the values O summed up with these weights. The triplets go round in two journeys.
 * Pairs of m and l go first, while the values are still multiplied. When a rank knows all of them, it knows which share
 * of the result its O is, and makes it that; after that the O of the ranks need only be added up, in any order, and
 * straight from the slots in which they come. Adding in another order changes no more than the last bits of f32.
 *
 * In a rectangle of cubes each journey goes through the cubes first. A pair for all ranks of a cube, and the sum of
 * their O, then go along a row of cubes, and those for the row along a column. */
#include "base/size.h"
#include "sim/benches/mesh_attention.h"

/* ---- attention of one rank ---- */

static uint32_t rows_of(const weft__attention *it)
{
    return it->kv_heads * it->sharers;
}

/* Rows of a head, which its sharers have. */
static tl_tensor rows_of_head(weft_tile *tl, const weft__attention *it, tl_tensor tensor, uint32_t head)
{
    return tl_slice(tl, tensor, 0, (uint64_t)head * it->sharers, it->sharers);
}

/* Keys or values of a head, where they are in memory. */
static tl_tensor tokens_of_head(weft_tile *tl, const weft__attention *it, const weft_placed_tensor *cache,
                                uint32_t head)
{
    return tl_slice(tl, tl_shard(tl, cache), 0, (uint64_t)head * it->tokens, it->tokens);
}

static tl_tensor load_queries(weft_tile *tl, const weft__attention *it)
{
    uint64_t group = tl_program_id(tl, TL_AXIS_GROUP) / (it->cube_columns * it->cube_rows);
    uint64_t first = group * rows_of(it);
    tl_tensor rows = tl_slice(tl, tl_shard(tl, it->query), 0, first, rows_of(it));
    return tl_load_tensor(tl, rows);
}

/* Products under way, one for each head. */
typedef struct products {
    tl_command of_head[WEFT__ATTENTION_KV_HEADS];
} products;

static void wait_for(weft_tile *tl, const weft__attention *it, const products *all)
{
    for (uint32_t head = 0; head < it->kv_heads; head++)
        tl_wait(tl, all->of_head[head]);
}

/* Scores [rows, tokens]: the keys are streamed from memory while they are multiplied. */
static products begin_scores(weft_tile *tl, const weft__attention *it, tl_tensor queries, tl_tensor scores)
{
    products all;
    for (uint32_t head = 0; head < it->kv_heads; head++)
        all.of_head[head] = weft__attention_product(tl, rows_of_head(tl, it, queries, head),
                                                    tl_trans(tl, tokens_of_head(tl, it, it->key, head)), NULL,
                                                    it->scale, rows_of_head(tl, it, scores, head));
    return all;
}

/* The same of values and their weights. */
static products begin_output(weft_tile *tl, const weft__attention *it, tl_tensor weights, tl_tensor output)
{
    products all;
    for (uint32_t head = 0; head < it->kv_heads; head++)
        all.of_head[head] =
            weft__attention_product(tl, rows_of_head(tl, it, weights, head), tokens_of_head(tl, it, it->value, head),
                                    NULL, 1, rows_of_head(tl, it, output, head));
    return all;
}

/* ---- shares ---- */

/* Beside the output of some ranks, row by row: the greatest score, and the sum of the weights. */
typedef struct pair {
    tl_tensor greatest, sum; /* [1, rows] */
} pair;

/* Of all ranks of a path together: M, the greatest m, and the sum of l exp(m - M). A row of the table has the greatest
 * scores of a rank, and then its sums. */
static pair join_pairs(weft_tile *tl, const weft__attention_path *path, const pair *own)
{
    uint64_t rows = own->sum.shape.extent[1];
    tl_tensor table = tl_empty(tl, weft_shape_2d(path->ranks, 2 * rows), WEFT_F32);
    tl_tensor row = tl_slice(tl, table, 0, path->rank, 1);
    tl_copy(tl, weft__attention_place(tl, tl_slice(tl, row, 1, 0, rows)), own->greatest);
    tl_copy(tl, weft__attention_place(tl, tl_slice(tl, row, 1, rows, rows)), own->sum);
    weft__attention_gather(tl, path, table);

    tl_tensor all = tl_slice(tl, table, 1, 0, rows), sums = tl_slice(tl, table, 1, rows, rows);
    tl_tensor greatest = tl_max(tl, all, 0);
    tl_tensor scaled = tl_mul(tl, sums, tl_exp(tl, tl_sub(tl, all, greatest)));
    return (pair){.greatest = greatest, .sum = tl_sum(tl, scaled, 0)};
}

/* What the own output is multiplied by to be a part of the result: exp(m - M) / L, where M and L are those of all. */
static tl_tensor share_of(weft_tile *tl, const weft__attention_path *paths, uint32_t path_count, const pair *own)
{
    pair all = *own;
    for (uint32_t i = 0; i < path_count; i++)
        all = join_pairs(tl, &paths[i], &all);
    return tl_div(tl, tl_exp(tl, tl_sub(tl, own->greatest, all.greatest)), all.sum);
}

/* Of all rows, some at a time: [rows, 1]. */
static tl_tensor shares_of(weft_tile *tl, const weft__attention *it, const weft__attention_path *paths,
                           uint32_t path_count, const pair *own)
{
    uint64_t rows = rows_of(it);
    tl_tensor shares = tl_empty(tl, weft_shape_2d(rows, 1), WEFT_F32);
    for (uint64_t first = 0; first < rows; first += it->pair_rows) {
        uint64_t count = weft__min_size(it->pair_rows, rows - first), mark = tl_mark(tl);
        const pair some = {.greatest = tl_slice(tl, own->greatest, 1, first, count),
                           .sum = tl_slice(tl, own->sum, 1, first, count)};
        tl_tensor place = weft__attention_place(tl, tl_slice(tl, shares, 0, first, count));
        tl_tensor share = share_of(tl, paths, path_count, &some);
        tl_copy(tl, place, tl_reshape(tl, share, place.shape));
        tl_release(tl, mark);
    }
    return weft__attention_place(tl, shares);
}

/* ---- outputs ---- */

/* What all ranks have together, in place of what this one has: what comes is added to it. */
typedef struct joined {
    tl_tensor parts[WEFT__ATTENTION_PARTS];
    uint32_t rank;
} joined;

/* Element by element, so a sum may stand where one of its operands was. */
static void add_output(weft_tile *tl, void *context, uint32_t part, uint32_t origin, tl_tensor output)
{
    const joined *it = context;
    if (origin == it->rank)
        return;
    const tl_composite_request request = {
        .op = WEFT_COMMAND_ADD, .a = it->parts[part], .b = output, .out = it->parts[part].address, .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
}

/* So many rows of the output. */
static tl_tensor part_at(weft_tile *tl, const weft__attention *it, tl_tensor output, uint32_t part)
{
    uint32_t first = part * it->output_rows;
    uint64_t count = weft__min_size(it->output_rows, rows_of(it) - first);
    return weft__attention_place(tl, tl_slice(tl, output, 0, first, count));
}

static void join_outputs(weft_tile *tl, const weft__attention *it, const weft__attention_path *path,
                         weft__attention_travel *travel, tl_tensor output)
{
    uint32_t parts = (uint32_t)weft__ceil_div(rows_of(it), it->output_rows);
    joined all = {.rank = path->rank};
    for (uint32_t first = 0; first < parts; first += it->together) {
        uint32_t count = (uint32_t)weft__min_size(it->together, parts - first);
        for (uint32_t i = 0; i < count; i++)
            all.parts[i] = part_at(tl, it, output, first + i);
        travel(tl, it, path, all.parts, count, add_output, &all);
    }
}

/* ---- the kernel ---- */

/* Of a tensor [rows, 1]. */
static tl_tensor as_row(weft_tile *tl, tl_tensor column)
{
    return tl_reshape(tl, column, weft_shape_2d(1, column.shape.extent[0]));
}

void weft__attention_decode_by(weft_tile *tl, const weft__attention *it, weft__attention_travel *travel)
{
    weft__attention_path paths[WEFT__ATTENTION_PATHS];
    uint32_t path_count = weft__attention_paths(tl, it, paths);
    tl_tensor scores = tl_empty(tl, weft_shape_2d(rows_of(it), it->tokens), WEFT_F32);
    products under_way = begin_scores(tl, it, load_queries(tl, it), scores);
    wait_for(tl, it, &under_way);
    tl_tensor greatest = tl_max(tl, scores, 1);
    tl_tensor weights = tl_exp(tl, tl_sub(tl, scores, greatest));
    tl_tensor output = tl_empty(tl, weft_shape_2d(rows_of(it), it->head_dim), WEFT_F32);
    under_way = begin_output(tl, it, tl_cast(tl, weights, it->dtype), output);

    const pair own = {.greatest = as_row(tl, greatest), .sum = as_row(tl, tl_sum(tl, weights, 1))};
    tl_tensor shares = shares_of(tl, it, paths, path_count, &own);
    wait_for(tl, it, &under_way);
    output = weft__attention_place(tl, tl_mul(tl, output, shares));
    for (uint32_t i = 0; i < path_count; i++)
        join_outputs(tl, it, &paths[i], travel, output);
    tl_store(tl, tl_shard(tl, it->output).address, tl_cast(tl, output, it->dtype));
}

void weft__attention_decode(weft_tile *tl, const void *arguments)
{
    weft__attention_decode_by(tl, arguments, weft__attention_go_round);
}

/* ---- scratch memory ---- */

/* What share_of takes: join_pairs for each path, and the share. */
static void take_pairs(weft__attention_scratch *scratch, const weft__attention *it, uint32_t ranks)
{
    const uint32_t paths[WEFT__ATTENTION_PATHS] = {ranks, it->cube_columns, it->cube_rows};
    uint64_t rows = it->pair_rows;
    for (uint32_t i = 0; i < WEFT__ATTENTION_PATHS; i++) {
        if (i > 0 && paths[i] == 1)
            continue;
        weft__attention_take(scratch, 1, paths[i] * 2 * rows, WEFT_F32); /* the table */
        weft__attention_take(scratch, 1, rows, WEFT_F32);                /* the greatest */
        weft__attention_take(scratch, 3, paths[i] * rows, WEFT_F32);     /* what the sums are multiplied by, and made */
        weft__attention_take(scratch, 1, rows, WEFT_F32);                /* their sum */
    }
    weft__attention_take(scratch, 3, rows, WEFT_F32);
}

/* Tensor by tensor what the kernel does. */
uint64_t weft__attention_decode_bytes(const weft__attention *it, uint32_t ranks)
{
    uint64_t rows = rows_of(it), scores = rows * it->tokens, output = rows * it->head_dim;
    weft__attention_scratch scratch = {0};
    weft__attention_take(&scratch, 1, scores, WEFT_F32);
    weft__attention_take(&scratch, 1, output, it->dtype); /* queries */
    weft__attention_take(&scratch, 1, rows, WEFT_F32);    /* the greatest */
    weft__attention_take(&scratch, 2, scores, WEFT_F32);  /* differences and weights */
    weft__attention_take(&scratch, 1, output, WEFT_F32);
    weft__attention_take(&scratch, 1, scores, it->dtype); /* weights that multiply values */
    weft__attention_take(&scratch, 2, rows, WEFT_F32);    /* sums and shares */
    uint64_t mark = scratch.used_bytes;
    take_pairs(&scratch, it, ranks);
    scratch.used_bytes = mark;
    weft__attention_take(&scratch, 1, output, WEFT_F32); /* the share of it */
    mark = scratch.used_bytes;
    bool is_alone = ranks * it->cube_columns * it->cube_rows == 1;
    if (!is_alone && !it->stays_in_slots)
        weft__attention_take(&scratch, 1, (uint64_t)it->output_rows * it->head_dim, WEFT_F32);
    scratch.used_bytes = mark;
    weft__attention_take(&scratch, 1, output, it->dtype);
    return scratch.most_bytes;
}
