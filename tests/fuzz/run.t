#!/usr/bin/env python3
"""Runs each fuzz target: 50,000 inputs, or a million with LONG=1, from a seed that it says.
Arguments: names of targets. What broke one is kept in out/log/fuzz."""

import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)

FOLDER = ROOT / "tests/fuzz"
BROKEN = ROOT / "out/log/fuzz"
RUNS = 1_000_000 if os.environ.get("LONG") else 50_000
SECONDS = 1800 if os.environ.get("LONG") else 180

IMAGE = 0x400000
READ, WRITE, EXECUTE = 4, 2, 1


def elf(*segments: tuple[int, int, int], entry: int = IMAGE) -> bytes:
    """An executable of segments (address, bytes in memory, rights), all from the file's start."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, entry, 64, 0, 0, 64, 56,
                         len(segments), 0, 0, 0)
    table = b"".join(struct.pack("<IIQQQQQQ", 1, rights, 0, address, address, 64, size, 4096)
                     for address, size, rights in segments)
    return header + table


def limits(more: int) -> list[bytes]:
    """As much of something as there can be, and so many more."""
    def words(count: int) -> str:
        return " ".join(f"n{number}" for number in range(count + more))

    lines = [[f"cpu = {63 + more}"], [f"arguments = {words(32)}"], [f"priority = {100 + more}"],
             *([f"{key} = {words(16)}"] for key in ("files", "uses", "offers")),
             [f"irq = {number}" for number in range(16 + more)],
             [f"[p{number}]" for number in range(79 + more)]]
    found = ["\n".join(["[a]", *some]).encode() for some in lines]
    return found if more else [*found, "\n".join(["[a]", *sum(lines, [])]).encode()]


SEEDS = {
    "conf": [*(path.read_bytes() for path in sorted((FOLDER / "seeds").glob("*.conf"))),
             *limits(0), *limits(1)],
    "elf": [
        elf((IMAGE, 64, READ | EXECUTE)),
        elf((IMAGE, 4096, READ | EXECUTE), (IMAGE + 4096, 9000, READ | WRITE)),
        elf((IMAGE, 64, READ), (IMAGE + 4096, 64, READ | EXECUTE),
            (IMAGE + 8192, 64, READ | WRITE), entry=IMAGE + 4100),
    ],
}
LENGTHS = {"conf": 4096, "elf": 1024}


def run(name: str, seed: int, folder: pathlib.Path) -> subprocess.CompletedProcess:
    for number, content in enumerate(SEEDS[name]):
        (folder / f"seed{number}").write_bytes(content)
    BROKEN.mkdir(parents=True, exist_ok=True)
    words = [ROOT / "out/host/fuzz" / name, f"-runs={RUNS}", f"-seed={seed}",
             f"-max_len={LENGTHS[name]}", f"-artifact_prefix={BROKEN}/{name}-",
             "-print_final_stats=1", "-timeout=10", "-len_control=0"]
    words += [f"-dict={FOLDER / 'conf.dict'}"] if name == "conf" else []
    return subprocess.run([*words, folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS,
                          check=False)


def check(tap: Tap, name: str) -> None:
    seed = random.SystemRandom().randrange(1, 1 << 32)
    with tempfile.TemporaryDirectory(prefix="fuzz.") as folder:
        done = run(name, seed, pathlib.Path(folder))
    print(f"# {name}: -seed={seed}")
    tail = "\n".join(done.stdout.splitlines()[-40:])
    tap.equal(done.returncode, 0, f"{name}: nothing breaks it", tail)
    match = re.search(r"stat::number_of_executed_units: +(\d+)", done.stdout)
    tap.ok(match and int(match[1]) >= RUNS, f"{name}: {RUNS} runs", tail)


def main() -> int:
    tap = Tap()
    for name in sys.argv[1:] or SEEDS:
        check(tap, name)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
