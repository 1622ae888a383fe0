/* Pools: whose memory is whose, what is cleared, how much is wasted, who may go first. */
#include "support/runtime_test.h"

#include <pthread.h>

#include "base/rng.h"
#include "runtime/buffer_impl.h"
#include "support/failing_device.h"

static weft_pool *make_pool(weft_device *device)
{
    weft_pool *pool;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_pool_create(device, &pool, &error), error);
    return pool;
}

static weft_buffer *take(weft_pool *pool, size_t bytes)
{
    weft_shape shape = weft_shape_1d(bytes);
    weft_buffer *buffer;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_pool_buffer(pool, WEFT_U8, &shape, &buffer, &error), error);
    return buffer;
}

static weft_pool_info info_of(const weft_pool *pool)
{
    weft_pool_info info;
    weft_pool_get_info(pool, &info);
    return info;
}

static void assert_info(const weft_pool *pool, uint64_t free_count, uint64_t free_bytes, uint64_t used_count,
                        uint64_t used_bytes, uint64_t reuses)
{
    weft_pool_info info = info_of(pool);
    ck_assert_uint_eq(info.free_count, free_count);
    ck_assert_uint_eq(info.free_bytes, free_bytes);
    ck_assert_uint_eq(info.used_count, used_count);
    ck_assert_uint_eq(info.used_bytes, used_bytes);
    ck_assert_uint_eq(info.reuses, reuses);
}

/* Every byte of the allocation behind the buffer, its rounding included, is zero. */
static bool is_cleared(const weft_buffer *buffer)
{
    const unsigned char *data = buffer->allocation->data;
    for (size_t i = 0; i < buffer->allocation->bytes; i++)
        if (data[i] != 0)
            return false;
    return true;
}

START_TEST(memory_goes_round_and_comes_back_cleared)
{
    weft_device *device = test_open("ref");
    weft_pool *pool = make_pool(device);
    assert_info(pool, 0, 0, 0, 0, 0);
    weft_buffer *first = take(pool, 100);
    ck_assert_uint_eq(weft_buffer_bytes(first), 100); /* what was asked for, not the bucket */
    assert_info(pool, 0, 0, 1, 112, 0);
    unsigned char dirt[112];
    memset(dirt, 0xff, sizeof dirt);
    OK(weft_buffer_write(first, 0, dirt, 100, NULL));
    memset(first->allocation->data, 0xff, 112);
    weft_buffer_set_label(first, "mine");
    const void *data = first->data;
    weft_buffer_destroy(first);
    assert_info(pool, 1, 112, 0, 0, 0);

    weft_buffer *larger = take(pool, 113), *second = take(pool, 97);
    ck_assert_ptr_eq(second->data, data);
    ck_assert_ptr_ne(larger->data, data);
    ck_assert(is_cleared(second));
    ck_assert_str_eq(second->allocation->label, "");
    assert_info(pool, 0, 0, 2, 112 + 128, 1);
    weft_buffer *third = take(pool, 100);
    ck_assert_ptr_ne(third->data, data);
    assert_info(pool, 0, 0, 3, 112 + 128 + 112, 1);
    weft_buffer_destroy(larger);
    weft_buffer_destroy(second);
    weft_buffer_destroy(third);
    assert_info(pool, 3, 352, 0, 0, 1);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 352);
    weft_pool_trim(pool);
    assert_info(pool, 0, 0, 0, 0, 1);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_pool_trim(pool);
    weft_pool_destroy(pool);
    weft_pool_destroy(NULL);
    weft_device_close(device);
}
END_TEST

/* From the smallest bucket up, at most a quarter of what was asked for is added, and the same size finds its bucket. */
START_TEST(buckets_waste_a_quarter_at_most)
{
    weft_device *device = test_open("ref");
    weft_pool *pool = make_pool(device);
    weft__rng rng;
    weft__rng_init(&rng, 2);
    for (size_t i = 0; i < 3000; i++) {
        size_t bytes = i < 1100 ? i : (size_t)weft__rng_below(&rng, UINT64_C(1) << (10 + i % 12));
        weft_buffer *buffer = take(pool, bytes);
        size_t bucket = buffer->allocation->bytes;
        ck_assert_uint_ge(bucket, bytes);
        if (bytes > 52)
            ck_assert_msg(bucket <= bytes + bytes / 4, "%zu bytes took a bucket of %zu", bytes, bucket);
        else
            ck_assert_uint_eq(bucket, 64);
        const void *data = buffer->allocation->data;
        weft_buffer_destroy(buffer);
        ck_assert_uint_eq(info_of(pool).free_bytes, bucket);
        buffer = take(pool, bucket); /* a bucket's size is in its own bucket */
        ck_assert_ptr_eq(buffer->allocation->data, data);
        ck_assert_uint_eq(buffer->allocation->bytes, bucket);
        weft_buffer_destroy(buffer);
        weft_pool_trim(pool);
    }
    weft_pool_destroy(pool);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_device_close(device);
}
END_TEST

START_TEST(a_pool_refuses_what_a_buffer_refuses)
{
    weft_device *device = test_open("ref");
    weft_pool *pool = make_pool(device);
    weft_buffer *buffer = (weft_buffer *)(uintptr_t)pool;
    weft_error error;
    weft_shape shape = {.rank = 9};
    FAILS(weft_pool_buffer(pool, WEFT_F32, &shape, &buffer, &error), WEFT_INVALID_ARGUMENT, "rank 9");
    ck_assert_ptr_null(buffer);
    shape = weft_shape_1d(UINT64_MAX);
    FAILS(weft_pool_buffer(pool, WEFT_F32, &shape, &buffer, &error), WEFT_OUT_OF_RANGE, "address space");
    shape = weft_shape_1d((UINT64_C(1) << 62) + 1); /* a buffer could be so large, but no bucket is */
    FAILS(weft_pool_buffer(pool, WEFT_U8, &shape, &buffer, &error), WEFT_OUT_OF_RANGE, "4611686018427387905 bytes");
    ck_assert_ptr_null(buffer);
    shape = weft_shape_1d(4);
    FAILS(weft_pool_buffer(pool, (weft_dtype)99, &shape, &buffer, &error), WEFT_INVALID_ARGUMENT, "99");
    shape = weft_shape_1d(0);
    OK(weft_pool_buffer(pool, WEFT_F32, &shape, &buffer, NULL));
    ck_assert_uint_eq(weft_buffer_bytes(buffer), 0);
    weft_buffer_destroy(buffer);
    weft_pool_destroy(pool);
    weft_device_close(device);
}
END_TEST

START_TEST(memory_returns_only_when_its_last_user_is_gone)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_pool *pool = make_pool(device);
    weft_shape shape = weft_shape_1d(16);
    weft_buffer *out, *again;
    OK(weft_pool_buffer(pool, WEFT_F32, &shape, &out, NULL));
    weft_buffer *in = test_floats(device, 16, 1.0f), *view = test_view(out, 0, 4);
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, in, in, out, NULL));
    weft_test_device_block(&control, 1);
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_buffer_destroy(view);
    weft_buffer_destroy(out);
    ck_assert_uint_eq(info_of(pool).used_count, 1); /* the command buffer still writes it */
    OK(weft_pool_buffer(pool, WEFT_F32, &shape, &again, NULL));
    ck_assert_uint_eq(info_of(pool).reuses, 0);
    test_assert_floats(again, 0);
    weft_test_device_unblock(&control);
    OK(weft_encoder_wait(encoder, NULL));
    ck_assert_uint_eq(info_of(pool).free_count, 1);
    weft_buffer_destroy(again);

    /* What comes back from work that nobody waited for may be touched at once by its new user. */
    OK(weft_encoder_reset(encoder, NULL));
    OK(weft_pool_buffer(pool, WEFT_F32, &shape, &out, NULL));
    OK(weft_add(encoder, in, in, out, NULL));
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_buffer_destroy(out);
    while (info_of(pool).used_count)
        ;
    weft_buffer *both[2];
    for (size_t i = 0; i < 2; i++) {
        OK(weft_pool_buffer(pool, WEFT_F32, &shape, &both[i], NULL));
        test_assert_floats(both[i], 0);
        OK(weft_buffer_write(both[i], 0, &(float){1.0f}, sizeof(float), NULL));
    }
    weft_buffer_destroy(both[0]);
    weft_buffer_destroy(both[1]);
    weft_buffer_destroy(in);
    weft_encoder_destroy(encoder);
    weft_pool_destroy(pool);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(a_pool_may_go_before_its_buffers_and_its_device)
{
    weft_device *device = test_open("ref");
    weft_pool *pool = make_pool(device);
    weft_buffer *idle = take(pool, 1000), *kept = take(pool, 500), *view = test_view(kept, 10, 20);
    weft_buffer_destroy(idle);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 1024 + 512);
    weft_pool_destroy(pool);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 512);
    weft_buffer_destroy(kept);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 512);
    weft_buffer_destroy(view);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);

    pool = make_pool(device);
    kept = take(pool, 500);
    weft_buffer_destroy(take(pool, 600));
    weft_device_close(device);
    weft_pool_destroy(pool);
    weft_buffer_destroy(kept);
}
END_TEST

START_TEST(a_device_that_cannot_clear_gives_the_memory_back)
{
    weft_test_remote control;
    weft_device *device = weft_test_remote_open(&control);
    weft_pool *pool = make_pool(device);
    weft_buffer_destroy(take(pool, 64));
    ck_assert_uint_eq(control.clears, 0); /* what is new is zero */
    weft_buffer *buffer = take(pool, 64);
    ck_assert_uint_eq(control.clears, 1);
    weft_buffer_destroy(buffer);
    control.status = WEFT_DEVICE_LOST;
    weft_shape shape = weft_shape_1d(64);
    weft_error error;
    FAILS(weft_pool_buffer(pool, WEFT_U8, &shape, &buffer, &error), WEFT_DEVICE_LOST, "remote");
    ck_assert_ptr_null(buffer);
    ck_assert_uint_eq(info_of(pool).free_count, 1);
    ck_assert_uint_eq(info_of(pool).used_count, 0);
    weft_pool_destroy(pool);
    ck_assert_uint_eq(control.live_allocations, 0);
    weft_device_close(device);
}
END_TEST

/* Takes and gives back at random. Each buffer is filled with the mark of its holder: if two held the same memory, one
 * would find the other's mark; if it came back uncleared, anybody's. */
typedef struct churn {
    weft_pool *pool;
    uint64_t seed;
    size_t rounds;
    const char *wrong; /* what was found, for the main thread to report */
} churn;

enum {
    HELD = 24
};

static bool holds(const weft_buffer *buffer, unsigned char value)
{
    const unsigned char *data = buffer->allocation->data;
    for (size_t i = 0; i < buffer->allocation->bytes; i++)
        if (data[i] != value)
            return false;
    return true;
}

static void *run_churn(void *context)
{
    churn *it = context;
    weft__rng rng;
    weft__rng_init(&rng, it->seed);
    weft_buffer *held[HELD] = {0};
    for (size_t round = 0; round < it->rounds && !it->wrong; round++) {
        size_t i = (size_t)weft__rng_below(&rng, HELD);
        unsigned char mark = (unsigned char)(1 + (it->seed * HELD + i) % 255);
        if (held[i]) {
            if (!holds(held[i], mark))
                it->wrong = "memory changed while it was held";
            weft_buffer_destroy(held[i]);
            held[i] = NULL;
            continue;
        }
        weft_shape shape = weft_shape_1d(weft__rng_below(&rng, 600));
        if (weft_pool_buffer(it->pool, WEFT_U8, &shape, &held[i], NULL))
            it->wrong = "a buffer could not be had";
        else if (!is_cleared(held[i]))
            it->wrong = "memory was not cleared";
        else
            memset(held[i]->allocation->data, mark, held[i]->allocation->bytes);
        if (weft__rng_below(&rng, 1000) == 0)
            weft_pool_trim(it->pool);
    }
    for (size_t i = 0; i < HELD; i++)
        weft_buffer_destroy(held[i]);
    return NULL;
}

START_TEST(no_memory_is_ever_handed_out_twice)
{
    enum {
        THREADS = 4
    };
    weft_device *device = test_open("ref");
    weft_pool *pool = make_pool(device);
    churn alone = {.pool = pool, .seed = 9, .rounds = 40000};
    run_churn(&alone);
    ck_assert_msg(!alone.wrong, "%s", alone.wrong);
    ck_assert_uint_gt(info_of(pool).reuses, 10000);

    churn churns[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        churns[i] = (churn){.pool = pool, .seed = i, .rounds = 20000};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_churn, &churns[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_msg(!churns[i].wrong, "thread %zu: %s", i, churns[i].wrong);
    weft_pool_info info = info_of(pool);
    ck_assert_uint_eq(info.used_count, 0);
    ck_assert_uint_eq(info.used_bytes, 0);
    ck_assert_uint_eq(info.free_bytes, test_counters(device).bytes_allocated);
    weft_pool_destroy(pool);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("pool", memory_goes_round_and_comes_back_cleared, buckets_waste_a_quarter_at_most,
               a_pool_refuses_what_a_buffer_refuses, memory_returns_only_when_its_last_user_is_gone,
               a_pool_may_go_before_its_buffers_and_its_device, a_device_that_cannot_clear_gives_the_memory_back,
               no_memory_is_ever_handed_out_twice)
