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
    Case("no virtualization", "this CPU has no virtualization (neither VMX nor SVM)",
         cpu="qemu64,-svm"),
]

if __name__ == "__main__":
    sys.exit(loader.run(CASES))
