/* What a traced device tells of its host. */
#ifndef WEFT_RUNTIME_DEVICE_TRACE_H
#define WEFT_RUNTIME_DEVICE_TRACE_H

#include "runtime/device_impl.h"

typedef struct weft__device_trace weft__device_trace;

/* The host has submitted a command buffer, since then until now. `is_timed` says that a timeline will tell of it. */
void weft__device_trace_submitted(weft_device *device, uint64_t since_ps, const char *label, uint64_t sequence,
                                  bool is_timed);
/* It has waited. */
void weft__device_trace_synced(weft_device *device, uint64_t since_ps);
/* Drops the trace, if there is one; once the driver has closed. */
void weft__device_trace_discard(weft_device *device);

#endif
