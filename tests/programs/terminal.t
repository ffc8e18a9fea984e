#!/usr/bin/env python3
"""Programs of the C library that use services: the console as their terminal, the time of day,
random numbers. Servers are restarted and stopped meanwhile."""

import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

LINES = 300
RESTARTS = 4
PATIENCE_MS = 10_000  # that the C library has with a service,
LATE_MS = 60_000      # and when it has to be over on a host that does other things too
EPOCH = 946_684_800  # the year 2000, in which Bochs always begins
EIO, EINVAL = 5, 22
WRITER = f"[writer]\nprogram = test.terminal\nmemory = 512K\nrestart = never\nuses = console\n" \
         f"arguments = count {LINES}\n"
SHELL = "[shell]\nprogram = test.terminal\nmemory = 512K\nrestart = never\n" \
        "uses = console clock random\n"


def lines_written(system: System) -> list[int]:
    found = [system.find(r"^# \[writer\] line (\d+)$", n) for n in range(len(system.lines))]
    return [int(match[1]) for n, match in enumerate(found)
            if match and match.string is system.lines[n]]


def check_written(tap: Tap, system: System, restarts: int, what: str) -> int:
    """Each line has come, in order; twice at most those that a restart found on their way. How long
    the slowest one took."""
    slowest = int(system.wait(rf"\[writer\] wrote {LINES} lines, the slowest in (\d+) ms")[1])
    written = lines_written(system)
    missing = set(range(1, LINES + 1)) - set(written)
    twice = len(written) - len(set(written))
    system.check(tap, not missing, f"{what}: nothing is lost: {sorted(missing)}")
    system.check(tap, twice <= restarts, f"{what}: {twice} lines twice, with {restarts} restarts")
    system.check(tap, written == sorted(written), f"{what}: they are in order")
    return slowest


def check_restarts(tap: Tap, options: list[str]) -> None:
    with System(SERVERS + WRITER, options) as system:
        for number in range(RESTARTS):
            system.wait(rf"\[writer\] line {(number + 1) * LINES // (RESTARTS + 2)}$")
            system.ask("restart console", "console is stopped")
        slowest = check_written(tap, system, RESTARTS, "a console that is restarted")
        system.check(tap, slowest < PATIENCE_MS, f"nobody waited for it too long: {slowest} ms")


def check_stop(tap: Tap, options: list[str]) -> None:
    with System(SERVERS + WRITER, options) as system:
        system.wait(rf"\[writer\] line {LINES // 3}$")
        system.ask("stop console", "console is stopped")
        slowest = check_written(tap, system, 1, "a console that is stopped")
        system.check(tap, PATIENCE_MS <= slowest < LATE_MS, f"a write gives up: {slowest} ms")


def root_asks(system: System, command: str, pattern: str) -> None:
    system.keys("\x1dr")
    system.ask(command, pattern)
    system.focus("shell")


def check_terminal(tap: Tap, system: System) -> None:
    system.wait(r"\[shell\] what shall it be\?$")
    tap.ok(True, "a question without an end of line is there when its answer is read")
    system.focus("shell")
    system.answer("good day", r"\[shell\] said: good day$")
    tap.ok(True, "what is typed is read")
    system.answer("x" * 240, r"\[shell\] said: x{234}$")
    tap.ok(True, "a long line is, too")
    system.answer("tty", r"\[shell\] tty: 1 1 1, size 0 0$")
    tap.ok(True, "it is a terminal of unknown size")
    system.answer("take", r"\[shell\] take: 1$")
    tap.ok(True, "nobody else in the program can have it")
    system.answer("cancel", r"\[shell\] cancel: 1$")
    system.check(tap, all(system.find(rf"\[shell\] beside a reader {n}$") for n in range(1, 6)),
                 "a thread that reads can be cancelled, and others write beside it")
    root_asks(system, "restart console", "console is stopped")
    system.answer("still there", r"\[shell\] said: still there$")
    tap.ok(True, "who waits for a line waits on when the console is restarted")


def check_time(tap: Tap, system: System) -> None:
    told = system.answer("time", r"\[shell\] time: (-?\d+), errno (\d+), in (\d+) ms")
    system.check(tap, int(told[1]) > EPOCH and told[2] == "0", f"the time of day is {told[1]}")
    system.wait(r"\[shell\] time: all agree$")
    system.answer("waits", r"\[shell\] waits: all end in time$")
    tap.ok(True, "and waits end by it")
    before = int(told[1])
    root_asks(system, "restart clock", "clock is stopped")
    told = system.answer("time", r"\[shell\] time: (-?\d+), errno (\d+), in (\d+) ms")
    system.check(tap, before <= int(told[1]) < before + 600, "a clock that was restarted agrees")
    root_asks(system, "stop clock", "clock is stopped")
    told = system.answer("time", r"\[shell\] time: (-?\d+), errno (\d+), in (\d+) ms")
    system.check(tap, int(told[1]) >= before and int(told[3]) < PATIENCE_MS // 2,
                 "one that is stopped is not missed")


def check_random(tap: Tap, system: System) -> None:
    pattern = r"\[shell\] random: (-?\d+) of (\d+), (\d+) kinds, errno (\d+), in (\d+) ms"
    told = system.answer("random 5000", pattern)
    if told[4] == "0":
        system.check(tap, told[1] == "5000" and told[3] == "256", "random bytes of all kinds")
        system.wait(r"\[shell\] random: entropy 0, flags 1$")
        tap.ok(True, "getentropy has them, and unknown flags are refused")
    else:
        system.check(tap, told[4] == str(EIO), "without a source there are none")
    root_asks(system, "stop random", "random is stopped")
    told = system.answer("random 16", pattern)
    system.check(tap, told[1] == "-1" and told[4] == str(EIO) and
                 PATIENCE_MS <= int(told[5]) < LATE_MS, f"a service that is away: {told[0]}")
    told = system.answer("random 16", pattern)
    system.check(tap, told[4] == str(EIO) and int(told[5]) < PATIENCE_MS // 2,
                 f"nobody waits for it twice: {told[0]}")
    root_asks(system, "start random", "random")
    deadline = time.monotonic() + LATE_MS / 1000
    while (told := system.answer("random 16", pattern))[5] == "0" and told[4] == str(EIO) \
            and time.monotonic() < deadline and system.find("RDSEED") is None:
        time.sleep(0.2)
    system.check(tap, told[4] == "0" or system.find("no RDSEED"), "until it is back")


def check_shell(tap: Tap, options: list[str]) -> None:
    with System(SERVERS + SHELL, options) as system:
        check_terminal(tap, system)
        check_time(tap, system)
        check_random(tap, system)
        system.answer("end", r"\[shell\] last words, errno \d+$")
        system.wait("shell has ended with status 0")
        tap.ok(True, "last words are heard")


def check_absent(tap: Tap, options: list[str]) -> None:
    """Without the clock when it is asked first; a shell that nobody offers anything to."""
    alone = SHELL.replace("shell", "alone").replace("uses = console clock random\n", "")
    with System(SERVERS + SHELL + alone, options) as system:
        system.wait(r"\[alone\] what shall it be\?last words, errno 0")
        tap.ok(True, "without a console standard input is at its end")
        system.focus("shell")
        root_asks(system, "stop clock", "clock is stopped")
        told = system.answer("time", r"\[shell\] time: (-?\d+), errno (\d+), in (\d+) ms")
        system.check(tap, told[1] == "-1" and told[2] == str(EINVAL) and
                     PATIENCE_MS <= int(told[3]) < LATE_MS, f"nobody knows the time: {told[0]}")
        told = system.answer("time", r"\[shell\] time: (-?\d+), errno (\d+), in (\d+) ms")
        system.check(tap, told[2] == str(EINVAL) and int(told[3]) < PATIENCE_MS // 2,
                     "and nobody waits for it twice")


def check(tap: Tap, options: list[str]) -> None:
    """With several CPUs what waits for nothing: a wait of ten seconds is the same there."""
    alone = (check_stop, check_shell, check_absent) if cpus(options) == 1 else ()
    for check_one in (check_restarts, *alone):
        try:
            check_one(tap, options)
        except Ended as error:
            tap.ok(False, f"{check_one.__name__}: the run went on", str(error))


if __name__ == "__main__":
    sys.exit(test_all(check))
