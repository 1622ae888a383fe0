/* Recordings as files: a line that says what it is, the parts one behind another, and a sum of all bytes before it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/file.h>

#include "base/file.h"
#include "base/size.h"
#include "sim/retime/keys.h"
#include "sim/retime/recording.h"
#include "sim/retime/step.h"

/* The number is that of the format. */
static const char head[] = "weft recording 2\n";
#define HEAD_BYTES (sizeof head - 1)
#define SUM_BYTES 8u

/* FNV-1a. */
static uint64_t sum_of(const uint8_t *data, size_t bytes)
{
    uint64_t sum = 0xcbf29ce484222325U;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ data[i]) * 0x100000001b3U;
    return sum;
}

/* ---- writing ---- */

static void put_part(weft__bytes *to, const weft__bytes *part)
{
    weft__bytes_put(to, part->count);
    weft__bytes_put_raw(to, part->data, part->count);
}

static void put_launch(weft__bytes *to, const weft__streams *streams, const weft__recorded_launch *launch)
{
    const weft_pe_set *pes = &launch->pes;
    const uint32_t numbers[] = {pes->first_sip, pes->sips,      pes->first_cube,    pes->cubes,          pes->first_pe,
                                pes->pes,       launch->queues, launch->group_size, launch->group_stride};
    weft__bytes_put_text(to, launch->name);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        weft__bytes_put(to, numbers[i]);
    weft__bytes_put(to, launch->count);
    for (uint32_t pe = 0; pe < launch->count; pe++) {
        const weft__recorded_kernel *kernel = &launch->kernels[pe];
        weft__bytes_put(to, kernel->stream);
        for (uint32_t i = 0; i < streams->items[kernel->stream].place_count; i++)
            weft__bytes_put(to, kernel->offsets[i]);
    }
}

static void put_all(weft__bytes *to, const weft_recording *recording)
{
    weft__bytes_put_raw(to, head, HEAD_BYTES);
    weft__bytes_put_text(to, recording->machine);
    weft__bytes_put_text(to, recording->refusal);
    put_part(to, &recording->keys);
    weft__bytes_put(to, recording->streams.count);
    for (uint32_t i = 0; i < recording->streams.count; i++)
        put_part(to, &recording->streams.items[i].asks);
    weft__bytes_put(to, recording->launch_count);
    for (size_t i = 0; i < recording->launch_count; i++)
        put_launch(to, &recording->streams, &recording->launches[i]);
    put_part(to, &recording->deeds);
    put_part(to, &recording->parts);
    uint64_t sum = sum_of(to->data, to->count);
    uint8_t bytes[SUM_BYTES];
    for (size_t i = 0; i < SUM_BYTES; i++)
        bytes[i] = (uint8_t)(sum >> 8 * i);
    weft__bytes_put_raw(to, bytes, sizeof bytes);
}

static weft_status write_file(const char *path, const weft__bytes *data, weft_error *err)
{
    weft_file *file;
    weft_status status = weft_file_begin(path, &file, err);
    if (status != WEFT_OK)
        return status;
    (void)weft_file_write(file, data->data, data->count, NULL);
    return weft_file_commit(file, err);
}

weft_status weft_recording_save(const weft_recording *recording, const char *path, weft_error *err)
{
    weft__bytes data = {0};
    if (!recording->is_whole)
        return weft__fail(err, WEFT_INVALID_STATE, "The recording is not finished.");
    put_all(&data, recording);
    weft_status status =
        data.has_failed ? weft__fail_memory(err, data.count, "the bytes of a recording") : write_file(path, &data, err);
    weft__bytes_free(&data);
    return status;
}

/* ---- reading ---- */

#define NAME_BYTES_MAX 4096u
#define LAUNCHES_MAX (UINT64_C(1) << 32)
#define PES_MAX (UINT64_C(1) << 24)
#define STREAMS_MAX (UINT32_MAX - 1)

/* A copy; the reader is bad if there is none to be had from it. False without memory. */
static bool take_text(weft__reader *from, char **out)
{
    uint64_t count = weft__reader_take_most(from, NAME_BYTES_MAX);
    const uint8_t *text = weft__reader_take_raw(from, count);
    *out = calloc(count + 1, 1);
    if (!*out)
        return false;
    if (text)
        memcpy(*out, text, count);
    from->is_bad |= strlen(*out) != count || !weft__recording_tidy_text(*out);
    return true;
}

static bool take_part(weft__reader *from, weft__bytes *out)
{
    uint64_t count = weft__reader_take(from);
    const uint8_t *data = weft__reader_take_raw(from, count);
    if (data)
        weft__bytes_put_raw(out, data, count);
    return !out->has_failed;
}

/* One that is there already makes the file a bad one. */
static bool take_streams(weft_recording *recording, weft__reader *from)
{
    uint64_t count = weft__reader_take_most(from, STREAMS_MAX);
    for (uint64_t i = 0; i < count && !from->is_bad; i++) {
        bool is_bad = false;
        weft__bytes asks = {0};
        uint32_t number =
            take_part(from, &asks) ? weft__streams_intern(&recording->streams, &asks, &is_bad) : WEFT__STREAM_NONE;
        weft__bytes_free(&asks);
        if (number == WEFT__STREAM_NONE && !is_bad)
            return false;
        from->is_bad |= is_bad || number != i;
    }
    return true;
}

static bool take_kernel(weft_recording *recording, weft__reader *from, weft__recorded_kernel *out)
{
    uint64_t number = weft__reader_take(from);
    from->is_bad |= number >= recording->streams.count;
    if (from->is_bad)
        return true;
    const weft__stream *stream = &recording->streams.items[number];
    out->stream = (uint32_t)number;
    recording->requests += stream->requests;
    if (stream->place_count > (size_t)(from->end - from->at)) { /* each has a byte at least */
        from->is_bad = true;
        return true;
    }
    return weft__recording_take_offsets(from, stream->place_count, out);
}

static bool take_launch(weft_recording *recording, weft__reader *from)
{
    weft__recorded_launch *launch = weft__recording_add_launch(recording);
    if (!launch || !take_text(from, &launch->name))
        return false;
    weft_pe_set *pes = &launch->pes;
    uint32_t *const numbers[] = {&pes->first_sip, &pes->sips,          &pes->first_cube,
                                 &pes->cubes,     &pes->first_pe,      &pes->pes,
                                 &launch->queues, &launch->group_size, &launch->group_stride};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = (uint32_t)weft__reader_take_most(from, UINT32_MAX);
    uint64_t count = weft__reader_take_most(from, PES_MAX);
    if (count > (size_t)(from->end - from->at)) /* each has a byte at least */
        from->is_bad = true;
    if (from->is_bad)
        return true;
    launch->kernels = calloc(count + 1, sizeof *launch->kernels);
    launch->count = launch->kernels ? (uint32_t)count : 0;
    for (uint32_t pe = 0; pe < launch->count && !from->is_bad; pe++)
        if (!take_kernel(recording, from, &launch->kernels[pe]))
            return false;
    return launch->kernels != NULL;
}

/* False without memory. */
static bool take_all(weft_recording *recording, weft__reader *from)
{
    char *refusal = NULL;
    bool has_memory = take_text(from, &recording->machine) && take_text(from, &refusal);
    if (has_memory && *refusal)
        from->is_bad |= refusal[strlen(refusal) - 1] != '.';
    if (has_memory)
        (void)snprintf(recording->refusal, sizeof recording->refusal, "%s", refusal);
    free(refusal);
    has_memory = has_memory && take_part(from, &recording->keys) && take_streams(recording, from);
    uint64_t launches = weft__reader_take_most(from, LAUNCHES_MAX);
    for (uint64_t i = 0; i < launches && has_memory && !from->is_bad; i++)
        has_memory = take_launch(recording, from);
    return has_memory && take_part(from, &recording->deeds) && take_part(from, &recording->parts);
}

weft_status weft__recording_parse(const char *what, const void *data, size_t bytes, weft_recording **out,
                                  weft_error *err)
{
    static const char kind[] = "weft recording ";
    const uint8_t *begin = data;
    uint64_t sum = 0;
    *out = NULL;
    if (bytes < sizeof kind - 1 || memcmp(data, kind, sizeof kind - 1) != 0)
        return weft__fail(err, WEFT_PARSE, "%s is no recording.", what);
    if (memcmp(data, head, weft__min_size(bytes, HEAD_BYTES)) != 0)
        return weft__fail(err, WEFT_PARSE, "%s is a recording of another format than this version of Weft reads.",
                          what);
    if (bytes < HEAD_BYTES + SUM_BYTES)
        return weft__fail(err, WEFT_PARSE, "%s is a recording that is cut off.", what);
    for (size_t i = 0; i < SUM_BYTES; i++)
        sum |= (uint64_t)begin[bytes - SUM_BYTES + i] << 8 * i;
    if (sum != sum_of(begin, bytes - SUM_BYTES))
        return weft__fail(err, WEFT_PARSE,
                          "%s is a recording that is cut off or damaged: its bytes do not have the sum that they had.",
                          what);
    weft_recording *recording = calloc(1, sizeof *recording);
    if (!recording)
        return weft__fail_memory(err, sizeof *recording, "a recording");
    weft__reader from = {begin + HEAD_BYTES, begin + bytes - SUM_BYTES, false};
    bool has_memory = take_all(recording, &from);
    if (has_memory && !from.is_bad && from.at == from.end) {
        recording->is_whole = true;
        *out = recording;
        return WEFT_OK;
    }
    weft_recording_destroy(recording);
    return has_memory
               ? weft__fail(err, WEFT_PARSE, "%s is a recording that is damaged: it holds what no run asks.", what)
               : weft__fail_memory(err, bytes, "a recording");
}

weft_status weft_recording_open(const char *path, weft_recording **out, weft_error *err)
{
    void *data;
    size_t bytes;
    *out = NULL;
    weft_status status = weft__file_map(path, &data, &bytes, err);
    if (status != WEFT_OK)
        return status;
    char what[WEFT__PATH_TAIL_BYTES + 16];
    (void)snprintf(what, sizeof what, "The file '%s'", weft__path_tail(path));
    status = weft__recording_parse(what, data, bytes, out, err);
    weft__file_unmap(data, bytes);
    return status == WEFT_OUT_OF_MEMORY ? weft__fail_within(err, status, "%s", what) : status;
}
