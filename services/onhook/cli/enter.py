"""Enter, pressed in the terminal that this process has in front of it. Nothing else is read."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_AGAIN_S = 1.0


@contextmanager
def enter_pressed() -> Iterator[asyncio.Event]:
    """An event that is set when a line comes in on stdin, where stdin can be watched."""
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()
    later: asyncio.TimerHandle | None = None

    def watch() -> None:
        loop.add_reader(sys.stdin, read)

    def read() -> None:
        nonlocal later
        descriptor = sys.stdin.fileno()
        if _is_in_background(descriptor):
            # The line is the shell's, and reading it would stop this process. Nobody may read it
            # for long, so it is not watched meanwhile.
            loop.remove_reader(sys.stdin)
            later = loop.call_later(LOOK_AGAIN_S, watch)
            return
        try:
            is_line = bool(os.read(descriptor, 4096))
        except OSError:  # the terminal is gone
            is_line = False
        if is_line:
            pressed.set()
        else:
            loop.remove_reader(sys.stdin)

    try:
        watch()
    except (OSError, ValueError, AttributeError):  # closed, a plain file, or none at all
        yield pressed
        return
    try:
        yield pressed
    finally:
        if later is not None:
            later.cancel()
        loop.remove_reader(sys.stdin)


def _is_in_background(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:  # no terminal, or one that is gone
        return False
