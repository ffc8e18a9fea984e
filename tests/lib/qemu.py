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
COLUMNS, ROWS = 80, 25
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
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(max(self.end - time.monotonic(), 1))
            connection.connect(self.monitor_path)
            connection.sendall(command.encode() + b"\n")
            text = ""
            while time.monotonic() < self.end:
                data = connection.recv(65536)
                if not data:
                    break
                text += data.decode("ascii", "replace")
                # The command itself is echoed, with its own address; take the lines after it.
                found = re.findall(result, re.sub(r"(?m)^.*(?:\(qemu\)|\x1b\[).*$|^[0-9a-f]+: ",
                                                  "", text))
                if len(found) >= results:
                    return found[:results]
        raise MachineError(f"no answer to '{command}' from the monitor: {text[-200:]!r}")

    def screen(self) -> list[str]:
        """The rows of the VGA text screen, without the spaces at their ends."""
        words = self.monitor(f"xp /{COLUMNS * ROWS}hx {VGA_TEXT:#x}", COLUMNS * ROWS)
        text = "".join(chr(int(word, 16) & 0xFF) for word in words)
        return [text[row * COLUMNS:(row + 1) * COLUMNS].rstrip(" \0") for row in range(ROWS)]


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
