/* The side of timelines that fills them. */
#ifndef WEFT_RUNTIME_TIMELINE_IMPL_H
#define WEFT_RUNTIME_TIMELINE_IMPL_H

#include <weft/timeline.h>

#include "runtime/command_buffer.h"

/* Adds a finished command buffer and its parts. Out of memory: counts them as lost. */
void weft__timeline_add(weft_timeline *timeline, const weft__command_buffer *commands);

#endif
