#!/usr/bin/env python3
"""VM files on the host: every error of one, and what is booted for those that are good."""

import dataclasses
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

tap = Tap()

GOOD = "[vm]\nname = good\nmemory = 4M\nkernel = files/kernel\n"
SHOW_MODULES = """
modules = sys.argv[sys.argv.index('-initrd') + 1]
say(modules.replace(',', '\\n') + '\\nCAIRN-EXIT 0\\n')
"""
SHOW_MEMORY = """
import re
size = re.search(r'size=([0-9]+)([KMG]?)', ' '.join(sys.argv))
unit = {'': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}[size[2]]
say(f'{int(size[1]) * unit >> 20} MiB\\nCAIRN-EXIT 0\\n')
"""


@dataclasses.dataclass
class Place:
    """A folder of VM files in a made-up tree, with a blank in its name."""

    tree: support.Tree

    def __post_init__(self) -> None:
        self.folder = self.tree.root / "some vms"
        (self.folder / "files").mkdir(parents=True)
        for name, size in (("kernel", 100), ("initrd", 200), ("a b", 300), ("large", 5 << 20)):
            (self.folder / "files" / name).write_bytes(bytes(size))

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str((self.folder / name).relative_to(self.tree.root))

    def run(self, *words: str, fake: str = "") -> subprocess.CompletedProcess:
        return self.tree.cairn("run", *words, fake=fake)


def check_errors(place: Place) -> None:
    for line, about, text in [
        (":2", "name: 'a b': expected letters", "[vm]\nname = a b\n"),
        (":5", "'nmae' is no key of [vm]", GOOD + "nmae = x\n"),
        (":5", "[host] is no section", GOOD + "[host]\n"),
        (":5", "memory is there already, in line 3", GOOD + "memory = 8M\n"),
        (":3", "memory: '3M': expected 2M to 64G", "[vm]\nname = a\nmemory = 3M\n"),
        (":5", "vcpus: '2' is not built yet, expected 1", GOOD + "vcpus = 2\n"),
        (":5", "vcpus: '9': expected 1", GOOD + "vcpus = 9\n"),
        (":5", "boot: 'firmware' is not built yet", GOOD + "boot = firmware\n"),
        (":5", "boot: 'grub': expected linux, pvh or multiboot", GOOD + "boot = grub\n"),
        (":6", "[disk]: a disk is not built yet", GOOD + "\n[disk]\nimage = x\n"),
        (":5", "[net]: a network card is not built yet", GOOD + "[net]\nswitch = lan\n"),
        (":5", "priority: '77': expected 1 to 49", GOOD + "priority = 77\n"),
        (":5", "cpu_share: '200': expected 0 to 100", GOOD + "cpu_share = 200\n"),
        (":5", "on_reset: 'x': expected restart or stop", GOOD + "on_reset = x\n"),
        (":5", "on_crash: 'x': expected restart or stop", GOOD + "on_crash = x\n"),
        (":5", "initrd: some vms/none: no such file", GOOD + "initrd = none\n"),
        (":5", "initrd: some vms/files: expected a file", GOOD + "initrd = files\n"),
        (":3", "kernel: some vms/none: no such file", "[vm]\nname = a\nkernel = none\n"),
        (":6", "module: some vms/none: no such file",
         GOOD + "boot = pvh\nmodule = none x\n"),
        (":5", "module: boot = linux takes none", GOOD + "module = files/kernel\n"),
        (":3", "memory: 4M: expected more, for its files have 6M", GOOD + "initrd = files/large\n"),
        (":1", "[vm] has no name", "[vm]\n"),
        ("", "expected a section [vm]", "# nothing\n"),
    ]:
        file = place.write("bad.conf", text)
        done = place.run(file)
        words = f"cairn: {file}{line}: {about}"
        tap.ok(done.returncode == 2 and len(done.stderr.splitlines()) == 1
               and done.stderr.startswith(words), f"status 2, one line: {line} {about}", words,
               done.stderr)


def check_together(place: Place) -> None:
    one, two = place.write("one.conf", GOOD), place.write("two.conf", GOOD)
    other = place.write("other.conf", GOOD.replace("name = good", "name = other"))
    done = place.run(one, two)
    tap.ok(done.returncode == 2 and f"{two}:2: name: 'good' is that of {one} too" in done.stderr,
           "two VMs of one name", done.stderr)
    done = place.run(place.tree.root.name + "/none.conf")
    tap.ok(done.returncode == 2 and "no such file" in done.stderr, "a VM file that is not there",
           done.stderr)
    done = place.run("--memory", "64M", one)
    tap.ok(done.returncode == 2 and "--memory 64M: expected 128M or more" in done.stderr,
           "a machine that is too small", done.stderr)
    done = place.run("--memory", "128M", one, fake=SHOW_MEMORY)
    tap.ok(done.returncode == 0 and "128 MiB" in done.stdout, "one that is not", done.stderr)
    done = place.run(one, other, fake=SHOW_MEMORY)
    tap.ok(done.returncode == 0 and "256 MiB" in done.stdout, "256M is what there is at least",
           done.stdout)
    large = place.write("large.conf", GOOD.replace("4M", "1G"))
    done = place.run(large, fake=SHOW_MEMORY)
    sizes = [int(number) for number in re.findall(r"\d+", done.stdout)]
    tap.ok(done.returncode == 0 and sizes and 1024 + 64 < sizes[0] < 1024 + 192,
           "a large VM makes a large machine", done.stdout)
    (place.tree.root / "out/gcc-debug/bin/vmm").rename(place.tree.root / "vmm")
    done = place.run(one)
    tap.ok(done.returncode == 2 and "bin/vmm is missing" in done.stderr, "no VMM", done.stderr)
    (place.tree.root / "vmm").rename(place.tree.root / "out/gcc-debug/bin/vmm")
    (place.tree.root / "out/host/bin/vm-check").rename(place.tree.root / "vm-check")
    done = place.run(one)
    tap.ok(done.returncode == 2 and "vm-check is missing; make makes it" in done.stderr,
           "no vm-check", done.stderr)
    (place.tree.root / "vm-check").rename(place.tree.root / "out/host/bin/vm-check")


def configuration(place: Place) -> dict[str, list[str]]:
    """The sections of the configuration that was made last."""
    newest = max((place.tree.root / "out/vms").glob("*.conf"),
                 key=lambda file: file.stat().st_mtime_ns)
    found: dict[str, list[str]] = {}
    for line in newest.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith(";"):
            section.append(re.sub(" *= *", " = ", line))
    return found


def check_system(place: Place) -> None:
    full = place.write("full.conf", GOOD + "boot = pvh\ninitrd = files/initrd\npriority = 7\n"
                       'module = "files/a b" x y\nmodule = files/kernel\ncpu_share = 30\n'
                       "on_crash = restart\n")
    second = place.write("second.conf", GOOD.replace("name = good", "name = second"))
    done = place.run(full, second, fake=SHOW_MODULES)
    tap.equal(done.returncode, 0, "two VMs are run", done.stderr)
    for name in ("system.conf", "vmm", "vm.good", "vm.good.kernel", "vm.good.initrd",
                 "vm.good.module0", "vm.good.module1", "vm.second", "vm.second.kernel", "console"):
        tap.ok(re.search(f"name={re.escape(name)}$", done.stdout, re.M), f"module {name}",
               done.stdout)
    tap.ok("vm.second.initrd" not in done.stdout, "and none that is not said")
    found = configuration(place)
    good, other = found["vm.good"], found["vm.second"]
    for row in ("program = vmm", "ram = 4194304", "priority = 7", "cpu_share = 30",
                "restart = fault", "ends = yes", "failure = 6",
                "files = vm.good vm.good.kernel vm.good.initrd vm.good.module0 vm.good.module1"):
        tap.ok(row in good, f"the first VM: {row}", str(good))
    for row in ("priority = 16", "restart = never", "ends = no", "failure = 6",
                "files = vm.second vm.second.kernel"):
        tap.ok(row in other, f"the second VM: {row}", str(other))
    tap.ok(not any("cpu_share" in row for row in other), "no share is no limit")
    tap.ok("arguments = vm.good" in found["console"], "the first VM has the keyboard",
           str(found["console"]))
    place.run("--wait", "all", full, second, fake=SHOW_MODULES)
    found = configuration(place)
    tap.ok(all("ends = all" in found[name] for name in ("vm.good", "vm.second")),
           "--wait all: the run ends with the last one", str(found))


def check_base(place: Place) -> None:
    good = place.write("one.conf", GOOD)
    base = place.write("base.conf", "[load]\nfiles = beside.txt\n[console]\n")
    place.write("beside.txt", "text")
    done = place.run("--system", base, good, fake=SHOW_MODULES)
    found = configuration(place)
    tap.ok(done.returncode == 0 and "name=beside.txt" in done.stdout and "load" in found
           and "vm.good" in found and "clock" not in found
           and "arguments = vm.good" in found["console"],
           "--system names what there is beside the VMs", done.stdout + done.stderr)
    done = place.run("--system", "none.conf", good)
    tap.ok(done.returncode == 2 and "--system none.conf" in done.stderr, "which must be there",
           done.stderr)


def check_image(place: Place) -> None:
    good = place.write("one.conf", GOOD)
    done = place.tree.cairn("iso", "--build", "debug", "-o", "x.iso", good)
    tap.ok(done.returncode == 0 and (place.tree.root / "x.iso").is_file(), "an image with a VM",
           done.stderr)
    listed = subprocess.run(["xorriso", "-osirrox", "on", "-indev", str(place.tree.root / "x.iso"),
                             "-extract", "/boot/grub/grub.cfg", str(place.tree.root / "cfg")],
                            capture_output=True, text=True, check=False)
    text = (place.tree.root / "cfg").read_text() if listed.returncode == 0 else listed.stderr
    tap.ok(all(f"name={name}'" in text for name in ("vm.good", "vm.good.kernel", "vmm")),
           "has its modules", text)


def check_table(_: Place) -> None:
    """The documentation has the table that the parser has; and our own VM files are good."""
    checker = support.ROOT / "out/host/bin/vm-check"
    table = subprocess.run([str(checker), "--table"], capture_output=True, text=True, check=True)
    text = (support.ROOT / "vmm-server/config/README.md").read_text()
    tap.ok(table.stdout in text, "the README of the VM file has the table of all keys",
           table.stdout)
    for path in sorted((support.ROOT / "guests").rglob("*.conf")):
        done = subprocess.run([str(checker), str(path)], capture_output=True, text=True,
                              check=False)
        tap.equal(done.returncode, 0, f"{path.relative_to(support.ROOT)} is good", done.stdout)
    done = subprocess.run([str(checker), "/none.conf"], capture_output=True, text=True, check=False)
    tap.ok(done.returncode == 2 and done.stdout.startswith("error /none.conf: No such file"),
           "vm-check: a file that is not there", done.stdout)
    done = subprocess.run([str(checker)], capture_output=True, text=True, check=False)
    tap.ok(done.returncode == 2 and "usage" in done.stderr, "vm-check: no file", done.stderr)


with support.Tree() as the_tree:
    the_place = Place(the_tree)
    for check in (check_errors, check_together, check_system, check_base, check_image, check_table):
        check(the_place)
sys.exit(tap.done())
