#!/usr/bin/env python3
"""Linux by PVH on QEMU: a panic resets the machine, and the status that a guest chooses arrives."""

import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from guests.linux.archive import Cpio  # noqa: E402
from tests.lib.guest import GUESTS, QUIET, Guests, main, vm_file  # noqa: E402
from tests.lib.system import ROOT, Ended  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

VALUE = 5  # debug_exit.S


def make_initrd(folder: pathlib.Path) -> pathlib.Path:
    """The guest's file system, and the program behind it."""
    program, initrd = folder / "debug_exit", folder / "initrd.img"
    subprocess.run(["gcc", "-nostdlib", "-static", "-Wl,--build-id=none", "-o", str(program),
                    str(ROOT / "tests/guest/debug_exit.S")], check=True)
    cpio = Cpio()
    cpio.file("bin/debug_exit", program.read_bytes(), 0o755)
    initrd.write_bytes((GUESTS / "initrd.img").read_bytes() + cpio.end())
    return initrd


def check_pvh(tap: Tap) -> None:
    with tempfile.TemporaryDirectory(prefix="cairn-guest-") as folder:
        check_ends(tap, make_initrd(pathlib.Path(folder)))


def check_ends(tap: Tap, initrd: pathlib.Path) -> None:
    text = vm_file("pvh", boot="pvh", initrd=str(initrd), cmdline=f"{QUIET} panic=1")
    with Guests([text]) as guest:
        try:
            guest.boot()
            guest.equal(tap, guest.run("uname -s -m"), "Linux x86_64\n", "a shell")
            guest.type("reboot")
            guest.boot()
            guest.equal(tap, guest.run("echo $((6 * 7))"), "42\n", "after a reboot, too")
            guest.type("echo c >/proc/sysrq-trigger")
            guest.wait("Kernel panic - not syncing: sysrq triggered crash")
            guest.boot()
            guest.equal(tap, guest.run("echo $((7 * 7))"), "49\n", "a panic resets the machine")
            guest.type("debug_exit")
            guest.equal(tap, guest.end(), VALUE << 1 | 1, "what is written to the debug-exit port "
                        "arrives as the run's status")
        except Ended as error:
            guest.check(tap, False, "the guest goes on", str(error))


if __name__ == "__main__":
    sys.exit(main(check_pvh))
