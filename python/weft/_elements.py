"""Elements: what Python has of them, as bytes of C and back."""

from __future__ import annotations

import struct
from typing import Any, Iterable, Optional

from ._library import text_of, lib
from ._tables import words_of

DTYPES = words_of("weft_dtype")

# What struct calls them. Those of bf16 are taken as they are, and given widened.
_CODES = {"f32": "f", "f16": "e", "bf16": "H", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I",
          "i64": "q", "u64": "Q", "f64": "d"}
_OF_CODES = {"c": "u8", "l": "i64", "L": "u64", "n": "i64", "N": "u64",
             **{code: dtype for dtype, code in _CODES.items() if dtype != "bf16"}}


def name_of(dtype: int) -> str:
    """The name of a weft_dtype."""
    return text_of(lib.weft_dtype_name(dtype))


def number_of(dtype: str) -> int:
    """The weft_dtype of a name."""
    if dtype not in DTYPES:
        raise ValueError(f"{dtype!r} is no element type; there are {', '.join(sorted(DTYPES, key=DTYPES.get))}.")
    return DTYPES[dtype]


def bytes_of_data(data: Any, dtype: str) -> tuple[Any, Optional[str], tuple[int, ...]]:
    """The bytes of data in row-major order, the element type that they have, None where it is free, and their shape.

    Data are anything with Python's buffer protocol (bytes, array.array, memoryview, NumPy arrays), or numbers in lists,
    lists of lists ..., which become elements of `dtype`.
    """
    try:
        view = memoryview(data)
    except TypeError:
        return _bytes_of_numbers(data, dtype)
    if isinstance(data, (bytes, bytearray)):
        return view, None, view.shape
    code = view.format.lstrip("@=<")
    if code not in _OF_CODES:
        raise TypeError(f"Elements of the format {view.format!r} have no element type of Weft.")
    return view if view.c_contiguous else view.tobytes(), _OF_CODES[code], view.shape


def _bytes_of_numbers(data: Any, dtype: str) -> tuple[bytes, str, tuple[int, ...]]:
    shape, numbers = [], data if isinstance(data, (list, tuple)) else [data]
    if isinstance(data, (list, tuple)):
        shape.append(len(numbers))
    while numbers and isinstance(numbers[0], (list, tuple)):
        length = len(numbers[0])
        if any(not isinstance(row, (list, tuple)) or len(row) != length for row in numbers):
            raise ValueError(f"The rows of axis {len(shape)} differ in length.")
        shape.append(length)
        numbers = [number for row in numbers for number in row]
    number_of(dtype)  # a name that is none ends here
    if dtype == "bf16":
        raise TypeError("Numbers are not rounded to bf16 here: write f32 and let weft_copy() round, or give the bits "
                        "as u16.")
    try:
        return struct.pack(f"<{len(numbers)}{_CODES[dtype]}", *numbers), dtype, tuple(shape)
    except struct.error as error:
        raise TypeError(f"These are no numbers of {dtype}: {error}.") from error


def numbers_of(raw: bytes, dtype: str) -> list:
    """The elements of bytes, as numbers."""
    code = _CODES[dtype]
    numbers = list(struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw))
    if dtype == "bf16":
        numbers = list(struct.unpack(f"<{len(numbers)}f", struct.pack(f"<{len(numbers)}I",
                                                                     *(bits << 16 for bits in numbers))))
    return numbers


def nested(numbers: list, shape: Iterable[int]) -> Any:
    """Numbers in row-major order as lists of lists; of rank 0: the number."""
    shape = tuple(shape)
    if not shape:
        return numbers[0]
    if len(shape) == 1:
        return numbers
    step = len(numbers) // shape[0] if shape[0] else 0
    return [nested(numbers[place * step:(place + 1) * step], shape[1:]) for place in range(shape[0])]


def array_of(raw: bytearray, dtype: str, shape: Iterable[int]) -> Any:
    """The elements of bytes as a NumPy array, which keeps the bytes; of bf16 as f32."""
    import numpy

    array = numpy.frombuffer(raw, dtype=f"<{_CODES[dtype]}" if dtype not in ("i8", "u8") else _CODES[dtype])
    if dtype == "bf16":
        array = (array.astype(numpy.uint32) << 16).view(numpy.float32)
    return array.reshape(tuple(shape))
