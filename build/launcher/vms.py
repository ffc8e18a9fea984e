"""VM files on the host: each is checked, and what root and the VMMs need of them is made.

The VM file's grammar is known to vm-check only (vmm-server/config), which is the VMM's own parser.
Here its values are read, files and sizes are looked at, and the sections of system.conf written.
"""

import dataclasses
import hashlib
import math
import pathlib
import re
import subprocess

import system
from errors import ROOT, STATUS_VMM_DIED, LauncherError
from machine import MEBIBYTE, Module, parse_memory

SERVICES = ROOT / "bootstrap/vms.conf"  # what VMs use
FOLDER = ROOT / "out/vms"  # the configurations that were made
KEPT = 50

PATH_KEYS = ("kernel", "initrd", "module")

# Memory of the machine, beyond the RAM of guests and the modules.
VMM_MEMORY = 4 * MEBIBYTE  # of a VMM, besides its guest's RAM
ALIGNMENT = 2 * MEBIBYTE  # lost at most, because RAM is in pages of that size
SYSTEM_MEMORY = 64 * MEBIBYTE  # kernel, root, services, and what firmware keeps
LEAST_MEMORY = 256 * MEBIBYTE
STEP = 64 * MEBIBYTE


@dataclasses.dataclass(frozen=True)
class VmFile:
    """A file that a VM file names: by which key, and in which line."""

    key: str
    line: int
    path: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Vm:
    path: pathlib.Path
    values: dict[str, str]  # by key, those of [vm]
    lines: dict[str, int]
    files: tuple[VmFile, ...]

    @property
    def name(self) -> str:
        return f"vm.{self.values['name']}"

    @property
    def memory(self) -> int:
        return int(self.values["memory"])

    def error(self, key: str, text: str) -> LauncherError:
        line = self.lines.get(key, 0)
        return LauncherError(f"{self.path}{f':{line}' if line else ''}: {key}: {text}")

    def modules(self) -> list[Module]:
        """The VM file itself and the files that it names, as the VMM looks for them."""
        found = [Module(str(self.path.absolute()), f"name={self.name}")]
        numbers = 0
        for file in self.files:
            suffix = file.key
            if file.key == "module":
                suffix, numbers = f"module{numbers}", numbers + 1
            found.append(Module(str(file.path.absolute()), f"name={self.name}.{suffix}"))
        return found

    def section(self, ends: str) -> str:
        """What root is told of it."""
        share = self.values["cpu_share"]
        restart = "fault" if self.values["on_crash"] == "restart" else "never"
        lines = [
            f"[{self.name}]", "program = vmm", f"memory = {VMM_MEMORY}", f"ram = {self.memory}",
            f"priority = {self.values['priority']}", *([f"cpu_share = {share}"] * (share != "0")),
            f"restart = {restart}", f"ends = {ends}", f"failure = {STATUS_VMM_DIED}",
            "uses = console clock random",
            "files = " + " ".join(module.name for module in self.modules()),
        ]
        return "\n".join(lines) + "\n"


def read_values(path: pathlib.Path, output: str) -> Vm:
    """A Vm from what vm-check prints: lines LINE KEY VALUE."""
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    files: list[VmFile] = []
    for row in output.splitlines():
        line, key, value = (row + " ").split(" ", 2)
        value = value.removesuffix(" ")
        values[key] = value
        lines[key] = int(line)
        if key in PATH_KEYS and value:
            files.append(VmFile(key, int(line), path.parent / value))
    return Vm(path, values, lines, tuple(files))


def check_files(vm: Vm) -> None:
    """The files are there, and there is room for them in the guest's RAM."""
    size = 0
    for file in vm.files:
        where = f"{vm.path}:{file.line}: {file.key}: {file.path}"
        if not file.path.exists():
            hint = "; `make guests` makes it" if "out/guests" in str(file.path) else ""
            raise LauncherError(f"{where}: no such file{hint}")
        if not file.path.is_file():
            raise LauncherError(f"{where}: expected a file")
        try:
            with file.path.open("rb"):
                size += file.path.stat().st_size
        except OSError as error:
            raise LauncherError(f"{where}: {error.strerror}") from error
    if size > vm.memory:
        raise vm.error("memory", f"{vm.memory // MEBIBYTE}M: expected more, for its files have "
                       f"{math.ceil(size / MEBIBYTE)}M")


def read(path: pathlib.Path, checker: pathlib.Path) -> Vm:
    """Checks a VM file."""
    if not path.is_file():
        raise LauncherError(f"{path}: no such file")
    if not checker.is_file():
        raise LauncherError(f"{checker.relative_to(ROOT)} is missing; make makes it")
    done = subprocess.run([str(checker), str(path.absolute())], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        words = (done.stdout or done.stderr or "vm-check failed").strip()
        raise LauncherError(words.removeprefix("error ").replace(str(path.absolute()), str(path)))
    vm = read_values(path, done.stdout)
    check_files(vm)
    return vm


def read_all(paths: list[str]) -> list[Vm]:
    """Checks the VM files, and that they are of different VMs."""
    found: dict[str, Vm] = {}
    for path in paths:
        vm = read(pathlib.Path(path), ROOT / "out/host/bin/vm-check")
        if vm.name in found:
            raise vm.error("name", f"'{vm.values['name']}' is that of {found[vm.name].path} too; "
                           "expected another one")
        found[vm.name] = vm
    return list(found.values())


def memory_needed(vms: list[Vm], modules: list[Module]) -> int:
    """Bytes of the machine's memory. A module is there twice while it is being unpacked."""
    files = sum(pathlib.Path(ROOT / module.path).stat().st_size for module in modules)
    guests = sum(vm.memory + VMM_MEMORY + ALIGNMENT for vm in vms)
    return SYSTEM_MEMORY + guests + 2 * files


def choose_memory(wanted: str | None, vms: list[Vm], modules: list[Module]) -> int:
    """The machine's memory, bytes: what --memory wants, if the VMs fit into it; without it, enough.
    """
    need = math.ceil(memory_needed(vms, modules) / STEP) * STEP
    if wanted is None:
        return max(need, LEAST_MEMORY)
    if parse_memory(wanted) < memory_needed(vms, modules):
        raise LauncherError(f"--memory {wanted}: expected {need // MEBIBYTE}M or more for the VMs")
    return parse_memory(wanted)


def with_keyboard(text: str, name: str) -> str:
    """The configuration, in which the console gives a program the keyboard when it comes."""
    return re.sub(r"^\[console\][ \t]*$", f"[console]\narguments = {name}", text, count=1,
                  flags=re.MULTILINE)


def configuration(base: pathlib.Path, vms: list[Vm], wait: str | None) -> pathlib.Path:
    """A system.conf: the base, and a section a VM. The run ends with the first one, or all."""
    rows = [vm.section("all" if wait == "all" else ("yes" if vm is vms[0] else "no"))
            for vm in vms]
    try:
        text = "\n".join([with_keyboard(base.read_text(encoding="ascii"), vms[0].name), *rows])
    except (OSError, UnicodeDecodeError) as error:
        raise LauncherError(f"--system {base}: {error}") from error
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.conf"
    path.write_text(text, encoding="ascii")
    for old in sorted(FOLDER.glob("*.conf"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def modules(vms: list[Vm], base: pathlib.Path, wait: str | None, programs: pathlib.Path,
            added: list[Module]) -> list[Module]:
    """All modules of a system with these VMs."""
    found = [module for module in system.modules(base, programs, added)
             if module.name != "system.conf"]
    found.append(Module(str(configuration(base, vms, wait)), "name=system.conf"))
    if not any(module.name == "vmm" for module in found + added):
        found.append(Module(str(programs / "vmm"), "name=vmm"))
    for vm in vms:
        found += vm.modules()
    return found
