#include "probe_flow.h"

#include <string.h>

#include "output.h"

/* A piece of the text that is being read. */
typedef struct piece {
    const char *at;
    size_t bytes;
} piece;

static bool is_word(piece part, const char *word)
{
    return part.bytes == strlen(word) && memcmp(part.at, word, part.bytes) == 0;
}

/* The digits that a piece begins with, which are taken off it. False without any, or if the number is too large. */
static bool take_digits(piece *part, uint64_t *out)
{
    *out = 0;
    bool has_any = false;
    for (; part->bytes && *part->at >= '0' && *part->at <= '9'; part->at++, part->bytes--) {
        has_any = true;
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*part->at - '0'), out))
            return false;
    }
    return has_any;
}

static bool read_bytes(piece part, uint64_t *out)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    if (!take_digits(&part, out))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (is_word(part, units[i].name))
            return !__builtin_mul_overflow(*out, (uint64_t)1 << units[i].shift, out);
    }
    return false;
}

/* Nanoseconds with up to three decimals, as picoseconds. */
static bool read_start(piece part, uint64_t *out_ps)
{
    uint64_t whole, thousandths = 0;
    if (!take_digits(&part, &whole))
        return false;
    if (part.bytes && *part.at == '.') {
        part.at++;
        size_t digits = --part.bytes;
        if (digits > 3 || !take_digits(&part, &thousandths))
            return false;
        for (; digits < 3; digits++)
            thousandths *= 10;
    }
    return part.bytes == 0 && !__builtin_mul_overflow(whole, (uint64_t)1000, out_ps) &&
           !__builtin_add_overflow(*out_ps, thousandths, out_ps);
}

static bool copy_name(piece part, char name[PROBE_NAME_BYTES])
{
    if (part.bytes == 0 || part.bytes >= PROBE_NAME_BYTES)
        return false;
    memcpy(name, part.at, part.bytes);
    name[part.bytes] = 0;
    return true;
}

/* Cuts off what comes before the next colon. */
static piece next_piece(piece *rest)
{
    const char *colon = memchr(rest->at, ':', rest->bytes);
    piece part = {rest->at, colon ? (size_t)(colon - rest->at) : rest->bytes};
    size_t taken = part.bytes + (colon ? 1 : 0);
    rest->at += taken;
    rest->bytes -= taken;
    return part;
}

int probe_flow_read(const char *text, probe_flow *out, weft_error *err)
{
    *out = (probe_flow){0};
    const char *start = strrchr(text, '@');
    piece rest = {text, start ? (size_t)(start - text) : strlen(text)};
    if (!copy_name(next_piece(&rest), out->source) || !copy_name(next_piece(&rest), out->target) || !rest.bytes)
        return cli_refuse(err, "--flow is '%s', but must be SRC:DST:BYTES[:read|write][@START_NS].", text);
    piece bytes = next_piece(&rest);
    if (!read_bytes(bytes, &out->bytes))
        return cli_refuse(err,
                          "--flow is '%s', where '%.*s' should be a number of bytes, with KiB, MiB or GiB if you like.",
                          text, (int)bytes.bytes, bytes.at);
    bool has_direction = bytes.at[bytes.bytes] == ':';
    out->is_write = is_word(rest, "write");
    if (has_direction && !out->is_write && !is_word(rest, "read"))
        return cli_refuse(err, "--flow is '%s', where '%.*s' should be read or write.", text, (int)rest.bytes, rest.at);
    if (start && !read_start((piece){start + 1, strlen(start + 1)}, &out->start_ps))
        return cli_refuse(err, "--flow is '%s', where '%s' should be nanoseconds, with up to three decimals.", text,
                          start + 1);
    return CLI_EXIT_OK;
}
