"""What a command is given to read: a file, or stdin where the name is `-`.

Every fault is one line that says which file, where in it, and what to do. What the content means
is the command's business.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from onhook.cli.failure import Failure
from onhook.settings.plain_yaml import NotPlain, read_yaml

STDIN = "-"
USAGE = 2
"""The status of a command that was given nothing it can read."""


def read_input(name: str) -> bytes:
    """The content of a file, or of stdin. Raises Failure."""
    try:
        return sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    except OSError as error:
        raise Failure(f"{name}: {error.strerror}", USAGE) from None
    except ValueError:
        raise Failure(f"{name!r}: is no file name", USAGE) from None


def shown_name(name: str) -> str:
    """How messages call it."""
    return "stdin" if name == STDIN else name


def read_plain(name: str, *, wanted: str) -> Any:
    """JSON or YAML as plain values. `wanted` says what it should hold. Raises Failure."""
    content = read_input(name)
    try:
        if content.lstrip()[:1] in (b"{", b"["):
            return msgspec.json.decode(content)
        return read_yaml(content)
    except (msgspec.DecodeError, NotPlain, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).replace('in "<byte string>",', "at").split())
        reason = reason or "nested too deeply"
        raise Failure(
            f"{shown_name(name)}: neither JSON nor YAML: {reason}; give it {wanted}", USAGE
        ) from None
