"""One process a folder: a lock that dies with the process that holds it (flock)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderHeld(Exception):
    """Another process works in this folder."""


@contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """Hold `folder` for the service `name`. Raises FolderHeld, which names the first."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise FolderHeld(f"{folder}: {error.strerror}; choose another with ONHOOK_DATA") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            first = os.read(descriptor, 200).decode(errors="replace") or "another process"
            raise FolderHeld(
                f"{folder} is in use by {first}; stop it, or choose another folder with ONHOOK_DATA"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{name} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)
