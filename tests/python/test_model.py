#!/usr/bin/env python3
"""Models from Python: answers, logits, timelines, callbacks, and what is closed."""

import needed  # first

import contextlib
import gc
import io
import re
import unittest
from pathlib import Path

import weft
from needed import numpy

README = Path(__file__).resolve().parents[2] / "python/README.md"


class Models(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.device = weft.Device("cpu?threads=1")
        cls.addClassCleanup(cls.device.close)
        cls.model = weft.Model(cls.device, needed.SUMS)
        cls.addClassCleanup(cls.model.close)

    def test_answers(self):
        seen = []
        answer = self.model.generate("348+275=", on_token=seen.append)
        self.assertEqual(answer.text.strip(), "623")
        self.assertEqual(answer.reason, "token")
        self.assertEqual(answer.tokens, seen)
        self.assertEqual(self.model.generate(self.model.tokenizer.encode("348+275=")), answer)

    def test_the_same_on_a_simulated_machine(self):
        with weft.Device(f"sim:{needed.TINY}") as device, weft.Model(device, needed.SUMS) as model:
            self.assertEqual(model.generate("12+3=").tokens, self.model.generate("12+3=").tokens)
            parts = device.time_parts
            self.assertEqual(sum(parts.values()), device.now_ps)

    def test_what_the_readme_shows(self):
        shown = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL).group(1)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(shown, str(README), "exec"), {})
        self.assertTrue(out.getvalue().startswith("623\n"), out.getvalue())
        self.assertIn("[11.0, 22.0, 33.0, 44.0]", out.getvalue())

    def test_limits_and_stops(self):
        self.assertEqual(self.model.generate("348+275=", max_tokens=2).reason, "tokens_max")
        answer = self.model.generate("348+275=", on_token=lambda token: False)
        self.assertEqual((len(answer.tokens), answer.reason), (1, "callback"))
        first = answer.tokens[0]
        answer = self.model.generate("348+275=", stop_tokens=[first])
        self.assertEqual((answer.tokens, answer.reason), ([first], "token"))
        with self.model.context(capacity_tokens=12) as context:
            self.assertEqual(context.generate("1+1=", stop_tokens=[]).reason, "capacity")

    def test_what_a_callback_raises_comes_out(self):
        def refuse(token):
            raise KeyError(token)

        with self.model.context() as context:
            with self.assertRaises(KeyError):
                context.generate("1+1=", on_token=refuse)
            self.assertGreater(context.position, 0)

    def test_sampling(self):
        one, two = (self.model.generate("copy ", max_tokens=8, temperature=5.0, seed=seed).tokens for seed in (1, 1))
        self.assertEqual(one, two)
        other = [self.model.generate("copy ", max_tokens=8, temperature=5.0, seed=seed).tokens for seed in range(2, 6)]
        self.assertTrue(any(tokens != one for tokens in other))
        with self.assertRaisesRegex(TypeError, "no field 'heat'"):
            self.model.generate("1+1=", heat=1)

    def test_feeding_by_hand(self):
        with self.model.context(all_logits=True) as context:
            tokens = self.model.tokenizer.encode("348+275=")
            context.feed(tokens)
            self.assertEqual((context.position, context.info["logits_rows"]), (len(tokens), len(tokens)))
            rows = context.logits()
            self.assertEqual(len(rows), len(tokens))
            best = max(range(len(rows[-1])), key=rows[-1].__getitem__)
            self.assertEqual(context.sample(), best)
            self.assertEqual(self.model.generate("348+275=").tokens[0], best)
            if numpy:
                self.assertTrue(numpy.array_equal(context.logits_numpy(), numpy.array(rows, dtype=numpy.float32)))
            context.reset()
            self.assertEqual(context.position, 0)
            context.skip(5)
            self.assertEqual(context.position, 5)
            with self.assertRaises(weft.Error) as caught:
                context.feed([1 << 30])
            self.assertEqual(caught.exception.code, weft.Status.OUT_OF_RANGE)

    def test_timeline(self):
        with self.model.context(timeline=True) as context:
            context.feed("12+3=")
            rows = context.timeline()
        self.assertIsNone(context._timeline.pointer)
        kinds = [row["kind"] for row in rows]
        self.assertEqual(kinds[0], "command_buffer")
        self.assertGreater(kinds.count("dispatch"), 50)
        self.assertEqual(rows[1]["op"], "embedding")
        self.assertEqual(set(rows[1]["work"]["spent_ps"]), {"dispatch", "compute", "dma", "queue", "barrier", "idle"})
        if numpy:
            columns = weft.columns(rows[1:])
            self.assertNotIn("work", columns)
            self.assertTrue((columns["end_ps"] >= columns["start_ps"]).all())
        with self.model.context() as context, self.assertRaisesRegex(weft.Error, "without a timeline"):
            context.timeline()

    def test_info(self):
        info = self.model.info
        self.assertEqual((info["family"], info["dtype"], info["layers"]), ("qwen3", "bf16", 4))
        self.assertEqual(len(info["stop_tokens"]), 2)

    def test_tokenizer(self):
        with weft.Tokenizer(f"{needed.SUMS}/tokenizer.json") as tokenizer:
            for text in ("348+275=", "", "h\u00e9, \u4e16", "\udcff"):
                raw = text.encode("utf-8", "surrogateescape")
                tokens = tokenizer.encode(text, add_special=False, plain_special=True)
                self.assertEqual(tokenizer.decode_bytes(tokens), raw)
                self.assertEqual(tokenizer.encode(raw, add_special=False, plain_special=True), tokens)
            self.assertEqual(tokenizer.decode([]), "")
            self.assertGreater(tokenizer.vocab_size, 256)
            with self.assertRaises(weft.Error):
                tokenizer.decode([1 << 30])

    def test_a_configuration_alone(self):
        with weft.Model.from_config(self.device, f"{needed.SUMS}/config.json") as model:
            answer = model.generate([1, 2, 3], max_tokens=2, stop_tokens=[])
            self.assertEqual((len(answer.tokens), answer.text), (2, ""))
            with self.assertRaisesRegex(weft.Error, "no tokenizer"):
                model.generate("text")

    def test_errors(self):
        with self.assertRaises(weft.Error) as caught:
            weft.Model(self.device, "models/none")
        self.assertEqual(caught.exception.code, weft.Status.IO)
        with self.assertRaises(weft.Error) as caught:
            self.model.context(capacity_tokens=1 << 20, timeline=True)
        self.assertEqual(caught.exception.code, weft.Status.OUT_OF_RANGE)


class Closing(unittest.TestCase):

    def test_use_after_close(self):
        device = weft.Device("cpu?threads=1")
        model = weft.Model(device, needed.SUMS)
        context = model.context(timeline=True)
        tokenizer = model.tokenizer
        for one in (tokenizer, context, model, device):
            one.close()
            one.close()
        for call in (lambda: tokenizer.encode("1"), lambda: context.feed([1]), lambda: context.position,
                     context.timeline, lambda: model.info, model.context, lambda: model.generate("1")):
            with self.assertRaisesRegex(weft.Error, "is closed.") as caught:
                call()
            self.assertEqual(caught.exception.code, weft.Status.INVALID_STATE)

    def test_a_context_outlives_its_model(self):
        with weft.Device("cpu?threads=1") as device:
            model = weft.Model(device, needed.SUMS)
            context = model.context()
            context.feed("1+1=")
            model.close()
            self.assertEqual(context.position, 4)
            context.sample()
            context.close()

    def test_a_context_after_its_device(self):
        device = weft.Device("cpu?threads=1")
        context = weft.Model(device, needed.SUMS).context()
        device.close()
        with self.assertRaises(weft.Error) as caught:
            context.feed([1])
        self.assertEqual(caught.exception.code, weft.Status.INVALID_STATE)

    def test_memory_comes_back(self):
        with weft.Device("cpu?threads=1") as device:
            for _ in range(2):
                # Made anew and left as garbage, in whatever order it is found.
                context = weft.Model(device, needed.SUMS).context(timeline=True)
                context.generate("1+1=", max_tokens=2)
                self.assertGreater(device.counters["bytes_allocated"], 0)
                del context
                gc.collect()
                self.assertEqual(device.counters["bytes_allocated"], 0)


if __name__ == "__main__":
    unittest.main()
