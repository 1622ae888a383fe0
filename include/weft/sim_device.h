/* What the device `sim` tells of its machine, besides what every device tells.
 *
 * Threads: as of device.h. */
#ifndef WEFT_SIM_DEVICE_H
#define WEFT_SIM_DEVICE_H

#include <weft/activity.h>
#include <weft/device.h>
#include <weft/machine.h>
#include <weft/op.h>
#include <weft/retime.h>
#include <weft/sim.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The machine of a device; NULL for a device that is no `sim`. Lives as long as the device. */
WEFT_API const weft_machine *weft_sim_device_machine(const weft_device *device);

/** From now on, notes when links, PEs and memories are busy; what was noted before is forgotten. Costs no simulated
 *  time. WEFT_UNSUPPORTED, here and below, for a device that is no `sim`. */
WEFT_API WEFT_CHECKED weft_status weft_sim_device_keep_activity(weft_device *device, weft_error *err);
/** What has been noted until weft_device_now_ps(), after a wait.
 *  @param out  owned by the caller until weft_activity_destroy(), which must come before the device is given back; NULL
 *              on failure
 *  WEFT_INVALID_STATE without weft_sim_device_keep_activity(). */
WEFT_API WEFT_CHECKED weft_status weft_sim_device_take_activity(weft_device *device, weft_activity **out,
                                                                weft_error *err);

/** Records what is asked of a device that has done nothing yet, for weft_retime(); see weft_recording_begin(), also for
 *  errors. Ended by weft_recording_finish() when all has been waited for, while no other thread uses the device.
 *  @param out  owned by the caller until weft_recording_destroy(), which must come before the device is given back if
 *              it is not finished; NULL on failure
 *  WEFT_INVALID_STATE also where a command buffer has been committed, even if nobody has waited for it. */
WEFT_API WEFT_CHECKED weft_status weft_sim_device_record(weft_device *device, weft_recording **out, weft_error *err);

/** The hazard at @p index that kernels of dispatches have met, see weft_simulation_hazard_at(); false past the last,
 * and for a device that is no `sim`. Strings live as long as the device. */
WEFT_API bool weft_sim_device_hazard_at(weft_device *device, size_t index, weft_kernel_hazard *out);

/* ---- where things are, and who does what ---- */

/** An argument of a dispatch, and where it lies. */
typedef struct weft_sim_plan_argument {
    const char *name; /**< static */
    weft_role role;
    weft_dtype dtype;
    weft_shape shape;
    uint32_t pes;        /**< whose memories have some of it; 0: it was left out, or is empty */
    uint32_t first_pe;   /**< that which has the beginning */
    uint64_t bytes_most; /**< that one of them has */
} weft_sim_plan_argument;

/** What PEs do together. */
typedef struct weft_sim_plan_collective {
    const char *name; /**< of the function of collective.h; static */
    uint64_t calls;   /**< of all PEs */
} weft_sim_plan_collective;

#define WEFT_SIM_PLAN_COLLECTIVES_MAX 4

/** How a dispatch was shared out among the PEs. */
typedef struct weft_sim_plan {
    const char *op; /**< name, static */
    const char *label;
    uint32_t dispatch;        /**< index within its command buffer */
    uint32_t barriers_before; /**< in it */
    uint32_t launches;        /**< 1; 0 where there is nothing to do */
    uint32_t argument_count;
    weft_sim_plan_argument arguments[WEFT_ARGUMENTS_MAX];
    uint32_t split;             /**< the argument whose rows say who does what; UINT32_MAX: none */
    uint64_t rows;              /**< of it: what is shared out */
    uint64_t row_elements;      /**< of such a row */
    uint32_t pes;               /**< of the machine */
    const uint64_t *rows_of_pe; /**< rows that each PE works on, SIP by SIP and cube by cube */
    uint32_t collective_count;
    weft_sim_plan_collective collectives[WEFT_SIM_PLAN_COLLECTIVES_MAX];
    uint64_t macs;         /**< products of all GEMMs */
    uint64_t memory_bytes; /**< moved from and to HBM and SRAM */
} weft_sim_plan;

/** Called when a dispatch has ended, while somebody waits, by that thread. What @p plan points to lasts as long as the
 *  call, which must not use the device. */
typedef void (*weft_sim_plan_watcher)(void *user, const weft_sim_plan *plan);

/** Tells @p watcher of all dispatches that begin from now on; NULL: nobody. A dispatch that is under way now is told to
 *  who watched when it began, so @p user must last until all that was committed before has been waited for. The numbers
 *  are what the kernels were given when they asked. Changes no times. */
WEFT_API WEFT_CHECKED weft_status weft_sim_device_watch_plans(weft_device *device, weft_sim_plan_watcher watcher,
                                                              void *user, weft_error *err);

/** Bytes of its slice of HBM that allocations have at a PE, counted SIP by SIP and cube by cube; 0 past the last. */
WEFT_API uint64_t weft_sim_device_memory_of(weft_device *device, uint32_t pe);

#ifdef __cplusplus
}
#endif
#endif
