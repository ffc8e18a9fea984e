#!/usr/bin/env python3
"""Modules that are missing, badly named or too large for the machine."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import loader, lz4frame  # noqa: E402  (needs the path above)
from tests.lib.loader import Case  # noqa: E402

BAD_NAME = "has a name that is empty, too long or of other characters than A-Z a-z 0-9 . _ -"
TOO_LITTLE = "too little memory: <n> bytes needed in one piece, <n> bytes free below 4 GiB"
# A frame that announces 1 GiB; the loader must not begin to unpack it.
HUGE = lz4frame.frame(b"x", claimed_size=1 << 30)


def named(about: str, arguments: str, error: str) -> Case:
    return Case(about, error, more=[(arguments, b"content")])


CASES = [
    Case("no module at all", "no module named kernel", kernel=None, first=None),
    Case("no kernel", "no module named kernel", kernel=None),
    Case("no first program", "no module named first", first=None),
    named("a second kernel", "name=kernel", "module 'kernel': given twice"),
    Case("two modules of one name", "module 'data': given twice",
         more=[("name=data", b"1"), ("name=data", b"2")]),
    named("no name", "readonly", "module 3 has no name=NAME in its arguments"),
    named("no arguments", "", "module 3 has no name=NAME in its arguments"),
    named("name inside a word", "rename=data", "module 3 has no name=NAME in its arguments"),
    named("two names", "name=a name=b", "module 3 has more than one name= in its arguments"),
    named("an empty name", "name=", f"module 3 {BAD_NAME}"),
    named("a name with a slash", "name=a/b", f"module 3 {BAD_NAME}"),
    named("a long name", f"name={'a' * 300}", f"module 3 {BAD_NAME}"),
    Case("content that does not fit", f"module 'data': {TOO_LITTLE}", more=[("name=data", HUGE)]),
    Case("a packed kernel that does not fit", f"module 'kernel': {TOO_LITTLE}", kernel=HUGE),
    Case("a first program whose zeroes do not fit", f"module 'first': {TOO_LITTLE}",
         first=loader.large_elf(1 << 30)),
]

if __name__ == "__main__":
    sys.exit(loader.run(CASES))
