"""`onhook endpoint list|pause|resume|retry-now`, against a running worker."""

from __future__ import annotations

from pathlib import Path

from command import onhook
from endpoint import Endpoint
from flows import a_flow, a_request, an_event
from workplace import Workplace, run_of


async def test_an_endpoint_is_paused_looked_at_and_resumed_from_the_command_line(
    workplace: Workplace, endpoint: Endpoint, tmp_path: Path
):
    flows = workplace.flow_folder(
        a_flow("One", a_request("Post", endpoint.url("/one"))),
        a_flow("Two", a_request("Post", endpoint.url("/two"))),
    )
    first, second = an_event(flow="One"), an_event(flow="One")
    origin = f"http://127.0.0.1:{endpoint.port}"
    async with workplace.working(flows=flows) as working:

        async def run(*words: str, status: int = 0) -> str:
            done = await onhook("endpoint", *words, cwd=tmp_path, worker_url=working.address)
            assert done.status == status, done.err
            return done.out + done.err

        assert "has not sent anything" in await run("list")
        await working.publish(first, an_event(flow="Two"))
        await endpoint.arrived(2)
        await working.api.until_run(run_of(first, "One"), "done")
        listed = await run("list")
        assert listed.count(origin) == 2
        assert "0/32 in flight" in listed

        refused = await run("pause", origin, status=1)
        assert "names 2 endpoints; give an id, or --all" in refused
        assert "paused; its runs wait" in await run("pause", "One", "--reason", "they asked")
        assert " s: they asked" in await run("list")
        assert "it is paused; resume it" in await run("retry-now", "One", status=1)

        await working.publish(second)
        await working.api.until_run(run_of(second, "One"), "waiting")
        assert "resumed; what waits for it is sent on now" in await run("resume", "One")
        await working.api.until_run(run_of(second, "One"), "done")
        assert (await run("retry-now", origin, "--all")).count("asked now") == 2
        assert 'no endpoint "nowhere"' in await run("pause", "nowhere", status=1)
