"""The sources file: what each message becomes, and what is wrong with a file, by name and field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onhook.contracts.event import EVENT_NAMES, Event
from onhook.event_flow.dead_letter import Unprocessable
from onhook.event_flow.intake import UnknownEvent
from onhook.event_flow.source_message import Around, SourceMessage
from onhook.event_flow.sources import Source, SourcesError, load_sources

BROKER = "amqp://us:secret@broker:5672/prod"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def loaded(tmp_path: Path, text: str, amqp_url: str = BROKER, **environment: str) -> list[Source]:
    file = tmp_path / "sources.yaml"
    file.write_text(text)
    return list(load_sources(file, amqp_url, environment).all)


def shop(tmp_path: Path, fields: str = "", **replaced: str) -> Source:
    """One source; `fields` are further lines."""
    given = {"queue": "orders", "type": "OrderPaid", "id": '"{{ body.id }}"'} | replaced
    lines = [f"  {name}: {value}" for name, value in given.items()]
    (source,) = loaded(tmp_path, "\n".join(["shop:", *lines, *fields.splitlines()]))
    return source


def message(body: Any = None, **around: Any) -> SourceMessage:
    content = body if isinstance(body, bytes) else msgspec.json.encode({"id": 1} | (body or {}))
    return SourceMessage(content=content, around=Around(**around))


def made(source: Source, body: Any = None, **around: Any) -> Event:
    return source.read(message(body, **around), NOW)


def test_without_data_the_body_is_what_the_event_says(tmp_path: Path) -> None:
    event = made(shop(tmp_path), {"total": 9.5})
    assert (event.id, event.source, event.type) == ("1", "shop", "OrderPaid")
    assert event.data == {"OrderPaid": {"id": 1, "total": 9.5}}
    assert (event.subject, event.time, event.specversion) == (None, None, "1.0")


def test_every_part_of_a_message_can_be_read(tmp_path: Path) -> None:
    names = ("text", "headers.a.b", "properties.app_id", "routing_key", "exchange", "queue")
    fields = "\n".join(f'      v{at}: "{{{{ {name} }}}}"' for at, name in enumerate(names))
    source = shop(tmp_path, f"  data:\n    OrderPaid:\n{fields}")
    event = made(
        source,
        headers={"a": {"b": 2}},
        properties={"app_id": "crm"},
        routing_key="k",
        exchange="x",
        queue="q",
    )
    assert list(event.data["OrderPaid"].values()) == ['{"id":1}', 2, "crm", "k", "x", "q"]


def test_data_may_be_a_json_body_in_which_every_value_is_escaped(tmp_path: Path) -> None:
    source = shop(
        tmp_path, '  data: |\n    {"OrderPaid": {"name": "{{ body.name }}", "all": {{ body }}}}'
    )
    event = made(source, {"name": 'a "b" \\ {{ x }}'})
    assert event.data["OrderPaid"]["name"] == 'a "b" \\ {{ x }}'
    assert event.data["OrderPaid"]["all"]["id"] == 1


def test_in_a_mapping_one_expression_keeps_its_type_and_text_is_text(tmp_path: Path) -> None:
    source = shop(
        tmp_path,
        '  data:\n    OrderPaid: {n: "{{ body.n }}", t: "n={{ body.n }}", c: 5, l: ["{{ body.n }}"]}',
    )
    assert made(source, {"n": 7}).data["OrderPaid"] == {"n": 7, "t": "n=7", "c": 5, "l": [7]}


def test_a_contact_centre_s_other_name_of_an_event_is_its_name_on_the_bus(tmp_path: Path) -> None:
    assert made(shop(tmp_path, type="AgentDisconnected")).type == "AgentDisconnect"


@pytest.mark.parametrize(
    ("given", "time"),
    [
        ("2025-01-31T12:00:00+02:00", "2025-01-31T10:00:00.000Z"),
        ("2025-01-31T12:00:00", "2025-01-31T12:00:00.000Z"),
        (1_700_000_000, "2023-11-14T22:13:20.000Z"),
        (1_700_000_000_500, "2023-11-14T22:13:20.500Z"),
        (None, None),
    ],
)
def test_a_time_is_read_however_it_is_written(tmp_path: Path, given: Any, time: str | None) -> None:
    assert made(shop(tmp_path, '  time: "{{ body.at }}"'), {"at": given}).time == time


def test_the_same_message_is_the_same_event(tmp_path: Path) -> None:
    source = shop(tmp_path, '  source: "/shop/{{ body.eu }}"')
    one = source.read(message({"eu": "de"}), NOW)
    other = source.read(message({"eu": "de"}), datetime(2027, 1, 1, tzinfo=UTC))
    assert (one.source, one.id) == (other.source, other.id) == ("/shop/de", "1")


UNMADE = {
    "no id": ({}, {"id": None}, "id: {{ body.id }} prints nothing"),
    "long id": ({}, {"id": "x" * 1_001}, "id: has 1001 characters"),
    "no JSON": ({}, b"{", "its body is no JSON"),
    "no text": ({}, b"\xff", "its body is no UTF-8"),
    "packed": ({}, {"properties": {"content_encoding": "gzip"}}, "content_encoding is gzip"),
    "deep": ({}, b"[" * 100_000, "no JSON|nested too deeply"),
    "type of errors": ({"type": '"{{ body.t }}"'}, {"t": "OnGlobalError"}, "type: .*errors"),
    "odd type": ({"type": '"{{ body.t }}"'}, {"t": "com.shop.paid"}, "type: .*is no event type"),
    "no type": ({"type": '"{{ body.t }}"'}, {}, "type: .*prints nothing"),
    "list": ({"data": '"[1]"'}, {}, "data: prints a list, and must be an object"),
    "variables": ({"data": "{variables: 5}"}, {}, r"data\.variables: is a number"),
    "error": ({"data": "'{\"OrderPaid\": {{ body.id / 0 }} }'"}, {}, "data: "),
    "time": ({"time": '"{{ body.at }}"'}, {"at": "soon"}, 'time: "soon" is no time'),
}


@pytest.mark.parametrize(("fields", "body", "reason"), UNMADE.values(), ids=UNMADE)
def test_what_becomes_no_event_is_told_by_source_and_field(
    tmp_path: Path, fields: dict[str, str], body: Any, reason: str
) -> None:
    source = shop(tmp_path, **fields)
    around = body if isinstance(body, dict) and "properties" in body else {}
    with pytest.raises(Unprocessable, match=f'source "shop": .*({reason})') as refusal:
        made(source, {} if around else body, **around)
    assert refusal.value.fault == "no event"


def test_a_body_that_no_template_reads_may_be_anything(tmp_path: Path) -> None:
    source = shop(tmp_path, "  data: {OrderPaid: {}}", id='"{{ properties.message_id }}"')
    assert made(source, b"\xff", properties={"message_id": "m"}).id == "m"


def test_types_bound_what_a_template_may_print(tmp_path: Path) -> None:
    source = shop(tmp_path, "  types: [OrderPaid, AgentDisconnected]", type='"{{ body.t }}"')
    assert made(source, {"t": "AgentDisconnect"}).type == "AgentDisconnect"
    with pytest.raises(UnknownEvent, match='"OrderLost" is none of its types') as refusal:
        made(source, {"t": "OrderLost"})
    assert refusal.value.event.type == "OrderLost"


def test_the_types_of_all_sources_are_known_unless_one_makes_any(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    one = "a: {queue: a, type: OrderPaid, id: '{{ body.id }}'}\n"
    two = "b: {queue: b, type: '{{ body.t }}', id: '{{ body.id }}', types: [X, AgentAnswered]}\n"
    file.write_text(one + two)
    assert load_sources(file, BROKER, {}).event_types == {"OrderPaid", "X"}
    file.write_text(one + two.replace(", types: [X, AgentAnswered]", ""))
    assert load_sources(file, BROKER, {}).event_types is None
    assert load_sources(None, BROKER, {}).event_types == frozenset()
    assert "OrderPaid" not in EVENT_NAMES


def test_a_source_has_a_broker_of_its_own_whose_password_stays_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("amqps://u:from-file@other/v\n")
    one, two, three = loaded(
        tmp_path,
        "a: {queue: q, type: T, id: '{{ body.id }}'}\n"
        "b: {queue: q, type: T, id: '{{ body.id }}', url: 'amqp://u:${PW}@other/'}\n"
        "c: {queue: q, type: T, id: '{{ body.id }}', url_file: url, prefetch: 7}\n",
        PW="hunter2",
    )
    assert (one.url, two.url) == (BROKER, "amqp://u:hunter2@other/")
    assert (three.url, three.prefetch) == ("amqps://u:from-file@other/v", 7)
    assert not any(word in f"{one} {two} {three}" for word in ("secret", "hunter2", "from-file"))


MISTAKES = {
    "no YAML": ("a: [", "no YAML that can be read"),
    "list": ("[1]", "must map names to sources"),
    "no mapping": ("shop: 5", 'source "shop": must have a queue, a type and an id'),
    "no queue": ("shop: {type: T, id: '{{ body.id }}'}", "queue: must name the queue"),
    "our queue": ("shop: {queue: onhook.event-flow, type: T, id: '{{ text }}'}", "Onhook's own"),
    "field": ("shop: {que: q}", 'no field "que"; did you mean queue?'),
    "no type": ("shop: {queue: q, id: '{{ text }}'}", "type: is missing"),
    "no id": ("shop: {queue: q, type: T}", "id: is missing"),
    "same id": ("shop: {queue: q, type: T, id: one}", "id: is the same for every message"),
    "id by time": ("shop: {queue: q, type: T, id: '{{ now() }}'}", r"id: uses now\(\)"),
    "type": ("shop: {queue: q, type: a.b, id: '{{ text }}'}", 'type: "a.b" is no event type'),
    "errors": ("shop: {queue: q, type: OnGlobalError, id: '{{ text }}'}", "type: .*errors"),
    "types": ("shop: {queue: q, type: T, types: [U], id: '{{ text }}'}", "types: type is always"),
    "types empty": ("shop: {queue: q, type: '{{ text }}', types: [], id: '{{ text }}'}", "types: "),
    "types odd": ("shop: {queue: q, type: '{{ text }}', types: [a b], id: '{{text}}'}", "types: "),
    "template": ("shop: {queue: q, type: T, id: '{{ body.id'}", "id: "),
    "filter": ("shop: {queue: q, type: T, id: '{{ body.id | shout }}'}", 'no filter "shout"'),
    "name": ("shop: {queue: q, type: T, id: '{{ payload.id }}'}", '"payload" is nothing that'),
    "property": (
        "shop: {queue: q, type: T, id: '{{ properties.messageId }}'}",
        "did you mean message_id",
    ),
    "data": ("shop: {queue: q, type: T, id: '{{ text }}', data: 5}", "data: must be the template"),
    "data text": ("shop: {queue: q, type: T, id: '{{ text }}', data: '{\"a\": }'}", "data: "),
    "data name": (
        "shop: {queue: q, type: T, id: '{{ text }}', data: {order: {}}}",
        'data: "order": templates of flows do not see that; put it under T',
    ),
    "data place": (
        "shop: {queue: q, type: T, id: '{{ text }}', data: {T: {a: ['{{ x }}']}}}",
        r'data: T\.a\[0\]: "x" is nothing',
    ),
    "prefetch": ("shop: {queue: q, type: T, id: '{{ text }}', prefetch: 0}", "prefetch: must be"),
    "prefetch text": ("shop: {queue: q, type: T, id: '{{ text }}', prefetch: a}", "prefetch: "),
    "url": ("shop: {queue: q, type: T, id: '{{ text }}', url: 'http://x'}", "url: must look like"),
    "no variable": ("shop: {queue: q, type: T, id: '{{ text }}', url: 'amqp://${PW}@x'}", "no PW"),
    "no file": ("shop: {queue: q, type: T, id: '{{ text }}', url_file: none}", "url_file: "),
    "two urls": ("shop: {queue: q, type: T, id: '{{text}}', url: a, url_file: b}", "keep one"),
    "twice": (
        "one: {queue: q, type: T, id: '{{ text }}'}\ntwo: {queue: q, type: T, id: '{{ text }}'}",
        'source "two": queue: "q" is that of source "one" too',
    ),
}


@pytest.mark.parametrize(("text", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_source_and_field(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SourcesError, match=told) as refusal:
        loaded(tmp_path, text)
    assert str(refusal.value).startswith(f"ONHOOK_SOURCES: {tmp_path / 'sources.yaml'}: ")
    assert "secret" not in str(refusal.value)


def test_without_a_broker_a_source_needs_a_url(tmp_path: Path) -> None:
    text = "shop: {queue: q, type: T, id: '{{ text }}'}"
    with pytest.raises(SourcesError, match="has no url, and ONHOOK_AMQP_URL is empty"):
        loaded(tmp_path, text, "")
