/* The cpu device: a thread pool, and kernels for the best instruction set that the machine has. */
#ifndef WEFT_DEVICES_CPU_DRIVER_H
#define WEFT_DEVICES_CPU_DRIVER_H

#include "runtime/device_impl.h"

extern const weft__device_table weft__cpu_device;

#endif
