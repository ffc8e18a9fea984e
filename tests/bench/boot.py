"""Figures of the start: from the loader's entry to the first instruction of the first program."""

import pathlib
import re
import subprocess

from tests.bench import machine
from tests.bench.machine import BenchError
from tests.bench.records import record

BIN = pathlib.Path("out/gcc-release/bin")
LOADER = BIN / "loader"
KERNEL = BIN / "kernel"
FIRST = BIN / "first"
MODULES = (BIN / "kernel.lz4", BIN / "first.lz4")  # packed, as they are on the boot image

SOUGHT_INSTRUCTIONS = 4_000_000  # kernel entry to the first user instruction

# A phase lasts from the first passing of its symbol to that of the next one's; the last to the end
# of the table's part. ENTRY stands for the program's entry point.
ENTRY = ""
LOADER_PHASES = (("input", ENTRY), ("acpi", "hardware_find_tables"), ("modules", "modules_load"),
                 ("calibrate", "hardware_calibrate"), ("cpus", "hardware_start_cpus"),
                 ("pci", "hardware_stop_bus_masters"), ("space", "kernel_space_frames"),
                 ("information", "info_build"))
KERNEL_PHASES = (("start", ENTRY), ("cpu", "cpu_main"), ("finish", "first_make"))

# Events counted between the kernel's entry and the first program.
EVENTS = ("cr3", "invalidate", "wrmsr", "rdmsr", "port", "lock")

BOCHS = ["build/cairn", "run", "--platform", "bochs", "--build", "release", "--cpus", "1",
         "--memory", "256M", "--headless", "--timeout", "120", "--cmdline", "banner"]
TICKS = re.compile(r"# \[first\] +start +(\d+) TSC ticks\b")
KERNEL_MEMORY = re.compile(r"# \[first\] +memory .* (\d+) KiB kernel")


def addresses(program: pathlib.Path, phases: tuple[tuple[str, str], ...]) -> dict[str, int]:
    """Address of each phase's start. Points are named PROGRAM.PHASE."""
    symbols = machine.elf_symbols(machine.ROOT / f"{program}.debug")
    found = {}
    for phase, symbol in phases:
        if symbol and symbol not in symbols:
            raise BenchError(f"{program}.debug has no symbol {symbol}, where the phase "
                             f"'{phase}' begins (tests/bench/boot.py)")
        where = symbols[symbol] if symbol else machine.elf_entry(machine.ROOT / program)
        found[f"{program.name}.{phase}"] = where
    return found


def first_passings(lines: list[dict], names: list[str]) -> list[dict]:
    """The line of each point, in this order, each the first one after the one before it. That
    skips what other code, such as firmware, does at the same address earlier."""
    found = []
    rest = iter(lines)
    for name in names:
        line = next((line for line in rest if line["point"] == name), None)
        if line is None:
            raise BenchError(f"the point {name} was not passed in its turn")
        found.append(line)
    return found


def phase_rows(program: str, phases: tuple[tuple[str, str], ...], lines: list[dict]) -> list[dict]:
    """A row for each phase; lines: those of the phases' starts and of the end."""
    return [record(f"boot.{program}.{phase}", machine.total(after) - machine.total(before),
                   "instructions")
            for (phase, _), before, after in zip(phases, lines, lines[1:])]


def exit_status(console: str) -> int:
    """What the console's last line says, or an error."""
    match = re.search(r"^CAIRN-EXIT (\d+)\s*\Z", console, re.MULTILINE)
    if not match:
        raise BenchError("the machine did not say CAIRN-EXIT; last lines:\n" + last_lines(console))
    return int(match[1])


def last_lines(console: str) -> str:
    return "\n".join(console.splitlines()[-10:])


def find(pattern: re.Pattern, console: str, what: str) -> int:
    match = pattern.search(console)
    if not match:
        raise BenchError(f"the banner does not tell {what}:\n{console}")
    return int(match[1])


def options(modules: tuple[pathlib.Path, ...] = MODULES, cmdline: str = "") -> list[str]:
    """What QEMU boots: the modules kernel and first, in this order. Paths are relative: the loader
    reads them, so their length is part of what it executes."""
    named = ",".join(machine.quoted(path) + f" name={name}"
                     for path, name in zip(modules, ("kernel", "first")))
    return ["-kernel", str(LOADER), "-initrd", named, *(["-append", cmdline] if cmdline else [])]


def qemu_rows() -> list[dict]:
    points = addresses(LOADER, LOADER_PHASES) | addresses(KERNEL, KERNEL_PHASES)
    points |= addresses(FIRST, (("entry", ENTRY),))
    done = machine.run_twice(options(), points)
    if exit_status(done.console):
        raise BenchError("the boot failed; last lines:\n" + last_lines(done.console))
    passed = first_passings(done.lines, list(points))
    loader, kernel = passed[:len(LOADER_PHASES) + 1], passed[len(LOADER_PHASES):]
    entry, user = kernel[0], kernel[-1]
    rows = phase_rows("loader", LOADER_PHASES, loader)
    rows += phase_rows("kernel", KERNEL_PHASES, kernel)
    rows.append(record("boot.loader", machine.total(entry) - machine.total(loader[0]),
                       "instructions"))
    rows.append(record("boot.kernel-entry-to-user", machine.total(user) - machine.total(entry),
                       "instructions", SOUGHT_INSTRUCTIONS))
    rows += [record(f"boot.{event}", machine.total(user, event) - machine.total(entry, event),
                    "count") for event in EVENTS]
    kibibytes = find(KERNEL_MEMORY, done.console, "the kernel's memory")
    rows.append(record("memory.kernel.frames", kibibytes // 4, "count"))
    return rows


def bochs_ticks() -> int:
    """Bochs' TSC counts executed instructions, so the time of the start is their number."""
    done = subprocess.run(BOCHS, cwd=machine.ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    if done.returncode:
        raise BenchError(f"the boot on Bochs ended with {done.returncode}; last lines:\n"
                         + last_lines(done.stdout))
    return find(TICKS, done.stdout, "the start's time in TSC ticks")


def bochs_rows() -> list[dict]:
    ticks = [bochs_ticks(), bochs_ticks()]
    if ticks[0] != ticks[1]:
        raise BenchError(f"two equal boots on Bochs took {ticks[0]} and {ticks[1]} instructions")
    return [record("boot.kernel-entry-to-user", ticks[0], "instructions", SOUGHT_INSTRUCTIONS,
                   "bochs-vmx")]
