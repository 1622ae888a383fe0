#include "sim/machine/address.h"

#include <inttypes.h>

#define SIP_SHIFT 47u
#define DIE_SHIFT 42u
#define DIE_MASK 31u
#define OFFSET_MASK ((UINT64_C(1) << DIE_SHIFT) - 1)
#define DIES 21u /* the others are reserved */

weft_status weft__address_encode(const weft__address *address, uint64_t *out, weft_error *err)
{
    *out = 0;
    if (address->sip >= WEFT__ADDRESS_SIPS)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "Addresses have room for SIPs 0 to %u, not for SIP %" PRIu32 ".",
                          WEFT__ADDRESS_SIPS - 1, address->sip);
    if (address->die >= DIES)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "Addresses have dies 0 to %u, but no die %" PRIu32 ".", DIES - 1,
                          address->die);
    if (address->offset > OFFSET_MASK)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The offset 0x%" PRIx64 " in a die does not fit into %u bits.",
                          address->offset, DIE_SHIFT);
    *out = (uint64_t)address->sip << SIP_SHIFT | (uint64_t)address->die << DIE_SHIFT | address->offset;
    return WEFT_OK;
}

weft_status weft__address_decode(uint64_t address, weft__address *out, weft_error *err)
{
    *out = (weft__address){0};
    if (address >> WEFT__ADDRESS_BITS)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The address 0x%" PRIx64 " does not fit into %u bits.", address,
                          WEFT__ADDRESS_BITS);
    uint32_t die = (uint32_t)(address >> DIE_SHIFT) & DIE_MASK;
    if (die >= DIES)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The address 0x%" PRIx64 " is in die %" PRIu32 ", a reserved one.",
                          address, die);
    *out = (weft__address){(uint32_t)(address >> SIP_SHIFT), die, address & OFFSET_MASK};
    return WEFT_OK;
}

/* Where the regions are in their die; `limit` is where the last unit must end. */
static const struct layout {
    const char *name;
    weft__node_kind kind;
    bool is_in_io;
    uint64_t first, limit;
} layouts[] = {
    [WEFT__REGION_HBM] = {"HBM", WEFT__NODE_HBM, false, 0, WEFT__ADDRESS_HBM_BYTES},
    [WEFT__REGION_TCM] = {"TCM", WEFT__NODE_DMA, false, UINT64_C(4) << 38, UINT64_C(16) << 38},
    [WEFT__REGION_SRAM] = {"SRAM", WEFT__NODE_SRAM, false, UINT64_C(1) << 38, UINT64_C(2) << 38},
    [WEFT__REGION_MCPU] = {"command processor", WEFT__NODE_MCPU, false, UINT64_C(2) << 38, UINT64_C(3) << 38},
    [WEFT__REGION_IO_CPU] = {"command processor", WEFT__NODE_IO_CPU, true, 0, UINT64_C(4) << 38},
};
_Static_assert(WEFT__ADDRESS_PES *WEFT__ADDRESS_PE_WINDOW_BYTES == UINT64_C(12) << 38, "what the header says");
#define REGIONS (sizeof layouts / sizeof layouts[0])

uint64_t weft__region_bytes(const weft__graph *graph, weft__region region)
{
    const weft__machine_spec *spec = graph->spec;
    uint64_t around = (uint64_t)spec->system.flit_bytes * spec->cube.hbm.channels;
    uint64_t slice = ((uint64_t)spec->cube.hbm.gib << 30) / graph->pes;
    switch (region) {
    case WEFT__REGION_HBM:
        return slice ? slice - slice % around : 0;
    case WEFT__REGION_TCM:
        return (uint64_t)spec->pe.tcm_kib << 10;
    case WEFT__REGION_SRAM:
        return (uint64_t)spec->cube.sram.mib << 20;
    default:
        return WEFT__ADDRESS_MAILBOX_BYTES;
    }
}

/* From one unit of a region to the next. */
static uint64_t stride_of(const weft__graph *graph, weft__region region)
{
    return region == WEFT__REGION_TCM ? WEFT__ADDRESS_PE_WINDOW_BYTES : weft__region_bytes(graph, region);
}

/* Bytes of a unit that have addresses of their own. */
static uint64_t reachable_bytes(const weft__graph *graph, weft__region region)
{
    uint64_t bytes = weft__region_bytes(graph, region), stride = stride_of(graph, region);
    return bytes < stride ? bytes : stride;
}

static uint32_t units_of(const weft__graph *graph, weft__region region)
{
    return region == WEFT__REGION_HBM || region == WEFT__REGION_TCM ? graph->pes : 1;
}

static weft_status fail_outside(const weft__graph *graph, uint64_t address, const weft__address *parts, weft_error *err)
{
    if (parts->sip >= graph->spec->system.sips)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The address 0x%" PRIx64 " is in SIP %" PRIu32 ", but the machine has %" PRIu32 ".", address,
                          parts->sip, graph->spec->system.sips);
    if (parts->die != WEFT__ADDRESS_IO_DIE && parts->die >= graph->cubes)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The address 0x%" PRIx64 " is in die %" PRIu32 ", but the SIPs of the machine have %" PRIu32
                          " cubes, and die %u is their IO chiplet.",
                          address, parts->die, graph->cubes, WEFT__ADDRESS_IO_DIE);
    return weft__fail(err, WEFT_OUT_OF_RANGE,
                      "The address 0x%" PRIx64 " is at 0x%" PRIx64 " in die %" PRIu32 " of SIP %" PRIu32
                      ", where the machine has nothing.",
                      address, parts->offset, parts->die, parts->sip);
}

/* The region of an offset, or REGIONS if it lies above all. */
static size_t find_region(const weft__address *parts)
{
    bool is_in_io = parts->die == WEFT__ADDRESS_IO_DIE;
    for (size_t i = 0; i < REGIONS; i++)
        if (layouts[i].is_in_io == is_in_io && parts->offset >= layouts[i].first && parts->offset < layouts[i].limit)
            return i;
    return REGIONS;
}

weft_status weft__address_resolve(const weft__graph *graph, uint64_t address, uint64_t bytes, weft__location *out,
                                  weft_error *err)
{
    *out = (weft__location){.node = WEFT__NODE_NONE};
    weft__address parts;
    weft_status status = weft__address_decode(address, &parts, err);
    if (status)
        return status;
    size_t i = find_region(&parts);
    bool is_die = parts.die == WEFT__ADDRESS_IO_DIE || parts.die < graph->cubes;
    if (i == REGIONS || !is_die || parts.sip >= graph->spec->system.sips)
        return fail_outside(graph, address, &parts, err);
    weft__region region = (weft__region)i;
    uint64_t unit_bytes = reachable_bytes(graph, region), stride = stride_of(graph, region);
    uint64_t past = parts.offset - layouts[i].first;
    if (unit_bytes == 0 || past / stride >= units_of(graph, region) || past % stride >= unit_bytes)
        return fail_outside(graph, address, &parts, err);
    weft__location found = {.region = region,
                            .sip = parts.sip,
                            .cube = layouts[i].is_in_io ? 0 : parts.die,
                            .unit = (uint32_t)(past / stride),
                            .offset = past % stride};
    found.node = weft__graph_node(graph, layouts[i].kind, found.sip, found.cube, found.unit);
    if (bytes > unit_bytes - found.offset) {
        char name[WEFT__NODE_NAME_BYTES];
        weft__graph_node_name(graph, found.node, name);
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "%" PRIu64 " bytes from the address 0x%" PRIx64 " on are %" PRIu64
                          " more than are left of the %s of %s.",
                          bytes, address, bytes - (unit_bytes - found.offset), layouts[i].name, name);
    }
    *out = found;
    return WEFT_OK;
}

weft_status weft__address_of(const weft__graph *graph, const weft__location *location, uint64_t *out, weft_error *err)
{
    *out = 0;
    const struct layout *layout = &layouts[location->region];
    uint64_t unit_bytes = reachable_bytes(graph, location->region), stride = stride_of(graph, location->region);
    uint32_t node = weft__graph_node(graph, layout->kind, location->sip, location->cube, location->unit);
    if (unit_bytes == 0 || node == WEFT__NODE_NONE)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The machine has no %s in SIP %" PRIu32 ", cube %" PRIu32 ", unit %" PRIu32 ".", layout->name,
                          location->sip, location->cube, location->unit);
    char name[WEFT__NODE_NAME_BYTES];
    weft__graph_node_name(graph, node, name);
    if (location->offset >= unit_bytes)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The %s of %s has %" PRIu64 " bytes, so that there is none at %" PRIu64 ".", layout->name,
                          name, unit_bytes, location->offset);
    uint64_t offset = layout->first + location->unit * stride + location->offset;
    if (offset >= layout->limit || (!layout->is_in_io && location->cube >= WEFT__ADDRESS_CUBES))
        return weft__fail(err, WEFT_OUT_OF_RANGE, "Byte %" PRIu64 " of the %s of %s is beyond what has addresses.",
                          location->offset, layout->name, name);
    weft__address parts = {location->sip, layout->is_in_io ? WEFT__ADDRESS_IO_DIE : location->cube, offset};
    return weft__address_encode(&parts, out, err);
}

uint32_t weft__address_channel(const weft__machine_spec *spec, uint64_t address)
{
    return (uint32_t)(address >> __builtin_ctz(spec->system.flit_bytes)) & (spec->cube.hbm.channels - 1);
}
