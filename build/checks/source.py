"""Checks of the text: layout, static analysis, syntax of scripts, words."""

import concurrent.futures
import os
import pathlib
import re
import shlex
from typing import Callable

from project import ROOT, complaints, files, scripts, text, with_suffix

MAX_COLUMNS = 100
CODE = (".c", ".h", ".S", ".ld", ".py", ".mk", ".sh")

# A path of one person's machine has no place in the tree.
HOME = re.compile(r"(?<![\w.])/(?:home|root)/\w")
TAP_HARNESS = "tests/lib/"  # one of the words is a directive of TAP
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")


def check_layout() -> list[str]:
    return complaints(["clang-format", "--dry-run", "-Werror", *with_suffix(".c", ".h")])


def check_text() -> list[str]:
    """No trailing blanks, a newline at the end, lines of code at most 100 columns wide."""
    found = []
    code = set(with_suffix(*CODE)) | set(scripts("sh", "bash", "python3"))
    for name in files():
        content = text(name)
        if "\0" in content:
            continue
        if content and not content.endswith("\n"):
            found.append(f"{name}: no newline at the end")
        if name.endswith(".patch"):
            continue
        for number, line in enumerate(content.splitlines(), 1):
            if line != line.rstrip():
                found.append(f"{name}:{number}: blanks at the end of the line")
            if name in code and len(line) > MAX_COLUMNS:
                found.append(f"{name}:{number}: {len(line)} columns, more than {MAX_COLUMNS}")
    return found


def check_words() -> list[str]:
    """No paths of the machine where the tree lies, and nothing that says it is unfinished."""
    found = []
    here = str(ROOT) if len(ROOT.parts) > 2 else None
    for name in files():
        for number, line in enumerate(text(name).splitlines(), 1):
            if HOME.search(line) or (here and here in line):
                found.append(f"{name}:{number}: a path of one machine")
            if UNFINISHED.search(line) and not name.startswith(TAP_HARNESS):
                found.append(f"{name}:{number}: says that something is unfinished")
    return found


def check_python() -> list[str]:
    found = []
    for name in sorted(set(with_suffix(".py")) | set(scripts("python3"))):
        try:
            compile(text(name), name, "exec")
        except SyntaxError as error:
            found.append(f"{name}:{error.lineno}: {error.msg}")
    return found


def check_shell() -> list[str]:
    found = []
    for name in sorted(set(with_suffix(".sh")) | set(scripts("sh", "bash"))):
        found += complaints(["bash", "-n", name])
    return found


def host_flags() -> dict[str, list[str]]:
    """Flags for host programs, by source. The compiler's notes in out/host say what a source
    includes, and so the folders to look into: two components may have headers of one name, and
    microkernel/sched.h is not <sched.h>."""
    flags = {}
    for note in (ROOT / "out/host").rglob("*.d"):
        words = note.read_text().replace("\\\n", " ").split()
        names = [word for word in words[1:] if not word.endswith(":")]
        folders = dict.fromkeys(str(pathlib.PurePath(name).parent) for name in names)
        options = {"microkernel": "-iquotemicrokernel"}
        if names:
            flags.setdefault(names[0], ["-std=gnu17", *(options.get(folder, f"-I{folder}")
                                                        for folder in folders)])
    return flags


def flags_of_sources(commands: str) -> list[tuple[str, list[str]]]:
    """Each C file of the tree with its flags. commands: a line a source, from the makefile."""
    flags = host_flags()
    for line in commands.splitlines():
        name, *words = shlex.split(line)
        flags[name] = words
    return [(name, flags.get(name, ["-std=gnu17"])) for name in with_suffix(".c")]


def on_each_source(check: Callable[[str, list[str]], list[str]], commands: str) -> list[str]:
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: check(*job), flags_of_sources(commands))
    return [line for lines in results for line in lines]


def tidy(name: str, flags: list[str]) -> list[str]:
    lines = complaints(["clang-tidy", "--quiet", name, "--", *flags])
    return [line.replace(f"{ROOT}/", "") for line in lines
            if not re.match(r"[0-9]+ warnings? (generated|treated)|Suppressed |Use -header", line)]


def check_tidy(commands: str) -> list[str]:
    return on_each_source(tidy, commands)


def cppcheck(name: str, flags: list[str]) -> list[str]:
    suppressed = ["missingInclude", "missingIncludeSystem",
                  "comparePointers",  # ends of a section, from the linker script
                  "invalidFunctionArg:tests/unit/*",  # mmap with descriptor -1
                  # They ask for what is refused, and do not keep it.
                  *(f"{rule}:tests/programs/*" for rule in (
                      "invalidFunctionArg", "leakReturnValNotUsed", "memleak", "resourceLeak"))]
    return complaints([
        "cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr", "--std=c11",
        "--enable=warning,performance,portability", "--library=posix",
        *(f"--suppress={rule}" for rule in suppressed),
        *(flag.replace("-iquote", "-I") for flag in flags if flag[:2] in ("-I", "-D", "-i")), name])


def check_cppcheck(commands: str) -> list[str]:
    return on_each_source(cppcheck, commands)
