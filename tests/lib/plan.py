"""Reads tests/plan, the table of cells, and tests/skips, the list of expected skips."""

import fnmatch
import pathlib
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHOLE_PROJECT = 1200  # seconds for all budgets together
AT_A_TIME = 2  # cells that run at the same time

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
MACHINE_FIELDS = ("platform", "build", "boot", "firmware", "cpus", "memory", "iommu", "icount",
                  "suites")
CHOICES = {
    "platform": ("qemu", "bochs"),
    "build": ("debug", "release"),
    "boot": ("kernel", "iso"),
    "firmware": ("-", "bios", "uefi"),
    "iommu": ("yes", "no"),
    "icount": ("yes", "no"),
}


class PlanError(Exception):
    """The plan or the list of skips is wrong; the message says where."""


@dataclass(frozen=True)
class Cell:
    """One cell: a host suite (programs is set) or a machine (machine is set)."""

    name: str
    budget: str
    seconds: float
    programs: tuple[str, ...] = ()  # globs, relative to the root
    machine: dict[str, str] | None = None

    @property
    def group(self) -> str:
        """The heading under which the summary adds up times."""
        return self.name.split("-")[0] if self.machine else self.name

    @property
    def memory(self) -> int:
        """Bytes of memory of a machine."""
        assert self.machine
        size = self.machine["memory"]
        return int(size[:-1]) * UNITS[size[-1]]

    def files(self) -> list[str]:
        """The programs of a host suite that exist, in order."""
        found = {path for glob in self.programs for path in ROOT.glob(glob) if path.is_file()}
        return sorted(str(path.relative_to(ROOT)) for path in found)


@dataclass(frozen=True)
class Skip:
    """An expected skip: globs of the cell and of the test, and why."""

    cell: str
    test: str
    reason: str


def read_lines(path: pathlib.Path) -> list[tuple[str, str]]:
    """The lines that are neither empty nor comments, each with its place."""
    lines = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            lines.append((f"{path.name}:{number}", line.strip()))
    return lines


def parse_machine(place: str, fields: list[str]) -> dict[str, str]:
    if len(fields) < len(MACHINE_FIELDS):
        raise PlanError(f"{place}: a machine has at least {len(MACHINE_FIELDS) + 4} columns")
    machine = dict(zip(MACHINE_FIELDS, fields))
    machine["words"] = " ".join(fields[len(MACHINE_FIELDS):])
    for key, choices in CHOICES.items():
        if machine[key] not in choices:
            raise PlanError(f"{place}: {key} is {machine[key]}, expected one of {choices}")
    if not machine["cpus"].isdigit() or not machine["memory"][:-1].isdigit() \
            or machine["memory"][-1] not in UNITS:
        raise PlanError(f"{place}: expected a number of CPUs and a memory size such as 64M")
    return machine


def parse_seconds(place: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= WHOLE_PROJECT:
        raise PlanError(f"{place}: '{text}' is not a number of seconds")
    return seconds


def parse_row(place: str, fields: list[str]) -> Cell:
    if len(fields) < 5 or fields[0] not in ("host", "machine"):
        raise PlanError(f"{place}: expected budget, host or machine and its columns")
    kind, name, budget, seconds = fields[:4]
    rest = fields[4:]
    figure = parse_seconds(place, seconds)
    if kind == "host":
        return Cell(name, budget, figure, programs=tuple(rest))
    return Cell(name, budget, figure, machine=parse_machine(place, rest))


def check_budgets(cells: list[Cell], budgets: dict[str, float]) -> None:
    for name, limit in budgets.items():
        total = sum(cell.seconds for cell in cells if cell.budget == name) / AT_A_TIME
        if total > limit:
            raise PlanError(f"plan: the cells of {name} take {total:.0f} s, allowed {limit:.0f} s")
    if sum(budgets.values()) > WHOLE_PROJECT:
        raise PlanError(f"plan: the budgets sum to more than {WHOLE_PROJECT} s")


def read_plan(path: pathlib.Path = ROOT / "tests/plan") -> tuple[list[Cell], dict[str, float]]:
    """All cells and the budgets (seconds of wall time by name), checked against each other."""
    cells: list[Cell] = []
    budgets: dict[str, float] = {}
    for place, line in read_lines(path):
        fields = line.split()
        if fields[0] == "budget" and len(fields) == 3:
            budgets[fields[1]] = parse_seconds(place, fields[2])
            continue
        cell = parse_row(place, fields)
        if any(cell.name == other.name for other in cells):
            raise PlanError(f"{place}: a second cell is named {cell.name}")
        if cell.budget not in budgets:
            raise PlanError(f"{place}: no budget is named {cell.budget}")
        cells.append(cell)
    check_budgets(cells, budgets)
    return cells, budgets


def read_skips(path: pathlib.Path = ROOT / "tests/skips") -> list[Skip]:
    """Rows of the form `CELL | TEST | REASON`; the first two are globs."""
    skips = []
    for place, line in read_lines(path):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not all(fields):
            raise PlanError(f"{place}: expected CELL | TEST | REASON")
        skips.append(Skip(*fields))
    return skips


def expected_skip(skips: list[Skip], cell: str, test: str) -> Skip | None:
    for skip in skips:
        if fnmatch.fnmatchcase(cell, skip.cell) and fnmatch.fnmatchcase(test, skip.test):
            return skip
    return None


def select(cells: list[Cell], wanted: list[str]) -> list[Cell]:
    """Cells that match a glob of `wanted`, or whose name begins with it up to a dash."""
    chosen = []
    for pattern in wanted:
        found = [cell for cell in cells
                 if fnmatch.fnmatchcase(cell.name, pattern)
                 or cell.name.startswith(pattern + "-")]
        if not found:
            raise PlanError(f"no cell matches '{pattern}'; tests/run --list shows all")
        chosen += [cell for cell in found if cell not in chosen]
    return chosen if wanted else list(cells)
