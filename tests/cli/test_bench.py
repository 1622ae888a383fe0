#!/usr/bin/env python3
"""weft bench stages: the counts of both forms are exact, on every device."""

from weft_cli import FAILED, CliTest, main, weft


class Stages(CliTest):
    def check(self, found, pairs):
        plain, session = found["plain"], found["session"]
        self.assertEqual(found["pairs"], pairs)
        counts = {
            "command_buffers": (2 * pairs, pairs),
            "submits": (2 * pairs, pairs),
            "dispatches": (2 * pairs, 2 * pairs),
            "barriers": (0, pairs),
            "fences": (0, pairs),
            "fence_waits": (0, pairs - 1),
            "syncs": (1, 1),
        }
        for name, wanted in counts.items():
            self.assertEqual((plain[name], session[name]), wanted, name)
        self.assertEqual(session["fence_value"], pairs)
        self.assertEqual((session["wait_count"], session["wait_value"]), (pairs - 1, pairs - 1))
        self.assertIs(found["results_equal"], True)
        for form in (plain, session):
            self.assertIsNone(form["error"])
            self.assertLessEqual(form["seconds_min"], form["seconds_median"])
            self.assertGreater(form["seconds_min"], 0)
        self.assertAlmostEqual(found["ratio"], plain["seconds_median"] / session["seconds_median"])

    def test_counts(self):
        for device in ("cpu", "ref", "cpu?threads=1", "cpu?shuffle=3", "ref?shuffle=3"):
            for pairs in (1, 2, 5, 9):
                with self.subTest(device, pairs=pairs):
                    found = self.run_json("bench", "stages", "--pairs", pairs, "--device", device, "--repeat", "3")
                    self.check(found, pairs)
                    self.assertEqual(found["device"], device.split("?")[0])

    def test_many_pairs(self):
        self.check(self.run_json("bench", "stages", "--pairs", "500", "--repeat", "2"), 500)

    def test_defaults_are_the_experiment_of_the_root(self):
        found = self.run_json("bench", "stages")
        self.check(found, 5)
        self.assertIsNone(found["budget"])

    def test_text(self):
        text = self.run_ok("bench", "stages", "--pairs", "5").out
        self.assertRegex(text, r"(?m)^command buffers +10 +5$")
        self.assertRegex(text, r"(?m)^wait value +0 +4$")
        self.assertRegex(text, r"(?m)^the results are equal, bit for bit$")

    def test_budget_that_one_form_keeps(self):
        found = self.run_json("bench", "stages", "--pairs", "5", "--budget", "5", code=FAILED)
        self.assertRegex(found["plain"]["error"], r"'plain\.\w+\.layer2'.*\b6 command buffers\b.*\b5\b.*\.$")
        self.assertIsNone(found["session"]["error"])
        self.assertEqual(found["session"]["command_buffers"], 5)
        self.assertIsNone(found["results_equal"])
        self.assertIsNone(found["ratio"])
        result = weft("bench", "stages", "--pairs", "5", "--budget", "5")
        self.assertEqual((result.code, result.err), (FAILED, ""))
        self.assertIn(found["plain"]["error"], result.out)

    def test_budget_that_no_form_keeps(self):
        found = self.run_json("bench", "stages", "--pairs", "5", "--budget", "4", code=FAILED)
        self.assertIn("'plain", found["plain"]["error"])
        self.assertRegex(found["session"]["error"], r"'session\.attn\.layer4'.*\b5 command buffers\b.*\b4\b.*\.$")

    def test_budget_that_both_keep(self):
        self.check(self.run_json("bench", "stages", "--pairs", "5", "--budget", "10"), 5)


if __name__ == "__main__":
    main()
