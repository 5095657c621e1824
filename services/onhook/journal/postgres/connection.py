"""Connections to the journal's PostgreSQL: made, described, and their failures told in one line.

No table is known here. A password never gets into a text.
"""

from __future__ import annotations

import asyncpg

from onhook.journal.postgres import wire_text
from onhook.settings.settings import masked_url

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0
READERS = 4
"""Connections for reading and for rare changes, made when they are needed."""

# A row of ours was refused; the connection and all other rows are good.
_OF_THE_ROW = ("22", "23", "54")
# Two transactions got into each other's way: the same again will do.
_OF_THE_MOMENT = ("40", "55P03")

FAILURES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a call of the driver raises when the store fails."""


class Target:
    """Where the journal is. `name` is for texts: the address without its password."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = masked_url(url).replace(":***@", "@").partition("?")[0]

    async def connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S
        )
        try:
            await prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def pool(self) -> asyncpg.Pool:
        """Opens nothing yet."""
        return asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=READERS,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            init=prepare,
            reset=_as_it_is,
        )

    def failure(self, error: BaseException) -> str:
        """In one line, beginning with where."""
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, TimeoutError):
            text = f"no answer within {STATEMENT_TIMEOUT_S:g} s"
        return f"{self.name}: {text[:300]}"


async def prepare(connection: asyncpg.Connection) -> None:
    """What every connection of ours is set to.

    A worker that is frozen in the middle of a transaction must not hold up the others for ever.
    """
    await connection.set_type_codec(
        "text",
        schema="pg_catalog",
        encoder=wire_text.encode,
        decoder=wire_text.decode,
        format="binary",
    )
    await connection.execute(
        "SET application_name = 'onhook journal'; "
        "SET idle_in_transaction_session_timeout = '30s'; SET lock_timeout = '20s'"
    )


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing we do outlives its transaction, and what `prepare` set is to stay."""


def is_of_one_row(error: BaseException) -> bool:
    """Whether the others of a group may be written all the same."""
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return True  # the driver could not even send it
    code = getattr(error, "sqlstate", None) or ""
    return code.startswith(_OF_THE_ROW + _OF_THE_MOMENT)


def is_lost(error: BaseException) -> bool:
    """Whether it was the connection, so that another one may do what this one did not."""
    if isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.PostgresConnectionError):
        return True
    code = getattr(error, "sqlstate", None) or ""
    return code.startswith(("57P", "25006"))
