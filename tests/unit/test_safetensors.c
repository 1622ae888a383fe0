#include "support/weft_check.h"

#include <stdio.h>
#include <unistd.h>

#include "formats/safetensors.h"
#include "support/failing_malloc.h"
#include "support/sentence.h"

#define MODEL WEFT_SOURCE_DIR "/models/sums/model.safetensors"
#define LOGITS WEFT_SOURCE_DIR "/models/sums/reference_logits.safetensors"

/* A file in memory that ends where its allocation ends, so that a sanitizer sees any read past it. The length of the
 * header is the true one plus `lie`. */
static unsigned char *make_file(const char *header, size_t data_bytes, int64_t lie, size_t *out_size)
{
    size_t header_bytes = strlen(header);
    uint64_t length = header_bytes + (uint64_t)lie;
    *out_size = 8 + header_bytes + data_bytes;
    unsigned char *file = malloc(*out_size);
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < 8; i++)
        file[i] = (unsigned char)(length >> (8 * i));
    memcpy(file + 8, header, header_bytes);
    for (size_t i = 0; i < data_bytes; i++)
        file[8 + header_bytes + i] = (unsigned char)(i + 1);
    return file;
}

static const char good_header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                  "\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
                                  "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                                  "\"void\":{\"dtype\":\"I64\",\"shape\":[3,0],\"data_offsets\":[16,16]},"
                                  "\"mask\":{\"dtype\":\"BOOL\",\"shape\":[5],\"data_offsets\":[16,21]}}  ";
#define GOOD_DATA 21

START_TEST(tensors_come_in_the_order_of_their_data)
{
    static const char *const order[] = {"a", "b", "void", "mask"};
    size_t size = 0;
    unsigned char *bytes = make_file(good_header, GOOD_DATA, 0, &size);
    weft_safetensors *file = NULL;
    weft_safetensors_tensor tensor;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__safetensors_parse(bytes, size, "good", &file, &error), error);
    ck_assert_uint_eq(weft_safetensors_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        WEFT_TEST_ASSERT_OK(weft_safetensors_at(file, i, &tensor, &error), error);
        ck_assert_str_eq(tensor.name, order[i]);
    }
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_at(file, 4, &tensor, &error), error, WEFT_OUT_OF_RANGE, "good", "4", NULL,
                           NULL);
    ck_assert_ptr_null(tensor.name);
    ck_assert_str_eq(weft_safetensors_metadata(file, "format"), "pt");
    ck_assert_ptr_null(weft_safetensors_metadata(file, "b"));
    weft_safetensors_close(file);
    free(bytes);
}
END_TEST

START_TEST(a_tensor_is_found_by_name)
{
    size_t size = 0;
    unsigned char *bytes = make_file(good_header, GOOD_DATA, 0, &size);
    weft_safetensors *file = NULL;
    weft_safetensors_tensor tensor;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__safetensors_parse(bytes, size, "good", &file, &error), error);
    WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, "b", &tensor, &error), error);
    ck_assert_int_eq(tensor.dtype, WEFT_BF16);
    ck_assert(tensor.is_supported);
    ck_assert_uint_eq(tensor.shape.rank, 2);
    ck_assert_uint_eq(tensor.shape.extent[0], 2);
    ck_assert_uint_eq(tensor.shape.extent[1], 3);
    ck_assert_uint_eq(tensor.bytes, 12);
    ck_assert_int_eq(*(const unsigned char *)tensor.data, 5);
    WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, "a", &tensor, &error), error);
    ck_assert_uint_eq(tensor.shape.rank, 0);
    ck_assert_uint_eq(tensor.bytes, 4);
    WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, "void", &tensor, &error), error);
    ck_assert_uint_eq(tensor.bytes, 0);
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_find(file, "vide", &tensor, &error), error, WEFT_NOT_FOUND, "good",
                           "\"vide\"", "\"void\"", NULL);
    ck_assert_ptr_null(tensor.data);
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_find(file, "__metadata__", &tensor, &error), error, WEFT_NOT_FOUND, "good",
                           NULL, NULL, NULL);
    weft_safetensors_close(file);
    free(bytes);
}
END_TEST

START_TEST(an_unsupported_dtype_is_listed_and_refused_when_asked_for)
{
    size_t size = 0;
    unsigned char *bytes = make_file(good_header, GOOD_DATA, 0, &size);
    weft_safetensors *file = NULL;
    weft_safetensors_tensor tensor;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__safetensors_parse(bytes, size, "good", &file, &error), error);
    WEFT_TEST_ASSERT_OK(weft_safetensors_at(file, 3, &tensor, &error), error);
    ck_assert_str_eq(tensor.dtype_name, "BOOL");
    ck_assert(!tensor.is_supported);
    ck_assert_uint_eq(tensor.bytes, 5);
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_find(file, "mask", &tensor, &error), error, WEFT_UNSUPPORTED, "good",
                           "\"mask\"", "BOOL", NULL);
    weft_safetensors_close(file);
    free(bytes);
}
END_TEST

START_TEST(every_dtype_has_its_size)
{
    static const struct {
        const char *name;
        unsigned bytes_of_8;
        int dtype; /* or -1 for those that are listed alone */
    } rows[] = {
        {"F32", 32, WEFT_F32}, {"F16", 16, WEFT_F16}, {"BF16", 16, WEFT_BF16}, {"I8", 8, WEFT_I8},
        {"U8", 8, WEFT_U8},    {"I16", 16, WEFT_I16}, {"U16", 16, WEFT_U16},   {"I32", 32, WEFT_I32},
        {"U32", 32, WEFT_U32}, {"I64", 64, WEFT_I64}, {"U64", 64, WEFT_U64},   {"F64", 64, WEFT_F64},
        {"C64", 64, -1},       {"BOOL", 8, -1},       {"F8_E4M3", 8, -1},      {"F8_E5M2", 8, -1},
        {"F8_E8M0", 8, -1},    {"F6_E2M3", 6, -1},    {"F6_E3M2", 6, -1},      {"F4", 4, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char header[200];
        size_t size = 0;
        weft_safetensors *file = NULL;
        weft_safetensors_tensor tensor;
        weft_error error;
        (void)snprintf(header, sizeof header, "{\"t\":{\"dtype\":\"%s\",\"shape\":[2,4],\"data_offsets\":[0,%u]}}",
                       rows[i].name, rows[i].bytes_of_8);
        unsigned char *bytes = make_file(header, rows[i].bytes_of_8, 0, &size);
        WEFT_TEST_ASSERT_OK(weft__safetensors_parse(bytes, size, "one", &file, &error), error);
        WEFT_TEST_ASSERT_OK(weft_safetensors_at(file, 0, &tensor, &error), error);
        ck_assert_str_eq(tensor.dtype_name, rows[i].name);
        ck_assert_int_eq(tensor.is_supported, rows[i].dtype >= 0);
        if (rows[i].dtype >= 0)
            ck_assert_int_eq((int)tensor.dtype, rows[i].dtype);
        weft_safetensors_close(file);
        free(bytes);
    }
}
END_TEST

#define T(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct lie {
    const char *header;
    size_t data_bytes;
    int64_t length_lie;
    weft_status status;
    const char *fragments[3];
} lies[] = {
    {"{}", 0, 1, WEFT_PARSE, {"header length is 3", "2 bytes", NULL}},
    {"{}", 0, INT64_MAX, WEFT_PARSE, {"header length is", "limit", NULL}},
    {"{}", 0, -3, WEFT_PARSE, {"header length is 18446744073709551615", NULL, NULL}},
    {"{}", 0, -2, WEFT_PARSE, {"0 bytes", "'{'", NULL}},
    {" {}", 0, 0, WEFT_PARSE, {"'{'", NULL, NULL}},
    {"{}", 0, -1, WEFT_PARSE, {"header", "line 1", NULL}},
    {"{}", 1, 0, WEFT_PARSE, {"1 bytes of data", "end at 0", NULL}},
    {"{\n \"t\": oops}", 0, 0, WEFT_PARSE, {"header", "line 2", "oops"}},
    {"{} {}", 0, 0, WEFT_PARSE, {"header", NULL, NULL}},
    {"{\"t\":1,\"t\":2}", 0, 0, WEFT_PARSE, {"duplicate", "\"t\"", NULL}},
    {"{\"t\":[]}", 0, 0, WEFT_PARSE, {"tensor \"t\"", "an array of 0", "object"}},
    {"{\"__metadata__\":[1]}", 0, 0, WEFT_PARSE, {"__metadata__", "an array of 1", NULL}},
    {"{\"__metadata__\":{\"k\":5}}", 0, 0, WEFT_PARSE, {"__metadata__", "\"k\"", "5"}},
    {"{\"t\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4, 0, WEFT_PARSE, {"\"t\"", "\"dtype\"", "missing"}},
    {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, 0, WEFT_PARSE, {"\"t\"", "\"shape\"", "missing"}},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets\"", "missing"}},
    {T("\"F31\"", "[1]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"dtype\"", "\"F31\""}},
    {T("32", "[1]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"dtype\"", "32"}},
    {T("\"F32\"", "4", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"shape\"", "4"}},
    {T("\"F32\"", "[1,-1]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"shape[1]\"", "-1"}},
    {T("\"F32\"", "[1.0]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"shape[0]\"", "1"}},
    {T("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, 0, WEFT_UNSUPPORTED, {"\"t\"", "\"shape\"", "9"}},
    {T("\"F32\"", "[4294967296,4294967296,4294967296]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "4294967296", "4 bytes"}},
    {T("\"F32\"", "[4611686018427387905]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "4611686018427387905", NULL}},
    {T("\"F32\"", "[99999999999999999999]", "[0,4]"), 4, 0, WEFT_PARSE, {"header", "99999999999999999999", NULL}},
    {T("\"F32\"", "[1]", "[0,4,8]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets\"", "an array of 3"}},
    {T("\"F32\"", "[1]", "[0]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets\"", "an array of 1"}},
    {T("\"F32\"", "[1]", "\"0,4\""), 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets\"", "\"0,4\""}},
    {T("\"F32\"", "[1]", "[-4,0]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets[0]\"", "-4"}},
    {T("\"F32\"", "[1]", "[4,0]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets[1]\"", "0"}},
    {T("\"F32\"", "[1]", "[0,5]"), 4, 0, WEFT_PARSE, {"\"t\"", "\"data_offsets[1]\"", "5"}},
    {T("\"F32\"", "[2]", "[0,4]"), 4, 0, WEFT_PARSE, {"\"t\"", "[2]", "4 bytes"}},
    {T("\"F4\"", "[7]", "[0,3]"), 3, 0, WEFT_PARSE, {"\"t\"", "[7]", "F4"}},
    {T("\"F32\"", "[1]", "[0,4]"), 5, 0, WEFT_PARSE, {"5 bytes of data", "end at 4", NULL}},
    {T("\"F32\"", "[1]", "[1,5]"), 5, 0, WEFT_PARSE, {"\"t\"", "begins at 1", "1 bytes before"}},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
     "\"y\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[2,5]}}",
     5,
     0,
     WEFT_PARSE,
     {"\"y\"", "begins at 2", "\"x\""}},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
     "\"y\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
     3,
     0,
     WEFT_PARSE,
     {"\"y\"", "begins at 0", "\"x\""}},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
     5,
     0,
     WEFT_PARSE,
     {"\"y\"", "begins at 3", NULL}},
};

START_TEST(a_lie_gives_a_sentence)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        const struct lie *lie = &lies[i];
        size_t size = 0;
        weft_error error;
        unsigned char *bytes = make_file(lie->header, lie->data_bytes, lie->length_lie, &size);
        weft_safetensors *file = (weft_safetensors *)bytes;
        weft_status status = weft__safetensors_parse(bytes, size, "lie.safetensors", &file, &error);
        WEFT_TEST_ASSERT_FAILS(status, error, lie->status, "lie.safetensors", lie->fragments[0], lie->fragments[1],
                               lie->fragments[2]);
        ck_assert_ptr_null(file);
        WEFT_TEST_ASSERT_STATUS(weft__safetensors_parse(bytes, size, "lie.safetensors", &file, NULL), lie->status);
        free(bytes);
    }
}
END_TEST

START_TEST(a_hostile_name_stays_one_sentence)
{
    char header[3000];
    char name[2001];
    size_t size = 0;
    weft_safetensors *file = NULL;
    weft_error error;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(header, sizeof header,
                   "{\"%s\":{\"dtype\":\"\\u0007\\n\\u007f\",\"shape\":[],\"data_offsets\":[0,0]}}", name);
    unsigned char *bytes = make_file(header, 0, 0, &size);
    WEFT_TEST_ASSERT_FAILS(weft__safetensors_parse(bytes, size, "f", &file, &error), error, WEFT_PARSE, "nnn...\"",
                           "\"???\"", NULL, NULL);
    free(bytes);
}
END_TEST

START_TEST(every_truncation_fails)
{
    size_t size = 0;
    unsigned char *whole = make_file(good_header, GOOD_DATA, 0, &size);
    for (size_t cut = 0; cut < size; cut++) {
        weft_safetensors *file = NULL;
        weft_error error;
        unsigned char *bytes = malloc(cut ? cut : 1);
        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, whole, cut);
        WEFT_TEST_ASSERT_FAILS(weft__safetensors_parse(bytes, cut, "cut", &file, &error), error, WEFT_PARSE, "cut",
                               NULL, NULL, NULL);
        ck_assert_ptr_null(file);
        free(bytes);
    }
    free(whole);
}
END_TEST

/* Whatever a flipped bit makes of the header, what is accepted is sound. */
START_TEST(every_flipped_bit_fails_or_is_sound)
{
    size_t size = 0;
    size_t failures = 0;
    unsigned char *bytes = make_file(good_header, GOOD_DATA, 0, &size);
    for (size_t bit = 0; bit < 8 * (size - GOOD_DATA); bit++) {
        weft_safetensors *file = NULL;
        weft_error error;
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        weft_status status = weft__safetensors_parse(bytes, size, "flip", &file, &error);
        if (status != WEFT_OK) {
            ck_assert(weft_test_is_sentence(error.message));
            ck_assert_ptr_null(file);
            failures++;
        } else {
            size_t expected = size - GOOD_DATA;
            for (size_t i = 0; i < weft_safetensors_count(file); i++) {
                weft_safetensors_tensor tensor;
                WEFT_TEST_ASSERT_OK(weft_safetensors_at(file, i, &tensor, &error), error);
                ck_assert_ptr_eq(tensor.data, bytes + expected);
                expected += tensor.bytes;
            }
            ck_assert_uint_eq(expected, size);
        }
        weft_safetensors_close(file);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    ck_assert_uint_gt(failures, 4 * (size - GOOD_DATA)); /* most flips hit syntax, a dtype or a number */
    free(bytes);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_gives_a_sentence)
{
    weft_safetensors *file = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_open(WEFT_SOURCE_DIR "/models/none.safetensors", &file, &error), error,
                           WEFT_IO, "none.safetensors", "No such file", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_open(WEFT_SOURCE_DIR "/models", &file, &error), error, WEFT_IO, "models",
                           "a directory", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_open("/dev/null", &file, &error), error, WEFT_IO, "/dev/null",
                           "regular file", NULL, NULL);
    char path[] = "/tmp/weft-test-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_open(path, &file, &error), error, WEFT_PARSE, path, "empty", NULL, NULL);
    ck_assert_ptr_null(file);
    (void)close(descriptor);
    (void)unlink(path);
    weft_safetensors_close(NULL);
}
END_TEST

START_TEST(the_model_opens)
{
    weft_safetensors *file = NULL;
    weft_safetensors_tensor tensor;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_safetensors_open(MODEL, &file, &error), error);
    ck_assert_uint_eq(weft_safetensors_count(file), 46);
    ck_assert_str_eq(weft_safetensors_metadata(file, "format"), "pt");
    WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, "model.layers.3.mlp.down_proj.weight", &tensor, &error), error);
    ck_assert_int_eq(tensor.dtype, WEFT_BF16);
    weft_shape expected = weft_shape_2d(256, 768);
    ck_assert(weft_shape_equal(&tensor.shape, &expected));
    ck_assert_uint_eq(tensor.bytes, 256 * 768 * 2);
    for (size_t i = 0; i < weft_safetensors_count(file); i++) {
        weft_safetensors_tensor again;
        WEFT_TEST_ASSERT_OK(weft_safetensors_at(file, i, &tensor, &error), error);
        WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, tensor.name, &again, &error), error);
        ck_assert_ptr_eq(tensor.data, again.data);
    }
    WEFT_TEST_ASSERT_FAILS(weft_safetensors_find(file, "model.layers.3.mlp.down_proj.wieght", &tensor, &error), error,
                           WEFT_NOT_FOUND, "model.safetensors", "wieght", "\"model.layers.3.mlp.down_proj.weight\"",
                           NULL);
    weft_safetensors_close(file);
}
END_TEST

START_TEST(values_come_out_as_they_were_written)
{
    static const int32_t expected[] = {21, 22, 26, 13, 20, 25, 23, 31}; /* "348+275=" */
    int32_t tokens[8];
    weft_safetensors *file = NULL;
    weft_safetensors_tensor tensor;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_safetensors_open(LOGITS, &file, &error), error);
    WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, "tokens.0", &tensor, &error), error);
    ck_assert_int_eq(tensor.dtype, WEFT_I32);
    ck_assert_uint_eq(tensor.bytes, sizeof tokens);
    memcpy(tokens, tensor.data, sizeof tokens);
    ck_assert_mem_eq(tokens, expected, sizeof tokens);
    weft_safetensors_close(file);
}
END_TEST

START_TEST(running_out_of_memory_is_an_error)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_safetensors *file = NULL;
        weft_error error = {0};
        weft_test_fail_allocation_after(n);
        weft_status status = weft_safetensors_open(MODEL, &file, &error);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert_int_eq(file == NULL, failed);
        ck_assert(!failed || weft_test_is_sentence(error.message));
        weft_safetensors_close(file);
    }
}
END_TEST

WEFT_TEST_MAIN("safetensors", tensors_come_in_the_order_of_their_data, a_tensor_is_found_by_name,
               an_unsupported_dtype_is_listed_and_refused_when_asked_for, every_dtype_has_its_size,
               a_lie_gives_a_sentence, a_hostile_name_stays_one_sentence, every_truncation_fails,
               every_flipped_bit_fails_or_is_sound, a_file_that_cannot_be_read_gives_a_sentence, the_model_opens,
               values_come_out_as_they_were_written, running_out_of_memory_is_an_error)
