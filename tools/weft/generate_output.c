#include "generate_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "json_output.h"
#include "output.h"
#include "verify_output.h"

static double tokens_per_second(const generate_shown *it)
{
    double seconds = it->decode_seconds;
    return it->token_count > 1 && seconds > 0 ? (double)(it->token_count - 1) / seconds : (double)NAN;
}

static json_t *json_of_ids(const int32_t *ids, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(ids[i]));
    return array;
}

/* What the pass took that gave the token at `index`. */
static uint64_t pass_ps(const generate_shown *it, size_t index)
{
    return it->times_ps[index] - (index > 0 ? it->times_ps[index - 1] : it->loaded->now_ps);
}

/* On a device with a clock of its own; else null. */
static json_t *json_of_times(const generate_shown *it)
{
    if (it->spent->count == 0)
        return json_null();
    json_t *object = json_object(), *passes = json_array();
    for (size_t i = 0; i < it->token_count; i++)
        json_array_append_new(passes, cli_json_count(pass_ps(it, i)));
    json_object_set_new(object, "load_ps", cli_json_count(it->loaded->now_ps));
    json_object_set_new(object, "ps", cli_json_count(it->spent->now_ps));
    json_object_set_new(object, "pass_ps", passes);
    json_object_set_new(object, "parts", cli_json_time_parts(it->spent));
    return object;
}

void generate_out_json(const generate_shown *it)
{
    json_t *object = json_object(), *timings = json_object();
    json_object_set_new(object, "model", cli_json_text(it->model));
    json_object_set_new(object, "device", cli_json_text(it->device->scheme));
    json_object_set_new(object, "isa", cli_json_text(it->device->isa));
    json_object_set_new(object, "threads", cli_json_count(it->device->threads));
    json_object_set_new(object, "prompt", cli_json_bytes(it->prompt->text, it->prompt->bytes));
    json_object_set_new(object, "prompt_tokens", json_of_ids(it->prompt->ids, it->prompt->count));
    json_object_set_new(object, "cached_tokens", cli_json_count(it->cached_tokens));
    json_object_set_new(object, "tokens", json_of_ids(it->tokens, it->token_count));
    json_object_set_new(object, "text", cli_json_bytes(it->text, it->text_bytes));
    json_object_set_new(object, "finish_reason", cli_json_text(it->finish_reason));
    json_object_set_new(object, "seed", cli_json_count(it->seed));
    json_object_set_new(timings, "prefill_seconds", cli_json_number(it->prefill_seconds));
    json_object_set_new(timings, "decode_seconds", cli_json_number(it->decode_seconds));
    json_object_set_new(timings, "tokens_per_second", cli_json_number(tokens_per_second(it)));
    json_object_set_new(object, "timings", timings);
    json_object_set_new(object, "simulated", json_of_times(it));
    json_object_set_new(object, "verified", cli_json_verified(it->verifier));
    json_object_set_new(object, "counters", cli_json_counters(it->counters));
    cli_out_json(object);
}

/* Where times are printed to. */
typedef void printer(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

/* The passes after the first, which is the prompt's. */
static void print_decode_times(printer *print, const generate_shown *it)
{
    char ns[CLI_NS_TEXT];
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    for (size_t i = 1; i < it->token_count; i++) {
        uint64_t ps = pass_ps(it, i);
        least = ps < least ? ps : least;
        most = ps > most ? ps : most;
        sum += ps;
    }
    if (it->token_count < 2)
        return;
    if (it->token_count == 2) {
        print("1 pass of one token: %s ns\n", cli_ns_text(sum, ns));
        return;
    }
    print("%zu passes of one token: %s ns each", it->token_count - 1, cli_ns_text(sum / (it->token_count - 1), ns));
    print(" on average, from %s", cli_ns_text(least, ns));
    print(" to %s ns\n", cli_ns_text(most, ns));
}

static void print_times(printer *print, const generate_shown *it)
{
    char ns[CLI_NS_TEXT], row[CLI_TIME_ROW_BYTES];
    if (it->spent->count == 0)
        return;
    print("simulated: %s ns in all", cli_ns_text(it->spent->now_ps, ns));
    print(", after %s ns for the model to be loaded\n", cli_ns_text(it->loaded->now_ps, ns));
    if (it->token_count > 0)
        print("pass of the prompt: %s ns\n", cli_ns_text(pass_ps(it, 0), ns));
    print_decode_times(print, it);
    for (size_t place = 0; cli_time_row(it->spent, &place, row);)
        print("  %s\n", row);
}

static void print_stats(printer *print, const generate_shown *it)
{
    double rate = tokens_per_second(it);
    const weft_device_info *device = it->device;
    const weft_counters *spent = it->counters;
    print("%s%s%s, %u thread%s: %zu prompt token%s in %.4f s, %zu token%s in %.4f s", device->scheme,
          device->isa[0] ? " " : "", device->isa, device->threads, cli_plural(device->threads, "s"), it->prompt->count,
          cli_plural(it->prompt->count, "s"), it->prefill_seconds, it->token_count, cli_plural(it->token_count, "s"),
          it->decode_seconds);
    if (isfinite(rate))
        print(" (%.1f each second)", rate);
    print("; ended by %s\n", it->finish_reason);
    print("%" PRIu64 " command buffer%s, %" PRIu64 " dispatch%s, %" PRIu64 " barrier%s, %" PRIu64 " fence%s, %" PRIu64
          " sync%s\n",
          spent->command_buffers_submitted, cli_plural(spent->command_buffers_submitted, "s"), spent->dispatches,
          cli_plural(spent->dispatches, "es"), spent->barriers, cli_plural(spent->barriers, "s"),
          spent->fences_signalled, cli_plural(spent->fences_signalled, "s"), spent->syncs,
          cli_plural(spent->syncs, "s"));
    char verified[CLI_VERIFIED_TEXT];
    if (it->verifier)
        print("%s\n", cli_verified_text(it->verifier, verified));
    print_times(print, it);
}

void generate_out_times(const generate_shown *it)
{
    print_times(cli_out, it);
}

void generate_out_stats(const generate_shown *it, bool to_error)
{
    print_stats(to_error ? print_error : cli_out, it);
}
