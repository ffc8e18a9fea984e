#!/usr/bin/env python3
"""The build rules, in a copy of the tree with one small component: quiet, incremental, strict."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

tap = Tap()

FILES = {
    "build/sources": "# none\n",
    "thing/one.c": '#include "one.h"\nint _start(void);\nint _start(void)\n{\n    return ONE;\n}\n',
    "thing/one.h": "#define ONE 1\n",
    "thing/two.c": "int two(void);\nint two(void)\n{\n    return 2;\n}\n",
    "thing/component.mk": "thing.sources := thing/one.c thing/two.c\nthing.includes := thing\n"
                          "$(eval $(call program,thing))\n",
}


class Copy:
    def __init__(self, folder: str):
        self.root = pathlib.Path(folder) / "with a space"
        shutil.copytree(support.ROOT / "build", self.root / "build",
                        ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(support.ROOT / "Makefile", self.root)
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def make(self, *arguments: str) -> tuple[int, str]:
        """Status, and what was printed, in order of the alphabet: make works in parallel."""
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MAKELEVEL", "BUILD", "COMPILER", "V")}
        result = subprocess.run(["make", *arguments], cwd=self.root, env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, universal_newlines=True, check=False)
        return result.returncode, "\n".join(sorted(result.stdout.splitlines()))


def check_incremental(copy: Copy) -> None:
    compiled = "  CC      thing/one.c\n  CC      thing/two.c\n"
    linked = "  LD      out/gcc-debug/bin/thing.debug"
    tap.equal(copy.make(), (0, compiled + linked), "the first build shows each step")
    tap.ok((copy.root / "out/.setup").exists(), "the set-up came before it")
    tap.equal(copy.make(), (0, ""), "the second build does nothing")
    copy.write("thing/one.h", "#define ONE 2\n")
    tap.equal(copy.make(), (0, "  CC      thing/one.c\n" + linked),
              "a changed header compiles what includes it")
    copy.write("thing/component.mk", FILES["thing/component.mk"])
    tap.equal(copy.make(), (0, compiled + linked), "changed flags compile everything")
    copy.write("thing/three.c", "")
    sources = FILES["thing/component.mk"]
    copy.write("thing/component.mk", sources.replace("two.c", "two.c thing/three.c"))
    tap.equal(copy.make()[0], 0, "a source is added")
    copy.write("thing/component.mk", sources)
    os.utime(copy.root / "thing/component.mk", (0, 0))
    tap.equal(copy.make(), (0, linked), "a source that goes away relinks the program")
    (copy.root / "out/.setup").unlink()
    tap.equal(copy.make("help")[0], 0, "help works without set-up")
    tap.ok(not (copy.root / "out/.setup").exists(), "and does none")
    tap.equal(copy.make()[0], 0, "a lost stamp is written anew")
    status, output = copy.make("clean", "build")
    tap.ok(status == 0 and output.startswith(compiled + linked), "clean and build, in that order",
           output)


def check_choices(copy: Copy) -> None:
    status, output = copy.make("V=1", "COMPILER=clang", "BUILD=release")
    tap.ok(status == 0 and "clang -std=gnu17" in output and "-DCAIRN_DEBUG=0" in output,
           "another compiler and build; V=1 shows the commands", output)
    tap.ok((copy.root / "out/clang-release/bin/thing").exists(), "in a folder of its own")
    for name in ("COMPILER", "BUILD"):
        status, output = copy.make(f"{name}=wrong")
        tap.ok(status == 2 and f"{name} is 'wrong'" in output, f"a wrong {name} is refused", output)
    status, output = copy.make("distclean", "build")
    tap.ok(status == 2 and "goes alone" in output, "distclean with other goals is refused", output)


def check_strictness(copy: Copy) -> None:
    copy.write("thing/two.c", "static int two(void)\n{\n    return 2;\n}\n")
    status, output = copy.make()
    tap.ok(status == 2 and "unused-function" in output, "a warning is an error", output)
    tap.ok(not (copy.root / "out/gcc-debug/obj/thing/thing/two.c.o").exists()
           or copy.make()[0] == 2, "and stays one")
    copy.write("thing/two.c", FILES["thing/two.c"])
    copy.write("thing/component.mk", FILES["thing/component.mk"].replace(
        "thing/two.c", "\nthing.vendor := thing/old.c"))
    copy.write("thing/old.c", "static int old(void)\n{\n    return 1;\n}\n")
    tap.equal(copy.make()[0], 0, "fetched sources are compiled without our warnings")
    copy.write("thing/one.c", "int memcpy(int);\nint _start(void);\nint _start(void)\n{\n"
                              "    return memcpy(1);\n}\n")
    tap.equal(copy.make()[0], 2, "no C library is linked")


def check_variables(copy: Copy) -> None:
    """make run hands its variables to the launcher."""
    copy.write("build/cairn", "#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    tap.equal(copy.make("run", "PLATFORM=bochs", "CPUS=2", "MEMORY=64M", "CMDLINE=tests=* x"),
              (0, "<run><--build><debug><--compiler><gcc><--platform><bochs><--cpus><2><--memory>"
                  "<64M><--cmdline><tests=* x>"), "make run with variables")
    tap.equal(copy.make("run"),
              (0, "<run><--build><debug><--compiler><gcc><--system><bootstrap/demo.conf>"
                  "<guests/linux/linux.conf>"), "make run alone: the demonstration and Linux")
    tap.equal(copy.make("run", "VM=a.conf b.conf"),
              (0, "<run><--build><debug><--compiler><gcc><--system><bootstrap/demo.conf>"
                  "<a.conf><b.conf>"), "with VMs")
    tap.equal(copy.make("run", "SYSTEM=a.conf"),
              (0, "<run><--build><debug><--compiler><gcc><--system><a.conf>"), "with a system")


with tempfile.TemporaryDirectory(prefix="cairn-test-") as the_folder:
    the_copy = Copy(the_folder)
    for check in (check_incremental, check_choices, check_variables, check_strictness):
        check(the_copy)
sys.exit(tap.done())
