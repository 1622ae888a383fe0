/* From the text of a machine file to a checked specification.
 *
 * A file may leave out any key; the table of schema.c says what then holds. Settings, `--set key=value` of the command,
 * replace single values; where one key is set twice, the last setting counts.
 *
 * What is wrong with a file is WEFT_PARSE, with line and column in the error and in the sentence: "FILE:LINE:COLUMN:
 * ...". What is wrong with a setting is WEFT_INVALID_ARGUMENT, "FILE with cube.vcs=0: ...". A rule between several keys
 * is reported at the one that most likely breaks it, and the sentence names those of them that are settings. Any
 * thread. */
#ifndef WEFT_SIM_MACHINE_LOAD_H
#define WEFT_SIM_MACHINE_LOAD_H

#include <stddef.h>

#include <weft/machine.h>

#include "base/status.h"
#include "sim/machine/spec.h"

#define WEFT__MACHINE_BYTES_MAX ((size_t)1 << 20)

/* Loads a file of at most WEFT__MACHINE_BYTES_MAX bytes. WEFT_IO if it cannot be read. WEFT_NOT_FOUND if a setting's
 * key does not exist; the sentence offers the nearest one. *out is the caller's. */
weft_status weft__machine_load(const char *path, const weft_machine_setting *settings, size_t count,
                               weft__machine_spec **out, weft_error *err);

/* The same for a text in memory, which messages call `name`. */
weft_status weft__machine_parse(const char *text, size_t bytes, const char *name, const weft_machine_setting *settings,
                                size_t count, weft__machine_spec **out, weft_error *err);

/* NULL is allowed. */
void weft__machine_spec_destroy(weft__machine_spec *spec);

#endif
