/* weft info: what is in a model directory, a weight file, a tokenizer or a machine. */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include <weft/model.h>
#include <weft/safetensors.h>

#include "json_output.h"
#include "machine_input.h"
#include "machine_output.h"
#include "output.h"

/* "<|endoftext|>", "?" for bytes that are no token. */
static json_t *json_of_token(const weft_tokenizer *tokenizer, int32_t id)
{
    const char *text;
    size_t bytes;
    json_t *object = json_object();
    json_object_set_new(object, "id", json_integer(id));
    if (weft_tokenizer_token_bytes(tokenizer, id, &text, &bytes, NULL) == WEFT_OK)
        json_object_set_new(object, "text", cli_json_bytes(text, bytes));
    else
        json_object_set_new(object, "text", json_null());
    return object;
}

static json_t *json_of_model(const char *path, const weft_model_info *info, const weft_tokenizer *tokenizer)
{
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"parameters", info->parameters},
        {"weight_bytes", info->weight_bytes},
        {"files", info->file_count},
        {"tensors", info->tensor_count},
        {"layers", info->layers},
        {"hidden", info->hidden},
        {"heads", info->heads},
        {"kv_heads", info->kv_heads},
        {"head_dim", info->head_dim},
        {"intermediate", info->intermediate},
        {"vocab", info->vocab},
        {"positions", info->positions},
        {"window", info->window},
        {"cache_token_bytes", info->cache_token_bytes},
        {"tokenizer_vocab", weft_tokenizer_vocab_size(tokenizer)},
    };
    json_t *object = json_object(), *stops = json_array();
    json_object_set_new(object, "kind", cli_json_text("model"));
    json_object_set_new(object, "path", cli_json_text(path));
    json_object_set_new(object, "family", cli_json_text(info->family));
    json_object_set_new(object, "architecture", cli_json_text(info->architecture));
    json_object_set_new(object, "dtype", cli_json_text(weft_dtype_name(info->dtype)));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        json_object_set_new(object, counts[i].name, cli_json_count(counts[i].count));
    json_object_set_new(object, "rope_theta", cli_json_number(info->rope_theta));
    json_object_set_new(object, "is_tied", json_boolean(info->is_tied));
    json_object_set_new(object, "start_token",
                        info->start_token >= 0 ? json_of_token(tokenizer, info->start_token) : json_null());
    for (uint32_t i = 0; i < info->stop_count; i++)
        json_array_append_new(stops, json_of_token(tokenizer, info->stop_tokens[i]));
    json_object_set_new(object, "stop_tokens", stops);
    return object;
}

/* A token as people may read it: in quotes, with what does not print as a question mark. */
static void out_token(const weft_tokenizer *tokenizer, int32_t id)
{
    const char *text;
    size_t bytes;
    cli_out(" %" PRId32, id);
    if (weft_tokenizer_token_bytes(tokenizer, id, &text, &bytes, NULL) != WEFT_OK)
        return;
    cli_out(" '");
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n')
            cli_out("\\n");
        else
            cli_out("%c", text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?');
    }
    cli_out("'");
}

static void out_model(const weft_model_info *info, const weft_tokenizer *tokenizer)
{
    char weights[CLI_BYTES_TEXT], cache[CLI_BYTES_TEXT];
    cli_out("family        ");
    cli_out_name(info->family);
    cli_out(" (");
    cli_out_name(info->architecture[0] ? info->architecture : "no architecture named");
    cli_out(")\n");
    cli_out("parameters    %" PRIu64 " in %u tensor%s of %u file%s, %s of %s\n", info->parameters, info->tensor_count,
            cli_plural(info->tensor_count, "s"), info->file_count, cli_plural(info->file_count, "s"),
            cli_bytes_text(info->weight_bytes, weights), weft_dtype_name(info->dtype));
    cli_out("layers        %u, %u wide, feed-forward %u\n", info->layers, info->hidden, info->intermediate);
    cli_out("attention     %u head%s of %u, %u for keys and values", info->heads, cli_plural(info->heads, "s"),
            info->head_dim, info->kv_heads);
    if (info->window > 0)
        cli_out(", window of %u", info->window);
    cli_out("\npositions     %u, rotary base %g\n", info->positions, info->rope_theta);
    cli_out("cache         %s for each token\n", cli_bytes_text(info->cache_token_bytes, cache));
    cli_out("vocabulary    %u, of which the tokenizer has %u; output %s\n", info->vocab,
            weft_tokenizer_vocab_size(tokenizer), info->is_tied ? "tied to the embedding" : "of its own");
    cli_out("stops at     ");
    for (uint32_t i = 0; i < info->stop_count; i++) {
        out_token(tokenizer, info->stop_tokens[i]);
        cli_out(i + 1 < info->stop_count ? "," : "");
    }
    cli_out(info->stop_count > 0 ? "\n" : " nothing\n");
}

static int show_model(const cli_values *values)
{
    weft_error err;
    weft_model_info info;
    weft_tokenizer *tokenizer = NULL;
    weft_status status = weft_model_describe(values->operand, &info, &err);
    if (status == WEFT_OK)
        status = weft_model_open_tokenizer(values->operand, &info, &tokenizer, &err);
    if (status != WEFT_OK)
        return cli_fail(values->verb->name, status, &err);
    if (cli_given(values, &cli_option_json))
        cli_out_json(json_of_model(values->operand, &info, tokenizer));
    else
        out_model(&info, tokenizer);
    weft_tokenizer_close(tokenizer);
    return CLI_EXIT_OK;
}

static json_t *json_of_weights(const char *path, const weft_safetensors *file)
{
    json_t *object = json_object(), *list = json_array();
    uint64_t bytes = 0, elements = 0;
    for (size_t i = 0; i < weft_safetensors_count(file); i++) {
        weft_safetensors_tensor tensor;
        if (weft_safetensors_at(file, i, &tensor, NULL) != WEFT_OK)
            break;
        bytes += tensor.bytes;
        elements += weft_shape_elements(&tensor.shape);
        json_t *one = json_object();
        json_object_set_new(one, "name", cli_json_text(tensor.name));
        json_object_set_new(one, "dtype",
                            cli_json_text(tensor.is_supported ? weft_dtype_name(tensor.dtype) : tensor.dtype_name));
        json_object_set_new(one, "is_supported", json_boolean(tensor.is_supported));
        json_object_set_new(one, "shape", cli_json_shape(&tensor.shape));
        json_object_set_new(one, "bytes", cli_json_count(tensor.bytes));
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "kind", cli_json_text("safetensors"));
    json_object_set_new(object, "path", cli_json_text(path));
    json_object_set_new(object, "elements", cli_json_count(elements));
    json_object_set_new(object, "bytes", cli_json_count(bytes));
    json_object_set_new(object, "tensors", list);
    return object;
}

static void out_weights(const weft_safetensors *file)
{
    char shape[WEFT_SHAPE_TEXT_BYTES], size[CLI_BYTES_TEXT];
    uint64_t bytes = 0, elements = 0;
    size_t count = weft_safetensors_count(file);
    for (size_t i = 0; i < count; i++) {
        weft_safetensors_tensor tensor;
        if (weft_safetensors_at(file, i, &tensor, NULL) != WEFT_OK)
            break;
        bytes += tensor.bytes;
        elements += weft_shape_elements(&tensor.shape);
        cli_out("%-8s  %-16s  %12zu  ", tensor.is_supported ? weft_dtype_name(tensor.dtype) : tensor.dtype_name,
                weft_shape_text(&tensor.shape, shape), tensor.bytes);
        cli_out_name(tensor.name);
        cli_out("\n");
    }
    cli_out("%zu tensor%s, %" PRIu64 " element%s, %s\n", count, cli_plural(count, "s"), elements,
            cli_plural(elements, "s"), cli_bytes_text(bytes, size));
}

static int show_weights(const cli_values *values)
{
    weft_error err;
    weft_safetensors *file;
    weft_status status = weft_safetensors_open(values->operand, &file, &err);
    if (status != WEFT_OK)
        return cli_fail(values->verb->name, status, &err);
    if (cli_given(values, &cli_option_json))
        cli_out_json(json_of_weights(values->operand, file));
    else
        out_weights(file);
    weft_safetensors_close(file);
    return CLI_EXIT_OK;
}

static int show_tokenizer(const cli_values *values)
{
    weft_error err;
    weft_tokenizer *tokenizer;
    weft_status status = weft_tokenizer_open(values->operand, &tokenizer, &err);
    if (status != WEFT_OK)
        return cli_fail(values->verb->name, status, &err);
    uint32_t vocab = weft_tokenizer_vocab_size(tokenizer);
    json_t *special = json_array();
    for (uint32_t id = 0; id < vocab; id++) {
        if (weft_tokenizer_is_special(tokenizer, (int32_t)id))
            json_array_append_new(special, json_of_token(tokenizer, (int32_t)id));
    }
    if (cli_given(values, &cli_option_json)) {
        json_t *object = json_object();
        json_object_set_new(object, "kind", cli_json_text("tokenizer"));
        json_object_set_new(object, "path", cli_json_text(values->operand));
        json_object_set_new(object, "vocab", cli_json_count(vocab));
        json_object_set(object, "special_tokens", special);
        cli_out_json(object);
    } else {
        cli_out("vocabulary    %u\nspecial      ", vocab);
        for (uint32_t id = 0; id < vocab; id++) {
            if (weft_tokenizer_is_special(tokenizer, (int32_t)id))
                out_token(tokenizer, (int32_t)id);
        }
        cli_out(json_array_size(special) > 0 ? "\n" : " none\n");
    }
    json_decref(special);
    weft_tokenizer_close(tokenizer);
    return CLI_EXIT_OK;
}

static int show_machine(const cli_values *values)
{
    weft_error err;
    weft_machine *machine;
    weft_machine_info info;
    int code = cli_open_machine_file(values, values->operand, &machine, &err);
    if (code != CLI_EXIT_OK) {
        cli_error(values->verb->name, "%s", err.message);
        return code;
    }
    weft_machine_get_info(machine, &info);
    if (cli_given(values, &cli_option_json))
        cli_out_json(cli_json_machine(values->operand, &info));
    else
        cli_out_machine(&info);
    weft_machine_close(machine);
    return CLI_EXIT_OK;
}

typedef int show_function(const cli_values *values);

static const struct {
    const char *suffix;
    show_function *show;
} kinds[] = {
    {".safetensors", show_weights},
    {".json", show_tokenizer},
    {".yaml", show_machine},
    {".yml", show_machine},
};

/* What tells of a file, by the end of its name; NULL for other names. */
static show_function *find_kind(const char *path)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(path), suffix = strlen(kinds[i].suffix);
        if (length >= suffix && strcmp(path + length - suffix, kinds[i].suffix) == 0)
            return kinds[i].show;
    }
    return NULL;
}

static int run(const cli_values *values)
{
    struct stat status;
    const char *path = values->operand;
    if (stat(path, &status) != 0) {
        cli_error(values->verb->name, "'%s' cannot be opened: %s.", path, strerror(errno));
        return CLI_EXIT_INPUT;
    }
    show_function *show = S_ISDIR(status.st_mode) ? show_model : find_kind(path);
    if (!show) {
        cli_error(values->verb->name,
                  "'%s' is neither a directory nor a .safetensors file, a tokenizer.json or a machine in .yaml.", path);
        return CLI_EXIT_INPUT;
    }
    if (show != show_machine && cli_given(values, &cli_option_set))
        return cli_usage_error(values->verb->name, "--set is for machines, and '%s' is none.", path);
    return show(values);
}

static const cli_option *const options[] = {&cli_option_set, &cli_option_json, NULL};

static const cli_example examples[] = {
    {"weft info models/sums", "family, sizes and tokenizer of a model"},
    {"weft info models/sums/model.safetensors", "every tensor with dtype, shape and bytes"},
    {"weft info models/sums/tokenizer.json", "size of the vocabulary, and the special tokens"},
    {"weft info machines/two-sip.yaml", "what a simulated machine is made of"},
    {NULL, NULL},
};

const cli_verb cli_verb_info = {
    .name = "info",
    .summary = "tell what is in a model, a weight file, a tokenizer or a machine",
    .description = "Reads and checks everything that using it would check, and prints a summary. No device is needed.",
    .operand = "PATH",
    .operand_help = "a model directory, a .safetensors file, a tokenizer.json or a machine in .yaml",
    .operand_is_required = true,
    .options = options,
    .examples = examples,
    .run = run,
};
