/* What `weft probe --flow` takes: SRC:DST:BYTES[:read|write][@START_NS]. */
#ifndef WEFT_CLI_PROBE_FLOW_H
#define WEFT_CLI_PROBE_FLOW_H

#include <weft/probe.h>

#define PROBE_NAME_BYTES 64

/* A flow with its names. */
typedef struct probe_flow {
    char source[PROBE_NAME_BYTES], target[PROBE_NAME_BYTES];
    uint64_t bytes;
    bool is_write;
    uint64_t start_ps;
} probe_flow;

/* Reads one; BYTES may end in KiB, MiB or GiB, and START_NS may have three decimals. Gives the exit code; a usage error
 * has put its sentence into *err. */
int probe_flow_read(const char *text, probe_flow *out, weft_error *err);

#endif
