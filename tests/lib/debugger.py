"""QEMU's debugger stub, as far as tests change a machine through it: memory, whatever its page's
rights, and registers of the first CPU. GDB manual, "Remote Serial Protocol"."""

import re

from tests.lib.monitor import MachineError, connect

REGISTERS = {"rax": (0, 8), "rsp": (7, 8), "rip": (16, 8), "eflags": (17, 4)}  # number and bytes
DETACH = "D"  # its answer is not acknowledged: the machine may have ended by then
PACKET = re.compile(rb"\$([^#]*)#[0-9a-f]{2}")


class Debugger:
    """The machine stands still from the connection until detach()."""

    def __init__(self, path: str) -> None:
        self.connection = connect(path)
        self._ask("qXfer:features:read:target.xml:0,100")  # or QEMU refuses single registers

    def _ask(self, command: str) -> str:
        packet = f"${command}#{sum(command.encode()) & 0xFF:02x}".encode()
        answer = b""
        try:
            self.connection.sendall(packet)
            while not (match := PACKET.search(answer)):
                data = self.connection.recv(1 << 16)
                if not data:
                    raise MachineError(f"the debugger stub ended after '{command}'")
                answer += data
            if command != DETACH:
                self.connection.sendall(b"+")
        except OSError as error:
            raise MachineError(f"the debugger stub, after '{command}': {error}") from error
        return match[1].decode("ascii", "replace")

    def _do(self, command: str) -> None:
        if (answer := self._ask(command)) != "OK":
            raise MachineError(f"the debugger stub refuses '{command}': {answer!r}")

    def write(self, address: int, content: bytes) -> None:
        """Bytes at a virtual address of the address space that the first CPU is in."""
        self._do(f"M{address:x},{len(content):x}:{content.hex()}")

    def set_register(self, name: str, value: int) -> None:
        number, size = REGISTERS[name]
        self._do(f"P{number:x}={value.to_bytes(size, 'little').hex()}")

    def register(self, name: str) -> int:
        number, size = REGISTERS[name]
        return int.from_bytes(bytes.fromhex(self._ask(f"p{number:x}"))[:size], "little")

    def detach(self) -> None:
        """Let the machine run on."""
        self._do(DETACH)
        self.connection.close()
