#!/usr/bin/env python3
"""Linux on QEMU starts its own kernel by kexec; then on_reset = stop ends the run."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.guest import QUIET, Guests, main, vm_file  # noqa: E402
from tests.lib.system import Ended  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

MARK = "second=yes"


def check_kexec(tap: Tap) -> None:
    text = vm_file("kexec", initrd="kexec.img", memory="256M", rows="on_reset = stop")
    with Guests([text]) as guest:
        try:
            guest.boot()
            guest.equal(tap, guest.run("kexec -l /boot/vmlinuz --initrd=/boot/initrd.img "
                                       f"--command-line='{QUIET} {MARK}'"), "",
                        "kexec loads a kernel")
            guest.type("kexec -e")
            guest.boot()
            guest.equal(tap, guest.run("cat /proc/cmdline").strip(), f"{QUIET} {MARK}",
                        "its shell is there")
            guest.type("reboot")
            guest.equal(tap, guest.end(), 0, "on_reset = stop: a reset ends the run with status 0")
        except Ended as error:
            guest.check(tap, False, "the guest goes on", str(error))


if __name__ == "__main__":
    sys.exit(main(check_kexec))
