/* weft probe: what transfers cost on a simulated machine, and where their time goes. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include <weft/probe.h>

#include "json_output.h"
#include "machine_input.h"
#include "nearest.h"
#include "output.h"
#include "probe_flow.h"
#include "probe_output.h"
#include "probe_traffic.h"

static const cli_option option_case = {.name = "case",
                                       .letter = 'c',
                                       .kind = CLI_WORD,
                                       .argument = "NAME",
                                       .help = "run this case; `all`, which is what happens without --flow and "
                                               "--traffic, runs every one"};

static const cli_option option_flow = {
    .name = "flow",
    .letter = 'f',
    .kind = CLI_WORD,
    .argument = "FLOW",
    .may_repeat = true,
    .help = "run a transfer SRC:DST:BYTES[:read|write][@START_NS], together with all others that are given: SRC is "
            "host or a PE like sip0.cube3.pe7, DST a memory like sip1.cube0.pe0.hbm or sip0.cube3.sram, or a PE, for "
            "its TCM; BYTES may end in KiB, MiB or GiB; it reads unless it says write"};

static const cli_option option_traffic = {
    .name = "traffic",
    .kind = CLI_WORD,
    .argument = "PATTERN",
    .help = "run packets between all PEs: uniform, transpose, bit-complement, tornado, neighbour or hotspot"};

static const cli_option option_rate = {.name = "rate",
                                       .kind = CLI_NUMBER,
                                       .argument = "R",
                                       .lowest = 1e-9,
                                       .highest = 1,
                                       .help = "with --traffic: flits that each PE makes in a cycle, which is the "
                                               "time of a flit between two routers"};

static const cli_option option_packet_flits = {.name = "packet-flits",
                                               .kind = CLI_COUNT,
                                               .argument = "L",
                                               .least = 1,
                                               .most = 1048576,
                                               .help = "with --traffic: length of a packet"};

static const cli_option option_cycles = {.name = "cycles",
                                         .kind = CLI_COUNT,
                                         .argument = "N",
                                         .least = 1,
                                         .most = 1000000000000,
                                         .help = "with --traffic: cycles that are measured; 20000 if not given"};

static const cli_option option_warmup = {.name = "warmup",
                                         .kind = CLI_COUNT,
                                         .argument = "N",
                                         .least = 1,
                                         .most = 1000000000000,
                                         .help = "with --traffic: cycles before those; a tenth of them if not given"};

static const cli_option option_seed = {.name = "seed",
                                       .kind = CLI_COUNT,
                                       .argument = "S",
                                       .most = UINT64_MAX,
                                       .help = "with --traffic: seed of the random numbers; 0 if not given"};

static const cli_option option_outstanding = {.name = "outstanding",
                                              .kind = CLI_COUNT,
                                              .argument = "N",
                                              .most = UINT32_MAX,
                                              .help = "with --traffic: packets of a PE that may be without an answer; "
                                                      "0, as if not given, is any number"};

static const cli_option option_flits = {.name = "flits",
                                        .kind = CLI_WORD,
                                        .argument = "MODE",
                                        .initial = "trains",
                                        .help = "how flits are simulated: each for itself, or as trains of those "
                                                "that follow each other evenly; the times are the same to the "
                                                "picosecond"};

static const cli_option option_trace = {.name = "trace",
                                        .kind = CLI_WORD,
                                        .argument = "FILE",
                                        .is_output = true,
                                        .help = "write a trace for ui.perfetto.dev: tracks for sources, memories and "
                                                "links, and how busy each link is; of one case, of flows or traffic"};

/* One call of the verb. Results go to *json if there is one, else they are printed as tables. What cannot be run ends
 * it with a code in *err; what has been run gives the exit code alone. */
typedef struct probe {
    const cli_values *values;
    weft_machine *machine;
    weft_machine_info info;
    weft_probe_options options;
    json_t **json;
    cli_progress *progress; /* NULL: none is shown */
    weft_error *err;
    probe_flow flows[CLI_REPEATS_MAX];
    size_t flow_count;
} probe;

static void show_progress(void *user, uint64_t done, uint64_t total)
{
    cli_progress_show(user, done, total, "steps");
}

/* ---- cases ---- */

/* The case of a name; the exit code of a usage error if there is none. */
static int find_case(const char *name, weft_probe_case *out, weft_error *err)
{
    const char *nearest = "all";
    size_t least = cli_distance(name, nearest);
    for (size_t i = 0; weft_probe_case_at(i, out); i++) {
        size_t distance = cli_distance(name, out->name);
        if (strcmp(out->name, name) == 0)
            return CLI_EXIT_OK;
        nearest = distance < least ? out->name : nearest;
        least = distance < least ? distance : least;
    }
    return cli_refuse(err, "There is no case '%s'; the nearest is '%s'.", name, nearest);
}

static int run_case(probe *at, const char *name)
{
    weft_probe_case it;
    weft_probe_case_result *result;
    int found = find_case(name, &it, at->err);
    if (found != CLI_EXIT_OK)
        return found;
    weft_status status = weft_probe_run_case(at->machine, name, &at->options, &result, at->err);
    if (status != WEFT_OK)
        return cli_exit_code(status);
    if (at->json) {
        *at->json = probe_json_case(at->info.name, &it, result);
    } else {
        probe_out_machine(at->machine);
        cli_out("%s\n", it.what);
        probe_out_heads("case");
        probe_out_case(&it, result);
        if (result->run_count == 1 && result->runs[0].result->flow_count == 1)
            probe_out_route(&result->runs[0].result->flows[0]);
    }
    int code = result->has_claim && !result->holds ? CLI_EXIT_FAILED : CLI_EXIT_OK;
    weft_probe_case_result_destroy(result);
    return code;
}

/* The case at an index, among all: what the machine cannot have is skipped by name. */
static int run_one_of_all(probe *at, const weft_probe_case *it)
{
    weft_probe_case_result *result;
    weft_status status = weft_probe_run_case(at->machine, it->name, &at->options, &result, at->err);
    if (status == WEFT_UNSUPPORTED) {
        if (at->json)
            json_array_append_new(*at->json, probe_json_skipped(at->info.name, it, at->err->message));
        else
            probe_out_skipped(it, at->err->message);
        at->err->code = WEFT_OK;
        return CLI_EXIT_OK;
    }
    if (status != WEFT_OK)
        return cli_exit_code(status);
    if (at->json)
        json_array_append_new(*at->json, probe_json_case(at->info.name, it, result));
    else
        probe_out_case(it, result);
    int code = result->has_claim && !result->holds ? CLI_EXIT_FAILED : CLI_EXIT_OK;
    weft_probe_case_result_destroy(result);
    return code;
}

static int run_all_cases(probe *at)
{
    weft_probe_case it;
    size_t count = 0;
    int code = CLI_EXIT_OK;
    while (weft_probe_case_at(count, &it))
        count++;
    if (at->json) {
        *at->json = json_array();
    } else {
        probe_out_machine(at->machine);
        probe_out_heads("case");
    }
    at->options.progress = NULL; /* cases are counted instead */
    for (size_t i = 0; weft_probe_case_at(i, &it) && at->err->code == WEFT_OK; i++) {
        if (at->progress)
            cli_progress_show(at->progress, i, count, "cases");
        int one = run_one_of_all(at, &it);
        code = one > code ? one : code;
    }
    if (!at->json && at->err->code == WEFT_OK)
        cli_out("\nWith --case NAME there is the route of a case as well, node by node.\n");
    return code;
}

/* ---- flows ---- */

static int read_flows(probe *at)
{
    const char *const *texts;
    int code = CLI_EXIT_OK;
    at->flow_count = cli_texts(at->values, &option_flow, &texts);
    for (size_t i = 0; i < at->flow_count && code == CLI_EXIT_OK; i++)
        code = probe_flow_read(texts[i], &at->flows[i], at->err);
    return code;
}

static int run_flows(probe *at)
{
    weft_flow flows[CLI_REPEATS_MAX];
    for (size_t i = 0; i < at->flow_count; i++) {
        const probe_flow *read = &at->flows[i];
        flows[i] = (weft_flow){.source = read->source,
                               .target = read->target,
                               .bytes = read->bytes,
                               .is_write = read->is_write,
                               .start_ps = read->start_ps};
    }
    weft_probe_result *result;
    weft_status status = weft_probe_run(at->machine, flows, at->flow_count, &at->options, &result, at->err);
    if (status != WEFT_OK)
        return cli_exit_code_of_words(status);
    if (at->json) {
        *at->json = probe_json_result(at->info.name, result);
    } else {
        probe_out_machine(at->machine);
        probe_out_flows(result);
        if (at->flow_count == 1)
            probe_out_route(&result->flows[0]);
    }
    weft_probe_result_destroy(result);
    return CLI_EXIT_OK;
}

/* ---- traffic ---- */

static weft_traffic_options traffic_options(const probe *at)
{
    const cli_values *values = at->values;
    return (weft_traffic_options){.pattern = cli_text(values, &option_traffic),
                                  .rate = cli_number(values, &option_rate),
                                  .packet_flits = cli_count(values, &option_packet_flits),
                                  .cycles = cli_count(values, &option_cycles),
                                  .warmup = cli_count(values, &option_warmup),
                                  .seed = cli_count(values, &option_seed),
                                  .outstanding = (uint32_t)cli_count(values, &option_outstanding),
                                  .flits = at->options.flits,
                                  .trace_path = at->options.trace_path,
                                  .progress = at->options.progress,
                                  .progress_user = at->options.progress_user};
}

static int run_traffic(probe *at)
{
    const weft_traffic_options options = traffic_options(at);
    weft_traffic_result result;
    weft_status status = weft_traffic_run(at->machine, &options, &result, at->err);
    if (status != WEFT_OK)
        return cli_exit_code_of_words(status);
    if (at->json) {
        *at->json = probe_json_traffic(at->info.name, &options, &result);
    } else {
        probe_out_machine(at->machine);
        probe_out_traffic(&options, &result);
    }
    return CLI_EXIT_OK;
}

/* ---- the verb ---- */

/* Neither one case nor anything else is asked for. */
static bool is_all_cases(const cli_values *values)
{
    const char *name = cli_text(values, &option_case);
    bool has_other = cli_given(values, &option_flow) || cli_given(values, &option_traffic);
    return name ? strcmp(name, "all") == 0 : !has_other;
}

/* What is wrong with the options alone, without the machine. */
static int check_options(probe *at)
{
    static const cli_option *const of_traffic[] = {&option_rate,   &option_packet_flits, &option_cycles,
                                                   &option_warmup, &option_seed,         &option_outstanding};
    const cli_values *values = at->values;
    bool has_case = cli_given(values, &option_case), has_flow = cli_given(values, &option_flow);
    bool has_traffic = cli_given(values, &option_traffic);
    if (has_case + has_flow + has_traffic > 1)
        return cli_refuse(at->err, "--case, --flow and --traffic are three different things to run: give one of them.");
    for (size_t i = 0; i < sizeof of_traffic / sizeof of_traffic[0]; i++) {
        if (cli_given(values, of_traffic[i]) && !has_traffic)
            return cli_refuse(at->err, "--%s is for --traffic, which is not given.", of_traffic[i]->name);
    }
    if (has_traffic && (!cli_given(values, &option_rate) || !cli_given(values, &option_packet_flits)))
        return cli_refuse(at->err, "--traffic needs --rate R and --packet-flits L.");
    if (cli_given(values, &option_trace) && is_all_cases(values))
        return cli_refuse(at->err, "--trace needs --case NAME, --flow or --traffic: all cases do not fit one trace.");
    const char *flits = cli_text(values, &option_flits);
    if (strcmp(flits, "each") != 0 && strcmp(flits, "trains") != 0)
        return cli_refuse(at->err, "--flits is '%s', but must be each or trains.", flits);
    weft_probe_case it;
    if (!is_all_cases(values) && has_case && find_case(cli_text(values, &option_case), &it, at->err) != CLI_EXIT_OK)
        return CLI_EXIT_USAGE;
    if (has_traffic) {
        const weft_traffic_options traffic = traffic_options(at);
        return cli_exit_code_of_words(weft_traffic_check_options(&traffic, at->err));
    }
    return read_flows(at);
}

/* Runs what the options ask for, with the machine open. */
static int run_probe(probe *at)
{
    const cli_values *values = at->values;
    weft_machine_get_info(at->machine, &at->info);
    at->options.flits = strcmp(cli_text(values, &option_flits), "each") == 0 ? WEFT_FLITS_EACH : WEFT_FLITS_TRAINS;
    at->options.trace_path = cli_text(values, &option_trace);
    if (at->progress) {
        at->options.progress = show_progress;
        at->options.progress_user = at->progress;
    }
    if (cli_given(values, &option_flow))
        return run_flows(at);
    if (cli_given(values, &option_traffic))
        return run_traffic(at);
    return is_all_cases(values) ? run_all_cases(at) : run_case(at, cli_text(values, &option_case));
}

static int run_with(const cli_values *values, json_t **json, cli_progress *progress, weft_error *err)
{
    probe at = {.values = values, .json = json, .progress = progress, .err = err};
    err->code = WEFT_OK;
    int code = check_options(&at);
    if (code == CLI_EXIT_OK)
        code = cli_open_machine(values, &at.machine, err);
    if (code == CLI_EXIT_OK)
        code = run_probe(&at);
    weft_machine_close(at.machine);
    if (json && err->code != WEFT_OK) {
        json_decref(*json);
        *json = NULL;
    }
    return code;
}

static int check(const cli_values *values, weft_error *err)
{
    return check_options(&(probe){.values = values, .err = err});
}

static int measure(const cli_values *values, json_t **out, weft_error *err)
{
    weft_error unread;
    *out = NULL;
    return run_with(values, out, NULL, err ? err : &unread);
}

static int run(const cli_values *values)
{
    weft_error err;
    json_t *json = NULL;
    cli_progress progress;
    cli_progress_begin(&progress, values->verb->name);
    int code = run_with(values, cli_given(values, &cli_option_json) ? &json : NULL, &progress, &err);
    cli_progress_end(&progress);
    if (json)
        cli_out_json(json);
    if (err.code != WEFT_OK)
        cli_error(values->verb->name, "%s", err.message);
    return code;
}

static const cli_option *const options[] = {
    &cli_option_machine, &cli_option_set,      &option_case,   &option_flow,     &option_traffic,
    &option_rate,        &option_packet_flits, &option_cycles, &option_warmup,   &option_seed,
    &option_outstanding, &option_flits,        &option_trace,  &cli_option_json, NULL,
};

static const cli_example examples[] = {
    {"weft probe --machine machines/two-sip.yaml", "all cases: transfers at every distance, hot spots, sizes"},
    {"weft probe --machine machines/two-sip.yaml --case dma_local", "one of them, with its route node by node"},
    {"weft probe --machine machines/two-sip.yaml --set cube.hbm.channel_gbs=64 --case dma_local_all --json",
     "the same machine with a faster HBM, as JSON"},
    {"weft probe --machine machines/two-sip.yaml --flow sip0.cube0.pe0:sip0.cube5.pe1.hbm:64KiB "
     "--flow host:sip0.cube5.pe1.hbm:64KiB:write@50 --trace trace.json",
     "two transfers that meet in one slice, and a trace of them"},
    {"weft probe --machine machines/mesh-8x8.yaml --traffic uniform --rate 0.1 --packet-flits 4",
     "packets between all PEs of a mesh"},
    {NULL, NULL},
};

const cli_verb cli_verb_probe = {
    .name = "probe",
    .summary = "tell what transfers cost on a simulated machine",
    .description =
        "Simulates transfers on a machine, and tells their latency and its parts, which add up to it: set-up, "
        "routers, UCIe, wire, streaming, memory, and queueing for others. Used is the bandwidth over that of the "
        "slowest place on the way. The cases are dma_local, dma_neighbour, dma_two_issuers, dma_hotspot, "
        "dma_local_all, dma_neighbours_all, dma_distance, dma_sizes, dma_sizes_far, cross_sip, h2d_64k, d2h_64k, "
        "h2d_sizes, h2d_ge, probe_hops, probe_64k, credit and launch_spread; those that the machine cannot have are "
        "skipped by name, and one that claims something that does not hold makes the exit code 1, as a deadlock does. "
        "Where flows run "
        "together, latency, parts and used are those of the slowest, and the bandwidth is that of all. In JSON the "
        "numbers of a case are those of its first run, and `runs` has all of them if there are several; all cases are "
        "an array.",
    .options = options,
    .examples = examples,
    .run = run,
    .measure = measure,
    .check = check,
};
