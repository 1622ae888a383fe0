/* Tensors with strides as values: runs of elements that lie together, put one behind the other, with their axes turned
 * as the tensor has them; and what has become of their bytes. */
#include <stdlib.h>

#include "sim/values/values_impl.h"
#include "sim/values/runs.h"

bool weft__pe_values_is_contiguous(const tl_tensor *tensor)
{
    uint64_t stride = 1;
    for (uint32_t axis = tensor->shape.rank; axis-- > 0;) {
        if (tensor->shape.extent[axis] != 1 && tensor->stride[axis] != stride)
            return false;
        stride *= tensor->shape.extent[axis];
    }
    return true;
}

/* A run as a value: from the memory at its address, or from the value that the tensor is a part of. */
static weft_status read_run(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, weft__value_id filling,
                            uint64_t begin_bytes, const weft_shape *shape, weft__value_id *out, weft_error *err)
{
    if (of)
        return weft__values_view(it->values, of, tensor->address - tensor->base + begin_bytes, tensor->dtype, shape,
                                 out, err);
    weft__memory *memory;
    uint64_t offset;
    uint64_t bytes = weft_shape_elements(shape) * weft_dtype_bytes(tensor->dtype);
    weft_status status = weft__pe_values_find(it, tensor->address + begin_bytes, bytes, &memory, &offset, err);
    if (status != WEFT_OK)
        return status;
    if (filling)
        return weft__memory_read_filled(memory, offset, tensor->dtype, shape, filling, out, err);
    return weft__memory_read(memory, offset, tensor->dtype, shape, out, err);
}

static weft_status make_room(weft__pe_values *it, uint64_t parts, weft_error *err)
{
    if (parts <= it->parts_capacity)
        return WEFT_OK;
    weft__value_part *grown =
        parts < SIZE_MAX / sizeof *grown ? realloc(it->parts, (size_t)parts * sizeof *grown) : NULL;
    if (!grown)
        return weft__fail_memory(err, (size_t)parts * sizeof *grown, "the parts of a tensor");
    it->parts = grown;
    it->parts_capacity = (size_t)parts;
    return WEFT_OK;
}

/* All runs one behind the other. */
static weft_status gather(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, weft__value_id filling,
                          const weft__runs *as, weft__value_id *out, weft_error *err)
{
    uint64_t each = weft_dtype_bytes(tensor->dtype), made = 0;
    weft_shape shape = weft_shape_1d(as->run);
    weft_status status = make_room(it, as->count, err);
    for (; status == WEFT_OK && made < as->count; made++) {
        weft__value_id run;
        status = read_run(it, tensor, of, filling, weft__runs_begin(as, made) * each, &shape, &run, err);
        if (status != WEFT_OK)
            break;
        it->parts[made] = (weft__value_part){run, 0, as->run * each};
    }
    if (status == WEFT_OK)
        status = weft__values_compose(it->values, tensor->dtype, &as->shape, it->parts, (size_t)as->count, out, err);
    for (uint64_t i = 0; i < made; i++)
        weft__values_release(it->values, it->parts[i].value);
    return status;
}

weft_status weft__pe_values_view(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of,
                                 weft__value_id filling, weft__value_id *out, weft_error *err)
{
    *out = 0;
    if (weft__pe_values_is_contiguous(tensor))
        return read_run(it, tensor, of, filling, 0, &tensor->shape, out, err);
    weft__runs as = weft__runs_of(tensor);
    weft__value_id gathered;
    weft_status status = as.count == 1 ? read_run(it, tensor, of, filling, 0, &as.shape, &gathered, err)
                                       : gather(it, tensor, of, filling, &as, &gathered, err);
    if (status != WEFT_OK)
        return status;
    uint32_t order[WEFT_RANK_MAX];
    bool is_turned = false;
    for (uint32_t i = 0; i < as.shape.rank; i++) {
        order[as.order[i]] = i;
        is_turned |= as.order[i] != i;
    }
    if (!is_turned) {
        *out = gathered;
        return WEFT_OK;
    }
    status = weft__values_transpose(it->values, gathered, order, out, err);
    weft__values_release(it->values, gathered);
    return status;
}

/* ---- looking at runs ---- */

/* Looks at a range of a memory; true ends the search, with what was found in *out. */
typedef struct run_search {
    weft_status (*look)(const struct run_search *search, weft__pe_values *it, weft__memory *memory, uint64_t offset,
                        uint64_t address, uint64_t bytes, bool *out_found, weft__memory_change *out, weft_error *err);
    const tl_tensor *tensor;
    weft__value_id of;
    uint64_t base, writes;
} run_search;

static weft_status search_range(weft__pe_values *it, const run_search *search, uint64_t address, uint64_t bytes,
                                bool *out_found, weft__memory_change *out, weft_error *err)
{
    weft__memory *memory;
    uint64_t offset;
    weft_status status = weft__pe_values_find(it, address, bytes, &memory, &offset, err);
    if (status == WEFT_OK)
        status = search->look(search, it, memory, offset, address, bytes, out_found, out, err);
    if (status == WEFT_OK && *out_found)
        out->address += address - offset;
    return status;
}

static weft_status search_runs(weft__pe_values *it, const run_search *search, bool *out_found, weft__memory_change *out,
                               weft_error *err)
{
    const tl_tensor *tensor = search->tensor;
    uint64_t each = weft_dtype_bytes(tensor->dtype);
    weft_status status = WEFT_OK;
    *out_found = false;
    if (weft__pe_values_is_contiguous(tensor))
        return search_range(it, search, tensor->address, weft_shape_elements(&tensor->shape) * each, out_found, out,
                            err);
    weft__runs as = weft__runs_of(tensor);
    for (uint64_t i = 0; i < as.count && !*out_found && status == WEFT_OK; i++)
        status = search_range(it, search, tensor->address + weft__runs_begin(&as, i) * each, as.run * each, out_found,
                              out, err);
    return status;
}

static weft_status look_for_another(const run_search *search, weft__pe_values *it, weft__memory *memory,
                                    uint64_t offset, uint64_t address, uint64_t bytes, bool *out_found,
                                    weft__memory_change *out, weft_error *err)
{
    weft__value_id part;
    weft_dtype dtype = search->tensor->dtype;
    weft_shape shape = weft_shape_1d(bytes / weft_dtype_bytes(dtype));
    weft_status status = weft__values_view(it->values, search->of, address - search->base, dtype, &shape, &part, err);
    if (status != WEFT_OK)
        return status;
    *out_found = !weft__memory_check(memory, offset, part, out);
    weft__values_release(it->values, part);
    return WEFT_OK;
}

weft_status weft__pe_values_is_there(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, uint64_t base,
                                     bool *out_is_there, weft__memory_change *out, weft_error *err)
{
    weft__memory *memory;
    uint64_t offset;
    weft_status status = weft__pe_values_find(it, base, 1, &memory, &offset, err);
    if (status != WEFT_OK)
        return status;
    *out_is_there = weft__memory_check(memory, offset, of, out);
    if (*out_is_there)
        return WEFT_OK;
    bool is_another;
    status = search_runs(it, &(run_search){.look = look_for_another, .tensor = tensor, .of = of, .base = base},
                         &is_another, out, err);
    *out_is_there = !is_another;
    return status;
}

static weft_status look_for_write(const run_search *search, weft__pe_values *it, weft__memory *memory, uint64_t offset,
                                  uint64_t address, uint64_t bytes, bool *out_found, weft__memory_change *out,
                                  weft_error *err)
{
    (void)it;
    (void)address;
    (void)err;
    *out_found = weft__memory_written_since(memory, offset, bytes, search->writes, out);
    return WEFT_OK;
}

weft_status weft__pe_values_was_written(weft__pe_values *it, const tl_tensor *tensor, uint64_t writes, bool *out_was,
                                        weft__memory_change *out, weft_error *err)
{
    return search_runs(it, &(run_search){.look = look_for_write, .tensor = tensor, .writes = writes}, out_was, out,
                       err);
}

static weft_status look_for_gap(const run_search *search, weft__pe_values *it, weft__memory *memory, uint64_t offset,
                                uint64_t address, uint64_t bytes, bool *out_found, weft__memory_change *out,
                                weft_error *err)
{
    (void)search;
    (void)it;
    (void)address;
    (void)err;
    *out_found = weft__memory_has_gap(memory, offset, bytes, out);
    return WEFT_OK;
}

weft_status weft__pe_values_has_gap(weft__pe_values *it, const tl_tensor *tensor, bool *out_has,
                                    weft__memory_change *out, weft_error *err)
{
    return search_runs(it, &(run_search){.look = look_for_gap, .tensor = tensor}, out_has, out, err);
}
