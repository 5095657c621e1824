"""One SQLite file with one writer: group commit for asyncio callers.

`database.py` holds the writer and the readers. Nothing here knows what the tables mean.
"""

from onhook.sqlite.database import Database, StorageError

__all__ = ["Database", "StorageError"]
