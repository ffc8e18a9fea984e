"""The reference page of the system calls names the errors of ipc/abi/errors.list, and no others.

In the section of a call, errors are what stands in backticks in the row `| errors |`, after the
word "Errors", and in the table rows of types and operations. A part `DOWN: ...` or `SC: ...`
between semicolons is about that call, type or operation only.
"""

import re

from project import text

LIST = "ipc/abi/errors.list"
PAGE = "ipc/abi/README.md"

ROW = re.compile(r'ERROR\((\w+), (\w+), (\w+), "[^"]+"\)$')
HEADING = re.compile(r"^### .*\(\d+\)")
CALL = re.compile(r"\b([A-Z]+) \(\d+\)")
RANGES = {"PORTS", "IRQ", "PCI"}  # the page names them, the list says RANGE

Errors = dict[tuple[str, str], set[str]]  # by call and kind


def rows(found: list[str]) -> Errors:
    table: Errors = {}
    for number, line in enumerate(text(LIST).splitlines(), 1):
        if not line.startswith("ERROR"):
            continue
        match = ROW.match(line)
        if not match:
            found.append(f"{LIST}:{number}: not a row of the table")
        elif match[3] in table.setdefault((match[1], match[2]), set()):
            found.append(f"{LIST}:{number}: is there twice")
        else:
            table[match[1], match[2]].add(match[3])
    return table


def sections() -> list[tuple[list[str], str]]:
    """The calls that a section describes, and its text."""
    parts: list[tuple[list[str], str]] = []
    for line in text(PAGE).splitlines():
        if HEADING.match(line):
            parts.append((CALL.findall(line), ""))
        elif re.match(r"^##?#? ", line):
            parts.append(([], ""))
        elif parts:
            parts[-1] = (parts[-1][0], parts[-1][1] + line + "\n")
    return [part for part in parts if part[0]]


def names(words: str) -> set[str]:
    found = set(re.findall(r"[A-Z_]+", words))
    return found | {"RANGE"} if found & RANGES else found


def passages(body: str) -> list[str]:
    """What follows the word "Errors", or a row of errors."""
    found = re.findall(r"^\| errors \| (.*) \|$", body, re.MULTILINE)
    return found + re.findall(r"\bErrors?:(.*\n(?:.+\n)*)", body)


def page(table: Errors) -> Errors:
    """The same from the reference page."""
    statuses = set().union(*table.values())
    result: Errors = {}

    def add(call: str, kind: str, words: str) -> None:
        named = set(re.findall(r"`([A-Z_]+)`", words)) & statuses
        result.setdefault((call, kind), set()).update(named)

    for calls, body in sections():
        kinds = {kind: call for call, kind in table if call in calls and kind != "ANY"}
        for passage in passages(body):
            for part in passage.split(";"):
                words, _, rest = part.rpartition(": `")
                about = names(words) if rest else set()
                for kind in about & set(kinds):
                    add(kinds[kind], kind, part)
                for call in about & set(calls):
                    add(call, "ANY", part)
                if not about & (set(kinds) | set(calls)):
                    for call in calls:
                        add(call, "ANY", part)
        for line in body.splitlines():
            cells = line.split("|")
            if line.startswith("| ") and not line.startswith("| errors"):
                for kind in names(" ".join(cells[1:3])) & set(kinds):
                    add(kinds[kind], kind, line)
    return result


def check_errors() -> list[str]:
    found: list[str] = []
    table = rows(found)
    described = page(table)
    calls = {call for call, _ in table if call != "COUNT"}

    for call in sorted(calls):
        all_rows = set().union(*(table[key] for key in table if key[0] == call))
        common = described.get((call, "ANY"), set())
        for status in sorted(table.get((call, "ANY"), set()) - common):
            found.append(f"{PAGE}: {call} does not name {status}")
        for status in sorted(common - all_rows):
            found.append(f"{PAGE}: {call} names {status}, which is not in {LIST}")
        for kind in sorted(kind for other, kind in table if other == call and kind != "ANY"):
            own = described.get((call, kind), set())
            for status in sorted(table[call, kind] - common - own):
                found.append(f"{PAGE}: {call} {kind} does not name {status}")
            for status in sorted(own - table[call, kind]):
                found.append(f"{PAGE}: {call} {kind} names {status}, which is not in {LIST}")
    return found
