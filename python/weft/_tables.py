"""Structs of C as dicts, and what words stand for in them."""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping

from ._library import ffi, lib, text_of

# Arrays whose places have names.
_NAMES = {"spent_ps": lib.weft_pe_time_name, "parts_ps": lib.weft_flow_part_name}


def words_of(enum: str) -> dict[str, int]:
    """The words of an enum, without what all of their names begin with: {"lazy": 0, "eager": 1, "none": 2}."""
    values = ffi.typeof(enum).relements
    prefix = os.path.commonprefix(list(values))
    prefix = prefix[:prefix.rfind("_") + 1]
    return {name[len(prefix):].lower(): value for name, value in values.items()}


def value_of(enum: str, word: str) -> int:
    """What a word of an enum stands for."""
    words = words_of(enum)
    if word not in words:
        raise ValueError(f"{word!r} is none of {', '.join(sorted(words, key=words.get))}.")
    return words[word]


def shape_of(shape: Iterable[int]) -> Any:
    """A weft_shape."""
    extents = [shape] if isinstance(shape, int) else list(shape)
    if len(extents) > lib.WEFT_RANK_MAX:
        raise ValueError(f"{len(extents)} extents, and a shape has at most {lib.WEFT_RANK_MAX}.")
    out = ffi.new("weft_shape *")
    out.rank = len(extents)
    for place, extent in enumerate(extents):
        out.extent[place] = extent
    return out


def fill(struct: Any, values: Mapping[str, Any]) -> Any:
    """Sets fields of a struct by name, and returns it; a name that it does not have is a TypeError."""
    known = dict(ffi.typeof(struct).item.fields)
    for name, value in values.items():
        if name not in known:
            raise TypeError(f"{ffi.typeof(struct).item.cname} has no field {name!r}, but {', '.join(known)}.")
        setattr(struct, name, value)
    return struct


def _is_text(kind: Any) -> bool:
    return kind.kind in ("array", "pointer") and kind.item.cname == "char"


def _is_table(kind: Any) -> bool:
    return kind.kind == "struct" and kind.fields is not None


def _words(pointer: Any) -> list[str]:
    words = []
    while pointer[len(words)] != ffi.NULL:
        words.append(text_of(pointer[len(words)]))
    return words


def _row(name: str, kind: Any, value: Any, count: Any) -> Any:
    """A field; `count` is what the struct says that there are of it, or None. Raises LookupError for what has no form
    in Python: pointers to who knows what."""
    if kind.kind == "primitive":
        return value
    if kind.kind == "enum":
        names = {number: word for word, number in words_of(kind.cname).items()}
        return names.get(int(value), int(value))
    if _is_table(kind):
        return rows_of(value)
    if kind.kind == "array" and not _is_text(kind):
        items = [_row(name, kind.item, item, None) for item in value][:count]
        return {text_of(_NAMES[name](place)): item for place, item in enumerate(items)} if name in _NAMES else items
    if kind.kind in ("array", "pointer") and value == ffi.NULL:
        return [] if count is not None else None
    if _is_text(kind):
        return text_of(value)
    if kind.kind == "pointer" and kind.item.kind == "pointer" and _is_text(kind.item):
        return _words(value)
    if kind.kind == "pointer" and _is_table(kind.item):
        return rows_of(value[0]) if count is None else [rows_of(value[place]) for place in range(count)]
    raise LookupError(name)


def rows_of(struct: Any) -> Any:
    """A struct as a dict: numbers, words for enums, text, dicts for structs, lists for arrays and for pointers that
    come with a count ("hops" and "hop_count"), of which the count is left out. A weft_shape is a tuple."""
    fields = ffi.typeof(struct)
    fields = dict((fields.item if fields.kind == "pointer" else fields).fields)
    if list(fields) == ["rank", "extent"]:
        return tuple(struct.extent[place] for place in range(struct.rank))
    counts = {}
    for name, field in fields.items():
        counted = f"{name[:-1]}_count"
        if name.endswith("s") and counted in fields and field.type.kind in ("array", "pointer"):
            counts[name] = getattr(struct, counted)
    row = {}
    for name, field in fields.items():
        if name.endswith("_count") and f"{name[:-len('_count')]}s" in counts:
            continue
        try:
            row[name] = _row(name, field.type, getattr(struct, name), counts.get(name))
        except LookupError:
            continue
    return row


def columns(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A table, as lists of dicts are given by this package, as a NumPy array for each column of numbers, text or truth.
    Columns that hold tables themselves are left out."""
    import numpy

    rows = list(rows)
    names = rows[0] if rows else ()
    scalars = (bool, int, float, str, type(None))
    return {name: numpy.array([row[name] for row in rows])
            for name in names if all(isinstance(row[name], scalars) for row in rows)}
