/* The one place that knows all drivers: reads a device's URI and opens it. */
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

static const uri_option uri_options[] = {
    {"threads", WEFT__ACCEPTS_THREADS, read_threads},
    {"isa", WEFT__ACCEPTS_ISA, read_isa},
    {"shuffle", WEFT__ACCEPTS_SHUFFLE, read_shuffle},
};
#define URI_OPTION_COUNT (sizeof uri_options / sizeof uri_options[0])

static const char *uri_option_name(const void *context, size_t index)
{
    (void)context;
    return uri_options[index].name;
}

static weft_status read_option(const char *uri, const scheme *found, char *text, weft__device_options *options,
                               weft_error *err)
{
    char *equals = strchr(text, '=');
    if (equals)
        *equals = '\0';
    const char *value = equals ? equals + 1 : "";
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

/* SCHEME[:PATH][?NAME=VALUE[&NAME=VALUE...]]; cuts `text`, a copy of the URI, into its parts. */
static weft_status parse(const char *uri, char *text, const scheme **out, weft__device_options *options,
                         weft_error *err)
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
    if (path && !((*out)->table->accepts & WEFT__ACCEPTS_PATH))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Device '%s': scheme '%s' takes nothing after a colon.", uri,
                          text);
    while (status == WEFT_OK && query && *query) {
        char *next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        status = read_option(uri, *out, query, options, err);
        query = next;
    }
    return status;
}

weft_status weft_device_open(const char *uri, weft_device **out, weft_error *err)
{
    *out = NULL;
    char *text = strdup(uri);
    if (!text)
        return weft__fail_memory(err, strlen(uri) + 1, "a device URI");
    const scheme *found = NULL;
    weft__device_options options = {0};
    weft_status status = parse(uri, text, &found, &options, err);
    if (status == WEFT_OK)
        status = weft__device_create(found->table, &options, out, err);
    free(text);
    return status;
}
