"""The steps of a run as lines, for `onhook flow run` and `onhook trace`: plain data in, text out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from onhook.cli.printed import harmless, one_line

WIDTH = 100
LONGEST_VALUE = 300
MOST_BODY_LINES = 40
ENDS = frozenset({"end", "end-subflow"})
IN_ITS_REQUESTS = frozenset({"method", "url", "headers", "body"})
IN_ITS_ANSWERS = frozenset({"httpStatusCode", "httpResponseBody", "httpResponseHeaders"})
"""What is not told again where the requests and their answers are shown."""


def step_line(number: int, step: Mapping[str, Any], *, depth: int = 0) -> str:
    """` 2 Post  http-request-v2 -> default  12 ms`."""
    indent = "  " * depth
    visit = f" (visit {step['visit']})" if step["visit"] > 1 else ""
    name = f"{indent}{one_line(step['name'])}{visit}"
    is_end = step["activity"] in ENDS
    edge = f"-> {one_line(step['edge'])}" if step["edge"] else ("end" if is_end else "")
    return (
        f"{number:>3} {name:<32} {one_line(step['activity']):<20} {edge:<16} {took(step)}".rstrip()
    )


def took(timed: Mapping[str, Any]) -> str:
    """`12 ms`, `0.1 ms`."""
    elapsed_ms = timed["elapsed_ms"]
    return f"{elapsed_ms:.0f} ms" if elapsed_ms >= 10 else f"{elapsed_ms:.1f} ms"


def detail_lines(step: Mapping[str, Any]) -> Iterator[str]:
    """What went in, the requests, what came out, and notes; each value on a line of its own."""
    exchanges = step["requests"]
    yield from value_lines("in ", step["inputs"], without=IN_ITS_REQUESTS if exchanges else ())
    for exchange in exchanges:
        yield from exchange_lines(exchange)
    yield from value_lines("out", step["outputs"], without=IN_ITS_ANSWERS if exchanges else ())
    yield from note_lines(step["notes"])


def note_lines(notes: Iterable[str | None]) -> Iterator[str]:
    yield from (f"note {one_line(note)}" for note in notes if note)


def value_lines(
    word: str,
    values: Mapping[str, Any],
    *,
    without: Collection[str] = (),
    longest: int = LONGEST_VALUE,
) -> Iterator[str]:
    """`out Shown = ******1234`."""
    for name, value in values.items():
        if name not in without:
            yield f"{word} {one_line(name)} = {shown(value, longest)}"


def shown(value: Any, longest: int = LONGEST_VALUE) -> str:
    """A value on one line, cut where it is long."""
    text = one_line(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = harmless(text) or "(empty)"
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def exchange_lines(exchange: Mapping[str, Any]) -> Iterator[str]:
    """A request and its answer, as they went over the wire."""
    yield f"--> {exchange['method']} {one_line(exchange['url'])}"
    yield from (f"    {line}" for line in _message(exchange["headers"], exchange["body"]))
    if exchange["status"] is None:
        yield f"<-- {one_line(exchange['fault'] or 'failed')}, {took(exchange)}"
        return
    here = "" if exchange["was_sent"] else " (dry run: answered here)"
    yield f"<-- {exchange['status']}{here}, {took(exchange)}"
    message = _message(exchange["response_headers"], exchange["response_body"])
    yield from (f"    {line}" for line in message)


def _message(headers: Sequence[Sequence[str]], body: str) -> Iterator[str]:
    yield from (f"{name}: {one_line(value)}" for name, value in headers)
    if not body:
        return
    yield ""
    lines = harmless(body).split("\n")
    yield from (line.rstrip("\r") for line in lines[:MOST_BODY_LINES])
    if len(lines) > MOST_BODY_LINES:
        yield f"... {len(lines) - MOST_BODY_LINES} more lines"
