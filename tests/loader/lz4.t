#!/usr/bin/env python3
"""Packed modules with something wrong in the frame: named, and nothing of them is used."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import loader, lz4frame  # noqa: E402  (needs the path above)
from tests.lib.loader import Case, good_elf  # noqa: E402
from tests.lib.lz4frame import frame  # noqa: E402

PROGRAM = good_elf()


def packed(*options: str) -> bytes:
    """The program as the lz4 command packs it."""
    return lz4frame.command_output(PROGRAM, *options)


# A match that reaches back before the first byte of the content (lz4 block format, "Matches").
BAD_MATCH = lz4frame.compressed_block(bytes([0x10, 0x41, 0xFF, 0xFF, 0x00]))


def case(about: str, content: bytes, fault: str) -> Case:
    return Case(f"first: {about}", f"module 'first': {fault}", first=content)


CASES = [
    case("truncated in the header", frame(PROGRAM)[:9], "lz4 frame is truncated"),
    case("truncated in a block", frame(PROGRAM)[:3000], "lz4 frame is truncated"),
    case("truncated before the checksum", frame(PROGRAM)[:-4], "lz4 frame is truncated"),
    case("corrupt block", frame(PROGRAM, blocks=BAD_MATCH), "lz4 frame is corrupt"),
    case("wrong content checksum", frame(PROGRAM, wrong_checksum=True),
         "lz4 frame has a wrong content checksum"),
    case("one bit flipped in stored content",
         frame(PROGRAM)[:5000] + bytes([frame(PROGRAM)[5000] ^ 1]) + frame(PROGRAM)[5001:],
         "lz4 frame has a wrong content checksum"),
    case("no content checksum", packed("--content-size", "--no-frame-crc"),
         "lz4 frame has no content checksum"),
    case("no content size", packed(), "lz4 frame has no content size"),
    case("bytes after the frame", frame(PROGRAM) + b"x", "bytes after the lz4 frame"),
    case("less content than announced", frame(PROGRAM, claimed_size=len(PROGRAM) + 1),
         "lz4 frame does not have the size it announces"),
    case("more content than announced", frame(PROGRAM, claimed_size=len(PROGRAM) - 1),
         "lz4 frame does not have the size it announces"),
    case("header check byte", frame(PROGRAM)[:14] + b"\0" + frame(PROGRAM)[15:],
         "lz4 frame has a bad header"),
    case("packed garbage", frame(b"\xa5" * 5000), "not an ELF64 file"),
    Case("kernel: corrupt block", "module 'kernel': lz4 frame is corrupt",
         kernel=frame(PROGRAM, blocks=BAD_MATCH)),
    Case("data: wrong content checksum",
         "module 'data': lz4 frame has a wrong content checksum",
         more=[("name=data", frame(b"text" * 100, wrong_checksum=True))]),
]

if __name__ == "__main__":
    sys.exit(loader.run(CASES))
