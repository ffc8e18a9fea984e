"""Checks of the linked programs: they hold what we think they hold, and nothing else."""

import pathlib
import re

from project import ROOT, output

# Sections that a program may have in memory, besides those that every one may have.
SECTIONS = {".text", ".rodata", ".data", ".bss"}
SERVER_SECTIONS = {".tdata", ".tbss", ".init_array", ".fini_array"}
OWN_SECTIONS = {"kernel": {".sealed"}, "first": {".stack"}, "bench": {".stack"},
                "root": {".stack"}}

# Programs that must not touch floating-point and vector registers.
INTEGER_ONLY = ("kernel", "loader")
VECTOR = re.compile(r"%(?:[xyz]mm[0-9]+|mm[0-7]|st\b|st\(|k[1-7]\b)")
# But this one, which changes nothing, is how the kernel finds a guest's state in them (vectors.h).
TOUCH = re.compile(r"\tmovaps %xmm0,%xmm0$")

# Where a program with a C library may have the instruction of a system call: in what these say,
# wherever the compiler has put it. musl's own are Linux's.
STUBS = ("ipc/runtime/system.h", "ipc/runtime/start.S")
SYSTEM_CALL = re.compile(r"^ *([0-9a-f]+):\t(?:syscall|sysenter|int +\$0x80)\b")


def check_symbols(program: str, path: str) -> list[str]:
    """Weak ones may be undefined: musl asks by them what else is linked."""
    undefined = output(["nm", "--undefined-only", path]).splitlines()
    return [f"{program}: undefined symbol {line.split()[-1]}" for line in undefined
            if line.split()[0] != "w"]


def check_relocations(program: str, path: str) -> list[str]:
    lines = output(["readelf", "--relocs", "--wide", path]).splitlines()
    return [f"{program}: {line.strip()}" for line in lines
            if line.strip() and "There are no relocations" not in line]


def check_segments(program: str, path: str, server: bool = False) -> list[str]:
    found = []
    for line in output(["readelf", "--segments", "--wide", path]).splitlines():
        words = line.split()
        if words[:1] == ["LOAD"] or words[:1] == ["GNU_STACK"]:
            flags = "".join(words[6:-1])
            if "W" in flags and "E" in flags:
                found.append(f"{program}: segment writable and executable: {line.strip()}")
        elif words[:1] in (["INTERP"], ["DYNAMIC"], [] if server else ["TLS"]) and words:
            found.append(f"{program}: unexpected segment {words[0]}")
    return found


def check_sections(program: str, path: str, server: bool = False) -> list[str]:
    expected = SECTIONS | OWN_SECTIONS.get(program, SERVER_SECTIONS if server else set())
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


def check_calls(program: str, path: str) -> list[str]:
    """Every system call of a program with a C library is one of the runtime's."""
    listing = output(["objdump", "--disassemble", "--no-show-raw-insn", path]).splitlines()
    places = [match[1] for line in listing if (match := SYSTEM_CALL.match(line))]
    if not places:
        return [f"{program}: no system call at all"]
    # GNU's of binutils 2.40 names the wrong file where a source begins with a header's code.
    lines = output(["llvm-addr2line", f"--exe={path}", *places]).splitlines()
    return [f"{program}: system call at 0x{place} of {line}" for place, line in zip(places, lines)
            if not line.split(":")[0].endswith(STUBS)]


def check_links(folder: pathlib.Path, programs: list[str], servers: list[str]) -> list[str]:
    found = []
    for program in programs:
        path = str(folder / "bin" / f"{program}.debug")
        server = program in servers
        for check in (check_symbols, check_relocations, check_registers):
            found += check(program, path)
        found += check_segments(program, path, server) + check_sections(program, path, server)
        if server:
            found += check_calls(program, path)
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
