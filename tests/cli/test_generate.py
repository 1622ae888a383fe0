#!/usr/bin/env python3
"""weft generate: the model's answers, on every device and instruction set, from arguments and from standard input."""

import json
import re

from weft_cli import INPUT, ISAS, OK, ROOT, SUMS, USAGE, CliTest, in_parallel, main, weft

CARD = json.loads((SUMS / "card.json").read_text())
FIELDS = {
    "model", "device", "isa", "threads", "prompt", "prompt_tokens", "tokens", "text", "finish_reason", "seed",
    "timings", "simulated", "verified", "counters", "cached_tokens",
}
NEWLINE = 201


def generate(*words, stdin=b""):
    return weft("generate", "--model", SUMS, *words, stdin=stdin)


class Generate(CliTest):
    def generate_json(self, *words, stdin=b""):
        return self.run_json("generate", "--model", SUMS, *words, stdin=stdin)

    def test_answers_and_nothing_else(self):
        for prompt, answer in (("348+275=", "623"), ("sort 7 2 9 4 =", " 2 4 7 9"),
                               ("let a=17 b=42 c=9 get b =", " 42")):
            result = self.run_ok("generate", "--model", SUMS, "--prompt", prompt)
            self.assertEqual(result.out, answer + "\n")

    def test_json(self):
        found = self.generate_json("--prompt", "348+275=", "--max-tokens", "8", "--threads", "2")
        self.assertEqual(set(found), FIELDS)
        self.assertEqual(found["text"], "623\n")
        self.assertEqual(found["prompt"], "348+275=")
        self.assertEqual(found["prompt_tokens"], [21, 22, 26, 13, 20, 25, 23, 31])
        self.assertEqual(found["tokens"], [24, 20, 21, NEWLINE])
        self.assertEqual(found["finish_reason"], "stop_token")
        self.assertEqual((found["device"], found["threads"], found["seed"]), ("cpu", 2, 0))
        self.assertEqual(found["model"], str(SUMS))
        self.assertGreater(found["timings"]["prefill_seconds"], 0)
        self.assertGreater(found["timings"]["tokens_per_second"], 0)
        # One command buffer and one wait for each token, the prompt being part of the first one's.
        self.assertEqual(found["counters"]["submits"], 4)
        self.assertEqual(found["counters"]["syncs"], 4)
        self.assertGreater(found["counters"]["dispatches"], found["counters"]["barriers"])

    def test_graphs(self):
        counts = {}
        for flags in ((), ("--no-graph",), ("--no-fuse",), ("--no-reorder",), ("--no-fuse", "--no-reorder")):
            found = self.generate_json("--prompt", "348+275=", *flags)
            self.assertEqual(found["text"], "623\n")
            counts[flags] = (found["counters"]["dispatches"], found["counters"]["barriers"])
        # The pass of the prompt, and three of one token each, in which 24 dispatches and 16 barriers go.
        self.assertEqual(counts[("--no-graph",)], (4 * 80, 4 * 55))
        self.assertEqual(counts[()], (80 + 3 * 56, 55 + 3 * 39))
        self.assertEqual(counts[("--no-fuse",)], counts[("--no-graph",)])
        self.assertEqual(counts[("--no-reorder",)], counts[()])
        self.assertEqual(counts[("--no-fuse", "--no-reorder")], counts[("--no-graph",)])

    def test_examples_of_the_card(self):
        def answer(example):
            return generate("--prompt", example["prompt"], "--json")

        for example, result in zip(CARD["examples"], in_parallel(answer, CARD["examples"])):
            self.assertEqual(result.code, OK, result)
            found = json.loads(result.out)
            self.assertEqual(found["prompt_tokens"], example["prompt_tokens"])
            self.assertEqual(found["tokens"], example["greedy_tokens"])
            self.assertEqual(example["prompt"] + found["text"], example["greedy"])

    def check_times(self, simulated, tokens):
        self.assertEqual(len(simulated["pass_ps"]), tokens)
        self.assertEqual(sum(simulated["pass_ps"]), simulated["ps"])
        self.assertEqual(sum(part["ps"] for part in simulated["parts"]), simulated["ps"])
        self.assertAlmostEqual(sum(part["percent"] for part in simulated["parts"]), 100)
        self.assertGreater(simulated["load_ps"], 0)
        self.assertGreater(simulated["pass_ps"][0], simulated["pass_ps"][1])
        parts = {part["name"]: part["ps"] for part in simulated["parts"]}
        self.assertEqual((parts["submit"], parts["sync"]), (tokens * 2000000, tokens * 2000000))
        self.assertEqual((parts["under way"], parts["waiting for host"]), (0, 0))

    def test_simulated_times(self):
        device = f"sim:{ROOT}/machines/tiny.yaml"
        found = self.generate_json("--prompt", "348+275=", "--device", device)
        self.assertEqual(found["text"], "623\n")
        self.check_times(found["simulated"], 4)
        result = generate("--prompt", "348+275=", "--device", device, "--stats")
        self.assertEqual((result.code, result.out), (OK, "623\n"))
        shares = [int(whole + part) for whole, part in re.findall(r"(?m)^  .* ns +([0-9]+)\.([0-9]{2}) %$", result.err)]
        self.assertEqual(sum(shares), 10000)
        self.assertRegex(result.err, r"(?m)^3 passes of one token: [0-9,.]+ ns each on average")
        self.assertIsNone(self.generate_json("--prompt", "1+1=")["simulated"])

    def test_timing_only(self):
        device = f"sim:{ROOT}/machines/tiny.yaml"
        found = self.generate_json("--prompt", "348+275=", "--device", device, "--timing-only", "--max-tokens", "6")
        self.assertEqual((found["tokens"], found["text"], found["finish_reason"]), ([0] * 6, "", "max_tokens"))
        self.check_times(found["simulated"], 6)
        text = self.run_ok("generate", "--model", SUMS, "--prompt", "348+275=", "--device", device, "--timing-only",
                           "--max-tokens", "2").out
        self.assertRegex(text, r"\Asimulated: [0-9,.]+ ns in all")
        self.assert_error(generate("--prompt", "1", "--timing-only"), USAGE, "values", "cpu", verb="generate")

    def test_configuration_alone(self):
        config = ROOT / "tests/data/configs/llama.json"
        tiny = ("--config", config, "--device", f"sim:{ROOT}/machines/tiny.yaml", "--max-tokens", "2")
        found = self.run_json("generate", *tiny, "--timing-only", "--prompt-tokens", "3", "--cached", "40")
        self.assertEqual(set(found), FIELDS)
        self.assertEqual((found["model"], found["prompt"], found["text"]), (str(config), "", ""))
        self.assertEqual((found["prompt_tokens"], found["tokens"], found["cached_tokens"]), ([0] * 3, [0] * 2, 40))
        self.check_times(found["simulated"], 2)
        # More tokens before take longer, and a token is no end of the text.
        later = self.run_json("generate", *tiny, "--timing-only", "--prompt-tokens", "3", "--cached", "900")
        self.assertGreater(later["simulated"]["ps"], found["simulated"]["ps"])
        text = self.run_ok("generate", *tiny, "--timing-only").out
        self.assertRegex(text, r"\Asim tiny, .* 1 prompt token .*; ended by max_tokens\n2 command buffers, ")
        self.assertRegex(text, r"(?m)^1 pass of one token: [0-9,.]+ ns$")

    def test_configuration_with_numbers(self):
        def draw(*words):
            return self.run_json("generate", "--config", ROOT / "tests/data/configs/llama.json", "--max-tokens", "6",
                                 "--prompt-tokens", "2", *words)["tokens"]

        self.assertEqual(draw(), [0] * 6)
        self.assertEqual(draw("--weights-seed", "3"), draw("--weights-seed", "3", "--device", "ref"))
        self.assertNotEqual(draw("--weights-seed", "3"), draw("--weights-seed", "4"))
        self.assertNotEqual(draw("--weights-seed", "3"), [0] * 6)

    def test_configuration_or_model(self):
        config = ("--config", ROOT / "tests/data/configs/llama.json")
        for words, named in (((*config, "--model", SUMS), "--model"), ((*config, "--prompt", "1"), "--prompt"),
                             ((*config, "--stop", "1"), "--stop"),
                             (("--model", SUMS, "--prompt", "1", "--prompt-tokens", "2"), "--prompt-tokens"),
                             (("--model", SUMS, "--prompt", "1", "--weights-seed", "2"), "--weights-seed"),
                             ((*config, "--weights-seed", "2", "--timing-only"), "--weights-seed"),
                             (("--model", SUMS), "--prompt TEXT"), (("--prompt", "1"), "--config FILE")):
            self.assert_error(weft("generate", *words), USAGE, named, verb="generate")
        self.assert_error(weft("generate", *config, "--cached", "5000"), INPUT, "5000", verb="generate")
        self.assert_error(weft("generate", "--config", "nowhere.json"), INPUT, "nowhere.json", verb="generate")

    def test_tokens_that_are_counted_as_fed(self):
        found = self.generate_json("--prompt", "1", "--cached", "5", "--max-tokens", "1")
        self.assertEqual((found["cached_tokens"], len(found["tokens"])), (5, 1))

    def test_models_of_known_sizes(self):
        for name, layers, hidden, heads in (("8b", 32, 4096, 32), ("70b", 80, 8192, 64)):
            config = json.loads((ROOT / f"models/configs/llama-3-{name}.json").read_text())
            found = [config[key] for key in ("num_hidden_layers", "hidden_size", "num_attention_heads")]
            self.assertEqual(found, [layers, hidden, heads])

    def test_equal_on_every_device_and_isa(self):
        wanted = self.generate_json("--prompt", "348+275=")
        lines = [["--device", "ref"], ["--device", "cpu", "--threads", "1"], ["--threads", "3"], ["--shuffle", "5"],
                 ["--device", "ref", "--shuffle", "5"], ["--device", "cpu?threads=2", "--shuffle", "9"],
                 *(["--isa", isa] for isa in ISAS)]
        missing = []
        for words in lines:
            result = generate("--prompt", "348+275=", "--json", *words)
            if result.code == INPUT and "--isa" in words and words[1] != "scalar":
                self.assert_error(result, INPUT, words[1], verb="generate")
                missing.append(words[1])
                continue
            self.assertEqual((result.code, result.err), (OK, ""), result)
            found = json.loads(result.out)
            self.assertEqual((found["tokens"], found["text"]), (wanted["tokens"], wanted["text"]), words)
            if "--isa" in words:
                self.assertEqual(found["isa"], words[1])
        if missing:
            self.skipTest(f"this machine has no {' and no '.join(missing)}; the others agree")

    def test_equal_on_machines_that_do_not_exist(self):
        wanted = self.generate_json("--prompt", "348+275=", "--device", "ref")
        for machine in ("tiny", "two-sip"):
            found = self.generate_json("--prompt", "348+275=", "--device", f"sim:{ROOT}/machines/{machine}.yaml")
            self.assertEqual((found["tokens"], found["text"]), (wanted["tokens"], "623\n"), machine)

    def test_isa_that_is_none(self):
        result = generate("--prompt", "1", "--isa", "avx3")
        self.assertIn(result.code, (USAGE, INPUT), result)
        self.assert_error(result, result.code, "avx3", verb="generate")

    def test_wrong_keys_of_a_machine(self):
        """A key or a value on the command line is 2, as with --set; a machine file that is not there is 3."""
        for option, named in (("host.submit_n=3", "host.submit_ns"), ("host.submit_ns=-3", "host.submit_ns=-3")):
            device = f"sim:{ROOT}/machines/tiny.yaml?{option}"
            self.assert_error(weft("generate", "--model", SUMS, "--prompt", "1+1=", "--device", device), USAGE, named,
                              verb="generate")
        self.assert_error(weft("generate", "--model", SUMS, "--prompt", "1+1=", "--device", "sim:none.yaml"), INPUT,
                          "none.yaml", verb="generate")

    def test_prompt_from_standard_input(self):
        wanted = self.generate_json("--prompt", "sort 7 2 9 4 =")
        found = self.generate_json("--prompt", "-", stdin=b"sort 7 2 9 4 =")
        for field in ("prompt", "prompt_tokens", "tokens", "text"):
            self.assertEqual(found[field], wanted[field])

    def test_prompt_of_any_bytes(self):
        found = self.generate_json("--prompt=-", "--max-tokens", "1", stdin=b"\xff\x00a\xe2\x82\r\n")
        self.assertEqual(found["prompt"], "\ufffd\0a\ufffd\r\n")
        self.assertEqual(len(found["tokens"]), 1)

    def test_long_prompt_from_standard_input(self):
        text = b"1+2=3\n" * 600  # more than one forward pass takes
        found = self.generate_json("--prompt", "-", "--max-tokens", "2", stdin=text)
        self.assertGreater(len(found["prompt_tokens"]), 3000)
        self.assertEqual(len(found["tokens"]), 2)

    def test_empty_prompt_starts_a_text(self):
        found = self.generate_json("--prompt=", "--max-tokens", "1")
        self.assertEqual(found["prompt_tokens"], [0])

    def test_prompt_that_is_too_long(self):
        self.assert_error(generate("--prompt", "-", stdin=b"1+2=3\n" * 5000), INPUT, "4096", verb="generate")

    def test_max_tokens(self):
        found = self.generate_json("--prompt", "348+275=", "--max-tokens", "2")
        self.assertEqual((found["text"], found["finish_reason"]), ("62", "max_tokens"))
        self.assertEqual(self.run_ok("generate", "-m", SUMS, "-p", "348+275=", "-n", "2").out, "62\n")

    def test_stop_texts(self):
        for stops, text in ((["3"], "62"), (["623"], ""), (["x", "2"], "6"), (["23", "3"], "6"), (["3x"], "623\n")):
            words = [word for stop in stops for word in ("--stop", stop)]
            found = self.generate_json("--prompt", "348+275=", *words)
            self.assertEqual(found["text"], text, stops)
            self.assertEqual(found["finish_reason"], "stop_text" if text != "623\n" else "stop_token")
            streamed = self.run_ok("generate", "-m", SUMS, "-p", "348+275=", *words).out
            self.assertEqual(streamed, text if not text or text.endswith("\n") else text + "\n")

    def test_seeds(self):
        def draw(*words):
            return self.generate_json("--prompt", "12", "--temperature", "3", "--max-tokens", "24", *words)["tokens"]

        self.assertEqual(draw("--seed", "7"), draw("--seed", "7"))
        self.assertGreater(len({tuple(draw("--seed", seed)) for seed in range(5)}), 1)
        greedy = self.generate_json("--prompt", "12", "--max-tokens", "24")["tokens"]
        for words in (["--top-k", "1"], ["--top-p", "0.000001"], ["--min-p", "1"]):
            self.assertEqual(draw(*words), greedy, words)

    def test_streamed_text_is_the_text(self):
        for seed in range(4):
            words = ["--prompt", "12", "--temperature", "50", "--max-tokens", "60", "--seed", str(seed)]
            found = self.generate_json(*words)
            streamed = self.run_ok("generate", "--model", SUMS, *words).out_bytes
            text = streamed.decode("utf-8", errors="replace")
            self.assertIn(text, (found["text"], found["text"] + "\n"))


if __name__ == "__main__":
    main()
