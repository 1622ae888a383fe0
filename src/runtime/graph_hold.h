/* What the dispatches of a graph need while they are in flight: their buffers and labels. One hold serves all replays,
 * so that a replay counts one reference and not one for each buffer. Immutable once made. */
#ifndef WEFT_RUNTIME_GRAPH_HOLD_H
#define WEFT_RUNTIME_GRAPH_HOLD_H

#include <stdatomic.h>

#include "runtime/buffer_impl.h"
#include "runtime/op_impl.h"

typedef struct weft__replay_hold {
    _Atomic uint32_t references;
    size_t handle_count, used_count, written_count;
    const weft_buffer **handles; /* retained, each once */
    weft__allocation **used;     /* what they lie in, each once */
    weft__allocation **written;  /* those that a dispatch writes */
} weft__replay_hold;

/* A hold for some dispatches, with one reference; their labels then point to its copies. */
weft_status weft__replay_hold_create(weft_dispatch *dispatches, size_t count, weft__replay_hold **out, weft_error *err);

static inline void weft__replay_hold_retain(weft__replay_hold *hold)
{
    atomic_fetch_add_explicit(&hold->references, 1, memory_order_relaxed);
}

/* NULL is fine. */
void weft__replay_hold_release(weft__replay_hold *hold);

#endif
