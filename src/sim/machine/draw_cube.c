/* A cube: its grid of routers with what is attached to them. What a router has stands to the lower right of it, between
 * the links to its neighbours. Holes of the grid hold the HBM, if the cube has any. */
#include <stdlib.h>

#include "sim/machine/draw_impl.h"
#include "sim/machine/schema.h"

enum {
    LABELLED_MAX = 12, /* rows or columns of a grid whose routers have room for labels */
    PITCH = 84,        /* at least, between routers that have labels */
    ROUTER_HEIGHT = 20,
    PART_HEIGHT = 18,
    PART_STEP = 23,
    PART_X = 14, /* from the middle of a router to its parts */
    PART_Y = 16,
    PORT_HEIGHT = 16,
    SLICE_WIDTH = 26,
    SLICE_HEIGHT = 18,
    NOTE_HEIGHT = 14
};

typedef struct plan {
    const weft__cube_spec *spec;
    const weft__graph *graph;
    int rows, columns;
    unsigned sides;  /* that have UCIe connections, as bits */
    uint8_t *parts;  /* by place: what the router has */
    uint8_t *placed; /* by place: how much of that is drawn */
    bool is_labelled;
    int pitch;
    int router_width, router_height;
    int part_width;
    int port_width, port_height;
    int first_x, first_y; /* the middle of the router in row 0, column 0 */
    weft__box outline;
    weft__box hbm;      /* in a hole; without width if there is none */
    unsigned hbm_holes; /* places of the grid that it takes */
} plan;

/* In the order in which they stand at their router. */
static const struct {
    weft__node_kind kind;
    bool is_of_pe;
    const char *look, *link;
    int link_x; /* from the middle of the router to the line to the part */
    const char *name;
    const char *node_before, *node_after; /* the number of the PE, in the name of the node */
} kinds[] = {
    {WEFT__NODE_DMA, true, "pe", "part-link", 9, "pe", "pe", ""},
    {WEFT__NODE_HBM, true, "hbm", "hbm-link", 5, "hbm", "pe", ".hbm"},
    {WEFT__NODE_SRAM, false, "sram", "part-link", 9, "sram", "sram", ""},
    {WEFT__NODE_MCPU, false, "control", "part-link", 9, "mcpu", "mcpu", ""},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static int x_of(const plan *it, int column)
{
    return it->first_x + column * it->pitch;
}

static int y_of(const plan *it, int row)
{
    return it->first_y + row * it->pitch;
}

static bool has_router(const plan *it, int row, int column)
{
    return it->graph->router_at[row * it->columns + column] != WEFT__NODE_NONE;
}

static bool has_side(const plan *it, weft__side side)
{
    return it->sides & 1u << side;
}

/* Sizes */

static void count_parts(plan *it)
{
    for (size_t i = 0; i < KINDS; i++)
        for (uint32_t unit = 0; unit < (kinds[i].is_of_pe ? it->graph->pes : 1); unit++) {
            uint32_t node = weft__graph_node(it->graph, kinds[i].kind, 0, 0, unit);
            if (node == WEFT__NODE_NONE)
                continue;
            const weft__node *at = &it->graph->nodes[node];
            it->parts[at->row * it->spec->columns + at->column]++;
        }
}

/* Of the parts of the routers in the rows and columns from these on, the most at one router. */
static int most_parts(const plan *it, int row, int column)
{
    int most = 0;
    for (int i = row; i < it->rows; i++)
        for (int j = column; j < it->columns; j++)
            most = weft__max_int(most, it->parts[i * it->columns + j]);
    return most;
}

static void choose_sizes(plan *it)
{
    int longest = weft__max_int(it->rows, it->columns);
    it->is_labelled = longest <= LABELLED_MAX;
    if (!it->is_labelled) {
        it->pitch = longest <= 24 ? 32 : longest <= 40 ? 24 : 20;
        it->router_width = it->router_height = it->pitch * 3 / 8;
        it->port_width = it->port_height = it->router_width;
        return;
    }
    weft__label router = weft__label_of("r%dc%d", it->rows - 1, it->columns - 1);
    weft__label part = weft__label_of("hbm%u", it->graph->pes - 1);
    it->router_width = 12 + weft__text_width(WEFT__TEXT_LABEL, router.text);
    it->router_height = ROUTER_HEIGHT;
    it->part_width = weft__max_int(46, 12 + weft__text_width(WEFT__TEXT_LABEL, part.text));
    it->port_width = 10 + weft__text_width(WEFT__TEXT_LABEL, it->spec->ucie.connections > 10 ? "n10" : "n0");
    it->port_height = PORT_HEIGHT;
    int below = PART_Y + most_parts(it, 0, 0) * PART_STEP + ROUTER_HEIGHT / 2 + 8;
    it->pitch = weft__max_int(weft__max_int(PITCH, below), PART_X + it->part_width + 16);
}

static weft__label side_label(const plan *it, weft__side side)
{
    return weft__label_of("UCIe %s: %u \xc3\x97 %s GB/s", weft__side_name(side), it->spec->ucie.connections,
                          weft__number(it->spec->ucie.gbs).text);
}

/* Around the grid lies the edge of the cube with the UCIe connections across it, then the names of rows and columns if
 * the routers have none, then the names of the sides. */
static void choose_outline(plan *it)
{
    int ports_x = has_side(it, WEFT__WEST) ? it->port_width / 2 : 0;
    int ports_y = has_side(it, WEFT__NORTH) ? it->port_height / 2 : 0;
    int names = it->is_labelled ? 0 : NOTE_HEIGHT + weft__text_width(WEFT__TEXT_NOTE, "r00");
    weft__box *outline = &it->outline;
    outline->x = (ports_x ? NOTE_HEIGHT + 6 + ports_x : 0) + names;
    outline->y = (ports_y ? NOTE_HEIGHT + 4 + ports_y : 0) + (it->is_labelled ? 0 : 2 * NOTE_HEIGHT);
    it->first_x = outline->x + it->router_width / 2 + ports_x + 16;
    it->first_y = outline->y + it->router_height / 2 + ports_y + 16;
    int right = it->router_width / 2 + 16, below = it->router_height / 2 + 16;
    int last_column = most_parts(it, 0, it->columns - 1), last_row = most_parts(it, it->rows - 1, 0);
    if (last_column)
        right = weft__max_int(right, it->is_labelled ? PART_X + it->part_width + 12 : it->pitch);
    if (last_row)
        below = weft__max_int(below, it->is_labelled ? PART_Y + last_row * PART_STEP + 6 : it->pitch);
    outline->width = x_of(it, it->columns - 1) + right - outline->x;
    outline->height = y_of(it, it->rows - 1) + below - outline->y;
    if (has_side(it, WEFT__EAST))
        outline->width += it->port_width / 2;
    if (has_side(it, WEFT__SOUTH))
        outline->height += it->port_height / 2;
    for (unsigned side = 0; side < WEFT__SIDES; side++) {
        int label = weft__text_width(WEFT__TEXT_NOTE, side_label(it, (weft__side)side).text);
        if (has_side(it, (weft__side)side) && (side == WEFT__NORTH || side == WEFT__SOUTH))
            outline->width = weft__max_int(outline->width, label);
        else if (has_side(it, (weft__side)side))
            outline->height = weft__max_int(outline->height, label);
    }
}

/* The largest rectangle of holes: by each row, how far up the holes of a column reach, and from each column, how far to
 * the right they reach up that far. */
static weft__box largest_hole(const plan *it, uint8_t *heights)
{
    weft__box best = {0, 0, 0, 0};
    for (int column = 0; column < it->columns; column++)
        heights[column] = 0;
    for (int row = 0; row < it->rows; row++) {
        for (int column = 0; column < it->columns; column++)
            heights[column] = has_router(it, row, column) ? 0 : (uint8_t)(heights[column] + 1);
        for (int column = 0; column < it->columns; column++) {
            int height = heights[column];
            for (int end = column; end < it->columns && heights[end]; end++) {
                height = weft__min_int(height, heights[end]);
                if (height * (end - column + 1) > best.width * best.height)
                    best = (weft__box){column, row - height + 1, end - column + 1, height};
            }
        }
    }
    return best;
}

static void choose_hbm(plan *it, uint8_t *heights)
{
    weft__box hole = largest_hole(it, heights);
    if (!it->spec->hbm.gib || !hole.width)
        return;
    it->hbm_holes = (unsigned)(hole.width * hole.height);
    int before = it->is_labelled ? 10 : it->router_width / 2, after = it->is_labelled ? 8 : 4;
    it->hbm.x = x_of(it, hole.x) - before;
    it->hbm.y = y_of(it, hole.y) - before;
    int right = x_of(it, hole.x + hole.width) - it->router_width / 2 - after;
    int bottom = y_of(it, hole.y + hole.height) - it->router_height / 2 - after;
    int right_most = it->outline.x + it->outline.width - it->port_width / 2 - 6;
    int bottom_most = it->outline.y + it->outline.height - it->port_height / 2 - 6;
    it->hbm.width = weft__min_int(right, right_most) - it->hbm.x;
    it->hbm.height = weft__min_int(bottom, bottom_most) - it->hbm.y;
}

/* The grid */

/* Links of a row or a column, as few lines as there are rows of routers without a hole between them. */
static void put_links(const plan *it, weft__svg *svg)
{
    weft__svg_put(svg, "<path class=\"mesh-link\" d=\"");
    for (int row = 0; row < it->rows; row++)
        for (int column = 0, end; column < it->columns; column = end + 1) {
            for (end = column; end < it->columns && has_router(it, row, end); end++)
                ;
            if (end - column > 1)
                weft__svg_put(svg, "M%d %dH%d", x_of(it, column), y_of(it, row), x_of(it, end - 1));
        }
    for (int column = 0; column < it->columns; column++)
        for (int row = 0, end; row < it->rows; row = end + 1) {
            for (end = row; end < it->rows && has_router(it, end, column); end++)
                ;
            if (end - row > 1)
                weft__svg_put(svg, "M%d %dV%d", x_of(it, column), y_of(it, row), y_of(it, end - 1));
        }
    weft__svg_put(svg, "\"/>\n");
}

static bool is_in_hbm(const plan *it, int x, int y)
{
    const weft__box *hbm = &it->hbm;
    return hbm->width && x >= hbm->x && x < hbm->x + hbm->width && y >= hbm->y && y < hbm->y + hbm->height;
}

static void put_routers(const plan *it, weft__svg *svg)
{
    for (int row = 0; row < it->rows; row++)
        for (int column = 0; column < it->columns; column++) {
            int x = x_of(it, column), y = y_of(it, row);
            weft__box box = {x - it->router_width / 2, y - it->router_height / 2, it->router_width, it->router_height};
            if (!has_router(it, row, column)) {
                if (!is_in_hbm(it, x, y))
                    weft__svg_box(svg, "hole", box);
                continue;
            }
            weft__label name = weft__label_of("r%dc%d", row, column);
            weft__svg_begin(svg, weft__label_of("c0-%s", name.text).text,
                            weft__label_of("sip0.cube0.%s", name.text).text);
            weft__svg_box(svg, "router", box);
            if (it->is_labelled)
                weft__svg_text_in(svg, WEFT__TEXT_LABEL, box, name.text);
            weft__svg_end(svg);
        }
}

/* Where the next part of a router stands. Without labels the parts share what lies between four routers. */
static weft__box next_part(const plan *it, int place)
{
    int x = x_of(it, place % it->columns), y = y_of(it, place / it->columns), number = it->placed[place]++;
    if (it->is_labelled)
        return (weft__box){x + PART_X, y + PART_Y + number * PART_STEP, it->part_width, PART_HEIGHT};
    int side = it->pitch - it->router_width - 4, columns = it->parts[place] > 1 ? 2 : 1;
    int rows = (it->parts[place] + 1) / 2, start = (it->router_width + 1) / 2 + 2;
    int width = (side - columns + 1) / columns, height = (side - rows + 1) / rows;
    return (weft__box){x + start + number % 2 * (width + 1), y + start + number / 2 * (height + 1), width, height};
}

static void put_part(plan *it, weft__svg *svg, size_t kind, uint32_t unit, const weft__node *node)
{
    int place = node->row * it->columns + node->column;
    weft__box box = next_part(it, place);
    weft__label number = kinds[kind].is_of_pe ? weft__label_of("%u", unit) : weft__label_of("%s", "");
    weft__label label = weft__label_of("%s%s", kinds[kind].name, number.text);
    if (it->is_labelled)
        weft__svg_put(svg, "<path class=\"%s\" d=\"M%d %dV%dH%d\"/>\n", kinds[kind].link,
                      x_of(it, node->column) + kinds[kind].link_x, y_of(it, node->row) + it->router_height / 2,
                      box.y + box.height / 2, box.x);
    weft__svg_begin(
        svg, weft__label_of("c0-%s", label.text).text,
        weft__label_of("sip0.cube0.%s%s%s", kinds[kind].node_before, number.text, kinds[kind].node_after).text);
    weft__svg_box(svg, kinds[kind].look, box);
    if (it->is_labelled)
        weft__svg_text_in(svg, WEFT__TEXT_LABEL, box, label.text);
    weft__svg_end(svg);
}

static void put_parts(plan *it, weft__svg *svg)
{
    for (size_t kind = 0; kind < KINDS; kind++)
        for (uint32_t unit = 0; unit < (kinds[kind].is_of_pe ? it->graph->pes : 1); unit++) {
            uint32_t node = weft__graph_node(it->graph, kinds[kind].kind, 0, 0, unit);
            if (node != WEFT__NODE_NONE)
                put_part(it, svg, kind, unit, &it->graph->nodes[node]);
        }
}

/* The edge */

static void put_port(const plan *it, weft__svg *svg, weft__side side, uint32_t number)
{
    weft__place place = it->graph->port_place[side * it->spec->ucie.connections + number];
    int x = x_of(it, (int)place.column), y = y_of(it, (int)place.row), port_x = x, port_y = y;
    if (side == WEFT__NORTH || side == WEFT__SOUTH)
        port_y = it->outline.y + (side == WEFT__NORTH ? 0 : it->outline.height);
    else
        port_x = it->outline.x + (side == WEFT__WEST ? 0 : it->outline.width);
    weft__svg_line(svg, "ucie-link", x, y, port_x, port_y);
    weft__box box = {port_x - it->port_width / 2, port_y - it->port_height / 2, it->port_width, it->port_height};
    weft__label name = weft__label_of("%c%u", weft__side_name(side)[0], number);
    weft__svg_begin(svg, weft__label_of("c0-%s", name.text).text, weft__label_of("ucie.%s", name.text).text);
    weft__svg_box(svg, "ucie", box);
    if (it->is_labelled)
        weft__svg_text_in(svg, WEFT__TEXT_LABEL, box, name.text);
    weft__svg_end(svg);
}

static void put_side_name(const plan *it, weft__panel *panel, weft__side side)
{
    const weft__box *outline = &it->outline;
    weft__label text = side_label(it, side);
    int x = outline->x + outline->width / 2, y = outline->y + outline->height / 2;
    int beyond_x = it->port_width / 2 + 6, beyond_y = it->port_height / 2 + 6;
    if (side == WEFT__NORTH)
        weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__MIDDLE, x, 10, text.text);
    else if (side == WEFT__SOUTH)
        weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__MIDDLE, x, outline->y + outline->height + beyond_y + 8,
                       text.text);
    else if (side == WEFT__WEST)
        weft__svg_text_upwards(&panel->svg, WEFT__TEXT_NOTE, 10, y, text.text);
    else
        weft__svg_text_downwards(&panel->svg, WEFT__TEXT_NOTE, outline->x + outline->width + beyond_x, y, text.text);
    weft__panel_include(panel, (weft__box){outline->x, outline->y, outline->width + beyond_x + NOTE_HEIGHT,
                                           outline->height + (side == WEFT__SOUTH ? beyond_y + NOTE_HEIGHT : 1)});
}

static void put_ports(const plan *it, weft__panel *panel)
{
    for (unsigned side = 0; side < WEFT__SIDES; side++) {
        if (!has_side(it, (weft__side)side))
            continue;
        for (uint32_t number = 0; number < it->spec->ucie.connections; number++)
            put_port(it, &panel->svg, (weft__side)side, number);
        put_side_name(it, panel, (weft__side)side);
    }
}

/* Names of rows and columns, as many as there is room for. */
static void put_row_and_column_names(const plan *it, weft__svg *svg)
{
    int columns_y = it->outline.y - it->port_height / 2 - 5, rows_x = it->outline.x - it->port_width / 2 - 5;
    int step = weft__text_width(WEFT__TEXT_NOTE, "c00") + 4 > it->pitch ? 2 : 1;
    for (int column = 0; column < it->columns; column += step)
        weft__svg_text(svg, WEFT__TEXT_NOTE, WEFT__MIDDLE, x_of(it, column), columns_y,
                       weft__label_of("c%d", column).text);
    for (int row = 0; row < it->rows; row += step)
        weft__svg_text(svg, WEFT__TEXT_NOTE, WEFT__END, rows_x, y_of(it, row) + 4, weft__label_of("r%d", row).text);
}

/* The HBM with its slices, as far as they fit. */
static void put_hbm(const plan *it, weft__svg *svg)
{
    weft__box hbm = it->hbm;
    if (hbm.width <= 0 || hbm.height <= 0)
        return;
    weft__label capacity = weft__label_of("%u GiB", it->spec->hbm.gib);
    weft__svg_begin(svg, "c0-hbm", weft__label_of("HBM of sip0.cube0, %s", capacity.text).text);
    weft__svg_box(svg, "hbm", hbm);
    bool has_name = hbm.width > weft__text_width(WEFT__TEXT_NAME, "HBM") && hbm.height >= 16;
    bool has_capacity = has_name && hbm.width > weft__text_width(WEFT__TEXT_LABEL, capacity.text) && hbm.height >= 34;
    int pes = (int)it->graph->pes, room_x = hbm.width - 12, room_y = hbm.height - 48;
    int columns = room_x / SLICE_WIDTH < 4 ? room_x / SLICE_WIDTH : 4;
    if (columns > 0 && (pes + columns - 1) / columns * SLICE_HEIGHT > room_y)
        columns = room_x / SLICE_WIDTH;
    columns = weft__min_int(columns, pes);
    int rows = columns > 0 ? (pes + columns - 1) / columns : 0;
    bool has_slices = has_capacity && rows > 0 && rows * SLICE_HEIGHT <= room_y &&
                      weft__text_width(WEFT__TEXT_LABEL, weft__label_of("%d", pes - 1).text) < SLICE_WIDTH - 2;
    int lines = has_capacity ? 30 : 16, text_y = has_slices ? hbm.y + 5 : hbm.y + (hbm.height - lines) / 2;
    if (has_name)
        weft__svg_text_in(svg, WEFT__TEXT_NAME, (weft__box){hbm.x, text_y, hbm.width, 16}, "HBM");
    if (has_capacity)
        weft__svg_text_in(svg, WEFT__TEXT_LABEL, (weft__box){hbm.x, text_y + 15, hbm.width, 16}, capacity.text);
    for (int pe = 0; has_slices && pe < pes; pe++) {
        int width = room_x / columns, height = weft__min_int(2 * width, room_y / rows);
        int x = hbm.x + (hbm.width - columns * width) / 2 + pe % columns * width;
        int y = hbm.y + 40 + (room_y - rows * height) / 2 + pe / columns * height;
        weft__box slice = {x, y, width - 2, height - 2};
        weft__svg_box(svg, "hbm", slice);
        weft__svg_text_in(svg, WEFT__TEXT_LABEL, slice, weft__label_of("%d", pe).text);
    }
    weft__svg_end(svg);
}

static void put_facts(const plan *it, const weft__machine_spec *spec, weft__panel *panel)
{
    double pes = it->graph->pes;
    weft__panel_fact(panel, "%d \xc3\x97 %d places, %u %s", it->rows, it->columns, it->graph->routers,
                     it->graph->routers == 1 ? "router" : "routers");
    weft__panel_fact(panel, "%u %s", it->graph->pes, it->graph->pes == 1 ? "PE" : "PEs");
    const weft__hbm_spec *hbm = &it->spec->hbm;
    if (hbm->gib)
        weft__panel_fact(panel, "HBM %u GiB, %s GB/s", hbm->gib,
                         weft__number(pes * hbm->channels * hbm->channel_gbs).text);
    if (it->hbm.width && it->is_labelled)
        weft__panel_fact(panel, "one slice of %s GiB for each PE", weft__number(hbm->gib / pes).text);
    if (it->spec->sram.mib)
        weft__panel_fact(panel, "SRAM %u MiB", it->spec->sram.mib);
    weft__panel_fact(panel, "links of %s GB/s in each direction, %s mm", weft__number(it->spec->link_gbs).text,
                     weft__number(it->spec->pitch_mm).text);
    if (it->graph->routers + it->hbm_holes < (unsigned)(it->rows * it->columns))
        weft__panel_fact(panel, "dashed: no router");
    if (!it->is_labelled)
        weft__panel_fact(panel, "only rows and columns have labels: r1c2 is in row 1, column 2");
    if (spec->sip.rows * spec->sip.columns > 1 && it->sides)
        weft__panel_fact(panel, "sides without a neighbour have no UCIe connections");
}

static void put_cube(plan *it, const weft__machine_spec *spec, weft__panel *panel)
{
    count_parts(it);
    choose_sizes(it);
    choose_outline(it);
    choose_hbm(it, it->placed);
    weft__svg_box(&panel->svg, "chiplet", it->outline);
    weft__panel_include(panel, it->outline);
    weft__svg_put(&panel->svg, "<g%s>\n", it->is_labelled ? "" : " class=\"small\"");
    put_links(it, &panel->svg);
    put_ports(it, panel);
    put_routers(it, &panel->svg);
    for (int place = 0; place < it->rows * it->columns; place++)
        it->placed[place] = 0;
    put_parts(it, &panel->svg);
    weft__svg_end(&panel->svg);
    put_hbm(it, &panel->svg);
    if (!it->is_labelled)
        put_row_and_column_names(it, &panel->svg);
    put_facts(it, spec, panel);
}

weft_status weft__draw_cube(const weft__machine_spec *spec, weft__panel *panel, weft_error *err)
{
    weft__machine_spec reduced;
    weft__graph *graph;
    weft_status status = weft__draw_cube_graph(spec, &reduced, &graph, err);
    if (status != WEFT_OK)
        return status;
    plan it = {.spec = &spec->cube, .graph = graph, .rows = (int)spec->cube.rows, .columns = (int)spec->cube.columns};
    it.sides = weft__draw_ucie_sides(graph);
    size_t places = (size_t)spec->cube.rows * spec->cube.columns;
    it.parts = calloc(places, sizeof *it.parts);
    it.placed = calloc(places, sizeof *it.placed);
    if (it.parts && it.placed)
        put_cube(&it, spec, panel);
    else
        status = weft__fail_memory(err, places * sizeof *it.parts, "the picture of a cube");
    free(it.parts);
    free(it.placed);
    weft__graph_destroy(graph);
    return status;
}
