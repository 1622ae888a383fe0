/* A few agents, two memories, and accesses of 16 bytes each. */
#ifndef WEFT_TESTS_SIM_ORDER_BENCH_H
#define WEFT_TESTS_SIM_ORDER_BENCH_H

#include "support/weft_check.h"

#include "sim/order/order.h"

#define AGENTS 5
#define HOST 4

static weft__order *order;
static weft__order_memory hbm, tcm;
static weft__order_race race;
static uint64_t now;

static inline void begin(uint32_t agents)
{
    weft_error error;
    now = 0;
    WEFT_TEST_ASSERT_OK(weft__order_create(agents, &order, &error), error);
}

static inline void end(void)
{
    ck_assert(!weft__order_has_failed(order));
    weft__order_memory_destroy(&hbm);
    weft__order_memory_destroy(&tcm);
    weft__order_destroy(order);
}

/* Accesses of 16 bytes, each at a later time than the one before. True if they race. */
static inline bool read_by(uint32_t agent, const weft__order_point *point, uint64_t offset)
{
    weft__order_access access = {.agent = agent, .point = point, .time_ps = ++now, .call = "tl_load"};
    return weft__order_read(order, &hbm, &access, offset, 16, &race);
}

static inline bool write_by(uint32_t agent, const weft__order_point *point, uint64_t offset)
{
    weft__order_access access = {.agent = agent, .point = point, .time_ps = ++now, .call = "tl_store"};
    return weft__order_write(order, &hbm, &access, offset, 16, &race);
}

static inline bool reads(uint32_t agent, uint64_t offset)
{
    return read_by(agent, NULL, offset);
}

static inline bool writes(uint32_t agent, uint64_t offset)
{
    return write_by(agent, NULL, offset);
}

static inline void pass(uint32_t from, uint32_t to)
{
    weft__order_point *point = weft__order_snapshot(order, from);
    weft__order_join(order, to, point);
    weft__order_release(order, point);
}

#endif
