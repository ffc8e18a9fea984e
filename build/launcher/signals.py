"""Signals that end the launcher.

While an emulator runs they are only noted, and the session looks for them: an exception in the
middle of a wait for a child could leave that wait's lock taken for good.
"""

import contextlib
import signal
from typing import Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal that ends the launcher came."""


class State:
    arrived: str | None = None  # name of the signal
    deferred = False


def handle(number: int, _frame: object) -> None:
    for other in ENDING:  # the way out is not interrupted again
        signal.signal(other, signal.SIG_IGN)
    State.arrived = signal.Signals(number).name
    if not State.deferred:
        raise Interrupted(State.arrived)


def install() -> None:
    for number in ENDING:
        signal.signal(number, handle)


def arrived() -> bool:
    return State.arrived is not None


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Inside, a signal is noted; at the end it is raised."""
    State.deferred = True
    try:
        yield
    finally:
        State.deferred = False
    if State.arrived:
        raise Interrupted(State.arrived)
