#!/usr/bin/env python3
"""weft retime, --save-run and weft sweep --retime: saved runs on other machines take what full runs take there."""

import json
import os
import shutil

from weft_cli import FAILED, INPUT, OK, ROOT, USAGE, CliTest, main, weft

TINY, TWO_SIP = ROOT / "machines/tiny.yaml", ROOT / "machines/two-sip.yaml"
BENCH = ("softmax", "--set", "rows=37", "--set", "columns=50")
TIMES = ["makespan_ns", "pes", "begin_ns", "start_ns", "finish_ns", "end_ns", "spent_percent", "engines", "roofline",
         "compute_bound_ns", "memory_bound_ns", "memory_bytes", "commands", "tiles", "messages", "macs"]
CLOCKS, LINKS = ["0.5", "1", "2"], ["32", "256"]


class Retime(CliTest):
    def save(self, *words):
        path = self.folder() / "saved.run"
        self.run_json("run", *(words or BENCH), "--machine", TINY, "--save-run", path)
        return path

    def save_with_data(self):
        """A run whose kernels looked at their data, which cannot be timed anew, and what was said about it."""
        path = self.folder() / "looks.run"
        words = ("--model", ROOT / "models/sums", "--prompt", "1+1=", "--max-tokens", "1")
        result = weft("generate", *words, "--device", f"sim:{TINY}", "--save-run", path)
        self.assertEqual(result.code, OK, result)
        return path, result

    def sweep_json(self, *words):
        result = weft("sweep", "--json", *words)
        self.assertEqual((result.code, result.err), (OK, ""), result)
        return json.loads(result.out)

    def test_times_are_those_of_a_full_run(self):
        path = self.save()
        for clock in CLOCKS:
            settings = ("--machine", TINY, "--set", f"pe.clock_ghz={clock}", "--set", "pe.dma.channels=2")
            full, found = self.run_json("run", *BENCH, *settings), self.run_json("retime", path, *settings)
            self.assertEqual({name: found[name] for name in TIMES}, {name: full[name] for name in TIMES})
            self.assertGreaterEqual(found["host_end_ns"], found["end_ns"])
            self.assertEqual((found["recorded_on"], found["machine"], found["launches"]), ("tiny", "tiny", 1))
        text = weft("retime", path, "--machine", TINY, "--set", "name=another")
        self.assertEqual((text.code, text.err), (OK, ""))
        self.assertRegex(text.out, r"\A1 launch on 2 PEs of another, \d+ requests, recorded on tiny\n")
        self.assertIn("makespan", text.out)

    def test_sweeps(self):
        path = self.save()
        words = ("--machine", TINY, "--set", "pe.clock_ghz=" + ",".join(CLOCKS), "--set",
                 "cube.link_gbs=" + ",".join(LINKS))
        full = self.sweep_json(*words, "--", "run", *BENCH)
        found = self.sweep_json(*words, "--retime", path)
        self.assertEqual(found, self.sweep_json(*words, "--threads", "1", "--", "retime", path))
        self.assertEqual(len(found), len(CLOCKS) * len(LINKS))
        for one, other in zip(found, full):
            self.assertEqual((one["settings"], one["exit"], one["error"]), (other["settings"], OK, None))
            for name in TIMES:
                self.assertEqual(one["result"][name], other["result"][name], name)

    def test_points_that_would_be_another_run_fail(self):
        path = self.save()
        result = weft("sweep", "--machine", TINY, "--set", "pe.scratch_kib=64,0", "--retime", path, "--json")
        self.assertEqual((result.code, result.err), (FAILED, ""))
        refused, good = json.loads(result.out)
        self.assertEqual((refused["exit"], good["exit"]), (INPUT, OK))
        self.assertIn("pe.scratch_kib is 64 there and was 0", refused["error"])

    def test_another_saved_run_is_another_sweep(self):
        """Whose content differs, and nothing else: the words are the same."""
        path, out = self.save(), self.folder() / "out.csv"
        words = ("sweep", "--machine", TINY, "--set", "pe.clock_ghz=1,2", "--out", out)
        forms = ("--retime", path), ("--", "retime", path)

        def leave_partial(form):
            out.mkdir()  # which no file replaces
            self.assertEqual(weft(*words, "--fresh", *form).code, INPUT)
            out.rmdir()

        for form in forms:
            for other in forms:
                leave_partial(form)
                result = weft(*words, *other)
                self.assertIn("2 points, 2 of them from before", result.out)
                first = out.read_text()
                out.unlink()
                leave_partial(form)
                os.rename(path, path.with_name("kept"))
                shutil.copy(self.save("rms-norm"), path)
                self.assert_error(weft(*words, *other), INPUT, "content of the saved run", "--fresh", verb="sweep")
                self.assertFalse(out.exists())
                self.assertEqual(weft(*words, "--fresh", *other).code, OK)
                self.assertNotEqual(out.read_text(), first)
                out.unlink()
                os.rename(path.with_name("kept"), path)

    def test_wrong_words(self):
        path, folder, looked = self.save(), self.folder(), self.save_with_data()[0]
        damaged, cut, of_one, of_two = (folder / f"{name}.run" for name in ("damaged", "cut", "one", "two"))
        tall = ("--machine", TINY, "--set", "cube.rows=3")  # there is room for a hole
        self.run_json("run", "gemm-single-pe", *tall, "--set", "cube.pes=[[0, 0]]", "--save-run", of_one)
        self.run_json("run", "gemm-single-pe", "--machine", TWO_SIP, "--save-run", of_two)
        nine = [[place // 6, place % 6] for place in range(9)]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        damaged.write_bytes(data)
        cut.write_bytes(data[:20])
        wrong = [
            (("retime",), USAGE, ["RUN"]),
            (("retime", path), USAGE, ["--machine"]),
            (("retime", folder / "none.run", "--machine", TINY), INPUT, ["none.run"]),
            (("retime", TINY, "--machine", TINY), INPUT, ["The file '", "tiny.yaml' is no recording."]),
            (("retime", damaged, "--machine", TINY), INPUT,
             [f"The file '{damaged}' is a recording that is cut off or damaged: "]),
            (("retime", cut, "--machine", TINY), INPUT, [f"The file '{cut}' is a recording that is cut off."]),
            (("retime", path, "--machine", TWO_SIP), INPUT, ["'" + str(path), "system.sips is 2 there and was 1"]),
            (("retime", path, "--machine", TINY, "--set", "cube.sram.mib=4"), INPUT,
             [f"The file '{path}': ", "on machine 'tiny': cube.sram.mib is 4 there and was 1"]),
            (("retime", path, "--machine", TINY, "--set", "cube.pes=[[0, 0], [1, 1]]"), INPUT,
             [f"The file '{path}': ",
              "cube.pes is [[0, 0], [1, 1]] there and was another list of 2 places in the run,"]),
            (("retime", path, "--machine", TINY, "--set", "cube.pes=[[0, 0]]"), INPUT,
             ["cube.pes is [[0, 0]] there and was a list of 2 places in the run,"]),
            (("retime", of_one, *tall), INPUT,
             ["cube.pes is [[0, 0], [0, 1]] there and was a list of 1 place in the run,"]),
            (("retime", of_one, *tall, "--set", "cube.pes=[[1, 0]]"), INPUT,
             ["cube.pes is [[1, 0]] there and was another list of 1 place in the run,"]),
            (("retime", of_one, *tall, "--set", "cube.pes=[[0, 0]]", "--set", "cube.holes=[[2, 1]]"), INPUT,
             ["cube.holes is [[2, 1]] there and was an empty list in the run,"]),
            (("retime", of_two, "--machine", TWO_SIP, "--set", "cube.holes=[]"), INPUT,
             ["cube.holes is an empty list there and was a list of 4 places in the run,"]),
            (("retime", of_two, "--machine", TWO_SIP, "--set", "cube.hbm.gib=72", "--set", f"cube.pes={nine}"), INPUT,
             ["cube.pes is [[0, 0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [1, 0], [1, 1], ...], a list of 9 places, "
              "there and was a list of 8 places in the run,"]),
            (("retime", looked, "--machine", TINY), INPUT, [f"The file '{looked}': ", "tl_peek"]),
            (("sweep", "--machine", TINY, "--retime", looked), INPUT, [f"The file '{looked}': ", "tl_peek"]),
            (("retime", path, "--machine", TINY, "--set", "pe.clock=2"), USAGE, ["pe.clock"]),
            (("sweep", "--machine", TINY, "--retime", path, "--", "run", "softmax"), USAGE, ["--retime", "run"]),
            (("sweep", "--machine", TINY, "--retime", damaged), INPUT, ["damaged"]),
            (("sweep", "--machine", TINY), USAGE, ["VERB WORD..."]),
            (("run", *BENCH, "--machine", TINY, "--save-run", "no/such/folder/x"), INPUT, ["x"]),
            (("run", *BENCH, "--machine", TINY, "--save-run", TINY), USAGE, ["--save-run", "machine"]),
            (("sweep", "--machine", TINY, "--", "run", *BENCH, "--save-run", "x"), USAGE, ["--save-run"]),
            (("generate", "--model", ROOT / "models/sums", "--prompt", "1", "--save-run", folder / "x"), INPUT,
             ["no simulated machine"]),
        ]
        for words, code, parts in wrong:
            result = weft(*words)
            self.assertEqual(result.code, code, result)
            for part in parts:
                self.assertIn(part, result.err)

    def test_the_name_of_a_file_is_not_cut_inside_of_a_character(self):
        folder = self.folder() / ("\u00e9" * 100)
        folder.mkdir()
        for name in "x.run", "xy.run":  # the cut is at even and at odd bytes
            path = folder / name
            shutil.copy(self.save(), path)
            words = ("--machine", TINY, "--set", "cube.sram.mib=4")
            result = weft("retime", path, *words)
            self.assertRegex(result.err, rf"\Aweft retime: The file '\u00e9+/{name}': .* on machine 'tiny': cube\.sram")
            told, = json.loads(weft("sweep", *words, "--retime", path, "--json").out)
            self.assertEqual(f"weft retime: {told['error']}\n", result.err)

    def test_a_run_that_cannot_be_retimed_says_so_when_it_is_saved(self):
        _, result = self.save_with_data()
        self.assertIn("tl_peek", result.err)
        self.assertIn("--timing-only", result.err)

    def test_generate(self):
        path = self.folder() / "sums.run"
        words = ("--model", ROOT / "models/sums", "--prompt", "1+1=", "--max-tokens", "2", "--timing-only")
        tiny = f"sim:{TINY}"
        self.run_json("generate", *words, "--device", tiny, "--save-run", path)
        full = self.run_json("generate", *words, "--device", tiny + "?processor.barrier_ns=999&pe.clock_ghz=2")
        result = weft("retime", path, "--machine", TINY, "--set", "processor.barrier_ns=999", "--set", "pe.clock_ghz=2")
        self.assertEqual((result.code, result.err), (OK, ""))
        whole = full["simulated"]["load_ps"] + full["simulated"]["ps"]
        self.assertIn(f"{whole // 1000}.{whole % 1000:03} ns", result.out)
        ends = self.sweep_json("--machine", TINY, "--set", "processor.barrier_ns=999", "--set", "pe.clock_ghz=2",
                               "--set", "host.sync_ns=1000,2500", "--retime", path)
        short, long = (point["result"] for point in ends)
        self.assertGreater(long["host_end_ns"], short["host_end_ns"])
        self.assertEqual(self.run_json("retime", path, "--machine", TINY, "--set", "processor.barrier_ns=999", "--set",
                                       "pe.clock_ghz=2")["host_end_ns"], whole / 1000)


if __name__ == "__main__":
    main()
