/* What `weft probe --traffic` prints. */
#ifndef WEFT_CLI_PROBE_TRAFFIC_H
#define WEFT_CLI_PROBE_TRAFFIC_H

#include <jansson.h>

#include <weft/probe.h>

json_t *probe_json_traffic(const char *machine, const weft_traffic_options *options, const weft_traffic_result *result);
void probe_out_traffic(const weft_traffic_options *options, const weft_traffic_result *result);

#endif
