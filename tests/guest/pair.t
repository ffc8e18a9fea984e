#!/usr/bin/env python3
"""Two Linux VMs at once on QEMU, one of which is killed: the other one goes on."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.guest import NEXT_KEY, QUIET, ROOT_KEY, Guests, main, vm_file  # noqa: E402
from tests.lib.system import Ended  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

NAMES = ("one", "two")


def focus(guest: Guests, name: str) -> None:
    """Gives the keyboard to a VM, whichever number that has."""
    while True:
        guest.keys(NEXT_KEY)
        if guest.wait(r"the keyboard is with (\S+)$")[1] == name:
            return


def check_pair(tap: Tap) -> None:
    files = [vm_file(name, boot="pvh", cmdline=f"{QUIET} called={name}") for name in NAMES]
    with Guests(files) as guest:
        try:
            guest.boot()
            guest.check(tap, "called=one" in guest.run("cat /proc/cmdline"),
                        "the first one has the keyboard")
            # While the first one's prompt stands there, nobody else's lines come.
            guest.keys(ROOT_KEY)
            guest.wait("the keyboard is with root$")
            guest.at = 0
            guest.check(tap, guest.wait(r"^# \[vm\.two\] Linux \S+: poweroff"),
                        "the second one boots beside it")
            guest.keys("stop vm.two\r")
            guest.check(tap, guest.wait(r"vm\.two is stopped"), "root stops the second one")
            focus(guest, "vm.one")
            guest.keys("\r")
            guest.equal(tap, guest.run("echo $((6 * 7))"), "42\n", "the first one goes on")
            numbers = [guest.run("cut -d ' ' -f 1 /proc/uptime; usleep 200000") for _ in range(2)]
            guest.check(tap, float(numbers[0]) < float(numbers[1]), "its time does, too", *numbers)
            guest.keys(ROOT_KEY)
            guest.wait("the keyboard is with root$")
            guest.keys("list vm.two\r")
            guest.check(tap, guest.wait(r"vm\.two.*stopped"), "the second one stays down")
            focus(guest, "vm.one")
            guest.keys("\r")
            guest.type("poweroff")
            guest.equal(tap, guest.end(), 0, "the first one's power-off ends the run")
        except Ended as error:
            guest.check(tap, False, "the guests go on", str(error))


if __name__ == "__main__":
    sys.exit(main(check_pair))
