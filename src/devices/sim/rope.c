/* rope, rms_norm_rope: heads are of whoever has them in the output.
 *
 * Every element of a pair becomes itself times the cosine of its angle plus the other one times the sine, with a minus
 * for the first of them. The other one stands a fixed way behind or before, so the heads are laid between two margins
 * and read from there once more, that way on and that way back, each as one piece: what is read across the border of
 * two heads is never taken. Elements that do not turn are taken as they are, not times 1 and 0, which would make NaN of
 * an infinite neighbour. */
#include <inttypes.h>
#include <math.h>

#include "devices/host/args.h"
#include "devices/sim/norm.h"
#include "ops/ops_impl.h"

/* The op as one PE sees it. */
typedef struct rope {
    const weft__sim_call *call;
    uint32_t positions_index; /* which argument they are */
    const weft__sim_view *x, *out;
    const weft__sim_view *weight; /* of the norm of heads before they turn; NULL: there is no norm */
    weft__sim_norm norm;
    tl_tensor norm_weight;
    weft__rope_args args;
    uint64_t way;         /* from the first element of a pair to the second */
    double *frequency;    /* of each pair */
    float *cosine, *sine; /* for each element of a head, for some tokens */
    int32_t *positions;   /* of these */
    /* [1, 1, head_dim]: 1 for the first of a pair, and for what turns; and [way] for the margins. */
    tl_tensor is_first, turns, margin;
} rope;

/* ---- numbers of the processor ---- */

static size_t first_of_pair(const rope *it, size_t pair)
{
    return it->args.interleaved ? 2 * pair : pair;
}

/* The positions, cosines and sines of tokens [first, first + count). False, and noted, if one is negative. */
static bool find_angles(weft_tile *tl, const rope *it, uint64_t first, uint64_t count)
{
    const weft__rope_args *args = &it->args;
    weft__sim_peek(tl, it->call, it->positions_index, first, count, it->positions);
    for (uint64_t token = 0; token < count; token++) {
        int32_t position = it->positions[token];
        if (position < 0) {
            weft__sim_fault(it->call, (weft__fault){WEFT__FAULT_POSITION, (size_t)(first + token), 0, position});
            return false;
        }
        float *cosine = it->cosine + token * args->head_dim, *sine = it->sine + token * args->head_dim;
        for (size_t i = 0; i < args->head_dim; i++)
            cosine[i] = sine[i] = 0;
        for (size_t pair = 0; pair < args->rotary_dims / 2; pair++) {
            double angle = position * args->position_scale * it->frequency[pair];
            size_t at = first_of_pair(it, pair);
            cosine[at] = cosine[at + it->way] = (float)cos(angle);
            sine[at] = -(float)sin(angle);
            sine[at + it->way] = (float)sin(angle);
        }
    }
    return true;
}

/* What stays the same for all heads. */
static void prepare(weft_tile *tl, rope *it, uint64_t tokens)
{
    const weft__rope_args *args = &it->args;
    size_t pairs = args->rotary_dims / 2, head_dim = args->head_dim;
    it->frequency = weft__sim_host_memory(
        tl, it->call, pairs * sizeof(double) + tokens * (2 * head_dim * sizeof(float) + sizeof(int32_t)));
    it->cosine = (float *)(void *)(it->frequency + pairs);
    it->sine = it->cosine + tokens * head_dim;
    it->positions = (int32_t *)(void *)(it->sine + tokens * head_dim);
    /* Sines and cosines have not been found yet. */
    float *is_first = it->cosine, *turns = it->sine;
    for (size_t i = 0; i < head_dim; i++)
        is_first[i] = turns[i] = 0;
    for (size_t pair = 0; pair < pairs; pair++) {
        size_t at = first_of_pair(it, pair);
        it->frequency[pair] = pow(args->theta, -2.0 * (double)pair / (double)args->frequency_dims);
        is_first[at] = turns[at] = turns[at + it->way] = 1;
    }
    it->is_first = tl_constant(tl, weft_shape_3d(1, 1, head_dim), WEFT_F32, is_first);
    it->turns = tl_constant(tl, weft_shape_3d(1, 1, head_dim), WEFT_F32, turns);
    it->margin = tl_full(tl, weft_shape_1d(it->way), WEFT_F32, 0);
    if (it->weight) {
        const weft_rms_norm_rope_params *params = it->call->dispatch->params;
        it->norm = weft__sim_norm_begin(tl, &params->norm, it->weight, head_dim);
        if (it->norm.weight_bytes)
            it->norm_weight = weft__sim_norm_weight(tl, &it->norm, 0, head_dim);
    }
}

/* ---- turning ---- */

/* Part of a line, in the shape of heads. */
static tl_tensor heads_at(weft_tile *tl, tl_tensor line, uint64_t first, weft_shape shape)
{
    return tl_reshape(tl, tl_slice(tl, line, 0, first, weft_shape_elements(&shape)), shape);
}

/* Heads from head `row` of all on, to their place in scratch memory. */
static void bring_heads(weft_tile *tl, const rope *it, uint64_t row, tl_tensor place)
{
    uint64_t head_dim = it->args.head_dim, first = row * head_dim, elements = weft_shape_elements(&place.shape);
    if (!it->weight) {
        weft__sim_load_to(tl, place, it->x, first);
        return;
    }
    uint64_t mark = tl_mark(tl);
    tl_tensor x = weft__sim_load(tl, it->x, first, elements);
    x = tl_reshape(tl, x, weft_shape_2d(elements / head_dim, head_dim));
    x = weft__sim_normalise(tl, &it->norm, x, it->norm_weight);
    tl_copy(tl, place, tl_reshape(tl, x, place.shape));
    tl_release(tl, mark);
}

/* `heads` heads of each of `tokens` tokens, one behind another from head `row` of all on. */
static void turn_heads(weft_tile *tl, const rope *it, uint64_t row, uint64_t tokens, uint64_t heads)
{
    uint64_t head_dim = it->args.head_dim, way = it->way, mark = tl_mark(tl);
    weft_shape shape = weft_shape_3d(tokens, heads, head_dim), angles = weft_shape_3d(tokens, 1, head_dim);
    uint64_t elements = weft_shape_elements(&shape);
    tl_tensor cosine = tl_constant(tl, angles, WEFT_F32, it->cosine);
    tl_tensor sine = tl_constant(tl, angles, WEFT_F32, it->sine);

    tl_tensor line = tl_empty(tl, weft_shape_1d(way + elements + way), WEFT_F32);
    tl_copy(tl, tl_slice(tl, line, 0, 0, way), it->margin);
    tl_copy(tl, tl_slice(tl, line, 0, way + elements, way), it->margin);
    bring_heads(tl, it, row, tl_slice(tl, line, 0, way, elements));
    tl_tensor x = heads_at(tl, line, way, shape);
    tl_tensor other = tl_where(tl, it->is_first, heads_at(tl, line, 2 * way, shape), heads_at(tl, line, 0, shape));

    tl_tensor out = tl_fma(tl, other, sine, tl_mul(tl, x, cosine));
    if (it->args.rotary_dims < head_dim)
        out = tl_where(tl, it->turns, out, x);
    weft__sim_store(tl, it->out, row * head_dim, out);
    tl_release(tl, mark);
}

/* How many heads are turned at once: each with its line, its others, two products and the result, and maybe with
 * cosines and sines of its own; besides there are two masks, and the margins three times. A norm is made while there
 * are the line, cosines and sines only; it needs the weight and two numbers besides. */
static uint64_t heads_together(weft_tile *tl, const rope *it, uint64_t count)
{
    uint64_t head_dim = it->args.head_dim;
    uint64_t fixed = (2 * head_dim + 3 * it->way) * sizeof(float), each = 7 * head_dim * sizeof(float);
    if (it->weight) {
        each += WEFT__SIM_NORM_ROW_BYTES;
        fixed += 3 * sizeof(float);
        fixed += it->weight->memory ? head_dim * (weft__sim_f32_bytes(it->weight) + sizeof(float)) : 0;
    }
    uint64_t heads = weft__sim_rows_at_once(it->call, each, fixed, count);
    if (heads == 0)
        weft__sim_refuse(tl, WEFT_OUT_OF_MEMORY,
                         "Scratch memory of %" PRIu64 " bytes has no room for a head of %" PRIu64 " elements.",
                         it->call->room_bytes, head_dim);
    return heads;
}

static void run(weft_tile *tl, rope *it)
{
    it->args = weft__host_rope_args(it->call->dispatch);
    it->way = it->args.interleaved ? 1 : it->args.pair_offset;
    weft__sim_rows own = weft__sim_own_rows(tl, it->out, it->args.head_dim);
    if (own.count == 0)
        return;
    uint64_t together = heads_together(tl, it, own.count), of_token = it->args.heads;
    prepare(tl, it, together / of_token + 1);
    for (uint64_t done = 0, tokens, heads; done < own.count; done += tokens * heads) {
        uint64_t row = own.first + done, left = own.count - done;
        uint64_t most = left < together ? left : together;
        uint64_t rest = of_token - row % of_token; /* heads of this token */
        heads = rest < most ? rest : most;
        tokens = heads == of_token ? most / of_token : 1;
        if (!find_angles(tl, it, row / of_token, tokens))
            return;
        turn_heads(tl, it, row, tokens, heads);
    }
}

static void run_rope(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft__sim_view *at = call->arguments;
    rope it = {.call = call, .x = &at[0], .positions_index = 1, .out = &at[2]};
    run(tl, &it);
}

static void run_rms_norm_rope(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft__sim_view *at = call->arguments;
    rope it = {.call = call, .x = &at[0], .weight = &at[1], .positions_index = 2, .out = &at[3]};
    run(tl, &it);
}

const weft__sim_kernel weft__sim_kernel_rope = {.kernel = {&weft__op_rope}, .tile = run_rope};
const weft__sim_kernel weft__sim_kernel_rms_norm_rope = {.kernel = {&weft__op_rms_norm_rope},
                                                         .tile = run_rms_norm_rope};
