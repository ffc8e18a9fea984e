"""The boot image: a hybrid ISO that GRUB starts on BIOS and UEFI machines.

Modules on it are lz4 frames with content size and content checksum, as the loader demands.
grub-mkrescue makes a BIOS-only image without a word when it lacks GRUB's UEFI modules, so what
it made is looked at before it is handed out.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from errors import ROOT, LauncherError
from machine import Module

CACHE = ROOT / "out/iso"
CACHE_SIZE = 8  # images kept

GRUB_CONFIG = """\
set timeout=0
if serial --unit=0 --speed=115200; then
    terminal_input serial console
    terminal_output serial console
fi
if [ "$grub_platform" = efi ]; then
    insmod all_video
fi
multiboot2 {loader}
{modules}
echo
boot
"""


def quote_words(text: str) -> str:
    """Words for GRUB's shell. One by one: GRUB would hand on a word with a space in quotes."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in text.split())


def grub_config(modules: list[tuple[str, str]], cmdline: str) -> str:
    """modules: (path on the image, arguments)."""
    loader = f"/boot/loader {quote_words(cmdline)}".rstrip()
    lines = [f"module2 {path} {quote_words(arguments)}" for path, arguments in modules]
    return GRUB_CONFIG.format(loader=loader, modules="\n".join(lines))


def run_tool(arguments: list[str]) -> str:
    """Runs a program to its end; its output. A failure is an error that shows the last lines."""
    try:
        result = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise LauncherError(f"{arguments[0]} is missing; build/setup installs it") from None
    if result.returncode != 0:
        tail = " / ".join(result.stdout.strip().splitlines()[-3:])
        raise LauncherError(f"{arguments[0]} failed: {tail}")
    return result.stdout


def check_boot_images(iso: pathlib.Path) -> None:
    """Both boot images are on it: El Torito entries for BIOS and for UEFI."""
    report = run_tool(["xorriso", "-indev", str(iso), "-report_el_torito", "plain"])
    entries = [line.split() for line in report.splitlines()
               if line.startswith("El Torito boot img")]
    platforms = {word for entry in entries for word in entry if word in ("BIOS", "UEFI")}
    for wanted, package in (("BIOS", "grub-pc-bin"), ("UEFI", "grub-efi-amd64-bin")):
        if wanted not in platforms:
            raise LauncherError(f"the image has no boot image for {wanted}: "
                                f"is the package {package} installed?")


def is_lz4(path: pathlib.Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x04\x22\x4d\x18"


def make(output: pathlib.Path, loader: str, modules: tuple[Module, ...], cmdline: str) -> None:
    """Writes the image under a name of its own first, so that output is whole or not there."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".iso-", dir=output.parent) as folder:
        tree = pathlib.Path(folder) / "tree"
        boot = tree / "boot"
        (boot / "grub").mkdir(parents=True)
        shutil.copyfile(loader, boot / "loader")
        placed = []
        for number, module in enumerate(modules):
            name = f"module{number}"
            source = pathlib.Path(module.path)
            if is_lz4(source):
                shutil.copyfile(source, boot / name)
            else:
                run_tool(["lz4", "-9", "--content-size", "-q", "-f", str(source), str(boot / name)])
            placed.append((f"/boot/{name}", module.arguments))
        (boot / "grub/grub.cfg").write_text(grub_config(placed, cmdline))
        image = pathlib.Path(folder) / "image.iso"
        run_tool(["grub-mkrescue", "--locales=", "--fonts=", "--themes=", "-o", str(image),
                  str(tree)])
        check_boot_images(image)
        os.replace(image, output)


def cache_key(loader: str, modules: tuple[Module, ...], cmdline: str) -> str:
    """A name for the image's content. What makes the image is part of it: this file."""
    key = hashlib.sha256(pathlib.Path(__file__).read_bytes())
    for text in [cmdline, *(module.arguments for module in modules)]:
        key.update(f"{len(text)}:{text}".encode())
    for path in [loader, *(module.path for module in modules)]:
        key.update(hashlib.sha256(pathlib.Path(path).read_bytes()).digest())
    return key.hexdigest()[:24]


def cached(loader: str, modules: tuple[Module, ...], cmdline: str) -> str:
    """The image for these contents, made if it is not there yet."""
    path = CACHE / f"{cache_key(loader, modules, cmdline)}.iso"
    if path.exists():
        os.utime(path)
    else:
        make(path, loader, modules, cmdline)
        prune(path)
    return str(path.relative_to(ROOT))


def prune(keep: pathlib.Path) -> None:
    """Drops the images used longest ago. Another run may do the same at the same time."""
    def last_use(path: pathlib.Path) -> float:
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            return 0

    for path in sorted(CACHE.glob("*.iso"), key=last_use, reverse=True)[CACHE_SIZE:]:
        if path != keep:
            path.unlink(missing_ok=True)
