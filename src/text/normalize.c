#include "text/normalize.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/status.h"
#include "base/utf8.h"

/* Canonical decomposition makes at most four characters of one. */
#define DECOMPOSED_MAX 4
#define CLASSES 256

static bool is_ascii(const char *text, size_t bytes)
{
    unsigned char all = 0;
    for (size_t i = 0; i < bytes; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

static size_t characters_of(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xc0u) != 0x80u;
    return count;
}

static unsigned combining_class(utf8proc_int32_t character)
{
    return (unsigned)utf8proc_get_property(character)->combining_class;
}

static size_t decompose(const char *text, size_t bytes, utf8proc_int32_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes;) {
        uint32_t character = 0;
        int boundary = 0;
        size_t length = weft__utf8_decode(text + i, bytes - i, &character);
        if (length == 0) /* cannot be: the text is valid */
            break;
        i += length;
        utf8proc_ssize_t made = utf8proc_decompose_char((utf8proc_int32_t)character, out + count, DECOMPOSED_MAX,
                                                        UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        if (made < 0 || made > DECOMPOSED_MAX) { /* the library knows no such character: keep it */
            out[count] = (utf8proc_int32_t)character;
            made = 1;
        }
        count += (size_t)made;
    }
    return count;
}

/* Sorts a run of combining characters by class, stably, by counting: the library's own sort is quadratic, and text may
 * be one long run. */
static void sort_run(utf8proc_int32_t *run, size_t count, utf8proc_int32_t *sorted)
{
    size_t starts[CLASSES + 1] = {0};
    for (size_t i = 0; i < count; i++)
        starts[(combining_class(run[i]) & (CLASSES - 1)) + 1]++;
    for (size_t i = 0; i < CLASSES; i++)
        starts[i + 1] += starts[i];
    for (size_t i = 0; i < count; i++)
        sorted[starts[combining_class(run[i]) & (CLASSES - 1)]++] = run[i];
    memcpy(run, sorted, count * sizeof *run);
}

static void order(utf8proc_int32_t *characters, size_t count, utf8proc_int32_t *scratch)
{
    for (size_t i = 0; i < count;) {
        size_t end = i;
        bool is_sorted = true;
        unsigned last = 0;
        for (unsigned class_; end < count && (class_ = combining_class(characters[end])) != 0; end++) {
            is_sorted &= class_ >= last;
            last = class_;
        }
        if (!is_sorted)
            sort_run(characters + i, end - i, scratch);
        i = end + 1;
    }
}

weft_status weft__nfc(const char *text, size_t bytes, char **out, size_t *out_bytes, weft_error *err)
{
    *out = NULL;
    *out_bytes = bytes;
    if (is_ascii(text, bytes))
        return WEFT_OK;
    if (bytes > SIZE_MAX / (DECOMPOSED_MAX * sizeof(utf8proc_int32_t)))
        return weft__fail_memory(err, bytes, "the normalisation of text");
    size_t room = (characters_of(text, bytes) + 1) * DECOMPOSED_MAX;
    utf8proc_int32_t *characters = malloc(room * sizeof *characters);
    utf8proc_int32_t *scratch = malloc(room * sizeof *scratch);
    char *normal = malloc(bytes * WEFT__NFC_GROWTH_MAX);
    if (!characters || !scratch || !normal) {
        free(characters);
        free(scratch);
        free(normal);
        return weft__fail_memory(err, 2 * room * sizeof *characters + bytes * WEFT__NFC_GROWTH_MAX,
                                 "the normalisation of text");
    }
    size_t count = decompose(text, bytes, characters);
    order(characters, count, scratch);
    utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(characters, (utf8proc_ssize_t)count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    size_t used = 0;
    for (utf8proc_ssize_t i = 0; i < composed; i++)
        used += weft__utf8_encode((uint32_t)characters[i], normal + used);
    free(characters);
    free(scratch);
    if (composed < 0) {
        free(normal);
        return weft__fail(err, WEFT_INTERNAL, "The Unicode library refused to compose %zu characters: %s.", count,
                          utf8proc_errmsg(composed));
    }
    *out = normal;
    *out_bytes = used;
    return WEFT_OK;
}
