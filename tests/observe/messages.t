#!/usr/bin/env python3
"""The suite about message-signalled interrupts on a machine that has a card to send some."""

import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)

COMMAND = (ROOT / "build/cairn", "run", "--headless", "--platform", "qemu", "--memory", "64M",
           "--timeout", "60", "--extra", "-device e1000e", "--cmdline", "tests=messages")


def main() -> int:
    out = Tap()
    for cpus in (1, 2):
        run = subprocess.run((*COMMAND, "--cpus", str(cpus)), capture_output=True, text=True,
                             timeout=120, check=False)
        failed = [line for line in run.stdout.splitlines() if "not ok" in line or "SKIP" in line]
        out.ok(run.returncode == 0 and not failed, f"{cpus} CPUs: messages of a device",
               *(failed or run.stdout.splitlines()[-5:]))
        out.ok("ok 1 - messages" in run.stdout, f"{cpus} CPUs: the suite has run")
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
