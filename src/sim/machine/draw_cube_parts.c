/* The parts of a cube and their links, as a table that explains the colours. */
#include "sim/machine/draw_impl.h"

enum {
    ROW_HEIGHT = 22,
    SWATCH = 22,
    COLUMNS = 6,
    COLUMN_GAP = 18
};

/* Of each column: what stands on top, in two lines. */
static const char *const tops[COLUMNS][2] = {{"", "part"},   {"", "count"},  {"link", "GB/s"},
                                             {"wire", "mm"}, {"wire", "ns"}, {"overhead", "ns"}};

typedef struct row {
    const char *look;
    weft__label cells[COLUMNS];
} row;

#define ROWS_MAX 6u

typedef struct table {
    const weft__machine_spec *spec;
    row rows[ROWS_MAX];
    unsigned count;
} table;

/* Overhead: negative for none. */
static void add_row(table *it, const char *look, const char *name, double count, double gbs, double mm,
                    double overhead_ns)
{
    row *added = &it->rows[it->count++];
    added->look = look;
    added->cells[0] = weft__label_of("%s", name);
    added->cells[1] = weft__number(count);
    added->cells[2] = weft__number(gbs);
    added->cells[3] = weft__number(mm);
    added->cells[4] = weft__number(mm * it->spec->system.ns_per_mm);
    added->cells[5] = overhead_ns < 0 ? weft__label_of("\xe2\x80\x93") : weft__number(overhead_ns);
}

static void fill_table(table *it, const weft__graph *graph)
{
    const weft__cube_spec *cube = &it->spec->cube;
    const weft__pe_spec *pe = &it->spec->pe;
    add_row(it, "router", "router", graph->routers, cube->link_gbs, cube->pitch_mm, cube->router_overhead_ns);
    add_row(it, "pe", "PE", graph->pes, pe->link_gbs, pe->link_mm, -1);
    if (cube->hbm.gib)
        add_row(it, "hbm", "HBM controller of a slice", graph->pes, cube->hbm.link_gbs, 0, cube->hbm.overhead_ns);
    if (cube->sram.mib)
        add_row(it, "sram", "SRAM", 1, cube->sram.link_gbs, 0, cube->sram.overhead_ns);
    add_row(it, "control", "command processor (mcpu)", 1, cube->link_gbs, 0, cube->mcpu.overhead_ns);
    unsigned sides = (unsigned)__builtin_popcount(weft__draw_ucie_sides(graph));
    if (sides)
        add_row(it, "ucie", "UCIe connection", sides * cube->ucie.connections, cube->ucie.gbs, cube->ucie.length_mm,
                cube->ucie.overhead_ns);
}

static void put_table(const table *it, weft__panel *panel)
{
    int left[COLUMNS], right[COLUMNS], x = SWATCH + 10;
    for (unsigned column = 0; column < COLUMNS; column++) {
        int width = weft__max_int(weft__text_width(WEFT__TEXT_NOTE, tops[column][0]),
                                  weft__text_width(WEFT__TEXT_NOTE, tops[column][1]));
        for (unsigned i = 0; i < it->count; i++)
            width = weft__max_int(width, weft__text_width(WEFT__TEXT_LABEL, it->rows[i].cells[column].text));
        left[column] = x;
        right[column] = x + width;
        x += width + COLUMN_GAP;
    }
    int end = right[COLUMNS - 1], y = 26;
    for (unsigned column = 0; column < COLUMNS; column++)
        for (int line = 0; line < 2; line++)
            if (tops[column][line][0])
                weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, column ? WEFT__END : WEFT__START,
                               column ? right[column] : left[column], 8 + 12 * line, tops[column][line]);
    weft__svg_line(&panel->svg, "rule", 0, y, end, y);
    for (unsigned i = 0; i < it->count; i++, y += ROW_HEIGHT) {
        weft__svg_box(&panel->svg, it->rows[i].look, (weft__box){0, y + 5, SWATCH, 13});
        for (unsigned column = 0; column < COLUMNS; column++)
            weft__svg_text(&panel->svg, WEFT__TEXT_LABEL, column ? WEFT__END : WEFT__START,
                           column ? right[column] : left[column], y + 15, it->rows[i].cells[column].text);
    }
    y += 4;
    weft__svg_line(&panel->svg, "rule", 0, y, end, y);
    weft__panel_include(panel, (weft__box){0, 0, end, y + 1});
}

static void put_note(weft__panel *panel, weft__label note)
{
    int y = panel->height + 16;
    weft__svg_text(&panel->svg, WEFT__TEXT_NOTE, WEFT__START, 0, y, note.text);
    weft__panel_include(panel, (weft__box){0, y, weft__text_width(WEFT__TEXT_NOTE, note.text), 3});
}

static void put_flow(weft__panel *panel, const char *links, const weft__flow_control *flow)
{
    const char *order = flow->arbitration == WEFT__ARBITRATE_FIFO ? "first come, first served" : "inputs in turn";
    if (!flow->buffer_flits) {
        put_note(panel, weft__label_of("%s: unbounded buffers, %s", links, order));
        return;
    }
    put_note(panel, weft__label_of("%s: %u %s of %u flits, %s", links, flow->vcs,
                                   flow->vcs == 1 ? "virtual channel" : "virtual channels", flow->buffer_flits, order));
    if (flow->credit_ns > 0 || flow->tail_credit)
        put_note(panel,
                 weft__label_of("%s: credits take %s ns%s", links, weft__number(flow->credit_ns).text,
                                flow->tail_credit ? ", a channel is free when its last message has drained" : ""));
}

weft_status weft__draw_cube_parts(const weft__machine_spec *spec, weft__panel *panel, weft_error *err)
{
    weft__machine_spec reduced;
    weft__graph *graph;
    weft_status status = weft__draw_cube_graph(spec, &reduced, &graph, err);
    if (status != WEFT_OK)
        return status;
    table it = {.spec = spec};
    fill_table(&it, graph);
    put_table(&it, panel);
    put_note(panel, weft__label_of("Bandwidth is that of one direction; every link has two."));
    put_flow(panel, "Links between routers", &spec->cube.flow);
    if (weft__draw_ucie_sides(graph))
        put_flow(panel, "UCIe links", &spec->cube.ucie.flow);
    weft__graph_destroy(graph);
    return WEFT_OK;
}
