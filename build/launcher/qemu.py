"""QEMU's command line for a machine: a pure function."""

from machine import Machine, Module

PROGRAM = "qemu-system-x86_64"
OVMF = "/usr/share/ovmf/OVMF.fd"


def double_commas(text: str) -> str:
    """In QEMU's option values a comma that is meant as such is written twice."""
    return text.replace(",", ",,")


def initrd(modules: tuple[Module, ...]) -> str:
    """-initrd of a Multiboot kernel: modules as 'FILE ARGUMENTS', separated by commas."""
    return ",".join(double_commas(f"{module.path} {module.arguments}") for module in modules)


def memory_size(size: int) -> str:
    for unit, suffix in ((1 << 20, "M"), (1 << 10, "K")):
        if size % unit == 0:
            return f"{size // unit}{suffix}"
    return f"{size}B"


def boot_arguments(machine: Machine) -> list[str]:
    if machine.boot == "kernel":
        arguments = ["-kernel", machine.loader]
        if machine.modules:
            arguments += ["-initrd", initrd(machine.modules)]
        if machine.cmdline:
            arguments += ["-append", machine.cmdline]
        return arguments
    arguments = ["-drive", "if=ide,index=2,media=cdrom,format=raw,readonly=on,file="
                 + double_commas(str(machine.iso)), "-boot", "d"]
    if machine.firmware == "uefi":
        arguments += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF}"]
    return arguments


def arguments(machine: Machine) -> list[str]:
    """Serial line on standard input and output; nothing else there. A reset ends the run."""
    kvm = machine.platform == "kvm"
    board = "q35,memory-backend=ram" + (",kernel-irqchip=split" if kvm and machine.iommu else "")
    size = memory_size(machine.memory)
    # Not reserved: the machine may have more memory than this one, as long as it uses little of it.
    result = [PROGRAM, "-machine", board,
              "-object", f"memory-backend-ram,id=ram,size={size},reserve=off"]
    result += ["-accel", "kvm", "-cpu", "host"] if kvm else ["-accel", "tcg", "-cpu", "max"]
    result += ["-smp", str(machine.cpus)]
    result += ["-nodefaults", "-vga", "std", "-display", "none", "-no-reboot"]
    result += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
    if machine.icount:
        result += ["-icount", "shift=0,sleep=off"]
    if machine.iommu:
        result += ["-device", "intel-iommu,intremap=on"]
    if machine.monitor is not None:
        result += ["-chardev", "socket,id=monitor,server=on,wait=off,path="
                   + double_commas(machine.monitor), "-mon", "chardev=monitor,mode=readline"]
    return result + boot_arguments(machine) + list(machine.extra)
