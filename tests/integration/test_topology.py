"""The topology as printed: imported into a real broker, and worked on with no more than it grants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import aiormq
import pytest
from aiormq.exceptions import ChannelAccessRefused

from broker import Broker
from endpoint import Endpoint
from flows import a_flow, a_request, an_event
from foreign_system import foreign_system
from onhook.bus import embedded, rabbitmq
from onhook.bus.port import AccessRefused
from onhook.cli.main import main
from onhook.contracts.run import flow_id_of, run_id_of
from onhook.contracts.topology import SHADOW, TOPOLOGY, UNDELIVERED
from workplace import Workplace, publish, run_of, until

PASSWORD = "only-for-this-test"
SOURCE = "shop: {queue: shop.orders, type: OrderPaid, id: '{{ body.id }}'}"


class Imported:
    """A virtual host in which nothing is but what was printed, with the users that were."""

    def __init__(self, broker: Broker, vhost: str) -> None:
        self.broker = broker
        self.vhost = vhost

    def url(self, service: str) -> str:
        return self.broker.url_of(self.vhost, f"onhook-{service}", PASSWORD)

    def take(self, definitions: str) -> None:
        """Import, then give each user its password, as an operator does."""
        found = json.loads(definitions)
        self.broker.api("POST", "definitions", found)
        for user in found.get("users", []):
            self.broker.api("PUT", f"users/{user['name']}", {"password": PASSWORD, "tags": ""})

    def listed(self, kind: str) -> list[dict]:
        found = self.broker.api("GET", f"{kind}/{quote(self.vhost, safe='')}")
        assert isinstance(found, list)
        return found


@pytest.fixture
def imported(broker: Broker) -> Iterator[Imported]:
    try:
        vhost = broker.new_vhost()
    except PermissionError:
        pytest.fail("these tests need a broker whose user may make users and virtual hosts")
    try:
        yield Imported(broker, vhost)
    finally:
        broker.delete_vhost(vhost)
        for user in ("event-flow", "call-emulator", "shadow"):
            broker.api("POST", "users/bulk-delete", {"users": [f"onhook-{user}"]})


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["topology", *words]) == 0
    return capsys.readouterr().out


def workplace_of(imported: Imported, folder: Path, endpoint: Endpoint, **options) -> Workplace:
    def open_bus():
        return rabbitmq.connect(imported.url("event-flow"), name="test", **options)

    return Workplace("rabbitmq", open_bus, folder, endpoint)


async def test_a_worker_works_on_what_was_imported_with_no_more_than_it_grants(
    imported: Imported,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    endpoint: Endpoint,
) -> None:
    """A delivery, a retry, a dead letter and its replay, a fan-out, a source."""
    sources = tmp_path / "sources.yaml"
    sources.write_text(SOURCE)
    words = ("--vhost", imported.vhost, "--sources", str(sources))
    url = imported.broker.url_of(imported.vhost)
    imported.take(printed(capsys, "--users", *words, "--amqp-url", url))
    async with foreign_system(url) as shop:
        await shop.declare("shop.orders")
        await shop.put("shop.orders", {"id": "o-1"})
    flows = [
        a_flow("One", a_request("Tell", endpoint.url("/one"))),
        a_flow(
            "Two",
            a_request("Tell", endpoint.url("/two")),
            a_request("Again", endpoint.url("/more")),
        ),
        a_flow("Orders", a_request("Tell", endpoint.url("/orders")), events=("OrderPaid",)),
    ]
    endpoint.plan(500, 204, path="/one")
    endpoint.plan(410, 204, path="/gone")
    flows.append(a_flow("Gone", a_request("Tell", endpoint.url("/gone"))))
    workplace = workplace_of(imported, tmp_path, endpoint, declare=False)
    given = {
        "flows": workplace.flow_folder(*flows),
        "sources": str(sources),
        "amqp_url": imported.url("event-flow"),
        "declare": "false",
    }
    one, every, gone = an_event(flow="One"), an_event(flow=None), an_event(flow="Gone")
    async with workplace.working(**given) as working:
        await until(working.api.readiness, lambda found: found[0] == 200)
        async with rabbitmq.connect(
            imported.url("call-emulator"), declare=False, name="emulator"
        ) as emulator:
            for event in (one, every, gone):
                await publish(emulator, event)
        await working.api.until_run(run_of(one, "One"), "done")
        for name in ("One", "Two"):
            await working.api.until_run(run_of(every, name), "done")
        order = run_id_of("shop", "o-1", flow_id_of("Orders"))
        await working.api.until_run(order, "done")
        (entry, *_) = await working.api.dead_letters(1)
        assert entry["queue"] == UNDELIVERED
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        assert (
            await until(
                lambda: working.api.get("/dead-letters"),
                lambda found: entry["message_id"] not in [each["message_id"] for each in found],
            )
            is not None
        )


@pytest.mark.parametrize(
    ("service", "queue"),
    [("event-flow", "onhook.call-emulator"), ("call-emulator", "onhook.event-flow")],
)
async def test_a_service_may_neither_declare_nor_read_what_is_not_its_own(
    imported: Imported, capsys: pytest.CaptureFixture[str], service: str, queue: str
) -> None:
    imported.take(printed(capsys, "--users", "--vhost", imported.vhost))
    connection = await aiormq.connect(imported.url(service))
    try:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.basic_get(queue)
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.queue_declare("onhook.more", durable=True)
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.queue_delete(queue)
    finally:
        await connection.close()
    with pytest.raises(AccessRefused, match="ONHOOK_DECLARE=false"):
        async with rabbitmq.connect(imported.url(service), name="test"):
            pass


async def test_what_is_imported_is_exactly_what_a_service_declares(
    imported: Imported, capsys: pytest.CaptureFixture[str]
) -> None:
    """Declared over it, nothing differs, with the permissions of a service that declares."""
    imported.take(printed(capsys, "--users", "--declaring", "--vhost", imported.vhost))
    before = (len(imported.listed("queues")), len(imported.listed("bindings")))
    assert before[0] == len(TOPOLOGY.queues)
    for service in ("event-flow", "call-emulator"):
        async with rabbitmq.connect(imported.url(service), name="test") as bus:
            await bus.wait_ready()
    assert (len(imported.listed("queues")), len(imported.listed("bindings"))) == before


async def test_a_service_that_declares_may_do_so_where_nothing_is_yet(
    imported: Imported, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(printed(capsys, "--users", "--declaring", "--vhost", imported.vhost))
    kept = {name: found[name] for name in ("vhosts", "users", "permissions")}
    imported.take(json.dumps(kept))
    async with rabbitmq.connect(imported.url("call-emulator"), name="test") as bus:
        await bus.wait_ready()
    assert len(imported.listed("queues")) == len(TOPOLOGY.queues)


async def test_a_shadow_works_with_no_more_than_is_printed_for_it(
    imported: Imported, capsys: pytest.CaptureFixture[str], tmp_path: Path, endpoint: Endpoint
) -> None:
    imported.take(printed(capsys, "--users", "--service", "shadow", "--vhost", imported.vhost))
    imported.broker.delete("queues", imported.vhost, SHADOW)  # as it expires without a shadow
    place = Workplace(
        "embedded",
        lambda: embedded.opened(tmp_path / "bus.sqlite", synchronous="normal"),
        tmp_path,
        endpoint,
    )
    event = an_event()
    async with place.working(shadow="true", amqp_url=imported.url("shadow")) as shadow:
        await until(shadow.api.readiness, lambda found: found[0] == 200)
        url = imported.broker.url_of(imported.vhost)
        async with rabbitmq.connect(url, declare=False, name="publisher") as bus:
            await publish(bus, event)
        await shadow.api.until_run(run_of(event), "done")
    assert endpoint.requests == []


async def test_what_is_missing_on_a_broker_that_is_only_checked_is_named(
    imported: Imported, tmp_path: Path, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    imported.take(printed(capsys, "--users", "--vhost", imported.vhost))
    for name in ("onhook.retry.5s", "onhook.event-flow.ordered"):
        imported.broker.delete("queues", imported.vhost, name)
    with pytest.raises(Exception, match="missing on the broker") as refusal:
        async with workplace_of(imported, tmp_path, endpoint, declare=False).open_bus():
            pass
    assert 'queue "onhook.event-flow.ordered", queue "onhook.retry.5s"' in str(refusal.value)
    assert "`onhook topology`" in str(refusal.value)
    assert 'queue "onhook.retry.30s"' not in str(refusal.value)


def test_without_users_a_second_import_changes_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys))
    assert set(found) == {"vhosts", "exchanges", "queues", "bindings"}
    assert found["vhosts"] == [{"name": "/"}]


def test_other_forms_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    table = printed(capsys, "--format", "table", "--amqp-url", "amqp://u:pw@h/prod%2Fone")
    assert table.startswith("virtual host  prod/one\n")
    assert all(queue.name in table for queue in TOPOLOGY.queues)
    assert "pw" not in table
    commands = printed(capsys, "--format", "rabbitmqctl", "--service", "call-emulator")
    add, grant = commands.splitlines()
    assert add == "rabbitmqctl add_user onhook-call-emulator  # asks for a password"
    assert grant == (
        r"rabbitmqctl set_permissions -p / onhook-call-emulator '^$' '^(onhook\.events)$' "
        r"'^(onhook\.call\-emulator)$'"
    )
