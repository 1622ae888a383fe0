#!/usr/bin/env python3
"""weft info, against what the files themselves say."""

import json
import struct

from weft_cli import INPUT, SUMS, USAGE, CliTest, main, weft


class Info(CliTest):
    def test_model(self):
        config = json.loads((SUMS / "config.json").read_text())
        found = self.run_json("info", SUMS)
        wanted = {
            "kind": "model",
            "path": str(SUMS),
            "family": "qwen3",
            "architecture": "Qwen3ForCausalLM",
            "dtype": "bf16",
            "parameters": json.loads((SUMS / "card.json").read_text())["params"],
            "weight_bytes": 2 * found["parameters"],
            "files": 1,
            "layers": config["num_hidden_layers"],
            "hidden": config["hidden_size"],
            "heads": config["num_attention_heads"],
            "kv_heads": config["num_key_value_heads"],
            "head_dim": config["head_dim"],
            "intermediate": config["intermediate_size"],
            "vocab": config["vocab_size"],
            "positions": config["max_position_embeddings"],
            "window": 0,
            "rope_theta": 1e6,
            "is_tied": True,
        }
        self.assertEqual({key: found[key] for key in wanted}, wanted)
        self.assertEqual(found["stop_tokens"], [{"id": 0, "text": "<|endoftext|>"}, {"id": 201, "text": "\n"}])
        self.assertGreater(found["cache_token_bytes"], 0)

    def test_model_as_text(self):
        text = self.run_ok("info", SUMS).out
        for part in ("qwen3", "3246848", "6.5 MB of bf16", "4096", "201 '\\n'"):
            self.assertIn(part, text)

    def test_tensors(self):
        path = SUMS / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length])
        header.pop("__metadata__", None)
        found = self.run_json("info", path)
        self.assertEqual(found["kind"], "safetensors")
        self.assertEqual(found["bytes"], len(data) - 8 - length)
        tensors = {tensor["name"]: tensor for tensor in found["tensors"]}
        self.assertEqual(sorted(tensors), sorted(header))
        for name, tensor in tensors.items():
            begin, end = header[name]["data_offsets"]
            self.assertEqual(tensor["dtype"], header[name]["dtype"].lower())
            self.assertEqual(tensor["shape"], header[name]["shape"])
            self.assertEqual(tensor["bytes"], end - begin)
        text = self.run_ok("info", path).out
        self.assertRegex(text, r"(?m)^bf16 +\[384, 256\] +196608  model\.embed_tokens\.weight$")
        self.assertIn(f"{len(header)} tensors, ", text)

    def test_tensors_of_unsupported_dtypes(self):
        header = json.dumps({"flags\x1b[31m": {"dtype": "BOOL", "shape": [2, 3], "data_offsets": [0, 6]}}).encode()
        path = self.folder() / "flags.safetensors"
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(6))
        (tensor,) = self.run_json("info", path)["tensors"]
        self.assertEqual((tensor["name"], tensor["dtype"], tensor["is_supported"]), ("flags\x1b[31m", "BOOL", False))
        self.assertEqual((tensor["shape"], tensor["bytes"]), ([2, 3], 6))
        self.assertIn("flags?[31m", self.run_ok("info", path).out)  # a name in a file does not drive the terminal

    def test_tokenizer(self):
        path = SUMS / "tokenizer.json"
        found = self.run_json("info", path)
        self.assertEqual((found["kind"], found["vocab"]), ("tokenizer", 384))
        added = [token for token in json.loads(path.read_text())["added_tokens"] if token["special"]]
        self.assertEqual(found["special_tokens"], [{"id": token["id"], "text": token["content"]} for token in added])
        self.assertIn("384", self.run_ok("info", path).out)

    def test_other_files(self):
        path = self.folder() / "notes.txt"
        path.write_text("nothing of ours")
        self.assert_error(weft("info", path), INPUT, path, verb="info")
        self.assert_error(weft("info", SUMS / "config.json"), INPUT, "config.json", verb="info")

    def test_settings_are_for_machines(self):
        for path in (SUMS, SUMS / "tokenizer.json"):
            self.assert_error(weft("info", path, "--set", "cube.rows=1"), USAGE, "--set", path, verb="info")


if __name__ == "__main__":
    main()
