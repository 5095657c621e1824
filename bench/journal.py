"""The journal on SQLite and on PostgreSQL: group commit of what a run writes, and finding in many.

Writing: each of so many runs is opened, then saved as done with an attempt and a trace, as the worker
does for a delivered event; that is four rows. CPU is this process's own, all threads. Finding: the
first page and the tenth of each kind of query, over so many runs with an attempt each.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from onhook.journal import rows  # noqa: E402
from onhook.journal.bounds import Limits  # noqa: E402
from onhook.journal.opening import opened  # noqa: E402
from onhook.journal.port import (  # noqa: E402
    Attempt,
    EventOutcome,
    EventRow,
    Journal,
    Run,
    RunState,
    TraceRow,
)
from onhook.journal.postgres.statements import digest  # noqa: E402
from onhook.journal.postgres.tables import SCHEMA  # noqa: E402
from onhook.journal.query import Query, Subject  # noqa: E402
from postgres import running_postgres  # noqa: E402 - from the folder just named

ROWS_PER_RUN = 4
START = datetime(2026, 1, 1, tzinfo=UTC)
AS_IT_IS = Limits(max_age_s=1e10, max_rows=1_000_000_000, sweep_s=1e6)
ENTRIES = (
    b"[" + b",".join([b'{"node":"HTTPRequest_fwn","outputs":{"httpStatusCode":204}}'] * 8) + b"]"
)


class Figures(Struct, frozen=True):
    rows_per_s: float
    cpu_us_per_row: float


def a_run(number: int, at: datetime, chance: random.Random) -> Run:
    return Run(
        run_id=str(UUID(int=chance.getrandbits(128))),
        source="/onhook/call-emulator",
        event_id=str(UUID(int=chance.getrandbits(128))),
        event_type="AgentDisconnect",
        interaction_id=str(UUID(int=chance.getrandbits(128))),
        flow_id=f"00000000-0000-5000-8000-00000000000{min(number % 17, 3)}",
        flow_name="Main_Flow",
        version=1,
        created_at=at,
        updated_at=at,
    )


def an_attempt(run: Run, number: int) -> Attempt:
    is_rare = number % 10_000 == 0
    return Attempt(
        run_id=run.run_id,
        node="HTTPRequest_fwn",
        visit=1,
        number=1,
        webhook_id=f"msg_{run.run_id}",
        started_at=run.created_at + timedelta(milliseconds=2),
        elapsed_ms=12.5,
        method="POST",
        url=f"https://{'rare' if is_rare else f'hook{number % 5}'}.example.com/{run.run_id}",
        status=(None, 500, 429)[number // 1_000 % 3] if number % 1_000 == 7 else 204,
        response_headers={"content-type": "application/json", "server": "nginx"},
        response_excerpt='{"ok": true}',
    )


async def written(journal: Journal, runs: int, in_flight: int) -> Figures:
    chance = random.Random()
    waiting = iter(range(runs))

    async def work() -> None:
        for number in waiting:
            now = datetime.now(UTC)
            run = await journal.open_run(a_run(number, now, chance))
            await journal.save(
                replace(run, state=RunState.DONE),
                attempt=an_attempt(run, number),
                trace=TraceRow(run_id=run.run_id, step=0, entries=ENTRIES),
            )

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    count = runs * ROWS_PER_RUN
    elapsed, used = time.perf_counter() - started, time.process_time() - cpu
    return Figures(count / elapsed, used / count * 1e6)


async def write(where: Path | str, given: argparse.Namespace) -> None:
    for in_flight in given.in_flight:
        runs = min(given.runs, in_flight * 400)
        found = []
        for _ in range(given.rounds):
            async with opened(where, synchronous=given.synchronous, limits=AS_IT_IS) as journal:
                found.append(await written(journal, runs, in_flight))
        rate = statistics.median(each.rows_per_s for each in found)
        cpu = statistics.median(each.cpu_us_per_row for each in found)
        print(f"  {in_flight:5} in flight  {rate:8.0f} rows/s  {cpu:6.1f} us CPU/row", flush=True)


# Finding


def records(count: int) -> Iterator[tuple[Run, Attempt, EventRow]]:
    chance = random.Random(0)
    for number in range(count):
        run = a_run(number, START + timedelta(seconds=number), chance)
        state = RunState.DONE
        if number % 5_000 == 1:
            state = (RunState.WAITING, RunState.DEAD)[number // 5_000 % 2]
        run = replace(run, state=state)
        event = EventRow(
            source=run.source,
            event_id=f"f{run.event_id}",
            event_type="AgentOffered",
            interaction_id=run.interaction_id,
            outcome=EventOutcome.DISABLED if number % 5_000 == 3 else EventOutcome.FILTERED,
            reason="no published flow handles AgentOffered",
            at=run.created_at,
        )
        yield run, an_attempt(run, number), event


def batches(count: int, size: int = 50_000) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    batch: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for run, attempt, event in records(count):
        batch[0].append(rows.run_values(run))
        batch[1].append(rows.attempt_values(attempt, run.flow_id))
        batch[2].append(rows.event_values(event))
        if len(batch[0]) == size:
            yield batch
            batch = ([], [], [])
    yield batch


async def fill(where: Path | str, count: int) -> None:
    async with opened(where, limits=AS_IT_IS):
        pass
    if isinstance(where, Path):
        with closing(sqlite3.connect(where)) as connection:
            for runs, attempts, events in batches(count):
                connection.executemany(rows.SAVE_RUN, runs)
                connection.executemany(rows.INSERT_ATTEMPT, attempts)
                connection.executemany(rows.INSERT_EVENT, events)
                connection.commit()
        return
    postgres = await asyncpg.connect(where)
    attempt_columns = (*rows.ATTEMPT_COLUMNS, *rows.FOUND_BY_COLUMNS)
    for runs, attempts, events in batches(count):
        digested = [(*event, digest(event[0], event[1])) for event in events]
        for table, columns, values in (
            ("runs", rows.RUN_COLUMNS, runs),
            ("attempts", attempt_columns, attempts),
            ("events", (*rows.EVENT_COLUMNS, "digest"), digested),
        ):
            await postgres.copy_records_to_table(
                table, schema_name=SCHEMA, columns=columns, records=values
            )
    await postgres.execute("VACUUM ANALYZE", timeout=600)
    await postgres.close()


def queries(count: int) -> dict[str, Query]:
    sample = [run for run, _, _ in records(count // 2 + 1)][-1]
    common, rare = (f"https://{host}.example.com:443" for host in ("hook1", "rare"))
    middle = START + timedelta(seconds=count // 2)
    attempts = Subject.ATTEMPTS
    first_flow = "00000000-0000-5000-8000-000000000000"
    return {
        "newest": Query(),
        "one interaction": Query(interaction_id=sample.interaction_id),
        "one interaction, attempts": Query(interaction_id=sample.interaction_id, of=attempts),
        "a common flow": Query(flow_id=sample.flow_id),
        "a flow, attempts": Query(flow_id=first_flow, of=attempts),
        "no such flow, attempts": Query(flow_id="none", of=attempts),
        "state waiting": Query(state=RunState.WAITING),
        "state done": Query(state=RunState.DONE),
        "state dead of a flow": Query(state=RunState.DEAD, flow_id=first_flow),
        "events filtered": Query(state=EventOutcome.FILTERED),
        "events disabled": Query(state=EventOutcome.DISABLED),
        "an hour": Query(since=middle, until=middle + timedelta(hours=1)),
        "an hour, attempts": Query(since=middle, until=middle + timedelta(hours=1), of=attempts),
        "a common endpoint": Query(endpoint=common),
        "a rare endpoint": Query(endpoint=rare),
        "a rare endpoint, attempts": Query(endpoint=rare, of=attempts),
        "status 500": Query(status=500),
        "no answer, attempts": Query(status=0, of=attempts),
        "no such status": Query(status=418),
        "status 500 of an endpoint": Query(status=500, endpoint=common),
        "waiting for an endpoint": Query(state=RunState.WAITING, endpoint=common),
        "dead for a status": Query(state=RunState.DEAD, status=204),
    }


async def find(where: Path | str, count: int) -> None:
    started = time.perf_counter()
    await fill(where, count)
    print(f"  {count} runs, attempts and events stored in {time.perf_counter() - started:.0f} s")
    async with opened(where, limits=AS_IT_IS) as journal:
        for name, query in queries(count).items():
            times = []
            for _ in range(5):
                began = time.perf_counter()
                page = await journal.find(query)
                times.append(time.perf_counter() - began)
            found = len(page.entries)
            for _ in range(8):
                if page.next:
                    page = await journal.find(replace(query, after=page.next))
            began = time.perf_counter()
            if page.next:
                await journal.find(replace(query, after=page.next))
            tenth = f"{(time.perf_counter() - began) * 1e3:7.1f}" if page.next else "      -"
            print(
                f"  {name:28} {found:4} found  first {times[0] * 1e3:7.1f} ms  "
                f"median {statistics.median(times) * 1e3:7.1f} ms  tenth page {tenth} ms",
                flush=True,
            )
        began = time.perf_counter()
        await journal.bounds()
        print(f"  bounds(): {(time.perf_counter() - began) * 1e3:.0f} ms")
        began = time.perf_counter()
        await journal.interactions("a", 20)
        print(f"  interactions by prefix: {(time.perf_counter() - began) * 1e3:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000, help="written in each round, at most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1, 16, 64, 256])
    parser.add_argument("--synchronous", default="FULL", help="SQLite's")
    parser.add_argument("--find", type=int, default=0, help="runs to find in; 0: no finding")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places: dict[str, tuple[Path | str, Path | str]] = {}
        if given.only != "postgresql":
            places["SQLite"] = (folder / "written.sqlite", folder / "found.sqlite")
        if given.only != "sqlite":
            server = stack.enter_context(running_postgres())
            places["PostgreSQL"] = (server.new_database(), server.new_database())
            for url in places["PostgreSQL"]:
                stack.callback(server.drop_database, str(url))
        for name, (for_writing, for_finding) in places.items():
            print(name, flush=True)
            if given.runs:
                asyncio.run(write(for_writing, given))
            if given.find:
                asyncio.run(find(for_finding, given.find))


if __name__ == "__main__":
    main()
