#include "support/weft_check.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/report.h>

#include "support/failing_malloc.h"
#include "support/json_patch.h"
#include "support/sentence.h"
#include "trace/report_run.h"

#define SMALL "tests/data/runs/small.json"
#define SMALL_PATH WEFT_SOURCE_DIR "/" SMALL

static weft_status parse_patched(const char *place, const char *value, weft_error *err)
{
    json_t *document = weft_test_json_load(SMALL), *run;
    weft_test_json_set(document, place, value);
    char *text = weft_test_json_dump(document);
    weft_status status = weft__run_parse(text, strlen(text), "run.json", &run, err);
    ck_assert((status == WEFT_OK) == (run != NULL));
    json_decref(run);
    free(text);
    json_decref(document);
    return status;
}

/* A folder of its own, and a file in it. */
static char folder[64], page_path[96];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/weft-report-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(page_path, sizeof page_path, "%s/report.html", folder);
}

static bool exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

/* The folder is as empty as it was, but for the page. */
static void remove_folder(void)
{
    (void)unlink(page_path);
    ck_assert_msg(rmdir(folder) == 0, "something was left in %s", folder);
}

static char *read_page(void)
{
    FILE *file = fopen(page_path, "rb");
    ck_assert_ptr_nonnull(file);
    char *text = calloc(1, 4u << 20);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, (4u << 20) - 1, file), 10000);
    fclose(file);
    return text;
}

static size_t times_in(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

START_TEST(the_sample_and_the_least_are_runs)
{
    weft_error error;
    json_t *run;
    WEFT_TEST_ASSERT_OK(weft__run_load(SMALL_PATH, &run, &error), error);
    json_decref(run);
    static const char least[] = "{\"weft_run\":1,\"command\":\"\",\"device\":\"cpu\",\"makespan_ps\":0}";
    WEFT_TEST_ASSERT_OK(weft__run_parse(least, sizeof least - 1, "r", &run, &error), error);
    json_decref(run);
}
END_TEST

static const struct mistake {
    const char *place, *value; /* NULL takes it away */
    const char *field, *found, *expected;
} mistakes[] = {
    {"weft_run", NULL, "\"weft_run\"", "is no run file", NULL},
    {"weft_run", "\"1\"", "\"weft_run\"", "is \"1\"", NULL},
    {"command", NULL, "\"command\"", "missing", "a string"},
    {"makespan_ps", "null", "\"makespan_ps\"", "null", "a whole number"},
    {"makespan_ps", "9007199254740992", "\"makespan_ps\"", "9007199254740992", "9007199254740991"},
    {"makespan_ps", "1000.5", "\"makespan_ps\"", "1000.5", "a whole number"},
    {"makespan_ps", "-1", "\"makespan_ps\"", "-1", "from 0"},
    {"makespan_ps", "1001", "\"pes[0].parts\"", "adds up to 1000", "which is 1001"},
    {"clock", "\"wall\"", "\"clock\"", "\"wall\"", "\"simulated\" or \"host\""},
    {"machine", "[]", "\"machine\"", "an array of 0", "an object"},
    {"machine/name", "7", "\"machine.name\"", "is 7", "a string"},
    {"machine/regions/0/x", "1e7", "\"machine.regions[0].x\"", "10000000", "1000000"},
    {"model/decode_ps", "1001", "\"model.decode_ps\"", "1001", "at most makespan_ps, which is 1000"},
    {"facts/0/value", "true", "\"facts[0].value\"", "true", "a number, or a string"},
    {"peaks/flops_per_second", "0", "\"peaks.flops_per_second\"", "is 0", "above 0"},
    {"parts/0/ps", "899", "\"parts\"", "adds up to 999", "makespan_ps, which is 1000"},
    {"parts/0", "5", "\"parts[0]\"", "is 5", "an object"},
    {"tracks/0/spans/0/end_ps", "1001", "\"tracks[0].spans[0].end_ps\"", "1001", "at most makespan_ps"},
    {"command_buffers/1/sequence", "1", "\"command_buffers[1].sequence\"", "is 1", "more than the one before it"},
    {"command_buffers/1/submitted_ps", "701", "\"command_buffers[1].start_ps\"", "700", "at least submitted_ps"},
    {"command_buffers/1/end_ps", "699", "\"command_buffers[1].end_ps\"", "699", "at least start_ps, which is 700"},
    {"dispatches/1/sequence", "3", "\"dispatches[1].sequence\"", "is 3", "command_buffers"},
    {"dispatches/1/end_ps", "699", "\"dispatches[1].end_ps\"", "699", "at least start_ps, which is 700"},
    {"dispatches/0/parts/idle", "801", "\"dispatches[0].parts\"", "adds up to 1201", "2 times the 600 ps"},
    {"dispatches/0/parts/idle", "\"x\"", "\"dispatches[0].parts\"", "\"idle\"", "a whole number"},
    {"dispatches/0/pes", "0", "\"dispatches[0].pes\"", "is 0", "from 1"},
    {"hazards/0/time_ps", "1001", "\"hazards[0].time_ps\"", "1001", "at most makespan_ps"},
    {"hazards/0/repeats", "-1", "\"hazards[0].repeats\"", "is -1", "a whole number"},
    {"pes/1/parts/idle", "998", "\"pes[1].parts\"", "adds up to 999", "which is 1000"},
    {"activity/bucket_ps", "499", "\"activity.bucket_ps\"", "499", "2 buckets hold makespan_ps"},
    {"activity/bucket_count", "10001", "\"activity.bucket_count\"", "10001", "10000"},
    {"activity/links/0/from", "[1]", "\"activity.links[0].from\"", "an array of 1", "two numbers"},
    {"activity/links/0/busy/0", "1001", "\"activity.links[0].busy[0]\"", "1001", "from 0 to 1000"},
    {"activity/links/0/busy/2", "5", "\"activity.links[0].busy\"", "an array of 3", "2 buckets"},
    {"activity/pes/0/busy", "[1]", "\"activity.pes[0].busy\"", "an array of 1", "2 buckets"},
    {"activity/hbm/0/busy", "[1, 2, 3]", "\"activity.hbm[0].busy\"", "an array of 3", "2 buckets"},
    {"dispatches/1/lable", "\"x\"", "dispatches[1] has no field \"lable\"", "\"label\"", NULL},
    {"comand", "\"x\"", "a run has no field \"comand\"", "\"command\"", NULL},
};

START_TEST(each_mistake_is_named)
{
    const struct mistake *it = &mistakes[_i];
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(parse_patched(it->place, it->value, &error), error, WEFT_PARSE, "run.json", it->field,
                           it->found, it->expected);
}
END_TEST

START_TEST(another_version_is_not_supported)
{
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(parse_patched("weft_run", "2", &error), error, WEFT_UNSUPPORTED, "run.json", "is 2",
                           "version 1", NULL);
}
END_TEST

START_TEST(what_is_no_json_is_named)
{
    static const char *const texts[] = {"", "[]", "{\"weft_run\": NaN}", "{\"weft_run\": 1e999}",
                                        "{\"a\": 1, \"a\": 2}"};
    weft_error error;
    json_t *run;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        WEFT_TEST_ASSERT_FAILS(weft__run_parse(texts[i], strlen(texts[i]), "run.json", &run, &error), error, WEFT_PARSE,
                               "run.json", NULL, NULL, NULL);
    char deep[6000];
    memset(deep, '[', sizeof deep);
    WEFT_TEST_ASSERT_FAILS(weft__run_parse(deep, sizeof deep, "run.json", &run, &error), error, WEFT_PARSE, "run.json",
                           "depth", NULL, NULL);
}
END_TEST

START_TEST(a_product_that_does_not_fit_is_no_sum)
{
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(parse_patched("dispatches/0/pes", "9007199254740991", &error), error, WEFT_PARSE, "run.json",
                           "dispatches[0].parts", "adds up to 1200", NULL);
}
END_TEST

START_TEST(a_page_holds_its_runs_and_no_text_ends_them)
{
    weft_error error;
    make_folder();
    WEFT_TEST_ASSERT_OK(weft_report_write((const char *const[]){SMALL_PATH}, 1, page_path, &error), error);
    char *page = read_page();
    ck_assert(strncmp(page, "<!doctype html>", 15) == 0);
    ck_assert_uint_eq(times_in(page, "type=\"application/json\" data-name=\"small.json\""), 1);
    ck_assert_ptr_nonnull(strstr(page, "\\u003c/script> is \\u2028 text."));
    ck_assert_uint_eq(times_in(page, "</script>"), 3);
    ck_assert_ptr_null(strstr(page, "@@"));
    for (const char *letter = page; *letter; letter++)
        ck_assert_int_lt((unsigned char)*letter, 0x80);
    free(page);
    const char *const twice[] = {SMALL_PATH, SMALL_PATH};
    WEFT_TEST_ASSERT_OK(weft_report_write(twice, 2, page_path, &error), error);
    page = read_page();
    ck_assert_uint_eq(times_in(page, "type=\"application/json\" data-name"), 2);
    free(page);
    remove_folder();
}
END_TEST

START_TEST(a_name_is_escaped)
{
    weft_error error;
    char run[128];
    make_folder();
    (void)snprintf(run, sizeof run, "%s/\"><b>&.json", folder);
    ck_assert_int_eq(symlink(SMALL_PATH, run), 0);
    WEFT_TEST_ASSERT_OK(weft_report_write((const char *const[]){run}, 1, page_path, &error), error);
    char *page = read_page();
    ck_assert_ptr_nonnull(strstr(page, "data-name=\"&quot;&gt;&lt;b&gt;&amp;.json\">{"));
    free(page);
    (void)unlink(run);
    remove_folder();
}
END_TEST

START_TEST(what_fails_leaves_nothing)
{
    weft_error error;
    const char *const runs[] = {SMALL_PATH, SMALL_PATH, SMALL_PATH};
    make_folder();
    WEFT_TEST_ASSERT_FAILS(weft_report_write(runs, 0, page_path, &error), error, WEFT_INVALID_ARGUMENT, "not 0", NULL,
                           NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_report_write(runs, 3, page_path, &error), error, WEFT_INVALID_ARGUMENT, "not 3", NULL,
                           NULL, NULL);
    const char *const missing[] = {SMALL_PATH, "/nowhere/run.json"};
    WEFT_TEST_ASSERT_FAILS(weft_report_write(missing, 2, page_path, &error), error, WEFT_IO, "run.json", NULL, NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_report_write(runs, 1, "/nowhere/page.html", &error), error, WEFT_IO, "page.html", NULL,
                           NULL, NULL);
    ck_assert(!exists(page_path));
    WEFT_TEST_ASSERT_FAILS(weft_report_write(runs, 1, "/dev/full", &error), error, WEFT_IO, "full", "space", NULL,
                           NULL);
    /* A folder stands where the page should be: it is no regular file, and cannot be written in place. */
    WEFT_TEST_ASSERT_FAILS(weft_report_write(runs, 1, folder, &error), error, WEFT_IO, NULL, NULL, NULL, NULL);
    remove_folder();
}
END_TEST

/* Which is larger than a file may be now. */
START_TEST(the_page_that_was_there_stays_until_the_new_one_is_whole)
{
    weft_error error;
    make_folder();
    WEFT_TEST_ASSERT_OK(weft_report_write((const char *const[]){SMALL_PATH}, 1, page_path, &error), error);
    struct rlimit limit, before;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){.rlim_cur = 20000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    WEFT_TEST_ASSERT_FAILS(weft_report_write((const char *const[]){SMALL_PATH}, 1, page_path, &error), error, WEFT_IO,
                           "report.html", "large", NULL, NULL);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    free(read_page());
    remove_folder();
}
END_TEST

static void fail_each_allocation(bool is_ours)
{
    bool failed = true;
    weft_error error;
    make_folder();
    for (uint64_t n = 0; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = weft_report_write((const char *const[]){SMALL_PATH}, 1, page_path, &error);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK) || (failed && !is_ours),
                      "allocation %d gave %s: %s", (int)n, weft_status_name(status), error.message);
        ck_assert(status == WEFT_OK || weft_test_is_sentence(error.message));
        ck_assert(exists(page_path) == (status == WEFT_OK));
        (void)unlink(page_path);
    }
    remove_folder();
}

START_TEST(memory_may_run_out_anywhere)
{
    fail_each_allocation(true);
}
END_TEST

/* jansson takes a token that it has no memory for as one that it does not know, or shortens it: a run is then another
 * one or none. What remains is that nothing leaks and no half of a page is left. */
START_TEST(memory_may_run_out_within_jansson)
{
    json_set_alloc_funcs(malloc, free);
    fail_each_allocation(false);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_sample_and_the_least_are_runs,
        another_version_is_not_supported,
        what_is_no_json_is_named,
        a_product_that_does_not_fit_is_no_sum,
        a_page_holds_its_runs_and_no_text_ends_them,
        a_name_is_escaped,
        what_fails_leaves_nothing,
        the_page_that_was_there_stays_until_the_new_one_is_whole,
        memory_may_run_out_anywhere,
        memory_may_run_out_within_jansson,
    };
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("report");
    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    tcase_add_loop_test(tcase, each_mistake_is_named, 0, (int)(sizeof mistakes / sizeof mistakes[0]));
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
