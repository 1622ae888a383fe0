"""The library itself: where it is found, how its functions are called, and what becomes of its errors and objects."""

from __future__ import annotations

import ctypes.util
import enum
import os
import sysconfig
from pathlib import Path
from typing import Any, Iterator, Optional, TypeVar, Union

try:
    from ._api import ffi
except ImportError as missing:
    raise ImportError("weft._api is made from Weft's headers when Weft is built, and is not here: put the folder "
                      "'python' of a build, or of an installed tree, on PYTHONPATH; see python/README.md.") from missing

PathLike = Union[str, bytes, "os.PathLike[Any]"]


def _candidates() -> Iterator[str]:
    """Names to open, in order: what the environment says, what lies beside this package, what the system has."""
    named = os.environ.get("WEFT_LIBRARY")
    if named:
        yield named
        return
    places = Path(__file__).resolve().parents
    # In a build this file lies in BUILD/python/weft, in an installed tree in PREFIX/share/weft/python/weft.
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    folders = [places[2] / "src"]
    if len(places) > 4:
        folders += [places[4] / folder for folder in ("lib", f"lib/{multiarch}", "lib64")]
    for folder in folders:
        yield from (str(path) for path in sorted(folder.glob("libweft.so*"))[:1])
    system = ctypes.util.find_library("weft")
    if system:
        yield system


def _load() -> Any:
    for name in _candidates():
        try:
            library = ffi.dlopen(name)
        except OSError as error:
            raise ImportError(f"The library {name} cannot be opened: {error}.") from error
        _check_version(name, library)
        return library
    raise ImportError("libweft.so is neither beside this package nor where the system looks for libraries; "
                      "name it in the environment variable WEFT_LIBRARY.")


def _check_version(name: str, library: Any) -> None:
    """Structs of another version may lie otherwise, so that is refused."""
    known = f"{library.WEFT_VERSION_MAJOR}.{library.WEFT_VERSION_MINOR}.{library.WEFT_VERSION_PATCH}"
    found = ffi.string(library.weft_version()).decode()
    if found != known:
        raise ImportError(f"{name} is Weft {found}, and this package was made from the headers of {known}.")


lib = _load()

Status = enum.IntEnum("Status", {name[len("WEFT_"):]: value
                                 for name, value in ffi.typeof("weft_status").relements.items()})
Status.__doc__ = "What became of a call: the weft_status of weft/status.h."


class Error(Exception):
    """A call that failed.

    `code` is a Status, `message` one complete sentence; `line` and `column` say where in a text file, or are 0.
    """

    def __init__(self, code: int, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.code = Status(code)
        self.message = message
        self.line = line
        self.column = column


def call(function: Any, *arguments: Any) -> None:
    """Calls a function that returns a status and takes a weft_error last, which is added here; raises Error."""
    err = ffi.new("weft_error *")
    status = function(*arguments, err)
    if status != lib.WEFT_OK:
        raise Error(status, text_of(err.message), err.line, err.column)


def make(function: Any, kind: str, *arguments: Any) -> Any:
    """The same for a function that makes an object of that type; returns the pointer."""
    out = ffi.new(f"{kind} **")
    call(function, *arguments, out)
    return out[0]


def bytes_of(text: PathLike) -> bytes:
    """A path, name or text as C takes it."""
    raw = os.fsencode(text)
    if b"\0" in raw:
        raise ValueError(f"{text!r} has a zero byte in it.")
    return raw


def text_of(pointer: Any) -> str:
    """A string of C."""
    return ffi.string(pointer).decode("utf-8", "replace")


class Handle:
    """A pointer to an object of C, the function that gives it back, and the handles that must be closed before."""

    __slots__ = ("pointer", "_destroy", "_owner", "_dependants")

    def __init__(self, pointer: Any, destroy: Any, owner: Optional["Handle"] = None) -> None:
        self.pointer = pointer
        self._destroy = destroy
        self._owner = owner
        self._dependants: set[Handle] = set()
        if owner is not None:
            owner._dependants.add(self)

    def close(self) -> None:
        """Gives the object back, once. Handles know each other both ways, so the order holds whoever comes first."""
        if self.pointer is None:
            return
        pointer, self.pointer = self.pointer, None
        for dependant in list(self._dependants):
            dependant.close()
        if self._owner is not None:
            self._owner._dependants.discard(self)
        self._destroy(pointer)


_Self = TypeVar("_Self", bound="Object")


class Object:
    """What all objects of the package share: they are closed by `close()`, at the end of a `with`, or when they are
    garbage. What is used after that raises Error with Status.INVALID_STATE."""

    _handle: Optional[Handle] = None
    _kind = "object"

    @property
    def pointer(self) -> Any:
        """The pointer of the C API, for `weft.lib`; borrowed."""
        if self.closed:
            raise Error(Status.INVALID_STATE, f"The {self._kind} is closed.")
        return self._handle.pointer

    @property
    def closed(self) -> bool:
        """True once it has been closed, or something that it cannot be without."""
        return self._handle is None or self._handle.pointer is None

    def close(self) -> None:
        """Gives the object back. Once more does nothing."""
        if self._handle is not None:
            self._handle.close()

    def __enter__(self: _Self) -> _Self:
        self.pointer  # a closed one cannot be entered
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
