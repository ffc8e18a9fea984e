"""The longest stretch with interrupts off (plugin/counter.c says what one is)."""

from collections.abc import Callable

from tests.bench import boot, machine, paths
from tests.bench.machine import BenchError
from tests.bench.records import record

MAPPINGS = (10, 1_000, 100_000)  # of one page, which are revoked
SLOTS = (1, 500)  # frames of them, all empty again, in a domain that is destroyed

SUITES = "tests={} expect.cpus=1 exact replies=2000"
SUITES_SECONDS = 300


def many(what: str, count: int,
         run: Callable[..., machine.Run] = machine.run_twice) -> tuple[int, int]:
    """The longest stretch while so many mappings are revoked, or a domain with so many frames of
    slots is destroyed; and in the run that makes them, does other things and takes them away."""
    done = run(paths.boot_options(f"{what}={count}", paths.PLAIN), paths.started(), paths.STARTED)
    if paths.parsed(done.console)[-1][:2] != (what, count):
        raise BenchError(f"{what}={count} was not done; last lines:\n"
                         + boot.last_lines(done.console))
    points = [line["point"] for line in done.lines]
    begin = len(points) - points[::-1].index(paths.BEGIN)
    end = points.index(paths.END, begin)
    return (paths.longest(done.lines[begin:end + 1])["instructions"],
            paths.longest(done.lines)["instructions"])


def suites() -> int:
    """While all test suites run."""
    options = boot.options(cmdline=SUITES.format("*"))
    done = machine.run_twice(options, paths.started(), paths.STARTED, SUITES_SECONDS)
    if boot.exit_status(done.console):
        raise BenchError("a test suite failed; last lines:\n" + boot.last_lines(done.console))
    return paths.longest(done.lines)["instructions"]


def qemu_rows() -> list[dict]:
    rows = []
    for count in MAPPINGS:
        alone, whole = many("mappings", count)
        rows += [record(f"interrupts-off.revoke.{count}", alone, "instructions"),
                 record(f"interrupts-off.run.{count}", whole, "instructions")]
    for count in SLOTS:
        alone, _ = many("slots", count)
        rows.append(record(f"interrupts-off.destroy-pd.{count}", alone, "instructions"))
    return [*rows, record("interrupts-off.suites", suites(), "instructions")]
