"""A machine at work: tensors in its memories, and what moving them takes. Kernels are written in C, see weft/sim.h."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from . import _elements
from ._library import Error, Handle, Object, Status, call, ffi, lib, make
from ._tables import fill, rows_of, shape_of, value_of
from .machine import Machine


class Simulation(Object):
    """A simulation of a machine, at time 0. Closing the machine closes it, and closing it closes its tensors."""

    _kind = "simulation"

    def __init__(self, machine: Machine, values: str = "lazy", hazards: str = "error", threads: int = 0) -> None:
        options = ffi.new("weft_simulation_options *", {
            "values": value_of("weft_values_mode", values), "hazards": value_of("weft_hazard_action", hazards),
            "threads": threads})
        self.machine = machine
        self._handle = Handle(make(lib.weft_simulation_create, "weft_simulation", machine.pointer, options),
                              lib.weft_simulation_destroy, machine._handle)

    @property
    def now_ps(self) -> int:
        """The present time."""
        return lib.weft_simulation_now_ps(self.pointer)

    @property
    def statistics(self) -> dict[str, Any]:
        """Events, their hash, values made and computed ..."""
        out = ffi.new("weft_simulation_statistics *")
        lib.weft_simulation_get_statistics(self.pointer, out)
        return rows_of(out)

    def tensor(self, shape: Iterable[int], dtype: str = "f32", over_sips: str = "replicate",
               over_cubes: str = "replicate", over_pes: str = "replicate", home: str = "hbm",
               pes: Optional[Mapping[str, int]] = None) -> "Tensor":
        """Makes a tensor in memories of the machine.

        over_...  how it is spread over the units of a level: "replicate", "rows" or "columns"
        home      "hbm" or "sram"
        pes       which PEs, by the fields of weft_pe_set: {"sips": 1, "cubes": 1}; None: all
        """
        splits = {"replicate": lib.WEFT_REPLICATE, "rows": lib.WEFT_SPLIT_ROWS, "columns": lib.WEFT_SPLIT_COLUMNS}
        placement = ffi.new("weft_placement *")
        for level, word in (("over_sips", over_sips), ("over_cubes", over_cubes), ("over_pes", over_pes)):
            if word not in splits:
                raise ValueError(f"{level} is {word!r}, and can be {', '.join(splits)}.")
            setattr(placement, level, splits[word])
        placement.home = value_of("weft_home", home)
        fill(ffi.addressof(placement, "pes"), pes or {})
        return Tensor(self, shape, dtype, placement)


class Tensor(Object):
    """A tensor in the memories of a machine, as shards; made by `Simulation.tensor()`."""

    _kind = "tensor"

    def __init__(self, simulation: Simulation, shape: Iterable[int], dtype: str, placement: Any) -> None:
        extents = shape_of(shape)
        self.simulation = simulation
        self.shape: tuple[int, ...] = rows_of(extents)
        self.dtype = dtype
        self.nbytes: int = lib.weft_shape_elements(extents) * lib.weft_dtype_bytes(_elements.number_of(dtype))
        self._handle = Handle(make(lib.weft_placed_tensor_create, "weft_placed_tensor", simulation.pointer,
                                   _elements.number_of(dtype), extents, placement),
                              lib.weft_placed_tensor_destroy, simulation._handle)

    @property
    def shards(self) -> list[dict[str, Any]]:
        """One for each PE of the placement: PE, address, shape, origin in the tensor."""
        out, rows = ffi.new("weft_shard *"), []
        while lib.weft_placed_tensor_get_shard(self.pointer, len(rows), out):
            rows.append(rows_of(out))
        return rows

    def _write(self, function: Any, data: Any) -> None:
        raw, found, _ = _elements.bytes_of_data(data, self.dtype)
        if found not in (None, self.dtype):
            raise Error(Status.SHAPE_MISMATCH, f"The data are {found}, and the tensor is {self.dtype}.")
        raw = ffi.from_buffer(raw)
        call(function, self.pointer, raw, len(raw))

    def _read(self, function: Any) -> bytearray:
        raw = bytearray(self.nbytes)
        call(function, self.pointer, ffi.from_buffer(raw), len(raw))
        return raw

    def set(self, data: Any) -> None:
        """Gives all shards their elements, in no simulated time; data as of `Device.buffer()`."""
        self._write(lib.weft_placed_tensor_set, data)

    def upload(self, data: Any) -> None:
        """The same over the host's link, in simulated time."""
        self._write(lib.weft_placed_tensor_upload, data)

    def tolist(self) -> Any:
        """All elements, read in no simulated time."""
        raw = self._read(lib.weft_placed_tensor_get)
        return _elements.nested(_elements.numbers_of(raw, self.dtype), self.shape)

    def numpy(self) -> Any:
        """The same as a NumPy array."""
        return _elements.array_of(self._read(lib.weft_placed_tensor_get), self.dtype, self.shape)

    def download(self) -> bytes:
        """All bytes, read over the host's link, in simulated time."""
        return bytes(self._read(lib.weft_placed_tensor_download))
