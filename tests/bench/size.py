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

SOUGHT_TEXT = 80 << 10
SOUGHT_LINES = 8_500
SOUGHT_BACK_END = 1_200
BACK_ENDS = {"svm": ("svm*",), "vmx": ("vmx*", "vmcs.h")}
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


def lines(*where: str) -> int:
    """Lines of code in files and folders, without comments and blank lines."""
    report = json.loads(output(["cloc", "--json", "--quiet", f"--include-lang={LANGUAGES}",
                                *where]))
    return report["SUM"]["code"]


def back_end_row(name: str, patterns: tuple[str, ...]) -> dict:
    files = [str(path) for pattern in patterns
             for path in sorted((machine.ROOT / "microkernel").glob(pattern))]
    return record(f"size.kernel.{name}.lines", lines(*files), "lines", SOUGHT_BACK_END)


def rows() -> list[dict]:
    found = [row for program in (KERNEL, LOADER, FIRST) for row in program_rows(program)]
    return found + [record("size.kernel.lines", lines("microkernel"), "lines", SOUGHT_LINES),
                    *(back_end_row(*one) for one in BACK_ENDS.items()),
                    record("size.abi.lines", lines("ipc/abi"), "lines")]
