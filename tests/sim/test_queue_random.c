/* Kernels by chance on a ring of PEs that send to each other, against an interpreter: the same bits, lazily and
 * eagerly, at the same times, and no hazard, for every number of slots. */
#include "value_bench.h"

#define PES 4u
#define SIDE 8u
#define CELLS (SIDE * SIDE)
#define STEPS 120u
#define TENSORS 4u

typedef enum step_kind {
    STEP_ADD, /* on one PE, of two of its tensors */
    STEP_SUB,
    STEP_TURN,    /* a - b turned */
    STEP_MESSAGE, /* to a neighbour, by a receive that waits */
    STEP_ASYNC,   /* the same, and the receiver does something meanwhile */
    STEP_IN_PLACE /* out of the slot */
} step_kind;
#define STEP_KINDS 6u

/* PEs take turns in the order of the steps, so that no program waits for ever. */
typedef struct step {
    step_kind kind;
    uint32_t pe;         /* that does it, or sends */
    bool is_next, waits; /* to the next or the previous; the sender waits at once */
    bool is_turned;      /* the tensor is sent turned */
    uint32_t a, b, out;  /* tensors; of a message, `out` of the receiver */
} step;

typedef struct program {
    step steps[STEPS];
    uint64_t memory; /* PES * TENSORS matrices */
} program;

static void draw_program(uint64_t seed, program *out)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    for (uint32_t i = 0; i < STEPS; i++)
        out->steps[i] = (step){.kind = (step_kind)weft__rng_below(&rng, STEP_KINDS),
                               .pe = (uint32_t)weft__rng_below(&rng, PES),
                               .is_next = weft__rng_below(&rng, 2),
                               .waits = weft__rng_below(&rng, 2),
                               .is_turned = weft__rng_below(&rng, 2),
                               .a = (uint32_t)weft__rng_below(&rng, TENSORS),
                               .b = (uint32_t)weft__rng_below(&rng, TENSORS),
                               .out = (uint32_t)weft__rng_below(&rng, TENSORS)};
}

static uint32_t receiver_of(const step *at)
{
    return (at->pe + (at->is_next ? 1 : PES - 1)) % PES;
}

/* ---- the kernel ---- */

static uint64_t place(const program *it, uint32_t pe, uint32_t tensor)
{
    return it->memory + (pe * TENSORS + tensor) * CELLS * sizeof(float);
}

static void send(weft_tile *tl, const step *at, tl_tensor tensor)
{
    tl_command command =
        tl_send(tl, at->is_next ? TL_NEXT : TL_PREVIOUS, at->is_turned ? tl_trans(tl, tensor) : tensor);
    if (at->waits)
        tl_wait(tl, command);
}

static tl_tensor receive(weft_tile *tl, const step *at, tl_tensor b)
{
    const weft_shape flat = weft_shape_1d(CELLS), square = weft_shape_2d(SIDE, SIDE);
    tl_direction from = at->is_next ? TL_PREVIOUS : TL_NEXT;
    if (at->kind == STEP_MESSAGE)
        return tl_recv(tl, from, square, WEFT_F32);
    if (at->kind == STEP_ASYNC) {
        tl_command command = tl_recv_async(tl, from, flat, WEFT_F32);
        tl_tensor sum = tl_add(tl, b, b);
        return tl_add(tl, tl_reshape(tl, tl_recv_wait(tl, command), square), sum);
    }
    tl_tensor there = tl_recv_in_place(tl, from, flat, WEFT_F32);
    tl_tensor out = tl_neg(tl, tl_trans(tl, tl_reshape(tl, there, square)));
    tl_free_slot(tl, there);
    return out;
}

static void random_kernel(weft_tile *tl, const void *arguments)
{
    const program *it = arguments;
    const weft_shape shape = weft_shape_2d(SIDE, SIDE);
    uint32_t pe = tl_program_id(tl, TL_AXIS_PE);
    tl_tensor tensors[TENSORS];
    for (uint32_t i = 0; i < TENSORS; i++)
        tensors[i] = tl_load(tl, place(it, pe, i), shape, WEFT_F32);
    for (uint32_t i = 0; i < STEPS; i++) {
        const step *at = &it->steps[i];
        tl_tensor *out = &tensors[at->out], a = tensors[at->a], b = tensors[at->b];
        if (at->kind >= STEP_MESSAGE && pe == receiver_of(at))
            *out = receive(tl, at, b);
        if (at->pe != pe)
            continue;
        if (at->kind == STEP_ADD)
            *out = tl_add(tl, a, b);
        else if (at->kind == STEP_SUB)
            *out = tl_sub(tl, a, b);
        else if (at->kind == STEP_TURN)
            *out = tl_sub(tl, a, tl_trans(tl, b));
        else
            send(tl, at, a);
    }
    for (uint32_t i = 0; i < TENSORS; i++)
        tl_store(tl, place(it, pe, i), tensors[i]);
}

/* ---- the interpreter ---- */

typedef float cells[CELLS];

static uint32_t turned(uint32_t cell)
{
    return cell % SIDE * SIDE + cell / SIDE;
}

static float cell_of(const step *at, const float *a, const float *b, uint32_t cell)
{
    switch (at->kind) {
    case STEP_ADD:
        return a[cell] + b[cell];
    case STEP_SUB:
        return a[cell] - b[cell];
    case STEP_TURN:
        return a[cell] - b[turned(cell)];
    case STEP_MESSAGE:
        return a[at->is_turned ? turned(cell) : cell];
    case STEP_ASYNC:
        return a[at->is_turned ? turned(cell) : cell] + (b[cell] + b[cell]);
    default:
        return -a[at->is_turned ? cell : turned(cell)];
    }
}

static void interpret(const program *it, cells *memory)
{
    for (uint32_t i = 0; i < STEPS; i++) {
        const step *at = &it->steps[i];
        uint32_t to = at->kind >= STEP_MESSAGE ? receiver_of(at) : at->pe;
        const float *a = memory[at->pe * TENSORS + at->a], *b = memory[to * TENSORS + at->b];
        cells out;
        for (uint32_t cell = 0; cell < CELLS; cell++)
            out[cell] = cell_of(at, a, b, cell);
        memcpy(memory[to * TENSORS + at->out], out, sizeof out);
    }
}

/* ---- both ---- */

static weft__time simulate(program *it, cells *begin, cells *end, bool is_eager, const char *slots)
{
    value_bench bench;
    weft_error err;
    uint32_t pes[PES];
    weft__ipcq_pair pairs[2 * PES];
    const char *const settings[] = {"pe.ipcq.slots", slots, NULL};
    const weft_shape shape = weft_shape_2d(SIDE, SIDE);
    open_value_bench_with(&bench, "two-sip", &(value_options){.settings = settings, .is_eager = is_eager});
    it->memory = address_in(&bench.base, WEFT__REGION_HBM, 0, 1, 4096);
    for (uint32_t i = 0; i < PES * TENSORS; i++)
        WEFT_TEST_ASSERT_OK(weft__pe_values_write(bench.memory, place(it, 0, i), WEFT_F32, &shape, begin[i], &err),
                            err);
    for (uint32_t i = 0; i < PES; i++)
        pes[i] = i;
    lay_ring(pes, PES, pairs);
    run_queued(
        &bench.base,
        &(queued_launch){
            .kernel = random_kernel, .arguments = it, .pes = pes, .count = PES, .pairs = pairs, .pair_count = 2 * PES});
    for (uint32_t i = 0; i < PES * TENSORS; i++)
        WEFT_TEST_ASSERT_OK(weft__pe_values_read(bench.memory, place(it, 0, i), WEFT_F32, &shape, end[i], &err), err);
    ck_assert_uint_eq(weft__pe_values_hazards(bench.memory), 0);
    weft__time now = weft__sim_now(bench.base.base.sim);
    close_value_bench(&bench);
    return now;
}

START_TEST(messages_by_chance_are_what_an_interpreter_gives)
{
    static const char *const slots[] = {"1", "2", "4"};
    for (uint64_t seed = 0; seed < 30; seed++) {
        static cells begin[PES * TENSORS], expected[PES * TENSORS], lazy[PES * TENSORS], eager[PES * TENSORS];
        weft__rng rng;
        program it;
        draw_program(seed, &it);
        weft__rng_init(&rng, seed + 1000);
        for (uint32_t i = 0; i < PES * TENSORS * CELLS; i++)
            begin[i / CELLS][i % CELLS] = (float)((double)weft__rng_below(&rng, 2001) / 4000 - 0.25);
        memcpy(expected, begin, sizeof begin);
        interpret(&it, expected);
        ck_assert_uint_eq(simulate(&it, begin, lazy, false, slots[seed % 3]),
                          simulate(&it, begin, eager, true, slots[seed % 3]));
        ck_assert_mem_eq(lazy, eager, sizeof lazy);
        for (uint32_t i = 0; i < PES * TENSORS * CELLS; i++) {
            float found = lazy[i / CELLS][i % CELLS], wanted = expected[i / CELLS][i % CELLS];
            ck_assert_msg(found == wanted, "seed %" PRIu64 ", cell %u of tensor %u is %.9g, not %.9g", seed, i % CELLS,
                          i / CELLS, (double)found, (double)wanted);
        }
    }
}
END_TEST

WEFT_TEST_MAIN("queue_random", messages_by_chance_are_what_an_interpreter_gives)
