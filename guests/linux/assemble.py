"""Assembles the Linux guest from Debian's packages: kernel, uncompressed kernel, first file system.

    assemble.py PACKAGE_FOLDER INIT OUTPUT_FOLDER

INIT is the program of tiny.img. The same packages give the same bytes.
"""

import os
import pathlib
import re
import sys

import vmlinux
from archive import Cpio, Package

HERE = pathlib.Path(__file__).parent
MODULES = ("virtio_pci", "virtio-rng")
LIBRARIES = {
    "libxenmisc4.17": "libxenctrl.so.4.17", "libxencall1": "libxencall.so.1",
    "libxendevicemodel1": "libxendevicemodel.so.1", "libxenevtchn1": "libxenevtchn.so.1",
    "libxenforeignmemory1": "libxenforeignmemory.so.1", "libxengnttab1": "libxengnttab.so.1",
    "libxentoolcore1": "libxentoolcore.so.1", "libxentoollog1": "libxentoollog.so.1",
}
LIBRARY_FOLDER = "lib/x86_64-linux-gnu"


def open_packages(folder: pathlib.Path) -> dict[str, Package]:
    """The packages of the table, by name; the kernel's is called "linux"."""
    packages = {}
    for line in (HERE / "packages").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split()[:2]
            file = folder / f"{name}_{version.partition(':')[2] or version}_amd64.deb"
            packages["linux" if name.startswith("linux-image-") else name] = Package(file)
    return packages


def needs(module: bytes) -> list[str]:
    """The modules that a kernel module needs, as its section .modinfo says."""
    match = re.search(rb"\0depends=([^\0]*)\0", module)
    return [name for name in match[1].decode().split(",") if name] if match else []


def in_order(wanted: str, linux: Package, done: dict[str, bytes]) -> None:
    """Adds a module behind those that it needs."""
    paths = {path.rpartition("/")[2].replace("-", "_"): path for path in linux.members
             if path.endswith(".ko")}
    name = wanted.replace("-", "_")
    if name in done:
        return
    content = linux.read(paths[f"{name}.ko"])
    for other in needs(content):
        in_order(other, linux, done)
    done[name] = content


def make_initrd(packages: dict[str, Package]) -> bytes:
    cpio = Cpio()
    for folder in ("proc", "sys", "dev", "tmp", "root"):
        cpio.folder(folder)
    cpio.character_device("dev/console", 5, 1)
    cpio.file("bin/busybox", packages["busybox-static"].read("bin/busybox"), 0o755)
    cpio.link("bin/sh", "busybox")
    cpio.link("bin/cttyhack", "busybox")
    cpio.link("init", "bin/busybox")
    cpio.file("etc/inittab", (HERE / "files/inittab").read_bytes())
    cpio.file("etc/rc", (HERE / "files/rc").read_bytes(), 0o755)
    modules: dict[str, bytes] = {}
    for name in MODULES:
        in_order(name, packages["linux"], modules)
    for name, content in modules.items():
        cpio.file(f"lib/modules/{name}.ko", content)
    cpio.file("etc/modules", "".join(f"/lib/modules/{name}.ko\n" for name in modules).encode())
    cpio.file("sbin/kexec", packages["kexec-tools"].read("sbin/kexec"), 0o755)
    libc = packages["libc6"]
    cpio.file("lib64/ld-linux-x86-64.so.2",
              libc.read("lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"), 0o755)
    cpio.file(f"{LIBRARY_FOLDER}/libc.so.6", libc.read("lib/x86_64-linux-gnu/libc.so.6"), 0o755)
    for package, library in LIBRARIES.items():
        found = packages[package]
        cpio.file(f"{LIBRARY_FOLDER}/{library}", found.read(found.find(library)))
    return cpio.end()


def make_boot(kernel: bytes, initrd: bytes) -> bytes:
    """What a guest needs on top to start its own kernel once more."""
    cpio = Cpio()
    cpio.file("boot/vmlinuz", kernel)
    cpio.file("boot/initrd.img", initrd)
    return cpio.end()


def make_tiny(init: bytes) -> bytes:
    cpio = Cpio()
    cpio.character_device("dev/console", 5, 1)
    cpio.file("init", init, 0o755)
    return cpio.end()


def write(path: pathlib.Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    os.replace(new, path)


def main() -> None:
    folder, init, output = (pathlib.Path(word) for word in sys.argv[1:])
    packages = open_packages(folder)
    linux = packages["linux"]
    kernel = linux.read(next(path for path in linux.members if path.startswith("boot/vmlinuz-")))
    initrd = make_initrd(packages)
    output.mkdir(parents=True, exist_ok=True)
    write(output / "vmlinuz", kernel)
    write(output / "vmlinux", vmlinux.extract(kernel))
    write(output / "initrd.img", initrd)
    write(output / "kexec.img", initrd + make_boot(kernel, initrd))
    write(output / "tiny.img", make_tiny(init.read_bytes()))


if __name__ == "__main__":
    main()
