"""What to boot and on which machine: a description, checked, without side effects.

A Machine is complete: the emulators' command lines (qemu.py, bochs.py) are pure functions of it.
"""

import dataclasses
import pathlib
import re

from errors import LauncherError

MEBIBYTE = 1 << 20
MAX_CPUS = 64  # BOOT_MAX_CPUS in ipc/abi/boot_info.h
MEMORY_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclasses.dataclass(frozen=True)
class Module:
    """A boot module: a file and the arguments that the loader sees, with name=NAME in them."""

    path: str
    arguments: str

    @property
    def name(self) -> str:
        return module_name(self.arguments)


@dataclasses.dataclass(frozen=True)
class Machine:
    platform: str  # qemu, kvm or bochs
    cpus: int
    memory: int  # bytes
    iommu: bool
    boot: str  # kernel or iso
    firmware: str  # bios or uefi
    loader: str
    modules: tuple[Module, ...]
    cmdline: str
    iso: str | None = None  # set when boot is iso
    monitor: str | None = None  # path of a socket
    icount: bool = False  # QEMU: time counts executed instructions
    extra: tuple[str, ...] = ()  # QEMU: arguments; Bochs: configuration lines


def module_name(arguments: str) -> str:
    """NAME of the word name=NAME, or an empty string."""
    for word in arguments.split():
        if word.startswith("name=") and len(word) > len("name="):
            return word[len("name="):]
    return ""


def parse_memory(text: str) -> int:
    """Bytes in a size such as 256M. Suffixes: K, M, G."""
    match = re.fullmatch(r"([0-9]{1,15})([KMG]?)", text)
    if not match or int(match[1]) == 0:
        raise LauncherError(f"memory size '{text}': expected a number with K, M or G, such as 256M")
    return int(match[1]) * MEMORY_UNITS[match[2]]


def parse_module(text: str) -> Module:
    """FILE,ARGUMENTS with name=NAME among the arguments."""
    path, comma, arguments = text.partition(",")
    if not comma or not module_name(arguments):
        raise LauncherError(f"--module {text}: expected FILE,name=NAME")
    if not pathlib.Path(path).is_file():
        raise LauncherError(f"--module {text}: {path}: no such file")
    return Module(path, arguments)


def merge_modules(standard: list[Module], added: list[Module], without: list[str]) -> list[Module]:
    """The standard modules, less those left out; an added one replaces one of the same name."""
    replaced = {module.name for module in added} | set(without)
    return [module for module in standard if module.name not in replaced] + added


def check(machine: Machine) -> None:
    """Refuses what the platform cannot do, with the words of the command line."""
    bochs = machine.platform == "bochs"
    refusals = [
        (not 1 <= machine.cpus <= MAX_CPUS, f"--cpus {machine.cpus}: expected 1 to {MAX_CPUS}"),
        (bochs and machine.cpus > 8, f"--cpus {machine.cpus}: Bochs has at most 8"),
        (bochs and machine.iommu, "--iommu: Bochs has no IOMMU"),
        (bochs and machine.firmware == "uefi", "--firmware uefi: Bochs runs only its own BIOS"),
        (bochs and machine.boot == "kernel", "--boot kernel: Bochs boots only from the ISO"),
        (bochs and machine.monitor is not None, "--monitor: Bochs has no monitor socket"),
        (machine.icount and machine.platform != "qemu",
         "--icount: only QEMU's own emulation has it"),
        (bochs and machine.memory % MEBIBYTE != 0, "--memory: Bochs takes whole MiB"),
        (machine.firmware == "uefi" and machine.boot == "kernel",
         "--firmware uefi: it boots only from the ISO (--boot iso)"),
        (len(machine.monitor or "") > 107, f"--monitor {machine.monitor}: longer than 107 bytes"),
        ("\n" in machine.cmdline, "--cmdline: it must be one line"),
        (machine.boot == "iso" and not re.fullmatch(r"[\x20-\x7e]*", machine.cmdline),
         "--cmdline: only printable ASCII can be put on an ISO"),
    ]
    for refused, message in refusals:
        if refused:
            raise LauncherError(message)
