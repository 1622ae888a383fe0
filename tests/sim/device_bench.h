/* What the suites of time on simulated devices share: parts, what a machine states, and a chain of additions. */
#ifndef WEFT_TESTS_SIM_DEVICE_BENCH_H
#define WEFT_TESTS_SIM_DEVICE_BENCH_H

#include "support/runtime_test.h"

#include "devices/sim/sim_impl.h"
#include "sim/host/host_impl.h"

#define TINY "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"
#define TWO_SIP "sim:" WEFT_SOURCE_DIR "/machines/two-sip.yaml"

static inline const weft__machine_spec *spec_of(const weft_device *device)
{
    const weft__sim_device *sim = device->driver;
    return weft__simulation_graph(sim->simulation)->spec;
}

static inline uint64_t part_of(const weft_device *device, const char *name)
{
    weft_time_part parts[WEFT_TIME_PARTS_MAX];
    size_t count = weft_device_time_parts(device, parts, WEFT_TIME_PARTS_MAX);
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i].name, name) == 0)
            return parts[i].ps;
    ck_abort_msg("there is no part '%s'", name);
    return 0;
}

static inline void assert_sum(const weft_device *device)
{
    weft_time_part parts[WEFT_TIME_PARTS_MAX];
    size_t count = weft_device_time_parts(device, parts, WEFT_TIME_PARTS_MAX);
    uint64_t sum = 0;
    ck_assert_uint_eq(weft_device_time_parts(device, NULL, 0), count);
    for (size_t i = 0; i < count; i++)
        sum += parts[i].ps;
    ck_assert_uint_eq(sum, weft_device_now_ps(device));
}

/* What a machine states, in picoseconds. */
typedef struct costs {
    uint64_t submit, sync, dispatch, barrier, signal, wait;
} costs;

static inline costs costs_of(const weft_device *device)
{
    const weft__machine_spec *spec = spec_of(device);
    return (costs){weft__ps_of_ns(spec->host.submit_ns),        weft__ps_of_ns(spec->host.sync_ns),
                   weft__ps_of_ns(spec->processor.dispatch_ns), weft__ps_of_ns(spec->processor.barrier_ns),
                   weft__ps_of_ns(spec->processor.signal_ns),   weft__ps_of_ns(spec->processor.wait_ns)};
}

static inline weft_timeline_entry entry_at(const weft_timeline *timeline, size_t index)
{
    weft_timeline_entry entry;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_timeline_get(timeline, index, &entry, &error), error);
    return entry;
}

/* A chain of additions. What is added to first lies as the sums do, so that all of them take the same time. */
typedef struct pairs {
    weft_device *device;
    weft_buffer *room, *hidden, *more, *sums; /* `hidden` is a view of `room` */
} pairs;

enum {
    PAIRS = 5
};

static inline pairs make_pairs(weft_device *device)
{
    weft_buffer *room = test_floats(device, 4 * 2 * PAIRS, 1);
    return (pairs){device, room, test_view(room, 0, 4), test_floats(device, 4, 2),
                   test_floats(device, 4 * 2 * PAIRS, 0)};
}

static inline void free_pairs(const pairs *it)
{
    weft_buffer_destroy(it->hidden);
    weft_buffer_destroy(it->room);
    weft_buffer_destroy(it->more);
    weft_buffer_destroy(it->sums);
}

static inline pairs open_pairs(const char *uri)
{
    return make_pairs(test_open(uri));
}

static inline void close_pairs(pairs *it)
{
    assert_sum(it->device);
    ck_assert_uint_eq(part_of(it->device, "under way"), 0);
    free_pairs(it);
    weft_device_close(it->device);
}

static inline void add(const pairs *it, weft_encoder *encoder, size_t sum)
{
    weft_buffer *out = test_view(it->sums, 4 * sum, 4), *in = sum ? test_view(it->sums, 4 * (sum - 1), 4) : NULL;
    OK(weft_add(encoder, in ? in : it->hidden, it->more, out, NULL));
    weft_buffer_destroy(in);
    weft_buffer_destroy(out);
}

#endif
