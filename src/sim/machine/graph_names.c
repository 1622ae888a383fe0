/* Names of nodes, both ways. */
#include "sim/machine/graph_impl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/machine/schema.h"

void weft__graph_node_name(const weft__graph *graph, uint32_t node, char name[WEFT__NODE_NAME_BYTES])
{
    const weft__node *it = &graph->nodes[node];
    unsigned sip = it->sip, cube = it->cube, unit = it->unit;
    const char *part = "";
    switch (it->kind) {
    case WEFT__NODE_HOST:
    case WEFT__NODE_SWITCH:
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "%s", it->kind == WEFT__NODE_HOST ? "host" : "switch");
        return;
    case WEFT__NODE_PCIE:
    case WEFT__NODE_IO_CPU:
    case WEFT__NODE_IO_NOC:
        part = it->kind == WEFT__NODE_PCIE ? "pcie" : it->kind == WEFT__NODE_IO_CPU ? "cpu" : "noc";
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "sip%u.io.%s", sip, part);
        return;
    case WEFT__NODE_IO_PHY:
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "sip%u.io.phy%u.c%u", sip, unit, (unsigned)it->connection);
        return;
    case WEFT__NODE_ROUTER:
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "sip%u.cube%u.r%uc%u", sip, cube, (unsigned)it->row,
                       (unsigned)it->column);
        return;
    case WEFT__NODE_UCIE:
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "sip%u.cube%u.ucie.%c%u", sip, cube, weft__side_name(it->side)[0],
                       unit);
        return;
    case WEFT__NODE_SRAM:
    case WEFT__NODE_MCPU:
        part = it->kind == WEFT__NODE_SRAM ? "sram" : "mcpu";
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "sip%u.cube%u.%s", sip, cube, part);
        return;
    case WEFT__NODE_HBM:
    case WEFT__NODE_DMA:
    case WEFT__NODE_PE_CPU:
        part = it->kind == WEFT__NODE_HBM ? "hbm" : it->kind == WEFT__NODE_DMA ? "dma" : "cpu";
        (void)snprintf(name, WEFT__NODE_NAME_BYTES, "sip%u.cube%u.pe%u.%s", sip, cube, unit, part);
        return;
    }
}

/* A name that is being read: segments with points between them. */
typedef struct reader {
    const weft__graph *graph;
    const char *name;
    const char *at;      /* what is left of it */
    const char *segment; /* where the segment begins that is being read */
    const char *good;    /* where the segment before it ended */
    weft_error *err;
} reader;

static bool is_segment_end(const reader *r)
{
    return *r->at == '\0' || *r->at == '.';
}

/* Takes a word, if it stands here. */
static bool take(reader *r, const char *word)
{
    size_t bytes = strlen(word);
    if (strncmp(r->at, word, bytes) != 0)
        return false;
    r->at += bytes;
    return true;
}

/* Takes a number as it is printed, without leading zeros; one that does not fit becomes UINT32_MAX. */
static bool take_number(reader *r, uint32_t *out)
{
    const char *start = r->at;
    uint64_t value = 0;
    for (; *r->at >= '0' && *r->at <= '9'; r->at++)
        if (value < UINT32_MAX)
            value = value * 10 + (uint64_t)(*r->at - '0');
    *out = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    return r->at > start && (*start != '0' || r->at == start + 1);
}

/* Takes the whole segment, if it is this word. */
static bool take_segment(reader *r, const char *word)
{
    if (take(r, word) && is_segment_end(r))
        return true;
    r->at = r->segment;
    return false;
}

/* Takes the whole segment, if it is this word and a number, "cube3" say. */
static bool take_numbered(reader *r, const char *word, uint32_t *out)
{
    if (take(r, word) && take_number(r, out) && is_segment_end(r))
        return true;
    r->at = r->segment;
    return false;
}

/* Takes the whole segment, if it is "rRcC". */
static bool take_place(reader *r, weft__place *out)
{
    if (take(r, "r") && take_number(r, &out->row) && take(r, "c") && take_number(r, &out->column) && is_segment_end(r))
        return true;
    r->at = r->segment;
    return false;
}

/* Goes on to the next segment, if there is one. */
static bool take_point(reader *r)
{
    r->good = r->at;
    if (*r->at != '.')
        return false;
    r->segment = ++r->at;
    return true;
}

/* "NAME: ..." with the name as far as it was read, shortened, and without bytes that do not belong into a message. */
static weft_status fail(const reader *r, const char *format, ...) WEFT_PRINTF(2, 3) WEFT_COLD;

static weft_status fail(const reader *r, const char *format, ...)
{
    char shown[64], reason[320];
    size_t bytes = (size_t)(r->segment - r->name) + strcspn(r->segment, ".");
    const char *more = bytes >= sizeof shown ? "..." : "";
    size_t kept = bytes >= sizeof shown ? sizeof shown - sizeof "..." : bytes;
    for (size_t i = 0; i < kept; i++)
        shown[i] = (r->name[i] > ' ' && r->name[i] <= '~') ? r->name[i] : '?';
    memcpy(shown + kept, more, strlen(more) + 1);
    va_list list;
    va_start(list, format);
    (void)vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    return weft__fail(r->err, WEFT_NOT_FOUND, "%s: %s.", bytes ? shown : "A name that begins with nothing", reason);
}

/* The name stops too early, or goes on with what cannot be there. */
static weft_status fail_next(const reader *r, const char *choices)
{
    return fail(r, "after %.*s comes %s", (int)(r->good - r->name), r->name, choices);
}

typedef struct range_text {
    char text[64];
} range_text;

/* "cubes 0 to 15" */
static range_text range_of(const char *what, uint32_t count)
{
    range_text range;
    if (count == 0)
        (void)snprintf(range.text, sizeof range.text, "no %ss", what);
    else if (count == 1)
        (void)snprintf(range.text, sizeof range.text, "%s 0 alone", what);
    else
        (void)snprintf(range.text, sizeof range.text, "%ss 0 to %" PRIu32, what, count - 1);
    return range;
}

/* "cube0 to cube15" */
static range_text names_of(const char *what, uint32_t count)
{
    range_text range;
    if (count == 1)
        (void)snprintf(range.text, sizeof range.text, "%s0", what);
    else
        (void)snprintf(range.text, sizeof range.text, "%s0 to %s%" PRIu32, what, what, count - 1);
    return range;
}

/* The name must be complete. */
static weft_status end(reader *r, uint32_t node, uint32_t *out)
{
    if (take_point(r))
        return fail_next(r, "nothing");
    *out = node;
    return WEFT_OK;
}

static weft_status read_phy(reader *r, uint32_t sip, uint32_t phy, uint32_t *out)
{
    const weft__machine_spec *spec = r->graph->spec;
    uint32_t connections = spec->cube.ucie.connections, number;
    uint32_t phys = connections ? weft__graph_phys(spec) / connections : 0;
    if (phy >= phys)
        return fail(r, "the IO chiplets of this machine have %s", range_of("phy", phys).text);
    if (!take_point(r) || !take_numbered(r, "c", &number))
        return fail_next(r, names_of("c", connections).text);
    if (number >= connections)
        return fail(r, "the phys of this machine have %s", range_of("connection", connections).text);
    return end(r, weft__graph_node(r->graph, WEFT__NODE_IO_PHY, sip, 0, phy * connections + number), out);
}

static weft_status read_io(reader *r, uint32_t sip, uint32_t *out)
{
    const struct {
        const char *word;
        weft__node_kind kind;
    } parts[] = {{"pcie", WEFT__NODE_PCIE}, {"cpu", WEFT__NODE_IO_CPU}, {"noc", WEFT__NODE_IO_NOC}};
    bool goes_on = take_point(r);
    for (size_t i = 0; goes_on && i < sizeof parts / sizeof parts[0]; i++)
        if (take_segment(r, parts[i].word))
            return end(r, weft__graph_node(r->graph, parts[i].kind, sip, 0, 0), out);
    uint32_t phy;
    if (goes_on && take_numbered(r, "phy", &phy))
        return read_phy(r, sip, phy, out);
    return fail_next(r, "pcie, noc, cpu or the number of a phy, phy0.c0 say");
}

static weft_status read_connection(reader *r, uint32_t sip, uint32_t cube, uint32_t *out)
{
    uint32_t connections = r->graph->spec->cube.ucie.connections;
    if (connections == 0)
        return fail(r, "the cubes of this machine have no UCIe connections");
    bool goes_on = take_point(r);
    for (uint32_t side = 0; goes_on && side < WEFT__SIDES; side++) {
        const char word[] = {weft__side_name((weft__side)side)[0], '\0'};
        uint32_t number;
        if (!take_numbered(r, word, &number))
            continue;
        if (number >= connections)
            return fail(r, "each side of a cube of this machine has %s", range_of("connection", connections).text);
        uint32_t node = weft__graph_node(r->graph, WEFT__NODE_UCIE, sip, cube, side * connections + number);
        if (node == WEFT__NODE_NONE)
            return fail(r, "this cube has no connections on its %s side, where nothing is",
                        weft__side_name((weft__side)side));
        return end(r, node, out);
    }
    return fail_next(r, "n, e, s or w and a number, n0 say");
}

static weft_status read_pe(reader *r, uint32_t sip, uint32_t cube, uint32_t pe, uint32_t *out)
{
    const struct {
        const char *word;
        weft__node_kind kind;
    } parts[] = {{"dma", WEFT__NODE_DMA}, {"cpu", WEFT__NODE_PE_CPU}, {"hbm", WEFT__NODE_HBM}};
    if (pe >= r->graph->pes)
        return fail(r, "the cubes of this machine have %s", range_of("PE", r->graph->pes).text);
    if (!take_point(r))
        return end(r, weft__graph_node(r->graph, WEFT__NODE_DMA, sip, cube, pe), out);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!take_segment(r, parts[i].word))
            continue;
        uint32_t node = weft__graph_node(r->graph, parts[i].kind, sip, cube, pe);
        return node == WEFT__NODE_NONE ? fail(r, "the cubes of this machine have no HBM") : end(r, node, out);
    }
    return fail_next(r, r->graph->spec->cube.hbm.gib ? "dma, cpu or hbm" : "dma or cpu");
}

static weft_status read_router(reader *r, uint32_t sip, uint32_t cube, weft__place place, uint32_t *out)
{
    const weft__cube_spec *spec = &r->graph->spec->cube;
    if (place.row >= spec->rows || place.column >= spec->columns)
        return fail(r, "the cubes of this machine have %s and %s of routers", range_of("row", spec->rows).text,
                    range_of("column", spec->columns).text);
    uint32_t node = weft__graph_node(r->graph, WEFT__NODE_ROUTER, sip, cube, weft__place_index(spec, place));
    return node == WEFT__NODE_NONE ? fail(r, "there is a hole in the cube and no router") : end(r, node, out);
}

static weft_status read_cube(reader *r, uint32_t sip, uint32_t cube, uint32_t *out)
{
    if (cube >= r->graph->cubes)
        return fail(r, "the SIPs of this machine have %s", range_of("cube", r->graph->cubes).text);
    weft__place place;
    uint32_t pe;
    bool goes_on = take_point(r);
    if (goes_on && take_numbered(r, "pe", &pe))
        return read_pe(r, sip, cube, pe, out);
    if (goes_on && take_place(r, &place))
        return read_router(r, sip, cube, place, out);
    if (goes_on && take_segment(r, "ucie"))
        return read_connection(r, sip, cube, out);
    if (goes_on && take_segment(r, "mcpu"))
        return end(r, weft__graph_node(r->graph, WEFT__NODE_MCPU, sip, cube, 0), out);
    uint32_t sram = weft__graph_node(r->graph, WEFT__NODE_SRAM, sip, cube, 0);
    if (goes_on && take_segment(r, "sram"))
        return sram == WEFT__NODE_NONE ? fail(r, "the cubes of this machine have no SRAM") : end(r, sram, out);
    char choices[160];
    (void)snprintf(choices, sizeof choices, "%s, mcpu, %sucie or a router, r0c1 say",
                   names_of("pe", r->graph->pes).text, sram == WEFT__NODE_NONE ? "" : "sram, ");
    return fail_next(r, choices);
}

weft_status weft__graph_find(const weft__graph *graph, const char *name, uint32_t *out, weft_error *err)
{
    *out = WEFT__NODE_NONE;
    reader r = {.graph = graph, .name = name, .at = name, .segment = name, .good = name, .err = err};
    uint32_t sip, cube, sips = graph->spec->system.sips;
    if (take_segment(&r, "host"))
        return end(&r, weft__graph_node(graph, WEFT__NODE_HOST, 0, 0, 0), out);
    if (take_segment(&r, "switch"))
        return end(&r, weft__graph_node(graph, WEFT__NODE_SWITCH, 0, 0, 0), out);
    if (!take_numbered(&r, "sip", &sip))
        return fail(&r, "names of nodes begin with host, switch or %s", names_of("sip", sips).text);
    if (sip >= sips)
        return fail(&r, "this machine has %s", range_of("SIP", sips).text);
    bool goes_on = take_point(&r);
    if (goes_on && take_segment(&r, "io"))
        return read_io(&r, sip, out);
    if (goes_on && take_numbered(&r, "cube", &cube))
        return read_cube(&r, sip, cube, out);
    char choices[80];
    (void)snprintf(choices, sizeof choices, "io or %s", names_of("cube", graph->cubes).text);
    return fail_next(&r, choices);
}
