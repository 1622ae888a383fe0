/* Pictures of machines: well formed, everything there once, no label on another, whatever the machine is like. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "sim/machine/check.h"
#include "picture_checks.h"
#include "support/machine_specs.h"

enum {
    GRID_MAX = 64,
    RANDOM_MACHINES = 150
};

static weft__place random_holes[GRID_MAX * GRID_MAX], random_pes[GRID_MAX * GRID_MAX];

/* What the specification says, counted without the graph. */

static uint32_t pes_of(const weft__cube_spec *cube)
{
    return cube->pe_count ? cube->pe_count : cube->rows * cube->columns - cube->hole_count;
}

static bool is_hole(const weft__cube_spec *cube, uint32_t row, uint32_t column)
{
    for (unsigned i = 0; i < cube->hole_count; i++)
        if (cube->holes[i].row == row && cube->holes[i].column == column)
            return true;
    return false;
}

static bool has_side(const weft__sip_spec *sip, unsigned side)
{
    bool is_level = side == WEFT__NORTH || side == WEFT__SOUTH;
    return side == (unsigned)sip->io.side || (is_level ? sip->rows : sip->columns) > 1;
}

/* Links of a line of SIPs. */
static uint32_t line_links(uint32_t sips, bool is_closed)
{
    return is_closed && sips > 2 ? sips : sips - 1;
}

static uint32_t sip_links(const weft__system_spec *system)
{
    bool is_torus = system->fabric == WEFT__SIPS_TORUS;
    if (system->fabric == WEFT__SIPS_RING)
        return line_links(system->sips, true);
    if (!is_torus && system->fabric != WEFT__SIPS_MESH)
        return 0;
    return system->rows * line_links(system->columns, is_torus) + system->columns * line_links(system->rows, is_torus);
}

/* Checks */

static void assert_once(const svg_scan *scan, const char *name, const char *id)
{
    size_t count = svg_scan_count(scan, id);
    if (count != 1)
        ck_abort_msg("%s: %s is there %zu times", name, id, count);
}

/* Parts numbered from 0. */
static void assert_numbered(const svg_scan *scan, const char *name, const char *prefix, unsigned count)
{
    char id[48];
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "%s%u", prefix, i);
        assert_once(scan, name, id);
    }
}

static void assert_routers(const svg_scan *scan, const char *name, const weft__cube_spec *cube)
{
    char id[48];
    for (uint32_t row = 0; row < cube->rows; row++)
        for (uint32_t column = 0; column < cube->columns; column++) {
            (void)snprintf(id, sizeof id, "c0-r%uc%u", row, column);
            if (!is_hole(cube, row, column))
                assert_once(scan, name, id);
        }
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "c0-r"), cube->rows * cube->columns - cube->hole_count);
}

static void assert_cube(const svg_scan *scan, const weft__machine_spec *spec)
{
    static const char *const ports[] = {"c0-n", "c0-e", "c0-s", "c0-w"};
    const weft__cube_spec *cube = &spec->cube;
    assert_routers(scan, spec->name, cube);
    uint32_t pes = pes_of(cube), slices = cube->hbm.gib ? pes : 0;
    assert_numbered(scan, spec->name, "c0-pe", pes);
    assert_numbered(scan, spec->name, "c0-hbm", slices);
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "c0-pe"), pes);
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "c0-hbm"), slices + svg_scan_count(scan, "c0-hbm"));
    ck_assert_uint_eq(svg_scan_count(scan, "c0-hbm"), cube->hbm.gib && cube->hole_count);
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "c0-sram"), cube->sram.mib > 0);
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "c0-mcpu"), 1);
    for (unsigned side = 0; side < WEFT__SIDES; side++) {
        uint32_t count = has_side(&spec->sip, side) ? cube->ucie.connections : 0;
        assert_numbered(scan, spec->name, ports[side], count);
        size_t others = side == WEFT__SOUTH ? svg_scan_count(scan, "c0-sram") : 0;
        ck_assert_uint_eq(svg_scan_count_prefix(scan, ports[side]), count + others);
    }
}

static void assert_complete(const svg_scan *scan, const weft__machine_spec *spec)
{
    assert_cube(scan, spec);
    uint32_t sips = spec->system.sips, cubes = spec->sip.rows * spec->sip.columns;
    bool is_flat = spec->sip.io.side == WEFT__NORTH || spec->sip.io.side == WEFT__SOUTH;
    uint32_t phys = spec->cube.ucie.connections ? (is_flat ? spec->sip.columns : spec->sip.rows) : 0;
    assert_numbered(scan, spec->name, "sip", sips);
    /* The view itself is called sip. */
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "sip"), sips + sip_links(&spec->system) + 1);
    assert_numbered(scan, spec->name, "cube", cubes);
    /* And the others cube and cube-parts. */
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "cube"), cubes + 2);
    assert_numbered(scan, spec->name, "io-phy", phys);
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "io-"), phys + 3);
    uint32_t channels = spec->cube.hbm.gib ? spec->cube.hbm.channels : 0;
    assert_numbered(scan, spec->name, "pe0-hbm-channel", channels);
    ck_assert_uint_eq(svg_scan_count_prefix(scan, "pe0-"), 4 + (channels ? channels + 1 : 0));
    for (size_t i = 1; i < scan->part_count; i++)
        if (strcmp(scan->parts[i - 1].id, scan->parts[i].id) == 0)
            ck_abort_msg("%s: %s is there twice", spec->name, scan->parts[i].id);
}

/* The lines to the SIPs leave the switch at its lower edge. */
static void assert_switch_spans(const svg_scan *scan, const weft__machine_spec *spec)
{
    char id[48];
    svg_box bar = svg_scan_find(scan, "switch")->box;
    for (uint32_t sip = 0; sip < spec->system.sips; sip++) {
        (void)snprintf(id, sizeof id, "sip%u", sip);
        svg_box box = svg_scan_find(scan, id)->box;
        if (box.left < bar.left || box.right > bar.right || box.top < bar.bottom)
            ck_abort_msg("%s: %s is not below the switch", spec->name, id);
    }
}

static void check_picture(const weft__machine_spec *spec)
{
    size_t bytes;
    svg_scan scan;
    char *text = draw_picture(spec, WEFT__DRAW_ALL, WEFT__DRAW_AUTO, &bytes);
    assert_well_formed(&scan, text, bytes, spec->name);
    assert_complete(&scan, spec);
    assert_readable(&scan, spec->name);
    assert_apart(&scan, spec->name);
    assert_switch_spans(&scan, spec);
    svg_scan_free(&scan);
    free(text);
}

/* Machines */

START_TEST(the_machines_that_are_shipped)
{
    const weft__machine_spec specs[] = {two_sip(), six_sip_torus(), mesh(8), tiny()};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        check_picture(&specs[i]);
}
END_TEST

/* A torus or mesh in every shape, a ring and a star of every size, and SIPs in every shape. */
START_TEST(every_number_of_sips_and_cubes)
{
    for (uint32_t rows = 1; rows <= 16; rows++)
        for (uint32_t columns = 1; rows * columns <= 16; columns++) {
            weft__machine_spec spec = two_sip();
            spec.name = "shapes";
            spec.system.sips = rows * columns;
            spec.system.rows = rows;
            spec.system.columns = columns;
            spec.sip.rows = columns;
            spec.sip.columns = rows;
            for (unsigned fabric = 0; fabric < 4; fabric++) {
                spec.system.fabric = (weft__sip_fabric)fabric;
                spec.sip.io.side = (weft__side)fabric;
                check_picture(&spec);
            }
        }
}
END_TEST

START_TEST(extreme_grids)
{
    const uint32_t shapes[][2] = {{1, 1}, {1, 64}, {64, 1}, {12, 12}, {13, 13}, {25, 3}, {41, 41}, {64, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        weft__machine_spec spec = mesh(1);
        spec.name = "grid";
        spec.cube.rows = shapes[i][0];
        spec.cube.columns = shapes[i][1];
        spec.cube.ucie.connections = shapes[i][0] < shapes[i][1] ? shapes[i][0] : shapes[i][1];
        spec.sip.rows = spec.sip.columns = 3;
        spec.cube.hbm.gib = 64;
        spec.cube.hbm.channels = 64;
        spec.cube.sram.mib = 1;
        check_picture(&spec);
    }
}
END_TEST

/* Little to draw and long numbers to write beside it. */
START_TEST(small_grids_with_large_numbers)
{
    const double gbs = 999999.999, ns = 999999.999, mm = 9999.999;
    for (unsigned side = 0; side < WEFT__SIDES; side++)
        for (uint32_t cubes = 1; cubes <= 4; cubes++) {
            weft__machine_spec spec = mesh(1);
            spec.name = "numbers";
            spec.system.sips = 2;
            spec.system.fabric = WEFT__SIPS_RING;
            spec.system.link_gbs = spec.host.link_gbs = spec.pe.link_gbs = gbs;
            spec.system.link_mm = spec.host.link_mm = spec.pe.link_mm = mm;
            spec.system.switch_overhead_ns = spec.pe.cpu_overhead_ns = ns;
            spec.system.ns_per_mm = 99.999999;
            spec.sip = (weft__sip_spec){cubes, cubes, {(weft__side)side, gbs, ns, ns, ns}};
            spec.cube.pitch_mm = mm;
            spec.cube.link_gbs = gbs;
            spec.cube.ucie = (weft__ucie_spec){.connections = 1, .gbs = gbs, .overhead_ns = ns, .length_mm = mm};
            spec.cube.hbm = (weft__hbm_spec){256, 1u << cubes, gbs, gbs, ns, ns, ns, 65536};
            check_picture(&spec);
        }
}
END_TEST

/* Random machines, of those that the rules allow. */

static uint32_t between(weft__rng *rng, uint32_t least, uint32_t most)
{
    return least + (uint32_t)weft__rng_below(rng, most - least + 1);
}

static double number(weft__rng *rng, double most)
{
    static const double numbers[] = {0.001, 0.25, 1, 2.125, 33.333, 128, 256, 999.999, 9999.9996, 999999.999};
    double value = numbers[weft__rng_below(rng, sizeof numbers / sizeof numbers[0])];
    return value < most ? value : most;
}

/* Now and then a rectangle without routers, and single holes. */
static void choose_places(weft__rng *rng, weft__cube_spec *cube)
{
    uint32_t holes_percent = between(rng, 0, 2) * 2, pes_percent = between(rng, 1, 4) * 25;
    bool has_room = cube->rows > 2 && cube->columns > 2 && between(rng, 0, 3);
    uint32_t top = has_room ? between(rng, 1, cube->rows - 2) : cube->rows;
    uint32_t left = has_room ? between(rng, 1, cube->columns - 2) : cube->columns;
    uint32_t bottom = has_room ? between(rng, top, cube->rows - 2) : 0;
    uint32_t right = has_room ? between(rng, left, cube->columns - 2) : 0;
    cube->holes = random_holes;
    cube->pes = random_pes;
    cube->hole_count = cube->pe_count = 0;
    for (uint32_t row = 0; row < cube->rows; row++)
        for (uint32_t column = 0; column < cube->columns; column++) {
            bool is_inside = row >= top && row <= bottom && column >= left && column <= right;
            if (is_inside || weft__rng_below(rng, 100) < holes_percent)
                cube->holes[cube->hole_count++] = (weft__place){row, column};
            else if (cube->pe_count == 0 || weft__rng_below(rng, 100) < pes_percent)
                cube->pes[cube->pe_count++] = (weft__place){row, column};
        }
    /* A power of two, among which HBM can be divided. */
    while (cube->pe_count & (cube->pe_count - 1))
        cube->pe_count &= cube->pe_count - 1;
}

static void choose_cube(weft__rng *rng, weft__cube_spec *cube)
{
    uint32_t most = weft__rng_below(rng, 8) ? 14 : GRID_MAX;
    cube->rows = between(rng, 1, most);
    cube->columns = between(rng, 1, most);
    choose_places(rng, cube);
    cube->pitch_mm = number(rng, 1e4);
    cube->router_overhead_ns = number(rng, 1e6);
    cube->link_gbs = number(rng, 1e6);
    cube->flow = (weft__flow_control){.buffer_flits = between(rng, 0, 1) * 65536,
                                      .vcs = 64,
                                      .arbitration = (weft__arbitration)between(rng, 0, 1),
                                      .credit_ns = number(rng, 1e6),
                                      .tail_credit = between(rng, 0, 1)};
    cube->ucie = (weft__ucie_spec){between(rng, 0, cube->rows < cube->columns ? cube->rows : cube->columns),
                                   number(rng, 1e6), number(rng, 1e6), number(rng, 1e4), cube->flow};
    cube->hbm =
        (weft__hbm_spec){between(rng, 0, 1) * 256, 1u << between(rng, 0, 6), number(rng, 1e6), number(rng, 1e6),
                         number(rng, 1e6),         number(rng, 1e6),         number(rng, 1e6), between(rng, 0, 65536)};
    cube->sram = (weft__sram_spec){between(rng, 0, 1) * 1024,
                                   {between(rng, 0, cube->rows - 1), between(rng, 0, cube->columns - 1)},
                                   number(rng, 1e6),
                                   number(rng, 1e6)};
    cube->mcpu = (weft__mcpu_spec){cube->sram.at, number(rng, 1e6)};
}

static weft__machine_spec choose_machine(weft__rng *rng)
{
    weft__machine_spec spec = two_sip();
    spec.name = "by chance";
    weft__system_spec *system = &spec.system;
    system->fabric = (weft__sip_fabric)between(rng, 0, 3);
    system->rows = between(rng, 1, 4);
    system->columns = between(rng, 1, 4);
    system->sips = system->rows * system->columns;
    system->link_gbs = number(rng, 1e6);
    system->link_mm = number(rng, 1e4);
    system->ns_per_mm = number(rng, 100);
    spec.host = (weft__host_spec){.link_gbs = number(rng, 1e6), .link_mm = number(rng, 1e4)};
    spec.sip.rows = between(rng, 1, 4);
    spec.sip.columns = between(rng, 1, 4);
    spec.sip.io = (weft__io_spec){(weft__side)between(rng, 0, 3), number(rng, 1e6), number(rng, 1e6), number(rng, 1e6),
                                  number(rng, 1e6)};
    choose_cube(rng, &spec.cube);
    spec.pe.link_gbs = number(rng, 1e6);
    spec.pe.link_mm = number(rng, 1e4);
    spec.pe.cpu_overhead_ns = number(rng, 1e6);
    spec.pe.tcm_kib = 1u << between(rng, 0, 20);
    spec.pe.dma = (weft__dma_spec){between(rng, 1, 256), between(rng, 1, 256), number(rng, 1e6)};
    return spec;
}

START_TEST(machines_by_chance)
{
    weft__rng rng;
    weft__rng_init(&rng, 20);
    unsigned labelled = 0, with_hbm = 0;
    for (unsigned drawn = 0; drawn < RANDOM_MACHINES;) {
        weft__machine_blame blame;
        weft_error err;
        weft__machine_spec spec = choose_machine(&rng);
        if (weft__machine_check(&spec, &blame, &err) != WEFT_OK)
            continue;
        check_picture(&spec);
        labelled += spec.cube.rows <= 12 && spec.cube.columns <= 12;
        with_hbm += spec.cube.hbm.gib && spec.cube.hole_count;
        drawn++;
    }
    ck_assert_uint_gt(labelled, 20);
    ck_assert_uint_lt(labelled, RANDOM_MACHINES - 10);
    ck_assert_uint_gt(with_hbm, 20);
}
END_TEST

WEFT_TEST_MAIN("draw", the_machines_that_are_shipped, every_number_of_sips_and_cubes, extreme_grids,
               small_grids_with_large_numbers, machines_by_chance)
