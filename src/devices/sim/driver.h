/* The device `sim:MACHINE.yaml`: every dispatch runs as a tile kernel on all PEs of a simulated machine.
 *
 * Writing and reading buffers takes no simulated time, as of now: bytes are there as if they had always been. Commands
 * of the host (submit, barriers, fences) take none either; a launch takes what the machine says that it takes.
 *
 * The simulation can fail where other devices do not: a hazard within a group of dispatches, a machine that is too
 * small. Its clock stands still after that, and all further work fails with WEFT_DEVICE_LOST, with the sentence of that
 * first failure; buffers can still be read. */
#ifndef WEFT_DEVICES_SIM_DRIVER_H
#define WEFT_DEVICES_SIM_DRIVER_H

#include "runtime/device_impl.h"

extern const weft__device_table weft__sim_device_table;

#endif
