/* Runs cases on every device and judges what they leave behind. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "conformance/harness.h"
#include "ops/bounds.h"
#include "support/sanitizers.h"

/* The first is the oracle of the others. Devices of one group differ in threads and in order only. */
static conf_device devices[] = {
    {.uri = "ref"},
    {.uri = "ref?shuffle=7", .has_one_thread = true},
    {.uri = "cpu?threads=1", .has_one_thread = true},
    {.uri = "cpu?threads=2&shuffle=1"},
    {.uri = "cpu?threads=3&shuffle=2"},
    {.uri = "cpu"},
    {.uri = "cpu?isa=scalar&threads=1", .has_one_thread = true},
    {.uri = "cpu?isa=scalar&threads=3&shuffle=3"},
    {.uri = "cpu?isa=avx2&threads=1", .has_one_thread = true},
    {.uri = "cpu?isa=avx2&threads=2&shuffle=4"},
    {.uri = "cpu?isa=avx512&threads=1", .has_one_thread = true},
    {.uri = "cpu?isa=avx512&threads=3&shuffle=5"},
    {.uri = "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml", .has_one_thread = true},
    {.uri = "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml?threads=2&shuffle=6"},
};
#define DEVICE_COUNT (sizeof devices / sizeof devices[0])

size_t conf_device_count(void)
{
    return DEVICE_COUNT;
}

const conf_device *conf_device_at(size_t index)
{
    return &devices[index];
}

void conf_devices_open(void)
{
    for (size_t i = 0; i < DEVICE_COUNT; i++) {
        /* Nothing races on one thread. What these compute is judged in all other builds. */
        if (WEFT_TEST_THREAD_SANITIZER && devices[i].has_one_thread)
            continue;
        weft_error error;
        weft_status status = weft_device_open(devices[i].uri, &devices[i].device, &error);
        if (status == WEFT_UNSUPPORTED && i > 0) {
            printf("skipped: device %s: %s\n", devices[i].uri, error.message);
            continue;
        }
        ck_assert_msg(status == WEFT_OK, "%s: %s", devices[i].uri, error.message);
        weft_device_info info;
        weft_device_get_info(devices[i].device, &info);
        snprintf(devices[i].group, sizeof devices[i].group, "%s %s", info.scheme, info.isa);
    }
}

void conf_devices_close(void)
{
    for (size_t i = 0; i < DEVICE_COUNT; i++) {
        weft_device_close(devices[i].device);
        devices[i].device = NULL;
    }
}

/* One run of one case: the buffers while it lasts, and all bytes of its allocations afterwards. */
typedef struct run {
    weft_buffer *memories[WEFT_ARGUMENTS_MAX], *views[WEFT_ARGUMENTS_MAX];
    unsigned char *after[WEFT_ARGUMENTS_MAX];
} run;

/* The two runs of one case on one device. */
typedef struct outcome {
    bool is_skipped;
    run runs[2];
} outcome;

static void *allocate(size_t count, size_t bytes)
{
    void *data = calloc(count ? count : 1, bytes);
    ck_assert_ptr_nonnull(data);
    return data;
}

static void make_buffers(const conf_case *c, weft_device *device, size_t which, run *r)
{
    weft_error error = {0};
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; i < c->memory_count && status == WEFT_OK; i++) {
        const conf_memory *memory = &c->memories[i];
        weft_shape shape = weft_shape_1d(memory->bytes / weft_dtype_bytes(memory->dtype));
        status = weft_buffer_create(device, memory->dtype, &shape, &r->memories[i], &error);
        ck_assert_msg(status == WEFT_OK, "%s", error.message);
        status = weft_buffer_write(r->memories[i], 0, memory->before[which], memory->bytes, &error);
    }
    for (uint32_t i = 0; i < c->argument_count && status == WEFT_OK; i++) {
        const conf_argument *argument = &c->arguments[i];
        if (argument->present)
            status = weft_buffer_view(r->memories[argument->memory], argument->offset_elements, &argument->shape,
                                      &r->views[i], &error);
    }
    ck_assert_msg(status == WEFT_OK, "%s", error.message);
}

static void take_results(const conf_case *c, run *r)
{
    weft_error error = {0};
    for (uint32_t i = 0; i < c->memory_count; i++) {
        r->after[i] = allocate(c->memories[i].bytes, 1);
        weft_status status = weft_buffer_read(r->memories[i], 0, r->after[i], c->memories[i].bytes, &error);
        ck_assert_msg(status == WEFT_OK, "%s", error.message);
        weft_buffer_destroy(r->memories[i]);
    }
    for (uint32_t i = 0; i < c->argument_count; i++)
        weft_buffer_destroy(r->views[i]);
}

/* All cases, twice, in one command buffer without a barrier: they may run in any order and at once. */
static void run_on_device(const conf_device *device, const conf_case *cases, size_t count, outcome *outcomes)
{
    weft_error error = {0};
    weft_encoder *encoder;
    ck_assert_int_eq(weft_encoder_create(device->device, NULL, &encoder, &error), WEFT_OK);
    for (size_t i = 0; i < 2 * count; i++) {
        const conf_case *c = &cases[i % count];
        outcome *o = &outcomes[i % count];
        weft_status status = weft_device_supports(device->device, c->op->name, &error);
        o->is_skipped = status == WEFT_UNSUPPORTED;
        if (o->is_skipped)
            continue;
        make_buffers(c, device->device, i / count, &o->runs[i / count]);
        status = c->op->record(encoder, o->runs[i / count].views, c, &error);
        char text[CONF_TEXT_BYTES];
        ck_assert_msg(status == WEFT_OK, "%s on %s: %s", conf_case_text(c, text), device->uri, error.message);
    }
    weft_status status = weft_encoder_commit_and_wait(encoder, "conformance", &error);
    char text[CONF_TEXT_BYTES];
    ck_assert_msg(status == WEFT_OK, "%s on %s: %s", conf_case_text(&cases[0], text), device->uri, error.message);
    weft_encoder_destroy(encoder);
    for (size_t i = 0; i < 2 * count; i++)
        if (!outcomes[i % count].is_skipped)
            take_results(&cases[i % count], &outcomes[i % count].runs[i / count]);
}

/* Fails with the case, the device and what is wrong. */
#define FAIL(c, device, ...)                                                                                           \
    do {                                                                                                               \
        char conf_what[256], conf_text[CONF_TEXT_BYTES];                                                               \
        snprintf(conf_what, sizeof conf_what, __VA_ARGS__);                                                            \
        ck_abort_msg("%s: %s (%s)", (device)->uri, conf_what, conf_case_text(c, conf_text));                           \
    } while (0)

/* The first byte that differs, or `bytes`. */
static size_t first_difference(const unsigned char *a, const unsigned char *b, size_t bytes)
{
    if (memcmp(a, b, bytes) == 0)
        return bytes;
    size_t at = 0;
    while (a[at] == b[at])
        at++;
    return at;
}

static void judge_untouched(const conf_case *c, const conf_device *device, const outcome *o)
{
    for (uint32_t i = 0; i < c->memory_count; i++) {
        const conf_memory *memory = &c->memories[i];
        const unsigned char *const after[2] = {o->runs[0].after[i], o->runs[1].after[i]};
        for (size_t begin = 0, bytes; begin < memory->bytes; begin += bytes) {
            const unsigned char *end = memchr(memory->writes + begin, !memory->writes[begin], memory->bytes - begin);
            bytes = end ? (size_t)(end - memory->writes) - begin : memory->bytes - begin;
            for (size_t which = 0; which < 2 && !memory->writes[begin]; which++) {
                size_t at = first_difference(after[which] + begin, memory->before[which] + begin, bytes);
                if (at < bytes)
                    FAIL(c, device, "byte %zu of allocation %u was changed and is not declared as written", begin + at,
                         i);
            }
            size_t at = memory->writes[begin] ? first_difference(after[0] + begin, after[1] + begin, bytes) : bytes;
            if (at < bytes)
                FAIL(c, device,
                     "byte %zu of allocation %u differs between two runs whose declared inputs were the same",
                     begin + at, i);
        }
    }
}

static bool is_output(const conf_case *c, uint32_t argument)
{
    weft_role role;
    weft_op_argument(c->definition, argument, NULL, &role, NULL);
    return role != WEFT_READ && c->arguments[argument].present;
}

static const void *output_of(const conf_case *c, const outcome *o, uint32_t argument)
{
    const conf_argument *at = &c->arguments[argument];
    return o->runs[0].after[at->memory] + at->offset_elements * weft_dtype_bytes(at->dtype);
}

/* The bounds of ops.h for an output, given what `ref` has. */
static void bounds_of(const conf_case *c, uint32_t argument, const double *expected, double *bounds)
{
    weft__bound_call call = {.op = c->definition, .params = &c->params};
    for (uint32_t i = 0; i < c->argument_count; i++)
        if (c->arguments[i].present)
            call.arguments[i] = (weft__bound_argument){conf_data(c, i), c->arguments[i].dtype, c->arguments[i].shape};
    weft__op_bounds(&call, argument, expected, bounds);
}

/* Compares an output with numbers, which may be those of ref: then they are rounded themselves. */
static void judge_numbers(const conf_case *c, const conf_device *device, const outcome *o, uint32_t argument,
                          const double *expected, const char *who, bool are_rounded)
{
    size_t count = conf_elements(c, argument);
    weft_dtype dtype = c->arguments[argument].dtype;
    double *bounds = allocate(count, sizeof *bounds);
    bounds_of(c, argument, expected, bounds);
    const void *output = output_of(c, o, argument);
    for (size_t i = 0; i < count; i++) {
        double bound = are_rounded ? weft__bound_slack(dtype, expected[i], bounds[i]) : bounds[i] * (1 + 0x1p-7);
        double actual = conf_load(dtype, output, i);
        const char *name;
        weft_op_argument(c->definition, argument, &name, NULL, NULL);
        if (!weft__bound_holds(actual, expected[i], bound))
            FAIL(c, device, "%s[%zu] is %.9g, but %s has %.9g; they may differ by %.3g", name, i, actual, who,
                 expected[i], bound);
    }
    free(bounds);
}

static void judge_against_ref(const conf_case *c, const conf_device *device, const outcome *o, const outcome *ref)
{
    const void *outputs[WEFT_ARGUMENTS_MAX] = {NULL};
    bool is_equal = true;
    for (uint32_t i = 0; i < c->argument_count; i++) {
        if (!is_output(c, i))
            continue;
        size_t count = conf_elements(c, i), bytes = weft_dtype_bytes(c->arguments[i].dtype);
        outputs[i] = output_of(c, o, i);
        if (memcmp(outputs[i], output_of(c, ref, i), count * bytes) == 0)
            continue;
        is_equal = false;
        if (c->arguments[i].dtype != WEFT_I32 && !weft__dtype_is_float(c->arguments[i].dtype))
            continue; /* copy, which is judged below */
        double *expected = allocate(count, sizeof *expected);
        for (size_t element = 0; element < count; element++)
            expected[element] = conf_load(c->arguments[i].dtype, output_of(c, ref, i), element);
        judge_numbers(c, device, o, i, expected, "ref", true);
        free(expected);
    }
    const char *wrong = !is_equal && c->op->judge ? c->op->judge(c, outputs) : NULL;
    if (wrong)
        FAIL(c, device, "%s", wrong);
}

static void judge_ref(const conf_case *c, const conf_device *device, const outcome *o)
{
    const void *outputs[WEFT_ARGUMENTS_MAX] = {NULL};
    for (uint32_t i = 0; i < c->argument_count; i++) {
        if (!is_output(c, i))
            continue;
        outputs[i] = output_of(c, o, i);
        if (!c->op->expect)
            continue;
        double *expected = allocate(conf_elements(c, i), sizeof *expected);
        c->op->expect(c, i, expected);
        judge_numbers(c, device, o, i, expected, "the suite", false);
        free(expected);
    }
    const char *wrong = c->op->judge ? c->op->judge(c, outputs) : NULL;
    if (wrong)
        FAIL(c, device, "%s", wrong);
}

/* Threads and order must not change a bit. */
static void judge_group(const conf_case *c, const conf_device *device, const outcome *o, const conf_device *first,
                        const outcome *of_first)
{
    for (uint32_t i = 0; i < c->memory_count; i++) {
        size_t at = first_difference(o->runs[0].after[i], of_first->runs[0].after[i], c->memories[i].bytes);
        if (at < c->memories[i].bytes)
            FAIL(c, device, "byte %zu of allocation %u differs from that of %s", at, i, first->uri);
    }
}

static size_t first_of_group(size_t device)
{
    size_t first = 0;
    while (!devices[first].device || strcmp(devices[first].group, devices[device].group) != 0)
        first++;
    return first;
}

static void judge(const conf_case *c, size_t device, const outcome *all, size_t count)
{
    const outcome *o = &all[device * count];
    size_t first = first_of_group(device);
    judge_untouched(c, &devices[device], o);
    if (device == 0)
        judge_ref(c, &devices[device], o);
    else if (first == device && !all[0].is_skipped)
        judge_against_ref(c, &devices[device], o, &all[0]);
    else if (first != device)
        judge_group(c, &devices[device], o, &devices[first], &all[first * count]);
}

static void free_outcome(outcome *o)
{
    for (size_t which = 0; which < 2; which++)
        for (size_t i = 0; i < WEFT_ARGUMENTS_MAX; i++)
            free(o->runs[which].after[i]);
}

void conf_run(conf_case *cases, size_t count)
{
    outcome *all = allocate(DEVICE_COUNT * count, sizeof *all);
    for (size_t d = 0; d < DEVICE_COUNT; d++)
        if (devices[d].device)
            run_on_device(&devices[d], cases, count, &all[d * count]);
    for (size_t d = 0; d < DEVICE_COUNT; d++)
        for (size_t i = 0; devices[d].device && i < count; i++)
            if (!all[d * count + i].is_skipped)
                judge(&cases[i], d, &all[i], count);
    for (size_t i = 0; i < DEVICE_COUNT * count; i++)
        free_outcome(&all[i]);
    free(all);
}
