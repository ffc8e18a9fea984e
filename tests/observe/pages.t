#!/usr/bin/env python3
"""The page tables of every CPU: no page that may be written and executed, nothing of the kernel
for programs, guard pages below every kernel stack, device registers uncached."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.lib.tap import Tap  # noqa: E402  (needs the path above)
from tests.observe import look  # noqa: E402
from tests.observe.look import Page, System  # noqa: E402

BOOT_INFO = 0x0000700000000000  # BOOT_INFO_ADDRESS in ipc/abi/boot_info.h
UTCB = 0x00006FFFFFFFF000  # FIRST_UTCB_ADDRESS in ipc/abi/syscall.h
PROGRAM = range(0x400000, 0x800000)
DEVICE_REGISTERS = range(0xFEC00000, 0xFF000000)
PAGE = 4096
KERNEL_IMAGE_LIMIT = 1 << 20  # bytes; more would be a mistake in the layout
STACKS = ("CPU_STACK", "CPU_NMI_STACK", "CPU_DF_STACK", "CPU_MC_STACK", "CPU_DB_STACK")


def check_none(out: Tap, pages: list[Page], description: str) -> None:
    """One result: there are no such pages."""
    out.ok(not pages, description, *(str(page) for page in pages[:10]))


def check_rights(out: Tap, name: str, pages: list[Page]) -> None:
    kernel = [page for page in pages if page.kernel_half]
    user = [page for page in pages if not page.kernel_half]
    out.ok(len(kernel) > 10, f"{name}: the kernel's half is mapped")
    check_none(out, [page for page in pages if page.writable and page.executable],
               f"{name}: no page is writable and executable")
    check_none(out, [page for page in kernel if page.user],
               f"{name}: no page of the kernel's half is open to programs")
    check_none(out, [page for page in user if not page.user],
               f"{name}: no page of the program's half is the kernel's")


def check_program(out: Tap, name: str, pages: list[Page]) -> None:
    """The first program's half holds its segments, its UTCB and the boot information only."""
    user = [page for page in pages if not page.kernel_half]
    info = [page for page in user if page.address >= BOOT_INFO]
    utcb = [page for page in user if page.address == UTCB]
    segments = [page for page in user if page.address < UTCB]
    out.ok(info and not any(page.writable or page.executable for page in info),
           f"{name}: boot information is there, read-only")
    out.ok(len(utcb) == 1 and utcb[0].writable and not utcb[0].executable,
           f"{name}: the UTCB is there, to be written and not to be executed")
    check_none(out, [page for page in segments if page.address not in PROGRAM],
               f"{name}: the program has nothing but its segments, UTCB and boot information")
    kernel = {page.frame for page in pages if page.kernel_half}
    out.ok({page.frame for page in utcb} <= kernel, f"{name}: the UTCB is a frame of the kernel's")
    check_none(out, [page for page in segments if page.frame in kernel],
               f"{name}: the kernel does not map the program's frames")


def check_frame_map(out: Tap, name: str, pages: list[Page], layout: dict[str, int]) -> None:
    """The kernel reaches each of its frames at one address, and there it is data."""
    frames = [page for page in pages
              if layout["FRAME_MAP"] <= page.address < layout["KERNEL_IMAGE"]]
    out.ok(len(frames) > 10, f"{name}: the frame map has the kernel's frames")
    check_none(out, [page for page in frames if page.address != layout["FRAME_MAP"] + page.frame],
               f"{name}: each frame is at its place in the frame map")
    check_none(out, [page for page in frames if page.executable],
               f"{name}: nothing in the frame map is executable")


def check_executable(out: Tap, name: str, pages: list[Page], layout: dict[str, int]) -> None:
    """Only the image's text, and the system-call entry page in the CPUs' windows."""
    image = range(layout["KERNEL_IMAGE"], layout["KERNEL_IMAGE"] + KERNEL_IMAGE_LIMIT)
    entry = [page for page in pages if page.executable and page.address >= layout["CPU_AREAS"]]
    others = [page for page in pages if page.kernel_half and page.executable
              and page.address not in image and page not in entry]
    check_none(out, others, f"{name}: nothing but text is executable in the kernel's half")
    check_none(out, [page for page in entry
                     if page.address % layout["CPU_AREA_SIZE"] != layout["CPU_ENTRY"]],
               f"{name}: of the CPUs' windows only the entry page is executable")


def check_guards(out: Tap, name: str, pages: list[Page], layout: dict[str, int],
                 cpus: int) -> None:
    """Each stack of each CPU is mapped, and the page below it is not."""
    mapped = {page.address for page in pages}
    stacks = [layout["CPU_AREAS"] + cpu * layout["CPU_AREA_SIZE"] + layout[stack]
              for cpu in range(cpus) for stack in STACKS]
    out.ok(all(stack in mapped for stack in stacks), f"{name}: every kernel stack is mapped")
    bad = [f"{stack - PAGE:x}" for stack in stacks if stack - PAGE in mapped]
    out.ok(not bad, f"{name}: a guard page lies below every kernel stack", *bad)
    end = layout["CPU_AREAS"] + cpus * layout["CPU_AREA_SIZE"]
    check_none(out, [page for page in pages if end <= page.address < layout["DEVICES"]],
               f"{name}: there are no windows of CPUs that are not there")


def check_devices(out: Tap, name: str, pages: list[Page]) -> None:
    devices = [page for page in pages if page.frame in DEVICE_REGISTERS]
    frames = {page.frame for page in devices}
    out.ok({0xFEE00000, 0xFEC00000} <= frames, f"{name}: local APIC and I/O APIC are mapped")
    check_none(out, [page for page in devices if not page.uncached],
               f"{name}: device registers are uncached")
    check_none(out, [page for page in pages if page.frame not in DEVICE_REGISTERS
                     and ("C" in page.flags or "T" in page.flags)],
               f"{name}: RAM is cached")


def check_tables(out: Tap, name: str, pages: list[Page], dump: str) -> None:
    """The CPU's descriptor tables lie in the kernel's half; the shared one cannot be written."""
    by_address = {page.address: page for page in pages}
    gdt, idt = (int(re.search(rf"\b{table}=\s+([0-9a-f]+)", dump)[1], 16)
                for table in ("GDT", "IDT"))
    gdt_page, idt_page = (by_address.get(base & ~(PAGE - 1)) for base in (gdt, idt))
    out.ok(gdt_page and gdt_page.kernel_half and not gdt_page.user,
           f"{name}: the GDT is the kernel's", str(gdt_page))
    out.ok(idt_page and idt_page.kernel_half and not idt_page.writable,
           f"{name}: the IDT is read-only", str(idt_page))


def check(out: Tap, system: System, layout: dict[str, int]) -> None:
    dumps = system.registers()
    for cpu in range(system.cpus):
        name = f"{system.cpus} CPUs, CPU {cpu}"
        pages = system.pages(cpu)
        check_rights(out, name, pages)
        check_executable(out, name, pages, layout)
        check_frame_map(out, name, pages, layout)
        check_guards(out, name, pages, layout, system.cpus)
        check_devices(out, name, pages)
        check_tables(out, name, pages, dumps[cpu])
        if cpu == 0:
            check_program(out, name, pages)
        else:
            check_none(out, [page for page in pages if not page.kernel_half],
                       f"{name}: a CPU without work is in nobody's address space")


def main() -> int:
    out = Tap()
    layout = look.read_layout()
    for cpus in (1, 2):
        with look.system(cpus) as system:
            check(out, system, layout)
    return out.done()


if __name__ == "__main__":
    sys.exit(main())
