"""Runs, attempts and events that started nothing, found over HTTP and by `onhook runs`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from command import ask, onhook, up
from endpoint import Endpoint
from flows import an_event
from onhook.cli.runs_parser import STATES
from onhook.event_flow import journal_api
from onhook.journal.port import EventOutcome, RunState
from workplace import Api, Workplace, run_of, until


async def pages(api: Api, path: str) -> list[list[str]]:
    """Run ids, page by page, along the Link header."""
    found, left = [], path
    while left:
        async with api._session.get(left) as answer:
            assert answer.status == 200, await answer.text()
            found.append([run["run_id"] for run in await answer.json()])
            left = str(answer.links["next"]["url"].relative()) if answer.links else ""
    return found


@pytest.mark.parametrize("together", [1, 500])
async def test_runs_are_found_by_every_field_and_by_page(
    workplace: Workplace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, together: int
):
    """Events that started none lie between them, and are on no page of runs."""
    monkeypatch.setattr(journal_api, "READ_TOGETHER", together)
    endpoint.plan(204, 410, 503)
    events = [an_event() for _ in range(3)]
    async with workplace.working(retry_scale="1", endpoint_breaker="0") as working:
        api = working.api
        for event, state in zip(events, ("done", "dead", "waiting"), strict=True):
            await working.publish(event)
            await api.until_run(run_of(event), state)
            for _ in range(3):
                await working.publish(an_event("AgentAnswered"))
        await until(
            lambda: api.get("/journal?state=filtered"), lambda page: len(page["entries"]) == 9
        )
        done, dead, waiting = map(run_of, events)
        newest_first = [waiting, dead, done]
        assert await pages(api, "/runs?limit=2") == [[waiting, dead], [done]]
        assert [run for page in await pages(api, "/runs?limit=1") for run in page] == newest_first
        port = endpoint.port
        for query, expected in {
            "": newest_first,
            "state=waiting": [waiting],
            "status=410": [dead],
            "status=0": [],
            "flow=Main_Flow": newest_first,
            "flow=Main_Flow&state=done": [done],
            f"endpoint=http://127.0.0.1:{port}/x": newest_first,
            "endpoint=http://127.0.0.1:1": [],
            f"interaction_id={events[1]['subject']}": [dead],
            "since=2020-01-01T00:00:00Z": newest_first,
            "until=2020-01-01T00:00:00Z": [],
        }.items():
            assert await pages(api, f"/runs?{query}") == [expected], query
        status, problem = await api.ask("GET", "/runs?flow=Main_Flo")
        assert (status, 'did you mean "Main_Flow"?' in problem["error"]["message"]) == (404, True)
        status, _ = await api.ask("GET", "/runs?after=nonsense")
        assert status == 422
        status, problem = await api.ask("GET", "/journal?of=attempts&state=done")
        assert (status, problem["error"]["message"][:6]) == (422, "state:")

        page = await api.get("/journal?limit=7")
        rest = await api.get(f"/journal?limit=7&after={page['next']}")
        both = page["entries"] + rest["entries"]
        assert (len(both), rest["next"]) == (12, None)
        assert [entry["run"]["run_id"] for entry in both if entry["run"]] == newest_first
        assert {entry["event"]["outcome"] for entry in both if entry["event"]} == {"filtered"}
        attempts = (await api.get("/journal?of=attempts"))["entries"]
        assert [entry["attempt"]["status"] for entry in attempts] == [503, 410, 204]


async def test_the_command_lists_shows_and_tries(tmp_path: Path, endpoint: Endpoint):
    endpoint.plan(503)
    async with up("--to", endpoint.url(), cwd=tmp_path) as running:
        await ask("POST", f"{running.emulator}/calls/play", {})
        (run,) = await until(
            lambda: ask("GET", f"{running.worker}/runs?state=waiting"), lambda runs: len(runs) == 1
        )

        def desk(*words: str):
            return onhook("runs", *words, cwd=tmp_path, worker_url=running.worker)

        listed = await desk("--state", "waiting", "--since", "1h")
        assert (listed.status, listed.err, listed.out.count("\n")) == (0, "", 1)
        assert f"  {run['run_id']}  answered 503, until 20" in listed.out
        filtered = await desk("--state", "filtered")
        assert "AgentAnswered" in filtered.out
        assert "its flow has no handler for AgentAnswered" in filtered.out
        attempts = await desk("--attempts", "--status", "503", "--json")
        assert [entry["attempt"]["status"] for entry in attempts.json["entries"]] == [503]
        first = await desk("-n", "1")
        after = first.out.splitlines()[1].removeprefix("there is more: --after ")
        assert (await desk("-n", "1", "--after", after)).status == 0
        assert (await desk("--status", "201")).out == "nothing was found\n"

        shown = await desk("show", run["run_id"])
        assert f"run {run['run_id']}: waiting" in shown.out
        assert "attempt 1 at " in shown.out
        endpoint.plan(204)
        tried = await desk("try-now", run["run_id"])
        assert tried.out == f"{run['run_id']} is tried now\n"
        await until(
            lambda: ask("GET", f"{running.worker}/runs/{run['run_id']}"),
            lambda found: found["run"]["state"] == "done",
        )
        again = await desk("try-now", run["run_id"])
        assert (again.status, again.out) == (1, "")
        assert "only a waiting run can be tried now" in again.err
        assert (await desk("try-now", "--all")).out == "0 tried now\n"
        assert (await desk("try-now")).status == 2


def test_every_state_can_be_asked_for() -> None:
    states = {state.value for state in (*RunState, *EventOutcome)}
    assert set(get_args(journal_api.State)) == states
    assert set(STATES) == states - {EventOutcome.RUN.value}
