#!/usr/bin/env python3
"""Interrupt controllers while the first program runs: every line is masked, in the 8259s, in the
I/O APICs and in the local vectors; the APICs are on and have nothing pending."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)
from tests.observe import look  # noqa: E402
from tests.observe.look import System  # noqa: E402

IOAPIC_PINS = 24
TIMER = "240"  # VECTOR_TIMER in ipc/abi/kernel_layout.h: a turn may end as the machine is stopped
LOCAL_VECTORS = ("LVT0", "LVTPC", "LVTERR", "LVTTHMR")


def check_controllers(out: Tap, system: System) -> None:
    name = f"{system.cpus} CPUs"
    answer = system.monitor.ask("info pic")
    pins = re.findall(r"pin \d+ .*", answer)
    out.equal(len(pins), IOAPIC_PINS, f"{name}: the I/O APIC's inputs are listed")
    out.ok(all("masked" in pin for pin in pins), f"{name}: the I/O APIC's inputs are masked", *pins)
    out.equal(re.findall(r"imr=(\w\w)", answer), ["ff", "ff"], f"{name}: the 8259s are masked")
    out.equal(re.findall(r"isr=(\w\w)", answer), ["00", "00"],
              f"{name}: no 8259 waits for an end of interrupt")


def check_local(out: Tap, system: System, cpu: int) -> None:
    name = f"{system.cpus} CPUs, CPU {cpu}"
    system.monitor.ask(f"cpu {cpu}")
    answer = system.monitor.ask("info lapic")
    lines = dict(re.findall(r"(?m)^(\w+)\s+(.*)$", answer))
    out.ok("APIC enabled" in lines.get("SPIV", ""), f"{name}: the local APIC is on", answer)
    out.ok(all("masked" in lines.get(vector, "") for vector in LOCAL_VECTORS),
           f"{name}: local vectors but timer and NMI are masked", answer)
    pending = set(lines.get("IRR", "").replace("(none)", "").split())
    out.ok("(none)" in lines.get("ISR", "") and "IRR" in lines and pending <= {TIMER},
           f"{name}: nothing but the timer is pending, nothing in service", answer)
    out.ok("periodic" not in lines.get("LVTT", ""), f"{name}: the timer does not tick by itself",
           answer)


def main() -> int:
    out = Tap()
    for cpus in (1, 2):
        with look.system(cpus) as system:
            check_controllers(out, system)
            for cpu in range(cpus):
                check_local(out, system, cpu)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
