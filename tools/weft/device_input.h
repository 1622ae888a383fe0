/* The device that a command line names. */
#ifndef WEFT_CLI_DEVICE_INPUT_H
#define WEFT_CLI_DEVICE_INPUT_H

#include <weft/device.h>

#include "options.h"

/* Opens --device with --threads, --isa and --timing-only, where the verb has them and they are given, and with a
 * shuffle seed from the option SHUFFLE, unless that is NULL or not given. Returns 0, or the exit code of an error that
 * has been printed. */
int cli_open_device(const cli_values *values, const cli_option *shuffle, weft_device **out);

/* The same without a shuffle seed, and with another value for a key of the machine file. */
int cli_open_device_with(const cli_values *values, const char *key, const char *value, weft_device **out);

/* What was counted between two snapshots; bytes_allocated is the later one's. */
weft_counters cli_counters_between(const weft_counters *before, const weft_counters *after);

#endif
