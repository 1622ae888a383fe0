/* The implementer's half of device.h: the table that every device fills, and the device object that the runtime keeps.
 *
 * A driver is a const weft__device_table. The list of all drivers is in src/devices/open.c, which is the one place that
 * knows them; the runtime calls through the table only. */
#ifndef WEFT_RUNTIME_DEVICE_IMPL_H
#define WEFT_RUNTIME_DEVICE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include <weft/device.h>

#include "base/gate.h"
#include "runtime/buffer_impl.h"
#include "runtime/op_impl.h"
#include "trace/perfetto.h"

typedef struct weft__command_buffer weft__command_buffer;

/* A device's implementation of one op: the head of what the driver keeps per kernel. */
typedef struct weft__kernel {
    const weft_op *op;
} weft__kernel;

/* An option of a URI whose name has a dot: a value for a key of the machine. */
typedef struct weft__device_setting {
    const char *key, *value;
} weft__device_setting;

/* Options of a URI, read and checked; a driver refuses what means nothing to it through accepts. */
typedef struct weft__device_options {
    uint32_t threads; /* 0: the driver's choice */
    char isa[16];     /* empty: the best */
    bool shuffle;
    uint64_t shuffle_seed;
    const char *path; /* what follows the scheme and a colon, up to a question mark; "" for none */
    /* Of simulated machines. */
    const weft__device_setting *settings;
    size_t setting_count;
    uint32_t values, hazards; /* a weft_values_mode and a weft_hazard_action of sim.h */
    uint64_t perturb_seed;    /* 0: none */
} weft__device_options;

typedef struct weft__device_table {
    const char *scheme;
    const char *description;
    uint32_t accepts; /* bits of WEFT__ACCEPTS_...: the options that mean something here */
    /* Kernels, each starting with a weft__kernel; ops without one are not supported. */
    const weft__kernel *const *kernels;
    size_t kernel_count;
    /* Fills device->driver and device->info. The device is otherwise complete. */
    weft_status (*open)(weft_device *device, const weft__device_options *options, weft_error *err);
    /* Called once nothing is in flight and nothing else refers to the device. */
    void (*close)(weft_device *device);
    /* Makes a kernel ready at its first use (load a module, say); NULL: nothing to do. Any thread, one at a time. */
    weft_status (*prepare)(weft_device *device, const weft__kernel *kernel, weft_error *err);
    bool works_in_host_memory; /* `data` of an allocation is a host address, and memory of the caller can be wrapped */
    /* Memory of zeros: sets data and/or handle. */
    weft_status (*memory_create)(weft_device *device, size_t bytes, weft__allocation *allocation, weft_error *err);
    void (*memory_destroy)(weft_device *device, weft__allocation *allocation);
    /* Host access, and clearing; NULL where `data` is a host address and memcpy will do. */
    weft_status (*memory_write)(weft_device *device, weft__allocation *allocation, size_t offset, const void *data,
                                size_t bytes, weft_error *err);
    weft_status (*memory_read)(weft_device *device, const weft__allocation *allocation, size_t offset, void *data,
                               size_t bytes, weft_error *err);
    weft_status (*memory_clear)(weft_device *device, weft__allocation *allocation, weft_error *err);
    /* Takes a command buffer, must not block on its work, and calls weft__command_buffer_finish() in the end, in the
     * order of submission. Cannot fail: what fails does so at the finish. */
    void (*submit)(weft_device *device, weft__command_buffer *commands);
    /* Runs the dispatches of one group, in any order; host devices only. */
    weft_status (*run_group)(weft_device *device, const weft_dispatch *const *dispatches, size_t count,
                             weft_error *err);
    /* The rest is for devices with a clock of their own, and NULL for those of the host. */
    /* The host is about to wait for the command buffer of that sequence number, which may have been finished long ago:
     * a device that works only when somebody waits does so here. Any thread, several at once. */
    void (*wait)(weft_device *device, uint64_t sequence, bool is_sync);
    /* See device.h. Any thread. */
    uint64_t (*now_ps)(const weft_device *device);
    size_t (*time_parts)(const weft_device *device, weft_time_part *out, size_t capacity);
    /* Begins to write what goes on inside to a trace, and ends that; nothing is in flight. */
    weft_status (*begin_trace)(weft_device *device, weft__trace *trace, weft_error *err);
    void (*end_trace)(weft_device *device);
} weft__device_table;

#define WEFT__ACCEPTS_THREADS 1u
#define WEFT__ACCEPTS_ISA 2u
#define WEFT__ACCEPTS_SHUFFLE 4u
#define WEFT__ACCEPTS_PATH 8u
#define WEFT__ACCEPTS_SIMULATION 16u /* settings, values, hazards, perturb */

/* Counters as they are kept; the names are those of weft_counters. */
typedef struct weft__live_counters {
    _Atomic uint64_t created, submitted, completed, failed, dispatches, barriers, barriers_inferred, fences_signalled,
        fence_waits, syncs, bytes_allocated;
} weft__live_counters;

struct weft_device {
    const weft__device_table *table;
    _Atomic uint32_t references;
    _Atomic bool closed;            /* no more commits */
    void *driver;                   /* the driver's own state */
    struct weft__host_queue *queue; /* of host devices */
    weft_device_info info;
    weft__live_counters counters;
    uint64_t opened_ns;               /* of the host's clock */
    struct weft__device_trace *trace; /* NULL while it is not traced */

    /* Kernel registry: NULL until the first use of the op. */
    const weft__kernel *candidates[WEFT__OPS_MAX];
    const weft__kernel *_Atomic ready[WEFT__OPS_MAX];
    _Atomic size_t ready_count;
    pthread_mutex_t registry_lock;

    /* Submission: `lock` orders commits, so that sequence numbers and the driver's queue agree. */
    pthread_mutex_t lock;
    uint64_t submitted_sequence;        /* under lock */
    _Atomic uint64_t finished_sequence; /* all command buffers up to it are done */
    _Atomic uint64_t waited_sequence;   /* the host has waited for all up to it */
    weft__gate finished;                /* changes at each finish */
    struct weft_span *spans;            /* in force; under lock */
    weft__command_buffer *idle;         /* recycled; under lock */
    _Atomic uint64_t next_allocation_id, next_command_buffer_id;
};

/* Makes a device of a driver: what weft_device_open() does once it has found one. For tests too, with drivers of their
 * own. */
weft_status weft__device_create(const weft__device_table *table, const weft__device_options *options, weft_device **out,
                                weft_error *err);
void weft__device_retain(weft_device *device);
void weft__device_release(weft_device *device);

/* What the next one does at the first use of an op. */
weft_status weft__device_make_ready(weft_device *device, const weft_op *op, const weft__kernel **out, weft_error *err);

/* The kernel for an op, made ready if it is not; WEFT_UNSUPPORTED names op and device. */
static inline weft_status weft__device_kernel(weft_device *device, const weft_op *op, const weft__kernel **out,
                                              weft_error *err)
{
    *out = atomic_load_explicit(&device->ready[op->index], memory_order_acquire);
    return *out ? WEFT_OK : weft__device_make_ready(device, op, out, err);
}

/* Waits until the command buffer of that sequence number is done, and notes that the host has. */
void weft__device_wait_for(weft_device *device, uint64_t sequence);
/* The same as a sync: counts it, and it takes what a sync takes on the device's clock. */
void weft__device_sync(weft_device *device, uint64_t sequence);

#endif
