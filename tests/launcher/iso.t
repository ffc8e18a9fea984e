#!/usr/bin/env python3
"""build/cairn iso: what is on the image, and that a half-made one is never handed out."""

import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

tap = Tap()

# grub-mkrescue as it is without GRUB's modules for UEFI: the image has a BIOS part only.
BIOS_ONLY = """\
#!/bin/sh
exec {real} -d /usr/lib/grub/i386-pc "$@"
"""


def extract(iso: pathlib.Path, name: str, target: pathlib.Path) -> bytes:
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", str(iso), "-extract", name, str(target)],
                   capture_output=True, check=True)
    return target.read_bytes()


def check_content(tree: support.Tree) -> None:
    iso = tree.root / "new/folder/x.iso"
    extra = tree.root / "data.bin"
    extra.write_bytes(b"data" * 1000)
    result = tree.cairn("iso", "-o", "new/folder/x.iso", "--cmdline", "tests=* quiet",
                        "--module", f"{extra},name=test.x")
    if not tap.equal(result.returncode, 0, "an image is made", result.stderr):
        return
    config = extract(iso, "/boot/grub/grub.cfg", tree.root / "cfg").decode()
    tap.ok("'tests=*' 'quiet'" in config and "'name=kernel'" in config and "'name=first'" in config
           and "'name=test.x'" in config, "command line and modules are in GRUB's configuration",
           config)
    tap.equal(extract(iso, "/boot/loader", tree.root / "loader"), b"loader" * 100, "the loader")
    for number, content in enumerate((b"kernel" * 100, b"first" * 100, b"data" * 1000)):
        packed = extract(iso, f"/boot/module{number}", tree.root / f"m{number}")
        flags = packed[4]
        tap.ok(packed[:4] == b"\x04\x22\x4d\x18" and flags & 0x08 and flags & 0x04,
               f"module {number} is an lz4 frame with content size and checksum", packed[:8].hex())
        plain = subprocess.run(["lz4", "-dcq"], input=packed, capture_output=True, check=True)
        tap.equal(plain.stdout, content, f"module {number} unpacks to what it was")


def check_one_firmware(tree: support.Tree) -> None:
    real = shutil.which("grub-mkrescue")
    tree.script("grub-mkrescue", BIOS_ONLY.format(real=real))
    result = tree.cairn("iso", "-o", "half.iso")
    tap.ok(result.returncode == 2 and "UEFI" in result.stderr and "grub-efi-amd64-bin"
           in result.stderr, "an image that boots only on BIOS is an error", result.stderr)
    tap.ok(not (tree.root / "half.iso").exists(), "and is not handed out")
    tree.script("grub-mkrescue", "#!/bin/sh\necho no space left; exit 1\n")
    result = tree.cairn("iso", "-o", "half.iso")
    tap.ok(result.returncode == 2 and "no space left" in result.stderr,
           "a failing grub-mkrescue is an error with its words", result.stderr)
    tap.ok(not list(tree.root.glob(".iso-*")), "no temporary files are left")
    (tree.tools / "grub-mkrescue").unlink()


def check_cache(tree: support.Tree) -> None:
    fake = "say(' '.join(sys.argv) + '\\nCAIRN-EXIT 0\\n')"
    images = tree.root / "out/iso"
    for cmdline, count in (("a", 1), ("a", 1), ("b", 2)):
        result = tree.cairn("run", "--boot", "iso", "--cmdline", cmdline, fake=fake)
        tap.equal((result.returncode, len(list(images.glob("*.iso")))), (0, count),
                  f"--boot iso with command line {cmdline}: {count} images made so far",
                  result.stderr)
    (tree.root / "out/gcc-debug/bin/kernel").write_bytes(b"another")
    tree.cairn("run", "--boot", "iso", "--cmdline", "a", fake=fake)
    tap.equal(len(list(images.glob("*.iso"))), 3, "another kernel makes another image")


with support.Tree() as the_tree:
    check_content(the_tree)
    check_one_firmware(the_tree)
    check_cache(the_tree)
sys.exit(tap.done())
