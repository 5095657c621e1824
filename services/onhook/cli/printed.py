"""What commands print: JSON for programs, columns for people. stdout only; nothing is decided here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec


def print_json(value: Any) -> None:
    """One value, indented: readable, and one document for a program."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns, each as wide as its widest cell; the last one as wide as it likes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        sys.stdout.write("  ".join([*cells, row[-1]]).rstrip() + "\n")


def one_line(text: str) -> str:
    """Text for a line of a list: without line breaks, and harmless to a terminal."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """Text from outside, its control characters but for line breaks and tabs written as escapes.

    A caller may choose what an agent types; a terminal must not obey it.
    """
    return "".join(
        char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text
    )


def moment(text: str) -> str:
    """A time of an answer, to the second: `2025-02-06 21:09:02Z`."""
    date, _, time = text.partition("T")
    return f"{date} {time[:8]}Z" if time else text
