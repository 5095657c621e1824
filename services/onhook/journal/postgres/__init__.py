"""The journal on PostgreSQL, for a fleet of workers: the same promises as in a SQLite file.

`opening.py` opens it; `adapter.py` is the port. Writes that many runs make go through `writer.py`,
which commits several callers' rows together; everything else takes a connection of the pool.
"""

from onhook.journal.postgres.opening import opened

__all__ = ["opened"]
