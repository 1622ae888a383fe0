#include "runtime/host_device.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/size.h"
#include "base/status.h"
#include "base/threads.h"
#include "runtime/command_buffer.h"

/* How long the submission thread spins for more work before it sleeps: long enough for a host that records the next
 * command buffer at once, short enough not to take a core from it. */
#define QUEUE_SPINS 2000u

struct weft__host_queue {
    weft_device *device;
    pthread_t thread;
    pthread_mutex_t lock;
    weft__command_buffer *first, **last;
    bool stopping;
    weft__gate arrivals;
    bool shuffle;
    uint64_t shuffle_seed;
};

weft_status weft__host_memory_create(weft_device *device, size_t bytes, weft__allocation *allocation, weft_error *err)
{
    (void)device;
    size_t rounded;
    void *data = NULL;
    if (weft__size_align(bytes ? bytes : 1, 64, &rounded))
        data = aligned_alloc(64, rounded);
    if (!data)
        return weft__fail_memory(err, bytes, "a buffer");
    memset(data, 0, rounded);
    allocation->data = data;
    return WEFT_OK;
}

void weft__host_memory_destroy(weft_device *device, weft__allocation *allocation)
{
    (void)device;
    free(allocation->data);
}

uint64_t weft__host_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

weft_status weft__scratch_reserve(weft__scratch *scratch, size_t bytes, weft_error *err)
{
    if (scratch->bytes >= bytes)
        return WEFT_OK;
    size_t rounded;
    void *data = weft__size_align(bytes, 4096, &rounded) ? aligned_alloc(4096, rounded) : NULL;
    if (!data)
        return weft__fail_memory(err, bytes, "scratch of a kernel");
    free(scratch->data);
    scratch->data = data;
    scratch->bytes = rounded;
    return WEFT_OK;
}

void weft__dispatch_fail_within(weft_error *err, const weft_dispatch *dispatch)
{
    if (dispatch->label)
        (void)weft__fail_within(err, err->code, "dispatch %u (%s, %s)", dispatch->index, dispatch->op->name,
                                dispatch->label);
    else
        (void)weft__fail_within(err, err->code, "dispatch %u (%s)", dispatch->index, dispatch->op->name);
}

void weft__host_shuffle(uint64_t seed, const weft__command_buffer *commands, const weft_dispatch **group, size_t count)
{
    uint64_t stream = commands->sequence << 32 | group[0]->barriers_before;
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = (size_t)(weft__rng_at(seed, stream, i) % (i + 1));
        const weft_dispatch *other = group[j];
        group[j] = group[i];
        group[i] = other;
    }
}

static weft_status run_timed(weft__command_buffer *commands, const weft_dispatch *const *group, size_t count,
                             weft_error *err)
{
    weft_device *device = commands->device;
    for (size_t i = 0; i < count; i++) {
        weft__part_time *time = &commands->times[commands->time_count];
        *time = (weft__part_time){.kind = WEFT_TIMELINE_DISPATCH,
                                  .dispatch = group[i],
                                  .barriers = group[i]->barriers_before,
                                  .start_ps = weft_device_now_ps(device)};
        weft_status status = device->table->run_group(device, &group[i], 1, err);
        time->end_ps = weft_device_now_ps(device);
        commands->time_count++;
        if (status)
            return status;
    }
    return WEFT_OK;
}

/* Runs the stream group by group: what lies between two barriers goes to the driver at once. */
static weft_status run_stream(struct weft__host_queue *queue, weft__command_buffer *commands, weft_error *err)
{
    weft_device *device = queue->device;
    weft_status status = WEFT_OK;
    size_t begin = 0;
    while (status == WEFT_OK && begin < commands->stream_count) {
        size_t end = begin;
        while (end < commands->stream_count && commands->stream[end])
            end++;
        const weft_dispatch **group = &commands->stream[begin];
        size_t count = end - begin;
        begin = end + 1; /* past the barrier */
        if (!count)
            continue;
        if (queue->shuffle)
            weft__host_shuffle(queue->shuffle_seed, commands, group, count);
        status = commands->timeline ? run_timed(commands, group, count, err)
                                    : device->table->run_group(device, group, count, err);
    }
    return status;
}

static void run_commands(struct weft__host_queue *queue, weft__command_buffer *commands)
{
    weft_error error = {0};
    weft_status status = weft__command_buffer_start(commands, &error);
    if (commands->timeline)
        commands->start_ps = weft_device_now_ps(commands->device);
    if (status == WEFT_OK) {
        status = run_stream(queue, commands, &error);
        if (status)
            weft__command_buffer_fail_within(&error, commands);
    }
    if (commands->timeline)
        commands->end_ps = commands->known_ps = weft_device_now_ps(commands->device);
    weft__command_buffer_finish(commands, status, &error);
}

/* The next command buffer, or NULL when the queue is empty; `stop` says whether it will stay so. */
static weft__command_buffer *take(struct weft__host_queue *queue, bool *stop)
{
    pthread_mutex_lock(&queue->lock);
    weft__command_buffer *commands = queue->first;
    if (commands) {
        queue->first = commands->next;
        if (!queue->first)
            queue->last = &queue->first;
    }
    *stop = queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return commands;
}

static void *serve(void *context)
{
    struct weft__host_queue *queue = context;
    for (;;) {
        bool stop;
        uint32_t seen = weft__gate_load(&queue->arrivals);
        weft__command_buffer *commands = take(queue, &stop);
        if (commands)
            run_commands(queue, commands);
        else if (stop)
            return NULL;
        else
            (void)weft__gate_wait(&queue->arrivals, seen, QUEUE_SPINS);
    }
}

/* Lets the thread look at the queue again. */
static void announce(struct weft__host_queue *queue)
{
    (void)weft__gate_add(&queue->arrivals, 1);
    weft__gate_wake(&queue->arrivals, 1);
}

static void free_queue(struct weft__host_queue *queue)
{
    weft__gate_destroy(&queue->arrivals);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

weft_status weft__host_queue_start(weft_device *device, const weft__device_options *options, weft_error *err)
{
    struct weft__host_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return weft__fail_memory(err, sizeof *queue, "a submission queue");
    queue->device = device;
    queue->last = &queue->first;
    queue->shuffle = options->shuffle;
    queue->shuffle_seed = options->shuffle_seed;
    weft_status status = weft__gate_init(&queue->arrivals, 0, err);
    if (status) {
        free(queue);
        return status;
    }
    pthread_mutex_init(&queue->lock, NULL);
    int failed = weft__thread_start(&queue->thread, serve, queue);
    if (failed) {
        free_queue(queue);
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Could not start the submission thread of device '%s': %s.",
                          device->table->scheme, strerror(failed));
    }
    device->queue = queue;
    return WEFT_OK;
}

void weft__host_queue_stop(weft_device *device)
{
    struct weft__host_queue *queue = device->queue;
    if (!queue)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_mutex_unlock(&queue->lock);
    announce(queue);
    (void)pthread_join(queue->thread, NULL);
    free_queue(queue);
    device->queue = NULL;
}

void weft__host_submit(weft_device *device, weft__command_buffer *commands)
{
    struct weft__host_queue *queue = device->queue;
    commands->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->last = commands;
    queue->last = &commands->next;
    pthread_mutex_unlock(&queue->lock);
    announce(queue);
}
