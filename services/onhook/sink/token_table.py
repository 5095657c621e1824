"""Tokens in SQLite: functions of a connection, to be run as jobs of the store.

The row holds the counters of its captures; `capture_table.py` moves them.
"""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

import msgspec
from msgspec import Struct

from onhook.sink.token import Token, TokenSettings

_COLUMNS = "number, uuid, created_us, updated_us, expires_us, ip, user_agent, settings"
ORDERS = {"created_at": "number", "token_id": "uuid"}


class ListedToken(Struct, frozen=True, kw_only=True):
    """A token and what it holds."""

    token: Token
    stored: int
    latest_id: uuid.UUID | None
    latest_us: int | None


def insert(connection: sqlite3.Connection, token: Token) -> Token:
    """Store a token; its number is made here."""
    number = connection.execute(
        "INSERT INTO token (uuid, created_us, updated_us, expires_us, ip, user_agent, settings)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            token.uuid,
            token.created_us,
            token.updated_us,
            token.expires_us,
            token.ip,
            token.user_agent,
            msgspec.json.encode(token.settings),
        ),
    ).lastrowid
    return msgspec.structs.replace(token, number=number or 0)


def find(connection: sqlite3.Connection, token_id: str) -> Token | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM token WHERE uuid = ?", (token_id,)).fetchone()
    return None if row is None else _token(row)


def change(connection: sqlite3.Connection, token: Token) -> bool:
    """Write a token's settings and times; False when it is gone."""
    changed = connection.execute(
        "UPDATE token SET updated_us = ?, expires_us = ?, settings = ? WHERE number = ?",
        (token.updated_us, token.expires_us, msgspec.json.encode(token.settings), token.number),
    ).rowcount
    return changed > 0


def remove(connection: sqlite3.Connection, number: int) -> bool:
    """Take a token out; its captures are left to `capture_table.purge_some`. False when gone."""
    if connection.execute("DELETE FROM token WHERE number = ?", (number,)).rowcount == 0:
        return False
    connection.execute("INSERT INTO removed_token VALUES (?)", (number,))
    return True


def remove_expired(connection: sqlite3.Connection, now_us: int) -> None:
    connection.execute(
        "INSERT INTO removed_token SELECT number FROM token WHERE expires_us <= ?", (now_us,)
    )
    connection.execute("DELETE FROM token WHERE expires_us <= ?", (now_us,))


def page(
    connection: sqlite3.Connection,
    now_us: int,
    *,
    order: str,
    descending: bool,
    limit: int,
    offset: int,
) -> tuple[list[ListedToken], int]:
    """Tokens that have not expired, and how many there are. `order` is a key of ORDERS."""
    alive = "expires_us IS NULL OR expires_us > ?"
    total = connection.execute(f"SELECT count(*) FROM token WHERE {alive}", (now_us,)).fetchone()[0]
    rows = connection.execute(
        f"SELECT {_COLUMNS}, stored FROM token WHERE {alive}"
        f" ORDER BY {ORDERS[order]} {'DESC' if descending else 'ASC'} LIMIT ? OFFSET ?",
        (now_us, limit, offset),
    ).fetchall()
    return [_listed(connection, row) for row in rows], total


def _listed(connection: sqlite3.Connection, row: tuple[Any, ...]) -> ListedToken:
    token = _token(row[:-1])
    latest = connection.execute(
        "SELECT id, received_us FROM capture INDEXED BY capture_of_token WHERE token = ?"
        " ORDER BY received_us DESC LIMIT 1",
        (token.number,),
    ).fetchone()
    return ListedToken(
        token=token,
        stored=row[-1],
        latest_id=None if latest is None else uuid.UUID(bytes=latest[0]),
        latest_us=None if latest is None else latest[1],
    )


def _token(row: tuple[Any, ...]) -> Token:
    number, token_id, created_us, updated_us, expires_us, ip, user_agent, settings = row
    return Token(
        number=number,
        uuid=token_id,
        created_us=created_us,
        updated_us=updated_us,
        expires_us=expires_us,
        ip=ip,
        user_agent=user_agent,
        settings=msgspec.json.decode(settings, type=TokenSettings),
    )
