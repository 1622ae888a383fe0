#include "sim/pe/plan.h"

#include "base/size.h"

/* A part of an axis. */
typedef struct span {
    uint64_t begin, count;
} span;

/* Tile `index` of an extent. */
static span tile_of(uint64_t extent, uint64_t tile, uint64_t index)
{
    uint64_t begin = index * tile;
    return (span){begin, extent - begin < tile ? extent - begin : tile};
}

/* The part of `elements` that belongs to a part of `whole`. */
static span share(uint64_t elements, uint64_t whole, span part)
{
    if (elements == whole)
        return part;
    uint64_t begin = elements * part.begin / whole;
    return (span){begin, elements * (part.begin + part.count) / whole - begin};
}

static bool has_scope(const weft__plan *plan, weft_epilogue_scope scope)
{
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].scope == scope)
            return true;
    return false;
}

static uint64_t math_tile(const weft__pe_rates *rates)
{
    return (uint64_t)rates->gemm.tile_m * rates->gemm.tile_n;
}

/* ---- how many ---- */

/* The tiles of a GEMM but for those of the scope `kernel`. */
static uint64_t gemm_tiles(const weft__plan *plan, const weft__pe_rates *rates)
{
    return weft__ceil_div(plan->m, rates->gemm.tile_m) * weft__ceil_div(plan->n, rates->gemm.tile_n) *
           weft__ceil_div(plan->k, rates->gemm.tile_k);
}

uint64_t weft__plan_tiles(const weft__plan *plan, const weft__pe_rates *rates)
{
    if (plan->kind == WEFT__PLAN_GEMM)
        return gemm_tiles(plan, rates) + has_scope(plan, WEFT_SCOPE_KERNEL);
    if (plan->kind == WEFT__PLAN_MATH)
        return weft__ceil_div(plan->elements, math_tile(rates));
    return 1;
}

static uint64_t math_landings(const weft__plan *plan, const weft__pe_rates *rates)
{
    uint64_t tiles = weft__plan_tiles(plan, rates), count = 0;
    if (plan->output.elements == plan->elements)
        return tiles;
    for (uint64_t tile = 0; tile < tiles; tile++) {
        span part = tile_of(plan->elements, math_tile(rates), tile);
        count += share(plan->output.elements, plan->elements, part).count > 0;
    }
    return count;
}

uint64_t weft__plan_landings(const weft__plan *plan, const weft__pe_rates *rates)
{
    if (plan->kind == WEFT__PLAN_GEMM)
        return weft__ceil_div(plan->m, rates->gemm.tile_m) * weft__ceil_div(plan->n, rates->gemm.tile_n) +
               has_scope(plan, WEFT_SCOPE_KERNEL);
    return plan->kind == WEFT__PLAN_MATH ? math_landings(plan, rates) : 1;
}

bool weft__plan_is_last_pass(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile)
{
    return plan->kind == WEFT__PLAN_GEMM && tile == gemm_tiles(plan, rates);
}

uint32_t weft__plan_engines(const weft__plan *plan)
{
    if (plan->kind == WEFT__PLAN_READ)
        return 1u << WEFT__STAGE_DMA_READ;
    if (plan->kind == WEFT__PLAN_WRITE)
        return 1u << WEFT__STAGE_DMA_WRITE;
    bool is_gemm = plan->kind == WEFT__PLAN_GEMM;
    uint32_t engines = 1u << WEFT__STAGE_STORE | 1u << (is_gemm ? WEFT__STAGE_GEMM : WEFT__STAGE_MATH);
    if (plan->input_count)
        engines |= 1u << WEFT__STAGE_FETCH;
    if (plan->step_count)
        engines |= 1u << WEFT__STAGE_MATH;
    for (uint32_t i = 0; i < plan->input_count; i++)
        engines |= plan->inputs[i].is_remote ? 1u << WEFT__STAGE_DMA_READ : 0;
    if (plan->output.is_remote)
        engines |= 1u << WEFT__STAGE_DMA_WRITE;
    if (plan->output.is_remote && has_scope(plan, WEFT_SCOPE_KERNEL))
        engines |= 1u << WEFT__STAGE_DMA_READ;
    return engines;
}

/* ---- the stages of one ---- */

static void add(weft__stages *out, weft__stage stage)
{
    out->at[out->count++] = stage;
}

/* What a fetch brings. */
typedef struct fetch {
    uint64_t bytes;
    uint64_t strided_bytes, strided_ps; /* of them, what lies with gaps */
} fetch;

static void add_fetch(weft__stages *out, const weft__pe_rates *rates, const fetch *it)
{
    uint64_t ps = weft__pe_read_ps(rates, it->bytes - it->strided_bytes) + it->strided_ps;
    add(out, (weft__stage){.kind = WEFT__STAGE_FETCH, .ps = ps, .bytes = it->bytes});
}

/* Adds so many elements of an operand in the TCM, in rows and columns; of the last row some may be missing. */
static void fetch_box(fetch *it, const weft__pe_rates *rates, const weft__plan_tensor *input, uint64_t elements,
                      uint64_t rows, uint64_t columns)
{
    uint64_t each = input->element_bytes, run = 1, pitch;
    if (!input->is_strided || input->is_remote || rates->banks == 0)
        return;
    if (rows == 1 || (columns > 1 && input->stride <= input->row_stride)) {
        run = input->stride == 1 ? columns : 1;
        pitch = run > 1 ? input->row_stride : input->stride;
    } else {
        run = input->row_stride == 1 ? rows : 1;
        pitch = run > 1 ? input->stride : input->row_stride;
    }
    it->strided_bytes += elements * each;
    it->strided_ps += weft__pe_read_runs_ps(rates, rows * columns / run, run * each, pitch * each);
}

/* From the registers to where the output goes. */
static void add_output(weft__stages *out, const weft__pe_rates *rates, const weft__plan_tensor *output,
                       uint64_t first_element, uint64_t elements)
{
    uint64_t bytes = elements * output->element_bytes, offset_bytes = first_element * output->element_bytes;
    add(out, (weft__stage){.kind = WEFT__STAGE_STORE, .ps = weft__pe_write_ps(rates, bytes), .bytes = bytes});
    if (output->is_remote)
        add(out, (weft__stage){.kind = WEFT__STAGE_DMA_WRITE,
                               .operand = WEFT__PLAN_OUTPUT,
                               .offset_bytes = offset_bytes,
                               .bytes = bytes});
}

/* The bytes of a tile of an input; a DMA read if it must be brought. */
static void add_input(weft__stages *out, fetch *fetched, const weft__plan_tensor *input, uint32_t operand,
                      uint64_t first_element, uint64_t elements)
{
    uint64_t bytes = elements * input->element_bytes;
    if (input->is_remote && bytes)
        add(out, (weft__stage){.kind = WEFT__STAGE_DMA_READ,
                               .operand = operand,
                               .offset_bytes = first_element * input->element_bytes,
                               .bytes = bytes});
    fetched->bytes += bytes;
}

/* What the steps of a scope need for a part of the output: bytes to fetch, and time. */
static void add_steps(const weft__plan *plan, const weft__pe_rates *rates, weft_epilogue_scope scope, uint64_t rows,
                      uint64_t columns, uint64_t *bytes, uint64_t *ps)
{
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const weft__plan_step *step = &plan->steps[i];
        if (step->scope != scope)
            continue;
        *bytes += step->operand_bytes * weft__min_size(rows, step->operand_rows) *
                  weft__min_size(columns, step->operand_columns);
        *ps += weft__pe_epilogue_ps(rates, step->op, rows * columns);
    }
}

static void add_last_pass(const weft__plan *plan, const weft__pe_rates *rates, weft__stages *out)
{
    uint64_t elements = plan->m * plan->n, ps = 0;
    fetch fetched = {0};
    add_input(out, &fetched, &plan->output, WEFT__PLAN_OUTPUT, 0, elements);
    add_steps(plan, rates, WEFT_SCOPE_KERNEL, plan->m, plan->n, &fetched.bytes, &ps);
    add_fetch(out, rates, &fetched);
    add(out, (weft__stage){.kind = WEFT__STAGE_MATH, .ps = ps});
    add_output(out, rates, &plan->output, 0, elements);
}

/* Where a tile of a GEMM is. */
typedef struct gemm_tile {
    span m, k, n;
    bool is_last; /* along k */
} gemm_tile;

static gemm_tile gemm_tile_at(const weft__plan *plan, const weft__gemm_spec *gemm, uint64_t tile)
{
    uint64_t k_tiles = weft__ceil_div(plan->k, gemm->tile_k), n_tiles = weft__ceil_div(plan->n, gemm->tile_n);
    return (gemm_tile){.m = tile_of(plan->m, gemm->tile_m, tile / k_tiles / n_tiles),
                       .k = tile_of(plan->k, gemm->tile_k, tile % k_tiles),
                       .n = tile_of(plan->n, gemm->tile_n, tile / k_tiles % n_tiles),
                       .is_last = tile % k_tiles == k_tiles - 1};
}

static void add_gemm(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile, weft__stages *out)
{
    gemm_tile at = gemm_tile_at(plan, &rates->gemm, tile);
    span m = at.m, k = at.k, n = at.n;
    bool is_last = at.is_last;
    const weft__plan_tensor *a = &plan->inputs[0], *b = &plan->inputs[1];
    fetch fetched = {0};
    add_input(out, &fetched, a, 0, m.begin * a->row_stride + k.begin * a->stride, m.count * k.count);
    add_input(out, &fetched, b, 1, k.begin * b->row_stride + n.begin * b->stride, k.count * n.count);
    fetch_box(&fetched, rates, a, m.count * k.count, m.count, k.count);
    fetch_box(&fetched, rates, b, k.count * n.count, k.count, n.count);
    uint64_t math_ps = 0;
    add_steps(plan, rates, WEFT_SCOPE_K_TILE, m.count, n.count, &fetched.bytes, &math_ps);
    if (is_last)
        add_steps(plan, rates, WEFT_SCOPE_OUTPUT_TILE, m.count, n.count, &fetched.bytes, &math_ps);
    add_fetch(out, rates, &fetched);
    add(out, (weft__stage){.kind = WEFT__STAGE_GEMM, .ps = weft__pe_gemm_ps(rates, plan->dtype, k.count)});
    if (has_scope(plan, WEFT_SCOPE_K_TILE) || (is_last && has_scope(plan, WEFT_SCOPE_OUTPUT_TILE)))
        add(out, (weft__stage){.kind = WEFT__STAGE_MATH, .ps = math_ps});
    if (is_last) /* a tile is written as if its rows lay one behind the other */
        add_output(out, rates, &plan->output, m.begin * plan->n + n.begin, m.count * n.count);
}

static void add_math(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile, weft__stages *out)
{
    span part = tile_of(plan->elements, math_tile(rates), tile);
    fetch fetched = {0};
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const weft__plan_tensor *tensor = &plan->inputs[i];
        span input = share(tensor->elements, plan->elements, part);
        add_input(out, &fetched, tensor, i, input.begin, input.count);
        if (tensor->is_strided && input.count) {
            uint64_t columns = weft__min_size(input.count, tensor->columns);
            fetch_box(&fetched, rates, tensor, input.count, weft__ceil_div(input.count, columns), columns);
        }
    }
    if (plan->input_count)
        add_fetch(out, rates, &fetched);
    add(out, (weft__stage){.kind = WEFT__STAGE_MATH, .ps = weft__pe_math_ps(rates, plan->op, part.count)});
    span output = share(plan->output.elements, plan->elements, part);
    if (output.count)
        add_output(out, rates, &plan->output, output.begin, output.count);
}

weft__tile_box weft__plan_box(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile, uint32_t input)
{
    if (plan->kind == WEFT__PLAN_GEMM) {
        gemm_tile at = gemm_tile_at(plan, &rates->gemm, tile);
        span rows = input == 0 ? at.m : at.k, columns = input == 0 ? at.k : at.n;
        return (weft__tile_box){rows.begin, columns.begin, rows.count, columns.count};
    }
    uint64_t elements = plan->inputs[input].elements;
    span part = {0, elements};
    if (plan->kind == WEFT__PLAN_MATH)
        part = share(elements, plan->elements, tile_of(plan->elements, math_tile(rates), tile));
    return (weft__tile_box){0, part.begin, 1, part.count};
}

void weft__plan_stages(const weft__plan *plan, const weft__pe_rates *rates, uint64_t tile, weft__stages *out)
{
    out->count = 0;
    fetch nothing = {0}; /* of a transfer goes to registers */
    if (plan->kind == WEFT__PLAN_READ)
        add_input(out, &nothing, &plan->inputs[0], 0, 0, plan->inputs[0].elements);
    else if (plan->kind == WEFT__PLAN_WRITE)
        add(out, (weft__stage){.kind = WEFT__STAGE_DMA_WRITE,
                               .operand = WEFT__PLAN_OUTPUT,
                               .bytes = plan->output.elements * plan->output.element_bytes});
    else if (plan->kind == WEFT__PLAN_MATH)
        add_math(plan, rates, tile, out);
    else if (weft__plan_is_last_pass(plan, rates, tile))
        add_last_pass(plan, rates, out);
    else
        add_gemm(plan, rates, tile, out);
}
