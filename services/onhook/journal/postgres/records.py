"""What a run did, read from PostgreSQL: attempts, traces, screen pops, one interaction's history.

One statement for each kind, however many runs are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from onhook.journal.port import Attempt, History, Run, RunRecord, ScreenPop, TraceRow
from onhook.journal.postgres.flows import Connection
from onhook.journal.postgres.statements import select
from onhook.journal.postgres.tables import KEY_CHARS, SCHEMA
from onhook.journal.postgres.wire_text import escaped
from onhook.journal.rows import (
    ATTEMPT_COLUMNS,
    ATTEMPT_ORDER,
    DEAD_COLUMNS,
    EVENT_COLUMNS,
    LISTED_COLUMNS,
    POP_COLUMNS,
    RUN_COLUMNS,
    as_attempt,
    as_dead,
    as_event,
    as_pop,
    as_run,
    kept_traces,
    micros,
)

OF_RUNS = "WHERE run_id = ANY(?)"


async def run(connection: Connection, run_id: str) -> Run | None:
    row = await connection.fetchrow(select("runs", RUN_COLUMNS, "WHERE run_id = ?"), run_id)
    return None if row is None else as_run(tuple(row))


async def listed_run(connection: Connection, run_id: str) -> Run | None:
    row = await connection.fetchrow(select("runs", LISTED_COLUMNS, "WHERE run_id = ?"), run_id)
    return None if row is None else as_run(tuple(row))


async def attempts(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    sql = select("attempts", ATTEMPT_COLUMNS, f"{OF_RUNS} ORDER BY {ATTEMPT_ORDER}")
    found = defaultdict(list)
    for row in await connection.fetch(sql, _ids(run_ids)):
        attempt = as_attempt(tuple(row))
        found[attempt.run_id].append(attempt)
    return found


async def records(connection: Connection, runs: list[Run], trace_budget: int) -> list[RunRecord]:
    """Traces beyond the budget, in bytes, come empty, marked as cut."""
    run_ids = [run.run_id for run in runs]
    made = await attempts(connection, run_ids)
    traces = await _traces(connection, run_ids, trace_budget)
    pops = await _screen_pops(connection, run_ids)
    return [
        RunRecord(
            run=run,
            attempts=made.get(run.run_id, []),
            traces=traces.get(run.run_id, []),
            screen_pops=pops.get(run.run_id, []),
        )
        for run in runs
    ]


async def _traces(
    connection: Connection, run_ids: list[str], budget: int
) -> dict[str, list[TraceRow]]:
    """What is beyond the budget is not even read."""
    columns = ("run_id", "step", "octet_length(entries)", "is_cut")
    sizes: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    sql = select("traces", columns, f"{OF_RUNS} ORDER BY step")
    for run_id, *of_step in await connection.fetch(sql, _ids(run_ids)):
        sizes[run_id].append(tuple(of_step))
    in_order = [(run_id, step, size) for run_id in run_ids for step, size, _ in sizes[run_id]]
    kept = kept_traces(in_order, budget)
    entries = await _entries(connection, kept)
    return {
        run_id: [
            TraceRow(
                run_id=run_id,
                step=step,
                entries=entries.get((run_id, step), b"[]"),
                is_cut=is_cut or (run_id, step) not in entries,
            )
            for step, _, is_cut in sizes[run_id]
        ]
        for run_id in run_ids
    }


async def _entries(
    connection: Connection, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], bytes]:
    if not keys:
        return {}
    rows = await connection.fetch(
        f"SELECT t.run_id, t.step, t.entries FROM {SCHEMA}.traces AS t "
        "JOIN unnest($1::text[], $2::bigint[]) AS k (run_id, step) USING (run_id, step)",
        _ids([run_id for run_id, _ in keys]),
        [step for _, step in keys],
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def _screen_pops(connection: Connection, run_ids: list[str]) -> dict[str, list[ScreenPop]]:
    sql = select("screen_pops", POP_COLUMNS, f"{OF_RUNS} ORDER BY published_at, id")
    found = defaultdict(list)
    for row in await connection.fetch(sql, _ids(run_ids)):
        pop = as_pop(tuple(row))
        found[pop.run_id].append(pop)
    return found


async def history(
    connection: Connection, interaction_id: str, most: int, trace_budget: int
) -> History:
    async def rows(table: str, columns: tuple[str, ...], order: str) -> list[tuple[Any, ...]]:
        of_it = (
            f"WHERE left(interaction_id, {KEY_CHARS}) = left($1, {KEY_CHARS}) "
            f"AND interaction_id = $1 ORDER BY {order} LIMIT {most}"
        )
        found = await connection.fetch(select(table, columns, of_it), interaction_id)
        return [tuple(row) for row in found]

    events = await rows("events", EVENT_COLUMNS, "at, source, event_id")
    runs = [as_run(row) for row in await rows("runs", LISTED_COLUMNS, "created_at, run_id")]
    dead = await rows("dead_letters", DEAD_COLUMNS, "at, message_id")
    return History(
        events=[as_event(row) for row in events],
        runs=await records(connection, runs, trace_budget),
        dead_letters=[as_dead(row) for row in dead],
    )


async def display(
    connection: Connection, run_id: str, pop_id: str, at: datetime
) -> ScreenPop | None:
    """Note when it was first displayed."""
    await connection.execute(
        f"UPDATE {SCHEMA}.screen_pops SET displayed_at = $1 "
        "WHERE run_id = $2 AND id = $3 AND displayed_at IS NULL",
        micros(at),
        run_id,
        pop_id,
    )
    sql = select("screen_pops", POP_COLUMNS, "WHERE run_id = ? AND id = ?")
    row = await connection.fetchrow(sql, run_id, pop_id)
    return None if row is None else as_pop(tuple(row))


async def interactions(connection: Connection, prefix: str, limit: int) -> list[str]:
    """Each table gives its first few by its index; the first few of those are the answer."""
    of_table = (
        "(SELECT DISTINCT left(interaction_id, {chars}) AS key, interaction_id FROM {table} "
        "WHERE left(interaction_id, {chars}) BETWEEN left($1, {chars}) AND left($2, {chars}) "
        "AND interaction_id BETWEEN $1 AND $2 ORDER BY key, interaction_id LIMIT $3)"
    )
    tables = (
        of_table.format(chars=KEY_CHARS, table=f"{SCHEMA}.{table}")
        for table in ("runs", "events", "dead_letters")
    )
    rows = await connection.fetch(
        f"SELECT interaction_id FROM ({' UNION '.join(tables)}) AS found "
        "ORDER BY key, interaction_id LIMIT $3",
        prefix,
        prefix + "\U0010ffff",
        limit,
    )
    return [row[0] for row in rows]


def _ids(run_ids: Sequence[str]) -> list[str]:
    """For an array: the driver does not put its texts through our codec."""
    return [escaped(run_id) for run_id in run_ids]
