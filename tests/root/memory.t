#!/usr/bin/env python3
"""Programs with too little memory, by pages: root says what is lacking, and nothing is left."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

STEPS = 60
NEEDS_FRAMES = 5
FREE = r"root: (\d+) KiB of memory that nobody has, (\d+) kernel frames free"
# What it lacks memory for, on the way to its first instruction.
LACKS = {"memory, which is too little", "domain", "CPU", "memory of its domain"}


def configuration(options: list[str]) -> str:
    last = cpus(options) - 1
    text = SERVERS + "[tea]\nprogram = bare\nmemory = 2M\narguments = silent\noffers = tea\n"
    for pages in range(1, STEPS + 1):
        text += (f"[m{pages}]\nprogram = bare\nmemory = {4 * pages}K\nstack = 8K\nrestart = never\n"
                 f"uses = tea\nfiles = text\ncpu = {last}\n")
    return text


def outcome(system: System, pages: int, start: int = 0) -> str:
    """What it lacked; "" if it ran."""
    match = system.wait(rf"\[root\] m{pages} (?:cannot be started: (.*), status (\d+)"
                        r"|has ended with status 0)", start)
    return f"{match[1]}: {match[2]}" if match[1] else ""


def check_system(tap: Tap, system: System) -> None:
    lacks = [outcome(system, pages) for pages in range(1, STEPS + 1)]
    failed = sum(map(bool, lacks))
    system.check(tap, 0 < failed < STEPS and all(lacks[:failed]) and not any(lacks[failed:]),
                 f"with up to {failed} pages it cannot be started, with more it runs")
    kinds = {lack.rsplit(":", 1)[0] for lack in lacks[:failed]}
    tap.note(*[f"{pages + 1} pages: {lack}" for pages, lack in enumerate(lacks[:failed])])
    tap.equal(LACKS - kinds, set(), f"{len(kinds)} things are lacking in turn")
    before = system.ask("list", FREE).groups()
    for pages in range(1, failed + 2):
        start = len(system.lines)
        system.ask(f"start m{pages}", rf"m{pages} (cannot be started|has ended)")
        tap.equal(outcome(system, pages, start), lacks[pages - 1], f"{pages} pages: the same again")
    after = system.ask("list", FREE).groups()
    tap.equal(after, before, "root has all its memory and frames again")


def check(tap: Tap, options: list[str]) -> None:
    with System(configuration(options), options, {"text": b"a text\n"}) as system:
        try:
            check_system(tap, system)
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


if __name__ == "__main__":
    sys.exit(test_all(check))
