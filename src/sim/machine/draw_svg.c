#include "sim/machine/draw_impl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"

/* Text */

static bool reserve(weft__svg *svg, size_t more)
{
    if (!svg->is_out_of_memory && !weft__array_reserve(&svg->text, &svg->capacity, svg->bytes, more + 1))
        svg->is_out_of_memory = true;
    return !svg->is_out_of_memory;
}

static void put_bytes(weft__svg *svg, const char *bytes, size_t count)
{
    if (!reserve(svg, count))
        return;
    memcpy(svg->text + svg->bytes, bytes, count);
    svg->bytes += count;
    svg->text[svg->bytes] = 0;
}

void weft__svg_put(weft__svg *svg, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0 && reserve(svg, (size_t)length)) {
        (void)vsnprintf(svg->text + svg->bytes, (size_t)length + 1, format, again);
        svg->bytes += (size_t)length;
    }
    va_end(again);
}

#define REPLACEMENT 0xfffdu

/* The code point at `*text`, which moves on behind it; 0 at the end, U+FFFD for a byte that belongs to none. */
static uint32_t next_code_point(const char **text)
{
    uint32_t point = REPLACEMENT;
    size_t bytes = weft__utf8_decode(*text, WEFT__UTF8_BYTES_MAX, &point);
    if (point != 0)
        *text += bytes ? bytes : 1;
    return point;
}

static bool is_xml(uint32_t point)
{
    return (point >= 0x20 && point != 0x7f && point != 0xfffe && point != 0xffff) || point == '\t' || point == '\n';
}

static void put_code_point(weft__svg *svg, uint32_t point, const char *bytes, size_t count)
{
    if (point == '<')
        put_bytes(svg, "&lt;", 4);
    else if (point == '>')
        put_bytes(svg, "&gt;", 4);
    else if (point == '&')
        put_bytes(svg, "&amp;", 5);
    else if (point == '"')
        put_bytes(svg, "&quot;", 6);
    else if (point == REPLACEMENT || !is_xml(point))
        put_bytes(svg, "\xef\xbf\xbd", 3);
    else
        put_bytes(svg, bytes, count);
}

void weft__svg_put_escaped(weft__svg *svg, const char *text)
{
    for (const char *next = text; *text; text = next) {
        uint32_t point = next_code_point(&next);
        put_code_point(svg, point, text, (size_t)(next - text));
    }
}

weft__label weft__label_of(const char *format, ...)
{
    weft__label label;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(label.text, sizeof label.text, format, arguments);
    va_end(arguments);
    return label;
}

weft__label weft__number(double value)
{
    int decimals = value < 1 ? 6 : 3;
    uint64_t scale = value < 1 ? 1000000 : 1000;
    /* No unit of a machine comes near the bound; it keeps the conversion defined. */
    uint64_t scaled = value < 1e15 ? (uint64_t)(value * (double)scale + 0.5) : UINT64_C(1000000000000000) * scale;
    uint64_t fraction = scaled % scale;
    if (!fraction)
        return weft__label_of("%" PRIu64, scaled / scale);
    while (fraction % 10 == 0) {
        fraction /= 10;
        decimals--;
    }
    return weft__label_of("%" PRIu64 ".%0*" PRIu64, scaled / scale, decimals, fraction);
}

/* Letters */

static const struct {
    const char *class;
    int size;
    int width_per_mille; /* of the size, for the widest of the usual fonts, on average over words and numbers */
} styles[] = {[WEFT__TEXT_TITLE] = {"title", 20, 730},     [WEFT__TEXT_HEADING] = {"heading", 14, 730},
              [WEFT__TEXT_CAPTION] = {"caption", 12, 650}, [WEFT__TEXT_NAME] = {"name", 11, 730},
              [WEFT__TEXT_LABEL] = {"label", 10, 650},     [WEFT__TEXT_NOTE] = {"note", 10, 650}};

static const char *const anchors[] = {"start", "middle", "end"};

int weft__text_size(weft__text_style style)
{
    return styles[style].size;
}

/* Code points from here on are often as wide as high. */
#define WIDE_FROM 0x1100u

static int width_per_mille(weft__text_style style, uint32_t point)
{
    return styles[style].size * (point >= WIDE_FROM ? 1000 : styles[style].width_per_mille);
}

int weft__text_width(weft__text_style style, const char *text)
{
    int width = 0;
    for (uint32_t point; (point = next_code_point(&text));)
        width += width_per_mille(style, point);
    return width / 1000 + 1;
}

static void begin_text(weft__svg *svg, weft__text_style style, weft__anchor anchor, int x, int y)
{
    weft__svg_put(svg, "<text class=\"%s\" x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\"", styles[style].class,
                  x, y, styles[style].size, anchors[anchor]);
}

static void end_text(weft__svg *svg, const char *text)
{
    weft__svg_put_escaped(svg, text);
    weft__svg_put(svg, "</text>\n");
}

void weft__svg_text(weft__svg *svg, weft__text_style style, weft__anchor anchor, int x, int y, const char *text)
{
    begin_text(svg, style, anchor, x, y);
    weft__svg_put(svg, ">");
    end_text(svg, text);
}

void weft__svg_text_upwards(weft__svg *svg, weft__text_style style, int x, int y, const char *text)
{
    begin_text(svg, style, WEFT__MIDDLE, x, y);
    weft__svg_put(svg, " transform=\"rotate(-90 %d %d)\">", x, y);
    end_text(svg, text);
}

void weft__svg_text_downwards(weft__svg *svg, weft__text_style style, int x, int y, const char *text)
{
    begin_text(svg, style, WEFT__MIDDLE, x, y);
    weft__svg_put(svg, " transform=\"rotate(90 %d %d)\">", x, y);
    end_text(svg, text);
}

void weft__svg_text_in(weft__svg *svg, weft__text_style style, weft__box box, const char *text)
{
    /* Letters without descenders are about 0.7 of the size high. */
    int y = box.y + (box.height * 10 + styles[style].size * 7 + 5) / 20;
    weft__svg_text(svg, style, WEFT__MIDDLE, box.x + box.width / 2, y, text);
}

void weft__svg_text_within(weft__svg *svg, weft__text_style style, int x, int y, int width, const char *text)
{
    begin_text(svg, style, WEFT__START, x, y);
    weft__svg_put(svg, ">");
    bool fits = weft__text_width(style, text) <= width;
    int left = (width - 1) * 1000 - (fits ? 0 : width_per_mille(style, WIDE_FROM));
    for (const char *next = text; *text; text = next) {
        uint32_t point = next_code_point(&next);
        left -= width_per_mille(style, point);
        if (left < 0)
            break;
        put_code_point(svg, point, text, (size_t)(next - text));
    }
    weft__svg_put(svg, "%s</text>\n", fits ? "" : "\xe2\x80\xa6");
}

/* Shapes */

void weft__svg_box(weft__svg *svg, const char *look, weft__box box)
{
    int smaller = box.width < box.height ? box.width : box.height;
    int radius = smaller >= 60 ? 6 : smaller >= 14 ? 3 : 0;
    weft__svg_put(svg, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", look, box.x, box.y, box.width,
                  box.height);
    if (radius)
        weft__svg_put(svg, " rx=\"%d\"", radius);
    weft__svg_put(svg, "/>\n");
}

void weft__svg_line(weft__svg *svg, const char *look, int x1, int y1, int x2, int y2)
{
    weft__svg_put(svg, "<path class=\"%s\" d=\"M%d %dL%d %d\"/>\n", look, x1, y1, x2, y2);
}

void weft__svg_begin(weft__svg *svg, const char *id, const char *name)
{
    weft__svg_put(svg, "<g id=\"%s\"><title>%s</title>\n", id, name);
}

void weft__svg_end(weft__svg *svg)
{
    weft__svg_put(svg, "</g>\n");
}

/* Colours: one hue for each kind of part, pale inside and strong at the edge, told apart by their labels too. Colours
 * are spelt out in every rule, because variables of CSS are unknown to the programs that make PDF of SVG. */
static const struct {
    const char *selector, *light, *dark;
} rules[] = {
    {"text", "fill:#1f2933", "fill:#e4e9ee"},
    {".caption,.weft .note", "fill:#566472", "fill:#9fadba"},
    {".page", "fill:#ffffff", "fill:#12171d"},
    {".chiplet", "fill:#fafbfc;stroke:#9ba8b5", "fill:#191f27;stroke:#5c6b7a"},
    {".rule", "stroke:#d3dae1", "stroke:#323d48"},
    {".router", "fill:#eef1f5;stroke:#748494", "fill:#2a343e;stroke:#8797a6"},
    {".pe", "fill:#dbe8f7;stroke:#3a6ea5", "fill:#1f3a57;stroke:#6fa3d8"},
    {".hbm", "fill:#dcefdf;stroke:#478655", "fill:#1e3d28;stroke:#71b381"},
    {".ucie", "fill:#fbe8cf;stroke:#b0721f", "fill:#47341a;stroke:#d99f4e"},
    {".control", "fill:#ebe3f5;stroke:#7453a6", "fill:#382b4d;stroke:#a98bd6"},
    {".sram", "fill:#d6eeef;stroke:#2f7f85", "fill:#1a3f42;stroke:#5fb3b9"},
    {".hole", "fill:none;stroke:#b3bec8", "fill:none;stroke:#4a5866"},
    {".mesh-link", "stroke:#748494", "stroke:#8797a6"},
    {".part-link", "stroke:#9ba8b5", "stroke:#6b7a89"},
    {".ucie-link", "stroke:#b0721f", "stroke:#d99f4e"},
    {".sip-link", "stroke:#3a6ea5", "stroke:#6fa3d8"},
    {".hbm-link", "stroke:#478655", "stroke:#71b381"},
};

static void put_rules(weft__svg *svg, bool is_dark)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        weft__svg_put(svg, ".weft %s{%s}\n", rules[i].selector, is_dark ? rules[i].dark : rules[i].light);
}

void weft__svg_put_styles(weft__svg *svg, weft__draw_theme theme)
{
    weft__svg_put(svg, "<style>\n"
                       ".weft text{font-family:Inter,\"Helvetica Neue\",Helvetica,Arial,\"DejaVu Sans\",sans-serif}\n"
                       ".weft .title,.weft .heading,.weft .name{font-weight:bold}\n"
                       ".weft path{fill:none;stroke-width:1;stroke-linejoin:round}\n"
                       ".weft .mesh-link,.weft .sip-link{stroke-width:2}\n"
                       ".weft .hole{stroke-dasharray:3 3}\n"
                       ".weft .small rect,.weft .small path{stroke-width:0.6}\n"
                       ".weft .small .mesh-link{stroke-width:1}\n");
    put_rules(svg, theme == WEFT__DRAW_DARK);
    if (theme == WEFT__DRAW_AUTO) {
        weft__svg_put(svg, "@media (prefers-color-scheme:dark){\n");
        put_rules(svg, true);
        weft__svg_put(svg, "}\n");
    }
    weft__svg_put(svg, "</style>\n");
}
