/* Asks a language model a question, on any device:  run_model [DEVICE [PROMPT]], where a device is `cpu`, `ref` or
 * `sim:machines/two-sip.yaml`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weft/weft.h>

#define DIRECTORY "models/sums"
#define PROMPT_TOKENS_MAX 1024

/* Called with each token as it is drawn. A token may end in the middle of a character, so bytes go out as they come. */
static bool print_token(void *user, int32_t token)
{
    const weft_tokenizer *tokenizer = user;
    const char *text;
    size_t bytes;
    if (!weft_tokenizer_is_special(tokenizer, token) &&
        weft_tokenizer_token_bytes(tokenizer, token, &text, &bytes, NULL) == WEFT_OK)
        fwrite(text, 1, bytes, stdout);
    return true; /* false would end the answer here */
}

/* A status is WEFT_OK, which is 0, or says what went wrong; the sentence about it is in *err then. So calls can be
 * chained, and all that was made is given back in one place: to destroy NULL is fine. */
static weft_status answer(weft_model *model, const char *prompt, weft_error *err)
{
    weft_tokenizer *tokenizer = NULL;
    weft_context *context = NULL; /* one sequence of tokens: its cache, and the command buffers that fill it */
    weft_model_info info;
    int32_t ids[PROMPT_TOKENS_MAX];
    size_t count;

    weft_model_get_info(model, &info);
    weft_status status = weft_model_open_tokenizer(DIRECTORY, &info, &tokenizer, err);
    if (status == WEFT_OK)
        status = weft_tokenizer_encode(tokenizer, prompt, strlen(prompt), WEFT_TOKENIZER_ADD_SPECIAL, ids,
                                       PROMPT_TOKENS_MAX, &count, err);
    if (status == WEFT_OK)
        status = weft_context_create(model, NULL, &context, err);
    if (status == WEFT_OK)
        status = weft_generate(context, ids, count, NULL, print_token, tokenizer, NULL, err);
    weft_context_destroy(context);
    weft_tokenizer_close(tokenizer);
    return status;
}

int main(int argc, char **argv)
{
    weft_device *device = NULL;
    weft_model *model = NULL;
    weft_counters spent;
    weft_error err;

    weft_status status = weft_device_open(argc > 1 ? argv[1] : "cpu", &device, &err);
    if (status == WEFT_OK)
        status = weft_model_open(device, DIRECTORY, NULL, &model, &err);
    if (status == WEFT_OK)
        status = answer(model, argc > 2 ? argv[2] : "348+275=", &err);
    if (status == WEFT_OK) {
        weft_device_counters(device, &spent);
        printf("%" PRIu64 " command buffers, %" PRIu64 " dispatches, %" PRIu64 " barriers, %" PRIu64 " syncs\n",
               spent.command_buffers_submitted, spent.dispatches, spent.barriers, spent.syncs);
    } else {
        fprintf(stderr, "run_model: %s (%s)\n", err.message, weft_status_name(status));
    }
    weft_model_close(model);
    weft_device_close(device);
    return status == WEFT_OK ? 0 : 1;
}
