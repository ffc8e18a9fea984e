"""TAP: a reader that judges a stream, and a writer for tests in Python.

The reader is strict. A stream passes only if it has exactly one plan, as many results as planned,
numbered in order, none failed, no bail-out, and at least one result. Lines that begin with white
space belong to subtests: their results are not counted, but their skips are.
"""

import re
import sys

RESULT = re.compile(r"(not )?ok (\d+)(?: -)?(?: (.*?))?(?:\s+# (skip|todo)\b:?\s*(.*))?$", re.I)
PLAN = re.compile(r"1\.\.(\d+)(?:\s+# skip\b:?\s*(.*))?$", re.I)
INDENTED_SKIP = re.compile(r"\s+ok \d+(?: -)?(?: (.*?))?\s+# skip\b:?\s*(.*)$", re.I)


class Stream:
    """Judges the lines given to feed(); verdict() lists what is wrong, empty if nothing is."""

    def __init__(self) -> None:
        self.count = 0
        self.plan: int | None = None
        self.skips: list[tuple[str, str]] = []  # (description, reason)
        self.faults: list[str] = []
        self.failed_subtests: list[str] = []  # named in the verdict, if anything failed

    def feed(self, line: str) -> bool:
        """Take one line without its newline. Returns whether it is TAP (comments are not)."""
        if line[:1].isspace():
            if match := INDENTED_SKIP.match(line):
                self.skips.append((match[1] or "", match[2]))
            if line.lstrip().startswith("not ok"):
                self.failed_subtests.append(line.strip())
            return bool(re.match(r"\s+((not )?ok \d|1\.\.\d|# )", line))
        if match := PLAN.match(line):
            self._take_plan(int(match[1]), match[2])
            return True
        if match := RESULT.match(line):
            self._take_result(match)
            return True
        if line.startswith("Bail out!"):
            self.faults.append(line)
            return True
        return False

    def _take_plan(self, plan: int, reason: str | None) -> None:
        if self.plan is not None:
            self.faults.append("more than one plan")
        self.plan = plan
        if plan == 0 and reason:
            self.skips.append(("the whole program", reason))

    def _take_result(self, match: re.Match) -> None:
        failed, number, description, directive, reason = match.groups()
        self.count += 1
        if int(number) != self.count:
            self.faults.append(f"result {number} where {self.count} was expected")
        if directive and directive.lower() == "skip":
            self.skips.append((description or "", reason))
        elif failed or directive:
            self.faults.append(match[0])

    def verdict(self) -> list[str]:
        faults = list(self.faults)
        if self.plan is None:
            faults.append("no plan")
        elif self.plan != self.count:
            faults.append(f"{self.plan} tests planned, {self.count} run")
        if self.count == 0 and not self.skips:
            faults.append("no test was run")
        return faults + (self.failed_subtests if faults else [])


class Tap:
    """Prints results; done() prints the plan and gives the exit status."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def ok(self, passed: object, description: str, *details: str) -> bool:
        """One result. The details are shown, on the screen too, only if it failed."""
        self.count += 1
        print(f"{'ok' if passed else 'not ok'} {self.count} - {clean(description)}", flush=True)
        if not passed:
            self.failed += 1
            self.note(f"failed: {description}", *details)
        return bool(passed)

    def equal(self, got: object, want: object, description: str, *details: str) -> bool:
        return self.ok(got == want, description, f" got {got!r}", f"want {want!r}", *details)

    def skip(self, description: str, reason: str) -> None:
        self.count += 1
        print(f"ok {self.count} - {clean(description)} # SKIP {reason}", flush=True)

    @staticmethod
    def note(*lines: str) -> None:
        """Diagnostics, on standard error so that prove shows them."""
        for line in "\n".join(lines).splitlines():
            print(f"# {line}", file=sys.stderr, flush=True)

    def done(self) -> int:
        print(f"1..{self.count}", flush=True)
        return 0 if self.count and not self.failed else 1


def clean(description: str) -> str:
    """A description must not look like a directive or break its line."""
    return description.replace("#", "\\#").replace("\n", " ")
