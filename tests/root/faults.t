#!/usr/bin/env python3
"""Programs that fault, exit and fall silent: what is said, who is started again, how runs end."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import Ended, System, run, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

UNDEFINED = 6
FAILED = "FAILED: it has stopped 6 times"

# Names, with words of bare.c, keys, and how often it stops before it stays down.
ENDS = {
    "fault": ("fault", "", 6, True),
    "seven": ("seven", "", 6, True),
    "zero": ("none", "", 6, True),
    "fault.zero": ("none", "restart = fault", 1, False),
    "fault.seven": ("seven", "restart = fault", 6, True),
    "fault.fault": ("fault", "restart = fault", 6, True),
    "never.zero": ("none", "restart = never", 1, False),
    "never.seven": ("seven", "restart = never", 1, False),
    "never.fault": ("fault", "restart = never", 1, False),
    "silent": ("silent", "heartbeat = 200", 6, True),
    "never.silent": ("silent", "heartbeat = 200\nrestart = never", 1, False),
}
SAID = {"fault": f"has stopped: exception {UNDEFINED}, error 0x0",
        "seven": "has ended with status 7",
        "none": "has ended with status 0", "silent": "has not called for 400 ms: it is stopped"}


def section(name: str, word: str, keys: str) -> str:
    return f"[{name}]\nprogram = bare\nmemory = 256K\narguments = {word}\n{keys}\n"


def check_supervision(tap: Tap, options: list[str]) -> None:
    text = "".join(section(name, word, keys) for name, (word, keys, _, _) in ENDS.items())
    text += section("falters", "falter", "offers = echo")
    text += section("asks", "ask", "uses = echo\nrestart = fault")
    with System(text, options) as system:
        for name, (word, _, times, fails) in ENDS.items():
            if fails:
                system.wait(rf"\[root\] {name} {FAILED}")
            else:
                system.wait(rf"\[root\] {name} {SAID[word]}")
        system.wait("asks has ended with status 0")
        for name, (word, _, times, fails) in ENDS.items():
            count = sum(f"[root] {name} {SAID[word]}" in line for line in system.lines)
            failed = system.find(rf"\[root\] {name} {FAILED}") is not None
            system.check(tap, (count, failed) == (times, fails),
                         f"{name}: stops {count} times" + ", then it stays down" * failed)
        system.check(tap, system.find(r"\[asks\] a thousand answers"),
                     "who uses a server that faults has all answers")
        at = next(n for n, line in enumerate(system.lines) if "never.fault has stopped" in line)
        report = "\n".join(system.lines[at:at + 6])
        registers = ["rip", "rsp", "rbp", "rflags", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "fs",
                     "gs", *(f"r{n}" for n in range(8, 16))]
        missing = [name for name in registers if f" {name} 0x" not in report]
        system.check(tap, not missing and " rax 0x1234 " in report,
                     f"a fault is told with {len(registers)} registers, as they were")


def check_end(tap: Tap, options: list[str], name: str, text: str, want: int) -> None:
    status, lines = run(text, options)
    tap.equal(status, want, f"{name}: the run's status is {want}", "\n".join(lines[-20:]))


def check(tap: Tap, options: list[str]) -> None:
    try:
        check_supervision(tap, options)
    except Ended as error:
        tap.ok(False, "the system goes on", str(error))
    others = section("other", "silent", "")
    for name, word, want in (("an exit with 7", "seven", 7), ("an exit with 0", "none", 0),
                             ("a fault", "fault", 8)):
        check_end(tap, options, f"the run ends with {name}",
                  others + section("last", word, "ends = yes\nrestart = never"), want)
    check_end(tap, options, "it ends when its heart stops",
              others + section("last", "silent", "ends = yes\nrestart = never\nheartbeat = 200"), 8)
    check_end(tap, options, "it ends when it has failed six times",
              others + section("last", "fault", "ends = yes"), 8)
    check_end(tap, options, "a last one that failed", section("last", "fault", ""), 8)
    check_end(tap, options, "a last one that ended", section("last", "none", "restart = never"), 0)


if __name__ == "__main__":
    sys.exit(test_all(check))
