#include "sim/machine/draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/draw_impl.h"

typedef weft_status (*view_function)(const weft__machine_spec *spec, weft__panel *panel, weft_error *err);

/* In the order of the page. What has no letter goes below what stands before it if there is no room beside that. */
static const struct {
    weft__draw_view view;
    const char *id, *heading;
    bool has_letter;
    view_function draw;
} views[] = {
    {WEFT__DRAW_SYSTEM, "system", "System", true, weft__draw_system},
    {WEFT__DRAW_SIP, "sip", "SIP", true, weft__draw_sip},
    {WEFT__DRAW_CUBE, "cube", "Cube", true, weft__draw_cube},
    {WEFT__DRAW_PE, "pe", "PE", true, weft__draw_pe},
    {WEFT__DRAW_CUBE, "cube-parts", "Parts of a cube", false, weft__draw_cube_parts},
};
#define VIEWS (sizeof views / sizeof views[0])

static const char *const view_names[] = {"all", "system", "sip", "cube", "pe"};
static const char *const theme_names[] = {"auto", "light", "dark"};

/* Where a panel lies on the page, its heading included. */
typedef struct place {
    bool is_shown;
    weft__box box;
    int header; /* height of heading and caption */
} place;

typedef struct page {
    const weft__machine_spec *spec;
    weft__draw_view view;
    weft__panel panels[VIEWS];
    place places[VIEWS];
    int width, height;
} page;

enum {
    MARGIN = 32,         /* of the page */
    GAP = 48,            /* between panels */
    TITLE = 52,          /* height of the title with what lies below it */
    PAGE_WIDTH = 1420,   /* that panels are put side by side in, if the widest of them is not wider */
    CAPTION_WIDTH = 340, /* at least */
    HEADING_LINE = 22,
    CAPTION_LINE = 17,
    HEADER_GAP = 14 /* between caption and picture */
};

#define SEPARATOR " \xc2\xb7 "

static weft_status find_name(const char *const *names, size_t count, const char *what, const char *name, size_t *out,
                             weft_error *err)
{
    for (*out = 0; *out < count; ++*out)
        if (!strcmp(names[*out], name))
            return WEFT_OK;
    weft__label all = weft__label_of("%s", names[0]);
    for (size_t i = 1; i < count; i++)
        all = weft__label_of("%s%s%s", all.text, i + 1 < count ? ", " : " and ", names[i]);
    *out = 0;
    return weft__fail(err, WEFT_NOT_FOUND, "There is no %s \"%.64s\" to draw; there are %s.", what, name, all.text);
}

weft_status weft__draw_view_find(const char *name, weft__draw_view *out, weft_error *err)
{
    size_t index;
    weft_status status = find_name(view_names, sizeof view_names / sizeof view_names[0], "view", name, &index, err);
    *out = (weft__draw_view)index;
    return status;
}

weft_status weft__draw_theme_find(const char *name, weft__draw_theme *out, weft_error *err)
{
    size_t index;
    weft_status status = find_name(theme_names, sizeof theme_names / sizeof theme_names[0], "theme", name, &index, err);
    *out = (weft__draw_theme)index;
    return status;
}

/* What views share */

void weft__panel_fact(weft__panel *panel, const char *format, ...)
{
    if (panel->fact_count == WEFT__FACTS_MAX)
        return;
    weft__label *fact = &panel->facts[panel->fact_count++];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fact->text, sizeof fact->text, format, arguments);
    va_end(arguments);
    panel->width = weft__max_int(panel->width, weft__text_width(WEFT__TEXT_CAPTION, fact->text));
}

void weft__panel_include(weft__panel *panel, weft__box box)
{
    panel->width = weft__max_int(panel->width, box.x + box.width);
    panel->height = weft__max_int(panel->height, box.y + box.height);
}

weft_status weft__draw_cube_graph(const weft__machine_spec *spec, weft__machine_spec *reduced, weft__graph **out,
                                  weft_error *err)
{
    *reduced = *spec;
    reduced->system.sips = reduced->system.rows = reduced->system.columns = 1;
    reduced->system.fabric = WEFT__SIPS_SWITCH;
    reduced->sip.rows = spec->sip.rows < 3 ? spec->sip.rows : 3;
    reduced->sip.columns = spec->sip.columns < 3 ? spec->sip.columns : 3;
    return weft__graph_create(reduced, out, err);
}

unsigned weft__draw_ucie_sides(const weft__graph *graph)
{
    unsigned sides = 0;
    for (uint32_t cube = 0; cube < graph->cubes && graph->spec->cube.ucie.connections; cube++)
        sides |= graph->cube_sides[cube];
    return sides;
}

/* Captions: facts in lines, as many as fit beside one another. With no `svg`, only counts lines. */
static int put_caption(weft__svg *svg, const weft__panel *panel, int width, int y)
{
    int lines = 0;
    for (unsigned first = 0, next; first < panel->fact_count; first = next) {
        int used = weft__text_width(WEFT__TEXT_CAPTION, panel->facts[first].text);
        for (next = first + 1; next < panel->fact_count; next++) {
            used += weft__text_width(WEFT__TEXT_CAPTION, SEPARATOR) +
                    weft__text_width(WEFT__TEXT_CAPTION, panel->facts[next].text);
            if (used > width)
                break;
        }
        int line_y = y + lines++ * CAPTION_LINE;
        if (!svg)
            continue;
        weft__svg_put(svg, "<text class=\"caption\" x=\"0\" y=\"%d\" font-size=\"%d\" text-anchor=\"start\">", line_y,
                      weft__text_size(WEFT__TEXT_CAPTION));
        for (unsigned i = first; i < next; i++) {
            weft__svg_put(svg, "%s", i > first ? SEPARATOR : "");
            weft__svg_put_escaped(svg, panel->facts[i].text);
        }
        weft__svg_put(svg, "</text>\n");
    }
    return lines;
}

/* The page */

static void put_panel(weft__svg *svg, const page *it, size_t index, weft__label heading)
{
    const weft__panel *panel = &it->panels[index];
    const place *at = &it->places[index];
    weft__svg_put(svg, "<g id=\"%s\" transform=\"translate(%d %d)\">\n", views[index].id, at->box.x, at->box.y);
    weft__svg_text(svg, WEFT__TEXT_HEADING, WEFT__START, 0, 14, heading.text);
    (void)put_caption(svg, panel, at->box.width, HEADING_LINE + 12);
    weft__svg_put(svg, "<g transform=\"translate(0 %d)\">\n%s</g>\n</g>\n", at->header,
                  panel->svg.text ? panel->svg.text : "");
}

/* Puts panels side by side as long as the page is wide enough. */
static void place_panels(page *it)
{
    int limit = PAGE_WIDTH, x = 0, shelf_y = 0;
    for (size_t i = 0; i < VIEWS; i++)
        limit = weft__max_int(limit, it->panels[i].width);
    const weft__box *before = NULL;
    for (size_t i = 0; i < VIEWS; i++) {
        place *at = &it->places[i];
        if (!at->is_shown)
            continue;
        const weft__panel *panel = &it->panels[i];
        int width = weft__max_int(panel->width, CAPTION_WIDTH);
        at->header = HEADING_LINE + CAPTION_LINE * put_caption(NULL, panel, width, 0) + HEADER_GAP;
        at->box = (weft__box){x, shelf_y, width, at->header + panel->height};
        if (before && x + width > limit && views[i].has_letter)
            at->box = (weft__box){0, it->height + GAP, width, at->box.height};
        else if (before && x + width > limit)
            at->box = (weft__box){before->x, before->y + before->height + GAP, width, at->box.height};
        if (views[i].has_letter)
            shelf_y = at->box.y;
        before = &at->box;
        x = at->box.x + width + GAP;
        it->width = weft__max_int(it->width, at->box.x + width);
        it->height = weft__max_int(it->height, at->box.y + at->box.height);
    }
}

static void put_description(weft__svg *svg, const page *it)
{
    for (size_t i = 0; i < VIEWS; i++) {
        if (!it->places[i].is_shown)
            continue;
        weft__svg_put(svg, "%s:", views[i].heading);
        for (unsigned fact = 0; fact < it->panels[i].fact_count; fact++) {
            weft__svg_put(svg, "%s ", fact ? "," : "");
            weft__svg_put_escaped(svg, it->panels[i].facts[fact].text);
        }
        weft__svg_put(svg, ".\n");
    }
}

static void put_page(weft__svg *svg, const page *it, weft__draw_theme theme)
{
    const char *name = it->spec->name ? it->spec->name : "";
    int width = it->width + 2 * MARGIN, height = it->height + TITLE + 2 * MARGIN;
    weft__svg_put(svg,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"weft\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"picture-title picture-description\">\n"
                  "<title id=\"picture-title\">Machine ",
                  width, height, width, height);
    weft__svg_put_escaped(svg, name);
    weft__svg_put(svg, "</title>\n<desc id=\"picture-description\">");
    put_description(svg, it);
    weft__svg_put(svg, "</desc>\n");
    weft__svg_put_styles(svg, theme);
    weft__svg_put(svg, "<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", width, height);
    weft__svg_text_within(svg, WEFT__TEXT_TITLE, MARGIN, MARGIN + 16, it->width, name);
    weft__svg_line(svg, "rule", MARGIN, MARGIN + 30, MARGIN + it->width, MARGIN + 30);
    weft__svg_put(svg, "<g transform=\"translate(%d %d)\">\n", MARGIN, MARGIN + TITLE);
    char letter = 'a';
    for (size_t i = 0; i < VIEWS; i++) {
        if (!it->places[i].is_shown)
            continue;
        bool has_letter = views[i].has_letter && it->view == WEFT__DRAW_ALL;
        put_panel(svg, it, i,
                  has_letter ? weft__label_of("(%c) %s", letter++, views[i].heading)
                             : weft__label_of("%s", views[i].heading));
    }
    weft__svg_put(svg, "</g>\n</svg>\n");
}

static weft_status draw_panels(page *it, weft_error *err)
{
    for (size_t i = 0; i < VIEWS; i++) {
        if (it->view != WEFT__DRAW_ALL && it->view != views[i].view)
            continue;
        it->places[i].is_shown = true;
        weft_status status = views[i].draw(it->spec, &it->panels[i], err);
        if (status != WEFT_OK)
            return status;
        if (it->panels[i].svg.is_out_of_memory)
            return weft__fail_memory(err, 2 * it->panels[i].svg.capacity, "a picture");
    }
    return WEFT_OK;
}

weft_status weft__machine_draw(const weft__machine_spec *spec, const weft__draw_options *options, char **out_text,
                               size_t *out_bytes, weft_error *err)
{
    *out_text = NULL;
    *out_bytes = 0;
    page it = {.spec = spec, .view = options ? options->view : WEFT__DRAW_ALL};
    weft_status status = draw_panels(&it, err);
    weft__svg svg = {0};
    if (status == WEFT_OK) {
        place_panels(&it);
        put_page(&svg, &it, options ? options->theme : WEFT__DRAW_AUTO);
        if (svg.is_out_of_memory)
            status = weft__fail_memory(err, 2 * svg.capacity, "a picture");
    }
    for (size_t i = 0; i < VIEWS; i++)
        free(it.panels[i].svg.text);
    if (status != WEFT_OK) {
        free(svg.text);
        return status;
    }
    *out_text = svg.text;
    *out_bytes = svg.bytes;
    return WEFT_OK;
}
