"""`onhook dead list|show|replay|drop`, against a running worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from command import Finished, Up, ask, onhook, played, up
from endpoint import Endpoint
from workplace import until


class Desk:
    """A folder with a terminal, beside a running `onhook up` that delivers to an endpoint."""

    def __init__(self, folder: Path, running: Up) -> None:
        self.folder = folder
        self.running = running

    async def __call__(self, *words: str, stdin: bytes = b"") -> Finished:
        return await onhook(*words, cwd=self.folder, stdin=stdin, worker_url=self.running.worker)

    async def dead(self, count: int) -> list[str]:
        found = await until(
            lambda: ask("GET", f"{self.running.worker}/dead-letters"),
            lambda letters: len(letters) == count,
        )
        queue = "onhook.dead.undelivered"
        await until(
            lambda: ask("GET", f"{self.running.worker}/queues"),
            lambda depths: depths[queue] == count,
        )
        return [letter["message_id"] for letter in found]


@pytest.fixture
async def desk(tmp_path: Path, endpoint: Endpoint) -> AsyncIterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    endpoint.plan(410)
    async with up("--to", endpoint.url(), cwd=tmp_path, endpoint_breaker="0") as running:
        yield Desk(folder, running)


async def test_those_that_are_alike_are_told_together_and_sent_on_together(
    desk: Desk, endpoint: Endpoint
):
    nothing = await desk("dead", "list")
    assert (nothing.status, nothing.out, nothing.err) == (0, "nothing is set aside\n", "")
    for who in ("Ada", "Grace", "Edsger"):
        await played(desk.running, who)
    ids = await desk.dead(3)
    listed = await desk("dead", "list")
    first, second, *_ = listed.out.splitlines()
    assert first.startswith('3 alike: flow "Main_Flow": node ')
    assert first.endswith("answered 410; gone, not tried again")
    assert second.startswith("    undelivered, undelivered, flow Main_Flow; ")
    each = await desk("dead", "list", "--each", "-n", "2")
    assert [line.split()[0] for line in each.out.splitlines()[:2]] == ids[:2]
    after = each.out.splitlines()[2].removeprefix("there are more: --after ")
    rest = await desk("dead", "list", "--each", "--after", after, "--json")
    assert [letter["message_id"] for letter in rest.json["letters"]] == ids[2:]

    unasked = await desk("dead", "replay", "--like", ids[0])
    assert unasked.status == 1
    assert "Replay 3 dead letters? [y/N]" in unasked.err
    assert "nothing was done" in unasked.err
    assert len(await desk.dead(3)) == 3
    endpoint.plan(204)
    agreed = await desk("dead", "replay", "--like", ids[0], stdin=b"y\n")
    assert (agreed.status, agreed.out) == (0, "3 dead letters sent on their way again\n")
    await desk.dead(0)
    await endpoint.arrived(6)


async def test_one_is_shown_replayed_and_dropped_by_its_id(desk: Desk, endpoint: Endpoint):
    await played(desk.running)
    await played(desk.running)
    one, other = await desk.dead(2)
    shown = await desk("dead", "show", one)
    assert shown.status == 0
    assert "reason        flow" in shown.out
    assert "the run is    dead, v1" in shown.out
    assert "attempt 1 at " in shown.out
    message = await desk("dead", "show", one, "--message")
    assert message.out.startswith('{"run_id":')
    replayed = await desk("dead", "replay", one)
    assert (replayed.status, replayed.err) == (0, "")
    assert replayed.out == "1 dead letter sent on its way again\n"
    dropped = await desk("dead", "drop", other, "--yes", "--json")
    assert dropped.json == {"done": 1, "failed": 0, "reasons": {}}
    gone = await desk("dead", "drop", other, "--yes")
    assert (gone.status, gone.out) == (
        1,
        "0 dead letters dropped\n1 dead letter stayed:\n  1: there is no such dead letter\n",
    )
    unknown = await desk("dead", "show", other)
    assert (unknown.status, unknown.err) == (1, f'onhook: no dead letter "{other}"\n')


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay",), "which? Give ids, a filter such as --fault, or --all"),
        (("drop", "an-id", "--fault", "malformed"), "give ids or a filter, not both"),
        (("list", "--since", "yesterday"), '--since "yesterday" is no time; write 2025-'),
    ],
    ids=str,
)
async def test_wrong_usage_is_told_before_anyone_is_asked(
    tmp_path: Path, words: tuple[str, ...], said: str
):
    done = await onhook("dead", *words, cwd=tmp_path, worker_url="http://127.0.0.1:9")
    assert (done.status, done.out) == (2, "")
    assert said in done.err
