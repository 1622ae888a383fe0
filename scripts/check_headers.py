#!/usr/bin/env python3
"""Compiles every public header alone, as C and as C++, warnings being errors.

usage: check_headers.py [--include DIR] [--cc COMPILER] [--cxx COMPILER]
"""

import argparse
import subprocess
from pathlib import Path

from source_files import Findings

STRICT = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]
C_ONLY = ["-Wstrict-prototypes", "-Wmissing-prototypes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--include", type=Path, default=Path(__file__).resolve().parent.parent / "include",
                        help="the folder that holds weft/")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    arguments = parser.parse_args()

    # C17 without extensions, and the oldest C++ that has <cstdint>: what a careful user compiles with.
    languages = [[arguments.cc, "-x", "c", "-std=c17", *C_ONLY], [arguments.cxx, "-x", "c++", "-std=c++11"]]
    findings = Findings("check_headers")
    checked = 0
    for header in sorted(arguments.include.glob("weft/**/*.h")):
        name = header.relative_to(arguments.include).as_posix()
        # Included twice, so that a missing or shared include guard is seen.
        source = f"#include <{name}>\n#include <{name}>\n"
        for language in languages:
            command = [*language, *STRICT, "-I", str(arguments.include), "-"]
            result = subprocess.run(command, input=source, capture_output=True, text=True)
            checked += 1
            if result.returncode != 0:
                how = f"{language[0]} {language[3]}"
                findings.add(header, 0, f"does not compile alone with {how}:\n{result.stderr.rstrip()}")
    findings.finish(checked)


if __name__ == "__main__":
    main()
