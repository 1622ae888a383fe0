/* Memories: which value stands where.
 *
 * A memory knows for every byte which value was last written there, where that value begins, who wrote it and when.
 * Installing a value over parts of others leaves the rest of them; reading gives one value, a view or a composition if
 * need be. Nothing is computed here, and no data are moved.
 *
 * A memory holds a reference to each value of which a byte is left in it.
 *
 * Threads: one at a time, as the graph of values. */
#ifndef WEFT_SIM_REPLAY_MEMORY_H
#define WEFT_SIM_REPLAY_MEMORY_H

#include "base/range_map.h"
#include "sim/replay/value.h"

#define WEFT__MEMORY_NAME_BYTES 64

/* A value that was written at an address. */
typedef struct weft__installation {
    weft__value_id value; /* 0: the place is free */
    uint64_t base;        /* where its first byte is, or was */
    uint64_t bytes_left;  /* that nobody has written over */
    uint64_t order;       /* among all writes to the memory, from 1 */
    uint64_t time_ps;
    uint32_t writer;
    uint32_t next_free; /* one more than the index */
} weft__installation;

/* Bytes of an installation that are about to be written over. */
typedef struct weft__covered {
    uint32_t installation;
    uint64_t bytes;
} weft__covered;

/* All fields are private to the functions below. */
typedef struct weft__memory {
    weft__values *values;
    uint64_t size_bytes;
    uint64_t writes;
    weft__installation *installations;
    weft__range_map ranges; /* to indices of installations */
    weft__range_hints hints;
    uint32_t installation_count, installation_capacity, first_free;
    weft__covered *covered;
    size_t covered_capacity;
    weft__value_part *parts;
    size_t parts_capacity;
    char name[WEFT__MEMORY_NAME_BYTES];
} weft__memory;

/* `name` is for messages, copied and cut to its room: "sip0.cube0.pe0.tcm". Addresses end at `size_bytes`. Allocates
 * nothing. */
void weft__memory_init(weft__memory *memory, weft__values *values, const char *name, uint64_t size_bytes);

/* Asks the processor for what an access to this address will look at. */
static inline void weft__memory_ask(const weft__memory *memory, uint64_t address)
{
    weft__range_map_ask(&memory->ranges, &memory->hints, address);
}

/* Lets go of all values. Must come before the end of the graph. A zeroed memory is fine. */
void weft__memory_destroy(weft__memory *memory);

/* Writes a value. A writer is a number that means something to the caller. WEFT_OUT_OF_RANGE past the end, naming
 * memory and range. On failure nothing has changed. Values without bytes change nothing. */
weft_status weft__memory_install(weft__memory *memory, uint64_t address, weft__value_id value, uint32_t writer,
                                 uint64_t time_ps, weft_error *err) WEFT_CHECKED;

/* Nobody has written these bytes any more. False, and nothing has changed, when out of memory. */
bool weft__memory_forget(weft__memory *memory, uint64_t address, uint64_t bytes);

/* What stands at a range now, as one value with one reference for the caller; the very value that was written if it is
 * all there and has this dtype and shape. WEFT_INVALID_STATE, naming them, for bytes that nobody wrote;
 * WEFT_OUT_OF_RANGE past the end. */
weft_status weft__memory_read(weft__memory *memory, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                              weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* The same, with bytes of `filling`, which has some, over and over in each range that nobody wrote. */
weft_status weft__memory_read_filled(weft__memory *memory, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                     weft__value_id filling, weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* The installation of which the byte at an address is, or NULL. Good until the next change. */
const weft__installation *weft__memory_find(const weft__memory *memory, uint64_t address);

/* Bytes of a range that are not what somebody remembers. */
typedef struct weft__memory_change {
    uint64_t address, bytes;
    bool is_written;      /* else nothing stands there */
    weft__value_id value; /* that stands there instead; the memory's reference */
    uint32_t writer;
    uint64_t time_ps;
} weft__memory_change;

/* Compares what stands from an address on with a value that somebody remembers for it: the same value, at the same
 * place in it, or the same bytes of what it is a view of. True if all of it is the same, else *out is the first range
 * that is not. A composition is the same as itself only; a transposed value or slice with holes too. */
bool weft__memory_check(weft__memory *memory, uint64_t address, weft__value_id remembered, weft__memory_change *out);

/* How often it has been written. */
uint64_t weft__memory_writes(const weft__memory *memory);

/* True if some of the bytes of a range were written after the first `writes` writes: *out is the first such part. */
bool weft__memory_written_since(weft__memory *memory, uint64_t address, uint64_t bytes, uint64_t writes,
                                weft__memory_change *out);

/* True if nobody has written some of the bytes of a range: *out is the first such part. */
bool weft__memory_has_gap(weft__memory *memory, uint64_t address, uint64_t bytes, weft__memory_change *out);

#endif
