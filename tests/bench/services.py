"""Figures of user programs: starting one, what it costs in memory, and talking to another one.

Root is the first program there; system.conf is made here. The programs that talk (programs/) print
a line for each path, as the bench program does, so paths.py and trace.py read what they did.
"""

import pathlib
import re
import subprocess

from tests.bench import boot, machine, paths, trace
from tests.bench.machine import BenchError
from tests.bench.records import record

ROOT, HELLO = boot.BIN / "root", boot.BIN / "hello"
CLIENT, SERVER = boot.BIN / "bench.client", boot.BIN / "bench.server"
WEIGH = boot.BIN / "bench.weigh"
PROGRAMS = [ROOT.with_suffix(".lz4"), HELLO, CLIENT, SERVER, WEIGH]

FRAME = 4096
STACK_FRAMES, ENVIRONMENT_FRAMES, NOTICE_FRAMES = 8, 1, 1  # bootstrap/root: conf.c, image.c
TIME_FRAMES = 1  # that root leaves between what it deposits and what the program gets
SOUGHT_MEMORY = 150 << 10  # of a server that only says hello, kernel and user
MEMORY_MOST = 1 << 20      # bytes with which it certainly runs

CONFIGURATION = pathlib.Path("out/bench/system.conf")  # the same for every run
ALONE = """[hello]
program = {program}
restart = never
ends = yes
memory = {kibibytes}K
"""
SERVICES = " ".join(f"echo.{number:02}" for number in range(12))
TALK = """[server]
program = bench.server
priority = 40
cpu = {cpu}
memory = 512K
offers = {services}

[bench]
program = bench.client
restart = never
ends = yes
memory = 512K
uses = {services}
"""

# What root does to start the first program, and what that does until its main. Nothing but root
# runs until the program's entry, so root's addresses are nobody else's before.
ROOT_PHASES = (("memory", "program_start"), ("domain", "image_open"), ("fill", "image_fill"),
               ("map", "image_map"), ("finish", "sessions_map"))
HELLO_PHASES = (("library", boot.ENTRY), ("", "main"))


def configured(text: str, *programs: pathlib.Path) -> dict[str, pathlib.Path]:
    """The boot modules of a system with this configuration, by name."""
    path = machine.ROOT / CONFIGURATION
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    found = {"first": ROOT.with_suffix(".lz4"), "system.conf": CONFIGURATION}
    return found | {program.name: program for program in programs}


def options(modules: dict[str, pathlib.Path]) -> list[str]:
    named = {"kernel": boot.BIN / "kernel.lz4"} | modules
    return ["-kernel", str(boot.LOADER), "-initrd",
            ",".join(machine.quoted(path) + f" name={name}" for name, path in named.items())]


def alone(size: int, program: pathlib.Path = HELLO) -> list[str]:
    text = ALONE.format(program=program.name, kibibytes=size >> 10)
    return options(configured(text, program))


def start_rows() -> list[dict]:
    points = boot.addresses(boot.KERNEL, boot.KERNEL_PHASES[-1:])
    points |= boot.addresses(ROOT, ROOT_PHASES) | boot.addresses(HELLO, HELLO_PHASES)
    done = machine.run_twice(alone(MEMORY_MOST), points)
    if boot.exit_status(done.console):
        raise BenchError("hello failed; last lines:\n" + boot.last_lines(done.console))
    passed = boot.first_passings(done.lines, list(points))[1:]
    phases = [phase for phase, _ in ROOT_PHASES + HELLO_PHASES[:1]]
    rows = [record(f"server.start.{phase}", machine.total(after) - machine.total(before),
                   "instructions") for phase, before, after in zip(phases, passed, passed[1:])]
    return [record("server.start", machine.total(passed[-1]) - machine.total(passed[0]),
                   "instructions"), *rows]


def runs_with(size: int) -> bool:
    console = machine.run(alone(size), {}).console
    return "# [hello] hello\n" in console and boot.exit_status(console) == 0


def segments(program: pathlib.Path) -> tuple[int, int]:
    """Bytes of a program's pages: those that an instance has for itself, and those that all share.
    """
    listing = subprocess.run(["readelf", "-lW", program], cwd=machine.ROOT, check=True,
                                     capture_output=True, text=True).stdout
    found = {"own": 0, "shared": 0}
    for address, size, rights in re.findall(
            r"^ +LOAD +\S+ (\S+) \S+ \S+ (\S+) ([RWE ]+?) +0x", listing, re.MULTILINE):
        pages = (int(address, 16) % FRAME + int(size, 16) + FRAME - 1) // FRAME
        found["own" if "W" in rights else "shared"] += pages * FRAME
    return found["own"], found["shared"]


def least_memory() -> int:
    """The smallest size with which hello runs."""
    fails, runs = 0, MEMORY_MOST // FRAME
    while runs - fails > 1:
        middle = (fails + runs) // 2
        fails, runs = (fails, middle) if runs_with(middle * FRAME) else (middle, runs)
    return runs * FRAME


def memory_rows() -> list[dict]:
    """Where the least memory goes. What root deposited is what is neither image nor the program's
    to divide; what lies unused in the pools or in the program's part counts for nobody."""
    least = least_memory()
    done = machine.run(alone(least, WEIGH), {})
    match = re.search(r"^# \[hello\] own (\d+) mapped (\d+) deposited (\d+) free (\d+)$",
                      done.console, re.MULTILINE)
    if not match:
        raise BenchError("bench.weigh does not run where hello does; last lines:\n"
                         + boot.last_lines(done.console))
    own, mapped, deposited, free = map(int, match.groups())
    private, shared = segments(HELLO)
    image = private // FRAME + STACK_FRAMES + ENVIRONMENT_FRAMES + NOTICE_FRAMES
    by_root = least // FRAME - image - TIME_FRAMES - own
    kernel, user = (by_root + deposited - free) * FRAME, (image + mapped) * FRAME
    return [record("server.memory", kernel + user, "bytes", SOUGHT_MEMORY),
            record("server.memory.kernel", kernel, "bytes"),
            record("server.memory.user", user, "bytes"),
            record("server.memory.shared", shared, "bytes"),
            record("server.memory.least", least, "bytes")]


def talk(cpu: int) -> dict[str, pathlib.Path]:
    return configured(TALK.format(cpu=cpu, services=SERVICES), CLIENT, SERVER)


def qemu_rows() -> list[dict]:
    found = paths.figures(machine.run_twice(options(talk(0)), {}))
    found["session.round-trip.one-cpu"] = found.pop("session.round-trip")
    rows = [row for name, counts in found.items() for row in paths.path_rows(name, counts)]
    return start_rows() + memory_rows() + rows


def bochs_rows() -> list[dict]:
    """From the request on CPU 0 until the reply is there: what CPU 0 executes, and what CPU 1 does
    until the reply is on its way."""
    traced, console = trace.run(talk(1), 2)
    names = [path.name for path in paths.parsed(console)]
    steps = dict(zip(names, traced, strict=True))["session.round-trip"]
    client = [one for one in trace.between(steps, paths.MARK_BEGIN, paths.MARK_END) if one.cpu == 0]
    server = [one for one in trace.between(steps, paths.MARK_BEGIN, paths.MARK_MIDDLE)
              if one.cpu == 1]
    parts = {".client": trace.counted(client), ".server": trace.counted(server)}
    parts[""] = {event: sum(counts[event] for counts in parts.values())
                 for event in parts[".client"]}
    return [row for part, counts in parts.items()
            for row in paths.path_rows("session.round-trip.two-cpus" + part, counts, "bochs-vmx")]
