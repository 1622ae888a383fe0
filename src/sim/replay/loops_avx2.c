#define WEFT__LOOPS weft__loops_avx2
#include "sim/replay/loops.inc"
