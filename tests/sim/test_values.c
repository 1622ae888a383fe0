/* The graph of values and the memories: ids and references, views, compositions, what is evaluated when, who is where.
 */
#include "support/weft_check.h"

#include "sim/replay/memory.h"
#include "sim/replay/value.h"
#include "support/failing_malloc.h"

static weft__values *create(void)
{
    weft_error err;
    weft__values *values;
    WEFT_TEST_ASSERT_OK(weft__values_create(NULL, &values, &err), err);
    return values;
}

static weft__values_statistics statistics_of(const weft__values *values)
{
    weft__values_statistics out;
    weft__values_get_statistics(values, &out);
    return out;
}

/* 0, 1, 2 ... in f32. */
static weft__value_id count_up(weft__values *values, weft_shape shape)
{
    weft_error err;
    weft__value_id id;
    float data[256];
    ck_assert(weft_shape_elements(&shape) <= 256);
    for (size_t i = 0; i < 256; i++)
        data[i] = (float)i;
    WEFT_TEST_ASSERT_OK(weft__values_constant(values, WEFT_F32, &shape, data, &id, &err), err);
    return id;
}

static weft__value_id operate(weft__values *values, weft_command_op op, weft_shape shape, weft__value_id a,
                              weft__value_id b)
{
    weft_error err;
    weft__value_id id;
    const weft__value_id inputs[2] = {a, b};
    const weft__operation operation = {
        .op = op, .dtype = WEFT_F32, .shape = shape, .inputs = inputs, .input_count = b ? 2 : 1};
    WEFT_TEST_ASSERT_OK(weft__values_operate(values, &operation, &id, &err), err);
    return id;
}

static const float *data_of(weft__values *values, weft__value_id id)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft__values_evaluate(values, &id, 1, &err), err);
    return weft__values_data(values, id);
}

START_TEST(ids_are_never_given_again)
{
    weft__values *values = create();
    weft__value_id first = count_up(values, weft_shape_1d(1));
    ck_assert(first != 0 && weft__values_lives(values, first));
    weft__values_release(values, first);
    ck_assert(!weft__values_lives(values, first));
    weft__value_id second = count_up(values, weft_shape_1d(1));
    ck_assert(second != first && weft__values_lives(values, second) && !weft__values_lives(values, first));
    ck_assert(!weft__values_lives(values, 0) && !weft__values_lives(values, 12345));
    weft__values_release(values, second);
    weft__values_release(values, 0);
    weft__values_destroy(values);
}
END_TEST

START_TEST(only_what_is_asked_for_is_computed)
{
    weft__values *values = create();
    weft__value_id a = count_up(values, weft_shape_1d(4));
    weft__value_id wanted = operate(values, WEFT_COMMAND_NEG, weft_shape_1d(4), a, 0);
    weft__value_id other = operate(values, WEFT_COMMAND_EXP, weft_shape_1d(4), a, 0);
    ck_assert_uint_eq(statistics_of(values).evaluated, 0);
    ck_assert_ptr_null(weft__values_data(values, wanted));
    ck_assert(data_of(values, wanted)[3] == -3);
    ck_assert_uint_eq(statistics_of(values).evaluated, 1);
    ck_assert_ptr_null(weft__values_data(values, other));
    weft__values_release(values, a);
    ck_assert(weft__values_lives(values, a)); /* `other` still needs it */
    ck_assert_uint_eq(statistics_of(values).live, 3);
    (void)data_of(values, other);
    ck_assert(!weft__values_lives(values, a));
    weft__values_release(values, wanted);
    weft__values_release(values, other);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    ck_assert_uint_eq(statistics_of(values).data_bytes, 0);
    weft__values_destroy(values);
}
END_TEST

/* Neither making, computing nor dropping goes deeper with the chain; two links' data live at a time. */
START_TEST(a_long_chain_is_flat)
{
    enum {
        LENGTH = 200000
    };
    weft__values *values = create();
    weft__value_id one, at = count_up(values, weft_shape_1d(16));
    one = operate(values, WEFT_COMMAND_EXP, weft_shape_1d(16), at, 0);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < LENGTH; i++) {
            weft__value_id next = operate(values, WEFT_COMMAND_MINIMUM, weft_shape_1d(16), at, one);
            weft__values_release(values, at);
            at = next;
        }
        if (round == 0) {
            ck_assert(data_of(values, at)[1] == 1);
            ck_assert_uint_le(statistics_of(values).peak_bytes, 5 * 16 * sizeof(float));
            ck_assert_uint_eq(statistics_of(values).live, 2);
        }
    }
    weft__values_release(values, one);
    weft__values_release(values, at); /* the second chain, which nobody computed */
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

/* Chains side by side are computed one after the other: the data of one link at a time, and the ends. */
START_TEST(many_chains_need_little_more_than_their_ends)
{
    enum {
        CHAINS = 50,
        LENGTH = 100,
        BYTES = 256 * sizeof(float)
    };
    weft_error err;
    weft__values *values = create();
    weft_shape shape = weft_shape_1d(256);
    weft__value_id root = count_up(values, shape), ends[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        weft__values_retain(values, root);
        ends[i] = root;
    }
    for (size_t link = 0; link < LENGTH; link++)
        for (size_t i = 0; i < CHAINS; i++) {
            weft__value_id next = operate(values, WEFT_COMMAND_NEG, shape, ends[i], 0);
            weft__values_release(values, ends[i]);
            ends[i] = next;
        }
    WEFT_TEST_ASSERT_OK(weft__values_evaluate(values, ends, CHAINS, &err), err);
    ck_assert_uint_le(statistics_of(values).peak_bytes, (CHAINS + 3) * BYTES);
    ck_assert(data_of(values, ends[CHAINS - 1])[7] == 7);
    weft__values_release(values, root);
    for (size_t i = 0; i < CHAINS; i++)
        weft__values_release(values, ends[i]);
    ck_assert_uint_eq(statistics_of(values).data_bytes, 0);
    weft__values_destroy(values);
}
END_TEST

/* Data are aligned to their dtype, also those of a view that begins anywhere. */
START_TEST(views_may_begin_at_any_byte)
{
    weft_error err;
    weft__values *values = create();
    unsigned char bytes[13];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(17 * i);
    weft_shape all = weft_shape_1d(13), three = weft_shape_1d(3);
    weft__value_id whole, part, of;
    uint64_t offset;
    WEFT_TEST_ASSERT_OK(weft__values_constant(values, WEFT_U8, &all, bytes, &whole, &err), err);
    WEFT_TEST_ASSERT_OK(weft__values_view(values, whole, 1, WEFT_F32, &three, &part, &err), err);
    const float *data = data_of(values, part);
    ck_assert_uint_eq((uintptr_t)data % sizeof(float), 0);
    const unsigned char *seen = weft__values_data(values, part);
    for (size_t i = 0; i < 12; i++)
        ck_assert_uint_eq(seen[i], bytes[i + 1]);
    weft__values_resolve(values, part, &of, &offset);
    ck_assert(of == whole && offset == 1);
    weft__values_release(values, whole);
    weft__values_release(values, part);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

START_TEST(a_steady_state_allocates_nothing)
{
    weft__values *values = create();
    weft__memory memory;
    weft__memory_init(&memory, values, "m", 1 << 20);
    uint64_t after_warm_up = 0;
    for (size_t round = 0; round < 400; round++) {
        if (round == 200)
            after_warm_up = weft_test_allocations();
        weft_status status = WEFT_OK;
        for (uint64_t i = 0; i < 8; i++) {
            const float data[8] = {(float)i};
            weft_shape eight = weft_shape_1d(8);
            weft__value_id made, read, sum;
            status |= weft__values_constant(values, WEFT_F32, &eight, data, &made, NULL);
            status |= weft__memory_install(&memory, i * 16, made, 1, round, NULL);
            status |= weft__memory_read(&memory, i * 16 / 2, WEFT_F32, &eight, &read, NULL);
            const weft__value_id inputs[2] = {made, read};
            const weft__operation add = {WEFT_COMMAND_ADD, WEFT_F32, eight, inputs, 2, 0, NULL, 0, 0};
            status |= weft__values_operate(values, &add, &sum, NULL);
            status |= weft__values_evaluate(values, &sum, 1, NULL);
            weft__values_release(values, made);
            weft__values_release(values, read);
            weft__values_release(values, sum);
        }
        if (status != WEFT_OK)
            ck_abort_msg("a step failed");
    }
    uint64_t allocations = weft_test_allocations();
    ck_assert_uint_eq(allocations, after_warm_up);
    weft__memory_destroy(&memory);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

START_TEST(views_share_and_know_what_they_view)
{
    weft_error err;
    weft__values *values = create();
    weft__value_id a = count_up(values, weft_shape_2d(4, 4)), row, part, whole, of;
    uint64_t offset;
    weft_shape four = weft_shape_1d(4), two = weft_shape_1d(2), sixteen = weft_shape_1d(16);
    WEFT_TEST_ASSERT_OK(weft__values_view(values, a, 32, WEFT_F32, &four, &row, &err), err);
    WEFT_TEST_ASSERT_OK(weft__values_view(values, row, 8, WEFT_F32, &two, &part, &err), err);
    weft_shape own = weft_shape_2d(4, 4);
    WEFT_TEST_ASSERT_OK(weft__values_view(values, a, 0, WEFT_F32, &own, &whole, &err), err);
    ck_assert_uint_eq(whole, a);
    uint64_t bytes = statistics_of(values).data_bytes;
    for (int computed = 0; computed < 2; computed++) {
        weft__values_resolve(values, part, &of, &offset);
        ck_assert(of == a && offset == 40);
        ck_assert(data_of(values, part)[0] == 10);
    }
    ck_assert_uint_eq(statistics_of(values).data_bytes, bytes);
    ck_assert_uint_eq(statistics_of(values).evaluated, 0);
    WEFT_TEST_ASSERT_STATUS(weft__values_view(values, a, 4, WEFT_F32, &sixteen, &whole, &err), WEFT_OUT_OF_RANGE);
    ck_assert_uint_eq(whole, 0);
    WEFT_TEST_ASSERT_STATUS(weft__values_view(values, a, UINT64_MAX, WEFT_F32, &two, &whole, &err), WEFT_OUT_OF_RANGE);
    weft__values_release(values, a);
    weft__values_release(values, a);
    weft__values_release(values, row);
    ck_assert(weft__values_lives(values, a));
    weft__values_release(values, part);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

START_TEST(transpositions_and_slices_are_boxes)
{
    weft_error err;
    weft__values *values = create();
    weft__value_id a = count_up(values, weft_shape_3d(2, 3, 4)), turned, box, bad;
    const uint32_t order[3] = {2, 0, 1}, twice[3] = {0, 0, 1}, beyond[3] = {0, 1, 3};
    WEFT_TEST_ASSERT_OK(weft__values_transpose(values, a, order, &turned, &err), err);
    const float *data = data_of(values, turned);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 2; j++)
            for (size_t k = 0; k < 3; k++)
                ck_assert(data[(i * 2 + j) * 3 + k] == (float)((j * 3 + k) * 4 + i));
    const uint64_t begin[3] = {1, 1, 1}, outside[3] = {1, 2, 1};
    weft_shape shape = weft_shape_3d(2, 1, 2), flat = weft_shape_2d(1, 2);
    WEFT_TEST_ASSERT_OK(weft__values_slice(values, turned, begin, &shape, &box, &err), err);
    data = data_of(values, box);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            ck_assert(data[i * 2 + k] == (float)((3 + 1 + k) * 4 + 1 + i));
    WEFT_TEST_ASSERT_STATUS(weft__values_slice(values, turned, outside, &shape, &bad, &err), WEFT_OUT_OF_RANGE);
    WEFT_TEST_ASSERT_STATUS(weft__values_slice(values, turned, begin, &flat, &bad, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft__values_transpose(values, a, twice, &bad, &err), WEFT_INVALID_ARGUMENT);
    WEFT_TEST_ASSERT_STATUS(weft__values_transpose(values, a, beyond, &bad, &err), WEFT_INVALID_ARGUMENT);
    weft__values_release(values, a);
    weft__values_release(values, turned);
    weft__values_release(values, box);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

/* Elements of each size, in matrices of more rows and columns than are turned at a time. */
START_TEST(matrices_of_any_size_are_turned)
{
    enum {
        MATRICES = 3,
        ROWS = 70,
        COLUMNS = 150
    };
    static unsigned char data[MATRICES * ROWS * COLUMNS * 8];
    const weft_dtype dtypes[] = {WEFT_U8, WEFT_F16, WEFT_F32, WEFT_I64};
    const uint32_t order[3] = {0, 2, 1};
    const weft_shape shape = weft_shape_3d(MATRICES, ROWS, COLUMNS);
    weft_error err;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 193 >> 3);
    for (size_t dtype = 0; dtype < sizeof dtypes / sizeof dtypes[0]; dtype++) {
        size_t each = weft_dtype_bytes(dtypes[dtype]);
        weft__value_id a, turned;
        weft__values *values = create();
        WEFT_TEST_ASSERT_OK(weft__values_constant(values, dtypes[dtype], &shape, data, &a, &err), err);
        WEFT_TEST_ASSERT_OK(weft__values_transpose(values, a, order, &turned, &err), err);
        const unsigned char *found = (const unsigned char *)data_of(values, turned);
        for (size_t i = 0; i < MATRICES * ROWS * COLUMNS; i++) {
            size_t matrix = i / (ROWS * COLUMNS), column = i / ROWS % COLUMNS, row = i % ROWS;
            const unsigned char *wanted = data + ((matrix * ROWS + row) * COLUMNS + column) * each;
            ck_assert_msg(memcmp(found + i * each, wanted, each) == 0, "%s, element %zu",
                          weft_dtype_name(dtypes[dtype]), i);
        }
        weft__values_destroy(values);
    }
}
END_TEST

START_TEST(compositions_join_bytes)
{
    weft_error err;
    weft__values *values = create();
    weft__value_id a = count_up(values, weft_shape_1d(4)),
                   b = operate(values, WEFT_COMMAND_NEG, weft_shape_1d(4), a, 0);
    const weft__value_part parts[3] = {{a, 8, 8}, {b, 4, 3}, {b, 7, 1}};
    weft__value_id joined, bad;
    weft_shape three = weft_shape_1d(3), four = weft_shape_1d(4);
    WEFT_TEST_ASSERT_OK(weft__values_compose(values, WEFT_F32, &three, parts, 3, &joined, &err), err);
    WEFT_TEST_ASSERT_STATUS(weft__values_compose(values, WEFT_F32, &four, parts, 3, &bad, &err), WEFT_SHAPE_MISMATCH);
    const weft__value_part outside = {a, 8, 12};
    WEFT_TEST_ASSERT_STATUS(weft__values_compose(values, WEFT_F32, &three, &outside, 1, &bad, &err), WEFT_OUT_OF_RANGE);
    weft__values_release(values, a);
    weft__values_release(values, b);
    weft__value_id nothing;
    weft_shape none = weft_shape_1d(0);
    WEFT_TEST_ASSERT_OK(weft__values_compose(values, WEFT_F32, &none, parts, 0, &nothing, &err), err);
    (void)data_of(values, nothing);
    weft__values_release(values, nothing);
    const float *data = data_of(values, joined);
    ck_assert(data[0] == 2 && data[1] == 3 && data[2] == -1);
    ck_assert_uint_eq(statistics_of(values).live, 1);
    weft__values_release(values, joined);
    weft__values_destroy(values);
}
END_TEST

/* ---- memories ---- */

START_TEST(a_memory_gives_back_the_very_value)
{
    weft_error err;
    weft__values *values = create();
    weft__memory memory;
    weft__memory_init(&memory, values, "sip0.cube0.pe0.tcm", 0x100);
    weft__value_id a = count_up(values, weft_shape_1d(8)), read;
    weft_shape eight = weft_shape_1d(8);
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x40, a, 3, 17, &err), err);
    WEFT_TEST_ASSERT_OK(weft__memory_read(&memory, 0x40, WEFT_F32, &eight, &read, &err), err);
    ck_assert_uint_eq(read, a);
    const weft__installation *there = weft__memory_find(&memory, 0x5f);
    ck_assert(there && there->writer == 3 && there->time_ps == 17 && there->base == 0x40 && there->value == a);
    ck_assert_ptr_null(weft__memory_find(&memory, 0x60));
    WEFT_TEST_ASSERT_STATUS(weft__memory_install(&memory, 0xe4, a, 3, 17, &err), WEFT_OUT_OF_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "sip0.cube0.pe0.tcm"));
    weft__values_release(values, read);
    weft__values_release(values, a);
    weft__memory_destroy(&memory);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

START_TEST(a_value_lives_while_a_byte_of_it_stands)
{
    weft_error err;
    weft__values *values = create();
    weft__memory memory;
    weft__memory_init(&memory, values, "m", UINT64_MAX);
    weft__value_id a = count_up(values, weft_shape_1d(4)), b = count_up(values, weft_shape_1d(2));
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x10, a, 0, 0, &err), err);
    weft__values_release(values, a);
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x14, b, 0, 0, &err), err); /* splits it */
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x0f, b, 0, 0, &err), err);
    ck_assert(weft__values_lives(values, a));
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x1b, b, 0, 0, &err), err);
    ck_assert(!weft__values_lives(values, a));
    weft__values_release(values, b);
    weft__memory_destroy(&memory);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

START_TEST(a_change_is_told_with_its_writer)
{
    weft_error err;
    weft__values *values = create();
    weft__memory memory;
    weft__memory_change change;
    weft__memory_init(&memory, values, "m", UINT64_MAX);
    weft__value_id a = count_up(values, weft_shape_1d(8)), b = count_up(values, weft_shape_1d(8)), tail;
    weft_shape four = weft_shape_1d(4);
    WEFT_TEST_ASSERT_OK(weft__values_view(values, a, 16, WEFT_F32, &four, &tail, &err), err);
    ck_assert(!weft__memory_check(&memory, 0x20, a, &change) && !change.is_written && change.bytes == 32);
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x20, a, 1, 5, &err), err);
    ck_assert(weft__memory_check(&memory, 0x20, a, &change) && weft__memory_check(&memory, 0x30, tail, &change));
    ck_assert(!weft__memory_check(&memory, 0x20, tail, &change)); /* the right value, the wrong part of it */
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x38, b, 2, 9, &err), err);
    ck_assert(!weft__memory_check(&memory, 0x30, tail, &change));
    ck_assert(change.is_written && change.address == 0x38 && change.bytes == 8 && change.value == b);
    ck_assert(change.writer == 2 && change.time_ps == 9);
    WEFT_TEST_ASSERT_OK(weft__memory_install(&memory, 0x30, tail, 2, 9, &err), err); /* put right */
    ck_assert(weft__memory_check(&memory, 0x20, a, &change));
    weft__values_release(values, a);
    weft__values_release(values, b);
    weft__values_release(values, tail);
    weft__memory_destroy(&memory);
    weft__values_destroy(values);
}
END_TEST

/* Everything that allocates; true if what is left is as it should be. */
static bool everything(weft_status *out)
{
    weft__values *values;
    *out = weft__values_create(NULL, &values, NULL);
    if (*out != WEFT_OK)
        return values == NULL;
    weft__memory memory;
    weft__memory_init(&memory, values, "m", UINT64_MAX);
    weft__value_id made[80] = {0};
    const float data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    weft_shape eight = weft_shape_1d(8);
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < 40; i++) {
        status = weft__values_constant(values, WEFT_F32, &eight, data, &made[2 * i], NULL);
        if (status == WEFT_OK)
            status = weft__memory_install(&memory, 12 * i, made[2 * i], 0, 0, NULL);
        if (status == WEFT_OK)
            status = weft__memory_read(&memory, 6 * i, WEFT_F32, &eight, &made[2 * i + 1], NULL);
    }
    if (status == WEFT_OK)
        status = weft__values_evaluate(values, made, 80, NULL);
    for (size_t i = 0; i < 80; i++)
        weft__values_release(values, made[i]);
    weft__memory_destroy(&memory);
    bool is_empty = statistics_of(values).live == 0 && statistics_of(values).data_bytes == 0;
    weft__values_destroy(values);
    *out = status;
    return is_empty;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_status status;
        weft_test_fail_allocation_after(n);
        bool is_right = everything(&status);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert(is_right);
    }
}
END_TEST

/* What failed for want of memory can be asked for again. */
START_TEST(an_evaluation_can_be_asked_for_again)
{
    weft__values *values = create();
    weft__value_id at = count_up(values, weft_shape_1d(16));
    for (size_t i = 0; i < 5000; i++) {
        weft__value_id next = operate(values, WEFT_COMMAND_NEG, weft_shape_1d(16), at, 0);
        weft__values_release(values, at);
        at = next;
    }
    weft_status status = WEFT_OUT_OF_MEMORY;
    size_t tries = 0;
    for (; status == WEFT_OUT_OF_MEMORY; tries++) {
        weft_test_fail_allocation_after(tries);
        status = weft__values_evaluate(values, &at, 1, NULL);
        (void)weft_test_stop_failing();
    }
    ck_assert_int_eq(status, WEFT_OK);
    ck_assert(tries > 3);
    ck_assert(data_of(values, at)[5] == 5);
    weft__values_release(values, at);
    ck_assert_uint_eq(statistics_of(values).live, 0);
    weft__values_destroy(values);
}
END_TEST

WEFT_TEST_MAIN("values", ids_are_never_given_again, only_what_is_asked_for_is_computed, a_long_chain_is_flat,
               many_chains_need_little_more_than_their_ends, views_may_begin_at_any_byte,
               a_steady_state_allocates_nothing, views_share_and_know_what_they_view,
               transpositions_and_slices_are_boxes, matrices_of_any_size_are_turned, compositions_join_bytes,
               a_memory_gives_back_the_very_value, a_value_lives_while_a_byte_of_it_stands,
               a_change_is_told_with_its_writer, every_allocation_may_fail, an_evaluation_can_be_asked_for_again)
