"""Devices, buffers, and encoders that record ops."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from . import _elements
from ._library import Error, Handle, Object, Status, bytes_of, call, ffi, lib, make, text_of
from ._tables import fill, rows_of, shape_of, value_of, words_of

# Ops whose parameter is one number.
_NUMBERS = {"scale": "factor", "embedding": "scale"}


def schemes() -> list[str]:
    """The schemes of URIs that `Device` knows, those that this build cannot open included."""
    found: list[str] = []
    while lib.weft_device_scheme(len(found)) != ffi.NULL:
        found.append(text_of(lib.weft_device_scheme(len(found))))
    return found


class Device(Object):
    """Where work runs, by URI: `cpu`, `ref`, `sim:machines/two-sip.yaml?host.submit_ns=500`; see weft/device.h.

    Closing waits for all work. Buffers and models outlive their device, but nothing can be run any more.
    """

    _kind = "device"

    def __init__(self, uri: str = "cpu") -> None:
        self.uri = uri
        self._handle = Handle(make(lib.weft_device_open, "weft_device", bytes_of(uri)), lib.weft_device_close)

    @property
    def info(self) -> dict[str, Any]:
        """Scheme, description, ISA or machine, threads, bytes of memory."""
        out = ffi.new("weft_device_info *")
        lib.weft_device_get_info(self.pointer, out)
        return rows_of(out)

    @property
    def counters(self) -> dict[str, int]:
        """What the device has counted since it was opened: command buffers, dispatches, barriers, syncs, bytes ..."""
        out = ffi.new("weft_counters *")
        lib.weft_device_counters(self.pointer, out)
        return rows_of(out)

    @property
    def now_ps(self) -> int:
        """The device's clock in picoseconds; simulated time on `sim`."""
        return lib.weft_device_now_ps(self.pointer)

    @property
    def time_parts(self) -> dict[str, int]:
        """Where the time of the clock went, in picoseconds, `now_ps` in all; empty on devices of the host."""
        out = ffi.new("weft_time_part[]", lib.WEFT_TIME_PARTS_MAX)
        count = lib.weft_device_time_parts(self.pointer, out, len(out))
        return {text_of(part.name): part.ps for part in out[0:count]}

    def supports(self, op: str) -> bool:
        """Whether there is a kernel for the op; Error with Status.NOT_FOUND if there is no such op."""
        try:
            call(lib.weft_device_supports, self.pointer, bytes_of(op))
        except Error as error:
            if error.code != Status.UNSUPPORTED:
                raise
            return False
        return True

    def wait(self) -> None:
        """Waits until everything submitted so far is done."""
        lib.weft_device_wait(self.pointer)

    def buffer(self, data: Any = None, dtype: Optional[str] = None, shape: Optional[Iterable[int]] = None,
               label: Optional[str] = None) -> "Buffer":
        """Makes a buffer, of `data` or of zeros.

        Data are a NumPy array, an array.array, or anything else with Python's buffer protocol, whose element type and
        shape the buffer gets; bytes, which need both; or numbers in lists, of `dtype` or f32.
        """
        if data is None:
            return Buffer._make(self, dtype or "f32", () if shape is None else shape, label)
        raw, found, found_shape = _elements.bytes_of_data(data, dtype or "f32")
        buffer = Buffer._make(self, dtype or found or "u8", found_shape if shape is None else shape, label)
        buffer._write_bytes(raw, found, 0)
        return buffer

    def encoder(self, barriers: str = "manual") -> "Encoder":
        """Makes an encoder; barriers are "manual" or "inferred"."""
        return Encoder(self, barriers)


class Buffer(Object):
    """Typed memory of a device, or a view of some; made by `Device.buffer()` and `view()`."""

    _kind = "buffer"

    def __init__(self, pointer: Any) -> None:
        self._handle = Handle(pointer, lib.weft_buffer_destroy)
        self.dtype = _elements.name_of(lib.weft_buffer_dtype(pointer))
        self.shape: tuple[int, ...] = rows_of(lib.weft_buffer_shape(pointer))
        self.nbytes: int = lib.weft_buffer_bytes(pointer)

    @classmethod
    def _make(cls, device: Device, dtype: str, shape: Iterable[int], label: Optional[str]) -> "Buffer":
        buffer = cls(make(lib.weft_buffer_create, "weft_buffer", device.pointer, _elements.number_of(dtype),
                          shape_of(shape)))
        if label is not None:
            lib.weft_buffer_set_label(buffer.pointer, bytes_of(label))
        return buffer

    def view(self, offset: int, shape: Iterable[int]) -> "Buffer":
        """The elements from `offset` on, in another shape; memory is shared."""
        return Buffer(make(lib.weft_buffer_view, "weft_buffer", self.pointer, offset, shape_of(shape)))

    def write(self, data: Any, offset_bytes: int = 0) -> None:
        """Copies data in, as `Device.buffer()` takes them. Element types must agree, bytes go anywhere."""
        raw, found, _ = _elements.bytes_of_data(data, self.dtype)
        self._write_bytes(raw, found, offset_bytes)

    def _write_bytes(self, raw: Any, found: Optional[str], offset_bytes: int) -> None:
        bits = {"bf16": "u16"}.get(self.dtype)
        if found not in (None, self.dtype, bits):
            raise Error(Status.SHAPE_MISMATCH, f"The data are {found}, and the buffer is {self.dtype}.")
        raw = ffi.from_buffer(raw)
        call(lib.weft_buffer_write, self.pointer, offset_bytes, raw, len(raw))

    def _read(self) -> bytearray:
        raw = bytearray(self.nbytes)
        call(lib.weft_buffer_read, self.pointer, 0, ffi.from_buffer(raw), len(raw))
        return raw

    def tobytes(self) -> bytes:
        """All bytes."""
        return bytes(self._read())

    def tolist(self) -> Any:
        """All elements, in lists of lists of the buffer's shape."""
        return _elements.nested(_elements.numbers_of(self._read(), self.dtype), self.shape)

    def numpy(self) -> Any:
        """All elements, as a NumPy array of its own; of bf16 as float32."""
        return _elements.array_of(self._read(), self.dtype, self.shape)


class Encoder(Object):
    """Records dispatches of ops and barriers into command buffers; see weft/encoder.h and weft/ops.h.

    Each op is a method, which takes buffers in the order of the op, None where it may be left out, and parameters by
    name: `encoder.add(a, b, out)`, `encoder.rms_norm(x, weight, out, epsilon=1e-6)`. `weft.ops()` lists them.
    """

    _kind = "encoder"

    def __init__(self, device: Device, barriers: str = "manual") -> None:
        options = ffi.new("weft_encoder_options *")
        options.barriers = value_of("weft_barrier_mode", barriers)
        self._handle = Handle(make(lib.weft_encoder_create, "weft_encoder", device.pointer, options),
                              lib.weft_encoder_destroy)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in op_names():
            return lambda *buffers, **params: self.dispatch(name, *buffers, **params)
        raise AttributeError(f"An encoder has no {name!r}, and there is no such op.")

    def dispatch(self, op: str, *buffers: Optional[Buffer], **params: Any) -> None:
        """Records an op by name."""
        found = ffi.new("weft_op **")
        call(lib.weft_op_find, bytes_of(op), found)
        arguments = [ffi.NULL if buffer is None else buffer.pointer for buffer in buffers]
        call(lib.weft_encoder_dispatch, self.pointer, found[0], arguments, len(arguments), _params_of(op, params))

    def barrier(self) -> None:
        """Later dispatches of this command buffer see what earlier ones wrote."""
        call(lib.weft_encoder_barrier, self.pointer)

    def label(self, text: str) -> None:
        """Names the next dispatch."""
        lib.weft_encoder_set_label(self.pointer, bytes_of(text))

    def commit(self, label: str = "") -> None:
        """Submits the command buffer, and returns before it is done."""
        call(lib.weft_encoder_commit, self.pointer, bytes_of(label))

    def wait(self) -> None:
        """Waits for everything that was committed; raises the first failure."""
        call(lib.weft_encoder_wait, self.pointer)

    def commit_and_wait(self, label: str = "") -> None:
        """Both."""
        call(lib.weft_encoder_commit_and_wait, self.pointer, bytes_of(label))

    def reset(self) -> None:
        """Starts the next command buffer."""
        call(lib.weft_encoder_reset, self.pointer)


def params_type_of(op: str) -> Optional[str]:
    """The name of the struct of an op's parameters, as its typed function takes it; None if there is none."""
    for argument in ffi.typeof(getattr(lib, f"weft_{op}")).args:
        if argument.kind == "pointer" and argument.item.cname.endswith("_params"):
            return argument.item.cname
    return None


def _params_of(op: str, params: dict[str, Any]) -> Any:
    if op in _NUMBERS:
        if set(params) != {_NUMBERS[op]}:
            raise TypeError(f"{op} takes the parameter {_NUMBERS[op]}, and not {sorted(params) or 'none'}.")
        return ffi.new("float *", params[_NUMBERS[op]])
    kind = params_type_of(op)
    if kind is None:
        if params:
            raise TypeError(f"{op} takes no parameters, but {sorted(params)} are given.")
        return ffi.NULL
    return fill(ffi.new(f"{kind} *"), params)


def op_names() -> list[str]:
    """The names of all ops."""
    return [text_of(lib.weft_op_name(lib.weft_op_at(place))) for place in range(lib.weft_op_count())]


def _arguments_of(op: Any) -> list[dict[str, Any]]:
    roles = {value: word for word, value in words_of("weft_role").items()}
    name, role, optional = ffi.new("char **"), ffi.new("weft_role *"), ffi.new("bool *")
    rows = []
    for place in range(lib.weft_op_argument_count(op)):
        lib.weft_op_argument(op, place, name, role, optional)
        rows.append({"name": text_of(name[0]), "role": roles[role[0]], "optional": optional[0]})
    return rows


def _param_names_of(op: str) -> list[str]:
    if op in _NUMBERS:
        return [_NUMBERS[op]]
    kind = params_type_of(op)
    return [field for field, _ in ffi.typeof(kind).fields] if kind else []


def ops() -> list[dict[str, Any]]:
    """All ops: name, arguments with their roles, names of parameters."""
    return [{"name": name, "arguments": _arguments_of(lib.weft_op_at(place)), "params": _param_names_of(name)}
            for place, name in enumerate(op_names())]
