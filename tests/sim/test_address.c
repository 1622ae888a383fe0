/* The codec of addresses, what lies where in the dies, and the pseudo-channels. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "sim/machine/address.h"
#include "support/machine_specs.h"
#include "support/sentence.h"

#define GIB (UINT64_C(1) << 30)

static weft__graph *create(const weft__machine_spec *spec)
{
    weft__graph *graph;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__graph_create(spec, &graph, &error), error);
    return graph;
}

START_TEST(packs_the_three_fields)
{
    weft_error error;
    uint64_t code;
    weft__address back;
    WEFT_TEST_ASSERT_OK(weft__address_encode(&(weft__address){15, 20, (UINT64_C(1) << 42) - 1}, &code, &error), error);
    ck_assert_uint_eq(code, UINT64_C(0x7d3ffffffffff));
    WEFT_TEST_ASSERT_OK(weft__address_encode(&(weft__address){1, 0, 0}, &code, &error), error);
    ck_assert_uint_eq(code, UINT64_C(1) << 47);
    WEFT_TEST_ASSERT_OK(weft__address_encode(&(weft__address){0, 1, 2}, &code, &error), error);
    ck_assert_uint_eq(code, (UINT64_C(1) << 42) + 2);
    weft__rng rng;
    weft__rng_init(&rng, 1);
    for (int i = 0; i < 1000; i++) {
        weft__address address = {(uint32_t)weft__rng_below(&rng, 16), (uint32_t)weft__rng_below(&rng, 21),
                                 weft__rng_below(&rng, UINT64_C(1) << 42)};
        WEFT_TEST_ASSERT_OK(weft__address_encode(&address, &code, &error), error);
        WEFT_TEST_ASSERT_OK(weft__address_decode(code, &back, &error), error);
        ck_assert(back.sip == address.sip && back.die == address.die && back.offset == address.offset);
    }
}
END_TEST

START_TEST(refuses_fields_without_room)
{
    weft_error error;
    uint64_t code;
    weft__address back;
    WEFT_TEST_ASSERT_FAILS(weft__address_encode(&(weft__address){16, 0, 0}, &code, &error), error, WEFT_OUT_OF_RANGE,
                           "SIP 16", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__address_encode(&(weft__address){0, 21, 0}, &code, &error), error, WEFT_OUT_OF_RANGE,
                           "die 21", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__address_encode(&(weft__address){0, 0, UINT64_C(1) << 42}, &code, &error), error,
                           WEFT_OUT_OF_RANGE, "0x40000000000", "42 bits", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__address_decode(UINT64_C(1) << 51, &back, &error), error, WEFT_OUT_OF_RANGE,
                           "0x8000000000000", "51 bits", NULL, NULL);
    for (uint64_t die = 21; die < 32; die++)
        WEFT_TEST_ASSERT_FAILS(weft__address_decode(die << 42, &back, &error), error, WEFT_OUT_OF_RANGE, "reserved",
                               NULL, NULL, NULL);
    for (uint64_t die = 0; die < 21; die++)
        WEFT_TEST_ASSERT_OK(weft__address_decode(die << 42, &back, &error), error);
}
END_TEST

static void check_resolves(const weft__graph *graph, uint64_t address, uint64_t bytes, const char *name,
                           weft__region region, uint64_t offset)
{
    weft__location location;
    weft_error error;
    uint32_t node;
    WEFT_TEST_ASSERT_OK(weft__address_resolve(graph, address, bytes, &location, &error), error);
    WEFT_TEST_ASSERT_OK(weft__graph_find(graph, name, &node, &error), error);
    ck_assert_uint_eq(location.node, node);
    ck_assert_int_eq(location.region, region);
    ck_assert_uint_eq(location.offset, offset);
    ck_assert_uint_eq(location.sip, graph->nodes[node].sip);
    ck_assert_uint_eq(location.cube, graph->nodes[node].cube);
    ck_assert_uint_eq(location.unit, graph->nodes[node].unit);
    uint64_t back;
    WEFT_TEST_ASSERT_OK(weft__address_of(graph, &location, &back, &error), error);
    ck_assert_uint_eq(back, address);
}

static void check_no_place(const weft__graph *graph, uint64_t address, uint64_t bytes, const char *why)
{
    weft__location location = {.unit = 7};
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(weft__address_resolve(graph, address, bytes, &location, &error), error, WEFT_OUT_OF_RANGE,
                           why, NULL, NULL, NULL);
    ck_assert_uint_eq(location.node, WEFT__NODE_NONE);
}

static uint64_t at(uint64_t sip, uint64_t die, uint64_t offset)
{
    return sip << 47 | die << 42 | offset;
}

START_TEST(resolves_what_lies_at_an_address)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph = create(&spec);
    ck_assert_uint_eq(weft__region_bytes(graph, WEFT__REGION_HBM), 6 * GIB);
    ck_assert_uint_eq(weft__region_bytes(graph, WEFT__REGION_TCM), 1 << 20);
    ck_assert_uint_eq(weft__region_bytes(graph, WEFT__REGION_SRAM), 32 << 20);
    check_resolves(graph, 0, 1, "sip0.cube0.pe0.hbm", WEFT__REGION_HBM, 0);
    check_resolves(graph, 0, 6 * GIB, "sip0.cube0.pe0.hbm", WEFT__REGION_HBM, 0);
    check_resolves(graph, at(1, 15, 6 * GIB - 1), 1, "sip1.cube15.pe0.hbm", WEFT__REGION_HBM, 6 * GIB - 1);
    check_resolves(graph, at(1, 15, 6 * GIB), 0, "sip1.cube15.pe1.hbm", WEFT__REGION_HBM, 0);
    check_resolves(graph, at(0, 3, 48 * GIB - 256), 256, "sip0.cube3.pe7.hbm", WEFT__REGION_HBM, 6 * GIB - 256);
    check_resolves(graph, at(0, 3, 256 * GIB), 32 << 20, "sip0.cube3.sram", WEFT__REGION_SRAM, 0);
    check_resolves(graph, at(0, 3, 512 * GIB + 64), 8, "sip0.cube3.mcpu", WEFT__REGION_MCPU, 64);
    check_resolves(graph, at(0, 3, 1024 * GIB), 1 << 20, "sip0.cube3.pe0.dma", WEFT__REGION_TCM, 0);
    check_resolves(graph, at(0, 3, 1031 * GIB + 100), 28, "sip0.cube3.pe7.dma", WEFT__REGION_TCM, 100);
    check_resolves(graph, at(1, 16, (1 << 20) - 4), 4, "sip1.io.cpu", WEFT__REGION_IO_CPU, (1 << 20) - 4);

    check_no_place(graph, at(0, 0, 6 * GIB - 255), 256, "1 more than are left of the HBM of sip0.cube0.pe0.hbm");
    check_no_place(graph, at(0, 0, 6 * GIB), UINT64_MAX, "left of the HBM of sip0.cube0.pe1.hbm");
    check_no_place(graph, at(0, 0, 48 * GIB), 1, "0xc00000000 in die 0 of SIP 0, where the machine has nothing");
    check_no_place(graph, at(0, 0, 256 * GIB - 1), 0, "nothing");
    check_no_place(graph, at(0, 0, 256 * GIB + (32 << 20)), 1, "nothing");
    check_no_place(graph, at(0, 0, 512 * GIB + (1 << 20)), 1, "nothing");
    check_no_place(graph, at(0, 0, 768 * GIB), 1, "nothing");
    check_no_place(graph, at(0, 0, 1024 * GIB + (1 << 20)), 1, "nothing");
    check_no_place(graph, at(0, 0, 1024 * GIB + (1 << 20) - 1), 2, "1 more than are left of the TCM");
    check_no_place(graph, at(0, 0, 1032 * GIB), 1, "nothing");
    check_no_place(graph, at(0, 0, 4096 * GIB - 1), 1, "nothing");
    check_no_place(graph, at(0, 16, 1 << 20), 1, "nothing");
    check_no_place(graph, at(0, 17, 0), 1, "die 17, but the SIPs of the machine have 16 cubes");
    check_no_place(graph, at(2, 0, 0), 1, "SIP 2, but the machine has 2");
    check_no_place(graph, at(0, 31, 0), 1, "reserved");
    check_no_place(graph, UINT64_MAX, 1, "51 bits");
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(resolves_in_smaller_machines)
{
    weft__machine_spec bare = mesh(4), odd = tiny();
    weft__graph *graph = create(&bare);
    check_no_place(graph, 0, 1, "nothing");
    check_no_place(graph, at(0, 0, 256 * GIB), 1, "nothing");
    check_no_place(graph, at(0, 1, 0), 1, "die 1, but the SIPs of the machine have 1 cubes");
    check_resolves(graph, at(0, 0, 1039 * GIB), 1, "sip0.cube0.pe15.dma", WEFT__REGION_TCM, 0);
    ck_assert_uint_eq(weft__region_bytes(graph, WEFT__REGION_HBM), 0);
    weft__graph_destroy(graph);
    /* A GiB is no multiple of three: a slice ends with a whole flit on every pseudo-channel. */
    weft__place pes[] = {{0, 0}, {0, 1}, {1, 1}};
    odd.cube.pes = pes;
    odd.cube.pe_count = 3;
    graph = create(&odd);
    uint64_t slice = GIB / 3 / 2048 * 2048;
    ck_assert_uint_eq(weft__region_bytes(graph, WEFT__REGION_HBM), slice);
    check_resolves(graph, 2 * slice, slice, "sip0.cube0.pe2.hbm", WEFT__REGION_HBM, 0);
    check_no_place(graph, 3 * slice, 1, "nothing");
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(gives_addresses_to_what_exists)
{
    weft__machine_spec spec = two_sip(), wide = mesh(64);
    weft__graph *graph = create(&spec);
    weft_error error;
    uint64_t address;
    const struct {
        weft__location location;
        const char *why;
    } cases[] = {
        {{.region = WEFT__REGION_HBM, .unit = 8}, "no HBM in SIP 0, cube 0, unit 8"},
        {{.region = WEFT__REGION_TCM, .cube = 16}, "no TCM in SIP 0, cube 16"},
        {{.region = WEFT__REGION_SRAM, .sip = 2}, "no SRAM in SIP 2"},
        {{.region = WEFT__REGION_IO_CPU, .cube = 1}, "no command processor in SIP 0, cube 1"},
        {{.region = WEFT__REGION_MCPU, .unit = 1}, "no command processor"},
        {{.region = WEFT__REGION_HBM, .offset = 6 * GIB}, "The HBM of sip0.cube0.pe0.hbm has 6442450944 bytes"},
        {{.region = WEFT__REGION_TCM, .offset = 1 << 20}, "The TCM of sip0.cube0.pe0.dma has 1048576 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        WEFT_TEST_ASSERT_FAILS(weft__address_of(graph, &cases[i].location, &address, &error), error, WEFT_OUT_OF_RANGE,
                               cases[i].why, NULL, NULL, NULL);
    weft__graph_destroy(graph);
    /* Only so many PEs have windows; a network that is larger still is fine without. */
    graph = create(&wide);
    weft__location last = {.region = WEFT__REGION_TCM, .unit = WEFT__ADDRESS_PES - 1, .offset = 5};
    WEFT_TEST_ASSERT_OK(weft__address_of(graph, &last, &address, &error), error);
    ck_assert_uint_eq(address, 4095 * GIB + 5);
    last.unit++;
    WEFT_TEST_ASSERT_FAILS(weft__address_of(graph, &last, &address, &error), error, WEFT_OUT_OF_RANGE,
                           "Byte 5 of the TCM of sip0.cube0.pe3072.dma", NULL, NULL, NULL);
    weft__graph_destroy(graph);
    /* All of the largest TCM has addresses. */
    wide = mesh(2);
    wide.pe.tcm_kib = 1 << 20;
    graph = create(&wide);
    check_resolves(graph, 1024 * GIB, GIB, "sip0.cube0.pe0.dma", WEFT__REGION_TCM, 0);
    check_resolves(graph, 1026 * GIB - 1, 1, "sip0.cube0.pe1.dma", WEFT__REGION_TCM, GIB - 1);
    weft__graph_destroy(graph);
    wide = mesh(1);
    wide.sip.columns = 17;
    graph = create(&wide);
    last = (weft__location){.region = WEFT__REGION_MCPU, .cube = 16};
    WEFT_TEST_ASSERT_FAILS(weft__address_of(graph, &last, &address, &error), error, WEFT_OUT_OF_RANGE,
                           "sip0.cube16.mcpu", NULL, NULL, NULL);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(takes_the_channels_in_turn)
{
    weft__machine_spec spec = two_sip();
    for (uint64_t i = 0; i < 64; i++) {
        ck_assert_uint_eq(weft__address_channel(&spec, at(1, 7, i * 256)), i % 8);
        ck_assert_uint_eq(weft__address_channel(&spec, at(1, 7, i * 256 + 255)), i % 8);
        ck_assert_uint_eq(weft__address_channel(&spec, i * 2048), 0);
    }
    spec.system.flit_bytes = 64;
    spec.cube.hbm.channels = 16;
    ck_assert_uint_eq(weft__address_channel(&spec, 64 * 21), 5);
    spec.cube.hbm.channels = 1;
    ck_assert_uint_eq(weft__address_channel(&spec, 64 * 21), 0);
    /* An offset in a slice is as good as the address. */
    spec = two_sip();
    spec.cube.pe_count = 7;
    weft__graph *graph = create(&spec);
    weft__location place = {.region = WEFT__REGION_HBM, .unit = 5, .offset = 3 * 256};
    weft_error error;
    uint64_t address;
    WEFT_TEST_ASSERT_OK(weft__address_of(graph, &place, &address, &error), error);
    ck_assert_uint_eq(weft__address_channel(&spec, address), 3);
    weft__graph_destroy(graph);
}
END_TEST

WEFT_TEST_MAIN("address", packs_the_three_fields, refuses_fields_without_room, resolves_what_lies_at_an_address,
               resolves_in_smaller_machines, gives_addresses_to_what_exists, takes_the_channels_in_turn)
