#!/usr/bin/env python3
"""The comparison with the baseline: what fails, what passes, what is named, what is written."""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import records  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

BOCHS = "bochs-vmx"
tap = Tap()


def row(name: str = "a.b", value: float = 1000, unit: str = "instructions",
        sought: float | None = None, platform: str = "qemu-svm") -> dict:
    return records.record(name, value, unit, sought, platform)


def verdicts(old: list[dict], new: list[dict],
             platforms: tuple[str, ...] = records.PLATFORMS) -> list[tuple[str, bool]]:
    return [(found.key[0], found.bad) for found in records.compare(old, new, platforms)]


def check_comparison() -> None:
    tap.equal(verdicts([row()], [row()]), [], "an equal row is no difference")
    tap.equal(verdicts([row()], [row(value=1020)]), [("a.b", False)], "2 % worse passes")
    tap.equal(verdicts([row()], [row(value=1021)]), [("a.b", True)], "more than 2 % worse fails")
    tap.equal(verdicts([row()], [row(value=1)]), [("a.b", False)], "better passes")
    tap.equal(verdicts([row(value=0)], [row(value=1)]), [("a.b", True)], "more than nothing fails")
    tap.equal(verdicts([row(value=10, unit="count")], [row(value=11, unit="count")]),
              [("a.b", True)], "a small count may not grow by one")
    tap.equal(verdicts([row(unit="bytes")], [row()]), [("a.b", True)], "another unit fails")
    tap.equal(verdicts([row(sought=1)], [row(sought=2)]), [], "sought is not compared")
    tap.equal(verdicts([row("z"), row()], [row()]), [("z", True)], "a row not measured is named")
    tap.equal(verdicts([row()], [row("c"), row()]), [("c", True)], "a row without baseline")
    tap.equal(verdicts([row(), row(platform=BOCHS)], [row(), row(value=2000, platform=BOCHS)]),
              [("a.b", True)], "platforms are rows of their own")
    tap.equal(verdicts([row(), row(platform=BOCHS)], [row()], ("qemu-svm",)), [],
              "a short comparison does not miss Bochs' rows")
    text = records.compare([row()], [row(value=1021)])[0].text
    tap.equal(text, "1,021 instructions, was 1,000 (+2.10 %)", "the words say both values")


def check_update() -> None:
    old = [row("gone"), row("kept", platform=BOCHS)]
    new = [row("new"), row("other", platform=BOCHS)]
    names = [found["name"] for found in records.updated(old, new)]
    tap.equal(names, ["new", "other"], "an update takes the figures")
    names = [found["name"] for found in records.updated(old, new, ("qemu-svm",))]
    tap.equal(names, ["kept", "new"], "a short update leaves Bochs' rows")


def check_records() -> None:
    bad = [
        ({}, "not a list"), ([1], "not a record"), ([{"name": "a"}], "fields missing"),
        ([row() | {"note": ""}], "a field too many"), ([row("")], "no name"),
        ([row(platform="qemu")], "unknown platform"), ([row(unit="seconds")], "unknown unit"),
        ([row(value="1")], "text as value"), ([row(value=-1)], "a negative value"),
        ([row(value=True)], "truth as value"), ([row(sought="1")], "text as sought"),
        ([row(), row()], "the same row twice"),
    ]
    for rows, why in bad:
        try:
            records.checked(rows, "here")
            tap.ok(False, f"refused: {why}")
        except records.RecordError as error:
            tap.ok(str(error).startswith("here: "), f"refused: {why}")
    tap.equal([found["name"] for found in records.checked([row("b"), row("a")], "here")],
              ["a", "b"], "rows are sorted")


def check_marks() -> None:
    tap.equal([records.mark(row(sought=sought)) for sought in (None, 999, 1000)],
              ["-", "missed", "met"], "met, missed, and not sought")
    lines = records.table([row(sought=999), row("long.name", 5, "count")]).splitlines()
    tap.ok(lines[1].endswith("999  missed") and lines[2].endswith("-  -"), "the table marks rows")
    tap.equal(len({line.index("qemu-svm") for line in lines[1:]}), 1, "the table is aligned")


def check_command() -> None:
    """The program itself, on files of its own."""
    with tempfile.TemporaryDirectory() as folder:
        figures, baseline = pathlib.Path(folder, "figures"), pathlib.Path(folder, "baseline")

        def command(*options: str) -> tuple[int, str]:
            done = subprocess.run(
                [ROOT / "tests/bench/compare", "--figures", figures, "--baseline", baseline,
                 *options], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

        tap.equal(command()[0], 2, "no figures: status 2")
        records.save(figures, [row(), row("b", platform=BOCHS)])
        tap.equal(command()[0], 2, "no baseline: status 2")
        tap.equal(command("--update")[0], 0, "an update makes the baseline")
        tap.equal(baseline.read_text(), figures.read_text(), "it has the figures")
        tap.equal(command()[0], 0, "then nothing differs: status 0")
        records.save(figures, [row(value=2000)])
        status, text = command("--short")
        tap.equal(status, 1, "a worse row: status 1")
        tap.ok("WORSE    a.b (qemu-svm): 2,000" in text, "it is named", text)
        tap.equal(command("--short", "--update")[0], 0, "a short update")
        tap.equal([found["value"] for found in json.loads(baseline.read_text())], [2000, 1000],
                  "it changes QEMU's row only")
        figures.write_text("[")
        tap.equal(command()[0], 2, "a broken file: status 2")


check_comparison()
check_update()
check_records()
check_marks()
check_command()
sys.exit(tap.done())
