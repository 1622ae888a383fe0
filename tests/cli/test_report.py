#!/usr/bin/env python3
"""Pages from run files: what the command takes and refuses. What the pages do is tests/report."""

import json

from weft_cli import INPUT, ROOT, USAGE, CliTest, main, weft

SMALL = ROOT / "tests/data/runs/small.json"


class Report(CliTest):
    def changed(self, **fields):
        run = {**json.loads(SMALL.read_text()), **fields}
        path = self.folder() / "changed.json"
        path.write_text(json.dumps(run))
        return path

    def test_one_run_and_two(self):
        page = self.folder() / "report.html"
        self.assertEqual(self.run_ok("report", SMALL, "-o", page).out, "")
        one = page.read_text(encoding="ascii")
        self.assertEqual(one.count('data-name="small.json"'), 1)
        self.run_ok("report", SMALL, self.changed(title="another"), "-o", page)
        two = page.read_text()
        self.assertIn('data-name="changed.json"', two)
        self.assertIn('"title":"another"', two)
        self.assertEqual([path.name for path in page.parent.iterdir()], ["report.html"])
        # Nothing that a browser would fetch.
        for word in ("http://", "https://", "@import", "<link rel=\"style", "src="):
            self.assertNotIn(word, one)

    def test_the_same_file_gives_the_same_page(self):
        pages = [self.folder() / "report.html" for _ in range(2)]
        for page in pages:
            self.run_ok("report", SMALL, "-o", page)
        self.assertEqual(pages[0].read_bytes(), pages[1].read_bytes())

    def test_mistakes(self):
        page = self.folder() / "report.html"
        self.assert_error(weft("report", SMALL), USAGE, "--out", verb="report")
        self.assert_error(weft("report", "-o", page), USAGE, "RUN", verb="report")
        self.assert_error(weft("report", page, "-o", page), INPUT, "report.html", verb="report")
        copy = self.changed()
        before = copy.read_bytes()
        self.assert_error(weft("report", SMALL, copy, "-o", copy), USAGE, copy, verb="report")
        self.assertEqual(copy.read_bytes(), before)
        self.assert_error(weft("report", self.changed(makespan_ps=1001), "-o", page), INPUT, "changed.json",
                          "pes[0].parts", "adds up to 1000", "1001", verb="report")
        self.assert_error(weft("report", self.changed(weft_run=2), "-o", page), INPUT, "version 1", verb="report")
        self.assert_error(weft("report", SMALL, "-o", self.folder() / "none/report.html"), INPUT, "report.html",
                          verb="report")
        self.assertFalse(page.exists())


if __name__ == "__main__":
    main()
