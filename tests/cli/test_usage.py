#!/usr/bin/env python3
"""What is wrong with a command line is told in one sentence, with exit code 2; with its inputs, with exit code 3."""

from weft_cli import INPUT, SUMS, USAGE, CliTest, main, weft

# Command line, and what the sentence must name.
WRONG = [
    ("generate --promt x", ["'--promt'", "--prompt"]),
    ("generate --promt=x", ["'--promt'", "--prompt"]),
    ("devices --jso", ["'--jso'", "--json"]),
    ("info -z", ["'-z'"]),
    ("generate -jx", ["'-jx'"]),
    ("generate --model", ["--model", "DIR"]),
    ("generate --model m --prompt", ["--prompt", "TEXT"]),
    ("generate --model m --prompt --json", ["--prompt", "'--json'"]),
    ("generate --prompt x", ["--model DIR"]),
    ("generate --model m", ["--prompt TEXT"]),
    ("generate --model= --prompt x", ["--model"]),
    ("generate --json=yes", ["--json", "'yes'"]),
    ("generate --model m --prompt x y", ["'y'"]),
    ("generate --model m --prompt x --max-tokens 0", ["--max-tokens", "'0'", "1"]),
    ("generate --model m --prompt x --max-tokens -3", ["--max-tokens", "'-3'"]),
    ("generate --model m --prompt x --max-tokens 3.5", ["--max-tokens", "'3.5'"]),
    ("generate --model m --prompt x --max-tokens 0x10", ["--max-tokens", "'0x10'"]),
    ("generate --model m --prompt x --max-tokens 99999999999999999999", ["--max-tokens", "'99999999999999999999'"]),
    ("generate --model m --prompt x -n two", ["--max-tokens", "'two'"]),
    ("generate --model m --prompt x --temperature -0.5", ["--temperature", "'-0.5'", "0"]),
    ("generate --model m --prompt x --temperature nan", ["--temperature", "'nan'"]),
    ("generate --model m --prompt x --temperature 1e999", ["--temperature", "'1e999'"]),
    ("generate --model m --prompt x --temperature=", ["--temperature", "''"]),
    ("generate --model m --prompt x --top-p 0", ["--top-p", "'0'"]),
    ("generate --model m --prompt x --top-p 1.01", ["--top-p", "'1.01'"]),
    ("generate --model m --prompt x --min-p 2", ["--min-p", "'2'"]),
    ("generate --model m --prompt x --seed -1", ["--seed", "'-1'"]),
    ("generate --model m --prompt x --threads 0", ["--threads", "'0'"]),
    ("generate --model m --prompt x --stop=", ["--stop"]),
    ("generate" + " --stop a" * 65, ["--stop", "64"]),
    ("check --model m --break 0", ["--break", "'0'"]),
    ("check --model m --break 18446744073709551616", ["--break", "18446744073709551616"]),
    ("bench", ["EXPERIMENT"]),
    ("bench stage", ["'stage'", "'stages'"]),
    ("bench stages stages", ["'stages'"]),
    ("bench stages --pairs 0", ["--pairs", "'0'"]),
    ("bench stages --budget 0", ["--budget", "'0'"]),
    ("info", ["PATH"]),
    ("info a b", ["'b'", "'a'"]),
    ("help --mann", ["'--mann'", "--man"]),
]


class Usage(CliTest):
    def test_wrong_command_lines(self):
        for line, parts in WRONG:
            with self.subTest(line):
                words = line.split()
                self.assert_error(weft(*words), USAGE, *parts, verb=words[0])

    def test_options_of_the_device(self):
        for words in (["--device", "cpu?threads=0"], ["--device", "cpu?colour=red"], ["--device", "cpu?threads=x"]):
            self.assert_error(weft("bench", "stages", *words), USAGE, words[1], verb="bench")

    def test_devices_that_cannot_be_opened(self):
        for uri in ("gpu", "sim:nowhere.yaml", "cuda"):
            named = uri.removeprefix("sim:")
            self.assert_error(weft("bench", "stages", "--device", uri), INPUT, named, verb="bench")
        self.assert_error(weft("bench", "stages", "--device", "sim"), USAGE, "sim:FILE", verb="bench")
        self.assert_error(weft("generate", "--model", SUMS, "--prompt", "1", "-d", "cpy"), INPUT, "cpy", "cpu")

    def test_files_that_are_not_there(self):
        missing = self.folder() / "nothing here"
        self.assert_error(weft("info", missing), INPUT, missing, verb="info")
        self.assert_error(weft("generate", "-m", missing, "-p", "1"), INPUT, missing, verb="generate")
        self.assert_error(weft("check", "-m", missing), INPUT, missing, verb="check")

    def test_values_may_be_attached(self):
        wanted = self.run_json("bench", "stages", "--pairs", "3", "--repeat", "1", "--device", "ref")
        for words in (["--pairs=3", "--repeat=1", "--device=ref"], ["-n3", "-r1", "-dref"],
                      ["-n", "3", "-r", "1", "-d", "ref"]):
            found = self.run_json("bench", "stages", *words)
            self.assertEqual((found["pairs"], found["repeat"], found["device"]), (3, 1, "ref"))
            self.assertEqual(found["plain"]["command_buffers"], wanted["plain"]["command_buffers"])

    def test_the_last_of_two_wins(self):
        found = self.run_json("bench", "--pairs", "4", "stages", "--repeat", "1", "--pairs", "2")
        self.assertEqual(found["pairs"], 2)

    def test_two_dashes_end_the_options(self):
        self.assert_error(weft("info", "--", "--json"), INPUT, "'--json'", verb="info")


if __name__ == "__main__":
    main()
