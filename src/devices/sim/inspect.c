#include <weft/sim_device.h>

#include <inttypes.h>

#include "devices/sim/driver.h"
#include "devices/sim/sim_impl.h"
#include "sim/host/host_impl.h"

weft__sim_device *weft__sim_device_of(const weft_device *device)
{
    return device->table == &weft__sim_device_table ? device->driver : NULL;
}

static weft_status fail_other(const weft_device *device, weft_error *err)
{
    return weft__fail(err, WEFT_UNSUPPORTED, "Device '%s' is no simulated machine, and has no activity to keep.",
                      device->info.scheme);
}

const weft_machine *weft_sim_device_machine(const weft_device *device)
{
    const weft__sim_device *sim = weft__sim_device_of(device);
    return sim ? sim->machine : NULL;
}

weft_status weft_sim_device_keep_activity(weft_device *device, weft_error *err)
{
    weft__sim_device *sim = weft__sim_device_of(device);
    if (!sim)
        return fail_other(device, err);
    pthread_mutex_lock(&sim->lock);
    weft_status status = weft__simulation_keep_activity(sim->simulation, atomic_load(&sim->times.host_ps), err);
    pthread_mutex_unlock(&sim->lock);
    return status;
}

weft_status weft_sim_device_take_activity(weft_device *device, weft_activity **out, weft_error *err)
{
    *out = NULL;
    weft__sim_device *sim = weft__sim_device_of(device);
    if (!sim)
        return fail_other(device, err);
    pthread_mutex_lock(&sim->lock);
    weft_status status = weft__simulation_take_activity(sim->simulation, atomic_load(&sim->times.host_ps), out, err);
    pthread_mutex_unlock(&sim->lock);
    return status;
}

/* What has been submitted is simulated when somebody waits for it, so the simulation may still be at its beginning. */
static weft_status begin_recording(const weft_device *device, const weft__sim_device *sim, weft_recording **out,
                                   weft_error *err)
{
    uint64_t count = device->submitted_sequence;
    if (count)
        return weft__fail(err, WEFT_INVALID_STATE,
                          "%" PRIu64 " command buffers have been submitted to device '%s'; a recording begins before "
                          "the first.",
                          count, device->info.scheme);
    return weft_recording_begin(sim->simulation, out, err);
}

weft_status weft_sim_device_record(weft_device *device, weft_recording **out, weft_error *err)
{
    *out = NULL;
    weft__sim_device *sim = weft__sim_device_of(device);
    if (!sim)
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "Device '%s' is no simulated machine, so nothing of it can be re-timed.",
                          device->info.scheme);
    pthread_mutex_lock(&device->lock);
    pthread_mutex_lock(&sim->lock);
    weft_status status = begin_recording(device, sim, out, err);
    pthread_mutex_unlock(&sim->lock);
    pthread_mutex_unlock(&device->lock);
    return status;
}

bool weft_sim_device_hazard_at(weft_device *device, size_t index, weft_kernel_hazard *out)
{
    *out = (weft_kernel_hazard){0};
    weft__sim_device *sim = weft__sim_device_of(device);
    if (!sim)
        return false;
    pthread_mutex_lock(&sim->lock);
    bool is_one = weft_simulation_hazard_at(sim->simulation, index, out);
    pthread_mutex_unlock(&sim->lock);
    return is_one;
}
