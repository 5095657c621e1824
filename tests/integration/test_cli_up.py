"""`onhook up` as its user meets it: what it prints, what it takes, how it ends and begins again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import pytest

from command import ask, captures, onhook, played, serving, up
from endpoint import Answer, Endpoint
from flows import a_flow, a_request
from onhook import __version__
from onhook.web.serving import bind, port_of
from workplace import until

NASTY = 'x"y \\ {{NewPhoneContact.ANI}} \u2615'


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=lambda sign: sign.name)
async def test_up_prints_one_line_of_json_serves_and_ends_with_0(tmp_path: Path, sign):
    async with up(cwd=tmp_path) as running:
        assert set(running.ready) == {
            "emulator", "worker", "sink", "webhook_url", "token", "ready_ms",
        }  # fmt: skip
        assert running.ready["webhook_url"] == f"{running.sink}/{running.ready['token']}"
        assert 0 < running.ready["ready_ms"] < 20_000
        for address in (running.emulator, running.worker, running.sink):
            assert not address.endswith("/")
            assert (await ask("GET", f"{address}/readyz"))["ready"]
        interaction = await played(running, NASTY)
        (body,) = await captures(running, 1)
        assert body == {
            "DNIS": "+18005550100",
            "ANI": "+14085551234",
            "InteractionId": interaction,
            "Language": "en-US",
            "WhoCalls": NASTY,
        }
        assert await running.command.end(sign) == 0
    assert len(running.command.lines) == 1
    assert running.command.err == ""
    assert (tmp_path / "onhook-data" / "sink").is_dir()


async def test_up_tells_what_happens_line_by_line(tmp_path: Path, endpoint: Endpoint):
    endpoint.plan(500, 204)
    async with serving("up", "--port", "0", "--to", endpoint.url(), cwd=tmp_path) as command:
        await command.line("Ctrl-C stops.")
        start = "\n".join(command.lines)
        assert command.lines[0].startswith(f"onhook {__version__}, ready in ")
        assert f"webhook        {endpoint.url()}" in start
        assert "ada (Ada Agent)" in start
        (curl,) = [line for line in command.lines if "/calls/play" in line]
        interaction = (await ask("POST", curl.split()[-1]))["interaction_id"]
        event = await command.line("--> ")
        assert event.startswith(f"--> AgentDisconnect {interaction[:4]}")
        assert await command.line("<-- ") == "<-- 500, again in 5 s"
        await command.type("\n")
        assert await command.line("trying ") == "trying 1 now"
        delivered = await command.line("<-- ", 2)
        assert delivered.startswith("<-- 204 ")
        assert delivered.endswith(" ms")
        await command.type("\n")
        assert await command.line("nothing ") == "nothing waits"
        assert await command.end(signal.SIGINT) == 0
    assert command.lines[-1].startswith("Stopping")
    one, again = endpoint.requests
    assert (one.body, one.headers) == (again.body, again.headers)
    assert command.err == ""


async def test_up_says_what_it_sets_aside_and_why_a_request_goes_nowhere(
    tmp_path: Path, endpoint: Endpoint
):
    await endpoint.stop()
    flow = a_flow("Main_Flow", a_request("P", "http://127.0.0.1:9/{{AgentDisconnect.AgentId}}"))
    file = tmp_path / "flow.json"
    file.write_bytes(msgspec.json.encode(flow))
    async with serving(
        "up", "--port", "0", "--flows", str(file), "--to", endpoint.url(), cwd=tmp_path
    ) as command:
        await command.line("Ctrl-C stops.")
        (curl,) = [line for line in command.lines if "/calls/play" in line]
        await ask("POST", curl.split()[-1])
        line = await command.line("<-- ")
        # Exactly the origin of --to is allowed, not its host on another port.
        assert "ONHOOK_EGRESS_ALLOW" in line
        assert line.endswith(", again in 5 s")


async def test_up_goes_on_without_a_terminal(tmp_path: Path):
    """Its stdin is nothing, a plain file, or closed while it serves."""
    for name in ("/dev/null", __file__):
        descriptor = os.open(name, os.O_RDONLY)
        async with serving("up", "--port", "0", cwd=tmp_path, stdin=descriptor) as command:
            os.close(descriptor)
            await command.line("Ctrl-C stops.")
            assert await command.end() == 0
            assert command.err == ""
    async with serving("up", "--port", "0", cwd=tmp_path) as command:
        await command.line("Ctrl-C stops.")
        command.close_stdin()
        (curl,) = [line for line in command.lines if "/calls/play" in line]
        await ask("POST", curl.split()[-1])
        assert (await command.line("<-- ")).startswith("<-- 200 ")
        assert await command.end() == 0


async def test_a_taken_port_is_one_clear_line(tmp_path: Path):
    with bind("127.0.0.1", 0, "X") as taken:
        port = port_of(taken)
        done = await onhook("up", "--json", cwd=tmp_path, worker_port=str(port), emulator_port="0")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"onhook: port {port} on 127.0.0.1 is taken; ")
    assert "ONHOOK_WORKER_PORT" in done.err
    assert done.err.count("\n") == 1


async def test_a_second_process_on_the_folder_is_one_line_naming_the_first(tmp_path: Path):
    async with up(cwd=tmp_path) as running:
        done = await onhook("up", "--port", "0", cwd=tmp_path)
        pid = running.command.process.pid
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"onhook: onhook-data/bus is in use by `onhook up` (process {pid}); stop it, or choose "
        "another folder with ONHOOK_DATA\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("up", "--port", "70000"), "--port must be from 0 to 65533"),
        (("up", "--to", "localhost:3000"), "--to must be an address"),
        (("up", "--retry-scale", "2"), '--retry-scale ("2") must be from 0.0001 to 1'),
        (("up", "--flows", "nowhere"), '--flows ("nowhere") names nowhere, which does not exist'),
    ],
    ids=lambda words: " ".join(words[1:]) if isinstance(words, tuple) else "",
)
async def test_a_wrong_value_is_one_line_and_status_2(tmp_path: Path, words, said: str):
    done = await onhook(*words, cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"onhook: {said}")
    assert done.err.count("\n") == 1


async def test_up_goes_on_with_queued_runs_after_a_kill(tmp_path: Path, endpoint: Endpoint):
    endpoint.plan(Answer(503, {"Retry-After": "3"}), 204)
    flags = ("--to", endpoint.url(), "--retry-scale", "0.01")
    async with up(*flags, cwd=tmp_path) as running:
        interaction = await played(running)
        await until(lambda: ask("GET", f"{running.worker}/runs?state=waiting"), lambda runs: runs)
        assert await running.command.end(signal.SIGKILL) == -signal.SIGKILL
    async with serving("up", "--port", "0", *flags, cwd=tmp_path) as command:
        await command.line("Ctrl-C stops.")
        found = command.lines[command.lines.index("Found:") :]
        assert any("in onhook.event-flow.resume" in line for line in found), found
        assert (await command.line("<-- ")).startswith("<-- 204 ")
    assert [request.json["InteractionId"] for request in endpoint.requests] == [interaction] * 2
