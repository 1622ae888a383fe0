/* weft generate: continue a text. */
#include "commands.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "completion.h"
#include "device_input.h"
#include "json_output.h"
#include "model_input.h"
#include "output.h"

static const cli_option option_prompt = {.name = "prompt",
                                         .letter = 'p',
                                         .kind = CLI_TEXT,
                                         .argument = "TEXT",
                                         .is_required = true,
                                         .help = "the text to continue; - reads it from standard input, all of it"};

static const cli_option option_max_tokens = {.name = "max-tokens",
                                             .letter = 'n',
                                             .kind = CLI_COUNT,
                                             .argument = "N",
                                             .initial = "256",
                                             .least = 1,
                                             .most = INT32_MAX,
                                             .help = "generate no more than N tokens"};

static const cli_option option_stop = {
    .name = "stop",
    .kind = CLI_WORD,
    .argument = "TEXT",
    .may_repeat = true,
    .help = "end where this text would begin; the end-of-text tokens that the model names end it in any case"};

static const cli_option option_temperature = {.name = "temperature",
                                              .kind = CLI_NUMBER,
                                              .argument = "T",
                                              .initial = "0",
                                              .highest = 1000,
                                              .help =
                                                  "divide logits by T before drawing; 0 takes the most likely token"};

static const cli_option option_top_k = {.name = "top-k",
                                        .kind = CLI_COUNT,
                                        .argument = "K",
                                        .initial = "0",
                                        .most = INT32_MAX,
                                        .help = "draw from the K most likely tokens; 0 for all"};

static const cli_option option_top_p = {
    .name = "top-p",
    .kind = CLI_NUMBER,
    .argument = "P",
    .initial = "1",
    .lowest = 1e-6,
    .highest = 1,
    .help = "draw from the fewest most likely tokens whose probabilities reach P together"};

static const cli_option option_min_p = {.name = "min-p",
                                        .kind = CLI_NUMBER,
                                        .argument = "P",
                                        .initial = "0",
                                        .highest = 1,
                                        .help = "drop tokens that are less likely than P times the most likely"};

static const cli_option option_seed = {.name = "seed",
                                       .letter = 's',
                                       .kind = CLI_COUNT,
                                       .argument = "S",
                                       .initial = "0",
                                       .most = INT64_MAX,
                                       .help = "of the random numbers; the same seed draws the same tokens"};

static const cli_option option_shuffle = {
    .name = "shuffle",
    .kind = CLI_COUNT,
    .argument = "SEED",
    .most = UINT64_MAX,
    .help = "run the dispatches between two barriers in a random order, which must not change the result"};

static const cli_option option_stats = {
    .name = "stats", .kind = CLI_FLAG, .help = "print times and counts to standard error at the end"};

/* A generation under way. */
typedef struct generation {
    const cli_values *values;
    const weft_tokenizer *tokenizer;
    cli_completion completion;
    int32_t *tokens;
    size_t token_count, token_room;
    double begun, first, last; /* seconds of the clock: start, first token, latest token */
    cli_progress progress;
    bool is_streamed;
} generation;

static void show(generation *at, bool is_last)
{
    size_t count;
    const char *text = cli_completion_next(&at->completion, is_last, &count);
    if (at->is_streamed && count > 0)
        cli_out_bytes(text, count);
}

/* A weft_token_callback. A token that has no bytes of its own, or none to show, is only counted. */
static bool take_token(void *user, int32_t token)
{
    generation *at = user;
    const char *bytes;
    size_t count;
    at->last = cli_seconds();
    if (at->token_count == 0)
        at->first = at->last;
    if (at->token_count == at->token_room) {
        at->token_room = 2 * at->token_room + 64;
        at->tokens = cli_reallocate(at->tokens, at->token_room * sizeof *at->tokens);
    }
    at->tokens[at->token_count++] = token;
    bool goes_on = true;
    if (!weft_tokenizer_is_special(at->tokenizer, token) &&
        weft_tokenizer_token_bytes(at->tokenizer, token, &bytes, &count, NULL) == WEFT_OK)
        goes_on = cli_completion_append(&at->completion, bytes, count);
    show(at, !goes_on);
    if (at->is_streamed)
        return cli_out_flush() && goes_on;
    cli_progress_show(&at->progress, at->token_count, cli_count(at->values, &option_max_tokens), "tokens");
    return goes_on;
}

static const char *finish_reason(const generation *at, weft_stop_reason reason)
{
    static const char *const names[] = {
        [WEFT_STOP_TOKENS_MAX] = "max_tokens",
        [WEFT_STOP_TOKEN] = "stop_token",
        [WEFT_STOP_CALLBACK] = "stopped",
        [WEFT_STOP_CAPACITY] = "capacity",
    };
    if (at->completion.is_stopped)
        return "stop_text";
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason] : weft_stop_reason_name(reason);
}

static double tokens_per_second(const generation *at)
{
    double seconds = at->last - at->first;
    return at->token_count > 1 && seconds > 0 ? (double)(at->token_count - 1) / seconds : (double)NAN;
}

static json_t *json_of_ids(const int32_t *ids, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(ids[i]));
    return array;
}

static void out_json(const generation *at, const cli_model *model, const cli_prompt *prompt, weft_stop_reason reason,
                     const weft_counters *spent)
{
    json_t *object = json_object(), *timings = json_object();
    json_object_set_new(object, "model", cli_json_text(cli_text(at->values, &cli_option_model)));
    json_object_set_new(object, "device", cli_json_text(model->device_info.scheme));
    json_object_set_new(object, "isa", cli_json_text(model->device_info.isa));
    json_object_set_new(object, "threads", cli_json_count(model->device_info.threads));
    json_object_set_new(object, "prompt", cli_json_bytes(prompt->text, prompt->bytes));
    json_object_set_new(object, "prompt_tokens", json_of_ids(prompt->ids, prompt->count));
    json_object_set_new(object, "tokens", json_of_ids(at->tokens, at->token_count));
    json_object_set_new(object, "text", cli_json_bytes(at->completion.text, at->completion.bytes));
    json_object_set_new(object, "finish_reason", cli_json_text(finish_reason(at, reason)));
    json_object_set_new(object, "seed", cli_json_count(cli_count(at->values, &option_seed)));
    json_object_set_new(timings, "prefill_seconds", cli_json_number(at->first - at->begun));
    json_object_set_new(timings, "decode_seconds", cli_json_number(at->last - at->first));
    json_object_set_new(timings, "tokens_per_second", cli_json_number(tokens_per_second(at)));
    json_object_set_new(object, "timings", timings);
    json_object_set_new(object, "counters", cli_json_counters(spent));
    cli_out_json(object);
}

static void print_stats(const generation *at, const cli_model *model, const cli_prompt *prompt, weft_stop_reason reason,
                        const weft_counters *spent)
{
    double rate = tokens_per_second(at);
    const weft_device_info *device = &model->device_info;
    fprintf(stderr, "%s%s%s, %u threads: %zu prompt tokens in %.4f s, %zu tokens in %.4f s", device->scheme,
            device->isa[0] ? " " : "", device->isa, device->threads, prompt->count, at->first - at->begun,
            at->token_count, at->last - at->first);
    if (isfinite(rate))
        fprintf(stderr, " (%.1f each second)", rate);
    fprintf(stderr,
            "; ended by %s\n%" PRIu64 " command buffers, %" PRIu64 " dispatches, %" PRIu64 " barriers, %" PRIu64
            " fences, %" PRIu64 " syncs\n",
            finish_reason(at, reason), spent->command_buffers_submitted, spent->dispatches, spent->barriers,
            spent->fences_signalled, spent->syncs);
}

static weft_generate_params params_of(const cli_values *values)
{
    weft_generate_params params = {.tokens_max = (size_t)cli_count(values, &option_max_tokens)};
    params.sample.temperature = (float)cli_number(values, &option_temperature);
    params.sample.top_k = (uint32_t)cli_count(values, &option_top_k);
    params.sample.top_p = (float)cli_number(values, &option_top_p);
    params.sample.min_p = (float)cli_number(values, &option_min_p);
    params.sample.seed = cli_count(values, &option_seed);
    return params;
}

static int generate(generation *at, const cli_model *model, const cli_prompt *prompt)
{
    weft_error err;
    weft_context *context = NULL;
    weft_generate_params params = params_of(at->values);
    uint64_t wanted = (uint64_t)prompt->count + params.tokens_max;
    weft_context_options options = {.capacity_tokens =
                                        wanted < model->info.positions ? (uint32_t)wanted : model->info.positions};
    weft_generate_result result;
    weft_status status = weft_context_create(model->model, &options, &context, &err);
    at->completion.stop_count = cli_texts(at->values, &option_stop, &at->completion.stops);
    cli_progress_begin(&at->progress, at->values->verb->name);
    at->begun = at->first = at->last = cli_seconds();
    if (status == WEFT_OK)
        status = weft_generate(context, prompt->ids, prompt->count, &params, take_token, at, &result, &err);
    cli_progress_end(&at->progress);
    show(at, true);
    if (at->is_streamed && at->completion.bytes > 0 && at->completion.text[at->completion.bytes - 1] != '\n')
        cli_out("\n");
    int code = CLI_EXIT_OK;
    if (status != WEFT_OK) {
        cli_out_flush(); /* what there is of the text comes before the error */
        code = cli_fail(at->values->verb->name, status, &err);
    } else {
        weft_context_info info;
        weft_context_get_info(context, &info);
        if (!at->is_streamed)
            out_json(at, model, prompt, result.reason, &info.session.spent);
        if (cli_given(at->values, &option_stats) && cli_out_flush())
            print_stats(at, model, prompt, result.reason, &info.session.spent);
    }
    weft_context_destroy(context);
    return code;
}

static int run(const cli_values *values)
{
    cli_model model = {0};
    cli_prompt prompt = {0};
    weft_tokenizer *tokenizer = NULL;
    int code = cli_model_open(values, &option_shuffle, &model);
    if (code == CLI_EXIT_OK) {
        weft_error err;
        weft_status status =
            weft_model_open_tokenizer(cli_text(values, &cli_option_model), &model.info, &tokenizer, &err);
        if (status != WEFT_OK)
            code = cli_fail(values->verb->name, status, &err);
    }
    if (code == CLI_EXIT_OK)
        code = cli_prompt_open(values, cli_text(values, &option_prompt), tokenizer, &model.info, &prompt);
    if (code == CLI_EXIT_OK) {
        generation at = {.values = values, .tokenizer = tokenizer, .is_streamed = !cli_given(values, &cli_option_json)};
        code = generate(&at, &model, &prompt);
        cli_completion_release(&at.completion);
        free(at.tokens);
    }
    cli_prompt_release(&prompt);
    weft_tokenizer_close(tokenizer);
    cli_model_close(&model);
    return code;
}

static const cli_option *const options[] = {
    &cli_option_model,   &option_prompt,     &option_max_tokens,  &option_stop,
    &option_temperature, &option_top_k,      &option_top_p,       &option_min_p,
    &option_seed,        &cli_option_device, &cli_option_threads, &cli_option_isa,
    &option_shuffle,     &option_stats,      &cli_option_json,    NULL,
};

static const cli_example examples[] = {
    {"weft generate --model models/sums --prompt '348+275='", "the most likely continuation"},
    {"echo -n 'sort 7 2 9 4 =' | weft generate --model models/sums --prompt -", "a prompt from standard input"},
    {"weft generate --model models/sums --prompt 12 --temperature 0.8 --seed 7 --json",
     "drawn with a seed, with tokens, times and counts"},
    {NULL, NULL},
};

const cli_verb cli_verb_generate = {
    .name = "generate",
    .summary = "continue a text with a model",
    .description =
        "Prints the continuation of the prompt as it is made. It ends at an end-of-text token of the model, at a stop "
        "text, after --max-tokens tokens, or when the model's longest sequence is reached. With --json, `text` "
        "is the continuation alone and `tokens` are its tokens, the one that ended it included.",
    .options = options,
    .examples = examples,
    .run = run,
};
