#include "kernels/cpu/vec_scalar.h"

#define WEFT__TABLE weft__cpu_kernels_scalar
#define WEFT__TABLE_ISA WEFT__ISA_SCALAR

#include "kernels/cpu/kernels.inc"
