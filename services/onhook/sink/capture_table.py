"""Captures in SQLite: functions of a connection, to be run as jobs of the store.

Counters move in the transaction that moves the rows, so they are never wrong.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onhook.sink.capture import Capture, Captured, RawHeaders

NO_LIMIT = 2**62
LARGEST_CUT = 2_000
"""Captures deleted in one transaction at most, so that captures under way need not wait long."""
PAGE_BYTES = 32 * 1024 * 1024
"""Bytes of heads and bodies that a page reads; the captures beyond it come without a body."""

_SUMMARY = "received_us, sequence, id, reading_us, method, target, version, scheme, remote, size"
_CHOSEN = "FROM capture INDEXED BY capture_of_token WHERE token = ? AND received_us BETWEEN ? AND ?"
_headers = msgspec.msgpack.Decoder(RawHeaders)


class Inserted(Struct, frozen=True):
    """A capture's place in its token, and how many older ones made room for it."""

    sequence: int
    evicted: int


class Span(Struct, frozen=True):
    """From and to, in microseconds, both within."""

    from_us: int = 0
    to_us: int = NO_LIMIT


EVERYTHING = Span()


class Page(Struct, frozen=True, kw_only=True):
    captures: list[Captured]
    total: int
    evicted: int
    oldest_sequence: int | None


def insert(
    connection: sqlite3.Connection, number: int, capture: Capture, *, limit: int, most: int
) -> Inserted | None:
    """Store a capture of token `number`; None when that is gone or holds `limit` already.

    When the sink then holds more than `most`, the oldest of all are evicted.
    """
    row = connection.execute(
        "UPDATE token SET stored = stored + 1, last_sequence = last_sequence + 1"
        " WHERE number = ? AND stored < ? RETURNING last_sequence",
        (number, limit),
    ).fetchone()
    if row is None:
        return None
    key = capture.received_us
    connection.execute(
        "INSERT INTO capture VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            number,
            row[0],
            capture.id.bytes,
            capture.reading_us,
            capture.method,
            capture.target,
            capture.version,
            capture.scheme,
            capture.remote,
            capture.size,
        ),
    )
    connection.execute(
        "INSERT INTO content VALUES (?, ?, ?)",
        (key, msgspec.msgpack.encode(capture.headers), capture.body),
    )
    stored = connection.execute("UPDATE total SET stored = stored + 1 RETURNING stored").fetchone()[
        0
    ]
    return Inserted(row[0], _evict(connection, stored - most) if stored > most else 0)


def _evict(connection: sqlite3.Connection, count: int) -> int:
    oldest = connection.execute(
        "SELECT received_us, token FROM capture ORDER BY received_us LIMIT ?",
        (min(count, LARGEST_CUT),),
    ).fetchall()
    connection.executemany(
        "UPDATE token SET stored = stored - 1, evicted = evicted + 1 WHERE number = ?",
        [(token,) for _, token in oldest],
    )
    _delete(connection, [key for key, _ in oldest])
    return len(oldest)


def _delete(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Delete the rows of captures that exist; the token's counters are the caller's."""
    rows = [(key,) for key in keys]
    connection.executemany("DELETE FROM capture WHERE received_us = ?", rows)
    connection.executemany("DELETE FROM content WHERE received_us = ?", rows)
    connection.execute("UPDATE total SET stored = stored - ?", (len(keys),))


def delete_some(connection: sqlite3.Connection, number: int, span: Span) -> bool:
    """Delete the oldest captures of a token within `span`; True when more are left."""
    keys = _some_keys(connection, number, span)
    _delete(connection, keys)
    connection.execute("UPDATE token SET stored = stored - ? WHERE number = ?", (len(keys), number))
    return len(keys) == LARGEST_CUT


def delete_one(connection: sqlite3.Connection, number: int, key: int, identity: bytes) -> bool:
    """Delete one capture; False when there is none."""
    if _summary(connection, number, key, identity) is None:
        return False
    _delete(connection, [key])
    connection.execute("UPDATE token SET stored = stored - 1 WHERE number = ?", (number,))
    return True


def purge_some(connection: sqlite3.Connection) -> bool:
    """Delete captures whose token was removed; True when more are left."""
    row = connection.execute("SELECT number FROM removed_token LIMIT 1").fetchone()
    if row is None:
        return False
    keys = _some_keys(connection, row[0], EVERYTHING)
    _delete(connection, keys)
    if len(keys) < LARGEST_CUT:
        connection.execute("DELETE FROM removed_token WHERE number = ?", row)
    return True


def _some_keys(connection: sqlite3.Connection, number: int, span: Span) -> list[int]:
    rows = connection.execute(
        f"SELECT received_us {_CHOSEN} ORDER BY received_us LIMIT ?",
        (number, span.from_us, span.to_us, LARGEST_CUT),
    )
    return [key for (key,) in rows]


def last_microsecond(connection: sqlite3.Connection) -> int:
    return int(
        connection.execute("SELECT coalesce(max(received_us), 0) FROM capture").fetchone()[0]
    )


def stored_in_all(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT stored FROM total").fetchone()[0])


def page(
    connection: sqlite3.Connection,
    number: int,
    span: Span,
    *,
    newest_first: bool,
    limit: int,
    offset: int,
) -> Page | None:
    """Captures of a token, as one moment saw them; None when the token is gone."""
    connection.execute("BEGIN")
    try:
        counters = connection.execute(
            "SELECT uuid, stored, evicted FROM token WHERE number = ?", (number,)
        ).fetchone()
        if counters is None:
            return None
        token_id, total, evicted = counters
        within = (number, span.from_us, span.to_us)
        if span != EVERYTHING:
            total = connection.execute(f"SELECT count(*) {_CHOSEN}", within).fetchone()[0]
        oldest = connection.execute(
            f"SELECT sequence {_CHOSEN} ORDER BY received_us LIMIT 1",
            (number, 0, NO_LIMIT),
        ).fetchone()
        rows = connection.execute(
            f"SELECT {_SUMMARY} {_CHOSEN} ORDER BY received_us"
            f" {'DESC' if newest_first else 'ASC'} LIMIT ? OFFSET ?",
            (*within, limit, offset),
        ).fetchall()
        return Page(
            captures=_with_content(connection, token_id, rows),
            total=total,
            evicted=evicted,
            oldest_sequence=None if oldest is None else oldest[0],
        )
    finally:
        connection.execute("ROLLBACK")


def one(
    connection: sqlite3.Connection, number: int, token_id: str, key: int, identity: bytes
) -> Captured | None:
    connection.execute("BEGIN")
    try:
        row = _summary(connection, number, key, identity)
        return None if row is None else _captured(connection, token_id, row, with_body=True)
    finally:
        connection.execute("ROLLBACK")


def _summary(
    connection: sqlite3.Connection, number: int, key: int, identity: bytes
) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = connection.execute(
        f"SELECT {_SUMMARY} FROM capture WHERE received_us = ? AND token = ? AND id = ?",
        (key, number, identity),
    ).fetchone()
    return row


def _with_content(
    connection: sqlite3.Connection, token_id: str, rows: list[tuple[Any, ...]]
) -> list[Captured]:
    captures: list[Captured] = []
    room = PAGE_BYTES
    for row in rows:
        with_body = row[-1] <= room or not captures
        captured = _captured(connection, token_id, row, with_body=with_body)
        room -= captured.capture.head_size + (row[-1] if with_body else 0)
        captures.append(captured)
    return captures


def _captured(
    connection: sqlite3.Connection, token_id: str, row: tuple[Any, ...], *, with_body: bool
) -> Captured:
    key, sequence, identity, reading_us, method, target, version, scheme, remote, size = row
    headers, body = connection.execute(
        f"SELECT headers, {'body' if with_body else 'NULL'} FROM content WHERE received_us = ?",
        (key,),
    ).fetchone()
    return Captured(
        token=token_id,
        sequence=sequence,
        capture=Capture(
            id=uuid.UUID(bytes=identity),
            received_us=key,
            reading_us=reading_us,
            method=method,
            target=target,
            version=version,
            scheme=scheme,
            remote=remote,
            headers=_headers.decode(headers),
            size=size,
            body=body,
        ),
    )
