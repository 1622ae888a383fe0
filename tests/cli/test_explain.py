#!/usr/bin/env python3
"""weft explain: plans add up, follow the machine and the model, and are printed as they are."""

import re

from weft_cli import ROOT, SUMS, USAGE, CliTest, main, weft

TINY, TWO_SIP, TORUS = (f"sim:{ROOT}/machines/{name}.yaml" for name in ("tiny", "two-sip", "six-sip-torus"))
DTYPE_BYTES = {"f32": 4, "i32": 4, "f16": 2, "bf16": 2}


def elements(argument):
    product = 1
    for extent in argument["shape"]:
        product *= extent
    return product


class Explain(CliTest):
    def explain(self, device, *words):
        return self.run_json("explain", "--model", SUMS, "--device", device, *words)

    def plan(self, found, label):
        return next(plan for plan in found["plans"] if plan["label"] == label)

    def test_plans_add_up(self):
        for device in (TINY, TWO_SIP, TORUS):
            with self.subTest(device):
                found = self.explain(device)
                machine = found["machine"]
                all_pes = machine["sips"] * machine["cubes"] * machine["pes"]
                self.assertEqual(sum(plan["count"] for plan in found["plans"]), found["dispatches"])
                self.assertEqual(sum(plan["launches"] for plan in found["plans"]), found["launches"])
                self.assertLessEqual(found["memory"]["pe_bytes_least"], found["memory"]["pe_bytes_most"])
                self.assertLessEqual(found["memory"]["bytes"], all_pes * found["memory"]["pe_bytes_most"])
                weights = 0
                for plan in found["plans"]:
                    split = plan["split"]
                    self.assertIsNotNone(split["argument"], plan)
                    self.assertLessEqual(split["pes"] * split["pe_rows_least"], split["rows"], plan)
                    self.assertGreaterEqual(split["pes"] * split["pe_rows_most"], split["rows"], plan)
                    self.assertLessEqual(split["sips"], split["cubes"], plan)
                    self.assertLessEqual(split["cubes"], split["pes"], plan)
                    for argument in plan["arguments"]:
                        size = elements(argument) * DTYPE_BYTES[argument["dtype"]]
                        self.assertLessEqual(argument["pes"], all_pes)
                        self.assertGreaterEqual(argument["pes"] * argument["pe_bytes_most"], size, (plan, argument))
                        self.assertLessEqual(argument["pe_bytes_most"], size, (plan, argument))
                        if "weight" in argument["name"]:
                            weights += plan["count"] * size
                self.assertGreater(found["memory"]["bytes"], weights)

    def test_products_follow_the_weight(self):
        for device, pes in ((TINY, 2), (TWO_SIP, 256)):
            plan = self.plan(self.explain(device), "layer 0 q_proj")
            self.assertEqual((plan["op"], plan["count"]), ("matmul", 4))
            # A kernel may make of one product several of narrower numbers.
            self.assertGreater(plan["macs"], 0)
            self.assertEqual(plan["macs"] % (256 * 256), 0)
            split = plan["split"]
            self.assertEqual((split["argument"], split["rows"], split["row_elements"]), ("weight", 256, 256))
            rows = 256 // pes
            self.assertEqual((split["pes"], split["pe_rows_least"], split["pe_rows_most"]), (pes, rows, rows))
            weight = next(argument for argument in plan["arguments"] if argument["name"] == "weight")
            self.assertEqual((weight["pes"], weight["pe_bytes_most"]), (pes, rows * 256 * 2))
            self.assertEqual([collective["name"] for collective in plan["collectives"]], ["tl_broadcast"])

    def test_attention_follows_the_cache(self):
        few, many = (next(plan for plan in self.explain(TWO_SIP, *words)["plans"] if plan["op"] == "attention")
                     for words in ((), ("--cached", 200)))
        self.assertEqual(few["arguments"][1]["shape"][0], 1)
        self.assertEqual(many["arguments"][1]["shape"][0], 201)
        self.assertGreater(many["arguments"][1]["pes"], few["arguments"][1]["pes"])
        self.assertGreater(many["macs"], 100 * few["macs"])

    def test_launches_are_those_of_a_decoded_token(self):
        found = self.explain(TWO_SIP)
        one, two = (self.run_json("generate", "--model", SUMS, "--prompt", "7", "--max-tokens", count, "--timing-only",
                                  "--device", TWO_SIP)["counters"] for count in (1, 2))
        self.assertEqual(found["dispatches"], two["dispatches"] - one["dispatches"])
        self.assertEqual(found["barriers"], two["barriers"] - one["barriers"])

    def test_configuration_alone(self):
        found = self.run_json("explain", "--config", SUMS / "config.json", "--device", TWO_SIP)
        self.assertEqual(found["plans"], self.explain(TWO_SIP)["plans"])

    def test_text(self):
        text = self.run_ok("explain", "--model", SUMS, "--device", TINY).out
        self.assertRegex(text,
                         r"\Amachine tiny: 1 SIP of 1 cube of 2 PEs\nmemory in use: .*\na token behind 0 others: ")
        self.assertRegex(text, r"(?m)^4 x matmul, the first: layer 0 q_proj$")
        self.assertRegex(text, r"(?m)^  split        256 rows of weight, 256 elements each, "
                               r"over 1 SIP, 1 cube, 2 PEs: 128 each$")
        self.assertEqual(len(re.findall(r"(?m)^  work  ", text)), len(self.explain(TINY)["plans"]))

    def test_usage(self):
        self.assert_error(weft("explain", "--model", SUMS), USAGE, "sim:FILE", verb="explain")
        self.assert_error(weft("explain", "--device", TINY), USAGE, "--model", "--config", verb="explain")
        self.assert_error(weft("explain", "--model", SUMS, "--config", "x", "--device", TINY), USAGE, verb="explain")


if __name__ == "__main__":
    main()
