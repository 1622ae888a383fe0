/* The end of a tensor: while launches use it, without memory, and what comes to its place. */
#include "simulation_bench.h"

#include "support/failing_malloc.h"

static const weft_placement one_pe = {.pes = {.sips = 1, .cubes = 1, .pes = 1}};

enum {
    COUNT = 64
};

static uint64_t address_of(const weft_placed_tensor *tensor)
{
    weft_shard shard;
    ck_assert(weft_placed_tensor_get_shard(tensor, 0, &shard));
    return shard.address;
}

static weft_placed_tensor *make_one(const simulation_bench *it)
{
    return make_tensor(it, WEFT_F32, weft_shape_1d(COUNT), one_pe);
}

/* Nobody has written it. */
static void check_unwritten(weft_placed_tensor *tensor)
{
    weft_error err;
    float data[COUNT];
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get(tensor, data, sizeof data, &err), WEFT_INVALID_STATE);
}

static void slow_add_kernel(weft_tile *tl, const void *arguments)
{
    for (int i = 0; i < 20; i++)
        add_kernel(tl, arguments);
}

static void idle_kernel(weft_tile *tl, const void *arguments)
{
    (void)tl, (void)arguments;
}

static const weft_launch_options slow_add = {
    .name = "add", .kernel = slow_add_kernel, .pes = {.sips = 1, .cubes = 1, .pes = 1}};

static weft_kernel_launch *begin_add(const simulation_bench *it, const add_work *work)
{
    weft_launch_options options = slow_add;
    options.arguments = work;
    return begin_launch(it, &options);
}

START_TEST(a_tensor_lasts_as_long_as_launches_that_may_use_it)
{
    float *data = numbers(COUNT, 3), out[COUNT];
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    add_work work = make_add(&it, WEFT_F32, weft_shape_1d(COUNT), one_pe);
    uint64_t place = address_of(work.a);
    set_tensor(work.a, data, sizeof out);
    set_tensor(work.b, data, sizeof out);
    weft_kernel_launch *launch = begin_add(&it, &work);
    weft_placed_tensor_destroy(work.a);
    weft_placed_tensor *other = make_one(&it);
    ck_assert_uint_ne(address_of(other), place);
    /* A launch that begins later is not waited for. */
    weft_kernel_launch *later = begin_launch(
        &it, &(weft_launch_options){.kernel = idle_kernel, .pes = {.sips = 1, .cubes = 1, .first_pe = 1, .pes = 1}});
    wait_for(&it, launch);
    get_tensor(work.out, out, sizeof out);
    for (int i = 0; i < COUNT; i++)
        ck_assert(out[i] == data[i] + data[i]);
    weft_placed_tensor *next = make_one(&it);
    ck_assert_uint_eq(address_of(next), place);
    check_unwritten(next);
    wait_for(&it, later);
    weft_kernel_launch_destroy(launch);
    weft_kernel_launch_destroy(later);
    weft_placed_tensor_destroy(next);
    weft_placed_tensor_destroy(other);
    weft_placed_tensor_destroy(work.b);
    weft_placed_tensor_destroy(work.out);
    close_simulation(&it);
    free(data);
}
END_TEST

/* Those that end out of order, too: the tensor is for the first launch, which ends last. */
START_TEST(every_launch_is_waited_for)
{
    static const float zeros[COUNT];
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    add_work work = make_add(&it, WEFT_F32, weft_shape_1d(COUNT), one_pe);
    uint64_t place = address_of(work.a);
    set_tensor(work.a, zeros, sizeof zeros);
    set_tensor(work.b, zeros, sizeof zeros);
    weft_kernel_launch *slow = begin_add(&it, &work);
    weft_kernel_launch *quick = begin_launch(
        &it, &(weft_launch_options){.kernel = idle_kernel, .pes = {.sips = 1, .cubes = 1, .first_pe = 1, .pes = 1}});
    weft_placed_tensor_destroy(work.a);
    wait_for(&it, quick);
    weft_kernel_launch_destroy(quick);
    weft_placed_tensor *other = make_one(&it);
    ck_assert_uint_ne(address_of(other), place);
    wait_for(&it, slow);
    weft_kernel_launch_destroy(slow);
    weft_placed_tensor *next = make_one(&it);
    ck_assert_uint_eq(address_of(next), place);
    weft_placed_tensor_destroy(next);
    weft_placed_tensor_destroy(other);
    weft_placed_tensor_destroy(work.b);
    weft_placed_tensor_destroy(work.out);
    close_simulation(&it);
}
END_TEST

/* The simulation ends under the launch, and frees what waits for it. */
START_TEST(a_launch_may_never_end)
{
    static const float zeros[COUNT];
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    add_work work = make_add(&it, WEFT_F32, weft_shape_1d(COUNT), one_pe);
    set_tensor(work.a, zeros, sizeof zeros);
    weft_kernel_launch *launch = begin_add(&it, &work);
    drop_add(&work);
    weft_kernel_launch_destroy(launch);
    close_simulation(&it);
}
END_TEST

static void store_far_kernel(weft_tile *tl, const void *arguments)
{
    const uint64_t *address = arguments;
    tl_store(tl, *address, tl_full(tl, weft_shape_1d(3 * COUNT), WEFT_F32, 7));
}

/* One value lies over three tensors, so that forgetting the middle one must cut it in two. */
START_TEST(what_cannot_be_forgotten_keeps_its_place)
{
    weft_error err;
    float data[COUNT];
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_placed_tensor *all[3];
    for (int i = 0; i < 3; i++)
        all[i] = make_one(&it);
    uint64_t first = address_of(all[0]), place = address_of(all[1]);
    ck_assert_uint_eq(address_of(all[2]), first + 2 * sizeof data);
    (void)run_launch(&it, &(weft_launch_options){.kernel = store_far_kernel,
                                                 .arguments = &first,
                                                 .pes = {.sips = 1, .cubes = 1, .pes = 1}});
    weft_test_fail_all_allocations_after(0);
    weft_placed_tensor_destroy(all[1]);
    ck_assert(weft_test_stop_failing());
    weft_placed_tensor *next = make_one(&it); /* once more, and now it can be forgotten */
    ck_assert_uint_eq(address_of(next), place);
    check_unwritten(next);
    for (int i = 0; i < 3; i += 2) {
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_get(all[i], data, sizeof data, &err), err);
        ck_assert(data[0] == 7 && data[COUNT - 1] == 7);
        weft_placed_tensor_destroy(all[i]);
    }
    weft_placed_tensor_destroy(next);
    close_simulation(&it);
}
END_TEST

START_TEST(a_tensor_that_was_never_written_needs_no_memory)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_placed_tensor *tensor = make_one(&it);
    uint64_t place = address_of(tensor), before = weft_test_allocations();
    weft_placed_tensor_destroy(tensor);
    ck_assert_uint_eq(weft_test_allocations(), before);
    tensor = make_one(&it);
    ck_assert_uint_eq(address_of(tensor), place);
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("tensor_end", a_tensor_lasts_as_long_as_launches_that_may_use_it, every_launch_is_waited_for,
               a_launch_may_never_end, what_cannot_be_forgotten_keeps_its_place,
               a_tensor_that_was_never_written_needs_no_memory)
