/* A tensor that PEs and the host touch, and what its kernels have in common. */
#ifndef WEFT_TESTS_SIM_ORDER_STAGE_H
#define WEFT_TESTS_SIM_ORDER_STAGE_H

#include "simulation_bench.h"

#define ROWS 32
#define COLUMNS 32
#define TENSOR_BYTES (ROWS * COLUMNS * sizeof(float))
#define LONG 60

typedef struct scene_work {
    bool is_broken;
    uint64_t shared; /* a tensor that the host has written, f32 [ROWS, COLUMNS] */
} scene_work;

static inline weft_shape all(void)
{
    return weft_shape_2d(ROWS, COLUMNS);
}

static inline bool is_first(const weft_tile *tl)
{
    return tl_program_id(tl, TL_AXIS_ALL) == 0;
}

static inline void be_busy(weft_tile *tl)
{
    uint64_t mark = tl_mark(tl);
    for (int i = 0; i < LONG; i++) {
        (void)tl_full(tl, all(), WEFT_F32, 0);
        tl_release(tl, mark);
    }
}

static inline void tell(weft_tile *tl)
{
    tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, weft_shape_1d(1), WEFT_F32, 1)));
}

static inline void hear(weft_tile *tl)
{
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_F32);
}

static inline void write_shared(weft_tile *tl, const scene_work *it)
{
    tl_store(tl, it->shared, tl_full(tl, all(), WEFT_F32, 2));
}

static inline void read_shared(weft_tile *tl, const scene_work *it)
{
    (void)tl_load(tl, it->shared, all(), WEFT_F32);
}

typedef struct stage {
    simulation_bench base;
    weft_placed_tensor *shared;
    scene_work work;
} stage;

static inline void set_stage(stage *it, const char *slots, weft_hazard_action action)
{
    static const float data[ROWS * COLUMNS];
    weft_shard shard;
    const char *const settings[] = {slots ? "pe.ipcq.slots" : NULL, slots, NULL};
    const weft_placement there = {.pes = {.pes = 1}, .home = WEFT_HOME_SRAM};
    it->base = open_simulation("tiny", settings, &(weft_simulation_options){.hazards = action});
    it->shared = make_tensor(&it->base, WEFT_F32, all(), there);
    set_tensor(it->shared, data, sizeof data);
    ck_assert(weft_placed_tensor_get_shard(it->shared, 0, &shard));
    it->work = (scene_work){.shared = shard.address};
}

static inline void clear_stage(stage *it)
{
    weft_placed_tensor_destroy(it->shared);
    close_simulation(&it->base);
}

#endif
