"""Which emulator `--platform auto` takes.

/dev/kvm may be there and useless: nested virtualization is real only where the CPU's flags show
vmx or svm and the vendor's KVM module has its parameter `nested` on. Otherwise it is QEMU's own
emulation. CAIRN_SYSROOT stands in front of every path read here, so that tests can make up
machines.
"""

import os
import pathlib

# CPU flag -> KVM module of that vendor
KVM_MODULES = {"vmx": "kvm_intel", "svm": "kvm_amd"}


def read_text(path: pathlib.Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def cpu_flags(cpuinfo: str) -> set[str]:
    """Flags of the first CPU that /proc/cpuinfo lists."""
    for line in cpuinfo.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == "flags":
            return set(value.split())
    return set()


def nested_kvm(sysroot: str = "") -> tuple[bool, str]:
    """Is nested virtualization under KVM usable here? And the reason, for people."""
    root = pathlib.Path(sysroot or "/")
    cpuinfo = read_text(root / "proc/cpuinfo")
    if cpuinfo is None:
        return False, "/proc/cpuinfo cannot be read"
    flags = [flag for flag in KVM_MODULES if flag in cpu_flags(cpuinfo)]
    if not flags:
        return False, "the CPU's flags have neither vmx nor svm"
    module = KVM_MODULES[flags[0]]
    parameter = f"/sys/module/{module}/parameters/nested"
    nested = read_text(root / parameter.lstrip("/"))
    if nested is None:
        return False, f"the CPU has {flags[0]}, but {parameter} is not there"
    if nested.strip() not in ("Y", "1"):
        return False, f"the CPU has {flags[0]}, but {parameter} is {nested.strip()!r}"
    try:
        os.close(os.open(root / "dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return False, f"/dev/kvm cannot be opened: {error.strerror}"
    return True, f"the CPU has {flags[0]}, {module} allows nesting, /dev/kvm can be opened"


def choose(sysroot: str = "") -> tuple[str, str]:
    """The platform that `auto` means, and why."""
    usable, reason = nested_kvm(sysroot)
    return ("kvm" if usable else "qemu"), reason
