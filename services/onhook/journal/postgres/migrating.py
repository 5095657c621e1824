"""Bringing the tables up to date: once, by whichever worker comes first.

The others wait for it, or find it done. It must not know any table but its own.
"""

from __future__ import annotations

import asyncpg

from onhook.journal.port import JournalError
from onhook.journal.postgres.connection import Target
from onhook.journal.postgres.tables import MIGRATIONS, SCHEMA

LOCK = 0x6F6E686F6F6B_01
"""The advisory lock of migrating: "onhook", and 1."""
TRIMMING_LOCK = LOCK + 1
LONGEST_S = 3_600.0
"""For all migrations of a large journal together."""
ENCODINGS = ("UTF8", "SQL_ASCII")
"""The second keeps the bytes that it is given, and it is given UTF-8."""


async def migrate(connection: asyncpg.Connection, target: Target) -> None:
    """Raises JournalError, and what the driver raises."""
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding not in ENCODINGS:
        raise JournalError(
            f"{target.name}: the database's encoding is {encoding}; the journal needs UTF8: "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    if await _done(connection, target) == len(MIGRATIONS):
        return
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = 0")
        await connection.execute(
            "SET LOCAL idle_in_transaction_session_timeout = 0", timeout=LONGEST_S
        )
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})", timeout=LONGEST_S)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.migrations (done bigint NOT NULL)"
        )
        for script in MIGRATIONS[await _done(connection, target) :]:
            await connection.execute(script, timeout=LONGEST_S)
        await connection.execute(f"DELETE FROM {SCHEMA}.migrations")
        await connection.execute(f"INSERT INTO {SCHEMA}.migrations VALUES ($1)", len(MIGRATIONS))


async def _done(connection: asyncpg.Connection, target: Target) -> int:
    """How many migrations the schema has had."""
    known = await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{SCHEMA}.migrations")
    done = await connection.fetchval(f"SELECT done FROM {SCHEMA}.migrations") if known else None
    if done is not None and done > len(MIGRATIONS):
        raise JournalError(
            f"{target.name}: the journal was written by a newer version of onhook (tables {done}, "
            f"this one knows {len(MIGRATIONS)}); use that version, or another database"
        )
    return done or 0
