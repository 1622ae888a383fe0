#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/rng.h"
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

/* `context` is a bool, which becomes false once the device has said that it cannot work in host memory. */
static weft_status load_weight(weft_model *model, uint32_t index, void *context, weft_error *err)
{
    bool *wraps = context;
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

/* `make` brings one weight to the device. */
static weft_status make_all(weft_model *model, weft_status (*make)(weft_model *, uint32_t, void *, weft_error *),
                            void *context, weft_error *err)
{
    const weft__checkpoint *checkpoint = &model->checkpoint;
    uint32_t count = weft__family_weights(checkpoint->family, &checkpoint->config);
    model->weights = calloc(count, sizeof *model->weights);
    if (!model->weights)
        return weft__fail_memory(err, count * sizeof *model->weights, "the list of a model's weights");
    model->weight_count = count;
    weft_status status = WEFT_OK;
    for (uint32_t index = 0; index < count && status == WEFT_OK; index++)
        if (weft__family_uses(checkpoint->family, &checkpoint->config, index))
            status = make(model, index, context, err);
    return status;
}

weft_status weft__weights_load(weft_model *model, const weft_model_options *options, weft_error *err)
{
    bool wraps = !options->copy_weights;
    return make_all(model, load_weight, &wraps, err);
}

/* ---- weights that are in no file ---- */

#define DRAWN_AT_ONCE 4096u

void weft__weights_describe(weft__checkpoint *checkpoint)
{
    weft_model_info *info = &checkpoint->info;
    uint32_t count = weft__family_weights(checkpoint->family, &checkpoint->config);
    info->dtype = checkpoint->config.dtype;
    for (uint32_t index = 0; index < count; index++) {
        if (!weft__family_uses(checkpoint->family, &checkpoint->config, index))
            continue;
        const weft__weight_rule *rule = weft__family_weight(checkpoint->family, index);
        weft_shape shape = weft__dims_shape(&checkpoint->dims, rule->rank, rule->dims);
        info->parameters += weft_shape_elements(&shape);
        info->weight_bytes += weft_shape_elements(&shape) * weft_dtype_bytes(info->dtype);
        info->tensor_count++;
    }
}

static void draw(uint64_t seed, uint32_t index, uint64_t first, size_t count, double most, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)((2 * weft__rng_unit_of(weft__rng_at(seed, index, first + i)) - 1) * most);
}

static weft_status write_floats(weft_buffer *buffer, uint64_t first, const float *values, size_t count, weft_error *err)
{
    uint16_t halves[DRAWN_AT_ONCE];
    weft_dtype dtype = weft_buffer_dtype(buffer);
    size_t bytes = weft_dtype_bytes(dtype);
    for (size_t i = 0; i < count && dtype != WEFT_F32; i++)
        halves[i] = dtype == WEFT_F16 ? weft__f16_from_f32(values[i]) : weft__bf16_from_f32(values[i]);
    const void *data = dtype == WEFT_F32 ? (const void *)values : halves;
    return weft_buffer_write(buffer, first * bytes, data, count * bytes, err);
}

static weft_status draw_weight(weft_model *model, uint32_t index, void *context, weft_error *err)
{
    const weft__checkpoint *checkpoint = &model->checkpoint;
    const weft__weight_rule *rule = weft__family_weight(checkpoint->family, index);
    weft_shape shape = weft__dims_shape(&checkpoint->dims, rule->rank, rule->dims);
    weft_dtype dtype = checkpoint->config.dtype;
    uint64_t elements = weft_shape_elements(&shape), seed = *(const uint64_t *)context;
    char name[WEFT__WEIGHT_NAME_BYTES];
    weft__family_weight_name(checkpoint->family, index, name);
    weft_status status = weft_buffer_create(model->device, dtype, &shape, &model->weights[index], err);
    if (status != WEFT_OK)
        return weft__fail_within(err, status, "%s", name);
    weft_buffer_set_label(model->weights[index], name);
    float values[DRAWN_AT_ONCE];
    for (uint64_t first = 0; seed && first < elements && status == WEFT_OK; first += DRAWN_AT_ONCE) {
        size_t count = (size_t)(elements - first < DRAWN_AT_ONCE ? elements - first : DRAWN_AT_ONCE);
        if (rule->rank == 1)
            for (size_t i = 0; i < count; i++)
                values[i] = 1;
        else
            draw(seed, index, first, count, sqrt(3 / (double)shape.extent[1]), values);
        status = write_floats(model->weights[index], first, values, count, err);
    }
    return status;
}

weft_status weft__weights_draw(weft_model *model, uint64_t seed, weft_error *err)
{
    return make_all(model, draw_weight, &seed, err);
}
