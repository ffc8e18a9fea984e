#!/usr/bin/env python3
"""`auto` takes nested KVM only where it is real: machines made up under CAIRN_SYSROOT."""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

tap = Tap()


def make(folder: str, files: dict[str, str | None]) -> None:
    for name, content in files.items():
        if content is not None:
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def cpuinfo(flags: str) -> str:
    return f"processor\t: 0\nvendor_id\t: x\nflags\t\t: fpu {flags} lm\nbugs\t\t: vmx_x\n\n"


INTEL = "sys/module/kvm_intel/parameters/nested"
AMD = "sys/module/kvm_amd/parameters/nested"
CASES = [
    ("Intel, nested Y", "kvm", "vmx", {INTEL: "Y\n", "dev/kvm": ""}),
    ("Intel, nested 1", "kvm", "vmx", {INTEL: "1\n", "dev/kvm": ""}),
    ("AMD, nested 1", "kvm", "svm", {AMD: "1\n", "dev/kvm": ""}),
    ("AMD, nested Y", "kvm", "svm", {AMD: "Y\n", "dev/kvm": ""}),
    ("nested N", "qemu", "vmx", {INTEL: "N\n", "dev/kvm": ""}),
    ("nested 0", "qemu", "svm", {AMD: "0\n", "dev/kvm": ""}),
    ("no module loaded", "qemu", "vmx", {"dev/kvm": ""}),
    ("the other vendor's module", "qemu", "svm", {INTEL: "Y\n", "dev/kvm": ""}),
    ("no /dev/kvm", "qemu", "vmx", {INTEL: "Y\n"}),
    ("/dev/kvm without flags: a software KVM", "qemu", "", {INTEL: "Y\n", "dev/kvm": ""}),
    ("flags that only look like it", "qemu", "avmx vmx_x svm_lock", {INTEL: "Y\n", "dev/kvm": ""}),
    ("an empty parameter", "qemu", "vmx", {INTEL: "", "dev/kvm": ""}),
]

with support.Tree() as tree:
    for about, wanted, flags, files in CASES:
        with tempfile.TemporaryDirectory() as folder:
            make(folder, {"proc/cpuinfo": cpuinfo(flags), **files})
            result = tree.cairn("platform", CAIRN_SYSROOT=folder)
            tap.ok(result.stdout.startswith(f"{wanted}: "), f"{about}: {wanted}",
                   result.stdout, result.stderr)
            ran = tree.cairn("run", CAIRN_SYSROOT=folder,
                             fake="say(' '.join(sys.argv) + '\\nCAIRN-EXIT 0\\n')")
            tap.ok(("-accel kvm" in ran.stdout) == (wanted == "kvm"), f"{about}: run does so too",
                   ran.stdout, ran.stderr)
            asked = tree.cairn("run", "--platform", "kvm", CAIRN_SYSROOT=folder,
                               fake="say('CAIRN-EXIT 0\\n')")
            tap.equal(asked.returncode, 0 if wanted == "kvm" else 2,
                      f"{about}: asking for KVM", asked.stderr)
    with tempfile.TemporaryDirectory() as folder:
        result = tree.cairn("platform", CAIRN_SYSROOT=folder)
        tap.ok(result.stdout.startswith("qemu: /proc/cpuinfo"), "no /proc: qemu", result.stdout)

sys.exit(tap.done())
