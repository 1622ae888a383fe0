#include "runtime/graph_hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static int compare_pointers(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return (x > y) - (x < y);
}

/* Leaves each pointer once; returns how many are left. */
static size_t unique(void **pointers, size_t count)
{
    if (count == 0)
        return 0;
    qsort(pointers, count, sizeof *pointers, compare_pointers);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (pointers[i] != pointers[kept - 1])
            pointers[kept++] = pointers[i];
    return kept;
}

static void gather(weft__replay_hold *hold, const weft_dispatch *dispatches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const weft_op *op = dispatches[i].op;
        for (uint32_t a = 0; a < op->argument_count; a++) {
            const weft_buffer *buffer = dispatches[i].arguments[a];
            if (!buffer)
                continue;
            hold->handles[hold->handle_count++] = buffer;
            hold->used[hold->used_count++] = buffer->allocation;
            if (op->arguments[a].role & WEFT_WRITE)
                hold->written[hold->written_count++] = buffer->allocation;
        }
    }
    hold->handle_count = unique((void **)hold->handles, hold->handle_count);
    hold->used_count = unique((void **)hold->used, hold->used_count);
    hold->written_count = unique((void **)hold->written, hold->written_count);
    for (size_t i = 0; i < hold->handle_count; i++)
        weft__buffer_retain(hold->handles[i]);
}

weft_status weft__replay_hold_create(weft_dispatch *dispatches, size_t count, weft__replay_hold **out, weft_error *err)
{
    size_t arguments = 0, text_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        arguments += dispatches[i].op->argument_count;
        text_bytes += dispatches[i].label ? strlen(dispatches[i].label) + 1 : 0;
    }
    size_t bytes = sizeof(weft__replay_hold) + 3 * arguments * sizeof(void *) + text_bytes;
    weft__replay_hold *hold = calloc(1, bytes);
    *out = hold;
    if (!hold)
        return weft__fail_memory(err, bytes, "the buffers of a graph");
    atomic_init(&hold->references, 1);
    hold->handles = (const weft_buffer **)(void *)(hold + 1);
    hold->used = (weft__allocation **)(void *)(hold->handles + arguments);
    hold->written = hold->used + arguments;
    gather(hold, dispatches, count);
    char *text = (char *)(hold->written + arguments);
    for (size_t i = 0; i < count; i++) {
        if (!dispatches[i].label)
            continue;
        size_t length = strlen(dispatches[i].label) + 1;
        dispatches[i].label = memcpy(text, dispatches[i].label, length);
        text += length;
    }
    return WEFT_OK;
}

void weft__replay_hold_release(weft__replay_hold *hold)
{
    if (!hold || atomic_fetch_sub_explicit(&hold->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < hold->handle_count; i++)
        weft__buffer_release(hold->handles[i]);
    free(hold);
}
