"""Exit statuses and the one kind of error that ends the launcher."""

import pathlib

# Exit statuses of `build/cairn run`. Others, a guest's among them, come from the system's line
# CAIRN-EXIT.
STATUS_USAGE = 2
STATUS_VMM_DIED = 6
STATUS_SYSTEM_FAILED = 8
STATUS_TIMEOUT = 124
STATUS_INTERRUPTED = 130

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class LauncherError(Exception):
    """Ends the command with one line on standard error and a status."""

    def __init__(self, message: str, status: int = STATUS_USAGE):
        super().__init__(message)
        self.status = status
