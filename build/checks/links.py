"""Checks of the linked programs: they hold what we think they hold, and nothing else."""

import pathlib
import re

from project import ROOT, output

# Sections that a program may have in memory, besides those that every one may have.
SECTIONS = {".text", ".rodata", ".data", ".bss"}
OWN_SECTIONS = {"kernel": {".sealed"}, "first": {".stack"}, "bench": {".stack"}}

# Programs that must not touch floating-point and vector registers.
INTEGER_ONLY = ("kernel", "loader")
VECTOR = re.compile(r"%(?:[xyz]mm[0-9]+|mm[0-7]|st\b|st\(|k[1-7]\b)")
# But this one, which changes nothing, is how the kernel finds a guest's state in them (vectors.h).
TOUCH = re.compile(r"\tmovaps %xmm0,%xmm0$")


def check_symbols(program: str, path: str) -> list[str]:
    undefined = output(["nm", "--undefined-only", path]).splitlines()
    return [f"{program}: undefined symbol {line.split()[-1]}" for line in undefined]


def check_relocations(program: str, path: str) -> list[str]:
    lines = output(["readelf", "--relocs", "--wide", path]).splitlines()
    return [f"{program}: {line.strip()}" for line in lines
            if line.strip() and "There are no relocations" not in line]


def check_segments(program: str, path: str) -> list[str]:
    found = []
    for line in output(["readelf", "--segments", "--wide", path]).splitlines():
        words = line.split()
        if words[:1] == ["LOAD"] or words[:1] == ["GNU_STACK"]:
            flags = "".join(words[6:-1])
            if "W" in flags and "E" in flags:
                found.append(f"{program}: segment writable and executable: {line.strip()}")
        elif words[:1] in (["INTERP"], ["DYNAMIC"], ["TLS"]):
            found.append(f"{program}: unexpected segment {words[0]}")
    return found


def check_sections(program: str, path: str) -> list[str]:
    expected = SECTIONS | OWN_SECTIONS.get(program, set())
    found = []
    for line in output(["readelf", "--sections", "--wide", path]).splitlines():
        match = re.match(r" *\[ *[0-9]+\] (\.\S+) +\S+ +[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ [0-9a-f]+ "
                         r"+([A-Za-z]*) ", line)
        if match and "A" in match[2] and match[1] not in expected:
            found.append(f"{program}: unexpected section {match[1]}")
    return found


def check_registers(program: str, path: str) -> list[str]:
    if program not in INTEGER_ONLY:
        return []
    function = "?"
    found = []
    for line in output(["objdump", "--disassemble", "--no-show-raw-insn", path]).splitlines():
        if line.endswith(">:"):
            function = line.split("<")[1][:-2]
        elif VECTOR.search(line) and not (program == "kernel" and TOUCH.search(line)):
            found.append(f"{program}: vector register in {function}: {' '.join(line.split())}")
    return found


def check_links(folder: pathlib.Path, programs: list[str]) -> list[str]:
    found = []
    for program in programs:
        path = str(folder / "bin" / f"{program}.debug")
        for check in (check_symbols, check_relocations, check_segments, check_sections,
                      check_registers):
            found += check(program, path)
    return [f"{folder.relative_to(ROOT)}: {line}" for line in found]


def dependencies(folder: pathlib.Path) -> set[str]:
    """Files of the tree that the objects in a folder were compiled from."""
    names = set()
    for file in folder.rglob("*.d"):
        for line in file.read_text().splitlines():
            names |= {word for word in line.rstrip("\\").split() if not word.endswith(":")}
    return {name for name in names if not name.startswith("/") and (ROOT / name).exists()}


def check_includes(folder: pathlib.Path, programs: list[str]) -> list[str]:
    """The kernel uses only itself, what is generated from it, and ipc/abi, and nobody else uses the
    kernel's headers."""
    found = []
    for program in programs:
        objects = folder / "obj" / program
        for name in sorted(dependencies(objects)):
            if (ROOT / name).is_relative_to(objects):
                continue
            inside = name.startswith("microkernel/")
            if program == "kernel" and not inside and not name.startswith("ipc/abi/"):
                found.append(f"kernel: includes {name}; it may use only ipc/abi")
            if program != "kernel" and inside:
                found.append(f"{program}: includes {name}; only ipc/abi crosses that line")
    return found
