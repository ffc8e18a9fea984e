#!/usr/bin/env python3
"""Reading Bochs' instruction trace, and the summary of the figures: on made-up text."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.bench import machine, records, summary, trace  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

STOP = "(0) Magic breakpoint"
tap = Tap()


def line(cpu: int, ticks: int, rip: int, text: str, code: str) -> str:
    return f"({cpu}).[{ticks}] [0x{rip:012x}] 0023:{rip:016x} (unk. ctxt): {text:<25} ; {code}"


def marker(cpu: int, ticks: int, rip: int, number: int) -> str:
    return line(cpu, ticks, rip, "nop", f"0f1f80{number:02x}004b4d")


# One instruction of CPU 0 is printed twice, because an interrupt came before it the first time.
TRACE = [
    "Next at t=0", line(0, 9, 0x100, "nop", "90"), STOP,
    marker(0, 10, 0x1000, 0x21),
    line(0, 11, 0x1007, "mov eax, 0x00000001", "b801000000"),
    line(0, 12, 0x100c, "xchg ecx, eax", "91"),
    line(1, 12, 0x5000, "mov cr3, rax", "0f22d8"),
    line(0, 12, 0xffffffff80000000, "push 0x0", "6a00"),
    line(0, 13, 0xffffffff80000002, "iretq", "48cf"),
    line(0, 14, 0x100c, "xchg ecx, eax", "91"),
    line(0, 15, 0x100d, "rep movsq qword ptr es:[rdi], qword ptr ds:[rsi]", "f348a5"),
    line(0, 19, 0x1010, "lock xadd dword ptr ds:[rdi], eax", "f00fc107"),
    line(0, 20, 0x1014, "xchg dword ptr ds:[rdi], eax", "8707"),
    marker(1, 20, 0x5003, 0x22),
    marker(0, 21, 0x1016, 0x23),
    STOP, line(0, 30, 0x1020, "nop", "90"), STOP, line(0, 31, 0x1021, "nop", "90"), STOP,
]


def check_trace() -> None:
    found = trace.repetitions(TRACE)
    tap.equal([len(steps) for steps in found], [11, 1], "what lies between the stops, by path")
    steps = trace.between(found[0], 0x21, 0x23)
    tap.equal([sum(one.cpu == cpu for one in steps) for cpu in (0, 1)], [7, 2], "by CPU")
    tap.ok([one.text for one in steps].count("xchg ecx, eax") == 1,
           "an instruction before which an interrupt came is not counted")
    counted = trace.counted([one for one in steps if one.cpu == 0])
    tap.equal(counted, {"instructions": 10, "cr3": 0, "invalidate": 0, "xsave": 0, "wrmsr": 0,
                        "lock": 2, "vmread": 0, "vmwrite": 0},
              "instructions, each iteration of a repeated one, and events")
    tap.equal(trace.counted(steps)["cr3"], 1, "and those of the other CPU")
    tap.equal(trace.guest_ticks(steps), 0, "no guest is entered")
    text = ["vmresume ", "vmread rcx, rax", "vmwrite rax, rcx", "vmwrite rax, rcx", "vmlaunch "]
    guest = [trace.step(line(0, 40 + at, 0x100 + at, one, "90")) for at, one in enumerate(text)]
    counted = trace.counted(guest)
    tap.equal((counted["instructions"], counted["vmread"], counted["vmwrite"],
               trace.guest_ticks(guest)), (5, 1, 2, 2), "a guest's events and entries")
    tap.equal(len(trace.between(found[0], 0x21, 0x22)), 8, "to a marker that the other one passes")
    try:
        trace.between(found[1], 0x21, 0x23)
        tap.ok(False, "a marker that is missing is an error")
    except machine.BenchError as error:
        tap.ok("0x21" in str(error), "a marker that is missing is an error")


def check_summary() -> None:
    rows = [records.record("a", 5, "instructions", 9), records.record("b", 9, "instructions", 5),
            records.record("a", 6, "instructions", 9, "bochs-vmx"),
            records.record("b.cr3", 1, "count", 0), records.record("b.lock", 1, "count", 1),
            records.record("c", 1_000, "instructions"), records.record("c.create", 1, "bytes")]
    lines = [line.split() for line in summary.text(rows).splitlines()]
    tap.equal(lines[-2:], [["b", "9", "5", "missed"], ["a", "5", "6", "9", "met"]],
              "goals come last, missed ones first, platforms side by side")
    tap.ok(["b.cr3", "1", "0", "missed"] in lines and all("b.lock" not in one for one in lines),
           "counts stand there if they miss their goal")
    tap.ok(["c", "1,000"] in lines and all("c.create" not in one for one in lines),
           "figures without a goal, but no parts")


check_trace()
check_summary()
sys.exit(tap.done())
