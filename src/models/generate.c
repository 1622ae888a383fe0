#include <weft/model.h>

#include "models/context_impl.h"

const char *weft_stop_reason_name(weft_stop_reason reason)
{
    static const char *const names[] = {
        [WEFT_STOP_TOKENS_MAX] = "tokens_max",
        [WEFT_STOP_TOKEN] = "token",
        [WEFT_STOP_CALLBACK] = "callback",
        [WEFT_STOP_CAPACITY] = "capacity",
    };
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason] : "unknown";
}

static bool is_stop(const weft_context *context, const weft_generate_params *params, int32_t token)
{
    const weft_model_info *info = &context->model->checkpoint.info;
    const int32_t *stops = params->stop_tokens ? params->stop_tokens : info->stop_tokens;
    size_t count = params->stop_tokens ? params->stop_count : info->stop_count;
    for (size_t i = 0; i < count; i++)
        if (stops[i] == token)
            return true;
    return false;
}

weft_status weft_generate(weft_context *context, const int32_t *prompt, size_t count,
                          const weft_generate_params *params, weft_token_callback callback, void *user,
                          weft_generate_result *out, weft_error *err)
{
    static const weft_generate_params defaults;
    weft_generate_result ignored;
    out = out ? out : &ignored;
    *out = (weft_generate_result){0};
    params = params ? params : &defaults;
    weft_sample_params sample = params->sample;
    const int32_t *next = prompt;
    int32_t token = -1;
    for (;;) {
        weft_status status = weft_context_feed_and_sample(context, next, count, &sample, &token, err);
        if (status != WEFT_OK)
            return status;
        sample.draw++;
        out->tokens++;
        bool goes_on = !callback || callback(user, token);
        bool is_full = context->position == context->capacity;
        if (is_stop(context, params, token))
            out->reason = WEFT_STOP_TOKEN;
        else if (!goes_on)
            out->reason = WEFT_STOP_CALLBACK;
        else if (out->tokens == params->tokens_max)
            out->reason = WEFT_STOP_TOKENS_MAX;
        else if (is_full)
            out->reason = WEFT_STOP_CAPACITY;
        else {
            next = &token;
            count = 1;
            continue;
        }
        return WEFT_OK;
    }
}
