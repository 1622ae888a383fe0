#!/usr/bin/env python3
"""That the package has all of the library: functions, constants, structs as the compiler lays them out.

The environment names the library (WEFT_LIBRARY), a C compiler (WEFT_CC) and the folder of the package (PYTHONPATH).
"""

import needed  # first

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import weft

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
sys.path.insert(0, str(ROOT / "python"))
import build_api  # noqa: E402

# Symbols that the linker puts into every shared library.
SYMBOLS_OF_THE_LINKER = {"_init", "_fini", "_edata", "_end", "__bss_start"}


def kind_of(name):
    """The type of a typedef; None for functions, which are only types behind a pointer."""
    try:
        return weft.ffi.typeof(name)
    except weft.ffi.error:
        return None


def read_headers(**files):
    """What build_api makes of headers with these names and texts."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weft").mkdir()
        for name, text in files.items():
            (Path(folder) / "weft" / f"{name}.h").write_text(text)
        return build_api.declarations(folder)


class Coverage(unittest.TestCase):

    def test_every_exported_function_can_be_called(self):
        symbols = subprocess.run(["nm", "-D", "--defined-only", os.environ["WEFT_LIBRARY"]], capture_output=True,
                                 text=True, check=True).stdout.splitlines()
        exported = {line.split()[-1].split("@")[0] for line in symbols} - SYMBOLS_OF_THE_LINKER
        self.assertIn("weft_device_open", exported)
        missing = [name for name in sorted(exported) if not hasattr(weft.lib, name)]
        self.assertEqual(missing, [])

    def test_everything_declared_is_in_the_library(self):
        text = "".join(path.read_text() for path in sorted((INCLUDE / "weft").glob("*.h")))
        text = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#[^\n]*", " ", text, flags=re.DOTALL | re.MULTILINE)
        declared = set(re.findall(r"WEFT_API\b[^;(]*?(\w+)\s*\(", text))
        self.assertIn("tl_dot", declared)
        for name in sorted(declared):
            getattr(weft.lib, name)

    def test_constants(self):
        self.assertEqual(weft.lib.WEFT_VIRTUAL_BEGIN, 1 << 62)
        self.assertEqual(weft.lib.WEFT_BUDGET_NONE, 2**64 - 1)
        self.assertEqual(weft.Status.OUT_OF_RANGE, 3)
        self.assertEqual(weft.__version__, weft.ffi.string(weft.lib.weft_version()).decode())

    def test_the_version_of_the_package(self):
        project = (ROOT / "python/pyproject.toml").read_text()
        self.assertEqual(re.search(r'^version = "(.*)"$', project, re.MULTILINE).group(1), weft.__version__)

    def test_structs_lie_as_the_compiler_lays_them(self):
        ffi = weft.ffi
        structs = [(name, kind) for name, kind in ((name, kind_of(name)) for name in ffi.list_types()[0])
                   if kind is not None and kind.kind == "struct" and kind.fields is not None]
        self.assertGreater(len(structs), 50)
        lines, expected = [], []
        for name, kind in structs:
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            expected.append(f"{name} {ffi.sizeof(name)}")
            for field, place in kind.fields:
                lines.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
                expected.append(f"{name}.{field} {place.offset}")
        includes = [f"#include <weft/{path.name}>\n" for path in sorted((INCLUDE / "weft").glob("*.h"))]
        source = f"#include <stddef.h>\n#include <stdio.h>\n{''.join(includes)}int main(void)\n{{\n" \
                 f"{chr(10).join(lines)}\nreturn 0;\n}}\n"
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "layout"
            subprocess.run([os.environ.get("WEFT_CC", "cc"), "-std=c17", "-I", INCLUDE, "-x", "c", "-", "-o", program],
                           input=source, text=True, check=True)
            found = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertEqual(found, expected)


class Headers(unittest.TestCase):

    def test_what_is_resolved(self):
        text = read_headers(b="#ifndef WEFT_B_H\n#define WEFT_B_H\n#include <weft/a.h>\n#ifdef __cplusplus\n"
                              'extern "C" {\n#endif\n'
                              "/* a comment\n#define NOT 1\n*/ WEFT_API WEFT_CHECKED int f(kind k); // more\n"
                              "#define SIZE (UINT64_C(1) << 4) \n#define MORE (SIZE + 0x2u)\n#endif\n",
                            a="#ifndef WEFT_A_H\n#define WEFT_A_H\ntypedef int kind;\n#endif\n")
        self.assertEqual(text.split("\n"), ["typedef int kind;", "int f(kind k);", "#define SIZE 16",
                                            "#define MORE 18", ""])

    def test_what_is_not_known_is_an_error(self):
        for line in ("#if WEFT_OLD", "#define WEFT_CALL(x) f(x)", "#define WEFT_NAME \"weft\"", "#pragma once",
                     "#define X __import__"):
            with self.subTest(line), self.assertRaisesRegex(build_api.HeaderError, "a.h: "):
                read_headers(a=f"#ifndef WEFT_A_H\n#define WEFT_A_H\n{line}\n#endif\n")


class Loading(unittest.TestCase):

    def python(self, program, **variables):
        environment = {**os.environ, **variables}
        environment = {name: value for name, value in environment.items() if value}
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT,
                              env=environment)

    def test_found_in_the_build(self):
        result = self.python("import weft; print(weft.__version__)", WEFT_LIBRARY="")
        self.assertEqual((result.stdout, result.stderr), (f"{weft.__version__}\n", ""))

    def test_a_library_that_is_none(self):
        result = self.python("import weft", WEFT_LIBRARY="/nowhere/libweft.so")
        self.assertIn("ImportError: The library /nowhere/libweft.so cannot be opened", result.stderr)

    def test_another_version_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "libweft.so"
            subprocess.run([os.environ.get("WEFT_CC", "cc"), "-shared", "-fPIC", "-x", "c", "-", "-o", library],
                           input='const char *weft_version(void) { return "0.0.9"; }', text=True, check=True)
            result = self.python("import weft", WEFT_LIBRARY=str(library))
        self.assertIn(f"libweft.so is Weft 0.0.9, and this package was made from the headers of {weft.__version__}.",
                      result.stderr)

    def test_without_numpy(self):
        result = self.python("import sys; sys.modules['numpy'] = None\nimport weft\n"
                             "with weft.Device('ref') as device:\n"
                             "    buffer = device.buffer([[1, 2], [3, 4]])\n"
                             "    print(buffer.tolist())\n    buffer.numpy()")
        self.assertEqual(result.stdout, "[[1.0, 2.0], [3.0, 4.0]]\n")
        self.assertIn("ModuleNotFoundError", result.stderr)


if __name__ == "__main__":
    unittest.main()
