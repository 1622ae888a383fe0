#!/usr/bin/env python3
"""What the page says in numbers and in pictures is what the run file says, and both are the same, in real runs too."""

import itertools
import json
import re

import colours
import sample_run
from report_case import ReportTest, main, open_browser


def setUpModule():
    open_browser()


class Tokens(ReportTest):
    def tiles(self, page):
        return dict(page.get("[...document.querySelectorAll('.tile')].map(it => "
                             "[it.querySelector('dt').textContent, it.querySelector('dd').textContent])"))

    def test_a_token_is_a_pass_after_that_of_the_prompt(self):
        """As `--stats` says."""
        run, said = self.record("tokens", "generate", "--model", "models/sums", "--prompt", "348+275=", "--device",
                                "sim:machines/tiny.yaml", "--stats")
        passes, ns = re.search(r"(\d+) passes of one token: ([0-9,.]+) ns each", said).groups()
        ns = float(ns.replace(",", ""))
        tiles = self.tiles(self.open(self.write("tokens", run)))
        self.assertEqual(tiles["Per token"], f"{ns / 1000:.2f} \u00b5s{passes} passes after the prompt's")
        self.assertEqual(tiles["Tokens per second"], f"{1e9 / ns:,.0f}")
        self.assertTrue(tiles["Prompt"].endswith("8 tokens"), tiles)

    def test_of_two_tokens_one_is_such_a_pass(self):
        run = sample_run.sim_run(150, 1)
        run["model"] = {"prompt_tokens": 1, "tokens": 2, "prompt_ps": 3_000_000, "decode_ps": 2_000_000}
        tiles = self.tiles(self.open(self.write("two-tokens", run)))
        self.assertEqual(tiles["Per token"], "2.000 \u00b5s1 pass after the prompt's")
        self.assertEqual(tiles["Prompt"], "3.000 \u00b5s1 token")

    def test_no_pass_after_that_of_the_prompt(self):
        run = sample_run.sim_run(60, 1)
        self.assertEqual((run["model"]["tokens"], run["model"]["decode_ps"]), (1, 0))
        tiles = self.tiles(self.open(self.write("one-token", run)))
        self.assertEqual(tiles["Per token"], "\u2013no pass after the prompt's")
        self.assertNotIn("Tokens per second", tiles)

    def test_without_times_of_passes_it_is_a_share_of_everything(self):
        run = {"weft_run": 1, "command": "weft", "device": "cpu", "makespan_ps": 4_000_000, "model": {"tokens": 4}}
        tiles = self.tiles(self.open(self.write("shares", run)))
        self.assertEqual(tiles["Per token"], "1.000 \u00b5sof all, for 4 tokens")


class Roofline(ReportTest):
    COPY = {"op": "copy", "start_ps": 0, "end_ps": 1_000_000, "flops": 0, "bytes": 500_000}

    def plot(self, name, peaks, *dispatches):
        run = {"weft_run": 1, "command": "weft", "device": "sim:machine", "makespan_ps": 2_000_000, "peaks": peaks,
               "dispatches": dispatches}
        return self.open(self.write(name, run))

    def frame(self, page):
        return json.loads(page.get("document.getElementById('roofline-canvas').dataset.frame"))

    def selected(self, page, x, y):
        """What is selected by a click where these logarithms lie."""
        at = self.frame(page)
        middle_x, middle_y = page.center("#roofline-canvas")
        width, height = page.get("(() => { const it = document.getElementById('roofline-canvas');"
                                 " return [it.clientWidth, it.clientHeight]; })()")
        page.click_at(middle_x - width / 2 + at["left"] + (x - at["x0"]) / (at["x1"] - at["x0"]) *
                      (at["right"] - at["left"]),
                      middle_y - height / 2 + at["foot"] - (y - at["y0"]) / (at["y1"] - at["y0"]) *
                      (at["foot"] - at["top"]))
        return self.text_of(page, "selected")

    def test_nothing_but_a_copy_and_no_peak_of_compute(self):
        page = self.plot("copies", {"bytes_per_second": 1e12}, self.COPY)
        at = self.frame(page)
        self.assertTrue(at["x0"] < at["x1"] and at["y0"] < at["y1"], at)
        self.assertNotIn("copy", self.selected(page, (at["x0"] + at["x1"]) / 2, (at["y0"] + at["y1"]) / 2))
        # Half of the bandwidth: as high as that is at the left edge, below a roof that is in the picture.
        self.assertIn("copy", self.selected(page, at["x0"], at["x0"] + 11.699))
        self.assertLess(at["x0"] + 12, at["y1"])
        self.assert_quiet(page)

    def test_a_copy_beside_what_computes(self):
        page = self.plot(
            "both", {"bytes_per_second": 1e12, "flops_per_second": 1e12}, self.COPY,
            {"op": "add", "start_ps": 1_000_000, "end_ps": 2_000_000, "flops": 100_000, "bytes": 100_000})
        self.assertIn("add", self.selected(page, 0, 11))
        at = self.frame(page)
        self.assertIn("copy", self.selected(page, at["x0"], at["x0"] + 11.699))
        self.assertLess(12, at["y1"])
        self.assert_quiet(page)

    def check_dots(self, page, most):
        """Each dot is as far below a roof that is drawn as the text says. Gives at how many places there were any."""
        self.watch(page, "roofline-canvas")
        places = set()
        count = page.get("Number(document.getElementById('dispatch-table').getAttribute('aria-rowcount')) - 1")
        page.get("document.querySelector('#dispatch-table tr.row').focus()")
        for row in range(count):
            if row > 0:
                page.key("ArrowDown")
            page.key("Enter")
            share = re.search(r"([\d.]+) % of its roof", self.text_of(page, "selected"))
            found = self.look(page)
            self.assertEqual(share is None or float(share[1]) < 0.05, found is None or found[0] < 0.05, found)
            if share is None or found is None:
                continue
            self.assertAlmostEqual(found[0], float(share[1]), delta=0.051 + 0.002 * found[0])
            places.add(found[1:])
            if len(places) >= most:
                break
        return len(places)

    def look(self, page):
        """The share that the picture shows of the selected dispatch, and where; None without a roof."""
        at, drawn = self.frame(page), page.get("window.drawn.filter(it => it.kind === 'line' && it.path.length === 2)")
        accent = page.get("getComputedStyle(document.documentElement).getPropertyValue('--accent')").strip()
        ink = page.get("getComputedStyle(document.documentElement).getPropertyValue('--ink')").strip()
        drops = [it["path"] for it in drawn if it["colour"] == accent and it["width"] == 1.5]
        if not drops:
            return None
        (x, roof), (x1, dot) = drops[0]
        self.assertEqual(x, x1)
        for colour, width in ((accent, 3), (ink, 2)):
            lines = [it["path"] for it in drawn if it["colour"] == colour and it["width"] == width]
            self.assertTrue(any(self.passes(path, x, roof) for path in lines), (colour, x, roof, lines))
        decade = (at["foot"] - at["top"]) / (at["y1"] - at["y0"])
        return 100 * 10 ** ((roof - dot) / decade), round(x), round(dot)

    @staticmethod
    def passes(path, x, y):
        (x0, y0), (x1, y1) = path
        along = (x - x0) / (x1 - x0) if x1 != x0 else 0
        return -0.01 <= along <= 1.01 and abs(y0 + (y1 - y0) * along - y) < 1.5

    def test_dots_are_below_their_roofs_as_far_as_the_text_says(self):
        """f16 on 8 PEs, bf16 in three passes on 256, memory alone, and what computes nothing."""
        def dispatch(op, lasted, flops, bytes_, compute, memory, pes):
            start = 1_000_000 * len(dispatches)
            dispatches.append({"op": op, "start_ps": start, "end_ps": start + lasted, "flops": flops, "bytes": bytes_,
                               "compute_bound_ps": compute, "memory_bound_ps": memory, "pes": pes})

        dispatches = []
        dispatch("gemm", 578_832, 8_388_608, 819_200, 128_000, 400_000, 8)
        dispatch("gemm", 400_000, 83_886_080, 819_200, 128_000, 40_000, 8)
        dispatch("matmul", 900_000, 234_938_368, 23_495_475, 336_000, 359_287, 256)
        dispatch("matmul", 500_000, 1_310_720, 65_536, 1_875, 1_000, 256)
        dispatch("norm", 200_000, 20_483, 7_372_800, 0, 112_500, 256)
        dispatch("copy", 300_000, 0, 8_192_000, 0, 125_000, 256)
        run = {"weft_run": 1, "command": "weft", "device": "sim:machine", "makespan_ps": 6_000_000,
               "peaks": {"flops_per_second": 524.288e12, "bytes_per_second": 65.536e12}, "dispatches": dispatches}
        page = self.open(self.write("roofs", run))
        self.assertEqual(self.check_dots(page, 6), 6)
        self.assert_quiet(page)

    def test_the_roofs_of_real_runs(self):
        for name, words, share in (
                ("qkv", ("run", "qkv-gemm", "--machine", "machines/two-sip.yaml"), "69.1 % of its roof of 2.048 TB/s"),
                ("sums", ("generate", "--model", "models/sums", "--prompt", "348+275=", "--max-tokens", "2", "--device",
                          "sim:machines/tiny.yaml"), None)):
            page = self.open(self.write(name, self.record(name, *words)[0]))
            self.assertGreaterEqual(self.check_dots(page, 12), 12 if name == "sums" else 1)
            if share:
                self.assertIn(share, self.text_of(page, "selected"))
                self.assertIn("bound by memory and reaches 69.1 %", self.text_of(page, "roofline"))
            self.assert_quiet(page)

    def test_equal_roofs_of_two_runs_are_named_once(self):
        run = sample_run.bench_run()
        for width in (1280, 375):
            page = self.open(self.write("equal", run, run), width=width)
            self.watch(page, "roofline-canvas")
            names = [it for it in page.get("window.drawn.filter(it => it.kind === 'text')") if "(A" in it["text"]]
            self.assertEqual(len(names), 2, names)
            self.assertTrue(all(it["text"].endswith("(A, B)") for it in names), names)

    def test_names_of_near_roofs_do_not_meet(self):
        dispatches = [{"op": "gemm", "start_ps": 0, "end_ps": 1_000_000, "flops": 10 ** 9, "bytes": 10 ** 6,
                       "compute_bound_ps": int(500_000 * 1.03 ** i), "memory_bound_ps": 1000} for i in range(5)]
        page = self.plot("near", {"bytes_per_second": 1e12}, *dispatches)
        self.watch(page, "roofline-canvas")
        names = sorted(it["y"] for it in page.get("window.drawn.filter(it => it.kind === 'text' && "
                                                  "/FLOP.s$/.test(it.text) && it.x > 600)"))
        self.assertEqual(len(names), 5)
        self.assertGreaterEqual(min(b - a for a, b in zip(names, names[1:])), 12)


class Bytes(ReportTest):
    def test_bytes_are_those_that_the_machine_moves(self):
        """512 GB/s of the two PEs; of a table that is read by ids, the rows."""
        run, _ = self.record("bytes", "generate", "--model", "models/sums", "--prompt", "348+275=", "--max-tokens", "2",
                             "--device", "sim:machines/tiny.yaml")
        for it in run["dispatches"]:
            self.assertAlmostEqual(it["bytes"] / 0.512, it["memory_bound_ps"], delta=1, msg=it)
        row = 256 * 2 + 256 * 4 + 4  # of bf16, as f32, and its id
        self.assertEqual([it["bytes"] for it in run["dispatches"] if it["op"] == "embedding"], [8 * row, row])

    def test_on_the_host_they_are_those_that_the_op_needs(self):
        run, _ = self.record("host-bytes", "generate", "--model", "models/sums", "--prompt", "348+275=", "--max-tokens",
                             "2", "--device", "cpu")
        row = 256 * 2 + 256 * 4 + 4
        self.assertEqual([it["bytes"] for it in run["dispatches"] if it["op"] == "embedding"], [8 * row, row])


class Parts(ReportTest):
    OF_RUN = ("host access", "submit", "host link", "dispatch", "kernels: dispatch", "kernels: compute", "kernels: dma",
              "kernels: queue", "kernels: barrier", "kernels: idle", "drain", "barrier", "fence", "sync",
              "waiting for host", "under way")
    OF_BENCH = ("launch", "kernels: dispatch", "kernels: compute", "kernels: dma", "kernels: queue", "kernels: barrier",
                "kernels: idle", "completion", "between launches")
    OF_PES = ("compute", "dma", "queue", "barrier", "dispatch", "launch", "completion", "idle")

    def styles(self, page, selector):
        """Of each part of a bar: its name, colour and pattern."""
        found = page.get(f"""[...document.querySelectorAll('{selector} [data-part]')].map(it => {{
            const style = getComputedStyle(it);
            return [it.dataset.part, style.backgroundColor, style.backgroundImage]; }})""")
        return [(name, tuple(map(int, re.findall(r"\d+", colour)[:3])), pattern) for name, colour, pattern in found]

    def check_apart(self, styles, names):
        self.assertEqual([name for name, _, _ in styles], list(names))
        for (one, colour, pattern), (other, colour_2, pattern_2) in itertools.combinations(styles, 2):
            self.assertGreaterEqual(colours.distance(colour, colour_2), 13, (one, other))
            if pattern != pattern_2:
                continue
            for sight in colours.SIGHTS:
                self.assertGreaterEqual(colours.distance(colour, colour_2, sight), 15, (one, other, sight))

    def test_parts_of_a_bar_differ_in_more_than_one_way(self):
        for names in (self.OF_RUN, self.OF_BENCH):
            run = {"weft_run": 1, "command": "weft", "device": "sim:machine", "makespan_ps": 1000 * len(names),
                   "parts": [{"name": name, "ps": 1000} for name in names],
                   "dispatches": [{"op": "add", "start_ps": 0, "end_ps": 1000, "pes": len(self.OF_PES),
                                   "parts": {name: 1000 for name in self.OF_PES}}]}
            path = self.write("parts", run)
            for dark in (False, True):
                page = self.open(path, dark=dark)
                self.check_apart(self.styles(page, "#time > .bar"), names)
                self.assertEqual(self.styles(page, "#time > .legend")[:len(names)],
                                 self.styles(page, "#time > .bar"))
                self.check_apart(self.styles(page, ".op-bars .bar"), self.OF_PES)

    def test_names_that_nobody_knows_have_colours_of_their_own(self):
        names = ["compute"] + [f"step {i}" for i in range(8)]
        run = {"weft_run": 1, "command": "weft", "device": "cpu", "makespan_ps": 100 * len(names),
               "parts": [{"name": name, "ps": 100} for name in names],
               "dispatches": [{"op": "add", "start_ps": 0, "end_ps": 100, "pes": len(names),
                               "parts": {name: 100 for name in names}}]}
        page = self.open(self.write("unknown-parts", run))
        for selector in ("#time > .bar", ".op-bars .bar"):
            self.assertEqual(len({colour for _, colour, _ in self.styles(page, selector)}), len(names))
        self.assert_quiet(page)


if __name__ == "__main__":
    main()
