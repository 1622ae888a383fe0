/* What simulations refuse, errors that stay, and memory that runs out. */
#include "simulation_bench.h"

#include "support/failing_malloc.h"

/* ---- errors ---- */

static void idle_kernel(weft_tile *tl, const void *arguments)
{
    (void)tl, (void)arguments;
}

static void refuse_launch(const simulation_bench *it, weft_launch_options options, weft_status status,
                          const char *sentence)
{
    weft_error err;
    weft_kernel_launch *launch;
    WEFT_TEST_ASSERT_STATUS(weft_simulation_launch(it->simulation, &options, &launch, &err), status);
    ck_assert_ptr_null(launch);
    ck_assert_str_eq(err.message, sentence);
}

START_TEST(launches_that_cannot_be)
{
    weft_error err;
    simulation_bench it = open_simulation("two-sip", NULL, NULL), other = open_simulation("tiny", NULL, NULL);
    weft_kernel_launch *none;
    WEFT_TEST_ASSERT_STATUS(weft_simulation_launch(it.simulation, NULL, &none, &err), WEFT_INVALID_ARGUMENT);
    ck_assert_str_eq(err.message, "A launch needs options, with a kernel.");
    ck_assert_ptr_null(none);
    refuse_launch(&it, (weft_launch_options){0}, WEFT_INVALID_ARGUMENT, "A launch needs a kernel.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .queues = 96}, WEFT_INVALID_ARGUMENT,
                  "The queues of a launch are 0x60, but only 0x1f exist.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .pes = {.sips = 3}}, WEFT_OUT_OF_RANGE,
                  "The set has 3 SIPs from SIP 0 on, but the machine has 2, counted from 0.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .group_size = 12}, WEFT_INVALID_ARGUMENT,
                  "The launch has 256 PEs, which is no multiple of group size 12 times stride 1.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .group_stride = 3}, WEFT_INVALID_ARGUMENT,
                  "The launch has 256 PEs, which is no multiple of group size 85 times stride 3.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .group_size = 64, .group_stride = 8},
                  WEFT_INVALID_ARGUMENT,
                  "The launch has 256 PEs, which is no multiple of group size 64 times stride 8.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .group_size = 65536, .group_stride = 65536},
                  WEFT_INVALID_ARGUMENT,
                  "The launch has 256 PEs, which is no multiple of group size 65536 times stride 65536.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .stack_bytes = 16383}, WEFT_INVALID_ARGUMENT,
                  "The stacks of a launch have 16383 bytes each, but they can have 16384 to 67108864.");
    refuse_launch(&it, (weft_launch_options){.kernel = idle_kernel, .stack_bytes = UINT32_MAX}, WEFT_INVALID_ARGUMENT,
                  "The stacks of a launch have 4294967295 bytes each, but they can have 16384 to 67108864.");
    /* None of this has done harm. */
    weft_kernel_launch *launch = begin_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
    WEFT_TEST_ASSERT_STATUS(weft_simulation_wait(other.simulation, launch, &err), WEFT_INVALID_ARGUMENT);
    ck_assert_str_eq(err.message, "The launch 'kernel' belongs to another simulation.");
    wait_for(&it, launch);
    weft_kernel_launch_destroy(launch);
    close_simulation(&it);
    close_simulation(&other);
}
END_TEST

START_TEST(options_that_cannot_be)
{
    weft_error err;
    weft_simulation *simulation;
    weft_machine *machine = open_machine("tiny", NULL);
    static const weft_simulation_options wrong[] = {
        {.values = (weft_values_mode)3}, {.hazards = (weft_hazard_action)3}, {.threads = 1025}};
    static const char *const sentences[] = {"The option 'values' is 3, which is no mode.",
                                            "The option 'hazards' is 3, which is no action.", NULL};
    for (size_t i = 0; i < 3; i++) {
        WEFT_TEST_ASSERT_STATUS(weft_simulation_create(machine, &wrong[i], &simulation, &err), WEFT_INVALID_ARGUMENT);
        ck_assert_ptr_null(simulation);
        if (sentences[i])
            ck_assert_str_eq(err.message, sentences[i]);
    }
    weft_machine_close(machine);
}
END_TEST

static void foreign_kernel(weft_tile *tl, const void *arguments)
{
    const add_work *work = arguments;
    if (tl_has_shard(tl, work->a) || tl_has_shard(tl, NULL))
        (void)tl_ref(tl, 0, weft_shape_1d(0), WEFT_F32);
    (void)tl_shard(tl, work->a);
}

START_TEST(shards_that_are_not_there)
{
    simulation_bench other = open_simulation("tiny", NULL, NULL);
    for (int what = 0; what < 4; what++) {
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        static const char *const sentences[] = {
            "The PE has no shard of the tensor f16 [1, 3]: it was left nothing of it, see tl_has_shard().",
            "The PE has no shard of the tensor f16 [1, 3]: it is not among the PEs that it was placed on.",
            "The tensor belongs to another simulation.",
            "There is no tensor: it is NULL.",
        };
        const weft_placement placements[] = {
            {.over_pes = WEFT_SPLIT_ROWS}, {.pes = {.pes = 1}}, {.over_pes = WEFT_REPLICATE}};
        add_work work = {0};
        if (what < 3)
            work.a = make_tensor(what == 2 ? &other : &it, WEFT_F16, weft_shape_2d(1, 3), placements[what]);
        weft_error err = fail_launch(
            &it, &(weft_launch_options){
                     .name = "other", .kernel = foreign_kernel, .arguments = &work, .pes = {.first_pe = 1}});
        char sentence[512];
        (void)snprintf(sentence, sizeof sentence, "Kernel 'other' on sip0.cube0.pe1 at %.3f ns, tl_shard: %s",
                       (double)weft_simulation_now_ps(it.simulation) / 1000, sentences[what]);
        ck_assert_str_eq(err.message, sentence);
        ck_assert_int_eq(err.code, what >= 2 ? WEFT_INVALID_ARGUMENT : WEFT_NOT_FOUND);
        weft_placed_tensor_destroy(work.a);
        close_simulation(&it);
    }
    close_simulation(&other);
}
END_TEST

static void lonely_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_send(tl, TL_NEXT, tl_full(tl, weft_shape_1d(4), WEFT_F32, 1));
}

START_TEST(a_ring_of_one_has_no_neighbours)
{
    for (uint32_t pes = 1; pes <= 2; pes++) { /* the launch, or its groups */
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        weft_error err = fail_launch(
            &it, &(weft_launch_options){
                     .kernel = lonely_kernel, .pes = {.pes = pes}, .queues = WEFT_QUEUES_RING, .group_size = 1});
        ck_assert_int_eq(err.code, WEFT_NOT_FOUND);
        ck_assert_msg(strstr(err.message, "tl_send: There is no neighbour next: the group of sip0.cube0.pe") != NULL,
                      "%s", err.message);
        close_simulation(&it);
    }
}
END_TEST

/* What the first PE does, towards or from where nobody is. */
typedef struct astray {
    tl_direction direction;
    bool receives;
} astray;

static void astray_kernel(weft_tile *tl, const void *arguments)
{
    const astray *it = arguments;
    if (tl_program_id(tl, TL_AXIS_ALL) != 0)
        return;
    if (it->receives)
        (void)tl_recv(tl, it->direction, weft_shape_1d(4), WEFT_F32);
    else
        (void)tl_send(tl, it->direction, tl_full(tl, weft_shape_1d(4), WEFT_F32, 1));
}

#define QUEUES_ALL (WEFT_QUEUES_CUBES | WEFT_QUEUES_PES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING | WEFT_QUEUES_TREE)

static void go_astray(tl_direction direction, uint32_t queues, const char *begin, const char *end)
{
    for (uint32_t receives = 0; receives <= 1; receives++) {
        char sentence[256];
        const astray what = {direction, receives};
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        weft_error err =
            fail_launch(&it, &(weft_launch_options){.kernel = astray_kernel, .arguments = &what, .queues = queues});
        (void)snprintf(sentence, sizeof sentence, "%s: There is no neighbour %s: weft_launch_options.queues %s",
                       receives ? "tl_recv" : "tl_send", tl_direction_name(direction), begin);
        ck_assert_int_eq(err.code, WEFT_NOT_FOUND);
        const char *said = strstr(err.message, sentence);
        ck_assert_msg(said != NULL, "%s does not say %s", err.message, sentence);
        ck_assert_str_eq(said + strlen(sentence), end);
        close_simulation(&it);
    }
}

START_TEST(a_direction_without_its_queues_names_those)
{
    static const struct {
        uint32_t queues;
        tl_direction first, last;
        const char *name, *gives;
    } kinds[] = {
        {WEFT_QUEUES_CUBES, TL_NORTH, TL_WEST, "WEFT_QUEUES_CUBES", "TL_NORTH, TL_EAST, TL_SOUTH and TL_WEST."},
        {WEFT_QUEUES_PES, TL_PE_NORTH, TL_PE_WEST, "WEFT_QUEUES_PES",
         "TL_PE_NORTH, TL_PE_EAST, TL_PE_SOUTH and TL_PE_WEST."},
        {WEFT_QUEUES_SIPS, TL_SIP_NORTH, TL_SIP_WEST, "WEFT_QUEUES_SIPS",
         "TL_SIP_NORTH, TL_SIP_EAST, TL_SIP_SOUTH and TL_SIP_WEST."},
        {WEFT_QUEUES_RING, TL_NEXT, TL_PREVIOUS, "WEFT_QUEUES_RING", "TL_NEXT and TL_PREVIOUS."},
        {WEFT_QUEUES_TREE, TL_PARENT, TL_RIGHT_CHILD, "WEFT_QUEUES_TREE",
         "TL_PARENT, TL_LEFT_CHILD and TL_RIGHT_CHILD."},
    };
    uint32_t directions = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (uint32_t direction = kinds[i].first; direction <= kinds[i].last; direction++) {
            char asks[64];
            (void)snprintf(asks, sizeof asks, "does not ask for %s, which gives ", kinds[i].name);
            go_astray((tl_direction)direction, 0, asks, kinds[i].gives);
            go_astray((tl_direction)direction, QUEUES_ALL & ~kinds[i].queues, asks, kinds[i].gives);
            directions++;
        }
    }
    ck_assert_uint_eq(directions, TL_DIRECTIONS);
}
END_TEST

START_TEST(a_direction_without_a_pe_says_so)
{
    static const struct {
        tl_direction direction;
        uint32_t queues;
        const char *name;
    } nobody[] = {
        {TL_NORTH, WEFT_QUEUES_CUBES, "WEFT_QUEUES_CUBES"},     {TL_WEST, QUEUES_ALL, "WEFT_QUEUES_CUBES"},
        {TL_PE_NORTH, WEFT_QUEUES_PES, "WEFT_QUEUES_PES"},      {TL_PE_WEST, QUEUES_ALL, "WEFT_QUEUES_PES"},
        {TL_SIP_NORTH, WEFT_QUEUES_SIPS, "WEFT_QUEUES_SIPS"},   {TL_SIP_WEST, QUEUES_ALL, "WEFT_QUEUES_SIPS"},
        {TL_RIGHT_CHILD, WEFT_QUEUES_TREE, "WEFT_QUEUES_TREE"}, {TL_PARENT, QUEUES_ALL, "WEFT_QUEUES_TREE"},
    };
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        char asks[64];
        (void)snprintf(asks, sizeof asks, "asks for %s, ", nobody[i].name);
        go_astray(nobody[i].direction, nobody[i].queues, asks,
                  "but the launch has no PE in that direction from sip0.cube0.pe0.");
    }
}
END_TEST

static void unwritten_kernel(weft_tile *tl, const void *arguments)
{
    const add_work *work = arguments;
    tl_tensor a = tl_shard(tl, work->a);
    (void)tl_load(tl, a.address, a.shape, a.dtype);
}

/* After an error the same one comes back from everything that would let time pass. */
START_TEST(errors_stay)
{
    weft_error err, again;
    float data[10] = {1, 2, 3}, out[10];
    weft_kernel_launch *launch;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    const weft_launch_options idle = {.kernel = idle_kernel};
    const weft_placement everywhere = {.over_pes = WEFT_REPLICATE};
    add_work work = {.a = make_tensor(&it, WEFT_F32, weft_shape_1d(10), everywhere)};
    weft_kernel_launch *under_way = begin_launch(&it, &idle);
    err = fail_launch(&it, &(weft_launch_options){.kernel = unwritten_kernel, .arguments = &work});
    WEFT_TEST_ASSERT_STATUS(weft_simulation_launch(it.simulation, &idle, &launch, &again), err.code);
    ck_assert_str_eq(again.message, err.message);
    ck_assert_ptr_null(launch);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_upload(work.a, data, sizeof data, &again), err.code);
    ck_assert_str_eq(again.message, err.message);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_download(work.a, data, sizeof data, &again), err.code);
    ck_assert_str_eq(again.message, err.message);
    WEFT_TEST_ASSERT_STATUS(weft_simulation_wait(it.simulation, under_way, &again), err.code);
    ck_assert_str_eq(again.message, err.message);
    /* What takes no time can be looked at. */
    set_tensor(work.a, data, sizeof data);
    get_tensor(work.a, out, sizeof out);
    ck_assert_mem_eq(out, data, sizeof data);
    weft_kernel_launch_destroy(under_way);
    weft_placed_tensor_destroy(work.a);
    close_simulation(&it);
}
END_TEST

/* ---- stacks ---- */

/* What a kernel has on its stack: so many kibibytes. */
typedef struct stack_work {
    uint32_t kib;
    uint64_t sums[64]; /* by PE */
} stack_work;

static uint64_t dig(weft_tile *tl, uint32_t kib)
{
    volatile unsigned char room[1024];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = (unsigned char)kib;
    if (kib <= 1)
        (void)tl_full(tl, weft_shape_1d(1), WEFT_F32, 1);
    uint64_t below = kib > 1 ? dig(tl, kib - 1) : 0;
    return below + room[kib % sizeof room];
}

static void digging_kernel(weft_tile *tl, const void *arguments)
{
    stack_work *work = (stack_work *)(uintptr_t)arguments;
    work->sums[tl_program_id(tl, TL_AXIS_ALL)] = dig(tl, work->kib);
}

START_TEST(stacks_are_as_large_as_a_launch_says)
{
    static const struct {
        uint32_t kib, stack_bytes;
    } fine[] = {{20, 0}, {4, WEFT_TILE_STACK_BYTES_MIN}, {300, 1u << 20}, {3000, 8u << 20}, {20, 70001}};
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        stack_work work = {.kib = fine[i].kib};
        uint64_t sum = 0;
        const weft_launch_options dig_there = {
            .kernel = digging_kernel, .arguments = &work, .stack_bytes = fine[i].stack_bytes};
        weft_launch_report report = run_launch(&it, &dig_there);
        for (uint32_t kib = 1; kib <= work.kib; kib++)
            sum += kib % 256;
        for (uint32_t pe = 0; pe < report.pes; pe++)
            ck_assert_uint_eq(work.sums[pe], sum);
    }
    close_simulation(&it);
}
END_TEST

START_TEST(a_stack_that_is_too_small_is_told)
{
    static const struct {
        uint32_t kib, stack_bytes;
        const char *sentence;
    } wrong[] = {{90, 0, "bytes of stack in use, but may take 65536: let it have fewer or smaller variables, or set "},
                 {30, WEFT_TILE_STACK_BYTES_MIN, "bytes of stack in use, but may take 16384: "}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        stack_work work = {.kib = wrong[i].kib};
        const weft_launch_options deep = {.name = "deep",
                                          .pes = {.pes = 1},
                                          .kernel = digging_kernel,
                                          .arguments = &work,
                                          .stack_bytes = wrong[i].stack_bytes};
        weft_error err = fail_launch(&it, &deep);
        ck_assert_int_eq(err.code, WEFT_OUT_OF_RANGE);
        ck_assert_msg(strncmp(err.message, "Kernel 'deep' on sip0.cube0.pe0 at ", 35) == 0, "%s", err.message);
        ck_assert_msg(strstr(err.message, "ns, tl_full: The kernel has ") != NULL, "%s", err.message);
        ck_assert_msg(strstr(err.message, wrong[i].sentence) != NULL, "%s", err.message);
        close_simulation(&it);
    }
}
END_TEST

/* ---- memory ---- */

/* Adds, and sends the sum round a ring. */
static void adding_ring_kernel(weft_tile *tl, const void *arguments)
{
    add_kernel(tl, arguments);
    (void)tl_send(tl, TL_NEXT, tl_full(tl, weft_shape_1d(10), WEFT_F32, 1));
    tl_tensor other = tl_recv(tl, TL_PREVIOUS, weft_shape_1d(10), WEFT_F32);
    float seen[10];
    if (((const add_work *)arguments)->peeks)
        tl_peek(tl, other, seen);
}

static weft_status try_all(const weft_machine *machine, const weft_simulation_options *options, const float *data,
                           float *out, weft_simulation **simulation, add_work *work, weft_kernel_launch **launch)
{
    const weft_shape shape = weft_shape_2d(10, 10);
    const weft_placement placement = {.over_pes = WEFT_SPLIT_COLUMNS};
    weft_status status = weft_simulation_create(machine, options, simulation, NULL);
    if (status == WEFT_OK)
        status = weft_placed_tensor_create(*simulation, WEFT_F32, &shape, &placement, &work->a, NULL);
    if (status == WEFT_OK)
        status = weft_placed_tensor_create(*simulation, WEFT_F32, &shape, &placement, &work->b, NULL);
    if (status == WEFT_OK)
        status = weft_placed_tensor_create(*simulation, WEFT_F32, &shape, &placement, &work->out, NULL);
    if (status == WEFT_OK)
        status = weft_placed_tensor_upload(work->a, data, 400, NULL);
    if (status == WEFT_OK)
        status = weft_placed_tensor_set(work->b, data, 400, NULL);
    work->peeks = options->values != WEFT_VALUES_NONE;
    const weft_launch_options add = {
        .name = "add", .kernel = adding_ring_kernel, .arguments = work, .queues = WEFT_QUEUES_RING};
    if (status == WEFT_OK)
        status = weft_simulation_launch(*simulation, &add, launch, NULL);
    if (status == WEFT_OK)
        status = weft_simulation_wait(*simulation, *launch, NULL);
    weft_record record;
    for (size_t i = 0; status == WEFT_OK && i < weft_simulation_log_count(*simulation); i++)
        status = weft_simulation_log_at(*simulation, i, &record, NULL);
    if (status == WEFT_OK)
        status = weft_placed_tensor_download(work->out, out, 400, NULL);
    return status == WEFT_OK ? weft_simulation_finish_trace(*simulation, NULL) : status;
}

#define TRACE "test_simulation_errors.trace.json"

START_TEST(every_allocation_may_fail)
{
    static const weft_simulation_options modes[] = {{.threads = 2},
                                                    {.values = WEFT_VALUES_EAGER, .keeps_log = true},
                                                    {.values = WEFT_VALUES_NONE, .keeps_log = true},
                                                    {.trace_path = TRACE, .perturb_seed = 3}};
    static float out[100];
    float *data = numbers(100, 11);
    weft_machine *machine = open_machine("tiny", NULL);
    for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
        bool failed = true;
        uint64_t tried = 0;
        for (; failed; tried++) {
            weft_simulation *simulation = NULL;
            weft_kernel_launch *launch = NULL;
            add_work work = {0};
            weft_test_fail_allocation_after(tried);
            weft_status status = try_all(machine, &modes[mode], data, out, &simulation, &work, &launch);
            failed = weft_test_stop_failing();
            ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "mode %zu, allocation %llu gave %s", mode,
                          (unsigned long long)tried, weft_status_name(status));
            weft_kernel_launch_destroy(launch);
            drop_add(&work);
            weft_simulation_destroy(simulation);
        }
        for (int i = 0; i < 100; i++)
            ck_assert(out[i] == data[i] + data[i]);
        ck_assert_uint_gt(tried, 60);
    }
    (void)remove(TRACE);
    weft_machine_close(machine);
    free(data);
}
END_TEST

WEFT_TEST_MAIN("simulation_errors", a_ring_of_one_has_no_neighbours, a_direction_without_its_queues_names_those,
               a_direction_without_a_pe_says_so, launches_that_cannot_be, options_that_cannot_be,
               shards_that_are_not_there, errors_stay, stacks_are_as_large_as_a_launch_says,
               a_stack_that_is_too_small_is_told, every_allocation_may_fail)
