#!/usr/bin/env python3
"""Exceptions that no program can cause: an NMI, a machine check, a double fault, faults of the
kernel itself. The machine is changed from outside so that they happen at the worst moment.

    tests/fault/kernel.t            all cases
    tests/fault/kernel.t WORD...    those whose text has one of these words

In most cases the stack pointer that the CPU would take first is spoilt, so a case passes only if
its exception has a stack of its own. Each case is a boot of its own.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fault.judge import REGISTERS, REPORT, matching  # noqa: E402  (needs the path above)
from tests.lib import qemu  # noqa: E402
from tests.lib.debugger import Debugger  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402
from tests.observe import look  # noqa: E402
from tests.observe.look import System  # noqa: E402

LAYOUT = look.read_layout()
ENTRY = LAYOUT["CPU_AREAS"] + LAYOUT["CPU_ENTRY"]  # where SYSCALL enters on CPU 0
STACK_END = LAYOUT["CPU_AREAS"] + LAYOUT["CPU_STACK"]  # below it lies the guard page
TSS_RSP0 = 4  # offset in the TSS (Intel SDM 3A, 7.7)
UNMAPPED = 0x1000
SYSCALL = b"\x0f\x05"
UD2 = b"\x0f\x0b"
JUMP_TO_SELF = b"\xeb\xfe"
TRAP_FLAG = 0x100
INTERRUPT_FLAG = 0x200
# What a system call clears: NT, DF, IF, TF and AC, which would switch SMAP off.
CLEARED_FLAGS = 0x44700
ODD_FLAGS = 0x44400  # of these, those with which the program goes on
RFLAGS = re.compile(r"# \[kernel\]   rflags ([0-9a-f]+)")
LOOKUP = 8  # SYSCALL_LOOKUP in ipc/abi/syscall.h
# Valid, uncorrected and enabled, in bank 1; a machine check in progress that allows a restart
# (Intel SDM 3B, 15.3). QEMU hands it to CPU 0.
MACHINE_CHECK = "mce 0 1 0xb000000000000000 0x5 0 0"

Deed = Callable[[System, Debugger], None]


def spoil_stack(system: System, debugger: Debugger) -> None:
    """An interrupt of the program without a stack of its own hits the guard page. The timer's,
    which would be the first, is kept away."""
    debugger.set_register("eflags", debugger.register("eflags") & ~INTERRUPT_FLAG)
    tss = int(re.search(r"\bTR =\w+ ([0-9a-f]+)", system.registers()[0])[1], 16)
    debugger.write(tss + TSS_RSP0, STACK_END.to_bytes(8, "little"))


def wait_in_entry(_: System, debugger: Debugger) -> None:
    """The program's SYSCALL goes no further than its first instruction, with a bad stack and flags
    that a program can choose."""
    debugger.write(ENTRY, JUMP_TO_SELF)
    debugger.write(debugger.register("rip"), SYSCALL)
    debugger.set_register("rsp", UNMAPPED)
    debugger.set_register("eflags", debugger.register("eflags") | ODD_FLAGS)


def fault_in_entry(system: System, debugger: Debugger) -> None:
    """The program's SYSCALL faults on its first instruction, with a bad stack."""
    wait_in_entry(system, debugger)
    debugger.write(ENTRY, UD2)


def fault_in_kernel(_: System, debugger: Debugger) -> None:
    symbols = subprocess.run(["nm", qemu.BIN / "kernel.debug"], capture_output=True, text=True,
                             check=True).stdout
    handler = int(re.search(r"(?m)^(\w+) \w syscall_lookup$", symbols)[1], 16)
    debugger.write(handler, UD2)
    debugger.set_register("rax", LOOKUP)
    debugger.write(debugger.register("rip"), SYSCALL)


def fault_in_program(system: System, debugger: Debugger) -> None:
    spoil_stack(system, debugger)
    debugger.set_register("rip", UNMAPPED)


def step_program(system: System, debugger: Debugger) -> None:
    spoil_stack(system, debugger)
    debugger.set_register("eflags", debugger.register("eflags") | TRAP_FLAG)


@dataclass(frozen=True)
class Case:
    """What is done to the machine, what the monitor is told then, and the report that follows."""

    about: str
    deed: Deed
    vector: int
    mode: str
    command: str = ""
    rip: int | None = None


CASES = [
    Case("an NMI in the program", spoil_stack, 2, "user", "nmi"),
    Case("an NMI on the first instruction of a system call", wait_in_entry, 2, "kernel", "nmi",
         ENTRY),
    Case("a machine check in the program", spoil_stack, 18, "user", MACHINE_CHECK),
    Case("a machine check on the first instruction of a system call", wait_in_entry, 18, "kernel",
         MACHINE_CHECK, ENTRY),
    Case("a debug exception in the program", step_program, 1, "user"),
    Case("a fault without a stack to report it on: a double fault", fault_in_program, 8, "user"),
    Case("a fault on the first instruction of a system call: a double fault", fault_in_entry, 8,
         "kernel"),
    Case("an invalid opcode in the kernel", fault_in_kernel, 6, "kernel"),
]


def run(case: Case) -> list[str]:
    """What is wrong; empty if nothing is."""
    with look.system() as system:
        debugger = system.machine.debugger()
        case.deed(system, debugger)
        debugger.detach()
        if case.command:
            time.sleep(0.1)  # the program gets to where it shall be met
            system.monitor.ask(case.command)
        status = system.machine.wait_for_exit_line()
        faults = [] if status == 8 else [f"CAIRN-EXIT {status}, expected 8"]
        if not system.machine.powered_off():
            faults.append("the machine did not power off")
        reports = matching(REPORT, system.lines)
        if len(reports) != 1:
            return [*faults, f"{len(reports)} reports", *system.lines[-8:]]
        _, mode, vector, _, rip, _ = reports[0].groups()
        if (mode, int(vector)) != (case.mode, case.vector):
            faults.append(f"{mode} exception {vector}")
        if case.rip not in (None, int(rip, 16)):
            faults.append(f"at rip {rip}, expected {case.rip:#x}")
        flags = matching(RFLAGS, system.lines)
        if case.rip == ENTRY and (not flags or int(flags[0][1], 16) & CLEARED_FLAGS):
            faults.append("the system call runs with the program's flags")
        if len(matching(REGISTERS, system.lines)) < 4:
            faults.append("the registers were not printed")
        return faults


def main() -> int:
    out = Tap()
    for case in CASES:
        if len(sys.argv) == 1 or any(word in case.about for word in sys.argv[1:]):
            out.ok(not (faults := run(case)), f"reported: {case.about}", *faults)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
