#!/usr/bin/env python3
"""Runs one cell of the plan as one TAP program: cell.py NAME.

The output of what the cell runs is passed through as subtests. Then come the cell's own checks:
that its streams passed, that a machine ended as it should, that each skip is an expected one, and
that it took at most double its figure. What the summary needs is left in out/test/NAME.json.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import console, failures, plan, tap  # noqa: E402  (needs the path above)

RESULTS = plan.ROOT / "out/test"
LOGS = plan.ROOT / "out/log/test"
LONG = bool(os.environ.get("LONG"))  # full counts, and no figures to keep
LONG_LIMIT = 3600  # seconds for a cell
GRACE = 30  # seconds after double the figure, after which a cell is ended
OWN_LINE = re.compile(r"# \[[a-z0-9.-]+\] ")
LAST_LINE = "CAIRN-EXIT 0"
DATA = "tests/plan"  # any file will do as a module of data; its size is checked


@dataclass
class Run:
    """What one program did."""

    name: str
    lines: list[str] = field(default_factory=list)
    errors: str = ""
    status: int | None = None  # None: it was ended because it took too long
    stream: tap.Stream = field(default_factory=tap.Stream)
    faults: list[str] = field(default_factory=list)  # what is wrong with it as a whole


def run_program(name: str, command: list[str], limit: float) -> Run:
    """Run a program to its end, passing each line of its output through as a subtest."""
    run = Run(name)
    try:
        process = subprocess.Popen(command, cwd=plan.ROOT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   errors="replace", start_new_session=True)
    except OSError as error:
        run.errors, run.status = f"{error}\n", 127
        return run
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.extend(process.stderr))
    reader.start()
    expired = threading.Event()

    def end() -> None:
        expired.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(max(limit, 1), end)
    timer.start()
    for line in process.stdout:
        line = line.rstrip("\r\n")
        run.lines.append(line)
        print(f"    {line}", flush=True)
    status = process.wait()
    timer.cancel()
    reader.join()
    run.errors = "".join(errors)
    run.status = None if expired.is_set() else status
    return run


def report(writer: tap.Tap, run: Run, faults: list[str]) -> None:
    """One result for the run; if it failed, with the end of its output."""
    ended = "ended after the time limit" if run.status is None else f"exit status {run.status}"
    if run.status != 0:
        faults = faults + [ended]
    writer.ok(not faults, f"{run.name}: {run.stream.count} checks", *faults,
              *(last_lines(run) if faults else []))
    run.faults = faults


def last_lines(run: Run) -> list[str]:
    return ["the last lines were:"] + [
        f"  {line}" for line in run.lines[-15:] + run.errors.splitlines()[-15:]]


def find_failures(runs: list[Run]) -> list[str]:
    """For the summary: the failed checks of each run; where there are none, how it ended."""
    found: list[str] = []
    for run in runs:
        errors = [line for line in run.errors.splitlines() if line.startswith("# ")]
        checks = failures.find(run.lines) + failures.find(errors)
        others = [fault for fault in run.faults if not failures.FAILED.match(fault)]
        if run.faults:
            found += [f"{run.name}: {', '.join(others)}" if others else run.name]
            found += checks if checks else last_lines(run)
    return found


def host_cell(cell: plan.Cell, writer: tap.Tap, limit: float) -> list[Run]:
    end = time.monotonic() + limit
    runs = []
    files = cell.files()
    if not files:
        writer.ok(False, "there are programs to run", *cell.programs)
    for file in files:
        print(f"    # {file}")
        run = run_program(file, [str(plan.ROOT / file)], end - time.monotonic())
        for line in run.lines:
            run.stream.feed(line)
        report(writer, run, run.stream.verdict())
        runs.append(run)
    return runs


def launch_command(cell: plan.Cell, limit: float) -> list[str]:
    """The build/cairn command that boots a machine cell."""
    machine = cell.machine
    assert machine
    words = [f"tests={machine['suites']}", f"expect.cpus={machine['cpus']}",
             f"expect.memory={cell.memory}"]
    if machine["firmware"] == "uefi":
        words.append("expect.framebuffer")  # of QEMU's screen
    if machine["icount"] == "yes" or machine["platform"] == "bochs":
        words.append("exact")  # time counts executed instructions there
    words.append("long" if LONG else machine["words"])
    command = [str(plan.ROOT / "build/cairn"), "run", "--headless",
               "--platform", machine["platform"], "--build", machine["build"],
               "--boot", machine["boot"], "--cpus", machine["cpus"],
               "--memory", machine["memory"], "--timeout", f"{limit:.0f}",
               "--cmdline", " ".join(words),
               "--module", f"{DATA},name=test.data size={(plan.ROOT / DATA).stat().st_size}"]
    if machine["firmware"] != "-":
        command += ["--firmware", machine["firmware"]]
    if machine["iommu"] == "yes":
        command += ["--iommu"]
    if machine["icount"] == "yes":
        command += ["--icount"]
    return command


def judge_console(run: Run) -> list[str]:
    """Feed the TAP to the run's stream; returns what is wrong with the console's output."""
    lines = console.own_lines(run.lines)
    faults = []
    if lines and lines[-1] == LAST_LINE:
        lines = lines[:-1]
    else:
        faults.append(f"the last line is not {LAST_LINE}")
    for line in lines:
        if not run.stream.feed(line) and not OWN_LINE.match(line):
            faults.append(f"neither TAP nor a line of a program: {line!r}")
    return faults + run.stream.verdict()


def machine_cell(cell: plan.Cell, writer: tap.Tap, limit: float) -> list[Run]:
    run = run_program("console", launch_command(cell, limit - GRACE / 2), limit)
    report(writer, run, judge_console(run))
    return [run]


def check_skips(cell: plan.Cell, writer: tap.Tap,
                runs: list[Run]) -> tuple[list[dict[str, str]], list[str]]:
    """All skips, and those that nobody expects."""
    rows = plan.read_skips()
    skips = []
    unexpected = []
    for run in runs:
        for test, reason in run.stream.skips:
            skips.append({"cell": cell.name, "test": test, "reason": reason})
            if not plan.expected_skip(rows, cell.name, test):
                unexpected.append(f"{test}: {reason}")
    writer.ok(not unexpected, "every skip is in tests/skips", *unexpected)
    return skips, [f"an unexpected skip: {skip}" for skip in unexpected]


def write_log(cell: plan.Cell, runs: list[Run]) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f"{cell.name}.log", "w", encoding="utf-8") as log:
        for run in runs:
            log.write("\n".join([f"## {run.name}: status {run.status}"] + run.lines) + "\n")
            log.write(run.errors)


def run_cell(cell: plan.Cell) -> int:
    """Runs it, prints its results and leaves them for the summary. Returns the exit status."""
    writer = tap.Tap()
    limit = LONG_LIMIT if LONG else 2 * cell.seconds + GRACE
    start = time.monotonic()
    runs = (machine_cell if cell.machine else host_cell)(cell, writer, limit)
    seconds = time.monotonic() - start
    skips, faults = check_skips(cell, writer, runs)
    time_taken = f"{seconds:.1f} s, the plan says {cell.seconds:g} s"
    if not writer.ok(LONG or seconds <= 2 * cell.seconds, "takes at most double its figure",
                     time_taken):
        faults.append(time_taken)
    write_log(cell, runs)
    failed = find_failures(runs) + faults or ["there are no programs to run"]
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"name": cell.name, "group": cell.group, "seconds": round(seconds, 2), "skips": skips,
              "figure": cell.seconds, "checks": sum(run.stream.count for run in runs),
              "failures": failed if writer.failed else []}
    (RESULTS / f"{cell.name}.json").write_text(json.dumps(result))
    return writer.done()


def main(name: str) -> int:
    cells, _ = plan.read_plan()
    return run_cell(next(cell for cell in cells if cell.name == name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
