/* A PE with its slice of the HBM, and the router that both are attached to. */
#include "sim/machine/draw_impl.h"

enum {
    PAD = 14,    /* around parts, and around what they say */
    LINE = 15,   /* from line to line of what they say */
    HEADER = 26, /* of an outline, with its name */
    GAP = 24,    /* between the two outlines */
    ROUTER_WIDTH = 64,
    ROUTER_HEIGHT = 48,
    TRACK = 8, /* between the lines from the router */
    INNER_GAP = 40,
    CHANNEL_WIDTH = 30,
    CHANNEL_HEIGHT = 24,
    CHANNELS_IN_ROW = 8
};

#define LINES_MAX 3u

typedef struct part {
    const char *id, *node, *look, *name;
    weft__label lines[LINES_MAX];
    unsigned line_count;
    weft__box box;
} part;

typedef struct plan {
    const weft__machine_spec *spec;
    weft__label router;
    part dma, cpu, tcm, controller;
    weft__box pe, hbm, channels; /* two outlines, and the grid of pseudo-channels; hbm is empty if there is none */
    int router_y;                /* the middle of the router */
} plan;

static void say(part *it, weft__label line)
{
    it->lines[it->line_count++] = line;
}

static weft__label count_of(uint32_t count, const char *what)
{
    return weft__label_of("%u %s%s", count, what, count == 1 ? "" : "s");
}

static weft__label time_of(const char *what, double ns)
{
    return weft__label_of("%s %s ns", what, weft__number(ns).text);
}

static void fill_parts(plan *it)
{
    const weft__pe_spec *pe = &it->spec->pe;
    it->dma = (part){.id = "pe0-dma", .node = "sip0.cube0.pe0.dma", .look = "pe", .name = "DMA"};
    say(&it->dma, count_of(pe->dma.channels, "read channel"));
    say(&it->dma, count_of(pe->dma.channels, "write channel"));
    say(&it->dma, time_of("set-up", pe->dma.setup_ns));
    it->cpu = (part){.id = "pe0-cpu", .node = "sip0.cube0.pe0.cpu", .look = "control", .name = "CPU"};
    say(&it->cpu, time_of("launch", pe->cpu_overhead_ns));
    it->tcm = (part){.id = "pe0-tcm", .node = "TCM of sip0.cube0.pe0", .look = "sram", .name = "TCM"};
    say(&it->tcm, weft__label_of("%u KiB", pe->tcm_kib));
    const weft__hbm_spec *hbm = &it->spec->cube.hbm;
    it->controller = (part){.id = "pe0-hbm", .node = "sip0.cube0.pe0.hbm", .look = "hbm", .name = "controller"};
    say(&it->controller, time_of("overhead", hbm->overhead_ns));
    say(&it->controller, time_of("turnaround", hbm->turnaround_ns));
    say(&it->controller, time_of("open", hbm->open_ns));
}

static void place_part(part *it, int x, int y)
{
    int width = weft__text_width(WEFT__TEXT_NAME, it->name);
    for (unsigned i = 0; i < it->line_count; i++)
        width = weft__max_int(width, weft__text_width(WEFT__TEXT_LABEL, it->lines[i].text));
    it->box = (weft__box){x, y, weft__max_int(100, width + PAD), LINE * (int)(it->line_count + 1) + PAD};
}

static weft__label gbs_label(double gbs)
{
    return weft__label_of("%s GB/s", weft__number(gbs).text);
}

static weft__label channels_label(const weft__hbm_spec *hbm)
{
    return weft__label_of("%u %s of %s GB/s", hbm->channels, hbm->channels == 1 ? "pseudo-channel" : "pseudo-channels",
                          weft__number(hbm->channel_gbs).text);
}

static int end_x(weft__box box)
{
    return box.x + box.width;
}

static int end_y(weft__box box)
{
    return box.y + box.height;
}

/* The pseudo-channels, right of the controller, and the outline around both. */
static void place_hbm(plan *it, int x, int y)
{
    const weft__hbm_spec *hbm = &it->spec->cube.hbm;
    int channels = (int)hbm->channels, columns = channels < CHANNELS_IN_ROW ? channels : CHANNELS_IN_ROW;
    int rows = (channels + columns - 1) / columns;
    it->channels = (weft__box){end_x(it->controller.box) + INNER_GAP, it->controller.box.y, columns * CHANNEL_WIDTH - 2,
                               rows * CHANNEL_HEIGHT};
    int label = it->channels.x + weft__text_width(WEFT__TEXT_NOTE, channels_label(hbm).text);
    int inner_bottom = weft__max_int(end_y(it->controller.box), end_y(it->channels) + 16);
    it->hbm = (weft__box){x, y, weft__max_int(end_x(it->channels), label) + PAD - x, inner_bottom + PAD - y};
}

static void make_plan(plan *it)
{
    fill_parts(it);
    const weft__hbm_spec *hbm = &it->spec->cube.hbm;
    int lead = weft__max_int(weft__text_width(WEFT__TEXT_NOTE, gbs_label(it->spec->pe.link_gbs).text),
                             weft__text_width(WEFT__TEXT_NOTE, gbs_label(hbm->link_gbs).text));
    int x = ROUTER_WIDTH + 3 * TRACK + lead + 2 * TRACK;
    place_part(&it->dma, x + PAD, HEADER);
    place_part(&it->cpu, x + PAD, end_y(it->dma.box) + PAD);
    place_part(&it->controller, x + PAD, end_y(it->cpu.box) + PAD + GAP + HEADER);
    int width = weft__max_int(it->dma.box.width, it->cpu.box.width);
    width = hbm->gib ? weft__max_int(width, it->controller.box.width) : width;
    it->dma.box.width = it->cpu.box.width = it->controller.box.width = width;
    place_part(&it->tcm, x + PAD + width + INNER_GAP, HEADER);
    it->tcm.box.height = it->dma.box.height;
    it->pe = (weft__box){x, 0, end_x(it->tcm.box) + PAD - x, end_y(it->cpu.box) + PAD};
    if (hbm->gib) {
        place_hbm(it, x, end_y(it->pe) + GAP);
        it->pe.width = it->hbm.width = weft__max_int(it->pe.width, it->hbm.width);
        it->tcm.box.width = end_x(it->pe) - PAD - it->tcm.box.x;
    }
    it->router_y = (hbm->gib ? end_y(it->hbm) : end_y(it->pe)) / 2;
}

static void put_part(weft__svg *svg, const part *it)
{
    weft__svg_begin(svg, it->id, it->node);
    weft__svg_box(svg, it->look, it->box);
    int x = it->box.x + it->box.width / 2;
    int y = it->box.y + (it->box.height - LINE * (int)(it->line_count + 1)) / 2 + 11;
    weft__svg_text(svg, WEFT__TEXT_NAME, WEFT__MIDDLE, x, y, it->name);
    for (unsigned i = 0; i < it->line_count; i++)
        weft__svg_text(svg, WEFT__TEXT_LABEL, WEFT__MIDDLE, x, y + LINE * (int)(i + 1), it->lines[i].text);
    weft__svg_end(svg);
}

/* From the router to a part, leaving the router `above` its middle, along a track of its own. */
static void put_lead(const plan *it, weft__svg *svg, const char *look, const part *to, int above, int track, double gbs)
{
    int x = ROUTER_WIDTH + track * TRACK, y = to->box.y + to->box.height / 2;
    weft__svg_put(svg, "<path class=\"%s\" d=\"M%d %dH%dV%dH%d\"/>\n", look, ROUTER_WIDTH, it->router_y - above, x, y,
                  to->box.x);
    weft__svg_text(svg, WEFT__TEXT_NOTE, WEFT__START, ROUTER_WIDTH + 3 * TRACK, y - 5, gbs_label(gbs).text);
}

static void put_outline(weft__panel *panel, weft__box box, const char *name)
{
    weft__svg_box(&panel->svg, "chiplet", box);
    weft__svg_text(&panel->svg, WEFT__TEXT_NAME, WEFT__START, box.x + PAD, box.y + 17, name);
    weft__panel_include(panel, box);
}

static void put_hbm(const plan *it, weft__panel *panel)
{
    const weft__hbm_spec *hbm = &it->spec->cube.hbm;
    weft__svg *svg = &panel->svg;
    int y = it->controller.box.y + CHANNEL_HEIGHT / 2 - 1;
    weft__svg_line(svg, "hbm-link", end_x(it->controller.box), y, it->channels.x, y);
    put_lead(it, svg, "hbm-link", &it->controller, -12, 1, hbm->link_gbs);
    put_part(svg, &it->controller);
    for (int channel = 0; channel < (int)hbm->channels; channel++) {
        weft__label number = weft__label_of("%d", channel);
        weft__box box = {it->channels.x + channel % CHANNELS_IN_ROW * CHANNEL_WIDTH,
                         it->channels.y + channel / CHANNELS_IN_ROW * CHANNEL_HEIGHT, CHANNEL_WIDTH - 2,
                         CHANNEL_HEIGHT - 2};
        weft__svg_begin(svg, weft__label_of("pe0-hbm-channel%d", channel).text,
                        weft__label_of("pseudo-channel %d", channel).text);
        weft__svg_box(svg, "hbm", box);
        weft__svg_text_in(svg, WEFT__TEXT_LABEL, box, number.text);
        weft__svg_end(svg);
    }
    weft__svg_text(svg, WEFT__TEXT_NOTE, WEFT__START, it->channels.x, end_y(it->channels) + 14,
                   channels_label(hbm).text);
}

static void put_pe(const plan *it, weft__panel *panel, uint32_t pes)
{
    const weft__pe_spec *pe = &it->spec->pe;
    weft__svg *svg = &panel->svg;
    put_outline(panel, it->pe, "pe0");
    if (it->hbm.width)
        put_outline(panel, it->hbm, "HBM slice of pe0");
    int y = it->dma.box.y + it->dma.box.height / 2;
    weft__svg_line(svg, "part-link", end_x(it->dma.box), y, it->tcm.box.x, y);
    put_lead(it, svg, "part-link", &it->dma, 12, 1, pe->link_gbs);
    put_lead(it, svg, "part-link", &it->cpu, 0, 2, pe->link_gbs);
    put_part(svg, &it->dma);
    put_part(svg, &it->cpu);
    put_part(svg, &it->tcm);
    if (it->hbm.width)
        put_hbm(it, panel);
    weft__box router = {0, it->router_y - ROUTER_HEIGHT / 2, ROUTER_WIDTH, ROUTER_HEIGHT};
    weft__svg_begin(svg, "pe0-router", weft__label_of("sip0.cube0.%s", it->router.text).text);
    weft__svg_box(svg, "router", router);
    weft__svg_text_in(svg, WEFT__TEXT_NAME, (weft__box){0, router.y + 6, ROUTER_WIDTH, 18}, "router");
    weft__svg_text_in(svg, WEFT__TEXT_LABEL, (weft__box){0, router.y + 22, ROUTER_WIDTH, 18}, it->router.text);
    weft__svg_end(svg);

    weft__panel_fact(panel, pes == 1 ? "the only PE of a cube" : "one of %u PEs of a cube", pes);
    weft__panel_fact(panel, "links to the router of %s GB/s in each direction, %s mm", weft__number(pe->link_gbs).text,
                     weft__number(pe->link_mm).text);
    weft__panel_fact(panel, "GEMM of tiles of %u x %u x %u, %u products of f16 in a cycle of %s GHz", pe->gemm.tile_m,
                     pe->gemm.tile_k, pe->gemm.tile_n, pe->gemm.macs_f16, weft__number(pe->clock_ghz).text);
    weft__panel_fact(panel, "math on %u elements, TCM to registers %s GB/s, back %s GB/s", pe->math.lanes,
                     weft__number(pe->tcm.read_gbs).text, weft__number(pe->tcm.write_gbs).text);
    const weft__hbm_spec *hbm = &it->spec->cube.hbm;
    if (it->hbm.width)
        weft__panel_fact(panel, "HBM slice of %s GiB, %s GB/s", weft__number((double)hbm->gib / pes).text,
                         weft__number(hbm->channels * hbm->channel_gbs).text);
}

weft_status weft__draw_pe(const weft__machine_spec *spec, weft__panel *panel, weft_error *err)
{
    weft__machine_spec reduced;
    weft__graph *graph;
    weft_status status = weft__draw_cube_graph(spec, &reduced, &graph, err);
    if (status != WEFT_OK)
        return status;
    const weft__node *dma = &graph->nodes[weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 0)];
    plan it = {.spec = spec, .router = weft__label_of("r%uc%u", dma->row, dma->column)};
    make_plan(&it);
    put_pe(&it, panel, graph->pes);
    weft__graph_destroy(graph);
    return WEFT_OK;
}
