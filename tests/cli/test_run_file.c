/* Run files of runs that are longer than a report can show, with limits that are lower than the real ones: see the
 * definitions in CMakeLists.txt. */
#include "support/runtime_test.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/report.h>

#include "output.h"
#include "run_file.h"
#include "run_output.h"

enum {
    DISPATCHES = 30
};

static const cli_option *const no_options[] = {NULL};
static const cli_verb verb = {.name = "test", .options = no_options};

static char folder[64], run_path[96], page_path[96];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/weft-run-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(run_path, sizeof run_path, "%s/run.json", folder);
    (void)snprintf(page_path, sizeof page_path, "%s/page.html", folder);
}

static void remove_folder(void)
{
    (void)unlink(run_path);
    (void)unlink(page_path);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Two command buffers of dispatches that have this label. */
static weft_timeline *make_timeline(const char *label, uint64_t *out_begin_ps, uint64_t *out_end_ps)
{
    weft_timeline *timeline;
    OK(weft_timeline_create(&timeline, NULL));
    weft_device *device = test_open("ref");
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, &(weft_encoder_options){.timeline = timeline});
    *out_begin_ps = weft_device_now_ps(device);
    for (int buffer = 0; buffer < 2; buffer++) {
        for (int i = 0; i < DISPATCHES / 2; i++) {
            weft_encoder_set_label(encoder, label);
            OK(weft_scale(encoder, a, 1.0f, a, NULL));
            OK(weft_encoder_barrier(encoder, NULL));
        }
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        OK(weft_encoder_reset(encoder, NULL));
    }
    *out_end_ps = weft_device_now_ps(device);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
    return timeline;
}

static void begin_file(const char *label, run_file *out)
{
    uint64_t begin_ps, end_ps;
    cli_values values = {.verb = &verb};
    weft_timeline *timeline = make_timeline(label, &begin_ps, &end_ps);
    run_file_begin(&values, "ref", false, begin_ps, end_ps, out);
    run_file_set_timeline(out, timeline, true);
    weft_timeline_destroy(timeline);
}

/* Of which a report can be made. */
static json_t *write_file(run_file *file)
{
    weft_error err;
    ck_assert_int_eq(run_file_write(file, "test", run_path), CLI_EXIT_OK);
    WEFT_TEST_ASSERT_OK(weft_report_write((const char *const[]){run_path}, 1, page_path, &err), err);
    json_t *run = json_load_file(run_path, 0, NULL);
    ck_assert_ptr_nonnull(run);
    return run;
}

static size_t count_of(const json_t *run, const char *list)
{
    return json_array_size(json_object_get(run, list));
}

static json_int_t left_out_of(const json_t *run)
{
    const json_t *fact = json_array_get(json_object_get(run, "facts"), 0);
    if (fact)
        ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(fact, "name")), "Left out"));
    return json_integer_value(json_object_get(fact, "value"));
}

START_TEST(the_first_entries_are_kept)
{
    run_file file;
    make_folder();
    begin_file("", &file);
    json_t *run = write_file(&file);
    ck_assert_uint_eq(count_of(run, "dispatches"), RUN_FILE_LIST_MOST);
    ck_assert_uint_eq(count_of(run, "command_buffers"), 2);
    ck_assert_int_eq(left_out_of(run), DISPATCHES - RUN_FILE_LIST_MOST);
    const json_t *last = json_array_get(json_object_get(run, "dispatches"), RUN_FILE_LIST_MOST - 1);
    ck_assert_int_eq(json_integer_value(json_object_get(last, "index")), RUN_FILE_LIST_MOST - DISPATCHES / 2 - 1);
    json_decref(run);
    remove_folder();
}
END_TEST

START_TEST(long_entries_are_fewer_and_leave_room_for_others)
{
    run_file file;
    make_folder();
    begin_file("a label of the greatest length that there can be", &file);
    json_t *track = run_file_add_track(&file, "tokens");
    for (int i = 0; i < 2 * RUN_FILE_LIST_MOST; i++)
        run_file_add_span(&file, track, json_string("x"), file.begin_ps, file.begin_ps);
    json_t *run = write_file(&file);
    size_t kept = count_of(run, "dispatches"), buffers = count_of(run, "command_buffers");
    size_t tokens = count_of(json_array_get(json_object_get(run, "tracks"), 0), "spans");
    ck_assert_uint_gt(kept, 4);
    ck_assert_uint_lt(kept, RUN_FILE_LIST_MOST);
    ck_assert_uint_eq(tokens, RUN_FILE_LIST_MOST);
    ck_assert_int_eq(left_out_of(run), (json_int_t)(DISPATCHES - kept + 2 - buffers + RUN_FILE_LIST_MOST));
    json_decref(run);
    remove_folder();
}
END_TEST

START_TEST(a_file_that_is_too_large_is_not_written)
{
    run_file file;
    make_folder();
    begin_file("", &file);
    for (int i = 0; i < 5; i++) {
        static char text[4000];
        memset(text, 'x', sizeof text);
        run_file_add_fact(&file, "more", run_file_text(text, sizeof text));
    }
    FILE *kept = stderr;
    stderr = fopen("/dev/null", "w");
    ck_assert_int_eq(run_file_write(&file, "test", run_path), CLI_EXIT_INPUT);
    (void)fclose(stderr);
    stderr = kept;
    ck_assert_int_ne(access(run_path, F_OK), 0);
    remove_folder();
}
END_TEST

/* In what `weft run --json` prints. */
static void check_slots(const json_t *list)
{
    const char *pe, *direction;
    json_int_t number;
    ck_assert(json_is_null(json_object_get(json_array_get(list, 0), "slot")));
    json_t *slot = json_object_get(json_array_get(list, 1), "slot");
    ck_assert_int_eq(json_unpack(slot, "{s:s, s:s, s:I !}", "pe", &pe, "direction", &direction, "number", &number), 0);
    ck_assert_str_eq(pe, "sip0.cube1.pe2");
    ck_assert_str_eq(direction, "previous");
    ck_assert_int_eq(number, 3);
}

/* In a run file and in what `weft run --json` prints: shipped benches have no hazards that could show it. */
START_TEST(hazards_tell_their_slot_and_how_often_they_came_back)
{
    static const weft_kernel_hazard hazards[] = {
        {.kind = WEFT_KERNEL_HAZARD_RAW, .repeats = 0, .text = "Once."},
        {.kind = WEFT_KERNEL_HAZARD_RAW,
         .slot_pe = "sip0.cube1.pe2",
         .slot_direction = TL_PREVIOUS,
         .slot = 3,
         .repeats = 41,
         .text = "Time and again."},
    };
    static const weft_machine_info machine = {.name = "none"};
    static const weft_sim_bench_options options = {.verify = true};
    const weft_sim_bench_result result = {.bench = "none", .hazards = hazards, .hazard_count = 2};
    run_file file;
    make_folder();
    begin_file("", &file);
    for (size_t i = 0; i < 2; i++)
        run_file_add_hazard(&file, &hazards[i]);
    json_t *told[] = {write_file(&file), run_json(&(run_shown){&machine, &options, &result}, false)};
    for (size_t i = 0; i < 2; i++) {
        const json_t *list = json_object_get(told[i], "hazards");
        ck_assert_uint_eq(json_array_size(list), 2);
        for (size_t j = 0; j < 2; j++) {
            const json_t *repeats = json_object_get(json_array_get(list, j), "repeats");
            ck_assert(json_is_integer(repeats));
            ck_assert_int_eq(json_integer_value(repeats), (json_int_t)hazards[j].repeats);
        }
    }
    check_slots(json_object_get(told[1], "hazards"));
    json_decref(told[0]);
    json_decref(told[1]);
    remove_folder();
}
END_TEST

WEFT_TEST_MAIN("run_file", the_first_entries_are_kept, long_entries_are_fewer_and_leave_room_for_others,
               a_file_that_is_too_large_is_not_written, hazards_tell_their_slot_and_how_often_they_came_back)
