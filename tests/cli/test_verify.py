#!/usr/bin/env python3
"""weft generate --verify: right devices are right, and tokens and counts are those of a plain run."""

import re

from weft_cli import ROOT, SUMS, USAGE, CliTest, main, weft

DEVICES = ("cpu", "cpu?isa=scalar&threads=1", "ref", f"sim:{ROOT}/machines/tiny.yaml")
PROMPT = "348+275="


class Verify(CliTest):
    def generate(self, device, *words):
        return self.run_json("generate", "--model", SUMS, "--prompt", PROMPT, "--device", device, *words)

    def test_tokens_and_counts(self):
        for device in DEVICES:
            for words in ((), ("--no-graph",)):
                with self.subTest(device, words=words):
                    plain, verified = self.generate(device, *words), self.generate(device, "--verify", *words)
                    self.assertEqual(verified["text"], "623\n")
                    self.assertEqual(plain["tokens"], verified["tokens"])
                    self.assertEqual(plain["counters"], verified["counters"])
                    self.assertIsNone(plain["verified"])
                    found = verified["verified"]
                    self.assertEqual(found["dispatches"], verified["counters"]["dispatches"])
                    self.assertGreater(found["elements"], 0)
                    self.assertLessEqual(found["largest_share"], 1)
                    self.assertEqual(found["largest_share"] > 0, device != "ref")
                    self.assertEqual(found["largest_op"] is None, device == "ref")

    def test_a_prompt_in_one_pass_and_drawn_tokens(self):
        found = self.generate("cpu", "--verify", "--temperature", "0.9", "--seed", "3")
        self.assertEqual(found["tokens"], self.generate("cpu", "--temperature", "0.9", "--seed", "3")["tokens"])

    def test_text(self):
        result = weft("generate", "--model", SUMS, "--prompt", PROMPT, "--verify", "--stats")
        self.assertEqual((result.code, result.out), (0, "623\n"), result)
        self.assertTrue(re.search(r"(?m)^verified: [0-9]+ dispatches, [0-9]+ elements, "
                                  r"the largest error [0-9.]+ % of what is allowed \(\w+, .+\)$", result.err), result)

    def test_usage(self):
        self.assert_error(weft("generate", "--model", SUMS, "--prompt", PROMPT, "--device", DEVICES[-1], "--verify",
                               "--timing-only"), USAGE, "--verify", "--timing-only", verb="generate")


if __name__ == "__main__":
    main()
