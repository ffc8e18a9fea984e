"""Figures of virtual machines under the real monitor: what a way in and out costs, and a boot of
Linux. The system is what `build/cairn run` boots; the guests are in guests/bench and guests/linux.
"""

import pathlib
import subprocess

from tests.bench import boot, machine, services
from tests.bench.machine import BenchError
from tests.bench.records import record

VMM = boot.BIN / "vmm"
CHECK = pathlib.Path("out/host/bin/vm-check")
PATHS_FILE = pathlib.Path("guests/bench/paths.conf")
LINUX_FILE = pathlib.Path("guests/linux/bench.conf")
PATHS_KERNEL = pathlib.Path("out/guests/bench/paths")
LINUX = [pathlib.Path("out/guests/linux", name) for name in ("vmlinux", "tiny.img")]
PROGRAMS = [VMM, *(boot.BIN / name for name in ("console", "clock", "random")), CHECK,
            PATHS_KERNEL, *LINUX]

PATHS_MACHINE = ["-m", "512M"]
LINUX_MACHINE = ["-m", "640M"]

# The guest's, in its order: name, what is sought of it, and exits.
PATHS = (("cpuid", 900, 1), ("rdmsr", 900, 1), ("self-ipi", 2500, 2), ("port-in", 700, 1),
         ("mmio-read", 1800, 1), ("device-interrupt", 2500, 2), ("first-touch", 2500, 0))
MARKER_FIRST = 0x40
DEBUG_EXIT = 1  # the status of a guest that writes 0 to that port

# The monitor's start: three points, one behind the other; other programs have code at the same
# addresses.
START = (("entry", boot.ENTRY), ("main", "main"), ("images", "images_config"))
MARK_INIT, MARK_IDLE, MARK_IDLE_END = "marker.1", "marker.20", "marker.21"
LEVELS = (("guest", "guest"), ("vmm", "lower"), ("kernel", "kernel"))  # vmm: and services
SOUGHT_BOOT = {"": 440_000_000, ".guest": 390_000_000, ".vmm": 40_000_000, ".kernel": 10_000_000}
SOUGHT_EXITS = 2000
SOUGHT_IDLE = 2_000_000


def system(vm_file: pathlib.Path, memory: int, files: dict[str, pathlib.Path]) -> list[str]:
    """What QEMU boots: root, the services of VMs, and a monitor for the file. memory: MiB of RAM,
    which the file names too."""
    check = subprocess.run([CHECK, vm_file], cwd=machine.ROOT, capture_output=True, text=True,
                           check=False)
    if check.returncode:
        raise BenchError(check.stdout.strip())
    modules = {"vm.bench": vm_file} | {f"vm.bench.{key}": path for key, path in files.items()}
    services_text = (machine.ROOT / "bootstrap/vms.conf").read_text(encoding="ascii")
    text = services_text.replace("@FIRST@", "vm.bench") + (
        f"\n[vm.bench]\nprogram = vmm\nmemory = 4M\nram = {memory}M\npriority = 16\n"
        "restart = never\nends = yes\nuses = console clock random\n"
        f"files = {' '.join(modules)}\n")
    found = services.configured(text, *PROGRAMS[:4])
    return services.options(found | modules)


def spent(before: dict, after: dict) -> dict[str, int]:
    """Instructions of each level from one line to another, and exits."""
    counts = {name: after[level]["instructions"] - before[level]["instructions"]
              for name, level in LEVELS}
    return counts | {"exits": machine.total(after, "vmrun") - machine.total(before, "vmrun")}


def least(lines: list[dict], number: int) -> dict[str, int]:
    """The shortest repetition of a path. The first marker counts as an instruction of the guest."""
    begin, end = (f"marker.{MARKER_FIRST + 2 * number + part}" for part in range(2))
    runs = [spent(one, other) for one, other in zip(lines, lines[1:])
            if (one["point"], other["point"]) == (begin, end)]
    if not runs:
        raise BenchError(f"the guest did not come to path {number}")
    found = min(runs, key=lambda run: sum(run[name] for name, _ in LEVELS))
    found["guest"] -= 1
    return found


def path_rows() -> list[dict]:
    done = machine.run_twice(
        [*PATHS_MACHINE, *system(PATHS_FILE, 128, {"kernel": PATHS_KERNEL})], {})
    if boot.exit_status(done.console) != DEBUG_EXIT:
        raise BenchError("the guest failed; last lines:\n" + boot.last_lines(done.console))
    rows = []
    for number, (name, sought, exits) in enumerate(PATHS):
        found = least(done.lines, number)
        rows.append(record(f"vmm.{name}", sum(found[level] for level, _ in LEVELS),
                           "instructions", sought))
        rows += [record(f"vmm.{name}.{level}", found[level], "instructions")
                 for level, _ in LEVELS]
        rows.append(record(f"vmm.{name}.exits", found["exits"], "count", exits))
    return rows


def start_line(lines: list[dict]) -> dict:
    """The monitor's first instruction."""
    names = [f"{VMM.name}.{phase}" for phase, _ in START]
    for three in zip(lines, lines[1:], lines[2:]):
        if [line["point"] for line in three] == names:
            return three[0]
    raise BenchError("the monitor's start was not found (tests/bench/vm.py, START)")


def linux_rows() -> list[dict]:
    files = dict(zip(("kernel", "initrd"), LINUX))
    points = boot.addresses(VMM, START)
    done = machine.run_twice([*LINUX_MACHINE, *system(LINUX_FILE, 256, files)], points)
    if boot.exit_status(done.console):
        raise BenchError("Linux failed; last lines:\n" + boot.last_lines(done.console))
    marks = boot.first_passings(done.lines, [MARK_INIT, MARK_IDLE, MARK_IDLE_END])
    found = spent(start_line(done.lines), marks[0])
    idle = spent(marks[1], marks[2])
    rows = [record("vmm.boot.instructions", sum(found[level] for level, _ in LEVELS),
                   "instructions", SOUGHT_BOOT[""]),
            record("vmm.boot.exits", found["exits"], "count", SOUGHT_EXITS),
            record("vmm.idle", sum(idle[level] for level, _ in LEVELS), "instructions",
                   SOUGHT_IDLE),
            record("vmm.idle.exits", idle["exits"], "count")]
    rows += [record(f"vmm.boot.instructions.{level}", found[level], "instructions",
                    SOUGHT_BOOT[f".{level}"]) for level, _ in LEVELS]
    return rows + [record(f"vmm.idle.{level}", idle[level], "instructions") for level, _ in LEVELS]


def qemu_rows() -> list[dict]:
    return path_rows() + linux_rows()
