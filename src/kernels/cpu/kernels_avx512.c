#include "kernels/cpu/vec_avx512.h"

#define WEFT__TABLE weft__cpu_kernels_avx512
#define WEFT__TABLE_ISA WEFT__ISA_AVX512

#include "kernels/cpu/kernels.inc"
