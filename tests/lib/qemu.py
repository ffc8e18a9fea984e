"""Boots the loader under QEMU with chosen modules and looks at the machine while it stands still.

build/cairn boots the system as people do; this is for machines that it would not make: a CPU
without long mode, modules that are not programs, a screen that is read through the monitor.
"""

import functools
import os
import pathlib
import re
import selectors
import subprocess
import tempfile
import time

from tests.lib.debugger import Debugger
from tests.lib.monitor import Monitor

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "out/gcc-debug/bin"
VGA_TEXT = 0xB8000
FLAG_INTERRUPTS = 0x200
COLUMNS, ROWS = 80, 25
POWER_OFF_DELAY = 5  # seconds
HALT_DELAY = 2  # seconds, much more than it takes to write two lines on the screen
EXIT_LINE = re.compile(r"CAIRN-EXIT (\d+)$")


class Machine:
    """A running QEMU. Use it in a `with`; it is ended at the end."""

    def __init__(self, arguments: list[str], limit: float = 20) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="cairn-test-")
        self.end = time.monotonic() + limit
        self.lines: list[str] = []
        self.unread = b""
        command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-nodefaults",
                   "-vga", "std", "-display", "none", "-no-reboot", "-serial", "stdio",
                   "-monitor", f"unix:{self._socket('monitor')},server=on,wait=off",
                   "-gdb", f"unix:{self._socket('debugger')},server=on,wait=off", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        if "monitor" in vars(self):
            self.monitor.close()
        self.directory.cleanup()

    def _socket(self, name: str) -> str:
        return os.path.join(self.directory.name, name)

    @functools.cached_property
    def monitor(self) -> Monitor:
        return Monitor(self._socket("monitor"))

    def debugger(self) -> Debugger:
        """Stops the machine until the debugger lets it go."""
        return Debugger(self._socket("debugger"))

    def wait_for_line(self, pattern: re.Pattern) -> re.Match | None:
        """Read the serial line until a line matches. None: the machine ended or time is up."""
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                while b"\n" in self.unread:
                    line, _, self.unread = self.unread.partition(b"\n")
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\r"))
                    if match := pattern.match(self.lines[-1]):
                        return match
                if not selector.select(max(self.end - time.monotonic(), 0)):
                    return None
                data = os.read(self.process.stdout.fileno(), 4096)
                if not data:
                    return None
                self.unread += data

    def wait_for_exit_line(self) -> int | None:
        """The n of the line `CAIRN-EXIT n`, or None if it did not come in time."""
        match = self.wait_for_line(EXIT_LINE)
        return int(match[1]) if match else None

    def powered_off(self) -> bool:
        """Did the machine end by itself, soon and without a complaint?"""
        try:
            return self.process.wait(POWER_OFF_DELAY) == 0
        except subprocess.TimeoutExpired:
            return False

    def screen(self) -> str:
        """The VGA text screen as one string, row after row."""
        words = self.monitor.physical(VGA_TEXT, 2, COLUMNS * ROWS)
        return "".join(chr(word & 0xFF) for word in words).replace("\0", " ")

    def halts(self) -> bool:
        """Does the CPU come to stand in HLT with interrupts off? The screen is written before."""
        end = min(time.monotonic() + HALT_DELAY, self.end)
        while not (halted := self._halted()) and time.monotonic() < end:
            time.sleep(0.01)
        return halted

    def _halted(self) -> bool:
        dump = self.monitor.ask("info registers")
        flags = re.search(r"\b[ER]FL=([0-9a-f]+)", dump)
        return "HLT=1" in dump and flags is not None and not int(flags[1], 16) & FLAG_INTERRUPTS


def initrd(modules: list[tuple[str, str]]) -> list[str]:
    """The -initrd option for (path, arguments) pairs; commas in them are doubled."""
    if not modules:
        return []
    return ["-initrd", ",".join(f"{path} {arguments}".replace(",", ",,")
                                for path, arguments in modules)]


def loader_arguments(modules: list[tuple[str, str]], *, cpu: str = "max", memory: str = "128M",
                     command_line: str = "") -> list[str]:
    """QEMU's arguments to start the loader as a Multiboot 1 kernel with these modules."""
    return ["-cpu", cpu, "-m", memory, "-kernel", str(BIN / "loader"), "-append", command_line,
            *initrd(modules)]
