#include "device_watch.h"

#include <weft/sim_device.h>
#include <weft/trace.h>

#include "device_input.h"
#include "output.h"

static int fail(const cli_watch *watch, weft_status status, const weft_error *err)
{
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(watch->values->verb->name, status, err);
}

static bool wants_record(const cli_values *values)
{
    return cli_given(values, &cli_option_record);
}

int cli_watch_open(const cli_values *values, weft_device *device, cli_watch *out)
{
    weft_error err;
    *out = (cli_watch){.values = values, .device = device};
    if (!wants_record(values) && !cli_given(values, &cli_option_trace))
        return CLI_EXIT_OK;
    return fail(out, weft_timeline_create(&out->timeline, &err), &err);
}

int cli_watch_begin(cli_watch *watch)
{
    weft_error err;
    weft_status status = WEFT_OK;
    if (!watch->timeline)
        return CLI_EXIT_OK;
    weft_timeline_clear(watch->timeline);
    if (cli_given(watch->values, &cli_option_trace))
        status = weft_device_begin_trace(watch->device, cli_text(watch->values, &cli_option_trace), &err);
    if (status == WEFT_OK && wants_record(watch->values) && weft_sim_device_machine(watch->device))
        status = weft_sim_device_keep_activity(watch->device, &err);
    weft_device_counters(watch->device, &watch->counters);
    cli_device_times_take(watch->device, &watch->begun);
    return fail(watch, status, &err);
}

int cli_watch_end(cli_watch *watch)
{
    weft_error err;
    if (!watch->timeline)
        return CLI_EXIT_OK;
    weft_counters ended;
    cli_device_times_take(watch->device, &watch->ended);
    weft_device_counters(watch->device, &ended);
    watch->counters = cli_counters_between(&watch->counters, &ended);
    weft_status status = WEFT_OK;
    if (wants_record(watch->values) && weft_sim_device_machine(watch->device))
        status = weft_sim_device_take_activity(watch->device, &watch->activity, &err);
    if (status == WEFT_OK && cli_given(watch->values, &cli_option_trace))
        status = weft_device_end_trace(watch->device, watch->timeline, &err);
    int code = fail(watch, status, &err);
    if (code == CLI_EXIT_OK && weft_timeline_lost(watch->timeline) > 0) {
        cli_error(watch->values->verb->name, "Out of memory: the timeline of the run is not whole.");
        code = CLI_EXIT_INPUT;
    }
    return code;
}

static void add_machine(const cli_watch *watch, const weft_machine *machine, run_file *out)
{
    weft_kernel_hazard hazard;
    run_file_set_machine(out, machine);
    run_file_set(out, "hazards", json_array());
    for (size_t i = 0; weft_sim_device_hazard_at(watch->device, i, &hazard); i++)
        run_file_add_hazard(out, &hazard);
    run_file_set_activity(out, watch->activity);
}

bool cli_watch_run_file(const cli_watch *watch, run_file *out)
{
    if (!watch->timeline || !wants_record(watch->values))
        return false;
    const weft_machine *machine = weft_sim_device_machine(watch->device);
    cli_device_times spent = cli_device_times_between(&watch->begun, &watch->ended);
    run_file_begin(watch->values, cli_text(watch->values, &cli_option_device), spent.count > 0, watch->begun.now_ps,
                   watch->ended.now_ps, out);
    if (spent.count > 0)
        run_file_set_parts(out, spent.parts, spent.count);
    run_file_set_counters(out, &watch->counters);
    run_file_set_timeline(out, watch->timeline, spent.count == 0);
    if (machine)
        add_machine(watch, machine, out);
    return true;
}

void cli_watch_release(cli_watch *watch)
{
    weft_activity_destroy(watch->activity);
    weft_timeline_destroy(watch->timeline);
    *watch = (cli_watch){0};
}
