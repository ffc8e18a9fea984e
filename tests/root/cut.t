#!/usr/bin/env python3
"""A client is cut off from its service, and joined again; other clients notice nothing."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

TOLD = r"\[{}\] (\d+) answers, (\d+) without, bell (\w+)"
MORE = 3  # tellings, after which it is believed


def configuration(options: list[str]) -> str:
    text = SERVERS
    for name, way, keys in (("echo", "serve", "offers = echo\npriority = 40"),
                            ("one", "keep", f"uses = echo\ncpu = {cpus(options) - 1}"),
                            ("other", "keep", "uses = echo"),
                            ("wild", "flood", f"uses = echo\ncpu = {cpus(options) - 1}\n"
                             "priority = 8\ncpu_share = 20")):
        text += f"[{name}]\nprogram = talker\nmemory = 512K\narguments = {way}\n{keys}\n"
    return text


def told(system: System, name: str, times: int = 1) -> tuple[int, int, str]:
    """Answers, calls without one, and whether it can ring, as it says after so many times."""
    for _ in range(times):
        match = system.wait(TOLD.format(name), len(system.lines))
    return int(match[1]), int(match[2]), match[3]


def is_cut(system: System, name: str) -> bool:
    before = told(system, name, 2)  # what it said before may be older than what was done to it
    after = told(system, name, MORE)
    return after[0] == before[0] and after[1] > before[1] and after[2] == "gone"


def is_served(system: System, name: str) -> bool:
    before = told(system, name, 2)
    after = told(system, name, MORE)
    return after[0] > before[0] and after[1] == before[1] and after[2] == "there"


def check_system(tap: Tap, system: System) -> None:
    for name in ("one", "other"):
        system.check(tap, is_served(system, name), f"{name} has its answers")
    for words, answer in (("cut", "expected the name of a program"),
                          ("cut one", "expected the name of a service"),
                          ("cut nobody echo", "there is no program 'nobody'"),
                          ("cut one tea", "one uses no service 'tea'"),
                          ("join echo one", "echo uses no service 'one'")):
        system.check(tap, system.ask(words, answer), f"refused: {words}")
    without = told(system, "other")[1]
    system.ask("cut one echo", "one is cut off from service echo")
    system.check(tap, is_cut(system, "one"), "who is cut off has no answers, and cannot ring")
    system.ask("cut wild echo", "wild is cut off from service echo")
    system.check(tap, told(system, "other", MORE)[1] == without, "others have all theirs")
    system.check(tap, system.ask("authority echo", "echo is cut off from client one"),
                 "authority says so of the server")
    system.check(tap, system.ask("authority one", "one is cut off from service echo"),
                 "and of the client")
    system.check(tap, system.ask("graph", r'"one" -> "echo" \[.*label="cut off"'), "graph says so")
    for name in ("echo", "one"):
        system.ask(f"restart {name}", f"{name} is stopped")
        told(system, "one", 2)
        system.check(tap, is_cut(system, "one"), f"it is so after a restart of {name}")
        system.check(tap, is_served(system, "other"), "and the other one has its answers")
    system.ask("join one echo", "one may use service echo")
    system.check(tap, is_served(system, "one"), "who is joined again has answers")
    system.ask("restart one", "one is stopped")
    system.check(tap, is_served(system, "one"), "after a restart too")
    stopped = system.find(r"(\S+) has stopped:")
    system.check(tap, not stopped, f"nobody faults: {stopped and stopped[1]}")


def check(tap: Tap, options: list[str]) -> None:
    with System(configuration(options), options) as system:
        try:
            check_system(tap, system)
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


if __name__ == "__main__":
    sys.exit(test_all(check))
