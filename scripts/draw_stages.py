#!/usr/bin/env python3
"""Draws what `weft bench stages --sweep --json` prints as an SVG: a row of panels for each run, a panel for each cost
that varies. Dots are measured, lines are the closed form.

usage: draw_stages.py RUN.json... > PICTURE.svg
"""

import json
import math
import sys

WIDTH, HEIGHT = 190, 190  # of a panel
LEFT, TOP, RIGHT, BOTTOM = 44, 92, 14, 32
GAP, ROW_GAP = 16, 84
FORMS = ("plain", "session")

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #222; }
  .title { font-size: 15px; font-weight: 600; }
  .small { font-size: 11px; fill: #555; }
  .frame { fill: none; stroke: #999; }
  .grid { stroke: #ddd; }
  .stated { stroke: #999; stroke-dasharray: 3 3; }
  .line { fill: none; stroke-width: 1.5; }
  .plain { stroke: #b3541e; fill: #b3541e; }
  .session { stroke: #1c6fa8; fill: #1c6fa8; }
  .back { fill: #fff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6; }
    .small { fill: #aaa; }
    .grid { stroke: #333; }
    .frame, .stated { stroke: #777; }
    .plain { stroke: #f0975c; fill: #f0975c; }
    .session { stroke: #6cb8ec; fill: #6cb8ec; }
    .back { fill: #16181c; }
  }
"""


def keys_of(run):
    """The costs that vary, in the order of the run."""
    return list(dict.fromkeys(point["key"] for point in run["points"]))


def axis_of(runs):
    """The powers of ten, in microseconds, between which all times of all runs lie."""
    times = [point[f"{form}_ps"] for run in runs for point in run["points"] for form in FORMS]
    return math.floor(math.log10(min(times) / 1e6)), math.ceil(math.log10(max(times) / 1e6))


def text(x, y, words, anchor="middle", kind=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{words}</text>'


class Panel:
    """One cost of one run, with its upper left corner at (x, y)."""

    def __init__(self, run, key, place, axis):
        self.points = [point for point in run["points"] if point["key"] == key]
        self.key, self.stated = key, run["stated"][key]
        self.x, self.y = place
        self.low, self.high = axis

    def across(self, index):
        return self.x + WIDTH * (index + 0.5) / len(self.points)

    def down(self, ps):
        return self.y + HEIGHT * (self.high - math.log10(ps / 1e6)) / (self.high - self.low)

    def draw(self, is_first):
        out = [text(self.x + WIDTH / 2, self.y - 8, self.key)]
        for power in range(self.low, self.high + 1):
            y = self.down(10 ** power * 1e6)
            out.append(f'<path class="grid" d="M{self.x:.1f} {y:.1f}h{WIDTH}"/>')
            if is_first:
                out.append(text(self.x - 6, y + 4, f"{10 ** power:g}", "end", "small"))
        for index, point in enumerate(self.points):
            out.append(text(self.across(index), self.y + HEIGHT + 15, f"{point['ns'] / 1000:g}", kind="small"))
            if point["ns"] == self.stated:
                out.append(f'<path class="stated" d="M{self.across(index):.1f} {self.y:.1f}v{HEIGHT}"/>')
        for form in FORMS:
            line = " ".join(f"{self.across(i):.1f},{self.down(point[f'predicted_{form}_ps']):.1f}"
                            for i, point in enumerate(self.points))
            out.append(f'<polyline class="line {form}" style="fill:none" points="{line}"/>')
            for i, point in enumerate(self.points):
                x, y = self.across(i), self.down(point[f"{form}_ps"])
                out.append(f'<circle class="{form}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
        out.append(f'<rect class="frame" x="{self.x:.1f}" y="{self.y:.1f}" width="{WIDTH}" height="{HEIGHT}"/>')
        return out


def draw(runs):
    """The picture of some runs of the same number of pairs."""
    columns = max(len(keys_of(run)) for run in runs)
    width = LEFT + columns * (WIDTH + GAP) - GAP + RIGHT
    height = TOP + len(runs) * (HEIGHT + ROW_GAP) - ROW_GAP + BOTTOM
    axis = axis_of(runs)
    pairs = runs[0]["pairs"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
           f"<title>{pairs} pairs, plain and as a session, while one cost of the machine varies</title>",
           f"<style>{STYLE}</style>", f'<rect class="back" width="{width}" height="{height}"/>',
           text(LEFT, 24, f"Simulated time of {pairs} pairs", "start", "title")]
    legend = ((LEFT + 240, "plain", f"plain, {2 * pairs} command buffers"),
              (LEFT + 440, "session", f"session, {pairs} command buffers"))
    for x, form, words in legend:
        out += [f'<path class="line {form}" d="M{x} 20h24"/>', f'<circle class="{form}" cx="{x + 12}" cy="20" r="3"/>',
                text(x + 32, 24, words, "start")]
    out.append(text(LEFT + 660, 24, "µs; dots: measured, lines: by hand, dashed: as stated", "start", "small"))
    for row, run in enumerate(runs):
        y = TOP + row * (HEIGHT + ROW_GAP)
        stated = ", ".join(f"{key} {value:g}" for key, value in run["stated"].items())
        out.append(text(LEFT, y - 34, f"{run['machine']} with {stated}", "start", "small"))
        for column, key in enumerate(keys_of(run)):
            out += Panel(run, key, (LEFT + column * (WIDTH + GAP), y), axis).draw(column == 0)
    return "\n".join([*out, "</svg>", ""])


def main():
    runs = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            runs.append(json.load(file))
    if not runs:
        sys.exit(__doc__)
    sys.stdout.write(draw(runs))


if __name__ == "__main__":
    main()
