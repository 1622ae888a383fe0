/* Devices for tests of the runtime.
 *
 * A failing device is the device `ref` with hooks in front of its kernels: it can fail the Nth dispatch with a
 * chosen status, and it can stop before the Nth dispatch until the test lets it go on. So a test sees a command buffer
 * that is submitted and not done, without any timing. It can also fail to make a kernel ready.
 *
 * A remote device has memory that the host cannot address: buffers are reached through the driver's functions only,
 * which count their calls and can be made to fail. It has no kernels and must be given no commits. */
#ifndef WEFT_TESTS_SUPPORT_FAILING_DEVICE_H
#define WEFT_TESTS_SUPPORT_FAILING_DEVICE_H

#include <semaphore.h>

#include "runtime/device_impl.h"

typedef struct weft_test_device {
    weft__device_table table; /* must be first: the driver finds this object through it */
    _Atomic uint64_t ran;     /* dispatches that have been started */
    _Atomic uint64_t fail_at; /* number of the dispatch to fail, from 1 and over the life of the device; 0: none */
    _Atomic int fail_status;
    _Atomic uint64_t block_at;
    _Atomic uint64_t prepared;  /* kernels that were asked to be made ready */
    _Atomic int prepare_status; /* what that gives */
    sem_t arrived, released;
} weft_test_device;

/* Opens a failing device; `control` must outlive it. `shuffle_seed` as in the URI; 0: no shuffling. */
weft_device *weft_test_device_open(weft_test_device *control, uint64_t shuffle_seed);

/* Once the device is closed and all that used it is gone. */
void weft_test_device_end(weft_test_device *control);

/* Fails the Nth of the dispatches that have not been started yet, from 1, with this status; it is then not run. */
void weft_test_device_fail(weft_test_device *control, uint64_t nth, weft_status status);

/* Stops the device before the Nth of the dispatches that have not been started yet, from 1. */
void weft_test_device_block(weft_test_device *control, uint64_t nth);
/* Waits until the device has come to the place where it must stop. */
void weft_test_device_await_block(weft_test_device *control);
/* Lets it go on; may be called before it has stopped. Any thread. */
void weft_test_device_unblock(weft_test_device *control);

typedef struct weft_test_remote {
    weft__device_table table; /* must be first */
    uint64_t writes, reads, clears, live_allocations;
    weft_status status; /* what each access gives */
} weft_test_remote;

weft_device *weft_test_remote_open(weft_test_remote *control);

#endif
