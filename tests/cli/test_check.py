#!/usr/bin/env python3
"""weft check: the model's own stream has the barriers that it needs, and each of them is missed."""

import json

from weft_cli import FAILED, INPUT, OK, SUMS, USAGE, CliTest, in_parallel, main, weft

FIELDS = {
    "model", "device", "isa", "threads", "prompt", "prompt_tokens", "passes", "command_buffers", "dispatches",
    "barriers", "missing", "needless", "too_wide", "broken_barrier", "shuffle_seed", "results_equal", "error",
    "verdicts",
}
SHORT = ["check", "--model", SUMS, "--prompt", "12+3="]


class Check(CliTest):
    def test_own_stream(self):
        for device in ("cpu", "ref"):
            found = self.run_json(*SHORT, "--device", device, "--tokens", "1")
            self.assertEqual(set(found), FIELDS)
            self.assertEqual((found["missing"], found["needless"]), (0, 0), found["verdicts"])
            self.assertEqual((found["passes"], found["command_buffers"]), (2, 2))
            self.assertEqual(found["device"], device)
            self.assertGreater(found["barriers"], 0)
            self.assertGreater(found["dispatches"], found["barriers"])
            self.assertIsNone(found["error"])
            self.assertIsNone(found["results_equal"])

    def test_longer_text(self):
        result = weft("check", "--model", SUMS, "--prompt", "-", "--tokens", "3", stdin=b"7*8=56\n" * 100)
        self.assertEqual((result.code, result.err), (OK, ""), result)
        self.assertRegex(result.out, r"(?m)^barriers: 0 missing, 0 needless, \d+ too wide$")

    def test_every_barrier_is_missed(self):
        """A prefill and a decode step; each is recorded by the same code, so the second brings nothing but its own."""
        barriers = self.run_json(*SHORT, "--tokens", "1")["barriers"]

        def leave_out(number):
            return weft(*SHORT, "--tokens", "1", "--break", number, "--json")

        results = in_parallel(leave_out, range(1, barriers + 1))
        places = set()
        for number, result in enumerate(results, 1):
            self.assertEqual((result.code, result.err), (FAILED, ""), result)
            found = json.loads(result.out)
            self.assertEqual((found["missing"], found["needless"]), (1, 0), result)
            self.assertEqual(found["broken_barrier"], number)
            (missing,) = [verdict for verdict in found["verdicts"] if verdict["verdict"] == "missing"]
            self.assertIn(missing["kind"], ("RAW", "WAR", "WAW"))
            self.assertLess(missing["first"]["dispatch"], missing["second"]["dispatch"])
            self.assertLess(missing["begin_bytes"], missing["end_bytes"])
            places.add((missing["command_buffer"], missing["barrier"]))
        self.assertEqual(len(places), barriers)  # a different place each time: it is that barrier that is missed

    def test_sentence(self):
        result = weft(*SHORT, "--break", "3")
        self.assertEqual((result.code, result.err), (FAILED, ""), result)
        self.assertRegex(result.out, r"(?m)^Missing barrier in command buffer 0.*dispatch \d+ .*: (RAW|WAR|WAW)\.$")
        self.assertRegex(result.out, r"(?m)^barriers: 1 missing, 0 needless")

    def test_barrier_that_there_is_not(self):
        barriers = self.run_json(*SHORT, "--tokens", "0")["barriers"]
        self.run_json(*SHORT, "--tokens", "0", "--break", barriers, code=FAILED)
        for number in (barriers + 1, 2**64 - 1):
            result = weft(*SHORT, "--tokens", "0", "--break", number)
            self.assert_error(result, USAGE, "--break", number, barriers, verb="check")

    def test_shuffled_runs_are_equal(self):
        def shuffle(seed):
            return weft(*SHORT, "--tokens", "2", "--shuffle", seed, "--json")

        for seed, result in enumerate(in_parallel(shuffle, range(20))):
            self.assertEqual((result.code, result.err), (OK, ""), result)
            found = json.loads(result.out)
            self.assertTrue(found["results_equal"])
            self.assertEqual(found["shuffle_seed"], seed)
        self.assertTrue(self.run_json(*SHORT, "--tokens", "0", "--device", "ref", "--shuffle", "3")["results_equal"])

    def test_shuffled_runs_without_a_barrier_are_not_equal(self):
        def shuffle(seed):
            return weft(*SHORT, "--tokens", "0", "--break", "2", "--shuffle", seed, "--json")

        unequal = 0
        for result in in_parallel(shuffle, range(20)):
            self.assertEqual((result.code, result.err), (FAILED, ""), result)
            found = json.loads(result.out)
            self.assertEqual(found["missing"], 1)
            unequal += not found["results_equal"]
        self.assertGreater(unequal, 0)

    def test_prompt_that_is_too_long(self):
        self.assert_error(weft("check", "--model", SUMS, "--prompt", "1" * 5000), INPUT, "4096", verb="check")


if __name__ == "__main__":
    main()
