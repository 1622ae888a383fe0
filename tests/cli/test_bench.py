#!/usr/bin/env python3
"""weft bench stages: the counts of both forms are exact, on every device."""

import re

from weft_cli import FAILED, ROOT, USAGE, CliTest, main, weft

MACHINE = f"sim:{ROOT}/machines/two-sip.yaml"
COSTS = ("host.submit_ns", "host.sync_ns", "processor.dispatch_ns", "processor.barrier_ns", "processor.signal_ns",
         "processor.wait_ns")


def stated():
    """What the machine file states, in nanoseconds."""
    text, found, group = (ROOT / "machines/two-sip.yaml").read_text(), {}, ""
    for line in text.splitlines():
        if word := re.fullmatch(r"(\w+):", line):
            group = word[1]
        elif word := re.fullmatch(r"  (\w+_ns): ([0-9.]+)", line):
            found[f"{group}.{word[1]}"] = float(word[2])
    return {name: found[name] for name in COSTS}


def way_ps(commands):
    """From the host to the command processor: 125 ps for 16 bytes on each of two links, 32 ps on each of two more."""
    return 2 * 125 + 2 * 32 + (commands - 1) * 125


def predict(costs, pairs, additions_ps):
    """The closed form: what both forms take, in ps, with what each addition of a form takes."""
    submit, sync, dispatch, barrier, signal, wait = (costs[name] * 1000 for name in COSTS)
    times = []
    for is_session in (False, True):
        end = 0
        addition_ps = iter(additions_ps["session" if is_session else "plain"])
        for i in range(pairs if is_session else 2 * pairs):
            waits = is_session and i > 0
            begin = max(end, (i + 1) * submit + way_ps(5 + waits if is_session else 2))
            end = begin + dispatch + next(addition_ps)
            if is_session:
                end += waits * wait + barrier + dispatch + next(addition_ps) + signal
        times.append(end + way_ps(1) + sync)
    return times


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

    def simulated(self, pairs, **settings):
        options = "&".join(f"{name.replace('__', '.')}={value}" for name, value in settings.items())
        found = self.run_json("bench", "stages", "--pairs", pairs, "--repeat", 2, "--device", f"{MACHINE}?{options}")
        self.check(found, pairs)
        times = []
        for form in ("plain", "session"):
            parts = found[form]["simulated_parts"]
            self.assertEqual(sum(part["ps"] for part in parts), found[form]["simulated_ps"])
            self.assertAlmostEqual(sum(part["percent"] for part in parts), 100)
            times.append(found[form]["simulated_ps"])
        self.assertAlmostEqual(found["simulated_ratio"], times[0] / times[1])
        return times

    def additions(self, pairs):
        """What additions take, as the sweep measures it on the machine as it is: in ps, by form."""
        return self.run_json("bench", "stages", "--pairs", pairs, "--device", MACHINE, "--sweep")["addition_ps"]

    def test_simulated_times_are_what_the_machine_file_says(self):
        for pairs, settings in ((5, {}), (1, {}), (7, {"host.submit_ns": 1000, "processor.barrier_ns": 12.5}),
                                (5, {"host.submit_ns": 0}), (5, {"host.sync_ns": 9000, "processor.dispatch_ns": 3000}),
                                (5, {"processor.signal_ns": 5000, "processor.wait_ns": 0})):
            with self.subTest(pairs=pairs, settings=settings):
                times = self.simulated(pairs, **{name.replace(".", "__"): value for name, value in settings.items()})
                wanted = predict({**stated(), **settings}, pairs, self.additions(pairs))
                for time, expected in zip(times, wanted):
                    self.assertLess(abs(time - expected), 0.002 * expected)
                self.assertLess(abs((times[0] - times[1]) - (wanted[0] - wanted[1])),
                                0.02 * abs(wanted[0] - wanted[1]))
        plain, session = self.simulated(5)
        self.assertLess(session, plain)

    def test_simulated_text(self):
        text = self.run_ok("bench", "stages", "--repeat", "1", "--device", MACHINE).out
        for form in ("plain", "session"):
            part = re.search(rf"simulated time of the {form} form: ([0-9,.]+) ns\n((?:  .*\n)+)", text)
            rows = re.findall(r"(?m)^  (.*?) +([0-9,]+\.[0-9]{3}) ns +([0-9]+)\.([0-9]{2}) %$", part[2])
            self.assertEqual(len(rows), part[2].count("\n"))
            self.assertEqual(sum(int(row[2]) * 100 + int(row[3]) for row in rows), 10000)
            whole = [int(re.sub(r"[,.]", "", number)) for number in (part[1], *(row[1] for row in rows))]
            self.assertEqual(sum(whole[1:]), whole[0])
        self.assertRegex(text, r"(?m)^in simulated time, plain takes 1\.[0-9]{4} times as long as the session$")

    def test_host_devices_have_no_simulated_times(self):
        found = self.run_json("bench", "stages", "--repeat", "1")
        self.assertEqual([found["plain"]["simulated_ps"], found["plain"]["simulated_parts"], found["simulated_ratio"]],
                         [None] * 3)

    def test_settings_of_a_machine_that_do_not_exist(self):
        self.assert_error(weft("bench", "stages", "--device", f"{MACHINE}?host.submit_ns=-1"), USAGE,
                          "host.submit_ns=-1", verb="bench")

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
