/* Models: a trained decoder read from a directory, and contexts that run it.
 *
 * A model directory is what Hugging Face calls a checkpoint: `config.json`, the weights in `model.safetensors` (or in
 * shards that `model.safetensors.index.json` lists), `tokenizer.json`, and perhaps `generation_config.json`. A model is
 * the checked configuration and the weights on one device; it never changes, so any number of contexts may share it. A
 * context is one sequence of tokens: its key/value cache, its activations and its session. Every forward pass is one
 * stage of that session, recorded as typed ops with explicit barriers, the same on every device. That of a single token
 * is recorded once, when the context is made, and replayed for each token with its position set, see graph.h.
 *
 * Families so far: Llama and Qwen3 (dense).
 *
 * Threads: a model from any number of threads; a context from one at a time. Contexts of one model, and of one device,
 * may be used from different threads at once. */
#ifndef WEFT_MODEL_H
#define WEFT_MODEL_H

#include <weft/device.h>
#include <weft/graph.h>
#include <weft/ops.h>
#include <weft/session.h>
#include <weft/tokenizer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the model ---- */

/** A checked model with its weights on a device. Opaque, immutable. */
typedef struct weft_model weft_model;

#define WEFT_MODEL_NAME_BYTES 64
#define WEFT_MODEL_STOPS_MAX 16

/** What a model is. Counts are of things or elements, at least 1 unless stated. */
typedef struct weft_model_info {
    char family[WEFT_MODEL_NAME_BYTES];       /**< `model_type` of the configuration, "qwen3" */
    char architecture[WEFT_MODEL_NAME_BYTES]; /**< "Qwen3ForCausalLM"; empty if the configuration names none */
    weft_dtype dtype;                         /**< of the token embedding, and as a rule of all weights */
    uint32_t layers;
    uint32_t hidden;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t intermediate; /**< width of the feed-forward layer */
    uint32_t vocab;        /**< token ids are 0 to vocab - 1 */
    uint32_t positions;    /**< the longest sequence that the model was made for */
    uint32_t window;       /**< of layers with sliding attention; 0 if there are none */
    double rope_theta;
    bool is_tied;               /**< the output projection is the token embedding */
    uint64_t parameters;        /**< elements of all weights, a tied one counted once */
    uint64_t weight_bytes;      /**< of the weights as stored */
    uint64_t cache_token_bytes; /**< key/value cache that one token takes, over all layers */
    uint32_t file_count;        /**< weight files; 0 of a model that was made of a configuration alone */
    uint32_t tensor_count;      /**< weights the model uses */
    int32_t start_token;        /**< -1 if the configuration names none */
    uint32_t stop_count;        /**< may be 0 */
    /** End-of-text tokens: those of generation_config.json, if it is there and names any, else of config.json. */
    int32_t stop_tokens[WEFT_MODEL_STOPS_MAX];
} weft_model_info;

/** Zero means the default of each. */
typedef struct weft_model_options {
    bool copy_weights; /**< also where the device could read them in the mapped file: the files may then change or go
                          away once the model is open */
} weft_model_options;

/** Reads and checks a model directory without a device: every check of weft_model_open(), none of its memory.
 *  @param out  filled; zeros on failure.
 *  Errors as weft_model_open(). */
WEFT_API WEFT_CHECKED weft_status weft_model_describe(const char *directory, weft_model_info *out, weft_error *err);

/** Reads a model directory, checks it, and brings the weights to a device. On devices that work in host memory a weight
 *  whose bytes are aligned to its elements stays where the file is mapped; others are copied. Of a mapped file
 *  safetensors.h says what the caller must leave alone.
 *  @param options  NULL for defaults; copied.
 *  @param out      the model, owned by the caller until weft_model_close(); NULL on failure.
 *  @retval WEFT_IO              a file cannot be read; there is no such directory, or no weights in it.
 *  @retval WEFT_PARSE           a file breaks its format or contradicts itself; the message names file and field.
 *  @retval WEFT_NOT_FOUND       a weight is missing; the message names the file and the tensor.
 *  @retval WEFT_SHAPE_MISMATCH  a weight has another shape than the configuration demands; the message names file,
 * tensor and both shapes.
 *  @retval WEFT_UNSUPPORTED     a family, a setting, a dtype or a tensor that Weft does not have; the message names it.
 */
WEFT_API WEFT_CHECKED weft_status weft_model_open(weft_device *device, const char *directory,
                                                  const weft_model_options *options, weft_model **out, weft_error *err);

/** Makes a model of a configuration file alone, to see what its passes cost on a device: weights of the dtype that the
 *  configuration names, without any files of them.
 *  @param path  of the file, which is what `config.json` is in a model directory.
 *  @param seed  0: all weights are zeros, and nothing is written to the device's memory. Otherwise they are drawn by
 * this seed, so that activations neither vanish nor overflow: norms are 1, the others even within
 *               +-sqrt(3 / columns).
 *  @param out   the model, owned by the caller until weft_model_close(); NULL on failure.
 *  Errors as weft_model_open(). */
WEFT_API WEFT_CHECKED weft_status weft_model_open_config(weft_device *device, const char *path, uint64_t seed,
                                                         weft_model **out, weft_error *err);

/** Gives a model back. Contexts of it that still exist stay valid and keep what they need. NULL is fine. */
WEFT_API void weft_model_close(weft_model *model);

/** Fills @p out. Any thread. */
WEFT_API void weft_model_get_info(const weft_model *model, weft_model_info *out);

/** The device; borrowed. Any thread. */
WEFT_API weft_device *weft_model_device(const weft_model *model);

/** Opens DIRECTORY/tokenizer.json and checks that the model of @p info has a row for each of its tokens.
 *  @param out  yours until weft_tokenizer_close(); NULL on failure.
 *  Errors as weft_tokenizer_open(), and WEFT_PARSE if there are tokens that the model does not have. */
WEFT_API WEFT_CHECKED weft_status weft_model_open_tokenizer(const char *directory, const weft_model_info *info,
                                                            weft_tokenizer **out, weft_error *err);

/* ---- a sequence of tokens ---- */

/** One sequence: cache, activations, session. Opaque. */
typedef struct weft_context weft_context;

/** Zero means the default of each. */
typedef struct weft_context_options {
    uint32_t capacity_tokens; /**< the longest sequence; 0: what the model was made for, at most 4096. More than the
                                 model was made for is WEFT_OUT_OF_RANGE */
    uint32_t batch_tokens;    /**< the most tokens that one forward pass takes; 0: 512. Cut to the capacity. Activations
                                   take memory for as many */
    bool all_logits; /**< keep the logits of every token that is fed, not just of the last one. A call may then feed
                          at most batch_tokens */
    weft_session_options session; /**< of the context's session: hazard report, timeline, budget, a barrier to leave
                                     out. With WEFT_BARRIERS_INFERRED the model places no barriers of its own */
    bool no_graph;   /**< record the pass of a single token anew for each, as the model has it, instead of replaying an
                          optimised graph of it: a hazard report or a barrier to leave out are then about that stream.
                          Also so where barriers are inferred */
    bool no_fuse;    /**< of that graph: leave its dispatches as they are, see graph.h */
    bool no_reorder; /**< of that graph: leave them in their order. With both, barriers stay as recorded too */
} weft_context_options;

/** Makes an empty sequence. All memory that decoding needs is allocated here; after the first decoded token no call
 * below allocates for feeding single tokens (a hazard report or timeline does, though).
 *  @param options  NULL for defaults; copied. What its pointers name is borrowed and must outlive the context.
 *  @param out      owned by the caller until weft_context_destroy(); NULL on failure. */
WEFT_API WEFT_CHECKED weft_status weft_context_create(weft_model *model, const weft_context_options *options,
                                                      weft_context **out, weft_error *err);

/** Waits for the context's work and gives it back. NULL is fine, and so is a context after any error. */
WEFT_API void weft_context_destroy(weft_context *context);

/** Runs the forward pass for tokens that follow those fed so far, and waits for it. More than batch_tokens are run in
 *  several passes, one stage each, chained by fences.
 *  @param ids  @p count tokens.
 *  @retval WEFT_INVALID_ARGUMENT  @p count is 0.
 *  @retval WEFT_OUT_OF_RANGE      a token is none of the model's, or the capacity does not suffice.
 *  After those two the context is as it was. Any other error is final: every later call but weft_context_destroy() and
 * the getters gives it again. */
WEFT_API WEFT_CHECKED weft_status weft_context_feed(weft_context *context, const int32_t *ids, size_t count,
                                                    weft_error *err);

/** The same, with the next token drawn from the last logits in the same command buffer: a decode step is one submission
 *  and one wait.
 *  @param params     see weft_sample(); @p params->draw is the caller's to count. NULL: greedy. Bad parameters are
 *                    WEFT_INVALID_ARGUMENT and leave the context as it was.
 *  @param out_token  the token drawn, which is not fed; -1 on failure. @p ids may point to it. */
WEFT_API WEFT_CHECKED weft_status weft_context_feed_and_sample(weft_context *context, const int32_t *ids, size_t count,
                                                               const weft_sample_params *params, int32_t *out_token,
                                                               weft_error *err);

/** Draws a token from the last logits, in a stage of its own. WEFT_INVALID_STATE before anything was fed. */
WEFT_API WEFT_CHECKED weft_status weft_context_sample(weft_context *context, const weft_sample_params *params,
                                                      int32_t *out_token, weft_error *err);

/** Copies logits that the last feed left: rows [first, first + rows) of vocab floats each. There is one row, of the
 * last token, or with `all_logits` one for each token of that call.
 *  @param out  room for @p rows * vocab floats.
 *  WEFT_OUT_OF_RANGE past the last row, which also is what there is before anything was fed. */
WEFT_API WEFT_CHECKED weft_status weft_context_logits(const weft_context *context, uint32_t first, uint32_t rows,
                                                      float *out, weft_error *err);

/** Counts tokens as fed without running anything, to see what a pass costs behind so many: their keys and values are
 * what the cache holds there, which in a fresh context are zeros. WEFT_OUT_OF_RANGE if the capacity does not suffice.
 */
WEFT_API WEFT_CHECKED weft_status weft_context_skip(weft_context *context, uint32_t tokens, weft_error *err);

/** Tokens fed so far, those skipped included. */
WEFT_API uint32_t weft_context_position(const weft_context *context);

/** Forgets all tokens; keeps the memory. The session and its counts go on. A context that has failed stays so. */
WEFT_API void weft_context_reset(weft_context *context);

/** Where a context stands, and what it takes. */
typedef struct weft_context_info {
    uint32_t position_tokens;
    uint32_t capacity_tokens;
    uint32_t batch_tokens;
    uint32_t logits_rows;      /**< rows that weft_context_logits() can give now */
    uint64_t cache_bytes;      /**< of keys and values */
    uint64_t activation_bytes; /**< of everything else on the device, logits included */
    weft_session_state session;
} weft_context_info;

/** Fills @p out. */
WEFT_API void weft_context_get_info(const weft_context *context, weft_context_info *out);

/* ---- generating ---- */

/** Zero means the default of each. */
typedef struct weft_generate_params {
    size_t tokens_max;          /**< 0: as many as the capacity allows */
    const int32_t *stop_tokens; /**< NULL: those of the model */
    size_t stop_count;          /**< of stop_tokens; stop_tokens not NULL with a count of 0: none stops */
    weft_sample_params sample;  /**< `draw` of the first token; the following ones count on from there */
} weft_generate_params;

/** Called with each token as it is drawn, the stop token included. @return false to stop after this token. */
typedef bool (*weft_token_callback)(void *user, int32_t token);

/** Why generating ended. If several hold, it is the first of: token, callback, tokens_max, capacity. */
typedef enum weft_stop_reason {
    WEFT_STOP_TOKENS_MAX = 0, /**< as many tokens as were asked for */
    WEFT_STOP_TOKEN = 1,      /**< the last token is a stop token */
    WEFT_STOP_CALLBACK = 2,   /**< the callback said so */
    WEFT_STOP_CAPACITY = 3    /**< the context is full */
} weft_stop_reason;

/** "tokens_max", "token", "callback", "capacity"; static storage. Any thread. */
WEFT_API const char *weft_stop_reason_name(weft_stop_reason reason);

/** What generating gave. */
typedef struct weft_generate_result {
    size_t tokens;           /**< drawn, the stop token included */
    weft_stop_reason reason; /**< why there are no more */
} weft_generate_result;

/** Feeds a prompt after what was fed before and draws tokens, one at a time, each fed to draw the next one. The last
 * token is drawn and not fed.
 *  @param prompt    @p count tokens, at least 1.
 *  @param params    NULL for defaults.
 *  @param callback  may be NULL.
 *  @param out       filled also on failure, with the tokens drawn until then; may be NULL.
 *  Errors as weft_context_feed_and_sample(). */
WEFT_API WEFT_CHECKED weft_status weft_generate(weft_context *context, const int32_t *prompt, size_t count,
                                                const weft_generate_params *params, weft_token_callback callback,
                                                void *user, weft_generate_result *out, weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
