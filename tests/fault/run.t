#!/usr/bin/env python3
"""Forbidden things: the first program does each, the kernel must name it and stop the machine.

    tests/fault/run.t                        all cases of QEMU
    tests/fault/run.t --platform bochs       those that only Bochs can show, and a few more
    tests/fault/run.t NAME...                these; NAME may be a glob

Each case is a boot of its own. The table is tests/system/faults.list.
"""

import argparse
import concurrent.futures
import fnmatch
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fault import cases, judge  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

LIMITS = {"qemu": 20, "bochs": 60}  # seconds a boot

# Each case under Bochs is an image and a slow boot, so besides those that run nowhere else only
# the one in which Intel's CPUs differ from AMD's, which QEMU models.
BOCHS_TOO = ("noncanonical_jump",)


def choose(platform: str, wanted: list[str]) -> list[cases.Case]:
    """The cases to run; raises ValueError for a name that is no case."""
    able = [case for case in cases.read() if case.platform in ("any", platform)]
    if not wanted:
        if platform == "qemu":
            return able
        return [case for case in able if case.platform == platform or case.name in BOCHS_TOO]
    chosen = []
    for name in wanted:
        found = [case for case in able if fnmatch.fnmatchcase(case.name, name)]
        if not found:
            raise ValueError(f"no case of {platform} is named {name}")
        chosen += found
    return chosen


def run_case(case: cases.Case, platform: str) -> tuple[list[str], list[str]]:
    """Boots, and returns (what is wrong, the console's lines)."""
    limit = LIMITS[platform]
    command = [str(ROOT / "build/cairn"), "run", "--headless", "--platform", platform,
               "--memory", "64M", "--timeout", str(limit), "--cmdline", f"fault={case.name}"]
    try:
        result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, errors="replace", timeout=limit + 30, check=False)
    except subprocess.TimeoutExpired:
        return ["the launcher did not end"], []
    lines = [line.rstrip("\r") for line in result.stdout.splitlines()]
    faults = judge.judge(case, lines, result.returncode)
    return faults, lines + (result.stderr.splitlines() if faults else [])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--platform", choices=list(LIMITS), default="qemu")
    parser.add_argument("--at-a-time", type=int, default=2)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    try:
        chosen = choose(options.platform, options.names)
    except ValueError as error:
        parser.error(str(error))
    out = Tap()
    with concurrent.futures.ThreadPoolExecutor(options.at_a_time) as pool:
        results = pool.map(lambda case: run_case(case, options.platform), chosen)
        for case, (faults, lines) in zip(chosen, results):
            tail = [f"  {line}" for line in lines[-14:]] if faults else []
            out.ok(not faults, f"{case.name}: {case.what}", *faults, *tail)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
