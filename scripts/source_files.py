"""What the checkers share: which files belong to the project, and how a finding is reported."""

import os
import subprocess
import sys
from pathlib import Path

IGNORED_FOLDERS = {".git", "build", "__pycache__"}


def project_files(root):
    """Files below `root`, relative to it and sorted: tracked, or new and not ignored. Without git: all but builds."""
    root = Path(root).resolve()

    def git(*arguments):
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        if Path(git("rev-parse", "--show-toplevel").strip()).resolve() == root:
            names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
            return sorted(Path(name) for name in set(names) if name and (root / name).is_file())
    except (OSError, subprocess.CalledProcessError):
        pass
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in IGNORED_FOLDERS]
        found += [(Path(folder) / name).relative_to(root) for name in names]
    return sorted(found)


class Findings:
    """Collects findings as `file:line: sentence` and ends the program with 1 if there is any, 0 otherwise."""

    def __init__(self, what):
        self.what = what
        self.lines = []

    def add(self, path, line, sentence):
        self.lines.append(f"{path}:{line}: {sentence}" if line else f"{path}: {sentence}")

    def finish(self, checked):
        """Prints the findings. Having checked nothing is a finding too: a check that looks nowhere must not pass."""
        if checked == 0:
            self.lines.append(f"{self.what}: there was nothing to check")
        for line in self.lines:
            print(line)
        print(f"{self.what}: {checked} checked, {len(self.lines)} found")
        sys.exit(1 if self.lines else 0)
