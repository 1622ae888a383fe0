#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/status.h"
#include "formats/json.h"
#include "models/model_impl.h"

static weft_status check_weight(weft__checkpoint *checkpoint, uint32_t index, weft_error *err)
{
    char name[WEFT__WEIGHT_NAME_BYTES];
    const weft__weight_rule *rule = weft__family_weight(checkpoint->family, index);
    weft__family_weight_name(checkpoint->family, index, name);
    weft_safetensors_tensor tensor;
    const char *file;
    weft_status status = weft__weight_files_find(checkpoint->files, name, &tensor, &file, err);
    if (status != WEFT_OK)
        return status;
    if (!weft__dtype_is_float(tensor.dtype))
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: tensor \"%s\" has dtype %s, expected F32, F16 or BF16.", file,
                          name, tensor.dtype_name);
    weft_shape expected = weft__dims_shape(&checkpoint->dims, rule->rank, rule->dims);
    if (!weft_shape_equal(&tensor.shape, &expected)) {
        char is[WEFT_SHAPE_TEXT_BYTES], should[WEFT_SHAPE_TEXT_BYTES];
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: tensor \"%s\" has shape %s, but config.json demands shape %s.",
                          file, name, weft_shape_text(&tensor.shape, is), weft_shape_text(&expected, should));
    }
    if (index == WEFT__WEIGHT_EMBEDDING)
        checkpoint->info.dtype = tensor.dtype;
    checkpoint->info.parameters += weft_shape_elements(&tensor.shape);
    checkpoint->info.weight_bytes += tensor.bytes;
    checkpoint->info.tensor_count++;
    return WEFT_OK;
}

/* A tensor that the forward pass would leave unused means that the files are of another model than the configuration.
 */
static weft_status check_no_others(const weft__checkpoint *checkpoint, const weft__shard *shard, weft_error *err)
{
    for (size_t i = 0; i < weft_safetensors_count(shard->file); i++) {
        weft_safetensors_tensor tensor;
        weft_status status = weft_safetensors_at(shard->file, i, &tensor, err);
        if (status != WEFT_OK)
            return status;
        char text[WEFT__JSON_TEXT_BYTES];
        if (!weft__family_knows(checkpoint->family, &checkpoint->config, tensor.name))
            return weft__fail(err, WEFT_UNSUPPORTED, "%s: tensor %s has no place in a %s model of %u layers.",
                              shard->name, weft__json_quote(tensor.name, strlen(tensor.name), text),
                              checkpoint->family->model_type, checkpoint->config.num_hidden_layers);
    }
    return WEFT_OK;
}

weft_status weft__weights_check(weft__checkpoint *checkpoint, weft_error *err)
{
    weft_status status = WEFT_OK;
    uint32_t count = weft__family_weights(checkpoint->family, &checkpoint->config);
    for (uint32_t index = 0; index < count && status == WEFT_OK; index++)
        if (weft__family_uses(checkpoint->family, &checkpoint->config, index))
            status = check_weight(checkpoint, index, err);
    for (size_t i = 0; i < checkpoint->files->count && status == WEFT_OK; i++)
        status = check_no_others(checkpoint, &checkpoint->files->shards[i], err);
    return status;
}

static weft_status wrap(weft_model *model, const weft_safetensors_tensor *tensor, weft_buffer **out, weft_error *err)
{
    weft__weight_files *files = model->checkpoint.files;
    weft__weight_files_retain(files);
    weft_status status = weft_buffer_wrap(model->device, tensor->dtype, &tensor->shape, tensor->data,
                                          weft__weight_files_release, files, out, err);
    if (status != WEFT_OK)
        weft__weight_files_release(files);
    return status;
}

static weft_status copy(weft_model *model, const weft_safetensors_tensor *tensor, weft_buffer **out, weft_error *err)
{
    weft_status status = weft_buffer_create(model->device, tensor->dtype, &tensor->shape, out, err);
    if (status == WEFT_OK)
        status = weft_buffer_write(*out, 0, tensor->data, tensor->bytes, err);
    return status;
}

/* `*wraps` becomes false once the device has said that it cannot work in host memory. */
static weft_status load_weight(weft_model *model, uint32_t index, bool *wraps, weft_error *err)
{
    char name[WEFT__WEIGHT_NAME_BYTES];
    weft__family_weight_name(model->checkpoint.family, index, name);
    weft_safetensors_tensor tensor;
    const char *file;
    weft_buffer **out = &model->weights[index];
    weft_status status = weft__weight_files_find(model->checkpoint.files, name, &tensor, &file, err);
    if (status != WEFT_OK)
        return status;
    bool is_aligned = (uintptr_t)tensor.data % weft_dtype_bytes(tensor.dtype) == 0;
    if (*wraps && is_aligned) {
        status = wrap(model, &tensor, out, err);
        *wraps = status != WEFT_UNSUPPORTED;
    }
    if (!*wraps || !is_aligned)
        status = copy(model, &tensor, out, err);
    if (status != WEFT_OK)
        return weft__fail_within(err, status, "%s", name);
    weft_buffer_set_label(*out, name);
    return WEFT_OK;
}

weft_status weft__weights_load(weft_model *model, const weft_model_options *options, weft_error *err)
{
    const weft__checkpoint *checkpoint = &model->checkpoint;
    uint32_t count = weft__family_weights(checkpoint->family, &checkpoint->config);
    model->weights = calloc(count, sizeof *model->weights);
    if (!model->weights)
        return weft__fail_memory(err, count * sizeof *model->weights, "the list of a model's weights");
    model->weight_count = count;
    bool wraps = !options->copy_weights;
    weft_status status = WEFT_OK;
    for (uint32_t index = 0; index < count && status == WEFT_OK; index++)
        if (weft__family_uses(checkpoint->family, &checkpoint->config, index))
            status = load_weight(model, index, &wraps, err);
    return status;
}
