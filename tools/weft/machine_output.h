/* What a machine is made of, as `weft info` tells it. */
#ifndef WEFT_CLI_MACHINE_OUTPUT_H
#define WEFT_CLI_MACHINE_OUTPUT_H

#include <jansson.h>

#include <weft/machine.h>

json_t *cli_json_machine(const char *path, const weft_machine_info *info);
void cli_out_machine(const weft_machine_info *info);

#endif
