/* Any bytes as a config.json: what is accepted keeps the promises of config.h. */
#include "formats/config.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft__model_config config;
    weft_error error = {0};
    weft_status status = weft__model_config_parse((const char *)data, size, "fuzz", &config, &error);
    if (status != WEFT_OK) {
        fuzz_assert_failure(status, &error);
        return 0;
    }
    FUZZ_ASSERT(config.num_hidden_layers >= 1 && config.num_hidden_layers <= WEFT__CONFIG_LAYERS_MAX);
    FUZZ_ASSERT(config.num_attention_heads % config.num_key_value_heads == 0);
    FUZZ_ASSERT(config.head_dim >= 2 && config.head_dim % 2 == 0);
    FUZZ_ASSERT(config.rotary_dims >= 2 && config.rotary_dims % 2 == 0 && config.rotary_dims <= config.head_dim);
    FUZZ_ASSERT(config.rms_norm_eps > 0 && config.rope_theta >= 1 && config.rope_theta_sliding >= 1);
    FUZZ_ASSERT(config.eos_token_count <= WEFT__CONFIG_EOS_MAX);
    FUZZ_ASSERT(memchr(config.model_type, '\0', sizeof config.model_type));
    return 0;
}
