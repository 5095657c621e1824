"""The endpoint of a URL: always with its port, in one spelling; on both ways that it is made."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from journal_records import a_run, an_attempt
from onhook.journal import rows, tables
from onhook.journal.endpoint import endpoint_of

SPELLED = {
    "https://example.com/hook?a=b#c": "https://example.com:443",
    "http://example.com": "http://example.com:80",
    "HTTPS://Example.COM:8443/": "https://example.com:8443",
    "http://[::1]:7003/x": "http://[::1]:7003",
    "https://[2001:db8::1]": "https://[2001:db8::1]:443",
    "https://example.com?x=https://other": "https://example.com:443",
    "https://example.com#x/y": "https://example.com:443",
    "ftp://example.com/": "ftp://example.com",
    "https:///path": "",
    "***": "",
    "": "",
    "/hook": "",
}


@pytest.mark.parametrize(("url", "endpoint"), SPELLED.items())
def test_an_endpoint_has_one_spelling(url: str, endpoint: str) -> None:
    assert endpoint_of(url) == endpoint


def test_user_and_password_are_no_part_of_it() -> None:
    assert endpoint_of("https://user:p@ss@example.com/") == "https://example.com:443"


def test_it_is_never_long() -> None:
    assert len(endpoint_of(f"https://{'a' * 2_000}/")) == 300


def test_attempts_of_an_older_journal_get_theirs_and_lose_their_doubles() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(";".join(tables.MIGRATIONS[:2]))
        connection.execute(rows.INSERT_RUN, rows.run_values(a_run(flow_id="f7")))
        for number, url in enumerate(SPELLED):
            attempt = replace(an_attempt(number=number), url=url)
            values = rows.attempt_values(attempt, "")[:-2]
            for _ in range(2):
                connection.execute(rows.insert("attempts", rows.ATTEMPT_COLUMNS), values)
        connection.executescript(tables.MIGRATIONS[2])
        found = connection.execute("SELECT url, endpoint, flow_id FROM attempts ORDER BY number")
        assert found.fetchall() == [(url, endpoint, "f7") for url, endpoint in SPELLED.items()]
