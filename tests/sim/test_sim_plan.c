/* What the device `sim` tells of its plans: it is what kernels were given, adds up, and changes nothing. */
#include "device_bench.h"

#include <weft/sim_device.h>

#include "support/failing_malloc.h"

enum {
    PLANS_MAX = 16,
    PES_MAX = 256
};

/* All that was told. */
typedef struct told {
    size_t count;
    weft_sim_plan plans[PLANS_MAX];
    char labels[PLANS_MAX][32];
    uint64_t rows[PLANS_MAX][PES_MAX];
} told;

static void take(void *user, const weft_sim_plan *plan)
{
    told *it = user;
    size_t at = it->count++;
    if (at >= PLANS_MAX || plan->pes > PES_MAX)
        return;
    it->plans[at] = *plan;
    (void)snprintf(it->labels[at], sizeof it->labels[at], "%s", plan->label);
    memcpy(it->rows[at], plan->rows_of_pe, plan->pes * sizeof it->rows[at][0]);
}

static weft_buffer *make(weft_device *device, uint64_t rows, uint64_t columns)
{
    weft_buffer *buffer;
    weft_shape shape = weft_shape_2d(rows, columns);
    OK(weft_buffer_create(device, WEFT_F32, &shape, &buffer, NULL));
    return buffer;
}

static uint64_t sum_of(const told *it, size_t plan)
{
    uint64_t sum = 0;
    for (uint32_t pe = 0; pe < it->plans[plan].pes; pe++)
        sum += it->rows[plan][pe];
    return sum;
}

static uint32_t pes_with_rows(const told *it, size_t plan)
{
    uint32_t count = 0;
    for (uint32_t pe = 0; pe < it->plans[plan].pes; pe++)
        count += it->rows[plan][pe] > 0;
    return count;
}

/* A product of 2 x 64 with 1,000 x 64, and what adds to it. */
static uint64_t run(weft_device *device, told *out)
{
    weft_buffer *x = make(device, 2, 64), *weight = make(device, 1000, 64), *product = make(device, 2, 1000);
    weft_encoder *encoder = test_encoder(device, NULL);
    if (out)
        OK(weft_sim_device_watch_plans(device, take, out, NULL));
    uint64_t begun = weft_device_now_ps(device);
    weft_encoder_set_label(encoder, "the product");
    OK(weft_matmul(encoder, x, weight, product, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    OK(weft_add(encoder, product, product, product, NULL));
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    uint64_t took = weft_device_now_ps(device) - begun;
    OK(weft_sim_device_watch_plans(device, NULL, NULL, NULL));
    OK(weft_encoder_reset(encoder, NULL));
    OK(weft_add(encoder, product, product, product, NULL)); /* nobody is told of this one */
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(x);
    weft_buffer_destroy(weight);
    weft_buffer_destroy(product);
    return took;
}

START_TEST(plans_tell_who_does_what)
{
    static const char *const machines[] = {TINY, TWO_SIP};
    weft_device *device = test_open(machines[_i]);
    uint32_t pes = _i == 0 ? 2 : 256;
    told it = {0};
    run(device, &it);
    ck_assert_uint_eq(it.count, 2);
    const weft_sim_plan *product = &it.plans[0], *sum = &it.plans[1];
    ck_assert_str_eq(product->op, "matmul");
    ck_assert_str_eq(it.labels[0], "the product");
    ck_assert_uint_eq(product->pes, pes);
    ck_assert_uint_eq(product->launches, 1);
    ck_assert_uint_eq(product->split, 1); /* the weight */
    ck_assert_uint_eq(product->rows, 1000);
    ck_assert_uint_eq(product->row_elements, 64);
    ck_assert_uint_eq(product->macs, 2 * 64 * 1000);
    ck_assert_uint_eq(sum_of(&it, 0), 1000);
    ck_assert_uint_eq(pes_with_rows(&it, 0), product->arguments[1].pes);
    /* Blocks of equal size, whole rows each: 500 rows on 2 PEs; 4 rows on 250 of 256. */
    ck_assert_uint_eq(product->arguments[1].pes, _i == 0 ? 2 : 250);
    ck_assert_uint_eq(product->arguments[1].bytes_most, (_i == 0 ? 500u : 4u) * 64 * sizeof(float));
    ck_assert_uint_eq(it.rows[0][product->arguments[1].first_pe], _i == 0 ? 500 : 4);
    ck_assert_uint_eq(product->collective_count, 1);
    ck_assert_str_eq(product->collectives[0].name, "tl_broadcast");
    ck_assert_uint_eq(product->collectives[0].calls, pes);
    ck_assert_str_eq(sum->op, "add");
    ck_assert_uint_eq(sum->dispatch, 1);
    ck_assert_uint_eq(sum->barriers_before, 1);
    ck_assert_uint_eq(sum->collective_count, 0);
    ck_assert_uint_eq(sum->rows, 2000);
    ck_assert_uint_eq(sum_of(&it, 1), 2000);
    weft_device_close(device);
}
END_TEST

START_TEST(watching_takes_no_time)
{
    weft_device *watched = test_open(TINY), *other = test_open(TINY);
    told it = {0};
    ck_assert_uint_eq(run(watched, &it), run(other, NULL));
    ck_assert_uint_eq(weft_device_now_ps(watched), weft_device_now_ps(other));
    weft_device_close(watched);
    weft_device_close(other);
}
END_TEST

START_TEST(what_has_nothing_to_do_is_told_too)
{
    weft_device *device = test_open(TINY);
    told it = {0};
    weft_buffer *empty = make(device, 0, 4);
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_sim_device_watch_plans(device, take, &it, NULL));
    OK(weft_add(encoder, empty, empty, empty, NULL));
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    ck_assert_uint_eq(it.count, 1);
    ck_assert_uint_eq(it.plans[0].launches, 0);
    ck_assert_uint_eq(it.plans[0].split, UINT32_MAX);
    ck_assert_uint_eq(it.plans[0].arguments[0].pes, 0);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(empty);
    weft_device_close(device);
}
END_TEST

/* While a dispatch is under way somebody else begins to watch, or nobody does, or somebody for the first time: it is
 * told to who watched when it began. */
START_TEST(a_dispatch_is_told_to_who_watched_when_it_began)
{
    static const struct {
        bool is_watched_before, is_watched_after;
    } cases[] = {{true, false}, {true, true}, {false, true}};
    static float numbers[1 << 16];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_device *device = test_open(TINY);
        weft_buffer *x = make(device, 1 << 10, 1 << 6), *other = make(device, 1 << 10, 1 << 6);
        weft_encoder *encoder = test_encoder(device, NULL);
        told before = {0}, after = {0};
        if (cases[i].is_watched_before)
            OK(weft_sim_device_watch_plans(device, take, &before, NULL));
        OK(weft_add(encoder, x, x, x, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_mul(encoder, x, x, x, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL));
        OK(weft_buffer_read(other, 0, numbers, sizeof numbers, NULL));
        ck_assert_uint_eq(before.count, 0); /* the first has not ended, and that it has begun is seen below */
        OK(weft_sim_device_watch_plans(device, cases[i].is_watched_after ? take : NULL, &after, NULL));
        OK(weft_encoder_wait(encoder, NULL));
        ck_assert_uint_eq(before.count, cases[i].is_watched_before);
        ck_assert_uint_eq(after.count, cases[i].is_watched_after);
        if (cases[i].is_watched_before)
            ck_assert_str_eq(before.plans[0].op, "add");
        if (cases[i].is_watched_after)
            ck_assert_str_eq(after.plans[0].op, "mul");
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(x);
        weft_buffer_destroy(other);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(memory_of_pes_adds_up)
{
    weft_device *device = test_open(TWO_SIP);
    ck_assert_uint_eq(weft_sim_device_memory_of(device, 0), 0);
    weft_buffer *weight = make(device, 1000, 64);
    uint64_t sum = 0;
    for (uint32_t pe = 0; pe < 256; pe++)
        sum += weft_sim_device_memory_of(device, pe);
    ck_assert_uint_eq(sum, 1000 * 64 * sizeof(float));
    uint32_t with_most = 0, with_none = 0;
    for (uint32_t pe = 0; pe < 256; pe++) {
        with_most += weft_sim_device_memory_of(device, pe) == 4 * 64 * sizeof(float);
        with_none += weft_sim_device_memory_of(device, pe) == 0;
    }
    ck_assert_uint_eq(with_most, 250);
    ck_assert_uint_eq(with_none, 6);
    ck_assert_uint_eq(weft_sim_device_memory_of(device, 256), 0);
    weft_buffer_destroy(weight);
    ck_assert_uint_eq(weft_sim_device_memory_of(device, 0), 0);
    weft_device_close(device);
}
END_TEST

START_TEST(other_devices_have_no_plans)
{
    weft_device *device = test_open("ref");
    weft_error error;
    FAILS(weft_sim_device_watch_plans(device, take, NULL, &error), WEFT_UNSUPPORTED, "'ref'");
    ck_assert_uint_eq(weft_sim_device_memory_of(device, 0), 0);
    weft_device_close(device);
}
END_TEST

/* Each device works until the first failure, which the wait gives. */
START_TEST(want_of_memory_is_an_error)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_device *device = test_open(TINY);
        weft_buffer *x = make(device, 4, 64);
        weft_encoder *encoder = test_encoder(device, NULL);
        weft_error error = {.code = WEFT_OK};
        told it = {0};
        OK(weft_add(encoder, x, x, x, NULL));
        OK(weft_sim_device_watch_plans(device, take, &it, NULL));
        weft_test_fail_allocation_after(n);
        weft_status status = weft_encoder_commit_and_wait(encoder, NULL, &error);
        failed = weft_test_stop_failing();
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(x);
        weft_device_close(device);
        /* What is noted of a run may be lost without an error. */
        ck_assert_msg(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY), "allocation %" PRIu64 ": %s", n,
                      error.message);
        ck_assert(failed || it.count == 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_plan");
    TCase *tcase = tcase_create("sim_plan");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, plans_tell_who_does_what, 0, 2);
    tcase_add_test(tcase, watching_takes_no_time);
    tcase_add_test(tcase, what_has_nothing_to_do_is_told_too);
    tcase_add_test(tcase, a_dispatch_is_told_to_who_watched_when_it_began);
    tcase_add_test(tcase, memory_of_pes_adds_up);
    tcase_add_test(tcase, other_devices_have_no_plans);
    tcase_add_test(tcase, want_of_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
