"""QEMU's monitor: questions about a running machine, and a few things done to it."""

import re
import socket
import time

PROMPT = b"(qemu) "
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LIMIT = 10  # seconds for one answer


class MachineError(Exception):
    """The emulator did not do its part; the message says what and shows its last words."""


def connect(path: str) -> socket.socket:
    """A connection to a socket of QEMU's, which makes it a moment after its start."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(LIMIT)
    end = time.monotonic() + LIMIT
    while True:
        try:
            connection.connect(path)
            return connection
        except OSError as error:
            if time.monotonic() > end:
                connection.close()
                raise MachineError(f"no connection to {path}: {error}") from error
            time.sleep(0.02)


class Monitor:
    """One conversation with the monitor; the CPU that was selected stays selected."""

    def __init__(self, path: str) -> None:
        self.connection = connect(path)
        self._read_to_prompt()

    def close(self) -> None:
        self.connection.close()

    def _read_to_prompt(self) -> str:
        text = b""
        while not text.endswith(PROMPT):
            try:
                data = self.connection.recv(1 << 20)
            except OSError as error:
                raise MachineError(f"the monitor: {error}, after {text[-200:]!r}") from error
            if not data:
                raise MachineError(f"the monitor ended after {text[-200:]!r}")
            text += data
        return text[:-len(PROMPT)].decode("ascii", "replace")

    def ask(self, command: str) -> str:
        """The answer to a command, without the command's echo."""
        try:
            self.connection.sendall(command.encode() + b"\n")
        except OSError as error:
            raise MachineError(f"the monitor does not take '{command}': {error}") from error
        _, _, answer = ESCAPES.sub("", self._read_to_prompt()).partition("\n")
        return answer.replace("\r", "")

    def physical(self, address: int, size: int = 4, count: int = 1) -> list[int]:
        """Little-endian numbers of 1, 2, 4 or 8 bytes in physical memory; LookupError if there is
        nothing at that address."""
        letter = {1: "b", 2: "h", 4: "w", 8: "g"}[size]
        answer = self.ask(f"xp /{count}{letter}x {address:#x}")
        numbers = re.findall(r"\b0x[0-9a-f]+", answer)
        if "Cannot access" in answer or len(numbers) != count:
            raise LookupError(f"nothing is at {address:#x}")
        return [int(number, 16) for number in numbers]
