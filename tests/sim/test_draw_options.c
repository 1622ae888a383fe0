/* Pictures of machines: views, themes, names that need escaping, and failures. */
#include "support/weft_check.h"

#include <stdio.h>

#include "picture_checks.h"
#include "sim/machine/draw_impl.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"

START_TEST(one_view_alone)
{
    static const struct {
        weft__draw_view view;
        const char *id;
    } views[] = {{WEFT__DRAW_SYSTEM, "host"},
                 {WEFT__DRAW_SIP, "io-noc"},
                 {WEFT__DRAW_CUBE, "c0-r0c0"},
                 {WEFT__DRAW_PE, "pe0-dma"}};
    weft__machine_spec spec = two_sip();
    for (size_t i = 0; i < 4; i++) {
        size_t bytes;
        svg_scan scan;
        char *text = draw_picture(&spec, views[i].view, WEFT__DRAW_AUTO, &bytes);
        assert_well_formed(&scan, text, bytes, views[i].id);
        assert_readable(&scan, views[i].id);
        assert_apart(&scan, views[i].id);
        for (size_t j = 0; j < 4; j++)
            ck_assert_uint_eq(svg_scan_count(&scan, views[j].id), i == j);
        svg_scan_free(&scan);
        free(text);
    }
}
END_TEST

START_TEST(a_theme_or_the_readers)
{
    static const char query[] = "@media (prefers-color-scheme:dark)", white[] = ".page{fill:#ffffff}";
    weft__machine_spec spec = tiny();
    for (unsigned theme = 0; theme < 3; theme++) {
        size_t bytes;
        char *text = draw_picture(&spec, WEFT__DRAW_ALL, (weft__draw_theme)theme, &bytes);
        ck_assert_int_eq(strstr(text, query) != NULL, theme == WEFT__DRAW_AUTO);
        ck_assert_int_eq(strstr(text, white) != NULL, theme != WEFT__DRAW_DARK);
        ck_assert_int_eq(strstr(text, ".page{fill:#12171d}") != NULL, theme != WEFT__DRAW_LIGHT);
        free(text);
    }
}
END_TEST

START_TEST(no_options_are_the_defaults_and_bytes_repeat)
{
    weft__machine_spec spec = six_sip_torus();
    weft_error err;
    size_t bytes, again_bytes;
    char *text = draw_picture(&spec, WEFT__DRAW_ALL, WEFT__DRAW_AUTO, &bytes), *again;
    WEFT_TEST_ASSERT_OK(weft__machine_draw(&spec, NULL, &again, &again_bytes, &err), err);
    ck_assert_uint_eq(bytes, again_bytes);
    ck_assert_int_eq(memcmp(text, again, bytes), 0);
    free(text);
    free(again);
}
END_TEST

/* Draws a machine of this name and looks for what became of it. */
static void check_name(const char *name, const char *title, const char *heading)
{
    char buffer[256], expected[512];
    (void)snprintf(buffer, sizeof buffer, "%s", name);
    weft__machine_spec spec = tiny();
    spec.name = buffer;
    size_t bytes;
    svg_scan scan;
    char *text = draw_picture(&spec, WEFT__DRAW_SYSTEM, WEFT__DRAW_LIGHT, &bytes);
    assert_well_formed(&scan, text, bytes, title);
    assert_readable(&scan, title);
    (void)snprintf(expected, sizeof expected, "<title id=\"picture-title\">Machine %s</title>", title);
    ck_assert_msg(strstr(text, expected) != NULL, "no %s", expected);
    (void)snprintf(expected, sizeof expected, ">%s</text>", heading);
    ck_assert_msg(strstr(text, expected) != NULL, "no %s", expected);
    svg_scan_free(&scan);
    free(text);
}

#define REPLACEMENT "\xef\xbf\xbd"
#define TEN "0123456789"

START_TEST(names_are_escaped)
{
    check_name("", "", "");
    check_name("a<b & \"c\"> 'd'", "a&lt;b &amp; &quot;c&quot;&gt; 'd'", "a&lt;b &amp; &quot;c&quot;&gt; 'd'");
    check_name("]]><script>", "]]&gt;&lt;script&gt;", "]]&gt;&lt;script&gt;");
    check_name("gr\xc3\xb6\xc3\x9f\x65r", "gr\xc3\xb6\xc3\x9f\x65r", "gr\xc3\xb6\xc3\x9f\x65r");
    /* A control character, a byte that starts nothing, half a character, too long a form, a surrogate, beyond the end.
     */
    check_name("a\x01", "a" REPLACEMENT, "a" REPLACEMENT);
    check_name("\xff|\xe2\x82|", REPLACEMENT "|" REPLACEMENT REPLACEMENT "|",
               REPLACEMENT "|" REPLACEMENT REPLACEMENT "|");
    check_name("\xc0\xaf", REPLACEMENT REPLACEMENT, REPLACEMENT REPLACEMENT);
    check_name("\xed\xa0\x80", REPLACEMENT REPLACEMENT REPLACEMENT, REPLACEMENT REPLACEMENT REPLACEMENT);
    check_name("\xef\xbf\xbe", REPLACEMENT, REPLACEMENT);
    check_name("\xf4\x90\x80\x80", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT,
               REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT);
}
END_TEST

START_TEST(long_names_are_cut_in_the_picture_alone)
{
    char *name = TEN TEN TEN TEN TEN TEN TEN TEN;
    weft__machine_spec spec = tiny();
    spec.name = name;
    size_t bytes;
    svg_scan scan;
    char *text = draw_picture(&spec, WEFT__DRAW_SYSTEM, WEFT__DRAW_LIGHT, &bytes);
    assert_well_formed(&scan, text, bytes, name);
    assert_readable(&scan, name);
    ck_assert_ptr_nonnull(strstr(text, "Machine " TEN TEN TEN TEN TEN TEN TEN TEN "</title>"));
    ck_assert_ptr_null(strstr(text, TEN TEN TEN TEN TEN TEN TEN TEN "</text>"));
    ck_assert_ptr_nonnull(strstr(text, "\xe2\x80\xa6</text>"));
    svg_scan_free(&scan);
    free(text);
}
END_TEST

START_TEST(numbers_are_short)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "1"},
                 {128, "128"},
                 {0.5, "0.5"},
                 {0.001, "0.001"},
                 {0.000001, "0.000001"},
                 {0.0000004, "0"},
                 {0.9999999, "1"},
                 {1.05, "1.05"},
                 {33.3333, "33.333"},
                 {999.9999, "1000"},
                 {1e6, "1000000"},
                 {270336, "270336"},
                 {2.0005, "2.001"},
                 {1e300, "1000000000000000"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_str_eq(weft__number(cases[i].value).text, cases[i].text);
}
END_TEST

START_TEST(views_and_themes_have_names)
{
    static const char *const views[] = {"all", "system", "sip", "cube", "pe"}, *const themes[] = {"auto", "light",
                                                                                                  "dark"};
    weft_error err;
    weft__draw_view view;
    weft__draw_theme theme;
    for (unsigned i = 0; i < 5; i++) {
        WEFT_TEST_ASSERT_OK(weft__draw_view_find(views[i], &view, &err), err);
        ck_assert_uint_eq(view, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        WEFT_TEST_ASSERT_OK(weft__draw_theme_find(themes[i], &theme, &err), err);
        ck_assert_uint_eq(theme, i);
    }
    WEFT_TEST_ASSERT_STATUS(weft__draw_view_find("router", &view, &err), WEFT_NOT_FOUND);
    ck_assert_str_eq(err.message, "There is no view \"router\" to draw; there are all, system, sip, cube and pe.");
    ck_assert_uint_eq(view, WEFT__DRAW_ALL);
    WEFT_TEST_ASSERT_STATUS(weft__draw_theme_find("", &theme, NULL), WEFT_NOT_FOUND);
}
END_TEST

/* Failures */

START_TEST(out_of_memory_at_each_allocation)
{
    weft__machine_spec spec = two_sip();
    uint64_t n = 0;
    for (bool failed = true; failed; n++) {
        weft_error err;
        char *text = (char *)1;
        size_t bytes = 1;
        weft_test_fail_allocation_after(n);
        weft_status status = weft__machine_draw(&spec, NULL, &text, &bytes, &err);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert_int_eq(text == NULL, failed);
        ck_assert_int_eq(bytes == 0, failed);
        free(text);
    }
    ck_assert_uint_gt(n, 30);
}
END_TEST

/* A hole where a connection should be is what a graph refuses; the sentence is the graph's. */
START_TEST(what_has_no_graph_has_no_picture)
{
    weft__machine_spec spec = two_sip();
    weft__place corner = {0, 1};
    spec.cube.holes = &corner;
    spec.cube.hole_count = 1;
    weft_error err;
    char *text = (char *)1;
    size_t bytes;
    WEFT_TEST_ASSERT_STATUS(weft__machine_draw(&spec, NULL, &text, &bytes, &err), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_null(text);
    ck_assert_uint_eq(bytes, 0);
}
END_TEST

WEFT_TEST_MAIN("draw_options", one_view_alone, a_theme_or_the_readers, no_options_are_the_defaults_and_bytes_repeat,
               names_are_escaped, long_names_are_cut_in_the_picture_alone, numbers_are_short,
               views_and_themes_have_names, out_of_memory_at_each_allocation, what_has_no_graph_has_no_picture)
