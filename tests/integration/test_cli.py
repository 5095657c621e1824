"""The `onhook` command, as its user meets it: real processes, their output, status and manners."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from uuid import UUID

import aiohttp
import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat

from command import Command, Finished, ask, captures, onhook, played, serving, up
from endpoint import Endpoint
from flows import a_flow, a_request, an_event
from onhook import __version__
from onhook.bus import embedded
from onhook.bus.port import Message
from onhook.contracts.event import decode_event
from onhook.contracts.sample import SAMPLE_EVENTS
from onhook.contracts.topology import EVENT_FLOW
from onhook.settings import SETTINGS
from onhook.settings.settings import SEEDED_TOKEN
from workplace import Workplace, until

NASTY = 'x"y \\ {{NewPhoneContact.ANI}} \u2615'


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# onhook demo


async def test_the_demo_prints_each_step_and_the_captured_request(tmp_path: Path):
    done = await onhook("demo", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    for event in SAMPLE_EVENTS:
        assert event in done.out
    assert '"WhoCalls": "Ada Lovelace"' in done.out
    assert "webhook-id: msg_" in done.out
    assert inside(tmp_path) == []


async def test_the_demo_as_json_and_by_any_name(tmp_path: Path):
    done = await onhook("demo", "--who", NASTY, "--json", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    assert set(done.json) == {"interaction_id", "capture", "elapsed_ms"}
    body = msgspec.json.decode(done.json["capture"]["content"])
    assert body["WhoCalls"] == NASTY
    assert body["InteractionId"] == done.json["interaction_id"]
    assert set(body) == {"DNIS", "ANI", "InteractionId", "Language", "WhoCalls"}


async def test_the_demo_ignores_the_environment(tmp_path: Path):
    done = await onhook(
        "demo",
        "--json",
        cwd=tmp_path,
        amqp_url="amqp://127.0.0.1:9/",
        webhook_url="http://127.0.0.1:9/",
        sink_port="1",
        data=str(tmp_path / "data"),
        flows="/nowhere",
        retry_scale="nonsense",
    )
    assert (done.status, done.err) == (0, "")
    assert done.json["capture"]["method"] == "POST"
    assert inside(tmp_path) == []


# onhook event


@pytest.mark.parametrize("name", SAMPLE_EVENTS)
async def test_a_sample_event_is_valid_and_new_each_time(tmp_path: Path, name: str):
    one, other = [await onhook("event", name, cwd=tmp_path) for _ in range(2)]
    assert (one.status, one.err, one.out.count("\n")) == (0, "", 1)
    event = decode_event(one.out.encode())
    assert event.type == name
    foreign = JSONFormat().read(None, one.out.encode())
    assert foreign.get_id() == event.id
    assert one.json["id"] != other.json["id"]
    assert one.json["subject"] != other.json["subject"]
    UUID(one.json["id"])


async def test_an_event_that_there_is_not_is_refused_with_those_that_are(tmp_path: Path):
    done = await onhook("event", "Nonsense", cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert "AgentDisconnect" in done.err


# Asking running services


async def test_trace_flow_and_doctor_speak_to_running_services(tmp_path: Path, endpoint: Endpoint):
    mended = tmp_path / "mended.json"
    flow = a_flow("Main_Flow", a_request("Post", "{{WebhookUrl}}"), variables=(WEBHOOK,))
    mended.write_bytes(msgspec.json.encode(flow))
    async with up(cwd=tmp_path) as running:
        addresses = {
            f"{service}_url": running.ready[service] for service in ("emulator", "worker", "sink")
        }
        interaction = await played(running)
        await captures(running, 1)

        trace = await onhook("trace", interaction, cwd=tmp_path, **addresses)
        assert (trace.status, trace.err) == (0, "")
        assert f"interaction {interaction}" in trace.out
        assert "event AgentDisconnect" in trace.out
        assert "flow Main_Flow v1, run " in trace.out
        assert "-> 200 in " in trace.out
        assert f"capture {running.sink}/token/" in trace.out
        assert "AgentAnswered: filtered, its flow has no handler" in trace.out
        as_json = await onhook("trace", interaction, "--json", cwd=tmp_path, **addresses)
        assert as_json.json["runs"][0]["run"]["state"] == "done"
        assert as_json.json["call"]["state"] == "ended"
        nothing = await onhook("trace", "nobody", cwd=tmp_path, **addresses)
        assert nothing.status == 1
        assert "nothing is known of it" in nothing.out

        listed = await onhook("flow", "list", cwd=tmp_path, **addresses)
        assert listed.out.startswith("Main_Flow  v1  Latest v1  ")
        published = await onhook(
            "flow", "publish", str(mended), "--label", "Test", cwd=tmp_path, **addresses
        )
        assert published.status == 0
        assert published.out.splitlines() == [
            "Main_Flow published v2 (Latest, Test)",
            "  entry point Support: Latest, next call runs v2",
        ]
        again = await onhook("flow", "publish", str(mended), cwd=tmp_path, **addresses)
        assert again.out == "Main_Flow unchanged since v2 (Latest, Test)\n"

        doctor = await onhook("doctor", cwd=tmp_path, **addresses)
        assert doctor.status == 0, doctor.out
        assert doctor.out.count(" is ready\n") == 3
        ready = await onhook("doctor", "--ready", "event-flow", cwd=tmp_path, **addresses)
        assert (ready.status, ready.out) == (0, f"event-flow: {running.worker} is ready\n")

        swapped = addresses | {"worker_url": running.sink}
        said = f"{running.sink} is the sink, not the worker; correct ONHOOK_WORKER_URL"
        wrong = await onhook("flow", "list", cwd=tmp_path, **swapped)
        assert (wrong.status, wrong.err) == (1, f"onhook: {said}\n")
        doctor = await onhook("doctor", cwd=tmp_path, **swapped)
        assert doctor.status == 1
        assert said in doctor.out


WEBHOOK = {"name": "WebhookUrl", "value": "", "isExternalized": True}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "neither JSON nor YAML"),
        (b'{"flowType": "FLOW"}', '"name" is missing'),
        (msgspec.json.encode(an_event()), '"name" is missing'),
    ],
    ids=["broken", "no name", "an event"],
)
async def test_a_flow_file_that_is_none_is_refused_before_anything_is_asked(
    tmp_path: Path, content: bytes, said: str
):
    (tmp_path / "bad.json").write_bytes(content)
    done = await onhook("flow", "publish", "bad.json", cwd=tmp_path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith('onhook: flow "bad.json": OH1000 ')
    assert said in done.err
    missing = await onhook("flow", "publish", "missing.json", cwd=tmp_path)
    assert missing.err == "onhook: missing.json: No such file or directory\n"


@pytest.mark.parametrize("words", [("trace", "x"), ("flow", "list")], ids=lambda words: words[0])
async def test_where_no_service_answers_that_is_said_in_one_line(tmp_path: Path, words):
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    done = await onhook(*words, cwd=tmp_path, worker_url=f"http://127.0.0.1:{port}")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"onhook: no worker answers at http://127.0.0.1:{port}/")
    assert "start it with `onhook up`" in done.err
    assert done.err.count("\n") == 1


async def test_the_doctor_says_how_many_dead_letters_it_does_not_list(
    tmp_path: Path, endpoint: Endpoint
):
    workplace = Workplace(
        "embedded", lambda: embedded.opened(tmp_path / "bus.sqlite"), tmp_path, endpoint
    )
    async with workplace.working() as working:
        for number in range(7):
            message = Message(body=b"junk", message_id=f"m{number}")
            await working.bus.publish("", EVENT_FLOW, message)
        await working.api.dead_letters(7)
        doctor = await onhook("doctor", cwd=tmp_path, worker_url=working.address)
    assert doctor.out.count("dead letter ") == 5
    assert "and 2 more\n" in doctor.out
    assert "dead letters: 7;" in doctor.out


async def test_the_doctor_fails_where_no_service_answers(tmp_path: Path):
    ports = {f"{name}_port": "9" for name in ("emulator", "worker", "sink")}
    done = await onhook("doctor", cwd=tmp_path, **ports)
    assert done.status == 1
    assert "none answers; start them with `onhook up`" in done.out


async def test_the_doctor_says_what_does_not_answer_and_what_is_blocked(tmp_path: Path):
    done = await onhook(
        "doctor",
        cwd=tmp_path,
        webhook_url="http://127.0.0.1:9/hook",
        amqp_url="amqp://guest:secret@127.0.0.1:9/",
        sinkport="1",
        **{f"{name}_port": "9" for name in ("emulator", "worker", "sink")},
    )
    assert done.status == 1
    assert "FAIL bus" in done.out
    assert "nothing answers at http://127.0.0.1:9" in done.out
    assert "did you mean ONHOOK_SINK_PORT?" in done.out
    assert "secret" not in done.out + done.err


# Settings


async def test_config_shows_every_setting_and_masks_secrets(tmp_path: Path):
    given = {"amqp_url": "amqp://me:hush@broker:5672/v", "retry_scale": "0.5"}
    as_json = await onhook("config", "--json", "--in-flight", "77", cwd=tmp_path, **given)
    assert (as_json.status, as_json.err) == (0, "")
    rows = {row["variable"]: row for row in as_json.json}
    assert set(rows) == {setting.variable for setting in SETTINGS}
    assert rows["ONHOOK_AMQP_URL"]["value"] == "amqp://me:***@broker:5672/v"
    assert (rows["ONHOOK_RETRY_SCALE"]["value"], rows["ONHOOK_RETRY_SCALE"]["is_set"]) == (
        "0.5",
        True,
    )
    assert rows["ONHOOK_IN_FLIGHT"]["value"] == "77"
    assert not rows["ONHOOK_HOST"]["is_set"]
    text = await onhook("config", cwd=tmp_path, **given)
    assert "hush" not in text.out + as_json.out
    for setting in SETTINGS:
        assert setting.variable in text.out
        assert setting.flag in text.out


async def test_a_variable_that_no_setting_reads_is_told_with_the_nearest(tmp_path: Path):
    done = await onhook("config", cwd=tmp_path, retry_scal="0.5", completely_other="x")
    unread = " is set, but this version has no such setting"
    assert done.status == 0
    assert done.err.splitlines() == [
        f"warning: ONHOOK_COMPLETELY_OTHER{unread}",
        f"warning: ONHOOK_RETRY_SCAL{unread}; did you mean ONHOOK_RETRY_SCALE?",
    ]


@pytest.mark.parametrize("service", ["call-emulator", "event-flow"])
async def test_a_service_alone_needs_a_broker_and_says_so(tmp_path: Path, service: str):
    done = await onhook(service, cwd=tmp_path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"onhook: `onhook {service}` alone needs a broker: set ONHOOK_AMQP")
    assert done.err.count("\n") == 1
    assert inside(tmp_path) == []


async def address_of(command: Command) -> str:
    """Where a service alone serves: the first thing that it logs once it does."""

    async def probe() -> list[str]:
        logged = [msgspec.json.decode(line) for line in command.err.splitlines()]
        return [line["address"] for line in logged if line["event"] == "serving"]

    return (await until(probe, bool))[0]


async def test_the_sink_alone_needs_no_broker(tmp_path: Path):
    async with serving("sink", "--sink-port", "0", cwd=tmp_path) as command:
        address = await address_of(command)
        assert (await ask("GET", f"{address}/readyz"))["ready"]
        assert await command.end() == 0
    assert command.lines == []


async def test_three_services_alone_work_together_on_a_broker(tmp_path: Path, amqp_vhost_url: str):
    broker = {"amqp_url": amqp_vhost_url}
    async with serving("sink", "--sink-port", "0", cwd=tmp_path) as sink:
        url = f"{await address_of(sink)}/{SEEDED_TOKEN}"
        webhook = {"webhook_url": url, "egress_allow": url.split("/")[2]}
        async with (
            serving("event-flow", "--worker-port", "0", cwd=tmp_path, **broker, **webhook) as one,
            serving("call-emulator", "--emulator-port", "0", cwd=tmp_path, **broker) as other,
        ):
            worker, emulator = await address_of(one), await address_of(other)
            for address in (worker, emulator):
                await until(_readiness(address), lambda status: status == 200)
            interaction = (await ask("POST", f"{emulator}/calls/play"))["interaction_id"]
            requests = f"{url.rpartition('/')[0]}/token/{SEEDED_TOKEN}/requests"
            found = await until(lambda: ask("GET", requests), lambda answer: answer["data"])
            assert interaction in found["data"][0]["content"]
            second = await onhook("event-flow", cwd=tmp_path, worker_port="0", **broker, **webhook)
            assert second.status == 1
            assert f"is in use by the event-flow worker (process {one.process.pid})" in second.err
            assert [await service.end() for service in (one, other)] == [0, 0]
        assert await sink.end(signal.SIGINT) == 0
    assert sink.lines + one.lines + other.lines == []


def _readiness(address: str):
    async def probe() -> int:
        async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as answer:
            return answer.status

    return probe


async def test_a_worker_alone_needs_a_webhook_and_a_login_that_the_broker_knows(
    tmp_path: Path, amqp_vhost_url: str
):
    def last_line(done: Finished) -> str:
        return done.err.splitlines()[-1]

    unset = await onhook("event-flow", cwd=tmp_path, amqp_url=amqp_vhost_url, worker_port="0")
    assert unset.status == 1
    assert last_line(unset).startswith('onhook: flow "Main_Flow": WebhookUrl has no value')
    wrong = amqp_vhost_url.replace("//guest:guest@", "//guest:hush@")
    refused = await onhook(
        "event-flow", cwd=tmp_path, amqp_url=wrong, worker_port="0", webhook_url="http://x.example/"
    )
    assert refused.status == 1
    assert "the broker refuses this user or password" in last_line(refused)
    assert "hush" not in refused.err + refused.out


async def test_reset_asks_and_deletes_what_is_ours_alone(tmp_path: Path):
    data = tmp_path / "onhook-data"
    async with up(cwd=tmp_path) as running:
        await played(running)
        await captures(running, 1)
        busy = await onhook("reset", "--yes", cwd=tmp_path)
        assert busy.status == 1
        assert f"(process {running.command.process.pid})" in busy.err
    (data / "mine.txt").write_text("kept")
    for answer in (b"", b"n\n", b"maybe\n"):
        kept = await onhook("reset", cwd=tmp_path, stdin=answer)
        assert kept.status == 1
        assert kept.err.splitlines()[-1].startswith("onhook: nothing was deleted")
    assert (data / "sink").is_dir()
    done = await onhook("reset", cwd=tmp_path, stdin=b"y\n")
    assert done.status == 0
    assert inside(data) == ["mine.txt"]
    again = await onhook("reset", "--yes", cwd=tmp_path)
    assert (again.status, again.out) == (0, "onhook-data holds nothing of ours\n")


async def test_the_version_is_told(tmp_path: Path):
    done = await onhook("--version", cwd=tmp_path)
    assert (done.status, done.out) == (0, f"onhook {__version__}\n")
