"""make check: everything that can be said about the tree without running it.

Arguments: the compiler whose programs are looked at. Both builds must be there.
"""

import subprocess
import sys
import time

import errors
import links
import source
from project import ROOT

MAX_SHOWN = 30


def make_output(target: str, compiler: str) -> str:
    command = ["make", "-s", target, f"COMPILER={compiler}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def main(compiler: str) -> int:
    programs = make_output("list-programs", compiler).split()
    servers = make_output("list-servers", compiler).split()
    commands = make_output("list-commands", compiler)
    folders = [ROOT / "out" / f"{compiler}-{build}" for build in ("debug", "release")]
    checks = [
        ("layout (clang-format)", source.check_layout),
        ("text", source.check_text),
        ("words", source.check_words),
        ("errors", errors.check_errors),
        ("python", source.check_python),
        ("shell", source.check_shell),
        ("includes", lambda: links.check_includes(folders[0], programs)),
        ("links", lambda: [line for folder in folders
                           for line in links.check_links(folder, programs, servers)]),
        ("cppcheck", lambda: source.check_cppcheck(commands)),
        ("clang-tidy", lambda: source.check_tidy(commands)),
    ]
    failed = []
    for name, check in checks:
        start = time.monotonic()
        found = check()
        verdict = "ok" if not found else f"{len(found)} lines of complaints"
        print(f"  CHECK   {name}: {verdict} ({time.monotonic() - start:.1f} s)", flush=True)
        for line in found[:MAX_SHOWN]:
            print(f"    {line}")
        if len(found) > MAX_SHOWN:
            print(f"    ... and {len(found) - MAX_SHOWN} more")
        if found:
            failed.append(name)
    if failed:
        print(f"check: failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
