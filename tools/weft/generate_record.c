#include "generate_record.h"

#include <stdio.h>

#include "json_output.h"
#include "output.h"

static json_t *json_of_model(const generate_record *it)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", cli_json_text(it->model));
    if (it->tokenizer) {
        json_object_set_new(object, "prompt", run_file_text(it->prompt, it->prompt_bytes));
        json_object_set_new(object, "answer", run_file_text(it->answer, it->answer_bytes));
    }
    json_object_set_new(object, "prompt_tokens", cli_json_count(it->prompt_tokens));
    json_object_set_new(object, "tokens", cli_json_count(it->token_count));
    if (it->token_count > 0) {
        uint64_t prompt_ps = it->times_ps[0] - it->watch->begun.now_ps;
        uint64_t decode_ps = it->times_ps[it->token_count - 1] - it->times_ps[0];
        json_object_set_new(object, "prompt_ps", cli_json_count(prompt_ps));
        json_object_set_new(object, "decode_ps", cli_json_count(decode_ps));
    }
    return object;
}

/* The text of a token; the id of one that has none, as without a tokenizer and with --timing-only. */
static json_t *label_of(const generate_record *it, int32_t token)
{
    size_t count;
    const char *bytes;
    char text[24];
    if (it->tokenizer && weft_tokenizer_token_bytes(it->tokenizer, token, &bytes, &count, NULL) == WEFT_OK && count > 0)
        return run_file_text(bytes, count);
    (void)snprintf(text, sizeof text, "token %d", (int)token);
    return cli_json_text(text);
}

/* The passes, by the tokens that they gave. */
static void add_passes(const generate_record *it, run_file *file)
{
    uint64_t since = it->watch->begun.now_ps;
    json_t *track = run_file_add_track(file, "tokens");
    for (size_t i = 0; i < it->token_count; i++) {
        run_file_add_span(file, track, label_of(it, it->tokens[i]), since, it->times_ps[i]);
        since = it->times_ps[i];
    }
}

int generate_record_write(const generate_record *it)
{
    run_file file;
    const cli_values *values = it->watch->values;
    if (!cli_watch_run_file(it->watch, &file))
        return CLI_EXIT_OK;
    run_file_set(&file, "model", json_of_model(it));
    add_passes(it, &file);
    return run_file_write(&file, values->verb->name, cli_text(values, &cli_option_record));
}
