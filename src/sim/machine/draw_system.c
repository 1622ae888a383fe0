/* The system: the host, the switch below it, the SIPs below that, and the links between SIPs. */
#include <stdlib.h>

#include "sim/machine/draw_impl.h"

enum {
    SIP_WIDTH = 92,
    SIP_HEADER = 24, /* the name, above the cubes */
    SIP_MARGIN = 10,
    CUBE_STEP = 10, /* of the little cubes */
    CUBE_SIDE = 8,
    HOST_WIDTH = 76,
    BAR_HEIGHT = 26,
    HOST_LINK = 34,
    TRACK = 6,       /* between parallel lines */
    WRAP_REACH = 10, /* how far a line that goes round stays away from SIPs */
    KEY_LINE = 18
};

/* Where SIPs stand. A ring goes there and back in two rows, so that its last stands near its first. */
typedef struct plan {
    const weft__machine_spec *spec;
    const weft__graph *graph;
    int rows, columns;
    int sip_height;
    int step_x, step_y; /* from SIP to SIP */
    int first_x, first_y;
} plan;

static int int_of(uint32_t value)
{
    return (int)value;
}

static void choose_grid(plan *it)
{
    int sips = int_of(it->spec->system.sips);
    switch (it->spec->system.fabric) {
    case WEFT__SIPS_TORUS:
    case WEFT__SIPS_MESH:
        it->rows = int_of(it->spec->system.rows);
        it->columns = int_of(it->spec->system.columns);
        return;
    case WEFT__SIPS_RING:
        it->rows = sips > 3 ? 2 : 1;
        break;
    case WEFT__SIPS_SWITCH:
        it->rows = (sips + 3) / 4;
        break;
    }
    it->columns = (sips + it->rows - 1) / it->rows;
}

static weft__place place_of(const plan *it, uint32_t sip)
{
    uint32_t columns = (uint32_t)it->columns;
    if (it->spec->system.fabric == WEFT__SIPS_RING && sip >= columns)
        return (weft__place){1, it->spec->system.sips - 1 - sip};
    return (weft__place){sip / columns, sip % columns};
}

static weft__box box_of(const plan *it, uint32_t sip)
{
    weft__place place = place_of(it, sip);
    return (weft__box){it->first_x + int_of(place.column) * it->step_x, it->first_y + int_of(place.row) * it->step_y,
                       SIP_WIDTH, it->sip_height};
}

static void make_plan(plan *it)
{
    choose_grid(it);
    int along = it->spec->sip.io.side == WEFT__NORTH || it->spec->sip.io.side == WEFT__SOUTH ? CUBE_STEP : 0;
    it->sip_height = SIP_HEADER + int_of(it->spec->sip.rows) * CUBE_STEP + along + SIP_MARGIN;
    bool has_fabric = it->spec->system.fabric != WEFT__SIPS_SWITCH;
    /* Between columns lie the lines from the switch to the lower rows, and those that go round. */
    int channel = (it->rows - 1) * TRACK + WRAP_REACH + (has_fabric ? 3 * WRAP_REACH : WRAP_REACH);
    it->step_x = SIP_WIDTH + (channel < 40 ? 40 : channel);
    it->step_y = it->sip_height + (has_fabric ? 56 : 36);
    it->first_x = channel;
    it->first_y = BAR_HEIGHT + HOST_LINK + BAR_HEIGHT + 40;
}

/* The cubes of a SIP in little, and its IO chiplet as a bar on their side. */
static void put_cubes(const plan *it, weft__svg *svg, weft__box sip)
{
    const weft__sip_spec *spec = &it->spec->sip;
    int rows = int_of(spec->rows), columns = int_of(spec->columns), step = CUBE_STEP;
    while (columns * step > SIP_WIDTH - 24)
        step--;
    int width = columns * step - 2, height = rows * CUBE_STEP - 2;
    int x = sip.x + (SIP_WIDTH - width) / 2 + (spec->io.side == WEFT__WEST ? 3 : spec->io.side == WEFT__EAST ? -3 : 0);
    int y = sip.y + SIP_HEADER + (spec->io.side == WEFT__NORTH ? CUBE_STEP : 0);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            weft__svg_box(svg, "pe", (weft__box){x + column * step, y + row * CUBE_STEP, step - 2, CUBE_SIDE});
    const weft__box bars[WEFT__SIDES] = {[WEFT__NORTH] = {x, y - 7, width, 4},
                                         [WEFT__EAST] = {x + width + 3, y, 4, height},
                                         [WEFT__SOUTH] = {x, y + height + 3, width, 4},
                                         [WEFT__WEST] = {x - 7, y, 4, height}};
    weft__svg_box(svg, "control", bars[spec->io.side]);
}

static void put_sip(const plan *it, weft__panel *panel, uint32_t sip)
{
    weft__label name = weft__label_of("sip%u", (unsigned)sip);
    weft__box box = box_of(it, sip);
    weft__svg_begin(&panel->svg, name.text, name.text);
    weft__svg_box(&panel->svg, "chiplet", box);
    weft__svg_text(&panel->svg, WEFT__TEXT_NAME, WEFT__MIDDLE, box.x + SIP_WIDTH / 2, box.y + 16, name.text);
    put_cubes(it, &panel->svg, box);
    weft__svg_end(&panel->svg);
    weft__panel_include(panel, box);
}

/* From the switch: straight down to the first row, and to the left of its column to the others. */
static void put_switch_link(const plan *it, weft__svg *svg, uint32_t sip, int bar_bottom)
{
    weft__box box = box_of(it, sip);
    int row = int_of(place_of(it, sip).row), x = box.x + 18;
    if (row == 0) {
        weft__svg_line(svg, "part-link", x, bar_bottom, x, box.y);
        return;
    }
    int channel = box.x - 2 * WRAP_REACH - (row - 1) * TRACK;
    weft__svg_put(svg, "<path class=\"part-link\" d=\"M%d %dV%dH%dV%d\"/>\n", channel, bar_bottom, box.y - 14, x,
                  box.y);
}

/* Between SIPs that stand side by side straight; otherwise below the row, or to the right of the column. */
static void put_sip_link(const plan *it, weft__panel *panel, uint32_t a, uint32_t b)
{
    weft__place from = place_of(it, a), to = place_of(it, b);
    if (from.row > to.row || (from.row == to.row && from.column > to.column)) {
        weft__place swapped = from;
        from = to;
        to = swapped;
        uint32_t other = a;
        a = b;
        b = other;
    }
    weft__box first = box_of(it, a), last = box_of(it, b);
    int height = it->sip_height, middle = height / 2, center = SIP_WIDTH / 2 + 12;
    weft__label path;
    if (from.row == to.row && to.column == from.column + 1) {
        path = weft__label_of("M%d %dH%d", first.x + SIP_WIDTH, first.y + middle, last.x);
    } else if (from.row == to.row) {
        int low = first.y + height + WRAP_REACH;
        path = weft__label_of("M%d %dH%dV%dH%dV%dH%d", first.x, first.y + middle + 10, first.x - WRAP_REACH, low,
                              last.x + SIP_WIDTH + WRAP_REACH, last.y + middle + 10, last.x + SIP_WIDTH);
        weft__panel_include(panel, (weft__box){last.x + SIP_WIDTH, low, WRAP_REACH + 2, 2});
    } else if (from.column == to.column && to.row == from.row + 1) {
        path = weft__label_of("M%d %dV%d", first.x + center, first.y + height, last.y);
    } else if (from.column == to.column) {
        int right = first.x + SIP_WIDTH + WRAP_REACH + TRACK;
        path = weft__label_of("M%d %dH%dV%dH%d", first.x + SIP_WIDTH, first.y + middle - 10, right,
                              last.y + middle - 10, last.x + SIP_WIDTH);
        weft__panel_include(panel, (weft__box){right, last.y, 2, 2});
    } else {
        bool is_left = to.column < from.column;
        path = weft__label_of("M%d %dV%dH%d", first.x + center, first.y + height, last.y + middle,
                              is_left ? last.x + SIP_WIDTH : last.x);
    }
    weft__svg_put(&panel->svg, "<path class=\"sip-link\" d=\"%s\"/>\n", path.text);
}

/* Links from SIP to SIP, each pair of directions once. */
static unsigned put_sip_links(const plan *it, weft__panel *panel)
{
    unsigned links = 0;
    for (uint32_t i = 0; i < it->graph->link_count; i += 2) {
        const weft__node *from = &it->graph->nodes[it->graph->links[i].from];
        const weft__node *to = &it->graph->nodes[it->graph->links[i].to];
        if (from->kind != WEFT__NODE_IO_NOC || to->kind != WEFT__NODE_IO_NOC)
            continue;
        weft__svg_begin(&panel->svg, weft__label_of("sip%u-sip%u", from->sip, to->sip).text,
                        weft__label_of("sip%u to sip%u", from->sip, to->sip).text);
        put_sip_link(it, panel, from->sip, to->sip);
        weft__svg_end(&panel->svg);
        links++;
    }
    return links;
}

/* Host and switch. Gives where the switch ends. */
static int put_host(const plan *it, weft__panel *panel)
{
    weft__svg *svg = &panel->svg;
    weft__box host = {it->first_x, 0, HOST_WIDTH, BAR_HEIGHT};
    int bar_y = BAR_HEIGHT + HOST_LINK, x = host.x + HOST_WIDTH / 2;
    int width = (it->columns - 1) * it->step_x + SIP_WIDTH;
    weft__box bar = {0, bar_y, it->first_x + width, BAR_HEIGHT};
    weft__svg_line(svg, "part-link", x, BAR_HEIGHT, x, bar_y);
    weft__label link = weft__label_of("%s GB/s, %s mm", weft__number(it->spec->host.link_gbs).text,
                                      weft__number(it->spec->host.link_mm).text);
    weft__svg_text(svg, WEFT__TEXT_NOTE, WEFT__START, x + 8, BAR_HEIGHT + 21, link.text);
    weft__panel_include(panel, (weft__box){x + 8, 0, weft__text_width(WEFT__TEXT_NOTE, link.text), 1});
    weft__svg_begin(svg, "host", "host");
    weft__svg_box(svg, "control", host);
    weft__svg_text_in(svg, WEFT__TEXT_NAME, host, "host");
    weft__svg_end(svg);
    weft__svg_begin(svg, "switch", "switch");
    weft__svg_box(svg, "router", bar);
    weft__svg_text_in(svg, WEFT__TEXT_NAME, bar, "switch");
    weft__svg_end(svg);
    weft__panel_include(panel, bar);
    return bar.y + BAR_HEIGHT;
}

static void put_key_line(const plan *it, weft__panel *panel, const char *look, const char *what)
{
    int y = panel->height + KEY_LINE;
    weft__label text =
        weft__label_of("%s: %s GB/s in each direction, %s mm", what, weft__number(it->spec->system.link_gbs).text,
                       weft__number(it->spec->system.link_mm).text);
    weft__svg_line(&panel->svg, look, 0, y - 4, 24, y - 4);
    weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__START, 32, y, text.text);
    weft__panel_include(panel, (weft__box){32, y, weft__text_width(WEFT__TEXT_NOTE, text.text), 2});
}

static void put_facts(const weft__machine_spec *spec, uint32_t pes, weft__panel *panel)
{
    static const char *const fabrics[] = {"joined by the switch alone", "in a ring", "in a torus of", "in a mesh of"};
    uint64_t cubes = (uint64_t)spec->system.sips * spec->sip.rows * spec->sip.columns;
    const char *sips = spec->system.sips == 1 ? "SIP" : "SIPs";
    if (spec->system.fabric == WEFT__SIPS_TORUS || spec->system.fabric == WEFT__SIPS_MESH)
        weft__panel_fact(panel, "%u %s %s %u \xc3\x97 %u", spec->system.sips, sips, fabrics[spec->system.fabric],
                         spec->system.rows, spec->system.columns);
    else
        weft__panel_fact(panel, "%u %s%s%s", spec->system.sips, sips, spec->system.sips > 1 ? " " : "",
                         spec->system.sips > 1 ? fabrics[spec->system.fabric] : "");
    weft__panel_fact(panel, "%s %s", weft__number((double)cubes).text, cubes == 1 ? "cube" : "cubes");
    weft__panel_fact(panel, "%s %s", weft__number((double)cubes * pes).text, cubes * pes == 1 ? "PE" : "PEs");
    if (spec->cube.hbm.gib)
        weft__panel_fact(panel, "HBM %s GiB", weft__number((double)cubes * spec->cube.hbm.gib).text);
    weft__panel_fact(panel, "flits of %u B", spec->system.flit_bytes);
    weft__panel_fact(panel, "%s ns per mm of wire", weft__number(spec->system.ns_per_mm).text);
    weft__panel_fact(panel, "switch %s ns", weft__number(spec->system.switch_overhead_ns).text);
}

/* All the SIPs, each as small as a graph can make it. */
static weft_status create_graph(const weft__machine_spec *spec, weft__machine_spec *reduced, weft__graph **out,
                                weft_error *err)
{
    *reduced = *spec;
    reduced->sip.rows = reduced->sip.columns = 1;
    reduced->cube.rows = reduced->cube.columns = 1;
    reduced->cube.hole_count = reduced->cube.pe_count = 0;
    reduced->cube.sram.at = reduced->cube.mcpu.at = (weft__place){0, 0};
    reduced->cube.ucie.connections = 1;
    return weft__graph_create(reduced, out, err);
}

weft_status weft__draw_system(const weft__machine_spec *spec, weft__panel *panel, weft_error *err)
{
    weft__machine_spec reduced;
    weft__graph *graph;
    weft_status status = create_graph(spec, &reduced, &graph, err);
    if (status != WEFT_OK)
        return status;
    plan it = {.spec = spec, .graph = graph};
    make_plan(&it);
    int bar_bottom = put_host(&it, panel);
    for (uint32_t sip = 0; sip < spec->system.sips; sip++)
        put_switch_link(&it, &panel->svg, sip, bar_bottom);
    unsigned links = put_sip_links(&it, panel);
    for (uint32_t sip = 0; sip < spec->system.sips; sip++)
        put_sip(&it, panel, sip);
    put_key_line(&it, panel, "part-link", "switch to SIP");
    if (links)
        put_key_line(&it, panel, "sip-link", "SIP to SIP");
    weft__graph_destroy(graph);

    uint32_t routers = spec->cube.rows * spec->cube.columns - spec->cube.hole_count;
    put_facts(spec, spec->cube.pe_count ? spec->cube.pe_count : routers, panel);
    return WEFT_OK;
}
