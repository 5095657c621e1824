"""A command that cannot do its work: one line for the user, and the exit status."""

from __future__ import annotations


class Failure(Exception):
    """Printed as one line, without a traceback; the process exits with `status`."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
