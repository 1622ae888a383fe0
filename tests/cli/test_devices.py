#!/usr/bin/env python3
"""weft devices."""

import re

from weft_cli import CliTest, main

OPS = (
    "add mul scale silu_mul gelu_mul copy embedding rms_norm rope matmul attention softmax argmax top_k sample "
    "rms_norm_mul add_rms_norm rms_norm_rope gate_up_silu".split()
)


class Devices(CliTest):
    def test_json(self):
        devices = {device["scheme"]: device for device in self.run_json("devices")["devices"]}
        self.assertEqual(sorted(devices), ["cpu", "cuda", "ref", "sim"])
        for scheme in ("ref", "cpu"):
            device = devices[scheme]
            self.assertTrue(device["is_available"])
            self.assertIsNone(device["reason"])
            self.assertEqual(sorted(device["ops"]), sorted(OPS))
            self.assertEqual(device["ops_missing"], {})
            self.assertGreaterEqual(device["threads"], 1)
            self.assertGreater(device["memory_bytes"], 0)
            self.assertTrue(device["description"])
        self.assertIn(devices["cpu"]["isa"], ("scalar", "avx2", "avx512"))
        self.assertIn("sim:FILE", devices["sim"]["reason"])
        for device in devices.values():
            if not device["is_available"]:
                self.assertRegex(device["reason"], r"\.$")

    def test_text(self):
        lines = self.run_ok("devices").out.splitlines()
        self.assertRegex(lines[0], r"^device +isa +threads +memory +ops +description$")
        self.assertRegex("\n".join(lines), rf"(?m)^ref +\S+ +\d+ .* {len(OPS)}/{len(OPS)} ")

    def test_ops(self):
        text = self.run_ok("devices", "--ops").out
        for scheme in ("ref", "cpu"):
            names = re.search(rf"(?ms)^ops of {scheme}:\n(.*?)(?=^$|\Z)", text).group(1).split()
            self.assertEqual(sorted(names), sorted(OPS))


if __name__ == "__main__":
    main()
