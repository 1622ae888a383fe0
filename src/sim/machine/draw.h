/* A machine as a picture: one SVG file that needs nothing else, no script, no font and no other file.
 *
 * The views are the system (host, switch, SIPs and what joins them), a SIP (its cubes and its IO chiplet), a cube (its
 * routers, PEs, HBM, SRAM, command processor and UCIe connections, with a table of its links) and a PE. What hangs
 * where is read from the graph that the simulator runs on. All SIPs are alike, and so are all cubes and PEs: one of
 * each is drawn, with the names of the first.
 *
 * Elements have ids that are unique in the file: sip0, sip0-sip1 (the link between them) in the system view; cube3,
 * io-pcie, io-cpu, io-noc, io-phy0 in the SIP view; c0-r1c2, c0-pe3, c0-hbm3, c0-sram, c0-mcpu, c0-n0 (connection 0 of
 * the north side) in the cube view; pe0-dma, pe0-cpu, pe0-tcm, pe0-hbm in the PE view. A part says its full name when
 * the pointer rests on it. In grids of more than 12 rows or columns routers have no labels, only rows and columns have.
 */
#ifndef WEFT_SIM_MACHINE_DRAW_H
#define WEFT_SIM_MACHINE_DRAW_H

#include <stddef.h>

#include "base/status.h"
#include "sim/machine/spec.h"

typedef enum weft__draw_view {
    WEFT__DRAW_ALL,
    WEFT__DRAW_SYSTEM,
    WEFT__DRAW_SIP,
    WEFT__DRAW_CUBE,
    WEFT__DRAW_PE
} weft__draw_view;

typedef enum weft__draw_theme {
    WEFT__DRAW_AUTO, /* dark where the reader's browser prefers that, light elsewhere */
    WEFT__DRAW_LIGHT,
    WEFT__DRAW_DARK
} weft__draw_theme;

/* Zeros are the defaults. */
typedef struct weft__draw_options {
    weft__draw_view view;
    weft__draw_theme theme;
} weft__draw_options;

/* "all", "system", "sip", "cube", "pe", and "auto", "light", "dark". WEFT_NOT_FOUND says what there is. */
weft_status weft__draw_view_find(const char *name, weft__draw_view *out, weft_error *err);
weft_status weft__draw_theme_find(const char *name, weft__draw_theme *out, weft_error *err);

/* Draws a checked specification; NULL options are the defaults. `*out_text` is the caller's to free, ends with a NUL
 * that
 * `*out_bytes` does not count, and is NULL after a failure. The same machine gives the same bytes, whatever the locale.
 * WEFT_OUT_OF_MEMORY, and what weft__graph_create gives. */
weft_status weft__machine_draw(const weft__machine_spec *spec, const weft__draw_options *options, char **out_text,
                               size_t *out_bytes, weft_error *err);

#endif
