/* The one place that knows all drivers: reads a device's URI and opens it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/status.h"
#include "devices/cpu/driver.h"
#include "devices/ref/driver.h"
#include "devices/sim/driver.h"
#include "runtime/device_impl.h"

typedef struct scheme {
    const char *name;
    const weft__device_table *table;
    const char *missing; /* why there is no table */
} scheme;

static const scheme schemes[] = {
    {"cpu", &weft__cpu_device, NULL},
    {"ref", &weft__ref_device, NULL},
    {"cuda", NULL, "this build has no driver for NVIDIA GPUs"},
    {"sim", &weft__sim_device_table, NULL},
};
#define SCHEME_COUNT (sizeof schemes / sizeof schemes[0])

const char *weft_device_scheme(size_t index)
{
    return index < SCHEME_COUNT ? schemes[index].name : NULL;
}

static const char *scheme_name(const void *context, size_t index)
{
    (void)context;
    return schemes[index].name;
}

/* One option of a URI: its name, the driver bit, and how its value is read. */
typedef struct uri_option {
    const char *name;
    uint32_t accept;
    weft_status (*read)(const char *uri, const char *value, weft__device_options *options, weft_error *err);
} uri_option;

static bool read_number(const char *text, uint64_t *out)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    uint64_t value = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static weft_status read_threads(const char *uri, const char *value, weft__device_options *options, weft_error *err)
{
    uint64_t threads;
    if (!read_number(value, &threads) || threads < 1 || threads > 1024)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': threads=%s is not a number from 1 to 1024.", uri,
                          value);
    options->threads = (uint32_t)threads;
    return WEFT_OK;
}

static weft_status read_shuffle(const char *uri, const char *value, weft__device_options *options, weft_error *err)
{
    if (!read_number(value, &options->shuffle_seed))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': shuffle=%s is not a whole number below 2^64.", uri,
                          value);
    options->shuffle = true;
    return WEFT_OK;
}

static weft_status read_isa(const char *uri, const char *value, weft__device_options *options, weft_error *err)
{
    if (!value[0] || strlen(value) >= sizeof options->isa)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': isa=%s is not the name of an instruction set.", uri,
                          value);
    memcpy(options->isa, value, strlen(value) + 1); /* the driver knows which names mean something */
    return WEFT_OK;
}

/* One of some words, which stand by their numbers. */
static weft_status read_word(const char *uri, const char *name, const char *value, const char *const *words,
                             uint32_t count, uint32_t *out, weft_error *err)
{
    char list[96] = "";
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
        if (strcmp(value, words[i]) == 0) {
            *out = i;
            return WEFT_OK;
        }
    }
    return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': %s=%s is not %s.", uri, name, value, list);
}

static weft_status read_values(const char *uri, const char *value, weft__device_options *options, weft_error *err)
{
    static const char *const words[] = {"lazy", "eager", "none"}; /* by weft_values_mode */
    return read_word(uri, "values", value, words, 3, &options->values, err);
}

static weft_status read_hazards(const char *uri, const char *value, weft__device_options *options, weft_error *err)
{
    static const char *const words[] = {"error", "report", "hardware"}; /* by weft_hazard_action */
    return read_word(uri, "hazards", value, words, 3, &options->hazards, err);
}

static weft_status read_perturb(const char *uri, const char *value, weft__device_options *options, weft_error *err)
{
    if (!read_number(value, &options->perturb_seed) || options->perturb_seed == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "Device '%s': perturb=%s is not a whole number from 1 to 2^64 - 1.", uri, value);
    return WEFT_OK;
}

static const uri_option uri_options[] = {
    {"threads", WEFT__ACCEPTS_THREADS, read_threads},    {"isa", WEFT__ACCEPTS_ISA, read_isa},
    {"shuffle", WEFT__ACCEPTS_SHUFFLE, read_shuffle},    {"values", WEFT__ACCEPTS_SIMULATION, read_values},
    {"hazards", WEFT__ACCEPTS_SIMULATION, read_hazards}, {"perturb", WEFT__ACCEPTS_SIMULATION, read_perturb},
};
#define URI_OPTION_COUNT (sizeof uri_options / sizeof uri_options[0])

static const char *uri_option_name(const void *context, size_t index)
{
    (void)context;
    return uri_options[index].name;
}

/* `settings` has room for one more. */
static weft_status read_option(const char *uri, const scheme *found, char *text, weft__device_setting *settings,
                               weft__device_options *options, weft_error *err)
{
    char *equals = strchr(text, '=');
    if (equals)
        *equals = '\0';
    const char *value = equals ? equals + 1 : "";
    if (strchr(text, '.')) {
        if (!(found->table->accepts & WEFT__ACCEPTS_SIMULATION))
            return weft__fail(err, WEFT_INVALID_ARGUMENT,
                              "Device '%s': %s, a setting of a machine, means nothing to scheme '%s'.", uri, text,
                              found->name);
        settings[options->setting_count++] = (weft__device_setting){text, value};
        return WEFT_OK;
    }
    for (size_t i = 0; i < URI_OPTION_COUNT; i++) {
        if (strcmp(text, uri_options[i].name) != 0)
            continue;
        if (!(found->table->accepts & uri_options[i].accept))
            return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': option %s means nothing to scheme '%s'.", uri,
                              text, found->name);
        return uri_options[i].read(uri, value, options, err);
    }
    const char *nearest = weft__nearest(text, URI_OPTION_COUNT, uri_option_name, NULL);
    return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': there is no option '%s'%s%s%s", uri, text,
                      nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : ".");
}

static weft_status find_scheme(const char *uri, const char *name, const scheme **out, weft_error *err)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (strcmp(name, schemes[i].name) != 0)
            continue;
        if (!schemes[i].table)
            return weft__fail(err, WEFT_UNSUPPORTED, "Device '%s' cannot be opened: %s.", uri, schemes[i].missing);
        *out = &schemes[i];
        return WEFT_OK;
    }
    const char *nearest = weft__nearest(name, SCHEME_COUNT, scheme_name, NULL);
    return weft__fail(err, WEFT_NOT_FOUND, "Device '%s': there is no scheme '%s'; did you mean '%s'?", uri, name,
                      nearest ? nearest : schemes[0].name);
}

/* SCHEME[:PATH][?NAME=VALUE[&NAME=VALUE...]]; cuts `text`, a copy of the URI, into its parts. `settings` has room for
 * as many as there are options. */
static weft_status parse(const char *uri, char *text, const scheme **out, weft__device_setting *settings,
                         weft__device_options *options, weft_error *err)
{
    char *query = strchr(text, '?');
    if (query)
        *query++ = '\0';
    char *path = strchr(text, ':');
    if (path)
        *path++ = '\0';
    weft_status status = find_scheme(uri, text, out, err);
    if (status)
        return status;
    options->path = path ? path : "";
    options->settings = settings;
    if (path && !((*out)->table->accepts & WEFT__ACCEPTS_PATH))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': scheme '%s' takes nothing after a colon.", uri,
                          text);
    while (status == WEFT_OK && query && *query) {
        char *next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        status = read_option(uri, *out, query, settings, options, err);
        query = next;
    }
    return status;
}

/* At least as many as a URI has options. */
static size_t count_options(const char *uri)
{
    size_t count = 1;
    for (; *uri; uri++)
        count += *uri == '&';
    return count;
}

weft_status weft_device_open(const char *uri, weft_device **out, weft_error *err)
{
    *out = NULL;
    char *text = strdup(uri);
    size_t bytes = count_options(uri) * sizeof(weft__device_setting);
    weft__device_setting *settings = malloc(bytes);
    const scheme *found = NULL;
    weft__device_options options = {0};
    weft_status status = text && settings ? parse(uri, text, &found, settings, &options, err)
                                          : weft__fail_memory(err, strlen(uri) + 1 + bytes, "a device URI");
    if (status == WEFT_OK)
        status = weft__device_create(found->table, &options, out, err);
    free(settings);
    free(text);
    return status;
}
