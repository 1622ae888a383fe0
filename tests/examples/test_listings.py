#!/usr/bin/env python3
"""Holds a document to the programs that it shows: each listing stands in its file word for word, and each output is
what the program prints, which must end with 0.

usage: test_listings.py [--update] DOCUMENT FOLDER-OF-PROGRAMS

With --update the outputs in the document become what the programs print now; look at what has changed.
In the document a line `<!-- listing FILE -->` or `<!-- output PROGRAM -->` says what the code block after it is.
"""

import re
import subprocess
import sys
from pathlib import Path

MARK = re.compile(r"<!-- (listing|output) (\S+) -->\n+```\w*\n(.*?)```\n", re.DOTALL)


def run(program):
    return subprocess.run([program], capture_output=True, text=True, timeout=240)


def updated(text, programs):
    """The text with the outputs of the programs as they are."""
    parts, end = [], 0
    for found in MARK.finditer(text):
        if found.group(1) == "output":
            parts += [text[end:found.start(3)], run(programs / found.group(2)).stdout]
            end = found.end(3)
    return "".join(parts) + text[end:]


def find_problems(text, programs):
    """Sentences, and how many listings and outputs there are."""
    problems, listings, outputs, shown = [], 0, 0, set()
    for kind, name, block in MARK.findall(text):
        if kind == "listing":
            listings += 1
            shown.add(Path(name).stem)
            if block not in Path(name).read_text():
                problems.append(f"a listing is not in {name}: {block.splitlines()[0]} ...")
        else:
            outputs += 1
            result = run(programs / name)
            if result.returncode != 0:
                problems.append(f"{name} ended with {result.returncode}: {result.stderr}")
            elif result.stdout != block:
                problems.append(f"{name} prints\n{result.stdout}and not\n{block}")
            shown.discard(name)
    problems += [f"{name} is shown, but its output is not" for name in sorted(shown)]
    if text.count("```c\n") != listings:
        problems.append(f"{text.count('```c')} code blocks are C, but {listings} are marked as listings")
    return problems, listings, outputs


def main():
    document, programs = map(Path, sys.argv[-2:])
    if sys.argv[1] == "--update":
        document.write_text(updated(document.read_text(), programs))
    problems, listings, outputs = find_problems(document.read_text(), programs)
    for problem in problems:
        print(problem)
    print(f"{listings} listings, {outputs} outputs: {len(problems)} problems")
    return 1 if problems or not listings or not outputs else 0


if __name__ == "__main__":
    sys.exit(main())
