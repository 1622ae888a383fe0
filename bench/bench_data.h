/* Operands for benches. */
#ifndef WEFT_BENCH_DATA_H
#define WEFT_BENCH_DATA_H

#include <stddef.h>

/* So many bytes, a multiple of 64 and aligned to 64, that are ordinary numbers of both signs in every float dtype. Ends
 * the program without memory. */
void *bench_numbers(size_t bytes);

#endif
