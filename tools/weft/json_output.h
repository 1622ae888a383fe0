/* JSON that the command prints, made with jansson. Memory is cli_allocate()'s, so building JSON cannot fail. */
#ifndef WEFT_CLI_JSON_OUTPUT_H
#define WEFT_CLI_JSON_OUTPUT_H

#include <jansson.h>

#include <weft/device.h>

/* Before the first use of jansson. */
void cli_json_prepare(void);

/* A string of any bytes: what is no UTF-8 becomes U+FFFD, one for each maximal broken piece. */
json_t *cli_json_bytes(const char *bytes, size_t count);
json_t *cli_json_text(const char *text);
/* The text, or null for NULL. */
json_t *cli_json_text_or_null(const char *text);
/* JSON has whole numbers up to 2^63 - 1; larger ones are given as that. */
json_t *cli_json_count(uint64_t count);
/* A number; null if it is not finite. */
json_t *cli_json_number(double number);
json_t *cli_json_shape(const weft_shape *shape);
/* What a span of a device's counters cost. */
json_t *cli_json_counters(const weft_counters *spent);

/* The value as cli_out_json() prints it, but in one line. Memory to be freed; any thread. */
char *cli_json_line(const json_t *value);
/* Prints the value and a newline, and gives it up. */
void cli_out_json(json_t *value);

#endif
