#!/usr/bin/env python3
"""What a person sees who boots the system: the kernel's lines and the first program's banner, on a
machine with SVM, xAPIC and a LAPIC timer (QEMU) and on one with VMX, x2APIC and a TSC deadline
(Bochs), whose bridges keep bus mastering. Then the machine powers itself off.

    tests/observe/console.t [qemu|bochs]
"""

import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.console import own_lines  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

LIMIT = 60  # seconds
GRACE = {"qemu": 6, "bochs": 20}  # seconds until the launcher ends a machine that stays on
PREFIX = re.compile(r"# \[(loader|kernel|first)\] ")

# Lines that must come in this order; others may stand between them. One that ends in a backslash
# goes on in the next.
EXPECTED = {
    "qemu": r"""
        # \[loader\] Cairn \d+\.\d+\.\d+
        # \[loader\] memory: \d+ KiB free, 0 KiB of it above 4 GiB
        # \[loader\] module kernel: \d+ -> \d+ bytes
        # \[loader\] module first: \d+ -> \d+ bytes
        # \[loader\] CPUs: 2, TSC \d+ kHz
        # \[loader\] debug build: guests by SVM, timer by LAPIC count, xAPIC, .*
        # \[first\] Cairn, interface \d+\.\d+\.\d+, started by qemu
        # \[first\]   CPU             QEMU .*
        # \[first\]   CPUs running    2, APIC ids 0 1, xAPIC mode
        # \[first\]   protection      NX, WP, SMEP, SMAP, UMIP
        # \[first\]   virtualization  SVM, 16 ASIDs: nested paging, virtual GIF
        # \[first\]   time            TSC \d+\.\d+ MHz, timer by local APIC count
        # \[first\]   memory          255 MiB, 25\d MiB free, \d+ KiB kernel
        # \[first\]   bus mastering   off on every PCI function
        CAIRN-EXIT 0""",
    "bochs": r"""
        # \[loader\] module kernel: lz4 \d+ -> \d+ bytes
        # \[loader\] warning: bus mastering stays on at PCI 0:0:0.0, host bridge 8086:1237
        # \[loader\] debug build: guests by VMX, timer by TSC deadline, x2APIC, DMA not confined
        # \[first\] Cairn, interface \d+\.\d+\.\d+, started by GRUB .*
        # \[first\]   CPU             Intel.*
        # \[first\]   CPUs running    2, APIC ids 0 1, x2APIC mode
        # \[first\]   virtualization  VMX .*
        # \[first\]   time            TSC \d+\.\d+ MHz, invariant, timer by TSC deadline
        # \[first\]   bus mastering   STILL ON at 2 PCI functions
        CAIRN-EXIT 0""",
}


def missing(lines: list[str], patterns: list[str]) -> list[str]:
    """The first pattern that no line matches in its turn; none if all do."""
    rest = iter(lines)
    return next(([pattern] for pattern in patterns
                 if not any(re.fullmatch(pattern, line) for line in rest)), [])


def check(out: Tap, platform: str) -> None:
    start = time.monotonic()
    done = subprocess.run([str(ROOT / "build/cairn"), "run", "--headless", "--platform", platform,
                           "--cpus", "2", "--cmdline", "banner", "--timeout", str(LIMIT),
                           "--grace", str(GRACE[platform])],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=2 * LIMIT, check=False)
    seconds = time.monotonic() - start
    lines = own_lines(done.stdout.splitlines())
    out.equal(done.returncode, 0, f"{platform}: exit status", done.stderr)
    expected = re.sub(r"\\\n +", "", EXPECTED[platform])
    patterns = [line.strip() for line in expected.split("\n") if line.strip()]
    absent = missing(lines, patterns)
    out.ok(not absent, f"{platform}: the lines are there, in order", *absent, "the lines:", *lines)
    stray = [line for line in lines[:-1] if not PREFIX.match(line)]
    out.ok(not stray, f"{platform}: every line says whose it is", *stray)
    out.ok(seconds < GRACE[platform], f"{platform}: the machine powers itself off",
           f"{seconds:.1f} s")


def main() -> int:
    out = Tap()
    for platform in sys.argv[1:] or EXPECTED:
        check(out, platform)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
