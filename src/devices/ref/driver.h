/* The device `ref`: every op in the plainest C, one dispatch after the other. The oracle of the conformance suite. */
#ifndef WEFT_DEVICES_REF_DRIVER_H
#define WEFT_DEVICES_REF_DRIVER_H

#include "runtime/device_impl.h"

extern const weft__device_table weft__ref_device;

#endif
