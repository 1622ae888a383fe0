/* Specifications of machines, written in C for suites that are not about the loader: complete and checked as after
 * loading. They share the arrays below and must not be freed. */
#ifndef WEFT_TESTS_SUPPORT_MACHINE_SPECS_H
#define WEFT_TESTS_SUPPORT_MACHINE_SPECS_H

#include "sim/machine/spec.h"

/* 2 x 2 in the middle of a cube of 6 x 6, where the HBM is. */
static weft__place machine_holes[] = {{2, 2}, {2, 3}, {3, 2}, {3, 3}};
/* Two in each corner. */
static weft__place machine_pes[] = {{0, 0}, {0, 1}, {0, 4}, {0, 5}, {5, 0}, {5, 1}, {5, 4}, {5, 5}};
static weft__place machine_two_pes[] = {{0, 0}, {1, 1}};

/* A bare network of k x k routers with a PE on each and no HBM. */
static inline weft__machine_spec mesh(uint32_t k)
{
    return (weft__machine_spec){
        .name = "mesh",
        .system = {.sips = 1, .ns_per_mm = 0.01, .flit_bytes = 256, .command_bytes = 16, .link_gbs = 128},
        .host = {.link_gbs = 128},
        .sip = {.rows = 1, .columns = 1, .io = {.side = WEFT__WEST, .link_gbs = 512}},
        .cube = {.rows = k,
                 .columns = k,
                 .pitch_mm = 1,
                 .link_gbs = 256,
                 .ucie = {.connections = 1, .gbs = 128, .overhead_ns = 8},
                 .hbm = {.channels = 8, .channel_gbs = 32, .link_gbs = 256},
                 .sram = {.link_gbs = 128, .overhead_ns = 2}},
        .pe = {.link_gbs = 256,
               .clock_ghz = 1,
               .dispatch_cycles = 1,
               .tcm_kib = 1024,
               .dma = {.channels = 1, .outstanding = 1},
               .tcm = {.read_gbs = 512, .write_gbs = 512, .bank_bytes = 64},
               .mmu = {.page_kib = 2048},
               .gemm = {32, 64, 32, .macs_f64 = 512, .macs_f32 = 1024, .macs_f16 = 4096, .macs_bf16 = 4096,
                        .macs_i8 = 8192},
               .math = {64, .simple_cycles = 1, .divide_cycles = 4, .exp_cycles = 4},
               .scheduler = {.tiles = 8}},
    };
}

/* Two SIPs of 4 x 4 cubes with 8 PEs each. */
static inline weft__machine_spec two_sip(void)
{
    weft__machine_spec spec = mesh(6);
    spec.name = "two-sip";
    spec.system.sips = 2;
    spec.system.link_mm = 50;
    spec.system.switch_overhead_ns = 100;
    spec.host.link_mm = 100;
    spec.sip = (weft__sip_spec){
        4,
        4,
        {.side = WEFT__WEST, .link_gbs = 512, .pcie_overhead_ns = 50, .noc_overhead_ns = 0.5, .cpu_overhead_ns = 10}};
    spec.cube.holes = machine_holes;
    spec.cube.hole_count = 4;
    spec.cube.pes = machine_pes;
    spec.cube.pe_count = 8;
    spec.cube.pitch_mm = 2.5;
    spec.cube.router_overhead_ns = 1;
    spec.cube.ucie.connections = 4;
    spec.cube.ucie.length_mm = 1.5;
    spec.cube.hbm.gib = 48;
    spec.cube.hbm.overhead_ns = 0.25;
    spec.cube.sram.mib = 32;
    spec.cube.sram.at = (weft__place){3, 0};
    spec.cube.mcpu = (weft__mcpu_spec){{0, 2}, 3};
    spec.pe.link_mm = 0.15;
    spec.pe.cpu_overhead_ns = 2;
    return spec;
}

/* Six of these SIPs, 3 rows of 2, in a torus. */
static inline weft__machine_spec six_sip_torus(void)
{
    weft__machine_spec spec = two_sip();
    spec.name = "six-sip-torus";
    spec.system.sips = 6;
    spec.system.fabric = WEFT__SIPS_TORUS;
    spec.system.rows = 3;
    spec.system.columns = 2;
    return spec;
}

/* One SIP with one cube of 2 x 2 routers and two PEs. */
static inline weft__machine_spec tiny(void)
{
    weft__machine_spec spec = mesh(2);
    spec.name = "tiny";
    spec.cube.pes = machine_two_pes;
    spec.cube.pe_count = 2;
    spec.cube.hbm.gib = 1;
    spec.cube.sram.mib = 1;
    spec.cube.sram.at = (weft__place){1, 0};
    return spec;
}

#endif
