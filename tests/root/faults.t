#!/usr/bin/env python3
"""Programs that fault, exit and fall silent: what is said, who is started again, how runs end."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import FAST_MACHINES, Ended, System, run, test_all  # noqa: E402
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
CALLERS = ["stumble", "stagger", "wander", "bare_main", "_start"]
TRACES = {  # how bare stops: by which word, and who was where
    "nested": (1, "nested calls", CALLERS),
    "itself": (2, "a frame that leads to itself", ["mislead", ""]),
    "edge": (3, "a frame that is not wholly on the stack", ["mislead", "wander"]),
    "back": (4, "a frame that leads back", ["mislead", ""]),
    "nowhere": (5, "a call of nothing", ["", *CALLERS[2:]]),
}
THREAD = ["stumble"]
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


def trace_of(lines: list[str], name: str) -> list[str]:
    """What a program's trace says of each frame; the registers are before it."""
    at = next(n for n, line in enumerate(lines) if f"[root] {name} has stopped:" in line)
    frames = []
    for line in lines[at + 6:]:
        if not (match := re.search(rf"\[root\]   #{len(frames)} 0x[0-9a-f]+ ?(.*)$", line)):
            break
        frames.append(match[1].split("+")[0])
    return frames


def check_traces(tap: Tap, options: list[str]) -> None:
    """Where programs were when they stopped: debug builds say, release builds have no names."""
    text = "[talker]\nmemory = 512K\narguments = fault\nrestart = never\n"
    for name, (way, _, _) in TRACES.items():
        text += section(name, f"fault {way}", "restart = never")
    _, lines = run(text, options)
    tap.note(*[line for line in lines if "has stopped" in line or "  #" in line])
    for name, (_, about, frames) in {**TRACES, "talker": (0, "another thread", THREAD)}.items():
        tap.equal(trace_of(lines, name), [] if "release" in options else frames,
                  f"the trace of {about}")


def check_end(tap: Tap, options: list[str], name: str, text: str, want: int) -> None:
    status, lines = run(text, options)
    tap.equal(status, want, f"{name}: the run's status is {want}", "\n".join(lines[-20:]))


def check(tap: Tap, options: list[str]) -> None:
    try:
        check_supervision(tap, options)
    except Ended as error:
        tap.ok(False, "the system goes on", str(error))
    check_traces(tap, options)
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
    sys.exit(test_all(check, FAST_MACHINES))
