/* Reads back the SVG that the drawing writes: a strict scanner of the little XML that this needs, which notes ids,
 * where texts and the boxes of parts lie on the page, and the first thing that is wrong. */
#ifndef WEFT_TESTS_SIM_SVG_SCAN_H
#define WEFT_TESTS_SIM_SVG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct svg_box {
    double left, top, right, bottom;
} svg_box;

typedef struct svg_text {
    svg_box box; /* what the letters take at least, in a narrow font */
    svg_box frame;
    bool has_frame; /* it belongs to a part, whose box is `frame` */
    char content[160];
} svg_text;

/* An element with an id, and its first box if it is a part. */
typedef struct svg_part {
    char id[48];
    bool has_box;
    svg_box box;
} svg_part;

typedef struct svg_scan {
    const char *error; /* NULL: well formed */
    size_t error_at;   /* in bytes */
    double width, height;
    svg_box paths;   /* around all lines */
    svg_part *parts; /* by id */
    size_t part_count, part_capacity;
    svg_text *texts;
    size_t text_count, text_capacity;
} svg_scan;

/* To be followed by svg_scan_free, whatever it finds. */
void svg_scan_read(svg_scan *scan, const char *text, size_t bytes);
void svg_scan_free(svg_scan *scan);

/* NULL if there is none with this id. */
const svg_part *svg_scan_find(const svg_scan *scan, const char *id);

/* How many elements have this id, and how many an id that starts like this. */
size_t svg_scan_count(const svg_scan *scan, const char *id);
size_t svg_scan_count_prefix(const svg_scan *scan, const char *prefix);

bool svg_boxes_overlap(svg_box a, svg_box b);
bool svg_box_is_in(svg_box inner, svg_box outer);

#endif
