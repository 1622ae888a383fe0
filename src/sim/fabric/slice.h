/* The slice of HBM that a PE has beside it, with the links between the two: what they keep from one transfer to the
 * next, while nothing is under way.
 *
 * All later times depend on it, and on nothing else that the links and the controller keep; so it tells two moments
 * apart, and what has been done at one can be made as if it had been done at another. */
#ifndef WEFT_SIM_FABRIC_SLICE_H
#define WEFT_SIM_FABRIC_SLICE_H

#include "sim/fabric/transfer.h"

#define WEFT__SLICE_LINKS_MAX 8u

typedef struct weft__slice {
    weft__fabric *fabric;
    weft__hbm *hbm;
    uint32_t links[WEFT__SLICE_LINKS_MAX]; /* there and back, each once */
    uint32_t link_count;
} weft__slice;

/* Of the DMA engine at a node. False where there is no HBM, where flits are not moved as trains, where the way has more
 * links, or after an error, which is noted. */
bool weft__slice_of(weft__transfers *transfers, uint32_t dma_node, weft__slice *out);

/* Nothing is being served, so that no answer can set out to somebody whose message has long come. */
bool weft__slice_is_idle(const weft__slice *slice);

typedef struct weft__slice_link {
    weft__time free_at, known_before;
    uint64_t flits, busy_ps;
} weft__slice_link;

/* At a time. */
typedef struct weft__slice_state {
    weft__time time;
    uint64_t busy_ps, chunks;
    weft__hbm_channel channels[WEFT__HBM_CHANNELS_MAX];
    weft__slice_link links[WEFT__SLICE_LINKS_MAX];
} weft__slice_state;

/* What it keeps now; and puts that back. */
void weft__slice_save(const weft__slice *slice, weft__slice_state *out);
void weft__slice_load(const weft__slice *slice, const weft__slice_state *state);

/* A part of the slice that is read and written. */
typedef struct weft__slice_part {
    uint64_t offset_bytes, bytes;
} weft__slice_part;

/* Rows of HBM, each through all pseudo-channels, that parts touch: those that touch one another form a group, and
 * groups are numbered in the order of their first parts. Times do not depend on where in memory a group is. */
#define WEFT__SLICE_PARTS_MAX 64u
typedef struct weft__slice_rows {
    uint64_t row_bytes;
    uint32_t group_count;
    struct {
        uint64_t first, last;
    } groups[WEFT__SLICE_PARTS_MAX];
    uint32_t group_of[WEFT__SLICE_PARTS_MAX]; /* of each part */
} weft__slice_rows;

void weft__slice_rows_of(const weft__slice *slice, const weft__slice_part *parts, uint32_t count,
                         weft__slice_rows *out);

/* While it is idle and no message is on its links, numbers that are the same where the same transfers from and to these
 * parts take the same times from now on. */
#define WEFT__SLICE_KEY_MAX (2u * WEFT__SLICE_PARTS_MAX + 2u * WEFT__HBM_CHANNELS_MAX + WEFT__SLICE_LINKS_MAX)
uint32_t weft__slice_key(const weft__slice *slice, const weft__slice_part *parts, uint32_t part_count,
                         const weft__slice_rows *rows, uint64_t key[WEFT__SLICE_KEY_MAX]);

/* What transfers have changed, told from when they began and from where their groups of rows are. */
typedef struct weft__slice_change {
    uint64_t busy_ps, chunks;
    uint64_t touched; /* pseudo-channels, as a mask */
    struct {
        uint64_t free_ps; /* after the beginning */
        bool has_written;
        uint32_t group; /* of the open row, and 1 more; 0: none is open */
        uint64_t row;   /* from the first of its group on */
    } channels[WEFT__HBM_CHANNELS_MAX];
    struct {
        uint64_t free_ps, known_ps, flits, busy_ps; /* the first two after the beginning; 0: as they were */
    } links[WEFT__SLICE_LINKS_MAX];
} weft__slice_change;

void weft__slice_changed(const weft__slice *slice, const weft__slice_state *since, const weft__slice_rows *rows,
                         weft__slice_change *out);
/* As if the same had been done from `begin` on, with these rows. */
void weft__slice_apply(const weft__slice *slice, const weft__slice_change *change, weft__time begin,
                       const weft__slice_rows *rows);

#endif
