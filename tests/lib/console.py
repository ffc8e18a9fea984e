"""The lines of a machine's serial console."""


def own_lines(lines: list[str]) -> list[str]:
    """The lines from the loader's first on: before it the firmware owns the serial line."""
    for number, line in enumerate(lines):
        start = line.find("# [loader] ")
        if start >= 0:
            return [line[start:]] + lines[number + 1:]
    return lines
