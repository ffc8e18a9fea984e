"""Boots the loader under QEMU with chosen modules and looks at the machine while it stands still.

build/cairn boots the system as people do; this is for machines that it would not make: a CPU
without long mode, modules that are not programs, a screen that is read through the monitor.
"""

import os
import pathlib
import re
import selectors
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "out/gcc-debug/bin"
VGA_TEXT = 0xB8000
FLAG_INTERRUPTS = 0x200
COLUMNS, ROWS = 80, 25
SCREEN_DELAY = 2  # seconds, much more than it takes to write two lines
# What the monitor prints besides its answers: the command while it is typed, addresses of a dump.
ECHO_AND_ADDRESSES = re.compile(r"(?m)^.*(?:\(qemu\)|\x1b\[).*$|^[0-9a-f]+: ")
EXIT_LINE = re.compile(r"CAIRN-EXIT (\d+)$")


class MachineError(Exception):
    """The emulator did not do its part; the message says what and shows its last words."""


class Machine:
    """A running QEMU. Use it in a `with`; it is ended at the end."""

    def __init__(self, arguments: list[str], limit: float = 20) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="cairn-test-")
        self.monitor_path = os.path.join(self.directory.name, "monitor")
        self.end = time.monotonic() + limit
        self.lines: list[str] = []
        command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-nodefaults",
                   "-vga", "std", "-display", "none", "-no-reboot", "-serial", "stdio",
                   "-monitor", f"unix:{self.monitor_path},server=on,wait=off", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        self.directory.cleanup()

    def wait_for_line(self, pattern: re.Pattern) -> re.Match | None:
        """Read the serial line until a line matches. None: the machine ended or time is up."""
        assert self.process.stdout
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while time.monotonic() < self.end:
                if not selector.select(self.end - time.monotonic()):
                    break
                data = os.read(self.process.stdout.fileno(), 4096)
                if not data:
                    break
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\r"))
                    if match := pattern.match(self.lines[-1]):
                        return match
        return None

    def wait_for_exit_line(self) -> int | None:
        """The n of the line `CAIRN-EXIT n`, or None if it did not come in time."""
        match = self.wait_for_line(EXIT_LINE)
        return int(match[1]) if match else None

    def monitor(self, command: str, results: int, result: str = r"\b0x[0-9a-f]+") -> list[str]:
        """Give a command to the monitor and wait for as many matches of `result`."""
        text = ""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(max(self.end - time.monotonic(), 1))
                connection.connect(self.monitor_path)
                connection.sendall(command.encode() + b"\n")
                while data := connection.recv(65536):
                    text += data.decode("ascii", "replace")
                    found = re.findall(result, ECHO_AND_ADDRESSES.sub("", text))
                    if len(found) >= results:
                        return found[:results]
        except OSError as error:
            text += str(error)
        raise MachineError(f"no answer to '{command}' from the monitor: {text[-200:]!r}")

    def screen(self) -> str:
        """The VGA text screen as one string, row after row."""
        words = self.monitor(f"xp /{COLUMNS * ROWS}hx {VGA_TEXT:#x}", COLUMNS * ROWS)
        return "".join(chr(int(word, 16) & 0xFF) for word in words).replace("\0", " ")

    def screen_with(self, text: str) -> str:
        """The screen, as soon as it begins with the text: it is written after the serial line."""
        end = min(time.monotonic() + SCREEN_DELAY, self.end)
        while not (screen := self.screen()).startswith(text) and time.monotonic() < end:
            time.sleep(0.05)
        return screen

    def halted(self) -> bool:
        """Does the CPU stand in HLT with interrupts off?"""
        flags, halt = self.monitor("info registers", 2, r"\b(?:EFL|RFL|HLT)=[0-9a-f]+")
        return halt == "HLT=1" and not int(flags.split("=")[1], 16) & FLAG_INTERRUPTS


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
