"""Figures of size: bytes of the release programs, lines of the kernel.

They depend on no machine; they carry the platform qemu-svm, because each row has one.
"""

import json
import pathlib
import subprocess

from tests.bench import machine
from tests.bench.boot import FIRST, KERNEL, LOADER
from tests.bench.machine import BenchError
from tests.bench.records import record

SOUGHT_TEXT = 56 << 10
SOUGHT_LINES = 6_000
LANGUAGES = "C,C/C++ Header,Assembly"


def output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        raise BenchError(f"{command[0]} is missing; build/setup installs it") from None
    if done.returncode:
        raise BenchError(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout


def program_rows(program: pathlib.Path) -> list[dict]:
    """text (with constant data), data and bss, as `size` gives them."""
    values = output(["size", "--format=berkeley", f"{program}.debug"]).splitlines()[1].split()
    sought = {"text": SOUGHT_TEXT} if program == KERNEL else {}
    return [record(f"size.{program.name}.{section}", int(value), "bytes", sought.get(section))
            for section, value in zip(("text", "data", "bss"), values)]


def lines(folder: str) -> int:
    """Lines of code, without comments and blank lines."""
    report = json.loads(output(["cloc", "--json", "--quiet", f"--include-lang={LANGUAGES}",
                                folder]))
    return report["SUM"]["code"]


def rows() -> list[dict]:
    found = [row for program in (KERNEL, LOADER, FIRST) for row in program_rows(program)]
    return found + [record("size.kernel.lines", lines("microkernel"), "lines", SOUGHT_LINES),
                    record("size.abi.lines", lines("ipc/abi"), "lines")]
