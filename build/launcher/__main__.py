"""build/cairn: boots Cairn on this machine's emulators, and makes boot images."""

import argparse
import os
import pathlib
import sys

import image
import platforms
import run
import signals
import vms
from errors import STATUS_INTERRUPTED, STATUS_USAGE, LauncherError

EPILOGUE = """\
exit status of run: 0 power-off; odd: a guest's own status; 2 usage, VM file or configuration;
4 guest crash; 6 a VMM died; 8 the system failed; 124 timeout; 130 interrupted.
The escape key is Ctrl-] (then ? for help, q to quit).
"""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise LauncherError(f"{message} (build/cairn help)")


def firmware(name: str) -> str:
    """bios or uefi; the firmware's own names mean the same."""
    return {"seabios": "bios", "ovmf": "uefi"}.get(name, name)


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError
    return value


def add_content_options(parser: argparse.ArgumentParser, build: str) -> None:
    add = parser.add_argument
    add("--build", choices=["debug", "release"], default=build, help=f"programs (default: {build})")
    add("--compiler", choices=["gcc", "clang"], default="gcc", help="whose programs (default: gcc)")
    add("--cmdline", default="", metavar="STRING",
        help="a command line: for the program of the system tests, which then runs")
    add("--module", action="append", default=[], metavar="FILE,ARGS",
        help="one more boot module; ARGS holds name=NAME; replaces one of the same name")
    add("--system", metavar="FILE",
        help="a system.conf: root starts the programs that it names (default: the demonstration's, "
        "bootstrap/demo.conf; with VM files bootstrap/vms.conf)")
    add("--without", action="append", default=[], metavar="NAME", help="leave this module out")
    add("vm", nargs="*", metavar="VM.conf", help="a virtual machine to start")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--platform", choices=["auto", "qemu", "kvm", "bochs"], default="auto",
        help="emulator; auto: nested KVM where that is real, else QEMU (build/cairn platform)")
    add("--cpus", type=int, default=1, metavar="N", help="number of CPUs (default: 1)")
    add("--memory", metavar="SIZE",
        help="with K, M or G (default: 256M, or what the VMs need)")
    add("--iommu", action="store_true", help="a machine with an Intel IOMMU (not Bochs)")
    add("--timeout", type=seconds, metavar="SECONDS",
        help="end the machine then; without it: none at a terminal, otherwise 120")
    add("--headless", action="store_true", help="read no input and leave the terminal as it is")
    add("--wait", choices=["all"], help="wait for every VM's end, not just the first")
    add("--boot", choices=["kernel", "iso"], help="QEMU's own loader, or GRUB from an image")
    add("--firmware", type=firmware, choices=["bios", "uefi"], default="bios",
        help="what starts GRUB: bios (seabios) or uefi (ovmf)")
    add("--iso", metavar="FILE", help="boot this image instead of one made for the run")
    add("--monitor", metavar="SOCKET", help="QEMU's monitor on this socket")
    add("--icount", action="store_true", help="QEMU: time counts executed instructions")
    add("--grace", type=seconds, default=1.0, metavar="SECONDS",
        help="how long the machine may take to power off after CAIRN-EXIT (default: 1)")
    add("--extra", action="append", default=[], metavar="ARGUMENTS",
        help="more arguments for QEMU, or a configuration line for Bochs")


def parsers() -> list[argparse.ArgumentParser]:
    """The parser of the whole command line; then those of the commands that have options."""
    top = Parser(prog="build/cairn", description=__doc__, epilog=EPILOGUE, allow_abbrev=False,
                 formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND",
                                  parser_class=Parser)
    run_parser = commands.add_parser("run", help="boot the system", allow_abbrev=False)
    add_run_options(run_parser)
    add_content_options(run_parser, "debug")
    iso_parser = commands.add_parser("iso", help="write a boot image", allow_abbrev=False)
    iso_parser.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    add_content_options(iso_parser, "release")
    commands.add_parser("platform", help="print what --platform auto means here, and why")
    commands.add_parser("help", help="print this help")
    return [top, run_parser, iso_parser]


def make_iso(options: argparse.Namespace) -> int:
    output = pathlib.Path(os.path.abspath(options.output))
    loader, modules = run.choose_modules(options, vms.read_all(options.vm))
    os.chdir(run.ROOT)
    image.make(output, loader, modules, options.cmdline)
    return 0


def print_platform() -> int:
    name, reason = platforms.choose(os.environ.get("CAIRN_SYSROOT", ""))
    print(f"{name}: {reason}")
    return 0


def main(arguments: list[str]) -> int:
    signals.install()
    try:
        every = parsers()
        options = every[0].parse_args(arguments)
        if options.command == "run":
            return run.run(options)
        if options.command == "iso":
            return make_iso(options)
        if options.command == "platform":
            return print_platform()
        print("\n".join(parser.format_help() for parser in every))
        return 0
    except LauncherError as error:
        print(f"cairn: {error}", file=sys.stderr)
        return error.status
    except OSError as error:
        print(f"cairn: {error}", file=sys.stderr)
        return STATUS_USAGE
    except signals.Interrupted as error:
        print(f"cairn: ended by {error}", file=sys.stderr)
        return STATUS_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
