"""Reads tests/system/faults.list, the one table of what the first program may be told to do."""

import pathlib
import re
from dataclasses import dataclass

LIST = pathlib.Path(__file__).resolve().parents[1] / "system/faults.list"
ROW = re.compile(r'FAULT\((\w+), "([^"]+)", "([^"]+)", "(any|qemu|bochs)", "([^"]+)"\)$')


@dataclass(frozen=True)
class Case:
    """One forbidden thing; vectors and errors list what the kernel may say of it."""

    name: str
    vectors: tuple[int, ...]
    errors: tuple[int, ...]
    platform: str
    what: str


def read() -> list[Case]:
    """All cases. A line that begins with FAULT and cannot be read is an error."""
    cases = []
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        if not line.startswith("FAULT"):
            continue
        match = ROW.match(line)
        if not match:
            raise ValueError(f"{LIST.name}:{number}: not a row of the table: {line}")
        name, vectors, errors, platform, what = match.groups()
        cases.append(Case(name, tuple(int(v) for v in vectors.split("|")),
                          tuple(int(e, 16) for e in errors.split("|")), platform, what))
    return cases
