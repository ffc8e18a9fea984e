"""The figures for people: what has a goal first, one line for a name, and no list of counts."""

from tests.bench import records

COLUMNS = ("qemu-svm", "bochs-vmx")
PHASES = ("boot.loader.", "boot.kernel.")


def aligned(cells: list[tuple[str, ...]]) -> list[str]:
    """Lines of columns, the first one to the left, the others to the right."""
    width = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(text.ljust(width[0]) if not column else text.rjust(width[column])
                      for column, text in enumerate(line)).rstrip() for line in cells]


def by_name(rows: list[dict]) -> dict[str, dict[str, dict]]:
    """Rows of each name by platform, in the order of their names."""
    found: dict[str, dict[str, dict]] = {}
    for row in rows:
        found.setdefault(row["name"], {})[row["platform"]] = row
    return found


def verdict(found: dict[str, dict]) -> str:
    marks = {records.mark(row) for row in found.values()}
    return "missed" if "missed" in marks else "met" if "met" in marks else ""


def line(name: str, found: dict[str, dict]) -> tuple[str, ...]:
    values = [records.number(found[platform]["value"]) if platform in found else ""
              for platform in COLUMNS]
    sought = max((row["sought"] for row in found.values() if row["sought"] is not None),
                 default=None)
    return (name, *values, "" if sought is None else records.number(sought), verdict(found))


def is_part(name: str) -> bool:
    """Of another figure that is shown."""
    return name.startswith(PHASES) or name.endswith(".create")


def text(rows: list[dict]) -> str:
    """What `make bench` prints. Counts are there only if they miss their goal."""
    names = by_name(rows)
    head = ("", *COLUMNS, "sought", "")
    figures = {name: found for name, found in names.items()
               if next(iter(found.values()))["unit"] != "count"}
    goals = [line(name, found) for name, found in figures.items() if verdict(found)]
    others = [line(name, found)[:3] for name, found in figures.items()
              if not verdict(found) and not is_part(name)]
    counts = [line(name, found) for name, found in names.items()
              if name not in figures and verdict(found) == "missed"]
    parts = [aligned([("without a goal", *COLUMNS), *others])]
    if counts:
        parts.append(aligned([("counts that miss their goal", *head[1:]), *counts]))
    parts.append(aligned([("figures with a goal", *head[1:]),
                          *sorted(goals, key=lambda cells: cells[-1] != "missed")]))
    return "\n\n".join("\n".join(part) for part in parts)
