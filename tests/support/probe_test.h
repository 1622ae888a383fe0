/* What the suites of probes share: machines that come with Weft, and transfers on them. */
#ifndef WEFT_TESTS_SUPPORT_PROBE_TEST_H
#define WEFT_TESTS_SUPPORT_PROBE_TEST_H

#include <stdio.h>

#include <weft/probe.h>

#include "support/weft_check.h"

static const weft_flits probe_modes[] = {WEFT_FLITS_TRAINS, WEFT_FLITS_EACH};
#define PROBE_MODES 2

static const char *const probe_machines[] = {"two-sip", "six-sip-torus", "mesh-8x8", "tiny"};
#define PROBE_MACHINES 4

/* A machine of the folder machines/, with settings. */
static inline weft_machine *probe_open(const char *name, const weft_machine_setting *settings, size_t count)
{
    char path[512];
    weft_error err;
    weft_machine *machine;
    (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, name);
    ck_assert_msg(weft_machine_open(path, settings, count, &machine, &err) == WEFT_OK, "%s", err.message);
    return machine;
}

static inline weft_probe_result *probe_flows(const weft_machine *machine, const weft_flow *flows, size_t count,
                                             weft_flits flits)
{
    weft_error err;
    weft_probe_result *result;
    weft_probe_options options = {.flits = flits};
    ck_assert_msg(weft_probe_run(machine, flows, count, &options, &result, &err) == WEFT_OK, "%s", err.message);
    return result;
}

/* The latency of one transfer alone. */
static inline uint64_t probe_latency_ps(const weft_machine *machine, const char *source, const char *target,
                                        uint64_t bytes, bool is_write)
{
    weft_flow flow = {.source = source, .target = target, .bytes = bytes, .is_write = is_write};
    weft_probe_result *result = probe_flows(machine, &flow, 1, WEFT_FLITS_TRAINS);
    uint64_t latency_ps = result->flows[0].latency_ps;
    weft_probe_result_destroy(result);
    return latency_ps;
}

/* A case; NULL if the machine cannot have it. */
static inline weft_probe_case_result *probe_case(const weft_machine *machine, const char *name, weft_flits flits)
{
    weft_error err;
    weft_probe_case_result *result;
    weft_probe_options options = {.flits = flits};
    weft_status status = weft_probe_run_case(machine, name, &options, &result, &err);
    ck_assert_msg(status == WEFT_OK || status == WEFT_UNSUPPORTED, "%s: %s", name, err.message);
    ck_assert((status == WEFT_OK) == (result != NULL));
    return result;
}

#endif
