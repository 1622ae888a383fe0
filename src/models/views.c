#include "models/context_impl.h"

static const weft__family *family_of(const weft_context *context)
{
    return context->model->checkpoint.family;
}

/* The extents of a pass. */
static weft__dims dims_of_pass(const weft_context *context, uint32_t tokens, uint32_t rows)
{
    weft__dims dims = context->model->checkpoint.dims;
    dims.extent[WEFT__DIM_TOKENS] = tokens;
    dims.extent[WEFT__DIM_ROWS] = rows;
    dims.extent[WEFT__DIM_LAST] = rows > 0;
    return dims;
}

weft_status weft__views_allocate(weft_context *context, weft_error *err)
{
    const weft__family *family = family_of(context);
    weft__dims dims = dims_of_pass(context, context->batch, context->all_logits ? context->batch : 1);
    for (uint32_t i = 0; i < family->view_count; i++) {
        const weft__view_rule *rule = &family->views[i];
        if (rule->memory != i)
            continue;
        weft_shape shape = weft__dims_shape(&dims, rule->rank, rule->dims);
        weft_status status = weft_buffer_create(context->model->device, WEFT_F32, &shape, &context->memory[i], err);
        if (status != WEFT_OK)
            return status;
        weft_buffer_set_label(context->memory[i], rule->label);
    }
    return WEFT_OK;
}

weft_status weft__views_create(const weft_context *context, uint32_t tokens, uint32_t rows, weft__views *out,
                               weft_error *err)
{
    const weft__family *family = family_of(context);
    weft__dims dims = dims_of_pass(context, tokens, rows);
    *out = (weft__views){.tokens = tokens, .rows = rows};
    for (uint32_t i = 0; i < family->view_count; i++) {
        const weft__view_rule *rule = &family->views[i], *owner = &family->views[rule->memory];
        weft_shape shape = weft__dims_shape(&dims, rule->rank, rule->dims);
        weft_shape row = shape;
        row.extent[0] = 1;
        uint64_t skipped = dims.extent[owner->dims[0]] - shape.extent[0];
        weft_status status = weft_buffer_view(
            context->memory[rule->memory], (size_t)(skipped * weft_shape_elements(&row)), &shape, &out->views[i], err);
        if (status != WEFT_OK) {
            weft__views_destroy(out);
            return status;
        }
    }
    return WEFT_OK;
}

void weft__views_destroy(weft__views *views)
{
    for (uint32_t i = 0; i < WEFT__VIEWS_MAX; i++)
        weft_buffer_destroy(views->views[i]);
    *views = (weft__views){0};
}
