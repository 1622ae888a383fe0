/* copy: runs of elements that lie one behind another in source and target. A box that is one run is copied by those in
 * whose blocks its target lies; of another one each PE copies an even share of the runs. */
#include "base/size.h"
#include "devices/sim/sim_impl.h"
#include "ops/ops_impl.h"

/* A box as runs: its outer axes, and the elements of a run. */
typedef struct run_list {
    weft__copy_box outer; /* with the rank of the axes outside of a run, perhaps 0 */
    uint64_t runs, length;
} run_list;

/* False for an empty box. */
static bool list_runs(const weft_dispatch *dispatch, run_list *out)
{
    weft__copy_box *box = &out->outer;
    weft__copy_resolve(dispatch, box);
    out->runs = out->length = 1;
    for (uint32_t axis = 0; axis < box->rank; axis++)
        if (box->extent[axis] == 0)
            return false;
    for (; box->rank > 0; box->rank--) {
        uint32_t axis = box->rank - 1;
        bool follows_on = box->source_stride[axis] == out->length && box->target_stride[axis] == out->length;
        if (box->extent[axis] != 1 && !follows_on)
            break;
        out->length *= box->extent[axis];
    }
    for (uint32_t axis = 0; axis < box->rank; axis++)
        out->runs *= box->extent[axis];
    return true;
}

/* A piece of a run. */
static void copy_piece(weft_tile *tl, const weft__sim_call *call, uint64_t source, uint64_t target, uint64_t count)
{
    const weft__sim_view *from = &call->arguments[0], *to = &call->arguments[1];
    uint64_t mark = tl_mark(tl);
    tl_tensor loaded = weft__sim_load(tl, from, source, count);
    weft__sim_store(tl, to, target, from->dtype == to->dtype ? loaded : tl_cast(tl, loaded, to->dtype));
    tl_release(tl, mark);
}

static void copy_run(weft_tile *tl, const weft__sim_call *call, uint64_t source, uint64_t target, uint64_t count)
{
    uint64_t each = weft_dtype_bytes(call->arguments[0].dtype) + weft_dtype_bytes(call->arguments[1].dtype);
    if (count == 0)
        return;
    uint64_t most = weft__sim_elements_at_once(tl, call, each, count);
    for (uint64_t done = 0; done < count; done += most)
        copy_piece(tl, call, source + done, target + done, weft__min_size(count - done, most));
}

/* The part of the only run that goes to blocks of this PE. */
static weft__sim_rows own_part(const weft_tile *tl, const weft__sim_call *call, const run_list *list)
{
    weft__sim_view target = call->arguments[1];
    target.offset_bytes += list->outer.target_offset * weft_dtype_bytes(target.dtype);
    target.elements = list->length;
    return weft__sim_own_rows(tl, &target, 1);
}

static void run_copy(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    run_list list;
    if (!list_runs(call->dispatch, &list))
        return;
    const weft__copy_box *box = &list.outer;
    if (list.runs == 1) {
        weft__sim_rows own = own_part(tl, call, &list);
        copy_run(tl, call, box->source_offset + own.first, box->target_offset + own.first, own.count);
        return;
    }
    weft__sim_rows share = weft__sim_share(tl, list.runs);
    weft__sim_note_split(tl, &call->arguments[1], list.runs, list.length, share.count);
    for (uint64_t i = share.first; i < share.first + share.count; i++) {
        uint64_t source = box->source_offset, target = box->target_offset, rest = i;
        for (uint32_t axis = box->rank; axis-- > 0; rest /= box->extent[axis]) {
            source += rest % box->extent[axis] * box->source_stride[axis];
            target += rest % box->extent[axis] * box->target_stride[axis];
        }
        copy_run(tl, call, source, target, list.length);
    }
}

const weft__sim_kernel weft__sim_kernel_copy = {.kernel = {&weft__op_copy}, .tile = run_copy};
