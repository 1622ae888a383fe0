#include "kernels/cpu/vec_avx2.h"

#define WEFT__TABLE weft__cpu_kernels_avx2
#define WEFT__TABLE_ISA WEFT__ISA_AVX2

#include "kernels/cpu/kernels.inc"
