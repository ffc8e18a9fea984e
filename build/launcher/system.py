"""system.conf on the host: which boot modules the programs of a configuration need.

Root reads the file (bootstrap/root/README.md) and says what is wrong with it. Here only names are
taken from it: of each section the program, and its files.
"""

import pathlib

from errors import LauncherError
from machine import Module


def names(path: pathlib.Path) -> list[str]:
    """Programs and files that the configuration names, each once, in their order."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LauncherError(f"--system {path}: {error}") from error
    programs: dict[str, list[str]] = {}
    section = ""
    for line in (line.strip() for line in lines):
        key, equals, value = (part.strip() for part in line.partition("="))
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
            programs[section] = [section]
        elif equals and section and key == "program":
            programs[section][0] = value
        elif equals and section and key == "files":
            programs[section] += value.split()
    return list(dict.fromkeys(name for found in programs.values() for name in found))


def modules(path: pathlib.Path, programs: pathlib.Path, added: list[Module]) -> list[Module]:
    """The modules of a system: root, its configuration, and what that names. Programs are those
    that were built, files lie beside the configuration."""
    given = {module.name for module in added}
    found = [Module(str(programs / "root"), "name=first"),
             Module(str(path.absolute()), "name=system.conf")]
    for name in names(path):
        if name in given:
            continue
        places = [programs / name, path.parent / name]
        place = next((place for place in places if place.is_file()), None)
        if not place:
            raise LauncherError(f"--system {path}: '{name}' is neither {places[0]} nor {places[1]}")
        found.append(Module(str(place), f"name={name}"))
    return found
