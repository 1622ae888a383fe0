#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/machine/draw.h"
#include "sim/machine/load.h"
#include "sim/machine/machine.h"
#include "sim/machine/places.h"
#include "sim/machine/schema.h"

weft_status weft_machine_open(const char *path, const weft_machine_setting *settings, size_t count, weft_machine **out,
                              weft_error *err)
{
    *out = NULL;
    weft_machine *machine = calloc(1, sizeof *machine);
    if (!machine)
        return weft__fail_memory(err, sizeof *machine, "a machine");
    weft_status status = weft__machine_load(path, settings, count, &machine->spec, err);
    if (status == WEFT_OK)
        status = weft__graph_create(machine->spec, &machine->graph, err);
    if (status != WEFT_OK) {
        weft_machine_close(machine);
        return status;
    }
    *out = machine;
    return WEFT_OK;
}

void weft_machine_close(weft_machine *machine)
{
    if (!machine)
        return;
    weft__graph_destroy(machine->graph);
    weft__machine_spec_destroy(machine->spec);
    free(machine);
}

void weft_machine_get_info(const weft_machine *machine, weft_machine_info *out)
{
    const weft__machine_spec *spec = machine->spec;
    const weft__graph *graph = machine->graph;
    *out = (weft_machine_info){
        .name = spec->name,
        .sips = spec->system.sips,
        .cube_rows = spec->sip.rows,
        .cube_columns = spec->sip.columns,
        .router_rows = spec->cube.rows,
        .router_columns = spec->cube.columns,
        .routers = graph->routers,
        .pes = graph->pes,
        .ucie_connections = spec->cube.ucie.connections,
        .nodes = graph->node_count,
        .links = graph->link_count,
        .hbm_bytes = (uint64_t)spec->cube.hbm.gib << 30,
        .hbm_gbs = spec->cube.hbm.gib ? spec->cube.hbm.channels * spec->cube.hbm.channel_gbs : 0,
        .link_gbs = spec->cube.link_gbs,
        .ucie_gbs = spec->cube.ucie.gbs,
        .pe_gflops = 2 * spec->pe.gemm.macs_f32 * spec->pe.clock_ghz,
        .tcm_bytes = (uint64_t)spec->pe.tcm_kib << 10,
        .flit_bytes = spec->system.flit_bytes,
    };
}

static weft__area describe_inner(const weft__graph *graph, size_t index, weft_machine_region *out)
{
    uint32_t sip = (uint32_t)(index / (graph->cubes + 1)), inner = (uint32_t)(index % (graph->cubes + 1));
    bool is_io = inner == graph->cubes;
    out->kind = is_io ? "io" : "cube";
    if (is_io)
        (void)snprintf(out->name, sizeof out->name, "sip%" PRIu32 ".io", sip);
    else
        (void)snprintf(out->name, sizeof out->name, "sip%" PRIu32 ".cube%" PRIu32, sip, inner);
    return is_io ? weft__area_of_io(graph, sip) : weft__area_of_cube(graph, sip, inner);
}

bool weft_machine_region_at(const weft_machine *machine, size_t index, weft_machine_region *out)
{
    const weft__graph *graph = machine->graph;
    uint32_t sips = graph->spec->system.sips;
    *out = (weft_machine_region){.kind = "sip"};
    if (index >= sips + (size_t)sips * (graph->cubes + 1))
        return false;
    weft__area area;
    if (index < sips) {
        (void)snprintf(out->name, sizeof out->name, "sip%zu", index);
        area = weft__area_of_sip(graph, (uint32_t)index);
    } else {
        area = describe_inner(graph, index - sips, out);
    }
    out->x = area.x;
    out->y = area.y;
    out->width = area.width;
    out->height = area.height;
    return true;
}

bool weft_machine_key_at(size_t index, weft_machine_key *out)
{
    _Static_assert(WEFT_MACHINE_KEY_BYTES >= WEFT__KEY_TEXT_BYTES, "the texts of a key must fit");
    const weft__machine_key *key = weft__machine_key_at(index);
    if (!key)
        return false;
    *out = (weft_machine_key){
        .path = key->path, .help = key->help, .unit = key->unit, .is_group = key->kind == WEFT__KEY_GROUP};
    if (!out->is_group) {
        (void)weft__machine_key_expected(key, out->expected);
        (void)weft__machine_key_standard(key, out->standard);
    }
    return true;
}

weft_status weft_machine_get_number(const weft_machine *machine, const char *path, double *out, weft_error *err)
{
    *out = 0;
    size_t index = weft__machine_key_find(path);
    if (index == SIZE_MAX)
        return weft__fail(err, WEFT_NOT_FOUND, "There is no key '%.64s'; the nearest is '%s'.", path,
                          weft__machine_key_nearest(NULL, path));
    const weft__machine_key *key = weft__machine_key_at(index);
    const void *value = (const char *)machine->spec + key->offset;
    if (key->kind == WEFT__KEY_NUMBER)
        *out = *(const double *)value;
    else if (key->kind == WEFT__KEY_COUNT)
        *out = *(const uint32_t *)value;
    else
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Key '%s' is not a number.", path);
    return WEFT_OK;
}

weft_status weft_machine_draw(const weft_machine *machine, const char *view, const char *theme, char **out_svg,
                              size_t *out_bytes, weft_error *err)
{
    *out_svg = NULL;
    *out_bytes = 0;
    weft__draw_options options;
    weft_status status = weft__draw_view_find(view ? view : "all", &options.view, err);
    if (status == WEFT_OK)
        status = weft__draw_theme_find(theme ? theme : "auto", &options.theme, err);
    return status == WEFT_OK ? weft__machine_draw(machine->spec, &options, out_svg, out_bytes, err) : status;
}

void weft_machine_free_text(char *text)
{
    free(text);
}
