/* The keys of machines that a recording depends on. */
#ifndef WEFT_SIM_RETIME_KEYS_H
#define WEFT_SIM_RETIME_KEYS_H

#include "base/status.h"
#include "sim/machine/spec.h"
#include "sim/retime/bytes.h"

/* Writes their values. */
void weft__retime_keys_put(weft__bytes *to, const weft__machine_spec *spec);

/* Reads them, and compares: WEFT_UNSUPPORTED, naming key and values, for the first that is another one. */
weft_status weft__retime_keys_check(weft__reader *from, const weft__machine_spec *spec, weft_error *err);

#endif
