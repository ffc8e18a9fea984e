"""Figures: the records of out/bench.json, their table, and the comparison with the baseline.

A record is {"name", "platform", "value", "unit", "sought"}. One record for each name and platform;
files are sorted by both. For every unit that we have, a smaller value is better.
"""

import json
import pathlib
from typing import NamedTuple

PLATFORMS = ("bochs-vmx", "qemu-svm")
UNITS = ("instructions", "bytes", "count", "ratio", "lines")
FIELDS = ("name", "platform", "value", "unit", "sought")
TOLERANCE = 0.02  # a row may be this much worse than its baseline

Key = tuple[str, str]  # name, platform


class RecordError(Exception):
    """Not a list of records; the text names the file and the fault."""


def record(name: str, value: float, unit: str, sought: float | None = None,
           platform: str = "qemu-svm") -> dict:
    return {"name": name, "platform": platform, "value": value, "unit": unit, "sought": sought}


def key(row: dict) -> Key:
    return row["name"], row["platform"]


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def fault(row: object) -> str | None:
    """What is wrong with a record, or None."""
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        return f"expected a record with the fields {', '.join(FIELDS)}"
    if not isinstance(row["name"], str) or not row["name"]:
        return "a record has no name"
    if row["platform"] not in PLATFORMS:
        return f"{row['name']}: unknown platform {row['platform']!r}"
    if row["unit"] not in UNITS:
        return f"{row['name']}: unknown unit {row['unit']!r}"
    if not is_number(row["value"]):
        return f"{row['name']}: the value is not a number from 0 up"
    if row["sought"] is not None and not is_number(row["sought"]):
        return f"{row['name']}: sought is neither null nor a number from 0 up"
    return None


def checked(rows: object, where: str) -> list[dict]:
    """The rows, sorted; an error if they are not records or two have one name and platform."""
    if not isinstance(rows, list):
        raise RecordError(f"{where}: expected a list of records")
    seen: set[Key] = set()
    for row in rows:
        if wrong := fault(row):
            raise RecordError(f"{where}: {wrong}")
        if key(row) in seen:
            raise RecordError(f"{where}: {row['name']} stands there twice for {row['platform']}")
        seen.add(key(row))
    return sorted(rows, key=key)


def load(path: pathlib.Path) -> list[dict]:
    try:
        return checked(json.loads(path.read_text()), str(path))
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise RecordError(f"{path}: {error}") from None


def save(path: pathlib.Path, rows: list[dict]) -> None:
    """One record a line, so that a change of a figure is a change of one line."""
    lines = ",\n".join(json.dumps(row) for row in checked(rows, str(path)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[\n{lines}\n]\n" if lines else "[]\n")


def mark(row: dict) -> str:
    if row["sought"] is None:
        return "-"
    return "met" if row["value"] <= row["sought"] else "missed"


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def table(rows: list[dict]) -> str:
    cells = [("figure", "platform", "value", "unit", "sought", "")]
    cells += [(row["name"], row["platform"], number(row["value"]), row["unit"],
               number(row["sought"]), mark(row)) for row in rows]
    width = [max(len(line[column]) for line in cells) for column in range(6)]
    return "\n".join(f"{name:<{width[0]}}  {platform:<{width[1]}}  {value:>{width[2]}}  "
                     f"{unit:<{width[3]}}  {sought:>{width[4]}}  {judged}".rstrip()
                     for name, platform, value, unit, sought, judged in cells)


class Difference(NamedTuple):
    """A row that is not as in the baseline. bad: it fails the comparison."""

    key: Key
    bad: bool
    text: str


def difference(old: dict, new: dict) -> Difference | None:
    if old["unit"] != new["unit"]:
        return Difference(key(new), True, f"unit {new['unit']}, was {old['unit']}")
    if old["value"] == new["value"]:
        return None
    change = f"{number(new['value'])} {new['unit']}, was {number(old['value'])}"
    if old["value"]:
        change += f" ({(new['value'] / old['value'] - 1) * 100:+.2f} %)"
    return Difference(key(new), new["value"] > old["value"] * (1 + TOLERANCE), change)


def compare(baseline: list[dict], figures: list[dict],
            platforms: tuple[str, ...] = PLATFORMS) -> list[Difference]:
    """Differences on these platforms, sorted. A row that only one side has fails too: otherwise a
    figure could vanish, or join without ever being watched."""
    old = {key(row): row for row in baseline if row["platform"] in platforms}
    new = {key(row): row for row in figures if row["platform"] in platforms}
    found = []
    for where in sorted(old.keys() | new.keys()):
        if where not in new:
            found.append(Difference(where, True, "was not measured"))
        elif where not in old:
            found.append(Difference(where, True, "is not in the baseline"))
        elif changed := difference(old[where], new[where]):
            found.append(changed)
    return found


def updated(baseline: list[dict], figures: list[dict],
            platforms: tuple[str, ...] = PLATFORMS) -> list[dict]:
    """The new baseline: the figures of these platforms, the old rows of the others."""
    rows = [row for row in baseline if row["platform"] not in platforms]
    rows += [row for row in figures if row["platform"] in platforms]
    return sorted(rows, key=key)
