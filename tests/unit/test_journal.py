"""The journal in a SQLite file: rows that read back as written, restarts, files of older versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal_records import a_run, a_trace, a_version, an_attempt
from json_values import json_values, texts
from onhook.journal import rows, sqlite, tables
from onhook.journal.port import Journal, JournalError, Result, Run, RunState

run_fields = st.fixed_dictionaries(
    {
        "source": texts,
        "event_id": texts,
        "event_type": texts,
        "interaction_id": st.none() | texts,
        "flow_id": texts,
        "flow_name": texts,
        "version": st.integers(1, 2**31 - 1),
        "state": st.sampled_from(RunState),
        "step": st.integers(0, 2**62),
        "results": st.dictionaries(
            texts, st.builds(Result, st.dictionaries(texts, json_values), texts), max_size=2
        ),
        "sealed": st.none() | st.binary(),
        "continuation": st.none() | st.binary(),
        "next_at": st.none()
        | st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone follows
        "reason": st.none() | texts,
    }
)


@given(run_fields, run_fields)
def test_any_run_reads_back_as_it_was_written(one: dict[str, Any], other: dict[str, Any]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(";".join(tables.MIGRATIONS))
        for run in (a_run("r1", **one), a_run("r2", **other)):
            connection.execute(rows.SAVE_RUN, rows.run_values(run))
            assert rows.one_run(connection, run.run_id) == run


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "journal.sqlite"
    run = a_run(reason='", "x": "\n\x00 😀', results={"A#1": Result(failure="no")})
    async with sqlite.opened(path) as journal:
        await journal.save(run, attempt=an_attempt(response_headers={"x": "é"}))
        await journal.publish_version(a_version(), ("Latest",))
    async with sqlite.opened(path) as journal:
        assert await journal.run("r1") == run
        assert await journal.attempts("r1") == [an_attempt(response_headers={"x": "é"})]
        assert await labels_of(journal) == {"Latest": 1}


async def test_a_journal_of_the_first_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(tables.MIGRATIONS[0] + "; PRAGMA user_version=1")
        columns = [name for name in Run.__struct_fields__ if name != "sealed"]
        values = dict(zip(Run.__struct_fields__, rows.run_values(a_run(step=2)), strict=True))
        values["results"] = b'{"A#1":{"outputs":{"httpStatusCode":200},"failure":null}}'
        connection.execute(
            rows.insert("runs", tuple(columns)), tuple(values[name] for name in columns)
        )
        connection.execute(
            "INSERT INTO versions VALUES ('f1', 1, 'F', 'hash of one', 'one', NULL, 0)"
        )
        connection.execute("INSERT INTO labels VALUES ('f1', 'Latest', 1)")
        connection.commit()
    finished = {"A#1": Result(outputs={"httpStatusCode": 200})}
    async with sqlite.opened(path) as journal:
        assert await journal.run("r1") == a_run(step=2, results=finished)
        await journal.save(a_run(step=3, state=RunState.WAITING), trace=a_trace(step=2))
        assert await journal.under_way("f1") == {1: 1}
        version, is_new = await journal.publish_version(a_version("one"), ("Latest",))
        assert (version.number, is_new) == (1, False)


async def labels_of(journal: Journal) -> dict[str, int]:
    return {label.label: label.number for label in await journal.labels()}


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is no database, but it is long enough to be looked at" * 100)
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        async with sqlite.opened(path):
            pass
