#include "support/failing_device.h"

#include "base/status.h"
#include "devices/ref/driver.h"
#include "runtime/host_device.h"
#include "support/weft_check.h"

static weft_test_device *control_of(const weft_device *device)
{
    return (weft_test_device *)(uintptr_t)device->table;
}

static void sem_await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ; /* a signal */
}

static weft_status run_one(weft_device *device, const weft_dispatch *const *dispatch, weft_error *err)
{
    weft_test_device *control = control_of(device);
    uint64_t number = atomic_fetch_add(&control->ran, 1) + 1;
    if (number == atomic_load(&control->block_at)) {
        (void)sem_post(&control->arrived);
        sem_await(&control->released);
    }
    if (number == atomic_load(&control->fail_at)) {
        (void)weft__fail(err, (weft_status)atomic_load(&control->fail_status),
                         "The test lets dispatch number %llu fail.", (unsigned long long)number);
        weft__dispatch_fail_within(err, *dispatch);
        return err->code;
    }
    return weft__ref_device.run_group(device, dispatch, 1, err);
}

static weft_status run_group(weft_device *device, const weft_dispatch *const *dispatches, size_t count, weft_error *err)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = run_one(device, &dispatches[i], err);
    return status;
}

static weft_status prepare(weft_device *device, const weft__kernel *kernel, weft_error *err)
{
    weft_test_device *control = control_of(device);
    weft_status status = (weft_status)atomic_load(&control->prepare_status);
    atomic_fetch_add(&control->prepared, 1);
    return status ? weft__fail(err, status, "The test lets kernel %s fail.", kernel->op->name) : WEFT_OK;
}

weft_device *weft_test_device_open(weft_test_device *control, uint64_t shuffle_seed)
{
    *control = (weft_test_device){.table = weft__ref_device};
    control->table.scheme = "failing";
    control->table.run_group = run_group;
    control->table.prepare = prepare;
    ck_assert_int_eq(sem_init(&control->arrived, 0, 0), 0);
    ck_assert_int_eq(sem_init(&control->released, 0, 0), 0);
    weft__device_options options = {.shuffle = shuffle_seed != 0, .shuffle_seed = shuffle_seed, .path = ""};
    weft_device *device;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__device_create(&control->table, &options, &device, &error), error);
    return device;
}

void weft_test_device_end(weft_test_device *control)
{
    ck_assert_int_eq(sem_destroy(&control->arrived), 0);
    ck_assert_int_eq(sem_destroy(&control->released), 0);
}

void weft_test_device_fail(weft_test_device *control, uint64_t nth, weft_status status)
{
    atomic_store(&control->fail_status, (int)status);
    atomic_store(&control->fail_at, atomic_load(&control->ran) + nth);
}

void weft_test_device_block(weft_test_device *control, uint64_t nth)
{
    atomic_store(&control->block_at, atomic_load(&control->ran) + nth);
}

void weft_test_device_await_block(weft_test_device *control)
{
    sem_await(&control->arrived);
}

void weft_test_device_unblock(weft_test_device *control)
{
    (void)sem_post(&control->released);
}

static weft_test_remote *remote_of(const weft_device *device)
{
    return (weft_test_remote *)(uintptr_t)device->table;
}

static weft_status remote_open(weft_device *device, const weft__device_options *options, weft_error *err)
{
    (void)device, (void)options, (void)err;
    return WEFT_OK;
}

static void remote_close(weft_device *device)
{
    ck_assert_uint_eq(remote_of(device)->live_allocations, 0);
}

static weft_status remote_memory_create(weft_device *device, size_t bytes, weft__allocation *allocation,
                                        weft_error *err)
{
    allocation->handle = calloc(bytes ? bytes : 1, 1);
    if (!allocation->handle)
        return weft__fail_memory(err, bytes, "remote memory");
    remote_of(device)->live_allocations++;
    return WEFT_OK;
}

static void remote_memory_destroy(weft_device *device, weft__allocation *allocation)
{
    remote_of(device)->live_allocations--;
    free(allocation->handle);
}

static weft_status outcome(const weft_test_remote *remote, weft_error *err)
{
    return remote->status ? weft__fail(err, remote->status, "The test lets remote memory fail.") : WEFT_OK;
}

static weft_status remote_memory_write(weft_device *device, weft__allocation *allocation, size_t offset,
                                       const void *data, size_t bytes, weft_error *err)
{
    remote_of(device)->writes++;
    if (bytes)
        memcpy((char *)allocation->handle + offset, data, bytes);
    return outcome(remote_of(device), err);
}

static weft_status remote_memory_read(weft_device *device, const weft__allocation *allocation, size_t offset,
                                      void *data, size_t bytes, weft_error *err)
{
    remote_of(device)->reads++;
    if (bytes)
        memcpy(data, (const char *)allocation->handle + offset, bytes);
    return outcome(remote_of(device), err);
}

static weft_status remote_memory_clear(weft_device *device, weft__allocation *allocation, weft_error *err)
{
    remote_of(device)->clears++;
    memset(allocation->handle, 0, allocation->bytes);
    return outcome(remote_of(device), err);
}

weft_device *weft_test_remote_open(weft_test_remote *control)
{
    *control = (weft_test_remote){
        .table =
            {
                .scheme = "remote",
                .description = "memory that the host cannot address",
                .open = remote_open,
                .close = remote_close,
                .memory_create = remote_memory_create,
                .memory_destroy = remote_memory_destroy,
                .memory_write = remote_memory_write,
                .memory_read = remote_memory_read,
                .memory_clear = remote_memory_clear,
            },
    };
    weft__device_options options = {.path = ""};
    weft_device *device;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__device_create(&control->table, &options, &device, &error), error);
    return device;
}
