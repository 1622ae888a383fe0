#!/usr/bin/env python3
"""weft bench stages --sweep: measured and by hand agree; and docs/experiments/stages.md shows what it prints.

With --update the document's output and its picture become what the command prints now; look at what has changed.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from weft_cli import OK, ROOT, USAGE, CliTest, main, weft

DOCUMENT = ROOT / "docs/experiments/stages.md"
PICTURE = ROOT / "docs/pictures/stages.svg"
BLOCK = re.compile(r"(```\n\$ weft (bench stages [^\n]*)\n)(.*?)(```\n)", re.DOTALL)
MACHINE = "sim:machines/two-sip.yaml"
# The runs that the picture shows, one in each row.
SHOWN = (MACHINE, f"{MACHINE}?host.submit_ns=0")
KEYS = ("host.submit_ns", "host.sync_ns", "processor.barrier_ns", "processor.signal_ns", "processor.wait_ns")


def run(*words):
    result = weft("bench", "stages", "--sweep", *words, cwd=ROOT)
    if (result.code, result.err) != (OK, ""):
        raise AssertionError(result)
    return result.out


def picture():
    with tempfile.TemporaryDirectory(prefix="weft-stages-") as folder:
        paths = [Path(folder) / f"{row}.json" for row in range(len(SHOWN))]
        for path, device in zip(paths, SHOWN):
            path.write_text(run("--device", device, "--json"))
        return subprocess.run([sys.executable, ROOT / "scripts/draw_stages.py", *paths], check=True,
                              capture_output=True, text=True).stdout


def printed(text):
    """The document with the output of its commands as it is now."""
    def replace(found):
        words = [word for word in found[2].split()[2:] if word != "--sweep"]
        return found[1] + run(*words) + found[4]
    return BLOCK.sub(replace, text)


class Sweep(CliTest):
    def sweep(self, *words):
        found = json.loads(run(*words, "--json"))
        self.assertIs(found["results_equal"], True)
        self.assertEqual(tuple(dict.fromkeys(point["key"] for point in found["points"])), KEYS)
        for point in found["points"]:
            for start in ("", "predicted_"):
                self.assertEqual(point[f"{start}saved_ps"],
                                 point[f"{start}plain_ps"] - point[f"{start}session_ps"], point)
        return found

    def test_by_hand(self):
        """To the picosecond, whoever waits for whom."""
        for words in (("--device", MACHINE), ("--device", f"{MACHINE}?host.submit_ns=0"),
                      ("--device", "sim:machines/tiny.yaml"),
                      ("--device", "sim:machines/tiny.yaml?host.submit_ns=0", "--pairs", 3),
                      ("--device", "sim:machines/six-sip-torus.yaml", "--pairs", 1)):
            with self.subTest(words):
                for point in self.sweep(*words)["points"]:
                    for name in ("plain_ps", "session_ps", "saved_ps"):
                        self.assertEqual(point[name], point[f"predicted_{name}"], (name, point))

    def test_points_are_those_of_single_runs(self):
        points = self.sweep("--device", MACHINE)["points"]
        for point in points[1::7]:
            found = self.run_json("bench", "stages", "--repeat", 1, "--device",
                                  f"sim:{ROOT}/machines/two-sip.yaml?{point['key']}={point['ns']}")
            self.assertEqual((point["plain_ps"], point["session_ps"]),
                             (found["plain"]["simulated_ps"], found["session"]["simulated_ps"]), point)

    def test_stated_costs_are_those_of_the_file_and_of_settings(self):
        found = self.sweep("--device", f"{MACHINE}?processor.signal_ns=12.5")
        self.assertEqual((found["stated"]["processor.signal_ns"], found["stated"]["host.submit_ns"]), (12.5, 2000))

    def test_the_longest_cost_shows(self):
        """A cost that is far above all others is paid as often as the form has it."""
        last = {point["key"]: point for point in self.sweep("--device", MACHINE)["points"] if point["ns"] == 20000}
        less = {point["key"]: point for point in self.sweep("--device", MACHINE)["points"] if point["ns"] == 10000}
        times = {"host.submit_ns": (10, 5), "host.sync_ns": (1, 1), "processor.barrier_ns": (0, 5),
                 "processor.signal_ns": (0, 5), "processor.wait_ns": (0, 4)}
        for key, counts in times.items():
            for form, count in zip(("plain", "session"), counts):
                self.assertEqual(last[key][f"{form}_ps"] - less[key][f"{form}_ps"], count * 10000000, (key, form))

    def test_the_document_shows_what_the_command_prints(self):
        text = DOCUMENT.read_text()
        self.assertEqual(len(BLOCK.findall(text)), 1)
        self.assertEqual(printed(text), text)

    def test_the_picture_shows_what_the_command_prints(self):
        self.assertEqual(picture(), PICTURE.read_text())

    def test_usage(self):
        self.assert_error(weft("bench", "stages", "--sweep"), USAGE, "--sweep", "cpu", verb="bench")
        self.assert_error(weft("bench", "stages", "--sweep", "--repeat", 3), USAGE, "--repeat", verb="bench")
        self.assert_error(weft("bench", "stages", "--sweep", "--budget", 3), USAGE, "--budget", verb="bench")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        DOCUMENT.write_text(printed(DOCUMENT.read_text()))
        PICTURE.write_text(picture())
    else:
        main()
