#!/usr/bin/env python3
"""The bench program's figures are the same to the digit in another folder and environment, and
while the computer is busy."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.bench import boot, machine, paths  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

ELSEWHERE = {"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "HOME": "/", "PADDING": "x" * 10_000}


def bench_run(folder: pathlib.Path) -> machine.Run:
    return machine.run(paths.boot_options(modules=paths.PLAIN), paths.started(), paths.STARTED,
                       folder=folder)


def elsewhere() -> machine.Run:
    """In a copy of what is booted, with other variables, and with two other programs running."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    os.environ.update(ELSEWHERE)
    try:
        with tempfile.TemporaryDirectory(prefix="cairn bench, with a longer name ") as folder:
            for file in (boot.LOADER, *paths.PLAIN):
                to = pathlib.Path(folder, file)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(machine.ROOT / file, to)
            return bench_run(pathlib.Path(folder))
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> int:
    tap = Tap()
    here, there = bench_run(machine.ROOT), elsewhere()
    tap.ok(len(paths.figures(here)) > 50, "the bench program gives figures")
    tap.equal(paths.figures(here), paths.figures(there), "figures are the same elsewhere")
    tap.ok(machine.repeatable(here.lines) == machine.repeatable(there.lines)
           and here.console == there.console, "and all that was counted, and the console")
    return tap.done()


sys.exit(main())
