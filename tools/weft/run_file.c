#include "run_file.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_output.h"
#include "json_output.h"
#include "output.h"

#define FORMAT_VERSION 1
#define TEXT_BYTES_MAX 4096
#define BUSY_ALWAYS 1000
#define JSON_FORMAT (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* ---- texts ---- */

json_t *run_file_text(const char *bytes, size_t count)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    json_t *whole = cli_json_bytes(bytes, count);
    size_t length = json_string_length(whole), keep = TEXT_BYTES_MAX - (sizeof ellipsis - 1);
    if (length <= TEXT_BYTES_MAX)
        return whole;
    const char *text = json_string_value(whole);
    while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) /* in the middle of a character */
        keep--;
    char cut[TEXT_BYTES_MAX];
    memcpy(cut, text, keep);
    memcpy(cut + keep, ellipsis, sizeof ellipsis - 1);
    json_decref(whole);
    return json_stringn(cut, keep + sizeof ellipsis - 1);
}

static json_t *text_of(const char *text)
{
    return run_file_text(text, strlen(text));
}

/* A command line that grows. */
typedef struct words {
    char *text;
    size_t bytes;
} words;

static void put(words *line, const char *text, size_t count)
{
    line->text = cli_reallocate(line->text, line->bytes + count);
    memcpy(line->text + line->bytes, text, count);
    line->bytes += count;
}

/* A word as a shell would need it. */
static void put_word(words *line, const char *word)
{
    bool is_plain = word[0] != '\0';
    for (const char *at = word; *at; at++)
        is_plain = is_plain && (isalnum((unsigned char)*at) || strchr("-_./:=,+@%", *at));
    put(line, " ", line->bytes > 0);
    if (is_plain) {
        put(line, word, strlen(word));
        return;
    }
    put(line, "'", 1);
    for (const char *at = word; *at; at++)
        put(line, *at == '\'' ? "'\\''" : at, *at == '\'' ? 4 : 1);
    put(line, "'", 1);
}

static void put_option(words *line, const cli_option *option, const cli_value *value)
{
    char name[64];
    (void)snprintf(name, sizeof name, "--%s", option->name);
    for (size_t i = 0; i < value->text_count; i++) {
        put_word(line, name);
        put_word(line, value->texts[i]);
    }
    if (option->kind == CLI_FLAG || option->kind == CLI_COUNT || option->kind == CLI_NUMBER)
        put_word(line, name);
    char number[32];
    if (option->kind == CLI_COUNT)
        (void)snprintf(number, sizeof number, "%" PRIu64, value->count);
    else
        (void)snprintf(number, sizeof number, "%.12g", value->number);
    if (option->kind == CLI_COUNT || option->kind == CLI_NUMBER)
        put_word(line, number);
}

static json_t *command_of(const cli_values *values)
{
    words line = {0};
    put_word(&line, "weft");
    put_word(&line, values->verb->name);
    if (values->operand)
        put_word(&line, values->operand);
    for (size_t i = 0; values->verb->options[i]; i++)
        if (values->value[i].is_given)
            put_option(&line, values->verb->options[i], &values->value[i]);
    json_t *text = run_file_text(line.text, line.bytes);
    free(line.text);
    return text;
}

/* ---- the head ---- */

void run_file_begin(const cli_values *values, const char *device, bool is_simulated, uint64_t begin_ps, uint64_t end_ps,
                    run_file *out)
{
    *out = (run_file){.root = json_object(), .begin_ps = begin_ps, .makespan_ps = end_ps - begin_ps};
    json_object_set_new(out->root, "weft_run", json_integer(FORMAT_VERSION));
    json_object_set_new(out->root, "command", command_of(values));
    json_object_set_new(out->root, "device", text_of(device));
    json_object_set_new(out->root, "makespan_ps", cli_json_count(out->makespan_ps));
    json_object_set_new(out->root, "clock", cli_json_text(is_simulated ? "simulated" : "host"));
}

void run_file_drop(run_file *file)
{
    json_decref(file->root);
    *file = (run_file){0};
}

void run_file_set(run_file *file, const char *name, json_t *value)
{
    json_object_set_new(file->root, name, value);
}

/* The list of that name, which begins empty. */
static json_t *list_of(json_t *object, const char *name)
{
    if (!json_object_get(object, name))
        json_object_set_new(object, name, json_array());
    return json_object_get(object, name);
}

static void add_fact(json_t *object, const char *name, json_t *value)
{
    json_t *fact = json_object();
    json_object_set_new(fact, "name", cli_json_text(name));
    json_object_set_new(fact, "value", value);
    json_array_append_new(list_of(object, "facts"), fact);
}

void run_file_add_fact(run_file *file, const char *name, json_t *value)
{
    add_fact(file->root, name, value);
}

/* Adds an entry to a list that grows with the run, if there is room for it; else counts it. */
static bool append(run_file *file, json_t *list, json_t *entry, size_t most, size_t bytes_max)
{
    size_t bytes = file->entry_bytes + json_dumpb(entry, NULL, 0, JSON_FORMAT) + 1;
    if (json_array_size(list) >= most || bytes > bytes_max) {
        json_decref(entry);
        file->left_out++;
        return false;
    }
    file->entry_bytes = bytes;
    json_array_append_new(list, entry);
    return true;
}

static json_t *json_of_region(const weft_machine_region *region)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", cli_json_text(region->name));
    json_object_set_new(object, "kind", cli_json_text(region->kind));
    json_object_set_new(object, "x", json_real(region->x));
    json_object_set_new(object, "y", json_real(region->y));
    json_object_set_new(object, "width", json_real(region->width));
    json_object_set_new(object, "height", json_real(region->height));
    return object;
}

static void set_peaks(run_file *file, const weft_machine_info *info, uint64_t pes)
{
    if (info->hbm_gbs <= 0 || info->pe_gflops <= 0)
        return;
    json_t *peaks = json_object();
    json_object_set_new(peaks, "flops_per_second", json_real(info->pe_gflops * 1e9 * (double)pes));
    json_object_set_new(peaks, "bytes_per_second", json_real(info->hbm_gbs * 1e9 * (double)pes));
    run_file_set(file, "peaks", peaks);
}

void run_file_set_machine(run_file *file, const weft_machine *machine)
{
    weft_machine_info info;
    weft_machine_region region;
    json_t *object = json_object(), *regions = json_array();
    weft_machine_get_info(machine, &info);
    uint64_t cubes = (uint64_t)info.cube_rows * info.cube_columns;
    json_object_set_new(object, "name", text_of(info.name));
    json_object_set_new(object, "sips", cli_json_count(info.sips));
    json_object_set_new(object, "cubes", cli_json_count(cubes));
    json_object_set_new(object, "pes", cli_json_count(info.pes));
    for (size_t i = 0; weft_machine_region_at(machine, i, &region); i++)
        json_array_append_new(regions, json_of_region(&region));
    json_object_set_new(object, "regions", regions);
    add_fact(object, "Between routers, GB/s", json_real(info.link_gbs));
    add_fact(object, "UCIe connection, GB/s", json_real(info.ucie_gbs));
    add_fact(object, "HBM of a PE, GB/s", json_real(info.hbm_gbs));
    add_fact(object, "GEMM of a PE with f32, GFLOP/s", json_real(info.pe_gflops));
    add_fact(object, "TCM of a PE, bytes", cli_json_count(info.tcm_bytes));
    run_file_set(file, "machine", object);
    set_peaks(file, &info, info.sips * cubes * info.pes);
}

void run_file_set_counters(run_file *file, const weft_counters *spent)
{
    json_t *object = json_object();
    json_object_set_new(object, "command_buffers", cli_json_count(spent->command_buffers_submitted));
    json_object_set_new(object, "dispatches", cli_json_count(spent->dispatches));
    json_object_set_new(object, "barriers", cli_json_count(spent->barriers));
    json_object_set_new(object, "barriers_inferred", cli_json_count(spent->barriers_inferred));
    json_object_set_new(object, "fences_signalled", cli_json_count(spent->fences_signalled));
    json_object_set_new(object, "fence_waits", cli_json_count(spent->fence_waits));
    json_object_set_new(object, "syncs", cli_json_count(spent->syncs));
    run_file_set(file, "counters", object);
}

void run_file_set_parts(run_file *file, const weft_time_part *parts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (parts[i].ps == 0)
            continue;
        json_t *part = json_object();
        json_object_set_new(part, "name", cli_json_text(parts[i].name));
        json_object_set_new(part, "ps", cli_json_count(parts[i].ps));
        json_array_append_new(array, part);
    }
    run_file_set(file, "parts", array);
}

/* ---- times ---- */

static json_t *time_of(const run_file *file, uint64_t ps)
{
    return cli_json_count(ps - file->begin_ps);
}

json_t *run_file_add_track(run_file *file, const char *name)
{
    json_t *track = json_object();
    json_object_set_new(track, "name", cli_json_text(name));
    json_object_set_new(track, "spans", json_array());
    json_array_append_new(list_of(file->root, "tracks"), track);
    return track;
}

static json_t *json_of_span(const run_file *file, json_t *label, uint64_t start_ps, uint64_t end_ps)
{
    json_t *span = json_object();
    json_object_set_new(span, "label", label);
    json_object_set_new(span, "start_ps", time_of(file, start_ps));
    json_object_set_new(span, "end_ps", time_of(file, end_ps));
    return span;
}

void run_file_add_span(run_file *file, json_t *track, json_t *label, uint64_t start_ps, uint64_t end_ps)
{
    append(file, json_object_get(track, "spans"), json_of_span(file, label, start_ps, end_ps), RUN_FILE_LIST_MOST,
           RUN_FILE_ENTRIES_BYTES);
}

void run_file_add_dispatch(run_file *file, json_t *dispatch)
{
    append(file, list_of(file->root, "dispatches"), dispatch, RUN_FILE_LIST_MOST, RUN_FILE_ENTRIES_BYTES);
}

json_t *run_file_spent(const uint64_t spent_ps[WEFT_PE_TIMES])
{
    json_t *object = json_object();
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        json_object_set_new(object, weft_pe_time_name((weft_pe_time)i), cli_json_count(spent_ps[i]));
    return object;
}

static json_t *json_of_buffer(const run_file *file, const weft_timeline_entry *entry)
{
    json_t *object = json_object();
    json_object_set_new(object, "sequence", cli_json_count(entry->sequence));
    if (entry->label[0])
        json_object_set_new(object, "label", cli_json_text(entry->label));
    json_object_set_new(object, "submitted_ps", time_of(file, entry->submitted_ps));
    json_object_set_new(object, "start_ps", time_of(file, entry->start_ps));
    json_object_set_new(object, "end_ps", time_of(file, entry->end_ps));
    json_object_set_new(object, "barriers", cli_json_count(entry->barriers));
    if (entry->signal_value)
        json_object_set_new(object, "signal", cli_json_count(entry->signal_value));
    if (entry->wait_value)
        json_object_set_new(object, "wait", cli_json_count(entry->wait_value));
    return object;
}

/* What the PEs of a dispatch did, from when the processor turned to it until it knew of the end. */
static void set_work(json_t *object, const weft_timeline_entry *entry)
{
    const weft_timeline_work *work = &entry->work;
    if (work->pes == 0)
        return;
    json_t *parts = run_file_spent(work->spent_ps);
    json_object_set_new(parts, "launch", cli_json_count(work->pes * (work->begin_ps - entry->start_ps)));
    json_object_set_new(parts, "completion", cli_json_count(work->pes * (entry->end_ps - work->end_ps)));
    json_object_set_new(object, "parts", parts);
    json_object_set_new(object, "pes", cli_json_count(work->pes));
    json_object_set_new(object, "compute_bound_ps", cli_json_count(work->compute_bound_ps));
    json_object_set_new(object, "memory_bound_ps", cli_json_count(work->memory_bound_ps));
}

/* A simulated machine tells what it has moved, which its bounds are about; of others there is what the op must move. */
static json_t *json_of_dispatch(const run_file *file, const weft_timeline_entry *entry)
{
    json_t *object = json_object();
    uint64_t bytes = entry->work.pes > 0 ? entry->work.memory_bytes : entry->bytes;
    json_object_set_new(object, "sequence", cli_json_count(entry->sequence));
    json_object_set_new(object, "index", cli_json_count(entry->dispatch));
    json_object_set_new(object, "op", cli_json_text(entry->op));
    if (entry->label[0])
        json_object_set_new(object, "label", cli_json_text(entry->label));
    json_object_set_new(object, "start_ps", time_of(file, entry->start_ps));
    json_object_set_new(object, "end_ps", time_of(file, entry->end_ps));
    json_object_set_new(object, "flops", cli_json_count(entry->flops));
    json_object_set_new(object, "bytes", cli_json_count(bytes));
    json_object_set_new(object, "barriers", cli_json_count(entry->barriers));
    set_work(object, entry);
    return object;
}

/* Where time went on a device that has no parts, for which dispatches come one after another: in command buffers, and
 * of that in dispatches. */
typedef struct host_times {
    uint64_t buffers_ps, dispatches_ps;
} host_times;

static void set_host_parts(run_file *file, const host_times *times)
{
    const weft_time_part parts[] = {{"dispatches", times->dispatches_ps},
                                    {"command buffers", times->buffers_ps - times->dispatches_ps},
                                    {"host", file->makespan_ps - times->buffers_ps}};
    run_file_set_parts(file, parts, sizeof parts / sizeof parts[0]);
}

/* The spans of a track with this name, which is made when it is needed. */
static json_t *spans_of(run_file *file, json_t **track, const char *name)
{
    if (!*track)
        *track = run_file_add_track(file, name);
    return json_object_get(*track, "spans");
}

/* The tracks of a timeline, which only a run that has something on them has. */
typedef struct timeline_tracks {
    json_t *barriers, *fences;
} timeline_tracks;

static bool add_entry(run_file *file, const weft_timeline_entry *entry, timeline_tracks *tracks)
{
    json_t *list, *object;
    const char *fence = entry->kind == WEFT_TIMELINE_FENCE_WAIT ? "wait" : "signal";
    if (entry->kind == WEFT_TIMELINE_COMMAND_BUFFER) {
        list = list_of(file->root, "command_buffers");
        object = json_of_buffer(file, entry);
    } else if (entry->kind == WEFT_TIMELINE_DISPATCH) {
        list = list_of(file->root, "dispatches");
        object = json_of_dispatch(file, entry);
    } else if (entry->kind == WEFT_TIMELINE_BARRIER) {
        list = spans_of(file, &tracks->barriers, "barriers");
        object = json_of_span(file, cli_json_text("barrier"), entry->start_ps, entry->end_ps);
    } else {
        list = spans_of(file, &tracks->fences, "fences");
        object = json_of_span(file, cli_json_text(fence), entry->start_ps, entry->end_ps);
    }
    return append(file, list, object, RUN_FILE_LIST_MOST, RUN_FILE_TIMELINE_BYTES);
}

void run_file_set_timeline(run_file *file, const weft_timeline *timeline, bool sets_parts)
{
    timeline_tracks tracks = {0};
    host_times times = {0};
    bool has_room = true; /* once there is none, nothing follows, so that the file has a beginning of the run */
    (void)list_of(file->root, "command_buffers");
    (void)list_of(file->root, "dispatches");
    for (size_t i = 0; i < weft_timeline_count(timeline); i++) {
        weft_error err;
        weft_timeline_entry entry;
        if (weft_timeline_get(timeline, i, &entry, &err) != WEFT_OK)
            break;
        if (entry.kind == WEFT_TIMELINE_COMMAND_BUFFER)
            times.buffers_ps += entry.end_ps - entry.start_ps;
        else if (entry.kind == WEFT_TIMELINE_DISPATCH)
            times.dispatches_ps += entry.end_ps - entry.start_ps;
        if (has_room)
            has_room = add_entry(file, &entry, &tracks);
        else
            file->left_out++;
    }
    if (sets_parts)
        set_host_parts(file, &times);
}

/* ---- hazards and activity ---- */

void run_file_add_hazard(run_file *file, const weft_kernel_hazard *hazard)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", cli_json_text(weft_kernel_hazard_kind_name(hazard->kind)));
    if (hazard->kernel)
        json_object_set_new(object, "kernel", text_of(hazard->kernel));
    if (hazard->call)
        json_object_set_new(object, "call", text_of(hazard->call));
    if (hazard->pe)
        json_object_set_new(object, "pe", text_of(hazard->pe));
    if (hazard->time_ps >= file->begin_ps && hazard->time_ps - file->begin_ps <= file->makespan_ps)
        json_object_set_new(object, "time_ps", time_of(file, hazard->time_ps));
    json_object_set_new(object, "repeats", cli_json_count(hazard->repeats));
    json_object_set_new(object, "text", text_of(hazard->text));
    append(file, list_of(file->root, "hazards"), object, RUN_FILE_HAZARDS_MOST, RUN_FILE_ENTRIES_BYTES);
}

static json_t *json_of_point(double x, double y)
{
    json_t *point = json_array();
    json_array_append_new(point, json_real(x));
    json_array_append_new(point, json_real(y));
    return point;
}

static void set_busy(json_t *object, const weft_activity_info *info, const weft_activity_part *part)
{
    if (!part->busy_ps)
        return;
    json_t *busy = json_array();
    double whole = (double)info->bucket_ps * part->lanes;
    for (size_t i = 0; i < info->bucket_count; i++)
        json_array_append_new(busy, json_integer((json_int_t)((double)part->busy_ps[i] / whole * BUSY_ALWAYS + 0.5)));
    json_object_set_new(object, "busy", busy);
}

void run_file_set_activity(run_file *file, const weft_activity *activity)
{
    static const char *const lists[] = {
        [WEFT_ACTIVITY_LINK] = "links", [WEFT_ACTIVITY_PE] = "pes", [WEFT_ACTIVITY_HBM] = "hbm"};
    weft_activity_info info;
    weft_activity_part part;
    weft_activity_get_info(activity, &info);
    json_t *object = json_object();
    json_object_set_new(object, "bucket_ps", cli_json_count(info.bucket_ps));
    json_object_set_new(object, "bucket_count", cli_json_count(info.bucket_count));
    for (size_t i = 0; weft_activity_at(activity, i, &part); i++) {
        json_t *it = json_object();
        json_object_set_new(it, "name", cli_json_text(part.name));
        if (part.kind == WEFT_ACTIVITY_LINK) {
            json_object_set_new(it, "kind", cli_json_text(part.link_kind));
            json_object_set_new(it, "from", json_of_point(part.x, part.y));
            json_object_set_new(it, "to", json_of_point(part.to_x, part.to_y));
        } else {
            json_object_set_new(it, "x", json_real(part.x));
            json_object_set_new(it, "y", json_real(part.y));
        }
        set_busy(it, &info, &part);
        json_array_append_new(list_of(object, lists[part.kind]), it);
    }
    run_file_set(file, "activity", object);
}

/* ---- writing ---- */

typedef struct written_file {
    cli_file file;
    size_t bytes;
} written_file;

static int write_piece(const char *bytes, size_t count, void *user)
{
    written_file *out = user;
    out->bytes += count;
    if (out->bytes > RUN_FILE_BYTES_MAX)
        return -1;
    cli_file_put(&out->file, bytes, count);
    return 0;
}

int run_file_write(run_file *file, const char *verb, const char *path)
{
    written_file out = {0};
    int code = CLI_EXIT_OK;
    if (file->left_out > 0)
        run_file_add_fact(file, "Left out at the end, too many for a run file", cli_json_count(file->left_out));
    cli_file_open(verb, path, &out.file);
    int failed = json_dump_callback(file->root, write_piece, &out, JSON_FORMAT);
    if (failed == 0)
        failed = write_piece("\n", 1, &out);
    if (failed != 0) {
        cli_error(verb, "'%s' would have more than %zu bytes, which no report could be made of.", path,
                  (size_t)RUN_FILE_BYTES_MAX);
        code = CLI_EXIT_INPUT;
    }
    run_file_drop(file);
    return cli_file_close(&out.file, code);
}
