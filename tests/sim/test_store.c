/* The public store: what is written is read, byte by byte, in its shape; what was not, or is not so, is refused. */
#include "support/weft_check.h"

#include <weft/store.h>

#include "base/dtype.h"
#include "support/failing_malloc.h"

static const weft_space tcm = {WEFT_TCM, 0};

static weft_store *create(void)
{
    weft_error err;
    weft_store *store;
    WEFT_TEST_ASSERT_OK(weft_store_create(NULL, &store, &err), err);
    return store;
}

static weft_tensor floats(const float *data, weft_shape shape)
{
    return (weft_tensor){.dtype = WEFT_F32, .shape = shape, .data = data};
}

static void write_floats(weft_store *store, weft_space space, uint64_t address, const float *data, weft_shape shape)
{
    weft_error err;
    weft_tensor tensor = floats(data, shape);
    WEFT_TEST_ASSERT_OK(weft_store_write(store, space, address, &tensor, &err), err);
}

static void fill_f16(uint16_t *data, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        data[i] = weft__f16_from_f32(value);
}

START_TEST(reads_what_was_written_in_any_shape_of_its_bytes)
{
    weft_error err;
    weft_store *store = create();
    float data[6] = {1, 2, 3, 4, 5, 6}, out[6] = {0};
    write_floats(store, tcm, 0x100, data, weft_shape_2d(2, 3));
    data[0] = 99; /* the store has a copy */
    weft_shape shapes[] = {weft_shape_2d(2, 3), weft_shape_1d(6), weft_shape_3d(3, 1, 2)};
    for (size_t i = 0; i < 3; i++) {
        memset(out, 0, sizeof out);
        WEFT_TEST_ASSERT_OK(weft_store_read(store, tcm, 0x100, &shapes[i], WEFT_F32, out, &err), err);
        for (size_t k = 0; k < 6; k++)
            ck_assert(out[k] == (float)(k + 1));
    }
    weft_store_destroy(store);
}
END_TEST

START_TEST(spaces_have_addresses_of_their_own)
{
    weft_error err;
    weft_store *store = create();
    const weft_shape one = weft_shape_1d(1);
    weft_space spaces[6];
    for (uint32_t i = 0; i < 6; i++) {
        spaces[i] = (weft_space){(weft_memory_kind)(i % 3), 7 - i / 3};
        float value = (float)i;
        write_floats(store, spaces[i], 0x40, &value, one);
    }
    for (uint32_t i = 0; i < 6; i++) {
        float value;
        WEFT_TEST_ASSERT_OK(weft_store_read(store, spaces[i], 0x40, &one, WEFT_F32, &value, &err), err);
        ck_assert(value == (float)i);
    }
    weft_space bad = {(weft_memory_kind)3, 0};
    float value;
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, bad, 0x40, &one, WEFT_F32, &value, &err), WEFT_INVALID_ARGUMENT);
    weft_store_destroy(store);
}
END_TEST

START_TEST(other_bytes_are_a_mismatch_that_names_both_shapes)
{
    weft_error err;
    weft_store *store = create();
    uint16_t data[16 * 64], out[16 * 64];
    fill_f16(data, 16 * 64, 99);
    weft_tensor slot = {.dtype = WEFT_F16, .shape = weft_shape_2d(16, 64), .data = data};
    WEFT_TEST_ASSERT_OK(weft_store_write(store, tcm, 0x3000, &slot, &err), err);
    weft_shape column = weft_shape_2d(16, 1), larger = weft_shape_2d(16, 65);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0x3000, &column, WEFT_F16, out, &err), WEFT_SHAPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(err.message, "[16, 64]"));
    ck_assert_ptr_nonnull(strstr(err.message, "[16, 1]"));
    ck_assert_ptr_nonnull(strstr(err.message, "0x3000"));
    ck_assert_int_eq(err.code, WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0x3000, &larger, WEFT_F16, out, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0x3000, &slot.shape, WEFT_I16, out, NULL), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0x3002, &column, WEFT_F16, out, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_OK(weft_store_read_bytes(store, tcm, 0x3002, 32, out, &err), err);
    ck_assert_int_eq(memcmp(out, data, 32), 0);
    weft_store_destroy(store);
}
END_TEST

START_TEST(a_part_written_over_is_new_and_the_rest_old)
{
    weft_error err;
    weft_store *store = create();
    float old[4] = {1, 2, 3, 4}, new[2] = {8, 9}, out[4];
    write_floats(store, tcm, 0x10, old, weft_shape_1d(4));
    write_floats(store, tcm, 0x14, new, weft_shape_1d(2));
    weft_shape four = weft_shape_1d(4);
    WEFT_TEST_ASSERT_OK(weft_store_read(store, tcm, 0x10, &four, WEFT_F32, out, &err), err);
    ck_assert(out[0] == 1 && out[1] == 8 && out[2] == 9 && out[3] == 4);
    uint8_t odd[3], expected[16];
    memcpy(expected, out, 16);
    WEFT_TEST_ASSERT_OK(weft_store_read_bytes(store, tcm, 0x13, 3, odd, &err), err);
    ck_assert_int_eq(memcmp(odd, expected + 3, 3), 0);
    weft_store_destroy(store);
}
END_TEST

START_TEST(unwritten_bytes_are_named)
{
    weft_error err;
    weft_store *store = create();
    float data[4] = {0}, out[8];
    weft_shape four = weft_shape_1d(4);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0x20, &four, WEFT_F32, out, &err), WEFT_INVALID_STATE);
    write_floats(store, tcm, 0x20, data, four);
    write_floats(store, tcm, 0x38, data, weft_shape_1d(1));
    WEFT_TEST_ASSERT_STATUS(weft_store_read_bytes(store, tcm, 0x20, 0x1c, out, &err), WEFT_INVALID_STATE);
    ck_assert_ptr_nonnull(strstr(err.message, "0x30 to 0x38"));
    ck_assert_ptr_nonnull(strstr(err.message, "tcm 0"));
    WEFT_TEST_ASSERT_STATUS(weft_store_read_bytes(store, tcm, 0x20, 0x14, out, &err), WEFT_INVALID_STATE);
    ck_assert_ptr_nonnull(strstr(err.message, "0x30 to 0x34"));
    weft_store_destroy(store);
}
END_TEST

START_TEST(sizes_that_cannot_be_are_refused)
{
    weft_error err;
    weft_store *store = create();
    float value = 1;
    weft_tensor tensor = floats(&value, weft_shape_3d(UINT64_MAX, 2, 2));
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0, &tensor, &err), WEFT_OUT_OF_RANGE);
    tensor.shape = weft_shape_2d((uint64_t)1 << 62, 1);
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0, &tensor, &err), WEFT_OUT_OF_RANGE);
    tensor.shape.rank = WEFT_RANK_MAX + 1;
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0, &tensor, &err), WEFT_INVALID_ARGUMENT);
    tensor.shape = weft_shape_1d(1);
    tensor.dtype = (weft_dtype)64;
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0, &tensor, &err), WEFT_INVALID_ARGUMENT);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0, &tensor.shape, tensor.dtype, &value, &err),
                            WEFT_INVALID_ARGUMENT);
    tensor.dtype = WEFT_F32;
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, UINT64_MAX - 3, &tensor, &err), WEFT_OUT_OF_RANGE);
    WEFT_TEST_ASSERT_OK(weft_store_write(store, tcm, UINT64_MAX - 4, &tensor, &err), err);
    weft_shape huge = weft_shape_3d(UINT64_MAX, 2, 2);
    WEFT_TEST_ASSERT_STATUS(weft_store_read(store, tcm, 0, &huge, WEFT_F32, &value, &err), WEFT_OUT_OF_RANGE);
    WEFT_TEST_ASSERT_STATUS(weft_store_read_bytes(store, tcm, 8, UINT64_MAX, &value, &err), WEFT_OUT_OF_RANGE);
    tensor.data = NULL;
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0, &tensor, &err), WEFT_INVALID_ARGUMENT);
    weft_store_destroy(store);
}
END_TEST

START_TEST(empty_tensors_stand_nowhere)
{
    weft_error err;
    weft_store *store = create();
    float value = 1, out = 5;
    weft_shape none = weft_shape_2d(0, 4);
    weft_tensor tensor = floats(&value, none);
    write_floats(store, tcm, 0x10, &value, weft_shape_1d(1));
    WEFT_TEST_ASSERT_OK(weft_store_write(store, tcm, 0x10, &tensor, &err), err);
    WEFT_TEST_ASSERT_OK(weft_store_read(store, tcm, 0x10, &none, WEFT_F32, &out, &err), err);
    WEFT_TEST_ASSERT_OK(weft_store_read_bytes(store, tcm, 0x999, 0, &out, &err), err);
    ck_assert(out == 5);
    weft_store_destroy(store);
}
END_TEST

START_TEST(captured_values_outlive_their_place)
{
    weft_error err;
    weft_store *store = create();
    float sevens[4] = {7, 7, 7, 7}, nines[4] = {9, 9, 9, 9}, out[4];
    weft_shape four = weft_shape_1d(4);
    write_floats(store, tcm, 0x10, sevens, four);
    weft_tensor tensor = {.space = tcm, .address = 0x10, .dtype = WEFT_F32, .shape = four};
    WEFT_TEST_ASSERT_OK(weft_store_capture(store, &tensor, &err), err);
    write_floats(store, tcm, 0x10, nines, four);
    WEFT_TEST_ASSERT_OK(weft_store_value_read(store, tensor.value, out, sizeof out, &err), err);
    ck_assert(out[0] == 7 && out[3] == 7);
    WEFT_TEST_ASSERT_STATUS(weft_store_value_read(store, tensor.value, out, 4, &err), WEFT_SHAPE_MISMATCH);
    weft_tensor other = tensor;
    other.shape = weft_shape_2d(2, 2);
    WEFT_TEST_ASSERT_OK(weft_store_write(store, tcm, 0x80, &other, &err), err);
    other.shape = weft_shape_1d(3);
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0x80, &other, &err), WEFT_SHAPE_MISMATCH);
    weft_store_release(store, tensor.value);
    WEFT_TEST_ASSERT_OK(weft_store_read(store, tcm, 0x80, &four, WEFT_F32, out, &err), err);
    ck_assert(out[0] == 7);
    write_floats(store, tcm, 0x80, nines, four);
    WEFT_TEST_ASSERT_STATUS(weft_store_value_read(store, tensor.value, out, sizeof out, &err), WEFT_INVALID_ARGUMENT);
    WEFT_TEST_ASSERT_STATUS(weft_store_write(store, tcm, 0x80, &tensor, &err), WEFT_INVALID_ARGUMENT);
    weft_store_destroy(store);
}
END_TEST

START_TEST(overwritten_values_go)
{
    weft_store *store = create();
    weft_store_statistics held;
    float data[64] = {0};
    for (size_t i = 0; i < 1000; i++)
        write_floats(store, tcm, 0x1000, data, weft_shape_1d(64));
    weft_store_get_statistics(store, &held);
    ck_assert_uint_eq(held.values, 1);
    ck_assert_uint_eq(held.data_bytes, sizeof data);
    ck_assert_uint_le(held.peak_bytes, 2 * sizeof data);
    weft_store_destroy(store);
}
END_TEST

static weft_status everything(void)
{
    weft_store *store;
    const weft_store_options options = {.threads = 2};
    weft_status status = weft_store_create(&options, &store, NULL);
    if (status != WEFT_OK) {
        ck_assert_ptr_null(store);
        return status;
    }
    float data[4] = {1, 2, 3, 4}, out[4];
    weft_tensor whole = floats(data, weft_shape_1d(4)), part = floats(data, weft_shape_1d(1));
    for (uint32_t i = 0; status == WEFT_OK && i < 40; i++) {
        const weft_space space = {WEFT_HBM, i % 20};
        status = weft_store_write(store, space, 0x10, &whole, NULL);
        if (status == WEFT_OK)
            status = weft_store_write(store, space, 0x14, &part, NULL);
        if (status == WEFT_OK)
            status = weft_store_read(store, space, 0x10, &whole.shape, WEFT_F32, out, NULL);
    }
    weft_store_destroy(store);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = everything();
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
    }
}
END_TEST

WEFT_TEST_MAIN("store", reads_what_was_written_in_any_shape_of_its_bytes, spaces_have_addresses_of_their_own,
               other_bytes_are_a_mismatch_that_names_both_shapes, a_part_written_over_is_new_and_the_rest_old,
               unwritten_bytes_are_named, sizes_that_cannot_be_are_refused, empty_tensors_stand_nowhere,
               captured_values_outlive_their_place, overwritten_values_go, every_allocation_may_fail)
