#!/usr/bin/env python3
"""Installs a build into an empty prefix and uses it as others would: with pkg-config, with find_package, as a command.

The environment names the build (WEFT_BUILD), its compilers (WEFT_CC, WEFT_CXX), its version (WEFT_VERSION), and the
interpreter of the package for Python (WEFT_PYTHON), which is empty if there is none.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1]
SCRIPTS = SOURCES / "scripts"
BUILD = Path(os.environ["WEFT_BUILD"])
CC = os.environ["WEFT_CC"]
CXX = os.environ["WEFT_CXX"]
VERSION = os.environ["WEFT_VERSION"]
PYTHON = os.environ["WEFT_PYTHON"]
SUM = f"weft {VERSION}: 11 22 33 44\n"

# Symbols that the linker puts into every shared library.
SYMBOLS_OF_THE_LINKER = {"_init", "_fini", "_edata", "_end", "__bss_start"}


def run(*command, cwd=None, **variables):
    """Runs a command to success and returns what it printed."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                            cwd=cwd, env={**os.environ, **{name: str(value) for name, value in variables.items()}})
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def only(folder, pattern):
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise AssertionError(f"{pattern} is there {len(found)} times in the installed tree, not once")
    return found[0]


def declared_functions(headers):
    """Names of the functions that the headers mark WEFT_API."""
    names = set()
    for header in headers:
        text = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#[^\n]*", " ", header.read_text(), flags=re.DOTALL | re.MULTILINE)
        for declaration in re.findall(r"WEFT_API\b([^;]*);", text):
            name = re.search(r"(\w+)\s*\(", declaration)
            if not name:
                raise AssertionError(f"{header.name}: no function name found in '{declaration.strip()}'")
            names.add(name.group(1))
    return names


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="weft-install-")
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        # Installed to one place and moved to another: nothing in it may know where it was.
        run("cmake", "--install", BUILD, "--prefix", cls.root / "first")
        cls.prefix = cls.root / "moved here"
        (cls.root / "first").rename(cls.prefix)
        cls.shared_object = only(cls.prefix, "lib*/**/libweft.so")
        cls.headers = sorted((cls.prefix / "include/weft").glob("**/*.h"))

    def test_pkg_config(self):
        search = only(self.prefix, "**/pkgconfig")
        self.assertEqual(run("pkg-config", "--modversion", "weft", PKG_CONFIG_PATH=search).strip(), VERSION)
        # Through a link without a blank in its path, which is what pkg-config's escapes are for, and shells split.
        link = self.root / "pkg"
        link.symlink_to(self.prefix)
        search = link / search.relative_to(self.prefix)
        flags = run("pkg-config", "--cflags", "--libs", "weft", PKG_CONFIG_PATH=search).split()
        program = self.root / "consumer"
        warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        run(CC, "-std=c17", *warnings, HERE / "consumer/consumer.c", *flags, "-o", program)
        self.assertEqual(run(program, LD_LIBRARY_PATH=self.shared_object.parent), SUM)

    def test_examples(self):
        # They say the same as docs/embedding.md, which tests/examples holds the build to.
        for source in sorted((SOURCES / "examples").glob("*.c")):
            with self.subTest(source.name):
                program = self.root / source.stem
                search = only(self.prefix, "**/pkgconfig")
                flags = run("pkg-config", "--cflags", "--libs", "weft", PKG_CONFIG_PATH=search)
                run(CC, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, *shlex.split(flags), "-lm",
                    "-o", program)
                told = re.search(rf"<!-- output {source.stem} -->\n+```\n(.*?)```",
                                 (SOURCES / "docs/embedding.md").read_text(), re.DOTALL).group(1)
                found = run(program, cwd=SOURCES, LD_LIBRARY_PATH=self.shared_object.parent)
                self.assertEqual(found, told)

    @unittest.skipUnless(PYTHON, "the build has no package for Python: no interpreter here has cffi")
    def test_python(self):
        package = only(self.prefix, "share/weft/python")
        program = "import weft; print(weft.__version__, weft.Device('ref').info['scheme'])"
        found = run(PYTHON, "-B", "-c", program, PYTHONPATH=package, WEFT_LIBRARY="")
        self.assertEqual(found, f"{VERSION} ref\n")

    def configure(self, name, wanted):
        run("cmake", "-G", "Ninja", "-S", HERE / "consumer", "-B", self.root / name,
            f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_C_COMPILER={CC}", f"-DWEFT_WANTED={wanted}")

    def test_find_package(self):
        self.configure("build", VERSION)
        run("cmake", "--build", self.root / "build")
        self.assertEqual(run(self.root / "build/consumer"), SUM)

    def test_find_package_refuses_another_version(self):
        with self.assertRaisesRegex(AssertionError, r"compatible\s+with\s+requested\s+version"):
            self.configure("refused", "99.0")

    def test_version_of_the_headers(self):
        text = (self.prefix / "include/weft/version.h").read_text()
        parts = re.findall(r"#define WEFT_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text)
        self.assertEqual(".".join(parts), VERSION)

    def test_every_header_compiles_alone(self):
        self.assertGreater(len(self.headers), 0)
        run(sys.executable, SCRIPTS / "check_headers.py", "--include", self.prefix / "include",
            "--cc", CC, "--cxx", CXX)

    def test_what_is_declared_is_exported_and_nothing_else(self):
        declared = declared_functions(self.headers)
        symbols = run("nm", "-D", "--defined-only", self.shared_object).splitlines()
        exported = {line.split()[-1].split("@")[0] for line in symbols} - SYMBOLS_OF_THE_LINKER
        self.assertIn("weft_device_open", declared)
        self.assertEqual(sorted(declared - exported), [], "declared, but not exported")
        self.assertEqual(sorted(exported - declared), [], "exported, but not declared WEFT_API in a public header")

    def test_library_has_a_soname(self):
        self.assertRegex(run("objdump", "-p", self.shared_object), rf"SONAME\s+libweft\.so\.{VERSION.split('.')[0]}\b")

    def test_command(self):
        command = self.prefix / "bin/weft"
        self.assertIn(VERSION, run(command, "--version"))
        self.assertIn(VERSION, run(command, "--version", LD_LIBRARY_PATH=""))

    def test_man_page(self):
        page = self.prefix / "share/man/man1/weft.1"
        text = page.read_text()
        self.assertRegex(text, r"(?m)^\.TH \"?(?i:weft)\"?")
        for verb in re.findall(r"(?m)^  (\w+) ", run(self.prefix / "bin/weft", "--help")):
            self.assertIn(verb, text)
        if shutil.which("groff"):
            result = subprocess.run(["groff", "-man", "-ww", "-z", "-Kutf8", str(page)], capture_output=True, text=True)
            self.assertEqual(result.stderr, "")


if __name__ == "__main__":
    unittest.main()
