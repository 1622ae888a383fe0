"""Simulated machines, the benches that run on them, and what transfers cost there."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Union

from ._library import Handle, Object, PathLike, bytes_of, call, ffi, lib, make
from ._tables import rows_of, value_of


def _settings_of(settings: Optional[Mapping[str, Any]]) -> tuple[Any, int, list[Any]]:
    """An array of weft_machine_setting, its length, and what must live as long as it is used."""
    kept = []
    for key, value in (settings or {}).items():
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        kept.append((ffi.new("char[]", bytes_of(key)), ffi.new("char[]", bytes_of(text))))
    return ffi.new("weft_machine_setting[]", [{"key": key, "value": value} for key, value in kept]), len(kept), kept


def _list(function: Any, kind: str, *arguments: Any) -> list[dict[str, Any]]:
    """Rows of a function that fills a struct for an index, and returns false past the last."""
    out, rows = ffi.new(f"{kind} *"), []
    while function(*arguments, len(rows), out):
        rows.append(rows_of(out))
    return rows


class Machine(Object):
    """A simulated accelerator, from a YAML file; `settings` replace values of it: {"cube.link_gbs": 128}."""

    _kind = "machine"

    def __init__(self, path: PathLike, settings: Optional[Mapping[str, Any]] = None) -> None:
        array, count, _kept = _settings_of(settings)
        self._handle = Handle(make(lib.weft_machine_open, "weft_machine", bytes_of(path), array, count),
                              lib.weft_machine_close)

    @property
    def info(self) -> dict[str, Any]:
        """What the machine is made of."""
        out = ffi.new("weft_machine_info *")
        lib.weft_machine_get_info(self.pointer, out)
        return rows_of(out)

    def draw(self, view: str = "all", theme: str = "auto") -> str:
        """A picture as SVG; view is "all", "system", "sip", "cube" or "pe", theme "auto", "light" or "dark"."""
        out, count = ffi.new("char **"), ffi.new("size_t *")
        call(lib.weft_machine_draw, self.pointer, bytes_of(view), bytes_of(theme), out, count)
        text = ffi.gc(out[0], lib.weft_machine_free_text)
        return ffi.buffer(text, count[0])[:].decode()


def machine_keys() -> list[dict[str, Any]]:
    """The keys that a machine file may have."""
    return _list(lib.weft_machine_key_at, "weft_machine_key")


def _opened(machine: Union[Machine, PathLike]) -> Machine:
    return machine if isinstance(machine, Machine) else Machine(machine)


def benches() -> list[dict[str, Any]]:
    """The benches: name, a sentence, and their keys with ranges and standard values."""
    return [{**bench, "keys": _list(lib.weft_sim_bench_key_at, "weft_sim_bench_key", bytes_of(bench["name"]))}
            for bench in _list(lib.weft_sim_bench_at, "weft_sim_bench")]


def _progress_of(kind: str, progress: Optional[Callable[[int, int], Any]]) -> Any:
    """A callback of C; NULL for None. What it raises is printed by cffi and does not end the run."""
    if progress is None:
        return ffi.NULL
    return ffi.callback(f"{kind} *", lambda _, done, total: progress(done, total) and None)


def run_bench(machine: Union[Machine, PathLike], name: str, settings: Optional[Mapping[str, Any]] = None, *,
              verify: bool = False, perturb: int = 0, seed: int = 0, hazards: str = "error", values: str = "lazy",
              threads: int = 0, trace: Optional[PathLike] = None,
              progress: Optional[Callable[[int, int], Any]] = None) -> dict[str, Any]:
    """Runs a bench on a machine or machine file, and gives its tables: the weft_sim_bench_result of weft/sim_bench.h.

    settings  of the bench: {"k": 1024, "dtype": "bf16"}
    verify    compute the numbers too, and compare them with a reference
    perturb   run again so many times with other latencies
    hazards   "error", "report" or "hardware"
    values    "lazy" or "eager"
    trace     write a Perfetto trace there
    progress  called with how many runs of how many are done
    """
    machine = _opened(machine)
    array, count, _kept = _settings_of(settings)
    options = ffi.new("weft_sim_bench_options *", {
        "settings": array, "setting_count": count, "verify": verify, "perturb": perturb, "seed": seed,
        "hazards": value_of("weft_hazard_action", hazards), "values": value_of("weft_values_mode", values),
        "threads": threads})
    path = ffi.NULL if trace is None else ffi.new("char[]", bytes_of(trace))
    shown = _progress_of("weft_sim_bench_progress", progress)
    options.trace_path, options.progress = path, shown
    result = ffi.gc(make(lib.weft_sim_bench_run, "weft_sim_bench_result", machine.pointer, bytes_of(name), options),
                    lib.weft_sim_bench_result_destroy)
    tables = rows_of(result)
    tables["settings"] = {row["key"]: row["number"] if row["word"] is None else row["word"]
                          for row in tables["settings"]}
    ffi.release(result)
    return tables


def probe_cases() -> list[dict[str, Any]]:
    """The cases of `run_probe()`: name and a sentence."""
    return _list(lib.weft_probe_case_at, "weft_probe_case")


def run_probe(machine: Union[Machine, PathLike], case: str) -> dict[str, Any]:
    """Runs a case of weft/probe.h, and gives its tables: what transfers take, and where their time goes."""
    machine = _opened(machine)  # kept by its name until the call is done
    result = ffi.gc(make(lib.weft_probe_run_case, "weft_probe_case_result", machine.pointer, bytes_of(case),
                         ffi.new("weft_probe_options *")), lib.weft_probe_case_result_destroy)
    tables = rows_of(result)
    ffi.release(result)
    return tables
