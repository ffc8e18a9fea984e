"""Figures of the kernel's paths: system calls, IPC, semaphores, memory, objects.

The bench program (tests/bench/system) runs in the place of the first program. It executes each path
several times between two markers and prints `# [bench] NAME TICKS MAXIMUM [PART]` when a path is
done, so the n-th line belongs to the n-th pair of MARK_OPEN and MARK_CLOSE. A path with a PART has
two figures: the part from MARK_BEGIN to MARK_MIDDLE, and the whole under its own name.
"""

import math
import re
import subprocess
import sys
from typing import NamedTuple

from tests.bench import boot, machine
from tests.bench.machine import BenchError
from tests.bench.records import record

BENCH = boot.BIN / "bench"
MODULES = (boot.BIN / "kernel.lz4", boot.BIN / "bench.lz4")
NAMES = ("kernel", "first")  # of the modules, in this order
LARGE = ["-m", "2560M"]      # a machine that has a whole aligned GiB of free memory

# What is sought: instructions, and how often what an instruction count hides.
SOUGHT = {
    "syscall.null": 50,
    "ipc.call.inter-pd.0w": 190, "ipc.call.inter-pd.4w": 190, "ipc.call.inter-pd.64w": 600,
    "ipc.call.intra-pd.0w": 175, "ipc.call.intra-pd.4w": 175, "ipc.call.intra-pd.64w": 600,
    "exception.ud": 230,
    "sm.up": 75, "sm.down": 80, "sm.up.switch": 400,
    "interrupt.thread": 500,
    "map.4k": 350, "revoke.4k": 350, "revoke.4k.128": 20_000, "revoke.4k.further": 150,
    "capability.grant": 200, "capability.take-back": 200,
    "object.sm": 600, "object.pt": 700, "object.pd": 4_000, "object.ec": 5_000,
}
# CR3 loads by the beginning of a path's name; none anywhere else. A call between two domains needs
# one each way; more than 32 pages are forgotten by loading CR3, not one by one, in each step.
CR3_SOUGHT = {"ipc.call.inter-pd": 2, "sm.up.switch.inter-pd.return": 2, "sm.up.switch.inter-pd": 1,
              "unmap.2m-in-4k": 1, "revoke.2m-in-4k": 1, "revoke.4k.128": 2}
EVENTS = ("cr3", "invalidate", "xsave", "wrmsr", "lock")

# The paths that are taken under Bochs too.
BOCHS_PATHS = ("syscall.null", "ipc.call.inter-pd.4w", "ipc.call.intra-pd.4w",
               "ipc.call.inter-pd.64w", "exception.ud", "sm.up", "sm.down")
BOCHS = ["build/cairn", "run", "--platform", "bochs", "--build", "release", "--cpus", "1",
         "--memory", "256M", "--headless", "--timeout", "120",
         "--module", f"{MODULES[1]},name=first"]

OPEN, BEGIN, MIDDLE, END, CLOSE = (f"marker.{number}" for number in range(0x20, 0x25))
LINE = re.compile(r"^# \[bench\] ([a-z0-9.-]+) (\d+) (\d+) ?([a-z0-9.-]*)$", re.MULTILINE)


class Path(NamedTuple):
    name: str
    ticks: int    # of the shortest repetition, as the program saw it
    maximum: int  # of the longest
    part: str     # or ""


def boot_options(modules: tuple = MODULES) -> list[str]:
    named = ",".join(machine.quoted(path) + f" name={name}"
                     for path, name in zip(modules, NAMES))
    return ["-kernel", str(boot.LOADER), "-initrd", named]


def parsed(console: str) -> list[Path]:
    if boot.exit_status(console):
        raise BenchError("the bench program failed; last lines:\n" + boot.last_lines(console))
    return [Path(name, int(ticks), int(maximum), part)
            for name, ticks, maximum, part in LINE.findall(console)]


def difference(before: dict, after: dict) -> dict[str, int]:
    """Instructions and events between two markers. The first marker counts as an instruction."""
    counted = {name: machine.total(after, name) - machine.total(before, name)
               for name in ("instructions", *EVENTS)}
    counted["instructions"] -= 1
    return counted


def repetitions(lines: list[dict]) -> list[list[tuple[dict, dict | None]]]:
    """For each path, what was counted in each repetition: the whole, and its first part or None."""
    paths: list[list] = []
    within = False
    begin = middle = None
    for line in lines:
        point = line["point"]
        if point == OPEN:
            paths.append([])
            within = True
        elif point == CLOSE:
            within = False
        elif point == BEGIN:
            begin, middle = line, None
        elif point == MIDDLE and middle is None:
            middle = line
        elif point == END and within:
            whole = difference(begin, line)
            if middle:  # its marker is no part of the path
                whole["instructions"] -= 1
            paths[-1].append((whole, difference(begin, middle) if middle else None))
    return paths


def least(name: str, counted: list[dict]) -> dict[str, int]:
    """The shortest repetition; says so if they differ."""
    found = min(counted, key=lambda counts: counts["instructions"])
    longest = max(counts["instructions"] for counts in counted)
    if any(counts != found for counts in counted):
        print(f"bench: {name}: repetitions differ: {found['instructions']} to {longest} "
              f"instructions", file=sys.stderr)
    return found


def event_sought(name: str, event: str) -> int | None:
    if event == "cr3":
        return next((count for start, count in CR3_SOUGHT.items() if name.startswith(start)), 0)
    return None


def path_rows(name: str, counts: dict[str, int]) -> list[dict]:
    rows = [record(name, counts["instructions"], "instructions", SOUGHT.get(name))]
    return rows + [record(f"{name}.{event}", counts[event], "count", event_sought(name, event))
                   for event in EVENTS]


def figures(done: machine.Run) -> dict[str, dict[str, int]]:
    """Counts of each figure of one run."""
    paths, counted = parsed(done.console), repetitions(done.lines)
    if len(paths) != len(counted):
        raise BenchError(f"{len(paths)} paths were printed, but {len(counted)} were marked")
    found = {}
    for path, runs in zip(paths, counted):
        if path.part:
            found[path.part] = least(path.part, [part for _, part in runs])
        found[path.name] = least(path.name, [whole for whole, _ in runs])
    found.pop("empty", None)
    return found


def bench_run(options: list[str]) -> machine.Run:
    once, again = (machine.run([*options, *boot_options()], {}) for _ in range(2))
    if (machine.repeatable(once.lines), once.console) != (machine.repeatable(again.lines),
                                                          again.console):
        raise BenchError("two equal runs of the bench program gave different figures")
    return once


def qemu_rows() -> list[dict]:
    found = figures(bench_run([]))
    large = figures(bench_run(LARGE))
    found |= {name: counts for name, counts in large.items() if name not in found}
    rows = [row for name, counts in found.items() for row in path_rows(name, counts)]
    one, many = (found[name]["instructions"] for name in ("revoke.4k", "revoke.4k.128"))
    rows.append(record("revoke.4k.further", math.ceil((many - one) / 127), "instructions",
                       SOUGHT["revoke.4k.further"]))
    return rows


def bochs_run() -> list[Path]:
    done = subprocess.run(BOCHS, cwd=machine.ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    if done.returncode:
        raise BenchError(f"the bench program on Bochs ended with {done.returncode}; last lines:\n"
                         + boot.last_lines(done.stdout))
    return [Path(name, int(ticks), int(maximum), part)
            for name, ticks, maximum, part in LINE.findall(done.stdout)]


def bochs_rows() -> list[dict]:
    """Bochs' TSC counts executed instructions; the program has subtracted its own."""
    once, again = bochs_run(), bochs_run()
    if once != again:
        raise BenchError("two equal runs of the bench program on Bochs gave different figures")
    rows = []
    for path in once:
        if path.name not in BOCHS_PATHS:
            continue
        if path.ticks != path.maximum:
            print(f"bench: {path.name} on Bochs: repetitions differ: {path.ticks} to "
                  f"{path.maximum} instructions", file=sys.stderr)
        rows.append(record(path.name, path.ticks, "instructions", SOUGHT.get(path.name),
                           "bochs-vmx"))
    return rows
