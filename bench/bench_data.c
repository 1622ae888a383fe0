#include "bench_data.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *bench_numbers(size_t bytes)
{
    uint16_t *data = aligned_alloc(64, bytes);
    if (!data) {
        fprintf(stderr, "bench: could not allocate %zu bytes.\n", bytes);
        exit(EXIT_FAILURE);
    }
    uint32_t state = 1;
    for (size_t i = 0; i < bytes / sizeof data[0]; ++i) {
        state = state * 1664525u + 1013904223u;
        data[i] = (uint16_t)(0x3c00u | (state >> 22 & 0x3ffu) | (state >> 16 & 0x8000u));
    }
    return data;
}
