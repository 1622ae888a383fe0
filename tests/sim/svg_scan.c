#include "svg_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 16,
    NAME_BYTES = 32,
    VALUE_BYTES = 4096,
    ATTRIBUTES_MAX = 12
};

typedef struct element {
    char name[NAME_BYTES];
    double x, y;   /* of what is in it, on the page */
    size_t part;   /* whose boxes are in it: its number plus one, or 0 */
    bool is_part;  /* a group with an id that is not moved */
    svg_box frame; /* the last box in it, if it is a part */
    bool has_frame;
} element;

typedef struct attribute {
    char name[NAME_BYTES];
    char *value;
} attribute;

typedef struct reader {
    svg_scan *scan;
    const char *text;
    size_t bytes, at;
    element stack[DEPTH_MAX];
    size_t depth;
    attribute attributes[ATTRIBUTES_MAX];
    size_t attribute_count;
    char *values;   /* ATTRIBUTES_MAX times VALUE_BYTES */
    long open_text; /* number of the text being read, or -1 */
    bool had_root;
} reader;

static bool fail(reader *it, const char *error)
{
    if (!it->scan->error) {
        it->scan->error = error;
        it->scan->error_at = it->at;
    }
    return false;
}

static char peek(const reader *it)
{
    return it->at < it->bytes ? it->text[it->at] : 0;
}

static bool accept(reader *it, const char *word)
{
    size_t length = strlen(word);
    if (it->bytes - it->at < length || memcmp(it->text + it->at, word, length) != 0)
        return false;
    it->at += length;
    return true;
}

/* One character of text or of a value: what stands for itself, or one of the four entities. Appends it. */
static bool read_character(reader *it, char *out, size_t *used, size_t size)
{
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    char c = peek(it);
    if ((unsigned char)c < 0x20 && c != '\n')
        return fail(it, "a control character");
    if (c == '<')
        return fail(it, "< in a text or a value");
    if (c == '&') {
        size_t i = 0;
        while (i < 4 && !accept(it, entities[i]))
            i++;
        if (i == 4)
            return fail(it, "an unknown entity");
        c = "<>&\""[i];
    } else {
        it->at++;
    }
    if (*used + 1 < size)
        out[(*used)++] = c;
    out[*used] = 0;
    return true;
}

static bool read_name(reader *it, char name[NAME_BYTES])
{
    size_t length = strspn(it->text + it->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
    if (length == 0 || length >= NAME_BYTES)
        return fail(it, "no name");
    memcpy(name, it->text + it->at, length);
    name[length] = 0;
    it->at += length;
    return true;
}

static bool read_attributes(reader *it)
{
    it->attribute_count = 0;
    while (accept(it, " ")) {
        if (it->attribute_count == ATTRIBUTES_MAX)
            return fail(it, "too many attributes");
        attribute *next = &it->attributes[it->attribute_count];
        next->value = it->values + it->attribute_count * VALUE_BYTES;
        next->value[0] = 0;
        if (!read_name(it, next->name))
            return false;
        for (size_t i = 0; i < it->attribute_count; i++)
            if (strcmp(it->attributes[i].name, next->name) == 0)
                return fail(it, "an attribute twice");
        if (!accept(it, "=\""))
            return fail(it, "no value");
        for (size_t used = 0; peek(it) != '"';)
            if (!read_character(it, next->value, &used, VALUE_BYTES))
                return false;
        it->at++;
        it->attribute_count++;
    }
    return true;
}

static const char *value_of(const reader *it, const char *name)
{
    for (size_t i = 0; i < it->attribute_count; i++)
        if (strcmp(it->attributes[i].name, name) == 0)
            return it->attributes[i].value;
    return NULL;
}

static double number_of(const reader *it, const char *name)
{
    const char *value = value_of(it, name);
    return value ? strtod(value, NULL) : 0;
}

static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? 2 * *capacity : 64;
    return realloc(items, *capacity * size);
}

static void note_id(reader *it, element *now)
{
    svg_scan *scan = it->scan;
    const char *id = value_of(it, "id");
    if (!id)
        return;
    scan->parts = grown(scan->parts, scan->part_count, &scan->part_capacity, sizeof *scan->parts);
    svg_part *part = &scan->parts[scan->part_count++];
    memset(part, 0, sizeof *part);
    (void)snprintf(part->id, sizeof part->id, "%s", id);
    now->is_part = strcmp(now->name, "g") == 0 && !value_of(it, "transform");
    now->part = now->is_part ? scan->part_count : 0;
}

static void note_box(reader *it, element *parent)
{
    if (!parent->is_part)
        return;
    double x = parent->x + number_of(it, "x"), y = parent->y + number_of(it, "y");
    parent->frame = (svg_box){x, y, x + number_of(it, "width"), y + number_of(it, "height")};
    parent->has_frame = true;
    svg_part *part = &it->scan->parts[parent->part - 1];
    if (!part->has_box)
        part->box = parent->frame;
    part->has_box = true;
}

/* Follows a line through M, L, H and V, each with numbers that count from the same corner. */
static bool note_path(reader *it, const element *parent)
{
    svg_box *all = &it->scan->paths;
    const char *at = value_of(it, "d");
    double x = parent->x, y = parent->y;
    while (at && *at) {
        char command = *at++, *end;
        if (!strchr("MLHV", command))
            return fail(it, "a path of other commands than M, L, H and V");
        if (command != 'V') {
            x = parent->x + strtod(at, &end);
            at = end;
        }
        if (command != 'H') {
            y = parent->y + strtod(at, &end);
            at = end;
        }
        all->left = x < all->left ? x : all->left;
        all->right = x > all->right ? x : all->right;
        all->top = y < all->top ? y : all->top;
        all->bottom = y > all->bottom ? y : all->bottom;
    }
    return true;
}

static void begin_text(reader *it, const element *parent)
{
    svg_scan *scan = it->scan;
    scan->texts = grown(scan->texts, scan->text_count, &scan->text_capacity, sizeof *scan->texts);
    svg_text *text = &scan->texts[scan->text_count];
    memset(text, 0, sizeof *text);
    text->has_frame = parent->has_frame;
    text->frame = parent->frame;
    it->open_text = (long)scan->text_count++;
}

/* Where a text lies, from its attributes, which are still those read last. */
static void end_text(reader *it, const element *parent)
{
    svg_text *text = &it->scan->texts[it->open_text];
    const char *class = value_of(it, "class"), *anchor = value_of(it, "text-anchor");
    const char *transform = value_of(it, "transform");
    bool is_bold = strcmp(class, "title") == 0 || strcmp(class, "heading") == 0 || strcmp(class, "name") == 0;
    double size = number_of(it, "font-size"), letters = 0;
    for (const char *c = text->content; *c; c++)
        letters += ((unsigned char)*c & 0xc0) != 0x80;
    double width = letters * size * (is_bold ? 0.70 : 0.62);
    double from = strcmp(anchor, "middle") == 0 ? -width / 2 : strcmp(anchor, "end") == 0 ? -width : 0;
    double x = parent->x + number_of(it, "x"), y = parent->y + number_of(it, "y");
    double up = 0.75 * size, down = 0.2 * size;
    if (!transform)
        text->box = (svg_box){x + from, y - up, x + from + width, y + down};
    else if (strncmp(transform, "rotate(-90 ", 11) == 0)
        text->box = (svg_box){x - up, y - from - width, x + down, y - from};
    else
        text->box = (svg_box){x - down, y + from, x + up, y + from + width};
    it->open_text = -1;
}

static bool begin_element(reader *it)
{
    element now = {.x = 0}, *parent = it->depth ? &it->stack[it->depth - 1] : NULL;
    if (!read_name(it, now.name) || !read_attributes(it))
        return false;
    if (!parent && it->had_root)
        return fail(it, "two roots");
    it->had_root = true;
    now.x = parent ? parent->x : 0;
    now.y = parent ? parent->y : 0;
    note_id(it, &now);
    const char *transform = value_of(it, "transform");
    if (strcmp(now.name, "g") == 0 && transform) {
        int dx, dy;
        if (sscanf(transform, "translate(%d %d)", &dx, &dy) != 2)
            return fail(it, "a transform of a group that moves nothing");
        now.x += dx;
        now.y += dy;
    }
    if (strcmp(now.name, "svg") == 0) {
        it->scan->width = number_of(it, "width");
        it->scan->height = number_of(it, "height");
    } else if (strcmp(now.name, "rect") == 0 && parent) {
        note_box(it, parent);
    } else if (strcmp(now.name, "path") == 0 && parent) {
        if (!note_path(it, parent))
            return false;
    } else if (strcmp(now.name, "text") == 0 && parent) {
        begin_text(it, parent);
    }
    if (accept(it, "/>"))
        return true;
    if (!accept(it, ">"))
        return fail(it, "a tag that does not end");
    if (it->depth == DEPTH_MAX)
        return fail(it, "too deep");
    it->stack[it->depth++] = now;
    return true;
}

static bool end_element(reader *it)
{
    char name[NAME_BYTES];
    if (!read_name(it, name) || !accept(it, ">"))
        return fail(it, "a tag that does not end");
    if (it->depth == 0 || strcmp(it->stack[it->depth - 1].name, name) != 0)
        return fail(it, "an end that nothing began");
    it->depth--;
    if (it->open_text >= 0)
        end_text(it, &it->stack[it->depth - 1]);
    return true;
}

static bool read_content(reader *it)
{
    char dropped[2];
    size_t used = 0;
    bool is_kept = it->open_text >= 0;
    char *out = is_kept ? it->scan->texts[it->open_text].content : dropped;
    size_t size = is_kept ? sizeof it->scan->texts[0].content : sizeof dropped;
    while (it->at < it->bytes && peek(it) != '<') {
        if (it->depth == 0 && peek(it) != '\n')
            return fail(it, "text outside of the root");
        if (!read_character(it, out, &used, size))
            return false;
    }
    return true;
}

static int compare_parts(const void *a, const void *b)
{
    return strcmp(((const svg_part *)a)->id, ((const svg_part *)b)->id);
}

void svg_scan_read(svg_scan *scan, const char *text, size_t bytes)
{
    memset(scan, 0, sizeof *scan);
    scan->paths = (svg_box){1e9, 1e9, -1e9, -1e9};
    reader it = {.scan = scan, .text = text, .bytes = bytes, .open_text = -1};
    it.values = malloc((size_t)ATTRIBUTES_MAX * VALUE_BYTES);
    bool is_good = text[bytes] == 0 && accept(&it, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (!is_good)
        (void)fail(&it, "no XML declaration");
    while (is_good && it.at < bytes) {
        if (accept(&it, "</"))
            is_good = end_element(&it);
        else if (accept(&it, "<"))
            is_good = begin_element(&it);
        else
            is_good = read_content(&it);
    }
    if (it.depth != 0 || !it.had_root)
        (void)fail(&it, "an element that does not end");
    free(it.values);
    if (scan->part_count)
        qsort(scan->parts, scan->part_count, sizeof *scan->parts, compare_parts);
}

void svg_scan_free(svg_scan *scan)
{
    free(scan->parts);
    free(scan->texts);
}

/* Number of ids below this one; an id that starts with `id` and goes on is above it. */
static size_t lower_bound(const svg_scan *scan, const char *id)
{
    size_t low = 0, high = scan->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(scan->parts[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const svg_part *svg_scan_find(const svg_scan *scan, const char *id)
{
    size_t i = lower_bound(scan, id);
    return i < scan->part_count && strcmp(scan->parts[i].id, id) == 0 ? &scan->parts[i] : NULL;
}

size_t svg_scan_count(const svg_scan *scan, const char *id)
{
    size_t count = 0;
    for (size_t i = lower_bound(scan, id); i < scan->part_count && strcmp(scan->parts[i].id, id) == 0; i++)
        count++;
    return count;
}

size_t svg_scan_count_prefix(const svg_scan *scan, const char *prefix)
{
    size_t count = 0, length = strlen(prefix);
    for (size_t i = lower_bound(scan, prefix); i < scan->part_count && !strncmp(scan->parts[i].id, prefix, length); i++)
        count++;
    return count;
}

bool svg_boxes_overlap(svg_box a, svg_box b)
{
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

bool svg_box_is_in(svg_box inner, svg_box outer)
{
    return inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top &&
           inner.bottom <= outer.bottom;
}
