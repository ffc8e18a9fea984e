#!/usr/bin/env python3
"""RAM for guests, and programs with much memory: pieces of the machine's, where large pages fit."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import run, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

SMALL = {"2M": (1, 0), "6M": (3, 0), "64M": (32, 0)}  # RAM: pages of 2 MiB, of 1 GiB
LARGE = {"2G": (1024, 2), "1G": (512, 1), "1100M": (550, 0), "512M": (256, 0)}
HALVES = ["--memory", "5G"]  # 2 GiB of it below 4 GiB
REFUSED = {
    "memory": ("[m]\nprogram = large\nmemory = 3500M\n", 1),
    "ram": ("[m]\nprogram = large\nram = 3500M\n", 3),
}
TIMES = 6  # that a program is started before it stays down


def check_pages(tap: Tap, options: list[str], sizes: dict[str, tuple[int, int]]) -> None:
    text = "[odd]\nprogram = bare\nmemory = 516K\nrestart = never\n"
    text += "".join(f"[m{size}]\nprogram = large\nram = {size}\n"
                    + "restart = never\n" * (size != "2M") for size in sizes)
    _, lines = run(text, options)
    for size, want in sizes.items():
        found = [(int(match[1]), match[2]) for line in lines if (match := re.search(
            rf"\[m{size}\] (\d+) pages of \d \w+: (\w+), status 0", line))]
        expected = [(want[0], "right"), (want[1], "right")] * (TIMES if size == "2M" else 1)
        tap.equal(found, expected, f"RAM of {size}: {want[0]} pages of 2 MiB, {want[1]} of 1 GiB",
                  "\n".join(lines[-20:]))


def check_memory(tap: Tap, options: list[str]) -> None:
    """Memory above 4 GiB, and below, for programs themselves."""
    text = "".join(f"[b{number}]\nprogram = bare\nmemory = 1200M\nrestart = never\n"
                   for number in range(3))
    status, lines = run(text, options)
    tap.equal(status, 0, "the run's status", "\n".join(lines[-20:]))
    ran = sum("named as its first argument" in line for line in lines)
    tap.equal(ran, 3, "three programs with 1200M each", "\n".join(lines[-20:]))
    for about, (text, line) in REFUSED.items():
        status, lines = run(text, options)
        tap.ok(status == 2 and any(f"error: system.conf:{line}: m: expected {about} of at most" in
                                   found for found in lines),
               f"more {about} than there is in one piece is refused", *lines[-8:])


def check(tap: Tap, options: list[str]) -> None:
    check_pages(tap, options, SMALL)
    if "bochs" not in options:
        check_pages(tap, [*options, *HALVES], LARGE)
        check_memory(tap, [*options, *HALVES])


if __name__ == "__main__":
    sys.exit(test_all(check, ["one CPU", "Bochs"]))
