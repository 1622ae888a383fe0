/* What the suites of this folder share: the model in models/sums, what its card and its reference file say about it,
 * and the devices on which it must be true. Everything here asserts that it works. */
#ifndef WEFT_TESTS_MODELS_SUMS_H
#define WEFT_TESTS_MODELS_SUMS_H

#include <weft/weft.h>

#define SUMS_DIRECTORY WEFT_SOURCE_DIR "/models/sums"             /* a Qwen3 */
#define SUMS_LLAMA_DIRECTORY WEFT_SOURCE_DIR "/models/sums-llama" /* trained on the same text */
#define SUMS_VOCAB 384
#define SUMS_PARAMETERS 3246848u
#define SUMS_TOKENS_MAX 256
#define SUMS_EXAMPLES_MAX 64
#define SUMS_REFERENCES 4

/* Where models run: each URI with the bound that its logits must keep. NULL past the last. */
typedef struct sums_device {
    const char *uri;
    double bound;
} sums_device;

const sums_device *sums_device_at(size_t index);

/* Opens a device, or returns NULL if this machine lacks its ISA. */
weft_device *sums_open_device(const char *uri);
weft_model *sums_open_model(weft_device *device, const char *directory);
weft_context *sums_open_context(weft_model *model, const weft_context_options *options);

/* An example of card.json: a prompt and the tokens that the model answers when it is greedy, the newline included. */
typedef struct sums_example {
    int32_t prompt[SUMS_TOKENS_MAX];
    size_t prompt_count;
    int32_t answer[SUMS_TOKENS_MAX];
    size_t answer_count;
} sums_example;

typedef struct sums_card {
    sums_example examples[SUMS_EXAMPLES_MAX];
    size_t count;
} sums_card;

/* For the caller to free. */
sums_card *sums_read_card(const char *directory);

/* One of reference_logits.safetensors. */
typedef struct sums_reference {
    int32_t tokens[SUMS_TOKENS_MAX];
    uint32_t count;
    float *logits; /* [count, SUMS_VOCAB]; for the caller to free */
} sums_reference;

void sums_read_reference(const char *directory, unsigned index, sums_reference *out);

/* Feeds tokens and returns the logits of all of them, [count, SUMS_VOCAB], for the caller to free. The context keeps
 * all logits. */
float *sums_feed_all(weft_context *context, const int32_t *tokens, uint32_t count);

/* The same with the tokens in pieces of the sizes given, repeated from the start when they are used up. */
float *sums_feed_pieces(weft_context *context, const int32_t *tokens, uint32_t count, const uint32_t *pieces,
                        size_t piece_count);

#endif
