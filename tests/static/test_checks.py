#!/usr/bin/env python3
"""The checkers, checked: each is shown small trees with one mistake and must name it, and a right one and must pass."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"


class Checker(unittest.TestCase):
    script = ""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_check(self, *arguments):
        command = [sys.executable, str(SCRIPTS / self.script), *(arguments or ["--root", str(self.root)])]
        return subprocess.run(command, capture_output=True, text=True)

    def assert_passes(self, *arguments):
        result = self.run_check(*arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def assert_finds(self, expected, *arguments):
        result = self.run_check(*arguments)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(expected, result.stdout)


class Layers(Checker):
    script = "check_layers.py"

    def setUp(self):
        super().setUp()
        for header in ("src/base/status.h", "src/kernels/ref/add.h", "src/runtime/device_impl.h", "src/ops/op.h",
                       "src/devices/cpu/driver.h", "src/devices/cpu/pool.h", "src/devices/ref/driver.h",
                       "src/devices/host/args.h",
                       "src/sim/engine/event.h", "src/formats/json.h", "src/text/bpe.h", "src/trace/span.h",
                       "src/models/qwen3.h", "include/weft/status.h", "tools/weft/options.h"):
            self.write(header, "")

    def include(self, path, name):
        self.write(path, f"/* A file. */\n#include {name}\n")

    def test_arrows_that_point_down_pass(self):
        self.include("src/base/status.c", '"base/status.h"')
        self.include("src/kernels/ref/add.c", '"base/status.h"')
        self.include("src/ops/add.c", '"runtime/device_impl.h"')
        self.include("src/devices/cpu/driver.c", '"pool.h"')
        self.include("src/devices/cpu/arch/avx2.c", '"devices/cpu/pool.h"')
        self.include("src/devices/ref/add.c", '"kernels/ref/add.h"')
        self.include("src/devices/ref/mul.c", '"devices/host/args.h"')
        self.include("src/devices/drivers.c", '"devices/cpu/driver.h"')
        self.include("src/devices/sim/launch.c", '"sim/engine/event.h"')
        self.include("src/text/bpe.c", '"formats/json.h"')
        self.include("src/models/qwen3.c", '"text/bpe.h"')
        self.include("tools/weft/main.c", '"options.h"')
        self.include("tools/weft/run.c", "<weft/status.h>")
        self.include("include/weft/types.h", "<stdint.h>")
        self.assert_passes()

    def test_arrows_that_point_up_or_sideways_are_found(self):
        for path, name in (("src/base/a.c", "kernels/ref/add.h"), ("src/base/b.c", "runtime/device_impl.h"),
                           ("src/kernels/c.c", "ops/op.h"), ("src/runtime/d.c", "ops/op.h"),
                           ("src/runtime/e.c", "devices/cpu/driver.h"), ("src/ops/f.c", "kernels/ref/add.h"),
                           ("src/devices/ref/g.c", "devices/cpu/driver.h"),
                           ("src/devices/list.c", "devices/cpu/pool.h"),
                           ("src/devices/host/o.c", "devices/cpu/pool.h"),
                           ("src/devices/cpu/h.c", "sim/engine/event.h"), ("src/formats/i.c", "text/bpe.h"),
                           ("src/text/j.c", "runtime/device_impl.h"), ("src/models/k.c", "devices/cpu/driver.h"),
                           ("src/trace/l.c", "runtime/device_impl.h"), ("src/sim/m.c", "runtime/device_impl.h"),
                           ("tools/weft/n.c", "base/status.h")):
            with self.subTest(path=path):
                self.include(path, f'"{name}"')
                layer = path.rsplit("/", 1)[0]
                self.assert_finds(f"{path}:2: {layer} may not include src/{name}: ")
                (self.root / path).unlink()

    def test_a_relative_path_is_no_way_around(self):
        self.include("src/devices/ref/add.c", '"../cpu/pool.h"')
        self.assert_finds("src/devices/ref may not include src/devices/cpu/pool.h")

    def test_public_headers_keep_to_the_standard_library(self):
        self.include("include/weft/buffer.h", "<unistd.h>")
        self.assert_finds("include/weft may not include <unistd.h>")
        self.include("include/weft/buffer.h", '"base/status.h"')
        self.assert_finds("include/weft may not include src/base/status.h")

    def test_public_headers_belong_to_layers(self):
        for header in ("types.h", "ops.h", "weft.h"):
            self.write(f"include/weft/{header}", "")
        self.include("src/devices/cpu/driver.c", "<weft/ops.h>")
        self.include("include/weft/weft.h", "<weft/ops.h>")
        self.assert_passes()
        for path, name in (("src/base/a.c", "ops.h"), ("src/runtime/b.c", "ops.h"), ("include/weft/device.h", "ops.h"),
                           ("src/ops/c.c", "weft.h"), ("include/weft/buffer.h", "weft.h")):
            with self.subTest(path=path):
                self.include(path, f"<weft/{name}>")
                self.assert_finds(f"{path}:2: {path.rsplit('/', 1)[0]} may not include <weft/{name}>, which is for ")
                (self.root / path).unlink()
        self.write("include/weft/news.h", "")
        self.assert_finds("include/weft/news.h: this header speaks for no layer")

    def test_what_is_nowhere_is_found(self):
        self.include("src/base/status.c", '"base/gone.h"')
        self.assert_finds("includes base/gone.h, which is not in the tree")

    def test_a_folder_outside_the_table_is_found(self):
        self.include("src/utils/misc.c", '"base/status.h"')
        self.assert_finds("this folder is no layer")


class Size(Checker):
    script = "check_size.py"

    def test_right_files_pass(self):
        body = "    f();\n" * 67
        self.write("src/a.c", f"static void g(void)\n{{\n{body}}}\n" + "\n" * (600 - 70))
        self.write("src/b.c", "/* " + "x" * 114 + " */\n")
        self.assert_passes()

    def test_long_files_functions_and_lines_are_found(self):
        self.write("src/long.c", "int a;\n" * 601)
        self.assert_finds("src/long.c: 601 lines, 600 allowed")
        self.write("src/function.c", "int b;\n\nstatic int\ng(int x,\n  int y)\n{\n" + "    f();\n" * 66 + "}\n")
        self.assert_finds("src/function.c:3: g has 71 lines, 70 allowed")
        self.write("src/line.h", "/* " + "x" * 115 + " */\n")
        self.assert_finds("src/line.h:1: 121 columns, 120 allowed")
        self.write("scripts/tool.py", "def f():\n" + "    pass\n" * 70)
        self.assert_finds("scripts/tool.py:1: f has 71 lines, 70 allowed")
        self.write("scripts/tool", "#!/bin/sh\n" + "true\n" * 600)
        self.assert_finds("scripts/tool: 601 lines, 600 allowed")

    def test_two_functions_are_not_taken_for_one(self):
        half = "    f();\n" * 40
        self.write("src/two.c", f"void a(void)\n{{\n{half}}}\n\nvoid b(void)\n{{\n{half}}}\n")
        self.assert_passes()

    def test_untidiness_is_found(self):
        for text, expected in (("int a;\t/* b */\n", "a tab"), ("int a; \n", "blanks at the end"),
                               ("int a;", "no newline at the end")):
            with self.subTest(expected=expected):
                self.write("src/untidy.c", text)
                self.assert_finds(expected)

    def test_marks_of_unfinished_work_are_found(self):
        for halves in ("TO DO", "FIX ME", "X XX", "place holder", "st ub", "not|yet|imple mented"):
            mark = halves.replace(" ", "").replace("|", " ")
            for name in ("src/a.c", "docs/a.md", "CMakeLists.txt"):
                with self.subTest(mark=mark, name=name):
                    path = self.write(name, f"/* {mark}: later */\n")
                    self.assert_finds(f"{name}:1: '{mark}' marks unfinished work")
                    path.unlink()

    def test_what_git_ignores_is_not_checked(self):
        if not shutil.which("git"):
            self.skipTest("no git")
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.write(".gitignore", "out/\n")
        self.write("src/a.c", "int a;\n")
        self.write("out/b.c", "int b; \n")
        self.assert_passes()

    def test_an_empty_tree_is_no_success(self):
        self.assert_finds("there was nothing to check")


class Docs(Checker):
    script = "check_docs.py"

    def test_right_documents_pass(self):
        self.write("src/base/status.h", "")
        self.write("README.md", "See [rules](docs/rules.md#top), `src/base/`, `base/status.h`, `src/*/status.h`,\n"
                                "3 `tokens/s`, `build/release/weft` and [the web](https://example.org/).\n")
        self.write("docs/rules.md", "Up: [home](../README.md)\n")
        self.write("include/weft/a.h", "/** Two. */\nWEFT_API int weft_a(void);\nWEFT_API int weft_b(void);\n")
        self.assert_passes()

    def test_dead_links_and_paths_are_found(self):
        self.write("src/a.c", "")
        self.write("README.md", "\n[rules](docs/rules.md)\n")
        self.assert_finds("README.md:2: the link to docs/rules.md leads nowhere")
        for path in ("src/gone/", "scripts/gone.py", "GONE.md", "src/{a,b}.c"):
            with self.subTest(path=path):
                self.write("README.md", f"`{path}`\n")
                self.assert_finds(f"README.md:1: {path} is not in the tree")

    def test_undocumented_declarations_are_found(self):
        for text, name in (("WEFT_API int weft_a(void);\n", "weft_a"),
                           ("/* Not for users. */\nWEFT_API int weft_a(void);\n", "weft_a"),
                           ("/** One. */\nWEFT_API int weft_a(void);\n\nWEFT_API int weft_b(void);\n", "weft_b"),
                           ("typedef struct weft_s {\n    int a;\n} weft_s;\n", "weft_s"),
                           ("typedef enum weft_e {\n    WEFT_X\n} weft_e;\n", "weft_e")):
            with self.subTest(text=text):
                self.write("include/weft/a.h", text)
                self.assert_finds(f"{name} has no /** comment")

    def test_examples_are_held_to_the_cli(self):
        weft = self.write("weft", '#!/bin/sh\ncase "$1" in\n'
                                  "--help) printf 'usage: weft VERB\\n  info  shows\\n' ;;\n"
                                  "info) printf 'usage: weft info\\n  --json  as JSON\\n' ;;\nesac\n")
        weft.chmod(0o755)
        arguments = ["--root", str(self.root), "--weft", str(weft)]
        self.write("README.md", "Ask `weft --hlp`.\n")
        self.assert_finds("weft has no option --hlp", *arguments)
        self.write("README.md", "```\n$ weft info FILE --json | jq .\nbuild/weft info --json > out\n```\n`weft VERB`\n")
        self.assert_passes(*arguments)
        self.write("README.md", "```\n$ weft inform FILE\n```\n")
        self.assert_finds("README.md:2: weft has no verb 'inform'", *arguments)
        self.write("README.md", "Use `weft info --jsn`.\n")
        self.assert_finds("README.md:1: weft info has no option --jsn", *arguments)
        self.write("README.md", "Use `weft info -- info --json`.\n")
        self.assert_passes(*arguments)
        self.write("README.md", "Use `weft info --json -- inform --jsn`.\n")
        self.assert_finds("README.md:1: weft has no verb 'inform'", *arguments)


class Headers(Checker):
    script = "check_headers.py"

    def setUp(self):
        super().setUp()
        self.arguments = ["--include", str(self.root), "--cc", os.environ.get("WEFT_CC", "cc"),
                          "--cxx", os.environ.get("WEFT_CXX", "c++")]

    def test_a_header_that_stands_alone_passes(self):
        self.write("weft/a.h", "#ifndef A\n#define A\n#include <stdint.h>\nuint32_t weft_a(void);\n#endif\n")
        self.assert_passes(*self.arguments)

    def test_headers_that_do_not_are_found(self):
        for text in ("uint32_t weft_a(void);\n", "static const int twice;\nstruct s { int a; };\n",
                     "int weft_a(int class);\n", "int weft_a();\n"):
            with self.subTest(text=text):
                self.write("weft/a.h", text)
                self.assert_finds("does not compile alone", *self.arguments)


@unittest.skipUnless(shutil.which("doxygen"), "no doxygen here")
class Reference(Checker):
    def build(self, comment):
        shutil.copytree(SCRIPTS, self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        self.write("docs/Doxyfile", (ROOT / "docs/Doxyfile").read_text())
        self.write("CMakeLists.txt", "project(weft VERSION 1.2.3)\n")
        self.write("include/weft/a.h", f"/* About a. */\n\n/** {comment} */\nint weft_a(int x);\n")
        return subprocess.run([str(self.root / "scripts/docs")], capture_output=True, text=True)

    def test_right_comments_pass_and_the_first_describes_the_file(self):
        result = self.build("Does it. @param x what")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("About a.", (self.root / "build/docs/html/a_8h.html").read_text())

    def test_a_parameter_that_does_not_exist_is_found(self):
        result = self.build("Does it. @param y what")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("a.h:", result.stderr)


if __name__ == "__main__":
    unittest.main()
