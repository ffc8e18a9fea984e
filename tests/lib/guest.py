"""Boots real guests, and types into their shells as a person would.

Who types has seen a prompt first; who waits, waits for what comes, and the limit is one that no
sound run comes near.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

from tests.lib.system import ROOT, Ended
from tests.lib.tap import Tap

SECONDS = 200  # for a run, on a host that does other things too
GUESTS = ROOT / "out/guests/linux"
QUIET = "console=ttyS0 quiet cryptomgr.notests"
PROMPT = r"^/ # "
BOOTED = r"^Linux \S+: poweroff, reboot and kexec end it$"  # guests/linux/files/rc
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
OTHERS = re.compile(r"^(\[ *\d+\.\d+\]|# \[[\w.-]+\]) .*\n", re.MULTILINE)
ROOT_KEY = "\x1dr"  # gives the keyboard to root
NEXT_KEY = "\x1dn"  # to the next one


def vm_file(name: str, *, boot: str = "linux", kernel: str = "", initrd: str = "initrd.img",
            memory: str = "128M", cmdline: str = QUIET, rows: str = "") -> str:
    """The text of a VM file."""
    kernel = kernel or ("vmlinux" if boot == "pvh" else "vmlinuz")
    return (f"[vm]\nname = {name}\nmemory = {memory}\nboot = {boot}\nkernel = {GUESTS / kernel}\n"
            f"initrd = {GUESTS / initrd}\ncmdline = {cmdline}\n{rows}\n")


class Terminal:
    """A machine with its serial line on a program's standard input and output; use it in a `with`.

    `text` is all that came, without what only moves the cursor; who waits reads on from `at`.
    """

    def __init__(self, command: list[str], seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.text = ""
        self.at = 0
        self.over = False
        self.changed = threading.Condition()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        raw = ""
        while data := os.read(self.process.stdout.fileno(), 65536):
            raw += data.decode("latin-1")
            with self.changed:
                self.text = CONTROL.sub("", raw)
                self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def wait(self, pattern: str) -> re.Match:
        """Until the rest of the text has it, and reads on behind that."""
        wanted = re.compile(pattern, re.MULTILINE)
        found: list[re.Match | None] = [None]

        def look() -> bool:
            found[0] = wanted.search(self.text, self.at)
            return bool(found[0]) or self.over

        with self.changed:
            self.changed.wait_for(look, self.seconds)
        if not found[0]:
            raise Ended(f"nothing matches '{pattern}'")
        self.at = found[0].end()
        return found[0]

    def keys(self, keys: str) -> None:
        try:
            self.process.stdin.write(keys.encode())
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Ended(f"before {keys!r} could be typed") from error

    def boot(self) -> None:
        """Until the guest's file system is there; its shell is next."""
        self.wait(BOOTED)

    def type(self, line: str) -> None:
        """A command, once the prompt is there."""
        self.wait(PROMPT)
        self.keys(line + "\r")

    def run(self, command: str) -> str:
        """What a command prints, without the kernel's messages and other programs' in between."""
        self.type(f'echo "@"b; {command}; echo "@"e$?')
        match = self.wait(r"^@b\n((?:.*\n)*?)(.*)@e(\d+)$")
        return OTHERS.sub("", match[1] + match[2])

    def end(self) -> int:
        """Its exit status, once it has ended by itself."""
        with self.changed:
            self.changed.wait_for(lambda: self.over, self.seconds)
        if not self.over:
            raise Ended("it does not end")
        return self.process.wait()

    def tail(self) -> str:
        self.errors.seek(0)
        return "\n".join(self.text.splitlines()[-40:]) + "\n" + self.errors.read().decode()

    def check(self, tap: Tap, passed: object, description: str, *details: str) -> bool:
        return tap.ok(passed, description, *details, *([] if passed else [self.tail()]))

    def equal(self, tap: Tap, got: object, want: object, description: str) -> bool:
        return self.check(tap, got == want, description, f" got {got!r}", f"want {want!r}")


class Guests(Terminal):
    """Cairn with a VM for each VM file."""

    def __init__(self, files: list[str], options: list[str] | None = None) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="cairn-guest-")
        paths = []
        for number, text in enumerate(files):
            path = pathlib.Path(self.folder.name) / f"{number}.conf"
            path.write_text(text)
            paths.append(str(path))
        super().__init__([str(ROOT / "build/cairn"), "run", "--timeout", str(SECONDS),
                          *(options or []), *paths])

    def __exit__(self, *unused: object) -> None:
        super().__exit__(*unused)
        self.folder.cleanup()


def main(*checks: Callable[[Tap], None]) -> int:
    """Each check(tap), which may raise Ended; further words on the command line choose some."""
    tap = Tap()
    for check in checks:
        if sys.argv[1:] and not any(word in check.__name__ for word in sys.argv[1:]):
            continue
        tap.note(check.__name__)
        try:
            check(tap)
        except Ended as error:
            tap.ok(False, f"{check.__name__}: it went on", str(error))
    return tap.done()
