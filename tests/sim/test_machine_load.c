/* Machine files: what ships, keys and their standard values, settings, files that cannot be read, and memory. The rules
 * and their sentences are in test_machine_refusals.c. */
#include "support/weft_check.h"

#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/machine/load.h"
#include "sim/machine/schema.h"
#include "support/failing_malloc.h"
#include "support/sentence.h"

#define MACHINES WEFT_SOURCE_DIR "/machines/"

static weft__machine_spec *load(const char *path)
{
    weft_error err;
    weft__machine_spec *spec;
    WEFT_TEST_ASSERT_OK(weft__machine_load(path, NULL, 0, &spec, &err), err);
    return spec;
}

static weft_status parse(const char *text, const weft_machine_setting *settings, size_t count, weft__machine_spec **out,
                         weft_error *err)
{
    return weft__machine_parse(text, strlen(text), "m.yaml", settings, count, out, err);
}

static void assert_place(weft__place place, uint32_t row, uint32_t column)
{
    ck_assert_uint_eq(place.row, row);
    ck_assert_uint_eq(place.column, column);
}

/* What the published machine and the fitted constants are. */
static void assert_cube_of_the_root(const weft__machine_spec *spec)
{
    const weft__cube_spec *cube = &spec->cube;
    ck_assert_uint_eq(spec->sip.rows * spec->sip.columns, 16);
    ck_assert_uint_eq(cube->rows, 6);
    ck_assert_uint_eq(cube->columns, 6);
    ck_assert_uint_eq(cube->hole_count, 4);
    assert_place(cube->holes[0], 2, 2);
    assert_place(cube->holes[3], 3, 3);
    ck_assert_uint_eq(cube->pe_count, 8);
    assert_place(cube->pes[0], 1, 0);
    assert_place(cube->pes[7], 4, 5);
    assert_place(cube->mcpu.at, 0, 2);
    assert_place(cube->sram.at, 3, 0);
    ck_assert_uint_eq(cube->hbm.gib, 48);
    ck_assert_uint_eq(cube->hbm.channels, 8);
    ck_assert_uint_eq(cube->ucie.connections, 4);
    ck_assert(cube->link_gbs == 256 && cube->hbm.link_gbs == 256 && cube->hbm.channel_gbs == 32);
    ck_assert(cube->ucie.gbs == 128 && cube->ucie.overhead_ns == 8 && cube->sram.overhead_ns == 2);
    ck_assert(cube->pitch_mm * spec->system.ns_per_mm == 1 && cube->router_overhead_ns == 1);
    ck_assert_uint_eq(spec->system.flit_bytes, 256);
    ck_assert_uint_eq(spec->system.command_bytes, 16);
    ck_assert_uint_eq(spec->pe.dma.channels, 1);
    ck_assert_int_eq(spec->sip.io.side, WEFT__WEST);
}

START_TEST(shipped_machines_are_what_they_say)
{
    weft__machine_spec *two = load(MACHINES "two-sip.yaml");
    ck_assert_str_eq(two->name, "two-sip");
    ck_assert_uint_eq(two->system.sips, 2);
    ck_assert_int_eq(two->system.fabric, WEFT__SIPS_SWITCH);
    assert_cube_of_the_root(two);
    weft__machine_spec_destroy(two);

    weft__machine_spec *six = load(MACHINES "six-sip-torus.yaml");
    ck_assert_str_eq(six->name, "six-sip-torus");
    ck_assert_uint_eq(six->system.sips, 6);
    ck_assert_int_eq(six->system.fabric, WEFT__SIPS_TORUS);
    ck_assert_uint_eq(six->system.rows, 2);
    ck_assert_uint_eq(six->system.columns, 3);
    assert_cube_of_the_root(six);
    weft__machine_spec_destroy(six);

    weft__machine_spec *mesh = load(MACHINES "mesh-8x8.yaml");
    ck_assert_str_eq(mesh->name, "mesh-8x8");
    ck_assert_uint_eq(mesh->system.sips * mesh->sip.rows * mesh->sip.columns, 1);
    ck_assert_uint_eq(mesh->cube.pe_count, 64);
    assert_place(mesh->cube.pes[0], 0, 0);
    assert_place(mesh->cube.pes[63], 7, 7);
    ck_assert_uint_eq(mesh->cube.hbm.gib + mesh->cube.sram.mib + mesh->cube.ucie.connections, 0);
    ck_assert(mesh->cube.pitch_mm * mesh->system.ns_per_mm == 2 && mesh->pe.link_mm * mesh->system.ns_per_mm == 1.5);
    ck_assert(mesh->cube.router_overhead_ns == 1 && mesh->pe.dma.setup_ns == 0);
    weft__machine_spec_destroy(mesh);

    weft__machine_spec *tiny = load(MACHINES "tiny.yaml");
    ck_assert_str_eq(tiny->name, "tiny");
    ck_assert_uint_eq(tiny->system.sips * tiny->sip.rows * tiny->sip.columns, 1);
    ck_assert_uint_eq(tiny->cube.pe_count, 2);
    ck_assert_uint_eq(tiny->cube.hbm.gib, 2);
    weft__machine_spec_destroy(tiny);
}
END_TEST

START_TEST(key_table_is_in_order)
{
    const weft__machine_key *key;
    char text[WEFT__KEY_TEXT_BYTES];
    size_t count = 0;
    for (; (key = weft__machine_key_at(count)) != NULL; count++) {
        ck_assert_uint_eq(weft__machine_key_find(key->path), count); /* no path twice */
        const char *dot = strrchr(key->path, '.');
        if (dot) {
            char group[64];
            (void)snprintf(group, sizeof group, "%.*s", (int)(dot - key->path), key->path);
            ck_assert_msg(weft__machine_key_find(group) < count, "%s stands before its group", key->path);
        }
        size_t help = strlen(key->help);
        ck_assert_msg(help > 1 && key->help[help - 1] == '.', "%s: '%s' is no sentence", key->path, key->help);
        ck_assert_msg(strlen(weft__machine_key_expected(key, text)) < WEFT__KEY_TEXT_BYTES - 1, "%s: too long",
                      key->path);
        if (key->kind != WEFT__KEY_TEXT)
            ck_assert_msg(key->least <= key->standard && key->standard <= key->most, "%s: out of range", key->path);
    }
    ck_assert_uint_gt(count, 60);
    ck_assert_uint_le(count, WEFT__MACHINE_KEYS_MAX);
    ck_assert(weft__machine_key_find("cube.link") == SIZE_MAX);
    ck_assert_str_eq(weft__machine_key_nearest(NULL, "cube.linkgbs"), "cube.link_gbs");
    ck_assert_str_eq(weft__machine_key_nearest("", "cubes"), "cube");
    ck_assert_str_eq(weft__machine_key_nearest("cube", "ucei"), "ucie");
}
END_TEST

/* A value as a file writes it, read back from where the specification holds it. */
static const char *written_value(const weft__machine_key *key, const weft__machine_spec *spec, char text[128])
{
    const char *value = (const char *)spec + key->offset;
    const weft__place *place = (const weft__place *)value;
    weft__side choice;
    text[0] = '\0';
    if (key->kind == WEFT__KEY_TEXT)
        (void)snprintf(text, 128, "%s", *(char *const *)value);
    else if (key->kind == WEFT__KEY_COUNT)
        (void)snprintf(text, 128, "%u", *(const uint32_t *)value);
    else if (key->kind == WEFT__KEY_NUMBER)
        (void)snprintf(text, 128, "%.10g", *(const double *)value);
    else if (key->kind == WEFT__KEY_FLAG)
        (void)snprintf(text, 128, "%s", *(const bool *)value ? "true" : "false");
    else if (key->kind == WEFT__KEY_PLACE)
        (void)snprintf(text, 128, "[%u, %u]", place->row, place->column);
    else if (key->kind == WEFT__KEY_PLACES) {
        place = *(weft__place *const *)value;
        unsigned count = *(const unsigned *)((const char *)spec + key->count_offset);
        size_t used = (size_t)snprintf(text, 128, "[");
        for (unsigned i = 0; i < count; i++)
            used +=
                (size_t)snprintf(text + used, 128 - used, "%s[%u, %u]", i ? ", " : "", place[i].row, place[i].column);
        (void)snprintf(text + used, 128 - used, "]");
    } else if (key->kind == WEFT__KEY_CHOICE) {
        memcpy(&choice, value, sizeof choice);
        (void)snprintf(text, 128, "%s", key->choices[choice]);
    }
    return text;
}

START_TEST(what_is_not_given_has_its_standard_value)
{
    weft_error err;
    weft__machine_spec *spec;
    const weft__machine_key *key;
    char value[128];
    char standard[WEFT__KEY_TEXT_BYTES];
    WEFT_TEST_ASSERT_OK(parse("{}", NULL, 0, &spec, &err), err);
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++)
        if (strcmp(key->path, "cube.pes") != 0)
            ck_assert_str_eq(written_value(key, spec, value), weft__machine_key_standard(key, standard));
    ck_assert_uint_eq(spec->cube.pe_count, 1);
    assert_place(spec->cube.pes[0], 0, 0);
    weft__machine_spec_destroy(spec);
}
END_TEST

/* A grid and a number of SIPs in which every single change of a key below is allowed. */
static const char *const base_text = "system: {sips: 4, rows: 2, columns: 2}\n"
                                     "cube:\n"
                                     "  rows: 4\n"
                                     "  columns: 4\n"
                                     "  holes: [[1, 1]]\n"
                                     "  pes: [[0, 0], [3, 3]]\n"
                                     "  vcs: 2\n"
                                     "  sram: {mib: 1}\n"
                                     "  ucie: {vcs: 3, connections: 1}\n";

/* Another value for a key than the base text gives it. */
static const char *other_value(const weft__machine_key *key)
{
    static const char *const special[][2] = {{"name", "Some machine, v1.5-2"},
                                             {"system.sips", "5"},
                                             {"system.fabric", "torus"},
                                             {"system.flit_bytes", "64"},
                                             {"cube.rows", "5"},
                                             {"cube.columns", "6"},
                                             {"cube.holes", "[[2, 2], [2, 3]]"},
                                             {"cube.pes", "[[0, 1]]"},
                                             {"cube.hbm.channels", "16"},
                                             {"pe.math.divide_cycles", "7"},
                                             {"pe.math.exp_cycles", "9"},
                                             {"pe.ipcq.slots", "5"},
                                             {"pe.ipcq.slot_bytes", "128"},
                                             {"pe.ipcq.memory", "sram"},
                                             {"sip.io.side", "south"},
                                             {"cube.arbitration", "round_robin"},
                                             {"cube.ucie.arbitration", "round_robin"}};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (strcmp(special[i][0], key->path) == 0)
            return special[i][1];
    if (key->kind == WEFT__KEY_FLAG)
        return "true";
    if (key->kind == WEFT__KEY_PLACE)
        return "[2, 1]";
    return key->kind == WEFT__KEY_NUMBER ? "3.25" : "4";
}

/* Every key but one keeps the value that it has in the base. */
static void assert_only_change(const weft__machine_spec *base, const weft__machine_spec *spec, const char *path,
                               const char *expected)
{
    const weft__machine_key *key;
    char before[128];
    char after[128];
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++) {
        bool is_changed = strcmp(key->path, path) == 0;
        ck_assert_msg(
            strcmp(written_value(key, spec, after), is_changed ? expected : written_value(key, base, before)) == 0,
            "%s is %s after setting %s=%s", key->path, after, path, expected);
        ck_assert_msg(!is_changed || strcmp(after, written_value(key, base, before)) != 0, "%s did not change", path);
    }
}

START_TEST(each_key_sets_its_own_value_and_no_other)
{
    weft_error err;
    weft__machine_spec *base;
    const weft__machine_key *key;
    WEFT_TEST_ASSERT_OK(parse(base_text, NULL, 0, &base, &err), err);
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++) {
        if (key->kind == WEFT__KEY_GROUP)
            continue;
        weft__machine_spec *spec;
        weft_machine_setting setting = {key->path, other_value(key)};
        WEFT_TEST_ASSERT_OK(parse(base_text, &setting, 1, &spec, &err), err);
        assert_only_change(base, spec, key->path, setting.value);
        weft__machine_spec_destroy(spec);
    }
    weft__machine_spec_destroy(base);
}
END_TEST

START_TEST(a_file_gives_what_settings_give)
{
    static const char *const text = "# Keys in another order, and in other ways of writing them.\n"
                                    "pe: {tcm_kib: 4, dma: {setup_ns: 3.25}}\n"
                                    "cube:\n"
                                    "  hbm:\n"
                                    "    gib: '4'\n"
                                    "  pes:\n"
                                    "  - [0, 0]\n"
                                    "  -\n"
                                    "    - 3\n"
                                    "    - 3\n"
                                    "  columns: 4\n"
                                    "  rows: 4\n"
                                    "  tail_credit: true\n"
                                    "  link_gbs: 1.5e+2\n"
                                    "  sram: {at: [2, 1], mib: 4}\n"
                                    "sip: {io: {side: \"south\"}}\n"
                                    "name: a name\n";
    const weft_machine_setting settings[] = {{"pe.tcm_kib", "4"},
                                             {"pe.dma.setup_ns", "3.25"},
                                             {"cube.hbm.gib", "4"},
                                             {"cube.pes", "[[0, 0], [3, 3]]"},
                                             {"cube.columns", "4"},
                                             {"cube.rows", "4"},
                                             {"cube.tail_credit", "true"},
                                             {"cube.link_gbs", "150"},
                                             {"cube.sram.at", "[2, 1]"},
                                             {"cube.sram.mib", "4"},
                                             {"sip.io.side", "south"},
                                             {"name", "first"},
                                             {"name", "a name"}};
    weft_error err;
    weft__machine_spec *from_file;
    weft__machine_spec *from_settings;
    WEFT_TEST_ASSERT_OK(parse(text, NULL, 0, &from_file, &err), err);
    WEFT_TEST_ASSERT_OK(parse("{}", settings, sizeof settings / sizeof settings[0], &from_settings, &err), err);
    const weft__machine_key *key;
    char one[128];
    char other[128];
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++)
        ck_assert_str_eq(written_value(key, from_file, one), written_value(key, from_settings, other));
    weft__machine_spec_destroy(from_file);
    weft__machine_spec_destroy(from_settings);
}
END_TEST

START_TEST(derived_values_follow_settings)
{
    static const weft_machine_setting smaller[] = {
        {"cube.rows", "3"}, {"cube.columns", "2"}, {"cube.holes", "[[1, 0]]"}};
    static const weft_machine_setting square[] = {
        {"system.sips", "9"}, {"system.fabric", "mesh"}, {"cube.ucie.connections", "1"}};
    weft_error err;
    weft__machine_spec *spec;
    WEFT_TEST_ASSERT_OK(weft__machine_load(MACHINES "mesh-8x8.yaml", smaller, 3, &spec, &err), err);
    ck_assert_uint_eq(spec->cube.pe_count, 5);
    assert_place(spec->cube.pes[2], 1, 1);
    assert_place(spec->cube.pes[4], 2, 1);
    weft__machine_spec_destroy(spec);
    WEFT_TEST_ASSERT_OK(weft__machine_load(MACHINES "mesh-8x8.yaml", square, 3, &spec, &err), err);
    ck_assert_uint_eq(spec->system.rows, 3);
    ck_assert_uint_eq(spec->system.columns, 3);
    weft__machine_spec_destroy(spec);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    weft_error err;
    weft__machine_spec *spec;
    char path[] = "/tmp/weft_machine_XXXXXX";
    WEFT_TEST_ASSERT_FAILS(weft__machine_load(MACHINES "none.yaml", NULL, 0, &spec, &err), err, WEFT_IO, "none.yaml",
                           "No such file", NULL, NULL);
    ck_assert_ptr_null(spec);
    WEFT_TEST_ASSERT_FAILS(weft__machine_load(WEFT_SOURCE_DIR, NULL, 0, &spec, &err), err, WEFT_IO, "a directory", NULL,
                           NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__machine_load("/dev/null", NULL, 0, &spec, &err), err, WEFT_IO, "/dev/null is a device",
                           NULL, NULL, NULL);
    ck_assert_int_eq(weft__machine_load("/dev/null", NULL, 0, &spec, NULL), WEFT_IO);
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    WEFT_TEST_ASSERT_FAILS(weft__machine_load(path, NULL, 0, &spec, &err), err, WEFT_PARSE, path,
                           ":1:1: There is nothing", NULL, NULL);
    ck_assert_int_eq(ftruncate(file, (off_t)WEFT__MACHINE_BYTES_MAX + 1), 0);
    WEFT_TEST_ASSERT_FAILS(weft__machine_load(path, NULL, 0, &spec, &err), err, WEFT_PARSE, path, "1048577 bytes",
                           "1048576", NULL);
    ck_assert_int_eq(close(file), 0);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(long_and_odd_file_names_are_shortened)
{
    weft_error err;
    weft__machine_spec *spec;
    char name[400];
    memset(name, 'a', sizeof name);
    /* Two bytes a character, so that the cut falls into one; and an escape that must not reach a terminal. */
    for (size_t i = 0; i + 1 < 380; i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    memcpy(name + 380, "\x1b[31mred.yaml", 14);
    WEFT_TEST_ASSERT_FAILS(weft__machine_parse("x", 1, name, NULL, 0, &spec, &err), err, WEFT_PARSE,
                           "?[31mred.yaml:1:1:", NULL, NULL, NULL);
    ck_assert(memcmp(err.message, "\xc3\xa4", 2) == 0);
    /* As many and as long settings as a sentence can name: what they broke must still be in it. */
    static const weft_machine_setting settings[] = {
        {"system.flit_bytes", "4096     # a remark that makes it long, and longer"},
        {"cube.hbm.gib", "1        # a remark that makes it long, and longer"},
        {"cube.pes", "[[0, 0], [0, 1], [0, 2]] # a remark that makes it longer"},
        {"cube.holes", "[[2, 0], [2, 1], [2, 2]] # a remark that makes it long"},
        {"cube.rows", "3        # a remark that makes it long, and longer"},
        {"cube.columns", "3        # a remark that makes it long, and longer"}};
    WEFT_TEST_ASSERT_FAILS(weft__machine_parse("cube: {ucie: {connections: 0}}", 30, name, settings, 6, &spec, &err),
                           err, WEFT_INVALID_ARGUMENT, "?[31mred.yaml with cube.hbm.gib=1 ",
                           "cube.hbm.gib 1 cannot be divided among 3 PEs", NULL, NULL);
}
END_TEST

START_TEST(the_locale_of_the_program_stays)
{
    weft_error err;
    weft__machine_spec *spec;
    locale_t own = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    ck_assert(own != (locale_t)0);
    locale_t before = uselocale(own);
    ck_assert_int_eq(parse("pe: {link_gbs: 0.5}", NULL, 0, &spec, &err), WEFT_OK);
    weft__machine_spec_destroy(spec);
    ck_assert_int_eq(parse("pe: {link_gbs: 0,5}", NULL, 0, &spec, &err), WEFT_PARSE);
    ck_assert(uselocale((locale_t)0) == own);
    (void)uselocale(before);
    freelocale(own);
}
END_TEST

/* Fails each allocation of a load in turn; the status is the expected one as soon as none fails. */
static void fail_each_allocation(const char *text, const weft_machine_setting *settings, size_t count,
                                 weft_status expected)
{
    bool failed = true;
    uint64_t n = 0;
    for (; failed; n++) {
        weft_error err = {.code = WEFT_OK};
        weft__machine_spec *spec;
        weft_test_fail_allocation_after(n);
        weft_status status = parse(text, settings, count, &spec, &err);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : expected);
        ck_assert_int_eq(err.code, status);
        ck_assert(status == WEFT_OK || (spec == NULL && weft_test_is_sentence(err.message)));
        weft__machine_spec_destroy(spec);
    }
    ck_assert_uint_gt(n, 10);
}

START_TEST(out_of_memory_is_reported_and_leaks_nothing)
{
    static const weft_machine_setting settings[] = {{"cube.holes", "[[2, 2]]"}, {"cube.pes", "[]"}, {"name", "other"}};
    static const weft_machine_setting wrong[] = {{"cube.holes", "[[2, 2], [7, 7]]"}};
    fail_each_allocation(base_text, NULL, 0, WEFT_OK);
    fail_each_allocation(base_text, settings, 3, WEFT_OK);
    fail_each_allocation(base_text, wrong, 1, WEFT_INVALID_ARGUMENT);
    fail_each_allocation("cube: {holes: [[0, 0], [0, 1]]}", NULL, 0, WEFT_PARSE);
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_error err;
        weft__machine_spec *spec;
        weft_test_fail_allocation_after(n);
        weft_status status = weft__machine_load(MACHINES "two-sip.yaml", NULL, 0, &spec, &err);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        weft__machine_spec_destroy(spec);
    }
}
END_TEST

WEFT_TEST_MAIN("machine_load", shipped_machines_are_what_they_say, key_table_is_in_order,
               what_is_not_given_has_its_standard_value, each_key_sets_its_own_value_and_no_other,
               a_file_gives_what_settings_give, derived_values_follow_settings, files_that_cannot_be_read_are_named,
               long_and_odd_file_names_are_shortened, the_locale_of_the_program_stays,
               out_of_memory_is_reported_and_leaks_nothing)
