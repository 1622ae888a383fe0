/* The device `sim:MACHINE.yaml`: how it is opened, where buffers lie, whose the work is, what a dispatch takes, and
 * what comes after an error. That its ops give the right numbers is for the conformance suite. */
#include "support/runtime_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "devices/sim/sim_impl.h"
#include "sim/host/host_impl.h"
#include "support/failing_malloc.h"

#define TINY "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"
#define TWO_SIP "sim:" WEFT_SOURCE_DIR "/machines/two-sip.yaml"

static weft__sim_device *sim_of(const weft_device *device)
{
    return device->driver;
}

static const weft__sim_memory *memory_of(const weft_buffer *buffer)
{
    return buffer->allocation->handle;
}

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape)
{
    weft_buffer *buffer;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    return buffer;
}

/* ---- opening ---- */

START_TEST(a_device_tells_what_its_machine_is)
{
    weft_device_info info;
    weft_device *device = test_open(TINY "?threads=3");
    weft_device_get_info(device, &info);
    ck_assert_str_eq(info.scheme, "sim");
    ck_assert_str_eq(info.isa, "tiny");
    ck_assert_uint_eq(info.threads, 3);
    ck_assert_uint_eq(info.memory_bytes, UINT64_C(2) << 30);
    ck_assert_uint_eq(sim_of(device)->pes, 2);
    weft_device_close(device);
}
END_TEST

START_TEST(what_is_no_machine_is_refused)
{
    weft_error error;
    weft_device *device;
    FAILS(weft_device_open("sim", &device, &error), WEFT_INVALID_ARGUMENT, "needs a machine", "sim:FILE");
    ck_assert_ptr_null(device);
    FAILS(weft_device_open("sim:", &device, &error), WEFT_INVALID_ARGUMENT, "needs a machine");
    FAILS(weft_device_open("sim:/nowhere/none.yaml", &device, &error), WEFT_IO, "/nowhere/none.yaml");
    FAILS(weft_device_open(TINY "?isa=avx2", &device, &error), WEFT_INVALID_ARGUMENT, "isa", "sim");
}
END_TEST

/* A machine file of its own, tiny.yaml with one piece of text replaced by another of the same length. */
static weft_status open_changed(const char *from, const char *to, weft_device **out, weft_error *err)
{
    char path[] = "/tmp/weft-sim-device-XXXXXX", uri[64], text[8192];
    FILE *standard = fopen(WEFT_SOURCE_DIR "/machines/tiny.yaml", "r");
    ck_assert_ptr_nonnull(standard);
    size_t length = fread(text, 1, sizeof text - 1, standard);
    text[length] = '\0';
    char *place = strstr(text, from);
    ck_assert(place && strlen(from) == strlen(to));
    memcpy(place, to, strlen(to));
    int descriptor = mkstemp(path);
    FILE *changed = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    ck_assert_ptr_nonnull(changed);
    ck_assert_uint_eq(fwrite(text, 1, length, changed), length);
    (void)fclose(standard);
    (void)fclose(changed);
    (void)snprintf(uri, sizeof uri, "sim:%s", path);
    weft_status status = weft_device_open(uri, out, err);
    (void)remove(path);
    return status;
}

START_TEST(a_machine_without_hbm_is_refused)
{
    weft_error error;
    weft_device *device;
    FAILS(open_changed("gib: 2", "gib: 0", &device, &error), WEFT_UNSUPPORTED, "HBM", "tiny");
    ck_assert_ptr_null(device);
}
END_TEST

/* ---- where buffers lie ---- */

START_TEST(blocks_are_whole_rows_and_buffers_of_one_size_lie_alike)
{
    weft_device *device = test_open(TWO_SIP);
    uint32_t pes = sim_of(device)->pes;
    ck_assert_uint_gt(pes, 8);
    /* 4,096 bytes a row: one row for each PE, and two for each. */
    weft_buffer *even = make(device, WEFT_F32, weft_shape_2d(pes, 1024));
    ck_assert_uint_eq(memory_of(even)->block_bytes, 4096);
    ck_assert_uint_eq(memory_of(even)->count, pes);
    ck_assert_uint_eq(memory_of(even)->first, 0);
    weft_buffer *more = make(device, WEFT_BF16, weft_shape_2d(pes + 1, 2048));
    ck_assert_uint_eq(memory_of(more)->block_bytes, 2 * 4096);
    ck_assert_uint_eq(memory_of(more)->count, pes / 2 + 1);
    weft_buffer *like = make(device, WEFT_BF16, weft_shape_2d(pes + 1, 2048));
    ck_assert_uint_eq(memory_of(more)->first, memory_of(like)->first);
    for (uint32_t i = 0; i < memory_of(more)->count; i++)
        ck_assert_uint_eq(memory_of(more)->addresses[i] % (1 << 14), 0);
    /* 400 bytes a row: 4 rows are the least that is a multiple of 64 bytes. */
    weft_buffer *odd = make(device, WEFT_F32, weft_shape_2d(10, 100));
    ck_assert_uint_eq(memory_of(odd)->block_bytes, 1600);
    ck_assert_uint_eq(memory_of(odd)->count, 3);
    ck_assert_uint_ne(memory_of(odd)->first, memory_of(more)->first);
    /* No rows: one block as long as it is small, then equal ones. */
    weft_buffer *small = make(device, WEFT_F32, weft_shape_1d(1024));
    ck_assert_uint_eq(memory_of(small)->count, 1);
    weft_buffer *line = make(device, WEFT_F32, weft_shape_1d(1 << 20));
    ck_assert_uint_eq(memory_of(line)->block_bytes % 64, 0);
    ck_assert_uint_gt(memory_of(line)->count, pes - 2);
    /* One row that is too long to be left whole. */
    weft_buffer *logits = make(device, WEFT_F32, weft_shape_2d(1, 151936));
    ck_assert_uint_gt(memory_of(logits)->count, pes / 2);
    weft_buffer *all[] = {even, more, like, odd, small, line, logits};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weft_buffer_destroy(all[i]);
    weft_device_close(device);
}
END_TEST

/* Host access of any bytes at any place, against an array. */
static void access_randomly(weft_buffer *buffer, weft__rng *rng)
{
    weft_error error;
    size_t bytes = weft_buffer_bytes(buffer);
    unsigned char *shadow = calloc(1, bytes), *seen = malloc(bytes);
    ck_assert(shadow && seen);
    for (int i = 0; i < 40; i++) {
        size_t from = (size_t)weft__rng_below(rng, bytes), count = 1 + (size_t)weft__rng_below(rng, bytes - from);
        for (size_t j = 0; j < count; j++)
            shadow[from + j] = (unsigned char)weft__rng_next_u64(rng);
        WEFT_TEST_ASSERT_OK(weft_buffer_write(buffer, from, shadow + from, count, &error), error);
        from = (size_t)weft__rng_below(rng, bytes);
        count = 1 + (size_t)weft__rng_below(rng, bytes - from);
        WEFT_TEST_ASSERT_OK(weft_buffer_read(buffer, from, seen, count, &error), error);
        ck_assert_mem_eq(seen, shadow + from, count);
    }
    free(shadow);
    free(seen);
}

START_TEST(bytes_are_written_and_read_at_any_place)
{
    weft__rng rng;
    weft__rng_init(&rng, 5);
    weft_device *device = test_open(TINY);
    for (int i = 0; i < 20; i++) {
        weft_dtype dtype = weft__rng_below(&rng, 2) ? WEFT_U8 : WEFT_BF16;
        weft_shape shape = weft_shape_2d(1 + weft__rng_below(&rng, 50), 1 + weft__rng_below(&rng, 700));
        weft_buffer *buffer = make(device, dtype, shape);
        access_randomly(buffer, &rng);
        weft_buffer_destroy(buffer);
    }
    weft_device_close(device);
}
END_TEST

/* Numbers that the host writes at odd bytes are what kernels read. */
START_TEST(kernels_see_what_was_written_byte_by_byte)
{
    weft_error error;
    float numbers[64];
    weft_device *device = test_open(TINY);
    weft_buffer *buffer = make(device, WEFT_F32, weft_shape_1d(64)), *out = test_floats(device, 64, 0);
    for (size_t i = 0; i < 64; i++)
        numbers[i] = 0.25f * (float)i;
    for (size_t from = 0; from < sizeof numbers; from += 7) {
        size_t count = sizeof numbers - from < 7 ? sizeof numbers - from : 7;
        OK(weft_buffer_write(buffer, from, (const char *)numbers + from, count, &error));
    }
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, buffer, buffer, out, &error));
    OK(weft_encoder_commit_and_wait(encoder, NULL, &error));
    for (size_t i = 0; i < 64; i++)
        ck_assert_float_eq(test_float_at(out, i), 0.5f * (float)i);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(buffer);
    weft_buffer_destroy(out);
    weft_device_close(device);
}
END_TEST

static uint64_t free_bytes(const weft_device *device)
{
    uint64_t bytes = 0;
    weft_error error;
    for (uint32_t pe = 0; pe < sim_of(device)->pes; pe++) {
        weft__allocator *allocator;
        WEFT_TEST_ASSERT_OK(
            weft__simulation_allocator(sim_of(device)->simulation, WEFT_HOME_HBM, pe, &allocator, &error), error);
        bytes += weft__allocator_describe(allocator).free_bytes;
    }
    return bytes;
}

START_TEST(large_memory_is_zeros_and_costs_the_host_nothing)
{
    weft_error error;
    weft_simulation_statistics before, after;
    unsigned char last[3] = {1, 1, 1};
    weft_device *device = test_open(TINY);
    uint64_t all = free_bytes(device);
    weft_simulation_get_statistics(sim_of(device)->simulation, &before);
    weft_buffer *buffer = make(device, WEFT_U8, weft_shape_2d(1 << 10, 1500 << 10));
    weft_simulation_get_statistics(sim_of(device)->simulation, &after);
    ck_assert_uint_eq(after.peak_bytes, before.peak_bytes);
    ck_assert_uint_lt(free_bytes(device), all - (UINT64_C(1500) << 20) + 1);
    OK(weft_buffer_read(buffer, weft_buffer_bytes(buffer) - sizeof last, last, sizeof last, &error));
    ck_assert(last[0] == 0 && last[1] == 0 && last[2] == 0);
    weft_buffer *too_large = NULL;
    weft_shape shape = weft_shape_2d(1 << 10, 600 << 10);
    FAILS(weft_buffer_create(device, WEFT_U8, &shape, &too_large, &error), WEFT_OUT_OF_MEMORY, "sip0.cube0.pe0.hbm",
          "no room");
    ck_assert_ptr_null(too_large);
    weft_buffer_destroy(buffer);
    ck_assert_uint_eq(free_bytes(device), all);
    weft_device_close(device);
}
END_TEST

/* The first of two blocks has room, the second has not: the first is given back. */
START_TEST(a_buffer_that_finds_no_room_takes_none)
{
    weft_error error;
    weft_device *device = test_open(TINY);
    uint64_t all = free_bytes(device);
    weft_buffer *at_second = make(device, WEFT_U8, weft_shape_2d(1, 1 << 18)), *none = NULL;
    ck_assert_uint_eq(memory_of(at_second)->count, 1);
    ck_assert_uint_eq(memory_of(at_second)->first, 1);
    weft_shape shape = weft_shape_1d(all);
    FAILS(weft_buffer_create(device, WEFT_U8, &shape, &none, &error), WEFT_OUT_OF_MEMORY, "sip0.cube0.pe1.hbm");
    ck_assert_ptr_null(none);
    ck_assert_uint_eq(free_bytes(device), all - (1 << 18));
    weft_buffer_destroy(at_second);
    weft_device_close(device);
}
END_TEST

/* Buffers of one size begin at one PE, until that is full. */
START_TEST(buffers_go_elsewhere_when_their_place_is_full)
{
    enum {
        MOST = 20000
    };
    static weft_buffer *all[MOST];
    size_t count = 0, at_second = 0;
    weft_error error;
    weft_device *device = test_open(TINY "?values=none");
    weft_shape shape = weft_shape_2d(1, 1 << 18);
    while (count < MOST && weft_buffer_create(device, WEFT_U8, &shape, &all[count], &error) == WEFT_OK)
        at_second += memory_of(all[count++])->first == 1;
    ck_assert_uint_lt(count, MOST);
    ck_assert_uint_gt(at_second, 0);
    ck_assert_uint_lt(at_second, count);
    ck_assert_uint_lt(free_bytes(device), 1 << 19);
    for (size_t i = 0; i < count; i++)
        weft_buffer_destroy(all[i]);
    weft_device_close(device);
}
END_TEST

START_TEST(a_buffer_of_a_pool_is_zeros_again)
{
    weft_error error;
    weft_pool *pool;
    weft_buffer *buffer;
    weft_shape shape = weft_shape_2d(30, 70);
    weft_device *device = test_open(TINY);
    OK(weft_pool_create(device, &pool, &error));
    for (int i = 0; i < 2; i++) {
        OK(weft_pool_buffer(pool, WEFT_F32, &shape, &buffer, &error));
        test_assert_floats(buffer, 0);
        ck_assert_uint_eq(memory_of(buffer)->block_bytes % 280, 0);
        for (size_t j = 0; j < 30 * 70; j += 99)
            OK(weft_buffer_write(buffer, j * 4, &(float){1}, 4, &error));
        weft_buffer_destroy(buffer);
    }
    weft_pool_info info;
    weft_pool_get_info(pool, &info);
    ck_assert_uint_eq(info.reuses, 1);
    weft_pool_destroy(pool);
    weft_device_close(device);
}
END_TEST

START_TEST(buffers_without_elements_are_fine)
{
    weft_error error;
    weft_device *device = test_open(TINY);
    weft_buffer *empty = make(device, WEFT_F32, weft_shape_2d(3, 0));
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, empty, empty, empty, &error));
    OK(weft_encoder_commit_and_wait(encoder, NULL, &error));
    for (uint32_t i = 0; i < WEFT_PE_TIMES; i++)
        ck_assert_uint_eq(sim_of(device)->times.ps[WEFT__SIM_KERNELS + i], 0);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(empty);
    weft_device_close(device);
}
END_TEST

/* ---- whose the work is ---- */

enum {
    PES_MAX = 256
};

typedef struct question {
    weft__sim_call call; /* which kernels of the device have first in their arguments; nobody watches */
    weft__sim_view view;
    uint64_t row_elements;
    weft__sim_rows own[PES_MAX], shares[PES_MAX];
} question;

static void ask(weft_tile *tl, const void *arguments)
{
    question *it = (question *)(uintptr_t)arguments;
    uint32_t pe = tl_program_id(tl, TL_AXIS_ALL);
    it->own[pe] = weft__sim_own_rows(tl, &it->view, it->row_elements);
    it->shares[pe] = weft__sim_share(tl, it->view.elements);
}

/* Each row is that PE's in whose block it begins, and each unit of a share is somebody's. */
static void judge_shares(const question *it, uint32_t pes)
{
    const weft__sim_memory *memory = it->view.memory;
    uint64_t rows = 0, units = 0, next = 0;
    for (uint32_t pe = 0; pe < pes; pe++) {
        weft__sim_rows own = it->own[pe], share = it->shares[pe];
        rows += own.count;
        for (uint64_t row = own.first; row < own.first + own.count; row++) {
            uint64_t byte = it->view.offset_bytes + row * it->row_elements * weft_dtype_bytes(it->view.dtype);
            ck_assert_uint_eq((memory->first + byte / memory->block_bytes) % pes, pe);
        }
        ck_assert_uint_eq(share.first, next);
        ck_assert(share.count == it->view.elements / pes || share.count == it->view.elements / pes + 1);
        next += share.count;
        units += share.count;
    }
    ck_assert_uint_eq(rows, it->row_elements ? it->view.elements / it->row_elements : 0);
    ck_assert_uint_eq(units, it->view.elements);
}

START_TEST(each_row_has_one_owner)
{
    weft__rng rng;
    weft_error error;
    weft__rng_init(&rng, 11);
    weft_device *device = test_open(TWO_SIP);
    weft_simulation *simulation = sim_of(device)->simulation;
    ck_assert_uint_le(sim_of(device)->pes, PES_MAX);
    static question it;
    for (int i = 0; i < 30; i++) {
        weft_kernel_launch *launch;
        uint64_t rows = weft__rng_below(&rng, 300), columns = weft__rng_below(&rng, 300), skipped;
        weft_buffer *buffer = make(device, WEFT_F32, weft_shape_2d(400, 1 + weft__rng_below(&rng, 300)));
        while (rows * columns > weft_buffer_bytes(buffer) / 4)
            rows /= 2;
        skipped = weft__rng_below(&rng, weft_buffer_bytes(buffer) / 4 - rows * columns + 1);
        it = (question){.view = {.memory = memory_of(buffer),
                                 .offset_bytes = skipped * 4,
                                 .dtype = WEFT_F32,
                                 .elements = rows * columns},
                        .row_elements = columns};
        const weft_launch_options options = {.kernel = ask, .arguments = &it};
        WEFT_TEST_ASSERT_OK(weft_simulation_launch(simulation, &options, &launch, &error), error);
        WEFT_TEST_ASSERT_OK(weft_simulation_wait(simulation, launch, &error), error);
        weft_kernel_launch_destroy(launch);
        judge_shares(&it, sim_of(device)->pes);
        weft_buffer_destroy(buffer);
    }
    weft_device_close(device);
}
END_TEST

/* ---- time ---- */

typedef struct stream {
    weft_device *device;
    weft_buffer *a, *b, *sum, *product;
} stream;

static stream open_stream(const char *uri, size_t count)
{
    weft_device *device = test_open(uri);
    return (stream){device, test_floats(device, count, 2), test_floats(device, count, 3), test_floats(device, count, 0),
                    test_floats(device, count, 0)};
}

static void close_stream(stream *it)
{
    weft_buffer_destroy(it->a);
    weft_buffer_destroy(it->b);
    weft_buffer_destroy(it->sum);
    weft_buffer_destroy(it->product);
    weft_device_close(it->device);
}

/* sum = a + b and product = a * b; returns the simulated time. */
static uint64_t run_both(const stream *it, bool with_barrier)
{
    weft_error error;
    weft_encoder *encoder = test_encoder(it->device, NULL);
    uint64_t begin = weft_device_now_ps(it->device);
    OK(weft_add(encoder, it->a, it->b, it->sum, &error));
    if (with_barrier)
        OK(weft_encoder_barrier(encoder, &error));
    OK(weft_mul(encoder, it->a, it->b, it->product, &error));
    OK(weft_encoder_commit_and_wait(encoder, NULL, &error));
    weft_encoder_destroy(encoder);
    return weft_device_now_ps(it->device) - begin;
}

START_TEST(dispatches_of_a_group_overlap_and_a_barrier_parts_them)
{
    stream it = open_stream(TINY, 64);
    uint64_t together = run_both(&it, false), apart = run_both(&it, true);
    test_assert_floats(it.sum, 5);
    test_assert_floats(it.product, 6);
    ck_assert_uint_gt(together, 0);
    ck_assert_uint_lt(together, apart);
    close_stream(&it);
}
END_TEST

START_TEST(the_same_stream_takes_the_same_time)
{
    stream one = open_stream(TINY, 3000), other = open_stream(TINY "?threads=2", 3000);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(run_both(&one, i % 2), run_both(&other, i % 2));
    test_assert_floats(other.product, 6);
    close_stream(&one);
    close_stream(&other);
}
END_TEST

/* ---- errors ---- */

/* The product reads the sum before that is there. */
START_TEST(a_missing_barrier_is_a_hazard_and_the_device_is_lost)
{
    weft_error error;
    stream it = open_stream(TINY, 64);
    weft_buffer *larger = test_floats(it.device, 4 * 64, 0), *elsewhere = test_view(larger, 0, 64);
    ck_assert_uint_ne(memory_of(larger)->first, memory_of(it.sum)->first); /* a PE does one thing after another */
    weft_encoder *encoder = test_encoder(it.device, NULL);
    OK(weft_add(encoder, it.a, it.b, it.sum, &error));
    OK(weft_mul(encoder, it.sum, it.b, elsewhere, &error));
    FAILS(weft_encoder_commit_and_wait(encoder, "racing", &error), WEFT_HAZARD, "Command buffer 'racing'",
          "Kernel 'dispatch 1 (mul)'", "nothing orders that after tl_store");
    OK(weft_encoder_reset(encoder, &error));
    OK(weft_add(encoder, it.a, it.b, it.sum, &error));
    FAILS(weft_encoder_commit_and_wait(encoder, "later", &error), WEFT_DEVICE_LOST, "'later'", "machine 'tiny'",
          "Kernel 'dispatch 1 (mul)'");
    test_assert_floats(it.a, 2);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(elsewhere);
    weft_buffer_destroy(larger);
    close_stream(&it);
}
END_TEST

START_TEST(a_machine_that_is_too_small_says_so)
{
    weft_error error;
    weft_device *device;
    WEFT_TEST_ASSERT_OK(open_changed("tcm_kib: 1024", "tcm_kib: 4   ", &device, &error), error);
    weft_buffer *a = test_floats(device, 8, 1);
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_scale(encoder, a, 2, a, &error));
    FAILS(weft_encoder_commit_and_wait(encoder, NULL, &error), WEFT_OUT_OF_MEMORY, "dispatch 0 (scale)", "4096 bytes",
          "no room");
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

START_TEST(chunks_give_what_one_piece_gives)
{
    weft_error error;
    weft_device *device;
    WEFT_TEST_ASSERT_OK(open_changed("tcm_kib: 1024", "tcm_kib: 5   ", &device, &error), error);
    weft_buffer *a = test_floats(device, 4000, 1.5f), *twice = test_floats(device, 4000, 0);
    weft_buffer *copied = test_floats(device, 4000, 0);
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, a, a, twice, &error));
    OK(weft_encoder_barrier(encoder, &error));
    OK(weft_copy(encoder, twice, copied, NULL, &error));
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    test_assert_floats(copied, 3);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_buffer_destroy(twice);
    weft_buffer_destroy(copied);
    weft_device_close(device);
}
END_TEST

/* PEs come in any order, and may come with several faults of one row. */
START_TEST(the_first_fault_counts)
{
    const weft__fault faults[] = {{WEFT__FAULT_NAN, 3, 5, 0}, {WEFT__FAULT_NAN, 3, 7, 0}, {WEFT__FAULT_NAN, 3, 2, 0},
                                  {WEFT__FAULT_NAN, 4, 0, 0}, {WEFT__FAULT_NAN, 1, 9, 0}, {WEFT__FAULT_NAN, 3, 0, 0}};
    const size_t first[] = {0, 0, 2, 2, 4, 4};
    weft__fault noted = {.kind = WEFT__FAULT_NONE};
    const weft__sim_call call = {.fault = &noted};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        weft__sim_fault(&call, faults[i]);
        ck_assert_uint_eq(noted.row, faults[first[i]].row);
        ck_assert_uint_eq(noted.index, faults[first[i]].index);
    }
}
END_TEST

/* ---- out of memory ---- */

/* Opens, makes buffers, runs, reads. Nothing here may assert: Check allocates. */
static weft_status use(const char *uri, float *out, weft_error *err)
{
    weft_device *device;
    weft_buffer *buffers[2] = {NULL, NULL};
    weft_encoder *encoder = NULL;
    const float numbers[] = {1, 2, 3, 4};
    weft_shape shape = weft_shape_2d(2, 2);
    weft_status status = weft_device_open(uri, &device, err);
    if (status != WEFT_OK)
        return status;
    for (int i = 0; i < 2 && status == WEFT_OK; i++)
        status = weft_buffer_create(device, WEFT_F32, &shape, &buffers[i], err);
    if (status == WEFT_OK)
        status = weft_buffer_write(buffers[0], 0, numbers, sizeof numbers, err);
    if (status == WEFT_OK)
        status = weft_encoder_create(device, NULL, &encoder, err);
    if (status == WEFT_OK)
        status = weft_scale(encoder, buffers[0], 2, buffers[1], err);
    if (status == WEFT_OK)
        status = weft_encoder_commit_and_wait(encoder, NULL, err);
    if (status == WEFT_OK)
        status = weft_buffer_read(buffers[1], 0, out, sizeof numbers, err);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(buffers[0]);
    weft_buffer_destroy(buffers[1]);
    weft_device_close(device);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t n = 0;
    for (; failed; n++) {
        float out[4] = {0, 0, 0, 0};
        weft_error error = {0};
        weft_test_fail_allocation_after(n);
        weft_status status = use(TINY, out, &error);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY), "allocation %u: %s", (unsigned)n,
                      error.message);
        ck_assert(status != WEFT_OK || (out[0] == 2 && out[3] == 8));
    }
    ck_assert_uint_gt(n, 50);
}
END_TEST

WEFT_TEST_MAIN("sim_device", a_device_tells_what_its_machine_is, what_is_no_machine_is_refused,
               a_machine_without_hbm_is_refused, blocks_are_whole_rows_and_buffers_of_one_size_lie_alike,
               bytes_are_written_and_read_at_any_place, kernels_see_what_was_written_byte_by_byte,
               large_memory_is_zeros_and_costs_the_host_nothing, a_buffer_of_a_pool_is_zeros_again,
               a_buffer_that_finds_no_room_takes_none, buffers_go_elsewhere_when_their_place_is_full,
               the_first_fault_counts, buffers_without_elements_are_fine, each_row_has_one_owner,
               dispatches_of_a_group_overlap_and_a_barrier_parts_them, the_same_stream_takes_the_same_time,
               a_missing_barrier_is_a_hazard_and_the_device_is_lost, a_machine_that_is_too_small_says_so,
               chunks_give_what_one_piece_gives, every_allocation_may_fail)
