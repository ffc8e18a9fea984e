"""Boots with something wrong, and what the loader must say about it.

A case is a set of modules and a machine. The loader must print exactly one error line on the
serial line, the same text on the screen from its first row on, then `CAIRN-EXIT 8` on both, and
stand still: nothing may run after that.
"""

import contextlib
import pathlib
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.lib import elf, qemu
from tests.lib.console import own_lines
from tests.lib.monitor import MachineError
from tests.lib.tap import Tap

KERNEL = qemu.BIN / "kernel"
FIRST = qemu.BIN / "first"
KERNEL_BASE = 0xFFFFFFFF80000000  # where the kernel's segments may begin
FIRST_BASE = 0x400000

Content = bytes | pathlib.Path


@dataclass
class Case:
    """One boot. Modules are (argument string, content) pairs; `modules` in full, or changes."""

    about: str
    error: str  # what follows "# [loader] error: "; <n> stands for any number
    kernel: Content | None = KERNEL  # None: no such module
    first: Content | None = FIRST
    more: list[tuple[str, Content]] = field(default_factory=list)
    cpu: str = "max"
    memory: str = "128M"

    def modules(self) -> list[tuple[str, Content]]:
        standard = [("name=kernel", self.kernel), ("name=first", self.first)]
        return [(words, content) for words, content in standard if content is not None] + self.more


def code_segment(base: int = FIRST_BASE, size: int = 64) -> elf.Segment:
    """A segment of HLT instructions, executable: the base of a file with one fault."""
    return elf.Segment(base, elf.R | elf.X, b"\xf4" * size)


def large_elf(size: int) -> bytes:
    """A program that wants `size` bytes of zeroes."""
    return elf.build([code_segment(), elf.Segment(FIRST_BASE + elf.PAGE, elf.R | elf.W,
                                                  memory_size=size)], FIRST_BASE)


def good_elf(base: int = FIRST_BASE) -> bytes:
    return elf.build([code_segment(base)], base)


@contextlib.contextmanager
def module_files(modules: list[tuple[str, Content]]) -> Iterator[list[tuple[str, str]]]:
    """(path, arguments) for each module; made-up content lies in a folder until the end."""
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        files = []
        for number, (words, content) in enumerate(modules):
            path = content
            if isinstance(content, bytes):
                path = pathlib.Path(folder) / f"module{number}"
                path.write_bytes(content)
            files.append((str(path), words))
        yield files


def screen_text(lines: list[str]) -> str:
    """How lines look on the screen: each wrapped, its last row filled with spaces."""
    return "".join(line.ljust(-(-len(line) // qemu.COLUMNS) * qemu.COLUMNS) for line in lines)


def progress(line: str) -> bool:
    """Lines that the loader may print on its way to an error."""
    return line.startswith("# [loader] ") and not line.startswith("# [loader] error")


@dataclass
class Stop:
    """What a boot showed when the loader had stopped."""

    console: list[str]
    screen: str = ""
    halted: bool = False

    def told(self) -> list[str]:
        return [line for line in own_lines(self.console) if not progress(line)]


def boot(arguments: list[str]) -> Stop:
    """Start a machine and look at it when the loader has stopped."""
    with qemu.Machine(arguments) as machine:
        status = machine.wait_for_exit_line()
        stop = Stop(machine.lines)
        if status is not None:
            with contextlib.suppress(MachineError):
                stop.halted = machine.halts()
                stop.screen = machine.screen()
        return stop


def judge(out: Tap, stop: Stop, about: str, error: str) -> None:
    """Add the results: the line on the serial line and on the screen, and nothing afterwards."""
    told, text = stop.told(), screen_text(stop.told())
    pattern = re.escape(f"# [loader] error: {error}\nCAIRN-EXIT 8").replace("<n>", r"\d+")
    out.ok(re.fullmatch(pattern, "\n".join(told)), f"{about}: serial line",
           f"want {pattern}", " got:", *stop.console[-10:])
    out.ok(told and stop.screen.startswith(text), f"{about}: screen", f"want {text!r}",
           f" got {stop.screen[:len(text) + qemu.COLUMNS]!r}")
    out.ok(stop.halted, f"{about}: the CPU stands still for good")


def check(out: Tap, case: Case) -> None:
    """Boot the case by QEMU's own Multiboot loader."""
    with module_files(case.modules()) as files:
        stop = boot(qemu.loader_arguments(files, cpu=case.cpu, memory=case.memory))
    judge(out, stop, case.about, case.error)


def run(cases: list[Case]) -> int:
    """All cases as one TAP program, or those whose text contains a word of the command line."""
    words = sys.argv[1:]
    out = Tap()
    for case in cases:
        if not words or any(word in case.about for word in words):
            check(out, case)
    return out.done()
