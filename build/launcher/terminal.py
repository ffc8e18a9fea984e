"""The person's terminal in raw mode, restored on every way out."""

import os
import termios


def interactive(descriptor: int) -> bool:
    """Is this a terminal that we may read: are we its foreground process group?"""
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


class RawTerminal:
    """Context manager. Keys come one by one and unechoed, Ctrl-C too; output works as before."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __enter__(self) -> "RawTerminal":
        self.saved = termios.tcgetattr(self.descriptor)
        mode = termios.tcgetattr(self.descriptor)
        mode[0] &= ~(termios.ICRNL | termios.INLCR | termios.IXON | termios.ISTRIP | termios.BRKINT)
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
        mode[6][termios.VMIN] = 1
        mode[6][termios.VTIME] = 0
        termios.tcsetattr(self.descriptor, termios.TCSANOW, mode)
        return self

    def __exit__(self, *unused: object) -> None:
        termios.tcsetattr(self.descriptor, termios.TCSANOW, self.saved)
