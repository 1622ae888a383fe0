/* The 24 examples of the model's card, token by token, on every device and ISA. */
#include "models/sums.h"
#include "support/weft_check.h"

#define NEWLINE 201

typedef struct drawn {
    int32_t tokens[SUMS_TOKENS_MAX];
    size_t count;
} drawn;

static bool keep(void *user, int32_t token)
{
    drawn *all = user;
    if (all->count == SUMS_TOKENS_MAX)
        return false;
    all->tokens[all->count++] = token;
    return true;
}

static void check_example(weft_context *context, const sums_example *example, const char *uri, size_t index)
{
    static const int32_t newline = NEWLINE;
    const weft_generate_params params = {.tokens_max = 64, .stop_tokens = &newline, .stop_count = 1};
    drawn all = {.count = 0};
    weft_generate_result result;
    weft_error error;
    weft_context_reset(context);
    WEFT_TEST_ASSERT_OK(
        weft_generate(context, example->prompt, example->prompt_count, &params, keep, &all, &result, &error), error);
    ck_assert_int_eq(result.reason, WEFT_STOP_TOKEN);
    ck_assert_uint_eq(result.tokens, all.count);
    ck_assert_msg(all.count == example->answer_count, "%s, example %zu: %zu tokens instead of %zu", uri, index,
                  all.count, example->answer_count);
    for (size_t i = 0; i < all.count; i++)
        ck_assert_msg(all.tokens[i] == example->answer[i], "%s, example %zu, token %zu: %d instead of %d", uri, index,
                      i, all.tokens[i], example->answer[i]);
    /* The last token is drawn and not fed. */
    ck_assert_uint_eq(weft_context_position(context), example->prompt_count + all.count - 1);
}

static void check_card(weft_device *device, const char *directory, const char *uri)
{
    sums_card *card = sums_read_card(directory);
    ck_assert_uint_eq(card->count, 24);
    weft_model *model = sums_open_model(device, directory);
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 128});
    for (size_t i = 0; i < card->count; i++)
        check_example(context, &card->examples[i], uri, i);
    weft_context_destroy(context);
    weft_model_close(model);
    free(card);
}

START_TEST(every_example_of_the_card)
{
    const char *uri = sums_device_at((size_t)_i)->uri;
    weft_device *device = sums_open_device(uri);
    if (!device)
        return;
    check_card(device, SUMS_DIRECTORY, uri);
    check_card(device, SUMS_LLAMA_DIRECTORY, uri);
    weft_device_close(device);
}
END_TEST

int main(void)
{
    int count = 0;
    while (sums_device_at((size_t)count))
        count++;
    Suite *suite = suite_create("greedy");
    TCase *tcase = tcase_create("greedy");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, every_example_of_the_card, 0, count);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
