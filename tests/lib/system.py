"""Boots root with a configuration, types at its console and reads what comes out.

Nothing here depends on how fast the machine is: who waits, waits for a line, and the limit is one
that no sound run comes near.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable

from tests.lib.console import own_lines
from tests.lib.tap import Tap

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 240  # for a run, on a host that does other things too
BOCHS = ["--platform", "bochs", "--build", "release"]

MACHINES = {
    "one CPU": ["--cpus", "1"],
    "two CPUs": ["--cpus", "2"],
    "Bochs": [*BOCHS, "--cpus", "1", "--memory", "256M"],
    "Bochs, two CPUs": [*BOCHS, "--cpus", "2", "--memory", "256M"],
}
# Without that one: for what takes minutes on it, where two CPUs that never rest are emulated in
# turn.
FAST_MACHINES = [name for name in MACHINES if name != "Bochs, two CPUs"]

# All servers, without a program that uses them.
SERVERS = """
[console]
memory = 1M
priority = 60
offers = console
ports = 0x3f8 8
irq = 4
[log]
memory = 1M
priority = 50
arguments = debug
offers = log
uses = console
[clock]
memory = 512K
priority = 50
offers = clock
ports = 0x70 2
[random]
memory = 512K
priority = 50
offers = random
"""


class Ended(Exception):
    """The machine ended, or the time was up, before a line came that was waited for."""


def machines(names: Iterable[str]) -> dict[str, list[str]]:
    """To test on: the one that the command line describes, by build/cairn's options, or these."""
    return {"this machine": sys.argv[1:]} if sys.argv[1:] else {name: MACHINES[name]
                                                                for name in names}


def cpus(options: list[str]) -> int:
    return int(options[options.index("--cpus") + 1]) if "--cpus" in options else 1


class System:
    """A running system; use it in a `with`."""

    def __init__(self, configuration: str, options: list[str],
                 files: dict[str, bytes] | None = None) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="cairn-system-")
        folder = pathlib.Path(self.folder.name)
        (folder / "system.conf").write_text(configuration)
        for name, content in (files or {}).items():
            (folder / name).write_bytes(content)
        self.lines: list[str] = []
        self.over = False
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(ROOT / "build/cairn"), "run", "--timeout", str(SECONDS), "--system",
             str(folder / "system.conf"), *options], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\r\n"))
                self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()
        self.folder.cleanup()

    def keys(self, keys: str) -> None:
        """As if somebody pressed them."""
        try:
            self.process.stdin.write(keys)
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Ended(f"before {keys!r} could be typed") from error

    def type(self, text: str) -> None:
        """A line, as if somebody typed it."""
        self.keys(text + "\n")

    def focus(self, name: str) -> None:
        """Gives the keyboard to a client of the console, whichever number that has."""
        start = len(self.lines)
        for _ in range(SECONDS // 2):
            self.keys("\x1dn")
            if self.wait(rf"the keyboard is with {name}$", start, 2):
                return
        raise Ended(f"the keyboard does not come to {name}")

    def answer(self, line: str, pattern: str) -> re.Match:
        """Types a line, once, and waits for what is said to that."""
        start = len(self.lines)
        self.type(line)
        return self.wait(pattern, start)

    def find(self, pattern: str, start: int = 0) -> re.Match | None:
        """In the first line from that one on that has it."""
        return next((match for line in self.lines[start:] if (match := re.search(pattern, line))),
                    None)

    def wait(self, pattern: str, start: int = 0, seconds: float = SECONDS) -> re.Match | None:
        """The same, once there is one. None: not within so many seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or self.find(pattern, start), seconds)
            match = self.find(pattern, start)
            if not match and (self.over or seconds == SECONDS):
                raise Ended(f"no line has '{pattern}'")
            return match

    def ask(self, command: str, pattern: str) -> re.Match:
        """Types a command until a line of the answer comes: one that is typed while the console is
        being restarted is lost."""
        start = len(self.lines)
        for _ in range(SECONDS // 2):
            self.type(command)
            if match := self.wait(pattern, start, 2):
                return match
        raise Ended(f"'{command}' has no answer '{pattern}'")

    def end(self) -> int:
        """Its exit status, once it has ended by itself."""
        self.process.stdin.close()
        self.reader.join()
        return self.process.wait()

    def tail(self) -> str:
        return "\n".join(own_lines(self.lines)[-60:])

    def check(self, tap: Tap, passed: object, description: str) -> bool:
        return tap.ok(passed, description, *([] if passed else [self.tail()]))


def run(configuration: str, options: list[str],
        files: dict[str, bytes] | None = None) -> tuple[int, list[str]]:
    """Status and lines of a run that ends by itself."""
    with System(configuration, options, files) as system:
        status = system.end()
        return status, system.lines


def test_all(check: Callable[[Tap, list[str]], None], names: Iterable[str] = MACHINES) -> int:
    """check(tap, options) on each machine, which may raise Ended."""
    tap = Tap()
    for name, options in machines(names).items():
        tap.note(name)
        try:
            check(tap, options)
        except Ended as error:
            tap.ok(False, f"{name}: the run went on", str(error))
    return tap.done()
