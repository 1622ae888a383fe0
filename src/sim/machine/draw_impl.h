/* What the files of the drawing share: text that grows, the shapes of SVG, and the views.
 *
 * All coordinates are whole pixels, x to the right and y downwards. Each view draws itself from (0, 0) into a panel of
 * its own and says how large it became; draw.c puts the panels on a page. */
#ifndef WEFT_SIM_MACHINE_DRAW_IMPL_H
#define WEFT_SIM_MACHINE_DRAW_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "sim/machine/draw.h"
#include "sim/machine/graph.h"
#include "sim/machine/spec.h"

/* Text that grows. The first failed allocation sticks: what follows is dropped, and only the end needs to look. */
typedef struct weft__svg {
    char *text;
    size_t bytes, capacity;
    bool is_out_of_memory;
} weft__svg;

void weft__svg_put(weft__svg *svg, const char *format, ...) WEFT_PRINTF(2, 3);
/* Appends text that somebody else wrote: markup is escaped, and what XML cannot hold becomes U+FFFD. */
void weft__svg_put_escaped(weft__svg *svg, const char *text);

/* A short text by value. What is longer is cut. */
typedef struct weft__label {
    char text[112];
} weft__label;

weft__label weft__label_of(const char *format, ...) WEFT_PRINTF(1, 2);
/* A number that is not negative, with a point and at most three decimals (six below 1), whatever the locale. */
weft__label weft__number(double value);

typedef enum weft__text_style {
    WEFT__TEXT_TITLE,
    WEFT__TEXT_HEADING,
    WEFT__TEXT_CAPTION,
    WEFT__TEXT_NAME,  /* of a part, bold */
    WEFT__TEXT_LABEL, /* in a part */
    WEFT__TEXT_NOTE   /* beside a part or a link */
} weft__text_style;

typedef enum weft__anchor {
    WEFT__START,
    WEFT__MIDDLE,
    WEFT__END
} weft__anchor;

typedef struct weft__box {
    int x, y, width, height;
} weft__box;

static inline int weft__max_int(int a, int b)
{
    return a > b ? a : b;
}

static inline int weft__min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Height of the letters of a style, and a width that no usual sans-serif font exceeds. */
int weft__text_size(weft__text_style style);
int weft__text_width(weft__text_style style, const char *text);

/* `x` and `y` are where the text is anchored and where its base line is. Texts are escaped. */
void weft__svg_text(weft__svg *svg, weft__text_style style, weft__anchor anchor, int x, int y, const char *text);
/* The same, turned by a right angle about (x, y): reads upwards, or downwards. */
void weft__svg_text_upwards(weft__svg *svg, weft__text_style style, int x, int y, const char *text);
void weft__svg_text_downwards(weft__svg *svg, weft__text_style style, int x, int y, const char *text);
/* One line of text in the middle of a box. */
void weft__svg_text_in(weft__svg *svg, weft__text_style style, weft__box box, const char *text);

/* The same at the left end of what may be `width` wide at most: what does not fit is cut, and an ellipsis says so. */
void weft__svg_text_within(weft__svg *svg, weft__text_style style, int x, int y, int width, const char *text);

/* `look` is one of the classes that draw_svg.c has colours for. */
void weft__svg_box(weft__svg *svg, const char *look, weft__box box);
void weft__svg_line(weft__svg *svg, const char *look, int x1, int y1, int x2, int y2);

/* A group with an id and a name that shows when the pointer rests on it. */
void weft__svg_begin(weft__svg *svg, const char *id, const char *name);
void weft__svg_end(weft__svg *svg);

void weft__svg_put_styles(weft__svg *svg, weft__draw_theme theme);

#define WEFT__FACTS_MAX 12u

typedef struct weft__panel {
    weft__svg svg;
    int width, height;
    weft__label facts[WEFT__FACTS_MAX]; /* for the caption */
    unsigned fact_count;
} weft__panel;

void weft__panel_fact(weft__panel *panel, const char *format, ...) WEFT_PRINTF(2, 3);
/* Makes the panel at least as large as to hold these. */
void weft__panel_include(weft__panel *panel, weft__box box);

/* The views. Their panels start empty; running out of memory for the text shows in the panel alone. */
weft_status weft__draw_system(const weft__machine_spec *spec, weft__panel *panel, weft_error *err);
weft_status weft__draw_sip(const weft__machine_spec *spec, weft__panel *panel, weft_error *err);
weft_status weft__draw_cube(const weft__machine_spec *spec, weft__panel *panel, weft_error *err);
weft_status weft__draw_cube_parts(const weft__machine_spec *spec, weft__panel *panel, weft_error *err);
weft_status weft__draw_pe(const weft__machine_spec *spec, weft__panel *panel, weft_error *err);

/* The graph of as little of the machine as shows how a cube is built and connected: one SIP, and of its cubes up to
 * three in each direction. It refers to `*reduced`, which is filled in. */
weft_status weft__draw_cube_graph(const weft__machine_spec *spec, weft__machine_spec *reduced, weft__graph **out,
                                  weft_error *err);
/* Sides of a cube that have UCIe connections in some cube of the machine, as bits. */
unsigned weft__draw_ucie_sides(const weft__graph *graph);

#endif
