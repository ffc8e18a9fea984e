#!/usr/bin/env python3
"""The control registers of every CPU while the first program runs: protections are on, what is not
used is off, and nothing of the kernel lies in a register that a program could use."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)
from tests.observe import look  # noqa: E402
from tests.observe.look import System, register  # noqa: E402

# Bits that must be set and bits that must be clear (Intel SDM 3A, 2.5; AMD APM 2, 3.1.7).
SET = {
    "CR0": {"PE": 0, "NE": 5, "WP": 16, "AM": 18, "PG": 31},
    "CR4": {"PAE": 5, "PGE": 7, "OSFXSR": 9, "OSXMMEXCPT": 10, "UMIP": 11, "SMEP": 20, "SMAP": 21},
    "EFER": {"SCE": 0, "LME": 8, "LMA": 10, "NXE": 11},
}
CLEAR = {
    "CR0": {"EM": 2, "NW": 29, "CD": 30},
    "CR4": {"VME": 0, "PVI": 1, "TSD": 2, "PCE": 8, "PKE": 22},
    "EFER": {"FFXSR": 14},
}
DR7_OFF = 0x400
FLAGS_IOPL = 0x3000


def check_bits(out: Tap, name: str, dump: str) -> None:
    for wanted, table in ((1, SET), (0, CLEAR)):
        for control, bits in table.items():
            value = register(dump, control)
            wrong = [bit for bit, place in bits.items() if value >> place & 1 != wanted]
            state = "set" if wanted else "clear"
            out.ok(not wrong, f"{name}: {control} has {', '.join(bits)} {state}",
                   f"{control} = {value:#x}", f"wrong: {', '.join(wrong)}")


def segment(dump: str, name: str) -> tuple[int, int]:
    """Selector and base."""
    match = re.search(rf"\b{name}\s*=([0-9a-f]{{4}}) ([0-9a-f]{{16}})", dump)
    assert match
    return int(match[1], 16), int(match[2], 16)


def check_state(out: Tap, name: str, dump: str, program: bool) -> None:
    """program: this CPU runs the first program; the others wait in the kernel."""
    out.equal(re.search(r"CPL=(\d)", dump)[1], "3" if program else "0", f"{name}: privilege")
    out.equal(re.search(r"HLT=(\d)", dump)[1], "0" if program else "1", f"{name}: halted")
    out.ok(register(dump, "RFL") & FLAGS_IOPL == 0, f"{name}: IOPL is 0")
    out.equal(register(dump, "DR7"), DR7_OFF, f"{name}: no breakpoint is set")
    out.equal([segment(dump, each)[1] for each in ("DS", "ES", "FS", "GS")], [0, 0, 0, 0],
              f"{name}: DS, ES, FS, GS have base 0")
    out.equal(segment(dump, "LDT")[0], 0, f"{name}: there is no LDT")
    out.ok(segment(dump, "TR")[0] != 0, f"{name}: there is a TSS")


def check(out: Tap, system: System) -> None:
    dumps = system.registers()
    out.equal(len(dumps), system.cpus, f"{system.cpus} CPUs: all are there")
    for cpu, dump in enumerate(dumps):
        name = f"{system.cpus} CPUs, CPU {cpu}"
        check_bits(out, name, dump)
        check_state(out, name, dump, program=cpu == 0)
    tables = {re.search(r"GDT=\s+(\w+)", dump)[1] for dump in dumps}
    out.equal(len(tables), system.cpus, f"{system.cpus} CPUs: a GDT each")
    out.equal(len({segment(dump, "TR")[1] for dump in dumps}), system.cpus,
              f"{system.cpus} CPUs: a TSS each")


def main() -> int:
    out = Tap()
    for cpus in (1, 2):
        with look.system(cpus) as system:
            check(out, system)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
