/* Hazards name the slot of a queue in which their bytes lie: that of the kernel that runs, and of no other launch. */
#include "simulation_bench.h"

#define SLOTS 4

typedef struct ways {
    tl_direction to, from;
    uint32_t messages, wrong; /* one of them is read when its slot has been freed */
    uint64_t address;         /* of its slot */
} ways;

static tl_tensor ones(weft_tile *tl)
{
    return tl_full(tl, weft_shape_1d(16), WEFT_F16, 1);
}

/* PEs send to one side and receive from the other, where they have a neighbour. */
static void pass_kernel(weft_tile *tl, const void *arguments)
{
    ways *it = *(ways *const *)arguments;
    for (uint32_t i = 0; i < it->messages; i++) {
        if (tl_has_neighbour(tl, it->to))
            (void)tl_send(tl, it->to, ones(tl));
        if (!tl_has_neighbour(tl, it->from))
            continue;
        tl_tensor slot = tl_recv_in_place(tl, it->from, weft_shape_1d(16), WEFT_F16);
        if (i != it->wrong)
            (void)tl_neg(tl, slot);
        tl_free_slot(tl, slot);
        if (i == it->wrong) {
            it->address = slot.address;
            (void)tl_neg(tl, slot);
        }
    }
}

static void send_kernel(weft_tile *tl, const void *arguments)
{
    tl_direction to = *(const tl_direction *)arguments;
    if (tl_has_neighbour(tl, to))
        (void)tl_send(tl, to, ones(tl));
}

static void idle_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)ones(tl);
}

/* Reads at the end of scratch memory, where slots may be, what a command still writes. */
static void hasty_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    const weft_shape shape = weft_shape_2d(32, 32);
    tl_tensor half = tl_full(tl, shape, WEFT_F16, 1);
    (void)tl_empty(tl, weft_shape_1d(tl_scratch_left(tl) - 8192), WEFT_U8);
    tl_tensor out = tl_empty(tl, shape, WEFT_F32);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = half, .b = half, .out = out.address, .dtype = WEFT_F32};
    tl_command command = tl_composite(tl, &request);
    (void)tl_neg(tl, tl_ref(tl, out.address, shape, WEFT_F32));
    tl_wait(tl, command);
}

static simulation_bench open_reporting(void)
{
    const weft_simulation_options options = {.hazards = WEFT_HAZARDS_REPORT};
    return open_simulation("tiny", (const char *const[]){"pe.ipcq.slots", "4", NULL}, &options);
}

static weft_kernel_hazard only_hazard(const simulation_bench *it)
{
    weft_kernel_hazard hazard, other;
    ck_assert(weft_simulation_hazard_at(it->simulation, 0, &hazard));
    ck_assert_msg(!weft_simulation_hazard_at(it->simulation, 1, &other), "%s", other.text);
    return hazard;
}

START_TEST(of_each_direction_and_number)
{
    static const tl_direction sides[] = {TL_PE_EAST, TL_PE_WEST};
    for (uint32_t wrong = 0; wrong < 2 * SLOTS; wrong++)
        for (int side = 0; side < 2; side++) {
            char begin[128];
            simulation_bench it = open_reporting();
            ways way = {.to = sides[side], .from = sides[1 - side], .messages = 2 * SLOTS, .wrong = wrong};
            ways *const arguments = &way;
            const weft_launch_options options = {
                .name = "pass", .kernel = pass_kernel, .arguments = &arguments, .queues = WEFT_QUEUES_PES};
            (void)run_launch(&it, &options);
            weft_kernel_hazard hazard = only_hazard(&it);
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_FREED);
            ck_assert_uint_eq(hazard.address, way.address);
            ck_assert_str_eq(hazard.slot_pe, hazard.pe);
            ck_assert_int_eq(hazard.slot_direction, sides[1 - side]);
            ck_assert_uint_eq(hazard.slot, wrong % SLOTS);
            (void)snprintf(begin, sizeof begin, ", tl_neg: Hazard in slot %u of queue %s of %s: operand 0, ",
                           wrong % SLOTS, tl_direction_name(sides[1 - side]), hazard.pe);
            ck_assert_msg(strstr(hazard.text, begin) != NULL, "%s", hazard.text);
            close_simulation(&it);
        }
}
END_TEST

/* A slot that has to wait for an older one is not to be read either. */
static void turn_kernel(weft_tile *tl, const void *arguments)
{
    tl_tensor slots[2];
    (void)arguments;
    for (int i = 0; i < 2; i++)
        (void)tl_send(tl, TL_NEXT, ones(tl));
    for (int i = 0; i < 2; i++)
        slots[i] = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(16), WEFT_F16);
    tl_free_slot(tl, slots[1]);
    if (tl_program_id(tl, TL_AXIS_RANK) == 1)
        (void)tl_neg(tl, slots[1]);
    (void)tl_neg(tl, slots[0]);
    tl_free_slot(tl, slots[0]);
}

START_TEST(of_a_slot_behind_one_that_is_held)
{
    simulation_bench it = open_reporting();
    const weft_launch_options options = {.name = "turn", .kernel = turn_kernel, .queues = WEFT_QUEUES_RING};
    (void)run_launch(&it, &options);
    weft_kernel_hazard hazard = only_hazard(&it);
    ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_FREED);
    ck_assert_str_eq(hazard.pe, "sip0.cube0.pe1");
    ck_assert_str_eq(hazard.slot_pe, "sip0.cube0.pe1");
    ck_assert_uint_eq(hazard.slot, 1);
    ck_assert_uint_gt(hazard.margin_ps, 0);
    close_simulation(&it);
}
END_TEST

/* Slots of two launches lie at the same addresses, of which one waits for the other to end. */
START_TEST(of_the_launch_whose_message_it_was)
{
    tl_direction next = TL_NEXT;
    simulation_bench it = open_reporting();
    const weft_launch_options first = {
        .name = "first", .kernel = send_kernel, .arguments = &next, .queues = WEFT_QUEUES_RING, .pes = {.pes = 2}};
    const weft_launch_options second = {.name = "second", .kernel = idle_kernel, .queues = WEFT_QUEUES_PES};
    weft_kernel_launch *launches[] = {begin_launch(&it, &first), begin_launch(&it, &second)};
    wait_for(&it, launches[0]);
    wait_for(&it, launches[1]);
    for (size_t i = 0; i < 2; i++) {
        weft_kernel_hazard hazard;
        ck_assert(weft_simulation_hazard_at(it.simulation, i, &hazard));
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_UNRECEIVED);
        ck_assert_str_eq(hazard.slot_pe, hazard.pe);
        ck_assert_int_eq(hazard.slot_direction, TL_PREVIOUS);
        ck_assert_uint_eq(hazard.slot, 0);
    }
    weft_kernel_launch_destroy(launches[0]);
    weft_kernel_launch_destroy(launches[1]);
    close_simulation(&it);
}
END_TEST

START_TEST(of_none_where_a_kernel_has_no_queues)
{
    simulation_bench it = open_reporting();
    const weft_launch_options first = {.name = "first", .kernel = idle_kernel, .queues = WEFT_QUEUES_PES};
    weft_kernel_launch *ended = begin_launch(&it, &first);
    wait_for(&it, ended);
    (void)run_launch(&it, &(weft_launch_options){.name = "hasty", .kernel = hasty_kernel, .pes = {.pes = 1}});
    weft_kernel_hazard hazard;
    ck_assert(weft_simulation_hazard_at(it.simulation, 0, &hazard));
    for (size_t i = 0; weft_simulation_hazard_at(it.simulation, i, &hazard); i++) {
        ck_assert_ptr_null(hazard.slot_pe);
        ck_assert_msg(strstr(hazard.text, ": Hazard: ") != NULL, "%s", hazard.text);
    }
    weft_kernel_launch_destroy(ended);
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("hazard_slots", of_each_direction_and_number, of_a_slot_behind_one_that_is_held,
               of_the_launch_whose_message_it_was, of_none_where_a_kernel_has_no_queues)
