#!/usr/bin/env python3
"""Configurations that root refuses: one line that says where and what was expected, status 2."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import run, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

BARE = "[bare]\n"
MACHINE_ERRORS = {  # what depends on the machine: the text, the line, and words of what is said
    "a CPU that the machine has not": (BARE + "cpu = 7\n", 1, "expected CPUs below"),
    "more memory than there is": (BARE + "memory = 64G\n", 1, "expected memory of at most"),
    "a line that the machine has not": (BARE + "irq = 200\n", 2, "irq: expected"),
}
ERRORS = {  # what does not: the text, the line, and words of what is said
    "no head": ("memory = 1M\n", 1, "expected a section"),
    "an open head": ("[bare\n", 1, "expected ']'"),
    "a key that there is not": (BARE + "colour = red\n", 2, "'colour' is no key"),
    "a key twice": (BARE + "cpu = 0\ncpu = 0\n", 3, "already in this section"),
    "a value that is none": (BARE + "memory = much\n", 2, "memory: expected"),
    "a section twice": (BARE * 2, 2, "already, in line 1"),
    "no section": ("; nothing\n", 2, "expected at least one section"),
    "ports that two have": (BARE + "ports = 0x60 5\n[two]\nprogram = bare\nports = 0x64 1\n", 5,
                            "bare has it"),
    "shares of more than there is": (BARE + "cpu_share = 60\n[two]\nprogram = bare\n"
                                     "cpu_share = 60\n", 3, "120 percent of CPU 0"),
    "a service that nobody offers": (BARE + "uses = tea\n", 2, "not 'tea'"),
    "a service that two offer": (BARE + "offers = tea\n[two]\nprogram = bare\noffers = tea\n"
                                 "[three]\nprogram = bare\nuses = tea\n", 8,
                                 "offered by bare and by two"),
    "its own service": (BARE + "offers = tea\nuses = tea\n", 3, "its own service"),
}


def check(tap: Tap, options: list[str]) -> None:
    chosen = MACHINE_ERRORS if "bochs" in options else MACHINE_ERRORS | ERRORS
    for about, (text, line, words) in chosen.items():
        status, lines = run(text, options)
        said = [found for found in lines if "[root] error: " in found]
        tap.ok(status == 2 and len(said) == 1 and f"system.conf:{line}: " in said[0]
               and words in said[0], f"refused: {about}", f"status {status}", *lines[-8:])


if __name__ == "__main__":
    sys.exit(test_all(check, ["one CPU", "Bochs"]))
