/* What must hold between the fields of a run file. The fields themselves are right when a rule is asked. */
#include "trace/report_schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/status.h"
#include "trace/report_run.h"

static uint64_t count_of(const json_t *object, const char *field, uint64_t fallback)
{
    const json_t *value = json_object_get(object, field);
    return value ? (uint64_t)json_integer_value(value) : fallback;
}

static uint64_t makespan_of(const weft__run_walk *walk)
{
    return count_of(walk->root, "makespan_ps", 0);
}

/* Fails if a time lies before `least`, or past the end of the run. */
static weft_status check_time(weft__run_walk *walk, const json_t *object, const char *field, const char *least_name,
                              uint64_t least)
{
    const json_t *value = json_object_get(object, field);
    char expected[96];
    if (!value)
        return WEFT_OK;
    uint64_t time_ps = (uint64_t)json_integer_value(value);
    if (time_ps < least) {
        (void)snprintf(expected, sizeof expected, "at least %s, which is %" PRIu64, least_name, least);
        return weft__run_wrong(walk, field, value, expected);
    }
    if (time_ps > makespan_of(walk)) {
        (void)snprintf(expected, sizeof expected, "at most makespan_ps, which is %" PRIu64, makespan_of(walk));
        return weft__run_wrong(walk, field, value, expected);
    }
    return WEFT_OK;
}

static weft_status fail_sum(const weft__run_walk *walk, const char *field, uint64_t sum, const char *expected)
{
    return weft__fail(walk->err, WEFT_PARSE, "%s: field \"%s%s\" adds up to %" PRIu64 ", expected %s.", walk->file,
                      walk->path, field, sum, expected);
}

/* At most WEFT__RUN_PARTS_MAX parts of at most WEFT__RUN_NUMBER_MAX each: the sum cannot overflow. */
static uint64_t sum_of_times(const json_t *times)
{
    uint64_t sum = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)times, name, value)
    {
        sum += (uint64_t)json_integer_value(value);
    }
    return sum;
}

weft_status weft__run_rule_root(weft__run_walk *walk, const json_t *object)
{
    const json_t *parts = json_object_get(object, "parts");
    uint64_t sum = 0;
    char expected[64];
    if (!parts)
        return WEFT_OK;
    for (size_t i = 0; i < json_array_size(parts); i++)
        sum += count_of(json_array_get(parts, i), "ps", 0);
    (void)snprintf(expected, sizeof expected, "makespan_ps, which is %" PRIu64, makespan_of(walk));
    return sum == makespan_of(walk) ? WEFT_OK : fail_sum(walk, "parts", sum, expected);
}

weft_status weft__run_rule_model(weft__run_walk *walk, const json_t *object)
{
    weft_status status = check_time(walk, object, "prompt_ps", "0", 0);
    return status == WEFT_OK ? check_time(walk, object, "decode_ps", "0", 0) : status;
}

weft_status weft__run_rule_span(weft__run_walk *walk, const json_t *object)
{
    return check_time(walk, object, "end_ps", "start_ps", count_of(object, "start_ps", 0));
}

/* They stand in the order of their commits, which also says that no two have one number. */
weft_status weft__run_rule_buffer(weft__run_walk *walk, const json_t *object)
{
    const json_t *all = json_object_get(walk->root, "command_buffers");
    size_t index = walk->index;
    if (index > 0) {
        uint64_t before = count_of(json_array_get(all, index - 1), "sequence", 0);
        if (count_of(object, "sequence", 0) <= before) {
            char expected[80];
            (void)snprintf(expected, sizeof expected, "more than the one before it, which is %" PRIu64, before);
            return weft__run_wrong(walk, "sequence", json_object_get(object, "sequence"), expected);
        }
    }
    weft_status status = check_time(walk, object, "start_ps", "submitted_ps", count_of(object, "submitted_ps", 0));
    return status == WEFT_OK ? weft__run_rule_span(walk, object) : status;
}

static bool has_buffer(const json_t *buffers, uint64_t sequence)
{
    size_t low = 0, high = json_array_size(buffers);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t found = count_of(json_array_get(buffers, middle), "sequence", 0);
        if (found == sequence)
            return true;
        if (found < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

weft_status weft__run_rule_dispatch(weft__run_walk *walk, const json_t *object)
{
    const json_t *buffers = json_object_get(walk->root, "command_buffers");
    const json_t *sequence = json_object_get(object, "sequence"), *parts = json_object_get(object, "parts");
    weft_status status = weft__run_rule_span(walk, object);
    if (status != WEFT_OK)
        return status;
    if (buffers && sequence && !has_buffer(buffers, (uint64_t)json_integer_value(sequence)))
        return weft__run_wrong(walk, "sequence", sequence, "that of one of the command_buffers");
    if (!parts)
        return WEFT_OK;
    uint64_t pes = count_of(object, "pes", 1),
             lasted_ps = count_of(object, "end_ps", 0) - count_of(object, "start_ps", 0);
    uint64_t whole, sum = sum_of_times(parts);
    if (!__builtin_mul_overflow(pes, lasted_ps, &whole) && sum == whole)
        return WEFT_OK;
    char expected[96];
    (void)snprintf(expected, sizeof expected, "%" PRIu64 " times the %" PRIu64 " ps that it lasted", pes, lasted_ps);
    return fail_sum(walk, "parts", sum, expected);
}

weft_status weft__run_rule_hazard(weft__run_walk *walk, const json_t *object)
{
    return check_time(walk, object, "time_ps", "0", 0);
}

weft_status weft__run_rule_pe(weft__run_walk *walk, const json_t *object)
{
    uint64_t sum = sum_of_times(json_object_get(object, "parts"));
    char expected[64];
    (void)snprintf(expected, sizeof expected, "makespan_ps, which is %" PRIu64, makespan_of(walk));
    return sum == makespan_of(walk) ? WEFT_OK : fail_sum(walk, "parts", sum, expected);
}

/* What was never busy may have no buckets at all. */
static weft_status check_buckets(weft__run_walk *walk, const json_t *object, const char *name, uint64_t count)
{
    const json_t *list = json_object_get(object, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *busy = json_object_get(json_array_get(list, i), "busy");
        size_t found = json_array_size(busy);
        if (found == 0 || found == count)
            continue;
        char field[64], expected[64];
        (void)snprintf(field, sizeof field, "%s[%zu].busy", name, i);
        (void)snprintf(expected, sizeof expected, "one number for each of %" PRIu64 " buckets, or none", count);
        return weft__run_wrong(walk, field, busy, expected);
    }
    return WEFT_OK;
}

weft_status weft__run_rule_activity(weft__run_walk *walk, const json_t *object)
{
    uint64_t bucket_ps = count_of(object, "bucket_ps", 1), count = count_of(object, "bucket_count", 1), covered;
    if (count > WEFT__RUN_BUCKETS_MAX) {
        char expected[48];
        (void)snprintf(expected, sizeof expected, "at most %d", WEFT__RUN_BUCKETS_MAX);
        return weft__run_wrong(walk, "bucket_count", json_object_get(object, "bucket_count"), expected);
    }
    if (!__builtin_mul_overflow(bucket_ps, count, &covered) && covered < makespan_of(walk)) {
        char expected[96];
        (void)snprintf(expected, sizeof expected,
                       "so much that %" PRIu64 " buckets hold makespan_ps, which is %" PRIu64, count,
                       makespan_of(walk));
        return weft__run_wrong(walk, "bucket_ps", json_object_get(object, "bucket_ps"), expected);
    }
    weft_status status = check_buckets(walk, object, "links", count);
    if (status == WEFT_OK)
        status = check_buckets(walk, object, "pes", count);
    return status == WEFT_OK ? check_buckets(walk, object, "hbm", count) : status;
}
