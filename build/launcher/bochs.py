"""Bochs' configuration for a machine: pure functions.

Bochs from Debian is built with its debugger and must be told to go (-rc). It has no display
library without a display; rfb without a client comes closest. The larger ips is, the more
instructions every timed wait costs.
"""

from machine import MEBIBYTE, Machine

PROGRAM = "bochs-bin"
GO = "c\n"  # debugger command: continue


def configuration(machine: Machine, console: str, log: str) -> str:
    """bochsrc text. console: path of a terminal device for COM1; log: path of Bochs' own log."""
    lines = [
        "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
        "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest",
        "display_library: rfb, options=\"timeout=0\"",
        f"cpu: model=corei7_skylake_x, count={machine.cpus}:1:1, ips=20000000, "
        "reset_on_triple_fault=0",
        "clock: sync=none, time0=946684800",
        f"megs: {machine.memory // MEBIBYTE}",
        "pci: enabled=1, chipset=i440fx",
        "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
        f"ata0-master: type=cdrom, path=\"{machine.iso}\", status=inserted",
        "boot: cdrom",
        f"com1: enabled=1, mode=term, dev={console}",
        "mouse: enabled=0",
        f"log: \"{log}\"",
        "panic: action=fatal",
        "error: action=report",
        "info: action=ignore",
        "debug: action=ignore",
    ]
    return "\n".join(lines + list(machine.extra)) + "\n"


def arguments(configuration_file: str, go_file: str) -> list[str]:
    return [PROGRAM, "-q", "-f", configuration_file, "-rc", go_file]
