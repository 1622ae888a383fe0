/* Any bytes as a model.safetensors.index.json, and as a generation_config.json: what is accepted keeps the promises of
 * weight_index.h and config.h. */
#include "formats/config.h"
#include "formats/weight_index.h"
#include "target.h"

static void try_generation_config(const char *text, size_t size)
{
    weft__model_config config = {.vocab_size = 1000};
    weft_error error = {0};
    weft_status status = weft__generation_config_parse(text, size, "fuzz", &config, &error);
    if (status != WEFT_OK)
        fuzz_assert_failure(status, &error);
    FUZZ_ASSERT(config.eos_token_count <= WEFT__CONFIG_EOS_MAX);
    for (uint32_t i = 0; i < config.eos_token_count; i++)
        FUZZ_ASSERT(config.eos_token_ids[i] >= 0 && config.eos_token_ids[i] < 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_generation_config((const char *)data, size);
    weft__weight_index index;
    weft_error error = {0};
    weft_status status = weft__weight_index_parse((const char *)data, size, "fuzz", &index, &error);
    if (status != WEFT_OK) {
        fuzz_assert_failure(status, &error);
        FUZZ_ASSERT(!index.json && !index.files && !index.file_count);
        return 0;
    }
    for (size_t i = 0; i < index.file_count; i++) {
        FUZZ_ASSERT(index.files[i][0] != '\0' && !strchr(index.files[i], '/'));
        for (size_t j = 0; j < i; j++)
            FUZZ_ASSERT(strcmp(index.files[i], index.files[j]) != 0);
    }
    FUZZ_ASSERT(!weft__weight_index_place(&index, "no such tensor, surely"));
    weft__weight_index_release(&index);
    return 0;
}
