/* How parts go round, and how a table is gathered.
 *
 * A message of a part that comes in is sent on before it is used, so that it is under way while this rank computes. It
 * stays in the slot in which it came, if it can: then the slot is free only when the DMA engine has read what is sent
 * on.
 *
 * Why nobody waits for ever. All ranks of a group do the same steps in the same order, path by path, a line leaving
 * some out; each path has queues of its own. Look at a rank that none is behind, and let `count` parts go together.
 * When it sets out, its neighbours have freed all slots of earlier journeys, so `count` slots are enough for that. It
 * cannot wait for a message, as its neighbour has sent it in an earlier step. It sends message k + count when it has
 * message k; for that its neighbour must have freed number k + count - slots. The neighbour has freed number k - 1, or,
 * if messages are copied from their slots, number k. So count + 1 slots are enough, or count. Rows of a table are
 * single parts that are copied: one slot is enough. */
#include "sim/benches/mesh_attention.h"

/* ---- paths ---- */

weft__attention_path weft__attention_ring(const weft_tile *tl, const weft__attention *it)
{
    return (weft__attention_path){.rank = tl_program_id(tl, TL_AXIS_RANK),
                                  .ranks = tl_num_programs(tl, TL_AXIS_RANK),
                                  .is_ring = it->is_ring,
                                  .next = TL_NEXT,
                                  .previous = TL_PREVIOUS};
}

/* Where a group has several cubes, the launch has a group for each of them. */
uint32_t weft__attention_paths(const weft_tile *tl, const weft__attention *it,
                               weft__attention_path out[WEFT__ATTENTION_PATHS])
{
    uint32_t cube = tl_program_id(tl, TL_AXIS_GROUP) % (it->cube_columns * it->cube_rows), count = 0;
    const weft__attention_path row = {
        .rank = cube % it->cube_columns, .ranks = it->cube_columns, .next = TL_EAST, .previous = TL_WEST};
    const weft__attention_path column = {
        .rank = cube / it->cube_columns, .ranks = it->cube_rows, .next = TL_SOUTH, .previous = TL_NORTH};
    out[count++] = weft__attention_ring(tl, it);
    if (row.ranks > 1)
        out[count++] = row;
    if (column.ranks > 1)
        out[count++] = column;
    return count;
}

/* ---- ways ---- */

/* One of the two ways that parts go. */
typedef struct way {
    tl_direction to, from;
    uint32_t in, out;   /* how many ranks' parts come from there, and go there */
    uint32_t next_rank; /* to add to a rank for the one from which parts come */
} way;

/* In a ring, half of the others; in a line, all that stand on that side. */
static uint32_t come_from_previous(const weft__attention_path *path, uint32_t rank)
{
    return path->is_ring ? path->ranks / 2 : rank;
}

static uint32_t come_from_next(const weft__attention_path *path, uint32_t rank)
{
    return path->is_ring ? (path->ranks - 1) / 2 : path->ranks - 1 - rank;
}

static void find_ways(const weft__attention_path *path, way ways[2])
{
    uint32_t rank = path->rank;
    bool is_first = !path->is_ring && rank == 0, is_last = !path->is_ring && rank == path->ranks - 1;
    ways[0] = (way){.to = path->next,
                    .from = path->previous,
                    .in = come_from_previous(path, rank),
                    .out = is_last ? 0 : come_from_previous(path, rank + 1),
                    .next_rank = path->ranks - 1};
    ways[1] = (way){.to = path->previous,
                    .from = path->next,
                    .in = come_from_next(path, rank),
                    .out = is_first ? 0 : come_from_next(path, rank - 1),
                    .next_rank = 1};
}

/* The rank whose message comes in a step: so many ranks further away than the neighbour. */
static uint32_t origin_of(const weft__attention_path *path, const way *by, uint32_t step)
{
    return (path->rank + (step + 1) * by->next_rank) % path->ranks;
}

/* ---- parts ---- */

/* A journey, as one rank sees it. */
typedef struct journey {
    const weft__attention *it;
    const weft__attention_path *path;
    const tl_tensor *parts;
    weft__attention_use *use;
    void *context;
} journey;

/* Takes the part that is `step` ranks further away than the neighbour's, sends it on, and uses it. */
static void pass_on(weft_tile *tl, const journey *all, const way *by, uint32_t step, uint32_t part)
{
    const tl_tensor *like = &all->parts[part];
    uint32_t origin = origin_of(all->path, by, step);
    bool goes_on = step + 1 < by->out, stays = all->it->stays_in_slots;
    uint64_t mark = tl_mark(tl);
    tl_tensor message = stays ? tl_recv_in_place(tl, by->from, like->shape, like->dtype)
                              : tl_recv(tl, by->from, like->shape, like->dtype);
    tl_command sending = goes_on ? tl_send(tl, by->to, message) : (tl_command){0};
    all->use(tl, all->context, part, origin, message);
    if (goes_on) /* until then the slot must not be free, nor the copy overwritten */
        tl_wait(tl, sending);
    if (stays)
        tl_free_slot(tl, message);
    tl_release(tl, mark);
}

/* Sends the own parts both ways, and uses them. */
static void set_out(weft_tile *tl, const journey *all, const way *ways, uint32_t count)
{
    tl_command sendings[2 * WEFT__ATTENTION_PARTS];
    uint32_t sent = 0;
    uint64_t mark = tl_mark(tl);
    for (uint32_t part = 0; part < count; part++)
        for (uint32_t i = 0; i < 2; i++)
            if (ways[i].out > 0)
                sendings[sent++] = tl_send(tl, ways[i].to, all->parts[part]);
    for (uint32_t part = 0; part < count; part++)
        all->use(tl, all->context, part, all->path->rank, all->parts[part]);
    tl_release(tl, mark);
    for (uint32_t i = 0; i < sent; i++)
        tl_wait(tl, sendings[i]);
}

void weft__attention_go_round(weft_tile *tl, const weft__attention *it, const weft__attention_path *path,
                              const tl_tensor *parts, uint32_t count, weft__attention_use *use, void *context)
{
    const journey all = {.it = it, .path = path, .parts = parts, .use = use, .context = context};
    way ways[2];
    find_ways(path, ways);
    set_out(tl, &all, ways, count);
    for (uint32_t step = 0; step < ways[0].in || step < ways[1].in; step++)
        for (uint32_t part = 0; part < count; part++)
            for (uint32_t i = 0; i < 2; i++)
                if (step < ways[i].in)
                    pass_on(tl, &all, &ways[i], step, part);
}

/* ---- tables ---- */

static tl_tensor row_of(weft_tile *tl, tl_tensor table, uint32_t rank)
{
    return weft__attention_place(tl, tl_slice(tl, table, 0, rank, 1));
}

/* What is sent is waited for, as the table may be given back after this. */
void weft__attention_gather(weft_tile *tl, const weft__attention_path *path, tl_tensor table)
{
    way ways[2];
    find_ways(path, ways);
    for (uint32_t i = 0; i < 2; i++)
        if (ways[i].out > 0)
            tl_wait(tl, tl_send(tl, ways[i].to, row_of(tl, table, path->rank)));
    for (uint32_t step = 0; step < ways[0].in || step < ways[1].in; step++)
        for (uint32_t i = 0; i < 2; i++) {
            if (step >= ways[i].in)
                continue;
            tl_tensor row = tl_recv_into(tl, ways[i].from, row_of(tl, table, origin_of(path, &ways[i], step)));
            if (step + 1 < ways[i].out)
                tl_wait(tl, tl_send(tl, ways[i].to, row));
        }
}
