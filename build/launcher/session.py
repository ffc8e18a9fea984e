"""One run of a machine: console to the person and to the log, keys to the machine, and its end.

It always comes to an end: by the line CAIRN-EXIT, the emulator's end, the time limit, the escape
key or a signal. After CAIRN-EXIT the emulator has a grace period to power off by itself.
"""

import os
import selectors
import sys
import time
from typing import BinaryIO

import signals
from console import HELP, EscapeKey, Transcript
from emulator import Emulator

POLL = 0.05  # seconds between looks at the emulator's process
MAX_PENDING = 65536  # bytes of input that wait for the machine


class Session:
    def __init__(self, emulator: Emulator, log: BinaryIO, *, timeout: float | None, grace: float,
                 keyboard: int | None, escape: bool):
        self.emulator = emulator
        self.log = log
        self.transcript = Transcript()
        self.start = time.monotonic()
        self.limit = None if timeout is None else self.start + timeout
        self.grace = grace
        self.keyboard = keyboard  # descriptor, or None
        self.escape = EscapeKey() if escape else None
        self.pending = b""
        self.exit_seen: float | None = None  # when CAIRN-EXIT was last seen
        self.outcome = ""  # exit, ended, timeout or quit; none when a signal came

    def run(self) -> str:
        """Returns the outcome."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.emulator.console_out, selectors.EVENT_READ, self._from_machine)
            self._watch_keyboard(selector)
            while not self.outcome and not signals.arrived():
                self._flush_input()
                for key, _ in selector.select(POLL):
                    key.data(selector)
                self._look_at_end()
        self.emulator.end()
        while data := self.emulator.read():
            self._show(data)
        return self.outcome

    def _watch_keyboard(self, selector: selectors.BaseSelector) -> None:
        if self.keyboard is None:
            return
        try:
            selector.register(self.keyboard, selectors.EVENT_READ, self._from_keyboard)
        except PermissionError:  # a plain file: epoll cannot watch it, and it never makes us wait
            while data := os.read(self.keyboard, 65536):
                self.pending += data

    def _from_machine(self, selector: selectors.BaseSelector) -> None:
        data = self.emulator.read()
        if data:
            self._show(data)
        else:  # QEMU closed the line; Bochs' pseudo-terminal never reports that
            selector.unregister(self.emulator.console_out)

    def _show(self, data: bytes) -> None:
        self.log.write(data)
        self.log.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        self.transcript.feed(data)

    def _from_keyboard(self, selector: selectors.BaseSelector) -> None:
        assert self.keyboard is not None
        if len(self.pending) > MAX_PENDING:
            time.sleep(POLL)
            return
        data = os.read(self.keyboard, 4096)
        if not data:
            selector.unregister(self.keyboard)
            return
        if self.escape:
            data, commands = self.escape.feed(data)
            if "help" in commands:
                sys.stderr.write("\r\n" + HELP)
                sys.stderr.flush()
            if "quit" in commands:
                self.outcome = "quit"
        self.pending += data

    def _flush_input(self) -> None:
        if self.pending:
            self.pending = self.pending[self.emulator.write(self.pending):]

    def _look_at_end(self) -> None:
        now = time.monotonic()
        if self.outcome:
            return
        if not self.emulator.running():
            while data := self.emulator.read():
                self._show(data)
            self.outcome = "exit" if self.transcript.status is not None else "ended"
        elif self.transcript.status is not None:
            self.exit_seen = self.exit_seen or now
            if now >= self.exit_seen + self.grace:
                self.outcome = "exit"
        else:
            self.exit_seen = None
            if self.limit is not None and now >= self.limit:
                self.outcome = "timeout"
