#define WEFT__LOOPS weft__loops_scalar
#include "sim/replay/loops.inc"
