#!/usr/bin/env python3
"""The counter counts right: the probe's passages, of known length, counted by hand, twice alike."""

import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.bench import machine  # noqa: E402  (needs the path above)
from tests.lib.tap import Tap  # noqa: E402

PROBE = machine.ROOT / "out/host/bench/probe"
UPPER = 0xffff800000000000
BOOT = ["-kernel", machine.quoted(PROBE)]

PLUGIN = machine.quoted(machine.PLUGIN)
REFUSED = (
    (["-plugin", PLUGIN], "the argument out=FILE is missing"),
    (["-plugin", f"{PLUGIN},out=FILE,speed=1"], "bad argument 'speed=1'"),
    (["-plugin", f"{PLUGIN},out=FILE,at=a"], "bad argument 'at=a'"),
    (["-plugin", f"{PLUGIN},out=FILE,at=:0x1"], "bad argument 'at=:0x1'"),
    (["-plugin", f"{PLUGIN},out=FILE,at=a:0x1z"], "bad argument 'at=a:0x1z'"),
    (["-plugin", f"{PLUGIN},out=FILE,stretch=a"], "bad argument 'stretch=a'"),
    (["-M", "q35", "-smp", "2", "-plugin", f"{PLUGIN},out=FILE"], "machines with one CPU"),
)


def passage(lines: list[dict], first: int) -> dict[str, dict]:
    """What was counted between the markers first and first + 1, without what is zero."""
    before, after = (next(line for line in lines if line["point"] == f"marker.{number}")
                     for number in (first, first + 1))
    found = {}
    for level in ("kernel", "lower", "guest"):
        delta = {name: after[level][name] - before[level][name] for name in after[level]}
        found[level] = {name: value for name, value in delta.items() if value}
    found["exits"] = after["exits"] - before["exits"]
    return {key: value for key, value in found.items() if value}


def points_of(lines: list[dict], name: str) -> list[int]:
    return [line["pass"] for line in lines if line["point"] == name]


def refusal(arguments: list[str]) -> str:
    """What QEMU says when the counter refuses these options; empty if it does not."""
    with tempfile.TemporaryDirectory() as folder:
        options = [text.replace("FILE", f"{folder}/counts") for text in arguments]
        done = subprocess.run(["qemu-system-x86_64", "-M", "none", "-display", "none", *options],
                              capture_output=True, text=True, timeout=20, check=False)
    return done.stderr if done.returncode else ""


def main() -> int:
    tap = Tap()
    symbols = machine.elf_symbols(PROBE.with_name("probe.debug"))
    points = {name: UPPER + symbols[name] for name in ("upper", "divided")}
    points["stretch"] = UPPER + symbols["upper"]
    lines = machine.run(BOOT, points, "stretch", 60).lines

    tap.equal(passage(lines, 1), {"lower": {"instructions": 4}}, "straight code")
    tap.equal(passage(lines, 3), {"lower": {"instructions": 202}}, "a loop of 100")
    tap.equal(passage(lines, 5),
          {"lower": {"instructions": 17, "cr3": 1, "invalidate": 1, "xsave": 2, "lock": 2,
                     "rdmsr": 1, "wrmsr": 1, "port": 2, "sti": 1, "cli": 1}}, "each event")
    tap.equal(passage(lines, 7), {"lower": {"instructions": 19, "string": 1, "string_step": 17}},
          "a string instruction: once, and each iteration")
    tap.equal(passage(lines, 9), {"kernel": {"instructions": 3}, "lower": {"instructions": 2}},
          "a call into the upper half")
    tap.equal(passage(lines, 11),
          {"lower": {"instructions": 4, "vmrun": 2}, "guest": {"instructions": 10}, "exits": 2},
          "a guest, entered from two places")
    tap.equal(points_of(lines, "upper"), [1, 2], "an address is written down at each passing")
    tap.equal(points_of(lines, "divided"), [1], "another address")
    tap.equal(lines[-1]["point"], "end", "the end is written down")
    stretches = {line["point"]: line["stretch"] for line in lines}
    tap.equal([stretches[f"marker.{number}"]["instructions"] for number in (9, 10, 13, 15)],
              [0, 0, 0, 0], "no stretch before the first end after the point")
    tap.equal(stretches["marker.14"],
              {"instructions": 5, "start": stretches["marker.14"]["start"],
               "from": f"{UPPER + symbols['preempt']:#x}",
               "to": f"{UPPER + symbols['preempt']:#x}"},
              "the longest stretch begins at the preemption marker")
    tap.equal((stretches["marker.16"]["instructions"], stretches["marker.16"]["from"]),
              (4, f"{UPPER + symbols['closed']:#x}"), "the next one begins at CLI")
    tap.equal((stretches["marker.18"]["instructions"], stretches["marker.18"]["from"]),
              (9, f"{UPPER + symbols['returning']:#x}"), "IRET ends one")
    again = machine.run(BOOT, points, "stretch", 60).lines
    tap.ok(machine.repeatable(again) == machine.repeatable(lines),
           "a second run gives the same digits")
    for arguments, words in REFUSED:
        tap.ok(words in refusal(arguments), f"refused: {words}", refusal(arguments))
    return tap.done()


sys.exit(main())
