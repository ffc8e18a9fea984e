"""Starting an emulator as a child process, with its serial line on two file descriptors.

QEMU's serial line is its standard input and output. Bochs gets a pseudo-terminal: it needs no port
number, so any number of runs can go on at once, and no network. The child is killed with us.
"""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tty

import bochs
import qemu
from errors import ROOT, LauncherError
from machine import Machine

# Bochs reports its plugins and, on a machine without sound, each try to find a sound card.
NOISE = re.compile(r"[0-9]{11}i\[|ALSA lib ")

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Runs in the child before exec: no emulator outlives the launcher, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Emulator:
    """process; console_in and console_out: descriptors to write to and to read from."""

    def __init__(self, machine: Machine, folder: pathlib.Path):
        self.log_file = folder / "bochs.log"
        self.error_file = folder / "stderr"
        self.spare: int | None = None
        if machine.platform == "bochs":
            self.command = bochs.arguments(str(folder / "bochsrc"), str(folder / "go"))
        else:
            self.command = qemu.arguments(machine)
        if shutil.which(self.command[0]) is None:
            raise LauncherError(f"{self.command[0]} is missing; build/setup installs it")
        with self.error_file.open("wb") as errors:
            if machine.platform == "bochs":
                self._start_bochs(machine, folder, errors)
            else:
                self._start_qemu(errors)
        os.set_blocking(self.console_in, False)
        os.set_blocking(self.console_out, False)

    def _start_qemu(self, errors: object) -> None:
        self.process = self._spawn(subprocess.PIPE, subprocess.PIPE, errors)
        self.console_in = self.process.stdin.fileno()
        self.console_out = self.process.stdout.fileno()

    def _start_bochs(self, machine: Machine, folder: pathlib.Path, errors: object) -> None:
        # The other side stays open here, so that what Bochs wrote last can be read after its end.
        ours, self.spare = os.openpty()
        tty.setraw(self.spare)
        console = os.ttyname(self.spare)
        (folder / "bochsrc").write_text(bochs.configuration(machine, console, str(self.log_file)))
        (folder / "go").write_text(bochs.GO)
        self.console_in = self.console_out = ours
        self.process = self._spawn(subprocess.DEVNULL, subprocess.DEVNULL, errors)

    def _spawn(self, stdin: int, stdout: int, errors: object) -> subprocess.Popen:
        # A session of its own: the terminal's signals are for the launcher.
        return subprocess.Popen(self.command, cwd=ROOT, stdin=stdin, stdout=stdout, stderr=errors,
                                start_new_session=True, preexec_fn=die_with_parent)

    def read(self) -> bytes:
        """What the machine has written so far; empty when there is nothing more now."""
        try:
            return os.read(self.console_out, 65536)
        except OSError:  # nothing there now, or nobody at the other end any more
            return b""

    def write(self, data: bytes) -> int:
        """Gives the machine input; returns how many bytes it took."""
        try:
            return os.write(self.console_in, data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # the emulator is gone; nobody wants these bytes

    def running(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """Asks it to end, then makes it."""
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def complaints(self) -> list[str]:
        """What the emulator itself wrote: its error output and, for Bochs, its log."""
        lines: list[str] = []
        for file in (self.error_file, self.log_file):
            if file.exists():
                lines += file.read_text(errors="replace").splitlines()
        return [line for line in lines if line.strip() and not NOISE.match(line)]
