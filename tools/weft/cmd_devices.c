/* weft devices: what there is to run on. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include <weft/device.h>
#include <weft/op.h>

#include "json_output.h"
#include "output.h"

static const cli_option option_ops = {
    .name = "ops", .kind = CLI_FLAG, .help = "list the ops of each device by name, and why it lacks the others"};

/* A scheme, and what opening it showed. */
typedef struct probe {
    const char *scheme;
    weft_device *device; /* NULL if it cannot be opened */
    weft_device_info info;
    weft_error err; /* why not */
} probe;

static void open_scheme(const char *scheme, probe *out)
{
    *out = (probe){.scheme = scheme};
    if (weft_device_open(scheme, &out->device, &out->err) == WEFT_OK)
        weft_device_get_info(out->device, &out->info);
}

static size_t supported_ops(const weft_device *device)
{
    size_t count = 0;
    for (size_t i = 0; i < weft_op_count(); i++)
        count += weft_device_supports(device, weft_op_name(weft_op_at(i)), NULL) == WEFT_OK;
    return count;
}

static json_t *json_of(const probe *found)
{
    json_t *object = json_object();
    json_object_set_new(object, "scheme", cli_json_text(found->scheme));
    json_object_set_new(object, "is_available", json_boolean(found->device != NULL));
    json_object_set_new(object, "reason", cli_json_text_or_null(found->device ? NULL : found->err.message));
    if (!found->device)
        return object;
    json_object_set_new(object, "description", cli_json_text(found->info.description));
    json_object_set_new(object, "isa", cli_json_text(found->info.isa));
    json_object_set_new(object, "threads", cli_json_count(found->info.threads));
    json_object_set_new(object, "memory_bytes", cli_json_count(found->info.memory_bytes));
    json_t *ops = json_array(), *missing = json_object();
    for (size_t i = 0; i < weft_op_count(); i++) {
        weft_error err;
        const char *name = weft_op_name(weft_op_at(i));
        if (weft_device_supports(found->device, name, &err) == WEFT_OK)
            json_array_append_new(ops, cli_json_text(name));
        else
            json_object_set_new(missing, name, cli_json_text(err.message));
    }
    json_object_set_new(object, "ops", ops);
    json_object_set_new(object, "ops_missing", missing);
    return object;
}

static void out_line(const probe *found)
{
    cli_out("%-8s", found->scheme);
    if (!found->device) {
        cli_out_wrapped(found->err.message, 8, 8);
        return;
    }
    char memory[CLI_BYTES_TEXT] = "-", ops[32];
    if (found->info.memory_bytes > 0)
        cli_bytes_text(found->info.memory_bytes, memory);
    snprintf(ops, sizeof ops, "%zu/%zu", supported_ops(found->device), weft_op_count());
    cli_out("%-8s  %7u  %9s  %6s  %s\n", found->info.isa[0] ? found->info.isa : "-", found->info.threads, memory, ops,
            found->info.description);
}

static void out_ops(const probe *found)
{
    if (!found->device)
        return;
    cli_out("\nops of %s:", found->scheme);
    size_t column = 80;
    for (size_t i = 0; i < weft_op_count(); i++) {
        const char *name = weft_op_name(weft_op_at(i));
        if (weft_device_supports(found->device, name, NULL) != WEFT_OK)
            continue;
        if (column + 1 + strlen(name) > 79) {
            cli_out("\n ");
            column = 1;
        }
        cli_out(" %s", name);
        column += 1 + strlen(name);
    }
    cli_out("\n");
    for (size_t i = 0; i < weft_op_count(); i++) {
        weft_error err;
        const char *name = weft_op_name(weft_op_at(i));
        if (weft_device_supports(found->device, name, &err) != WEFT_OK)
            cli_out("  not %s: %s\n", name, err.message);
    }
}

static int run(const cli_values *values)
{
    bool is_json = cli_given(values, &cli_option_json);
    json_t *list = json_array();
    if (!is_json)
        cli_out("%-8s%-8s  %7s  %9s  %6s  %s\n", "device", "isa", "threads", "memory", "ops", "description");
    for (size_t i = 0; weft_device_scheme(i); i++) {
        probe found;
        open_scheme(weft_device_scheme(i), &found);
        if (is_json)
            json_array_append_new(list, json_of(&found));
        else
            out_line(&found);
        weft_device_close(found.device);
    }
    for (size_t i = 0; !is_json && cli_given(values, &option_ops) && weft_device_scheme(i); i++) {
        probe found;
        open_scheme(weft_device_scheme(i), &found);
        out_ops(&found);
        weft_device_close(found.device);
    }
    if (is_json) {
        json_t *object = json_object();
        json_object_set(object, "devices", list);
        cli_out_json(object);
    }
    json_decref(list);
    return CLI_EXIT_OK;
}

static const cli_option *const options[] = {&option_ops, &cli_option_json, NULL};

static const cli_example examples[] = {
    {"weft devices", "what this machine and this build can run on"},
    {"weft devices --json", "the same with the names of all ops, for programs"},
    {NULL, NULL},
};

const cli_verb cli_verb_devices = {
    .name = "devices",
    .summary = "list the devices and what they support",
    .description =
        "Tries to open each kind of device that Weft knows, and lists instruction set, threads, memory, and how "
        "many of the ops it has kernels for. What cannot be opened here is listed with the reason.",
    .options = options,
    .examples = examples,
    .run = run,
};
