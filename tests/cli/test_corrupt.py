#!/usr/bin/env python3
"""Model files that are missing, cut, flipped or lying: one sentence that names the file, and exit code 3."""

import json
import os
import random
import struct

from weft_cli import INPUT, OK, SUMS, CliTest, in_parallel, main, weft

WEIGHTS = "model.safetensors"


def split_weights():
    data = (SUMS / WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), data[8 + length:]


def join_weights(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Corrupt(CliTest):
    def assert_refused(self, folder, name):
        for words in (["info", folder], ["generate", "--model", folder, "--prompt", "1+1=", "--max-tokens", "1"]):
            self.assert_error(weft(*words), INPUT, name, verb=words[0])

    def refuse_bytes(self, name, data):
        folder = self.copy_of_sums(name)
        (folder / name).write_bytes(data)
        self.assert_refused(folder, name)

    def refuse_config(self, **changes):
        config = json.loads((SUMS / "config.json").read_text())
        config.update(changes)
        with self.subTest(str(changes)[:60]):
            self.refuse_bytes("config.json", json.dumps(config).encode())

    def refuse_header(self, change):
        header, data = split_weights()
        data = change(header, data) or data
        self.refuse_bytes(WEIGHTS, join_weights(header, data))

    def test_missing_files(self):
        for name in ("config.json", "tokenizer.json", WEIGHTS):
            self.assert_refused(self.copy_of_sums(name), name)

    def test_folders_instead_of_files(self):
        for name in ("config.json", "tokenizer.json", WEIGHTS):
            folder = self.copy_of_sums(name)
            (folder / name).mkdir()
            self.assert_refused(folder, name)

    def test_cut_files(self):
        for name in ("config.json", "tokenizer.json", WEIGHTS):
            data = (SUMS / name).read_bytes()
            for length in (0, 1, 7, 9, len(data) // 2, len(data) - 2):
                with self.subTest(name, length=length):
                    self.refuse_bytes(name, data[:length])

    def test_cut_files_as_such(self):
        """The same when the file is named itself."""
        for name in ("tokenizer.json", WEIGHTS):
            path = self.folder() / name
            path.write_bytes((SUMS / name).read_bytes()[:5000])
            self.assert_error(weft("info", path), INPUT, path, verb="info")

    def test_garbage(self):
        for name in ("config.json", "tokenizer.json", WEIGHTS):
            for data in (b"\0" * 64, b"\xff" * 64, b"[]", b"null", b'{"a": 1}', b"[" * 100000):
                with self.subTest(name, data=data[:8]):
                    self.refuse_bytes(name, data)

    def test_config_that_lies(self):
        for changes in ({"model_type": "gpt9"}, {"hidden_size": 0}, {"hidden_size": -256}, {"hidden_size": 2**62},
                        {"hidden_size": "256"}, {"hidden_size": 128}, {"num_hidden_layers": 5},
                        {"num_hidden_layers": 0}, {"num_attention_heads": 3}, {"num_key_value_heads": 3},
                        {"head_dim": 63}, {"vocab_size": 385}, {"vocab_size": 2**40}, {"rms_norm_eps": 0},
                        {"hidden_act": "relu"}, {"intermediate_size": 2**31}, {"max_position_embeddings": 0},
                        {"tie_word_embeddings": "yes"}):
            self.refuse_config(**changes)

    def test_weights_that_lie(self):
        name = "model.layers.0.mlp.up_proj.weight"

        def shape(header, data):
            header[name]["shape"].reverse()

        def size(header, data):
            header[name]["shape"][0] += 1

        def dtype(header, data):
            header[name]["dtype"] = "F32"

        def overlap(header, data):
            header[name]["data_offsets"][0] -= 2

        def beyond(header, data):
            header[name]["data_offsets"] = [len(data), 2 * len(data)]

        def backwards(header, data):
            header[name]["data_offsets"].reverse()

        def absent(header, data):
            header["other"] = header.pop(name)

        def longer(header, data):
            return data + b"\0\0"

        for change in (shape, size, dtype, overlap, beyond, backwards, absent, longer):
            with self.subTest(change.__name__):
                self.refuse_header(change)
        data = (SUMS / WEIGHTS).read_bytes()
        for length in (0, len(data) - 7, 2**63, 2**64 - 1):
            with self.subTest(length=length):
                self.refuse_bytes(WEIGHTS, struct.pack("<Q", length) + data[8:])

    def test_tokenizer_that_lies(self):
        def refuse(change):
            tokenizer = json.loads((SUMS / "tokenizer.json").read_text())
            change(tokenizer)
            with self.subTest(change.__name__):
                self.refuse_bytes("tokenizer.json", json.dumps(tokenizer).encode())

        def other_model(tokenizer):
            tokenizer["model"]["type"] = "WordPiece"

        def more_than_the_model(tokenizer):
            tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": 384, "content": "<|more|>"})

        def byte_missing(tokenizer):
            tokenizer["model"]["vocab"].pop("A")

        def negative_id(tokenizer):
            tokenizer["model"]["vocab"]["A"] = -1

        def two_of_one_id(tokenizer):
            tokenizer["model"]["vocab"]["A"] = tokenizer["model"]["vocab"]["B"]

        for change in (other_model, more_than_the_model, byte_missing, negative_id, two_of_one_id):
            refuse(change)

    def test_flipped_bits_in_the_header(self):
        """A flip may make another valid file (of a comment, of a blank). It is refused or harmless, never a crash."""
        draw = random.Random(1)
        data = bytearray((SUMS / WEIGHTS).read_bytes())
        (length,) = struct.unpack("<Q", data[:8])
        folders = []
        for _ in range(40):
            position, bit = draw.randrange(8 + length), draw.randrange(8)
            data[position] ^= 1 << bit
            folder = self.copy_of_sums(WEIGHTS)
            (folder / WEIGHTS).write_bytes(data)
            data[position] ^= 1 << bit
            folders.append(folder)
        refused = 0
        for result in in_parallel(lambda folder: weft("info", folder), folders):
            self.assertIn(result.code, (OK, INPUT), result)
            if result.code == INPUT:
                self.assert_error(result, INPUT, WEIGHTS, verb="info")
                refused += 1
        self.assertGreater(refused, 25)

    def test_weights_that_are_no_numbers(self):
        """Weights may hold NaN: then there is nothing to choose from, which is an error of the input."""
        header, data = split_weights()
        begin, end = header["model.norm.weight"]["data_offsets"]
        folder = self.copy_of_sums(WEIGHTS)
        (folder / WEIGHTS).write_bytes(join_weights(header, data[:begin] + b"\xff" * (end - begin) + data[end:]))
        self.assert_error(weft("generate", "--model", folder, "--prompt", "1+1="), INPUT, "NaN", verb="generate")

    def test_files_that_may_not_be_read(self):
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        for name in ("config.json", "tokenizer.json", WEIGHTS):
            folder = self.copy_of_sums(name)
            (folder / name).write_bytes((SUMS / name).read_bytes())
            (folder / name).chmod(0)
            self.assert_refused(folder, name)


if __name__ == "__main__":
    main()
