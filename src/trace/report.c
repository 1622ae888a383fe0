#include <weft/report.h>

#include <jansson.h>
#include <string.h>

#include <weft/file.h>

#include "base/file.h"
#include "base/status.h"
#include "trace/report_page.h"
#include "trace/report_run.h"

/* Of an error that there was the end of the file will tell. */
static void put_text(weft_file *page, const char *text)
{
    (void)weft_file_write(page, text, strlen(text), NULL);
}

/* Inside of a script element only "<" can do harm, as the beginning of its end or of a comment. In JSON it stands in
 * strings alone, where this means the same. Every other character that is not ASCII is escaped by jansson. */
static int put_json(const char *bytes, size_t count, void *user)
{
    weft_file *page = user;
    const char *end = bytes + count, *plain;
    for (; (plain = memchr(bytes, '<', (size_t)(end - bytes))) != NULL; bytes = plain + 1) {
        (void)weft_file_write(page, bytes, (size_t)(plain - bytes), NULL);
        put_text(page, "\\u003c");
    }
    return weft_file_write(page, bytes, (size_t)(end - bytes), NULL) == WEFT_OK ? 0 : -1;
}

/* The value of an attribute in double quotes. */
static void put_attribute(weft_file *page, const char *text)
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
            (void)weft_file_write(page, text, 1, NULL);
    }
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static weft_status put_run(weft_file *page, const json_t *run, const char *path, weft_error *err)
{
    put_text(page, "<script type=\"application/json\" data-name=\"");
    put_attribute(page, name_of(path));
    put_text(page, "\">");
    int failed = json_dump_callback(run, put_json, page, JSON_COMPACT | JSON_ENSURE_ASCII);
    weft_status status = weft_file_write(page, "", 0, err);
    if (failed != 0 && status == WEFT_OK)
        status = weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not write the run of %s into a report.",
                            weft__path_tail(path));
    put_text(page, "</script>\n");
    return status;
}

static weft_status write_page(json_t *const *runs, const char *const *paths, size_t count, const char *path,
                              weft_error *err)
{
    weft_file *page;
    weft_status status = weft_file_begin(path, &page, err);
    if (status != WEFT_OK)
        return status;
    (void)weft_file_write(page, weft__report_head, weft__report_head_bytes, NULL);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        status = put_run(page, runs[i], paths[i], err);
    (void)weft_file_write(page, weft__report_tail, weft__report_tail_bytes, NULL);
    if (status == WEFT_OK)
        return weft_file_commit(page, err);
    weft_file_abandon(page);
    return status;
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
