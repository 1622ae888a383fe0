#!/usr/bin/env python3
"""Holds the documentation to the tree: links and paths in *.md exist, examples call verbs and options that the CLI has,
and every public declaration is documented.

usage: check_docs.py [--root DIR] [--weft PROGRAM]
"""

import argparse
import re
import shlex
import subprocess
from pathlib import Path

from source_files import Findings, project_files

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"`([^`]+)`")
PATH = re.compile(r"[\w.{},*-]+(/[\w.{},*-]+)*/?")
# A word with a slash is a path when it begins like one of ours or ends like a file.
FILE_SUFFIX = re.compile(r"\.(c|h|inc|cu|py|sh|md|cmake|json|txt|in|yaml)$")
# Paths may be given from the root, from the file's own folder, or as an #include gives them.
SEARCHED = ("", "src", "include")
# Folders that exist only after a build.
BUILT = ("build/",)
COMMAND = re.compile(r"^\s*(?:\$ )?(?:\S*/)?weft\s+(.*)$")
WORDS_THAT_END_A_COMMAND = {"|", ">", ">>", "<", "&&", "||", ";", "#"}


def expand_braces(text):
    found = re.search(r"\{([^{}]*)\}", text)
    if not found:
        return [text]
    before, after = text[:found.start()], text[found.end():]
    return [one for part in found.group(1).split(",") for one in expand_braces(before + part + after)]


def path_exists(root, document, name):
    bases = [root / base for base in SEARCHED] + [(root / document).parent]
    return all(any(any(base.glob(one.rstrip("/"))) for base in bases) for one in expand_braces(name))


def looks_like_path(root, name):
    if not PATH.fullmatch(name) or name.startswith(BUILT):
        return False
    if "/" not in name:
        return name.endswith(".md")
    first = name.split("/")[0]
    return bool(FILE_SUFFIX.search(name)) or any((root / base / first).exists() for base in SEARCHED)


def check_prose(root, document, number, line, findings):
    for found in LINK.finditer(line):
        target = (found.group(1) or found.group(2)).split("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            continue
        if not ((root / document).parent / target).exists():
            findings.add(document, number, f"the link to {target} leads nowhere")
    for found in CODE_SPAN.finditer(line):
        name = found.group(1)
        if looks_like_path(root, name) and not path_exists(root, document, name):
            findings.add(document, number, f"{name} is not in the tree")


class Cli:
    """What `weft` says about itself, asked once per verb."""

    def __init__(self, program):
        self.program = program
        self.help = self.ask("--help")
        self.verbs = {}

    def ask(self, *arguments):
        result = subprocess.run([self.program, *arguments], capture_output=True, text=True)
        return result.stdout if result.returncode == 0 else ""

    def complaint(self, words):
        """The sentence to report about the words after `weft` in an example, or None."""
        if not words:
            return None
        if "--" in words[1:]:
            # Behind it stand the words of another verb.
            split = words.index("--", 1)
            return self.complaint(words[:split]) or self.complaint(words[split + 1:])
        verb = words[0]
        if verb.startswith("-"):
            known = re.search(rf"(?<![\w-]){re.escape(verb)}(?![\w-])", self.help)
            return None if known else f"weft has no option {verb}"
        if not re.search(rf"^\s+{re.escape(verb)}\b", self.help, re.MULTILINE):
            return f"weft has no verb '{verb}'"
        if verb not in self.verbs:
            self.verbs[verb] = self.ask(verb, "--help")
        for word in words[1:]:
            option = word.split("=")[0]
            if option.startswith("--") and not re.search(rf"{re.escape(option)}(?![\w-])", self.verbs[verb]):
                return f"weft {verb} has no option {option}"
        return None


def command_words(text):
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    for index, word in enumerate(words):
        if word in WORDS_THAT_END_A_COMMAND:
            return words[:index]
    return words


def check_document(root, document, cli, findings):
    in_code = False
    for number, line in enumerate((root / document).read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
            continue
        if in_code:
            commands = [line]
        else:
            check_prose(root, document, number, line, findings)
            commands = [span for span in CODE_SPAN.findall(line) if span.startswith("weft ")]
        for command in commands:
            found = COMMAND.match(command)
            # Capitals stand for a word to be filled in: `weft VERB`.
            if not cli or not found or re.match(r"[A-Z]", found.group(1)):
                continue
            sentence = cli.complaint(command_words(found.group(1)))
            if sentence:
                findings.add(document, number, sentence)


def check_header(root, header, findings):
    """A public declaration needs a /** comment above. One comment serves all that follows it without an empty line."""
    documented = False
    depth = 0
    in_comment = False
    for number, line in enumerate((root / header).read_text().splitlines(), 1):
        text = line.strip()
        if in_comment or text.startswith("/*"):
            if not in_comment:
                documented = text.startswith("/**")
            in_comment = "*/" not in text
            continue
        if not text:
            documented = documented and depth > 0
            continue
        name = declared_name(text) if depth == 0 else None
        if name and not documented:
            findings.add(header, number, f"{name} has no /** comment")
        if text.startswith(("typedef struct", "typedef enum")) or depth > 0:
            depth += text.count("{") - text.count("}")


def declared_name(text):
    """The name of the type or function whose declaration begins in this line, or None."""
    found = re.match(r"typedef\s+(?:struct|enum)\s+(\w+)", text) or re.match(r"typedef\b.*\(\*(\w+)\)", text)
    if found:
        return found.group(1)
    if "WEFT_API" in text and not text.startswith("#"):
        called = re.search(r"(\w+)\s*\(", text)
        return called.group(1) if called else text
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--weft", help="the CLI, to check that the verbs and options in examples exist")
    arguments = parser.parse_args()
    root = arguments.root.resolve()

    findings = Findings("check_docs")
    cli = Cli(arguments.weft) if arguments.weft else None
    checked = 0
    for path in project_files(root):
        if path.suffix == ".md":
            checked += 1
            check_document(root, path, cli, findings)
        elif path.suffix == ".h" and path.parts[:2] == ("include", "weft"):
            checked += 1
            check_header(root, path, findings)
    findings.finish(checked)


if __name__ == "__main__":
    main()
