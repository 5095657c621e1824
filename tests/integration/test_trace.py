"""Finding an interaction by the beginning of its id, and tracing it."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from command import Finished, onhook, up
from endpoint import HELD, Endpoint
from flows import an_event
from onhook.bus import embedded
from workplace import Workplace, run_of, until

KNOWN = "7d3f-one", "7d3f-two", "7d3f", "other-%_*"


async def test_interactions_are_found_by_the_beginning_of_their_ids(
    workplace: Workplace, endpoint: Endpoint
):
    """Whatever became of them: a run, nothing, or a dead letter."""
    ran, ran_too = an_event(subject=KNOWN[0]), an_event(subject=KNOWN[3])
    filtered = an_event("AgentAnswered", subject=KNOWN[1])
    refused = an_event(flow="Nowhere", subject=KNOWN[2])
    async with workplace.working() as working:
        api = working.api
        await working.publish(ran, ran_too, filtered, refused)
        for event in (ran, ran_too):
            await api.until_run(run_of(event), "done")
        await api.dead_letters(1)
        await until(lambda: api.get(f"/interactions/{KNOWN[1]}"), lambda history: history["events"])
        assert await api.get("/interactions?prefix=7d3f") == ["7d3f", "7d3f-one", "7d3f-two"]
        assert await api.get("/interactions?prefix=7d3f&limit=2") == ["7d3f", "7d3f-one"]
        assert await api.get("/interactions?prefix=7d3f-t") == ["7d3f-two"]
        assert await api.get("/interactions?prefix=other-%25") == ["other-%_*"]
        assert await api.get("/interactions?prefix=%25%25%25%25") == []
        assert await api.get("/interactions?prefix=7D3F") == []
        for short in ("", "?prefix=", "?prefix=7d3"):
            status, problem = await api.ask("GET", f"/interactions{short}")
            assert status == 400
            assert problem["error"]["message"].startswith("Query: ")


async def test_trace_takes_the_beginning_of_an_id(tmp_path: Path, endpoint: Endpoint):
    async with up("--to", endpoint.url(), cwd=tmp_path) as running:
        addresses = {
            f"{service}_url": running.ready[service] for service in ("emulator", "worker", "sink")
        }
        ids = [await _played(running.emulator) for _ in range(2)]
        await endpoint.arrived(2)
        for given in (ids[0][:13], ids[0][:8] + "..."):
            done = await onhook("trace", given, cwd=tmp_path, **addresses)
            assert (done.status, done.err) == (0, "")
            assert done.out.startswith(f"interaction {ids[0]}\n")
        as_json = await onhook("trace", ids[1][:8], "--json", cwd=tmp_path, **addresses)
        assert as_json.json["interaction_id"] == ids[1]
        assert as_json.json["call"]["interaction_id"] == ids[1]
        done = await onhook("trace", "zzzz", cwd=tmp_path, **addresses)
        assert (done.status, done.err) == (1, "")
        assert "nothing is known of it" in done.out
        for short in (ids[0][:3], "z..."):
            done = await onhook("trace", short, cwd=tmp_path, **addresses)
            assert (done.status, done.out) == (1, "")
            assert done.err.endswith("give the id, or at least its first 4 characters\n")


async def test_trace_tells_that_a_request_is_under_way(tmp_path: Path, endpoint: Endpoint):
    endpoint.plan(HELD)
    async with up("--to", endpoint.url(), cwd=tmp_path) as running:
        services = ("emulator", "worker", "sink")
        addresses = {f"{service}_url": running.ready[service] for service in services}
        interaction = await _played(running.emulator)
        await endpoint.arrived(1)
        done = await onhook("trace", interaction, cwd=tmp_path, **addresses)
        assert ": running\n" in done.out
        assert "attempt 1 under way since " in done.out
        endpoint.release()


async def test_trace_names_the_interactions_that_a_beginning_could_mean(
    tmp_path: Path, endpoint: Endpoint
):
    same = "11111111-2222-4333-8444-00000000000"
    event, other = an_event(subject=f"{same}1"), an_event(subject=f"{same}2")
    async with embedded_workplace(tmp_path, endpoint).working() as working:
        await working.publish(event, other)
        for each in (event, other):
            await working.api.until_run(run_of(each), "done")
        address = {"worker_url": working.address, "emulator_url": "http://127.0.0.1:9"}
        done = await onhook("trace", same, cwd=tmp_path, **address)
        assert (done.status, done.out) == (1, "")
        assert done.err == (f'onhook: several interactions begin with "{same}": {same}1, {same}2\n')
        whole = await onhook("trace", f"{same}2", cwd=tmp_path, **address)
        assert whole.status == 0
        assert whole.out.startswith(f"interaction {same}2\n")


async def test_trace_tells_each_step_with_its_attempts_beneath_it(
    tmp_path: Path, endpoint: Endpoint
):
    endpoint.plan(503, 503, 204)
    words = ("--to", endpoint.url("/hook"), "--retry-scale", "0.001")
    async with up(*words, cwd=tmp_path) as running:
        services = ("emulator", "worker", "sink")
        address = {f"{name}_url": running.ready[name] for name in services}
        interaction = await _played(running.emulator)
        await endpoint.arrived(3)

        async def traced() -> Finished:
            return await onhook("trace", cwd=tmp_path, **address)

        done = await until(traced, lambda done: ": done" in done.out)
        assert done.out.startswith(f"interaction {interaction}\n")
        lines = [line.strip() for line in done.out.splitlines()]
        steps = [line for line in lines if line[:1].isdigit()]
        assert [step.split()[1] for step in steps] == [
            "AgentDisconnect",
            "HTTPRequest_fwn",
            "EndFlow_event",
        ]
        node, end = lines.index(steps[1]), lines.index(steps[2])
        attempts = [line for line in lines[node:end] if line.startswith("attempt ")]
        answers = [line.split("-> ")[1].split()[0] for line in attempts]
        assert answers == ["503", "503", "204"]
        assert any(line.startswith("again at ") for line in lines[node:end])
        links = ("capture ", "POST ")
        assert all(
            len(line) <= 100 for line in done.out.splitlines() if not line.strip().startswith(links)
        )
        as_json = await onhook("trace", interaction, "--json", cwd=tmp_path, **address)
        (run,) = as_json.json["runs"]
        assert [step["edge"] for step in run["trace"]][-2:] == ["default", None]


async def test_without_a_run_the_newest_cannot_be_traced(tmp_path: Path):
    async with up(cwd=tmp_path) as running:
        done = await onhook("trace", cwd=tmp_path, worker_url=running.worker)
        assert (done.status, done.out) == (1, "")
        assert done.err == "onhook: no flow has run yet; play a call, then ask again\n"


async def _played(emulator: str) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{emulator}/calls/play", json={}) as answer,
    ):
        return str((await answer.json())["interaction_id"])


def embedded_workplace(folder: Path, endpoint: Endpoint) -> Workplace:
    file = folder / "bus.sqlite"
    return Workplace(
        "embedded", lambda: embedded.opened(file, synchronous="normal"), folder, endpoint
    )
