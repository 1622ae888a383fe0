/* The trace writer: what stands in the file, to the picosecond, long strings, errors, and memory. */
#include "support/weft_check.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "support/failing_malloc.h"
#include "support/interim.h"
#include "support/sentence.h"
#include "trace/json_text.h"
#include "trace/perfetto.h"

enum {
    PATH_BYTES = 512,
    BUFFER_BYTES = 65536 /* of the writer */
};

/* A folder of the test's own, with the paths that a trace uses in it. */
typedef struct place {
    char folder[PATH_BYTES / 2];
    char path[PATH_BYTES];
} place;

static place place_create(void)
{
    place at;
    const char *base = getenv("TMPDIR");
    (void)snprintf(at.folder, sizeof at.folder, "%s/weft-trace-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(at.folder));
    (void)snprintf(at.path, sizeof at.path, "%s/trace.json", at.folder);
    return at;
}

/* Fails if anything but the trace itself was left behind. */
static void place_remove(const place *at)
{
    (void)unlink(at->path);
    ck_assert_msg(rmdir(at->folder) == 0, "%s: %s", at->folder, strerror(errno));
}

static bool exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

static weft__trace *open_trace(const char *path)
{
    weft__trace *trace = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__trace_open(path, &trace, &error), error);
    ck_assert_ptr_nonnull(trace);
    return trace;
}

static void close_trace(weft__trace *trace)
{
    weft_error error;
    ck_assert(!weft__trace_has_failed(trace));
    WEFT_TEST_ASSERT_OK(weft__trace_close(trace, &error), error);
}

/* The whole file, to be freed. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    size_t bytes = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(bytes + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(fread(text, 1, bytes, file), bytes);
    fclose(file);
    text[bytes] = '\0';
    return text;
}

/* The events of a file, which must be JSON from end to end; `document` is to be released. */
static json_t *read_events(const char *path, json_t **document)
{
    json_error_t error;
    *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(*document != NULL, "line %d: %s", error.line, error.text);
    ck_assert_str_eq(json_string_value(json_object_get(*document, "displayTimeUnit")), "ns");
    json_t *events = json_object_get(*document, "traceEvents");
    ck_assert(json_is_array(events));
    return events;
}

static const char *string_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    ck_assert_msg(text != NULL, "there is no string %s", key);
    return text;
}

START_TEST(every_kind_of_event_is_written_as_the_format_says)
{
    static const char expected[] =
        "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
        "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"cube0\"}},\n"
        "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_sort_index\",\"args\":{\"sort_index\":7}},\n"
        "{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"pe3.dma\"}},\n"
        "{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":-1}},\n"
        "{\"ph\":\"M\",\"pid\":3,\"name\":\"process_name\",\"args\":{\"name\":\"cube1\"}},\n"
        "{\"ph\":\"M\",\"pid\":3,\"name\":\"process_sort_index\",\"args\":{\"sort_index\":8}},\n"
        "{\"ph\":\"M\",\"pid\":3,\"tid\":4,\"name\":\"thread_name\",\"args\":{\"name\":\"link\"}},\n"
        "{\"ph\":\"M\",\"pid\":3,\"tid\":4,\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":0}},\n"
        "{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"ts\":0.000001,\"dur\":1.500,\"name\":\"read\","
        "\"args\":{\"from\":\"hbm\",\"bytes\":4096,\"offset\":-9223372036854775808}},\n"
        "{\"ph\":\"X\",\"pid\":3,\"tid\":4,\"ts\":2,\"dur\":0,\"name\":\"\"},\n"
        "{\"ph\":\"i\",\"pid\":1,\"tid\":2,\"ts\":0.250,\"s\":\"t\",\"name\":\"stall\"},\n"
        "{\"ph\":\"i\",\"pid\":1,\"tid\":2,\"ts\":0.250,\"s\":\"t\",\"name\":\"stall\",\"args\":{\"credits\":0}},\n"
        "{\"ph\":\"C\",\"pid\":3,\"tid\":4,\"ts\":1,\"name\":\"link\",\"args\":{\"utilisation\":0.75}},\n"
        "{\"ph\":\"C\",\"pid\":3,\"tid\":4,\"ts\":1,\"name\":\"link\",\"args\":{\"queue\":-12}},\n"
        "{\"ph\":\"s\",\"pid\":1,\"tid\":2,\"ts\":1,\"cat\":\"flow\",\"id\":\"0x0\",\"name\":\"go\"},\n"
        "{\"ph\":\"t\",\"pid\":3,\"tid\":4,\"ts\":2,\"cat\":\"flow\",\"id\":\"0x1f\",\"name\":\"go\"},\n"
        "{\"ph\":\"f\",\"pid\":1,\"tid\":2,\"ts\":3,\"cat\":\"flow\",\"id\":\"0xffffffffffffffff\",\"bp\":\"e\","
        "\"name\":\"go\"}\n"
        "]}\n";
    place at = place_create();
    weft__trace *trace = open_trace(at.path);
    uint32_t cube0 = weft__trace_add_process(trace, "cube0", 7);
    uint32_t dma = weft__trace_add_track(trace, cube0, "pe3.dma", -1);
    uint32_t cube1 = weft__trace_add_process(trace, "cube1", 8);
    uint32_t link = weft__trace_add_track(trace, cube1, "link", 0);
    const weft__trace_arg args[] = {{"from", "hbm", 5}, {"bytes", NULL, 4096}, {"offset", NULL, INT64_MIN}};
    const weft__trace_arg credits = {.key = "credits"};
    weft__trace_span(trace, dma, "read", 1, 1500000, args, 3);
    weft__trace_span(trace, link, "", 2000000, 0, NULL, 0);
    weft__trace_instant(trace, dma, "stall", 250000, NULL, 0);
    weft__trace_instant(trace, dma, "stall", 250000, &credits, 1);
    weft__trace_counter_f64(trace, link, "utilisation", 1000000, 0.75);
    weft__trace_counter_i64(trace, link, "queue", 1000000, -12);
    weft__trace_flow(trace, dma, WEFT__TRACE_FLOW_START, "go", 0, 1000000);
    weft__trace_flow(trace, link, WEFT__TRACE_FLOW_STEP, "go", 31, 2000000);
    weft__trace_flow(trace, dma, WEFT__TRACE_FLOW_END, "go", UINT64_MAX, 3000000);
    ck_assert(weft_test_has_interim(at.path) && !exists(at.path));
    close_trace(trace);

    char *text = read_text(at.path);
    ck_assert_str_eq(text, expected);
    free(text);
    json_t *document;
    ck_assert_uint_eq(json_array_size(read_events(at.path, &document)), 17);
    json_decref(document);
    place_remove(&at);
}
END_TEST

START_TEST(a_trace_without_events_is_valid)
{
    place at = place_create();
    json_t *document;
    close_trace(open_trace(at.path));
    ck_assert_uint_eq(json_array_size(read_events(at.path, &document)), 0);
    json_decref(document);
    place_remove(&at);
}
END_TEST

/* Strings much longer than the buffer, cut at every place that it may end at. */
START_TEST(long_strings_pass_through_the_buffer)
{
    static const char pattern[] = "\xe2\x82\xac\"\n\x01\xf0\x9f\x98\x80z\\";
    enum {
        LONG_BYTES = 3 * BUFFER_BYTES
    };
    char *name = malloc(LONG_BYTES + 1);
    ck_assert_ptr_nonnull(name);
    place at = place_create();
    weft__trace *trace = open_trace(at.path);
    uint32_t process = weft__trace_add_process(trace, "p", 0);
    size_t count = sizeof pattern - 1, bytes = LONG_BYTES - LONG_BYTES % count;
    for (size_t i = 0; i < bytes; i++)
        name[i] = pattern[i % count];
    name[bytes] = '\0';
    uint32_t track = weft__trace_add_track(trace, process, name, 0);
    const weft__trace_arg args[] = {{name, name, 0}, {"n", NULL, 1}};
    for (size_t i = 0; i < 16; i++)
        weft__trace_span(trace, track, name + bytes - i * count, 0, i, args, 2);
    weft__trace_counter_i64(trace, track, name, 0, 5);
    close_trace(trace);

    json_t *document, *events = read_events(at.path, &document);
    ck_assert_uint_eq(json_array_size(events), 4 + 16 + 1);
    ck_assert_str_eq(string_of(json_object_get(json_array_get(events, 2), "args"), "name"), name);
    for (size_t i = 0; i < 16; i++) {
        const json_t *event = json_array_get(events, 4 + i);
        ck_assert_str_eq(string_of(event, "name"), name + bytes - i * count);
        ck_assert_str_eq(string_of(json_object_get(event, "args"), name), name);
    }
    const json_t *counter = json_array_get(events, 20);
    ck_assert_str_eq(string_of(counter, "name"), name);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(counter, "args"), name)), 5);
    json_decref(document);
    free(name);
    place_remove(&at);
}
END_TEST

/* Names that end at every place around the end of the buffer, with the longest escape there is. */
START_TEST(a_string_may_fill_the_buffer)
{
    enum {
        SPREAD = 450 /* more than stands before the name */
    };
    char *name = malloc(BUFFER_BYTES + 1);
    ck_assert_ptr_nonnull(name);
    memset(name, 'x', BUFFER_BYTES);
    name[BUFFER_BYTES - 1] = '\x01';
    name[BUFFER_BYTES] = '\0';
    place at = place_create();
    for (size_t i = 0; i < SPREAD; i++) {
        weft__trace *trace = open_trace(at.path);
        uint32_t track = weft__trace_add_track(trace, weft__trace_add_process(trace, "p", 0), "t", 0);
        weft__trace_instant(trace, track, name + i, 0, NULL, 0);
        close_trace(trace);
        json_t *document, *events = read_events(at.path, &document);
        ck_assert_uint_eq(json_array_size(events), 5);
        ck_assert_str_eq(string_of(json_array_get(events, 4), "name"), name + i);
        json_decref(document);
    }
    free(name);
    place_remove(&at);
}
END_TEST

typedef struct drawn {
    uint64_t kind, track, time_ps, duration_ps;
    char name[64];
    int64_t number;
} drawn;

enum {
    DRAWN_TRACKS = 100, /* more than the table has room for at first */
    DRAWN_EVENTS = 20000
};

static drawn draw(weft__rng *rng)
{
    drawn it = {.kind = weft__rng_below(rng, 4), .track = weft__rng_below(rng, DRAWN_TRACKS)};
    /* Below 2^50 ps, microseconds are known to the picosecond in a double, which is what jansson gives. */
    it.time_ps = weft__rng_next_u64(rng) >> (14 + weft__rng_below(rng, 50));
    it.duration_ps = weft__rng_next_u64(rng) >> (14 + weft__rng_below(rng, 50));
    it.number = (int64_t)weft__rng_next_u64(rng);
    uint64_t bytes = weft__rng_below(rng, sizeof it.name);
    for (uint64_t i = 0; i < bytes; i++)
        it.name[i] = (char)(1 + weft__rng_below(rng, 127));
    return it;
}

static void check_time(const json_t *event, const char *key, uint64_t expected_ps)
{
    double us = json_number_value(json_object_get(event, key));
    ck_assert_msg((uint64_t)llround(us * 1e6) == expected_ps, "%s is %.6f us instead of %" PRIu64 " ps", key, us,
                  expected_ps);
}

START_TEST(random_events_come_back)
{
    place at = place_create();
    weft__trace *trace = open_trace(at.path);
    uint32_t process = weft__trace_add_process(trace, "machine", 0), tracks[DRAWN_TRACKS];
    for (uint32_t i = 0; i < DRAWN_TRACKS; i++)
        tracks[i] = weft__trace_add_track(trace, process, "track", (int32_t)i);
    weft__rng rng;
    weft__rng_init(&rng, 11);
    for (size_t i = 0; i < DRAWN_EVENTS; i++) {
        drawn it = draw(&rng);
        const weft__trace_arg args[] = {{"text", it.name, 0}, {"number", NULL, it.number}};
        if (it.kind == 0)
            weft__trace_span(trace, tracks[it.track], it.name, it.time_ps, it.duration_ps, args, 2);
        else if (it.kind == 1)
            weft__trace_instant(trace, tracks[it.track], it.name, it.time_ps, args, 2);
        else if (it.kind == 2)
            weft__trace_counter_i64(trace, tracks[it.track], it.name, it.time_ps, it.number);
        else
            weft__trace_flow(trace, tracks[it.track], WEFT__TRACE_FLOW_STEP, it.name, (uint64_t)it.number, it.time_ps);
    }
    close_trace(trace);

    json_t *document, *events = read_events(at.path, &document);
    const size_t declared = 2 * (1 + DRAWN_TRACKS);
    ck_assert_uint_eq(json_array_size(events), declared + DRAWN_EVENTS);
    weft__rng_init(&rng, 11);
    for (size_t i = 0; i < DRAWN_EVENTS; i++) {
        drawn it = draw(&rng);
        const json_t *event = json_array_get(events, declared + i), *args = json_object_get(event, "args");
        ck_assert_int_eq(string_of(event, "ph")[0], "XiCt"[it.kind]);
        ck_assert_int_eq(json_integer_value(json_object_get(event, "pid")), process);
        ck_assert_int_eq(json_integer_value(json_object_get(event, "tid")), tracks[it.track]);
        ck_assert_str_eq(string_of(event, "name"), it.kind == 2 ? "track" : it.name);
        check_time(event, "ts", it.time_ps);
        if (it.kind == 0)
            check_time(event, "dur", it.duration_ps);
        if (it.kind < 2)
            ck_assert_str_eq(string_of(args, "text"), it.name);
        if (it.kind < 3)
            ck_assert_int_eq(json_integer_value(json_object_get(args, it.kind == 2 ? it.name : "number")), it.number);
        else
            ck_assert_uint_eq(strtoull(string_of(event, "id"), NULL, 16), (uint64_t)it.number);
    }
    json_decref(document);
    place_remove(&at);
}
END_TEST

START_TEST(a_million_spans_allocate_nothing)
{
    enum {
        SPANS = 1000000
    };
    place at = place_create();
    weft__trace *trace = open_trace(at.path);
    uint32_t track = weft__trace_add_track(trace, weft__trace_add_process(trace, "p", 0), "t", 0);
    uint64_t before = weft_test_allocations();
    for (uint64_t i = 0; i < SPANS; i++)
        weft__trace_span(trace, track, "s", 1500 * i, 1500, NULL, 0);
    uint64_t after = weft_test_allocations();
    close_trace(trace);
    ck_assert_uint_eq(after, before);

    FILE *file = fopen(at.path, "rb");
    ck_assert_ptr_nonnull(file);
    char line[256], expected[256];
    uint64_t spans = 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "{\"ph\":\"X\"", 9) != 0)
            continue;
        char time[WEFT__JSON_NUMBER_BYTES + 1];
        *weft__json_put_microseconds(time, 1500 * spans) = '\0';
        spans++;
        (void)snprintf(expected, sizeof expected,
                       "{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"ts\":%s,\"dur\":0.001500,\"name\":\"s\"}%s\n", time,
                       spans < SPANS ? "," : "");
        ck_assert_msg(strcmp(line, expected) == 0, "%s instead of %s", line, expected);
    }
    fclose(file);
    ck_assert_uint_eq(spans, SPANS);
    place_remove(&at);
}
END_TEST

/* Writes more than the buffer holds, closes, and expects an error that names these two. */
static void check_write_fails(weft__trace *trace, const char *path, const char *reason)
{
    weft_error error;
    uint32_t track = weft__trace_add_track(trace, weft__trace_add_process(trace, "p", 0), "t", 0);
    for (uint64_t i = 0; i < 10000; i++)
        weft__trace_span(trace, track, "s", i, 1, NULL, 0);
    ck_assert(weft__trace_has_failed(trace));
    ck_assert_uint_eq(weft__trace_add_process(trace, "q", 0), 0);
    ck_assert_uint_eq(weft__trace_add_track(trace, 1, "u", 0), 0);
    errno = 0; /* the reason was noted when it was known */
    WEFT_TEST_ASSERT_FAILS(weft__trace_close(trace, &error), error, WEFT_IO, path, reason, NULL, NULL);
}

START_TEST(a_full_disk_is_reported_when_the_trace_is_closed)
{
    weft_error error;
    if (access("/dev/full", W_OK) == 0) {
        check_write_fails(open_trace("/dev/full"), "/dev/full", strerror(ENOSPC));
        weft__trace *small = open_trace("/dev/full"); /* all in the buffer until the end */
        WEFT_TEST_ASSERT_FAILS(weft__trace_close(small, &error), error, WEFT_IO, "/dev/full", strerror(ENOSPC), NULL,
                               NULL);
        ck_assert(exists("/dev/full") && !weft_test_has_interim("/dev/full"));
    }
    /* A file that may not grow any more; what stood at the path before is still there. */
    place at = place_create();
    close_trace(open_trace(at.path));
    struct rlimit limit, old;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){.rlim_cur = BUFFER_BYTES + 1000, .rlim_max = old.rlim_max};
    weft__trace *trace = open_trace(at.path);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_write_fails(trace, at.path, strerror(EFBIG));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    ck_assert(!weft_test_has_interim(at.path));
    json_t *document;
    ck_assert_uint_eq(json_array_size(read_events(at.path, &document)), 0);
    json_decref(document);
    place_remove(&at);
}
END_TEST

START_TEST(a_discarded_trace_leaves_no_trace)
{
    place at = place_create();
    weft__trace_discard(open_trace(at.path));
    ck_assert(!exists(at.path) && !weft_test_has_interim(at.path));
    close_trace(open_trace(at.path));
    weft__trace *trace = open_trace(at.path);
    (void)weft__trace_add_process(trace, "p", 0);
    weft__trace_discard(trace);
    json_t *document;
    ck_assert_uint_eq(json_array_size(read_events(at.path, &document)), 0);
    json_decref(document);
    ck_assert(!weft_test_has_interim(at.path));
    weft__trace_discard(open_trace("/dev/null"));
    ck_assert(exists("/dev/null") && !weft_test_has_interim("/dev/null"));
    weft__trace_discard(NULL);
    place_remove(&at);
}
END_TEST

START_TEST(a_path_that_cannot_be_written_is_refused)
{
    place at = place_create();
    weft_error error;
    weft__trace *trace = (weft__trace *)&at;
    char path[3 * PATH_BYTES];
    WEFT_TEST_ASSERT_FAILS(weft__trace_open(at.folder, &trace, &error), error, WEFT_IO, at.folder, strerror(EISDIR),
                           NULL, NULL);
    ck_assert_ptr_null(trace);
    WEFT_TEST_ASSERT_FAILS(weft__trace_open("", &trace, &error), error, WEFT_IO, strerror(ENOENT), NULL, NULL, NULL);
    (void)snprintf(path, sizeof path, "%s/nowhere/trace.json", at.folder);
    WEFT_TEST_ASSERT_FAILS(weft__trace_open(path, &trace, &error), error, WEFT_IO, path, strerror(ENOENT), NULL, NULL);
    ck_assert_int_eq(weft__trace_open(path, &trace, NULL), WEFT_IO);
    /* So long that only its end is shown. */
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    WEFT_TEST_ASSERT_FAILS(weft__trace_open(path, &trace, &error), error, WEFT_IO, "xxx' cannot be written",
                           strerror(ENAMETOOLONG), NULL, NULL);

    /* The name was taken by a folder in the meantime. */
    trace = open_trace(at.path);
    ck_assert_int_eq(mkdir(at.path, 0700), 0);
    WEFT_TEST_ASSERT_FAILS(weft__trace_close(trace, &error), error, WEFT_IO, at.path, strerror(EISDIR), NULL, NULL);
    ck_assert_int_eq(rmdir(at.path), 0);
    place_remove(&at);
}
END_TEST

START_TEST(what_is_no_regular_file_is_written_in_place)
{
    place at = place_create();
    struct stat about;
    char target[PATH_BYTES];
    (void)snprintf(target, sizeof target, "%s/target", at.folder);
    ck_assert_int_eq(symlink("target", at.path), 0);
    weft__trace *trace = open_trace(at.path);
    ck_assert(!weft_test_has_interim(at.path));
    (void)weft__trace_add_process(trace, "p", 0);
    close_trace(trace);
    ck_assert(lstat(at.path, &about) == 0 && S_ISLNK(about.st_mode));
    json_t *document;
    ck_assert_uint_eq(json_array_size(read_events(target, &document)), 2);
    json_decref(document);
    ck_assert_int_eq(unlink(target), 0);

    close_trace(open_trace("/dev/null"));
    ck_assert(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
    place_remove(&at);
}
END_TEST

START_TEST(wrong_arguments_are_reported_once)
{
    place at = place_create();
    weft_error error;
    const char *wanted[] = {"0 is no track", "1 is no track", "9 is no track", "2 is no process", "9 is no process"};
    for (size_t i = 0; i < 7; i++) {
        weft__trace *trace = open_trace(at.path);
        uint32_t process = weft__trace_add_process(trace, "p", 0);
        uint32_t track = weft__trace_add_track(trace, process, "link", 0);
        static const uint32_t numbers[] = {0, 1, 9, 2, 9};
        if (i < 3)
            weft__trace_span(trace, numbers[i], "s", 0, 0, NULL, 0);
        else if (i < 5)
            ck_assert_uint_eq(weft__trace_add_track(trace, numbers[i], "t", 0), 0);
        else
            weft__trace_counter_f64(trace, track, "load", 77, i == 5 ? (double)NAN : (double)-INFINITY);
        weft__trace_instant(trace, 12345, "later", 0, NULL, 0);
        if (i < 5)
            WEFT_TEST_ASSERT_FAILS(weft__trace_close(trace, &error), error, WEFT_INVALID_ARGUMENT, wanted[i], at.path,
                                   NULL, NULL);
        else
            WEFT_TEST_ASSERT_FAILS(weft__trace_close(trace, &error), error, WEFT_INVALID_ARGUMENT, "load", "link",
                                   "77 ps", i == 5 ? "nan" : "-inf");
        ck_assert(!exists(at.path) && !weft_test_has_interim(at.path));
    }
    place_remove(&at);
}
END_TEST

START_TEST(without_a_trace_nothing_happens)
{
    ck_assert_uint_eq(weft__trace_add_process(NULL, "p", 0), 0);
    ck_assert_uint_eq(weft__trace_add_track(NULL, 0, "t", 0), 0);
    weft__trace_span(NULL, 0, "s", 0, 0, NULL, 0);
    weft__trace_instant(NULL, 0, "s", 0, NULL, 0);
    weft__trace_counter_i64(NULL, 0, "s", 0, 0);
    weft__trace_counter_f64(NULL, 0, "s", 0, 0);
    weft__trace_flow(NULL, 0, WEFT__TRACE_FLOW_END, "s", 0, 0);
    ck_assert(!weft__trace_has_failed(NULL));
    ck_assert_int_eq(weft__trace_close(NULL, NULL), WEFT_OK);
}
END_TEST

/* Opens, declares more tracks than the table has room for at first, and closes. */
static weft_status write_small(const char *path, weft_error *error)
{
    weft__trace *trace;
    weft_status status = weft__trace_open(path, &trace, error);
    if (status != WEFT_OK)
        return status;
    uint32_t process = weft__trace_add_process(trace, "p", 0);
    for (int32_t i = 0; i < DRAWN_TRACKS; i++)
        weft__trace_instant(trace, weft__trace_add_track(trace, process, "t", i), "i", 0, NULL, 0);
    return weft__trace_close(trace, error);
}

START_TEST(every_allocation_may_fail)
{
    place at = place_create();
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_error error;
        weft_test_fail_allocation_after(n);
        weft_status status = write_small(at.path, &error);
        failed = weft_test_stop_failing();
        if (failed)
            WEFT_TEST_ASSERT_FAILS(status, error, WEFT_OUT_OF_MEMORY, NULL, NULL, NULL, NULL);
        else
            ck_assert_int_eq(status, WEFT_OK);
        ck_assert(exists(at.path) == !failed && !weft_test_has_interim(at.path));
        ck_assert_uint_lt(n, 2 * DRAWN_TRACKS);
    }
    place_remove(&at);
}
END_TEST

WEFT_TEST_MAIN("perfetto", every_kind_of_event_is_written_as_the_format_says, a_trace_without_events_is_valid,
               long_strings_pass_through_the_buffer, a_string_may_fill_the_buffer, random_events_come_back,
               a_million_spans_allocate_nothing, a_full_disk_is_reported_when_the_trace_is_closed,
               a_discarded_trace_leaves_no_trace, a_path_that_cannot_be_written_is_refused,
               what_is_no_regular_file_is_written_in_place, wrong_arguments_are_reported_once,
               without_a_trace_nothing_happens, every_allocation_may_fail)
