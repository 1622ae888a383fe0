/* Streams: what PEs ask in a kernel, kept once for all that ask the same.
 *
 * A stream is the requests in their order, without where in HBM they go: these offsets each PE has for itself. So all
 * PEs that share out a matrix have one stream, and so have the layers of a model, whose weights lie elsewhere. */
#ifndef WEFT_SIM_RETIME_STREAM_H
#define WEFT_SIM_RETIME_STREAM_H

#include "sim/retime/step.h"

/* A place in a stream at which nothing that was asked before is under way, if no queue is. From there on until another
 * rest the requests may concern nobody else: computing in the PE's own TCM, and moving between that and its own slice
 * of HBM. */
typedef struct weft__rest {
    uint32_t at;          /* bytes ahead of it */
    uint32_t places;      /* in HBM ahead of it */
    uint32_t commands;    /* the same */
    uint32_t compute_end; /* the last rest up to which the requests compute, or itself */
    uint32_t own_end;     /* the same, or move, with no more than WEFT__STRETCH_PLACES_MAX places */
    uint32_t compute_id;  /* what is asked up to there: equal numbers, equal requests */
    uint32_t own_id;      /* the same */
} weft__rest;

#define WEFT__STRETCH_PLACES_MAX 64u

typedef struct weft__stream_place {
    int64_t pes;    /* whose slice it is, told from the PE */
    uint64_t bytes; /* from the place on, all that its command may touch */
} weft__stream_place;

typedef struct weft__stream {
    weft__bytes asks;
    uint64_t hash;
    uint64_t requests;
    weft__stream_place *places; /* in HBM */
    uint32_t place_count;
    weft__rest *rests; /* the first is the beginning, the last one has nothing behind it that could be skipped */
    uint32_t rest_count;
} weft__stream;

typedef struct weft__pair {
    uint64_t first, second;
} weft__pair;

/* Pairs of numbers, each once: pair i has number i + 1. */
typedef struct weft__pairs {
    weft__pair *items;
    uint32_t count;
    size_t capacity;
    uint32_t *table; /* hash table of table_capacity, a power of two: numbers, 0 for none */
    size_t table_capacity;
} weft__pairs;

typedef struct weft__streams {
    weft__stream *items;
    uint32_t count;
    size_t capacity;
    uint32_t *table; /* as of pairs */
    size_t table_capacity;
    weft__pairs contents; /* of requests: up to seven bytes and how many, and the number of those behind them */
} weft__streams;

#define WEFT__STREAM_NONE UINT32_MAX

/* The number of the stream with these requests, made if there is none: its bytes are taken over then, and `asks` is
 * empty. WEFT__STREAM_NONE without memory, or if they cannot be read, which sets `is_bad`. */
uint32_t weft__streams_intern(weft__streams *streams, weft__bytes *asks, bool *is_bad);
void weft__streams_free(weft__streams *streams);

#endif
