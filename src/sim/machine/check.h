/* The rules that hold between the values of a machine, each of which alone is within its range. */
#ifndef WEFT_SIM_MACHINE_CHECK_H
#define WEFT_SIM_MACHINE_CHECK_H

#include "base/status.h"
#include "sim/machine/spec.h"

#define WEFT__RULE_KEYS_MAX 6u
#define WEFT__ELEMENT_NONE UINT32_MAX

/* Whose values broke a rule: keys of the table, NULL after the last, the likeliest culprit first; and which element of
 * the first one if that is a list. */
typedef struct weft__machine_blame {
    const char *const *keys;
    uint32_t element;
} weft__machine_blame;

/* Fills in what is derived: PEs on every router if none are named, rows and columns of SIPs that are a square. */
weft_status weft__machine_complete(weft__machine_spec *spec, weft_error *err);

/* WEFT_PARSE with a sentence that names keys, values and the rule; then *blame is filled in. */
weft_status weft__machine_check(const weft__machine_spec *spec, weft__machine_blame *blame, weft_error *err);

#endif
