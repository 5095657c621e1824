"""Calls, their events and their pending steps in SQLite: tables and statements, no decisions.

One row a call with its contact as JSON, one row an event with the bytes as published, at most one
pending step a call.
"""

from __future__ import annotations

import sqlite3

import msgspec
import structlog
from msgspec import Struct

from onhook.call_emulator.contact import Contact, ContactState
from onhook.sqlite import Database
from onhook.sqlite.recovery_probe import RecoveryProbe

log = structlog.get_logger()

MIGRATIONS = (
    """
    CREATE TABLE calls(
        number INTEGER PRIMARY KEY, interaction TEXT NOT NULL UNIQUE,
        is_open INTEGER NOT NULL, contact BLOB NOT NULL);
    CREATE INDEX calls_open ON calls(number) WHERE is_open;
    CREATE INDEX calls_ended ON calls(number) WHERE NOT is_open;
    CREATE TABLE events(
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, interaction TEXT NOT NULL,
        type TEXT NOT NULL, routing_key TEXT NOT NULL, time TEXT NOT NULL, body BLOB NOT NULL);
    CREATE INDEX events_of ON events(interaction, number);
    CREATE TABLE pending_steps(
        interaction TEXT PRIMARY KEY, step BLOB NOT NULL);
    """,
)

ENDED_CALLS_KEPT = 10_000


class StoredEvent(Struct, frozen=True, kw_only=True):
    """An event with its bytes as they are published, each time the same."""

    id: str
    type: str
    routing_key: str
    time: str
    body: bytes


class StoredStep(Struct, frozen=True, kw_only=True):
    """A pending step: the contact as it will be, and the events that take it there."""

    key: str
    contact: Contact
    events: tuple[StoredEvent, ...]
    may_be_sent: bool


class LeftOpen(Struct, frozen=True, kw_only=True):
    """What an earlier process left of a call: its contact, a pending step, or both."""

    contact: Contact | None
    step: StoredStep | None


_contacts = msgspec.json.Decoder(Contact)
_steps = msgspec.json.Decoder(StoredStep)


class CallStore:
    """Statements over one Database. `trouble` is why the last write failed, None while it works."""

    def __init__(self, database: Database, *, ended_calls_kept: int = ENDED_CALLS_KEPT) -> None:
        self._database = database
        self._kept = ended_calls_kept
        self._probe = RecoveryProbe(database)

    @property
    def trouble(self) -> str | None:
        return self._probe.trouble

    async def keep_probing(self) -> None:
        """For the service's lifetime: after a failed write, find out when writes succeed again."""
        await self._probe.run()

    async def begin(self, step: StoredStep) -> None:
        """Store a step and its event ids, before the first of them is published."""
        row = (step.contact.interaction_id, msgspec.json.encode(step))
        await self._probe.write(
            lambda connection: connection.execute(
                "INSERT INTO pending_steps(interaction, step) VALUES (?, ?)"
                " ON CONFLICT(interaction) DO UPDATE SET step = excluded.step",
                row,
            )
        )

    async def drop(self, interaction: str) -> None:
        await self._probe.write(
            lambda connection: connection.execute(
                "DELETE FROM pending_steps WHERE interaction = ?", (interaction,)
            )
        )

    async def commit(self, step: StoredStep) -> None:
        """The state after a step, its events, and the end of the step: one transaction."""
        dropped = await self._probe.write(lambda connection: _commit(connection, step, self._kept))
        if dropped:
            log.warning("oldest ended calls dropped", dropped=dropped, kept=self._kept)

    async def contact(self, interaction: str) -> Contact | None:
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT contact FROM calls WHERE interaction = ?", (interaction,)
            ).fetchone()
        )
        return _contacts.decode(row[0]) if row else None

    async def newest(self, limit: int) -> list[Contact]:
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT contact FROM calls ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        )
        return [_contacts.decode(row[0]) for row in rows]

    async def events(self, interaction: str) -> list[StoredEvent]:
        """Oldest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT id, type, routing_key, time, body FROM events"
                " WHERE interaction = ? ORDER BY number",
                (interaction,),
            ).fetchall()
        )
        return [
            StoredEvent(id=row[0], type=row[1], routing_key=row[2], time=row[3], body=row[4])
            for row in rows
        ]

    async def left_open(self) -> list[LeftOpen]:
        """Open calls and pending steps, oldest first; arrivals under way come last."""
        rows = await self._database.read(
            lambda connection: (
                connection.execute(
                    "SELECT contact, step FROM calls LEFT JOIN pending_steps USING (interaction)"
                    " WHERE is_open ORDER BY number"
                ).fetchall()
                + connection.execute(
                    "SELECT NULL, step FROM pending_steps"
                    " WHERE interaction NOT IN (SELECT interaction FROM calls)"
                ).fetchall()
            )
        )
        return [
            LeftOpen(
                contact=_contacts.decode(contact) if contact else None,
                step=_steps.decode(step) if step else None,
            )
            for contact, step in rows
        ]


def _commit(connection: sqlite3.Connection, step: StoredStep, kept: int) -> int:
    """Returns how many ended calls were dropped to keep the bound."""
    interaction = step.contact.interaction_id
    is_open = step.contact.state is not ContactState.ENDED
    connection.execute(
        "INSERT INTO calls(interaction, is_open, contact) VALUES (?, ?, ?)"
        " ON CONFLICT(interaction) DO UPDATE SET"
        " is_open = excluded.is_open, contact = excluded.contact",
        (interaction, is_open, msgspec.json.encode(step.contact)),
    )
    connection.executemany(
        "INSERT INTO events(id, interaction, type, routing_key, time, body)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
        [
            (event.id, interaction, event.type, event.routing_key, event.time, event.body)
            for event in step.events
        ],
    )
    connection.execute("DELETE FROM pending_steps WHERE interaction = ?", (interaction,))
    return 0 if is_open else _drop_oldest(connection, kept)


def _drop_oldest(connection: sqlite3.Connection, kept: int) -> int:
    """Beyond the bound a hundredth goes at once, so that the log has a line a hundred calls."""
    (ended,) = connection.execute("SELECT count(*) FROM calls WHERE NOT is_open").fetchone()
    if ended <= kept:
        return 0
    surplus: int = ended - kept + kept // 100
    connection.execute(
        "DELETE FROM events WHERE interaction IN (SELECT interaction FROM calls"
        " WHERE NOT is_open ORDER BY number LIMIT ?)",
        (surplus,),
    )
    connection.execute(
        "DELETE FROM calls WHERE number IN (SELECT number FROM calls"
        " WHERE NOT is_open ORDER BY number LIMIT ?)",
        (surplus,),
    )
    return surplus
