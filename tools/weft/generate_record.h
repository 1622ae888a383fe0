/* The run file of `weft generate`. */
#ifndef WEFT_CLI_GENERATE_RECORD_H
#define WEFT_CLI_GENERATE_RECORD_H

#include <weft/tokenizer.h>

#include "device_watch.h"

/* What was generated. */
typedef struct generate_record {
    const cli_watch *watch;          /* has ended */
    const char *model;               /* how the command line names it */
    const weft_tokenizer *tokenizer; /* NULL: there are no texts */
    const char *prompt, *answer;
    size_t prompt_bytes, answer_bytes, prompt_tokens;
    const int32_t *tokens;
    const uint64_t *times_ps; /* when each token had been drawn, on the device's clock */
    size_t token_count;
} generate_record;

/* Writes what --record asks for, if it is given. Gives 0, or the exit code of an error that has been printed. */
int generate_record_write(const generate_record *record);

#endif
