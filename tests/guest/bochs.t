#!/usr/bin/env python3
"""Linux by PVH on Bochs, which has VMX: a shell that is typed into, and power-off."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.guest import Guests, main, vm_file  # noqa: E402
from tests.lib.system import BOCHS, Ended  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402


def check_bochs(tap: Tap) -> None:
    with Guests([vm_file("pvh", boot="pvh")], BOCHS) as guest:
        try:
            guest.boot()
            guest.equal(tap, guest.run("uname -s -m"), "Linux x86_64\n", "a shell")
            guest.check(tap, int(guest.run("grep -c ttyS0 /proc/interrupts")) == 1,
                        "the UART's interrupt is there")
            guest.type("poweroff")
            guest.equal(tap, guest.end(), 0, "power-off ends the run with status 0")
        except Ended as error:
            guest.check(tap, False, "the guest goes on", str(error))


if __name__ == "__main__":
    sys.exit(main(check_bochs))
