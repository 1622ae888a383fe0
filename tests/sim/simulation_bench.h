/* A simulation through the public headers, for suites: a machine file with settings, and a simulation of it. Whatever
 * cannot be made fails the test. */
#ifndef WEFT_TESTS_SIM_SIMULATION_BENCH_H
#define WEFT_TESTS_SIM_SIMULATION_BENCH_H

#include "support/weft_check.h"

#include <stdio.h>

#include <weft/sim.h>

typedef struct simulation_bench {
    weft_machine *machine;
    weft_simulation *simulation;
} simulation_bench;

/* `machine` is a file's name without its folder and suffix; settings are in pairs, and NULL after the last. */
static inline weft_machine *open_machine(const char *name, const char *const *settings)
{
    char path[512];
    weft_error err;
    weft_machine *machine;
    weft_machine_setting given[16];
    size_t count = 0;
    for (; settings && settings[2 * count]; count++)
        given[count] = (weft_machine_setting){settings[2 * count], settings[2 * count + 1]};
    (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, name);
    WEFT_TEST_ASSERT_OK(weft_machine_open(path, given, count, &machine, &err), err);
    return machine;
}

static inline simulation_bench open_simulation(const char *machine, const char *const *settings,
                                               const weft_simulation_options *options)
{
    weft_error err;
    simulation_bench it = {.machine = open_machine(machine, settings)};
    WEFT_TEST_ASSERT_OK(weft_simulation_create(it.machine, options, &it.simulation, &err), err);
    return it;
}

static inline void close_simulation(simulation_bench *it)
{
    weft_simulation_destroy(it->simulation);
    weft_machine_close(it->machine);
}

static inline weft_placed_tensor *make_tensor(const simulation_bench *it, weft_dtype dtype, weft_shape shape,
                                              weft_placement placement)
{
    weft_error err;
    weft_placed_tensor *tensor;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it->simulation, dtype, &shape, &placement, &tensor, &err), err);
    return tensor;
}

static inline void set_tensor(weft_placed_tensor *tensor, const void *data, size_t bytes)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_set(tensor, data, bytes, &err), err);
}

static inline void get_tensor(weft_placed_tensor *tensor, void *out, size_t bytes)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_get(tensor, out, bytes, &err), err);
}

static inline weft_kernel_launch *begin_launch(const simulation_bench *it, const weft_launch_options *options)
{
    weft_error err;
    weft_kernel_launch *launch;
    WEFT_TEST_ASSERT_OK(weft_simulation_launch(it->simulation, options, &launch, &err), err);
    return launch;
}

static inline void wait_for(const simulation_bench *it, weft_kernel_launch *launch)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_simulation_wait(it->simulation, launch, &err), err);
}

/* Launches, waits, and gives the report. */
static inline weft_launch_report run_launch(const simulation_bench *it, const weft_launch_options *options)
{
    weft_launch_report report;
    weft_kernel_launch *launch = begin_launch(it, options);
    wait_for(it, launch);
    weft_kernel_launch_get_report(launch, &report);
    weft_kernel_launch_destroy(launch);
    return report;
}

/* Launches, and gives the error that must come of it. */
static inline weft_error fail_launch(const simulation_bench *it, const weft_launch_options *options)
{
    weft_error err = {0};
    weft_kernel_launch *launch;
    weft_status status = weft_simulation_launch(it->simulation, options, &launch, &err);
    if (status == WEFT_OK)
        status = weft_simulation_wait(it->simulation, launch, &err);
    ck_assert_int_eq(status, err.code);
    ck_assert_int_ne(status, WEFT_OK);
    weft_kernel_launch_destroy(launch);
    return err;
}

/* ---- kernels ---- */

/* out = a + b, each PE its shard, in pieces that fit its scratch memory. */
typedef struct add_work {
    weft_placed_tensor *a, *b, *out;
    bool peeks; /* as the suite likes */
} add_work;

#define ADD_PIECE 4096u

static inline void add_kernel(weft_tile *tl, const void *arguments)
{
    const add_work *work = arguments;
    if (!tl_has_shard(tl, work->out))
        return;
    tl_tensor a = tl_shard(tl, work->a), b = tl_shard(tl, work->b), out = tl_shard(tl, work->out);
    uint64_t count = weft_shape_elements(&out.shape), each = weft_dtype_bytes(out.dtype);
    for (uint64_t at = 0; at < count; at += ADD_PIECE) {
        uint64_t mark = tl_mark(tl);
        weft_shape shape = weft_shape_1d(count - at < ADD_PIECE ? count - at : ADD_PIECE);
        tl_tensor left = tl_load(tl, a.address + at * each, shape, a.dtype);
        tl_tensor right = tl_load(tl, b.address + at * each, shape, b.dtype);
        tl_store(tl, out.address + at * each, tl_add(tl, left, right));
        tl_release(tl, mark);
    }
}

static inline add_work make_add(const simulation_bench *it, weft_dtype dtype, weft_shape shape,
                                weft_placement placement)
{
    return (add_work){.a = make_tensor(it, dtype, shape, placement),
                      .b = make_tensor(it, dtype, shape, placement),
                      .out = make_tensor(it, dtype, shape, placement)};
}

static inline void drop_add(add_work *work)
{
    weft_placed_tensor_destroy(work->a);
    weft_placed_tensor_destroy(work->b);
    weft_placed_tensor_destroy(work->out);
}

/* Numbers that are exact in f32, and other ones for each seed. */
static inline float *numbers(size_t count, uint32_t seed)
{
    float *data = malloc(count * sizeof *data);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(int32_t)(seed >> 12) / 16;
    }
    return data;
}

#endif
