"""The journal's tables, as migrations: the file remembers how many it has had.

SQL scripts only, oldest first; one that was released is never changed. Each index costs every run
some microseconds. So a flow has none of its own: it stands in the indices by time, where a million
entries are passed over in a tenth of a second; and no index asks for one of three or more values,
for which SQLite builds a table at each write.
"""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, source TEXT NOT NULL, event_id TEXT NOT NULL,
        event_type TEXT NOT NULL, interaction_id TEXT, flow_id TEXT NOT NULL,
        flow_name TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
        step INTEGER NOT NULL, results BLOB NOT NULL, continuation BLOB, next_at INTEGER,
        reason TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    );
    CREATE INDEX runs_by_interaction ON runs (interaction_id);
    CREATE INDEX runs_not_over ON runs (state) WHERE state IN ('running', 'waiting');
    CREATE TABLE attempts (
        run_id TEXT NOT NULL, node TEXT NOT NULL, visit INTEGER NOT NULL, number INTEGER NOT NULL,
        webhook_id TEXT NOT NULL, started_at INTEGER NOT NULL, elapsed_ms REAL NOT NULL,
        method TEXT NOT NULL, url TEXT NOT NULL, status INTEGER, fault TEXT, detail TEXT,
        response_headers BLOB NOT NULL, response_excerpt TEXT NOT NULL, next_at INTEGER
    );
    CREATE INDEX attempts_by_run ON attempts (run_id);
    CREATE TABLE events (
        source TEXT NOT NULL, event_id TEXT NOT NULL, event_type TEXT NOT NULL,
        interaction_id TEXT, outcome TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (source, event_id)
    ) WITHOUT ROWID;
    CREATE INDEX events_by_interaction ON events (interaction_id);
    CREATE TABLE dead_letters (
        message_id TEXT PRIMARY KEY, queue TEXT NOT NULL, fault TEXT NOT NULL,
        reason TEXT NOT NULL, run_id TEXT, event_type TEXT, interaction_id TEXT, flow_name TEXT,
        routing_key TEXT, original_id TEXT, size_bytes INTEGER NOT NULL, excerpt TEXT NOT NULL, at INTEGER NOT NULL
    );
    CREATE INDEX dead_letters_by_interaction ON dead_letters (interaction_id);
    CREATE TABLE versions (
        flow_id TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
        content_hash TEXT NOT NULL, content BLOB NOT NULL, comment TEXT,
        published_at INTEGER NOT NULL, PRIMARY KEY (flow_id, number)
    );
    CREATE TABLE labels (
        flow_id TEXT NOT NULL, label TEXT NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (flow_id, label)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE runs ADD COLUMN sealed BLOB;
    DROP INDEX runs_not_over;
    CREATE INDEX runs_not_over ON runs (state, flow_id, version)
        WHERE state IN ('running', 'waiting');
    CREATE TABLE traces (
        run_id TEXT NOT NULL, step INTEGER NOT NULL, entries BLOB NOT NULL,
        is_cut INTEGER NOT NULL, PRIMARY KEY (run_id, step)
    );
    CREATE TABLE screen_pops (
        id TEXT PRIMARY KEY, run_id TEXT NOT NULL, address TEXT NOT NULL, visit INTEGER NOT NULL,
        agent_id TEXT NOT NULL, url TEXT NOT NULL, label TEXT NOT NULL, target TEXT NOT NULL,
        published_at INTEGER NOT NULL, displayed_at INTEGER
    );
    CREATE INDEX screen_pops_by_run ON screen_pops (run_id);
    CREATE TABLE overrides (
        flow_id TEXT NOT NULL, variable TEXT NOT NULL, value BLOB NOT NULL,
        is_sealed INTEGER NOT NULL, set_at INTEGER NOT NULL, PRIMARY KEY (flow_id, variable)
    ) WITHOUT ROWID;
    CREATE TABLE revision (number INTEGER NOT NULL);
    INSERT INTO revision VALUES (0);
    """,
    """
    ALTER TABLE attempts ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
    ALTER TABLE attempts ADD COLUMN flow_id TEXT NOT NULL DEFAULT '';
    WITH spelled AS (
        SELECT rowid AS id, lower(substr(url, 1, instr(url, '://') - 1)) AS scheme,
            substr(url, instr(url, '://') + 3) || '/' AS rest
        FROM attempts WHERE instr(url, '://') > 1
    ), placed AS (
        SELECT id, scheme, lower(substr(rest, 1, min(
            instr(rest, '/'), instr(rest || '?', '?'), instr(rest || '#', '#')) - 1)) AS place
        FROM spelled
    )
    UPDATE attempts SET endpoint = substr(scheme || '://' || place || CASE
            WHEN place GLOB '*:[0-9]*' AND place NOT GLOB '*]' THEN ''
            WHEN scheme = 'https' THEN ':443' WHEN scheme = 'http' THEN ':80' ELSE '' END, 1, 300)
        FROM placed WHERE placed.id = attempts.rowid AND place <> '';
    UPDATE attempts SET flow_id = runs.flow_id FROM runs WHERE runs.run_id = attempts.run_id;
    DELETE FROM attempts WHERE rowid NOT IN
        (SELECT MIN(rowid) FROM attempts GROUP BY run_id, started_at, node, visit, number);
    DROP INDEX attempts_by_run;
    CREATE UNIQUE INDEX attempts_once ON attempts (run_id, started_at, node, visit, number);
    CREATE INDEX attempts_by_time ON attempts (started_at, flow_id, status);
    CREATE INDEX attempts_by_endpoint ON attempts (endpoint, started_at, status);
    CREATE INDEX attempts_that_failed ON attempts (status, started_at)
        WHERE status IS NULL OR status NOT BETWEEN 200 AND 299;
    DROP INDEX runs_not_over;
    CREATE INDEX runs_by_state ON runs (state, created_at, flow_id, version)
        WHERE state <> 'done';
    CREATE INDEX runs_by_time ON runs (created_at, flow_id);
    ALTER TABLE events ADD COLUMN flow_id TEXT;
    ALTER TABLE events ADD COLUMN flow_name TEXT;
    CREATE INDEX events_by_outcome ON events (outcome, at);
    CREATE INDEX events_by_flow ON events (flow_id, at) WHERE flow_id IS NOT NULL;
    CREATE INDEX dead_letters_by_run ON dead_letters (run_id);
    CREATE INDEX dead_letters_by_time ON dead_letters (at);
    """,
    """
    CREATE TABLE endpoints (
        id TEXT PRIMARY KEY, flow_id TEXT NOT NULL, flow_name TEXT NOT NULL, node TEXT NOT NULL,
        origin TEXT NOT NULL, seen_at INTEGER NOT NULL, paused_at INTEGER, pause_reason TEXT
    ) WITHOUT ROWID;
    """,
)
