#include "model_input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/sim_device.h>

#include "device_input.h"
#include "output.h"

static int describe(const cli_values *values, weft_status status, const weft_error *err, cli_model *out)
{
    if (status != WEFT_OK)
        return cli_fail(values->verb->name, status, err);
    weft_model_get_info(out->model, &out->info);
    weft_device_get_info(out->device, &out->device_info);
    return CLI_EXIT_OK;
}

static int open_device(const cli_values *values, const cli_option *shuffle, cli_model *out)
{
    weft_error err;
    int code = cli_open_device(values, shuffle, &out->device);
    if (code != CLI_EXIT_OK || !out->saves_run)
        return code;
    weft_status status = weft_sim_device_record(out->device, &out->recording, &err);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(values->verb->name, status, &err);
}

int cli_model_open(const cli_values *values, const cli_option *shuffle, const char *directory, cli_model *out)
{
    weft_error err;
    int code = open_device(values, shuffle, out);
    if (code != CLI_EXIT_OK)
        return code;
    return describe(values, weft_model_open(out->device, directory, NULL, &out->model, &err), &err, out);
}

int cli_model_open_config(const cli_values *values, const cli_option *shuffle, const char *path, uint64_t seed,
                          cli_model *out)
{
    weft_error err;
    int code = open_device(values, shuffle, out);
    if (code != CLI_EXIT_OK)
        return code;
    return describe(values, weft_model_open_config(out->device, path, seed, &out->model, &err), &err, out);
}

void cli_model_close(cli_model *model)
{
    weft_model_close(model->model);
    weft_recording_destroy(model->recording);
    weft_device_close(model->device);
    *model = (cli_model){0};
}

static int read_stdin(const cli_values *values, cli_prompt *out)
{
    size_t room = 0;
    errno = 0;
    for (;;) {
        if (out->bytes == room) {
            room = room > 0 ? 2 * room : 4096;
            out->text = cli_reallocate(out->text, room);
        }
        size_t got = fread(out->text + out->bytes, 1, room - out->bytes, stdin);
        out->bytes += got;
        if (got == 0)
            break;
    }
    if (!ferror(stdin))
        return CLI_EXIT_OK;
    cli_error(values->verb->name, "Standard input cannot be read: %s.", strerror(errno));
    return CLI_EXIT_INPUT;
}

static int encode(const cli_values *values, const weft_tokenizer *tokenizer, cli_prompt *prompt)
{
    weft_error err;
    size_t room = weft_tokenizer_tokens_max(tokenizer, prompt->bytes);
    if (room > SIZE_MAX / sizeof *prompt->ids)
        room = SIZE_MAX / sizeof *prompt->ids;
    prompt->ids = cli_allocate(room * sizeof *prompt->ids);
    weft_status status = weft_tokenizer_encode(tokenizer, prompt->text, prompt->bytes, WEFT_TOKENIZER_ADD_SPECIAL,
                                               prompt->ids, room, &prompt->count, &err);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(values->verb->name, status, &err);
}

int cli_prompt_open(const cli_values *values, const char *word, const weft_tokenizer *tokenizer,
                    const weft_model_info *info, cli_prompt *out)
{
    int code = CLI_EXIT_OK;
    if (strcmp(word, "-") == 0) {
        code = read_stdin(values, out);
    } else {
        out->bytes = strlen(word);
        out->text = cli_allocate(out->bytes + 1);
        memcpy(out->text, word, out->bytes + 1);
    }
    if (code == CLI_EXIT_OK)
        code = encode(values, tokenizer, out);
    if (code != CLI_EXIT_OK || out->count > 0)
        return code;
    if (info->start_token < 0)
        return cli_usage_error(values->verb->name,
                               "The prompt is empty, and this model has no token to start a text with.");
    out->ids = cli_reallocate(out->ids, sizeof *out->ids);
    out->ids[out->count++] = info->start_token;
    return CLI_EXIT_OK;
}

void cli_prompt_release(cli_prompt *prompt)
{
    free(prompt->text);
    free(prompt->ids);
    *prompt = (cli_prompt){0};
}
