#!/usr/bin/env python3
"""What the C library does for a program. Root starts all test programs at once, each in its own
domain; what they print is TAP, behind their names. Arguments are options of build/cairn, for one
machine instead of those below."""

import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)

VERDICT = r" (has (ended|stopped)|cannot be)"  # of root on a program
SECONDS = 240  # for all of it, on a machine that does other things too

MACHINES = {
    "one CPU": ["--cpus", "1"],
    "four CPUs": ["--cpus", "4"],
    "Bochs": ["--platform", "bochs", "--cpus", "2", "--memory", "256M", "--build", "release"],
}

# Programs that print TAP, with their arguments.
CHECKED = {"calls": "", "cancel": "", "clocks": "", "condition": "",
           "files": "test.files text", "locks": "", "memory": "", "memory_out": "",
           "stdio": 'two "words here"', "threads": "", "tls": ""}

# Ways to end (exits.c): what root says, and what the program says before.
PAGE_FAULT, UNDEFINED = 14, 6
ENDS = {
    "return": ("has ended with status 3", ["no end of lineexit handler"]),
    "exit": ("has ended with status 3", ["no end of lineexit handler"]),
    "_exit": ("has ended with status 5", []),
    "group": ("has ended with status 6", []),
    "last": ("has ended with status 0", ["no end of linethe last thread", "exit handler"]),
    "abort": (f"has stopped: exception {UNDEFINED}, ", []),
    "raise": (f"has stopped: exception {UNDEFINED}, ", []),
    "thread": (f"has stopped: exception {PAGE_FAULT}, error 0x7, address 0x.*, thread [1-9]", []),
    "stack": (f"has stopped: exception {PAGE_FAULT}, error 0x6, ", []),
}

# With little memory: the smallest program has enough of the one, and hears it of the other.
SMALL = {"enough": ("192K", "has ended with status 0"),
         "scarce": ("100K", "(has ended with status 127|cannot be started)")}

# What stdio.c prints besides TAP, in this order.
LINES = ["a line in two parts", "and another", "an error, at once", "vector of parts",
         "the last line has no end"]


def option(options: list[str], name: str, default: str) -> str:
    return options[options.index(name) + 1] if name in options else default


def configuration(options: list[str]) -> str:
    cpus = " ".join(map(str, range(int(option(options, "--cpus", "1")))))
    text = ""
    for name, arguments in CHECKED.items():
        text += (f"[{name}]\nprogram = test.{name}\nrestart = never\nmemory = 4M\ncpus = {cpus}\n"
                 "files = test.files text\n")
        text += f"arguments = {arguments}\n" if arguments else ""
    for way in ENDS:
        text += (f"[exits.{way}]\nprogram = test.exits\nrestart = never\nmemory = 1M\n"
                 f"arguments = {way}\n")
    for name, (size, _) in SMALL.items():
        text += f"[{name}]\nprogram = hello\nrestart = never\nmemory = {size}\nstack = 16K\n"
    return text


def command(folder: pathlib.Path, options: list[str]) -> list[str]:
    build = option(options, "--compiler", "gcc") + "-" + option(options, "--build", "debug")
    programs = ROOT / "out" / build / "bin"
    (folder / "system.conf").write_text(configuration(options))
    (folder / "text").write_text("first line\nsecond line\n")
    modules = {"first": programs / "root", "system.conf": folder / "system.conf",
               "text": folder / "text"}
    modules |= {f"test.{name}": programs / f"test.{name}" for name in [*CHECKED, "exits"]}
    modules["hello"] = programs / "hello"
    words = [str(ROOT / "build/cairn"), "run", "--headless", "--timeout", str(SECONDS)]
    for name, file in modules.items():
        words += ["--module", f"{file},name={name}"]
    return words + options


def run(folder: pathlib.Path, options: list[str]) -> dict[str, list[str]]:
    """Lines of each program; of root under its name. Until all programs have ended."""
    said: dict[str, list[str]] = {"root": []}
    left = len(CHECKED) + len(ENDS) + len(SMALL)
    machine = subprocess.Popen(command(folder, options), stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True, errors="replace", cwd=ROOT)
    watch = threading.Timer(SECONDS + 20, machine.kill)
    watch.start()
    for line in machine.stdout:
        match = re.match(r"# \[([a-z_.]+)\] (.*)", line.rstrip("\n"))
        if match:
            said.setdefault(match[1], []).append(match[2])
            left -= match[1] == "root" and bool(re.search(VERDICT, match[2]))
        if not left:
            machine.terminate()
            break
    machine.wait()
    watch.cancel()
    return said


def check_program(tap: Tap, name: str, lines: list[str], root: list[str]) -> None:
    wrong = [line for line in lines if line.startswith("not ok")]
    passed = [line for line in lines if line.startswith("ok ")]
    tap.ok(passed and not wrong and f"1..{len(passed)}" in lines,
           f"{name}: {len(passed)} checks pass", "\n".join(lines))
    tap.ok(f"{name} has ended with status 0" in root, f"{name} ends", "\n".join(root))


def check_end(tap: Tap, way: str, lines: list[str], root: list[str]) -> None:
    verdict, text = ENDS[way]
    tap.ok(any(re.match(rf"exits\.{way} {verdict}", line) for line in root),
           f"an end by {way}: {verdict}", "\n".join(root))
    tap.ok(not text or lines == text, f"what is said at an end by {way}", "\n".join(lines))


def check_machine(tap: Tap, options: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="musl.") as name:
        said = run(pathlib.Path(name), options)
    for program in CHECKED:
        check_program(tap, program, said.get(program, []), said["root"])
    for way in ENDS:
        check_end(tap, way, said.get(f"exits.{way}", []), said["root"])
    for name, (size, verdict) in SMALL.items():
        heard = any(re.match(f"{name} {verdict}", line) for line in said["root"])
        tap.ok(heard, f"hello in {size}: {verdict}",
               "\n".join(said["root"]))
    lines = [line for line in said.get("stdio", []) if line in LINES]
    tap.ok(lines == LINES, "lines come whole and in order", "\n".join(said.get("stdio", [])))
    letters = sum(line.count("L") for line in said.get("stdio", []) if set(line) == {"L"})
    tap.ok(letters == 2500, f"a long line comes in parts: {letters} characters of 2500")


def main() -> int:
    tap = Tap()
    machines = {"this machine": sys.argv[1:]} if sys.argv[1:] else MACHINES
    for name, options in machines.items():
        tap.note(name)
        check_machine(tap, options)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
