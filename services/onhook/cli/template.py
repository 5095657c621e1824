"""`onhook template`: evaluates an expression or a template, as Flow Designer's tester does."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from onhook.cli.event_file import event_of
from onhook.cli.failure import Failure
from onhook.cli.input_file import STDIN, USAGE, read_input, read_plain, shown_name
from onhook.cli.moment import moment_of
from onhook.cli.printed import harmless, print_json
from onhook.event_flow.sample import LAST, sampled
from onhook.event_flow.template_tester import context_of_event, evaluate
from onhook.flow.expression import compiled
from onhook.pebble import PebbleError

DELIMITERS = ("{{", "{%", "{#")


def execute(given: argparse.Namespace) -> int:
    if given.text == given.context == STDIN:
        raise Failure("template and context cannot both come from stdin; name a file", USAGE)
    source = _source(given.text)
    context = _context(given.context)
    now = moment_of(given.at) if given.at else datetime.now(UTC)
    try:
        evaluated = evaluate(source, context, as_json_body=given.json_body, now=now)
    except PebbleError as error:
        raise Failure(_described(error, source)) from None
    for note in (*evaluated.notes, *unknown_names(source, context)):
        sys.stderr.write(f"note: {note}\n")
    if not any(mark in source for mark in DELIMITERS):
        sys.stderr.write("note: nothing to evaluate; an expression stands in braces: {{ ... }}\n")
    if given.json:
        print_json({"output": evaluated.output, "type": evaluated.type})
    else:
        sys.stdout.write(evaluated.output + "\n")
    return 0


def unknown_names(source: str, context: Mapping[str, Any]) -> list[str]:
    """What to say of each name that is not in the context: it prints nothing."""
    found: dict[str, None] = {}
    for reference in compiled(source).references:
        known: Any = context
        for name in reference.path:
            if not isinstance(known, Mapping):
                break
            if name not in known:
                near = difflib.get_close_matches(name.lower(), _folded(known), 1, 0.6)
                hint = f"; did you mean {_folded(known)[near[0]]}?" if near else ""
                found[f"{reference} names nothing here, and prints nothing{hint}"] = None
                break
            known = known[name]
    return list(found)


def _folded(known: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(name) for name in known}


def _source(text: str) -> str:
    if text != STDIN:
        return text
    try:
        return read_input(STDIN).decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise Failure(f"stdin: is no UTF-8 at byte {error.start}", USAGE) from None


def _context(name: str | None) -> dict[str, Any]:
    if name is None:
        sample = sampled(LAST)
        return {} if sample is None else context_of_event(sample)
    plain = read_plain(name, wanted="an event or a map of names to values")
    if not isinstance(plain, Mapping):
        raise Failure(
            f"{shown_name(name)}: holds no map; give it an event, or names with their values", USAGE
        )
    if "specversion" in plain and "data" in plain:
        return context_of_event(event_of(plain, shown_name(name)))
    return dict(plain)


def _described(error: PebbleError, source: str) -> str:
    """The message, the line it is about, and a caret under the place."""
    lines = source.split("\n")
    message = f"line {error.line}, column {error.column}: {error.message}"
    if not 1 <= error.line <= len(lines):
        return message
    line = lines[error.line - 1].rstrip("\r")
    before = line[: error.column - 1]
    indent = "".join("\t" if char == "\t" else " " for char in before)
    return f"{message}\n{harmless(line)}\n{indent}^"
