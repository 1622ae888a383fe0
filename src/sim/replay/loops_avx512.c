#define WEFT__LOOPS weft__loops_avx512
#include "sim/replay/loops.inc"
