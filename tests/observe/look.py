"""A running system, standing still after its work, seen through QEMU's monitor."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.lib import qemu

HOLDING = re.compile(r"# \[first\] holding$|CAIRN-EXIT ")
PROMPT = b"(qemu) "
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
PAGE = re.compile(r"([0-9a-f]{16}): ([0-9a-f]{16}) ([XGPDACTUW-]{9})\s*$")


class Monitor:
    """One conversation with the monitor; the CPU that was selected stays selected."""

    def __init__(self, path: str, limit: float = 10) -> None:
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(limit)
        self._connect(path, time.monotonic() + limit)
        self._read_to_prompt()

    def _connect(self, path: str, end: float) -> None:
        """QEMU makes the socket a moment after its start."""
        while True:
            try:
                self.connection.connect(path)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _read_to_prompt(self) -> str:
        text = b""
        while not text.endswith(PROMPT):
            data = self.connection.recv(1 << 20)
            if not data:
                raise qemu.MachineError(f"the monitor ended after {text[-200:]!r}")
            text += data
        return text[:-len(PROMPT)].decode("ascii", "replace")

    def ask(self, command: str) -> str:
        """The answer to a command, without the command's echo."""
        self.connection.sendall(command.encode() + b"\n")
        echo, _, answer = ESCAPES.sub("", self._read_to_prompt()).partition("\n")
        return answer.replace("\r", "")

    def physical(self, address: int, size: int = 4) -> int:
        """A little-endian number of 1, 2, 4 or 8 bytes in physical memory; LookupError if there is
        nothing at that address."""
        letter = {1: "b", 2: "h", 4: "w", 8: "g"}[size]
        answer = self.ask(f"xp /1{letter}x {address:#x}")
        if "Cannot access" in answer:
            raise LookupError(f"nothing is at {address:#x}")
        return int(answer.split(":", 1)[1], 16)


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
        self.lines = machine.lines
        self.cpus = cpus
        self.monitor = Monitor(machine.monitor_path)

    def pages(self, cpu: int) -> list[Page]:
        """All mappings of the address space that a CPU is in."""
        self.monitor.ask(f"cpu {cpu}")
        return parse_pages(self.monitor.ask("info tlb"))

    def registers(self) -> list[str]:
        """The register dump of each CPU."""
        answer = self.monitor.ask("info registers -a")
        return re.split(r"(?m)^\s*CPU#\d+\s*$", answer)[1:]


@contextlib.contextmanager
def system(cpus: int = 1, command_line: str = "hold", options: tuple[str, ...] = (),
           more: tuple[tuple[str, str], ...] = ()) -> Iterator[System]:
    """Boots the debug build up to the first program's end and stops there."""
    modules = [(str(qemu.BIN / name), f"name={name}") for name in ("kernel", "first")]
    arguments = qemu.loader_arguments(modules + list(more), command_line=command_line)
    with qemu.Machine([*arguments, "-smp", str(cpus), *options]) as machine:
        match = machine.wait_for_line(HOLDING)
        if not match or "holding" not in match[0]:
            raise qemu.MachineError("the first program did not come to hold still:\n  "
                                    + "\n  ".join(machine.lines[-12:]))
        found = System(machine, cpus)
        found.monitor.ask("stop")
        yield found


def register(dump: str, name: str) -> int:
    """A register of a dump, such as CR4 or EFER."""
    match = re.search(rf"\b{name}\s*=\s*([0-9a-f]+)", dump)
    if not match:
        raise qemu.MachineError(f"no {name} in the registers:\n{dump}")
    return int(match[1], 16)
