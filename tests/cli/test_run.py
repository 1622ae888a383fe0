#!/usr/bin/env python3
"""weft run and weft list: benches on simulated machines, what they print, and how they end."""

import csv
import json
import re
import resource
import unittest

from weft_cli import FAILED, INPUT, IS_SANITIZED, ROOT, USAGE, CliTest, in_parallel, main, weft

MACHINES = ROOT / "machines"
TWO_SIP, TINY, MESH = MACHINES / "two-sip.yaml", MACHINES / "tiny.yaml", MACHINES / "mesh-8x8.yaml"
SPENT = ["dispatch", "compute", "dma", "queue", "barrier", "idle"]
ENGINES = ["dma_read", "dma_write", "fetch", "gemm", "math", "store", "queue"]
SMALL = ("--machine", TINY, "--set", "m=8", "--set", "k=8", "--set", "n=8")
WITHOUT_EFFECT = {("mesh-attention", "queries"), ("mesh-attention", "causal")}  # as benches stand

# Command line after `run`, exit code, and what the sentence must name; @ stands for --machine tiny.yaml.
WRONG = [
    ("", USAGE, ["NAME"]),
    ("softmax", USAGE, ["--machine FILE"]),
    ("sotfmax @", USAGE, ["'sotfmax'", "'softmax'"]),
    ("0 @", USAGE, ["0", "1 to"]),
    ("99999999999999999999 @", USAGE, ["99999999999999999999", "weft list"]),
    ("softmax rows @", USAGE, ["'rows'"]),
    ("softmax @ --set rows", USAGE, ["'rows'", "KEY=VALUE"]),
    ("softmax @ --set row=1", USAGE, ["'softmax'", "'row'", "'rows'", "dot"]),
    ("softmax @ --set rows=0", USAGE, ["rows", "'0'", "from 1 to"]),
    ("softmax @ --set rows=many", USAGE, ["rows", "'many'"]),
    ("softmax @ --set dtype=f64", USAGE, ["'f64'", "f16, bf16, f32"]),
    ("softmax @ --set pe.dma.chanels=2", USAGE, ["'pe.dma.chanels'", "pe.dma.channels"]),
    ("softmax @ --set pe.dma.channels=x", USAGE, ["pe.dma.channels=x"]),
    ("softmax @ --set sips=2", INPUT, ["2", "1"]),
    ("softmax @ --set rows=1 --set columns=1048576", INPUT, ["softmax", "Scratch", "sip0.cube0.pe0", "tl_load"]),
    ("softmax @ --set rows=-1", USAGE, ["rows", "'-1'"]),
    ("softmax @ --set rows=nan", USAGE, ["rows", "'nan'"]),
    ("softmax @ --set rows=99999999999999999999999", USAGE, ["rows", "'99999999999999999999999'", "from 1 to"]),
    ("allreduce @ --set bytes=3", USAGE, ["bytes=3", "dtype=f16"]),
    ("softmax --machine no/such.yaml", INPUT, ["no/such.yaml"]),
    ("softmax --machine machines", INPUT, ["machines"]),
    ("softmax --machine /dev/null", INPUT, ["/dev/null"]),
    ("softmax @ --perturb 0", USAGE, ["--perturb", "'0'"]),
    ("softmax @ --hazards=report", USAGE, ["--hazards", "--verify"]),
    ("softmax @ --values=eager", USAGE, ["--values", "--verify"]),
    ("softmax @ --hazards=foo", USAGE, ["'foo'", "error, report or hardware"]),
    ("softmax @ --values=foo", USAGE, ["'foo'", "lazy or eager"]),
    ("softmax @ --verify --hazards=ignore", USAGE, ["'ignore'", "error, report or hardware"]),
    ("softmax @ --verify --values=now", USAGE, ["'now'", "lazy or eager"]),
    ("softmax @ --threads 0", USAGE, ["--threads"]),
    ("softmax @ --trace no/such/folder/t.json", INPUT, ["no/such/folder"]),
    ("gemm-single-pe @ --trace /dev/full", INPUT, ["/dev/full"]),
]


class Run(CliTest):
    def benches(self):
        return self.run_json("list")

    def check_result(self, it):
        whole = it["makespan_ns"] * it["pes"]
        self.assertGreater(whole, 0)
        self.assertEqual(list(it["spent_percent"]), SPENT)
        self.assertAlmostEqual(sum(it["spent_percent"].values()), 100, 9)
        self.assertEqual(list(it["engines"]), ENGINES)
        for engine in it["engines"].values():
            self.assertAlmostEqual(engine["busy_ns"] + engine["stall_ns"] + engine["idle_ns"], whole, 5)
        self.assertAlmostEqual(it["finish_ns"] - it["start_ns"], it["makespan_ns"], 5)
        self.assertTrue(it["begin_ns"] <= it["start_ns"] < it["finish_ns"] <= it["end_ns"])
        bound = max(it["compute_bound_ns"], it["memory_bound_ns"])
        self.assertAlmostEqual(it["roofline"], bound / it["makespan_ns"], 9)
        self.assertLessEqual(it["roofline"], 1)
        self.assertAlmostEqual(it["tflops"], it["flops"] / it["makespan_ns"] * 1e-3, 9)
        self.assertAlmostEqual(it["memory_gbs"], it["memory_bytes"] / it["makespan_ns"], 9)
        self.assertRegex(it["trace_hash"], r"\A[0-9a-f]{16}\Z")
        self.assertGreater(it["events"], 0)
        self.assertEqual(it["hazard_count"], len(it["hazards"]))
        self.assertIs(it["holds"], True)

    def test_all_benches_with_their_defaults(self):
        benches = self.benches()

        def run(bench):
            return self.run_json("run", bench["name"], "--machine", TWO_SIP)

        for bench, it in zip(benches, in_parallel(run, benches)):
            with self.subTest(bench["name"]):
                self.assertEqual((it["bench"], it["machine"]), (bench["name"], "two-sip"))
                self.assertEqual(it["settings"], {key["name"]: key["default"] for key in bench["keys"]
                                                  if (bench["name"], key["name"]) not in WITHOUT_EFFECT})
                self.check_result(it)
                self.assertEqual((it["checks"], it["perturbed"]), ([], None))

    def test_a_number_is_a_name(self):
        for bench in self.benches():
            if bench["name"] == "gemm-single-pe":
                words = ("--machine", TINY)
                named = self.run_json("run", bench["name"], *words)
                numbered = self.run_json("run", bench["number"], *words)
                self.assertEqual(numbered["bench"], bench["name"])
                self.assertEqual(numbered["trace_hash"], named["trace_hash"])

    def test_verify(self):
        it = self.run_json("run", "gemm-single-pe", *SMALL, "--verify", "--seed", "5")
        self.check_result(it)
        (check,) = it["checks"]
        self.assertEqual((check["what"], check["elements"], check["holds"]), ("out", 64, True))
        self.assertAlmostEqual(check["bound"],
                               check["relative_bound"] * abs(check["expected"]) + check["absolute_bound"], 6)
        self.assertAlmostEqual(check["worst_error"], abs(check["found"] - check["expected"]), 9)
        self.assertAlmostEqual(check["worst"], check["worst_error"] / check["bound"], 6)
        self.assertEqual(it["seed"], 5)
        for words in ([], ["--threads", "2"], ["--values=eager"]):
            again = self.run_json("run", "gemm-single-pe", *SMALL, "--verify", "--seed", "5", *words)
            for member in ("checks", "makespan_ns", "trace_hash", "events", "spent_percent"):
                self.assertEqual(again[member], it[member])
        other = self.run_json("run", "gemm-single-pe", *SMALL, "--verify", "--seed", "6")
        self.assertNotEqual(other["checks"], it["checks"])
        self.assertEqual(other["trace_hash"], it["trace_hash"])

    def test_perturb(self):
        it = self.run_json("run", "softmax", "--machine", TINY, "--set", "rows=8", "--set", "columns=64",
                           "--perturb", "6", "--hazards=report")
        self.check_result(it)
        told = it["perturbed"]
        self.assertEqual((told["runs"], told["agree"], told["differs"], told["hazards"]), (6, True, None, 0))
        self.assertLess(told["least_ns"], told["most_ns"])
        self.assertEqual(len(it["checks"]), 1)

    def test_settings_of_bench_and_machine(self):
        def makespan(*settings):
            words = [word for setting in settings for word in ("--set", setting)]
            return self.run_json("run", "gemm-single-pe", "--machine", TINY, *words)["makespan_ns"]

        self.assertGreater(makespan("k=512"), makespan())
        self.assertEqual(makespan("k=512", "k=128"), makespan())
        self.assertAlmostEqual(makespan("pe.dma.setup_ns=11"), makespan("pe.dma.setup_ns=1") + 30, 6)

    def test_settings_without_effect_are_not_shown(self):
        def keys(*words):
            words = ("run", "mesh-attention", "--machine", TWO_SIP, "--set", "ranks=4", *words)
            text = re.search(r"(?s)\nsettings (.*?)\nmakespan", self.run_ok(*words).out)[1]
            shown = [word.split("=")[0] for word in text.split()]
            self.assertEqual(list(self.run_json(*words)["settings"]), shown)
            return shown

        all_keys = keys("--set", "mode=prefill", "--set", "queries=16")
        self.assertLess({"queries", "causal"}, set(all_keys))
        self.assertEqual(keys(), [key for key in all_keys if key not in ("queries", "causal")])

    def test_text(self):
        text = self.run_ok("run", "gemm-composite", "--machine", TWO_SIP, "--perturb", "2").out
        self.assertRegex(text, r"\Agemm-composite: A matrix product on one PE as a ")
        self.assertRegex(text, r"(?m)^machine +two-sip$")
        self.assertRegex(text, r"(?m)^settings +m=256 k=256 n=256 dtype=f16 variant=ref_ref$")
        self.assertRegex(text, r"(?m)^makespan +\d+\.\d{3} ns on 1 PE; the host waits \d+\.\d{3} ns$")
        self.assertRegex(text, r"(?m)^composite window +\d+\.\d{3} ns$")
        self.assertRegex(text, r"(?m)^roofline +\d+\.\d %: at their peaks products take \d+\.\d{3} ns and "
                               r"memory traffic \d+\.\d{3} ns$")
        self.assertRegex(text, r"(?m)^check of out holds: 65536 numbers within 0\.000488 of \|expected\|$")
        self.assertRegex(text, r"(?m)^  the worst is \S+ where \S+ is expected: off by \S+, and \S+ is allowed$")
        self.assertRegex(text, r"(?m)^2 perturbed runs took [\d.]+ ns to [\d.]+ ns, and gave the same numbers$")
        self.assertRegex(text, r"(?m)^hazards: 0$")
        self.assertRegex(text, r"(?m)^\d+ events in \d+\.\d{3} s, \d+\.\d\d million a second; trace hash [0-9a-f]{16}$")
        shares = re.findall(r"(?m)^  (\w+) +(\d+\.\d)(?:  #+)?$", text)
        self.assertEqual([name for name, _ in shares], SPENT)
        self.assertEqual(sum(round(10 * float(share)) for _, share in shares), 1000)
        exact = self.run_json("run", "gemm-composite", "--machine", TWO_SIP)["spent_percent"]
        for name, share in shares:
            self.assertLess(abs(float(share) - exact[name]), 0.1)
        engines = re.findall(r"(?m)^  (\w+) +(\d+\.\d) +(\d+\.\d) +(\d+\.\d) +(?:-|[\d.]+ \w+)$", text)
        self.assertEqual([row[0] for row in engines], ENGINES)
        for _, *parts in engines:
            self.assertEqual(sum(round(10 * float(part)) for part in parts), 1000)
        self.assertLessEqual(max(map(len, text.splitlines())), 110)

    def test_text_of_times_alone(self):
        text = self.run_ok("run", "gemm-single-pe", "--machine", TINY).out
        self.assertIn("numbers were not computed", text)
        for word in ("check of", "hazards", "perturbed", "values"):
            self.assertNotIn(word, text)

    def test_trace(self):
        path = self.folder() / "trace.json"
        words = ("run", "gemm-single-pe", "--machine", TINY)
        plain, traced = self.run_json(*words), self.run_json(*words, "--trace", path)
        self.assertEqual(plain["trace_hash"], traced["trace_hash"])
        trace = json.loads(path.read_text())
        self.assertTrue(trace["traceEvents"] if isinstance(trace, dict) else trace)
        again = self.folder() / "again.json"
        self.run_json(*words, "--perturb", "2", "--trace", again)
        self.assertEqual(again.read_bytes(), path.read_bytes())

    def test_a_failed_run_leaves_an_older_trace(self):
        """Whether it cannot begin, ends with an error or is interrupted by one, and whoever writes the trace."""
        folder = self.folder()
        path = folder / "trace.json"
        path.write_text("an older one")
        for words in (["run", "softmax", "--machine", TINY, "--set", "rows=1", "--set", "columns=1048576"],
                      ["run", "softmax", "--machine", TINY, "--set", "rows=0"],
                      ["run", "softmax", "--machine", MESH],
                      ["run", "mesh-attention", "--machine", TINY],
                      ["probe", "--machine", MESH, "--case", "dma_local"],
                      ["probe", "--machine", TINY, "--flow", "host:sip0.cube0.sram:0"]):
            with self.subTest(words):
                result = weft(*words, "--trace", path)
                self.assertNotEqual(result.code, 0, result)
                self.assertEqual(path.read_text(), "an older one")
                self.assertEqual([file.name for file in folder.iterdir()], ["trace.json"])
        self.run_json("run", "gemm-single-pe", "--machine", TINY, "--trace", path)
        self.assertIn("traceEvents", json.loads(path.read_text()))

    def test_trace_does_not_replace_the_machine(self):
        copy = self.folder() / "machine.yaml"
        copy.write_bytes(TINY.read_bytes())
        self.assert_error(weft("run", "softmax", "--machine", copy, "--trace", copy), USAGE, "--trace", verb="run")
        self.assertEqual(copy.read_bytes(), TINY.read_bytes())

    def test_machine_without_memory(self):
        self.assert_error(weft("run", "softmax", "--machine", MESH), INPUT, "'softmax'", "'mesh-8x8'", "cube.hbm.gib",
                          "cube.sram.mib", verb="run")

    def test_tensors_are_in_the_sram_where_there_is_no_hbm(self):
        words = ("--set", "cube.hbm.gib=0", "--set", "rows=8", "--set", "columns=64", "--verify")
        it = self.run_json("run", "softmax", "--machine", TINY, *words)
        self.check_result(it)
        self.assertEqual(len(it["checks"]), 1)

    @unittest.skipIf(IS_SANITIZED, "sanitizers need more addresses than that")
    def test_where_memory_is_limited_nothing_is_set_aside(self):
        limit = (1 << 30) + (48 << 20)  # what is set aside without a limit, and less than the run takes
        words = ("run", "mesh-attention", "--machine", TWO_SIP, "--set", "groups=2", "--set", "ranks=128")
        result = weft(*words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        self.assertEqual((result.code, result.err), (0, ""), result)

    def test_whose_mistake_it_is(self):
        """A setting is a word of the command line, what stands in a file is not, and each may be wrong alone."""
        folder = self.folder()
        text = TINY.read_text()
        good, bad = folder / "good.yaml", folder / "bad.yaml"
        good.write_text(text)
        bad.write_text(text + "\nrouter: 1\n")
        for words in (["run", "gemm-single-pe"], ["probe", "--case", "dma_local"], ["list"]):
            with self.subTest(words):
                machine = [*words, "--machine"]
                self.assertEqual(weft(*machine, good).code, 0)
                for setting in ("pe.dma.chanels=2", "pe.dma.channels=0", "pe.dma.channels=nan", "pe.dma=1",
                                "pe.dma.channels=", "sip.rows=0"):
                    self.assert_error(weft(*machine, good, "--set", setting), USAGE, setting.split("=")[0])
                    self.assert_error(weft(*machine, bad, "--set", setting), INPUT, "bad.yaml", "router")
                self.assert_error(weft(*machine, bad), INPUT, "bad.yaml", "router")
        draw = ("machine", "draw")
        self.assert_error(weft(*draw, good, "--set", "pe.dma.channels=0"), USAGE, "pe.dma.channels", verb="machine")
        self.assert_error(weft(*draw, bad, "--set", "pe.dma.channels=0"), INPUT, "bad.yaml", verb="machine")

    def test_a_setting_that_does_not_go_with_the_file(self):
        """The sentence has the place of the file's value, but the file is right without the setting."""
        result = weft("run", "gemm-single-pe", "--machine", TWO_SIP, "--set", "cube.rows=1")
        self.assertEqual(result.code, USAGE, result)
        self.assertRegex(result.err, r"\Aweft run: \S*two-sip\.yaml:\d+:\d+ with cube\.rows=1: ")

    def test_wrong_command_lines(self):
        for line, code, parts in WRONG:
            with self.subTest(line):
                words = line.replace("@", f"--machine {TINY}").split()
                for more in ([], ["--json"]):
                    self.assert_error(weft("run", *words, *more), code, *parts, verb="run")

    def test_sweep(self):
        result = weft("sweep", "--machine", TINY, "--set", "m=8,16,65536", "--set", "pe.dma.channels=1,2", "--json",
                      "--", "run", "gemm-single-pe", "--verify")
        self.assertEqual((result.code, result.err), (FAILED, ""), result)
        found = json.loads(result.out)
        self.assertEqual([point["exit"] for point in found], [0, 0, 0, 0, INPUT, INPUT])
        self.assertEqual([point["result"]["settings"]["m"] for point in found[:4]], [8, 8, 16, 16])
        self.assertNotIn("wall_seconds", found[0]["result"])
        for point in found[:4]:
            self.check_result(point["result"])
        out = self.folder() / "modes.csv"
        self.run_ok("sweep", "--machine", TWO_SIP, "--set", "mode=decode,prefill", "--out", out, "--", "run",
                    "mesh-attention", "--set", "ranks=4", "--set", "queries=16")
        rows = list(csv.DictReader(out.read_text().splitlines()))
        self.assertEqual([(row["mode"], row["settings.queries"]) for row in rows], [("decode", ""), ("prefill", "16")])
        for wrong, part in (("mm=1", "'mm'"), ("m=8,16,0", "m of bench 'gemm-single-pe' is '0'")):
            result = weft("sweep", "--machine", TINY, "--set", wrong, "--", "run", "gemm-single-pe")
            self.assert_error(result, USAGE, part, verb="run")


class List(CliTest):
    def test_all(self):
        found = self.run_json("list")
        self.assertEqual([bench["number"] for bench in found], list(range(1, len(found) + 1)))
        names = [bench["name"] for bench in found]
        self.assertEqual(names, sorted(names))
        text = self.run_ok("list").out
        for bench in found:
            self.assertRegex(text, rf"(?m)^ *{bench['number']}  {bench['name']} +\S")
            self.assertEqual(self.run_json("list", bench["name"]), bench)
            self.assertEqual(self.run_json("list", bench["number"]), bench)

    def test_on_a_machine(self):
        for bench in self.run_json("list", "--machine", TINY):
            told = bench["on_machine"]
            alone = weft("run", bench["name"], "--machine", TINY, "--json")
            self.assertEqual(told["machine"], "tiny")
            if alone.code == 0:
                it = json.loads(alone.out)
                self.assertEqual((told["pes"], told["error"]), (it["pes"], None))
                self.assertEqual(told["makespan_ns"], it["makespan_ns"])
            else:
                self.assertEqual(alone.err, f"weft run: {told['error']}\n")
                self.assertEqual((told["pes"], told["makespan_ns"]), (None, None))
        text = self.run_ok("list", "--machine", TINY).out
        self.assertRegex(text, r"(?m)^ +takes \d+\.\d{3} ns on 1 PE of tiny\.$")
        self.assertRegex(text, r"(?m)^ +cannot run on tiny: Machine 'tiny' has no set of 8$")
        self.assertRegex(self.run_ok("list", "softmax", "--machine", MESH).out,
                         r"\ncannot run on mesh-8x8: Machine 'mesh-8x8' has no memory[^\n]*\n")
        self.assert_error(weft("list", "--set", "cube.link_gbs=1"), USAGE, "--set", "--machine", verb="list")
        self.assert_error(weft("list", "--machine", "no/such.yaml"), INPUT, "no/such.yaml", verb="list")
        self.assertLessEqual(max(map(len, text.splitlines())), 79)

    def test_one(self):
        for bench in self.run_json("list"):
            text = self.run_ok("list", bench["name"]).out
            self.assertLessEqual(max(map(len, text.splitlines())), 79)
            for key in bench["keys"]:
                self.assertRegex(text, rf"(?m)^  {key['name']} +\S")
                self.assertIn(f"default {key['default']}", " ".join(text.split()))
                if key["choices"]:
                    self.assertIn(key["default"], key["choices"])
                else:
                    self.assertTrue(key["least"] <= key["default"] <= key["most"])

    def test_wrong_names(self):
        self.assert_error(weft("list", "sotfmax"), USAGE, "'sotfmax'", "'softmax'", verb="list")
        self.assert_error(weft("list", "0"), USAGE, "0", verb="list")
        self.assert_error(weft("list", "softmax", "x"), USAGE, "'x'", verb="list")


if __name__ == "__main__":
    main()
