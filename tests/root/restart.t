#!/usr/bin/env python3
"""Servers are restarted while they are used: who uses them goes on, and no frame is lost."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

TIMES = 10
FREE = r"root: (\d+) KiB of memory that nobody has, (\d+) kernel frames free"
# The load generator says after every few rounds how it is.
CONFIGURATION = SERVERS + """
[load]
memory = 512K
uses = clock log random
arguments = 0 5
restart = never
"""
# Nothing here but what is typed wakes root.
QUIET = """
[console]
offers = console
ports = 0x3f8 8
irq = 4
"""


def told(system: System, start: int, service: str) -> tuple[int, int, int]:
    """What the load generator says next of a service: answers, wrong ones, reconnects."""
    match = system.wait(rf"\[load\] {service}: (\d+) answers, (\d+) wrong, (\d+) reconnects", start)
    return tuple(map(int, match.groups()))


def restart(system: System, server: str) -> None:
    """Restarts it, until its client is connected with another one and has had an answer."""
    watched = "log" if server == "console" else server
    before = told(system, len(system.lines), watched)
    start = len(system.lines)
    system.ask(f"restart {server}", rf"{server} is stopped")
    after = told(system, start, watched)
    while after[0] <= before[0] or (server != "console" and after[2] <= before[2]):
        start = len(system.lines)
        after = told(system, start, watched)


def check(tap: Tap, options: list[str]) -> None:
    for configuration, check_one in ((CONFIGURATION, check_system), (QUIET, check_quiet)):
        with System(configuration, options) as system:
            try:
                check_one(tap, system)
            except Ended as error:
                tap.ok(False, "the system goes on", str(error), system.tail())


def check_system(tap: Tap, system: System) -> None:
    told(system, 0, "random")
    free = system.ask("list", FREE).groups()
    for server in ("clock", "random", "log", "console"):
        for _ in range(TIMES):
            restart(system, server)
        tap.ok(True, f"{server}: its clients go on after {TIMES} restarts")
        now = system.ask("list", FREE).groups()
        system.check(tap, now == free, f"{server}: no frame is lost: {now} of {free}")
    for service in ("clock", "log", "random"):
        answers, wrong, _ = told(system, len(system.lines), service)
        system.check(tap, answers and not wrong, f"{service}: no answer is wrong")
    system.type("quit")
    system.check(tap, system.end() == 0, "and the run ends")


def check_quiet(tap: Tap, system: System) -> None:
    for _ in range(2):
        system.ask("restart console", "console is stopped")
    system.ask("list", FREE)
    tap.ok(True, "root comes back to a console that nobody else uses")


if __name__ == "__main__":
    sys.exit(test_all(check))
