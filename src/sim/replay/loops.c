#include "sim/replay/loops.h"

static const weft__loops *const tables[WEFT__ISA_COUNT] = {
    [WEFT__ISA_SCALAR] = &weft__loops_scalar,
#if WEFT__X86_64
    [WEFT__ISA_AVX2] = &weft__loops_avx2,
    [WEFT__ISA_AVX512] = &weft__loops_avx512,
#endif
};

const weft__loops *weft__loops_for(weft__isa isa)
{
    return tables[isa];
}
