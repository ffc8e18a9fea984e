#!/usr/bin/env python3
"""64 programs at once, all of which use the services."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

PROGRAMS = 64
SERVER_COUNT = SERVERS.count("[")
ROUNDS = 20


def configuration(options: list[str]) -> str:
    text = SERVERS.replace("memory = 1M", "memory = 4M").replace("memory = 512K", "memory = 4M")
    for number in range(PROGRAMS - SERVER_COUNT):
        text += (f"[load{number}]\nprogram = load\nmemory = 512K\narguments = {ROUNDS}\n"
                 f"uses = clock log random\nrestart = never\ncpu = {number % cpus(options)}\n")
    return text


def check_system(tap: Tap, system: System) -> None:
    names = [f"load{number}" for number in range(PROGRAMS - SERVER_COUNT)]
    for name in names:
        system.wait(rf"\[root\] {name} has (ended|stopped)")
    ended = sum(system.find(rf"\[root\] {name} has ended with status 0") is not None
                for name in names)
    system.check(tap, ended == len(names), f"{ended} of {len(names)} programs have their answers")
    for service in ("clock", "log", "random"):
        told = sum(system.find(rf"\[{name}\] {service}: {ROUNDS} answers, 0 wrong") is not None
                   for name in names)
        system.check(tap, told == len(names), f"{service}: {told} have {ROUNDS} answers, all right")


def check(tap: Tap, options: list[str]) -> None:
    with System(configuration(options), options) as system:
        try:
            check_system(tap, system)
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


if __name__ == "__main__":
    sys.exit(test_all(check))
