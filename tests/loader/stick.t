#!/usr/bin/env python3
"""The image as a USB stick, as people put it on real machines: BIOS and UEFI start the system."""

import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import qemu  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

OVMF = "/usr/share/ovmf/OVMF.fd"
FIRMWARES = {
    "BIOS": (),
    "UEFI": ("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF}"),
}
LIMIT = 60  # seconds


def stick(image: str) -> list[str]:
    return ["-cpu", "max", "-m", "256M",
            "-drive", f"if=none,id=stick,format=raw,readonly=on,file={image}",
            "-device", "qemu-xhci", "-device", "usb-storage,drive=stick"]


def check(out: Tap, firmware: str, image: str) -> None:
    with qemu.Machine([*stick(image), *FIRMWARES[firmware]], LIMIT) as machine:
        status = machine.wait_for_exit_line()
        out.ok(status == 0 and "ok 1 - boot_info" in machine.lines, f"{firmware} starts the stick",
               *machine.lines[-15:])


def main() -> int:
    out = Tap()
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        image = f"{folder}/stick.iso"
        made = subprocess.run([str(qemu.ROOT / "build/cairn"), "iso", "-o", image,
                               "--cmdline", "tests=boot_info"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        if out.equal(made.returncode, 0, "the image is made", made.stderr):
            for firmware in FIRMWARES:
                check(out, firmware, image)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
