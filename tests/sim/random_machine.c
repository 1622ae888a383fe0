#include "sim/random_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define LINES_MAX 160u

/* What is being written. */
typedef struct writing {
    random_machine *machine;
    weft__rng rng;
    uint32_t line;
    /* Where a line of its own was written for a key, its value to be damaged. */
    struct {
        size_t value, end; /* in the text: the value, and the end of its line */
        uint32_t line;
        bool is_name;
    } keys[LINES_MAX];
    size_t key_count;
} writing;

static uint32_t below(writing *it, uint32_t bound)
{
    return (uint32_t)weft__rng_below(&it->rng, bound);
}

static bool chance(writing *it, uint32_t one_in)
{
    return below(it, one_in) == 0;
}

static uint32_t between(writing *it, uint32_t least, uint32_t most)
{
    return least + below(it, most - least + 1);
}

/* What a person would write: a few digits, with or without a fraction. */
static double number(writing *it, double most)
{
    double value = (double)below(it, 1000) * most / 1000;
    return chance(it, 3) ? value : (double)(uint32_t)value;
}

static weft__place place_in(writing *it, uint32_t rows, uint32_t columns)
{
    /* Once in a while outside, by one. */
    return (weft__place){below(it, rows + chance(it, 100)), below(it, columns + chance(it, 100))};
}

static void draw_flow(writing *it, weft__flow_control *flow)
{
    flow->buffer_flits = chance(it, 2) ? 0 : between(it, 1, 16);
    flow->vcs = chance(it, 25) ? 0 : between(it, 1, 8);
    flow->arbitration = chance(it, 2) ? WEFT__ARBITRATE_FIFO : WEFT__ARBITRATE_ROUND_ROBIN;
    flow->credit_ns = number(it, 4);
    flow->tail_credit = chance(it, 2);
}

static void draw_system(writing *it, weft__machine_spec *spec)
{
    weft__system_spec *system = &spec->system;
    system->fabric = (weft__sip_fabric)below(it, 4);
    system->rows = between(it, 1, 3);
    system->columns = between(it, 1, 3);
    system->sips = chance(it, 20) ? between(it, 1, 9) : system->rows * system->columns;
    if (chance(it, 4))
        system->rows = system->columns = 0;
    system->ns_per_mm = number(it, 2);
    system->flit_bytes = chance(it, 40) ? between(it, 8, 4096) : 8u << below(it, 8);
    system->command_bytes = between(it, 1, 64);
    system->link_gbs = 1 + number(it, 1000);
    system->link_mm = number(it, 100);
    system->switch_overhead_ns = number(it, 50);
    spec->host.link_gbs = 1 + number(it, 1000);
    spec->host.link_mm = number(it, 100);
    spec->sip.rows = between(it, 1, 3);
    spec->sip.columns = chance(it, 60) ? between(it, 6, 16) : between(it, 1, 2);
    spec->sip.io.side = (weft__side)below(it, 4);
    spec->sip.io.link_gbs = 1 + number(it, 1000);
    spec->sip.io.pcie_overhead_ns = number(it, 50);
    spec->sip.io.noc_overhead_ns = number(it, 50);
    spec->sip.io.cpu_overhead_ns = number(it, 50);
}

static void draw_cube(writing *it, weft__machine_spec *spec)
{
    weft__cube_spec *cube = &spec->cube;
    cube->rows = between(it, 1, RANDOM_GRID_MAX);
    cube->columns = between(it, 1, RANDOM_GRID_MAX);
    cube->holes = it->machine->holes;
    cube->pes = it->machine->pes;
    uint32_t places = cube->rows * cube->columns;
    cube->hole_count = chance(it, 2) ? 0 : below(it, 1 + places / (chance(it, 3) ? 2 : 8));
    for (unsigned i = 0; i < cube->hole_count; i++)
        cube->holes[i] = chance(it, 50) ? place_in(it, cube->rows, cube->columns)
                                        : (weft__place){i * 7 % places / cube->columns, i * 7 % places % cube->columns};
    cube->pe_count = below(it, 1 + (places < 9 ? places : 8));
    uint32_t first = below(it, places);
    for (unsigned i = 0; i < cube->pe_count; i++) {
        uint32_t place = (first + i * 3) % places;
        cube->pes[i] = chance(it, 100) ? place_in(it, cube->rows, cube->columns)
                                       : (weft__place){place / cube->columns, place % cube->columns};
    }
    cube->pitch_mm = number(it, 10);
    cube->router_overhead_ns = number(it, 10);
    cube->link_gbs = 1 + number(it, 1000);
    draw_flow(it, &cube->flow);
    cube->input_speedup = below(it, 4);
    uint32_t fewest = cube->rows < cube->columns ? cube->rows : cube->columns;
    cube->ucie.connections = chance(it, 30) ? below(it, fewest + 2) : between(it, 1, fewest);
    cube->ucie.gbs = 1 + number(it, 1000);
    cube->ucie.overhead_ns = number(it, 20);
    cube->ucie.length_mm = number(it, 5);
    draw_flow(it, &cube->ucie.flow);
    cube->mcpu.at = place_in(it, cube->rows, cube->columns);
    cube->mcpu.overhead_ns = number(it, 20);
    cube->sram.mib = chance(it, 2) ? 0 : between(it, 1, 64);
    cube->sram.at = place_in(it, cube->rows, cube->columns);
    cube->sram.link_gbs = 1 + number(it, 1000);
    cube->sram.overhead_ns = number(it, 20);
}

static void draw_memory(writing *it, weft__machine_spec *spec)
{
    weft__hbm_spec *hbm = &spec->cube.hbm;
    hbm->gib = chance(it, 3) ? 0 : chance(it, 4) ? between(it, 1, 32) : (spec->cube.pe_count + 1) * between(it, 0, 3);
    if (spec->cube.pe_count > 0 && chance(it, 2))
        hbm->gib = spec->cube.pe_count * between(it, 0, 3);
    hbm->channels = chance(it, 40) ? between(it, 1, 64) : 1u << below(it, 7);
    hbm->channel_gbs = 1 + number(it, 100);
    hbm->link_gbs = 1 + number(it, 1000);
    hbm->overhead_ns = number(it, 20);
    hbm->turnaround_ns = number(it, 20);
    hbm->open_ns = number(it, 20);
    spec->pe.link_gbs = 1 + number(it, 1000);
    spec->pe.link_mm = number(it, 5);
    spec->pe.cpu_overhead_ns = number(it, 20);
    spec->pe.tcm_kib = between(it, 1, 4096);
    spec->pe.dma.channels = between(it, 1, 4);
    spec->pe.dma.setup_ns = number(it, 20);
}

/* The rules, as the plainest reading of docs/machine.md has them. */
typedef struct grid {
    char at[RANDOM_GRID_MAX + 2][RANDOM_GRID_MAX + 2]; /* '.': a router, 'p': with a PE, ' ': none */
} grid;

static char *at_place(grid *map, weft__place place)
{
    static char outside;
    outside = ' ';
    if (place.row >= RANDOM_GRID_MAX || place.column >= RANDOM_GRID_MAX)
        return &outside;
    return &map->at[place.row + 1][place.column + 1];
}

/* Counts the routers that hang together with one of them, and clears them. */
static uint32_t clear_from(grid *map, uint32_t row, uint32_t column)
{
    if (map->at[row][column] == ' ')
        return 0;
    map->at[row][column] = ' ';
    return 1 + clear_from(map, row - 1, column) + clear_from(map, row + 1, column) + clear_from(map, row, column - 1) +
           clear_from(map, row, column + 1);
}

static bool draw_map(const weft__cube_spec *cube, grid *map, uint32_t *out_routers)
{
    memset(map, ' ', sizeof *map);
    *out_routers = cube->rows * cube->columns;
    for (uint32_t row = 1; row <= cube->rows; row++)
        memset(map->at[row] + 1, '.', cube->columns);
    for (unsigned i = 0; i < cube->hole_count; i++) {
        if (*at_place(map, cube->holes[i]) != '.')
            return false;
        *at_place(map, cube->holes[i]) = ' ';
        *out_routers -= 1;
    }
    return *out_routers > 0;
}

static bool are_ports_right(const weft__machine_spec *spec, grid *map)
{
    const weft__cube_spec *cube = &spec->cube;
    uint32_t ports = cube->ucie.connections;
    const bool is_used[WEFT__SIDES] = {spec->sip.rows > 1, spec->sip.columns > 1, spec->sip.rows > 1,
                                       spec->sip.columns > 1};
    const uint32_t extent[WEFT__SIDES] = {cube->columns, cube->rows, cube->columns, cube->rows};
    for (uint32_t side = 0; side < WEFT__SIDES; side++) {
        if (!is_used[side] && side != (uint32_t)spec->sip.io.side)
            continue;
        if (ports > extent[side])
            return false;
        for (uint32_t port = 0; port < ports; port++) {
            uint32_t along = (extent[side] - ports) / 2 + port;
            const weft__place places[WEFT__SIDES] = {
                {0, along}, {along, cube->columns - 1}, {cube->rows - 1, along}, {along, 0}};
            if (*at_place(map, places[side]) == ' ')
                return false;
        }
    }
    return true;
}

static bool is_power(uint32_t value)
{
    return __builtin_popcount(value) == 1;
}

static bool is_system_right(const weft__machine_spec *spec)
{
    const weft__system_spec *system = &spec->system;
    bool has_grid = system->fabric == WEFT__SIPS_TORUS || system->fabric == WEFT__SIPS_MESH;
    bool is_square = system->rows + system->columns == 0 &&
                     (system->sips == 1 || system->sips == 4 || system->sips == 9 || system->sips == 16);
    uint32_t cubes = system->sips * spec->sip.rows * spec->sip.columns;
    return (!has_grid || is_square || system->rows * system->columns == system->sips) &&
           spec->sip.rows * spec->sip.columns <= 16 && is_power(system->flit_bytes) &&
           is_power(spec->cube.hbm.channels) && (spec->cube.ucie.connections > 0 || cubes == 1);
}

static bool is_flow_right(const weft__flow_control *flow)
{
    return flow->buffer_flits == 0 || flow->vcs > 0;
}

static bool is_right(const weft__machine_spec *spec)
{
    const weft__cube_spec *cube = &spec->cube;
    grid map;
    uint32_t routers;
    if (!is_system_right(spec) || !is_flow_right(&cube->flow) || !is_flow_right(&cube->ucie.flow) ||
        !draw_map(cube, &map, &routers) || !are_ports_right(spec, &map))
        return false;
    if (*at_place(&map, cube->mcpu.at) == ' ' || (cube->sram.mib > 0 && *at_place(&map, cube->sram.at) == ' '))
        return false;
    for (unsigned i = 0; i < cube->pe_count; i++) {
        if (*at_place(&map, cube->pes[i]) != '.')
            return false;
        *at_place(&map, cube->pes[i]) = 'p';
    }
    uint64_t pes = cube->pe_count ? cube->pe_count : routers;
    uint64_t hbm = (uint64_t)cube->hbm.gib << 30;
    if (hbm % pes != 0 || hbm / pes % spec->system.flit_bytes != 0)
        return false;
    uint32_t row = 1;
    uint32_t column = 1;
    while (map.at[row][column] == ' ')
        if (++column > RANDOM_GRID_MAX) {
            column = 1;
            row++;
        }
    return clear_from(&map, row, column) == routers;
}

static void put(writing *it, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(writing *it, const char *format, ...)
{
    random_machine *machine = it->machine;
    va_list list;
    va_start(list, format);
    int bytes = vsnprintf(machine->text + machine->bytes, RANDOM_MACHINE_BYTES - machine->bytes, format, list);
    va_end(list);
    if (bytes < 0 || machine->bytes + (size_t)bytes >= RANDOM_MACHINE_BYTES)
        abort(); /* the text is too small for what is drawn */
    for (int i = 0; i < bytes; i++)
        it->line += machine->text[machine->bytes + (size_t)i] == '\n';
    machine->bytes += (size_t)bytes;
}

/* One line "key: value", now and then behind a comment or an empty line, in quotes or in front of a comment. */
static void put_key(writing *it, uint32_t indent, const char *key, const char *value)
{
    if (chance(it, 8))
        put(it, chance(it, 2) ? "\n" : "# some words: [and signs\n");
    bool is_quoted = chance(it, 10) && value[0] != '[';
    put(it, "%*s%s: ", (int)indent, "", key);
    it->keys[it->key_count].value = it->machine->bytes;
    put(it, is_quoted ? "'%s'" : "%s", value);
    it->keys[it->key_count].end = it->machine->bytes;
    it->keys[it->key_count].line = it->line;
    it->keys[it->key_count++].is_name = strcmp(key, "name") == 0;
    put(it, chance(it, 10) ? "  # a remark\n" : "\n");
}

static void put_count(writing *it, uint32_t indent, const char *key, uint32_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%u", value);
    put_key(it, indent, key, text);
}

static void put_number(writing *it, uint32_t indent, const char *key, double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, chance(it, 8) ? "%.6e" : "%.7g", value);
    put_key(it, indent, key, text);
}

static void put_place(writing *it, uint32_t indent, const char *key, weft__place place)
{
    char text[32];
    (void)snprintf(text, sizeof text, "[%u, %u]", place.row, place.column);
    put_key(it, indent, key, text);
}

/* As a list in brackets, or an entry a line; the latter cannot be damaged. */
static void put_places(writing *it, uint32_t indent, const char *key, const weft__place *places, unsigned count)
{
    bool is_block = count > 0 && chance(it, 2);
    put(it, "%*s%s:%s", (int)indent, "", key, is_block ? "\n" : " [");
    for (unsigned i = 0; i < count; i++)
        if (is_block)
            put(it, "%*s- [%u, %u]\n", (int)indent + 2, "", places[i].row, places[i].column);
        else
            put(it, "%s[%u, %u]", i ? ", " : "", places[i].row, places[i].column);
    if (!is_block)
        put(it, "]\n");
}

static void put_flow(writing *it, uint32_t indent, const weft__flow_control *flow)
{
    put_count(it, indent, "buffer_flits", flow->buffer_flits);
    put_count(it, indent, "vcs", flow->vcs);
    put_key(it, indent, "arbitration", flow->arbitration == WEFT__ARBITRATE_FIFO ? "fifo" : "round_robin");
    put_number(it, indent, "credit_ns", flow->credit_ns);
    put_key(it, indent, "tail_credit", flow->tail_credit ? "true" : "false");
}

static void put_system(writing *it, const weft__machine_spec *spec)
{
    static const char *const fabrics[] = {"switch", "ring", "torus", "mesh"};
    const weft__system_spec *system = &spec->system;
    put(it, "system:\n");
    put_key(it, 2, "fabric", fabrics[system->fabric]);
    put_count(it, 2, "sips", system->sips);
    put_count(it, 2, "rows", system->rows);
    put_count(it, 2, "columns", system->columns);
    put_number(it, 2, "ns_per_mm", system->ns_per_mm);
    put_count(it, 2, "flit_bytes", system->flit_bytes);
    put_count(it, 2, "command_bytes", system->command_bytes);
    put_number(it, 2, "link_gbs", system->link_gbs);
    put_number(it, 2, "link_mm", system->link_mm);
    put_number(it, 2, "switch_overhead_ns", system->switch_overhead_ns);
}

static void put_host(writing *it, const weft__machine_spec *spec)
{
    put(it, "host:\n");
    put_number(it, 2, "link_mm", spec->host.link_mm);
    put_number(it, 2, "link_gbs", spec->host.link_gbs);
}

static void put_sip(writing *it, const weft__machine_spec *spec)
{
    static const char *const sides[] = {"north", "east", "south", "west"};
    put(it, "sip:\n");
    put_count(it, 2, "rows", spec->sip.rows);
    put(it, "  io:\n");
    put_number(it, 4, "pcie_overhead_ns", spec->sip.io.pcie_overhead_ns);
    put_number(it, 4, "noc_overhead_ns", spec->sip.io.noc_overhead_ns);
    put_number(it, 4, "cpu_overhead_ns", spec->sip.io.cpu_overhead_ns);
    put_key(it, 4, "side", sides[spec->sip.io.side]);
    put_number(it, 4, "link_gbs", spec->sip.io.link_gbs);
    put_count(it, 2, "columns", spec->sip.columns);
}

static void put_cube_parts(writing *it, const weft__cube_spec *cube)
{
    put(it, "  ucie:\n");
    put_count(it, 4, "connections", cube->ucie.connections);
    put_number(it, 4, "gbs", cube->ucie.gbs);
    put_number(it, 4, "overhead_ns", cube->ucie.overhead_ns);
    put_number(it, 4, "length_mm", cube->ucie.length_mm);
    put_flow(it, 4, &cube->ucie.flow);
    put(it, "  hbm:\n");
    put_count(it, 4, "gib", cube->hbm.gib);
    put_count(it, 4, "channels", cube->hbm.channels);
    put_number(it, 4, "channel_gbs", cube->hbm.channel_gbs);
    put_number(it, 4, "link_gbs", cube->hbm.link_gbs);
    put_number(it, 4, "overhead_ns", cube->hbm.overhead_ns);
    put_number(it, 4, "turnaround_ns", cube->hbm.turnaround_ns);
    put_number(it, 4, "open_ns", cube->hbm.open_ns);
    put(it, "  sram:\n");
    put_count(it, 4, "mib", cube->sram.mib);
    put_place(it, 4, "at", cube->sram.at);
    put_number(it, 4, "link_gbs", cube->sram.link_gbs);
    put_number(it, 4, "overhead_ns", cube->sram.overhead_ns);
    put(it, "  mcpu:\n");
    put_place(it, 4, "at", cube->mcpu.at);
    put_number(it, 4, "overhead_ns", cube->mcpu.overhead_ns);
}

static void put_cube(writing *it, const weft__machine_spec *spec)
{
    const weft__cube_spec *cube = &spec->cube;
    put(it, "cube:\n");
    bool are_parts_first = chance(it, 2);
    if (are_parts_first)
        put_cube_parts(it, cube);
    put_count(it, 2, "rows", cube->rows);
    put_places(it, 2, "pes", cube->pes, cube->pe_count);
    put_count(it, 2, "columns", cube->columns);
    if (cube->hole_count > 0 || chance(it, 2))
        put_places(it, 2, "holes", cube->holes, cube->hole_count);
    put_number(it, 2, "pitch_mm", cube->pitch_mm);
    put_number(it, 2, "router_overhead_ns", cube->router_overhead_ns);
    put_number(it, 2, "link_gbs", cube->link_gbs);
    put_flow(it, 2, &cube->flow);
    put_count(it, 2, "input_speedup", cube->input_speedup);
    if (!are_parts_first)
        put_cube_parts(it, cube);
}

static void put_pe(writing *it, const weft__machine_spec *spec)
{
    put(it, "pe:\n");
    put(it, "  dma:\n");
    put_number(it, 4, "setup_ns", spec->pe.dma.setup_ns);
    put_count(it, 4, "channels", spec->pe.dma.channels);
    put_number(it, 2, "link_gbs", spec->pe.link_gbs);
    put_number(it, 2, "link_mm", spec->pe.link_mm);
    put_number(it, 2, "cpu_overhead_ns", spec->pe.cpu_overhead_ns);
    put_count(it, 2, "tcm_kib", spec->pe.tcm_kib);
}

static void put_name(writing *it, const weft__machine_spec *spec)
{
    (void)spec;
    put_key(it, 0, "name", "drawn by chance");
}

static void put_all(writing *it)
{
    void (*parts[])(writing *, const weft__machine_spec *) = {put_name, put_system, put_host,
                                                              put_sip,  put_cube,   put_pe};
    uint32_t count = sizeof parts / sizeof parts[0];
    for (uint32_t i = count; i > 0; i--) {
        uint32_t chosen = below(it, i);
        parts[chosen](it, &it->machine->expected);
        parts[chosen] = parts[i - 1];
    }
}

static void replace(random_machine *machine, size_t first, size_t end, const char *by)
{
    size_t bytes = strlen(by);
    if (machine->bytes + bytes >= RANDOM_MACHINE_BYTES)
        abort();
    memmove(machine->text + first + bytes, machine->text + end, machine->bytes - end + 1);
    memcpy(machine->text + first, by, bytes);
    machine->bytes += bytes - (end - first);
}

/* Spoils the value of a key, repeats the key, or names one that does not exist, in a line that is known. */
static void damage_line(writing *it)
{
    static const char *const bad[] = {"-1", "x", "1e999", "[[1]]", "{a: 1}", "", "0x1", "nan", "1 2", "99999999999"};
    random_machine *machine = it->machine;
    uint32_t chosen = below(it, (uint32_t)it->key_count);
    while (it->keys[chosen].is_name)
        chosen = below(it, (uint32_t)it->key_count);
    size_t value = it->keys[chosen].value;
    size_t end = it->keys[chosen].end;
    machine->verdict = RANDOM_BREAKS_A_LINE;
    machine->line = it->keys[chosen].line;
    if (chance(it, 2)) {
        replace(machine, value, end, bad[below(it, sizeof bad / sizeof bad[0])]);
        return;
    }
    size_t line = value;
    while (line > 0 && machine->text[line - 1] != '\n')
        line--;
    char again[64];
    (void)snprintf(again, sizeof again, "\n%.*s1", (int)(value - line), machine->text + line);
    if (chance(it, 2)) {
        size_t letter = strspn(again + 1, " ") + 1;
        again[letter] = (char)(again[letter] - 'a' + 'A');
    }
    replace(machine, end, end, again);
    machine->line++;
}

static void damage_bytes(writing *it)
{
    random_machine *machine = it->machine;
    machine->verdict = RANDOM_ANYTHING;
    for (uint32_t left = between(it, 1, 8); left > 0; left--) {
        size_t at = below(it, (uint32_t)machine->bytes);
        static const char signs[] = "{}[]:,-?&*!|>'\"%@`# \n\t0";
        switch (below(it, 4)) {
        case 0:
            machine->text[at] = (char)below(it, 256);
            break;
        case 1:
            machine->text[at] = signs[below(it, sizeof signs - 1)];
            break;
        case 2: {
            size_t end = at + below(it, 20);
            replace(machine, at, end < machine->bytes ? end : machine->bytes, "");
            break;
        }
        default: {
            char piece[32];
            size_t from = below(it, (uint32_t)machine->bytes);
            (void)snprintf(piece, 1 + below(it, sizeof piece - 1), "%s", machine->text + from);
            replace(machine, at, at, piece);
        }
        }
    }
}

void draw_random_machine(uint64_t seed, random_machine *out)
{
    memset(out, 0, sizeof *out);
    writing it = {.machine = out, .line = 1};
    weft__rng_init(&it.rng, seed);
    uint32_t kind = below(&it, 10);
    /* Most of what is drawn breaks some rule: those that shall not are drawn until they do not. */
    do {
        weft__machine_spec *spec = &out->expected;
        memset(spec, 0, sizeof *spec);
        draw_system(&it, spec);
        draw_cube(&it, spec);
        draw_memory(&it, spec);
    } while (kind < 8 && !is_right(&out->expected));
    out->verdict = is_right(&out->expected) ? RANDOM_LOADS : RANDOM_BREAKS_A_RULE;
    put_all(&it);
    if (kind >= 5 && kind < 7)
        damage_line(&it);
    else if (kind == 7)
        damage_bytes(&it);
}
