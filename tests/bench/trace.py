"""The bench program on Bochs: an instruction trace of one repetition of each path.

The program executes XCHG BX,BX before and after that repetition. Bochs' debugger stops there and is
told to trace, or no longer to; each line that it prints is an instruction that one of the CPUs
begins. Within the repetition the markers of system/probe.h stand among them.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from tests.bench import machine
from tests.bench.machine import BenchError

sys.path.insert(0, str(machine.ROOT / "build/launcher"))

import bochs  # noqa: E402  (the launcher's; needs the path above)
from machine import Machine  # noqa: E402  (likewise)

PATHS_MOST = 500  # more than the program has
STOP = "(0) Magic breakpoint"
NO_DISPLAY = "RFB could not bind any port"
DISPLAY_TRIES = 3
SECONDS = 120

# (CPU).[TICKS] [PHYSICAL] CS:RIP (...): INSTRUCTION ; BYTES
LINE = re.compile(r"\((\d)\)\.\[(\d+)\] \[0x[0-9a-f]+\] [0-9a-f]+:([0-9a-f]+) \(.*?\): "
                  r"(.*?) *; ([0-9a-f]+)$")
MARKER = re.compile(r"0f1f80([0-9a-f]{2})004b4d")
BRANCH = re.compile(r"j|call|ret|iret|syscall|sysret|loop|ud2|int|rep|vmlaunch|vmresume")
ENTRY = re.compile(r"vm(launch|resume)\b")
REPEATED = re.compile(r"rep(n?[ez])? ")

EVENTS = {
    "cr3": re.compile(r"mov cr3, "),
    "invalidate": re.compile(r"invlpg |invpcid "),
    "xsave": re.compile(r"f?x(save|rstor)"),
    "wrmsr": re.compile(r"wrmsr\b"),
    "lock": re.compile(r"lock |xchg .*\["),
    "vmread": re.compile(r"vmread "),
    "vmwrite": re.compile(r"vmwrite "),
}


class Step(NamedTuple):
    """An instruction that a CPU began."""

    cpu: int
    ticks: int  # instructions executed before it; exact for a machine with one CPU
    rip: int
    behind: int  # where the next instruction is, if it is no branch
    text: str
    marker: int  # or -1


Steps = list[Step]


def step(line: str) -> Step | None:
    if not (match := LINE.match(line)):
        return None
    cpu, ticks, rip, text, code = match.groups()
    marker = MARKER.fullmatch(code)
    return Step(int(cpu), int(ticks), int(rip, 16), int(rip, 16) + len(code) // 2, text,
                int(marker[1], 16) if marker else -1)


def executed(steps: Steps) -> Steps:
    """Without those that were printed, but before which the CPU took an interrupt."""
    found: Steps = []
    after: dict[int, Step] = {}  # by CPU: what it began next
    for one in reversed(steps):
        follower = after.get(one.cpu)
        if not follower or follower.rip == one.behind or BRANCH.match(one.text):
            found.append(one)
        after[one.cpu] = one
    return found[::-1]


def repetitions(lines: list[str]) -> list[Steps]:
    """What was traced, by path: between the first stop and the second, the third and the fourth."""
    found: list[Steps] = []
    tracing = False
    for line in lines:
        if line.startswith(STOP):
            tracing = not tracing
            if tracing:
                found.append([])
        elif tracing and (one := step(line)):
            found[-1].append(one)
    return [executed(steps) for steps in found]


def commands(cpus: int) -> str:
    """For the debugger. The machine powers off before they are all used."""
    def switch(state: str) -> str:
        return "".join(f"set $cpu={cpu}\ntrace {state}\n" for cpu in range(cpus))

    return "c\n" + (switch("on") + "c\n" + switch("off") + "c\n") * PATHS_MOST


def image(path: pathlib.Path, modules: dict[str, pathlib.Path]) -> None:
    words = [word for name, file in modules.items() for word in ("--module", f"{file},name={name}")]
    done = subprocess.run(["build/cairn", "iso", "-o", path, *words],
                          cwd=machine.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        raise BenchError(f"no boot image: {done.stdout.strip()}")


def emulate(folder: pathlib.Path, iso: pathlib.Path, cpus: int) -> tuple[str, str]:
    """What the debugger printed, and the console."""
    described = Machine(platform="bochs", cpus=cpus, memory=256 << 20, iommu=False, boot="iso",
                        firmware="bios", loader="", modules=(), cmdline="", iso=str(iso),
                        extra=("magic_break: enabled=1",))
    console, log = folder / "console", folder / "log"
    text = bochs.configuration(described, str(console), str(log))
    (folder / "bochsrc").write_text(text.replace("mode=term", "mode=file"))
    (folder / "go").write_text(commands(cpus))
    with (folder / "trace").open("wb") as out, (folder / "errors").open("wb") as errors:
        try:
            subprocess.run(bochs.arguments(str(folder / "bochsrc"), str(folder / "go")),
                           cwd=machine.ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                           timeout=SECONDS, check=False)  # power-off is status 1
        except subprocess.TimeoutExpired:
            raise BenchError(f"Bochs: no end after {SECONDS} s; last lines:\n"
                             + machine.tail(console)) from None
    if not console.exists() or not console.stat().st_size:
        raise BenchError("Bochs did not start the machine:\n" + machine.tail(log))
    return ((folder / "trace").read_text(errors="replace"),
            console.read_text(errors="replace").replace("\r", ""))


def emulate_again(folder: pathlib.Path, iso: pathlib.Path, cpus: int) -> tuple[str, str]:
    """A few times, if Bochs finds no port for its display."""
    for _ in range(DISPLAY_TRIES - 1):
        try:
            return emulate(folder, iso, cpus)
        except BenchError as error:
            if NO_DISPLAY not in str(error):
                raise
            time.sleep(1)
    return emulate(folder, iso, cpus)


def run(modules: dict[str, pathlib.Path], cpus: int) -> tuple[list[Steps], str]:
    """Traces of all paths, and the console. modules: by name, the first program among
    them. The machine is run twice, and must do the same."""
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as name:
        folder = pathlib.Path(name)
        image(folder / "image.iso", modules)
        once, again = (emulate_again(folder, folder / "image.iso", cpus) for _ in range(2))
    traced = repetitions(once[0].splitlines())
    if (traced, once[1]) != (repetitions(again[0].splitlines()), again[1]):
        raise BenchError("two equal runs of the bench program on Bochs were different")
    return traced, once[1]


def between(steps: Steps, first: int, last: int) -> Steps:
    """From the marker first, without it, to the next marker last."""
    begin = next((at for at, one in enumerate(steps) if one.marker == first), None)
    end = next((at for at, one in enumerate(steps) if begin is not None and at > begin
                and one.marker == last), None)
    if begin is None or end is None:
        raise BenchError(f"the trace does not have the markers {first:#x} and {last:#x}")
    return steps[begin + 1:end]


def guest_ticks(steps: Steps) -> int:
    """The ticks that pass without an instruction: one for each exit of a guest, which is entered
    again. What it left at has not been executed."""
    return sum(bool(ENTRY.match(one.text)) for one in steps)


def counted(steps: Steps) -> dict[str, int]:
    """Instructions, each iteration of a repeated one, and events. Markers are none."""
    real = [one for one in steps if one.marker < 0]
    found = {"instructions": len(real)}
    for one, after in zip(steps, steps[1:]):
        if REPEATED.match(one.text) and one.cpu == after.cpu:
            found["instructions"] += max(after.ticks - one.ticks - 1, 0)
    return found | {name: sum(bool(pattern.match(one.text)) for one in real)
                    for name, pattern in EVENTS.items()}
