"""What is read from and written to the machine's serial line, as pure state machines."""

import collections
import re

ESCAPE = 0x1D  # Ctrl-]
HELP = ("Ctrl-] q  quit the launcher\r\nCtrl-] Ctrl-]  send Ctrl-]\r\nCtrl-] ?  this help\r\n"
        "Ctrl-] and n, r or a digit: another program has the keyboard\r\n")

EXIT_LINE = re.compile(rb"CAIRN-EXIT ([0-9]{1,3})")
MAX_LINE = 4096  # bytes of a line that are remembered


class Transcript:
    """Follows the lines of the console.

    status is the number on the line CAIRN-EXIT while that is the last line, None otherwise.
    """

    def __init__(self, remembered: int = 20):
        self.lines: collections.deque[bytes] = collections.deque(maxlen=remembered)
        self.partial = b""
        self.status: int | None = None
        self.total = 0  # bytes seen

    def feed(self, data: bytes) -> None:
        self.total += len(data)
        pieces = data.split(b"\n")
        for piece in pieces[:-1]:
            self._end_line((self.partial + piece)[:MAX_LINE])
            self.partial = b""
        self.partial = (self.partial + pieces[-1])[:MAX_LINE]
        if self.partial.strip():
            self.status = None

    def _end_line(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        self.lines.append(line)
        match = EXIT_LINE.fullmatch(line)
        if match and int(match[1]) <= 255:
            self.status = int(match[1])
        elif line.strip():
            self.status = None

    def tail(self) -> list[str]:
        """The last lines, with what would disturb a terminal made visible."""
        lines = list(self.lines) + ([self.partial] if self.partial else [])
        return [re.sub(r"[^\x20-\x7e]", lambda match: f"\\x{ord(match[0]):02x}",
                       line.decode("latin-1")) for line in lines[-(self.lines.maxlen or 1):]]


class EscapeKey:
    """Takes the launcher's own keys out of what a person types.

    feed returns the bytes for the machine and the commands: "quit" or "help".
    """

    def __init__(self) -> None:
        self.armed = False

    def feed(self, data: bytes) -> tuple[bytes, list[str]]:
        passed = bytearray()
        commands = []
        for byte in data:
            if not self.armed:
                if byte == ESCAPE:
                    self.armed = True
                else:
                    passed.append(byte)
                continue
            self.armed = False
            if byte == ESCAPE:
                passed.append(byte)
            elif byte in b"qQ":
                commands.append("quit")
            elif byte in b"?":
                commands.append("help")
            else:  # for the system's own console
                passed += bytes((ESCAPE, byte))
        return bytes(passed), commands
