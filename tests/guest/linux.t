#!/usr/bin/env python3
"""Linux by bzImage on QEMU: a shell that is typed into, reboots by every way, power-off."""

import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.guest import QUIET, Guests, main, vm_file  # noqa: E402
from tests.lib.system import Ended  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

CLOCK_SLACK = 60  # seconds between the guest's look at its clock and ours, on a slow host
MEMORY_KB = 128 << 10
LEAST_KB = 80 << 10  # the kernel has the rest


def counts(table: str, row: str) -> int:
    """How often a row of /proc/interrupts was counted, by a pattern of the row; -1: no such row."""
    match = re.search(rf"^ *\w+: +(\d+).*{row}", table, re.MULTILINE)
    return int(match[1]) if match else -1


def check_shell(tap: Tap, guest: Guests) -> None:
    guest.equal(tap, guest.run("uname -s -m"), "Linux x86_64\n", "uname says what runs")
    guest.equal(tap, guest.run("cat /proc/cmdline"), QUIET + "\n", "the command line")
    table = guest.run("cat /proc/interrupts")
    guest.check(tap, counts(table, "Local timer interrupts") > 0, "the local timer's interrupts",
                table)
    guest.check(tap, counts(table, "ttyS0") > 0, "the UART's interrupts", table)
    seconds = int(guest.run("date +%s"))
    tap.ok(abs(seconds - time.time()) < CLOCK_SLACK, "the date is the host's",
           f"{seconds - time.time():.0f} s apart")
    numbers = [guest.run("head -c 16 /dev/hwrng | hexdump -ve '16/1 \"%02x\"'") for _ in range(2)]
    guest.check(tap, all(re.fullmatch(r"[0-9a-f]{32}", number) for number in numbers),
                "16 bytes from /dev/hwrng, twice", *numbers)
    tap.ok(numbers[0] != numbers[1], "they differ", *numbers)
    total = guest.run("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")
    guest.check(tap, total.strip().isdigit() and LEAST_KB < int(total) < MEMORY_KB,
                "the memory that the VM file says", total)


def check_boots(tap: Tap) -> None:
    with Guests([vm_file("linux", memory=f"{MEMORY_KB >> 10}M")]) as guest:
        try:
            guest.boot()
            check_shell(tap, guest)
            guest.type("reboot")
            guest.boot()
            guest.check(tap, guest.run("cut -d . -f 1 /proc/uptime").strip().isdigit(),
                        "after a reboot there is a shell")
            guest.type("echo b >/proc/sysrq-trigger")
            guest.boot()
            guest.equal(tap, guest.run("echo $((6 * 7))"), "42\n", "after sysrq b, too")
            guest.type("poweroff")
            guest.equal(tap, guest.end(), 0, "power-off ends the run with status 0")
        except Ended as error:
            guest.check(tap, False, "the guest goes on", str(error))


if __name__ == "__main__":
    sys.exit(main(check_boots))
