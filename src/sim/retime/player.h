/* A PE that asks what was recorded. */
#ifndef WEFT_SIM_RETIME_PLAYER_H
#define WEFT_SIM_RETIME_PLAYER_H

#include "sim/retime/recording.h"
#include "sim/tile/call.h"

typedef struct weft__playing {
    weft_tile *tl;
    const weft__stream *stream;
    const uint64_t *places; /* the PE's offsets, of all places of the stream */
    weft__reader from;      /* what has not been asked */
    weft__offsets offsets;  /* the same */
    uint32_t rest;          /* the first rest that has not been passed */
    uint64_t composites;    /* that the PE had had before */
    weft__step step;
} weft__playing;

/* Inside: asks what is behind the present rest, up to another one. */
void weft__play_until(weft__playing *it, uint32_t rest);
/* Passes it by. */
void weft__play_go_to(weft__playing *it, uint32_t rest);

#endif
