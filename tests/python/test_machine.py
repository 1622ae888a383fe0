#!/usr/bin/env python3
"""Simulated machines from Python: benches, probes, tensors, and what is closed."""

import needed  # first

import gc
import json
import tempfile
import unittest
from pathlib import Path

import weft
from needed import numpy


class Machines(unittest.TestCase):

    def test_info_and_settings(self):
        with weft.Machine(needed.TINY) as machine:
            self.assertEqual((machine.info["name"], machine.info["sips"], machine.info["link_gbs"]), ("tiny", 1, 256))
            self.assertIn("<svg", machine.draw("cube", theme="dark"))
            with self.assertRaises(weft.Error):
                machine.draw("moon")
        with weft.Machine(Path(needed.TINY), {"cube.link_gbs": 128, "pe.dma.outstanding": 2}) as machine:
            self.assertEqual(machine.info["link_gbs"], 128)
        self.assertIn("cube.link_gbs", [key["path"] for key in weft.machine_keys()])

    def test_errors_say_where(self):
        with self.assertRaises(weft.Error) as caught:
            weft.Machine(needed.TINY, {"cube.links": 1})
        self.assertEqual(caught.exception.code, weft.Status.NOT_FOUND)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("name: broken\nsystem:\n  sips: many\n")
            file.flush()
            with self.assertRaises(weft.Error) as caught:
                weft.Machine(file.name)
        self.assertEqual((caught.exception.code, caught.exception.line), (weft.Status.PARSE, 3))
        self.assertGreater(caught.exception.column, 0)


class Benches(unittest.TestCase):

    def test_list(self):
        benches = {bench["name"]: bench for bench in weft.benches()}
        keys = {key["name"]: key for key in benches["qkv-gemm"]["keys"]}
        self.assertIn("f16", keys["dtype"]["choices"])
        self.assertIsNone(keys["k"]["choices"])

    def test_tables(self):
        result = weft.run_bench(needed.TINY, "qkv-gemm", {"k": 64, "dtype": "f32"}, verify=True)
        self.assertEqual((result["settings"]["k"], result["settings"]["dtype"]), (64, "f32"))
        report = result["report"]
        self.assertEqual(sum(report["spent_ps"].values()), report["pes"] * report["makespan_ps"])
        for engine in report["engines"]:
            self.assertEqual(engine["busy_ps"] + engine["stall_ps"] + engine["idle_ps"],
                             report["pes"] * report["makespan_ps"])
        self.assertTrue(result["holds"])
        self.assertTrue(all(check["holds"] for check in result["checks"]) and result["checks"])
        if numpy:
            self.assertEqual(weft.columns(report["engines"])["busy_ps"].shape, (len(report["engines"]),))
        with weft.Machine(needed.TINY) as machine:
            again = weft.run_bench(machine, "qkv-gemm", {"k": 64, "dtype": "f32"})
        self.assertEqual(again["report"], report)
        self.assertEqual(again["checks"], [])
        json.dumps(again)

    def test_options(self):
        calls = []
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.json"
            result = weft.run_bench(needed.TINY, "qkv-gemm", {"k": 64}, perturb=2, seed=3, hazards="report",
                                    values="eager", trace=trace,
                                    progress=lambda done, total: calls.append((done, total)))
            self.assertTrue(json.loads(trace.read_text()))
        self.assertEqual(result["perturbed"]["runs"], 2)
        self.assertTrue(result["perturbed"]["agree"])
        self.assertEqual(result["hazards"], [])
        self.assertEqual(calls[0][0], 0)
        self.assertEqual(calls[-1][0], calls[-1][1])

    def test_errors(self):
        with self.assertRaises(weft.Error) as caught:
            weft.run_bench(needed.TINY, "qkv-gem")
        self.assertEqual(caught.exception.code, weft.Status.NOT_FOUND)
        with self.assertRaises(weft.Error) as caught:
            weft.run_bench(needed.TINY, "qkv-gemm", {"kk": 1})
        self.assertEqual(caught.exception.code, weft.Status.NOT_FOUND)
        with self.assertRaises(weft.Error) as caught:
            weft.run_bench(needed.TINY, "qkv-gemm", {"k": -1})
        self.assertEqual(caught.exception.code, weft.Status.INVALID_ARGUMENT)
        with self.assertRaisesRegex(ValueError, "error, report, hardware"):
            weft.run_bench(needed.TINY, "qkv-gemm", hazards="warn")

    def test_probe(self):
        self.assertIn("dma_local", [case["name"] for case in weft.probe_cases()])
        result = weft.run_probe(needed.TINY, "dma_local")
        flow = result["runs"][0]["result"]["flows"][0]
        self.assertEqual(sum(flow["parts_ps"].values()), flow["latency_ps"])
        self.assertIn("streaming", flow["parts_ps"])
        self.assertTrue(flow["hops"][0]["node"].startswith("sip0."))


class Simulations(unittest.TestCase):

    def setUp(self):
        self.machine = weft.Machine(needed.TINY)
        self.addCleanup(self.machine.close)

    def test_tensors(self):
        with weft.Simulation(self.machine) as simulation:
            tensor = simulation.tensor([4, 8], over_pes="rows")
            numbers = [[float(8 * row + column) for column in range(8)] for row in range(4)]
            tensor.set(numbers)
            self.assertEqual(simulation.now_ps, 0)
            self.assertEqual(tensor.tolist(), numbers)
            shards = tensor.shards
            self.assertEqual([shard["shape"] for shard in shards], [(2, 8), (2, 8)])
            self.assertEqual(shards[1]["origin"][:2], [2, 0])
            tensor.upload(numbers)
            uploaded = simulation.now_ps
            self.assertGreater(uploaded, 0)
            self.assertEqual(len(tensor.download()), 128)
            self.assertGreater(simulation.now_ps, uploaded)
            self.assertGreater(simulation.statistics["events"], 0)
            if numpy:
                self.assertEqual(tensor.numpy().tolist(), numbers)

    def test_mistakes(self):
        with weft.Simulation(self.machine, values="none") as simulation:
            tensor = simulation.tensor([2], pes={"pes": 1}, home="sram")
            with self.assertRaises(weft.Error) as caught:
                tensor.tolist()
            self.assertEqual(caught.exception.code, weft.Status.UNSUPPORTED)
            with self.assertRaises(weft.Error):
                tensor.upload([1, 2, 3])
            with self.assertRaisesRegex(ValueError, "over_pes"):
                simulation.tensor([2], over_pes="diagonals")
            with self.assertRaisesRegex(TypeError, "no field 'pe'"):
                simulation.tensor([2], pes={"pe": 1})

    def test_closing_in_any_order(self):
        simulation = weft.Simulation(self.machine)
        tensor = simulation.tensor([2])
        self.machine.close()
        self.assertTrue(simulation.closed and tensor.closed)
        for call in (tensor.tolist, lambda: simulation.now_ps, lambda: simulation.tensor([2])):
            with self.assertRaisesRegex(weft.Error, "is closed."):
                call()
        tensor.close()
        simulation.close()

    def test_what_is_closed_is_forgotten(self):
        with weft.Simulation(self.machine) as simulation:
            for _ in range(3):
                simulation.tensor([2]).close()
            self.assertEqual(len(simulation._handle._dependants), 0)

    def test_garbage_in_any_order(self):
        for first in range(3):
            machine = weft.Machine(needed.TINY)
            simulation = weft.Simulation(machine)
            circle = [machine, simulation, simulation.tensor([2])]
            circle = circle[first:] + circle[:first]
            for place, one in enumerate(circle):
                one.next = circle[(place + 1) % 3]
            del circle, one, machine, simulation
            gc.collect()


if __name__ == "__main__":
    unittest.main()
