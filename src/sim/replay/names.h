/* Names that are told again and again: each gets a number, from 0 on, and a copy that stays where it is. */
#ifndef WEFT_SIM_REPLAY_NAMES_H
#define WEFT_SIM_REPLAY_NAMES_H

#include "base/arena.h"
#include "base/status.h"

/* All zero is empty. */
typedef struct weft__names {
    weft__arena arena;
    const char **names;
    uint32_t count, capacity;
    uint32_t *table; /* one more than the number; 0: free */
    uint32_t table_size;
} weft__names;

void weft__names_destroy(weft__names *names);

/* The number of a name, new or old. */
weft_status weft__names_number(weft__names *names, const char *name, uint32_t *out, weft_error *err) WEFT_CHECKED;

static inline const char *weft__names_at(const weft__names *names, uint32_t number)
{
    return names->names[number];
}

#endif
