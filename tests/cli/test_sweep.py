#!/usr/bin/env python3
"""weft sweep: every combination once, the same bytes on any number of threads and ranks, and after interruptions."""

import csv
import fcntl
import io
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

from weft_cli import FAILED, INPUT, OK, ROOT, USAGE, WEFT, CliTest, Result, main, weft

TINY = ROOT / "machines/tiny.yaml"
MESH = ROOT / "machines/mesh-8x8.yaml"
CHANNELS = "pe.dma.channels"
LINK = "cube.link_gbs"
CASE = ["probe", "--case", "dma_local"]
# Points that take some milliseconds.
WITHOUT_PATTERN = ["probe", "--packet-flits", "4", "--rate", "0.1"]
TRAFFIC = ["probe", "--traffic", "uniform", "--packet-flits", "4", "--rate", "0.1", "--cycles", "400"]


def sweep(*words, command=CASE, machine=TINY, **arguments):
    return weft("sweep", "--machine", machine, *words, "--", *command, **arguments)


class SweepTest(CliTest):
    def sweep_json(self, *words, command=CASE, machine=TINY, code=OK):
        result = sweep("--json", *words, command=command, machine=machine)
        self.assertEqual((result.code, result.err), (code, ""), result)
        return json.loads(result.out)

    def sweep_csv(self, *words, command=CASE, machine=TINY, code=OK):
        """The rows of a CSV file, each as column -> cell, and the header."""
        path = self.folder() / "out.csv"
        result = sweep(*words, "--out", path, command=command, machine=machine)
        self.assertEqual((result.code, result.err), (code, ""), result)
        rows = list(csv.reader(io.StringIO(path.read_text(), newline="")))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        self.assertEqual(len(set(rows[0])), len(rows[0]), "a column twice")
        self.assertEqual(os.listdir(path.parent), ["out.csv"])
        return [dict(zip(rows[0], row)) for row in rows[1:]], rows[0]


class Points(SweepTest):
    def test_every_combination_in_order(self):
        found = self.sweep_json("--set", f"{CHANNELS}=1,2,4", "--set", f"{LINK}=128,256.5")
        wanted = [{CHANNELS: channels, LINK: link} for channels, link in itertools.product([1, 2, 4], [128, 256.5])]
        self.assertEqual([point["settings"] for point in found], wanted)
        for point in found:
            self.assertEqual(list(point), ["settings", "exit", "error", "result"])
            self.assertEqual((point["exit"], point["error"]), (OK, None))

    def test_points_are_what_the_verb_gives_alone(self):
        found = self.sweep_json("--set", f"{CHANNELS}=1,2", "--set", "pe.dma.setup_ns=1.5,9")
        for point in found:
            words = [word for key, value in point["settings"].items() for word in ("--set", f"{key}={value}")]
            self.assertEqual(point["result"], self.run_json(CASE[0], "--machine", TINY, *words, *CASE[1:]))
        self.assertNotEqual(found[0]["result"], found[1]["result"], "the setting did not reach the machine")

    def test_options_of_the_verb(self):
        rates = ["0.05", "0.1", "0.2"]
        found = self.sweep_json("--vary", f"rate={','.join(rates)}", "--set", f"{LINK}=256", "--vary", "seed=1,2",
                                command=TRAFFIC[:5] + ["--cycles", "200"], machine=MESH)
        wanted = [{LINK: 256, "--rate": float(rate), "--seed": seed} for rate in rates for seed in (1, 2)]
        self.assertEqual([point["settings"] for point in found], wanted)
        for point in found:
            words = [f"{key}={value}" for key, value in point["settings"].items() if key != LINK]
            alone = self.run_json("probe", "--machine", MESH, "--set", f"{LINK}=256", *TRAFFIC[1:5], "--cycles",
                                  "200", *words)
            self.assertEqual(point["result"], alone)
        hashes = {json.dumps(point["result"]) for point in found}
        self.assertEqual(len(hashes), len(found), "an option did not reach the verb")

    def test_varied_options_go_before_two_dashes(self):
        found = self.sweep_json("--vary", "rate=0.1,0.2", command=TRAFFIC[:5] + ["--cycles", "50", "--"],
                                machine=MESH)
        self.assertEqual([point["exit"] for point in found], [OK, OK])

    def test_commas_inside_of_brackets(self):
        rows, header = self.sweep_csv("--set", "cube.pes=[[0, 0], [0, 1]], [[0,0],[1,1]]")
        self.assertEqual(header[:3], ["cube.pes", "exit", "error"])
        self.assertEqual(list(dict.fromkeys(row["cube.pes"] for row in rows)), ["[[0, 0], [0, 1]]", "[[0,0],[1,1]]"])
        self.assertEqual({row["exit"] for row in rows}, {"0"})

    def test_nothing_to_vary_is_one_point(self):
        found = self.sweep_json()
        self.assertEqual(found, [{"settings": {}, "exit": OK, "error": None,
                                  "result": self.run_json(CASE[0], "--machine", TINY, *CASE[1:])}])

    def test_a_point_that_fails_is_told_and_stops_nothing(self):
        found = self.sweep_json("--set", f"{CHANNELS}=1,0,two,2", code=FAILED)
        self.assertEqual([point["exit"] for point in found], [OK, USAGE, USAGE, OK])
        for point in found[1:3]:
            alone = weft("probe", "--machine", TINY, "--set", f"{CHANNELS}={point['settings'][CHANNELS]}", *CASE[1:])
            self.assertEqual((alone.code, alone.err), (USAGE, f"weft probe: {point['error']}\n"))
            self.assertIsNone(point["result"])

    def test_table(self):
        text = self.run_ok("sweep", "--machine", TINY, "--set", f"{CHANNELS}=1,2", "--set", f"{LINK}=64,128", "--",
                           *CASE).out
        self.assertRegex(text, r"\Ain all rows:\n(  \S+ .+\n)+\n")
        self.assertRegex(text, r"(?m)^  exit 0$")
        rows = [line.split()[:2] for line in text.split("\n\n")[1].splitlines()]
        self.assertEqual(rows, [[CHANNELS, LINK], ["1", "64"], ["1", "128"], ["2", "64"], ["2", "128"]])
        failed = sweep("--set", f"{CHANNELS}=1,0")
        self.assertEqual((failed.code, failed.err), (FAILED, ""))
        self.assertRegex(failed.out, rf"(?m)^ +0 +2 .*{CHANNELS}.*\.$")


class Csv(SweepTest):
    def test_cells_are_those_of_json(self):
        words = ["--set", f"{CHANNELS}=1,2", "--set", f"{LINK}=64,128"]
        rows, header = self.sweep_csv(*words)
        self.assertEqual(header[:4], [CHANNELS, LINK, "exit", "error"])
        self.assertIn("case", header)
        self.assertFalse([name for name in header if name.startswith(("route", "flows", "runs"))])
        for row, point in zip(rows, self.sweep_json(*words), strict=True):
            cases = point["result"].get("cases", [point["result"]])
            self.assertEqual(len(cases), 1)
            self.assertEqual(row["case"], "dma_local")
            self.assertEqual(float(row["latency_ns"]), cases[0]["latency_ns"])
            self.assertEqual({name: float(row[f"parts.{name}"]) for name in cases[0]["parts"]}, cases[0]["parts"])

    def test_a_row_for_each_case(self):
        rows, _ = self.sweep_csv("--set", f"{CHANNELS}=1,2", command=["probe", "--case", "all"])
        cases = [row["case"] for row in rows if row[CHANNELS] == "1"]
        self.assertGreater(len(set(cases)), 3)
        labels = [row["label"] for row in rows if row[CHANNELS] == "1" and row["case"] == "dma_sizes"]
        self.assertGreater(len(labels), 3)
        self.assertEqual(len(set(labels)), len(labels))
        self.assertEqual([(row[CHANNELS], row["case"]) for row in rows],
                         [(channels, case) for channels in "12" for case in cases])

    def test_failed_points_have_their_sentence(self):
        rows, header = self.sweep_csv("--set", f"{CHANNELS}=1,[0],2", code=FAILED)
        bad = [row for row in rows if row["exit"] != "0"]
        self.assertEqual([(row[CHANNELS], row["exit"]) for row in bad], [("[0]", "2")])
        self.assertIn(CHANNELS, bad[0]["error"])
        self.assertEqual({bad[0][name] for name in header[3:]}, {""})


class Threads(SweepTest):
    def test_same_bytes_on_any_number_of_threads(self):
        for suffix in ("json", "csv"):
            texts = []
            for threads in (1, 2, 7):
                path = self.folder() / f"out.{suffix}"
                result = sweep("--vary", "rate=0.05,0.1,0.15,0.2", "--vary", "seed=1,2,3", "--threads", threads,
                               "--out", path, command=TRAFFIC[:5] + ["--cycles", "200"], machine=MESH)
                self.assertEqual((result.code, result.err), (OK, ""), result)
                texts.append(path.read_text())
            self.assertIn("trace_hash", texts[0])
            self.assertEqual(texts[0], texts[1])
            self.assertEqual(texts[0], texts[2])


class Resumed(SweepTest):
    """An uninterrupted run, and others that are interrupted in many ways and must end with the same bytes."""

    WORDS = ["--set", f"{LINK}=128,256,512", "--vary", "seed=1,2,3,4,5,6,7,8"]
    POINTS = 24

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        result = weft("sweep", "--machine", MESH, *cls.WORDS, "--json", "--", *TRAFFIC)
        assert result.code == OK, result
        cls.whole = result.out

    def setUp(self):
        super().setUp()
        self.path = self.folder() / "out.json"
        self.partial = Path(f"{self.path}.partial")

    def words(self, *more, machine=MESH):
        return ["sweep", "--machine", str(machine), *self.WORDS, "--out", str(self.path), *more, "--", *TRAFFIC]

    def finished(self):
        """Numbers of the points that have whole lines in the partial file."""
        lines = self.partial.read_bytes().split(b"\n")[1:-1]
        return [json.loads(line)["point"] for line in lines]

    def assert_whole(self, result, resumed):
        self.assertEqual((result.code, result.err), (OK, ""), result)
        summary = json.loads(result.out)
        self.assertEqual(summary, {"points": self.POINTS, "resumed": resumed, "failed": 0, "out": str(self.path)})
        self.assertEqual(self.path.read_text(), self.whole)
        self.assertEqual(os.listdir(self.path.parent), ["out.json"])

    def limited(self, size, is_killed=True):
        """Runs the sweep with files of at most `size` bytes: a write beyond is cut there and then kills or fails."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if is_killed else signal.SIG_IGN)
        words = self.words("--threads", "2")
        return Result(words, subprocess.run([WEFT, *words], capture_output=True, preexec_fn=limit))

    def test_killed_in_the_middle_of_a_line(self):
        self.assertEqual(self.limited(1 << 20, False).code, OK)
        self.path.unlink()
        step = len(self.whole) // 8
        killed = 0
        for size in range(10, len(self.whole) // 2, step):
            result = self.limited(size)
            self.assertEqual(result.code, -signal.SIGXFSZ, result)
            self.assertEqual(self.partial.stat().st_size, size)
            killed += 1
        self.assertGreater(killed, 2)
        before = self.finished()
        self.assertGreater(len(before), 2)
        self.assertEqual(len(set(before)), len(before))
        self.assert_whole(weft(*self.words("--json")), resumed=len(before))

    def test_killed_at_any_time(self):
        before = 0
        for _ in range(3):
            child = subprocess.Popen([WEFT, *self.words("--threads", "1")], stdout=subprocess.DEVNULL)
            while child.poll() is None and (not self.partial.exists() or len(self.finished()) < before + 2):
                time.sleep(0.001)
            child.kill()
            child.wait()
            if not self.partial.exists():
                self.skipTest("the sweep was over before it could be killed")
            self.assertGreaterEqual(len(self.finished()), before + 2, "what was finished is lost")
            before = len(self.finished())
        self.assert_whole(weft(*self.words("--json")), resumed=before)

    def leave_partial(self, size=None):
        self.limited(size or len(self.whole) // 2)
        return self.finished()

    def test_finished_points_are_not_run_again(self):
        """One of them is given a result that no run gives, and keeps it."""
        points = self.leave_partial()
        lines = self.partial.read_text().split("\n")
        outcome = json.loads(lines[1])
        outcome["result"] = {"marked": True}
        lines[1] = json.dumps(outcome)
        self.partial.write_text("\n".join(lines))
        self.assertEqual(weft(*self.words()).code, OK)
        found = json.loads(self.path.read_text())
        marked = [number for number, point in enumerate(found) if point["result"] == {"marked": True}]
        self.assertEqual(marked, [points[0]])

    def test_all_finished_but_not_written(self):
        result = weft(*self.words())
        self.assertEqual(result.code, OK)
        points = len(json.loads(self.path.read_text()))
        self.path.unlink()
        self.path.mkdir()  # which no file replaces
        (self.path / "file").touch()
        self.assert_error(weft(*self.words()), INPUT, f"'{self.path}'", "cannot be written", verb="sweep")
        self.assertEqual(len(self.finished()), points)
        shutil.rmtree(self.path)
        self.assert_whole(weft(*self.words("--json")), resumed=points)

    def test_full_disk(self):
        result = self.limited(len(self.whole) // 2, is_killed=False)
        self.assert_error(result, INPUT, f"'{self.partial}'", "File too large", verb="sweep")
        finished = self.finished()
        self.assert_whole(weft(*self.words("--json")), resumed=len(finished))

    def test_other_sweeps_are_refused(self):
        points = self.leave_partial()
        kept = self.partial.read_bytes()
        other = self.folder() / "mesh.yaml"
        other.write_text(MESH.read_text() + "# The same machine, but who knows.\n")
        words = self.words()
        dashes = words.index("--")
        for changed, part in ((self.words(machine=other), "content of the machine file"),
                              (words + ["--warmup", "5"], "words behind the --"),
                              (words[:dashes] + ["--vary", "outstanding=4"] + words[dashes:], "values of --set or"),
                              ([word.replace("1,2,3", "2,1,3") for word in words], "values of --set or")):
            with self.subTest(part):
                self.assert_error(weft(*changed), INPUT, f"'{self.partial}'", part, "--fresh", verb="sweep")
                self.assertEqual(self.partial.read_bytes(), kept)
        self.assertGreater(len(points), 0)
        same = self.folder() / "same.yaml"  # the name alone does not matter
        shutil.copy(MESH, same)
        self.assert_whole(weft(*self.words("--json", machine=same)), resumed=len(points))

    def test_fresh(self):
        self.leave_partial()
        self.partial.write_text('{"weft": "0"}\n')
        self.assert_error(weft(*self.words()), INPUT, "another version", "--fresh", verb="sweep")
        self.assert_whole(weft(*self.words("--json", "--fresh")), resumed=0)

    def test_files_that_are_not_of_a_sweep_are_left_alone(self):
        for text in ("hello\n", "[1]\n", "\n", "\0\n"):
            self.partial.write_text(text)
            self.assert_error(weft(*self.words()), INPUT, f"'{self.partial}'", "--fresh", verb="sweep")
            self.assertEqual(self.partial.read_text(), text)

    def test_damaged_lines(self):
        self.leave_partial()
        lines = self.partial.read_bytes().split(b"\n")
        for bad in (b"", b"{}", lines[1], lines[2][:-1], b'{"point": 24, "exit": 0}', b'{"point": -1, "exit": 0}'):
            self.partial.write_bytes(b"\n".join(lines[:2] + [bad] + lines[3:]))
            self.assert_error(weft(*self.words()), INPUT, "line 3", "--fresh", verb="sweep")
        # The last one may be anything: it is what a write that was interrupted has left.
        for tail in (b"{", b"{}\n", b"\0\0\0", b"\0\0\0\n", lines[1], lines[1] + b"\n"):
            self.partial.write_bytes(b"\n".join(lines[:3]) + b"\n" + tail)
            self.path.unlink(missing_ok=True)
            self.assert_whole(weft(*self.words("--json")), resumed=2)

    def test_empty_partial_file(self):
        self.partial.touch()
        self.assert_whole(weft(*self.words("--json")), resumed=0)

    def test_two_at_a_time(self):
        self.leave_partial()
        with open(self.partial) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assert_error(weft(*self.words()), INPUT, "Another sweep", f"'{self.partial}'", verb="sweep")
            self.assert_error(weft(*self.words("--fresh")), INPUT, "Another sweep", verb="sweep")


class Mpi(SweepTest):
    WORDS = ["--machine", str(MESH), "--vary", "rate=0.05,0.1,0.15,2e-1", "--vary", "seed=1,2,3", "--set",
             "cube.link_gbs=128,256,0"]
    COMMAND = TRAFFIC[:5] + ["--cycles", "200"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("mpirun"):
            raise cls.skipTest(cls, "no mpirun here")
        if not (Path(WEFT).parent / "weft_mpi.so").exists():
            raise cls.skipTest(cls, "this weft was built without MPI")
        if subprocess.run([*cls.launcher(), "-n", "2", "true"], capture_output=True).returncode != 0:
            raise cls.skipTest(cls, "mpirun cannot start anything here")
        if "thread" in os.environ.get("WEFT_SANITIZE", ""):
            raise cls.skipTest(cls, "MPI itself is not built for the thread sanitizer")

    @staticmethod
    def launcher():
        return ["mpirun", *(["--allow-run-as-root"] if os.geteuid() == 0 else []), "--oversubscribe"]

    def mpirun(self, *words):
        # What MPI allocates is not ours to free.
        environment = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
        words = [str(word) for word in words]
        return Result(words, subprocess.run([*self.launcher(), *words], capture_output=True, stdin=subprocess.DEVNULL,
                                            env=environment, timeout=300))

    def sweep_words(self, path, *more):
        return [WEFT, "sweep", *self.WORDS, "--out", path, *more, "--", *self.COMMAND]

    def test_same_bytes_on_any_number_of_ranks(self):
        folder = self.folder()
        alone = Result([], subprocess.run(self.sweep_words(folder / "alone.csv", "--json"), capture_output=True))
        self.assertEqual(alone.code, FAILED)
        for ranks, threads in ((1, 1), (3, 2)):
            path = folder / f"{ranks}.csv"
            result = self.mpirun("-n", ranks, *self.sweep_words(path, "--json", "--threads", threads))
            self.assertEqual(result.code, FAILED, result)
            self.assertEqual(json.loads(result.out), {**json.loads(alone.out), "out": str(path)})
            self.assertEqual(path.read_text(), (folder / "alone.csv").read_text())

    def test_to_standard_output(self):
        words = [WEFT, "sweep", "--machine", TINY, "--set", f"{CHANNELS}=1,2,4", "--json", "--", *CASE]
        self.assertEqual(self.mpirun("-n", 2, *words).out, weft(*words[1:]).out)

    def test_ranks_work_at_the_same_time_and_a_killed_job_is_resumed(self):
        """The first point takes long. What is finished before it, with one thread a rank, another rank has run."""
        path = self.folder() / "out.csv"
        partial = Path(f"{path}.partial")
        words = ["--machine", MESH, "--vary", "cycles=150000,10,20,30,40,50", "--out", path, "--threads", "1", "--json",
                 "--", *TRAFFIC[:7]]
        child = subprocess.Popen([*self.launcher(), "-n", "2", WEFT, "sweep", *map(str, words)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finished = []
        while child.poll() is None and len(finished) < 3:
            time.sleep(0.001)
            lines = partial.read_bytes().split(b"\n")[1:-1] if partial.exists() else []
            finished = [json.loads(line)["point"] for line in lines]
        for rank in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
            os.kill(int(rank), signal.SIGKILL)  # mpirun itself would take its time
        child.wait()
        self.assertGreaterEqual(len(finished), 3)
        self.assertNotIn(0, finished)
        result = weft("sweep", *words)
        self.assertEqual((result.code, result.err), (OK, ""), result)
        self.assertGreaterEqual(json.loads(result.out)["resumed"], 3)
        resumed = path.read_text()
        self.assertEqual(weft("sweep", *words).code, OK)
        self.assertEqual(path.read_text(), resumed)

    def test_ranks_that_read_another_machine_are_refused(self):
        folder = self.folder()
        other = folder / "other.yaml"
        other.write_text(MESH.read_text() + "# Other.\n")
        words = self.sweep_words(folder / "out.csv")
        changed = [other if word == str(MESH) else word for word in words]
        result = self.mpirun("-n", 1, *words, ":", "-n", 1, *changed)
        self.assertEqual((result.code, result.out), (INPUT, ""), result)
        self.assertRegex(result.err, r"(?m)^weft sweep: Rank 1 .*machine file.*\.$")

    def test_errors_of_rank_0_end_the_job(self):
        path = self.folder() / "nowhere/out.csv"
        result = self.mpirun("-n", 3, *self.sweep_words(path))
        self.assertEqual((result.code, result.out), (INPUT, ""), result)
        self.assertEqual(result.err.count("weft sweep: "), 1, result)


class WithoutMpi(SweepTest):
    def test_one_of_several_ranks_needs_the_plugin(self):
        program = self.folder() / "weft"
        shutil.copy(WEFT, program)  # away from the plugin
        words = [program, "sweep", "--machine", TINY, "--set", f"{CHANNELS}=1,2", "--", *CASE]
        for variables, code in (({"OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "0"}, INPUT), ({"PMI_SIZE": "2"}, INPUT),
                                ({"PMIX_RANK": "0"}, INPUT), ({"OMPI_COMM_WORLD_SIZE": "1", "PMIX_RANK": "0"}, OK)):
            with self.subTest(variables):
                result = Result([], subprocess.run(words, capture_output=True, env={**os.environ, **variables}))
                if code == OK:
                    self.assertEqual((result.code, result.err), (OK, ""), result)
                else:
                    self.assert_error(result, code, "weft_mpi.so", "MPI", verb="sweep")


class Wrong(SweepTest):
    def test_command_lines(self):
        for words, command, parts in (
                (["--set", CHANNELS], CASE, ["--set", f"'{CHANNELS}'", "KEY="]),
                (["--set", "=1"], CASE, ["'=1'"]),
                (["--set", f"{CHANNELS}=1,,2"], CASE, ["--set", CHANNELS, "empty"]),
                (["--set", f"{CHANNELS}= ,2"], CASE, ["empty"]),
                (["--set", f"{CHANNELS}=1,2, 1"], CASE, [CHANNELS, "'1'", "twice"]),
                (["--set", f"{CHANNELS}=1", "--set", f"{CHANNELS}=2"], CASE, [f"'{CHANNELS}'", "twice"]),
                (["--set", "cube.holes=[[1,1]"], CASE, ["cube.holes", "brackets"]),
                (["--set", "cube.holes=[1}"], CASE, ["brackets"]),
                (["--set", "cube.holes=1]"], CASE, ["brackets"]),
                (["--set", "cube.holes=" + "[" * 100 + "]" * 100], CASE, ["brackets"]),
                (["--set", "name=" + ",".join(map(str, range(4000))), "--vary",
                  "seed=" + ",".join(map(str, range(4000)))], CASE, ["10000000"]),
                (["--vary", "--rate=1"], CASE, ["--vary", "'--rate=1'"]),
                (["--vary", "machine=a,b"], CASE, ["--vary", "--machine"]),
                (["--vary", "set=a,b"], CASE, ["--set"]),
                (["--vary", "json=1"], CASE, ["--json"]),
                (["--out", "results.txt"], CASE, ["--out", "'results.txt'", ".csv", ".json"]),
                (["--out", "csv"], CASE, ["'csv'"]),
                (["--fresh"], CASE, ["--fresh", "--out"]),
                (["--threads", "0"], CASE, ["--threads", "'0'"]),
                ([], [], ["VERB"]),
                ([], ["prob"], ["'prob'", "'probe'"]),
                ([], ["sweep"], ["'sweep'", "cannot be swept", "probe"]),
                ([], ["devices"], ["'devices'", "probe"]),
                ([], CASE + ["--machine", MESH], ["--machine", str(MESH), "before"]),
                ([], CASE + ["--trace", "t.json"], ["--trace"]),
                (["--set", f"{LINK}=64,128", "--set", f"{CHANNELS}=1,2"], CASE + ["--set", f"{CHANNELS}=4"],
                 ["--set", f"{CHANNELS} is swept", f"'{CHANNELS}=4'", "behind the --"]),
                (["--set", "m=1,2"], ["run", "gemm-single-pe", "--set", "k=8", "-s", "m=5"], ["m is swept", "'m=5'"]),
                (["--vary", "seed=1,2"], ["run", "gemm-single-pe", "--seed=5"], ["--vary --seed", "'--seed=5'"]),
                (["--vary", "rate=0.1,0.2"], TRAFFIC, ["--vary --rate", "'--rate'"])):
            with self.subTest(words=words, command=command):
                self.assert_error(sweep(*words, command=command), USAGE, *parts, verb="sweep")

    def test_the_verb_goes_behind_two_dashes(self):
        self.assert_error(weft("sweep", "--machine", TINY, *CASE), USAGE, "'probe'", "behind a --", verb="sweep")

    def test_command_lines_of_the_verb(self):
        """Those are told in the verb's own words."""
        for words, command, parts in (
                ([], CASE + ["--cse", "x"], ["'--cse'", "--case"]),
                (["--vary", "sead=1,2"], TRAFFIC, ["'--sead'", "--seed"]),
                (["--vary", "seed=1,two"], TRAFFIC, ["--seed", "'two'"]),
                (["--vary", "rate=0.1,0.2,7"], TRAFFIC[:5], ["--rate", "'7'"])):
            with self.subTest(words=words, command=command):
                self.assert_error(sweep(*words, command=command, machine=MESH), USAGE, *parts, verb="probe")

    def test_words_that_do_not_go_together(self):
        """They are found before the first point runs, and leave nothing that would be in the way of the right ones."""
        folder = self.folder()
        softmax, unifrom = ["run", "softmax"], ["There is no traffic pattern 'unifrom'", "'uniform'"]
        for words, command, parts in (([], TRAFFIC[:3], ["--rate", "--packet-flits"]),
                                      (["--vary", "case=dma_local,dma_locl"], CASE[:1], ["'dma_locl'", "dma_local"]),
                                      (["--vary", "traffic=uniform,unifrom"], WITHOUT_PATTERN, unifrom),
                                      ([], [*WITHOUT_PATTERN, "--traffic", "unifrom"], unifrom),
                                      ([], [*softmax, "--set", "rows=0"], ["rows of bench 'softmax' is '0'"]),
                                      ([], [*softmax, "--set", "dtype=f64"], ["dtype of bench 'softmax' is 'f64'"]),
                                      (["--set", "rows=8,many"], softmax, ["rows of bench 'softmax' is 'many'"])):
            result = sweep("--set", f"{CHANNELS}=1,2,4", *words, "--out", folder / "out.csv", command=command)
            self.assert_error(result, USAGE, *parts, verb=command[0])
            self.assertEqual(os.listdir(folder), [])

    def test_help_of_the_verb(self):
        self.assertEqual(self.run_ok("sweep", "--machine", TINY, "--", "probe", "--help").out,
                         self.run_ok("help", "probe").out)

    def test_inputs(self):
        folder = self.folder()
        broken = folder / "broken.yaml"
        broken.write_text("cube: {rows: [}\n")
        missing = folder / "nothing.yaml"
        self.assert_error(sweep(machine=missing), INPUT, missing, verb="sweep")
        self.assert_error(sweep(machine=folder), INPUT, folder, verb="sweep")
        self.assert_error(sweep(machine=broken), INPUT, broken, verb="sweep")
        self.assert_error(sweep("--set", "pe.dma.chanels=1,2"), USAGE, "pe.dma.chanels", CHANNELS, verb="sweep")
        self.assert_error(sweep("--out", folder / "no/out.csv"), INPUT, "no/out.csv.partial", verb="sweep")
        self.assertEqual(os.listdir(folder), ["broken.yaml"])

    def test_standard_output_that_cannot_be_written(self):
        for words in ([], ["--json"]):
            with open("/dev/full", "w") as full:
                command = [WEFT, "sweep", "--machine", str(TINY), *words, "--", *CASE]
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, INPUT)
            self.assertIn("No space left on device", done.stderr)


if __name__ == "__main__":
    main()
