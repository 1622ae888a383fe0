#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "sim/benches/bench_impl.h"
#include "sim/machine/machine.h"

/* ---- benches ---- */

static size_t bench_count(void)
{
    size_t count = 0;
    while (weft__benches[count])
        count++;
    return count;
}

static const char *bench_name_at(const void *context, size_t index)
{
    const weft__bench *const *benches = context;
    return benches[index]->name;
}

const weft__bench *weft__bench_find(const char *name, weft_error *err)
{
    for (size_t i = 0; weft__benches[i]; i++)
        if (strcmp(weft__benches[i]->name, name) == 0)
            return weft__benches[i];
    (void)weft__fail(err, WEFT_NOT_FOUND, "There is no bench '%s'; the nearest is '%s'.", name,
                     weft__nearest(name, bench_count(), bench_name_at, weft__benches));
    return NULL;
}

bool weft_sim_bench_at(size_t index, weft_sim_bench *out)
{
    if (index >= bench_count())
        return false;
    *out = (weft_sim_bench){.name = weft__benches[index]->name, .what = weft__benches[index]->what};
    return true;
}

/* ---- keys ---- */

static size_t key_count(const weft__bench *bench)
{
    size_t count = 0;
    while (bench->keys[count].name)
        count++;
    return count;
}

bool weft_sim_bench_key_at(const char *bench, size_t index, weft_sim_bench_key *out)
{
    const weft__bench *found = weft__bench_find(bench, NULL);
    if (!found || index >= key_count(found))
        return false;
    *out = found->keys[index];
    return true;
}

static const char *key_name_at(const void *context, size_t index)
{
    const weft__bench *bench = context;
    return bench->keys[index].name;
}

static const weft_sim_bench_key *find_key(const weft__bench *bench, const char *name, weft_error *err)
{
    for (const weft_sim_bench_key *key = bench->keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key;
    (void)weft__fail(err, WEFT_NOT_FOUND, "Bench '%s' has no key '%s'; the nearest is '%s'.", bench->name, name,
                     weft__nearest(name, key_count(bench), key_name_at, bench));
    return NULL;
}

/* ---- values ---- */

static bool read_number(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *digit = text; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || __builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*digit - '0'), out))
            return false;
    }
    return *text != 0;
}

static weft_status set_number(const weft__bench *bench, const weft_sim_bench_key *key, const char *value,
                              weft_sim_bench_setting *out, weft_error *err)
{
    if (!read_number(value, &out->number) || out->number < key->least || out->number > key->most)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s of bench '%s' is '%s', but must be a whole number from %" PRIu64 " to %" PRIu64 ".",
                          key->name, bench->name, value, key->least, key->most);
    return WEFT_OK;
}

static weft_status set_word(const weft__bench *bench, const weft_sim_bench_key *key, const char *value,
                            weft_sim_bench_setting *out, weft_error *err)
{
    char words[256] = "";
    for (uint64_t i = 0; key->choices[i]; i++) {
        if (strcmp(key->choices[i], value) == 0) {
            out->number = i;
            out->word = key->choices[i];
            return WEFT_OK;
        }
        size_t used = strlen(words);
        (void)snprintf(words + used, sizeof words - used, "%s%s", used ? ", " : "", key->choices[i]);
    }
    return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s of bench '%s' is '%s', but must be one of %s.", key->name,
                      bench->name, value, words);
}

weft_status weft__bench_settings(const weft__bench *bench, const weft_machine_setting *given, size_t count,
                                 weft_sim_bench_setting *out, size_t *out_count, weft_error *err)
{
    *out_count = key_count(bench);
    assert(*out_count <= WEFT__BENCH_KEYS_MAX);
    for (size_t i = 0; i < *out_count; i++) {
        const weft_sim_bench_key *key = &bench->keys[i];
        out[i] = (weft_sim_bench_setting){.key = key->name, .number = key->standard};
        out[i].word = key->choices ? key->choices[key->standard] : NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const weft_sim_bench_key *key = find_key(bench, given[i].key, err);
        if (!key)
            return WEFT_NOT_FOUND;
        weft_status status =
            (key->choices ? set_word : set_number)(bench, key, given[i].value, &out[key - bench->keys], err);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

/* ---- for benches ---- */

static weft_sim_bench_setting *setting_of(const weft__bench_run *run, const char *key)
{
    weft_sim_bench_setting *setting = run->outcome->settings;
    while (strcmp(setting->key, key) != 0)
        setting++;
    return setting;
}

uint64_t weft__bench_number(const weft__bench_run *run, const char *key)
{
    return setting_of(run, key)->number;
}

void weft__bench_leave_out(weft__bench_run *run, const char *key)
{
    setting_of(run, key)->is_unused = true;
}

const char *const weft__bench_float_names[] = {"f16", "bf16", "f32", NULL};

weft_dtype weft__bench_dtype(const weft__bench_run *run, const char *key)
{
    static const weft_dtype dtypes[] = {WEFT_F16, WEFT_BF16, WEFT_F32};
    return dtypes[weft__bench_number(run, key)];
}

/* The setting of one level of a set of PEs, of which the machine has `have`, and `where`. */
static uint32_t level_of(weft__bench_run *run, const char *key, uint32_t have, const char *where)
{
    uint64_t count = weft__bench_number(run, key);
    if (count > have)
        weft__bench_fail(run, WEFT_UNSUPPORTED,
                         "%s=%" PRIu64 " of bench '%s' is too many: machine '%s' has %" PRIu32 "%s.", key, count,
                         run->bench->name, run->machine->spec->name, have, where);
    return (uint32_t)count;
}

weft_pe_set weft__bench_pe_set(weft__bench_run *run)
{
    const weft__graph *graph = run->machine->graph;
    return (weft_pe_set){.sips = level_of(run, "sips", graph->spec->system.sips, ""),
                         .cubes = level_of(run, "cubes", graph->cubes, " in each SIP"),
                         .pes = level_of(run, "pes", graph->pes, " in each cube")};
}
