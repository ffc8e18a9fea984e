#!/usr/bin/env python3
"""What lies in memory for each boot module is the file's content, unpacked, and zeroes up to the
end of its last page."""

import pathlib
import random
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import lz4frame  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402
from tests.observe import look  # noqa: E402
from tests.observe.look import System  # noqa: E402

PLACE = re.compile(r"    # (\S+): (\d+) bytes at (0x[0-9a-f]+)$")
PAGE = 4096
SEED = 2


def contents() -> dict[str, bytes]:
    """Module contents by name: compressible and not, empty last pages and full ones."""
    noise = random.Random(SEED)
    return {
        "test.text": b"All work and no play makes a dull test.\n" * 5000,
        "test.noise": noise.randbytes(100001),
        "test.pages": noise.randbytes(8 * PAGE),
        "test.one": b"\xa5",
    }


def write_files(folder: pathlib.Path) -> list[tuple[str, str]]:
    """(path, arguments) of the modules; all are lz4 frames but test.pages."""
    modules = []
    for name, content in contents().items():
        packed = content
        if name != "test.pages":
            packed = lz4frame.command_output(content, "--content-size")
        path = folder / name
        path.write_bytes(packed)
        modules.append((str(path), f"name={name} size={len(content)}"))
    return modules


def saved(system: System, folder: pathlib.Path, base: int, size: int) -> bytes:
    """Bytes of physical memory."""
    path = folder / "saved"
    system.monitor.ask(f'pmemsave {base:#x} {size} "{path}"')
    return path.read_bytes()


def check(out: Tap, system: System, folder: pathlib.Path) -> None:
    places = {match[1]: (int(match[2]), int(match[3], 16))
              for line in system.lines if (match := PLACE.match(line))}
    for name, content in contents().items():
        if not out.ok(name in places, f"{name}: the first program has it", *system.lines):
            continue
        size, base = places[name]
        out.equal(size, len(content), f"{name}: its size")
        padded = content + bytes(-len(content) % PAGE)
        out.ok(saved(system, folder, base, len(padded)) == padded, f"{name}: its content")


def main() -> int:
    out = Tap()
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as name:
        folder = pathlib.Path(name)
        with look.system(command_line="tests=modules hold", more=tuple(write_files(folder))) as s:
            check(out, s, folder)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
