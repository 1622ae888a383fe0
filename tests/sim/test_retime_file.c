/* Recordings: runs of a host with transfers and launches side by side, what is refused, files, and damaged ones. */
#include "recording_bench.h"

#include <unistd.h>

#include <weft/collective.h>
#include <weft/retime.h>

#include "base/rng.h"
#include "sim/retime/recording.h"
#include "sim/tile/call.h"
#include "support/failing_malloc.h"
#include "support/recording_work.h"
#include "support/sentence.h"

/* ---- a run ---- */

static void pass_on(weft_tile *tl, const void *arguments)
{
    tl_tensor place = tl_shard(tl, arguments), x = tl_load_tensor(tl, place);
    tl_command sent = tl_send(tl, TL_NEXT, x), received = tl_recv_async(tl, TL_PREVIOUS, x.shape, x.dtype);
    tl_wait(tl, received);
    tl_tensor other = tl_recv_wait(tl, received);
    tl_wait(tl, sent);
    (void)tl_send(tl, TL_NEXT, other);
    tl_tensor in_slot = tl_recv_in_place(tl, TL_PREVIOUS, x.shape, x.dtype);
    other = tl_add(tl, in_slot, x);
    tl_free_slot(tl, in_slot);
    tl_store_tensor(tl, place, other);
}

static void square(weft_tile *tl, const void *arguments)
{
    tl_tensor place = tl_shard(tl, arguments), x = tl_load_tensor(tl, place);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_MUL, .a = place, .b = x, .out = place.address, .dtype = place.dtype};
    tl_wait(tl, tl_composite(tl, &request));
    (void)tl_composite(tl, &request);
}

/* Operands that lie in another order, steps after a product, a barrier, and a processor that reads what it may not
 * know. */
static void mix(weft_tile *tl, const void *arguments)
{
    tl_tensor place = tl_shard(tl, arguments), x = tl_load_tensor(tl, place);
    tl_tensor bias = tl_full(tl, weft_shape_2d(40, 1), WEFT_F32, 1),
              row = tl_full(tl, weft_shape_2d(1, 40), WEFT_F32, 1);
    const tl_epilogue steps[] = {
        {{.op = WEFT_EPILOGUE_BIAS, .scope = WEFT_SCOPE_OUTPUT_TILE}, bias},
        {{.op = WEFT_EPILOGUE_BIAS, .scope = WEFT_SCOPE_KERNEL}, row},
        {.step = {.op = WEFT_EPILOGUE_GELU, .scope = WEFT_SCOPE_K_TILE}},
    };
    tl_tensor out = tl_empty(tl, weft_shape_2d(40, 40), WEFT_F32);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_trans(tl, x),
                                          .b = x,
                                          .out = out.address,
                                          .dtype = WEFT_F32,
                                          .epilogues = steps,
                                          .epilogue_count = 3};
    tl_wait(tl, tl_composite(tl, &request));
    if (tl_program_id(tl, TL_AXIS_ALL) % 2)
        weft__tile_glance(tl, out);
    tl_barrier(tl);
    (void)tl_add(tl, tl_trans(tl, out), out);
}

#define LAUNCHES 4u

/* What a run took. */
typedef struct run_times {
    uint64_t end_ps;
    weft_launch_report reports[LAUNCHES];
} run_times;

/* Uploads, launches side by side, and a download while one is under way. */
static run_times run_program(const simulation_bench *it)
{
    weft_error err;
    run_times times;
    float numbers[40 * 40] = {0};
    weft_kernel_launch *launches[LAUNCHES];
    weft_placement rows = {.over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    weft_placed_tensor *a = make_tensor(it, WEFT_F32, weft_shape_2d(40, 40), rows);
    weft_placed_tensor *b = make_tensor(it, WEFT_F32, weft_shape_2d(40, 40), rows);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(a, numbers, sizeof numbers, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(b, numbers, sizeof numbers, &err), err);
    const weft_launch_options options[LAUNCHES] = {
        {.name = "pass on", .kernel = pass_on, .arguments = a, .queues = WEFT_QUEUES_RING},
        {.name = "square", .kernel = square, .arguments = b, .pes = {.cubes = 1}},
        {.kernel = square, .arguments = a},
        {.name = "mix", .kernel = mix, .arguments = b, .queues = WEFT_QUEUES_TREE}};
    launches[0] = begin_launch(it, &options[0]);
    launches[1] = begin_launch(it, &options[1]);
    wait_for(it, launches[1]);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(b, numbers, sizeof numbers, &err), err);
    launches[2] = begin_launch(it, &options[2]);
    wait_for(it, launches[2]);
    wait_for(it, launches[0]);
    launches[3] = begin_launch(it, &options[3]);
    wait_for(it, launches[3]);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(a, numbers, sizeof numbers, &err), err);
    times.end_ps = weft_simulation_now_ps(it->simulation);
    for (size_t i = 0; i < LAUNCHES; i++) {
        weft_kernel_launch_get_report(launches[i], &times.reports[i]);
        weft_kernel_launch_destroy(launches[i]);
    }
    weft_placed_tensor_destroy(a);
    weft_placed_tensor_destroy(b);
    return times;
}

static weft_recording *record_program(void)
{
    weft_error err;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_recording *recording = begin_recording(&it);
    (void)run_program(&it);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, &err), err);
    close_simulation(&it);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, &err), err);
    return recording;
}

static void check_times(const weft_retime_result *found, const run_times *expected)
{
    weft_launch_report sum = {0};
    ck_assert_uint_eq(found->end_ps, expected->end_ps);
    ck_assert_uint_eq(found->launch_count, LAUNCHES);
    for (size_t i = 0; i < LAUNCHES; i++) {
        ck_assert_mem_eq(found->launches[i].spent_ps, expected->reports[i].spent_ps, sizeof found->report.spent_ps);
        ck_assert_uint_eq(found->launches[i].begin_ps, expected->reports[i].begin_ps);
        ck_assert_uint_eq(found->launches[i].start_ps, expected->reports[i].start_ps);
        ck_assert_uint_eq(found->launches[i].finish_ps, expected->reports[i].finish_ps);
        ck_assert_uint_eq(found->launches[i].end_ps, expected->reports[i].end_ps);
        ck_assert_uint_eq(found->launches[i].messages, expected->reports[i].messages);
        weft_launch_report_add(&sum, &found->launches[i]);
    }
    ck_assert_uint_eq(found->report.makespan_ps, sum.makespan_ps);
    ck_assert_uint_eq(found->report.end_ps, sum.end_ps);
}

static void check_on(const weft_recording *recording, const char *const *settings)
{
    weft_error err;
    weft_retime_result *result;
    simulation_bench it = open_simulation("tiny", settings, NULL);
    run_times expected = run_program(&it);
    WEFT_TEST_ASSERT_OK(weft_retime(recording, it.machine, &result, &err), err);
    check_times(result, &expected);
    weft_retime_result_destroy(result);
    close_simulation(&it);
}

START_TEST(a_host_that_moves_and_launches_side_by_side)
{
    static const char *const variants[][9] = {
        {NULL},
        {"host.link_gbs", "9", "pe.clock_ghz", "0.5", NULL},
        {"pe.mmu.tlb_ns", "40", "pe.mmu.page_kib", "4", "pe.mmu.tlb_entries", "2", NULL},
        {"pe.tcm.banks", "4", "pe.tcm.bank_bytes", "8", "pe.tcm.read_gbs", "3", NULL},
        {"cube.buffer_flits", "3", "cube.vcs", "2", "cube.credit_ns", "2", NULL},
        {"pe.ipcq.tcm.gbs", "2", "pe.dma.channels", "3", "pe.dispatch_cycles", "90", "pe.scheduler.tiles", "1", NULL},
    };
    weft_recording *recording = record_program();
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        check_on(recording, variants[i]);
    weft_recording_destroy(recording);
}
END_TEST

/* ---- what is refused ---- */

static void check_machine_refused(const weft_recording *recording, const char *machine, const char *const *settings,
                                  const char *key, const char *value)
{
    weft_error err;
    weft_retime_result *result;
    weft_machine *other = open_machine(machine, settings);
    weft_status status = weft_retime(recording, other, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, key, value, NULL, NULL);
    ck_assert_ptr_null(result);
    weft_machine_close(other);
}

START_TEST(machines_with_other_places_are_refused)
{
    static const char *const others[][3] = {
        {"system.flit_bytes", "128", NULL}, {"cube.hbm.gib", "4", NULL},        {"cube.sram.mib", "3", NULL},
        {"pe.tcm_kib", "1536", NULL},       {"pe.scratch_kib", "77", NULL},     {"pe.gemm.tile_k", "32", NULL},
        {"pe.ipcq.slots", "3", NULL},       {"pe.ipcq.slot_bytes", "64", NULL}, {"pe.ipcq.memory", "hbm", NULL},
    };
    weft_recording *recording = record_program();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char value[64];
        (void)snprintf(value, sizeof value, "%s is %s there and was ", others[i][0], others[i][1]);
        check_machine_refused(recording, "tiny", others[i], value, "'tiny'");
    }
    check_machine_refused(recording, "two-sip", NULL, "system.sips is 2 there and was 1", "'two-sip'");
    weft_recording_destroy(recording);
}
END_TEST

START_TEST(recordings_begin_at_the_beginning_and_end_at_the_end)
{
    weft_error err;
    weft_recording *recording, *second;
    weft_retime_result *result;
    const weft_simulation_options perturbed = {.perturb_seed = 1};
    const weft_launch_options options = {.name = "notes", .kernel = note_kernel};
    simulation_bench it = open_simulation("tiny", NULL, &perturbed);
    weft_status status = weft_recording_begin(it.simulation, &recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "perturbed", NULL, NULL, NULL);
    close_simulation(&it);
    it = open_simulation("tiny", NULL, NULL);
    recording = begin_recording(&it);
    status = weft_recording_begin(it.simulation, &second, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "already", NULL, NULL, NULL);
    ck_assert_ptr_null(second);
    weft_kernel_launch *launch = begin_launch(&it, &options);
    status = weft_recording_save(recording, "/no/such", &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "not finished", NULL, NULL, NULL);
    status = weft_retime(recording, it.machine, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "not finished", NULL, NULL, NULL);
    status = weft_recording_finish(recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "Launch 0", "'notes'", NULL, NULL);
    status = weft_recording_finish(recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "ended before", NULL, NULL, NULL);
    weft_recording_destroy(recording);
    wait_for(&it, launch);
    weft_kernel_launch_destroy(launch);
    status = weft_recording_begin(it.simulation, &recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "1 launches", NULL, NULL, NULL);
    close_simulation(&it);
    weft_recording_destroy(NULL);
}
END_TEST

/* ---- files ---- */

static const char *path_here(char path[64])
{
    (void)snprintf(path, 64, "retime-%ld.run", (long)getpid());
    return path;
}

static char *read_all(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    char *data = malloc(1 << 20);
    ck_assert_ptr_nonnull(data);
    *bytes = fread(data, 1, 1 << 20, file);
    ck_assert_uint_lt(*bytes, 1 << 20);
    fclose(file);
    return data;
}

/* The bytes of a saved recording, to be freed. */
static char *save_program(size_t *bytes)
{
    char path[64];
    weft_error err;
    weft_recording *recording = record_program();
    WEFT_TEST_ASSERT_OK(weft_recording_save(recording, path_here(path), &err), err);
    weft_recording_destroy(recording);
    char *data = read_all(path, bytes);
    ck_assert_int_eq(remove(path), 0);
    return data;
}

START_TEST(a_file_gives_the_recording_back)
{
    char path[64];
    weft_error err;
    size_t bytes, again;
    weft_recording_info before, after;
    weft_recording *recording = record_program(), *opened;
    WEFT_TEST_ASSERT_OK(weft_recording_save(recording, path_here(path), &err), err);
    WEFT_TEST_ASSERT_OK(weft_recording_open(path, &opened, &err), err);
    weft_recording_get_info(recording, &before);
    weft_recording_get_info(opened, &after);
    ck_assert_str_eq(after.machine, before.machine);
    ck_assert_uint_eq(after.launches, LAUNCHES);
    ck_assert_uint_eq(after.requests, before.requests);
    ck_assert_uint_eq(after.bytes, before.bytes);
    ck_assert_ptr_null(after.refusal);
    check_on(opened, (const char *const[]){"cube.link_gbs", "33", NULL});
    char *first = read_all(path, &bytes);
    WEFT_TEST_ASSERT_OK(weft_recording_save(opened, path, &err), err);
    char *second = read_all(path, &again);
    ck_assert_uint_eq(bytes, again);
    ck_assert_mem_eq(first, second, bytes);
    free(first);
    free(second);
    weft_recording_destroy(opened);
    weft_recording_destroy(recording);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

START_TEST(files_that_cannot_be)
{
    weft_error err;
    weft_recording *recording = record_program(), *none;
    weft_status status = weft_recording_save(recording, "no/such/folder/x.run", &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_IO, "x.run", NULL, NULL, NULL);
    weft_recording_destroy(recording);
    status = weft_recording_open("no/such/folder/x.run", &none, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_IO, "x.run", NULL, NULL, NULL);
    ck_assert_ptr_null(none);
    status = weft_recording_open(WEFT_SOURCE_DIR "/machines/tiny.yaml", &none, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_PARSE, "The file '", "machines/tiny.yaml' is no recording.", NULL, NULL);
}
END_TEST

static weft_status parse(const void *data, size_t bytes, weft_error *err)
{
    weft_recording *recording;
    weft_status status = weft__recording_parse("What came", data, bytes, &recording, err);
    ck_assert((status == WEFT_OK) == (recording != NULL));
    weft_recording_destroy(recording);
    return status;
}

START_TEST(every_damaged_byte_and_every_cut_is_seen)
{
    weft_error err;
    size_t bytes;
    char *data = save_program(&bytes);
    WEFT_TEST_ASSERT_OK(parse(data, bytes, &err), err);
    for (size_t i = 0; i < bytes; i++) {
        data[i] ^= 0x10;
        weft_status status = parse(data, bytes, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_PARSE, "What came is ", NULL, NULL, NULL);
        data[i] ^= 0x10;
        status = parse(data, i, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_PARSE,
                               i < 15   ? "What came is no recording."
                               : i < 25 ? "What came is a recording that is cut off."
                                        : "What came is a recording that is cut off or damaged: ",
                               NULL, NULL, NULL);
    }
    for (size_t size = 16; size <= bytes; size += bytes - 16) { /* even where no more than the number is left */
        memcpy(data, "weft recording 1", 16);
        weft_status status = parse(data, size, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_PARSE, "is a recording of another format", NULL, NULL, NULL);
    }
    free(data);
}
END_TEST

/* FNV-1a, at the end. */
static void mend_sum(char *data, size_t bytes)
{
    uint64_t sum = 0xcbf29ce484222325U;
    for (size_t i = 0; i + 8 < bytes; i++)
        sum = (sum ^ (uint8_t)data[i]) * 0x100000001b3U;
    for (size_t i = 0; i < 8; i++)
        data[bytes - 8 + i] = (char)(sum >> 8 * i);
}

/* Plays what could be read, unless it is too much: it ends, perhaps with an error, and skipping changes nothing. */
static bool play(const void *data, size_t bytes, const weft_machine *machine)
{
    weft_error err;
    weft_recording *recording;
    weft_retime_result *results[2];
    WEFT_TEST_ASSERT_OK(weft__recording_parse("What came", data, bytes, &recording, &err), err);
    bool is_small = recording_work(recording, machine) < 1e5;
    if (is_small) {
        weft_status full = weft__retime(recording, machine, false, &results[0], &err);
        ck_assert_int_eq(weft__retime(recording, machine, true, &results[1], &err), full);
        for (int i = 0; i < 2; i++)
            ck_assert((full == WEFT_OK) == (results[i] != NULL));
        if (full == WEFT_OK)
            ck_assert_uint_eq(results[0]->end_ps, results[1]->end_ps);
        for (int i = 0; i < 2 && full == WEFT_OK; i++)
            weft_retime_result_destroy(results[i]);
    }
    weft_recording_destroy(recording);
    return is_small;
}

START_TEST(what_no_run_asks_is_seen_behind_a_right_sum)
{
    weft_error err;
    size_t bytes, refused = 0, played = 0;
    weft_machine *machine = open_machine("tiny", NULL);
    weft__rng rng;
    char *data = save_program(&bytes), *damaged = malloc(bytes);
    ck_assert_ptr_nonnull(damaged);
    weft__rng_init(&rng, 5);
    for (size_t i = 0; i < 20000; i++) {
        memcpy(damaged, data, bytes);
        for (size_t j = 0; j <= i % 3; j++)
            damaged[weft__rng_below(&rng, bytes)] = (char)weft__rng_below(&rng, 256);
        mend_sum(damaged, bytes);
        weft_status status = parse(damaged, bytes, &err);
        if (status == WEFT_OK) {
            played += play(damaged, bytes, machine);
            continue;
        }
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_PARSE, NULL, NULL, NULL, NULL);
        refused++;
    }
    ck_assert_uint_gt(refused, 5000);
    ck_assert_uint_gt(played, 500);
    weft_machine_close(machine);
    free(data);
    free(damaged);
}
END_TEST

/* ---- memory ---- */

/* All that can be done with a recording, of a run that needs none besides. */
static weft_status do_all(const simulation_bench *it, const char *path, weft_error *err)
{
    weft_recording *recording = NULL, *opened = NULL;
    weft_retime_result *result = NULL;
    weft_kernel_launch *launch = NULL;
    const weft_launch_options options = {.name = "notes", .kernel = note_kernel};
    weft_status status = weft_recording_begin(it->simulation, &recording, err);
    if (status == WEFT_OK)
        status = weft_simulation_launch(it->simulation, &options, &launch, err);
    if (status == WEFT_OK)
        status = weft_simulation_wait(it->simulation, launch, err);
    if (status == WEFT_OK)
        status = weft_recording_finish(recording, err);
    if (status == WEFT_OK)
        status = weft_recording_save(recording, path, err);
    if (status == WEFT_OK)
        status = weft_recording_open(path, &opened, err);
    if (status == WEFT_OK)
        status = weft_retime(opened, it->machine, &result, err);
    weft_retime_result_destroy(result);
    weft_kernel_launch_destroy(launch);
    weft_recording_destroy(opened);
    weft_recording_destroy(recording);
    return status;
}

START_TEST(each_allocation_can_fail)
{
    char path[64];
    bool failed = true;
    (void)path_here(path);
    for (uint64_t n = 0; failed; n++) {
        weft_error err = {0};
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        weft_test_fail_allocation_after(n);
        weft_status status = do_all(&it, path, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s", n,
                      weft_status_name(status));
        if (failed)
            WEFT_TEST_ASSERT_FAILS(status, err, WEFT_OUT_OF_MEMORY, NULL, NULL, NULL, NULL);
        close_simulation(&it);
    }
    (void)remove(path);
}
END_TEST

WEFT_TEST_MAIN("retime_file", a_host_that_moves_and_launches_side_by_side, machines_with_other_places_are_refused,
               recordings_begin_at_the_beginning_and_end_at_the_end, a_file_gives_the_recording_back,
               files_that_cannot_be, every_damaged_byte_and_every_cut_is_seen,
               what_no_run_asks_is_seen_behind_a_right_sum, each_allocation_can_fail)
