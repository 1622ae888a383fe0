/* weft generate: continue a text. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "device_input.h"
#include "device_times.h"
#include "device_watch.h"
#include "generate_output.h"
#include "generate_record.h"
#include "model_input.h"
#include "output.h"
#include "verify_output.h"
#include "saved_run.h"

static const cli_option option_config = {
    .name = "config",
    .kind = CLI_WORD,
    .argument = "FILE",
    .reads = CLI_READS_FILE,
    .help = "a model's config.json alone, instead of --model and --prompt: what its passes cost, without its weights"};

static const cli_option option_model = {.name = "model",
                                        .letter = 'm',
                                        .kind = CLI_WORD,
                                        .argument = "DIR",
                                        .is_required = true,
                                        .instead = &option_config,
                                        .reads = CLI_READS_MODEL,
                                        .help =
                                            "directory of the model: config.json, model.safetensors, tokenizer.json"};

static const cli_option option_prompt = {.name = "prompt",
                                         .letter = 'p',
                                         .kind = CLI_TEXT,
                                         .argument = "TEXT",
                                         .is_required = true,
                                         .instead = &option_config,
                                         .help = "the text to continue; - reads it from standard input, all of it"};

static const cli_option option_prompt_tokens = {.name = "prompt-tokens",
                                                .kind = CLI_COUNT,
                                                .argument = "N",
                                                .initial = "1",
                                                .least = 1,
                                                .most = INT32_MAX,
                                                .help = "with --config: the prompt is N tokens, all of them 0"};

static const cli_option option_weights_seed = {
    .name = "weights-seed",
    .kind = CLI_COUNT,
    .argument = "S",
    .initial = "0",
    .most = INT64_MAX,
    .help = "with --config: draw the weights at random with this seed; 0 leaves them zeros"};

static const cli_option option_cached = {
    .name = "cached",
    .kind = CLI_COUNT,
    .argument = "N",
    .initial = "0",
    .most = INT32_MAX,
    .help =
        "count N tokens as fed before the prompt, to see what passes cost behind so many; their keys and values are "
        "zeros"};

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

static const cli_option option_save_run = {
    .name = "save-run",
    .kind = CLI_WORD,
    .argument = "FILE",
    .is_output = true,
    .help = "on a simulated machine: write what the kernels asked of their PEs, for `weft retime`; with --timing-only, "
            "as kernels that look at data cannot be re-timed"};

static const cli_option option_no_graph = {
    .name = "no-graph",
    .kind = CLI_FLAG,
    .help = "record the pass of each token anew, instead of replaying an optimised graph of it"};

static const cli_option option_no_fuse = {
    .name = "no-fuse", .kind = CLI_FLAG, .help = "leave the ops of that graph as the model has them"};

static const cli_option option_no_reorder = {
    .name = "no-reorder", .kind = CLI_FLAG, .help = "leave the ops of that graph in the model's order"};

static const cli_option option_stats = {
    .name = "stats", .kind = CLI_FLAG, .help = "print times and counts to standard error at the end"};

/* A generation under way. */
typedef struct generation {
    const cli_values *values;
    const weft_tokenizer *tokenizer; /* NULL for a model of a configuration alone */
    cli_completion completion;
    int32_t *tokens;
    uint64_t *times_ps; /* when each token had been drawn, on the device's clock */
    size_t token_count, token_room;
    double begun, first, last; /* seconds of the clock: start, first token, latest token */
    cli_progress progress;
    bool is_streamed;
    const weft_device *device;
    cli_device_times loaded; /* before the first pass */
    cli_device_times spent;  /* by all passes */
    cli_watch watch;
    weft_verifier *verifier; /* or NULL */
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
        at->times_ps = cli_reallocate(at->times_ps, at->token_room * sizeof *at->times_ps);
    }
    at->times_ps[at->token_count] = weft_device_now_ps(at->device);
    at->tokens[at->token_count++] = token;
    bool goes_on = true;
    bool is_text = at->tokenizer && !cli_given(at->values, &cli_option_timing_only);
    if (is_text && !weft_tokenizer_is_special(at->tokenizer, token) &&
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

/* The directory, or the configuration file. */
static const char *model_name(const generation *at)
{
    return cli_text(at->values, at->tokenizer ? &option_model : &option_config);
}

static const int32_t no_stop_token = 0;

static weft_generate_params params_of(const cli_values *values)
{
    weft_generate_params params = {.tokens_max = (size_t)cli_count(values, &option_max_tokens)};
    params.sample.temperature = (float)cli_number(values, &option_temperature);
    params.sample.top_k = (uint32_t)cli_count(values, &option_top_k);
    params.sample.top_p = (float)cli_number(values, &option_top_p);
    params.sample.min_p = (float)cli_number(values, &option_min_p);
    params.sample.seed = cli_count(values, &option_seed);
    if (cli_given(values, &cli_option_timing_only) || cli_given(values, &option_config)) /* tokens say nothing */
        params.stop_tokens = &no_stop_token;
    return params;
}

static int write_record(const generation *at, const cli_prompt *prompt)
{
    const generate_record record = {.watch = &at->watch,
                                    .model = model_name(at),
                                    .tokenizer = at->tokenizer,
                                    .prompt = prompt->text,
                                    .prompt_bytes = prompt->bytes,
                                    .prompt_tokens = prompt->count,
                                    .answer = at->completion.text,
                                    .answer_bytes = at->completion.bytes,
                                    .tokens = at->tokens,
                                    .times_ps = at->times_ps,
                                    .token_count = at->token_count};
    return generate_record_write(&record);
}

/* The result and the times, in the form and at the place that the options say. */
static void show_end(const generation *at, const cli_model *model, const cli_prompt *prompt, weft_stop_reason reason,
                     const weft_counters *spent)
{
    const generate_shown shown = {.model = model_name(at),
                                  .device = &model->device_info,
                                  .prompt = prompt,
                                  .cached_tokens = cli_count(at->values, &option_cached),
                                  .seed = cli_count(at->values, &option_seed),
                                  .text = at->completion.text,
                                  .text_bytes = at->completion.bytes,
                                  .tokens = at->tokens,
                                  .times_ps = at->times_ps,
                                  .token_count = at->token_count,
                                  .finish_reason = finish_reason(at, reason),
                                  .prefill_seconds = at->first - at->begun,
                                  .decode_seconds = at->last - at->first,
                                  .loaded = &at->loaded,
                                  .spent = &at->spent,
                                  .counters = spent,
                                  .verifier = at->verifier};
    if (!at->is_streamed)
        generate_out_json(&shown);
    else if (!at->tokenizer)
        generate_out_stats(&shown, false);
    else if (cli_given(at->values, &cli_option_timing_only))
        generate_out_times(&shown);
    if (cli_given(at->values, &option_stats) && cli_out_flush())
        generate_out_stats(&shown, true);
}

static int generate(generation *at, const cli_model *model, const cli_prompt *prompt)
{
    weft_error err;
    weft_context *context = NULL;
    weft_generate_params params = params_of(at->values);
    uint32_t cached = (uint32_t)cli_count(at->values, &option_cached);
    uint64_t wanted = (uint64_t)cached + prompt->count + params.tokens_max;
    weft_context_options options = {
        .capacity_tokens = wanted < model->info.positions ? (uint32_t)wanted : model->info.positions,
        .no_graph = cli_given(at->values, &option_no_graph),
        .no_fuse = cli_given(at->values, &option_no_fuse),
        .no_reorder = cli_given(at->values, &option_no_reorder),
    };
    weft_generate_result result;
    int code = cli_watch_open(at->values, model->device, &at->watch);
    if (code != CLI_EXIT_OK)
        return code;
    options.session.encoder.timeline = at->watch.timeline;
    options.session.encoder.verifier = at->verifier;
    weft_status status = weft_context_create(model->model, &options, &context, &err);
    if (status == WEFT_OK)
        status = weft_context_skip(context, cached, &err);
    at->completion.stop_count = cli_texts(at->values, &option_stop, &at->completion.stops);
    cli_progress_begin(&at->progress, at->values->verb->name);
    at->device = model->device;
    if (status == WEFT_OK)
        code = cli_watch_begin(&at->watch);
    if (code != CLI_EXIT_OK) {
        weft_context_destroy(context);
        return code;
    }
    cli_device_times_take(at->device, &at->loaded);
    at->begun = at->first = at->last = cli_seconds();
    if (status == WEFT_OK)
        status = weft_generate(context, prompt->ids, prompt->count, &params, take_token, at, &result, &err);
    cli_progress_end(&at->progress);
    cli_device_times ended;
    cli_device_times_take(at->device, &ended);
    at->spent = cli_device_times_between(&at->loaded, &ended);
    show(at, true);
    if (at->is_streamed && at->completion.bytes > 0 && at->completion.text[at->completion.bytes - 1] != '\n')
        cli_out("\n");
    if (status != WEFT_OK) {
        cli_out_flush(); /* what there is of the text comes before the error */
        code = cli_verify_exit(at->verifier, cli_fail(at->values->verb->name, status, &err));
    } else {
        weft_context_info info;
        weft_context_get_info(context, &info);
        show_end(at, model, prompt, result.reason, &info.session.spent);
        code = cli_watch_end(&at->watch);
        if (code == CLI_EXIT_OK)
            code = write_record(at, prompt);
    }
    weft_context_destroy(context);
    return code;
}

/* What means nothing beside --config, or without it. */
static int check_config(const cli_values *values)
{
    static const cli_option *const of_directories[] = {&option_model, &option_prompt, &option_stop};
    static const cli_option *const of_configs[] = {&option_prompt_tokens, &option_weights_seed};
    const char *verb = values->verb->name;
    bool is_config = cli_given(values, &option_config);
    for (size_t i = 0; is_config && i < sizeof of_directories / sizeof of_directories[0]; i++) {
        if (cli_given(values, of_directories[i]))
            return cli_usage_error(verb, "--config is a model without weights and texts, which --%s means nothing for.",
                                   of_directories[i]->name);
    }
    for (size_t i = 0; !is_config && i < sizeof of_configs / sizeof of_configs[0]; i++) {
        if (cli_given(values, of_configs[i]))
            return cli_usage_error(verb, "--%s means nothing without --config FILE.", of_configs[i]->name);
    }
    if (cli_given(values, &option_weights_seed) && cli_given(values, &cli_option_timing_only))
        return cli_usage_error(verb, "--weights-seed draws numbers, and with --timing-only there are none.");
    return CLI_EXIT_OK;
}

/* Of --config, with a prompt of tokens that say nothing. */
static int open_config(const cli_values *values, cli_model *model, cli_prompt *prompt)
{
    int code = cli_model_open_config(values, &option_shuffle, cli_text(values, &option_config),
                                     cli_count(values, &option_weights_seed), model);
    if (code != CLI_EXIT_OK)
        return code;
    prompt->count = (size_t)cli_count(values, &option_prompt_tokens);
    prompt->ids = cli_allocate(prompt->count * sizeof *prompt->ids);
    memset(prompt->ids, 0, prompt->count * sizeof *prompt->ids);
    return CLI_EXIT_OK;
}

static int open_directory(const cli_values *values, cli_model *model, weft_tokenizer **tokenizer, cli_prompt *prompt)
{
    const char *directory = cli_text(values, &option_model);
    int code = cli_model_open(values, &option_shuffle, directory, model);
    if (code != CLI_EXIT_OK)
        return code;
    weft_error err;
    weft_status status = weft_model_open_tokenizer(directory, &model->info, tokenizer, &err);
    if (status != WEFT_OK)
        return cli_fail(values->verb->name, status, &err);
    return cli_prompt_open(values, cli_text(values, &option_prompt), *tokenizer, &model->info, prompt);
}

/* Of what --save-run wants to have. */
static int save_run(const cli_values *values, const cli_model *model)
{
    weft_error err;
    const char *path = cli_text(values, &option_save_run);
    if (!path)
        return CLI_EXIT_OK;
    weft_status status = weft_recording_finish(model->recording, &err);
    if (status == WEFT_OK)
        status = cli_save_run(values->verb->name, model->recording, path, &err);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(values->verb->name, status, &err);
}

static int run(const cli_values *values)
{
    cli_model model = {.saves_run = cli_given(values, &option_save_run)};
    cli_prompt prompt = {0};
    weft_tokenizer *tokenizer = NULL;
    int code = check_config(values);
    if (code == CLI_EXIT_OK && cli_given(values, &option_config))
        code = open_config(values, &model, &prompt);
    else if (code == CLI_EXIT_OK)
        code = open_directory(values, &model, &tokenizer, &prompt);
    if (code == CLI_EXIT_OK) {
        generation at = {.values = values, .tokenizer = tokenizer, .is_streamed = !cli_given(values, &cli_option_json)};
        code = cli_verify_open(values, &at.verifier);
        if (code == CLI_EXIT_OK)
            code = generate(&at, &model, &prompt);
        if (code == CLI_EXIT_OK)
            code = save_run(values, &model);
        cli_watch_release(&at.watch);
        weft_verifier_destroy(at.verifier);
        cli_completion_release(&at.completion);
        free(at.tokens);
        free(at.times_ps);
    }
    cli_prompt_release(&prompt);
    weft_tokenizer_close(tokenizer);
    cli_model_close(&model);
    return code;
}

static const cli_option *const options[] = {
    &option_model,       &option_prompt,          &option_config,      &option_prompt_tokens,
    &option_cached,      &option_weights_seed,    &option_max_tokens,  &option_stop,
    &option_temperature, &option_top_k,           &option_top_p,       &option_min_p,
    &option_seed,        &cli_option_device,      &cli_option_threads, &cli_option_isa,
    &option_shuffle,     &option_no_graph,        &option_no_fuse,     &option_no_reorder,
    &option_stats,       &cli_option_timing_only, &cli_option_verify,  &option_save_run,
    &cli_option_record,  &cli_option_trace,       &cli_option_json,    NULL,
};

static const cli_example examples[] = {
    {"weft generate --model models/sums --prompt '348+275='", "the most likely continuation"},
    {"echo -n 'sort 7 2 9 4 =' | weft generate --model models/sums --prompt -", "a prompt from standard input"},
    {"weft generate --model models/sums --prompt 12 --temperature 0.8 --seed 7 --json",
     "drawn with a seed, with tokens, times and counts"},
    {"weft generate --model models/sums --prompt '348+275=' --device sim:machines/two-sip.yaml --stats",
     "on a machine that does not exist, with the time that it takes there"},
    {"weft generate --model models/sums --prompt '348+275=' --device sim:machines/two-sip.yaml --record run.json",
     "a run file, of which the verb report makes a page that shows where the time went"},
    {"weft generate --config models/configs/llama-3-8b.json --cached 4096 --max-tokens 1 --timing-only "
     "--device sim:machines/two-sip.yaml",
     "a token of a model whose weights nobody needs, behind 4,096 others"},
    {NULL, NULL},
};

const cli_verb cli_verb_generate = {
    .name = "generate",
    .summary = "continue a text with a model",
    .description =
        "Prints the continuation of the prompt as it is made. It ends at an end-of-text token of the model, at a stop "
        "text, after --max-tokens tokens, or when the model's longest sequence is reached. With --json, `text` "
        "is the continuation alone and `tokens` are its tokens, the one that ended it included. On a simulated machine "
        "`simulated` and --stats tell the simulated time: of loading the model, of each pass, and where the time of "
        "all "
        "passes went. With --timing-only nothing is computed: there are --max-tokens tokens, all of them 0, and in "
        "place "
        "of a text come the simulated times.",
    .options = options,
    .examples = examples,
    .run = run,
};
