"""The Compose project from outside: what an integrator gets from `docker compose up -d --wait`.

Events come from clients that are not ours: pika, and RabbitMQ's management API. The project is
brought up once, under a name of its own, and always taken down with its volumes.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
PROJECT = "onhook-e2e"
TOKEN = "00000000-0000-4000-8000-000000000001"
PORTS = {
    5672: "RabbitMQ",
    15672: "RabbitMQ's management API",
    7001: "call-emulator",
    7002: "event-flow",
    7003: "sink",
}
SERVICES = ("sink", "event-flow", "call-emulator")
EMULATOR, WORKER, SINK = (f"http://127.0.0.1:{port}" for port in (7001, 7002, 7003))
EXAMPLE = ROOT / "contracts" / "examples" / "AgentDisconnect.json"
ROUTING_KEY = "contact.voice.AgentDisconnect"


def docker(*arguments: str, timeout_s: float = 120, check: bool = True) -> str:
    """Run docker and give what it printed; its complaints are the failure's text."""
    # The caller's ONHOOK_ and COMPOSE_ variables would reach the containers.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONHOOK_", "COMPOSE_"))
    }
    done = subprocess.run(
        ["docker", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"docker {' '.join(arguments)}: {done.stderr}{done.stdout}")
    return done.stdout


def compose(*arguments: str, timeout_s: float = 120, check: bool = True) -> str:
    return docker(
        *("compose", "--project-name", PROJECT, "--file", str(ROOT / "docker-compose.yml")),
        *arguments,
        timeout_s=timeout_s,
        check=check,
    )


def refuse_taken_ports() -> None:
    for port, owner in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                pytest.fail(
                    f"port {port} ({owner} of the Compose project) is taken: {error.strerror}; "
                    "stop what listens there (`docker ps`, `ss -ltnp`) and run this again"
                )


@pytest.fixture(scope="module", autouse=True)
def project(request: pytest.FixtureRequest) -> Iterator[None]:
    """The project, healthy; its logs are shown when a test failed."""
    compose("down", "--volumes", "--remove-orphans")
    refuse_taken_ports()
    failed_before = request.session.testsfailed
    is_up = False
    try:
        compose("build", "--quiet", timeout_s=600)
        compose("up", "--detach", "--wait", timeout_s=300)
        is_up = True
        yield
    finally:
        if not is_up or request.session.testsfailed > failed_before:
            print(compose("ps", "--all", check=False))
            print(compose("logs", "--no-color", "--tail", "200", check=False))
        compose("down", "--volumes", "--remove-orphans")


def call(method: str, url: str, body: object = None, **headers: str) -> Any:
    """One HTTP request with a JSON answer, by the standard library."""
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        pytest.fail(f"{method} {url}: {error.code} {error.read()[:2000]!r}")


def captures_of(interaction_id: str) -> list[dict[str, Any]]:
    listed = call("GET", f"{SINK}/token/{TOKEN}/requests?sorting=newest&per_page=100")
    return [
        capture
        for capture in listed["data"]
        if json.loads(capture["content"])["InteractionId"] == interaction_id
    ]


def wait_for_capture(interaction_id: str, timeout_s: float = 30) -> dict[str, Any]:
    """The first capture of the interaction, as the sink's API lists it."""
    deadline = time.monotonic() + timeout_s
    while not (found := captures_of(interaction_id)):
        if time.monotonic() > deadline:
            pytest.fail(f"the sink shows no capture of {interaction_id} within {timeout_s:g} s")
        time.sleep(0.1)  # between two looks: the API that is tested here has no way to wait
    return found[0]


def another(event: dict[str, Any], **variables: str) -> dict[str, Any]:
    """The example as another call's event: its own ids, its own variables."""
    interaction = str(uuid.uuid4())
    data = event["data"]
    contact = {**data["NewPhoneContact"], "InteractionId": interaction}
    return {
        **event,
        "id": str(uuid.uuid4()),
        "subject": interaction,
        "data": {
            **data,
            "NewPhoneContact": contact,
            "variables": {**data["variables"], **variables},
        },
    }


def five_values(event: dict[str, Any]) -> dict[str, str]:
    contact, variables = event["data"]["NewPhoneContact"], event["data"]["variables"]
    return {
        "DNIS": contact["DNIS"],
        "ANI": contact["ANI"],
        "InteractionId": contact["InteractionId"],
        "Language": variables["Global_Language"],
        "WhoCalls": variables["WhoIsCalling"],
    }


def publish_with_pika(body: bytes) -> None:
    """Publish as any AMQP client would; raises when no queue took the message."""
    connection = pika.BlockingConnection(
        pika.URLParameters("amqp://onhook:onhook@127.0.0.1:5672/%2F")
    )
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("onhook.events", ROUTING_KEY, body, mandatory=True)
    finally:
        connection.close()


@pytest.fixture
def example() -> bytes:
    return EXAMPLE.read_bytes()


def test_the_example_event_published_byte_for_byte_by_pika_is_delivered(example: bytes) -> None:
    publish_with_pika(example)
    expected = five_values(json.loads(example))
    capture = wait_for_capture(expected["InteractionId"])
    assert json.loads(capture["content"]) == expected
    assert capture["method"] == "POST"
    assert capture["headers"]["content-type"] == ["application/json"]


def test_an_event_published_through_the_management_api_is_delivered(example: bytes) -> None:
    event = another(
        json.loads(example), WhoIsCalling='Grace "Amazing" Hopper\n', Global_Language="de-DE"
    )
    answer = call(
        "POST",
        "http://127.0.0.1:15672/api/exchanges/%2F/onhook.events/publish",
        {
            "properties": {},
            "routing_key": ROUTING_KEY,
            "payload": json.dumps(event),
            "payload_encoding": "string",
        },
        Authorization="Basic " + base64.b64encode(b"onhook:onhook").decode(),
    )
    assert answer == {"routed": True}
    capture = wait_for_capture(event["subject"])
    assert json.loads(capture["content"]) == five_values(event)


def test_a_call_that_the_emulator_plays_is_delivered() -> None:
    played = call("POST", f"{EMULATOR}/calls/play", {})
    capture = wait_for_capture(played["interaction_id"])
    body = json.loads(capture["content"])
    assert set(body) == {"DNIS", "ANI", "InteractionId", "Language", "WhoCalls"}
    assert body["InteractionId"] == played["interaction_id"]
    assert all(isinstance(value, str) for value in body.values())


def test_a_worker_that_is_restarted_goes_on_with_what_arrived_meanwhile(example: bytes) -> None:
    compose("stop", "event-flow")
    event = another(json.loads(example), WhoIsCalling="meanwhile")
    publish_with_pika(json.dumps(event).encode())
    assert captures_of(event["subject"]) == []
    compose("up", "--detach", "--wait", "event-flow")
    assert json.loads(wait_for_capture(event["subject"])["content"]) == five_values(event)


def test_captures_survive_a_restart_of_the_sink(example: bytes) -> None:
    event = another(json.loads(example))
    publish_with_pika(json.dumps(event).encode())
    capture = wait_for_capture(event["subject"])
    compose("restart", "sink")
    compose("up", "--detach", "--wait")
    assert [each["uuid"] for each in captures_of(event["subject"])] == [capture["uuid"]]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_confined(service: str) -> None:
    container = compose("ps", "--quiet", service).strip()
    described = json.loads(docker("inspect", container))[0]
    host = described["HostConfig"]
    assert described["Config"]["User"] == "10001:10001"
    assert compose("exec", "-T", service, "id", "-u").strip() == "10001"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    write = """python3 -c "open('/var/tmp/written', 'w')" 2>&1 || true"""
    assert "Read-only file system" in compose("exec", "-T", service, "sh", "-c", write)


def test_ports_are_open_on_loopback_alone() -> None:
    published = set()
    for container in compose("ps", "--quiet").split():
        ports = json.loads(docker("inspect", container))[0]["NetworkSettings"]["Ports"]
        for bindings in ports.values():
            published |= {(each["HostIp"], int(each["HostPort"])) for each in bindings or ()}
    assert published == {("127.0.0.1", port) for port in PORTS}


def test_a_service_that_is_told_to_stop_exits_cleanly() -> None:
    containers = {service: compose("ps", "--quiet", service).strip() for service in SERVICES}
    compose("stop", *SERVICES)
    codes = {
        service: json.loads(docker("inspect", container))[0]["State"]["ExitCode"]
        for service, container in containers.items()
    }
    assert codes == dict.fromkeys(SERVICES, 0)
