#!/usr/bin/env python3
"""What Linux warns of in a VM is what it warns of on the bare emulator, with the same files."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.guest import GUESTS, Guests, Terminal, main, vm_file  # noqa: E402
from tests.lib.system import Ended  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

MEMORY = "256M"
CMDLINE = "console=ttyS0"
# Levels 0 to 4 are emergency to warning; 8 more where a program says it, as it does the canary.
CANARY = "a line of level 4"
COMPLAINTS = (f"echo '<4>{CANARY}' >/dev/kmsg; "
              "dmesg -r | grep -E '^<([0-4]|8|9|10|11|12)>|Firmware (Bug|Warn)'")
NATIVE = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", MEMORY,
          "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
          "-device", "virtio-rng-pci", "-kernel", str(GUESTS / "vmlinuz"),
          "-initrd", str(GUESTS / "initrd.img"), "-append", CMDLINE]

# What differs because the machine does: a pattern, and why.
ONLY_IN_VM: tuple[tuple[str, str], ...] = ()
ONLY_NATIVE: tuple[tuple[str, str], ...] = (
    (r"^tsc: (Unable to calibrate|Fast TSC calibration|HPET/PMTIMER calibration|PIT calibration)",
     "a loop that measures, which a slow host disturbs; in the VM CPUID says the frequency"),
    (r"^clocksource: |^TSC found unstable|^Unstable clock detected|^If you want to keep using the "
     r"local clock|trace_clock=local|^on the kernel command line$",
     "the watchdog, which sees a slow host as a bad TSC; in the VM the clock is the host's"),
    (r"^APIC calibration not consistent with PM-Timer", "the same, of the local timer"),
)


def complaints(machine: Terminal) -> list[str]:
    """Without time stamps and addresses, each once."""
    machine.boot()
    lines = []
    for line in machine.run(COMPLAINTS).splitlines():
        text = re.sub(r"^<\d+>\[ *[\d.]+\] ", "", line)
        text = re.sub(r"\b(0x)?[0-9a-f]{8,16}\b", "ADDRESS", text)
        if text not in lines:
            lines.append(text)
    machine.type("poweroff")
    return lines


def without(lines: list[str], others: list[str], known: tuple[tuple[str, str], ...]) -> list[str]:
    """The lines that the others lack, but for those that are known."""
    return [line for line in lines if line not in others
            and not any(re.search(pattern, line) for pattern, _ in known)]


def check_complaints(tap: Tap) -> None:
    with Terminal(NATIVE) as native, \
            Guests([vm_file("linux", memory=MEMORY, cmdline=CMDLINE)]) as guest:
        try:
            on_native, in_vm = complaints(native), complaints(guest)
        except Ended as error:
            guest.check(tap, False, "both boot", str(error), native.tail())
            return
        tap.note("native:", *on_native, "in the VM:", *in_vm)
        tap.ok(CANARY in on_native, "a line of level 4 is found natively", *on_native)
        tap.ok(CANARY in in_vm, "and in the VM", *in_vm)
        tap.equal(without(in_vm, on_native, ONLY_IN_VM), [],
                  "in the VM it complains of nothing else")
        tap.equal(without(on_native, in_vm, ONLY_NATIVE), [],
                  "and of everything of which it does natively")
        guest.equal(tap, guest.end(), 0, "the VM powers off")


if __name__ == "__main__":
    sys.exit(main(check_complaints))
