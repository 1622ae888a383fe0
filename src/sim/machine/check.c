#include "sim/machine/check.h"

#include <stdlib.h>
#include <string.h>

#include "sim/machine/address.h"
#include "sim/machine/schema.h"

#define CUBES_MAX 16u /* dies 0 to 15 of an address are cubes */
#define ROUTERS_MAX 65536u
#define GRID_MAX WEFT__MACHINE_GRID_MAX
#define GIB ((uint64_t)1 << 30)
#define SLOT_ALIGNMENT 64u

static bool is_inside(const weft__cube_spec *cube, weft__place place)
{
    return place.row < cube->rows && place.column < cube->columns;
}

static bool is_in(const weft__place *places, uint32_t count, weft__place place)
{
    for (uint32_t i = 0; i < count; i++)
        if (places[i].row == place.row && places[i].column == place.column)
            return true;
    return false;
}

static bool has_router(const weft__cube_spec *cube, weft__place place)
{
    return is_inside(cube, place) && !is_in(cube->holes, cube->hole_count, place);
}

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static weft_status add_all_routers(weft__cube_spec *cube, weft_error *err)
{
    size_t bytes = (size_t)cube->rows * cube->columns * sizeof *cube->pes;
    cube->pes = malloc(bytes);
    if (!cube->pes)
        return weft__fail_memory(err, bytes, "the places of PEs");
    for (uint32_t row = 0; row < cube->rows; row++)
        for (uint32_t column = 0; column < cube->columns; column++)
            if (has_router(cube, (weft__place){row, column}))
                cube->pes[cube->pe_count++] = (weft__place){row, column};
    return WEFT_OK;
}

weft_status weft__machine_complete(weft__machine_spec *spec, weft_error *err)
{
    weft__system_spec *system = &spec->system;
    bool has_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    if (has_grid && system->rows == 0 && system->columns == 0)
        for (uint32_t side = 1; side * side <= system->sips; side++)
            if (side * side == system->sips)
                system->rows = system->columns = side;
    return spec->cube.pe_count == 0 ? add_all_routers(&spec->cube, err) : WEFT_OK;
}

typedef struct judged {
    const weft__machine_spec *spec;
    uint32_t element;
    weft_error *err;
} judged;

static weft_status check_cube_count(judged *it)
{
    const weft__sip_spec *sip = &it->spec->sip;
    if (sip->rows * sip->columns <= CUBES_MAX)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE,
                      "sip.rows %u times sip.columns %u are %u cubes, but an address holds %u cubes of a SIP at most.",
                      sip->rows, sip->columns, sip->rows * sip->columns, CUBES_MAX);
}

static weft_status check_router_count(judged *it)
{
    const weft__machine_spec *spec = it->spec;
    uint32_t cubes = spec->system.sips * spec->sip.rows * spec->sip.columns;
    uint32_t routers = cubes * spec->cube.rows * spec->cube.columns;
    if (routers <= ROUTERS_MAX)
        return WEFT_OK;
    return weft__fail(
        it->err, WEFT_PARSE,
        "cube.rows %u times cube.columns %u in each of %u cubes are %u places for routers, the limit is %u.",
        spec->cube.rows, spec->cube.columns, cubes, routers, ROUTERS_MAX);
}

static weft_status check_sip_grid(judged *it)
{
    const weft__system_spec *system = &it->spec->system;
    bool has_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    if (!has_grid || system->rows * system->columns == system->sips)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE,
                      "A torus or mesh of SIPs needs system.rows %u times system.columns %u to be system.sips %u%s.",
                      system->rows, system->columns, system->sips,
                      system->rows || system->columns ? "" : ", which is no square that would do without them");
}

static weft_status check_power(judged *it, const char *key, uint32_t value)
{
    if (is_power_of_two(value))
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE, "%s is %u, which must be a power of two.", key, value);
}

static weft_status check_flit(judged *it)
{
    return check_power(it, "system.flit_bytes", it->spec->system.flit_bytes);
}

static weft_status check_channels(judged *it)
{
    return check_power(it, "cube.hbm.channels", it->spec->cube.hbm.channels);
}

static weft_status check_pages(judged *it)
{
    return check_power(it, "pe.mmu.page_kib", it->spec->pe.mmu.page_kib);
}

static weft_status check_banks(judged *it)
{
    uint32_t banks = it->spec->pe.tcm.banks;
    return banks > 0 ? check_power(it, "pe.tcm.banks", banks) : WEFT_OK;
}

static weft_status check_bank_bytes(judged *it)
{
    return check_power(it, "pe.tcm.bank_bytes", it->spec->pe.tcm.bank_bytes);
}

static weft_status check_scratch(judged *it)
{
    const weft__pe_spec *pe = &it->spec->pe;
    if (pe->scratch_kib <= pe->tcm_kib)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE, "pe.scratch_kib %u is more than pe.tcm_kib %u has.", pe->scratch_kib,
                      pe->tcm_kib);
}

static weft_status check_slots(judged *it)
{
    uint32_t bytes = it->spec->pe.ipcq.slot_bytes;
    if (bytes % SLOT_ALIGNMENT == 0)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE, "pe.ipcq.slot_bytes is %u, which must be a multiple of %u.", bytes,
                      SLOT_ALIGNMENT);
}

static weft_status check_slot_memory(judged *it)
{
    const weft__machine_spec *spec = it->spec;
    if (spec->pe.ipcq.memory == WEFT__SLOTS_SRAM && spec->cube.sram.mib == 0)
        return weft__fail(it->err, WEFT_PARSE, "pe.ipcq.memory is sram, but with cube.sram.mib 0 there is none.");
    if (spec->pe.ipcq.memory == WEFT__SLOTS_HBM && spec->cube.hbm.gib == 0)
        return weft__fail(it->err, WEFT_PARSE, "pe.ipcq.memory is hbm, but with cube.hbm.gib 0 there is none.");
    return WEFT_OK;
}

static weft_status check_holes(judged *it)
{
    const weft__cube_spec *cube = &it->spec->cube;
    for (uint32_t i = 0; i < cube->hole_count; i++) {
        weft__place hole = cube->holes[i];
        it->element = i;
        if (!is_inside(cube, hole))
            return weft__fail(it->err, WEFT_PARSE,
                              "cube.holes[%u] is [%u, %u], outside of the grid of %u x %u routers.", i, hole.row,
                              hole.column, cube->rows, cube->columns);
        if (is_in(cube->holes, i, hole))
            return weft__fail(it->err, WEFT_PARSE, "cube.holes[%u] is [%u, %u], which is a hole already.", i, hole.row,
                              hole.column);
    }
    it->element = WEFT__ELEMENT_NONE;
    if (cube->hole_count < cube->rows * cube->columns)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE, "cube.holes leaves no router in the grid of %u x %u.", cube->rows,
                      cube->columns);
}

/* Why nothing can be attached at a place, or NULL. */
static const char *why_no_router(const weft__cube_spec *cube, weft__place place)
{
    if (!is_inside(cube, place))
        return "outside of the grid";
    return has_router(cube, place) ? NULL : "which is a hole";
}

static weft_status check_pes(judged *it)
{
    const weft__cube_spec *cube = &it->spec->cube;
    for (uint32_t i = 0; i < cube->pe_count; i++) {
        weft__place pe = cube->pes[i];
        const char *why = why_no_router(cube, pe);
        it->element = i;
        if (!why && is_in(cube->pes, i, pe))
            why = "where another PE is already";
        if (why)
            return weft__fail(it->err, WEFT_PARSE, "cube.pes[%u] is [%u, %u], %s; the grid has %u x %u routers.", i,
                              pe.row, pe.column, why, cube->rows, cube->columns);
    }
    it->element = WEFT__ELEMENT_NONE;
    return WEFT_OK;
}

static weft_status check_pe_count(judged *it)
{
    uint32_t count = it->spec->cube.pe_count;
    if (count <= WEFT__ADDRESS_PES)
        return WEFT_OK;
    return weft__fail(
        it->err, WEFT_PARSE,
        "cube.pes are %u PEs, of all routers if it is not given, but an address holds %u PEs of a cube at "
        "most: name fewer of them in cube.pes.",
        count, WEFT__ADDRESS_PES);
}

static weft_status check_attached(judged *it, const char *key, weft__place place)
{
    const weft__cube_spec *cube = &it->spec->cube;
    const char *why = why_no_router(cube, place);
    if (!why)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE, "%s is [%u, %u], %s; the grid has %u x %u routers.", key, place.row,
                      place.column, why, cube->rows, cube->columns);
}

static weft_status check_mcpu(judged *it)
{
    return check_attached(it, "cube.mcpu.at", it->spec->cube.mcpu.at);
}

static weft_status check_sram(judged *it)
{
    const weft__sram_spec *sram = &it->spec->cube.sram;
    return sram->mib > 0 ? check_attached(it, "cube.sram.at", sram->at) : WEFT_OK;
}

/* Whether some cube has a neighbour on that side, or the IO chiplet. */
static bool is_side_used(const weft__sip_spec *sip, weft__side side)
{
    bool is_row = side == WEFT__NORTH || side == WEFT__SOUTH;
    return sip->io.side == side || (is_row ? sip->rows : sip->columns) > 1;
}

/* Connections of a side sit at the middle routers of its edge. */
static weft_status check_side(judged *it, weft__side side)
{
    const weft__cube_spec *cube = &it->spec->cube;
    uint32_t connections = cube->ucie.connections;
    bool is_row = side == WEFT__NORTH || side == WEFT__SOUTH;
    uint32_t extent = is_row ? cube->columns : cube->rows;
    if (connections > extent)
        return weft__fail(it->err, WEFT_PARSE,
                          "cube.ucie.connections is %u, more than the %u places on the %s side of the grid.",
                          connections, extent, weft__side_name(side));
    for (uint32_t i = 0; i < connections; i++) {
        uint32_t along = (extent - connections) / 2 + i;
        uint32_t across = side == WEFT__NORTH || side == WEFT__WEST ? 0 : (is_row ? cube->rows : cube->columns) - 1;
        weft__place place = is_row ? (weft__place){across, along} : (weft__place){along, across};
        if (!has_router(cube, place))
            return weft__fail(it->err, WEFT_PARSE,
                              "cube.ucie.connections is %u, but connection %u of the %s side needs the router at "
                              "[%u, %u], which is a hole.",
                              connections, i, weft__side_name(side), place.row, place.column);
    }
    return WEFT_OK;
}

static weft_status check_connections(judged *it)
{
    weft_status status = WEFT_OK;
    for (uint32_t side = 0; side < WEFT__SIDES && status == WEFT_OK; side++)
        if (is_side_used(&it->spec->sip, (weft__side)side))
            status = check_side(it, (weft__side)side);
    return status;
}

static weft_status check_alone(judged *it)
{
    const weft__machine_spec *spec = it->spec;
    uint32_t cubes = spec->system.sips * spec->sip.rows * spec->sip.columns;
    if (spec->cube.ucie.connections > 0 || cubes == 1)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE,
                      "cube.ucie.connections is 0, which leaves the PEs of %u cubes unable to reach one another.",
                      cubes);
}

/* Marks every router that can be reached from `start`, row by row of at most GRID_MAX. */
static void reach(const weft__cube_spec *cube, weft__place start, bool *is_closed)
{
    weft__place waiting[GRID_MAX * GRID_MAX];
    uint32_t count = 0;
    waiting[count++] = start;
    is_closed[start.row * GRID_MAX + start.column] = true;
    while (count > 0) {
        weft__place at = waiting[--count];
        const weft__place next[] = {
            {at.row - 1, at.column}, {at.row + 1, at.column}, {at.row, at.column - 1}, {at.row, at.column + 1}};
        for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
            /* One less than 0 is a large number, which is not inside either. */
            if (!is_inside(cube, next[i]) || is_closed[next[i].row * GRID_MAX + next[i].column])
                continue;
            is_closed[next[i].row * GRID_MAX + next[i].column] = true;
            waiting[count++] = next[i];
        }
    }
}

static weft_status check_connected(judged *it)
{
    const weft__cube_spec *cube = &it->spec->cube;
    weft__place start = cube->pes[0];
    bool is_closed[GRID_MAX * GRID_MAX] = {false}; /* a hole, or reached */
    for (uint32_t i = 0; i < cube->hole_count; i++)
        is_closed[cube->holes[i].row * GRID_MAX + cube->holes[i].column] = true;
    reach(cube, start, is_closed);
    for (uint32_t row = 0; row < cube->rows; row++)
        for (uint32_t column = 0; column < cube->columns; column++)
            if (!is_closed[row * GRID_MAX + column])
                return weft__fail(it->err, WEFT_PARSE,
                                  "cube.holes cuts the router at [%u, %u] off from PE 0 at [%u, %u].", row, column,
                                  start.row, start.column);
    return WEFT_OK;
}

static weft_status check_flow(judged *it, const char *group, const weft__flow_control *flow)
{
    if (flow->buffer_flits == 0 || flow->vcs > 0)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE,
                      "%s.vcs is 0, but with %s.buffer_flits %u there must be at least 1 virtual channel.", group,
                      group, flow->buffer_flits);
}

static weft_status check_cube_flow(judged *it)
{
    return check_flow(it, "cube", &it->spec->cube.flow);
}

static weft_status check_ucie_flow(judged *it)
{
    return check_flow(it, "cube.ucie", &it->spec->cube.ucie.flow);
}

static weft_status check_slices(judged *it)
{
    const weft__cube_spec *cube = &it->spec->cube;
    uint64_t bytes = cube->hbm.gib * GIB;
    uint32_t flit = it->spec->system.flit_bytes;
    if (bytes % cube->pe_count == 0 && bytes / cube->pe_count % flit == 0)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_PARSE,
                      "cube.hbm.gib %u cannot be divided among %u PEs into slices of whole bursts of %u bytes.",
                      cube->hbm.gib, cube->pe_count, flit);
}

#define RULE(check, ...)                                                                                               \
    {                                                                                                                  \
        check,                                                                                                         \
        {                                                                                                              \
            __VA_ARGS__, NULL                                                                                          \
        }                                                                                                              \
    }
#define GRID "cube.rows", "cube.columns"

/* In an order in which each may rely on those before it. */
static const struct rule {
    weft_status (*check)(judged *it);
    const char *keys[WEFT__RULE_KEYS_MAX];
} rules[] = {
    RULE(check_cube_count, "sip.rows", "sip.columns"),
    RULE(check_router_count, GRID, "system.sips", "sip.rows", "sip.columns"),
    RULE(check_sip_grid, "system.rows", "system.columns", "system.fabric", "system.sips"),
    RULE(check_flit, "system.flit_bytes"),
    RULE(check_holes, "cube.holes", GRID),
    RULE(check_pe_count, "cube.pes", "cube.holes", GRID),
    RULE(check_pes, "cube.pes", "cube.holes", GRID),
    RULE(check_connected, "cube.holes", "cube.pes", GRID),
    RULE(check_mcpu, "cube.mcpu.at", "cube.holes", GRID),
    RULE(check_sram, "cube.sram.at", "cube.holes", GRID),
    RULE(check_connections, "cube.ucie.connections", "cube.holes", GRID),
    RULE(check_alone, "cube.ucie.connections", "system.sips", "sip.rows", "sip.columns"),
    RULE(check_cube_flow, "cube.vcs", "cube.buffer_flits"),
    RULE(check_ucie_flow, "cube.ucie.vcs", "cube.ucie.buffer_flits"),
    RULE(check_channels, "cube.hbm.channels"),
    RULE(check_slices, "cube.hbm.gib", "cube.pes", "cube.holes", GRID),
    RULE(check_pages, "pe.mmu.page_kib"),
    RULE(check_banks, "pe.tcm.banks"),
    RULE(check_bank_bytes, "pe.tcm.bank_bytes"),
    RULE(check_scratch, "pe.scratch_kib", "pe.tcm_kib"),
    RULE(check_slots, "pe.ipcq.slot_bytes"),
    RULE(check_slot_memory, "pe.ipcq.memory", "cube.sram.mib", "cube.hbm.gib"),
};

weft_status weft__machine_check(const weft__machine_spec *spec, weft__machine_blame *blame, weft_error *err)
{
    judged it = {spec, WEFT__ELEMENT_NONE, err};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        weft_status status = rules[i].check(&it);
        if (status != WEFT_OK) {
            *blame = (weft__machine_blame){rules[i].keys, it.element};
            return status;
        }
    }
    return WEFT_OK;
}
