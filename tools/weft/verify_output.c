#include "verify_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "json_output.h"
#include "output.h"

const cli_option cli_option_verify = {
    .name = "verify",
    .kind = CLI_FLAG,
    .help =
        "compare every dispatch with the device ref as it goes, and stop at the first that differs by more than its "
        "op may: the exit code is then 1. The run is slow, and so is its simulated time"};

int cli_verify_open(const cli_values *values, weft_verifier **out)
{
    weft_error err;
    *out = NULL;
    if (!cli_given(values, &cli_option_verify))
        return CLI_EXIT_OK;
    if (cli_given(values, &cli_option_timing_only))
        return cli_usage_error(values->verb->name, "--verify compares numbers, and with --timing-only there are none.");
    weft_status status = weft_verifier_create(out, &err);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(values->verb->name, status, &err);
}

int cli_verify_exit(const weft_verifier *verifier, int code)
{
    weft_verifier_info info = {0};
    if (verifier)
        weft_verifier_get_info(verifier, &info);
    return info.different.op ? CLI_EXIT_FAILED : code;
}

static double share_of(const weft_verifier_element *at)
{
    return at->op ? fabs(at->actual - at->expected) / at->bound : 0;
}

json_t *cli_json_verified(const weft_verifier *verifier)
{
    weft_verifier_info info;
    if (!verifier)
        return json_null();
    weft_verifier_get_info(verifier, &info);
    json_t *object = json_object();
    json_object_set_new(object, "dispatches", cli_json_count(info.dispatches));
    json_object_set_new(object, "elements", cli_json_count(info.elements));
    json_object_set_new(object, "largest_share", cli_json_number(share_of(&info.closest)));
    json_object_set_new(object, "largest_op", cli_json_text_or_null(info.closest.op));
    json_object_set_new(object, "largest_label", cli_json_text(info.closest.label));
    return object;
}

const char *cli_verified_text(const weft_verifier *verifier, char text[CLI_VERIFIED_TEXT])
{
    weft_verifier_info info;
    text[0] = '\0';
    if (!verifier)
        return text;
    weft_verifier_get_info(verifier, &info);
    int used =
        snprintf(text, CLI_VERIFIED_TEXT, "verified: %" PRIu64 " dispatch%s, %" PRIu64 " element%s, ", info.dispatches,
                 cli_plural(info.dispatches, "es"), info.elements, cli_plural(info.elements, "s"));
    if (info.closest.op)
        (void)snprintf(text + used, CLI_VERIFIED_TEXT - (size_t)used,
                       "the largest error %.3g %% of what is allowed (%s%s%s)", 100 * share_of(&info.closest),
                       info.closest.op, info.closest.label[0] ? ", " : "", info.closest.label);
    else
        (void)snprintf(text + used, CLI_VERIFIED_TEXT - (size_t)used, "all of them equal");
    return text;
}
