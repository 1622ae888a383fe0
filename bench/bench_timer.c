#include "bench_timer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double time_calls(bench_function *function, void *context, size_t calls)
{
    double begin = bench_now_ns();
    for (size_t call = 0; call < calls; ++call)
        function(context);
    return bench_now_ns() - begin;
}

void bench_measure(bench_samples *samples, bench_function *function, void *context, size_t count, double sample_ns)
{
    if (samples->calls_per_sample == 0) {
        size_t calls = 1;
        function(context);
        while (time_calls(function, context, calls) < sample_ns)
            calls *= 2;
        samples->calls_per_sample = calls;
    }
    for (; count > 0 && samples->count < BENCH_SAMPLES_MAX; --count) {
        double ns = time_calls(function, context, samples->calls_per_sample);
        samples->ns[samples->count++] = ns / (double)samples->calls_per_sample;
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_fastest_ns(const bench_samples *samples)
{
    double fastest = samples->count ? samples->ns[0] : 0.0;
    for (size_t i = 1; i < samples->count; ++i)
        if (samples->ns[i] < fastest)
            fastest = samples->ns[i];
    return fastest;
}

double bench_median_ns(const bench_samples *samples)
{
    if (samples->count == 0)
        return 0.0;
    double sorted[BENCH_SAMPLES_MAX];
    memcpy(sorted, samples->ns, samples->count * sizeof sorted[0]);
    qsort(sorted, samples->count, sizeof sorted[0], compare);
    return sorted[samples->count / 2];
}
