/* Machine files that are wrong: each rule with a file that breaks it, the exact place and the exact sentence. */
#include "support/weft_check.h"

#include <stdio.h>

#include "sim/machine/load.h"
#include "support/sentence.h"

static weft_status parse(const char *text, size_t bytes, const weft_machine_setting *settings, size_t count,
                         weft_error *err)
{
    weft__machine_spec *spec;
    weft_status status = weft__machine_parse(text, bytes, "m.yaml", settings, count, &spec, err);
    ck_assert((status == WEFT_OK) == (spec != NULL));
    weft__machine_spec_destroy(spec);
    return status;
}

typedef struct refusal {
    const char *text;
    uint32_t line, column;
    const char *sentence; /* behind "m.yaml:LINE:COLUMN: " */
} refusal;

static void assert_refusals(const refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const refusal *it = &refusals[i];
        char expected[WEFT_ERROR_MESSAGE_BYTES];
        weft_error err = {.code = WEFT_OK};
        weft_status status = parse(it->text, strlen(it->text), NULL, 0, &err);
        (void)snprintf(expected, sizeof expected, "m.yaml:%u:%u: %s", it->line, it->column, it->sentence);
        ck_assert_msg(status == WEFT_PARSE, "%s gave %s", it->text, weft_status_name(status));
        ck_assert_str_eq(err.message, expected);
        ck_assert_uint_eq(err.line, it->line);
        ck_assert_uint_eq(err.column, it->column);
        ck_assert(weft_test_is_sentence(err.message));
        ck_assert_int_eq(parse(it->text, strlen(it->text), NULL, 0, NULL), WEFT_PARSE);
    }
}
#define ASSERT_REFUSALS(refusals) assert_refusals(refusals, sizeof(refusals) / sizeof((refusals)[0]))

START_TEST(text_that_is_no_plain_yaml)
{
    static const refusal refusals[] = {
        {"", 1, 1, "There is nothing here, expected the keys of a machine."},
        {"# nothing\n", 1, 1, "There is nothing here, expected the keys of a machine."},
        {"- a\n", 1, 1, "the file is a list of 1, expected the keys of a machine."},
        {"  machine\n", 1, 3, "the file is 'machine', expected the keys of a machine."},
        {"---\n", 2, 1, "the file is empty, expected the keys of a machine."},
        {"name: a\n---\nname: b\n", 2, 1, "A second document begins here, a machine is one."},
        {"name: a\nname: b\n", 2, 1, "name is given twice, first in line 1."},
        {"cube:\n  rows: 1\n  hbm: {gib: 1}\n  rows: 2\n", 4, 3, "cube.rows is given twice, first in line 2."},
        {"cube: {vcs: 1, vcs: 1}\n", 1, 16, "cube.vcs is given twice, first in line 1."},
        {"name: &n a\n", 1, 7, "There is an anchor (&) here, which a machine must not use."},
        {"cube: &c {rows: 2}\n", 1, 7, "There is an anchor (&) here, which a machine must not use."},
        {"cube: {pes: &c [[0, 0]]}\n", 1, 13, "There is an anchor (&) here, which a machine must not use."},
        {"name: *n\n", 1, 7, "There is an alias (*) here, which a machine must not use."},
        {"cube:\n  rows: !!int 2\n", 2, 9, "There is a tag (!) here, which a machine must not use."},
        {"? [a, b]\n: 1\n", 1, 3, "A key of the file is a list or a mapping, expected a plain word."},
        {"cube:\n  ? {a: b}\n  : 1\n", 2, 5, "A key of cube is a list or a mapping, expected a plain word."},
        {"'': 1\n", 1, 1, "'' in the file is no key: a key has 1 to 48 characters."},
        {"\"a\\0b\": 1\n", 1, 1, "'a' in the file is no key: a key has 1 to 48 characters."},
        {"name: \"a\\0b\"\n", 1, 7, "A value holds a NUL character."},
        {"cube: {rows: 1\n", 2, 1,
         "This is not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping that began in line "
         "1)."},
        {"cube:\n  rows: 1\n columns: 1\n", 3, 2,
         "This is not valid YAML: did not find expected key (while parsing a block mapping that began in line 1)."},
        {"cube:\n\trows: 1\n", 2, 1,
         "This is not valid YAML: found character that cannot start any token (while scanning for the next token that "
         "began in line 2)."},
        {"name: a\nna\x01me: b\n", 2, 3, "This is not valid YAML: control characters are not allowed."},
        {"name: a\n# \xff\n", 2, 3, "This is not valid YAML: invalid leading UTF-8 octet."},
        /* Columns count bytes, also behind characters of several. */
        {"{name: a, \"\xc3\xa4\xe2\x82\xac\": 1, cube: {rows: x}}\n", 1, 11,
         "A machine has no key \xc3\xa4\xe2\x82\xac; the nearest one is name."},
        {"name: a # \xc3\xa4\xe2\x82\xac\ncube: {'rows': \"\xc3\xa4\", columns: 1}\n", 2, 16,
         "cube.rows is '\xc3\xa4', expected a whole number from 1 to 64."},
        {"[[[[[[[[[1]]]]]]]]]\n", 1, 9, "Values lie more than 8 levels deep, too deep for a machine."},
    };
    ASSERT_REFUSALS(refusals);
    weft_error err;
    WEFT_TEST_ASSERT_FAILS(parse("name: a\0b", 9, NULL, 0, &err), err, WEFT_PARSE, "m.yaml:1:8:", "control characters",
                           NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(parse("\xff\xfe{\0}\0", 6, NULL, 0, &err), err, WEFT_PARSE, "m.yaml:1:1:", "UTF-8", NULL,
                           NULL);
    ck_assert_int_eq(parse("\xef\xbb\xbfname: a\r\ncube: {rows: 2}\r\n", 29, NULL, 0, &err), WEFT_OK);
}
END_TEST

START_TEST(keys_that_do_not_exist)
{
    static const refusal refusals[] = {
        {"nam: a\n", 1, 1, "A machine has no key nam; the nearest one is name."},
        {"system:\n  sip: 2\n", 2, 3, "A machine has no key system.sip; the nearest in system is sips."},
        {"cube:\n  rows: 2\n  ucei:\n    gbs: 1\n", 3, 3,
         "A machine has no key cube.ucei; the nearest in cube is ucie."},
        {"pe:\n  dma: {channel: 2}\n", 2, 9, "A machine has no key pe.dma.channel; the nearest in pe.dma is channels."},
        {"pe.tcm_kib: 2\n", 1, 1, "pe.tcm_kib is not written with dots in a file; put tcm_kib below pe."},
        {"\"a\\nb\": 1\n", 1, 1, "A machine has no key a?b; the nearest one is name."},
        {"a_key_that_is_far_too_long_to_be_shown_in_full: 1\n", 1, 1,
         "A machine has no key a_key_that_is_far_too_long_to_be_shown_i...; the nearest one is processor."},
    };
    ASSERT_REFUSALS(refusals);
}
END_TEST

START_TEST(values_of_the_wrong_kind_or_out_of_range)
{
    static const refusal refusals[] = {
        {"name:\n", 1, 6, "name is empty, expected 1 to 64 printable ASCII characters."},
        {"name: \"a\\tb\"\n", 1, 7, "name is 'a?b', expected 1 to 64 printable ASCII characters."},
        {"name: 0123456789012345678901234567890123456789012345678901234567890123456789\n", 1, 7,
         "name is '0123456789012345678901234567890123456789...', expected 1 to 64 printable ASCII characters."},
        {"name: [a]\n", 1, 7, "name is a list of 1, expected 1 to 64 printable ASCII characters."},
        {"system:\n", 1, 8, "system is empty, expected keys of its own."},
        {"system: 2\n", 1, 9, "system is '2', expected keys of its own."},
        {"cube: {hbm: [1]}\n", 1, 13, "cube.hbm is a list of 1, expected keys of its own."},
        {"system: {sips: two}\n", 1, 16, "system.sips is 'two', expected a whole number from 1 to 16."},
        {"system: {sips: 0}\n", 1, 16, "system.sips is '0', expected a whole number from 1 to 16."},
        {"system: {sips: 17}\n", 1, 16, "system.sips is '17', expected a whole number from 1 to 16."},
        {"system: {sips: 2x}\n", 1, 16, "system.sips is '2x', expected a whole number from 1 to 16."},
        {"system: {sips: 0x2}\n", 1, 16, "system.sips is '0x2', expected a whole number from 1 to 16."},
        {"system: {sips: 010}\n", 1, 16, "system.sips is '010', expected a whole number from 1 to 16."},
        {"system: {sips: 2.0}\n", 1, 16, "system.sips is '2.0', expected a whole number from 1 to 16."},
        {"system: {sips: -2}\n", 1, 16, "system.sips is '-2', expected a whole number from 1 to 16."},
        {"system: {sips: {a: b}}\n", 1, 16, "system.sips is a mapping of 1, expected a whole number from 1 to 16."},
        {"system: {sips: 4294967297}\n", 1, 16, "system.sips is '4294967297', expected a whole number from 1 to 16."},
        {"system: {sips: 99999999999999999999999}\n", 1, 16,
         "system.sips is '99999999999999999999999', expected a whole number from 1 to 16."},
        {"cube: {link_gbs: 0}\n", 1, 18, "cube.link_gbs is '0', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: -1}\n", 1, 18, "cube.link_gbs is '-1', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: 1e7}\n", 1, 18, "cube.link_gbs is '1e7', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: 1e999}\n", 1, 18,
         "cube.link_gbs is '1e999', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: nan}\n", 1, 18, "cube.link_gbs is 'nan', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: .inf}\n", 1, 18,
         "cube.link_gbs is '.inf', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: 0x10}\n", 1, 18,
         "cube.link_gbs is '0x10', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: 1e}\n", 1, 18, "cube.link_gbs is '1e', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: .}\n", 1, 18, "cube.link_gbs is '.', expected a number of GB/s from 0.001 to 1000000."},
        {"cube: {link_gbs: 256 GB/s}\n", 1, 18,
         "cube.link_gbs is '256 GB/s', expected a number of GB/s from 0.001 to 1000000."},
        {"pe: {dma: {setup_ns: -0.5}}\n", 1, 22,
         "pe.dma.setup_ns is '-0.5', expected a number of ns from 0 to 1000000."},
        {"cube: {tail_credit: yes}\n", 1, 21, "cube.tail_credit is 'yes', expected true or false."},
        {"system: {fabric: bus}\n", 1, 18, "system.fabric is 'bus', expected one of switch, ring, torus, mesh."},
        {"cube: {arbitration: FIFO}\n", 1, 21, "cube.arbitration is 'FIFO', expected one of fifo, round_robin."},
        {"sip: {io: {side: up}}\n", 1, 18, "sip.io.side is 'up', expected one of north, east, south, west."},
        {"cube: {mcpu: {at: 3}}\n", 1, 19, "cube.mcpu.at is '3', expected a place like [1, 2], row and column."},
        {"cube: {mcpu: {at: [3]}}\n", 1, 19,
         "cube.mcpu.at is a list of 1, expected a place like [1, 2], row and column."},
        {"cube: {mcpu: {at: [0, 64]}}\n", 1, 23, "cube.mcpu.at[1] is '64', expected a whole number from 0 to 63."},
        {"cube: {holes: 3}\n", 1, 15,
         "cube.holes is '3', expected a list of places like [[0, 0], [1, 2]], rows and columns."},
        {"cube:\n  holes: [0, 0]\n", 2, 11, "cube.holes[0] is '0', expected a place like [1, 2], row and column."},
        {"cube:\n  pes:\n  - [0, 0]\n  - [0, 1, 2]\n", 4, 5,
         "cube.pes[1] is a list of 3, expected a place like [1, 2], row and column."},
        {"cube:\n  pes:\n  - [0, 0]\n  - [0, b]\n", 4, 9,
         "cube.pes[1][1] is 'b', expected a whole number from 0 to 63."},
        {"cube:\n  pes: [[[0], 0]]\n", 2, 10, "cube.pes[0][0] is a list of 1, expected a whole number from 0 to 63."},
    };
    ASSERT_REFUSALS(refusals);
}
END_TEST

#define GRID "cube:\n  rows: 3\n  columns: 4\n"

START_TEST(rules_between_values)
{
    static const refusal refusals[] = {
        {"sip: {rows: 4, columns: 5}\n", 1, 13,
         "sip.rows 4 times sip.columns 5 are 20 cubes, but an address holds 16 cubes of a SIP at most."},
        {"system: {sips: 16}\nsip: {rows: 4, columns: 4}\ncube: {rows: 16, columns: 17}\n", 3, 14,
         "cube.rows 16 times cube.columns 17 in each of 256 cubes are 69632 places for routers, the limit is 65536."},
        {"system:\n  sips: 6\n  fabric: torus\n", 3, 11,
         "A torus or mesh of SIPs needs system.rows 0 times system.columns 0 to be system.sips 6, which is no square "
         "that "
         "would do without them."},
        {"system:\n  sips: 6\n  fabric: mesh\n  columns: 3\n", 4, 12,
         "A torus or mesh of SIPs needs system.rows 0 times system.columns 3 to be system.sips 6."},
        {"system:\n  sips: 6\n  fabric: mesh\n  columns: 3\n  rows: 3\n", 5, 9,
         "A torus or mesh of SIPs needs system.rows 3 times system.columns 3 to be system.sips 6."},
        {"system: {flit_bytes: 100}\n", 1, 22, "system.flit_bytes is 100, which must be a power of two."},
        {"cube: {hbm: {channels: 6}}\n", 1, 24, "cube.hbm.channels is 6, which must be a power of two."},
        {"pe: {mmu: {page_kib: 12}}\n", 1, 22, "pe.mmu.page_kib is 12, which must be a power of two."},
        {"pe: {tcm: {banks: 12}}\n", 1, 19, "pe.tcm.banks is 12, which must be a power of two."},
        {"pe: {tcm: {banks: 8, bank_bytes: 48}}\n", 1, 34, "pe.tcm.bank_bytes is 48, which must be a power of two."},
        {"pe:\n  tcm_kib: 512\n  scratch_kib: 513\n", 3, 16, "pe.scratch_kib 513 is more than pe.tcm_kib 512 has."},
        {"pe: {ipcq: {slot_bytes: 96}}\n", 1, 25, "pe.ipcq.slot_bytes is 96, which must be a multiple of 64."},
        {"pe: {ipcq: {memory: sram}}\n", 1, 21, "pe.ipcq.memory is sram, but with cube.sram.mib 0 there is none."},
        {"pe: {ipcq: {memory: hbm}}\n", 1, 21, "pe.ipcq.memory is hbm, but with cube.hbm.gib 0 there is none."},
        {GRID "  holes: [[1, 1], [3, 0]]\n", 4, 19, "cube.holes[1] is [3, 0], outside of the grid of 3 x 4 routers."},
        {GRID "  holes: [[0, 4]]\n", 4, 11, "cube.holes[0] is [0, 4], outside of the grid of 3 x 4 routers."},
        {GRID "  holes: [[1, 1], [1, 2], [1, 1]]\n", 4, 27, "cube.holes[2] is [1, 1], which is a hole already."},
        {"cube: {holes: [[0, 0]]}\n", 1, 15, "cube.holes leaves no router in the grid of 1 x 1."},
        {"cube:\n  rows: 64\n  columns: 49\n", 2, 9,
         "cube.pes are 3136 PEs, of all routers if it is not given, but an address holds 3072 PEs of a cube at most: "
         "name fewer of them in cube.pes."},
        {GRID "  pes:\n    - [0, 0]\n    - [1, 4]\n", 6, 7,
         "cube.pes[1] is [1, 4], outside of the grid; the grid has 3 x 4 routers."},
        {GRID "  holes: [[1, 1]]\n  pes: [[1, 1]]\n", 5, 9,
         "cube.pes[0] is [1, 1], which is a hole; the grid has 3 x 4 routers."},
        {GRID "  pes: [[1, 1], [0, 1], [1, 1]]\n", 4, 25,
         "cube.pes[2] is [1, 1], where another PE is already; the grid has 3 x 4 routers."},
        {GRID "  holes: [[0, 1], [1, 0]]\n", 4, 10, "cube.holes cuts the router at [0, 2] off from PE 0 at [0, 0]."},
        {GRID "  holes: [[0, 2], [1, 2], [2, 2]]\n  pes: [[0, 3]]\n", 4, 10,
         "cube.holes cuts the router at [0, 0] off from PE 0 at [0, 3]."},
        {GRID "  mcpu: {at: [3, 1]}\n", 4, 14,
         "cube.mcpu.at is [3, 1], outside of the grid; the grid has 3 x 4 routers."},
        {GRID "  mcpu: {at: [1, 1]}\n  holes: [[1, 1]]\n", 4, 14,
         "cube.mcpu.at is [1, 1], which is a hole; the grid has 3 x 4 routers."},
        {GRID "  holes: [[0, 0]]\n", 4, 10, "cube.mcpu.at is [0, 0], which is a hole; the grid has 3 x 4 routers."},
        {GRID "  sram: {mib: 1, at: [0, 4]}\n", 4, 22,
         "cube.sram.at is [0, 4], outside of the grid; the grid has 3 x 4 routers."},
        {GRID "  sram: {mib: 1}\n  holes: [[0, 0]]\n  mcpu: {at: [1, 1]}\n", 5, 10,
         "cube.sram.at is [0, 0], which is a hole; the grid has 3 x 4 routers."},
        {GRID "  ucie: {connections: 4}\n", 4, 23,
         "cube.ucie.connections is 4, more than the 3 places on the west side of the grid."},
        {GRID "  holes: [[2, 2]]\n  ucie: {connections: 2}\nsip: {rows: 2}\n", 5, 23,
         "cube.ucie.connections is 2, but connection 1 of the south side needs the router at [2, 2], which is a hole."},
        {GRID "  holes: [[1, 3]]\nsip: {columns: 2}\n", 4, 10,
         "cube.ucie.connections is 1, but connection 0 of the east side needs the router at [1, 3], which is a hole."},
        {"sip: {rows: 2}\ncube: {ucie: {connections: 0}}\n", 2, 28,
         "cube.ucie.connections is 0, which leaves the PEs of 2 cubes unable to reach one another."},
        {"cube:\n  buffer_flits: 8\n", 2, 17,
         "cube.vcs is 0, but with cube.buffer_flits 8 there must be at least 1 virtual channel."},
        {"cube:\n  ucie:\n    vcs: 0\n    buffer_flits: 8\n", 3, 10,
         "cube.ucie.vcs is 0, but with cube.ucie.buffer_flits 8 there must be at least 1 virtual channel."},
        {GRID "  pes: [[0, 0], [0, 1], [0, 2]]\n  hbm: {gib: 4}\n", 5, 14,
         "cube.hbm.gib 4 cannot be divided among 3 PEs into slices of whole bursts of 256 bytes."},
    };
    ASSERT_REFUSALS(refusals);
}
END_TEST

/* A hole at a connection of a side that no cube has a neighbour on does no harm. */
START_TEST(what_looks_wrong_and_is_not)
{
    static const char *const texts[] = {
        GRID "  holes: [[1, 3]]\n",
        GRID "  sram: {mib: 0, at: [63, 63]}\n",
        GRID "  holes: []\n  pes: []\n",
        GRID "  buffer_flits: 0\n  vcs: 3\n",
        "system: {sips: 5, fabric: ring, rows: 2, columns: 3}\n",
        "system: {sips: 4, fabric: torus}\n",
        "system: {sips: 16}\nsip: {rows: 4, columns: 4}\ncube: {rows: 16, columns: 16}\n",
        GRID "  hbm: {gib: 3}\n",
        "cube: {link_gbs: +.5e+1, pitch_mm: 1., credit_ns: 0.0}\n",
        "cube: {rows: 64, columns: 64, pes: [[63, 63]], ucie: {connections: 64}}\n",
        "cube: {rows: 64, columns: 48}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        weft_error err;
        WEFT_TEST_ASSERT_OK(parse(texts[i], strlen(texts[i]), NULL, 0, &err), err);
    }
}
END_TEST

static const struct {
    weft_machine_setting settings[2];
    weft_status status;
    const char *sentence;
} wrong_settings[] = {
    {{{"cube.linkgbs", "1"}},
     WEFT_NOT_FOUND,
     "A machine has no key 'cube.linkgbs' to set; the nearest one is cube.link_gbs."},
    {{{"", "1"}}, WEFT_NOT_FOUND, "A machine has no key '' to set; the nearest one is name."},
    {{{"cube.hbm", "{gib: 1}"}},
     WEFT_INVALID_ARGUMENT,
     "cube.hbm is a group of keys and cannot be set; one of its keys is cube.hbm.gib."},
    {{{"cube.vcs", "1\nsystem: {sips: 2}"}},
     WEFT_INVALID_ARGUMENT,
     "cube.vcs cannot be set to '1?system: {sips: 2}', which is not printable ASCII on one line."},
    {{{"name", "\xc3\xa4"}},
     WEFT_INVALID_ARGUMENT,
     "name cannot be set to '\xc3\xa4', which is not printable ASCII on one line."},
    {{{"cube.vcs", ""}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs=: cube.vcs is empty, expected a whole number from 0 to 64."},
    {{{"cube.vcs", "some"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs=some: cube.vcs is 'some', expected a whole number from 0 to 64."},
    {{{"cube.vcs", "{a: 1}"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs={a: 1}: cube.vcs is a mapping of 1, expected a whole number from 0 to 64."},
    {{{"cube.vcs", "1: 2"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs=1: 2: This is not valid YAML: mapping values are not allowed in this context."},
    {{{"cube.vcs", "*a"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs=*a: There is an alias (*) here, which a machine must not use."},
    {{{"cube.holes", "[[0, 0, 0]]"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.holes=[[0, 0, 0]]: cube.holes[0] is a list of 3, expected a place like [1, 2], row and "
     "column."},
    {{{"cube.holes", "[[2, 3], [2, 4]]"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.holes=[[2, 3], [2, 4]]: cube.holes[1] is [2, 4], outside of the grid of 3 x 4 routers."},
    {{{"cube.vcs", "0"}, {"cube.buffer_flits", "4"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs=0, cube.buffer_flits=4: cube.vcs is 0, but with cube.buffer_flits 4 there must be at "
     "least 1 virtual channel."},
    {{{"cube.vcs", "4"}, {"cube.vcs", "x"}},
     WEFT_INVALID_ARGUMENT,
     "m.yaml with cube.vcs=x: cube.vcs is 'x', expected a whole number from 0 to 64."},
    /* The file has the place, the setting made it wrong. */
    {{{"cube.rows", "2"}},
     WEFT_PARSE,
     "m.yaml:4:14 with cube.rows=2: cube.mcpu.at is [2, 1], outside of the grid; the grid has 2 x 4 routers."},
    {{{"cube.columns", "1"}, {"cube.rows", "2"}},
     WEFT_PARSE,
     "m.yaml:4:14 with cube.rows=2, cube.columns=1: cube.mcpu.at is [2, 1], outside of the grid; the grid has 2 x "
     "1 routers."},
};

START_TEST(settings_that_are_wrong)
{
    static const char *const text = GRID "  mcpu: {at: [2, 1]}\n";
    for (size_t i = 0; i < sizeof wrong_settings / sizeof wrong_settings[0]; i++) {
        weft_error err;
        size_t count = wrong_settings[i].settings[1].key ? 2 : 1;
        weft_status status = parse(text, strlen(text), wrong_settings[i].settings, count, &err);
        ck_assert_str_eq(err.message, wrong_settings[i].sentence);
        ck_assert_int_eq(status, wrong_settings[i].status);
        ck_assert_int_eq(err.code, status);
        ck_assert_uint_eq(err.line, status == WEFT_PARSE ? 4 : 0);
        ck_assert_uint_eq(err.column, status == WEFT_PARSE ? 14 : 0);
    }
}
END_TEST

/* Texts that grow until they are too large for a machine in one respect. */
static size_t repeat(char *text, size_t used, const char *what, size_t count)
{
    size_t bytes = strlen(what);
    for (size_t i = 0; i < count; i++)
        memcpy(text + used + i * bytes, what, bytes + 1);
    return used + count * bytes;
}

START_TEST(sizes_are_bounded)
{
    static char text[WEFT__MACHINE_BYTES_MAX + 2];
    weft_error err;
    size_t used = repeat(text, 0, "cube: {holes: [", 1);
    used = repeat(text, used, "[0, 0], ", 4096);
    WEFT_TEST_ASSERT_FAILS(parse(text, used - 2, NULL, 0, &err), err, WEFT_PARSE, "not valid YAML", NULL, NULL, NULL);
    size_t end = repeat(text, used, "]}", 1);
    WEFT_TEST_ASSERT_FAILS(parse(text, end, NULL, 0, &err), err, WEFT_PARSE,
                           "m.yaml:1:24: cube.holes[1] is [0, 0], which is a hole already", NULL, NULL, NULL);
    end = repeat(text, used, "[0, 0]]}", 1);
    WEFT_TEST_ASSERT_FAILS(parse(text, end, NULL, 0, &err), err, WEFT_PARSE, "cube.holes is a list of 4097", NULL, NULL,
                           NULL);
    used = repeat(text, 0, "name: [", 1);
    end = repeat(text, used, "a, ", 40000);
    WEFT_TEST_ASSERT_FAILS(parse(text, end, NULL, 0, &err), err, WEFT_PARSE, "more than 32768 values", NULL, NULL,
                           NULL);
    used = 0;
    for (unsigned i = 0; i < 65; i++)
        used += (size_t)snprintf(text + used, 16, "k%u: 0\n", i);
    WEFT_TEST_ASSERT_FAILS(parse(text, used, NULL, 0, &err), err, WEFT_PARSE,
                           "m.yaml:65:1: There are more than 64 keys", NULL, NULL, NULL);
    /* As large as allowed and no machine: must not take long either. */
    used = repeat(text, 0, "[", WEFT__MACHINE_BYTES_MAX);
    WEFT_TEST_ASSERT_FAILS(parse(text, used, NULL, 0, &err), err, WEFT_PARSE, "levels deep", NULL, NULL, NULL);
    used = repeat(text, 0, "? ", WEFT__MACHINE_BYTES_MAX / 2);
    WEFT_TEST_ASSERT_FAILS(parse(text, used, NULL, 0, &err), err, WEFT_PARSE, "m.yaml:1:", NULL, NULL, NULL);
    used = repeat(text, 0, "a", WEFT__MACHINE_BYTES_MAX);
    WEFT_TEST_ASSERT_FAILS(parse(text, used, NULL, 0, &err), err, WEFT_PARSE, "the file is 'aaaaaaaaaa", NULL, NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(parse(text, used + 1, NULL, 0, &err), err, WEFT_PARSE, "m.yaml has 1048577 bytes", NULL,
                           NULL, NULL);
}
END_TEST

START_TEST(every_beginning_of_a_file_loads_or_is_refused_with_its_place)
{
    FILE *file = fopen(WEFT_SOURCE_DIR "/machines/two-sip.yaml", "r");
    ck_assert_ptr_nonnull(file);
    static char text[8192];
    size_t bytes = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    ck_assert_uint_gt(bytes, 1000);
    ck_assert_uint_lt(bytes, sizeof text);
    size_t loaded = 0;
    for (size_t length = 0; length <= bytes; length++) {
        weft_error err = {.code = WEFT_OK};
        char *exact = malloc(length ? length : 1); /* for the sanitizer to see a read behind it */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, text, length);
        weft_status status = parse(exact, length, NULL, 0, &err);
        free(exact);
        loaded += status == WEFT_OK;
        ck_assert(status == WEFT_OK || (status == WEFT_PARSE && err.line > 0 && err.column > 0));
        ck_assert(status == WEFT_OK || weft_test_is_sentence(err.message));
    }
    ck_assert_uint_gt(loaded, 100);
    ck_assert_uint_lt(loaded, bytes);
}
END_TEST

WEFT_TEST_MAIN("machine_refusals", text_that_is_no_plain_yaml, keys_that_do_not_exist,
               values_of_the_wrong_kind_or_out_of_range, rules_between_values, what_looks_wrong_and_is_not,
               settings_that_are_wrong, sizes_are_bounded, every_beginning_of_a_file_loads_or_is_refused_with_its_place)
