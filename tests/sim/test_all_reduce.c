/* All-reduce by the tree of a group, and which of all ways is chosen. */
#include "collective_bench.h"

#include "support/sentence.h"

/* ---- the tree ---- */

/* The tensors of a tree from a rank on, joined in the order that the header states. */
static void reduce_tree(const trial *it, const unsigned char *data, uint32_t size, uint32_t rank, void *out)
{
    uint64_t count = it->rows * it->columns, bytes = count * weft_dtype_bytes(it->dtype);
    memcpy(out, data + rank * bytes, bytes);
    void *part = malloc(bytes);
    for (uint32_t child = 2 * rank + 1; child <= 2 * rank + 2 && child < size; child++) {
        reduce_tree(it, data, size, child, part);
        reduce_plainly(it->reduction, it->dtype, out, part, count);
    }
    free(part);
}

static void check_tree(const simulation_bench *bench, trial *it, weft__rng *rng)
{
    uint32_t size = it->group_size, pes = it->pes.pes * it->pes.cubes;
    uint64_t count = it->rows * it->columns, bytes = count * weft_dtype_bytes(it->dtype);
    unsigned char *data = random_data(rng, it->dtype, pes * count, true), *found = malloc(pes * bytes);
    unsigned char *expected = malloc(bytes);
    it->data = data;
    (void)run_trial(bench, it, it->rows, found);
    for (uint32_t pe = 0; pe < pes; pe++) {
        reduce_tree(it, data + pe / size * size * bytes, size, 0, expected);
        for (uint64_t i = 0; i < count; i++)
            ck_assert_msg(naive_same(it->dtype, found + pe * bytes, expected, i),
                          "PE %u of groups of %u, %s, element %d is wrong.", pe, size, weft_dtype_name(it->dtype),
                          (int)i);
    }
    free(data);
    free(found);
    free(expected);
}

/* Groups of PEs that follow one another, also through several cubes. */
START_TEST(a_tree_gives_what_plain_loops_give)
{
    static const weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64, WEFT_I8,  WEFT_U8,
                                        WEFT_I16, WEFT_U16, WEFT_I32,  WEFT_U32, WEFT_I64, WEFT_U64};
    static const char *const rings[][2] = {{"1", "64"}, {"2", "128"}, {"4", "4096"}};
    static const uint32_t sizes[] = {1, 2, 3, 6, 12, 24};
    weft__rng rng;
    weft__rng_init(&rng, 7);
    for (uint32_t ring = 0; ring < 3; ring++) {
        const char *const settings[] = {"pe.ipcq.slots", rings[ring][0], "pe.ipcq.slot_bytes", rings[ring][1], NULL};
        simulation_bench bench = open_simulation("two-sip", settings, &(weft_simulation_options){.perturb_seed = ring});
        for (uint32_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
            trial it = {.which = ALL_REDUCE_TREE,
                        .reduction = (tl_reduction)weft__rng_below(&rng, 3),
                        .pes = {.sips = 1, .cubes = 4, .pes = 6},
                        .group_size = sizes[weft__rng_below(&rng, 6)],
                        .dtype = dtypes[i],
                        .rows = 1 + weft__rng_below(&rng, 4),
                        .columns = 1 + weft__rng_below(&rng, 100),
                        .is_strided = weft__rng_below(&rng, 2)};
            check_tree(&bench, &it, &rng);
        }
        close_simulation(&bench);
    }
}
END_TEST

/* ---- the choice ---- */

#define QUEUES_GRID (WEFT_QUEUES_CUBES | WEFT_QUEUES_SIPS)
#define QUEUES_GROUP (WEFT_QUEUES_RING | WEFT_QUEUES_TREE)

/* With slots of 4 KiB. */
static const struct choice {
    weft_pe_set pes;
    uint32_t group_size, group_stride, queues;
    uint64_t bytes;
    collective expected;
} choices[] = {
    /* One PE of each cube: up to a message, or an eighth as many as there are cubes, through the centre. */
    {{.pes = 1}, 0, 0, ALL_QUEUES, 4096, ALL_REDUCE_CENTRE},
    {{.pes = 1}, 0, 0, ALL_QUEUES, 3 * 4096, ALL_REDUCE_CENTRE},
    {{.pes = 1}, 0, 0, ALL_QUEUES, 3 * 4096 + 2, ALL_REDUCE_MESH},
    {{.sips = 1, .cubes = 4, .pes = 1}, 0, 0, QUEUES_GRID, 4096, ALL_REDUCE_CENTRE},
    {{.sips = 1, .cubes = 4, .pes = 1}, 0, 0, QUEUES_GRID, 4098, ALL_REDUCE_MESH},
    /* Two of each, each with those of its number. */
    {{.sips = 1, .cubes = 8, .pes = 2}, 8, 2, ALL_QUEUES, 2, ALL_REDUCE_CENTRE},
    {{.sips = 1, .cubes = 8, .pes = 2}, 8, 2, ALL_QUEUES, 16384, ALL_REDUCE_MESH},
    /* Groups that are not so, cubes that are no rectangle, and SIPs without queues between them. */
    {{.sips = 1, .cubes = 8, .pes = 2}, 8, 1, ALL_QUEUES, 2, ALL_REDUCE_TREE},
    {{.sips = 1, .cubes = 8, .pes = 2}, 4, 2, ALL_QUEUES, 2, ALL_REDUCE_TREE},
    {{.sips = 1, .first_cube = 2, .cubes = 4, .pes = 1}, 0, 0, ALL_QUEUES, 32768, ALL_REDUCE_TREE},
    {{.sips = 1, .first_cube = 2, .cubes = 4, .pes = 1}, 0, 0, ALL_QUEUES, 32770, ALL_REDUCE_RING},
    {{.cubes = 4, .pes = 1}, 0, 0, WEFT_QUEUES_CUBES | QUEUES_GROUP, 2, ALL_REDUCE_TREE},
    {{.cubes = 4, .pes = 1}, 0, 0, WEFT_QUEUES_SIPS | WEFT_QUEUES_RING, 2, ALL_REDUCE_RING},
    /* In one cube. */
    {{.sips = 1, .cubes = 1}, 0, 0, ALL_QUEUES, 1024, ALL_REDUCE_TREE},
    {{.sips = 1, .cubes = 1}, 0, 0, ALL_QUEUES, 1026, ALL_REDUCE_RING},
    {{.sips = 1, .cubes = 2}, 4, 2, ALL_QUEUES, 2, ALL_REDUCE_RING},
    {{.sips = 1, .cubes = 2}, 16, 1, ALL_QUEUES, 1026, ALL_REDUCE_TREE},
    /* With one sort of queues. */
    {{.sips = 1, .cubes = 1}, 0, 0, WEFT_QUEUES_TREE, 40000, ALL_REDUCE_TREE},
    {{.sips = 1, .cubes = 1}, 0, 0, WEFT_QUEUES_RING, 2, ALL_REDUCE_RING},
};

/* What is chosen gives the same bits at the same time. */
START_TEST(the_choice_is_as_told)
{
    const struct choice *choice = &choices[_i];
    uint32_t pes;
    weft_error err;
    uint64_t count = choice->bytes / 2;
    weft__rng rng;
    weft__rng_init(&rng, 3);
    weft_launch_report reports[2];
    unsigned char *found[2];
    trial it = {.pes = choice->pes,
                .group_size = choice->group_size,
                .group_stride = choice->group_stride,
                .queues = choice->queues,
                .dtype = WEFT_F16,
                .rows = 1,
                .columns = count};
    for (int i = 0; i < 2; i++) {
        simulation_bench bench = open_simulation("two-sip", NULL, NULL);
        WEFT_TEST_ASSERT_OK(weft_machine_count_pes(bench.machine, &it.pes, &pes, &err), err);
        if (i == 0)
            it.data = random_data(&rng, WEFT_F16, pes * count, false);
        it.which = i ? ALL_REDUCE : choice->expected;
        found[i] = malloc(pes * choice->bytes);
        reports[i] = run_trial(&bench, &it, 1, found[i]);
        close_simulation(&bench);
    }
    ck_assert_uint_eq(reports[0].makespan_ps, reports[1].makespan_ps);
    ck_assert_uint_eq(reports[0].messages, reports[1].messages);
    ck_assert_mem_eq(found[0], found[1], pes * choice->bytes);
    free((void *)(uintptr_t)it.data);
    free(found[0]);
    free(found[1]);
}
END_TEST

static void lonely_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_tensor one = tl_full(tl, weft_shape_1d(4), WEFT_F32, 1);
    uint64_t begin = tl_now_ps(tl);
    tl_tensor all = tl_all_reduce(tl, one, TL_REDUCE_SUM);
    ck_assert_uint_eq(all.value, one.value);
    ck_assert_uint_eq(tl_now_ps(tl), begin);
}

static void tree_without_queues(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_all_reduce_tree(tl, tl_full(tl, weft_shape_1d(4), WEFT_F32, 1), TL_REDUCE_SUM);
}

START_TEST(without_queues_nothing_can_be_chosen)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    (void)run_launch(&it, &(weft_launch_options){.kernel = lonely_kernel, .group_size = 1});
    weft_error err = fail_launch(&it, &(weft_launch_options){.kernel = lonely_kernel, .queues = WEFT_QUEUES_PES});
    WEFT_TEST_ASSERT_FAILS(err.code, err, WEFT_NOT_FOUND, "tl_all_reduce:", "2 PEs", "WEFT_QUEUES_RING", NULL);
    close_simulation(&it);
    it = open_simulation("tiny", NULL, NULL);
    err = fail_launch(&it, &(weft_launch_options){.kernel = tree_without_queues, .queues = WEFT_QUEUES_RING});
    WEFT_TEST_ASSERT_FAILS(err.code, err, WEFT_NOT_FOUND, "tl_all_reduce_tree:", "WEFT_QUEUES_TREE", NULL, NULL);
    close_simulation(&it);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("all_reduce");
    TCase *tests = tcase_create("all_reduce");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, a_tree_gives_what_plain_loops_give);
    tcase_add_loop_test(tests, the_choice_is_as_told, 0, (int)(sizeof choices / sizeof choices[0]));
    tcase_add_test(tests, without_queues_nothing_can_be_chosen);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
