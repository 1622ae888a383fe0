/* The command processor of the device, see sim/host/processor.h. The host commits at its own time, which goes on by
 * host.submit_ns; then the command buffer sets out.
 *
 * Nothing of that is simulated before somebody waits for it, reads or writes memory: only then is it known what else
 * the host does until that time, and the same calls take the same time however fast the host really is. So the work is
 * done by the thread that waits. */
#ifndef WEFT_DEVICES_SIM_PROCESSOR_H
#define WEFT_DEVICES_SIM_PROCESSOR_H

#include "devices/sim/sim_impl.h"
#include "runtime/command_buffer.h"

weft_status weft__sim_processor_create(weft__sim_device *sim, const weft__device_options *options, weft_error *err);
/* Before the simulation; nothing of that may run any more. NULL is fine. */
void weft__sim_processor_destroy(weft__sim_processor *processor);

/* Entries of the device table. */
void weft__sim_submit(weft_device *device, weft__command_buffer *commands);
void weft__sim_wait(weft_device *device, uint64_t sequence, bool is_sync);

/* What comes after an error of the simulation: WEFT_DEVICE_LOST, with the sentence of that. */
weft_status weft__sim_fail_lost(const weft__sim_device *sim, const weft_error *first, weft_error *err);

#endif
