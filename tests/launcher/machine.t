#!/usr/bin/env python3
"""The emulators' command lines, as pure functions of a machine."""

import sys

sys.dont_write_bytecode = True

import support  # noqa: E402,F401  (sets the paths)
from tests.lib.tap import Tap  # noqa: E402

import bochs  # noqa: E402
import image  # noqa: E402
import machine  # noqa: E402
import qemu  # noqa: E402
from errors import LauncherError  # noqa: E402

tap = Tap()

MODULES = (machine.Module("bin/kernel", "name=kernel"),
           machine.Module("a,b", "name=x list=1,2"))


def build(**changes: object) -> machine.Machine:
    values = dict(platform="qemu", cpus=2, memory=64 << 20, iommu=False, boot="kernel",
                  firmware="bios", loader="bin/loader", modules=MODULES, cmdline="tests=* a,b",
                  iso="x,y.iso")
    return machine.Machine(**{**values, **changes})


def after(arguments: list[str], option: str) -> str:
    return arguments[arguments.index(option) + 1] if option in arguments else ""


def refused(**changes: object) -> str:
    try:
        machine.check(build(**changes))
    except LauncherError as error:
        return str(error)
    return ""


def check_qemu() -> None:
    plain = qemu.arguments(build())
    tap.equal(after(plain, "-kernel"), "bin/loader", "QEMU starts the loader")
    tap.equal(after(plain, "-initrd"), "bin/kernel name=kernel,a,,b name=x list=1,,2",
              "commas in a module's file or arguments are doubled")
    tap.equal(after(plain, "-append"), "tests=* a,b", "the command line is passed as it is")
    tap.equal(after(plain, "-smp"), "2", "the number of CPUs")
    tap.ok("size=64M,reserve=off" in after(plain, "-object"), "memory, which this machine may lack")
    tap.equal(after(plain, "-cpu"), "max", "all features of the emulated CPU")
    tap.ok("-no-reboot" in plain, "a reset ends the run")
    tap.ok("-icount" not in plain and "-device" not in plain, "nothing that was not asked for")
    tap.equal(after(qemu.arguments(build(iommu=True)), "-device"), "intel-iommu,intremap=on",
              "an IOMMU")
    tap.equal(after(qemu.arguments(build(icount=True)), "-icount"), "shift=0,sleep=off",
              "time by instruction count")
    kvm = qemu.arguments(build(platform="kvm", iommu=True))
    tap.equal((after(kvm, "-accel"), after(kvm, "-cpu")), ("kvm", "host"), "KVM takes the host CPU")
    tap.equal(after(kvm, "-machine"), "q35,memory-backend=ram,kernel-irqchip=split",
              "KVM with an IOMMU emulates the I/O APIC outside")
    iso = qemu.arguments(build(boot="iso", firmware="uefi"))
    tap.ok("-kernel" not in iso and "-initrd" not in iso, "the ISO brings its own loader")
    tap.ok(any(word.endswith("file=x,,y.iso") for word in iso), "the ISO's commas are doubled")
    tap.ok(any("if=pflash" in word and "readonly=on" in word for word in iso), "UEFI is read-only")
    tap.equal(qemu.arguments(build(extra=("-x", "y")))[-2:], ["-x", "y"], "extra arguments last")


def check_bochs() -> None:
    lines = bochs.configuration(build(platform="bochs", boot="iso", iso="a b.iso"), "/dev/pts/9",
                                "a log").splitlines()
    tap.ok("megs: 64" in lines, "Bochs: memory in MiB")
    tap.ok("com1: enabled=1, mode=term, dev=/dev/pts/9" in lines, "Bochs: the serial line")
    tap.ok(any("count=2:1:1" in line and "corei7_skylake_x" in line for line in lines),
           "Bochs: CPU model and count")
    tap.ok(any('path="a b.iso"' in line for line in lines), "Bochs: the ISO's name is quoted")
    tap.equal(bochs.arguments("rc", "go"), ["bochs-bin", "-q", "-f", "rc", "-rc", "go"],
              "Bochs: told to go")


def check_refusals() -> None:
    iso = {"platform": "bochs", "boot": "iso"}
    tap.equal(refused(), "", "a machine that can be had")
    tap.equal(refused(**iso), "", "a Bochs machine that can be had")
    for words, changes in {
        "Bochs has no IOMMU": {**iso, "iommu": True},
        "only from the ISO": {"platform": "bochs"},
        "Bochs runs only its own BIOS": {**iso, "firmware": "uefi"},
        "Bochs has at most 8": {**iso, "cpus": 9},
        "whole MiB": {**iso, "memory": 1000000},
        "no monitor": {**iso, "monitor": "/m"},
        "expected 1 to 64": {"cpus": 0},
        "--boot iso": {"firmware": "uefi"},
        "only QEMU's own": {**iso, "icount": True},
        "one line": {"cmdline": "a\nb"},
        "printable ASCII": {"boot": "iso", "cmdline": "\u00e4"},
    }.items():
        message = refused(**changes)
        tap.ok(words in message, f"refused: {words}", message)


def check_parsing() -> None:
    tap.equal([machine.parse_memory(text) for text in ("64M", "6G", "512K", "4096")],
              [64 << 20, 6 << 30, 512 << 10, 4096], "memory sizes")
    for text in ("", "0", "0M", "-1M", "64m", "1.5G", "64MB", "M"):
        try:
            machine.parse_memory(text)
            tap.ok(False, f"memory size '{text}' is refused")
        except LauncherError:
            tap.ok(True, f"memory size '{text}' is refused")
    tap.equal(machine.module_name("a=b name=x c"), "x", "a module's name among its arguments")
    tap.equal(machine.module_name("name= noname=y"), "", "no name")
    standard = [machine.Module("k", "name=kernel"), machine.Module("f", "name=first")]
    other = machine.Module("o", "name=first")
    tap.equal(machine.merge_modules(standard, [other], ["kernel"]), [other],
              "modules can be replaced and left out")
    tap.equal(machine.merge_modules(standard, [], []), standard, "modules are kept in order")


def check_grub() -> None:
    text = image.grub_config([("/boot/module0", "name=kernel")], "tests=* it's $x")
    tap.ok("multiboot2 /boot/loader 'tests=*' 'it'\\''s' '$x'\n" in text,
           "GRUB's shell leaves the words of the command line alone", text)
    tap.ok("module2 /boot/module0 'name=kernel'\n" in text, "module with its arguments", text)


check_qemu()
check_bochs()
check_refusals()
check_parsing()
check_grub()
sys.exit(tap.done())
