#!/usr/bin/env python3
"""The page of `weft report` in a browser: it draws, zooms, sorts, filters, compares, plays, and asks nobody."""

from pathlib import Path

import sample_run
from report_case import CANVAS, ReportTest, main, open_browser


def setUpModule():
    """One browser and two pages for all tests."""
    open_browser()
    ReportTest.sim = sample_run.sim_run(300, 40)
    ReportTest.fused = sample_run.sim_run(300, 40, seed=2, is_fused=True)
    ReportTest.one = ReportTest.write("one", ReportTest.sim)
    ReportTest.two = ReportTest.write("two", ReportTest.sim, ReportTest.fused)


class Loads(ReportTest):
    def test_every_section_is_there_and_quiet(self):
        page = self.open(self.one)
        self.assertEqual(page.get("[...document.querySelectorAll('main > section')].map(it => it.id)"),
                         ["summary", "timeline", "time", "dispatches", "roofline", "machine", "hazards"])
        for selector in ("#timeline-canvas", "#timeline-overview", "#roofline-canvas", "#map-0"):
            self.assertGreater(self.ink(page, selector), 8, selector)
        self.assertIn("Qwen3", page.get("document.title"))
        self.assertIn("</script> <b>took</b>", page.get("document.getElementById('hazards').textContent"))
        self.assertEqual(page.get("document.querySelectorAll('#hazards b').length"), 0)
        self.assert_quiet(page)

    def test_the_host_has_no_machine(self):
        page = self.open(self.write("host", sample_run.host_run()))
        self.assertEqual(page.get("[...document.querySelectorAll('main > section')].map(it => it.id)"),
                         ["summary", "timeline", "dispatches", "roofline"])
        self.assert_quiet(page)

    def test_a_bench_has_pes_and_engines(self):
        page = self.open(self.write("bench", sample_run.bench_run()))
        text = page.get("document.getElementById('time').textContent")
        for part in ("dma_read", "sip0.cube0.pe7", "compute", "54.8 %"):
            self.assertIn(part, text)
        self.assert_quiet(page)

    def test_the_least_run_is_a_page(self):
        page = self.open(self.write("least", {"weft_run": 1, "command": "weft", "device": "cpu", "makespan_ps": 0}))
        self.assertEqual(page.get("[...document.querySelectorAll('main > section')].map(it => it.id)"), ["summary"])
        self.assert_quiet(page)

    def test_stacked_bars_are_all_of_the_time(self):
        page = self.open(self.one)
        labels = page.get("[...document.querySelectorAll('.bar')].map(bar => bar.getAttribute('aria-label'))")
        self.assertGreater(len(labels), 200)
        for label in labels[:20]:
            shares = [float(word) for word in label.replace("< ", "").split() if word.replace(".", "").isdigit()]
            self.assertAlmostEqual(sum(shares), 100, delta=0.4, msg=label)
        widths = page.get("""[...document.querySelectorAll('.bar')].map(bar => [...bar.children].reduce(
            (sum, piece) => sum + piece.getBoundingClientRect().width + 2, -2) / bar.clientWidth)""")
        self.assertLess(max(abs(width - 1) for width in widths), 0.01)


class Timeline(ReportTest):
    def test_zooms_and_pans_with_keys(self):
        page = self.open(self.one)
        page.get(f"{CANVAS}.focus()")
        whole = self.window(page)
        self.assertEqual(whole, [0, self.sim["makespan_ps"]])
        page.key("+")
        near = self.window(page)
        self.assertLess(near[1] - near[0], 0.7 * whole[1])
        page.key("ArrowRight")
        right = self.window(page)
        self.assertGreater(right[0], near[0])
        self.assertAlmostEqual(right[1] - right[0], near[1] - near[0], delta=2)
        page.key("0")
        self.assertEqual(self.window(page), whole)
        self.assert_quiet(page)

    def test_zooms_with_wheel_buttons_and_dragging(self):
        page = self.open(self.one)
        whole = self.window(page)
        x, y = page.center("#timeline-canvas")
        page.wheel(x, y, -400, ctrl=True)
        near = self.window(page)
        self.assertLess(near[1] - near[0], 0.6 * whole[1])
        self.assertAlmostEqual(sum(near) / 2, whole[1] / 2, delta=0.02 * whole[1])
        page.drag(x, y, x - 200, y)
        self.assertGreater(self.window(page)[0], near[0])
        page.click("[aria-label='Zoom out']")
        page.click("[aria-label='Show all of it']")
        self.assertEqual(self.window(page), whole)

    def test_the_wheel_alone_scrolls_the_page_until_it_is_clicked(self):
        page = self.open(self.one)
        x, y = page.center("#timeline-canvas")
        before = self.window(page)
        page.wheel(x, y, -100)
        self.assertEqual(self.window(page), before)

    def test_two_fingers_zoom(self):
        page = self.open(self.one, width=360, height=740, mobile=True)
        x, y = page.center("#timeline-canvas")
        before = self.window(page)

        def touch(kind, *xs):
            page.call("Input.dispatchTouchEvent", type=kind,
                      touchPoints=[{"x": at, "y": y, "id": i} for i, at in enumerate(xs)])
            page.frames()

        touch("touchStart", x - 20, x + 20)
        for by in range(30, 90, 10):
            touch("touchMove", x - by, x + by)
        touch("touchEnd")
        after = self.window(page)
        self.assertLess(after[1] - after[0], 0.5 * (before[1] - before[0]))

    def test_selects_and_tells(self):
        page = self.open(self.one)
        page.get(f"{CANVAS}.focus()")
        page.key("ArrowDown")
        page.key("ArrowDown")
        self.assertIn("q_proj", page.get("document.getElementById('selected').textContent"))
        self.assertIn("q_proj", page.get("document.getElementById('said').textContent"))
        self.assertIn("q_proj", page.get("document.querySelector('#dispatch-table [aria-selected=true]').textContent"))
        page.key("Enter")
        window = self.window(page)
        self.assertLess(window[1] - window[0], 0.1 * self.sim["makespan_ps"])
        x, y = page.center("#timeline-canvas")
        page.mouse("mouseMoved", x, page.get(f"{CANVAS}.getBoundingClientRect().top") + 180)
        page.key("Escape")
        self.assertTrue(page.get("document.getElementById('selected').hidden"))

    def test_hazards_lead_into_the_timeline(self):
        page = self.open(self.one)
        page.click("#hazards button")
        window = self.window(page)
        self.assertTrue(window[0] < self.sim["hazards"][0]["time_ps"] < window[1])
        self.assertLess(window[1] - window[0], 0.05 * self.sim["makespan_ps"])


class Table(ReportTest):
    def test_sorts_both_ways(self):
        page = self.open(self.one)
        page.click("#dispatch-table [data-key=duration]")
        first = self.rows(page)[0]
        longest = max(self.sim["dispatches"], key=lambda it: it["end_ps"] - it["start_ps"])
        self.assertEqual(first[:3], [str(self.sim["dispatches"].index(longest)), longest["op"], longest["label"]])
        head = "document.querySelector('#dispatch-table [data-key=duration]').parentElement.getAttribute('aria-sort')"
        self.assertEqual(page.get(head), "descending")
        page.click("#dispatch-table [data-key=duration]")
        self.assertEqual(page.get(head), "ascending")
        shortest = min(self.sim["dispatches"], key=lambda it: it["end_ps"] - it["start_ps"])
        self.assertEqual(self.rows(page)[0][2], shortest["label"])
        page.click("#dispatch-table [data-key=label]")
        labels = [row[2] for row in self.rows(page)]
        self.assertEqual(labels, sorted(labels))
        self.assertEqual(page.get("document.querySelectorAll('#dispatch-table [aria-sort]').length"), 1)

    def test_every_column_sorts(self):
        page = self.open(self.one)
        for key in page.get("[...document.querySelectorAll('#dispatch-table th button')].map(it => it.dataset.key)"):
            page.get(f"document.querySelector('#dispatch-table [data-key={key}]').click()")
            self.assertGreater(len(self.rows(page)), 10, key)
        self.assert_quiet(page)

    def test_filters(self):
        page = self.open(self.one)
        page.click("#filter")
        page.type("matmul q_proj")
        wanted = [it for it in self.sim["dispatches"] if it["op"] == "matmul" and "q_proj" in it["label"]]
        self.assertEqual(page.get("document.getElementById('filter-count').textContent"),
                         f"{len(wanted)} of {len(self.sim['dispatches'])} shown")
        self.assertEqual({row[1] for row in self.rows(page)}, {"matmul"})
        page.type(" nothing")
        self.assertEqual(self.rows(page), [])
        self.assert_quiet(page)

    def test_keys_go_through_all_rows(self):
        page = self.open(self.one)
        page.get("document.querySelector('#dispatch-table tr.row').focus()")
        for key in ("ArrowDown", "PageDown", "End"):
            page.key(key)
        count = len(self.sim["dispatches"])
        self.assertEqual(page.get("document.activeElement.getAttribute('aria-rowindex')"), str(count + 1))
        self.assertEqual(page.get("document.getElementById('dispatch-table').getAttribute('aria-rowcount')"),
                         str(count + 1))
        page.key("Enter")
        self.assertIn(self.sim["dispatches"][-1]["label"], page.get("document.getElementById('selected').textContent"))


class Compare(ReportTest):
    def test_matches_and_tells_the_difference(self):
        page = self.open(self.two)
        self.assertIn("shorter", self.text_of(page, "compared-verdict"))
        self.assertIn("better", self.text_of(page, "compared-summary"))
        self.assertEqual(page.get("document.querySelectorAll('#compared-ops tbody tr').length"),
                         len({it["op"] for it in self.sim["dispatches"]}))
        rows = {tuple(row[:2]): row for row in self.rows(page, "compare-table")}
        self.assertEqual(rows[("rms_norm", "layer 0 q norm")][-1], "only in A")
        both = rows[("matmul", "layer 0 q_proj")]
        first = [next(it["end_ps"] - it["start_ps"] for it in run["dispatches"] if it["label"] == "layer 0 q_proj")
                 for run in (self.sim, self.fused)]
        self.assertEqual([both[2], both[3]], [f"{ps / 1000:.1f} ns" for ps in first])
        self.assertEqual(both[4][0], "+" if first[1] > first[0] else "\u2212")
        self.assertIn(f"{abs(100 * (first[1] - first[0]) / first[0]):.1f} %", both[5])
        page.click("#compare-table [data-key=delta]")
        self.assertEqual(page.get("document.querySelectorAll('.map-canvas').length"), 2)
        self.assertEqual(self.window(page)[1], max(self.sim["makespan_ps"], self.fused["makespan_ps"]))
        self.assert_quiet(page)

    def test_clocks_that_differ_are_not_compared(self):
        page = self.open(self.write("clocks", sample_run.host_run(), self.sim))
        caution = page.get("document.querySelector('#summary .caution').textContent")
        for word in ("Different clocks", "Run A was measured", "run B", "simulated"):
            self.assertIn(word, caution)
        self.assertEqual(page.get("document.querySelectorAll('.better, .worse').length"), 0)
        text = page.get("document.getElementById('main').textContent")
        for word in ("times as fast", "times as long", "better", "worse"):
            self.assertNotIn(word, text)
        other = self.open(self.write("clocks-2", self.sim, sample_run.host_run()))
        self.assertIn("Run B was measured", other.get("document.querySelector('.caution').textContent"))
        for page in (page, other):
            self.assert_quiet(page)
        self.assertIsNone(self.open(self.two).get("document.querySelector('.caution')"))

    def test_a_phone_shows_all_of_the_summary(self):
        page = self.open(self.two, width=375, height=740, mobile=True)
        for id_ in ("compared-verdict", "compared-summary"):
            left, right, inner, outer = page.get(f"""(() => {{ const it = document.getElementById('{id_}');
                const box = it.getBoundingClientRect();
                return [box.left, box.right, it.scrollWidth, it.parentElement.clientWidth]; }})()""")
            self.assertTrue(0 <= left and right <= 375 and inner <= outer, (id_, left, right, inner, outer))

    def test_each_run_has_its_own_table(self):
        page = self.open(self.two)
        page.get("[...document.querySelectorAll('#dispatches .buttons button')]"
                 ".find(it => it.textContent === 'Run B').click()")
        page.frames()
        self.assertEqual(page.get("document.getElementById('filter-count').textContent"),
                         f"{len(self.fused['dispatches'])} of {len(self.fused['dispatches'])} shown")


class Machine(ReportTest):
    def test_the_slider_moves(self):
        page = self.open(self.one)
        self.assertEqual(page.get("document.getElementById('map-0').dataset.bucket"), "mean")
        picture = page.get("document.getElementById('map-0').toDataURL()")
        page.get("document.getElementById('map-slider').focus()")
        for _ in range(3):
            page.key("ArrowRight")
        page.frames()
        self.assertEqual(page.get("document.getElementById('map-0').dataset.bucket"), "3")
        self.assertNotEqual(page.get("document.getElementById('map-0').toDataURL()"), picture)
        bucket = self.sim["activity"]["bucket_ps"]
        self.assertIn(f"{3 * bucket / 1e6:.3f} \u00b5s"[:4],
                      page.get("document.getElementById('map-time').textContent"))
        busiest = max(self.sim["activity"]["pes"] + self.sim["activity"]["hbm"] + self.sim["activity"]["links"],
                      key=lambda it: (it["busy"] or [0] * 40)[3])["busy"][3]
        self.assertIn(f"{busiest / 10:.1f} %", page.get("document.querySelector('.busiest tbody tr').textContent"))

    def test_names_lie_over_what_crosses_them(self):
        page = self.open(self.one)
        self.watch(page, "map-0")
        kinds = page.get("window.drawn.map(it => it.kind)")
        self.assertGreater(kinds.count("text"), 30)
        self.assertLess(len(kinds) - kinds[::-1].index("line") - 1, kinds.index("text"))

    def test_plays_and_pauses(self):
        page = self.open(self.one)
        page.click("#map-play")
        page.wait("Number(document.getElementById('map-0').dataset.bucket) >= 2")
        page.click("#map-play")
        bucket = page.get("document.getElementById('map-0').dataset.bucket")
        page.get("new Promise(done => setTimeout(() => done(true), 250))")
        self.assertEqual(page.get("document.getElementById('map-0').dataset.bucket"), bucket)
        self.assert_quiet(page)

    def test_plays_slowly_for_those_who_want_less_motion(self):
        steps = []
        for is_reduced in (False, True):
            page = self.open(self.one, reduced_motion=is_reduced)
            page.get("window.setInterval = (step, ms) => { window.step_ms = ms; return 1; }")
            page.click("#map-play")
            steps.append(page.get("window.step_ms"))
        self.assertLess(steps[0], 100)
        self.assertGreaterEqual(steps[1], 500)

    def test_zooms(self):
        page = self.open(self.one)
        page.get("document.getElementById('map-0').focus()")
        page.key("+")
        self.assertGreater(float(page.get("document.getElementById('map-0').dataset.zoom")), 1.3)


class Looks(ReportTest):
    def test_dark_light_and_the_button(self):
        ground = "getComputedStyle(document.body).backgroundColor"
        colours = [self.open(self.one, dark=True).get(ground)]
        light = self.open(self.one)
        colours.insert(0, light.get(ground))
        self.assertNotEqual(*colours)
        light.click("#theme")
        light.click("#theme")
        self.assertEqual(light.get(ground), colours[1])
        self.assertIn("dark", light.get("document.getElementById('theme').getAttribute('aria-label')"))

    def test_texts_have_contrast(self):
        """4.5 to 1 for every text, in both themes."""
        script = (Path(__file__).parent / "contrast.js").read_text()
        for dark in (False, True):
            page = self.open(self.two, dark=dark)
            self.assertEqual(page.get(script), [])

    def test_a_phone_scrolls_no_page_sideways(self):
        for path in (self.one, self.two):
            page = self.open(path, width=360, height=740, mobile=True)
            self.assertEqual(page.get("document.documentElement.scrollWidth"), 360)
            self.assertEqual(page.get("document.scrollingElement.scrollWidth"), 360)
            self.assert_quiet(page)

    def test_tab_reaches_everything_and_shows_it(self):
        page = self.open(self.one)
        page.get("document.body.focus()")
        seen = []
        for _ in range(60):
            page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", windowsVirtualKeyCode=9)
            page.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", windowsVirtualKeyCode=9)
            seen.append(page.get("(() => { const it = document.activeElement; return [it.id || it.tagName,"
                                 " getComputedStyle(it).outlineStyle, it === document.body]; })()"))
            if seen[-1][2]:
                break
        names = [name for name, _, _ in seen]
        for wanted in ("theme", "timeline-canvas", "filter", "roofline-canvas", "map-0", "map-slider", "map-play"):
            self.assertIn(wanted, names)
        # The browser draws its own outline around its own controls.
        self.assertLessEqual({outline for _, outline, is_body in seen if not is_body}, {"solid", "auto"})

    def test_controls_have_names(self):
        page = self.open(self.two)
        self.assertEqual(page.get("""
            [...document.querySelectorAll('button, input, canvas:not([aria-hidden]), [role=img]')]
            .filter(it => !(it.getAttribute('aria-label') || it.textContent.trim() || it.labels?.length))
            .map(it => it.outerHTML)"""), [])
        self.assertEqual(page.get("(() => { const ids = [...document.querySelectorAll('[id]')].map(it => it.id);"
                                  " return ids.filter((id, i) => ids.indexOf(id) !== i); })()"), [])


class Large(ReportTest):
    def test_twenty_thousand_dispatches(self):
        run = sample_run.sim_run(20500, 12, links=5000)
        self.assertGreaterEqual(len(run["dispatches"]), 20000)
        self.assertGreaterEqual(len(run["activity"]["links"]), 5000)
        page = self.open(self.write("large", run))
        # What a frame costs does not grow with what it cannot show: elements and rectangles are counted, not
        # milliseconds.
        self.assertLess(page.get("document.querySelectorAll('*').length"), 6000)
        page.get("""(() => { window.rectangles = 0; const fill = CanvasRenderingContext2D.prototype.fillRect;
            CanvasRenderingContext2D.prototype.fillRect = function (...at) {
              window.rectangles++;
              fill.apply(this, at);
            }; })()""")
        page.get(f"{CANVAS}.focus()")
        page.key("0")
        width = page.get(f"{CANVAS}.clientWidth")
        self.assertLess(page.get("window.rectangles"), 12 * width)
        page.click("#dispatch-table [data-key=duration]")
        page.click("#filter")
        page.type("o_proj")
        self.assertIn(" of 20,444 shown", page.get("document.getElementById('filter-count').textContent"))
        self.assert_quiet(page)


if __name__ == "__main__":
    main()
