"""The journal's tables on PostgreSQL, as migrations: the schema remembers how many it has had.

SQL scripts only, oldest first; one that was released is never changed. Everything is in a schema of
its own, so that the database may be shared. What is compared or put in order is of collation "C":
by bytes, as SQLite does. An entry of an index has at most 2,704 bytes, and outsiders choose the
ids of interactions and events, so those are indexed by their first KEY_CHARS characters or a digest.
"""

from __future__ import annotations

SCHEMA = "onhook_journal"
KEY_CHARS = 200
"""At most 800 bytes."""

MIGRATIONS = (
    f"""
    CREATE TABLE {SCHEMA}.runs (
        run_id text COLLATE "C" PRIMARY KEY, source text NOT NULL, event_id text NOT NULL,
        event_type text NOT NULL, interaction_id text COLLATE "C",
        flow_id text COLLATE "C" NOT NULL, flow_name text NOT NULL, version bigint NOT NULL,
        state text NOT NULL, step bigint NOT NULL, results bytea NOT NULL, sealed bytea,
        continuation bytea, next_at bigint, reason text, created_at bigint NOT NULL,
        updated_at bigint NOT NULL
    ) WITH (fillfactor = 70);
    CREATE INDEX runs_by_interaction ON {SCHEMA}.runs (left(interaction_id, {KEY_CHARS}));
    CREATE INDEX runs_by_state ON {SCHEMA}.runs (state, created_at, run_id)
        WHERE state <> 'done';
    CREATE INDEX runs_by_time ON {SCHEMA}.runs (created_at, run_id);
    CREATE INDEX runs_by_flow ON {SCHEMA}.runs (left(flow_id, {KEY_CHARS}), created_at, run_id);
    CREATE TABLE {SCHEMA}.attempts (
        run_id text COLLATE "C" NOT NULL, node text COLLATE "C" NOT NULL, visit bigint NOT NULL,
        number bigint NOT NULL, webhook_id text NOT NULL, started_at bigint NOT NULL,
        elapsed_ms double precision NOT NULL, method text NOT NULL, url text NOT NULL,
        status bigint, fault text, detail text, response_headers bytea NOT NULL,
        response_excerpt text NOT NULL, next_at bigint, endpoint text COLLATE "C" NOT NULL,
        flow_id text COLLATE "C" NOT NULL
    );
    CREATE UNIQUE INDEX attempts_once ON {SCHEMA}.attempts
        (run_id, started_at, left(node, {KEY_CHARS}), visit, number);
    CREATE INDEX attempts_by_time ON {SCHEMA}.attempts (started_at, status);
    CREATE INDEX attempts_by_endpoint ON {SCHEMA}.attempts (endpoint, started_at, status);
    CREATE INDEX attempts_by_flow ON {SCHEMA}.attempts
        (left(flow_id, {KEY_CHARS}), started_at, status);
    CREATE INDEX attempts_that_failed ON {SCHEMA}.attempts (status, started_at)
        WHERE status IS NULL OR status NOT BETWEEN 200 AND 299;
    CREATE TABLE {SCHEMA}.traces (
        run_id text COLLATE "C" NOT NULL, step bigint NOT NULL, entries bytea NOT NULL,
        is_cut boolean NOT NULL, PRIMARY KEY (run_id, step)
    );
    CREATE TABLE {SCHEMA}.screen_pops (
        id text COLLATE "C" PRIMARY KEY, run_id text COLLATE "C" NOT NULL, address text NOT NULL,
        visit bigint NOT NULL, agent_id text NOT NULL, url text NOT NULL, label text NOT NULL,
        target text NOT NULL, published_at bigint NOT NULL, displayed_at bigint
    );
    CREATE INDEX screen_pops_by_run ON {SCHEMA}.screen_pops (run_id);
    CREATE TABLE {SCHEMA}.events (
        source text COLLATE "C" NOT NULL, event_id text COLLATE "C" NOT NULL,
        event_type text NOT NULL, interaction_id text COLLATE "C", outcome text NOT NULL,
        reason text NOT NULL, at bigint NOT NULL, flow_id text COLLATE "C", flow_name text,
        digest bytea PRIMARY KEY
    );
    CREATE INDEX events_by_interaction ON {SCHEMA}.events (left(interaction_id, {KEY_CHARS}));
    CREATE INDEX events_by_outcome ON {SCHEMA}.events (outcome, at);
    CREATE INDEX events_by_flow ON {SCHEMA}.events (left(flow_id, {KEY_CHARS}), at)
        WHERE flow_id IS NOT NULL;
    CREATE TABLE {SCHEMA}.dead_letters (
        message_id text COLLATE "C" PRIMARY KEY, queue text NOT NULL, fault text NOT NULL,
        reason text NOT NULL, run_id text COLLATE "C", event_type text,
        interaction_id text COLLATE "C", flow_name text, routing_key text, original_id text,
        size_bytes bigint NOT NULL, excerpt text NOT NULL, at bigint NOT NULL
    );
    CREATE INDEX dead_letters_by_interaction ON {SCHEMA}.dead_letters
        (left(interaction_id, {KEY_CHARS}));
    CREATE INDEX dead_letters_by_run ON {SCHEMA}.dead_letters (run_id);
    CREATE INDEX dead_letters_by_time ON {SCHEMA}.dead_letters (at);
    CREATE TABLE {SCHEMA}.versions (
        flow_id text COLLATE "C" NOT NULL, number bigint NOT NULL, name text NOT NULL,
        content_hash text NOT NULL, content bytea NOT NULL, comment text,
        published_at bigint NOT NULL, place bigint GENERATED ALWAYS AS IDENTITY,
        PRIMARY KEY (flow_id, number)
    );
    CREATE TABLE {SCHEMA}.labels (
        flow_id text COLLATE "C" NOT NULL, label text COLLATE "C" NOT NULL,
        number bigint NOT NULL, PRIMARY KEY (flow_id, label)
    );
    CREATE TABLE {SCHEMA}.overrides (
        flow_id text COLLATE "C" NOT NULL, variable text COLLATE "C" NOT NULL,
        value bytea NOT NULL, is_sealed boolean NOT NULL, set_at bigint NOT NULL,
        PRIMARY KEY (flow_id, variable)
    );
    CREATE TABLE {SCHEMA}.revision (number bigint NOT NULL);
    INSERT INTO {SCHEMA}.revision VALUES (0);
    CREATE TABLE {SCHEMA}.probe (at bigint NOT NULL);
    INSERT INTO {SCHEMA}.probe VALUES (0);
    """,
    f"""
    CREATE TABLE {SCHEMA}.endpoints (
        id text COLLATE "C" PRIMARY KEY, flow_id text NOT NULL, flow_name text NOT NULL,
        node text NOT NULL, origin text NOT NULL, seen_at bigint NOT NULL, paused_at bigint,
        pause_reason text
    );
    """,
)
