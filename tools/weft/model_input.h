/* The model and the prompt that a command line names. */
#ifndef WEFT_CLI_MODEL_INPUT_H
#define WEFT_CLI_MODEL_INPUT_H

#include <weft/model.h>
#include <weft/retime.h>

#include "options.h"

/* A model on a device. Zero-initialise it; closing what was never opened is fine. */
typedef struct cli_model {
    weft_device *device;
    weft_model *model;
    weft_model_info info;
    weft_device_info device_info;
    bool saves_run;            /* to be set before: the device, a simulated machine, is recorded from its beginning */
    weft_recording *recording; /* of it */
} cli_model;

/* Opens the device, see cli_open_device(), and the model of a directory on it. Returns 0, or the exit code of an error
 * that has been printed; close it in either case. */
int cli_model_open(const cli_values *values, const cli_option *shuffle, const char *directory, cli_model *out);
/* The same for a model that is made of a configuration file and a seed, see weft_model_open_config(). */
int cli_model_open_config(const cli_values *values, const cli_option *shuffle, const char *path, uint64_t seed,
                          cli_model *out);
void cli_model_close(cli_model *model);

/* A text and its tokens. Zero-initialise it. */
typedef struct cli_prompt {
    char *text; /* any bytes */
    size_t bytes;
    int32_t *ids;
    size_t count; /* at least 1 once it is encoded */
} cli_prompt;

/* Takes the prompt from the word, or all of standard input if that is "-", and encodes it with the tokens that the
 * tokenizer's template adds. An empty prompt becomes the model's start token. Returns 0, or the exit code of an error
 * that has been printed; release it in either case. */
int cli_prompt_open(const cli_values *values, const char *word, const weft_tokenizer *tokenizer,
                    const weft_model_info *info, cli_prompt *out);
void cli_prompt_release(cli_prompt *prompt);

#endif
