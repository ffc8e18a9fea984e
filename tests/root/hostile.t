#!/usr/bin/env python3
"""Hostile clients beside an honest one, and servers that lie."""

import pathlib
import sys
from collections.abc import Callable

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import FAST_MACHINES, SERVERS, Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

# Those that never stop to lie have a run, and a CPU, of their own.
LIES = [["replies", "far", "requests", "silence"], ["ids"], ["rings"]]
TIMES = 5  # that the honest client asks


def section(name: str, arguments: str, keys: str) -> str:
    return f"[{name}]\nprogram = talker\nmemory = 512K\narguments = {arguments}\n{keys}\n"


def clients(options: list[str]) -> str:
    """Who is hostile is on another CPU, where there is one."""
    there = f"cpu = {cpus(options) - 1}\n"
    text = SERVERS + section("echo", "serve", "offers = echo\npriority = 40\ncpu_share = 50")
    for way in ("flood", "fill", "scribble", "leave"):
        text += section(way, way, there + "uses = echo")
    text += section("pry", "pry", "uses = console log random\nrestart = never")
    return text + section("good", "ask", "uses = echo\nrestart = never")


def liars(options: list[str], lies: list[str]) -> str:
    there = f"cpu = {cpus(options) - 1}\n"
    text = SERVERS
    for lie in lies:
        text += section(f"lie.{lie}", f"lie {lie}", f"{there}offers = {lie}")
        text += section(f"doubt.{lie}", f"doubt {lie}", f"uses = {lie}\nrestart = never")
    return text


def check_clients(tap: Tap, system: System) -> None:
    for number in range(TIMES):
        start = len(system.lines) if number else 0
        if number:
            system.ask("start good", r"\[good\] \d+ of")
        answers = system.wait(r"\[good\] (\d+) of 200 answers", start)[1]
        system.wait("good has ended", start)
        system.check(tap, answers == "200", f"the honest client gets {answers} of 200 answers")
    believed = system.wait(r"\[pry\] (\d+) lies were believed")[1]
    system.check(tap, believed == "0", f"{believed} lies are believed")
    system.wait(r"\[fill\] has asked and does not listen")
    system.wait("leave FAILED: it has stopped 6 times")
    tap.ok(True, "who asks and leaves is let go, six times")
    stopped = system.find(r"(\w+) has stopped:")
    system.check(tap, not stopped, f"nobody faults: {stopped and stopped[1]}")
    start = len(system.lines)
    system.ask("start good", r"\[good\] 200 of 200 answers")
    tap.ok(True, "and then there are answers still")


def check_liars(tap: Tap, system: System, lies: list[str]) -> None:
    for lie in lies:
        back = system.wait(rf"\[doubt.{lie}\] came back from (\d) of 5 calls")[1]
        system.check(tap, back == "5", f"a server that lies of {lie}: back from {back} of 5 calls")
    stopped = system.find(r"(\S+) has stopped:")
    system.check(tap, not stopped, f"nobody faults: {stopped and stopped[1]}")


def check_run(tap: Tap, options: list[str], configuration: str,
              check_one: Callable[[System], None]) -> None:
    with System(configuration, options) as system:
        try:
            check_one(system)
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


def check(tap: Tap, options: list[str]) -> None:
    check_run(tap, options, clients(options), lambda system: check_clients(tap, system))
    for lies in LIES:
        check_run(tap, options, liars(options, lies),
                  lambda system, lies=lies: check_liars(tap, system, lies))


if __name__ == "__main__":
    sys.exit(test_all(check, FAST_MACHINES))
