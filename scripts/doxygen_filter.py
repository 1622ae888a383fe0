#!/usr/bin/env python3
"""Shows Doxygen a public header as its readers see it, line for line: the comment on top describes the file, and a
comment above a group of declarations (no empty line between them) belongs to each of the group.

usage: doxygen_filter.py HEADER   (writes to standard output)
"""

import re
import sys
from pathlib import Path

DECLARATION = re.compile(r"(WEFT_API|typedef)\b")


def describe_file(lines):
    """Turns the first comment into the file's. Doxygen takes @file to the end of its line, so it goes to the last."""
    if not lines or not re.match(r"/\*(?!\*)", lines[0]):
        return
    for index, line in enumerate(lines):
        if "*/" in line:
            lines[0] = "/**" + lines[0][2:]
            lines[index] = lines[index].replace("*/", "@file */", 1)
            return


def comment_text(lines, first, last):
    inner = " ".join(line.strip().removeprefix("/**").removesuffix("*/").strip().removeprefix("* ").strip()
                     for line in lines[first:last + 1])
    return inner.strip()


def share_comments(lines):
    """Repeats a group's comment, in one line, before each later declaration of the group."""
    shared = None
    begin = 0
    in_comment = False
    fresh = False
    for index, line in enumerate(lines):
        text = line.strip()
        if in_comment or text.startswith("/*"):
            if not in_comment:
                begin = index
            in_comment = "*/" not in text
            if not in_comment:
                shared = comment_text(lines, begin, index) if lines[begin].strip().startswith("/**") else None
                fresh = True
            continue
        if not text:
            shared = None
        elif DECLARATION.match(line):
            if shared and not fresh:
                lines[index] = f"/** {shared} */ {line}"
            fresh = False


def main():
    lines = Path(sys.argv[1]).read_text().split("\n")
    share_comments(lines)
    describe_file(lines)
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
