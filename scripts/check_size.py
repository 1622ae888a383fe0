#!/usr/bin/env python3
"""Holds source files to the house's sizes and hygiene: length of files, functions and lines, tabs, blanks at the end of
a line, marks of unfinished work.

usage: check_size.py [--root DIR]
"""

import argparse
import ast
import re
from pathlib import Path

from source_files import Findings, project_files

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 120

C_SUFFIXES = {".c", ".h", ".inc", ".cu"}
CODE_SUFFIXES = C_SUFFIXES | {".py", ".sh"}
# Prose and build files keep the hygiene, not the sizes.
TEXT_SUFFIXES = CODE_SUFFIXES | {".md", ".cmake", ".txt", ".json", ".yaml", ".yml", ".in"}
# What models and corpora are made of is data, whatever its suffix.
DATA_FOLDERS = {"models", "corpus", "data"}

# Written with a class of one letter each, so that this file does not find itself.
MARKS = re.compile(r"\b([T]ODO|[F]IXME|[X]XX|[H]ACK|[p]laceholder|[s]tub|[n]ot (yet )?implemented)\b")
# A changelog speaks of what is not there yet, and says so.
MARKS_ALLOWED = {"CHANGELOG.md"}


def is_script(path, text):
    return path.suffix == "" and text.startswith("#!")


def c_functions(lines):
    """(first line, last line, name) of each function in clang-format'ed C: its braces alone stand in column 0."""
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            opened = number
        elif line.startswith("}") and opened is not None:
            first = signature_start(lines, opened)
            yield first, number, function_name(" ".join(lines[first - 1:opened - 1]))
            opened = None


def signature_start(lines, opened):
    """Line number at which the signature above the brace begins."""
    first = opened
    while first > 1:
        above = lines[first - 2].rstrip()
        if not above or above.endswith((";", "}", "*/")) or above.startswith(("#", "//")):
            break
        first -= 1
    return first


def function_name(signature):
    found = re.search(r"(\w+)\s*\(", signature)
    return found.group(1) if found else "function"


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno, node.name


def check_sizes(path, text, lines, findings):
    if len(lines) > FILE_LINES_MAX:
        findings.add(path, 0, f"{len(lines)} lines, {FILE_LINES_MAX} allowed: split it by responsibility")
    functions = []
    if path.suffix in C_SUFFIXES:
        functions = c_functions(lines)
    elif path.suffix == ".py":
        functions = python_functions(text)
    for first, last, name in functions:
        if last - first + 1 > FUNCTION_LINES_MAX:
            findings.add(path, first, f"{name} has {last - first + 1} lines, {FUNCTION_LINES_MAX} allowed")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            findings.add(path, number, f"{len(line)} columns, {LINE_COLUMNS_MAX} allowed")


def check_hygiene(path, text, lines, findings):
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            findings.add(path, number, "a tab; indent with blanks")
        if line != line.rstrip():
            findings.add(path, number, "blanks at the end of the line")
        mark = MARKS.search(line)
        if mark and path.name not in MARKS_ALLOWED:
            findings.add(path, number, f"'{mark.group(0)}' marks unfinished work: finish it or say what is unsupported")
    if text and not text.endswith("\n"):
        findings.add(path, len(lines), "no newline at the end of the file")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root.resolve()

    findings = Findings("check_size")
    checked = 0
    for path in project_files(root):
        if DATA_FOLDERS.intersection(path.parts[:-1]) and path.suffix not in C_SUFFIXES:
            continue
        if path.suffix not in TEXT_SUFFIXES and path.suffix != "":
            continue
        text = (root / path).read_bytes().decode("utf-8", errors="replace")
        if path.suffix == "" and not is_script(path, text):
            continue
        checked += 1
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        if path.suffix in CODE_SUFFIXES or is_script(path, text):
            check_sizes(path, text, lines, findings)
        check_hygiene(path, text, lines, findings)
    findings.finish(checked)


if __name__ == "__main__":
    main()
