#!/usr/bin/env python3
"""Runs each fuzz target: 50,000 inputs, or a million with LONG=1, from a seed that it says.
Arguments: names of targets. What broke one is kept in out/log/fuzz."""

import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)

FOLDER = ROOT / "tests/fuzz"
BROKEN = ROOT / "out/log/fuzz"
RUNS = 1_000_000 if os.environ.get("LONG") else 50_000
SECONDS = 1800 if os.environ.get("LONG") else 180

IMAGE = 0x400000
READ, WRITE, EXECUTE = 4, 2, 1


def elf(*segments: tuple[int, int, int], entry: int = IMAGE) -> bytes:
    """An executable of segments (address, bytes in memory, rights), all from the file's start."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, entry, 64, 0, 0, 64, 56,
                         len(segments), 0, 0, 0)
    table = b"".join(struct.pack("<IIQQQQQQ", 1, rights, 0, address, address, 64, size, 4096)
                     for address, size, rights in segments)
    return header + table


def named() -> bytes:
    """The same with two symbols: behind it sections, then the symbols, then their names."""
    plain = elf((IMAGE, 4096, READ | EXECUTE))
    symbols, names = len(plain) + 3 * 64, b"\0here\0there\0"
    sections = b"".join(struct.pack("<IIQQQQIIQQ", 0, kind, 0, 0, offset, size, link, 0, 1, each)
                        for kind, offset, size, link, each in (
                            (0, 0, 0, 0, 0), (2, symbols, 3 * 24, 2, 24),
                            (3, symbols + 3 * 24, len(names), 0, 0)))
    table = b"".join(struct.pack("<IBBHQQ", *symbol) for symbol in (
        (0, 0, 0, 0, 0, 0), (1, 0x12, 0, 1, IMAGE, 16), (6, 0x10, 0, 1, IMAGE + 32, 0)))
    plain = plain[:40] + struct.pack("<Q", len(plain)) + plain[48:58] + \
        struct.pack("<HHH", 64, 3, 0) + plain[64:]
    return plain + sections + table + names


# Kernels of guests, as tests/fuzz/vmm_boot.h has them: what is asked, then the image.
ASK = struct.pack("<BBBBBBH", 7, 33, 0xf0, 20, 200, 0, 0)


def bzimage() -> bytes:
    """A Linux kernel of one sector of setup and some bytes, that can be anywhere from 1 MiB on."""
    image = bytearray(1024) + bytes(range(256)) * 4
    for offset, layout, value in ((0x1f1, "<B", 1), (0x1f4, "<I", 64), (0x1fe, "<H", 0xaa55),
                                  (0x201, "<B", 0x6a), (0x202, "<4s", b"HdrS"),
                                  (0x206, "<H", 0x20f), (0x211, "<B", 1), (0x22c, "<I", 0x7fffffff),
                                  (0x230, "<I", 4096), (0x234, "<B", 1), (0x236, "<H", 1),
                                  (0x238, "<I", 255), (0x258, "<Q", 1 << 20), (0x260, "<I", 8192)):
        struct.pack_into(layout, image, offset, value)
    return ASK + bytes(image)


def elf_kernel(wide: bool, at: int, behind: bytes, notes: bool) -> bytes:
    """An ELF kernel at an address; `behind` stands at offset 256 of the file."""
    rows = [(1, 0, at, 512, 4096)] + ([(4, 256, 0, len(behind), len(behind))] if notes else [])
    if wide:
        header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, at + 16, 64, 0, 0, 64,
                             56, len(rows), 0, 0, 0)
        table = b"".join(struct.pack("<IIQQQQQQ", kind, 7, offset, address, address, size, room, 4)
                         for kind, offset, address, size, room in rows)
    else:
        header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 3, 1, at + 16, 52, 0, 0, 52,
                             32, len(rows), 0, 0, 0)
        table = b"".join(struct.pack("<8I", kind, offset, address, address, size, room, 7, 4)
                         for kind, offset, address, size, room in rows)
    return ASK + ((header + table).ljust(256, b"\0") + behind).ljust(600, b"\x90")


def note(wide: bool) -> bytes:
    return struct.pack("<III4sQ" if wide else "<III4sI", 4, 8 if wide else 4, 18, b"Xen\0", 1 << 20)


def multiboot_header(flags: int, *addresses: int) -> bytes:
    total = -(0x1badb002 + flags) & 0xffffffff
    return struct.pack(f"<{3 + len(addresses)}I", 0x1badb002, flags, total, *addresses)


def limits(more: int) -> list[bytes]:
    """As much of something as there can be, and so many more."""
    def words(count: int) -> str:
        return " ".join(f"n{number}" for number in range(count + more))

    lines = [[f"cpu = {63 + more}"], [f"arguments = {words(32)}"], [f"priority = {100 + more}"],
             *([f"{key} = {words(16)}"] for key in ("files", "uses", "offers")),
             [f"irq = {number}" for number in range(16 + more)],
             [f"[p{number}]" for number in range(79 + more)]]
    found = ["\n".join(["[a]", *some]).encode() for some in lines]
    return found if more else [*found, "\n".join(["[a]", *sum(lines, [])]).encode()]


def instruction(mode: int, code: bytes) -> bytes:
    """For the interpreter: kind of paging and privilege, flags, segments, registers, code."""
    return bytes([mode]) + bytes(3) + bytes(7) + bytes(1) + bytes(range(0, 32, 2)) + code


SEEDS = {
    "conf": [*(path.read_bytes() for path in sorted((FOLDER / "seeds").glob("*.conf"))),
             *limits(0), *limits(1)],
    "elf": [
        elf((IMAGE, 64, READ | EXECUTE)),
        elf((IMAGE, 4096, READ | EXECUTE), (IMAGE + 4096, 9000, READ | WRITE)),
        elf((IMAGE, 64, READ), (IMAGE + 4096, 64, READ | EXECUTE),
            (IMAGE + 8192, 64, READ | WRITE), entry=IMAGE + 4100),
        named(),
    ],
    # See vmm_legacy.c: interrupts of the UART, the RTC and the timer on, input, time.
    "vmm_legacy": [
        b"".join(struct.pack("<BBHI", *operation) for operation in (
            (0, 0, 0x3fc, 8), (0, 0, 0x3f9, 15), (0, 0, 0x3fa, 0xc1), (6, 0, 3, 0), (5, 0, 0, 9),
            (1, 0, 0x3fa, 0), (1, 0, 0x3f8, 0), (5, 0, 0, 400_000), (0, 0, 0x3fc, 16),
            (0, 0, 0x3f8, 65), (7, 0, 0, 0), (1, 0, 0x3fd, 0))),
        b"".join(struct.pack("<BBHI", *operation) for operation in (
            (0, 0, 0x70, 11), (0, 0, 0x71, 0x72), (5, 0, 0, 2_000_000_000), (0, 0, 0x70, 12),
            (1, 0, 0x71, 0), (0, 0, 0x70, 4), (0, 0, 0x71, 0x99), (0, 0, 0x70, 10),
            (0, 0, 0x71, 0x76), (0, 0, 0x71, 0x26), (0, 1, 0x602, 1), (5, 0, 200, 0),
            (1, 2, 0x600, 0), (0, 1, 0x604, 0x3400), (9, 0, 0, 0))),
        b"".join(struct.pack("<BBHI", *operation) for operation in (
            (8, 0, 3, 0x75F0E0), (1, 0, 0x60, 0), (0, 0, 0x64, 0x60), (0, 0, 0x60, 3),
            (0, 0, 0x64, 0xd4), (0, 0, 0x60, 0xf2), (1, 0, 0x60, 0), (0, 0, 0x60, 0xf0),
            (0, 0, 0x60, 1), (0, 0, 0x64, 0xfe), (0, 0, 0x92, 1), (0, 2, 0xf4, 7),
            (2, 3, 0xfffe, 5), (3, 3, 4, 0), (0, 0, 0x2003, 1), (10, 0, 0, 0))),
    ],
    # See vmm_pci.c: descriptor 0 with a buffer to be written, offered; one with a table of its own.
    "vmm_pci": [
        b"\0", b"\1" + b"".join(struct.pack("<BBHI", *operation) for operation in (
            (6, 0, 0, 0x3000), (6, 0, 8, 64), (6, 0, 12, 2), (7, 0, 0, 0),
            (6, 0, 16, 0x4000), (6, 0, 24, 32), (6, 0, 28, 4), (6, 0, 0x4000, 0x5000),
            (6, 0, 0x4008, 16), (6, 0, 0x400c, 0x10003), (6, 0, 0x4010, 0x6000),
            (6, 0, 0x4018, 16), (6, 0, 0x401c, 2), (7, 0, 2, 1))),
    ],
    "vmm_interrupts": [bytes(range(256)), bytes(range(255, -1, -1)), bytes([0x0a, 0xff, 0x18]),
                       b"".join(bytes([0x47, n, 0x31, 0, 2, 0, 0x0b, 0x0d]) for n in range(64))],
    "emulate": [instruction(mode, code) for mode in (0x00, 0x01, 0x41, 0x43, 0x47, 0x4f, 0x0f, 0x7f)
                for code in (b"\x8b\x03", b"\xf3\xa5", b"\x0f\xb1\x0b", b"\xff\x33", b"\xcf")],
    "vmm_linux": [bzimage()],
    "vmm_pvh": [elf_kernel(wide, 1 << 20, note(wide), True) for wide in (True, False)],
    "vmm_multiboot": [
        *(elf_kernel(wide, 1 << 20, multiboot_header(3), False) for wide in (True, False)),
        ASK + multiboot_header(0x10003, 1 << 20, 1 << 20, 0, 0x101000, (1 << 20) + 32) + bytes(300),
    ],
    "vm_file": [path.read_bytes() for path in sorted((ROOT / "guests").rglob("*.conf"))] + [
        b'[vm]\nname=a\nkernel=k\nboot=pvh\nmodule = "a b" c\ncpu_share=1\n[testdev]\n'],
}
# Bytes of an input; 256 for those that are not here.
LENGTHS = {
    "conf": 4096,
    "elf": 1024,
    "vm_file": 2048,
    "vmm_legacy": 2048,
    "vmm_linux": 4096,
    "vmm_multiboot": 2048,
    "vmm_pci": 2048,
    "vmm_pvh": 2048,
}


def run(name: str, seed: int, folder: pathlib.Path) -> subprocess.CompletedProcess:
    for number, content in enumerate(SEEDS[name]):
        (folder / f"seed{number}").write_bytes(content)
    BROKEN.mkdir(parents=True, exist_ok=True)
    words = [ROOT / "out/host/fuzz" / name, f"-runs={RUNS}", f"-seed={seed}",
             f"-max_len={LENGTHS.get(name, 256)}", f"-artifact_prefix={BROKEN}/{name}-",
             "-print_final_stats=1", "-timeout=10", "-len_control=0"]
    words += [f"-dict={path}" for path in [FOLDER / f"{name}.dict"] if path.exists()]
    return subprocess.run([*words, folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS,
                          check=False)


def check(tap: Tap, name: str) -> None:
    seed = random.SystemRandom().randrange(1, 1 << 32)
    with tempfile.TemporaryDirectory(prefix="fuzz.") as folder:
        done = run(name, seed, pathlib.Path(folder))
    print(f"# {name}: -seed={seed}")
    tail = "\n".join(done.stdout.splitlines()[-40:])
    tap.equal(done.returncode, 0, f"{name}: nothing breaks it", tail)
    match = re.search(r"stat::number_of_executed_units: +(\d+)", done.stdout)
    tap.ok(match and int(match[1]) >= RUNS, f"{name}: {RUNS} runs", tail)


def main() -> int:
    tap = Tap()
    for name in sys.argv[1:] or SEEDS:
        check(tap, name)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
