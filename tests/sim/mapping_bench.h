/* Mappings of virtual addresses, for suites; whatever cannot be mapped fails the test. */
#ifndef WEFT_TESTS_SIM_MAPPING_BENCH_H
#define WEFT_TESTS_SIM_MAPPING_BENCH_H

#include "simulation_bench.h"

#define VA WEFT_VIRTUAL_BEGIN

static inline void map(const simulation_bench *it, const weft_pe_set *pes, uint64_t virtual_address, uint64_t address,
                       uint64_t bytes)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_simulation_map(it->simulation, pes, virtual_address, address, bytes, &err), err);
}

static inline void unmap(const simulation_bench *it, uint64_t virtual_address, uint64_t bytes)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_simulation_unmap(it->simulation, NULL, virtual_address, bytes, &err), err);
}

static inline uint64_t shard_address(const weft_placed_tensor *tensor, size_t index)
{
    weft_shard shard;
    ck_assert(weft_placed_tensor_get_shard(tensor, index, &shard));
    return shard.address;
}

#endif
