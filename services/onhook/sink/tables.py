"""The sink's tables. Scripts are only ever added at the end.

A capture's microsecond is the key of both its rows, so inserts append, and nothing on that path
has a random key. Summaries and contents are apart: a list reads the bodies that it shows.
"""

MIGRATIONS = (
    """
    CREATE TABLE token (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        uuid TEXT NOT NULL UNIQUE,
        created_us INTEGER NOT NULL,
        updated_us INTEGER NOT NULL,
        expires_us INTEGER,
        ip TEXT NOT NULL,
        user_agent TEXT,
        settings BLOB NOT NULL,
        stored INTEGER NOT NULL DEFAULT 0,
        evicted INTEGER NOT NULL DEFAULT 0,
        last_sequence INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX token_by_expiry ON token (expires_us) WHERE expires_us IS NOT NULL;
    CREATE TABLE capture (
        received_us INTEGER PRIMARY KEY,
        token INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        id BLOB NOT NULL,
        reading_us INTEGER NOT NULL,
        method TEXT NOT NULL,
        target BLOB NOT NULL,
        version TEXT NOT NULL,
        scheme TEXT NOT NULL,
        remote TEXT NOT NULL,
        size INTEGER NOT NULL
    );
    CREATE INDEX capture_of_token ON capture (token);
    CREATE TABLE content (
        received_us INTEGER PRIMARY KEY,
        headers BLOB NOT NULL,
        body BLOB NOT NULL
    );
    CREATE TABLE total (stored INTEGER NOT NULL);
    INSERT INTO total VALUES (0);
    CREATE TABLE removed_token (number INTEGER PRIMARY KEY);
    """,
)
