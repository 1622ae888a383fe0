#include "sim/pe/rates.h"

#include "base/size.h"
#include "sim/machine/graph.h"

/* The steps that an operation takes, one after another on the same elements. */
typedef struct math_steps {
    uint8_t simple, divide, exp;
} math_steps;

static const math_steps op_steps[] = {
    [WEFT_COMMAND_CAST] = {1, 0, 0},
    [WEFT_COMMAND_NEG] = {1, 0, 0},
    [WEFT_COMMAND_ABS] = {1, 0, 0},
    [WEFT_COMMAND_RELU] = {1, 0, 0},
    [WEFT_COMMAND_EXP] = {0, 0, 1},
    [WEFT_COMMAND_LOG] = {0, 0, 1},
    [WEFT_COMMAND_SQRT] = {0, 1, 0},
    [WEFT_COMMAND_RSQRT] = {0, 2, 0},
    [WEFT_COMMAND_RECIPROCAL] = {0, 1, 0},
    [WEFT_COMMAND_TANH] = {2, 1, 1},
    [WEFT_COMMAND_SIGMOID] = {1, 1, 1},
    [WEFT_COMMAND_GELU] = {7, 1, 1},
    [WEFT_COMMAND_SILU] = {2, 1, 1},
    [WEFT_COMMAND_SIN] = {0, 0, 1},
    [WEFT_COMMAND_COS] = {0, 0, 1},
    [WEFT_COMMAND_DIV] = {0, 1, 0},
    [WEFT_COMMAND_CLAMP] = {2, 0, 0},
    /* The greatest, the difference to it, its exponential, their sum, and the quotient. */
    [WEFT_COMMAND_SOFTMAX] = {3, 1, 1},
};

static const math_steps epilogue_steps[] = {
    [WEFT_EPILOGUE_DEQUANT] = {1, 0, 0}, [WEFT_EPILOGUE_BIAS] = {1, 0, 0}, [WEFT_EPILOGUE_SCALE] = {1, 0, 0},
    [WEFT_EPILOGUE_RELU] = {1, 0, 0},    [WEFT_EPILOGUE_GELU] = {7, 1, 1}, [WEFT_EPILOGUE_SILU] = {2, 1, 1},
};

static uint64_t at_least_1(uint64_t value)
{
    return value ? value : 1;
}

void weft__pe_rates_init(weft__pe_rates *rates, const weft__machine_spec *spec)
{
    const weft__pe_spec *pe = &spec->pe;
    uint64_t cycle_ps = pe->clock_ghz > 0 ? at_least_1(weft__ps_of_ns(1 / pe->clock_ghz)) : 1000;
    *rates = (weft__pe_rates){
        .cycle_ps = cycle_ps,
        .dispatch_ps = pe->dispatch_cycles * cycle_ps,
        .read_mbs = weft__mbs_of_gbs(pe->tcm.read_gbs),
        .write_mbs = weft__mbs_of_gbs(pe->tcm.write_gbs),
        .banks = pe->tcm.banks,
        .bank_bytes = at_least_1(pe->tcm.bank_bytes),
        .page_bytes = at_least_1((uint64_t)pe->mmu.page_kib << 10),
        .tlb_ps = weft__ps_of_ns(pe->mmu.tlb_ns),
        .tlb_entries = pe->mmu.tlb_entries,
        .scratch_bytes = (uint64_t)(pe->scratch_kib ? pe->scratch_kib : pe->tcm_kib) << 10,
        .dma_channels = pe->dma.channels,
        .dma_outstanding = (uint32_t)at_least_1(pe->dma.outstanding),
        .tiles = pe->scheduler.tiles,
        .gemm = pe->gemm,
        .math = pe->math,
    };
}

uint64_t weft__pe_read_ps(const weft__pe_rates *rates, uint64_t bytes)
{
    return weft__ps_of_bytes(bytes, rates->read_mbs);
}

uint64_t weft__pe_write_ps(const weft__pe_rates *rates, uint64_t bytes)
{
    return weft__ps_of_bytes(bytes, rates->write_mbs);
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

uint64_t weft__pe_read_runs_ps(const weft__pe_rates *rates, uint64_t runs, uint64_t run_bytes, uint64_t pitch_bytes)
{
    uint64_t line = rates->bank_bytes, banks = rates->banks;
    if (banks == 0 || runs < 2 || pitch_bytes <= run_bytes)
        return weft__pe_read_ps(rates, runs * run_bytes);
    uint64_t step = common_divisor(banks * line, pitch_bytes) / line;
    uint64_t apart = step ? step : 1;
    uint64_t lines = weft__ceil_div(runs, banks / apart) * weft__ceil_div(weft__ceil_div(run_bytes, line), apart);
    if (pitch_bytes < line)
        lines = weft__ceil_div(weft__ceil_div(runs * pitch_bytes, line), banks);
    return weft__pe_read_ps(rates, lines * banks * line);
}

uint64_t weft__pe_pages_ps(const weft__pe_rates *rates, uint64_t address, uint64_t bytes)
{
    return rates->tlb_ps * ((address + bytes - 1) / rates->page_bytes - address / rates->page_bytes + 1);
}

static uint32_t macs_of(const weft__gemm_spec *gemm, weft_dtype dtype)
{
    switch (dtype) {
    case WEFT_F64:
        return gemm->macs_f64;
    case WEFT_F16:
        return gemm->macs_f16;
    case WEFT_BF16:
        return gemm->macs_bf16;
    case WEFT_I8:
    case WEFT_U8:
        return gemm->macs_i8;
    default:
        return gemm->macs_f32;
    }
}

uint64_t weft__pe_gemm_ps(const weft__pe_rates *rates, weft_dtype dtype, uint64_t k)
{
    uint64_t outputs = (uint64_t)rates->gemm.tile_m * rates->gemm.tile_n;
    return weft__ceil_div(outputs * k, macs_of(&rates->gemm, dtype)) * rates->cycle_ps;
}

uint64_t weft__pe_macs_ps(const weft__pe_rates *rates, weft_dtype dtype, uint64_t macs)
{
    uint64_t in_cycle = macs_of(&rates->gemm, dtype);
    return macs / in_cycle * rates->cycle_ps + macs % in_cycle * rates->cycle_ps / in_cycle;
}

static uint64_t steps_ps(const weft__pe_rates *rates, math_steps steps, uint64_t elements)
{
    const weft__math_spec *math = &rates->math;
    uint64_t cycles = (uint64_t)steps.simple * math->simple_cycles + (uint64_t)steps.divide * math->divide_cycles +
                      (uint64_t)steps.exp * math->exp_cycles;
    return weft__ceil_div(elements, math->lanes) * cycles * rates->cycle_ps;
}

uint64_t weft__pe_math_ps(const weft__pe_rates *rates, weft_command_op op, uint64_t elements)
{
    static const math_steps simple = {1, 0, 0};
    bool has_row = (size_t)op < sizeof op_steps / sizeof op_steps[0];
    math_steps steps = has_row ? op_steps[op] : simple;
    bool is_empty = steps.simple + steps.divide + steps.exp == 0;
    return steps_ps(rates, is_empty ? simple : steps, elements);
}

uint64_t weft__pe_epilogue_ps(const weft__pe_rates *rates, weft_epilogue_op op, uint64_t elements)
{
    return steps_ps(rates, epilogue_steps[op], elements);
}
