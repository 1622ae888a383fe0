#!/usr/bin/env python3
"""Makes the module weft._api, through which the package calls the library, from the public headers.

usage: build_api.py [--include DIR] OUTPUT.py

cffi reads C declarations, but no preprocessor's directives, attributes or comments; so these are resolved here, and
what is left is what the headers declare. Nothing is compiled: the module is Python, and says how to call the library.
"""

import argparse
import ast
import os
import re
from pathlib import Path

import cffi

INCLUDE = Path(__file__).resolve().parent.parent / "include"

# What the standard headers define.
LIMITS = {"UINT8_MAX": 2**8 - 1, "UINT16_MAX": 2**16 - 1, "UINT32_MAX": 2**32 - 1, "UINT64_MAX": 2**64 - 1,
          "INT32_MAX": 2**31 - 1, "INT64_MAX": 2**63 - 1}

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
DIRECTIVE = re.compile(r"^\s*#\s*(\w+)\s*(.*?)\s*$")
# Conditions that headers use, and what they come to for cffi. Guards of headers are true: each is read once.
CONDITIONS = {"ifdef __cplusplus": False, "if defined(__GNUC__)": True}
ATTRIBUTES = {"WEFT_API", "WEFT_CHECKED"}
INTEGER_OPERATIONS = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.LShift, ast.RShift, ast.BitOr, ast.Add,
                      ast.Sub, ast.Mult, ast.USub, ast.Invert)


class HeaderError(Exception):
    """A header uses what this script does not know."""


def integer_of(text, known):
    """The value of an integer constant expression of C, or None for what is none."""
    text = re.sub(r"U?INT\d+_C\((\w+)\)", r"\1", text)
    text = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b", r"\1", text)
    text = re.sub(r"\b[A-Za-z_]\w*\b", lambda name: str(known.get(name.group(0), name.group(0))), text)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return None
    if not all(isinstance(node, INTEGER_OPERATIONS) for node in ast.walk(tree)):
        return None
    value = eval(compile(tree, "constant", "eval"), {"__builtins__": {}})  # of integers and operators alone
    return value if isinstance(value, int) else None


class Reader:
    """Reads headers in the order of their includes."""

    def __init__(self, include):
        self.include = Path(include)
        self.seen = set()
        self.constants = dict(LIMITS)
        self.lines = []

    def is_true(self, header, kind, rest):
        condition = f"{kind} {rest}"
        if condition in CONDITIONS:
            return CONDITIONS[condition]
        if kind == "ifndef" and re.fullmatch(r"WEFT_\w+_H", rest):
            return True
        raise HeaderError(f"{header}: what '#{condition}' comes to is not known here.")

    def define(self, header, rest):
        name, _, text = rest.partition(" ")
        if name in ATTRIBUTES or not text:
            return
        value = integer_of(text, self.constants)
        if value is None:
            raise HeaderError(f"{header}: {name} is '{text}', which is no integer.")
        self.constants[name] = value
        self.lines.append(f"#define {name} {value}")

    def read(self, name):
        """Appends what a header declares, with those that it includes first."""
        if name in self.seen:
            return
        self.seen.add(name)
        text = COMMENT.sub(" ", (self.include / name).read_text(encoding="utf-8")).replace("\\\n", " ")
        active = [True]
        for line in text.splitlines():
            found = DIRECTIVE.match(line)
            if not found:
                if all(active) and line.strip():
                    self.lines.append(re.sub(r"\b(WEFT_API|WEFT_CHECKED)\b\s*", "", line).strip())
                continue
            kind, rest = found.groups()
            if kind.startswith("if"):
                active.append(self.is_true(name, kind, rest))
            elif kind == "else":
                active[-1] = not active[-1]
            elif kind == "endif":
                active.pop()
            elif not all(active):
                continue
            elif kind == "define":
                self.define(name, rest)
            elif kind == "include":
                included = re.fullmatch(r"<(weft/\w+\.h)>", rest)
                if included:
                    self.read(included.group(1))
            else:
                raise HeaderError(f"{name}: '#{kind}' is not known here.")


def declarations(include=INCLUDE):
    """What all public headers declare, as cffi takes it."""
    reader = Reader(include)
    for path in sorted((Path(include) / "weft").glob("*.h")):
        reader.read(f"weft/{path.name}")
    return "\n".join(reader.lines) + "\n"


def make_ffi(include=INCLUDE):
    """The builder that cffi's command and setuptools take."""
    builder = cffi.FFI()
    builder.set_source("weft._api", None)
    builder.cdef(declarations(include))
    return builder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--include", type=Path, default=INCLUDE, help="the folder that holds weft/weft.h")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    # Whoever imports the package meanwhile sees the old module or the new one.
    new = arguments.output.with_suffix(".new")
    make_ffi(arguments.include).emit_python_code(str(new))
    os.replace(new, arguments.output)


if __name__ == "__main__":
    main()
