"""Finds what failed in a cell, for the summary: each failed check with its diagnostics.

The summary comes last on the screen, and often its end is all that somebody sees of a run. So what
failed stands there again, in few lines, and the rest is in the cell's log.
"""

import re

FAILED = re.compile(r"\s*(not ok\b|Bail out!|# failed: )")
DIAGNOSTIC = re.compile(r"\s*#(?! Subtest\b)")
LINES = 40  # for all cells together, so that they are among the last lines of a run
LEAST = 8  # for a cell, however many failed


BEFORE = 3  # comments before a failed check that are shown


def find(lines: list[str]) -> list[str]:
    """The failed checks among lines of TAP, subtests' too, each with the comments around it."""
    found: list[str] = []
    before: list[str] = []
    inside = False
    for line in lines:
        failed, comment = bool(FAILED.match(line)), bool(DIAGNOSTIC.match(line))
        if failed and not inside:
            found += before[-BEFORE:]
        inside = failed or (inside and comment)
        if inside:
            found.append(line)
        before = [*before, line] if comment and not inside else []
    return found


def show(cells: dict[str, list[str]]) -> list[str]:
    """The lines of the summary for the failed cells: name and what was found in each."""
    shown: list[str] = []
    limit = max(LEAST, LINES // max(len(cells), 1))
    for name, lines in cells.items():
        shown.append(f"failed: {name}, more in out/log/test/{name}.log")
        shown += [f"  {line}" for line in lines[:limit]]
        if len(lines) > limit:
            shown.append(f"  ({len(lines) - limit} lines left out)")
    return shown
