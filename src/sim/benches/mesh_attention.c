/* mesh-attention: grouped-query attention, as layers of language models have it, over PEs that divide heads and tokens.
 *
 * The kernels are in mesh_attention_decode.c and mesh_attention_prefill.c; what goes from rank to rank goes as
 * mesh_attention_travel.c says. Tensors lie as the ranks have them: [group, rank, head, token or query, head_dim]. */
#include "sim/benches/mesh_attention.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "sim/benches/bench.h"
#include "sim/benches/rank_set.h"
#include "sim/machine/address.h"
#include "sim/machine/machine.h"

/* ---- what both kernels use ---- */

tl_command weft__attention_product(weft_tile *tl, tl_tensor a, tl_tensor b, const tl_tensor *bias, double factor,
                                   tl_tensor out)
{
    const weft_epilogue scale = {.op = WEFT_EPILOGUE_SCALE, .scope = WEFT_SCOPE_OUTPUT_TILE, .factor = factor};
    const weft_epilogue add = {.op = WEFT_EPILOGUE_BIAS, .scope = WEFT_SCOPE_OUTPUT_TILE};
    tl_epilogue epilogues[2];
    uint32_t count = 0;
    if (factor != 1)
        epilogues[count++] = (tl_epilogue){.step = scale};
    if (bias)
        epilogues[count++] = (tl_epilogue){.step = add, .operand = *bias};
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = b,
                                          .out = out.address,
                                          .dtype = out.dtype,
                                          .epilogues = epilogues,
                                          .epilogue_count = count};
    return tl_composite(tl, &request);
}

tl_tensor weft__attention_place(weft_tile *tl, tl_tensor tensor)
{
    return tl_ref(tl, tensor.address, tensor.shape, tensor.dtype);
}

void weft__attention_take(weft__attention_scratch *scratch, uint32_t tensors, uint64_t elements, weft_dtype dtype)
{
    for (uint32_t i = 0; i < tensors; i++) {
        uint64_t begin = weft__ceil_div(scratch->used_bytes, WEFT__SCRATCH_ALIGNMENT) * WEFT__SCRATCH_ALIGNMENT;
        scratch->used_bytes = begin + elements * weft_dtype_bytes(dtype);
    }
    scratch->most_bytes = weft__max_size(scratch->most_bytes, scratch->used_bytes);
}

/* ---- settings ---- */

typedef enum mode {
    DECODE,
    PREFILL
} mode;

/* How the ranks of a group stand. */
typedef enum standing {
    RING,
    LINE,
    CUBES
} standing;

#define RANKS_MAX 4096u /* of a group */

static const char *const modes[] = {"decode", "prefill", NULL};
static const char *const standings[] = {"ring", "line", "cubes", NULL};
static const char *const answers[] = {"no", "yes", NULL};

static const weft_sim_bench_key keys[] = {
    {"mode", "One new token (decode), or many (prefill).", modes, DECODE, 0, 0},
    {"ranks", "PEs of a group, which divide the tokens.", NULL, 8, 1, RANKS_MAX},
    {"groups", "Groups of PEs, which divide the heads; all are some PEs of a cube, whole cubes, or whole SIPs.", NULL,
     1, 1, 4096},
    {"q_heads", "Query heads, a multiple of kv_heads.", NULL, 16, 1, 4096},
    {"kv_heads", "Heads of keys and values, each shared by as many query heads; a multiple of groups.", NULL, 2, 1,
     WEFT__ATTENTION_KV_HEADS},
    {"head_dim", "Numbers in a query, key or value.", NULL, 64, 1, 4096},
    {"cached", "Tokens that have keys and values, the new ones included; a multiple of ranks.", NULL, 1024, 1,
     16777216},
    {"queries", "New tokens, the last of these, in prefill; a multiple of ranks.", NULL, 256, 1, 1048576},
    {"causal", "Whether, in prefill, a new token sees none after it.", answers, 1, 0, 0},
    {"path",
     "How the ranks of a group stand: in a ring; in a line, without a way from its last to its first; or, in decode, "
     "in the ring of each cube, and in lines from cube to cube.",
     standings, RING, 0, 0},
    {"dtype", "Of queries, keys, values and the output.", weft__bench_float_names, 0, 0, 0},
    {0},
};

typedef struct bench {
    weft__attention kernel; /* first */
    mode mode;
    uint32_t ranks, groups, q_heads, kv_heads, cached;
    uint32_t rows; /* of one rank: its query heads times its queries */
    const double *query_numbers, *key_numbers, *value_numbers;
    double *weights; /* room for the reference: one for each token */
} bench;

static uint32_t number(const weft__bench_run *run, const char *key)
{
    return (uint32_t)weft__bench_number(run, key);
}

/* Ends the run unless `whole` is a multiple of `parts`. */
static void check_parts(weft__bench_run *run, const char *whole_key, uint32_t whole, const char *parts_key,
                        uint32_t parts)
{
    if (whole % parts != 0)
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT, "%s=%" PRIu32 " is no multiple of %s=%" PRIu32 ".", whole_key,
                         whole, parts_key, parts);
}

/* Ends the run where there are more rows, or useful operations, than can be counted. */
static void check_counts(weft__bench_run *run, const bench *it, uint32_t queries)
{
    uint64_t rows = (uint64_t)it->q_heads * queries, flops;
    if (rows > UINT32_MAX)
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT,
                         "q_heads=%" PRIu32 " times queries=%" PRIu32 " makes %" PRIu64 " rows, but at most %" PRIu32
                         " can be.",
                         it->q_heads, queries, rows, UINT32_MAX);
    if (__builtin_mul_overflow(4 * rows * it->cached, it->kernel.head_dim, &flops))
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT,
                         "q_heads=%" PRIu32 " times queries=%" PRIu32 ", cached=%" PRIu32 " and head_dim=%" PRIu32
                         " makes more operations than 64 bits can count.",
                         it->q_heads, queries, it->cached, it->kernel.head_dim);
}

/* Ranks of a group as a rectangle of cubes. */
typedef struct rectangle {
    bool fits;
    uint32_t columns, rows;
} rectangle;

/* A group is a cube or an equal part of one, or a row of cubes or an equal part of one, or an equal part of a SIP's
 * rows; a group alone may be any part of a cube. Then cubes of a group follow one another as cubes are numbered: row by
 * row, in one SIP. */
static rectangle rectangle_of(const weft__machine_spec *spec, uint32_t ranks, bool is_alone)
{
    uint32_t pes = spec->cube.pe_count, columns = spec->sip.columns, rows = spec->sip.rows;
    uint32_t cubes = (uint32_t)weft__ceil_div(ranks, pes);
    bool is_in_cube = cubes == 1 && (pes % ranks == 0 || is_alone), is_whole = ranks % pes == 0;
    bool is_in_row = is_whole && columns % cubes == 0;
    bool is_rows = is_whole && cubes % columns == 0 && rows % (cubes / columns) == 0;
    return (rectangle){.fits = is_in_cube || is_in_row || is_rows,
                       .columns = cubes < columns ? cubes : columns,
                       .rows = is_rows ? cubes / columns : 1};
}

/* The numbers of ranks that fit: "1 to 8, 16 or 32". No machine has so many PEs in a cube, and cubes, that the text
 * would take 200 bytes. */
static void list_ranks(const weft__machine_spec *spec, bool is_alone, char *text, size_t bytes)
{
    size_t begin = bytes - 1;
    const char *behind = "";
    text[begin] = 0;
    for (uint32_t last = RANKS_MAX, first; last > 0; last = first - 1) {
        char one[48];
        first = last;
        if (!rectangle_of(spec, last, is_alone).fits)
            continue;
        while (first > 1 && rectangle_of(spec, first - 1, is_alone).fits)
            first--;
        if (last - first < 2) /* two are no range */
            first = last;
        int length = first < last ? snprintf(one, sizeof one, "%" PRIu32 " to %" PRIu32 "%s", first, last, behind)
                                  : snprintf(one, sizeof one, "%" PRIu32 "%s", last, behind);
        assert((size_t)length <= begin);
        begin -= (size_t)length;
        memcpy(text + begin, one, (size_t)length);
        behind = behind[0] ? ", " : " or ";
    }
    memmove(text, text + begin, bytes - begin);
}

/* Makes a group a rectangle of cubes. Ends the run if it is none. */
static void divide_over_cubes(weft__bench_run *run, bench *it)
{
    const weft_machine *machine = weft__bench_machine(run);
    bool is_alone = it->groups == 1;
    const rectangle cubes = rectangle_of(machine->spec, it->ranks, is_alone);
    if (it->mode == PREFILL)
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT, "path=cubes goes with mode=decode only.");
    if (!cubes.fits) {
        char all[256];
        list_ranks(machine->spec, is_alone, all, sizeof all);
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT,
                         "ranks=%" PRIu32 " does not divide the cubes of '%s' evenly: with path=cubes it can be %s.",
                         it->ranks, machine->spec->name, all);
    }
    it->kernel.cube_columns = cubes.columns;
    it->kernel.cube_rows = cubes.rows;
}

static bench read_settings(weft__bench_run *run)
{
    bench it = {.mode = (mode)weft__bench_number(run, "mode"),
                .ranks = number(run, "ranks"),
                .groups = number(run, "groups"),
                .q_heads = number(run, "q_heads"),
                .kv_heads = number(run, "kv_heads"),
                .cached = number(run, "cached")};
    uint32_t queries = it.mode == PREFILL ? number(run, "queries") : 1;
    check_parts(run, "q_heads", it.q_heads, "kv_heads", it.kv_heads);
    check_parts(run, "kv_heads", it.kv_heads, "groups", it.groups);
    check_parts(run, "cached", it.cached, "ranks", it.ranks);
    if (it.mode == PREFILL)
        check_parts(run, "queries", queries, "ranks", it.ranks);
    if (queries > it.cached)
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT,
                         "queries=%" PRIu32 " are more than all tokens, cached=%" PRIu32 ".", queries, it.cached);
    uint32_t head_dim = number(run, "head_dim");
    it.kernel = (weft__attention){.kv_heads = it.kv_heads / it.groups,
                                  .sharers = it.q_heads / it.kv_heads,
                                  .head_dim = head_dim,
                                  .queries = it.mode == PREFILL ? queries / it.ranks : 1,
                                  .tokens = it.cached / it.ranks,
                                  .first_position = it.cached - queries,
                                  .is_causal = it.mode == PREFILL && weft__bench_number(run, "causal") == 1,
                                  .scale = 1 / sqrt(head_dim),
                                  .is_ring = weft__bench_number(run, "path") != LINE,
                                  .cube_columns = 1,
                                  .cube_rows = 1,
                                  .dtype = weft__bench_dtype(run, "dtype")};
    check_counts(run, &it, queries);
    if (weft__bench_number(run, "path") == CUBES)
        divide_over_cubes(run, &it);
    it.rows = it.q_heads / it.groups * it.kernel.queries;
    return it;
}

/* ---- messages ---- */

/* How many of the two neighbours a PE in the midst of so many has. */
static uint64_t neighbours_of(uint64_t count)
{
    return weft__min_size(count - 1, 2);
}

/* Queues that end at the PE that has the most of them. Cubes are joined to all neighbours in the launch, not only to
 * those of their group. Whole groups of at least two cubes fill rows of the SIP, so that the second cube of a row has
 * neighbours wherever any cube has. */
static uint64_t queues_of(const weft__bench_run *run, const bench *it)
{
    const weft__machine_spec *spec = weft__bench_machine(run)->spec;
    uint32_t cubes = it->kernel.cube_columns * it->kernel.cube_rows;
    uint64_t queues = it->ranks / cubes > 1 ? 2 : 0;
    if (cubes == 1)
        return queues;
    uint64_t all = (uint64_t)cubes * it->groups, columns = spec->sip.columns;
    uint64_t rows = weft__min_size(weft__ceil_div(all, columns), spec->sip.rows);
    return queues + neighbours_of(weft__min_size(all, columns)) + neighbours_of(rows);
}

/* Ends the run if the kernel would not find room in scratch memory. */
static void check_scratch(weft__bench_run *run, const bench *it, uint64_t least_bytes, uint64_t room)
{
    const weft__pe_spec *pe = &weft__bench_machine(run)->spec->pe;
    if (least_bytes <= room || room == 0) /* the launch says that there is none for the slots */
        return;
    if (it->mode == DECODE)
        weft__bench_fail(run, WEFT_UNSUPPORTED,
                         "cached=%" PRIu32 " over ranks=%" PRIu32 " makes %" PRIu32 " scores for each of %" PRIu32
                         " rows: this needs at least %" PRIu64 " bytes of scratch memory, but there are %" PRIu64
                         ", with pe.scratch_kib=%" PRIu32 " and pe.tcm_kib=%" PRIu32 ".",
                         it->cached, it->ranks, it->kernel.tokens, it->rows, least_bytes, room, pe->scratch_kib,
                         pe->tcm_kib);
    else
        weft__bench_fail(run, WEFT_UNSUPPORTED,
                         "mode=prefill of queries=%" PRIu32 " over ranks=%" PRIu32 ", q_heads=%" PRIu32
                         " over kv_heads=%" PRIu32 " and head_dim=%" PRIu32 " needs at least %" PRIu64
                         " bytes of scratch memory, but there are %" PRIu64 ", with pe.scratch_kib=%" PRIu32
                         " and pe.tcm_kib=%" PRIu32 ".",
                         it->kernel.queries * it->ranks, it->ranks, it->q_heads, it->kv_heads, it->kernel.head_dim,
                         least_bytes, room, pe->scratch_kib, pe->tcm_kib);
}

/* Of how many rows pairs are joined at a time: as many as a slot, and scratch memory beside all else, have room for;
 * gives what the kernel then takes of that. All PEs must cut alike, so it is done here for the PE that has the least
 * room, and not by each of them for its own. */
static uint64_t plan_pairs(bench *it, uint64_t slot_bytes, uint64_t room)
{
    weft__attention *kernel = &it->kernel;
    uint32_t ranks = it->ranks / (kernel->cube_columns * kernel->cube_rows);
    kernel->pair_rows = (uint32_t)weft__min_size(slot_bytes / (2 * weft_dtype_bytes(WEFT_F32)), it->rows);
    while (kernel->pair_rows > 1 && weft__attention_decode_bytes(kernel, ranks) > room)
        kernel->pair_rows--;
    return weft__attention_decode_bytes(kernel, ranks);
}

/* Tokens in a block: as many as a slot and scratch memory have room for, and so that all blocks are alike; gives what
 * the kernel then takes of scratch memory. */
static uint64_t plan_block(bench *it, uint64_t slot_bytes, uint64_t token_bytes, uint64_t room)
{
    weft__attention *kernel = &it->kernel;
    uint64_t most = weft__min_size(weft__min_size(slot_bytes, room) / token_bytes, kernel->tokens);
    kernel->block = (uint32_t)weft__max_size(most, 1);
    while (kernel->block > 1 &&
           (kernel->tokens % kernel->block != 0 || weft__attention_prefill_bytes(kernel, it->ranks) > room))
        kernel->block--;
    return weft__attention_prefill_bytes(kernel, it->ranks);
}

/* Cuts what travels to the slots of the machine. Ends the run if a slot has no room for the least of it, or if scratch
 * memory has none. */
static void plan_messages(weft__bench_run *run, bench *it)
{
    weft__attention *kernel = &it->kernel;
    const weft__ipcq_spec *ipcq = &weft__bench_machine(run)->spec->pe.ipcq;
    uint64_t slot_bytes = it->ranks > 1 ? ipcq->slot_bytes : UINT64_MAX; /* one rank alone sends nothing */
    uint64_t room = weft__bench_scratch_bytes(run, queues_of(run, it));
    uint64_t row_bytes = kernel->head_dim * weft_dtype_bytes(it->mode == PREFILL ? kernel->dtype : WEFT_F32);
    if (slot_bytes < row_bytes) {
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT,
                         "pe.ipcq.slot_bytes=%" PRIu64 " has no room for a row of head_dim=%" PRIu32
                         ", which takes %" PRIu64 " bytes.",
                         slot_bytes, kernel->head_dim, row_bytes);
        return;
    }
    kernel->stays_in_slots = ipcq->memory == WEFT__SLOTS_TCM && ipcq->slots > 1;
    if (it->mode == PREFILL) {
        check_scratch(run, it, plan_block(it, slot_bytes, row_bytes, room), room);
        return;
    }
    kernel->output_rows = (uint32_t)weft__min_size(slot_bytes / row_bytes, it->rows);
    uint64_t slots = ipcq->slots - kernel->stays_in_slots;
    kernel->together = (uint32_t)weft__min_size(slots, WEFT__ATTENTION_PARTS);
    check_scratch(run, it, plan_pairs(it, slot_bytes, room), room);
}

/* ---- the reference ---- */

/* Where a token of a head lies among keys and values. */
static const double *token_at(const bench *it, const double *numbers, uint32_t head, uint32_t token)
{
    const weft__attention *kernel = &it->kernel;
    uint64_t rank = (uint64_t)(head / kernel->kv_heads) * it->ranks + token / kernel->tokens;
    uint64_t row = (rank * kernel->kv_heads + head % kernel->kv_heads) * kernel->tokens + token % kernel->tokens;
    return numbers + row * kernel->head_dim;
}

/* Of one query, which sees the first `seen` tokens. */
static void attend(const bench *it, const double *query, uint32_t kv_head, uint32_t seen, double *out)
{
    uint32_t head_dim = it->kernel.head_dim;
    double greatest = -INFINITY, sum = 0;
    for (uint32_t token = 0; token < seen; token++) {
        const double *key = token_at(it, it->key_numbers, kv_head, token);
        double score = 0;
        for (uint32_t i = 0; i < head_dim; i++)
            score += query[i] * key[i];
        it->weights[token] = score / sqrt(head_dim);
        greatest = fmax(greatest, it->weights[token]);
    }
    for (uint32_t i = 0; i < head_dim; i++)
        out[i] = 0;
    for (uint32_t token = 0; token < seen; token++) {
        const double *value = token_at(it, it->value_numbers, kv_head, token);
        double weight = exp(it->weights[token] - greatest);
        sum += weight;
        for (uint32_t i = 0; i < head_dim; i++)
            out[i] += weight * value[i];
    }
    for (uint32_t i = 0; i < head_dim; i++)
        out[i] /= sum;
}

/* How many tokens query `query` of a rank sees. */
static uint32_t seen_by(const bench *it, uint32_t rank, uint32_t query)
{
    const weft__attention *kernel = &it->kernel;
    return kernel->is_causal ? kernel->first_position + rank * kernel->queries + query + 1 : it->cached;
}

/* Of one PE: its rows. */
static void reference_of(const bench *it, uint32_t pe, double *out)
{
    uint32_t heads = it->q_heads / it->groups, head_dim = it->kernel.head_dim;
    for (uint32_t row = 0; row < it->rows; row++) {
        uint64_t at = (uint64_t)pe * it->rows + row;
        uint32_t head = pe / it->ranks * heads + row / it->kernel.queries;
        const double *query = it->query_numbers + (it->mode == PREFILL ? at : head) * head_dim;
        uint32_t seen = seen_by(it, pe % it->ranks, row % it->kernel.queries);
        attend(it, query, head / it->kernel.sharers, seen, out + (uint64_t)row * head_dim);
    }
}

/* In decode all ranks of a group have the same. */
static void reference(const void *arguments, double *out)
{
    const bench *it = arguments;
    size_t count = (size_t)it->rows * it->kernel.head_dim;
    for (uint32_t pe = 0; pe < it->groups * it->ranks; pe++) {
        if (it->mode == DECODE && pe % it->ranks > 0)
            memcpy(out + pe * count, out + (pe - 1) * count, count * sizeof *out);
        else
            reference_of(it, pe, out + pe * count);
    }
}

/* ---- the run ---- */

/* Positions of the queries of each rank, one query head behind another, and of the tokens in a block. */
static void place_positions(weft__bench_run *run, bench *it, weft_pe_set pes)
{
    weft__attention *kernel = &it->kernel;
    uint32_t rows = kernel->sharers * kernel->queries, count = it->groups * it->ranks * rows;
    weft_placement divided = weft__bench_divided(pes, WEFT_SPLIT_ROWS);
    double *numbers = weft__bench_numbers(run, "the positions", weft__max_size(count, kernel->block));
    weft_placed_tensor *positions = weft__bench_tensor(run, "positions", WEFT_F32, weft_shape_2d(count, 1), &divided);
    for (uint32_t i = 0; numbers && i < count; i++)
        numbers[i] = kernel->first_position + i / rows % it->ranks * kernel->queries + i % kernel->queries;
    (void)weft__bench_set(run, positions, numbers);
    weft_placed_tensor *offsets =
        weft__bench_tensor(run, "offsets", WEFT_F32, weft_shape_2d(1, kernel->block), &(weft_placement){.pes = pes});
    for (uint32_t i = 0; numbers && i < kernel->block; i++)
        numbers[i] = i;
    (void)weft__bench_set(run, offsets, numbers);
    kernel->positions = positions;
    kernel->offsets = offsets;
}

/* Scores of such queries and keys deviate by some 4/3 from 0, so that weights differ and none is nearly all. */
static void place_tensors(weft__bench_run *run, bench *it, weft_pe_set pes)
{
    weft__attention *kernel = &it->kernel;
    weft_placement divided = weft__bench_divided(pes, WEFT_SPLIT_ROWS), copies = {.pes = pes};
    uint64_t count = (uint64_t)it->groups * it->ranks;
    weft_shape rows = weft_shape_2d(count * it->rows, kernel->head_dim);
    weft_shape cache = weft_shape_2d(count * kernel->kv_heads * kernel->tokens, kernel->head_dim);
    weft_shape heads = weft_shape_2d(it->q_heads, kernel->head_dim);
    bool is_prefill = it->mode == PREFILL;
    weft_placed_tensor *query =
        weft__bench_tensor(run, "query", kernel->dtype, is_prefill ? rows : heads, is_prefill ? &divided : &copies);
    weft_placed_tensor *key = weft__bench_tensor(run, "key", kernel->dtype, cache, &divided);
    weft_placed_tensor *value = weft__bench_tensor(run, "value", kernel->dtype, cache, &divided);
    it->query_numbers = weft__bench_fill(run, query, 2);
    it->key_numbers = weft__bench_fill(run, key, 2);
    it->value_numbers = weft__bench_fill(run, value, 1);
    kernel->query = query;
    kernel->key = key;
    kernel->value = value;
    if (kernel->is_causal)
        place_positions(run, it, pes);
}

static void run(weft__bench_run *run)
{
    bench it = read_settings(run);
    if (it.mode == DECODE) {
        weft__bench_leave_out(run, "queries");
        weft__bench_leave_out(run, "causal");
    }
    if (weft__bench_has_failed(run))
        return;
    plan_messages(run, &it);
    weft_pe_set pes = weft__bench_first_pes(run, it.ranks, it.groups);
    weft_placement divided = weft__bench_divided(pes, WEFT_SPLIT_ROWS);
    place_tensors(run, &it, pes);
    weft_shape rows = weft_shape_2d((uint64_t)it.groups * it.ranks * it.rows, it.kernel.head_dim);
    weft_placed_tensor *output = weft__bench_tensor(run, "output", it.kernel.dtype, rows, &divided);
    it.kernel.output = output;
    it.weights = weft__bench_numbers(run, "the weights of a query", it.cached);

    uint32_t cubes = it.kernel.cube_columns * it.kernel.cube_rows;
    const weft_launch_options options = {
        .kernel = it.mode == PREFILL ? weft__attention_prefill : weft__attention_decode,
        .arguments = &it.kernel,
        .pes = pes,
        .queues = (it.ranks > 1 ? WEFT_QUEUES_RING : 0) | (cubes > 1 ? WEFT_QUEUES_CUBES : 0),
        .group_size = it.ranks / cubes};
    weft__bench_launch(run, &options);
    uint64_t pairs = 0;
    for (uint32_t rank = 0; rank < (it.mode == PREFILL ? it.ranks : 1); rank++)
        for (uint32_t query = 0; query < it.kernel.queries; query++)
            pairs += seen_by(&it, rank, query);
    weft__bench_add_flops(run, 4 * pairs * it.q_heads * it.kernel.head_dim);
    /* Outputs are below 1, so this is 1e-3 for f16. Weights and outputs are rounded to the dtype once each, all else to
     * f32: if that is the dtype, some roundings more. */
    weft__bench_bound bound = {.absolute = it.kernel.dtype == WEFT_F32 ? 8 : 2};
    weft__bench_check(run, "output", output, reference, &it, bound);
}

const weft__bench weft__bench_mesh_attention = {
    .name = "mesh-attention",
    .what = "Grouped-query attention over groups of PEs; keys and values, or what came of them, travel both ways.",
    .keys = keys,
    .run = run,
};
