#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
    [WEFT_OK] = "WEFT_OK",
    [WEFT_INVALID_ARGUMENT] = "WEFT_INVALID_ARGUMENT",
    [WEFT_INVALID_STATE] = "WEFT_INVALID_STATE",
    [WEFT_OUT_OF_RANGE] = "WEFT_OUT_OF_RANGE",
    [WEFT_NOT_FOUND] = "WEFT_NOT_FOUND",
    [WEFT_UNSUPPORTED] = "WEFT_UNSUPPORTED",
    [WEFT_OUT_OF_MEMORY] = "WEFT_OUT_OF_MEMORY",
    [WEFT_PARSE] = "WEFT_PARSE",
    [WEFT_IO] = "WEFT_IO",
    [WEFT_SHAPE_MISMATCH] = "WEFT_SHAPE_MISMATCH",
    [WEFT_HAZARD] = "WEFT_HAZARD",
    [WEFT_DEADLOCK] = "WEFT_DEADLOCK",
    [WEFT_BUDGET_EXCEEDED] = "WEFT_BUDGET_EXCEEDED",
    [WEFT_DEVICE_LOST] = "WEFT_DEVICE_LOST",
    [WEFT_INTERNAL] = "WEFT_INTERNAL",
};

const char *weft_status_name(weft_status status)
{
    size_t index = (size_t)status;
    return index < sizeof status_names / sizeof status_names[0] ? status_names[index] : "WEFT_UNKNOWN";
}

static void WEFT_PRINTF(5, 0)
    fill(weft_error *err, weft_status code, uint32_t line, uint32_t column, const char *format, va_list list)
{
    err->code = code;
    err->line = line;
    err->column = column;
    if (vsnprintf(err->message, sizeof err->message, format, list) < 0)
        err->message[0] = '\0';
}

weft_status weft__fail(weft_error *err, weft_status code, const char *format, ...)
{
    if (err) {
        va_list list;
        va_start(list, format);
        fill(err, code, 0, 0, format, list);
        va_end(list);
    }
    return code;
}

weft_status weft__fail_at(weft_error *err, weft_status code, uint32_t line, uint32_t column, const char *format, ...)
{
    if (err) {
        va_list list;
        va_start(list, format);
        fill(err, code, line, column, format, list);
        va_end(list);
    }
    return code;
}

weft_status weft__fail_memory(weft_error *err, size_t bytes, const char *what)
{
    return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not allocate %zu bytes for %s.", bytes, what);
}

weft_status weft__fail_copy(weft_error *to, const weft_error *from)
{
    if (to)
        *to = *from;
    return from->code;
}

weft_status weft__fail_within(weft_error *err, weft_status code, const char *format, ...)
{
    if (err) {
        weft_error inner = *err;
        va_list list;
        va_start(list, format);
        fill(err, code, inner.line, inner.column, format, list);
        va_end(list);
        size_t used = strlen(err->message);
        /* Truncation of an over-long sentence is all right: the context, which comes first, survives. */
        (void)snprintf(err->message + used, sizeof err->message - used, ": %.*s", (int)sizeof inner.message,
                       inner.message);
    }
    return code;
}
