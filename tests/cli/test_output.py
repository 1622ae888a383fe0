#!/usr/bin/env python3
"""Standard output that cannot be written is an error; a reader that has seen enough is none. Standard error stays quiet
without one."""

import os
import subprocess
import time

from weft_cli import FAILED, INPUT, ROOT, SUMS, USAGE, WEFT, CliTest, main, weft

LINES = [
    ["--help"],
    ["--version"],
    ["help", "--man"],
    ["devices"],
    ["devices", "--json"],
    ["info", str(SUMS)],
    ["info", str(SUMS / "model.safetensors"), "--json"],
    ["generate", "--model", str(SUMS), "--prompt", "1+2="],
    ["generate", "--model", str(SUMS), "--prompt", "1+2=", "--json"],
    ["check", "--model", str(SUMS), "--tokens", "0"],
    ["bench", "stages", "--repeat", "1"],
    ["probe", "--machine", str(ROOT / "machines/tiny.yaml")],
    ["probe", "--machine", str(ROOT / "machines/tiny.yaml"), "--json"],
    ["list"],
    ["list", "softmax", "--json"],
    ["run", "gemm-single-pe", "--machine", str(ROOT / "machines/tiny.yaml")],
    ["run", "gemm-single-pe", "--machine", str(ROOT / "machines/tiny.yaml"), "--json"],
    ["sweep", "--machine", str(ROOT / "machines/tiny.yaml"), "--", "probe", "--case", "dma_local"],
]


class Output(CliTest):
    def assert_write_error(self, done, reason):
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr, rf"\Aweft[^\n]*: Standard output cannot be written: {reason}\.\n\Z")

    def test_full_disk(self):
        for words in LINES:
            with self.subTest(words), open("/dev/full", "w") as full:
                done = subprocess.run([WEFT, *words], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assert_write_error(done, "No space left on device")

    def test_closed(self):
        for words in LINES:
            with self.subTest(words):
                done = subprocess.run([WEFT, *words], stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.close(1))
                self.assert_write_error(done, "Bad file descriptor")

    def test_reader_that_went_away(self):
        """Nothing is told, and the exit code is that of the verb."""
        for words in LINES:
            with self.subTest(words):
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run([WEFT, *words], stdout=writer, stderr=subprocess.PIPE, text=True)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_pipes_of_a_shell(self):
        """With pipefail the pipe has the exit code of the verb: 0, that of a failed check, or that of a wrong line."""
        tiny = ROOT / "machines/tiny.yaml"
        many = f"sweep --machine {tiny} --set pe.dma.channels=" + ",".join(map(str, range(1, 17)))
        for line, code in ((f"{many} --json -- probe", 0),
                           (f"{many},0 --json -- probe", FAILED),
                           ("machine keys", 0),
                           (f"run softmax --machine {tiny} --set rows=0", USAGE)):
            with self.subTest(line):
                done = subprocess.run(["bash", "-c", f"set -o pipefail; '{WEFT}' {line} | head -c 1 >/dev/null"],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, code, done)
                self.assertEqual(done.stderr == "", code != USAGE, done)

    def test_generation_ends_when_nobody_reads(self):
        """Without an end of its own the text would be as long as the model allows."""
        words = ["generate", "--model", str(SUMS), "--prompt", "1+2=", "--temperature", "5", "--max-tokens", "4000",
                 "--stats"]
        with open("/dev/full", "w") as full:
            done = subprocess.run([WEFT, *words], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assert_write_error(done, "No space left on device")

    def test_files_that_are_pipes(self):
        """`-o /dev/stdout | head` is no error either; a full disk is one."""
        tiny, run = str(ROOT / "machines/tiny.yaml"), str(self.folder() / "run.json")
        softmax = ["run", "softmax", "--machine", tiny]
        self.run_ok(*softmax, "--record", run)
        for words in (["report", run, "-o"], [*softmax, "--record"], [*softmax, "--trace"], [*softmax, "--save-run"],
                      ["machine", "draw", tiny, "-o"]):
            with self.subTest(words):
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run([WEFT, *words, "/dev/stdout"], stdout=writer, stderr=subprocess.PIPE, text=True)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                full = weft(*words, "/dev/full")
                self.assertEqual(full.code, INPUT, full)
                self.assertIn("'/dev/full' cannot be written: No space left", full.err)

    def test_one_of_a_thing_is_no_plural(self):
        """Whatever is counted: threads, tokens, launches, calls, packets, holes, points."""
        tiny, saved = ROOT / "machines/tiny.yaml", self.folder() / "saved.run"
        one = ["gemm-single-pe", "--set", "m=1", "--set", "n=1", "--set", "k=1", "--machine", tiny]
        generate = ["generate", "--model", SUMS, "--prompt", "", "--max-tokens", "1", "--threads", "1", "--stats"]
        for words, part in (
                (["run", *one, "--verify", "--save-run", saved], "holds: 1 number"),
                (["retime", saved, "--machine", tiny], "1 launch on 1 PE of tiny, "),
                (generate, ", 1 thread: 1 prompt token in "),
                ([*generate, "--device", f"sim:{tiny}"], "\n1 command buffer, "),
                (["explain", "--model", SUMS, "--device", f"sim:{tiny}", "--cached", "1"], "a token behind 1 other: "),
                (["info", tiny, "--set", "cube.columns=3", "--set", "cube.holes=[[1, 2]]"], ", 1 hole\n"),
                (["probe", "--machine", tiny, "--traffic", "uniform", "--rate", "0.1", "--packet-flits", "1",
                  "--cycles", "100", "--outstanding", "1"], "packets of 1 flit, "),
                (["sweep", "--machine", tiny, "--out", self.folder() / "out.csv", "--", "probe", "--case", "dma_local"],
                 "1 point, "),
        ):
            done = weft(*words)
            with self.subTest(done.words):
                self.assertEqual(done.code, 0, done)
                self.assertIn(part, done.out + done.err)
                plural = r"(?<![\w.,+-])1 ((prompt|command) )?(?!pass\b)[A-Za-z]+s\b"
                self.assertNotRegex(done.out + done.err, plural)

    def test_standard_error_may_be_closed(self):
        done = subprocess.run([WEFT, "nonsense"], stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2))
        self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_standard_input_may_be_closed(self):
        words = [WEFT, "generate", "--model", str(SUMS), "--prompt", "-", "--max-tokens", "1"]
        done = subprocess.run(words, capture_output=True, preexec_fn=lambda: os.close(0))
        self.assertEqual(done.stdout.count(b"\n"), 1, done)  # an empty prompt: the model starts a text of its own
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_tokens_come_as_they_are_made(self):
        """The first characters are there while the rest is still being made: the pipe has them before the end."""
        words = ["generate", "--model", str(SUMS), "--prompt", "copy west head barrier =", "--stats"]
        child = subprocess.Popen([WEFT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pieces = []
        while piece := os.read(child.stdout.fileno(), 1):
            pieces.append(piece)
            time.sleep(0.001)
        stats = child.stderr.read().decode()
        child.stdout.close()
        child.stderr.close()
        self.assertEqual(child.wait(), 0)
        self.assertEqual(b"".join(pieces), b" west head barrier\n")
        self.assertRegex(stats, r"prompt tokens in .*ended by stop_token\n\d+ command buffers, \d+ dispatches")


if __name__ == "__main__":
    main()
