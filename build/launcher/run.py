"""The command `run`: from the options to a machine, a session and an exit status."""

import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from typing import Iterator

import image
import platforms
import signals
import system
import vms
from console import Transcript
from emulator import Emulator
from errors import ROOT, STATUS_SYSTEM_FAILED, STATUS_TIMEOUT, LauncherError
from machine import Machine, Module, check, merge_modules, parse_memory, parse_module
from session import Session
from terminal import RawTerminal, interactive

LOGS = ROOT / "out/log"
LOGS_KEPT = 200

# Bochs' display server takes the first free port from 5900 on, and now and then finds none free
# while another Bochs starts: it panics before the machine runs.
NO_DISPLAY = "RFB could not bind any port"
DISPLAY_TRIES = 4

UNATTENDED_TIMEOUT = 120.0  # seconds, where no person sits at a terminal
DEFAULT_MEMORY = "256M"  # where no VM needs more
STANDARD_MODULES = ("kernel", "first")
DEMONSTRATION = ROOT / "bootstrap/demo.conf"


def programs(compiler: str, build: str) -> pathlib.Path:
    return pathlib.Path("out") / f"{compiler}-{build}" / "bin"


def needed(path: pathlib.Path, hint: str) -> str:
    if not (ROOT / path).is_file():
        raise LauncherError(f"{path} is missing; {hint} makes it")
    return str(path)


def choose_system(options: argparse.Namespace, added: list[Module]) -> pathlib.Path | None:
    """The configuration that root gets. None: root does not run, for a command line is for the
    program of the system tests, and there may be another first program."""
    if options.system:
        return pathlib.Path(options.system)
    if options.cmdline or any(module.name == "first" for module in added):
        return None
    return DEMONSTRATION


def choose_modules(options: argparse.Namespace,
                   machines: list[vms.Vm]) -> tuple[str, tuple[Module, ...]]:
    """The loader and the modules. Paths inside the tree are relative to its root."""
    folder = programs(options.compiler, options.build)
    hint = "make" if options.build == "debug" else "make BUILD=release"
    added = [parse_module(text) for text in options.module]
    added = [Module(os.path.abspath(module.path), module.arguments) for module in added]
    standard = [Module(str(folder / name), f"name={name}") for name in STANDARD_MODULES]
    if machines:
        needed(folder / "root", hint)
        base = pathlib.Path(options.system) if options.system else vms.SERVICES
        of_vms = vms.modules(machines, base, getattr(options, "wait", None), ROOT / folder, added)
        standard = merge_modules(standard, of_vms, [])
    elif configuration := choose_system(options, added):
        needed(folder / "root", hint)
        standard = merge_modules(standard, system.modules(configuration, ROOT / folder, added), [])
    modules = merge_modules(standard, added, options.without)
    for module in modules:
        if module not in added:
            needed(pathlib.Path(module.path), hint)
    return needed(folder / "loader", hint), tuple(modules)


def choose_platform(wanted: str) -> str:
    """The platform; `auto` and `kvm` look at this machine."""
    sysroot = os.environ.get("CAIRN_SYSROOT", "")
    if wanted == "auto":
        return platforms.choose(sysroot)[0]
    if wanted == "kvm":
        usable, reason = platforms.nested_kvm(sysroot)
        if not usable:
            raise LauncherError(f"--platform kvm: {reason}")
    return wanted


def choose_boot(options: argparse.Namespace, platform: str) -> str:
    if options.iso and (options.cmdline or options.module or options.without or options.system or
                        options.vm):
        raise LauncherError("--iso: that image has its own command line and modules")
    if options.boot:
        if options.iso and options.boot != "iso":
            raise LauncherError("--iso: it takes --boot iso")
        return options.boot
    return "iso" if options.iso or platform == "bochs" or options.firmware == "uefi" else "kernel"


def describe(options: argparse.Namespace) -> Machine:
    """The machine that the options ask for, without its ISO. The options are checked first."""
    platform = choose_platform(options.platform)
    extra = options.extra
    if platform != "bochs":
        extra = [word for text in extra for word in shlex.split(text)]
    machine = Machine(
        platform=platform, cpus=options.cpus, memory=parse_memory(options.memory or DEFAULT_MEMORY),
        iommu=options.iommu, boot=choose_boot(options, platform), firmware=options.firmware,
        loader="", modules=(), cmdline=options.cmdline, icount=options.icount, extra=tuple(extra),
        monitor=options.monitor and os.path.abspath(options.monitor))
    check(machine)
    if options.iso:
        return machine
    machines = vms.read_all(options.vm)
    loader, modules = choose_modules(options, machines)
    if machines:
        memory = vms.choose_memory(options.memory, machines, list(modules))
        machine = replace(machine, memory=memory)
    return replace(machine, loader=loader, modules=modules)


def with_iso(machine: Machine, iso: str | None) -> Machine:
    """The machine with its image: the one given, or one made for it."""
    if machine.boot != "iso":
        return machine
    if iso and not pathlib.Path(iso).is_file():
        raise LauncherError(f"--iso: {iso}: no such file")
    made = iso or image.cached(machine.loader, machine.modules, machine.cmdline)
    return replace(machine, iso=made)


def without_spaces(machine: Machine, folder: pathlib.Path) -> Machine:
    """QEMU ends a module's file name at the first space: such a file gets a link without one."""
    if machine.boot != "kernel":
        return machine
    modules = []
    for number, module in enumerate(machine.modules):
        path = module.path
        if " " in path:
            link = folder / f"module{number}"
            link.symlink_to(path)
            path = str(link.relative_to(ROOT))
        modules.append(Module(path, module.arguments))
    return replace(machine, modules=tuple(modules))


@contextlib.contextmanager
def run_folder() -> Iterator[pathlib.Path]:
    parent = ROOT / "out/run"
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.iterdir():  # of launchers that were killed
        if not pathlib.Path("/proc", old.name.partition("-")[0]).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = tempfile.mkdtemp(dir=parent, prefix=f"{os.getpid()}-")
    try:
        yield pathlib.Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def open_log() -> pathlib.Path:
    """A log file of this run's own. The oldest ones are dropped."""
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in sorted(LOGS.glob("run-*.log"))[:-LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return LOGS / time.strftime(f"run-%Y%m%d-%H%M%S-{os.getpid()}.log")


class NoDisplay(LauncherError):
    """Bochs ended before it started the machine."""


def say(message: str) -> None:
    print(f"cairn: {message}", file=sys.stderr, flush=True)


def tell_end(outcome: str, emulator: Emulator, transcript: Transcript,
             timeout: float | None) -> int:
    """Says what happened where that is not plain from the console. Returns the exit status."""
    if outcome == "exit":
        assert transcript.status is not None
        return transcript.status
    if outcome == "quit":
        say("quit")
        return 0
    if outcome == "timeout":
        say(f"no end after {timeout:g} s; the last lines of the console:")
        for line in transcript.tail():
            print(f"  {line}", file=sys.stderr)
        return STATUS_TIMEOUT
    complaints = emulator.complaints()
    for line in complaints[-5:]:
        print(f"  {line}", file=sys.stderr)
    if transcript.total == 0:
        if any(NO_DISPLAY in line for line in complaints):
            raise NoDisplay("Bochs found no port for its display")
        raise LauncherError(f"{emulator.command[0]} ended before the machine wrote anything")
    say("the machine stopped without a line CAIRN-EXIT")
    return STATUS_SYSTEM_FAILED


def run_machine(machine: Machine, options: argparse.Namespace, folder: pathlib.Path,
                log_path: pathlib.Path) -> int:
    keyboard = sys.stdin.fileno() if sys.stdin and not options.headless else None
    terminal = keyboard is not None and interactive(keyboard)
    if keyboard is not None and os.isatty(keyboard) and not terminal:
        keyboard = None  # in the background: reading would stop us
    timeout = options.timeout
    if timeout is None and not terminal:
        timeout = UNATTENDED_TIMEOUT
    with log_path.open("wb") as log, signals.deferred(), contextlib.ExitStack() as stack:
        emulator = Emulator(machine, folder)
        stack.callback(emulator.end)
        log.write(("# cairn: " + shlex.join(emulator.command) + "\n").encode())
        if terminal:
            stack.enter_context(RawTerminal(sys.stdin.fileno()))
            say("the escape key is Ctrl-] (then ? for help, q to quit)")
        session = Session(emulator, log, timeout=timeout, grace=options.grace, keyboard=keyboard,
                          escape=terminal)
        outcome = session.run()
        log.write("".join(f"# emulator: {line}\n" for line in emulator.complaints()).encode())
    return tell_end(outcome, emulator, session.transcript, timeout)


def run_again_without_display(machine: Machine, options: argparse.Namespace, folder: pathlib.Path,
                              log_path: pathlib.Path) -> int:
    """Runs the machine, a few times if Bochs does not get as far as starting it."""
    for _ in range(DISPLAY_TRIES - 1):
        try:
            return run_machine(machine, options, folder, log_path)
        except NoDisplay as error:
            say(f"{error}; once more")
            time.sleep(1)
    return run_machine(machine, options, folder, log_path)


def run(options: argparse.Namespace) -> int:
    if options.wait and not options.vm:
        raise LauncherError("--wait: expected VM files")
    machine = describe(options)
    iso = options.iso and os.path.abspath(options.iso)
    os.chdir(ROOT)
    machine = with_iso(machine, iso)
    log_path = open_log()
    with run_folder() as folder:
        machine = without_spaces(machine, folder)
        try:
            status = run_again_without_display(machine, options, folder, log_path)
        except LauncherError:
            say(f"log: {log_path.relative_to(ROOT)}")
            raise
    if status != 0:
        say(f"log: {log_path.relative_to(ROOT)}")
    return status
