/* Any bytes as a machine file, and as a setting of one: what is accepted keeps the promises of spec.h and of the key
 * table. A first line "key=value" after "--set " is a setting; the rest is the file. */
#include "sim/machine/load.h"
#include "sim/machine/schema.h"
#include "target.h"

#define SETTING_BYTES 256

static void assert_places(const weft__place *places, unsigned count, const weft__cube_spec *cube)
{
    FUZZ_ASSERT(count <= WEFT__MACHINE_PLACES_MAX && (count == 0 || places));
    for (unsigned i = 0; i < count; i++)
        FUZZ_ASSERT(places[i].row < cube->rows && places[i].column < cube->columns);
}

static void assert_machine(const weft__machine_spec *spec)
{
    const weft__machine_key *key;
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++) {
        const char *value = (const char *)spec + key->offset;
        double number = 0;
        uint32_t count;
        bool flag;
        if (key->kind == WEFT__KEY_NUMBER) {
            memcpy(&number, value, sizeof number);
        } else if (key->kind == WEFT__KEY_COUNT || key->kind == WEFT__KEY_CHOICE) {
            memcpy(&count, value, sizeof count);
            number = count;
        } else if (key->kind == WEFT__KEY_FLAG) {
            memcpy(&flag, value, sizeof flag);
            number = flag;
        } else {
            continue;
        }
        FUZZ_ASSERT(number >= key->least && number <= key->most);
    }
    size_t name_bytes = strlen(spec->name);
    FUZZ_ASSERT(name_bytes >= 1 && name_bytes <= 64);
    assert_places(spec->cube.holes, spec->cube.hole_count, &spec->cube);
    assert_places(spec->cube.pes, spec->cube.pe_count, &spec->cube);
    FUZZ_ASSERT(spec->cube.pe_count > 0);
    FUZZ_ASSERT(spec->system.sips * spec->sip.rows * spec->sip.columns * spec->cube.rows * spec->cube.columns <= 65536);
}

/* Takes the setting off the front of the input; false if there is none. */
static bool take_setting(const char **text, size_t *bytes, char line[SETTING_BYTES], weft_machine_setting *out)
{
    static const char mark[] = "--set ";
    size_t begin = sizeof mark - 1;
    const char *end = *bytes > begin && memcmp(*text, mark, begin) == 0 ? memchr(*text, '\n', *bytes) : NULL;
    if (!end || (size_t)(end - *text) - begin >= SETTING_BYTES)
        return false;
    size_t length = (size_t)(end - *text) - begin;
    memcpy(line, *text + begin, length);
    line[length] = '\0';
    char *equals = strchr(line, '=');
    if (!equals)
        return false;
    *equals = '\0';
    *out = (weft_machine_setting){line, equals + 1};
    *bytes -= (size_t)(end + 1 - *text);
    *text = end + 1;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char line[SETTING_BYTES];
    weft_machine_setting setting;
    weft__machine_spec *spec;
    weft_error error = {0};
    bool has_setting = take_setting(&text, &size, line, &setting);
    weft_status status = weft__machine_parse(text, size, "fuzz", &setting, has_setting, &spec, &error);
    if (status == WEFT_OK) {
        assert_machine(spec);
    } else {
        fuzz_assert_failure(status, &error);
        FUZZ_ASSERT(!spec);
        FUZZ_ASSERT(status == WEFT_PARSE ||
                    (has_setting && (status == WEFT_INVALID_ARGUMENT || status == WEFT_NOT_FOUND)));
        FUZZ_ASSERT((status == WEFT_PARSE) == (error.line > 0));
        FUZZ_ASSERT((error.line > 0) == (error.column > 0));
    }
    weft__machine_spec_destroy(spec);
    return 0;
}
