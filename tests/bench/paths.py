"""Figures of the kernel's paths: system calls, IPC, semaphores, memory, objects.

The bench program (tests/bench/system) runs in the place of the first program. It executes each path
several times between two markers and prints `# [bench] NAME TICKS MAXIMUM [PART]` when a path is
done, so the n-th line belongs to the n-th pair of MARK_OPEN and MARK_CLOSE, and to the n-th trace.
A path with a PART has two figures: the part from MARK_BEGIN to MARK_MIDDLE, and the whole under its
own name.
"""

import fnmatch
import math
import pathlib
import re
import sys
from typing import NamedTuple

from tests.bench import boot, machine, trace
from tests.bench.machine import BenchError
from tests.bench.records import record

BENCH = boot.BIN / "bench"
MODULES = (boot.BIN / "kernel.lz4", boot.BIN / "bench.lz4")
PLAIN = (boot.KERNEL, BENCH)  # the same, not packed: what every build has
LARGE = ["-m", "2560M"]  # a machine that has a whole aligned GiB of free memory

# What is sought: instructions.
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
    "guest.hypercall": 300, "guest.cpuid": 320, "guest.port": 320, "guest.mmio": 330,
    "guest.all-state": 650,
}
BOCHS_SOUGHT = {
    "guest.hypercall": 340, "guest.cpuid": 360, "guest.port": 360, "guest.mmio": 370,
    "guest.all-state": 900,
}
EVENTS = ("cr3", "invalidate", "xsave", "wrmsr", "lock")

# And how often what an instruction count hides: what each path needs, and of the rest nothing. The
# first pattern that fits a path's name counts. An event that is not named has no goal.
# - A call between two domains loads CR3 once each way.
# - One page is forgotten by INVLPG; more than 32 at once by loading CR3, in each step.
# - A semaphore and the chain of an object's capabilities have a lock.
# - A guest's exits are answered in the tables that are loaded.
NONE = dict.fromkeys(EVENTS, 0)
EVENTS_SOUGHT = (
    ("ipc.call.intra-pd.capability", {"cr3": 0, "invalidate": 0, "xsave": 0, "wrmsr": 0}),
    ("ipc.call.inter-pd.capability", {"cr3": 2, "invalidate": 0, "xsave": 0, "wrmsr": 0}),
    ("ipc.call.inter-pd.*", NONE | {"cr3": 2}),
    ("ipc.call.*", NONE),
    ("syscall.*", NONE),
    ("exception.*", NONE),
    ("sm.up", NONE | {"lock": 1}),
    ("sm.down", NONE | {"lock": 1}),
    ("sm.up.switch.inter-pd.return", {"cr3": 2, "invalidate": 0}),
    ("sm.up.switch.inter-pd", {"cr3": 1, "invalidate": 0}),
    ("switch.*.return", {"cr3": 2, "invalidate": 0}),
    ("switch.*", {"cr3": 1, "invalidate": 0}),
    ("sm.*", {"cr3": 0, "invalidate": 0}),
    ("interrupt.*", {"cr3": 0, "invalidate": 0}),
    ("map.*", {"cr3": 0, "invalidate": 0, "xsave": 0, "wrmsr": 0}),
    ("*.2m-in-4k", {"cr3": 1, "invalidate": 0, "xsave": 0, "wrmsr": 0}),
    ("revoke.4k.128", {"cr3": 2, "invalidate": 0}),
    ("unmap.*", {"cr3": 0, "invalidate": 1, "xsave": 0, "wrmsr": 0}),
    ("revoke.*", {"cr3": 0, "invalidate": 1, "xsave": 0, "wrmsr": 0}),
    ("capability.*", {"cr3": 0, "invalidate": 0, "xsave": 0, "wrmsr": 0}),
    ("object.*", {"cr3": 0, "xsave": 0, "wrmsr": 0}),
    ("guest.first-touch", {"cr3": 0, "invalidate": 0, "xsave": 0, "wrmsr": 0}),
    ("guest.inject", NONE),
    ("guest.switch", {"cr3": 0, "invalidate": 0}),
    ("guest.wake*", {"cr3": 0, "invalidate": 0}),
    ("guest.*", NONE),
)
GUEST_EVENTS = {"bochs-vmx": ("vmread", "vmwrite")}  # besides, of paths of guests
# QEMU's XGETBV says that x87 and SSE state is in use always; Bochs' tells the truth.
BOCHS_EVENTS_SOUGHT = (("switch.plain*", {"xsave": 0}), ("sm.*.switch*", {"xsave": 0}))

# The paths that are taken under Bochs too.
BOCHS_PATHS = (
    "syscall.null", "ipc.call.inter-pd.0w", "ipc.call.inter-pd.4w", "ipc.call.inter-pd.64w",
    "ipc.call.intra-pd.0w", "ipc.call.intra-pd.4w", "ipc.call.intra-pd.64w", "exception.ud",
    "sm.up", "sm.down", "sm.up.switch", "switch.plain", "switch.plain.return", "switch.vectors",
    "switch.vectors.return", "guest.hypercall", "guest.cpuid", "guest.port", "guest.mmio",
    "guest.all-state", "guest.inject", "guest.first-touch", "guest.switch")

MARK_BEGIN, MARK_MIDDLE, MARK_END = range(0x21, 0x24)
OPEN, BEGIN, MIDDLE, END, CLOSE = (f"marker.{number}" for number in range(0x20, 0x25))
LINE = re.compile(r"^# \[bench\] ([a-z0-9.-]+) (\d+) (\d+) ?([a-z0-9.-]*)$", re.MULTILINE)

# Stretches are measured after the kernel's start.
STARTED = "kernel.started"

Counts = dict[str, int]  # instructions, and each of EVENTS


class Path(NamedTuple):
    name: str
    ticks: int    # of the shortest repetition, as the program saw it
    maximum: int  # of the longest
    part: str     # or ""


def started() -> dict[str, int]:
    """The point from which stretches are measured."""
    address = boot.addresses(boot.KERNEL, boot.KERNEL_PHASES[-1:])
    return {STARTED: next(iter(address.values()))}


def boot_options(cmdline: str = "", modules: tuple[pathlib.Path, ...] = MODULES) -> list[str]:
    return boot.options(modules, cmdline)


def parsed(console: str) -> list[Path]:
    if boot.exit_status(console):
        raise BenchError("the bench program failed; last lines:\n" + boot.last_lines(console))
    return [Path(name, int(ticks), int(maximum), part)
            for name, ticks, maximum, part in LINE.findall(console)]


def difference(before: dict, after: dict) -> Counts:
    """Instructions and events between two markers. The first marker counts as an instruction."""
    counted = {name: machine.total(after, name) - machine.total(before, name)
               for name in ("instructions", *EVENTS)}
    counted["instructions"] -= 1
    return counted


def repetitions(lines: list[dict]) -> list[list[tuple[Counts, Counts | None]]]:
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


def say_range(name: str, least: int, most: int) -> None:
    print(f"bench: {name}: repetitions differ: {least} to {most} instructions", file=sys.stderr)


def least(name: str, counted: list[Counts]) -> Counts:
    """The shortest repetition; says so if they differ."""
    found = min(counted, key=lambda counts: counts["instructions"])
    if any(counts != found for counts in counted):
        say_range(name, found["instructions"], max(one["instructions"] for one in counted))
    return found


def event_sought(name: str, event: str, platform: str) -> int | None:
    tables = (EVENTS_SOUGHT, BOCHS_EVENTS_SOUGHT if platform == "bochs-vmx" else ())
    sought: dict[str, int] = {}
    for table in tables:
        sought |= next((counts for pattern, counts in table if fnmatch.fnmatchcase(name, pattern)),
                       {})
    return sought.get(event)


def path_rows(name: str, counts: Counts, platform: str = "qemu-svm") -> list[dict]:
    sought = SOUGHT | BOCHS_SOUGHT if platform == "bochs-vmx" else SOUGHT
    events = EVENTS + (GUEST_EVENTS.get(platform, ()) if name.startswith("guest.") else ())
    rows = [record(name, counts["instructions"], "instructions", sought.get(name), platform)]
    return rows + [record(f"{name}.{event}", counts[event], "count",
                          event_sought(name, event, platform), platform) for event in events]


def figures(done: machine.Run) -> dict[str, Counts]:
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


def qemu_rows() -> list[dict]:
    done = machine.run_twice(boot_options(), started(), STARTED)
    found = figures(done)
    large = figures(machine.run_twice([*LARGE, *boot_options()], {}))
    found |= {name: counts for name, counts in large.items() if name not in found}
    rows = [row for name, counts in found.items() for row in path_rows(name, counts)]
    one, many = (found[name]["instructions"] for name in ("revoke.4k", "revoke.4k.128"))
    rows.append(record("revoke.4k.further", math.ceil((many - one) / 127), "instructions",
                       SOUGHT["revoke.4k.further"]))
    rows.append(record("interrupts-off.bench", longest(done.lines)["instructions"], "instructions"))
    return rows


def longest(lines: list[dict]) -> dict:
    """The longest stretch with interrupts off (plugin/counter.c) of those that the lines tell."""
    return max((line["stretch"] for line in lines), key=lambda one: one["instructions"])


def traced_figures(path: Path, steps: trace.Steps) -> dict[str, Counts]:
    """A path's counts under Bochs. Its clock counts what it executes, so the program's own figure
    is a check. Leaving a guest takes a tick, too (trace.guest_ticks)."""
    between = trace.between(steps, MARK_BEGIN, MARK_END)
    found = {path.name: trace.counted(between)}
    if path.part:
        found[path.part] = trace.counted(trace.between(steps, MARK_BEGIN, MARK_MIDDLE))
    if path.ticks != path.maximum:
        say_range(f"{path.name} on Bochs", path.ticks, path.maximum)
    own = path.ticks - (1 if path.part else 0)  # the marker in the middle
    if not own - trace.guest_ticks(between) <= found[path.name]["instructions"] <= path.maximum:
        raise BenchError(f"{path.name} on Bochs: {own} instructions by its clock, "
                         f"{found[path.name]['instructions']} by its trace")
    return found


def bochs_rows() -> list[dict]:
    traced, console = trace.run({"first": BENCH.with_suffix(".lz4")}, 1)
    found: dict[str, Counts] = {}
    for path, steps in zip(parsed(console), traced, strict=True):
        if path.name in BOCHS_PATHS or path.part in BOCHS_PATHS:
            found |= traced_figures(path, steps)
    return [row for name in BOCHS_PATHS for row in path_rows(name, found[name], "bochs-vmx")]


def wake_rows() -> list[dict]:
    """From the UP on CPU 0 until what waits on CPU 1, which is idle, runs: what CPU 0 executes
    until it is back, and what CPU 1 does until it has left the kernel, or is in the guest."""
    traced, console = trace.run({"first": BENCH.with_suffix(".lz4")}, 2)
    paths = zip((path.name for path in parsed(console)), traced, strict=True)
    rows = []
    for name, steps in paths:
        if name == "empty":
            continue
        waker = [one for one in trace.between(steps, MARK_BEGIN, MARK_END) if one.cpu == 0]
        woken = [one for one in trace.between(steps, MARK_BEGIN, MARK_MIDDLE) if one.cpu == 1]
        parts = {f"{name}.waker": trace.counted(waker), f"{name}.woken": trace.counted(woken)}
        both = {event: sum(counts[event] for counts in parts.values())
                for event in parts[f"{name}.waker"]}
        for path, counts in {name: both, **parts}.items():
            rows += path_rows(path, counts, "bochs-vmx")
    return rows
