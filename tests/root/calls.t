#!/usr/bin/env python3
"""What programs ask root for, too often and too fast."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

LINE = r"\[flood\] line (\d{6}) of a flood that goes on and on and on$"
LINE_BYTES = 49
SHARES = (1, 7, 40)  # percent that a program's threads share with its main thread
DROPPED = r"flood says more than can be printed: (\d+) bytes dropped"


def configuration(options: list[str]) -> str:
    there = f"memory = 256K\nprogram = bare\ncpu = {cpus(options) - 1}\n"
    spawn = "program = talker\nmemory = 1M\narguments = spawn\nrestart = never\n"
    return (f"[spawn.all]\n{spawn}"
            + "".join(f"[spawn.{share}]\n{spawn}cpu_share = {share}\n" for share in SHARES)
            + f"[flood]\n{there}arguments = flood\nrestart = never\n"
            f"[enter]\n{there}arguments = enter\n"
            f"[beats]\n{there}arguments = ask\nuses = echo\nrestart = never\n"
            "[echo]\nprogram = bare\nmemory = 256K\narguments = serve\noffers = echo\n")


def check_flood(tap: Tap, system: System) -> None:
    """Each line comes, in order, or is in what is said to be dropped just there."""
    system.wait("flood has ended with status 0")
    expected, gone, wrong = 0, 0, []
    for line in system.lines:
        if match := re.search(DROPPED, line):
            gone += int(match[1])
        elif match := re.search(LINE, line):
            if int(match[1]) * LINE_BYTES != expected * LINE_BYTES + gone:
                wrong.append(line)
            expected, gone = int(match[1]) + 1, 0
    system.check(tap, expected and not wrong, "a flood is told in order, and what is dropped of it")
    tap.note(f"{expected} is behind the last line that came")


def check(tap: Tap, options: list[str]) -> None:
    with System(configuration(options), options) as system:
        try:
            system.wait(r"\[beats\] a thousand answers")
            tap.ok(True, "others have their answers meanwhile")
            check_flood(tap, system)
            for share in ("all", *SHARES):
                ran = system.wait(rf"\[spawn.{share}\] (\d) of 4 threads ran")[1]
                system.check(tap, ran == "4", f"share {share}: {ran} of 4 threads more have time")
            system.wait("enter FAILED: it has stopped 6 times")
            told = sum("[enter] entries are as they should be" in line for line in system.lines)
            system.check(tap, told == 6, f"places of threads, six starts: {told} are right")
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


if __name__ == "__main__":
    sys.exit(test_all(check))
