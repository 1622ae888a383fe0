/* Decode: one query of each head, which all ranks of a group have.
 *
 * Each rank attends to its own tokens, for all heads at once. That gives, for each row, the greatest score m, the sum l
 * of the weights exp(score - m), and the values O summed up with these weights. The triplets go round in two journeys.
 * Pairs of m and l go first, while the values are still multiplied. When a rank knows all of them, it knows which share
 * of the result its O is, and makes it that; after that the O of the ranks need only be added up, in any order, and
 * straight from the slots in which they come. Adding in another order changes no more than the last bits of f32. */
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
    uint64_t first = (uint64_t)tl_program_id(tl, TL_AXIS_GROUP) * rows_of(it);
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

/* Row by row, of the ranks: greatest scores in the first half of the columns, sums of weights in the second. */
static tl_tensor gather_pairs(weft_tile *tl, const weft__attention *it, tl_tensor greatest, tl_tensor sum)
{
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK), ranks = tl_num_programs(tl, TL_AXIS_RANK);
    uint64_t rows = rows_of(it);
    weft_shape as_row = weft_shape_2d(1, rows);
    tl_tensor table = tl_empty(tl, weft_shape_2d(ranks, 2 * rows), WEFT_F32);
    tl_tensor own = tl_slice(tl, table, 0, rank, 1);
    tl_copy(tl, weft__attention_place(tl, tl_slice(tl, own, 1, 0, rows)), tl_reshape(tl, greatest, as_row));
    tl_copy(tl, weft__attention_place(tl, tl_slice(tl, own, 1, rows, rows)), tl_reshape(tl, sum, as_row));
    weft__attention_gather(tl, it, table);
    return table;
}

/* What the own output is multiplied by to be a part of the result: exp(m - M) / L, of all ranks M the greatest m, and L
 * the sum of l exp(m - M). */
static tl_tensor own_share(weft_tile *tl, const weft__attention *it, tl_tensor table)
{
    uint64_t rows = rows_of(it);
    tl_tensor greatest = tl_slice(tl, table, 1, 0, rows), sums = tl_slice(tl, table, 1, rows, rows);
    tl_tensor scale = tl_exp(tl, tl_sub(tl, greatest, tl_max(tl, greatest, 0)));
    tl_tensor all = tl_sum(tl, tl_mul(tl, sums, scale), 0);
    tl_tensor own = tl_div(tl, tl_slice(tl, scale, 0, tl_program_id(tl, TL_AXIS_RANK), 1), all);
    return tl_reshape(tl, own, weft_shape_2d(rows, 1));
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

static void join_outputs(weft_tile *tl, const weft__attention *it, weft__attention_travel *travel, tl_tensor output)
{
    uint32_t parts = (uint32_t)weft__ceil_div(rows_of(it), it->output_rows);
    joined all = {.rank = tl_program_id(tl, TL_AXIS_RANK)};
    for (uint32_t first = 0; first < parts; first += it->together) {
        uint32_t count = (uint32_t)weft__min_size(it->together, parts - first);
        for (uint32_t i = 0; i < count; i++)
            all.parts[i] = part_at(tl, it, output, first + i);
        travel(tl, it, all.parts, count, add_output, &all);
    }
}

/* ---- the kernel ---- */

void weft__attention_decode_by(weft_tile *tl, const weft__attention *it, weft__attention_travel *travel)
{
    tl_tensor scores = tl_empty(tl, weft_shape_2d(rows_of(it), it->tokens), WEFT_F32);
    products under_way = begin_scores(tl, it, load_queries(tl, it), scores);
    wait_for(tl, it, &under_way);
    tl_tensor greatest = tl_max(tl, scores, 1);
    tl_tensor weights = tl_exp(tl, tl_sub(tl, scores, greatest));
    tl_tensor output = tl_empty(tl, weft_shape_2d(rows_of(it), it->head_dim), WEFT_F32);
    under_way = begin_output(tl, it, tl_cast(tl, weights, it->dtype), output);
    tl_tensor share = own_share(tl, it, gather_pairs(tl, it, greatest, tl_sum(tl, weights, 1)));
    wait_for(tl, it, &under_way);
    output = weft__attention_place(tl, tl_mul(tl, output, share));
    join_outputs(tl, it, travel, output);
    tl_store(tl, tl_shard(tl, it->output).address, tl_cast(tl, output, it->dtype));
}

void weft__attention_decode(weft_tile *tl, const void *arguments)
{
    weft__attention_decode_by(tl, arguments, weft__attention_go_round);
}
