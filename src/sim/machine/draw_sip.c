/* A SIP: the grid of cubes, the IO chiplet on its side, and the UCIe connections between them. */
#include <stdlib.h>

#include "sim/machine/draw_impl.h"
#include "sim/machine/schema.h"

enum {
    CUBE_WIDTH = 72, /* at least */
    CUBE_HEIGHT = 62,
    GAP_Y = 36,   /* between cubes, from row to row */
    EDGE = 10,    /* between what lies in the IO chiplet, and around it */
    PART = 36,    /* of the parts of the chiplet: height */
    BAR = 22,     /* of the network node and the phys, where they lie flat: height */
    WAY_OUT = 20, /* of a line that leaves the SIP */
    TRACK = 4,    /* between parallel lines */
    LINES_MAX = 6 /* more connections are drawn as one broad line */
};

typedef struct plan {
    const weft__machine_spec *spec;
    int rows, columns;
    int cube_width, gap_x;
    int grid_x, grid_y; /* of the first cube */
    weft__side side;
    bool is_flat; /* the chiplet lies in the north or south */
    /* The chiplet seen from the cubes: along the side, and across it, away from them. */
    int along, length;             /* where it starts, in the direction of x or y */
    int gap;                       /* from the cubes */
    int phy, phy_along, bar, part; /* sizes across it, and of a phy along it */
    int part_along;                /* size of a part along it */
    bool has_links;                /* to other SIPs */
} plan;

static weft__label connection_label(const plan *it)
{
    return weft__label_of("%u \xc3\x97 %s", it->spec->cube.ucie.connections,
                          weft__number(it->spec->cube.ucie.gbs).text);
}

static weft__label pes_label(const weft__machine_spec *spec)
{
    uint32_t pes =
        spec->cube.pe_count ? spec->cube.pe_count : spec->cube.rows * spec->cube.columns - spec->cube.hole_count;
    return weft__label_of("%u %s", pes, pes == 1 ? "PE" : "PEs");
}

static weft__label way_label(const plan *it, const char *more)
{
    return weft__label_of("%s GB/s%s", weft__number(it->spec->system.link_gbs).text, more);
}

static int grid_width(const plan *it)
{
    return it->columns * it->cube_width + (it->columns - 1) * it->gap_x;
}

static int grid_height(const plan *it)
{
    return it->rows * CUBE_HEIGHT + (it->rows - 1) * GAP_Y;
}

static int depth(const plan *it)
{
    return it->phy + it->bar + it->part + 4 * EDGE;
}

static void make_plan(plan *it)
{
    const weft__sip_spec *sip = &it->spec->sip;
    it->rows = (int)sip->rows;
    it->columns = (int)sip->columns;
    it->side = sip->io.side;
    it->is_flat = it->side == WEFT__NORTH || it->side == WEFT__SOUTH;
    it->has_links = it->spec->system.fabric != WEFT__SIPS_SWITCH && it->spec->system.sips > 1;
    it->cube_width = weft__max_int(CUBE_WIDTH, 12 + weft__text_width(WEFT__TEXT_LABEL, pes_label(it->spec).text));
    it->gap_x = weft__max_int(48, 10 + weft__text_width(WEFT__TEXT_NOTE, connection_label(it).text));
    int name = 16 + weft__text_width(WEFT__TEXT_NAME, "PCIe end point");
    it->phy = !it->spec->cube.ucie.connections ? 0 : it->is_flat ? BAR : 42;
    it->phy_along = it->is_flat ? 52 : BAR;
    it->bar = it->is_flat ? BAR : 36;
    it->part = it->is_flat ? PART : name;
    it->part_along = it->is_flat ? name : PART;
    it->gap = it->is_flat ? GAP_Y : it->gap_x;
    int grid = it->is_flat ? grid_width(it) : grid_height(it);
    it->length = weft__max_int(grid, 2 * it->part_along + 3 * EDGE + (it->has_links ? 2 * EDGE : 0));

    /* How far what lies beyond the cubes reaches: the chiplet, a line that leaves it, and what it is called. */
    int label = weft__max_int(weft__text_width(WEFT__TEXT_NOTE, "to other SIPs"),
                              weft__text_width(WEFT__TEXT_NOTE, way_label(it, " each").text));
    int beyond = it->gap + depth(it) + WAY_OUT + 4 + (it->is_flat ? 28 : label);
    int aside = weft__max_int(0, (it->length - grid) / 2);
    it->grid_x = it->side == WEFT__WEST ? beyond : it->is_flat ? aside : 0;
    it->grid_y = it->side == WEFT__NORTH ? beyond : it->is_flat ? 0 : aside;
    it->along = (it->is_flat ? it->grid_x : it->grid_y) - aside;
}

/* A box of the chiplet: where it starts along the side and across, from the edge of the cubes outwards. */
static weft__box chiplet_box(const plan *it, int along, int across, int along_size, int across_size)
{
    switch (it->side) {
    case WEFT__NORTH:
        return (weft__box){along, it->grid_y - across - across_size, along_size, across_size};
    case WEFT__SOUTH:
        return (weft__box){along, it->grid_y + grid_height(it) + across, along_size, across_size};
    case WEFT__EAST:
        return (weft__box){it->grid_x + grid_width(it) + across, along, across_size, along_size};
    case WEFT__WEST:
        break;
    }
    return (weft__box){it->grid_x - across - across_size, along, across_size, along_size};
}

/* A line across the chiplet. */
static void put_across(const plan *it, weft__svg *svg, const char *look, int along, int from, int to)
{
    weft__box box = chiplet_box(it, along, from, 0, to - from);
    weft__svg_line(svg, look, box.x, box.y, box.x + box.width, box.y + box.height);
}

/* The connections between two chiplets, from (x, y) over `length`, to the right or downwards. */
static void put_connections(const plan *it, weft__svg *svg, int x, int y, int length, bool is_down)
{
    int lines = (int)it->spec->cube.ucie.connections;
    if (lines > LINES_MAX) {
        int breadth = LINES_MAX * TRACK;
        weft__svg_box(svg, "ucie",
                      is_down ? (weft__box){x - breadth / 2, y, breadth, length}
                              : (weft__box){x, y - breadth / 2, length, breadth});
        return;
    }
    for (int i = 0; i < lines; i++) {
        int shift = i * TRACK - (lines - 1) * TRACK / 2;
        weft__svg_line(svg, "ucie-link", x + (is_down ? shift : 0), y + (is_down ? 0 : shift),
                       x + (is_down ? shift : length), y + (is_down ? length : shift));
    }
}

/* What they carry, beside the middle of such a line. */
static void put_connection_label(const plan *it, weft__panel *panel, int x, int y, int length, bool is_down)
{
    int lines = (int)it->spec->cube.ucie.connections, half = (lines < LINES_MAX ? lines : LINES_MAX) * TRACK / 2;
    weft__label label = connection_label(it);
    if (is_down) {
        label = weft__label_of("%s GB/s", label.text);
        weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__START, x + half + 6, y + length / 2 + 4, label.text);
        weft__panel_include(panel, (weft__box){x + half + 6, y, weft__text_width(WEFT__TEXT_NOTE, label.text), length});
    } else {
        weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__MIDDLE, x + length / 2, y - half - 4, label.text);
        weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__MIDDLE, x + length / 2, y + half + 11, "GB/s");
    }
}

static weft__box cube_box(const plan *it, int row, int column)
{
    return (weft__box){it->grid_x + column * (it->cube_width + it->gap_x), it->grid_y + row * (CUBE_HEIGHT + GAP_Y),
                       it->cube_width, CUBE_HEIGHT};
}

static void put_cube(const plan *it, weft__panel *panel, int row, int column)
{
    weft__svg *svg = &panel->svg;
    weft__box box = cube_box(it, row, column);
    weft__label name = weft__label_of("cube%d", row * it->columns + column);
    weft__svg_begin(svg, name.text, weft__label_of("sip0.%s", name.text).text);
    weft__svg_box(svg, "chiplet", box);
    uint32_t gib = it->spec->cube.hbm.gib;
    int x = box.x + box.width / 2, y = box.y + (gib ? 20 : 28);
    weft__svg_text(svg, WEFT__TEXT_NAME, WEFT__MIDDLE, x, y, name.text);
    weft__svg_text(svg, WEFT__TEXT_LABEL, WEFT__MIDDLE, x, y + 15, pes_label(it->spec).text);
    if (gib)
        weft__svg_text(svg, WEFT__TEXT_LABEL, WEFT__MIDDLE, x, y + 29, weft__label_of("%u GiB", gib).text);
    weft__svg_end(svg);
    weft__panel_include(panel, box);
}

/* The cubes, and the connections to their neighbours in the east and the south. */
static void put_cubes(const plan *it, weft__panel *panel)
{
    bool are_connected = it->spec->cube.ucie.connections > 0;
    for (int row = 0; row < it->rows; row++)
        for (int column = 0; column < it->columns; column++) {
            weft__box box = cube_box(it, row, column);
            int right = box.x + box.width, middle = box.x + box.width / 2;
            put_cube(it, panel, row, column);
            if (are_connected && column + 1 < it->columns) {
                put_connections(it, &panel->svg, right, box.y + CUBE_HEIGHT / 2, it->gap_x, false);
                put_connection_label(it, panel, right, box.y + CUBE_HEIGHT / 2, it->gap_x, false);
            }
            if (are_connected && row + 1 < it->rows) {
                put_connections(it, &panel->svg, middle, box.y + CUBE_HEIGHT, GAP_Y, true);
                put_connection_label(it, panel, middle, box.y + CUBE_HEIGHT, GAP_Y, true);
            }
        }
}

/* A phy, and its connections to the cube that lies opposite. */
static void put_phy(const plan *it, weft__panel *panel, int phy)
{
    weft__svg *svg = &panel->svg;
    weft__box cube = cube_box(it, it->is_flat ? 0 : phy, it->is_flat ? phy : 0);
    int middle = it->is_flat ? cube.x + cube.width / 2 : cube.y + cube.height / 2, across = it->gap + EDGE;
    weft__box line = chiplet_box(it, middle, 0, 0, across), outside = chiplet_box(it, middle, 0, 0, it->gap);
    put_connections(it, svg, line.x, line.y, across, it->is_flat);
    put_connection_label(it, panel, outside.x, outside.y, it->gap, it->is_flat);
    put_across(it, svg, "part-link", middle, across + it->phy, across + it->phy + EDGE);
    weft__box box = chiplet_box(it, middle - it->phy_along / 2, across, it->phy_along, it->phy);
    weft__svg_begin(svg, weft__label_of("io-phy%d", phy).text, weft__label_of("sip0.io.phy%d", phy).text);
    weft__svg_box(svg, "ucie", box);
    weft__svg_text_in(svg, WEFT__TEXT_LABEL, box, weft__label_of("phy%d", phy).text);
    weft__svg_end(svg);
}

static void put_part(const plan *it, weft__svg *svg, int along, const char *id, const char *node, const char *name,
                     double overhead_ns)
{
    int across = it->gap + 3 * EDGE + it->phy + it->bar;
    put_across(it, svg, "part-link", along + it->part_along / 2, across - EDGE, across);
    weft__box box = chiplet_box(it, along, across, it->part_along, it->part);
    weft__svg_begin(svg, id, node);
    weft__svg_box(svg, "control", box);
    weft__svg_text_in(svg, WEFT__TEXT_NAME, (weft__box){box.x, box.y + 3, box.width, 16}, name);
    weft__svg_text_in(svg, WEFT__TEXT_LABEL, (weft__box){box.x, box.y + 17, box.width, 16},
                      weft__label_of("%s ns", weft__number(overhead_ns).text).text);
    weft__svg_end(svg);
}

/* A line that leaves the SIP, and where to. */
static void put_way_out(const plan *it, weft__panel *panel, const char *look, int along, int from, const char *where,
                        const char *more)
{
    int end = it->gap + depth(it) + WAY_OUT;
    put_across(it, &panel->svg, look, along, from, end);
    weft__box at = chiplet_box(it, along, end, 0, 4);
    weft__anchor anchor = it->is_flat ? WEFT__MIDDLE : it->side == WEFT__WEST ? WEFT__END : WEFT__START;
    int x = it->side == WEFT__EAST ? at.x + at.width : at.x;
    int y = it->side == WEFT__NORTH ? at.y - 13 : it->side == WEFT__SOUTH ? at.y + 13 : at.y - 2;
    weft__label gbs = way_label(it, more);
    weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, anchor, x, y, where);
    weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, anchor, x, y + 12, gbs.text);
    int width = weft__max_int(weft__text_width(WEFT__TEXT_NOTE, where), weft__text_width(WEFT__TEXT_NOTE, gbs.text));
    weft__panel_include(panel, (weft__box){x, y, it->is_flat ? width / 2 : it->side == WEFT__EAST ? width : 0, 16});
}

static void put_chiplet(const plan *it, weft__panel *panel)
{
    weft__svg *svg = &panel->svg;
    const weft__io_spec *io = &it->spec->sip.io;
    weft__box outline = chiplet_box(it, it->along, it->gap, it->length, depth(it));
    weft__svg_box(svg, "chiplet", outline);
    weft__panel_include(panel, outline);
    int phys = it->is_flat ? it->columns : it->rows;
    for (int phy = 0; phy < phys && it->spec->cube.ucie.connections; phy++)
        put_phy(it, panel, phy);

    int bar_across = it->gap + 2 * EDGE + it->phy, bar_end = bar_across + it->bar;
    int parts = 2 * it->part_along + EDGE + (it->has_links ? 2 * EDGE : 0);
    int first = it->along + (it->length - parts) / 2, second = first + it->part_along + EDGE;
    put_way_out(it, panel, "part-link", first + it->part_along / 2, bar_end, "to the switch", "");
    if (it->has_links)
        put_way_out(it, panel, "sip-link", second + it->part_along + 2 * EDGE, bar_end, "to other SIPs", " each");
    weft__box bar = chiplet_box(it, it->along + EDGE, bar_across, it->length - 2 * EDGE, it->bar);
    weft__svg_begin(svg, "io-noc", "sip0.io.noc");
    weft__svg_box(svg, "router", bar);
    weft__svg_text_in(svg, WEFT__TEXT_NAME, bar, "NoC");
    weft__svg_end(svg);
    put_part(it, svg, first, "io-pcie", "sip0.io.pcie", "PCIe end point", io->pcie_overhead_ns);
    put_part(it, svg, second, "io-cpu", "sip0.io.cpu", "IO CPU", io->cpu_overhead_ns);
}

static void put_facts(const plan *it, weft__panel *panel)
{
    const weft__machine_spec *spec = it->spec;
    uint32_t cubes = spec->sip.rows * spec->sip.columns;
    if (cubes > 1)
        weft__panel_fact(panel, "%u \xc3\x97 %u cubes", spec->sip.rows, spec->sip.columns);
    else
        weft__panel_fact(panel, "1 cube");
    uint64_t gib = (uint64_t)cubes * spec->cube.hbm.gib;
    if (gib)
        weft__panel_fact(panel, "HBM %s GiB", weft__number((double)gib).text);
    if (spec->cube.ucie.connections) {
        weft__panel_fact(panel, "UCIe between neighbours: %s GB/s in each direction", connection_label(it).text);
        weft__panel_fact(panel, "%s ns at each end, %s mm of wire", weft__number(spec->cube.ucie.overhead_ns).text,
                         weft__number(spec->cube.ucie.length_mm).text);
    } else {
        weft__panel_fact(panel, "no UCIe connections");
    }
    weft__panel_fact(panel, "IO chiplet in the %s: links of %s GB/s, network node %s ns", weft__side_name(it->side),
                     weft__number(spec->sip.io.link_gbs).text, weft__number(spec->sip.io.noc_overhead_ns).text);
}

weft_status weft__draw_sip(const weft__machine_spec *spec, weft__panel *panel, weft_error *err)
{
    (void)err;
    plan it = {.spec = spec};
    make_plan(&it);
    put_chiplet(&it, panel);
    put_cubes(&it, panel);
    put_facts(&it, panel);
    return WEFT_OK;
}
