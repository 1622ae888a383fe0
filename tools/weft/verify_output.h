/* --verify: a verifier beside a run, and what it has seen. */
#ifndef WEFT_CLI_VERIFY_OUTPUT_H
#define WEFT_CLI_VERIFY_OUTPUT_H

#include <jansson.h>

#include <weft/verify.h>

#include "options.h"

extern const cli_option cli_option_verify;

/* Makes a verifier if --verify is given; *out is NULL if not, and after an error, whose exit code it gives. */
int cli_verify_open(const cli_values *values, weft_verifier **out);

/* The exit code of a run that has failed with `code`: that of a check where a dispatch differs. */
int cli_verify_exit(const weft_verifier *verifier, int code);

/* What has been compared; null for NULL. */
json_t *cli_json_verified(const weft_verifier *verifier);

#define CLI_VERIFIED_TEXT 256
/* The same as a line without its end; empty for NULL. Returns text. */
const char *cli_verified_text(const weft_verifier *verifier, char text[CLI_VERIFIED_TEXT]);

#endif
