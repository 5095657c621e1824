"""The embedded bus's tables, and every SQL statement on them.

Each function makes or is a job for `Database.write` or `Database.read`: it may touch nothing but
the connection, since a job may run twice. It must not know tasks, consumers or timers.
A message that was handed out has a row in `handed_out`, so that it survives a killed process,
counts, and comes again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from onhook.bus.port import HeaderValue
from onhook.contracts.topology import TOPOLOGY, Queue

MIGRATIONS = (
    """
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        due REAL,
        deliveries INTEGER NOT NULL DEFAULT 0,
        message_id TEXT NOT NULL,
        type TEXT,
        content_type TEXT,
        exchange TEXT NOT NULL,
        routing_key TEXT NOT NULL,
        headers BLOB,
        body BLOB NOT NULL
    );
    CREATE INDEX message_in_queue ON message (queue, id);
    CREATE INDEX message_due ON message (due) WHERE due IS NOT NULL;
    CREATE TABLE handed_out (message INTEGER PRIMARY KEY)
    """,
)

MOVED_TOGETHER = 500
"""Messages whose time has come that move in one job."""

Job: TypeAlias = Callable[[sqlite3.Connection], object]

_IS_FREE = "NOT EXISTS (SELECT 1 FROM handed_out WHERE handed_out.message = message.id)"
_COLUMNS = "id, deliveries, message_id, type, content_type, exchange, routing_key, headers, body"
_COPIED = "message_id, type, content_type, headers, body"


class Stored(Struct, frozen=True):
    """One message as it lies in the file. The fields are `_COLUMNS`, in order."""

    id: int
    deliveries: int
    message_id: str
    type: str | None
    content_type: str | None
    exchange: str
    routing_key: str
    encoded_headers: bytes | None
    body: bytes

    def headers(self) -> dict[str, HeaderValue]:
        if self.encoded_headers is None:
            return {}
        return msgspec.json.decode(self.encoded_headers, type=dict[str, HeaderValue])


class Arrival(Struct, frozen=True, kw_only=True):
    """One message on its way into one queue."""

    queue: Queue
    due: float | None
    message_id: str
    type: str | None
    content_type: str | None
    exchange: str
    routing_key: str
    encoded_headers: bytes | None
    body: bytes


def put(arrivals: Sequence[Arrival]) -> Callable[[sqlite3.Connection], None]:
    """Store a message in each queue that it was routed to."""

    def job(connection: sqlite3.Connection) -> None:
        for arrival in arrivals:
            connection.execute(
                "INSERT INTO message (queue, due, message_id, type, content_type, exchange, "
                "routing_key, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    arrival.queue.name,
                    arrival.due,
                    arrival.message_id,
                    arrival.type,
                    arrival.content_type,
                    arrival.exchange,
                    arrival.routing_key,
                    arrival.encoded_headers,
                    arrival.body,
                ),
            )
            _drop_oldest(connection, arrival.queue)

    return job


def _drop_oldest(connection: sqlite3.Connection, queue: Queue) -> None:
    """Keep a bounded queue within its bound."""
    if queue.max_length is None:
        return
    connection.execute(
        "DELETE FROM message WHERE id IN ("
        f"SELECT id FROM message WHERE queue = ? AND {_IS_FREE} ORDER BY id "
        "LIMIT max(0, (SELECT count(*) FROM message WHERE queue = ?) - ?))",
        (queue.name, queue.name, queue.max_length),
    )


def hand_out(queue: str, limit: int) -> Callable[[sqlite3.Connection], list[Stored]]:
    """Take the oldest free messages of a queue, remembering that they are out."""

    def job(connection: sqlite3.Connection) -> list[Stored]:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM message WHERE queue = ? AND {_IS_FREE} ORDER BY id LIMIT ?",
            (queue, limit),
        ).fetchall()
        connection.executemany(
            "INSERT INTO handed_out (message) VALUES (?)", [(row[0],) for row in rows]
        )
        return [Stored(*row) for row in rows]

    return job


def find(queue: str, message_id: str) -> Callable[[sqlite3.Connection], int | None]:
    """The row of a free message by its message id."""

    def job(connection: sqlite3.Connection) -> int | None:
        row = connection.execute(
            f"SELECT id FROM message WHERE queue = ? AND message_id = ? AND {_IS_FREE} "
            "ORDER BY id LIMIT 1",
            (queue, message_id),
        ).fetchone()
        return None if row is None else int(row[0])

    return job


def hand_out_one(row_id: int) -> Callable[[sqlite3.Connection], list[Stored]]:
    """Take one message by its row; none when it has gone or is out meanwhile."""

    def job(connection: sqlite3.Connection) -> list[Stored]:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM message WHERE id = ? AND {_IS_FREE}", (row_id,)
        ).fetchone()
        if row is None:
            return []
        connection.execute("INSERT INTO handed_out (message) VALUES (?)", (row_id,))
        return [Stored(*row)]

    return job


def hand_out_these(
    queue: str, message_ids: Collection[str]
) -> Callable[[sqlite3.Connection], list[Stored]]:
    """Take the free messages of these ids, in the queue's order."""
    wanted = msgspec.json.encode(list(message_ids)).decode()

    def job(connection: sqlite3.Connection) -> list[Stored]:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM message WHERE queue = ? AND {_IS_FREE} "
            "AND message_id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (queue, wanted),
        ).fetchall()
        connection.executemany(
            "INSERT INTO handed_out (message) VALUES (?)", [(row[0],) for row in rows]
        )
        return [Stored(*row) for row in rows]

    return job


def settle(row_ids: Iterable[int]) -> Callable[[sqlite3.Connection], None]:
    """Acknowledged: they leave the file."""
    keys = [(row_id,) for row_id in row_ids]

    def job(connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM message WHERE id = ?", keys)
        connection.executemany("DELETE FROM handed_out WHERE message = ?", keys)

    return job


def put_back(row_ids: Iterable[int]) -> Callable[[sqlite3.Connection], None]:
    """Nobody saw them: free again, and not counted."""
    keys = [(row_id,) for row_id in row_ids]

    def job(connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM handed_out WHERE message = ?", keys)

    return job


def give_back(row_ids: Sequence[int]) -> Callable[[sqlite3.Connection], set[str]]:
    """Returned by a consumer: counted, and free again. Returns the queues that hold more now."""

    def job(connection: sqlite3.Connection) -> set[str]:
        return _return(connection, row_ids)

    return job


def recover(connection: sqlite3.Connection) -> set[str]:
    """What was out when the last process ended is counted, and free again."""
    left = [int(row[0]) for row in connection.execute("SELECT message FROM handed_out")]
    return _return(connection, left)


def _return(connection: sqlite3.Connection, row_ids: Sequence[int]) -> set[str]:
    touched: set[str] = set()
    for row_id in row_ids:
        connection.execute("DELETE FROM handed_out WHERE message = ?", (row_id,))
        row = connection.execute(
            "UPDATE message SET deliveries = deliveries + 1 WHERE id = ? "
            "RETURNING queue, deliveries",
            (row_id,),
        ).fetchone()
        if row is None:
            continue
        queue = TOPOLOGY.by_name.get(row[0])
        if queue is not None and row[1] > queue.delivery_limit:
            if queue.evicts_to is not None:
                _move(connection, row_id, queue.evicts_to)
                touched.add(queue.evicts_to)
            connection.execute("DELETE FROM message WHERE id = ?", (row_id,))
        else:
            touched.add(row[0])
    return touched


def _move(connection: sqlite3.Connection, row_id: int, to: str) -> None:
    """Append a copy to another queue, as if it had been put straight there."""
    connection.execute(
        f"INSERT INTO message (queue, exchange, routing_key, {_COPIED}) "
        f"SELECT ?, '', ?, {_COPIED} FROM message WHERE id = ?",
        (to, to, row_id),
    )


def next_due(connection: sqlite3.Connection) -> float | None:
    """When the next waiting message's time comes, as a Unix time."""
    row = connection.execute(
        f"SELECT min(due) FROM message WHERE due IS NOT NULL AND {_IS_FREE}"
    ).fetchone()
    return None if row[0] is None else float(row[0])


def expire(now: float) -> Callable[[sqlite3.Connection], set[str]]:
    """Move messages whose time has come to where their queue sends them. Returns those queues."""

    def job(connection: sqlite3.Connection) -> set[str]:
        rows = connection.execute(
            f"SELECT id, queue FROM message WHERE due <= ? AND {_IS_FREE} ORDER BY due, id LIMIT ?",
            (now, MOVED_TOGETHER),
        ).fetchall()
        touched: set[str] = set()
        for row_id, name in rows:
            queue = TOPOLOGY.by_name.get(name)
            if queue is None or queue.expires_to is None:
                # A tier that another version knew: keep its messages rather than lose them.
                connection.execute("UPDATE message SET due = NULL WHERE id = ?", (row_id,))
                continue
            _move(connection, row_id, queue.expires_to)
            connection.execute("DELETE FROM message WHERE id = ?", (row_id,))
            touched.add(queue.expires_to)
        return touched

    return job


def depths(connection: sqlite3.Connection) -> dict[str, int]:
    """Messages by queue, waiting or out."""
    counted: dict[str, int] = dict(
        connection.execute("SELECT queue, count(*) FROM message GROUP BY queue").fetchall()
    )
    return {queue.name: counted.get(queue.name, 0) for queue in TOPOLOGY.queues}
