/* Collectives that cannot be: what is missing is named. */
#include "collective_bench.h"

typedef struct mistake {
    collective which;
    bool is_barrier;
    uint32_t reduction, root, queues;
    weft_pe_set pes;
    uint32_t group_size, group_stride;
    weft_shape shape;
    weft_status status;
    const char *says;
    const char *machine;
} mistake;

static void mistake_kernel(weft_tile *tl, const void *arguments)
{
    const mistake *it = arguments;
    const trial same = {.which = it->which, .reduction = (tl_reduction)it->reduction, .root = it->root};
    if (it->is_barrier)
        tl_barrier(tl);
    else
        (void)call_collective(tl, &same, tl_full(tl, it->shape, WEFT_F32, 1));
}

static const weft_pe_set one_of_each = {.pes = 1};

#define ALL_QUEUES (WEFT_QUEUES_CUBES | WEFT_QUEUES_PES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING | WEFT_QUEUES_TREE)

static const mistake mistakes[] = {
    {.which = ALL_REDUCE_RING,
     .status = WEFT_NOT_FOUND,
     .says = "tl_all_reduce_ring: There is no neighbour next: weft_launch_options.queues does not ask for "
             "WEFT_QUEUES_RING, which gives TL_NEXT and TL_PREVIOUS."},
    {.which = ALL_GATHER,
     .queues = WEFT_QUEUES_TREE,
     .status = WEFT_NOT_FOUND,
     .says = "tl_all_gather: There is no neighbour next: weft_launch_options.queues does not ask for WEFT_QUEUES_RING, "
             "which gives TL_NEXT and TL_PREVIOUS."},
    {.which = REDUCE_SCATTER, .shape = {1, {32}}, .status = WEFT_NOT_FOUND, .says = "WEFT_QUEUES_RING"},
    {.which = BROADCAST,
     .status = WEFT_NOT_FOUND,
     .says = "tl_broadcast: There is no neighbour left: weft_launch_options.queues does not ask for WEFT_QUEUES_TREE, "
             "which gives TL_PARENT,"},
    {.is_barrier = true,
     .status = WEFT_NOT_FOUND,
     .says = "tl_barrier: There is no neighbour left: weft_launch_options.queues does not ask for WEFT_QUEUES_TREE, "
             "which gives TL_PARENT,"},
    {.which = ALL_REDUCE_CENTRE,
     .queues = WEFT_QUEUES_SIPS,
     .status = WEFT_NOT_FOUND,
     .says = "tl_all_reduce_centre: There is no neighbour east: weft_launch_options.queues does not ask for "
             "WEFT_QUEUES_CUBES,"},
    {.which = ALL_REDUCE_CENTRE,
     .queues = WEFT_QUEUES_CUBES,
     .status = WEFT_NOT_FOUND,
     .says = "tl_all_reduce_centre: There is no neighbour sip_east: weft_launch_options.queues does not ask for "
             "WEFT_QUEUES_SIPS,"},
    {.which = ALL_REDUCE_MESH, .status = WEFT_NOT_FOUND, .says = "WEFT_QUEUES_CUBES"},
    {.which = ALL_REDUCE_CENTRE,
     .queues = ALL_QUEUES,
     .pes = {.pes = 1, .cubes = 6},
     .status = WEFT_UNSUPPORTED,
     .says = "Cubes 0 to 5 are not whole rows of their grid of 4 columns, nor a part of one row."},
    {.which = ALL_REDUCE_CENTRE,
     .queues = ALL_QUEUES,
     .pes = {.pes = 1, .first_cube = 2, .cubes = 4},
     .status = WEFT_UNSUPPORTED,
     .says = "Cubes 2 to 5 are not whole rows of their grid of 4 columns, nor a part of one row."},
    {.which = ALL_REDUCE_MESH,
     .queues = ALL_QUEUES,
     .pes = {.pes = 1, .first_cube = 3, .cubes = 2},
     .status = WEFT_UNSUPPORTED,
     .says = "tl_all_reduce_mesh: Cubes 3 to 4 are not whole rows of their grid of 4 columns"},
    {.which = ALL_REDUCE_MESH,
     .queues = ALL_QUEUES,
     .pes = {.pes = 1, .sips = 4},
     .machine = "six-sip-torus",
     .status = WEFT_UNSUPPORTED,
     .says = "SIPs 0 to 3 are not whole rows of their grid of 3 columns"},
    {.which = ALL_REDUCE_CENTRE,
     .queues = ALL_QUEUES,
     .pes = {.sips = 1, .cubes = 4, .pes = 2},
     .group_size = 4,
     .status = WEFT_UNSUPPORTED,
     .says = "tl_all_reduce_centre: The groups of the launch have group_size 4 and group_stride 1, but a group must be "
             "one PE of each of 4 cubes, size 4 and stride 2, or the PEs of a cube, or there must be none."},
    {.which = ALL_REDUCE_CENTRE,
     .queues = ALL_QUEUES,
     .pes = {.sips = 2, .cubes = 4, .pes = 1},
     .group_size = 4,
     .status = WEFT_UNSUPPORTED,
     .says = "a group must be one PE of each of 8 cubes, size 8 and stride 1"},
    {.which = ALL_REDUCE_MESH,
     .queues = WEFT_QUEUES_CUBES,
     .pes = {.sips = 2, .cubes = 4, .pes = 2},
     .group_size = 8,
     .group_stride = 2,
     .status = WEFT_UNSUPPORTED,
     .says = "tl_all_reduce_mesh: The groups of the launch have group_size 8 and group_stride 2, but a group must be "
             "one PE of each of 4 cubes, size 4 and stride 2"},
    {.which = ALL_REDUCE_RING,
     .queues = ALL_QUEUES,
     .reduction = 3,
     .status = WEFT_INVALID_ARGUMENT,
     .says = "tl_all_reduce_ring: Reduction 3 is none; there are 3."},
    {.which = ALL_REDUCE_CENTRE,
     .queues = ALL_QUEUES,
     .reduction = 3,
     .status = WEFT_INVALID_ARGUMENT,
     .says = "Reduction 3 is none"},
    {.which = ALL_REDUCE_MESH,
     .queues = ALL_QUEUES,
     .reduction = 77,
     .status = WEFT_INVALID_ARGUMENT,
     .says = "Reduction 77 is none"},
    {.which = REDUCE_SCATTER,
     .queues = ALL_QUEUES,
     .reduction = 3,
     .status = WEFT_INVALID_ARGUMENT,
     .says = "Reduction 3 is none"},
    {.which = REDUCE_SCATTER,
     .queues = ALL_QUEUES,
     .shape = {2, {33, 2}},
     .status = WEFT_SHAPE_MISMATCH,
     .says = "tl_reduce_scatter: A tensor of shape [33, 2] has no rows that 32 ranks could share evenly."},
    {.which = REDUCE_SCATTER,
     .queues = ALL_QUEUES,
     .shape = {0},
     .status = WEFT_SHAPE_MISMATCH,
     .says = "has no rows that 32 ranks could share evenly."},
    {.which = ALL_GATHER,
     .queues = ALL_QUEUES,
     .shape = {0},
     .status = WEFT_SHAPE_MISMATCH,
     .says = "tl_all_gather: A tensor of rank 0 has no first axis to be gathered along."},
    {.which = BROADCAST,
     .queues = ALL_QUEUES,
     .root = 32,
     .status = WEFT_OUT_OF_RANGE,
     .says = "tl_broadcast: There is no rank 32 in a group of 32."},
    {.which = ALL_GATHER,
     .queues = ALL_QUEUES,
     .shape = {1, {100000}},
     .status = WEFT_OUT_OF_MEMORY,
     .says = "has no room"},
};
START_TEST(what_is_missing_is_named)
{
    const mistake *it = &mistakes[_i];
    mistake filled = *it;
    if (filled.pes.pes == 0)
        filled.pes = one_of_each;
    if (filled.shape.rank == 0 && filled.status != WEFT_SHAPE_MISMATCH)
        filled.shape = weft_shape_1d(16);
    simulation_bench bench = open_simulation(it->machine ? it->machine : "two-sip", NULL, NULL);
    const weft_launch_options options = {.kernel = mistake_kernel,
                                         .arguments = &filled,
                                         .pes = filled.pes,
                                         .queues = filled.queues,
                                         .group_size = filled.group_size,
                                         .group_stride = filled.group_stride};
    weft_error err = fail_launch(&bench, &options);
    ck_assert_msg(err.code == it->status && strstr(err.message, it->says), "%s: %s", weft_status_name(err.code),
                  err.message);
    close_simulation(&bench);
}
END_TEST

/* Ranks that do not agree. */
static void disagreeing_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    uint32_t me = tl_program_id(tl, TL_AXIS_ALL);
    (void)tl_all_reduce_ring(tl, tl_full(tl, weft_shape_1d(me == 2 ? 40 : 80), WEFT_F32, 1), TL_REDUCE_SUM);
}

static void absent_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    if (tl_program_id(tl, TL_AXIS_ALL) != 2)
        tl_barrier(tl);
    else
        (void)tl_recv(tl, TL_PARENT, weft_shape_1d(3), WEFT_F32);
}

START_TEST(ranks_that_do_not_agree_are_found_out)
{
    simulation_bench bench = open_simulation("two-sip", NULL, NULL);
    weft_launch_options options = {
        .kernel = disagreeing_kernel, .pes = {.sips = 1, .cubes = 1, .pes = 4}, .queues = ALL_QUEUES};
    ck_assert_int_eq(fail_launch(&bench, &options).code, WEFT_SHAPE_MISMATCH);
    close_simulation(&bench);
    bench = open_simulation("two-sip", NULL, NULL);
    options.kernel = absent_kernel;
    ck_assert_int_eq(fail_launch(&bench, &options).code, WEFT_DEADLOCK);
    close_simulation(&bench);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collective_errors");
    TCase *tests = tcase_create("collective_errors");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, what_is_missing_is_named, 0, (int)(sizeof mistakes / sizeof mistakes[0]));
    tcase_add_test(tests, ranks_that_do_not_agree_are_found_out);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
