#!/usr/bin/env python3
"""Files that verbs write: none replaces another one, or what the verb reads, and what is no regular file stays that."""

import os
import shutil
import stat
import threading

from weft_cli import INPUT, OK, ROOT, SUMS, USAGE, CliTest, main, weft

TINY = ROOT / "machines/tiny.yaml"
RUN = ROOT / "tests/data/runs/small.json"
SHORT = ("--prompt", "1+1=", "--max-tokens", "1", "--timing-only")
SOFTMAX = ("run", "softmax", "--set", "rows=4", "--set", "columns=8")


class Files(CliTest):
    def assert_refused(self, words, *parts, verb=None):
        """Exit code 2, and all files have the bytes that they had."""
        before = {path: path.read_bytes() for path in self.place.iterdir() if path.is_file()}
        self.assert_error(weft(*words, cwd=self.place), USAGE, *parts, verb=verb or words[0])
        self.assertEqual({path: path.read_bytes() for path in self.place.iterdir() if path.is_file()}, before)

    def setUp(self):
        super().setUp()
        self.place = self.folder()
        self.machine = self.place / "mine.yaml"
        shutil.copy(TINY, self.machine)

    def test_places_that_cannot_be_written_are_known_before_the_run(self):
        """An endless run would be the other way to find out."""
        sums = ("generate", "--model", SUMS, "--prompt", "1+1=", "--timing-only", "--max-tokens", "100000")
        for option in ("--record", "--save-run", "--trace"):
            for path, why in ((self.place / "no/x", "No such file or directory"), (self.place, "Is a directory"),
                              (self.machine / "x", "Not a directory")):
                with self.subTest(option=option, why=why):
                    result = weft(*sums, "--device", f"sim:{TINY}", option, path)
                    self.assert_error(result, INPUT, option, str(path), why, verb="generate")

    def test_what_is_read_is_not_replaced(self):
        place, machine = self.place, self.machine
        (place / "link.yaml").symlink_to(machine)
        os.link(machine, place / "hard.yaml")
        model = self.copy_of_sums("config.json")
        shutil.copy(SUMS / "config.json", model)
        shutil.copy(SUMS / "config.json", place)
        shutil.copy(RUN, place / "run.json")
        generate = ("generate", "--model", SUMS, *SHORT)
        of_model = ("--model", model, "--prompt", "1")
        self.run_ok(*SOFTMAX, "--machine", machine, "--save-run", place / "saved.csv")
        shutil.copy(machine, place / "machine.csv")
        for words, option, path, of in (
                ((*generate, "--device", f"sim:{machine}"), "--save-run", machine, "--device"),
                ((*generate, "--device", f"sim:{machine}?pe.clock_ghz=2"), "--save-run", "./mine.yaml", "--device"),
                ((*generate, "--device", f"sim:{machine}"), "--save-run", place / "link.yaml", "--device"),
                ((*generate, "--device", "sim:link.yaml"), "--record", place / "hard.yaml", "--device"),
                (("generate", *of_model), "--record", model / "config.json", "--model"),
                (("generate", *of_model), "--trace", model / "../model/config.json", "--model"),
                (("check", *of_model, "--tokens", "1"), "--trace", model / "config.json", "--model"),
                (("generate", "--config", "config.json", "--max-tokens", "1"), "--record", place / "config.json",
                 "--config"),
                (("explain", "--config", "config.json", "--device", f"sim:{TINY}"), "--trace", "config.json",
                 "--config"),
                (("explain", *of_model[:2], "--device", f"sim:{machine}"), "--trace", machine, "--device"),
                (("bench", "stages", "--device", f"sim:{machine}"), "--record", machine, "--device"),
                ((*SOFTMAX, "--machine", machine), "--save-run", machine, "--machine"),
                ((*SOFTMAX, "--machine", machine), "--record", "hard.yaml", "--machine"),
                ((*SOFTMAX, "--machine", machine), "--trace", "link.yaml", "--machine"),
                (("probe", "--machine", machine, "--case", "dma_local"), "--trace", machine, "--machine"),
                (("machine", "draw", machine), "--out", machine, "FILE"),
                (("report", RUN, "run.json"), "--out", place / "run.json", "RUN2"),
                (("report", "run.json"), "--out", "./run.json", "RUN"),
                (("sweep", "--machine", "machine.csv", "--set", "pe.clock_ghz=1,2", "--retime", "saved.csv"), "--out",
                 "./machine.csv", "--machine"),
                (("sweep", "--machine", machine, "--set", "pe.clock_ghz=1,2", "--retime", "saved.csv"), "--out",
                 place / "saved.csv", "--retime")):
            with self.subTest(words=words, option=option, path=path):
                self.assert_refused((*words, option, path), option, f"'{path}'", f"read for {of}")

    def test_sweeps_do_not_replace_what_their_points_read(self):
        self.run_ok(*SOFTMAX, "--machine", self.machine, "--save-run", self.place / "out.csv")
        words = ("sweep", "--machine", self.machine, "--set", "pe.clock_ghz=1,2", "--out", "out.csv", "--fresh")
        self.assert_refused((*words, "--", "retime", self.place / "out.csv"), "out.csv", "RUN")
        os.rename(self.place / "out.csv", self.place / "out.csv.partial")
        self.assert_refused((*words, "--retime", "out.csv.partial"), "out.csv.partial", "--retime")
        self.assert_refused((*words, "--", "retime", "./out.csv.partial"), "out.csv.partial", "RUN")
        shutil.copy(self.machine, self.place / "out.csv.partial")
        self.assert_refused(("sweep", "--machine", "out.csv.partial", *words[3:], "--", *SOFTMAX), "out.csv.partial",
                            "--machine")

    def test_two_outputs_are_two_files(self):
        generate = ("generate", "--model", SUMS, *SHORT, "--device", f"sim:{self.machine}")
        softmax = (*SOFTMAX, "--machine", self.machine)
        for verb in (generate, softmax):
            for one, other in (("--save-run", "--record"), ("--save-run", "--trace"), ("--record", "--trace")):
                for path, again in (("x", "x"), ("x", "./x"), (self.place / "x", "x"), ("old", "./link")):
                    if path == "old":
                        (self.place / "old").touch()
                        if not (self.place / "link").is_symlink():
                            (self.place / "link").symlink_to("old")
                    self.assert_refused((*verb, one, path, other, again), one, other, f"'{path}'", f"'{again}'")
                    self.assertFalse((self.place / "x").exists())
        (self.place / "other").mkdir()
        result = weft(*softmax, "--record", "x", "--trace", "other/x", cwd=self.place)
        self.assertEqual((result.code, result.err), (OK, ""))
        result = weft(*softmax, "--record", "/dev/null", "--trace", "/dev/null", "--save-run", "/dev/null")
        self.assertEqual((result.code, result.err), (OK, ""))

    def test_the_kind_of_a_file_and_its_permissions_stay(self):
        words = (*SOFTMAX, "--machine", self.machine)
        for option in ("--save-run", "--record", "--trace"):
            target, link, pipe = (self.place / f"{option}-{name}" for name in ("target", "link", "pipe"))
            result = weft(*words, option, target)
            self.assertEqual((result.code, result.err), (OK, ""))
            expected = target.read_bytes()
            target.chmod(0o600)
            link.symlink_to(target)
            if option != "--record":  # which has the words of the command line
                for path in (target, link):
                    self.assertEqual(weft(*words, option, path).code, OK)
                    self.assertEqual(target.read_bytes(), expected)
            self.assertTrue(link.is_symlink())
            self.assertEqual(stat.S_IMODE(target.stat().st_mode), 0o600)
            os.mkfifo(pipe)
            found = []
            reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
            reader.start()
            self.assertEqual(weft(*words, option, pipe).code, OK)
            reader.join()
            self.assertTrue(stat.S_ISFIFO(pipe.stat().st_mode))
            self.assertGreater(len(found[0]), 100)


if __name__ == "__main__":
    main()
