/* Seeded random numbers. Nothing here depends on the machine: the same seed gives the same numbers everywhere, except
 * that weft__rng_normal stands on the C library's log.
 *
 * A stream object is for code that draws in one order: the xoshiro256** generator of Blackman and Vigna, its state
 * filled from the seed by Vigna's SplitMix64, as its authors advise. The counter-based function is for code whose draws
 * happen in any order or in parallel: the number is a function of (seed, stream, counter) alone. Neither is for
 * secrets. */
#ifndef WEFT_BASE_RNG_H
#define WEFT_BASE_RNG_H

#include <assert.h>
#include <stdint.h>

typedef struct weft__rng {
    uint64_t state[4];
} weft__rng;

/* The output function of SplitMix64, a bijection in which every input bit reaches every output bit. */
static inline uint64_t weft__rng_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The odd number nearest to 2^64 divided by the golden ratio: multiples of it spread evenly. */
#define WEFT__RNG_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* Any seed is as good as any other. */
static inline void weft__rng_init(weft__rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->state[i] = weft__rng_mix(seed += WEFT__RNG_GOLDEN);
}

static inline uint64_t weft__rng_rotate_left(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/* 64 random bits. */
static inline uint64_t weft__rng_next_u64(weft__rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = weft__rng_rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = weft__rng_rotate_left(s[3], 45);
    return result;
}

/* Every integer of [0, bound) with the same probability; bound must not be 0. Draws below the next power of two until
 * one fits: no bias, and fewer than two draws on average. */
static inline uint64_t weft__rng_below(weft__rng *rng, uint64_t bound)
{
    assert(bound != 0);
    if (bound <= 1)
        return 0;
    int unused_bits = __builtin_clzll(bound - 1);
    uint64_t draw;
    do {
        draw = weft__rng_next_u64(rng) >> unused_bits;
    } while (draw >= bound);
    return draw;
}

/* 64 bits to one of the 2^53 evenly spaced doubles of [0, 1). */
static inline double weft__rng_unit_of(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* Uniform in [0, 1). */
static inline double weft__rng_unit(weft__rng *rng)
{
    return weft__rng_unit_of(weft__rng_next_u64(rng));
}

/* Standard normal distribution, by Marsaglia's polar method. */
double weft__rng_normal(weft__rng *rng);

/* 64 random bits, a pure function of its arguments. Numbers of one stream, of different streams and of different seeds
 * are unrelated. The key stands on both sides of the counter's mixing; with it on one side only, all streams would be
 * stretches of one and the same SplitMix64 sequence. */
static inline uint64_t weft__rng_at(uint64_t seed, uint64_t stream, uint64_t counter)
{
    uint64_t key = weft__rng_mix(weft__rng_mix(seed + WEFT__RNG_GOLDEN) + stream * WEFT__RNG_GOLDEN);
    return weft__rng_mix(weft__rng_mix(key + counter * WEFT__RNG_GOLDEN) ^ weft__rng_rotate_left(key, 32));
}

#endif
