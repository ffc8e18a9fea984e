#!/usr/bin/env python3
"""Revoking many mappings keeps interrupts off no longer than revoking some."""

import concurrent.futures
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.bench import machine, stretch  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

TENTH = 1.1


def main() -> int:
    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        values = pool.map(lambda count: stretch.many("mappings", count, machine.run),
                          stretch.MAPPINGS)
        found = dict(zip(stretch.MAPPINGS, values))
    few, some, many = (found[count][0] for count in stretch.MAPPINGS)
    values = ", ".join(f"{count}: {alone} alone, {whole} in the run"
                       for count, (alone, whole) in found.items())
    print(f"# longest stretch with interrupts off, in instructions, by mappings: {values}")
    tap.ok(few > 0, "a revocation takes instructions", values)
    tap.ok(some <= many * TENTH and many <= some * TENTH,
           "1,000 and 100,000 mappings: the same within a tenth", values)
    runs = [whole for _, whole in found.values()]
    tap.ok(max(runs) <= min(runs) * TENTH,
           "the longest of a run: the same within a tenth for 10, 1,000 and 100,000", values)
    one, hundreds = (stretch.many("slots", count, machine.run)[0] for count in stretch.SLOTS)
    tap.ok(hundreds <= 2 * one, "destroying a domain: bounded, however many slots it had",
           f"{stretch.SLOTS[0]} frame of slots: {one}, {stretch.SLOTS[1]}: {hundreds}")
    return tap.done()


sys.exit(main())
