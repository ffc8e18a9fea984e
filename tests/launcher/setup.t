#!/usr/bin/env python3
"""build/setup: installs what is missing, verifies what it fetches, does nothing the second time.

apt-get, sudo and the tables are made up, in a copy of the tree.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import tarfile
import io

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

tap = Tap()

# Says what it was asked; installing makes the package's program; fetching copies a tarball.
APT_GET = """\
#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
*indextargets*) echo "deb-src http://archive.invalid/debian stable main" ;;
*install*) for last; do :; done
    [ -z "$BROKEN" ] || {{ echo "E: no such package" >&2; exit 100; }}
    printf '#!/bin/sh\\n' >"{tools}/$last-program"; chmod +x "{tools}/$last-program" ;;
*" download "*) [ -n "$BROKEN" ] || cp "{archive}"/*.deb . ;;
*source*) [ -n "$BROKEN" ] || cp "{archive}"/*.tar.gz . ;;
esac
"""
SUDO = '#!/bin/sh\necho "sudo $*" >>"$CALLS"\nexec "$@"\n'
NEEDED = ("bash sh env id dirname pwd mkdir grep sed tr cut cat mv rm cp tar gzip sha256sum sort "
          "tail flock chmod echo printf true").split()


def tarball(content: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        member = tarfile.TarInfo("upstream-name/file.c")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


class Machine:
    """A made-up machine: a path with only what we put there."""

    def __init__(self, tree: support.Tree, *, apt: bool = True, installed: bool = False):
        self.root = tree.root / f"machine{len(list(tree.root.glob('machine*')))}"
        self.tools = self.root / "tools"
        self.archive = self.root / "archive"
        self.calls = self.root / "calls"
        for folder in (self.root / "build", self.tools, self.archive):
            folder.mkdir(parents=True)
        for name in NEEDED:
            if (found := pathlib.Path("/usr/bin", name)).exists():
                (self.tools / name).symlink_to(found)
        (self.root / "build/setup").write_text((support.ROOT / "build/setup").read_text())
        (self.root / "build/setup").chmod(0o755)
        (self.root / "build/packages").write_text("# comment\n\npkg  pkg-program  because of it\n")
        if apt:
            self.script("apt-get", APT_GET.format(tools=self.tools, archive=self.archive))
        if installed:
            self.script("pkg-program", "#!/bin/sh\n")
        self.put("lib_1.2.orig.tar.gz", tarball(b"int x;\n"))

    def script(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def put(self, name: str, data: bytes, sum_of: bytes | None = None) -> None:
        """A tarball in the archive, and its row in build/sources."""
        (self.archive / name).write_bytes(data)
        self.sum = hashlib.sha256(data if sum_of is None else sum_of).hexdigest()
        (self.root / "build/sources").write_text(f"lib  1.2-3  {name}  {self.sum}  because of it\n")

    def setup(self, user: int | None = None, **more: str) -> subprocess.CompletedProcess:
        self.calls.write_text("")
        self.calls.chmod(0o666)
        environment = {"PATH": str(self.tools), "CALLS": str(self.calls), "BROKEN": "", **more}
        become = (lambda: os.setuid(user)) if user else None
        return subprocess.run([str(self.root / "build/setup")], env=environment, cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, check=False,
                              preexec_fn=become)

    def asked(self) -> str:
        return self.calls.read_text()


def check_first_and_second(tree: support.Tree) -> None:
    machine = Machine(tree)
    if os.getuid() != 0:
        machine.script("sudo", SUDO)
    result = machine.setup()
    tap.equal(result.returncode, 0, "a bare machine is set up", result.stdout)
    tap.ok("pkg: because of it" in result.stdout, "what is installed, and why, is said",
           result.stdout)
    tap.ok("update" in machine.asked() and "install pkg" in machine.asked(),
           "by apt-get update and install", machine.asked())
    tap.ok("-y" in machine.asked() and "source" in machine.asked(), "asking nothing",
           machine.asked())
    file = machine.root / "out/sources/lib-1.2/file.c"
    tap.ok(file.exists() and file.read_text() == "int x;\n", "the source is unpacked")
    stamp = (machine.root / "out/.setup").read_text()
    tap.ok("lib.dir := out/sources/lib-1.2\n" in stamp, "its folder is told to make", stamp)
    tap.ok(not (machine.root / "out/sources/.fetch").exists(), "nothing else is left")
    result = machine.setup(BROKEN="1")
    tap.equal((result.returncode, result.stdout, machine.asked()), (0, "", ""),
              "the second time it does nothing, and calls nobody")
    (machine.root / "out/.setup").unlink()
    result = machine.setup(BROKEN="1")
    tap.equal((result.returncode, machine.asked()), (0, ""), "without its stamp too")
    (machine.root / "out/sources/lib-1.2/.sha256").unlink()
    result = machine.setup(BROKEN="1")
    tap.equal((result.returncode, machine.asked()), (0, ""), "a lost folder needs no network")


def check_no_apt(tree: support.Tree) -> None:
    machine = Machine(tree, apt=False)
    result = machine.setup()
    tap.equal(result.returncode, 1, "without apt-get it stops with status 1", result.stdout)
    tap.ok("pkg-program" in result.stdout and "no apt-get" in result.stdout,
           "and names what is missing", result.stdout)
    machine = Machine(tree, apt=False, installed=True)
    result = machine.setup()
    tap.ok(result.returncode == 1 and "lib_1.2.orig.tar.gz" in result.stdout,
           "without apt-get a missing source is named", result.stdout)
    (machine.root / "out/sources/lib_1.2.orig.tar.gz").write_bytes(tarball(b"int x;\n"))
    result = machine.setup()
    tap.equal(result.returncode, 0, "one put there by hand is taken", result.stdout)


def check_sums(tree: support.Tree) -> None:
    good = tarball(b"int x;\n")
    bad = tarball(b"int evil;\n")
    found = hashlib.sha256(bad).hexdigest()
    machine = Machine(tree, installed=True)
    machine.put("lib_1.2.orig.tar.gz", bad, sum_of=good)
    result = machine.setup()
    tap.ok(result.returncode == 1 and "lib_1.2.orig.tar.gz" in result.stdout
           and machine.sum in result.stdout and found in result.stdout,
           "a wrong sum is an error with file, expected and found sum", result.stdout)
    tap.ok(not (machine.root / "out/sources/lib-1.2").exists()
           and not (machine.root / "out/.setup").exists(), "nothing of it is unpacked")
    (machine.root / "out/sources/lib_1.2.orig.tar.gz").write_bytes(bad)
    result = machine.setup()
    tap.ok(result.returncode == 1 and found in result.stdout, "a wrong file that is there already",
           result.stdout)


def check_guest_packages(tree: support.Tree) -> None:
    machine = Machine(tree, installed=True)
    content = b"package"
    (machine.archive / "tool_1%3a2-3_amd64.deb").write_bytes(content)
    table = machine.root / "guests/some/packages"
    table.parent.mkdir(parents=True)
    table.write_text(f"# comment\ntool  1:2-3  {hashlib.sha256(content).hexdigest()}  a shell\n")
    result = machine.setup(BROKEN="1")
    tap.ok(result.returncode == 1 and "lib" in result.stdout, "without an archive it stops")
    result = machine.setup()
    file = machine.root / "out/sources/tool_2-3_amd64.deb"
    tap.ok(result.returncode == 0 and file.exists() and file.read_bytes() == content,
           "a package of a guest is fetched", result.stdout)
    tap.ok("download tool:amd64=1:2-3" in machine.asked(), "in its version", machine.asked())
    result = machine.setup(BROKEN="1")
    tap.equal((result.returncode, machine.asked()), (0, ""), "once")
    file.write_bytes(b"other")
    result = machine.setup()
    tap.ok(result.returncode == 1 and "SHA-256" in result.stdout and file.name in result.stdout,
           "one that was changed is an error", result.stdout)
    file.unlink()
    table.write_text(f"tool  1:2-3  {'0' * 64}  a shell\n")
    result = machine.setup()
    tap.ok(result.returncode == 1 and "0" * 64 in result.stdout and not file.exists(),
           "one with another sum is not taken", result.stdout)
    result = machine.setup(BROKEN="1")
    tap.ok(result.returncode == 1 and "cannot fetch the package tool" in result.stdout,
           "one that cannot be had is an error", result.stdout)


def check_failures(tree: support.Tree) -> None:
    machine = Machine(tree)
    if os.getuid() != 0:
        machine.script("sudo", SUDO)
    result = machine.setup(BROKEN="1")
    tap.ok(result.returncode == 1 and "no such package" in result.stdout,
           "a failing apt-get is an error with its words", result.stdout)
    machine = Machine(tree, installed=True)
    result = machine.setup(BROKEN="1")
    tap.ok(result.returncode == 1 and "lib" in result.stdout.splitlines()[-1],
           "a source that cannot be had is an error", result.stdout)


def check_rights(tree: support.Tree) -> None:
    if os.getuid() != 0:
        tap.skip("without root and sudo", "needs root, to become nobody")
        tap.skip("without root, with sudo", "needs root, to become nobody")
        return
    tree.root.chmod(0o755)
    machine = Machine(tree)
    for path in (machine.root, machine.tools):
        path.chmod(0o777)
    result = machine.setup(user=65534)
    tap.ok(result.returncode == 1 and "root" in result.stdout and "sudo" in result.stdout,
           "without root and sudo: says so and stops", result.stdout)
    machine.script("sudo", SUDO)
    result = machine.setup(user=65534)
    tap.ok(result.returncode == 0 and "using sudo" in result.stdout
           and "sudo env DEBIAN_FRONTEND=noninteractive apt-get" in machine.asked(),
           "without root, with sudo: says so and takes it", result.stdout, machine.asked())


with support.Tree() as the_tree:
    check_first_and_second(the_tree)
    check_no_apt(the_tree)
    check_sums(the_tree)
    check_guest_packages(the_tree)
    check_failures(the_tree)
    check_rights(the_tree)
sys.exit(tap.done())
