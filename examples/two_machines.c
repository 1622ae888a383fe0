/* Runs one forward pass on two machines that do not exist, and compares how long it would take there:
 * two_machines [DEVICE DEVICE]. */
#include <stdio.h>

#include <weft/weft.h>

#define DIRECTORY "models/sums"
#define TOKENS 15 /* of the prompt; any ids of the model's will do to see what a pass takes */

typedef struct pass {
    int32_t token; /* that comes next */
    uint64_t ps;   /* that the pass took on the device's clock */
    weft_time_part parts[WEFT_TIME_PARTS_MAX];
    size_t part_count;
} pass;

/* The clock starts when the device is opened, and loading the weights takes time too. So what a pass took is the
 * difference of two snapshots; the parts add up to it, to the picosecond. */
static weft_status time_pass(weft_device *device, weft_context *context, pass *out, weft_error *err)
{
    weft_time_part before[WEFT_TIME_PARTS_MAX];
    int32_t ids[TOKENS];
    for (int i = 0; i < TOKENS; i++)
        ids[i] = i + 1;
    uint64_t begin_ps = weft_device_now_ps(device);
    weft_device_time_parts(device, before, WEFT_TIME_PARTS_MAX);
    weft_status status = weft_context_feed_and_sample(context, ids, TOKENS, NULL, &out->token, err);
    if (status != WEFT_OK)
        return status;
    out->ps = weft_device_now_ps(device) - begin_ps;
    out->part_count = weft_device_time_parts(device, out->parts, WEFT_TIME_PARTS_MAX);
    for (size_t i = 0; i < out->part_count; i++)
        out->parts[i].ps -= before[i].ps;
    return WEFT_OK;
}

static weft_status run(const char *uri, pass *out, weft_error *err)
{
    weft_device *device = NULL;
    weft_model *model = NULL;
    weft_context *context = NULL;
    weft_status status = weft_device_open(uri, &device, err);
    if (status == WEFT_OK)
        status = weft_model_open(device, DIRECTORY, NULL, &model, err);
    if (status == WEFT_OK)
        status = weft_context_create(model, NULL, &context, err);
    if (status == WEFT_OK)
        status = time_pass(device, context, out, err);
    weft_context_destroy(context);
    weft_model_close(model);
    weft_device_close(device);
    return status;
}

int main(int argc, char **argv)
{
    const char *one = argc > 2 ? argv[1] : "sim:machines/tiny.yaml";
    const char *two = argc > 2 ? argv[2] : "sim:machines/two-sip.yaml";
    pass passes[2] = {{0}, {0}};
    weft_error err;
    if (run(one, &passes[0], &err) != WEFT_OK || run(two, &passes[1], &err) != WEFT_OK) {
        fprintf(stderr, "two_machines: %s\n", err.message);
        return 1;
    }
    printf("%s against %s, ns\n", one, two);
    for (size_t i = 0; i < passes[0].part_count; i++)
        if (passes[0].parts[i].ps > 0 || passes[1].parts[i].ps > 0)
            printf("  %-20s %14.3f %14.3f\n", passes[0].parts[i].name, (double)passes[0].parts[i].ps / 1000,
                   (double)passes[1].parts[i].ps / 1000);
    printf("  %-20s %14.3f %14.3f\n", "together", (double)passes[0].ps / 1000, (double)passes[1].ps / 1000);
    printf("the same next token: %s\n", passes[0].token == passes[1].token ? "yes" : "NO");
    return passes[0].token == passes[1].token ? 0 : 1;
}
