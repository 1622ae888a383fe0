#!/usr/bin/env python3
"""The heap of the command: a gigabyte set aside, in large pages where there are such, unless memory is limited."""

import mmap
import platform
import re
import resource
import subprocess
import unittest
from pathlib import Path

from weft_cli import IS_SANITIZED, SUMS, WEFT, CliTest, main

GIB = 1 << 30
OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
MAPPING = re.compile(r"(?m)^[0-9a-f]+-[0-9a-f]+ [-a-z]{4} .*$")


def mappings(process):
    """The head of each mapping, its size in bytes and its flags; None if the system does not tell."""
    path = Path(f"/proc/{process}/smaps")
    text = path.read_text() if path.exists() else ""
    heads, bodies = MAPPING.findall(text), MAPPING.split(text)[1:]
    if "VmFlags:" not in text:
        return None
    return [(head, int(re.search(r"(?m)^Size: +(\d+) kB", body)[1]) << 10,
             re.search(r"(?m)^VmFlags:(.*)$", body)[1].split()) for head, body in zip(heads, bodies)]


def tells_of_large_pages():
    """Whether those that this process asks for are seen in what the system tells of it."""
    with mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as asked:
        try:
            asked.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            return False
        return any("hg" in flags for _, _, flags in mappings("self") or [])


def limit(which):
    return lambda: resource.setrlimit(which, (64 * GIB, 64 * GIB))


def heap_of(preexec_fn=None):
    """The mappings of the heap of a command that waits for the rest of its prompt."""
    words = [WEFT, "generate", "--model", str(SUMS), "--prompt", "-"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, preexec_fn=preexec_fn) as child:
        try:
            child.stdin.write(bytes(1 << 20))  # more than a pipe holds: some of it has been read
            return [(size, flags) for head, size, flags in mappings(child.pid) if head.endswith(" [heap]")]
        finally:
            child.kill()


@unittest.skipIf(IS_SANITIZED, "sanitizers have an allocator of their own")
@unittest.skipIf(platform.libc_ver()[0] != "glibc", "the heap is not that of glibc")
@unittest.skipIf(mappings("self") is None, "the system does not tell of mappings")
class LargePages(CliTest):
    def assert_small(self, heap):
        self.assertTrue(heap)
        self.assertLess(sum(size for size, _ in heap), GIB)
        self.assertFalse([flags for _, flags in heap if "hg" in flags])

    def test_the_heap_is_large_and_in_large_pages(self):
        heap = heap_of()
        if OVERCOMMIT.read_text().strip() == "2":
            self.assert_small(heap)
            return
        large = [flags for size, flags in heap if size >= GIB]
        self.assertEqual(len(large), 1, heap)
        if not tells_of_large_pages():
            self.skipTest("the system does not tell of large pages")
        self.assertIn("hg", large[0])

    def test_it_is_small_where_memory_is_limited(self):
        for which in resource.RLIMIT_AS, resource.RLIMIT_DATA:
            self.assert_small(heap_of(limit(which)))


if __name__ == "__main__":
    main()
