/* embedding: rows of the table are gathered by whoever has the rows of the output. */
#include "devices/sim/sim_impl.h"
#include "ops/ops_impl.h"

enum {
    TABLE = 0,
    IDS = 1,
    OUT = 2
};

/* Ids that the processor looks at together. */
#define IDS_MAX 64u

/* Columns [column, column + width) of some rows of the output, which are all columns if it is more than one row. */
static void copy_rows(weft_tile *tl, const weft__sim_call *call, const int32_t *ids, weft__sim_rows rows,
                      uint64_t column, uint64_t width)
{
    const weft__sim_view *table = &call->arguments[TABLE];
    const weft__embedding_params *params = call->dispatch->params;
    uint64_t dims = table->shape.extent[1];
    uint64_t mark = tl_mark(tl);
    tl_tensor found = tl_empty(tl, weft_shape_1d(rows.count * width), table->dtype);
    for (uint64_t i = 0; i < rows.count; i++)
        weft__sim_load_to(tl, tl_slice(tl, found, 0, i * width, width), table, (uint64_t)ids[i] * dims + column);
    if (table->dtype != WEFT_F32)
        found = tl_cast(tl, found, WEFT_F32);
    if (params->scale != 1)
        found = tl_mul(tl, found, tl_full(tl, weft_shape_1d(1), WEFT_F32, (double)params->scale));
    weft__sim_store(tl, &call->arguments[OUT], rows.first * dims + column, found);
    tl_release(tl, mark);
}

/* True if all ids are rows of the table. Notes the first one that is not. */
static bool check_ids(const weft__sim_call *call, const int32_t *ids, weft__sim_rows rows)
{
    for (uint64_t i = 0; i < rows.count; i++)
        if (ids[i] < 0 || (uint64_t)ids[i] >= call->arguments[TABLE].shape.extent[0]) {
            weft__sim_fault(call, (weft__fault){WEFT__FAULT_ID, (size_t)(rows.first + i), 0, ids[i]});
            return false;
        }
    return true;
}

static void run_embedding(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    uint64_t dims = call->arguments[TABLE].shape.extent[1];
    weft__sim_rows own = weft__sim_own_rows(tl, &call->arguments[OUT], dims);
    /* As it is loaded, as f32, and scaled. */
    uint64_t element_bytes = weft__sim_f32_bytes(&call->arguments[TABLE]) + sizeof(float);
    for (uint64_t done = 0; done < own.count;) {
        uint64_t left = own.count - done;
        uint64_t some = weft__sim_rows_at_once(call, dims * element_bytes, 0, left < IDS_MAX ? left : IDS_MAX);
        weft__sim_rows rows = {own.first + done, some ? some : 1};
        int32_t ids[IDS_MAX];
        weft__sim_peek(tl, call, IDS, rows.first, rows.count, ids);
        if (!check_ids(call, ids, rows))
            return;
        for (uint64_t column = 0, width; column < dims; column += width) {
            width = some ? dims : weft__sim_elements_at_once(tl, call, element_bytes, dims - column);
            copy_rows(tl, call, ids, rows, column, width);
        }
        done += rows.count;
    }
}

const weft__sim_kernel weft__sim_kernel_embedding = {.kernel = {&weft__op_embedding}, .tile = run_embedding};
