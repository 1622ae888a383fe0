/* The device `sim:MACHINE.yaml`: every dispatch runs as a tile kernel on all PEs of a simulated machine.
 *
 * Everything that the host asks for takes simulated time, see docs/sim-device.md: submissions, syncs, and reading and
 * writing buffers. Only the zeros that new memory is made of have always been there.
 *
 * The simulation can fail where other devices do not: a hazard within a group of dispatches, a machine that is too
 * small. Its clock stands still after that, and all further work fails with WEFT_DEVICE_LOST, with the sentence of that
 * first failure; buffers can still be read. */
#ifndef WEFT_DEVICES_SIM_DRIVER_H
#define WEFT_DEVICES_SIM_DRIVER_H

#include "runtime/device_impl.h"

extern const weft__device_table weft__sim_device_table;

#endif
