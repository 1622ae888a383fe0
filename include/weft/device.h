/* Devices: where work runs.
 *
 * A device is opened by URI: `ref` (the plain oracle), `cpu` (threads and SIMD), `sim:MACHINE.yaml` (tile kernels on a
 * simulated machine, in simulated time), later `cuda[:N]`. Options follow a question mark:
 * `cpu?threads=2&isa=avx2&shuffle=7`.
 *
 *   threads=N   worker threads, the submission thread included; default: one for each CPU of this process's
 *               affinity mask. Of `sim`: threads that compute numbers, which change neither them nor times; default: 1
 *   isa=NAME    `scalar`, `avx2` or `avx512`; default: the best this CPU has
 *   shuffle=S   run the dispatches between two barriers in a random order drawn from seed S. A stream
 *               whose barriers suffice gives the same bits for every S; a missing barrier shows as a wrong answer
 *   values=, hazards=, perturb=, and keys of machine files, which have a dot: of `sim`, see docs/sim-device.md
 *
 * Execution model. Command buffers of one device run one after another in the order of their commits; each sees all
 * that earlier ones wrote. Within a command buffer only a barrier orders dispatches. Commit returns before the work is
 * done; `sim` does the work in the thread that waits for it.
 *
 * Threads: a device, its buffers and its registry may be used from several threads at once. */
#ifndef WEFT_DEVICE_H
#define WEFT_DEVICE_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where work runs. Opaque; made by weft_device_open(). */
typedef struct weft_device weft_device;

/** Opens a device.
 *  @param uri  see above; an unknown scheme is WEFT_NOT_FOUND and names the nearest, a bad option
 * WEFT_INVALID_ARGUMENT, a scheme or ISA that this build or machine lacks WEFT_UNSUPPORTED.
 *  @param out  the device, owned by the caller until weft_device_close(); NULL on failure. */
WEFT_API WEFT_CHECKED weft_status weft_device_open(const char *uri, weft_device **out, weft_error *err);

/** Waits for all submitted work and gives the device back. NULL is fine. Nothing can be committed afterwards. Buffers,
 * encoders and sessions that still exist stay valid and keep what they need alive until they are destroyed. */
WEFT_API void weft_device_close(weft_device *device);

/** What a device has counted since it was opened. All counts only grow, but `bytes_allocated`. */
typedef struct weft_counters {
    uint64_t command_buffers_created; /**< also those that were dropped without a commit */
    uint64_t command_buffers_submitted;
    uint64_t command_buffers_completed; /**< finished without an error */
    uint64_t command_buffers_failed;    /**< finished with one, or skipped because their session was poisoned */
    uint64_t dispatches;                /**< of submitted command buffers; likewise the next two */
    uint64_t barriers;                  /**< placed by the caller or inferred */
    uint64_t barriers_inferred;         /**< of those, the ones that the hazard tracker put in */
    uint64_t fences_signalled;          /**< signals submitted */
    uint64_t fence_waits;               /**< device-side waits submitted */
    uint64_t syncs;                     /**< times the host waited */
    uint64_t bytes_allocated;           /**< live device memory, what pools hold included */
} weft_counters;

/** A snapshot; subtract two to measure a span. Any thread. */
WEFT_API void weft_device_counters(const weft_device *device, weft_counters *out);

#define WEFT_DEVICE_NAME_BYTES 64

/** What a device is. */
typedef struct weft_device_info {
    char scheme[16];                          /**< "cpu" */
    char description[WEFT_DEVICE_NAME_BYTES]; /**< for people */
    char isa[16];                             /**< "avx512"; of `sim` the machine; else empty */
    uint32_t threads;                         /**< worker threads, the submission thread included */
    uint64_t memory_bytes;                    /**< memory that buffers come from, in all; 0 if unknown */
} weft_device_info;

/** Fills @p out. Any thread. */
WEFT_API void weft_device_get_info(const weft_device *device, weft_device_info *out);

/** Schemes that weft_device_open() knows, those that this build cannot open included: NULL past the last. Any thread.
 */
WEFT_API const char *weft_device_scheme(size_t index);

/** WEFT_OK if @p device has a kernel for the op of that name, WEFT_UNSUPPORTED with the reason if not, WEFT_NOT_FOUND
 *  naming the nearest op if there is no such op. Does not make the kernel ready. Any thread. */
WEFT_API WEFT_CHECKED weft_status weft_device_supports(const weft_device *device, const char *op_name, weft_error *err);

/** How many kernels of this device have been made ready by a first use. Any thread. */
WEFT_API size_t weft_device_kernels_ready(const weft_device *device);

/** The device's clock, in picoseconds since it was opened: the host's monotonic clock, or on `sim` the time of the
 *  simulated host. That passes while the host submits, reads and writes buffers, and waits; see docs/sim-device.md. Any
 *  thread. */
WEFT_API uint64_t weft_device_now_ps(const weft_device *device);

/** A part of the time that has passed on a device's clock. */
typedef struct weft_time_part {
    const char *name; /**< "submit"; static storage */
    uint64_t ps;
} weft_time_part;

#define WEFT_TIME_PARTS_MAX 32

/** Where the time since the device was opened went: parts whose sum is weft_device_now_ps(), to the picosecond. None of
 *  them ever gets smaller, but for the last one, which is what has begun and has not been waited for; so two snapshots
 *  after waits can be subtracted. Devices of the host have none.
 *  @param out  the first @p capacity of them
 *  @return how many there are, always the same, at most WEFT_TIME_PARTS_MAX. Any thread. */
WEFT_API size_t weft_device_time_parts(const weft_device *device, weft_time_part *out, size_t capacity);

/** Waits until everything submitted so far is done; counts as a sync. Failures stay with the encoder or session whose
 *  work failed. Any thread but the device's own. */
WEFT_API void weft_device_wait(weft_device *device);

#ifdef __cplusplus
}
#endif
#endif
