#!/usr/bin/env python3
"""The harness sees what is wrong: a stream, a console, a plan, a skip or a mutation that is not
as it should be never passes."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import cell, failures, lz4frame, plan  # noqa: E402  (needs the path above)
from tests.lib.tap import Stream, Tap  # noqa: E402

tap = Tap()


def verdict(*lines: str) -> list[str]:
    stream = Stream()
    for line in lines:
        stream.feed(line)
    return stream.verdict()


def check_streams() -> None:
    tap.equal(verdict("ok 1 - a", "ok 2", "1..2"), [], "a complete stream passes")
    tap.equal(verdict("1..1", "ok 1 - a"), [], "the plan may come first")
    tap.equal(verdict("ok 1 - a # SKIP why", "1..1"), [], "a skip passes")
    tap.equal(verdict("1..0 # SKIP why"), [], "a program that skips all passes")
    for about, lines in {
        "nothing": (),
        "no plan": ("ok 1",),
        "an empty plan": ("1..0",),
        "fewer than planned": ("1..2", "ok 1"),
        "more than planned": ("1..1", "ok 1", "ok 2"),
        "two plans": ("1..1", "ok 1", "1..1"),
        "a failure": ("not ok 1 - a", "1..1"),
        "a failure marked as to be done": ("not ok 1 - a # TODO later", "1..1"),
        "a number missing": ("ok 1", "ok 3", "1..2"),
        "a bail-out": ("ok 1", "1..1", "Bail out! broken"),
        "only subtests": ("    ok 1 - a", "    1..1"),
    }.items():
        tap.ok(verdict(*lines), f"refused: {about}")
    stream = Stream()
    for line in ("    ok 1 - inner # SKIP no disk", "ok 1 - outer # skip no net", "1..1"):
        stream.feed(line)
    tap.equal(stream.skips, [("inner", "no disk"), ("outer", "no net")], "skips are collected")


def console(*lines: str) -> list[str]:
    run = cell.Run("console", lines=list(lines), status=0)
    return cell.judge_console(run)


def check_consoles() -> None:
    good = ("# [loader] starts", "ok 1 - a", "    ok 1 - sub", "# note", "1..1", "CAIRN-EXIT 0")
    tap.equal(console(*[line for line in good if line != "# note"]), [], "a good console passes")
    tap.equal(console("\x1b[2JBdsDxe: loading", "\x1b[0m# [loader] starts", *good[1:3], *good[4:]),
              [], "the firmware's lines are not judged")
    tap.ok(console(*good), "refused: a comment without a program's name")
    tap.ok(console(*good[:3], "stray", *good[4:]), "refused: a line that is neither")
    tap.ok(console(*good[:3], "1..1"), "refused: no exit line")
    tap.ok(console(*good[:3], "1..1", "CAIRN-EXIT 8"), "refused: another status")
    tap.ok(console(*good[:3], *good[4:], "# [kernel] more"), "refused: a line after the last one")
    tap.ok(console("# [loader] starts", "CAIRN-EXIT 0"), "refused: no test was run")
    tap.ok(console("# [loader] starts", "ok 1", "CAIRN-EXIT 0", "1..1", "CAIRN-EXIT 0"),
           "refused: two exit lines")


def read(rows: str) -> tuple[list[plan.Cell], dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "plan"
        path.write_text(rows)
        return plan.read_plan(path)


def check_plans() -> None:
    machine = "machine m-1 a 4 qemu debug kernel - 1 64M no no *\n"
    cells, budgets = read("# comment\nbudget a 10\n" + machine + "host h a 16 tests/*.t\n")
    tap.equal([found.name for found in cells], ["m-1", "h"], "cells are read")
    tap.equal(budgets, {"a": 10.0}, "budgets are read")
    tap.equal(cells[0].memory, 64 << 20, "memory sizes are read")
    words, _ = read("budget a 10\n" + machine.replace("*", "* replies=5 seed=2"))
    command = [cell.launch_command(found, 9) for found in (cells[0], words[0])]
    tap.ok(["replies=5 seed=2" in " ".join(one) for one in command] == [False, True],
           "further words go to the command line")
    tap.equal([found.name for found in plan.select(cells, ["m"])], ["m-1"], "a prefix selects")
    for about, rows in {
        "cells beyond the budget": "budget a 10\n" + machine + "host h a 17 x\n",
        "budgets beyond the project's": "budget a 1000\nbudget b 201\n",
        "two cells of one name": "budget a 10\n" + machine + machine,
        "an unknown budget": machine,
        "an unknown platform": "budget a 10\n" + machine.replace("qemu", "quemu"),
        "a column missing": "budget a 10\n" + machine.replace(" no no", " no"),
        "seconds that are no number": "budget a 10\n" + machine.replace(" 4 ", " four "),
        "an unknown kind": "budget a 10\n" + machine.replace("machine", "machines"),
    }.items():
        try:
            read(rows)
            tap.ok(False, f"refused: {about}")
        except plan.PlanError:
            tap.ok(True, f"refused: {about}")


def check_skips() -> None:
    rows = [plan.Skip("bochs-*", "iommu *", "no IOMMU there")]
    tap.ok(plan.expected_skip(rows, "bochs-1", "iommu off"), "an expected skip is found")
    tap.ok(not plan.expected_skip(rows, "qemu-1", "iommu off"), "another cell's is not")
    tap.ok(not plan.expected_skip(rows, "bochs-1", "memory"), "another test's is not")


def run_cell(program: str, seconds: float) -> tuple[int, str, list[str]]:
    """Exit status, output and the summary's lines of a host cell of one shell program."""
    output = io.StringIO()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        (folder / "program").write_text(f"#!/bin/sh\n{program}\n")
        (folder / "program").chmod(0o755)
        stack.enter_context(mock.patch.object(plan, "ROOT", folder))
        for place in ("RESULTS", "LOGS"):
            stack.enter_context(mock.patch.object(cell, place, folder))
        stack.enter_context(mock.patch.object(cell, "GRACE", 0.2))
        stack.enter_context(mock.patch.object(cell, "LONG", False))
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(output))
        status = cell.run_cell(plan.Cell("c", "a", seconds, programs=("program",)))
        result = json.loads((folder / "c.json").read_text())
    return status, output.getvalue(), result["failures"]


def check_cells() -> None:
    good = "echo ok 1; echo 1..1"
    status, output, failed = run_cell(good, 5)
    tap.equal((status, failed), (0, []), "a cell whose program passes", output)
    for about, program, seconds, words in (
        ("one that takes more than double its figure", f"{good}; sleep 0.3", 0.1,
         "not ok 3 - takes at most double its figure"),
        ("one that hangs, with its last lines", f"echo alive; sleep 60; {good}", 0.1,
         "#   alive"),
        ("a failed program", "echo not ok 1; echo 1..1", 5, "not ok 1 - program"),
        ("a program that ends early", "echo ok 1", 5, "no plan"),
        ("a program's exit status", f"{good}; exit 3", 5, "exit status 3"),
        ("a skip that nobody expects", "echo 'ok 1 - net # SKIP no net'; echo 1..1", 5,
         "not ok 2 - every skip is in tests/skips"),
    ):
        status, output, failed = run_cell(program, seconds)
        tap.ok(status == 1 and words in output, f"a cell fails: {about}", output)
        tap.ok(failed, "and the summary says of what")


def check_summaries() -> None:
    """What failed is in the summary: with what belongs to it, and within bounds."""
    lines = ["    # Subtest: a", "    ok 1 - fine", "    # why", "    not ok 2 - shares",
             "    # it had 7 ticks", "    ok 3", "    # a remark", "    ok 4", "    1..4",
             "not ok 1 - a", "# [kernel] more", "1..1"]
    tap.equal(failures.find(lines), [lines[i] for i in (2, 3, 4, 9, 10)],
              "failed checks are found, with the comments around them and no others")
    for about, program, seconds, want in (
        ("a check", "echo ok 1; echo not ok 2 - b; echo '# why'; echo 1..2", 5,
         ["program", "not ok 2 - b", "# why"]),
        ("a check whose reason goes to standard error",
         "echo not ok 1 - b; echo '# failed: b' >&2; echo '# why' >&2; echo 1..1", 5,
         ["program", "not ok 1 - b", "# failed: b", "# why"]),
        ("how a program ended", "echo ok 1; echo 1..1; echo sorry >&2; exit 3", 5,
         ["program: exit status 3", "the last lines were:", "  ok 1", "  1..1", "  sorry"]),
        ("a skip", "echo 'ok 1 - net # SKIP off'; echo 1..1", 5,
         ["an unexpected skip: net: off"]),
    ):
        tap.equal(run_cell(program, seconds)[2], want, f"the summary names {about}")
    _, _, slow = run_cell("echo ok 1; echo 1..1; sleep 0.3", 0.1)
    tap.ok(len(slow) == 1 and slow[0].endswith("the plan says 0.1 s"), "and too long a time", *slow)
    many = {name: [str(number) for number in range(100)] for name in ("a", "b")}
    shown = failures.show(many)
    tap.equal(len(shown), failures.LINES + 4, "the lines of all cells are bounded")
    tap.equal(shown[:2] + shown[-1:], ["failed: a, more in out/log/test/a.log", "  0",
                                       "  (80 lines left out)"], "by what is left out")
    tap.equal(failures.show({}), [], "nothing is said where nothing failed")


def check_frames() -> None:
    """xxHash's own test vectors: the empty string, and one longer than a stripe."""
    tap.equal(lz4frame.xxh32(b""), 0x02CC5D05, "xxh32 of nothing")
    tap.equal(lz4frame.xxh32(b"Nobody inspects the spammish repetition"), 0xE2293B2F,
              "xxh32 of a text")


if __name__ == "__main__":
    check_streams()
    check_consoles()
    check_plans()
    check_skips()
    check_cells()
    check_summaries()
    check_frames()
    sys.exit(tap.done())
