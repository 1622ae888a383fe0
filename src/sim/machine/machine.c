#include <stdlib.h>

#include "sim/machine/draw.h"
#include "sim/machine/load.h"
#include "sim/machine/machine.h"
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
        .tcm_bytes = (uint64_t)spec->pe.tcm_kib << 10,
        .flit_bytes = spec->system.flit_bytes,
    };
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
