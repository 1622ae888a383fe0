/* What one core of this machine can do at best: the denominators of the benchmarks' shares. Each is a bench_function.
 */
#ifndef WEFT_BENCH_MACHINE_H
#define WEFT_BENCH_MACHINE_H

#include <stddef.h>

#include "kernels/cpu/isa.h"

/* Two buffers, far larger than the last-level cache. */
typedef struct bench_memory {
    char *from;
    char *to;
    size_t bytes; /* of each; a multiple of 64 */
} bench_memory;

/* memcpy from one to the other: moves 2 * bytes (what a write-allocate cache reads besides is not counted). */
void bench_copy(void *memory);

/* Reads `from` from end to end: moves bytes. */
void bench_read(void *memory);

/* Multiply-adds that touch registers alone, as many in flight as the pipelines take. */
typedef struct bench_multiply_adds {
    weft__isa isa;
    size_t rounds;
} bench_multiply_adds;

void bench_multiply_add(void *multiply_adds);

/* Floating-point operations of one such call: two for each multiply-add. */
double bench_multiply_add_flops(const bench_multiply_adds *multiply_adds);

#endif
