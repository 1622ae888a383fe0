/* Machine files by chance: a machine is drawn, written down in some order and style, and judged by rules that are
 * written here once more, in the plainest way. Some texts are then damaged. */
#ifndef WEFT_TESTS_SIM_RANDOM_MACHINE_H
#define WEFT_TESTS_SIM_RANDOM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/machine/spec.h"

#define RANDOM_MACHINE_BYTES 16384u
#define RANDOM_GRID_MAX 8u

typedef enum random_verdict {
    RANDOM_LOADS,
    RANDOM_BREAKS_A_RULE, /* refused in some line */
    RANDOM_BREAKS_A_LINE, /* refused in the line given */
    RANDOM_ANYTHING       /* bytes were changed: it may load or not */
} random_verdict;

typedef struct random_machine {
    char text[RANDOM_MACHINE_BYTES];
    size_t bytes;
    random_verdict verdict;
    uint32_t line;
    weft__machine_spec expected; /* if it loads; its lists are those below */
    weft__place holes[RANDOM_GRID_MAX * RANDOM_GRID_MAX];
    weft__place pes[RANDOM_GRID_MAX * RANDOM_GRID_MAX];
} random_machine;

/* The same seed gives the same machine. Half of them load. */
void draw_random_machine(uint64_t seed, random_machine *out);

#endif
