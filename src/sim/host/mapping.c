/* What virtual addresses of PEs lead to. */
#include <inttypes.h>

#include "sim/host/host_impl.h"
#include "sim/machine/address.h"
#include "sim/pe/mmu.h"

static weft_status check_range(uint64_t virtual_address, uint64_t bytes, weft_error *err)
{
    if (bytes == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A mapping of 0 bytes at virtual address 0x%" PRIx64 " is none.",
                          virtual_address);
    if (weft__is_virtual(virtual_address) && bytes <= WEFT_VIRTUAL_END - virtual_address)
        return WEFT_OK;
    return weft__fail(err, WEFT_OUT_OF_RANGE,
                      "%" PRIu64 " bytes at 0x%" PRIx64 " are no virtual addresses, which go from 0x%" PRIx64
                      " to 0x%" PRIx64 ".",
                      bytes, virtual_address, WEFT_VIRTUAL_BEGIN, WEFT_VIRTUAL_END - 1);
}

/* What is to be done for each PE of a set, which is resolved here. */
static weft_status resolve(weft_simulation *simulation, const weft_pe_set *pes, uint64_t virtual_address,
                           uint64_t bytes, weft_pe_set *out, weft_error *err)
{
    static const weft_pe_set all;
    weft_status status = weft__simulation_check(simulation, err);
    if (simulation->listener)
        simulation->listener->maps(simulation->listener->context);
    if (status == WEFT_OK)
        status = check_range(virtual_address, bytes, err);
    return status == WEFT_OK ? weft__pe_set_resolve(weft__simulation_graph(simulation), pes ? pes : &all, out, err)
                             : status;
}

static weft__pe *pe_at(const weft_simulation *simulation, const weft_pe_set *set, uint32_t index)
{
    return weft__pe_at(simulation->pes, weft__pe_set_at(weft__simulation_graph(simulation), set, index));
}

weft_status weft_simulation_map(weft_simulation *simulation, const weft_pe_set *pes, uint64_t virtual_address,
                                uint64_t address, uint64_t bytes, weft_error *err)
{
    weft_pe_set set;
    weft__location location;
    weft_status status = resolve(simulation, pes, virtual_address, bytes, &set, err);
    if (status == WEFT_OK)
        status = weft__address_resolve(weft__simulation_graph(simulation), address, bytes, &location, err);
    if (status != WEFT_OK)
        return status;
    if (location.region == WEFT__REGION_MCPU || location.region == WEFT__REGION_IO_CPU)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "Address 0x%" PRIx64 " is a mailbox of a command processor, where no tensors are.", address);
    const weft__mapping mapping = {.virtual_address = virtual_address,
                                   .bytes = bytes,
                                   .address = address,
                                   .node = location.node,
                                   .offset_bytes = location.offset};
    for (uint32_t i = 0; i < weft__pe_set_count(&set) && status == WEFT_OK; i++)
        status = weft__mmu_prepare(pe_at(simulation, &set, i), &mapping, err);
    for (uint32_t i = 0; i < weft__pe_set_count(&set) && status == WEFT_OK; i++)
        weft__mmu_map(pe_at(simulation, &set, i), &mapping);
    return status;
}

weft_status weft_simulation_unmap(weft_simulation *simulation, const weft_pe_set *pes, uint64_t virtual_address,
                                  uint64_t bytes, weft_error *err)
{
    weft_pe_set set;
    weft_status status = resolve(simulation, pes, virtual_address, bytes, &set, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t i = 0; i < weft__pe_set_count(&set) && status == WEFT_OK; i++)
        status = weft__mmu_check_unmap(pe_at(simulation, &set, i), virtual_address, bytes, err);
    for (uint32_t i = 0; i < weft__pe_set_count(&set) && status == WEFT_OK; i++)
        weft__mmu_unmap(pe_at(simulation, &set, i), virtual_address, bytes);
    return status;
}
