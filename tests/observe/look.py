"""A running system, standing still after its work, seen through QEMU's monitor."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.lib import qemu
from tests.lib.monitor import MachineError

HOLDING = re.compile(r"# \[first\] holding$|CAIRN-EXIT ")
PAGE = re.compile(r"([0-9a-f]{16}): ([0-9a-f]{16}) ([XGPDACTUW-]{9})\s*$")


@dataclass(frozen=True)
class Page:
    """A 4 KiB or larger mapping as the last table's entry has it."""

    address: int
    frame: int
    flags: str  # XGPDACTUW; X: no-execute, P: large, C and T: cache bits, U: user, W: writable

    @property
    def executable(self) -> bool:
        return "X" not in self.flags

    @property
    def writable(self) -> bool:
        return "W" in self.flags

    @property
    def user(self) -> bool:
        return "U" in self.flags

    @property
    def uncached(self) -> bool:
        return "C" in self.flags and "T" in self.flags

    @property
    def kernel_half(self) -> bool:
        return self.address >= 1 << 63

    def __str__(self) -> str:
        return f"{self.address:016x} -> {self.frame:x} {self.flags}"


def parse_pages(answer: str) -> list[Page]:
    """The mappings in an answer to `info tlb`, with addresses in canonical form."""
    pages = []
    for line in answer.splitlines():
        if match := PAGE.match(line):
            pages.append(Page(int(match[1], 16), int(match[2], 16), match[3]))
    return pages


class System:
    """A machine whose first program holds still."""

    def __init__(self, machine: qemu.Machine, cpus: int) -> None:
        self.machine = machine
        self.lines = machine.lines
        self.cpus = cpus
        self.monitor = machine.monitor

    def pages(self, cpu: int) -> list[Page]:
        """All mappings of the address space that a CPU is in."""
        self.monitor.ask(f"cpu {cpu}")
        return parse_pages(self.monitor.ask("info tlb"))

    def registers(self) -> list[str]:
        """The register dump of each CPU."""
        answer = self.monitor.ask("info registers -a")
        return re.split(r"(?m)^\s*CPU#\d+\s*$", answer)[1:]


def read_layout() -> dict[str, int]:
    """The constants of where what is in the kernel's half."""
    text = (qemu.ROOT / "ipc/abi/kernel_layout.h").read_text()
    return {name: int(value, 0)
            for name, value in re.findall(r"(?m)^#define\s+(\w+)\s+(0x[0-9a-f]+|\d+)\b", text)}


@contextlib.contextmanager
def system(cpus: int = 1, command_line: str = "hold", options: tuple[str, ...] = (),
           more: tuple[tuple[str, str], ...] = ()) -> Iterator[System]:
    """Boots the debug build up to the first program's end and stops there."""
    modules = [(str(qemu.BIN / name), f"name={name}") for name in ("kernel", "first")]
    arguments = qemu.loader_arguments(modules + list(more), command_line=command_line)
    with qemu.Machine([*arguments, "-smp", str(cpus), *options]) as machine:
        match = machine.wait_for_line(HOLDING)
        if not match or "holding" not in match[0]:
            raise MachineError("the first program did not come to hold still:\n  "
                                    + "\n  ".join(machine.lines[-12:]))
        found = System(machine, cpus)
        found.monitor.ask("stop")
        yield found


def register(dump: str, name: str) -> int:
    """A register of a dump, such as CR4 or EFER."""
    match = re.search(rf"\b{name}\s*=\s*([0-9a-f]+)", dump)
    if not match:
        raise MachineError(f"no {name} in the registers:\n{dump}")
    return int(match[1], 16)
