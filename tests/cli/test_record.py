#!/usr/bin/env python3
"""--record and --trace: run files that `weft report` takes and whose sums hold, and traces of host and device."""

import json
from collections import defaultdict
from decimal import Decimal

from weft_cli import INPUT, OK, ROOT, SUMS, USAGE, CliTest, in_parallel, main, weft

TINY = ROOT / "machines/tiny.yaml"
SIM = f"sim:{TINY}"
GENERATE = ("generate", "--model", SUMS, "--prompt", "348+275=")
STAGES = ("bench", "stages", "--pairs", "3", "--repeat", "2")
CHECK = ("check", "--model", SUMS, "--tokens", "1")
BENCHES = (("softmax",), ("gemm-single-pe",), ("rms-norm",), ("allreduce",))


class Record(CliTest):
    def record(self, *words):
        """The run file that a command writes, after `weft report` has taken it."""
        folder = self.folder()
        self.run_ok(*words, "--record", folder / "run.json")
        self.run_ok("report", folder / "run.json", "-o", folder / "report.html")
        self.assertEqual([path.name for path in sorted(folder.iterdir())], ["report.html", "run.json"])
        return json.loads((folder / "run.json").read_text())

    def check_sums(self, run):
        self.assertEqual(sum(part["ps"] for part in run["parts"]), run["makespan_ps"])
        self.assertGreater(len(run["dispatches"]), 0)
        for it in run["dispatches"]:
            if "parts" in it:
                self.assertEqual(sum(it["parts"].values()), it["pes"] * (it["end_ps"] - it["start_ps"]))
        for pe in run.get("pes", []):
            self.assertEqual(sum(pe["parts"].values()), run["makespan_ps"])

    def check_activity(self, run):
        it = run["activity"]
        self.assertGreaterEqual(it["bucket_ps"] * it["bucket_count"], run["makespan_ps"])
        self.assertLessEqual(it["bucket_count"], 256)
        for kind in ("links", "hbm"):
            busy = [part["busy"] for part in it[kind] if "busy" in part]
            self.assertGreater(len(busy), 0, kind)
            self.assertEqual({len(row) for row in busy}, {it["bucket_count"]})
            self.assertGreater(max(map(max, busy)), 0)
        self.check_pes(run)
        regions = [region["name"] for region in run["machine"]["regions"]]
        self.assertEqual(regions[0], "sip0")
        self.assertEqual(len(regions), len(set(regions)))

    def check_pes(self, run):
        """PEs are busy while their GEMM or math is, as far as buckets of a thousandth can tell."""
        it = run["activity"]
        busy_ps = sum(sum(pe.get("busy", [])) for pe in it["pes"]) * it["bucket_ps"] / 1000
        error_ps = len(it["pes"]) * it["bucket_count"] * it["bucket_ps"] / 2000
        engines = {engine["name"]: engine["busy_ps"] for engine in run.get("engines", [])}
        if engines:
            self.assertGreaterEqual(busy_ps + error_ps, max(engines["gemm"], engines["math"]))
            self.assertLessEqual(busy_ps - error_ps, engines["gemm"] + engines["math"])
        else:
            self.assertGreater(busy_ps, 0)

    def check_buffers(self, run):
        buffers = run["command_buffers"]
        self.assertEqual(len(buffers), run["counters"]["command_buffers"])
        self.assertEqual(len(run["dispatches"]), run["counters"]["dispatches"])
        self.assertEqual(sum(it["barriers"] for it in buffers), run["counters"]["barriers"])
        self.assertEqual(sum("signal" in it for it in buffers), run["counters"]["fences_signalled"])
        self.assertEqual(sum("wait" in it for it in buffers), run["counters"]["fence_waits"])
        numbers = {it["sequence"]: it for it in buffers}
        for it in run["dispatches"]:
            buffer = numbers[it["sequence"]]
            self.assertTrue(buffer["start_ps"] <= it["start_ps"] <= it["end_ps"] <= buffer["end_ps"])

    def test_generate(self):
        for device in (SIM, "cpu", "ref"):
            run = self.record(*GENERATE, "--device", device)
            self.check_sums(run)
            self.check_buffers(run)
            self.assertEqual(run["device"], device)
            self.assertEqual(run["clock"], "simulated" if device == SIM else "host")
            self.assertEqual((run["model"]["prompt"], run["model"]["answer"]), ("348+275=", "623\n"))
            tokens = next(track for track in run["tracks"] if track["name"] == "tokens")["spans"]
            self.assertEqual("".join(span["label"] for span in tokens)[:3], "623")
            self.assertEqual(len(tokens), run["model"]["tokens"])
            self.assertEqual(tokens[0]["end_ps"], run["model"]["prompt_ps"])
            self.assertEqual(tokens[-1]["end_ps"], run["model"]["prompt_ps"] + run["model"]["decode_ps"])
            self.assertEqual("activity" in run, device == SIM)
            if device == SIM:
                self.check_activity(run)
                self.assertEqual(run["hazards"], [])

    def test_watching_takes_no_simulated_time(self):
        folder = self.folder()
        plain = self.run_json(*GENERATE, "--device", SIM)["simulated"]
        options = ("--record", folder / "run.json", "--trace", folder / "trace.json")
        self.assertEqual(self.run_json(*GENERATE, "--device", SIM, *options)["simulated"], plain)
        run = json.loads((folder / "run.json").read_text())
        self.assertEqual(run["makespan_ps"], plain["ps"])
        self.assertEqual({part["name"]: part["ps"] for part in run["parts"]},
                         {part["name"]: part["ps"] for part in plain["parts"] if part["ps"] > 0})
        again = folder / "again"
        again.mkdir()
        options = ("--record", again / "run.json", "--trace", again / "trace.json")
        self.run_ok(*GENERATE, "--device", SIM, *options)
        self.assertEqual((again / "trace.json").read_bytes(), (folder / "trace.json").read_bytes())
        second = json.loads((again / "run.json").read_text())
        self.assertNotEqual(second.pop("command"), run.pop("command"))
        self.assertEqual(second, run)

    def test_stages(self):
        for device in (SIM, "ref"):
            run = self.record(*STAGES, "--device", device)
            self.check_sums(run)
            self.check_buffers(run)
            self.assertEqual(run["counters"]["command_buffers"], 6 + 3)
            self.assertEqual(run["counters"]["syncs"], 1 + 1)  # each form waits once, as the bench says
            forms = next(track for track in run["tracks"] if track["name"] == "forms")["spans"]
            self.assertEqual([span["label"] for span in forms], ["plain", "session"])
            self.assertTrue(0 <= forms[0]["start_ps"] < forms[0]["end_ps"] <= forms[1]["start_ps"] <
                            forms[1]["end_ps"] <= run["makespan_ps"])
            self.assertEqual([it["label"].split(".")[0] for it in run["command_buffers"]],
                             ["plain"] * 6 + ["session"] * 3)
            self.assertEqual([(it.get("wait"), it.get("signal")) for it in run["command_buffers"][6:]],
                             [(None, 1), (1, 2), (2, 3)])

    def test_benches(self):
        def of(words):
            return words[0], self.record("run", *words, "--machine", TINY)

        for name, run in in_parallel(of, BENCHES):
            self.check_sums(run)
            self.check_activity(run)
            self.assertEqual((run["title"], run["dispatches"][0]["op"]), (name, name))
            self.assertNotIn("hazards", run)
            whole = sum(it["pes"] * (it["end_ps"] - it["start_ps"]) for it in run["dispatches"])
            for engine in run["engines"]:
                self.assertEqual(engine["busy_ps"] + engine["stall_ps"] + engine["idle_ps"], whole)
        run = self.record("run", "softmax", "--machine", TINY, "--verify")
        self.assertEqual(run["hazards"], [])

    # ---- traces ----

    def trace(self, *words):
        path = self.folder() / "trace.json"
        self.run_ok(*words, "--trace", path)
        return json.loads(path.read_text(), parse_float=Decimal)["traceEvents"]

    def check_trace(self, events, tracks):
        """Spans of a track lie side by side, arrows have both ends, inside of spans; and these tracks are there."""
        names, spans, flows = {}, defaultdict(list), defaultdict(list)
        for it in events:
            key = it["pid"], it.get("tid")
            if it["name"] in ("process_name", "thread_name"):
                names[key] = it["args"]["name"]
            elif it["ph"] == "X":
                spans[key].append((Decimal(it["ts"]), Decimal(it["ts"]) + Decimal(it["dur"]), it["name"]))
            elif it["ph"] in "sf":
                flows[it["name"], it["id"]].append((it["ph"], key, Decimal(it["ts"])))
        for key, row in spans.items():
            row.sort()
            for before, after in zip(row, row[1:]):
                self.assertLessEqual(before[1], after[0], (names[key], before, after))
        for flow, ends in flows.items():
            self.assertEqual(sorted(end[0] for end in ends), ["f", "s"], flow)
            for _, key, time in ends:
                self.assertTrue(any(begin <= time <= end for begin, end, _ in spans[key]), flow)
        used = {(names[key[0], None], names[key]) for key in spans}
        for track in tracks:
            self.assertIn(track, used)
        return [(flow[0], min(end[2] for end in ends)) for flow, ends in flows.items()]

    def test_traces_of_devices(self):
        host = [("host", "host"), ("device", "command buffers"), ("device", "stages"), ("device", "dispatches")]
        sim = host + [("device", "barriers"), ("sip0.cube0.pe0", "calls"), ("sip0.cube0.pe0", "math")]
        for words in (GENERATE, CHECK):
            for device, tracks in ((SIM, sim), ("cpu", host), ("ref", host)):
                events = self.trace(*words, "--device", device)
                flows = self.check_trace(events, tracks)
                self.assertGreater(sum(name == "submit" for name, _ in flows), 1)
                links = [it for it in events if it["ph"] == "C"]
                self.assertEqual(len(links) > 0, device == SIM)

    def test_traces_of_explained_passes(self):
        words = ("explain", "--model", SUMS, "--device", SIM)
        plain = self.run_json(*words)
        path = self.folder() / "trace.json"
        self.assertEqual(self.run_json(*words, "--trace", path), plain)
        events = json.loads(path.read_text(), parse_float=Decimal)["traceEvents"]
        self.check_trace(events, [("device", "dispatches"), ("device", "barriers"), ("sip0.cube0.pe0", "calls")])
        tracks = [(it["pid"], it["tid"]) for it in events
                  if it["name"] == "thread_name" and it["args"]["name"].startswith("dispatches")]
        spans = [it for it in events if it["ph"] == "X" and (it["pid"], it["tid"]) in tracks]
        self.assertEqual(len(spans), plain["dispatches"])

    def test_traces_of_stages(self):
        events = self.trace(*STAGES, "--device", SIM)
        flows = [name for name, _ in self.check_trace(events, [("device", "fences"), ("device", "barriers")])]
        self.assertEqual(flows.count("submit"), 6 + 3)
        self.assertEqual(flows.count("fence"), 2)
        names = [it["name"] for it in events if it["ph"] == "X"]
        self.assertEqual((names.count("signal"), names.count("wait"), names.count("barrier")), (3, 2, 3))
        self.assertEqual(names.count("plain.attn.layer0"), 1)

    def test_traces_of_benches(self):
        self.check_trace(self.trace("run", "softmax", "--machine", TINY), [("sip0.cube0.pe0", "processor")])

    # ---- errors ----

    def test_files_that_cannot_be(self):
        folder = self.folder()
        wanted, other = folder / "a.json", folder / "b.json"
        machine = folder / "tiny.yaml"
        machine.write_bytes(TINY.read_bytes())
        for words in (GENERATE + ("--device", SIM), STAGES + ("--device", SIM), ("run", "softmax", "--machine", TINY)):
            verb = words[0]
            self.assert_error(weft(*words, "--record", wanted, "--trace", wanted), USAGE, wanted, verb=verb)
            for option in ("--record", "--trace"):
                for path, code in (("/dev/full", INPUT), (folder / "no/such.json", INPUT)):
                    result = weft(*words, option, path)
                    self.assertEqual(result.code, code, result)
                    self.assertIn(str(path), result.err)
        for words in (GENERATE + ("--device", f"sim:{machine}"), ("run", "softmax", "--machine", machine)):
            for option in ("--record", "--trace"):
                self.assert_error(weft(*words, option, machine), USAGE, machine, option, verb=words[0])
        self.assertEqual(machine.read_bytes(), TINY.read_bytes())
        self.assert_error(weft(*STAGES[:2], "--sweep", "--device", SIM, "--record", wanted), USAGE, "--record",
                          verb="bench")
        wanted.write_text("older")
        self.assertNotEqual(weft(*GENERATE, "--prompt", "x" * 5000, "--record", wanted, "--trace", other).code, OK)
        self.assertEqual(wanted.read_text(), "older")
        self.assertFalse(other.exists())

    def test_texts_are_cut_and_command_lines_quoted(self):
        prompt = "1 'two' " + "ä" * 40
        run = self.record(*GENERATE[:3], "--prompt", prompt, "--max-tokens", "2", "--temperature", "0.5")
        self.assertTrue(run["command"].startswith("weft generate --model "))
        self.assertIn("--prompt '1 '\\''two'\\'' ä", run["command"])
        self.assertIn("--max-tokens 2 --temperature 0.5", run["command"])
        self.assertEqual(run["model"]["prompt"], prompt)


if __name__ == "__main__":
    main()
