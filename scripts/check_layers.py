#!/usr/bin/env python3
"""Holds every #include to the layers of ARCHITECTURE.md: arrows point down only.

usage: check_layers.py [--root DIR]
"""

import argparse
import re
from pathlib import Path, PurePosixPath

from source_files import Findings, project_files

PUBLIC = "include/weft"

# Layer -> what it may include besides itself. A layer is the longest of these paths that a file lies below, with * for
# any one folder: so each device is a layer of its own, and none may include another. Headers of the system are free,
# but not in public headers, see SYSTEM_OF_PUBLIC.
LAYERS = {
    "src/base": [],
    "src/kernels": ["src/base"],
    "src/trace": ["src/formats", "src/base"],
    "src/runtime": ["src/trace", "src/base"],
    "src/ops": ["src/runtime", "src/base"],
    # The list that joins the drivers: of each device it sees the one header that hands over its table.
    "src/devices": ["src/devices/*/driver.h", "src/ops", "src/runtime", "src/kernels", "src/base"],
    # devices/host is no device: it holds what those that compute in host memory share.
    "src/devices/*": ["src/devices/host", "src/ops", "src/runtime", "src/kernels", "src/base"],
    # The one place where the simulator and the runtime meet.
    "src/devices/sim": ["src/devices/host", "src/sim", "src/ops", "src/runtime", "src/kernels", "src/base"],
    # What a public header of the simulator may include; inside it, from the bottom up.
    "src/sim": ["src/kernels", "src/trace", "src/base"],
    "src/sim/engine": ["src/base"],
    "src/sim/machine": ["src/base"],
    "src/sim/replay": ["src/kernels", "src/base"],
    "src/sim/order": ["src/base"],
    "src/sim/fabric": ["src/sim/machine", "src/sim/engine", "src/trace", "src/base"],
    "src/sim/pe": ["src/sim/fabric", "src/sim/machine", "src/sim/engine", "src/trace", "src/base"],
    "src/sim/values": ["src/sim/pe", "src/sim/order", "src/sim/replay", "src/sim/machine", "src/sim/engine",
                       "src/base"],
    "src/sim/tile": ["src/sim/pe", "src/sim/fabric", "src/sim/machine", "src/sim/engine", "src/base"],
    "src/sim/collective": ["src/sim/tile", "src/base"],
    "src/sim/host": ["src/sim/tile", "src/sim/values", "src/sim/pe", "src/sim/replay", "src/sim/fabric",
                     "src/sim/machine", "src/sim/engine", "src/trace", "src/base"],
    "src/sim/retime": ["src/sim/host", "src/sim/values", "src/sim/tile", "src/sim/pe", "src/sim/replay",
                       "src/sim/fabric",
                       "src/sim/machine", "src/sim/engine", "src/trace", "src/base"],
    "src/sim/probe": ["src/sim/fabric", "src/sim/machine", "src/sim/engine", "src/trace", "src/base"],
    "src/sim/benches": ["src/sim/replay", "src/sim/machine", "src/kernels", "src/base"],
    "src/formats": ["src/base"],
    "src/text": ["src/formats", "src/base"],
    "src/models": ["src/ops", "src/runtime", "src/formats", "src/text", "src/trace", "src/base"],
    "tools/*": [],
    PUBLIC: [],
}

# Which layer a public header speaks for. Code below src may include those of its own layer and of what that may
# include, and the same holds between the headers; tools may include them all. <weft/weft.h> is for users only.
PUBLIC_LAYERS = {
    "src/base": ["file.h", "status.h", "types.h"],
    "src/runtime": ["buffer.h", "budget.h", "device.h", "encoder.h", "graph.h", "hazard.h", "op.h", "session.h",
                    "timeline.h", "trace.h", "verify.h", "version.h"],
    "src/sim": ["activity.h", "collective.h", "machine.h", "probe.h", "retime.h", "sim.h", "sim_bench.h", "store.h",
                "tile.h"],
    "src/devices/sim": ["sim_device.h"],
    "src/ops": ["ops.h"],
    "src/formats": ["safetensors.h"],
    "src/text": ["tokenizer.h"],
    "src/trace": ["report.h"],
    "src/models": ["model.h"],
}
UMBRELLA = "weft.h"

# Of the system, a public header may include the C standard library only.
SYSTEM_OF_PUBLIC = {
    "assert.h", "complex.h", "ctype.h", "errno.h", "fenv.h", "float.h", "inttypes.h", "iso646.h", "limits.h",
    "locale.h", "math.h", "setjmp.h", "signal.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",
    "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "tgmath.h", "threads.h", "time.h", "uchar.h",
    "wchar.h", "wctype.h",
}

CHECKED_FOLDERS = ("src", "tools", "include")
CHECKED_SUFFIXES = {".c", ".h", ".inc", ".cu"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def matches(path, pattern):
    """True if the file `path` is `pattern` or lies below it; * stands for exactly one folder or file name."""
    parts, wanted = PurePosixPath(path).parts, PurePosixPath(pattern).parts
    if "." in wanted[-1] and len(parts) != len(wanted):
        return False
    return len(parts) >= len(wanted) and all(w in ("*", p) for p, w in zip(parts, wanted))


def layer_of(path):
    """The layer that a file belongs to, with * filled in, or None."""
    folder = PurePosixPath(path).parent.as_posix()
    found = [pattern for pattern in LAYERS if matches(folder, pattern)]
    if not found:
        return None
    best = max(found, key=lambda pattern: (pattern.count("/"), "*" not in pattern))
    return "/".join(PurePosixPath(path).parts[:best.count("/") + 1])


def allowed_of(layer):
    exact = LAYERS.get(layer)
    if exact is not None:
        return exact
    return next(allowed for pattern, allowed in LAYERS.items() if matches(layer, pattern) and "*" in pattern)


def public_layer_of(header):
    """The layer that a file of include/weft speaks for, or None."""
    name = PurePosixPath(header).relative_to(PUBLIC).as_posix()
    return next((layer for layer, names in PUBLIC_LAYERS.items() if name in names), None)


def rule(layer):
    below = [PurePosixPath(name).relative_to("src").as_posix() for name in allowed_of(layer)]
    if layer == PUBLIC:
        return "public headers include <weft/...> and the C standard library only"
    if layer.startswith("tools/"):
        return "tools include <weft/...> and their own folder only"
    name = layer.removeprefix("src/")
    return f"{name} -> {', '.join(below) if below else 'nothing of ours'}"


def resolve(including, name, root):
    """Where a quoted include leads, relative to the root: beside the file, else below src/ (or there in name alone)."""
    beside = PurePosixPath(including).parent / name
    normal = []
    for part in beside.parts:
        if part == ".." and normal:
            normal.pop()
        else:
            normal.append(part)
    beside = "/".join(normal)
    return beside if (root / beside).is_file() else f"src/{name}"


def check_include(including, bracket, name, root):
    """The sentence to report about one #include, or None."""
    layer = layer_of(including)
    if bracket == "<" and not name.startswith("weft/"):
        if layer == PUBLIC and name not in SYSTEM_OF_PUBLIC:
            return f"{layer} may not include <{name}>: {rule(layer)}"
        return None
    if bracket == "<":
        return check_public_include(including, layer, name, root)
    target = resolve(including, name, root)
    if not (root / target).is_file():
        return f"{layer} includes {name}, which is not in the tree"
    if target.startswith(PUBLIC + "/"):
        return f'public headers are included as <weft/...>, not "{name}"'
    if layer_of(target) == layer or any(matches(target, allowed) for allowed in allowed_of(layer)):
        return None
    return f"{layer} may not include {target}: {rule(layer)}"


def check_public_include(including, layer, name, root):
    """The same for an #include of <weft/...>."""
    target = f"include/{name}"
    if not (root / target).is_file():
        return f"{layer} includes <{name}>, which is not in the tree"
    if layer.startswith("tools/") or including == f"{PUBLIC}/{UMBRELLA}":
        return None
    speaks_for = public_layer_of(target)
    reader = public_layer_of(including) if layer == PUBLIC else layer
    if reader is None or speaks_for is None and target != f"{PUBLIC}/{UMBRELLA}":
        return None  # the header without a layer is reported itself
    if speaks_for in (reader, str(PurePosixPath(reader).parent), *allowed_of(reader)):
        return None
    owner = speaks_for.removeprefix("src/") if speaks_for else "users"
    return f"{layer} may not include <{name}>, which is for {owner}: {rule(reader)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root.resolve()

    findings = Findings("check_layers")
    checked = 0
    for path in project_files(root):
        if path.parts[0] not in CHECKED_FOLDERS or path.suffix not in CHECKED_SUFFIXES:
            continue
        if layer_of(path.as_posix()) is None:
            findings.add(path, 0, "this folder is no layer; give it a line in the table of scripts/check_layers.py")
            continue
        checked += 1
        public = layer_of(path.as_posix()) == PUBLIC and path.name != UMBRELLA
        if public and not public_layer_of(path.as_posix()):
            findings.add(path, 0, "this header speaks for no layer; give it one in scripts/check_layers.py")
        for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
            found = INCLUDE.match(line)
            sentence = check_include(path.as_posix(), *found.groups(), root) if found else None
            if sentence:
                findings.add(path, number, sentence)
    findings.finish(checked)


if __name__ == "__main__":
    main()
