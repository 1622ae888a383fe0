#include "json_output.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "utf8.h"

static void release(void *memory)
{
    free(memory);
}

void cli_json_prepare(void)
{
    json_set_alloc_funcs(cli_allocate, release);
}

json_t *cli_json_bytes(const char *bytes, size_t count)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *text = cli_allocate(count * (sizeof replacement - 1));
    size_t length = 0;
    for (size_t at = 0; at < count;) {
        size_t piece;
        bool is_whole = cli_utf8_piece(bytes + at, count - at, &piece) == CLI_UTF8_WHOLE;
        const char *source = is_whole ? bytes + at : replacement;
        size_t source_bytes = is_whole ? piece : sizeof replacement - 1;
        memcpy(text + length, source, source_bytes);
        length += source_bytes;
        at += piece;
    }
    json_t *value = json_stringn(text, length);
    free(text);
    return value;
}

json_t *cli_json_text(const char *text)
{
    return cli_json_bytes(text, strlen(text));
}

json_t *cli_json_text_or_null(const char *text)
{
    return text ? cli_json_text(text) : json_null();
}

json_t *cli_json_count(uint64_t count)
{
    return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

json_t *cli_json_number(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *cli_json_shape(const weft_shape *shape)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(array, cli_json_count(shape->extent[i]));
    return array;
}

json_t *cli_json_counters(const weft_counters *spent)
{
    json_t *object = json_object();
    json_object_set_new(object, "command_buffers", cli_json_count(spent->command_buffers_created));
    json_object_set_new(object, "submits", cli_json_count(spent->command_buffers_submitted));
    json_object_set_new(object, "dispatches", cli_json_count(spent->dispatches));
    json_object_set_new(object, "barriers", cli_json_count(spent->barriers));
    json_object_set_new(object, "fences", cli_json_count(spent->fences_signalled));
    json_object_set_new(object, "fence_waits", cli_json_count(spent->fence_waits));
    json_object_set_new(object, "syncs", cli_json_count(spent->syncs));
    return object;
}

static int write_piece(const char *bytes, size_t count, void *user)
{
    (void)user;
    cli_out_bytes(bytes, count);
    return 0;
}

/* With as many digits as a double keeps of any decimal fraction, 76.916 is printed as that. */
static const size_t how_to_print = JSON_ENCODE_ANY | JSON_REAL_PRECISION(DBL_DIG);

char *cli_json_line(const json_t *value)
{
    return json_dumps(value, how_to_print);
}

void cli_out_json(json_t *value)
{
    /* Failures of writing are kept by cli_out_bytes(), and memory does not fail. */
    json_dump_callback(value, write_piece, NULL, JSON_INDENT(2) | how_to_print);
    cli_out("\n");
    json_decref(value);
}
