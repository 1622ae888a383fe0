/* Whether what a YAML text says fits the key table: known keys, values of the right kind and within their ranges. */
#ifndef WEFT_SIM_MACHINE_ENTRIES_H
#define WEFT_SIM_MACHINE_ENTRIES_H

#include "sim/machine/schema.h"
#include "sim/machine/yaml_index.h"

/* For each key of the table the entry that gives it, or 0: the root gives no key. */
typedef struct weft__machine_entries {
    uint32_t of_key[WEFT__MACHINE_KEYS_MAX];
} weft__machine_entries;

/* Must be asked before weft__machine_read, because libcyaml takes "16x" for 16, 010 for 8 and any word for true.
 * WEFT_PARSE comes with line and column, and a sentence that names key and value but not the file. Numbers are read by
 * the locale of the thread, which must be "C". */
weft_status weft__machine_entries_check(const weft__yaml_index *index, weft__machine_entries *out, weft_error *err);

#endif
