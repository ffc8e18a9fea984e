"""The machine on which instructions are counted, and one run of it with the counter plugin.

Everything that could make two runs differ is fixed here: the CPU model, the seed, the clock, and
time itself, which is the number of executed instructions (-icount, 1 ns each).
"""

import concurrent.futures
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "out/host/bench/counter.so"
PROFILE = ROOT / "out/host/bench/profile.so"

# -cpu max,-erms: with ERMS, clearing memory by REP STOSB would count a byte at a time.
QEMU = ["qemu-system-x86_64",
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-M", "q35", "-accel", "tcg,thread=single", "-cpu", "max,-erms", "-m", "256M",
        "-smp", "1", "-seed", "1",
        "-rtc", "base=2026-01-01,clock=vm", "-icount", "shift=0,sleep=off"]


class BenchError(Exception):
    """A run that gave no figures; the text says why."""


class Run(NamedTuple):
    lines: list[dict]  # the counter's lines, in the order of their writing
    console: str       # what the machine wrote to its serial line


def build(programs: list[pathlib.Path]) -> None:
    """Builds release programs and the plugins. A make that called us must not pass its flags on."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "COMPILER", "BUILD")}
    done = subprocess.run(["make", "--no-print-directory", "COMPILER=gcc", "BUILD=release",
                           "bench-tools", *map(str, programs)], cwd=ROOT, env=environment,
                          stdout=sys.stderr, check=False)
    if done.returncode:
        raise BenchError("the build failed")


def elf_entry(path: pathlib.Path) -> int:
    """Entry address of an ELF32 or ELF64 file (System V ABI, chapter 4: e_entry)."""
    header = path.read_bytes()[:64]
    if len(header) < 52 or header[:4] != b"\x7fELF" or header[4] not in (1, 2):
        raise BenchError(f"{path}: not an ELF file")
    return struct.unpack_from("<I" if header[4] == 1 else "<Q", header, 24)[0]


def elf_symbols(path: pathlib.Path) -> dict[str, int]:
    """Addresses of the symbols of a file; a name that occurs twice is left out."""
    listing = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    symbols: dict[str, int] = {}
    twice = set()
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) != 3:
            continue
        if fields[2] in symbols:
            twice.add(fields[2])
        symbols[fields[2]] = int(fields[0], 16)
    return {name: address for name, address in symbols.items() if name not in twice}


def quoted(path: pathlib.Path) -> str:
    """A path as QEMU's comma-separated options want it."""
    return str(path).replace(",", ",,")


def run(boot: list[str], points: dict[str, int], stretch: str | None = None,
        seconds: float = 120, folder: pathlib.Path = ROOT) -> Run:
    """Boots the machine once with the counter. boot: the QEMU options that say what to boot, with
    paths from folder; points: name and address of each place to write down; stretch: the point from
    which the longest stretch is measured. Ends after `seconds` at the latest."""
    options = [f"at={name}:{address:#x}" for name, address in points.items()]
    options += [f"stretch={stretch}"] if stretch else []
    written, console = plugin_run(PLUGIN, options, boot, seconds, folder)
    return Run([json.loads(line) for line in written.splitlines()], console)


def run_twice(boot: list[str], points: dict[str, int], stretch: str | None = None,
              seconds: float = 120) -> Run:
    """As run, twice at the same time; an error unless both give the same."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(run, boot, points, stretch, seconds) for _ in range(2)]
        once, again = (one.result() for one in runs)
    if (repeatable(once.lines), once.console) != (repeatable(again.lines), again.console):
        raise BenchError("two equal runs on QEMU gave different figures")
    return once


def plugin_run(plugin: pathlib.Path, options: list[str], boot: list[str],
               seconds: float = 120, folder: pathlib.Path = ROOT) -> tuple[str, str]:
    """Boots the machine once with a plugin; returns what that wrote to out=, and the console."""
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as written:
        counts = pathlib.Path(written, "counts")
        console = pathlib.Path(written, "console")
        load = ",".join([quoted(plugin), f"out={counts}", *options])
        command = QEMU + ["-serial", f"file:{console}", "-plugin", load] + boot
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=seconds, cwd=folder,
                                  env={**os.environ, "LC_ALL": "C"})
        except subprocess.TimeoutExpired:
            raise BenchError(f"no end after {seconds:.0f} s; last lines:\n"
                             + tail(console)) from None
        if done.returncode:
            raise BenchError(f"QEMU ended with {done.returncode}: {done.stdout.strip()}")
        text = console.read_text(errors="replace") if console.exists() else ""
        return counts.read_text(), text


def tail(console: pathlib.Path, count: int = 10) -> str:
    if not console.exists():
        return "(none)"
    return "\n".join(console.read_text(errors="replace").splitlines()[-count:])


def repeatable(lines: list[dict]) -> list[dict]:
    """The lines that a second run must repeat. The machine's end is not one: QEMU may let the CPU
    run a few instructions more while it stops."""
    return [line for line in lines if line["point"] != "end"]


def total(line: dict, counter: str = "instructions") -> int:
    """One counter of a line, summed over the levels."""
    return sum(line[level][counter] for level in ("kernel", "lower", "guest"))
