#include "picture_checks.h"

#include "support/weft_check.h"

enum {
    BOXES_MAX = 1500, /* parts that are compared each with each */
    MARGIN = 32       /* of the page */
};

char *draw_picture(const weft__machine_spec *spec, weft__draw_view view, weft__draw_theme theme, size_t *bytes)
{
    weft_error err;
    weft__draw_options options = {view, theme};
    char *text;
    WEFT_TEST_ASSERT_OK(weft__machine_draw(spec, &options, &text, bytes, &err), err);
    ck_assert_uint_eq(strlen(text), *bytes);
    return text;
}

/* Check writes down each assertion that it passes, so that loops over pairs only speak up when something is wrong. */
void assert_readable(const svg_scan *scan, const char *name)
{
    svg_box page = {MARGIN, MARGIN, scan->width - MARGIN, scan->height - MARGIN};
    if (!svg_box_is_in(scan->paths, page))
        ck_abort_msg("%s: a line leaves the page", name);
    for (size_t i = 0; i < scan->text_count; i++) {
        const svg_text *text = &scan->texts[i];
        if (!svg_box_is_in(text->box, page))
            ck_abort_msg("%s: \"%s\" leaves the page", name, text->content);
        if (text->has_frame && !svg_box_is_in(text->box, text->frame))
            ck_abort_msg("%s: \"%s\" leaves its part", name, text->content);
        for (size_t j = 0; j < i; j++)
            if (svg_boxes_overlap(text->box, scan->texts[j].box))
                ck_abort_msg("%s: \"%s\" lies on \"%s\"", name, text->content, scan->texts[j].content);
    }
}

/* Parts beside one another, and no foreign label on them. */
void assert_apart(const svg_scan *scan, const char *name)
{
    svg_box page = {MARGIN, MARGIN, scan->width - MARGIN, scan->height - MARGIN};
    if (scan->part_count > BOXES_MAX)
        return;
    for (size_t i = 0; i < scan->part_count; i++) {
        const svg_part *part = &scan->parts[i];
        if (!part->has_box)
            continue;
        if (!svg_box_is_in(part->box, page))
            ck_abort_msg("%s: %s leaves the page", name, part->id);
        for (size_t j = 0; j < i; j++)
            if (scan->parts[j].has_box && svg_boxes_overlap(part->box, scan->parts[j].box))
                ck_abort_msg("%s: %s lies on %s", name, part->id, scan->parts[j].id);
        for (size_t j = 0; j < scan->text_count; j++)
            if (!scan->texts[j].has_frame && svg_boxes_overlap(part->box, scan->texts[j].box))
                ck_abort_msg("%s: \"%s\" lies on %s", name, scan->texts[j].content, part->id);
    }
}

void assert_well_formed(svg_scan *scan, const char *text, size_t bytes, const char *name)
{
    svg_scan_read(scan, text, bytes);
    ck_assert_msg(!scan->error, "%s: %s at \"%.60s\"", name, scan->error, text + scan->error_at);
}
