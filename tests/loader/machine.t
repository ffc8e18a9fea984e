#!/usr/bin/env python3
"""Machines on which Cairn cannot run: the loader says why, and stops."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import loader  # noqa: E402  (needs the path above)
from tests.lib.loader import Case  # noqa: E402

CASES = [
    Case("no long mode", "this CPU has no long mode (64-bit)", cpu="pentium3"),
    Case("no CPUID leaf for long mode", "this CPU has no long mode (64-bit)", cpu="486"),
    Case("no virtualization", "this CPU has no virtualization (neither VMX nor SVM)",
         cpu="max,-svm"),
    Case("no no-execute pages", "this CPU has no no-execute pages (NX)", cpu="max,-nx"),
    Case("no SYSCALL", "this CPU has no SYSCALL instruction", cpu="max,-syscall"),
    Case("no XSAVE", "this CPU has no XSAVE", cpu="max,-xsave"),
    Case("no FSGSBASE", "this CPU has no instructions for segment bases (FSGSBASE)",
         cpu="max,-fsgsbase"),
    Case("no PAT", "this CPU has no page attribute table (PAT)", cpu="max,-pat"),
    Case("no local APIC", "this CPU has no local APIC", cpu="max,-apic"),
    Case("too little memory for the kernel's memory",
         "the kernel's memory: too little memory: <n> bytes needed in one piece, "
         "<n> bytes free below 4 GiB", memory="3M"),
]

if __name__ == "__main__":
    sys.exit(loader.run(CASES))
