#!/usr/bin/env python3
"""What root says that a program holds is what that finds in its table, both ways."""

import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.system import SERVERS, Ended, System, cpus, test_all  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

README = pathlib.Path(__file__).resolve().parents[2] / "bootstrap/root/README.md"
STATEMENT = r'  "[^"]+"(?: -> "[^"]+")?(?: \[\w+=(?:\w+|"[^"]*")(?:, \w+=(?:\w+|"[^"]*"))*\])?;'

TRIES = 10
PROBERS = {
    "plain": "",
    "ports": "ports = 0x80 1\nports = 0x2f8 8\n",
    "lines": "irq = 5\nirq = 7\n",
    "files": "files = text prober\n",
    "user": "uses = console log clock random first\n",
    "server": "offers = first second\n",
    "both": "uses = first\noffers = third\nports = 0x378 3\nirq = 10\nfiles = text\n",
    "share": "cpu_share = 5\npriority = 3\nheartbeat = 0\n",
    "other": "uses = third second\n",
}


def configuration(options: list[str]) -> str:
    last = cpus(options) - 1
    text = SERVERS
    for name, keys in PROBERS.items():
        text += f"[{name}]\nprogram = prober\nmemory = 512K\nrestart = never\n{keys}"
        text += f"cpu = {last}\ncpus = " + " ".join(map(str, range(last + 1))) + "\n"
    return text + "[one]\nprogram = prober\nmemory = 512K\nrestart = never\n"


def holdings(system: System, pattern: str, start: int) -> set[str]:
    return {match[1] for line in system.lines[start:] if (match := re.search(pattern, line))}


def told(system: System, name: str) -> set[str]:
    """What root says; its answer to an unknown command is the end of it."""
    for number in range(20):
        start = len(system.lines)
        system.type(f"authority {name}")
        system.type(f"end{name}{number}")
        if system.wait(rf"'end{name}{number}' is no command", start, 20):
            return holdings(system, rf"\[root\] {name} holds (\d+: \w+, rights 0x\w+)", start)
    raise Ended("root does not answer")


def found(system: System, name: str) -> set[str]:
    """What the prober finds; when it is started again, all that it can use runs."""
    start = len(system.lines)
    system.ask(f"restart {name}", rf"{name} is stopped")
    count = int(system.wait(rf"\[{name}\] found (\d+) capabilities", start)[1])
    holds = holdings(system, rf"\[{name}\] holds (\d+: \w+, rights 0x\w+)", start)
    return holds if len(holds) == count else {f"{len(holds)} lines of {count} came"}


def check_one(tap: Tap, system: System, name: str) -> None:
    """What root gives a program soon after that has begun to run, such as its own time, a prober on
    another CPU can come too early for: then it is started again."""
    more: set[str] = set()
    for _ in range(TRIES):
        finds, says = found(system, name), told(system, name)
        more |= finds - says
        if finds >= says:
            break
    tap.equal(more, set(), f"{name}: {len(finds)} found are what root says")
    tap.equal(says - finds, set(), f"{name}: {len(says)} that root says are found")


def check_graph(tap: Tap, system: System) -> None:
    """The README's line makes a file for Graphviz of what comes out."""
    system.ask("graph", r"\[root\] digraph")
    system.ask("endgraph", "'endgraph' is no command")
    script = re.search(r"^    sed -n '(.*)' out/log", README.read_text(), re.MULTILINE)[1]
    made = subprocess.run(["sed", "-n", script], input="\n".join(system.lines) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True).stdout.splitlines()
    system.check(tap, made[0] == "digraph authority {" and made.count("}") == 1
                 and made[-1] == "}" and len(made) > 2 * len(PROBERS), "the graph is a whole one")
    odd = [line for line in made[1:-1] if not re.fullmatch(STATEMENT, line)]
    tap.equal(odd, [], "each line of it is a statement of Graphviz's language")
    edges = [f'  "{client}" -> "{server}" [dir=both];' for client, server in
             (("user", "console"), ("user", "server"), ("other", "both"), ("root", "console"))]
    tap.equal([edge for edge in edges if edge not in made], [], "with who uses whom")


def check(tap: Tap, options: list[str]) -> None:
    with System(configuration(options), options, {"text": b"a text\n"}) as system:
        try:
            for name in [*PROBERS, "one"]:
                system.wait(rf"\[{name}\] found", 0)
            for name in [*PROBERS, "one"]:
                check_one(tap, system, name)
            check_graph(tap, system)
        except Ended as error:
            tap.ok(False, "the system goes on", str(error), system.tail())


if __name__ == "__main__":
    sys.exit(test_all(check))
