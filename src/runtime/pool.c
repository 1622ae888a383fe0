#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "runtime/allocation.h"
#include "runtime/device_impl.h"

/* Buckets: from 64 bytes up, four to an octave, so that at most a quarter of an allocation is rounding. */
#define STEPS_PER_OCTAVE 4u
#define LEAST_EXPONENT 6u
#define BUCKETS ((63u - LEAST_EXPONENT) * STEPS_PER_OCTAVE + 1u)

struct weft_pool {
    _Atomic uint32_t references; /* the user's and one per allocation handed out */
    weft_device *device;
    pthread_mutex_t lock;
    bool closed; /* the user is gone: what comes back is freed */
    weft__allocation *idle[BUCKETS];
    weft_pool_info info;
};

/* The bucket for a size, and that bucket's size; false if it does not fit. */
static bool bucket_of(size_t bytes, uint32_t *index, size_t *bucket_bytes)
{
    size_t least = (size_t)1 << LEAST_EXPONENT;
    if (bytes <= least) {
        *index = 0;
        *bucket_bytes = least;
        return true;
    }
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll(bytes - 1); /* 2^exponent <= bytes - 1 < 2^(exponent + 1) */
    if (exponent >= 62)
        return false;
    size_t step = ((size_t)1 << exponent) / STEPS_PER_OCTAVE;
    size_t steps = (bytes - ((size_t)1 << exponent) + step - 1) / step; /* 1 to 4 */
    *bucket_bytes = ((size_t)1 << exponent) + steps * step;
    *index = (exponent - LEAST_EXPONENT) * STEPS_PER_OCTAVE + (uint32_t)steps;
    return true;
}

weft_status weft_pool_create(weft_device *device, weft_pool **out, weft_error *err)
{
    *out = NULL;
    weft_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return weft__fail_memory(err, sizeof *pool, "a pool");
    atomic_init(&pool->references, 1);
    pthread_mutex_init(&pool->lock, NULL);
    weft__device_retain(device);
    pool->device = device;
    *out = pool;
    return WEFT_OK;
}

static void release_pool(weft_pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&pool->lock);
    weft_device *device = pool->device;
    free(pool);
    weft__device_release(device);
}

void weft_pool_trim(weft_pool *pool)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        pthread_mutex_lock(&pool->lock);
        weft__allocation *list = pool->idle[i];
        pool->idle[i] = NULL;
        for (weft__allocation *each = list; each; each = each->next) {
            pool->info.free_count--;
            pool->info.free_bytes -= each->bytes;
        }
        pthread_mutex_unlock(&pool->lock);
        while (list) {
            weft__allocation *next = list->next;
            weft__allocation_free(list);
            list = next;
        }
    }
}

void weft_pool_destroy(weft_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    pthread_mutex_unlock(&pool->lock);
    weft_pool_trim(pool);
    release_pool(pool);
}

void weft__pool_take_back(weft_pool *pool, weft__allocation *allocation)
{
    uint32_t index = 0;
    size_t bytes;
    (void)bucket_of(allocation->bytes, &index, &bytes); /* its size is a bucket's */
    pthread_mutex_lock(&pool->lock);
    bool keep = !pool->closed;
    pool->info.used_count--;
    pool->info.used_bytes -= allocation->bytes;
    if (keep) {
        allocation->next = pool->idle[index];
        pool->idle[index] = allocation;
        pool->info.free_count++;
        pool->info.free_bytes += allocation->bytes;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        weft__allocation_free(allocation);
    release_pool(pool);
}

static weft__allocation *take_idle(weft_pool *pool, uint32_t index)
{
    pthread_mutex_lock(&pool->lock);
    weft__allocation *allocation = pool->idle[index];
    if (allocation) {
        pool->idle[index] = allocation->next;
        pool->info.free_count--;
        pool->info.free_bytes -= allocation->bytes;
        pool->info.used_count++;
        pool->info.used_bytes += allocation->bytes;
        pool->info.reuses++;
    }
    pthread_mutex_unlock(&pool->lock);
    return allocation;
}

/* Clears what comes from the free list, so that a program sees the same memory whatever ran before it. */
static weft_status reuse(weft_pool *pool, weft__allocation *allocation, weft_error *err)
{
    const weft__device_table *table = pool->device->table;
    allocation->next = NULL;
    allocation->label[0] = '\0';
    /* Its last work has finished, or it would not be here; that nobody waited for that is no concern of the new user.
     */
    atomic_store_explicit(&allocation->last_use, 0, memory_order_relaxed);
    atomic_store_explicit(&allocation->last_write, 0, memory_order_relaxed);
    atomic_store_explicit(&allocation->references, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    if (table->memory_clear) {
        weft_status status = table->memory_clear(pool->device, allocation, err);
        if (status)
            weft__allocation_release(allocation);
        return status;
    }
    memset(allocation->data, 0, allocation->bytes);
    return WEFT_OK;
}

static weft_status make_new(weft_pool *pool, size_t bytes, size_t row_bytes, weft__allocation **out, weft_error *err)
{
    weft_status status = weft__allocation_create(pool->device, bytes, row_bytes, out, err);
    if (status)
        return status;
    (*out)->pool = pool;
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    pool->info.used_count++;
    pool->info.used_bytes += bytes;
    pthread_mutex_unlock(&pool->lock);
    return WEFT_OK;
}

weft_status weft_pool_buffer(weft_pool *pool, weft_dtype dtype, const weft_shape *shape, weft_buffer **out,
                             weft_error *err)
{
    *out = NULL;
    size_t bytes;
    weft_status status = weft__buffer_size(dtype, shape, &bytes, err);
    if (status)
        return status;
    uint32_t index;
    size_t bucket_bytes;
    if (!bucket_of(bytes, &index, &bucket_bytes))
        return weft__fail(err, WEFT_OUT_OF_RANGE, "A pool cannot hold a buffer of %zu bytes.", bytes);
    weft__allocation *allocation = take_idle(pool, index);
    status = allocation ? reuse(pool, allocation, err)
                        : make_new(pool, bucket_bytes, weft__buffer_row_bytes(dtype, shape), &allocation, err);
    if (status)
        return status;
    return weft__buffer_over(allocation, dtype, shape, bytes, out, err);
}

void weft_pool_get_info(const weft_pool *pool, weft_pool_info *out)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&pool->lock;
    pthread_mutex_lock(lock);
    *out = pool->info;
    pthread_mutex_unlock(lock);
}
