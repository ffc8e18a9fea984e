#!/usr/bin/env python3
"""PCI configuration space while the first program runs: bus mastering is off on every function,
also behind bridges and on functions that the firmware had used."""

import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib import qemu  # noqa: E402  (needs the path above)
from tests.lib.monitor import Monitor  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402
from tests.observe import look  # noqa: E402
from tests.observe.look import System  # noqa: E402

CONFIGURATION = 0xB0000000  # where SeaBIOS puts q35's memory-mapped configuration space
COMMAND = 4
BUS_MASTER = 1 << 2
FUNCTION = re.compile(r"Bus\s+(\d+), device\s+(\d+), function (\d+):\n\s+(.*?): PCI device")
SAID = "# [first]   bus mastering   off on every PCI function"

# Controllers of which SeaBIOS turns bus mastering on, a device behind a bridge, and one that is
# there for DMA.
DEVICES = ("-blockdev", "driver=null-co,read-zeroes=on,node-name=d0",
           "-device", "virtio-blk-pci,drive=d0",
           "-device", "nec-usb-xhci",
           "-device", "edu",
           "-device", "pcie-root-port,id=root1,chassis=1",
           "-device", "e1000e,bus=root1")
MACHINES = {
    "plain": (1, ()),
    "devices, 2 CPUs": (2, DEVICES),
    "devices, IOMMU": (1, ("-device", "intel-iommu,intremap=on", *DEVICES)),
}


def functions(monitor: Monitor) -> list[tuple[int, int, int, str]]:
    """Bus, device, function and kind of each function that the machine has."""
    found = FUNCTION.findall(monitor.ask("info pci"))
    return [(int(bus), int(device), int(function), kind) for bus, device, function, kind in found]


def command_register(monitor: Monitor, bus: int, device: int, function: int) -> int:
    place = bus << 20 | device << 15 | function << 12
    return monitor.physical(CONFIGURATION + place + COMMAND, 2)[0]


def check(out: Tap, name: str, system: System, least: int) -> None:
    found = functions(system.monitor)
    out.ok(len(found) >= least, f"{name}: the functions are there", f"{len(found)} functions")
    for bus, device, function, kind in found:
        command = command_register(system.monitor, bus, device, function)
        out.ok(command != 0xFFFF and not command & BUS_MASTER,
               f"{name}: {bus:02x}:{device:02x}.{function} {kind} does not master the bus",
               f"command register {command:#06x}")
    out.ok(SAID in system.lines, f"{name}: the banner says so", *system.lines)


def masters(monitor: Monitor) -> int:
    """How many functions of bus 0 may master the bus; 0 before the firmware opened the space."""
    try:
        return sum(bus == 0 and bool(command_register(monitor, bus, device, function) & BUS_MASTER)
                   for bus, device, function, _ in functions(monitor))
    except LookupError:
        return 0


def check_firmware(out: Tap) -> None:
    """Without the loader, bus mastering is on somewhere: so the other checks can fail."""
    with qemu.Machine(["-cpu", "max", "-m", "64M", *DEVICES]) as machine:
        while not (on := masters(machine.monitor)) and time.monotonic() < machine.end:
            time.sleep(0.05)
        out.ok(on, "the firmware leaves bus mastering on")


def main() -> int:
    out = Tap()
    check_firmware(out)
    for name, (cpus, options) in MACHINES.items():
        with look.system(cpus, options=options) as system:
            check(out, name, system, least=9 if options else 4)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
