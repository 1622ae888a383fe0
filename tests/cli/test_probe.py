#!/usr/bin/env python3
"""weft probe: cases, flows and traffic, as tables and as JSON, and what their numbers have to do with each other."""

import csv
import json
import re

from weft_cli import FAILED, INPUT, ROOT, USAGE, CliTest, in_parallel, main, weft

MACHINES = ROOT / "machines"
TWO_SIP, TINY, MESH = MACHINES / "two-sip.yaml", MACHINES / "tiny.yaml", MACHINES / "mesh-8x8.yaml"
PARTS = ["setup", "routers", "ucie", "wire", "streaming", "memory", "queueing"]

# Command line after `probe --machine two-sip.yaml`, exit code, and what the sentence must name.
WRONG = [
    ("--case dma_lokal", USAGE, ["'dma_lokal'", "'dma_local'"]),
    ("--case dma_local --flow host:sip0.cube0.sram:1", USAGE, ["--case", "--flow", "--traffic"]),
    ("--flow host:sip0.cube0.sram:1 --traffic uniform --rate 0.1 --packet-flits 1", USAGE, ["--flow", "--traffic"]),
    ("--flow=", USAGE, ["--flow"]),
    ("--flow host", USAGE, ["'host'", "SRC:DST:BYTES"]),
    ("--flow host:sip0.cube0.sram", USAGE, ["SRC:DST:BYTES"]),
    ("--flow :sip0.cube0.sram:1", USAGE, ["SRC:DST:BYTES"]),
    ("--flow host:sip0.cube0.sram:", USAGE, ["'host:sip0.cube0.sram:'"]),
    ("--flow host:sip0.cube0.sram:1kB", USAGE, ["'1kB'", "KiB"]),
    ("--flow host:sip0.cube0.sram:-1", USAGE, ["'-1'"]),
    ("--flow host:sip0.cube0.sram:99999999999GiB", USAGE, ["'99999999999GiB'"]),
    ("--flow host:sip0.cube0.sram:1:Read", USAGE, ["'Read'", "read or write"]),
    ("--flow host:sip0.cube0.sram:1:", USAGE, ["read or write"]),
    ("--flow host:sip0.cube0.sram:1:read:write", USAGE, ["'read:write'"]),
    ("--flow host:sip0.cube0.sram:1@", USAGE, ["''", "nanoseconds"]),
    ("--flow host:sip0.cube0.sram:1@1.0005", USAGE, ["'1.0005'", "three decimals"]),
    ("--flow host:sip0.cube0.sram:1@-5", USAGE, ["'-5'"]),
    ("--flow host:sip0.cube0.sram:1@99999999999999999", USAGE, ["'99999999999999999'"]),
    ("--flow host:sip0.cube0.sram:0", USAGE, ["no bytes"]),
    ("--flow host:sip7.cube0.sram:1", USAGE, ["sip7"]),
    ("--flow host:sip0.cube0.sram:1 --flow sip0.cube0.pe9:sip0.cube0.sram:1", USAGE, ["sip0.cube0.pe9"]),
    ("--flow switch:sip0.cube0.sram:1", USAGE, ["'switch'"]),
    ("--flow host:sip0.cube0.r0c0:1", USAGE, ["'sip0.cube0.r0c0'", "no memory"]),
    ("--flow host:sip0.cube0.sram:1GiB", USAGE, ["1073741824", "sip0.cube0.sram"]),
    ("--flow host:sip0.cube0.sram:1@9999999999999999", USAGE, ["9999999999999999000 ps"]),
    ("--flits some", USAGE, ["'some'", "each", "trains"]),
    ("--traffic uniform", USAGE, ["--rate", "--packet-flits"]),
    ("--traffic uniform --rate 0.1", USAGE, ["--packet-flits"]),
    ("--traffic unifrom --rate 0.1 --packet-flits 1", USAGE, ["'unifrom'", "'uniform'"]),
    ("--traffic uniform --rate 0 --packet-flits 1", USAGE, ["--rate"]),
    ("--traffic uniform --rate 1.1 --packet-flits 1", USAGE, ["--rate", "'1.1'"]),
    ("--traffic uniform --rate 0.1 --packet-flits 0", USAGE, ["--packet-flits"]),
    ("--rate 0.1", USAGE, ["--rate", "--traffic"]),
    ("--case dma_local --seed 1", USAGE, ["--seed", "--traffic"]),
    ("--trace t.json", USAGE, ["--trace", "--case NAME"]),
    ("--case all --trace t.json", USAGE, ["--trace"]),
    ("--case dma_local --trace no/such/folder/t.json", INPUT, ["no/such/folder"]),
    ("--set cube.link_gbs", USAGE, ["'cube.link_gbs'", "KEY=VALUE"]),
    ("--set =1", USAGE, ["'=1'"]),
    ("--set cube.link_gb=1", USAGE, ["'cube.link_gb'", "cube.link_gbs"]),
    ("--set cube.link_gbs=fast", USAGE, ["cube.link_gbs=fast"]),
    ("--set pe.dma.channels=-1", USAGE, ["pe.dma.channels=-1"]),
    ("--set cube.link_gbs=nan", USAGE, ["cube.link_gbs=nan"]),
    ("--set cube.link_gbs=1e999", USAGE, ["cube.link_gbs=1e999"]),
    ("dma_local", USAGE, ["'dma_local'"]),
]


def picoseconds(ns):
    """The whole number of them, which the nanoseconds must give exactly."""
    ps = round(ns * 1000)
    if ns != ps / 1000:
        raise AssertionError(f"{ns!r} ns are no whole number of picoseconds")
    return ps


class Cases(CliTest):
    def check_parts(self, it):
        self.assertEqual(list(it["parts"]), PARTS)
        self.assertEqual(sum(map(picoseconds, it["parts"].values())), picoseconds(it["latency_ns"]))
        times = [picoseconds(hop["ns"]) for hop in it["route"]]
        self.assertEqual(times, sorted(set(times)))
        self.assertLessEqual(times[-1], picoseconds(it["latency_ns"]))

    def check_result(self, it):
        self.assertRegex(it["trace_hash"], r"\A[0-9a-f]{16}\Z")
        self.assertGreater(it["events"], 0)
        if not it["flows"]:
            self.assertEqual((it["parts"], it["route"], it["latency_ns"]), (None, [], it["makespan_ns"]))
            return
        slowest = max(it["flows"], key=lambda flow: flow["latency_ns"])
        self.check_parts(it)
        for member in ("latency_ns", "parts", "route", "utilisation"):
            self.assertEqual(it[member], slowest[member])
        self.assertEqual(it["bytes"], sum(flow["bytes"] for flow in it["flows"]))
        self.assertAlmostEqual(it["bandwidth_gbs"], it["bytes"] / it["makespan_ns"], 6)
        for flow in it["flows"]:
            self.check_parts(flow)
            self.assertEqual(flow["route"][0]["node"], flow["source"])
            self.assertAlmostEqual(flow["bandwidth_gbs"], flow["bytes"] / flow["latency_ns"], 6)
            self.assertAlmostEqual(flow["utilisation"], flow["bandwidth_gbs"] / flow["bottleneck_gbs"], 9)

    def test_all_cases_of_all_machines(self):
        runs = in_parallel(lambda path: self.run_json("probe", "--machine", path), sorted(MACHINES.glob("*.yaml")))
        self.assertEqual(len(runs), 4)
        names = [it["case"] for it in runs[0]]
        for found in runs:
            self.assertEqual([it["case"] for it in found], names)
            for it in found:
                with self.subTest(it["machine"], case=it["case"]):
                    if "skipped" in it:
                        self.assertRegex(it["skipped"], r"\.\Z")
                        continue
                    self.check_result(it)
                    self.assertEqual(it["holds"], None if it["claim"] is None else True)
                    self.assertNotEqual(len(it["runs"]), 1)
                    for run in it["runs"]:
                        self.check_result(run)
                    if it["runs"]:
                        self.assertEqual(it["latency_ns"], it["runs"][0]["latency_ns"])
            one = next(it for it in found if "skipped" not in it)
            path = MACHINES / f"{one['machine']}.yaml"
            self.assertEqual(self.run_json("probe", "-m", path, "-c", one["case"]), one)
        self.assertFalse(any("skipped" in it for it in next(r for r in runs if r[0]["machine"] == "two-sip")))

    def test_published_figures(self):
        with open(ROOT / "tests/data/figures.csv", newline="") as file:
            figures = list(csv.DictReader(file))
        cases = {it["case"]: it for it in self.run_json("probe", "--machine", TWO_SIP, "--case", "all")}
        for figure in figures:
            with self.subTest(figure["case"]):
                it = cases[figure["case"]]
                self.assertEqual((it["quantity"], it["unit"]), (figure["quantity"], figure["unit"]))
                value = float(figure["value"])
                low, high = {"close": (0.98 * value, 1.02 * value), "equal": (value, value),
                             "least": (value, 1)}[figure["compare"]]
                self.assertTrue(low <= it["value"] <= high, it["value"])

    def test_both_ways_to_move_flits(self):
        trains = self.run_json("probe", "--machine", TWO_SIP)
        each = self.run_json("probe", "--machine", TWO_SIP, "--flits", "each")

        def times(value):
            if isinstance(value, dict):
                return {key: times(inner) for key, inner in value.items() if key not in ("events", "trace_hash")}
            return [times(inner) for inner in value] if isinstance(value, list) else value

        self.assertEqual(times(trains), times(each))
        self.assertLess(sum(it["events"] for it in trains), sum(it["events"] for it in each) / 5)

    def test_table_of_all_cases(self):
        text = self.run_ok("probe", "--machine", TINY).out
        self.assertRegex(text, r"\Amachine tiny: SIPs 1, cubes in each 1 x 1, PEs in each 2\n")
        self.assertRegex(text, r"(?m)^case +flows +latency +setup +routers +UCIe +wire +streaming +memory +queueing")
        self.assertRegex(text, r"(?m)^dma_local +1( +\d+\.\d{3}){8} +\d+\.\d\d +\d+\.\d$")
        self.assertRegex(text, r"(?m)^dma_sizes$\n^  256 bytes +1 ")
        self.assertRegex(text, r"(?m)^cross_sip +skipped: .*2 SIPs.*\.$")
        self.assertRegex(text, r"(?m)^  holds: All 2 PEs start")
        self.assertLessEqual(max(map(len, text.splitlines())), 132)

    def test_table_of_one_case_has_its_route(self):
        text = self.run_ok("probe", "--machine", TWO_SIP, "--case", "dma_neighbour").out
        found = self.run_json("probe", "--machine", TWO_SIP, "--case", "dma_neighbour")
        rows = re.findall(r"(?m)^  (\S+) +([\d.]+)$", text)
        self.assertEqual([(node, float(time)) for node, time in rows],
                         [(hop["node"], hop["ns"]) for hop in found["route"]])
        self.assertIn(f"end, with the last flit {'':16} {found['latency_ns']:14.3f}", text)
        numbers = re.search(r"(?m)^dma_neighbour +1 (.*)$", text).group(1).split()
        self.assertEqual([float(number) for number in numbers[:8]], [found["latency_ns"], *found["parts"].values()])

    def test_settings_change_the_machine(self):
        def latency(*settings):
            words = [word for setting in settings for word in ("--set", setting)]
            return self.run_json("probe", "--machine", TWO_SIP, "--case", "dma_local", *words)["latency_ns"]

        self.assertAlmostEqual(latency("pe.dma.setup_ns=10.75"), latency() + 10, 6)
        self.assertAlmostEqual(latency("pe.dma.setup_ns=1", "pe.dma.setup_ns=0.75"), latency(), 6)
        self.assertGreater(latency("cube.hbm.channel_gbs=16"), latency() + 50)

    def test_a_claim_that_does_not_hold(self):
        words = ("probe", "--machine", TWO_SIP, "--set", "cube.hbm.overhead_ns=500")
        for case in ("probe_64k", "all"):
            result = weft(*words, "--case", case)
            self.assertEqual((result.code, result.err), (FAILED, ""), result)
            self.assertRegex(result.out, r"(?m)^  DOES NOT HOLD: 64 KiB reach")
            found = self.run_json(*words, "--case", case, code=FAILED)
            it = found if case != "all" else next(it for it in found if it["case"] == "probe_64k")
            self.assertIs(it["holds"], False)

    def test_case_that_the_machine_lacks(self):
        self.assert_error(weft("probe", "--machine", MESH, "--case", "dma_local"), INPUT, "no HBM", verb="probe")

    def test_help_names_all_cases(self):
        text = self.run_ok("probe", "--help").out
        for it in self.run_json("probe", "--machine", TINY):
            self.assertIn(it["case"], text)

    def test_wrong_command_lines(self):
        for line, code, parts in WRONG:
            with self.subTest(line):
                self.assert_error(weft("probe", "--machine", TWO_SIP, *line.split()), code, *parts, verb="probe")
        self.assert_error(weft("probe"), USAGE, "--machine FILE", verb="probe")
        self.assert_error(weft("probe", "--machine", "no/such.yaml"), INPUT, "no/such.yaml", verb="probe")
        many = ["--set", "cube.link_gbs=1"] * 65
        self.assert_error(weft("probe", "--machine", TWO_SIP, *many), USAGE, "--set", "64", verb="probe")


class Flows(CliTest):
    def flows(self, *flows, words=()):
        flags = [word for flow in flows for word in ("--flow", flow)]
        return self.run_json("probe", "--machine", TWO_SIP, *flags, *words)

    def test_what_a_flow_says(self):
        found = self.flows("sip0.cube0.pe0:sip0.cube0.pe0.hbm:16KiB", "host:sip1.cube2.sram:2MiB:write@1500.25",
                           "sip1.cube15.pe7:sip0.cube3.pe1:300:read@7")
        told = [(flow["source"], flow["target"], flow["bytes"], flow["direction"], flow["start_ns"])
                for flow in found["flows"]]
        self.assertEqual(told, [
            ("sip0.cube0.pe0.dma", "sip0.cube0.pe0.hbm", 16384, "read", 0),
            ("host", "sip1.cube2.sram", 2 << 20, "write", 1500.25),
            ("sip1.cube15.pe7.dma", "sip0.cube3.pe1.dma", 300, "read", 7),
        ])
        self.assertEqual(found["makespan_ns"], 1500.25 + found["flows"][1]["latency_ns"])
        self.assertEqual(found["latency_ns"], found["flows"][1]["latency_ns"])
        alone = self.run_json("probe", "--machine", TWO_SIP, "--case", "dma_local")
        self.assertEqual(found["flows"][0]["latency_ns"], alone["latency_ns"])

    def test_flows_that_meet_wait(self):
        one = self.flows("sip0.cube0.pe0:sip0.cube0.pe0.hbm:64KiB")
        both = self.flows("sip0.cube0.pe0:sip0.cube0.pe0.hbm:64KiB", "sip0.cube0.pe1:sip0.cube0.pe0.hbm:64KiB")
        self.assertEqual(one["parts"]["queueing"], 0)
        self.assertGreater(both["parts"]["queueing"], 200)
        later = self.flows("sip0.cube0.pe0:sip0.cube0.pe0.hbm:64KiB", "sip0.cube0.pe1:sip0.cube0.pe0.hbm:64KiB@1000")
        self.assertEqual([flow["parts"]["queueing"] for flow in later["flows"]], [0, 0])

    def test_as_many_as_there_is_room_for(self):
        flows = [f"sip0.cube{i % 16}.pe{i // 16}:sip0.cube{i % 16}.pe{i // 16}.hbm:1KiB" for i in range(64)]
        found = self.flows(*flows)
        self.assertEqual(len({flow["latency_ns"] for flow in found["flows"]}), 1)

    def test_text(self):
        result = self.run_ok("probe", "-m", TWO_SIP, "-f", "host:sip0.cube5.pe1.hbm:64KiB:write@50",
                             "-f", "sip0.cube0.pe0:sip0.cube5.pe1.hbm:64KiB")
        self.assertRegex(result.out, r"(?m)^host writes sip0\.cube5\.pe1\.hbm +50\.000 +\d")
        self.assertRegex(result.out, r"(?m)^sip0\.cube0\.pe0\.dma reads sip0\.cube5\.pe1\.hbm +0\.000 +\d")
        self.assertRegex(result.out, r"(?m)^all: 131\.1 kB in [\d.]+ ns, [\d.]+ GB/s$")
        self.assertNotIn("route of", result.out)
        self.assertIn("route of", self.run_ok("probe", "-m", TWO_SIP, "-f", "host:sip0.cube5.pe1.hbm:1KiB").out)

    def test_flows_that_wait_for_one_another(self):
        # Around the hole of a 3 x 3 mesh, each holds links that the next one needs.
        words = ["probe", "--machine", MESH]
        for setting in ("cube.rows=3", "cube.columns=3", "cube.holes=[[1, 1]]", "cube.vcs=1", "cube.buffer_flits=2"):
            words += ["--set", setting]
        for source, target in ((3, 4), (6, 1), (2, 5)):
            words += ["--flow", f"sip0.cube0.pe{source}:sip0.cube0.pe{target}:64KiB:write"]
        for more in ([], ["--json"]):
            self.assert_error(weft(*words, *more), FAILED, "Flow 1 of 3", "3 messages", "sip0.cube0.r2c0", verb="probe")
        self.run_json(*words, "--set", "cube.vcs=2")

    def test_trace(self):
        path = self.folder() / "trace.json"
        words = ("--trace", path)
        plain = self.flows("sip0.cube0.pe0:sip0.cube4.pe0.hbm:64KiB", "host:sip0.cube4.pe0.hbm:64KiB:write")
        found = self.flows("sip0.cube0.pe0:sip0.cube4.pe0.hbm:64KiB", "host:sip0.cube4.pe0.hbm:64KiB:write",
                           words=words)
        self.assertEqual(found, plain)
        trace = json.loads(path.read_text())
        events = trace["traceEvents"] if isinstance(trace, dict) else trace
        tracks = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
        nodes = {hop["node"] for flow in found["flows"] for hop in flow["route"]}
        for pair in tracks:
            if " to " in pair:
                self.assertLessEqual(set(pair.split(" to ")), nodes)
        self.assertTrue({"host", "sip0.cube0.pe0.dma", "sip0.cube4.pe0.hbm"} <= tracks)
        counters = [event["args"]["utilisation"] for event in events if event["ph"] == "C"]
        self.assertEqual((min(counters), max(counters)), (0, 1))
        for flow in found["flows"]:
            spans = [event for event in events if event["ph"] == "X" and event["name"].endswith(flow["target"])
                     and event.get("args", {}).get("bytes") == flow["bytes"]]
            self.assertIn(flow["latency_ns"], [round(span["dur"] * 1000, 3) for span in spans])


class Traffic(CliTest):
    def traffic(self, pattern, *words):
        return self.run_json("probe", "--machine", MESH, "--traffic", pattern, "--packet-flits", "4",
                             "--cycles", "2000", *words)

    def test_patterns(self):
        for pattern in ("uniform", "transpose", "bit-complement", "tornado", "neighbour", "hotspot"):
            with self.subTest(pattern):
                found = self.traffic(pattern, "--rate", "0.02")
                self.assertEqual((found["traffic"], found["machine"], found["rate"]), (pattern, "mesh-8x8", 0.02))
                self.assertTrue(found["is_stable"])
                self.assertEqual(found["flits_sent"], found["flits_arrived"])
                self.assertTrue(0 < found["latency_median"] <= found["latency_p99"] <= found["latency_max"])
                self.assertTrue(found["accepted_least"] <= found["accepted_rate"] <= found["accepted_most"])
                self.assertTrue(0 < found["load_mean"] <= found["load_max"] <= 1)
                self.assertEqual(found["cycle_ns"], 1)
                self.assertRegex(found["busiest_link"], r"\Asip0\.cube0\.r\dc\d to sip0\.cube0\.r\dc\d\Z")
                self.assertEqual(found, self.traffic(pattern, "--rate", "0.02"))

    def test_seed_load_and_mode(self):
        low = self.traffic("uniform", "--rate", "0.1")
        self.assertNotEqual(low["packets"], self.traffic("uniform", "--rate", "0.1", "--seed", "1")["packets"])
        self.assertLess(low["latency_mean"], self.traffic("uniform", "--rate", "0.4")["latency_mean"])
        each = self.traffic("uniform", "--rate", "0.1", "--flits", "each")
        for member in low:
            if member not in ("events", "trace_hash"):
                self.assertEqual(low[member], each[member], member)

    def test_closed_loop(self):
        found = self.traffic("uniform", "--rate", "0.9", "--outstanding", "1", "--warmup", "100")
        self.assertEqual(found["outstanding"], 1)
        self.assertLess(found["accepted_rate"], 0.5)
        text = self.run_ok("probe", "-m", MESH, "--traffic", "uniform", "--rate", "0.9", "--packet-flits", "4",
                           "--cycles", "500", "--outstanding", "2").out
        self.assertIn("closed loop: at most 2 packets", text)

    def test_text(self):
        text = self.run_ok("probe", "-m", MESH, "--traffic", "uniform", "--rate", "0.1", "--packet-flits", "4",
                           "--cycles", "1000").out
        self.assertRegex(text, r"(?m)^mean latency +\d+\.\d\d cycles$")
        self.assertRegex(text, r"(?m)^the load is stable$")
        self.assertIn("open loop", text)

    def test_pattern_that_the_machine_does_not_suit(self):
        result = weft("probe", "-m", TINY, "--traffic", "transpose", "--rate", "0.1", "--packet-flits", "1")
        self.assert_error(result, INPUT, "'transpose'", "2", verb="probe")


if __name__ == "__main__":
    main()
