"""What the tests of the page share: one browser for all of a module, and pages made by the command.

The environment names the command (WEFT_CLI), and the browser if it is not one of those that browser.py looks for
(WEFT_BROWSER). Without a browser the tests are skipped, by name.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import browser

ROOT = Path(__file__).resolve().parents[2]
WEFT = os.environ["WEFT_CLI"]
SKIPPED = 77
CANVAS = "document.getElementById('timeline-canvas')"


def open_browser():
    """For setUpModule()."""
    folder = tempfile.TemporaryDirectory(prefix="weft-report-")
    unittest.addModuleCleanup(folder.cleanup)
    ReportTest.root = Path(folder.name)
    ReportTest.browser = browser.Browser(browser.find())
    unittest.addModuleCleanup(ReportTest.browser.close)


def main():
    if not browser.find():
        print("skipped: no Chromium was found; scripts/setup test installs it")
        sys.exit(SKIPPED)
    unittest.main(module="__main__")


class ReportTest(unittest.TestCase):

    @classmethod
    def write(cls, name, *runs):
        """The page of these runs, made by the command."""
        paths = [cls.root / f"{name}-{i}.json" for i in range(len(runs))]
        for path, run in zip(paths, runs):
            path.write_text(json.dumps(run))
        page = cls.root / f"{name}.html"
        done = subprocess.run([WEFT, "report", *paths, "-o", page], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return page

    def record(self, name, *words):
        """The run file that a command writes, and what it says on standard error."""
        path = self.root / f"{name}.json"
        done = subprocess.run([WEFT, *words, "--record", path], capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(path.read_text()), done.stderr

    def text_of(self, page, id_):
        return page.get(f"document.getElementById('{id_}').textContent")

    def watch(self, page, canvas):
        """Notes what is drawn on a canvas from the next time on; what is there now is drawn again."""
        page.get(f"({(Path(__file__).parent / 'strokes.js').read_text()})('{canvas}')")
        page.get("document.getElementById('theme').click()")
        page.frames()

    def open(self, path, **options):
        page = self.browser.page(**options)
        self.addCleanup(page.close)
        page.open(path)
        return page

    def assert_quiet(self, page):
        """No errors, and nothing asked of any network."""
        self.assertEqual(page.complaints, [])
        self.assertEqual([url for url in page.requests if not url.startswith(("file:", "data:"))], [])

    def window(self, page):
        return page.get(f"[Number({CANVAS}.dataset.fromPs), Number({CANVAS}.dataset.toPs)]")

    def rows(self, page, table="dispatch-table"):
        return page.get(f"[...document.querySelectorAll('#{table} tbody tr.row')].map(row => "
                        "[...row.cells].map(cell => cell.textContent))")

    def ink(self, page, selector):
        """How many colours a canvas has."""
        return page.get(f"""(() => {{ const canvas = document.querySelector('{selector}');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(data.buffer)).size; }})()""")
