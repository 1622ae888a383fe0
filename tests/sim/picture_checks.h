/* What must hold of every picture of a machine. Each check names the machine, or whatever `name` is, when it fails. */
#ifndef WEFT_TESTS_SIM_PICTURE_CHECKS_H
#define WEFT_TESTS_SIM_PICTURE_CHECKS_H

#include "sim/machine/draw.h"
#include "svg_scan.h"

/* Draws; the text is the caller's to free. */
char *draw_picture(const weft__machine_spec *spec, weft__draw_view view, weft__draw_theme theme, size_t *bytes);

/* Reads it back; svg_scan_free is still to come. */
void assert_well_formed(svg_scan *scan, const char *text, size_t bytes, const char *name);

/* Every text and line is on the page, within its margins, and every text of a part in its part; no text lies on
 * another. */
void assert_readable(const svg_scan *scan, const char *name);

/* No part lies on another, nor on a text of something else. */
void assert_apart(const svg_scan *scan, const char *name);

#endif
