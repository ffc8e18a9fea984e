"""What the tests of build/ share: a small copy of the tree, with emulators that are scripts."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "build/launcher"))

# An emulator that runs the Python text in FAKE with `say` for its serial line.
FAKE_QEMU = """\
#!/usr/bin/env python3
import os, sys, time
def say(text):
    os.write(1, text.encode())
exec(os.environ["FAKE"])
"""

FAKE_BOCHS = """\
#!/usr/bin/env python3
import os, re, sys, time
console = re.search(r"com1: .*dev=(\\S+)", open(sys.argv[sys.argv.index("-f") + 1]).read())[1]
line = os.open(console, os.O_RDWR | os.O_NOCTTY)
def say(text):
    os.write(line, text.encode())
exec(os.environ["FAKE"])
sys.exit(1)  # as Bochs does
"""


class Tree:
    """A tree with build/ and programs that are not programs. Use it in a `with`."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="cairn test ")
        self.root = pathlib.Path(self.folder.name)
        shutil.copytree(ROOT / "build", self.root / "build",
                        ignore=shutil.ignore_patterns("__pycache__"))
        for build in ("debug", "release"):
            folder = self.root / f"out/gcc-{build}/bin"
            folder.mkdir(parents=True)
            for name in ("loader", "kernel", "first", "root", "load", "vmm", "console", "clock",
                         "random", "log", "prober"):
                (folder / name).write_bytes(name.encode() * 100)
        (self.root / "out/host/bin").mkdir(parents=True)
        shutil.copy2(ROOT / "out/host/bin/vm-check", self.root / "out/host/bin")
        (self.root / "bootstrap").mkdir()
        (self.root / "bootstrap/demo.conf").write_text("[load]\n")
        shutil.copy(ROOT / "bootstrap/vms.conf", self.root / "bootstrap/vms.conf")
        self.tools = self.root / "tools"
        self.tools.mkdir()
        self.script("qemu-system-x86_64", FAKE_QEMU)
        self.script("bochs-bin", FAKE_BOCHS)

    def __enter__(self) -> "Tree":
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()

    def script(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def environment(self, fake: str = "", **more: str) -> dict[str, str]:
        path = f"{self.tools}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "FAKE": fake, **more}

    def cairn(self, *arguments: str, fake: str = "", stdin: object = subprocess.DEVNULL,
              text: str | None = None, **more: str) -> subprocess.CompletedProcess:
        """Runs build/cairn to its end; `text` is its standard input."""
        given = {"input": text} if text is not None else {"stdin": stdin}
        return subprocess.run([str(self.root / "build/cairn"), *arguments], cwd=self.root,
                              env=self.environment(fake, **more), capture_output=True,
                              universal_newlines=True, timeout=60, check=False, **given)
