#!/usr/bin/env python3
"""weft generate on the largest machine that comes with Weft: the tokens of ref. Takes half a minute."""

from weft_cli import ROOT, SUMS, CliTest, main


class GenerateLong(CliTest):
    def test_six_sips_answer_like_ref(self):
        words = ["generate", "--model", SUMS, "--prompt", "348+275="]
        wanted = self.run_json(*words, "--device", "ref")
        found = self.run_json(*words, "--device", f"sim:{ROOT}/machines/six-sip-torus.yaml")
        self.assertEqual((found["tokens"], found["text"]), (wanted["tokens"], "623\n"))


if __name__ == "__main__":
    main()
