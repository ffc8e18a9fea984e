#!/usr/bin/env python3
"""A person reads the log at the console."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

MANY = 40
CONFIGURATION = SERVERS.replace("arguments = debug", "arguments = warning") + "".join(
    f"[{name}]\nprogram = test.terminal\nmemory = 512K\nrestart = never\nuses = console log\n"
    for name in ("one", "two"))
SAID = [("one", 0, "it burns"), ("one", 2, "all is well"), ("two", 1, "be/careful"),
        ("two", 3, "a detail")]
NAMES = ["error", "warning", "notice", "debug"]


def say(system: System) -> None:
    for name in ("one", "two"):
        system.wait(rf"\[{name}\] what shall it be")
        system.focus(name)
        for who, level, text in SAID:
            if who == name:
                system.answer(f"log {level} {text}", rf"\[{name}\] log: 0 0$")


def shown(system: System, command: str) -> list[str]:
    """What is listed: the lines without their times."""
    start = len(system.lines)
    count = int(system.answer(command, r"\[log\] records: (\d+)$")[1])
    listed = [line.split(" ", 3)[3] for line in system.lines[start:]
              if line.startswith("# [log] ") and line.split(" ", 3)[2].replace(".", "").isdigit()]
    if len(listed) != count:
        raise Ended(f"{count} records, but there are {listed}")
    return listed


def expected(level: int, program: str = "") -> list[str]:
    return [f"{who}: {NAMES[number]}: {text.replace('/', ' ')}" for who, number, text in SAID
            if number <= level and program in ("", who)]


def check_show(tap: Tap, system: System) -> None:
    system.focus("log")
    for command, wanted in (("show", expected(3)), ("show warning", expected(1)),
                            ("show two", expected(3, "two")),
                            ("show error one", expected(0, "one")),
                            ("show error two", [])):
        listed = shown(system, command)
        system.check(tap, listed == wanted, f"{command}: {listed}")


def check_bad(tap: Tap, system: System) -> None:
    for line, error in (("help", r"show \[LEVEL\] \[PROGRAM\]: what is kept"),
                        ("list", "'list' is no command: expected show, level or help"),
                        ("show nobody", "show: 'nobody' is neither a level nor a program"),
                        ("show loud one", "show: 'loud' is no level: expected error, warning"),
                        ("show error one two", "show: expected a level and a program at most"),
                        ("level", "level: expected one of error, warning, notice or debug"),
                        ("level loud", "level: expected one of error")):
        system.answer(line, rf"\[log\] {error}")
        tap.ok(True, f"{line}: {error}")


def check_level(tap: Tap, system: System) -> None:
    system.check(tap, system.find(r"\[log\] two: warning: be careful$") and
                 not system.find(r"\[log\] one: notice: "), "shown as it is said, up to the level")
    system.answer("level debug", r"\[log\] from now on what is said is shown up to level debug")
    system.focus("two")
    start = len(system.lines)
    system.answer("log 3 one more detail", r"\[two\] log: 0 0$")
    system.wait(r"\[log\] two: debug: one more detail$", start)
    tap.ok(True, "which can be changed")
    for number in range(MANY):
        system.answer(f"log 3 number {number}", r"\[two\] log: 0 0$")
    system.focus("log")
    listed = shown(system, "show two")
    system.check(tap, [f"two: debug: number {n}" for n in range(MANY)] == listed[-MANY:],
                 "many records come, in order")


def check(tap: Tap, options: list[str]) -> None:
    with System(CONFIGURATION, options) as system:
        try:
            say(system)
            check_show(tap, system)
            check_bad(tap, system)
            check_level(tap, system)
            system.keys("\x1dr")
            system.ask("restart console", "console is stopped")
            system.focus("log")
            # What was on its way when the old one stopped may be printed again before that.
            system.ask("show error", rf"\[log\] records: {len(expected(0))}$")
            tap.ok(True, "a console that was restarted asks again")
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


if __name__ == "__main__":
    sys.exit(test_all(check))
