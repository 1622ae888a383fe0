#include "device_input.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

static char *join(char *uri, const char *name, const char *value)
{
    size_t bytes = strlen(uri) + strlen(name) + strlen(value) + 3;
    uri = cli_reallocate(uri, bytes);
    size_t length = strlen(uri);
    snprintf(uri + length, bytes - length, "%c%s=%s", strchr(uri, '?') ? '&' : '?', name, value);
    return uri;
}

static char *join_count(char *uri, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return join(uri, name, text);
}

static char *make_uri(const cli_values *values, const cli_option *shuffle)
{
    const char *base = cli_text(values, &cli_option_device);
    char *uri = cli_allocate(strlen(base) + 1);
    memcpy(uri, base, strlen(base) + 1);
    if (cli_given(values, &cli_option_threads))
        uri = join_count(uri, "threads", cli_count(values, &cli_option_threads));
    if (cli_given(values, &cli_option_isa))
        uri = join(uri, "isa", cli_text(values, &cli_option_isa));
    if (cli_given(values, &cli_option_timing_only))
        uri = join(uri, "values", "none");
    if (shuffle && cli_given(values, shuffle))
        uri = join_count(uri, "shuffle", cli_count(values, shuffle));
    return uri;
}

static int open_uri(const cli_values *values, char *uri, weft_device **out)
{
    weft_error err;
    weft_status status = weft_device_open(uri, out, &err);
    free(uri);
    if (status == WEFT_OK)
        return CLI_EXIT_OK;
    int code = cli_fail(values->verb->name, status, &err);
    /* An invalid argument of this call can only be an option of the URI, and those the user wrote. */
    return status == WEFT_INVALID_ARGUMENT ? CLI_EXIT_USAGE : code;
}

int cli_open_device(const cli_values *values, const cli_option *shuffle, weft_device **out)
{
    return open_uri(values, make_uri(values, shuffle), out);
}

int cli_open_device_with(const cli_values *values, const char *key, const char *value, weft_device **out)
{
    return open_uri(values, join(make_uri(values, NULL), key, value), out);
}

weft_counters cli_counters_between(const weft_counters *before, const weft_counters *after)
{
    weft_counters spent = *after;
    spent.command_buffers_created -= before->command_buffers_created;
    spent.command_buffers_submitted -= before->command_buffers_submitted;
    spent.command_buffers_completed -= before->command_buffers_completed;
    spent.command_buffers_failed -= before->command_buffers_failed;
    spent.dispatches -= before->dispatches;
    spent.barriers -= before->barriers;
    spent.barriers_inferred -= before->barriers_inferred;
    spent.fences_signalled -= before->fences_signalled;
    spent.fence_waits -= before->fence_waits;
    spent.syncs -= before->syncs;
    return spent;
}
