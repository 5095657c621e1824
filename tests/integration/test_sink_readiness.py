"""`/readyz` of the sink: it says no while nothing can be written, and yes again by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from onhook.sqlite import database
from served_sink import served_sink, sink_settings

WAIT_S = 20


async def test_a_sink_that_could_not_write_is_ready_again_without_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    async with served_sink(tmp_path) as sink:
        path = sink_settings(tmp_path).sink_database()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert (await sink.post(f"/{sink.token}", b"x")).status == 503
            assert (await sink.get("/readyz")).status == 503
            other.execute("ROLLBACK")
        async with asyncio.timeout(WAIT_S):
            while (await sink.get("/readyz")).status != 200:
                pass  # every look is a request, which lets the sink go on
        assert (await sink.requests())["total"] == 0
