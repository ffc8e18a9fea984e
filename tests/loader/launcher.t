#!/usr/bin/env python3
"""A bad module the way people boot: build/cairn says 8, and GRUB's boots stop as QEMU's do."""

import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import loader, lz4frame, plan  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

CAIRN = str(plan.ROOT / "build/cairn")
BAD = lz4frame.frame(loader.good_elf(), wrong_checksum=True)
ERROR = "module 'first': lz4 frame has a wrong content checksum"
LIMIT = 60  # seconds


def cairn(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([CAIRN, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=LIMIT)


def check_run(out: Tap, about: str, *arguments: str) -> None:
    done = cairn("run", "--headless", "--timeout", "30", *arguments)
    lines = done.stdout.splitlines()
    out.equal(done.returncode, 8, f"{about}: exit status", done.stdout[-500:], done.stderr[-500:])
    out.equal(lines[-2:], [f"# [loader] error: {ERROR}", "CAIRN-EXIT 8"], f"{about}: last lines")


def main() -> int:
    out = Tap()
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        module = pathlib.Path(folder) / "bad"
        module.write_bytes(BAD)
        first = f"{module},name=first"
        iso = f"{folder}/bad.iso"
        check_run(out, "multiboot 1", "--platform", "qemu", "--module", first)
        made = cairn("iso", "--build", "debug", "-o", iso, "--module", first)
        if out.equal(made.returncode, 0, "the image is made", made.stderr):
            machine = ["-cpu", "max", "-m", "256M", "-boot", "d", "-cdrom", iso]
            loader.judge(out, loader.boot(machine), "multiboot 2, BIOS", ERROR)
            check_run(out, "multiboot 2, BIOS", "--platform", "qemu", "--iso", iso)
            check_run(out, "multiboot 2, UEFI", "--platform", "qemu", "--iso", iso,
                      "--firmware", "uefi")
            check_run(out, "multiboot 2, Bochs", "--platform", "bochs", "--iso", iso)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
