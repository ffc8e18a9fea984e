"""The project's files, and how a check reports.

A check is a function that returns a list of complaints, each one line; an empty list is success.
"""

import functools
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@functools.cache
def files() -> list[str]:
    """Every file that is, or would be, under version control; paths from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in sorted(set(listing.stdout.splitlines())) if (ROOT / name).is_file()]


def with_suffix(*suffixes: str) -> list[str]:
    return [name for name in files() if pathlib.PurePath(name).suffix in suffixes]


def scripts(*interpreters: str) -> list[str]:
    """Files whose first line names one of these interpreters."""
    found = []
    for name in files():
        with (ROOT / name).open("rb") as file:
            first = file.readline(200).decode("latin-1").split()
        if first and first[0].startswith("#!"):
            words = {pathlib.PurePath(word).name for word in [first[0][2:], *first[1:]]}
            if words & set(interpreters):
                found.append(name)
    return found


def text(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def output(command: list[str]) -> str:
    """What a program prints; one that fails is an error of the checks themselves."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def complaints(command: list[str]) -> list[str]:
    """Runs a checker on the tree; its output if it fails."""
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, text=True, errors="replace", check=False)
    if result.returncode == 0:
        return []
    return result.stdout.splitlines() or [f"{command[0]}: exit status {result.returncode}"]
