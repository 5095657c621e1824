"""Enter, pressed in the terminal that this process has in front of it. Nothing else is read."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def enter_pressed() -> Iterator[asyncio.Event]:
    """An event that is set when a line comes in on stdin, where stdin can be watched."""
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> None:
        descriptor = sys.stdin.fileno()
        if _is_in_background(descriptor):
            return  # the line is the shell's, and reading it would stop this process
        if not os.read(descriptor, 4096):
            loop.remove_reader(sys.stdin)
            return
        pressed.set()

    try:
        loop.add_reader(sys.stdin, read)
    except (OSError, ValueError, AttributeError):  # closed, a plain file, or none at all
        yield pressed
        return
    try:
        yield pressed
    finally:
        loop.remove_reader(sys.stdin)


def _is_in_background(descriptor: int) -> bool:
    return os.isatty(descriptor) and os.tcgetpgrp(descriptor) != os.getpgrp()
