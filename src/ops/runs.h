/* The bytes of a strided box, as contiguous runs. */
#ifndef WEFT_OPS_RUNS_H
#define WEFT_OPS_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks over the runs of one box. The axes are put in order of falling stride first, so a box that is transposed but
 * dense is one run, and axes that repeat (stride 0) or overlap count once. */
typedef struct weft__runs {
    uint32_t rank;                 /* of the axes that are left outside of a run */
    uint64_t extent[4], stride[4]; /* bytes, largest stride first */
    uint64_t at[4];
    uint64_t begin;        /* of the next run, bytes */
    uint64_t length_bytes; /* of every run */
    bool is_done;
    bool is_ascending; /* runs come in rising order and none overlaps another */
} weft__runs;

/* `rank` <= 4; offset and strides in elements. The last byte's place must fit into 64 bits. */
void weft__runs_start(weft__runs *runs, uint32_t rank, const uint64_t extent[4], const uint64_t stride[4],
                      uint64_t offset, size_t element_bytes);

/* The next run; false at the end. Runs that touch are not joined. */
bool weft__runs_next(weft__runs *runs, uint64_t *begin_bytes, uint64_t *end_bytes);

/* The next run with all that follow on it without a gap. `runs` must not be used by weft__runs_next as well. */
bool weft__runs_next_joined(weft__runs *runs, uint64_t *begin_bytes, uint64_t *end_bytes);

/* True if two boxes have a byte in common. Exact if both are ascending; otherwise their first and last bytes decide. */
bool weft__runs_overlap(const weft__runs *a, const weft__runs *b);

#endif
