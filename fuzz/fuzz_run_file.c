/* Any bytes as a run file: what is accepted keeps what the page of reports relies on. */
#include "target.h"
#include "trace/report_run.h"

static uint64_t number(const json_t *object, const char *field)
{
    const json_t *value = json_object_get(object, field);
    FUZZ_ASSERT(!value || (json_is_integer(value) && json_integer_value(value) >= 0 &&
                           json_integer_value(value) <= WEFT__RUN_NUMBER_MAX));
    return value ? (uint64_t)json_integer_value(value) : 0;
}

static void check_spans(const json_t *run, const char *field)
{
    const json_t *list = json_object_get(run, field);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *span = json_array_get(list, i);
        FUZZ_ASSERT(number(span, "start_ps") <= number(span, "end_ps"));
        FUZZ_ASSERT(number(span, "end_ps") <= number(run, "makespan_ps"));
        FUZZ_ASSERT(number(span, "submitted_ps") <= number(span, "start_ps"));
    }
}

static void check_parts(const json_t *run)
{
    const json_t *parts = json_object_get(run, "parts");
    uint64_t sum = 0;
    for (size_t i = 0; i < json_array_size(parts); i++)
        sum += number(json_array_get(parts, i), "ps");
    FUZZ_ASSERT(!parts || sum == number(run, "makespan_ps"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *run;
    weft_error error = {0};
    weft_status status = weft__run_parse((const char *)data, size, "fuzz", &run, &error);
    if (status != WEFT_OK) {
        FUZZ_ASSERT(!run);
        fuzz_assert_failure(status, &error);
        return 0;
    }
    FUZZ_ASSERT(json_is_string(json_object_get(run, "command")) && json_is_string(json_object_get(run, "device")));
    check_parts(run);
    check_spans(run, "command_buffers");
    check_spans(run, "dispatches");
    json_decref(run);
    return 0;
}
