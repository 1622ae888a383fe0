#include "probe_traffic.h"

#include <inttypes.h>

#include "json_output.h"
#include "output.h"
#include "probe_output.h"

json_t *probe_json_traffic(const char *machine, const weft_traffic_options *options, const weft_traffic_result *result)
{
    const struct {
        const char *name;
        double number;
    } numbers[] = {
        {"latency_mean", result->latency_mean},     {"latency_median", result->latency_median},
        {"latency_p99", result->latency_p99},       {"latency_max", result->latency_max},
        {"hops_mean", result->hops_mean},           {"accepted_rate", result->accepted_rate},
        {"accepted_least", result->accepted_least}, {"accepted_most", result->accepted_most},
        {"load_mean", result->load_mean},           {"load_max", result->load_max},
        {"bisection_load", result->bisection_load},
    };
    json_t *object = json_object();
    json_object_set_new(object, "traffic", cli_json_text(options->pattern));
    json_object_set_new(object, "machine", cli_json_text(machine));
    json_object_set_new(object, "rate", cli_json_number(options->rate));
    json_object_set_new(object, "packet_flits", cli_json_count(options->packet_flits));
    json_object_set_new(object, "outstanding", cli_json_count(options->outstanding));
    json_object_set_new(object, "seed", cli_json_count(options->seed));
    json_object_set_new(object, "packets", cli_json_count(result->packets));
    json_object_set_new(object, "is_stable", json_boolean(result->is_stable));
    json_object_set_new(object, "cycle_ns", probe_json_ns(result->cycle_ps));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        json_object_set_new(object, numbers[i].name, cli_json_number(numbers[i].number));
    json_object_set_new(object, "busiest_link", cli_json_text(result->busiest_link));
    json_object_set_new(object, "flits_sent", cli_json_count(result->flits_sent));
    json_object_set_new(object, "flits_arrived", cli_json_count(result->flits_arrived));
    json_object_set_new(object, "cycles_run", cli_json_count(result->cycles_run));
    json_object_set_new(object, "events", cli_json_count(result->events));
    json_object_set_new(object, "trace_hash", probe_json_hash(result->trace_hash));
    return object;
}

void probe_out_traffic(const weft_traffic_options *options, const weft_traffic_result *result)
{
    cli_out("traffic %s, %g flits for each PE and cycle, packets of %" PRIu64 " flit%s, seed %" PRIu64 "\n",
            options->pattern, options->rate, options->packet_flits, cli_plural(options->packet_flits, "s"),
            options->seed);
    if (options->outstanding)
        cli_out("closed loop: at most %" PRIu32 " packet%s of a PE without an answer\n", options->outstanding,
                cli_plural(options->outstanding, "s"));
    else
        cli_out("open loop\n");
    cli_out("a cycle is %.3f ns\n\n", (double)result->cycle_ps / 1000.0);
    cli_out("measured packets         %12" PRIu64 "\n", result->packets);
    if (result->packets == 0) {
        cli_out("nothing was made in the measured cycles: they are too few for this rate\n");
        return;
    }
    cli_out("mean latency             %12.2f cycles\n", result->latency_mean);
    cli_out("median                   %12.2f cycles\n", result->latency_median);
    cli_out("99 %% are below           %12.2f cycles\n", result->latency_p99);
    cli_out("longest                  %12.2f cycles\n", result->latency_max);
    cli_out("mean way                 %12.2f hops\n", result->hops_mean);
    cli_out("accepted rate            %12.4f flits for each PE and cycle\n", result->accepted_rate);
    cli_out("  of single PEs          %12.4f to %.4f\n", result->accepted_least, result->accepted_most);
    cli_out("mean load of a link      %12.4f of the time, links between routers\n", result->load_mean);
    cli_out("  across the middle      %12.4f\n", result->bisection_load);
    cli_out("  highest                %12.4f%s%s\n", result->load_max, result->busiest_link[0] ? ", " : "",
            result->busiest_link);
    cli_out("flits sent               %12" PRIu64 "\n", result->flits_sent);
    cli_out("flits arrived            %12" PRIu64 "\n", result->flits_arrived);
    cli_out("cycles run               %12" PRIu64 "\n", result->cycles_run);
    cli_out("the load is %s\n", result->is_stable ? "stable" : "NOT stable: less arrives than is sent");
}
