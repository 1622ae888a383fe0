"""Weft: forward passes as command buffers, on real and simulated devices.

A thin layer over the C library, made from its headers. Everything that they declare is in `weft.lib`, with `weft.ffi`
of cffi; what is here besides gives the usual objects of Python: closed by `with`, errors as `weft.Error`, structs as
dicts, elements as NumPy arrays or lists.

    with weft.Device("sim:machines/two-sip.yaml") as device, weft.Model(device, "models/sums") as model:
        print(model.generate("348+275=").text, device.time_parts)

An object may be used from one thread at a time.
"""

from ._library import Error, Status, ffi, lib, text_of
from ._tables import columns
from .device import Buffer, Device, Encoder, ops, schemes
from .machine import Machine, benches, machine_keys, probe_cases, run_bench, run_probe
from .model import Context, Generation, Model, Tokenizer
from .simulation import Simulation, Tensor

__version__ = text_of(lib.weft_version())

__all__ = ["Buffer", "Context", "Device", "Encoder", "Error", "Generation", "Machine", "Model", "Simulation", "Status",
           "Tensor", "Tokenizer", "benches", "columns", "ffi", "lib", "machine_keys", "ops", "probe_cases", "run_bench",
           "run_probe", "schemes"]
