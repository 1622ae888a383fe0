#!/usr/bin/env python3
"""Help and man page say all that the command takes."""

import re
import shlex
import shutil
import subprocess

from weft_cli import OK, USAGE, CliTest, main, weft

# The options of each verb, written down once more: the command's own tables are what is tested.
OPTIONS = {
    "devices": "ops json",
    "info": "set json",
    "generate": "model prompt config prompt-tokens cached weights-seed max-tokens stop temperature top-k top-p "
                "min-p seed device threads isa timing-only verify shuffle "
                "no-graph no-fuse no-reorder stats save-run record trace json",
    "explain": "model config cached device json trace",
    "check": "model prompt tokens break shuffle device threads isa trace json",
    "bench": "pairs repeat budget sweep device threads isa record trace json",
    "machine": "out view theme markdown set json",
    "probe": "machine set case flow traffic rate packet-flits cycles warmup seed outstanding flits trace json",
    "list": "machine set json",
    "run": "machine set verify perturb seed hazards values threads trace save-run record json",
    "retime": "machine set json",
    "sweep": "machine set vary retime out threads fresh json",
    "report": "out",
    "help": "man",
}


def described(verb):
    """Option -> what help says about it."""
    text = weft("help", verb).out
    text = text[text.index("options ("):text.index("examples:")]
    found = re.findall(r"(?ms)^ +(?:-\w, +)?--([\w-]+)(.*?)(?=^ +(?:-\w, +)?--[\w-]+|\Z)", text)
    return dict(found)


class Help(CliTest):
    def test_lists_every_verb(self):
        text = self.run_ok("--help").out
        self.assertEqual(re.findall(r"(?m)^  (\w+) {3,}\S", text), list(OPTIONS))
        self.assertEqual(self.run_ok("-h").out, text)
        self.assertEqual(self.run_ok("help").out, text)

    def test_verb_lists_every_option(self):
        for verb, options in OPTIONS.items():
            with self.subTest(verb):
                found = described(verb)
                self.assertEqual(sorted(found), sorted(options.split() + ["help"]))
                for option, text in found.items():
                    self.assertGreater(len(text.strip()), 10, option)

    def test_three_ways_to_ask(self):
        for verb in OPTIONS:
            text = self.run_ok("help", verb).out
            self.assertEqual(self.run_ok(verb, "--help").out, text)
            self.assertEqual(self.run_ok(verb, "-h").out, text)

    def test_help_wins_over_what_is_missing(self):
        self.assertIn("usage:", self.run_ok("generate", "--json", "--help").out)

    def test_examples_take_options_that_exist(self):
        for verb, options in OPTIONS.items():
            text = weft("help", verb).out
            examples = re.findall(r"(?m)^  (.*\bweft .*)$", text[text.index("\nexamples:"):])
            self.assertGreater(len(examples), 0, verb)
            for example in examples:
                words = shlex.split(example[example.index("weft "):])
                words = words[:words.index("--") if "--" in words else None]  # another verb's are behind it
                self.assertEqual(words[1], verb, example)
                for word in words[2:words.index("|") if "|" in words else None]:
                    if word.startswith("--"):
                        self.assertIn(word[2:].split("=")[0], options.split(), example)

    def test_lines_fit_a_terminal(self):
        for words in (["--help"], *(["help", verb] for verb in OPTIONS)):
            text = weft(*words).out
            examples = text.index("\nexamples:")  # whose commands are not broken
            for line in text[:examples].splitlines():
                self.assertLessEqual(len(line), 79, line)

    def test_version(self):
        self.assertRegex(self.run_ok("--version").out, r"\Aweft \d+\.\d+\.\d+\n\Z")
        self.assertEqual(self.run_ok("-V").out, self.run_ok("--version").out)

    def test_man_page(self):
        page = self.run_ok("help", "--man").out
        self.assertRegex(page, r"\A\.TH WEFT 1 ")
        for verb, options in OPTIONS.items():
            section = re.search(rf"(?ms)^\.SS weft {verb}\b(.*?)(?=^\.S[SH])", page).group(1)
            for option in options.split() + ["help"]:
                self.assertIn(r"\fB\-\-" + option.replace("-", r"\-") + r"\fR", section, f"{verb} --{option}")
        for code in (0, 1, 2, 3, 70):
            self.assertIn(f"\n\\fB{code}\\fR\n", page)

    def test_man_page_is_good_roff(self):
        if not shutil.which("groff"):
            self.skipTest("no groff here")
        page = self.run_ok("help", "--man").out_bytes
        done = subprocess.run(["groff", "-man", "-ww", "-z", "-Kutf8"], input=page, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (OK, b""))

    def test_unknown_verbs(self):
        self.assert_error(weft("genrate"), USAGE, "'genrate'", "'generate'")
        self.assert_error(weft("help", "chek"), USAGE, "'chek'", "'check'", verb="help")
        self.assert_error(weft(), USAGE, "--help")
        self.assert_error(weft("--verison"), USAGE, "'--verison'", "--version")


if __name__ == "__main__":
    main()
