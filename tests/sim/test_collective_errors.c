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

/* ---- PEs that do not call alike ---- */

/* What a PE calls, one of `collective` or of these; of so many elements. */
enum {
    NOTHING = 100,
    BARRIER,
    SEND,
    RECEIVE
};

typedef struct step {
    int which;
    tl_reduction reduction;
    uint32_t root;
    uint64_t elements; /* 0: 32 */
} step;

#define RING(reduction_name) .which = ALL_REDUCE_RING, .reduction = TL_REDUCE_##reduction_name
#define TREE(reduction_name) .which = ALL_REDUCE_TREE, .reduction = TL_REDUCE_##reduction_name
#define CENTRE(reduction_name) .which = ALL_REDUCE_CENTRE, .reduction = TL_REDUCE_##reduction_name
#define ROOT(rank, count) .which = BROADCAST, .root = (rank), .elements = (count)

typedef struct disagreement {
    weft_pe_set pes;
    uint32_t group_size;
    weft_dtype dtype;
    uint32_t count;          /* of steps */
    uint32_t odd, odd_count; /* who does something else: places in the launch; 0: one PE */
    step all[3], his[3];
    const char *says; /* NULL: it is right */
} disagreement;

static void call_step(weft_tile *tl, const step *it, weft_dtype dtype)
{
    const weft_shape shape = weft_shape_1d(it->elements ? it->elements : 32);
    const trial same = {.which = (collective)it->which, .reduction = it->reduction, .root = it->root};
    if (it->which == NOTHING)
        return;
    if (it->which == BARRIER)
        tl_barrier(tl);
    else if (it->which == SEND)
        (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, dtype, 1));
    else if (it->which == RECEIVE)
        (void)tl_recv(tl, TL_PREVIOUS, shape, dtype);
    else
        (void)call_collective(tl, &same, tl_full(tl, shape, dtype, tl_program_id(tl, TL_AXIS_ALL)));
}

static void disagreement_kernel(weft_tile *tl, const void *arguments)
{
    const disagreement *it = arguments;
    uint32_t place = tl_program_id(tl, TL_AXIS_ALL), odd_count = it->odd_count ? it->odd_count : 1;
    const step *steps = place >= it->odd && place < it->odd + odd_count ? it->his : it->all;
    for (uint32_t i = 0; i < it->count; i++)
        call_step(tl, &steps[i], it->dtype);
}

#define IN_CUBE .sips = 1, .cubes = 1
#define PAIR .sips = 1, .cubes = 1, .pes = 2

static const disagreement disagreements[] = {
    {.pes = {IN_CUBE},
     .odd = 4,
     .count = 1,
     .all = {{RING(SUM)}},
     .his = {{RING(MAX)}},
     .says = "This is tl_all_reduce_ring of sum, collective 1 of sip0.cube0.pe5 in its group, but the message from "
             "previous is of tl_all_reduce_ring of max, collective 1 of sip0.cube0.pe4 in its group."},
    /* Another order. */
    {.pes = {IN_CUBE},
     .odd = 2,
     .count = 2,
     .all = {{RING(SUM)}, {RING(MAX)}},
     .his = {{RING(MAX)}, {RING(SUM)}},
     .says = "This is tl_all_reduce_ring of sum, collective 1 of sip0.cube0.pe3 in its group, but the message from "
             "previous is of tl_all_reduce_ring of max, collective 1 of sip0.cube0.pe2 in its group."},
    {.pes = {IN_CUBE},
     .odd = 7,
     .count = 3,
     .all = {{RING(SUM)}, {TREE(MIN)}, {TREE(MAX)}},
     .his = {{RING(SUM)}, {TREE(MAX)}, {TREE(MIN)}},
     .says = "This is tl_all_reduce_tree of min, collective 2 of sip0.cube0.pe3 in its group, but the message from "
             "left is of tl_all_reduce_tree of max, collective 2 of sip0.cube0.pe7 in its group."},
    {.pes = {PAIR},
     .odd = 1,
     .count = 2,
     .all = {{ROOT(0, 32)}, {ROOT(1, 32)}},
     .his = {{ROOT(1, 32)}, {ROOT(0, 32)}},
     .says = "This is tl_broadcast from rank 1, collective 2 of sip0.cube0.pe0 in its group, but the message from left "
             "is of tl_broadcast from rank 1, collective 1 of sip0.cube0.pe1 in its group."},
    /* Another root; and a shape of fewer messages, the rest of which are left. */
    {.pes = {IN_CUBE},
     .odd = 1,
     .count = 1,
     .all = {{ROOT(0, 32)}},
     .his = {{ROOT(1, 32)}},
     .says = "This is tl_broadcast from rank 0, collective 1 of sip0.cube0.pe3 in its group, but the message from "
             "parent is of tl_broadcast from rank 1, collective 1 of sip0.cube0.pe1 in its group."},
    {.pes = {IN_CUBE},
     .odd = 7,
     .count = 2,
     .all = {{ROOT(0, 2048)}, {ROOT(0, 1024)}},
     .his = {{ROOT(0, 1024)}, {ROOT(0, 1024)}},
     .says = "This is tl_broadcast from rank 0, collective 2 of sip0.cube0.pe7 in its group, but the message from "
             "parent is of tl_broadcast from rank 0, collective 1 of sip0.cube0.pe3 in its group."},
    /* Another collective, of the same messages. */
    {.pes = {IN_CUBE},
     .odd = 4,
     .count = 1,
     .all = {{RING(SUM)}},
     .his = {{.which = REDUCE_SCATTER}},
     .says = "This is tl_all_reduce_ring of sum, collective 1 of sip0.cube0.pe5 in its group, but the message from "
             "previous is of tl_reduce_scatter of sum, collective 1 of sip0.cube0.pe4 in its group."},
    {.pes = {IN_CUBE},
     .dtype = WEFT_U8,
     .odd = 1,
     .count = 1,
     .all = {{.which = ALL_REDUCE_TREE, .elements = 1}},
     .his = {{.which = BARRIER}},
     .says = "This is tl_barrier, collective 1 of sip0.cube0.pe1 in its group, but the message from left is of "
             "tl_all_reduce_tree of sum, collective 1 of sip0.cube0.pe3 in its group."},
    {.pes = {IN_CUBE},
     .odd = 3,
     .count = 1,
     .all = {{.which = ALL_GATHER, .elements = 4}},
     .his = {{RING(SUM)}},
     .says = "This is tl_all_reduce_ring of sum, collective 1 of sip0.cube0.pe3 in its group, but the message from "
             "previous is of tl_all_gather, collective 1 of sip0.cube0.pe2 in its group."},
    {.pes = {.pes = 1},
     .odd = 5,
     .count = 1,
     .all = {{CENTRE(SUM)}},
     .his = {{CENTRE(MIN)}},
     .says = "This is tl_all_reduce_centre of min, collective 1 of sip0.cube5.pe0 between cubes, but the message from "
             "west is of tl_all_reduce_centre of sum, collective 1 of sip0.cube4.pe0 between cubes."},
    {.pes = {.pes = 1},
     .odd = 5,
     .count = 2,
     .all = {{.which = ALL_REDUCE_MESH}, {CENTRE(SUM)}},
     .his = {{.which = ALL_REDUCE_MESH, .reduction = TL_REDUCE_MAX}, {CENTRE(SUM)}},
     .says = "This is tl_all_reduce_mesh of max, collective 1 of sip0.cube5.pe0 between cubes, but the message from "
             "west is of tl_all_reduce_mesh of sum, collective 1 of sip0.cube4.pe0 between cubes."},
    /* A message of none. */
    {.pes = {PAIR},
     .odd = 1,
     .count = 3,
     .all = {{RING(MAX)}, {RING(SUM)}, {RING(SUM)}},
     .his = {{RING(MAX)}, {.which = SEND, .elements = 16}, {RING(SUM)}},
     .says = "This is tl_all_reduce_ring of sum, collective 2 of sip0.cube0.pe0 in its group, but the message from "
             "previous is of tl_send of sip0.cube0.pe1, outside of collectives."},
    {.pes = {PAIR},
     .odd = 1,
     .count = 3,
     .all = {{RING(MAX)}, {RING(SUM)}, {RING(SUM)}},
     .his = {{RING(MAX)}, {.which = RECEIVE, .elements = 16}, {RING(SUM)}},
     .says = "This is tl_recv of sip0.cube0.pe1, outside of collectives, but the message from previous is of "
             "tl_all_reduce_ring of sum, collective 2 of sip0.cube0.pe0 in its group."},
    /* Right: the PEs of a cube that reduce more often, and then PEs of all cubes. */
    {.pes = {.sips = 1, .cubes = 4, .pes = 2},
     .group_size = 2,
     .odd = 2,
     .odd_count = 2,
     .count = 3,
     .all = {{.which = NOTHING}, {RING(SUM)}, {CENTRE(SUM)}},
     .his = {{TREE(MAX)}, {RING(SUM)}, {CENTRE(SUM)}}},
    /* And messages in between. */
    {.pes = {PAIR},
     .odd = 1,
     .count = 3,
     .all = {{RING(SUM)}, {.which = SEND}, {RING(SUM)}},
     .his = {{RING(SUM)}, {.which = RECEIVE}, {RING(SUM)}}},
};

/* With values and without. */
START_TEST(pes_that_do_not_call_alike_are_found_out)
{
    const disagreement *it = &disagreements[_i];
    for (int round = 0; round < 2; round++) {
        const weft_simulation_options values = {.values = round ? WEFT_VALUES_NONE : WEFT_VALUES_LAZY};
        simulation_bench bench = open_simulation("two-sip", NULL, &values);
        const weft_launch_options options = {.kernel = disagreement_kernel,
                                             .arguments = it,
                                             .pes = it->pes,
                                             .queues = ALL_QUEUES,
                                             .group_size = it->group_size};
        if (it->says) {
            weft_error err = fail_launch(&bench, &options);
            ck_assert_msg(err.code == WEFT_INVALID_STATE && strstr(err.message, it->says), "%s: %s",
                          weft_status_name(err.code), err.message);
        } else {
            (void)run_launch(&bench, &options);
        }
        close_simulation(&bench);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collective_errors");
    TCase *tests = tcase_create("collective_errors");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, what_is_missing_is_named, 0, (int)(sizeof mistakes / sizeof mistakes[0]));
    tcase_add_test(tests, ranks_that_do_not_agree_are_found_out);
    tcase_add_loop_test(tests, pes_that_do_not_call_alike_are_found_out, 0,
                        (int)(sizeof disagreements / sizeof disagreements[0]));
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
