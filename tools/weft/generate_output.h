/* What `weft generate` tells of a generation at its end. */
#ifndef WEFT_CLI_GENERATE_OUTPUT_H
#define WEFT_CLI_GENERATE_OUTPUT_H

#include <stdbool.h>

#include <weft/device.h>
#include <weft/verify.h>

#include "device_times.h"
#include "model_input.h"

/* A generation that has ended. */
typedef struct generate_shown {
    const char *model; /* how the command line names it */
    const weft_device_info *device;
    const cli_prompt *prompt;
    uint64_t cached_tokens, seed;
    const char *text;
    size_t text_bytes;
    const int32_t *tokens;
    const uint64_t *times_ps; /* when each token had been drawn, on the device's clock */
    size_t token_count;
    const char *finish_reason;
    double prefill_seconds, decode_seconds;
    const cli_device_times *loaded; /* before the first pass */
    const cli_device_times *spent;  /* by all passes; no parts on a device without a clock of its own */
    const weft_counters *counters;
    const weft_verifier *verifier; /* or NULL */
} generate_shown;

void generate_out_json(const generate_shown *it);

/* Simulated times, if there are any. */
void generate_out_times(const generate_shown *it);

/* Times and counts, to standard output or to standard error. */
void generate_out_stats(const generate_shown *it, bool to_error);

#endif
