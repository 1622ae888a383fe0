"""What the tests of the command share: running it, and what is known about the model in models/sums.

The environment names the program (WEFT_CLI) and the root of the sources (WEFT_SOURCE_DIR).
"""

import json
import os
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WEFT = os.environ["WEFT_CLI"]
ROOT = Path(os.environ["WEFT_SOURCE_DIR"])
SUMS = ROOT / "models/sums"
IS_SANITIZED = bool(os.environ.get("WEFT_SANITIZE"))
ISAS = ("scalar", "avx2", "avx512")

OK, FAILED, USAGE, INPUT, INTERNAL = 0, 1, 2, 3, 70


class Result:
    """What a run printed, as bytes and as text, and how it ended."""

    def __init__(self, words, done):
        self.words = words
        self.code = done.returncode
        self.out_bytes = done.stdout
        self.out = done.stdout.decode("utf-8", errors="replace")
        self.err = done.stderr.decode("utf-8", errors="replace")

    def __str__(self):
        return f"weft {' '.join(self.words)}: exit {self.code}\n{self.out}{self.err}"


def weft(*words, stdin=b"", **arguments):
    words = [str(word) for word in words]
    return Result(words, subprocess.run([WEFT, *words], input=stdin, capture_output=True, **arguments))


def in_parallel(function, items):
    """The results of function(item), in the order of the items; on as many threads as this process has CPUs."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(function, items))


class CliTest(unittest.TestCase):
    def run_ok(self, *words, stdin=b""):
        result = weft(*words, stdin=stdin)
        self.assertEqual((result.code, result.err), (OK, ""), result)
        return result

    def run_json(self, *words, stdin=b"", code=OK):
        """The object that a run with --json prints. Errors on standard error are none of a failed check."""
        result = weft(*words, "--json", stdin=stdin)
        self.assertEqual((result.code, result.err), (code, ""), result)
        return json.loads(result.out)

    def assert_error(self, result, code, *parts, verb=None):
        """One sentence on standard error, that names the parts; nothing on standard output."""
        self.assertEqual(result.code, code, result)
        self.assertEqual(result.out, "", result)
        self.assertRegex(result.err, r"\A[^\n]+[.?]\n\Z", result)
        self.assertTrue(result.err.startswith(f"weft {verb}: " if verb else "weft"), result)
        for part in parts:
            self.assertIn(str(part), result.err, result)

    def folder(self):
        """A folder that goes away with the test."""
        folder = tempfile.TemporaryDirectory(prefix="weft-cli-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def copy_of_sums(self, *changed):
        """A model directory with links to all files of models/sums but those named, which are missing."""
        copy = self.folder() / "model"
        copy.mkdir()
        for path in SUMS.iterdir():
            if path.name not in changed:
                (copy / path.name).symlink_to(path)
        return copy


def main():
    unittest.main()
