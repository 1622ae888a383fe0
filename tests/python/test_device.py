#!/usr/bin/env python3
"""Devices, buffers and encoders from Python: data there and back, errors, and what is closed."""

import needed  # first

import array
import gc
import unittest

import weft
from needed import numpy


class DeviceTest(unittest.TestCase):

    def setUp(self):
        self.device = weft.Device("ref")
        self.addCleanup(self.device.close)

    def assert_fails(self, code, pattern, call, *arguments, **keywords):
        with self.assertRaisesRegex(weft.Error, pattern) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(str(caught.exception), caught.exception.message)


class Devices(DeviceTest):

    def test_what_it_says(self):
        self.assertEqual(self.device.info["scheme"], "ref")
        self.assertEqual(self.device.counters["dispatches"], 0)
        self.assertEqual(self.device.time_parts, {})
        before = self.device.now_ps
        self.device.wait()
        self.assertGreaterEqual(self.device.now_ps, before)
        self.assertEqual(self.device.counters["syncs"], 1)
        self.assertIn("sim", weft.schemes())

    def test_supports(self):
        self.assertTrue(self.device.supports("add"))
        self.assert_fails(weft.Status.NOT_FOUND, "ad", self.device.supports, "ad")

    def test_errors_have_code_and_sentence(self):
        self.assert_fails(weft.Status.NOT_FOUND, "cpuu", weft.Device, "cpuu")
        with self.assertRaises(ValueError):
            weft.Device("ref\0cpu")

    def test_simulated_time(self):
        with weft.Device(f"sim:{needed.TINY}") as device:
            a, out = device.buffer([1, 2, 3]), device.buffer(shape=[3])
            encoder = device.encoder()
            encoder.add(a, a, out)
            encoder.commit_and_wait()
            self.assertEqual(out.tolist(), [2, 4, 6])
            parts = device.time_parts
            self.assertEqual(sum(parts.values()), device.now_ps)
            self.assertGreater(parts["submit"], 0)


class Buffers(DeviceTest):

    def test_lists(self):
        for dtype, numbers in (("f32", [[1.5, -2], [0.25, 4]]), ("f16", [0.5, 2]), ("f64", [1e300]),
                               ("i8", [-128, 127]), ("u16", [65535]), ("i64", [-2**63]), ("u64", [2**64 - 1]),
                               ("f32", 7)):
            with self.subTest(dtype, numbers=numbers):
                buffer = self.device.buffer(numbers, dtype)
                self.assertEqual(buffer.tolist(), numbers)
                self.assertEqual(buffer.dtype, dtype)
        self.assertEqual(self.device.buffer([[1, 2, 3], [4, 5, 6]]).shape, (2, 3))

    def test_arrays_and_bytes(self):
        buffer = self.device.buffer(array.array("i", [1, -2, 3]))
        self.assertEqual((buffer.dtype, buffer.shape, buffer.tolist()), ("i32", (3,), [1, -2, 3]))
        buffer = self.device.buffer(b"\1\0\2\0", dtype="u16", shape=[2])
        self.assertEqual(buffer.tolist(), [1, 2])
        buffer.write(b"\7\0", offset_bytes=2)
        self.assertEqual(buffer.tobytes(), b"\1\0\7\0")
        # 1 and -2 in the upper halves of their floats.
        self.assertEqual(self.device.buffer(b"\x80\x3f\x00\xc0", dtype="bf16", shape=[2]).tolist(), [1, -2])

    @unittest.skipUnless(numpy, needed.WITHOUT_NUMPY)
    def test_numpy(self):
        for kind in (numpy.float32, numpy.float16, numpy.float64, numpy.int8, numpy.uint8, numpy.int16, numpy.uint16,
                     numpy.int32, numpy.uint32, numpy.int64, numpy.uint64):
            data = numpy.arange(24).astype(kind).reshape(2, 3, 4)
            buffer = self.device.buffer(data)
            self.assertEqual(buffer.numpy().dtype, data.dtype)
            self.assertTrue(numpy.array_equal(buffer.numpy(), data))
            # Columns, which do not lie one behind another.
            self.assertTrue(numpy.array_equal(self.device.buffer(data.T).numpy(), data.T))
        halves = numpy.array([0x3F80, 0xC000], dtype=numpy.uint16)
        self.assertEqual(self.device.buffer(halves, dtype="bf16").numpy().tolist(), [1, -2])

    def test_what_does_not_go_together(self):
        buffer = self.device.buffer(shape=[4])
        self.assert_fails(weft.Status.SHAPE_MISMATCH, "are i32, and the buffer is f32", buffer.write,
                          array.array("i", [1, 2, 3, 4]))
        self.assert_fails(weft.Status.OUT_OF_RANGE, "20", buffer.write, [1, 2, 3, 4, 5])
        self.assert_fails(weft.Status.OUT_OF_RANGE, ".", self.device.buffer, [1, 2], shape=[1])
        with self.assertRaises(ValueError):
            self.device.buffer([[1, 2], [3]])
        with self.assertRaises(ValueError):
            self.device.buffer([1], dtype="f31")
        with self.assertRaises(ValueError):
            self.device.buffer(shape=[1] * 9)
        with self.assertRaises(TypeError):
            self.device.buffer(["one"])
        with self.assertRaises(TypeError):
            self.device.buffer([1], dtype="bf16")
        with self.assertRaises(OverflowError):
            self.device.buffer(shape=[-1])

    def test_views_share_memory(self):
        buffer = self.device.buffer([0, 1, 2, 3, 4, 5], label="numbers")
        view = buffer.view(2, [2, 2])
        view.write([[7, 8], [9, 10]])
        self.assertEqual(buffer.tolist(), [0, 1, 7, 8, 9, 10])
        buffer.close()
        self.assertEqual(view.tolist(), [[7, 8], [9, 10]])

    def test_empty(self):
        self.assertEqual(self.device.buffer(shape=[0, 3]).tolist(), [])


class Encoders(DeviceTest):

    def test_ops_by_name(self):
        a, b, out = self.device.buffer([3, 4]), self.device.buffer([10, 20]), self.device.buffer(shape=[2])
        encoder = self.device.encoder()
        encoder.label("sum")
        encoder.add(a, b, out)
        encoder.barrier()
        encoder.scale(out, out, factor=2)
        encoder.commit("both")
        encoder.wait()
        self.assertEqual(out.tolist(), [26, 48])
        encoder.reset()
        encoder.rms_norm(a, None, out, epsilon=1e-12)
        encoder.commit_and_wait()
        self.assertAlmostEqual(out.tolist()[0], 3 / 12.5 ** 0.5, places=6)

    def test_inferred_barriers(self):
        a, out = self.device.buffer([1, 2]), self.device.buffer(shape=[2])
        encoder = self.device.encoder(barriers="inferred")
        encoder.add(a, a, out)
        encoder.add(out, a, out)
        encoder.commit_and_wait()
        self.assertEqual(out.tolist(), [3, 6])
        self.assertEqual(self.device.counters["barriers_inferred"], 1)

    def test_every_op_has_its_parameters(self):
        ops = weft.ops()
        self.assertGreater(len(ops), 10)
        for place, op in enumerate(ops):
            count = weft.lib.weft_op_params_bytes(weft.lib.weft_op_at(place))
            kind = weft.device.params_type_of(op["name"])
            with self.subTest(op["name"]):
                self.assertEqual(weft.ffi.sizeof(kind) if kind else 4 * len(op["params"]), count)
                self.assertIn("write", [argument["role"] for argument in op["arguments"]])

    def test_mistakes(self):
        a, encoder = self.device.buffer([1, 2]), self.device.encoder()
        self.assert_fails(weft.Status.SHAPE_MISMATCH, r"\[3\].*\[2\]", encoder.add, a, a, self.device.buffer(shape=[3]))
        with self.assertRaisesRegex(AttributeError, "no such op"):
            encoder.ad
        with self.assertRaisesRegex(TypeError, "no field 'eps'"):
            encoder.rms_norm(a, None, a, eps=1)
        with self.assertRaisesRegex(TypeError, "factor"):
            encoder.scale(a, a)
        with self.assertRaisesRegex(TypeError, "no parameters"):
            encoder.add(a, a, a, factor=1)
        with self.assertRaisesRegex(ValueError, "manual, inferred"):
            self.device.encoder(barriers="none")

    def test_a_failure_comes_from_the_wait(self):
        ids, table, out = (self.device.buffer([5], "i32"), self.device.buffer([[1, 2]]),
                           self.device.buffer(shape=[1, 2]))
        encoder = self.device.encoder()
        encoder.embedding(table, ids, out, scale=1)
        self.assert_fails(weft.Status.OUT_OF_RANGE, "5", encoder.commit_and_wait)


class Closing(DeviceTest):

    def test_use_after_close(self):
        buffer, encoder = self.device.buffer([1]), self.device.encoder()
        for one in (buffer, encoder, self.device):
            self.assertFalse(one.closed)
            one.close()
            one.close()
            self.assertTrue(one.closed)
            with self.assertRaises(weft.Error):
                one.__enter__()
        for call in (buffer.tolist, lambda: buffer.write([1]), lambda: buffer.view(0, [1]), encoder.barrier,
                     encoder.commit, lambda: encoder.add(buffer, buffer, buffer), self.device.wait,
                     lambda: self.device.info, lambda: self.device.now_ps, lambda: self.device.time_parts,
                     lambda: self.device.counters, lambda: self.device.buffer([1]), self.device.encoder):
            self.assert_fails(weft.Status.INVALID_STATE, "The (buffer|encoder|device) is closed.", call)

    def test_a_closed_buffer_is_no_argument(self):
        a, b = self.device.buffer([1]), self.device.buffer([2])
        b.close()
        self.assert_fails(weft.Status.INVALID_STATE, "The buffer is closed.", self.device.encoder().add, a, b, a)

    def test_memory_comes_back(self):
        def live():
            gc.collect()
            return self.device.counters["bytes_allocated"]

        before = live()
        buffer = self.device.buffer(shape=[1000])
        self.assertEqual(live(), before + 4000)
        view = buffer.view(0, [10])
        del buffer
        self.assertEqual(live(), before + 4000)
        view.close()
        self.assertEqual(live(), before)
        with self.device.buffer(shape=[1000]):
            self.assertEqual(live(), before + 4000)
        self.assertEqual(live(), before)
        # In a circle of garbage too.
        circle = [self.device.buffer(shape=[1000])]
        circle.append(circle)
        del circle
        self.assertEqual(live(), before)

    def test_what_is_recorded_keeps_its_buffers(self):
        out, encoder = self.device.buffer(shape=[2]), self.device.encoder()
        encoder.add(self.device.buffer([1, 2]), self.device.buffer([3, 4]), out)
        gc.collect()
        encoder.commit_and_wait()
        self.assertEqual(out.tolist(), [4, 6])

    def test_what_outlives_the_device(self):
        buffer, encoder = self.device.buffer([1, 2]), self.device.encoder()
        self.device.close()
        self.assertEqual(buffer.tolist(), [1, 2])
        encoder.add(buffer, buffer, buffer)
        self.assert_fails(weft.Status.INVALID_STATE, ".", encoder.commit)

    def test_a_constructor_that_fails_leaves_nothing(self):
        for _ in range(3):
            with self.assertRaises(weft.Error):
                weft.Device("sim:nowhere.yaml")
        gc.collect()


if __name__ == "__main__":
    unittest.main()
