#include <weft/report.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"
#include "trace/report_page.h"
#include "trace/report_run.h"

/* A page that is being written. The first errno is kept, and nothing is written after it. */
typedef struct report_file {
    const char *path;
    char *part_path; /* where it grows; NULL if it is written in place */
    FILE *stream;
    int error;
} report_file;

static const char *path_in_use(const report_file *page)
{
    return page->part_path ? page->part_path : page->path;
}

static void note(report_file *page, bool is_done)
{
    if (!is_done && page->error == 0)
        page->error = errno != 0 ? errno : EIO;
}

static void put(report_file *page, const void *bytes, size_t count)
{
    if (page->error == 0 && count > 0)
        note(page, fwrite(bytes, 1, count, page->stream) == count);
}

static void put_text(report_file *page, const char *text)
{
    put(page, text, strlen(text));
}

static weft_status begin(report_file *page, const char *path, weft_error *err)
{
    struct stat about;
    *page = (report_file){.path = path};
    if (lstat(path, &about) != 0 || S_ISREG(about.st_mode)) {
        size_t bytes = strlen(path) + sizeof ".part";
        page->part_path = malloc(bytes);
        if (!page->part_path)
            return weft__fail_memory(err, bytes, "the path of a report");
        (void)snprintf(page->part_path, bytes, "%s.part", path);
    }
    int no_links = page->part_path ? O_NOFOLLOW : 0;
    int file = open(path_in_use(page), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | no_links, 0666);
    page->stream = file >= 0 ? fdopen(file, "wb") : NULL;
    note(page, page->stream != NULL);
    if (file >= 0 && !page->stream)
        (void)close(file);
    return WEFT_OK;
}

/* Gives the page its name, or leaves no trace of it. */
static weft_status finish(report_file *page, weft_status status, weft_error *err)
{
    bool was_opened = page->stream != NULL;
    if (was_opened)
        note(page, fclose(page->stream) == 0);
    if (status == WEFT_OK && page->error == 0 && page->part_path)
        note(page, rename(page->part_path, page->path) == 0);
    if (was_opened && page->part_path && (status != WEFT_OK || page->error != 0))
        (void)unlink(page->part_path);
    if (status == WEFT_OK && page->error != 0)
        status = weft__fail(err, WEFT_IO, "The report %s cannot be written: %s.", weft__path_tail(page->path),
                            strerror(page->error));
    free(page->part_path);
    return status;
}

/* Inside of a script element only "<" can do harm, as the beginning of its end or of a comment. In JSON it stands in
 * strings alone, where this means the same. Every other character that is not ASCII is escaped by jansson. */
static int put_json(const char *bytes, size_t count, void *user)
{
    report_file *page = user;
    const char *end = bytes + count, *plain;
    for (; (plain = memchr(bytes, '<', (size_t)(end - bytes))) != NULL; bytes = plain + 1) {
        put(page, bytes, (size_t)(plain - bytes));
        put_text(page, "\\u003c");
    }
    put(page, bytes, (size_t)(end - bytes));
    return page->error == 0 ? 0 : -1;
}

/* The value of an attribute in double quotes. */
static void put_attribute(report_file *page, const char *text)
{
    static const struct {
        char letter;
        const char *entity;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    for (; *text; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
            if (*text == escapes[i].letter)
                entity = escapes[i].entity;
        }
        if (entity)
            put_text(page, entity);
        else
            put(page, text, 1);
    }
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static weft_status put_run(report_file *page, const json_t *run, const char *path, weft_error *err)
{
    put_text(page, "<script type=\"application/json\" data-name=\"");
    put_attribute(page, name_of(path));
    put_text(page, "\">");
    int failed = json_dump_callback(run, put_json, page, JSON_COMPACT | JSON_ENSURE_ASCII);
    put_text(page, "</script>\n");
    if (failed != 0 && page->error == 0)
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not write the run of %s into a report.",
                          weft__path_tail(path));
    return WEFT_OK;
}

static weft_status write_page(json_t *const *runs, const char *const *paths, size_t count, const char *path,
                              weft_error *err)
{
    report_file page;
    weft_status status = begin(&page, path, err);
    if (status != WEFT_OK)
        return status;
    put(&page, weft__report_head, weft__report_head_bytes);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        status = put_run(&page, runs[i], paths[i], err);
    put(&page, weft__report_tail, weft__report_tail_bytes);
    return finish(&page, status, err);
}

weft_status weft_report_write(const char *const *runs, size_t count, const char *path, weft_error *err)
{
    json_t *loaded[WEFT_REPORT_RUNS_MAX] = {NULL};
    weft_status status = WEFT_OK;
    if (count < 1 || count > WEFT_REPORT_RUNS_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A report shows one run or %d, not %zu.", WEFT_REPORT_RUNS_MAX,
                          count);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        status = weft__run_load(runs[i], &loaded[i], err);
    if (status == WEFT_OK)
        status = write_page(loaded, runs, count, path, err);
    for (size_t i = 0; i < count; i++)
        json_decref(loaded[i]);
    return status;
}
