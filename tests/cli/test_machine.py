#!/usr/bin/env python3
"""Simulated machines: what info tells, pictures, and the list of keys."""

import os
import xml.etree.ElementTree as ElementTree

from weft_cli import INPUT, OK, ROOT, USAGE, CliTest, main, weft

MACHINES = ("two-sip", "six-sip-torus", "mesh-8x8", "tiny")


def path_of(name):
    return ROOT / "machines" / f"{name}.yaml"


class Info(CliTest):
    def test_numbers(self):
        found = self.run_json("info", path_of("two-sip"))
        self.assertEqual((found["kind"], found["name"], found["sips"]), ("machine", "two-sip", 2))
        self.assertEqual((found["cube_rows"], found["cube_columns"], found["pes"]), (4, 4, 8))
        self.assertEqual((found["routers"], found["hbm_bytes"]), (32, 48 << 30))
        self.assertEqual((found["hbm_gbs"], found["link_gbs"], found["ucie_gbs"]), (256, 256, 128))
        text = self.run_ok("info", path_of("two-sip")).out
        for part in ("two-sip", "32 in all", "256 in all", "48 GiB", "65.54 TB/s", f"{found['links']} links"):
            self.assertIn(part, text)
        self.assertIn("none", self.run_ok("info", path_of("mesh-8x8")).out)

    def test_settings_count(self):
        words = ("info", path_of("two-sip"), "--set", "cube.link_gbs=100.5", "--set", "system.sips=3")
        found = self.run_json(*words)
        self.assertEqual((found["link_gbs"], found["sips"]), (100.5, 3))

    def test_what_is_wrong_is_told_with_its_place(self):
        broken = self.folder() / "broken.yaml"
        broken.write_text("cube:\n  rows: 2\n  link_gsb: 12\n")
        self.assert_error(weft("info", broken), INPUT, "broken.yaml:3:3", "link_gsb", "link_gbs", verb="info")
        self.assert_error(weft("info", path_of("tiny"), "--set", "cube.link_gbs=-1"), USAGE, "cube.link_gbs=-1",
                          verb="info")
        self.assert_error(weft("info", path_of("tiny"), "--set", "cube.lnk_gbs=1"), USAGE, "cube.link_gbs", verb="info")
        self.assert_error(weft("info", path_of("tiny"), "--set", "cube.link_gbs"), USAGE, "KEY=VALUE", verb="info")
        self.assert_error(weft("info", self.folder() / "none.yaml"), INPUT, "none.yaml", verb="info")


class Draw(CliTest):
    def test_every_machine_and_view(self):
        for name in MACHINES:
            for view in ("all", "system", "sip", "cube", "pe"):
                with self.subTest(f"{name} {view}"):
                    svg = self.folder() / f"{name}.svg"
                    self.assertEqual(self.run_ok("machine", "draw", path_of(name), "--view", view, "-o", svg).out, "")
                    root = ElementTree.parse(svg).getroot()
                    self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
                    printed = self.run_ok("machine", "draw", path_of(name), "--view", view)
                    self.assertEqual(printed.out_bytes, svg.read_bytes())

    def test_themes_differ_in_colours_alone(self):
        light = self.run_ok("machine", "draw", path_of("tiny"), "--theme", "light").out
        dark = self.run_ok("machine", "draw", path_of("tiny"), "--theme", "dark").out
        self.assertNotEqual(light, dark)
        texts = [[element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
                 for svg in (light, dark)]
        self.assertEqual(*texts)

    def test_settings_are_drawn(self):
        words = ("machine", "draw", path_of("tiny"), "--set", "name=a & b <c>")
        root = ElementTree.fromstring(self.run_ok(*words).out)
        self.assertIn("a & b <c>", "".join(root.itertext()))

    def test_wrong_calls(self):
        draw = ("machine", "draw")
        self.assert_error(weft("machine"), USAGE, "ACTION", verb="machine")
        self.assert_error(weft("machine", "drwa"), USAGE, "'drwa'", "'draw'", verb="machine")
        self.assert_error(weft(*draw), USAGE, "FILE", verb="machine")
        self.assert_error(weft(*draw, ""), USAGE, "FILE", verb="machine")
        self.assert_error(weft(*draw, path_of("tiny"), "more"), USAGE, "'more'", verb="machine")
        self.assert_error(weft(*draw, path_of("tiny"), "--view", "cub"), USAGE, "cub", "cube", verb="machine")
        self.assert_error(weft(*draw, path_of("tiny"), "--theme", "drak"), USAGE, "drak", "dark", verb="machine")
        self.assert_error(weft("machine", "keys", path_of("tiny")), USAGE, "tiny.yaml", verb="machine")
        self.assert_error(weft("machine", "keys", "--json", "--markdown"), USAGE, "--json", "--markdown",
                          verb="machine")
        for words in (("keys", "--out", "f"), ("keys", "--set", "name=x"), ("keys", "--view", "pe"),
                      ("draw", path_of("tiny"), "--json"), ("draw", path_of("tiny"), "--markdown")):
            option = next(word for word in words if str(word).startswith("--"))
            self.assert_error(weft("machine", *words), USAGE, option, words[0], verb="machine")

    def test_outputs_do_not_replace_the_machine(self):
        machine = self.folder() / "m.yaml"
        text = path_of("tiny").read_text()
        machine.write_text(text)
        other = machine.with_suffix(".json")
        other.symlink_to(machine)
        self.assert_error(weft("machine", "draw", machine, "-o", machine), USAGE, str(machine), verb="machine")
        self.assert_error(weft("probe", "--machine", machine, "--case", "dma_local", "--trace", machine), USAGE,
                          str(machine), verb="probe")
        self.assert_error(weft("sweep", "--machine", machine, "--set", "pe.dma.channels=1,2", "--out", other, "--",
                               "probe", "--case", "dma_local"), USAGE, str(other), verb="sweep")
        self.assertEqual(machine.read_text(), text)

    def test_what_cannot_be_written_leaves_nothing(self):
        folder = self.folder()
        missing = folder / "none" / "out.svg"
        self.assert_error(weft("machine", "draw", path_of("tiny"), "-o", missing), INPUT, str(missing), verb="machine")
        (folder / "taken").mkdir()
        self.assert_error(weft("machine", "draw", path_of("tiny"), "-o", folder / "taken"), INPUT, "taken",
                          verb="machine")
        self.assertEqual(sorted(os.listdir(folder)), ["taken"])
        self.assert_error(weft("machine", "draw", path_of("tiny"), "-o", "/dev/full"), INPUT, "/dev/full",
                          verb="machine")

    def test_what_is_no_regular_file_is_written_in_place(self):
        folder = self.folder()
        (folder / "link").symlink_to(folder / "picture.svg")
        self.run_ok("machine", "draw", path_of("tiny"), "-o", folder / "link")
        self.assertTrue((folder / "link").is_symlink())
        self.assertEqual((folder / "picture.svg").read_text(), self.run_ok("machine", "draw", path_of("tiny")).out)
        self.assertEqual(sorted(os.listdir(folder)), ["link", "picture.svg"])


class Keys(CliTest):
    def test_the_document_says_the_same(self):
        document = (ROOT / "docs/machine.md").read_text()
        self.assertTrue(document.endswith("\n\n" + self.run_ok("machine", "keys", "--markdown").out))

    def test_three_forms(self):
        keys = self.run_json("machine", "keys")
        self.assertGreater(len(keys), 50)
        text = self.run_ok("machine", "keys").out
        for key in keys:
            self.assertIn(key["path"], text)
            self.assertEqual(key["is_group"], key["expected"] is None)
        link = next(key for key in keys if key["path"] == "cube.link_gbs")
        self.assertEqual((link["unit"], link["default"]), ("GB/s", "256"))
        self.assertEqual(weft("machine", "keys").code, OK)


if __name__ == "__main__":
    main()
