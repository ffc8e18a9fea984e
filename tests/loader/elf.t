#!/usr/bin/env python3
"""Programs with a wrong structure: the loader names the module and the fault, and stops."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import elf, loader  # noqa: E402  (needs the path above)
from tests.lib.elf import R, W, X, Segment  # noqa: E402
from tests.lib.loader import FIRST_BASE, Case, code_segment, good_elf  # noqa: E402

NEXT = FIRST_BASE + elf.PAGE


def first(*segments: Segment, entry: int = FIRST_BASE, **forged: int) -> bytes:
    return elf.build(list(segments), entry, **forged)


def case(about: str, content: bytes, fault: str) -> Case:
    return Case(f"first: {about}", f"module 'first': {fault}", first=content)


CASES = [
    case("garbage", b"\xa5" * 5000, "not an ELF64 file"),
    case("no byte at all", b"", "not an ELF64 file"),
    case("truncated header", good_elf()[:40], "not an ELF64 file"),
    case("ELF32", first(code_segment(), elf_class=1), "not an ELF64 file"),
    case("big-endian", first(code_segment(), data=2), "not an ELF64 file"),
    case("for another processor", first(code_segment(), machine=183), "not an x86-64 ELF file"),
    case("an object file", first(code_segment(), kind=1), "not an executable ELF file"),
    case("program headers outside the file", first(code_segment(), header_offset=1 << 40),
         "bad ELF program headers"),
    case("program headers of another size", first(code_segment(), header_size=32),
         "bad ELF program headers"),
    case("no segment", first(header_count=0), "bad ELF program headers"),
    case("truncated segment", good_elf()[:elf.PAGE + 8], "segment 1 lies outside the file"),
    case("segment offset that wraps", first(Segment(FIRST_BASE, R | X, b"\xf4" * 64,
                                                    offset=(1 << 64) - 32)),
         "segment 1 lies outside the file"),
    case("more in the file than in memory",
         first(Segment(FIRST_BASE, R | X, b"\xf4" * 64, memory_size=32)),
         "segment 1 has more bytes in the file than in memory"),
    case("segment in the kernel's half",
         first(code_segment(), Segment(loader.KERNEL_BASE, R, b"x")),
         "segment 2 lies outside memory"),
    case("segment whose end wraps", first(code_segment(), Segment(NEXT, R | W, b"x",
                                                                  memory_size=(1 << 64) - 4096)),
         "segment 2 lies outside memory"),
    case("overlapping segments", first(code_segment(), Segment(FIRST_BASE, R | W, b"x")),
         "segments 1 and 2 overlap"),
    case("segments that overlap in zeroes",
         first(Segment(FIRST_BASE, R | X, b"\xf4" * 64, memory_size=2 * elf.PAGE),
               Segment(NEXT, R | W, b"x")), "segments 1 and 2 overlap"),
    case("segment not on a page", first(code_segment(), Segment(NEXT + 16, R | W, b"x")),
         "segment 2 does not start on a page"),
    case("writable and executable", first(code_segment(), Segment(NEXT, R | W | X, b"x")),
         "segment 2 is writable and executable"),
    case("entry point outside", first(code_segment(), entry=NEXT),
         "entry point outside the executable segments"),
    case("entry point in data", first(code_segment(), Segment(NEXT, R | W, b"x"), entry=NEXT),
         "entry point outside the executable segments"),
    Case("kernel: ELF32", "module 'kernel': not an ELF64 file",
         kernel=elf.build([code_segment(0x100000)], 0x100000, elf_class=1)),
    Case("kernel: below the higher half", "module 'kernel': segment 1 lies outside memory",
         kernel=good_elf()),
    Case("kernel: overlapping segments", "module 'kernel': segments 1 and 2 overlap",
         kernel=elf.build([code_segment(loader.KERNEL_BASE),
                           Segment(loader.KERNEL_BASE, R, b"x")], loader.KERNEL_BASE)),
]

if __name__ == "__main__":
    sys.exit(loader.run(CASES))
