#!/usr/bin/env python3
"""The checks of `make check` see what they are for: programs and files with one fault each."""

import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

sys.path.insert(0, str(support.ROOT / "build/checks"))
import errors  # noqa: E402
import links  # noqa: E402
import project  # noqa: E402
import source  # noqa: E402

tap = Tap()

START = "void _start(void);\nvoid _start(void)\n{\n}\n"
LINK = ["-static", "-nostdlib", "--build-id=none", "-z", "noexecstack", "--no-warn-rwx-segments"]


def link(folder: str, text: str, cflags: list[str], ldflags: list[str], suffix: str = ".c") -> str:
    origin = pathlib.Path(folder) / f"x{suffix}"
    origin.write_text(text)
    flags = ["-ffreestanding", "-fno-pic", "-fno-asynchronous-unwind-tables",
             "-fcf-protection=none"]
    subprocess.run(["gcc", *flags, *cflags, "-c", "-o", f"{folder}/x.o", str(origin)], check=True)
    subprocess.run(["ld", *LINK, *ldflags, "-o", f"{folder}/x", f"{folder}/x.o"], check=True,
                   capture_output=True)
    return f"{folder}/x"


def found(path: str) -> str:
    lines = []
    for check in (links.check_symbols, links.check_relocations, links.check_segments,
                  links.check_sections, links.check_registers):
        lines += check("kernel", path)
    return "\n".join(lines)


def check_links(folder: str) -> None:
    tap.equal(found(link(folder, START, [], [])), "", "a clean program")
    cases = {
        "undefined symbol memcpy": ("extern int memcpy;\nint *_start = &memcpy;\n", [], ["-r"]),
        "writable and executable": (START + "int data = 1;\n", [], ["--omagic"]),
        "unexpected section .init_array": (
            START + "__attribute__((section(\".init_array\"), used)) static void (*f)(void) = "
            "_start;\n", [], []),
        "vector register in _start": ("double _start(double x)\n{\n    return x * x;\n}\n", [], []),
        "vector register": ("long double _start(long double x)\n{\n    return x + 1;\n}\n", [], []),
        "Relocation section": (START + "void *data = _start;\n", [], ["--emit-relocs"]),
        "unexpected segment TLS": (START + "__thread int x = 1;\n", [], []),
    }
    for words, (text, cflags, ldflags) in cases.items():
        complaints = found(link(folder, text, cflags, ldflags))
        tap.ok(words in complaints, f"seen: {words}", complaints)


def check_calls(folder: str) -> None:
    """System calls: the runtime's are expected in a server, musl's own and one's own are not."""
    stub = ('#include "system.h"\nenum status _start(void);\nenum status _start(void)\n{\n'
            "    return semaphore_up(1);\n}\n")
    folders = [f"-I{support.ROOT}/ipc/{name}" for name in ("runtime", "abi")]
    flags = ["-g", "-O2", f"-ffile-prefix-map={support.ROOT}=.", *folders]
    program = link(folder, stub, flags, [])
    tap.equal(links.check_calls("x", program), [], "a system call of the runtime's")
    own = 'void _start(void);\nvoid _start(void)\n{\n    __asm__ volatile("syscall");\n}\n'
    tap.equal(len(links.check_calls("x", link(folder, own, flags, []))), 1, "seen: one's own")
    musl = next((support.ROOT / "out/sources").glob("musl-*/src/thread/x86_64/clone.s"))
    program = link(folder, stub, flags, [])
    subprocess.run(["as", "-o", f"{folder}/clone.o", str(musl)], check=True)
    subprocess.run(["ld", *LINK, "-o", f"{folder}/y", f"{folder}/x.o", f"{folder}/clone.o"],
                   check=True)
    tap.equal(len(links.check_calls("x", f"{folder}/y")), 2, "seen: the two of musl's own clone")
    tap.equal(len(links.check_calls("x", link(folder, START, [], []))), 1, "seen: none at all")
    thread_local = link(folder, START + "__thread int x = 1;\n", [], [])
    tap.equal(links.check_segments("x", thread_local, True), [], "a server has a TLS segment")


def check_dependencies(folder: str) -> None:
    objects = pathlib.Path(folder) / "obj"
    (objects / "kernel").mkdir(parents=True)
    (objects / "first").mkdir()
    kernel_header = next(name for name in project.files()
                         if name.startswith("microkernel/") and name.endswith(".h"))
    other_header = next(name for name in project.files()
                        if name.startswith("bootstrap/") and name.endswith(".h"))
    note = f"x.o: ipc/abi/syscall.h {kernel_header}\n\n{kernel_header}:\n"
    (objects / "kernel/x.d").write_text(note)
    (objects / "first/x.d").write_text("y.o: ipc/abi/syscall.h\n")
    where, programs = pathlib.Path(folder), ["kernel", "first"]
    tap.equal(links.check_includes(where, programs), [], "includes that are allowed")
    (objects / "first/x.d").write_text(f"y.o: \\\n {kernel_header}\n")
    tap.equal(len(links.check_includes(where, programs)), 1, "seen: a kernel header outside")
    (objects / "first/x.d").unlink()
    (objects / "kernel/x.d").write_text(f"x.o: {other_header}\n")
    tap.equal(len(links.check_includes(where, programs)), 1,
              "seen: a header from elsewhere in the kernel")


def check_text(folder: str) -> None:
    """The checks of the text, in a repository of one file each."""
    cases = [
        (source.check_text, "a.c", "int x;\n", False),
        (source.check_text, "a.c", "int x; \n", True),
        (source.check_text, "a.c", "int x;", True),
        (source.check_text, "a.c", f"// {'x' * 98}\n", True),
        (source.check_layout, "a.c", "int x;\n", False),
        (source.check_layout, "a.c", "int  x;\n", True),
        (source.check_words, "a.md", "see /usr/share\n", False),
        (source.check_words, "a.md", "see /ho" "me/somebody\n", True),
        (source.check_words, "a.md", f"see {folder}/x\n", True),
        (source.check_words, "a.c", "// TO" "DO later\n", True),
        (source.check_python, "a.py", "x = 1\n", False),
        (source.check_python, "a.py", "x = = 1\n", True),
        (source.check_shell, "a.sh", "echo x\n", False),
        (source.check_shell, "a.sh", "if true; then\n", True),
    ]
    analysed = [
        (source.check_cppcheck, "int f(void)\n{\n    int *p = 0;\n    return *p;\n}\n"),
        (source.check_tidy, "int f(int x)\n{\n    int y;\n    return x ? y : 1;\n}\n"),
    ]
    cases += [(lambda check=check: check(""), "a.c", text, True) for check, text in analysed]
    cases += [(lambda check=check: check(""), "a.c", START, False) for check, _ in analysed]
    old = project.ROOT
    for module in (project, source, links):
        module.ROOT = pathlib.Path(folder)
    for name in (".clang-format", ".clang-tidy"):
        (pathlib.Path(folder) / name).write_text((old / name).read_text())
    subprocess.run(["git", "init", "-q", folder], check=True)
    for number, (check, name, text, bad) in enumerate(cases):
        (pathlib.Path(folder) / name).write_text(text)
        project.files.cache_clear()
        complaints = check()
        tap.equal(bool(complaints), bad, f"case {number}, {name}: {'seen' if bad else 'clean'}",
                  text, *complaints)
        (pathlib.Path(folder) / name).unlink()


LIST = """ERROR(COUNT, ANY, BAD_CALL, "no call")
ERROR(UP, ANY, NO_RIGHT, "without UP")
ERROR(DOWN, ANY, NO_RIGHT, "without DOWN")
ERROR(DOWN, ANY, TIMEOUT, "too late")
ERROR(CONTROL, ANY, BUSY, "not now")
ERROR(CONTROL, EC_READ, TIMEOUT, "too late")
"""
PAGE = """### UP (2), DOWN (3): semaphores
| | |
|---|---|
| errors | `NO_RIGHT`; DOWN: `TIMEOUT` |

### CONTROL (13): operations
Errors:
`BUSY`.

| type | operation | does |
|---|---|---|
| EC | 4 `EC_READ` | reads. Also `TIMEOUT` |
"""


def check_errors(folder: str) -> None:
    """The list of errors and the reference page say the same."""
    cases = [
        ("both say the same", "", "", ""),
        ("a call's error is not on the page", "; DOWN: `TIMEOUT`", "", "DOWN does not name"),
        ("of one call only", "DOWN: `TIMEOUT`", "`TIMEOUT`", "UP names TIMEOUT"),
        ("an error that the list has not", "`BUSY`.", "`BUSY`, `BAD_CALL`.", "names BAD_CALL"),
        ("an operation's error is not on the page", " Also `TIMEOUT`", "", "EC_READ does not name"),
        ("an operation's, not in the list", "Also `T", "Also `BAD_CALL`, `T", "names BAD_CALL"),
        ("a line that is no row", 'BUSY, "not now"', "BUSY", "not a row"),
        ("a row twice", "DOWN, ANY, TIMEOUT", "DOWN, ANY, NO_RIGHT", "there twice"),
    ]
    place = pathlib.Path(folder) / "ipc/abi"
    place.mkdir(parents=True)
    for what, old, new, words in cases:
        (place / "errors.list").write_text(LIST.replace(old, new) if old else LIST)
        (place / "README.md").write_text(PAGE.replace(old, new) if old else PAGE)
        with mock.patch.object(project, "ROOT", pathlib.Path(folder)):
            complaints = "\n".join(errors.check_errors())
        tap.ok(words in complaints and bool(words) == bool(complaints), what, complaints)


for test in (check_errors, check_links, check_calls, check_dependencies, check_text):
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as the_folder:
        test(the_folder)
sys.exit(tap.done())
