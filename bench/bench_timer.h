/* The timing loop of the benchmarks: a function is called in batches long enough for the clock, and each batch gives
 * one sample. The fastest sample is the best estimate on a machine that does other work too; the median shows how noisy
 * it was. Ratios are to be taken within one run; measure their two sides in turns, by several calls that add to the
 * same samples. */
#ifndef WEFT_BENCH_TIMER_H
#define WEFT_BENCH_TIMER_H

#include <stddef.h>

enum {
    BENCH_SAMPLES_MAX = 256
};

typedef void bench_function(void *context);

/* Zero-initialise; then bench_measure adds to it. */
typedef struct bench_samples {
    size_t calls_per_sample; /* found by the first bench_measure */
    size_t count;
    double ns[BENCH_SAMPLES_MAX]; /* per call */
} bench_samples;

/* Monotonic time in nanoseconds. */
double bench_now_ns(void);

/* Adds `count` samples (as far as there is room), each the mean of as many calls as take at least `sample_ns`
 * nanoseconds. The first time it also warms up, while it finds that number of calls. */
void bench_measure(bench_samples *samples, bench_function *function, void *context, size_t count, double sample_ns);

/* Nanoseconds per call; 0 without samples. */
double bench_fastest_ns(const bench_samples *samples);
double bench_median_ns(const bench_samples *samples);

#endif
