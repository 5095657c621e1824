"""JSON Schema 2020-12 of every message, out of the structs that read and write it.

Pure: types in, documents out. It must not know where they are published, nor any room's types but
by the struct that it is given.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onhook.contracts.event import SPEC_VERSION, Event, PublishedEvent
from onhook.contracts.run import RUN_TYPE, RunMessage
from onhook.contracts.sample import SAMPLE_EVENTS
from onhook.contracts.screen_pop import SCREEN_POP, ScreenPopEvent

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ALWAYS_BEFORE = {
    "NewPhoneContact": (),
    "AgentOffered": ("NewPhoneContact",),
    "AgentAnswered": ("NewPhoneContact", "AgentOffered"),
    "AgentDisconnect": ("NewPhoneContact", "AgentOffered", "AgentAnswered"),
    "PhoneContactEnded": ("NewPhoneContact",),  # the caller may hang up before anybody answers
}
"""The outputs that each event is sure to carry besides its own."""


def message_schemas() -> dict[str, dict[str, Any]]:
    """The schema of every message, by its type."""
    run = schema_of(RunMessage, RUN_TYPE, "Onhook run, version 1")
    run["properties"]["type"] = {"const": RUN_TYPE}
    run["required"].append("type")
    run["$defs"]["Event"]["properties"]["specversion"] = {"const": SPEC_VERSION}
    return {name: _event_schema(name) for name in SAMPLE_EVENTS} | {
        RUN_TYPE: run,
        SCREEN_POP: _screen_pop_schema(),
    }


def _screen_pop_schema() -> dict[str, Any]:
    schema = schema_of(ScreenPopEvent, SCREEN_POP, f"{SCREEN_POP} event")
    schema["properties"] |= {
        "type": {"const": SCREEN_POP},
        "specversion": {"const": SPEC_VERSION},
    }
    schema["required"] += ["type", "source", "specversion"]
    return schema


def _event_schema(name: str) -> dict[str, Any]:
    """Event's envelope, which any publisher can fill, around the outputs typed for one event."""
    schema = schema_of(Event, name, f"{name} event")
    outputs = schema_of(PublishedEvent, name, name)["$defs"]
    data = outputs.pop("EventData")
    data["required"] = ["variables", *ALWAYS_BEFORE[name], name]
    schema["description"] = outputs[name]["description"]
    schema["properties"] |= {
        "type": {"const": name},
        "specversion": {"const": SPEC_VERSION},
        "data": data,
    }
    schema["$defs"] = outputs
    return schema


def schema_of(kind: type[Any], name: str, title: str) -> dict[str, Any]:
    """The schema of any struct, whose `$id` is the name of its file."""
    (reference,), definitions = msgspec.json.schema_components(
        [kind], ref_template="#/$defs/{name}"
    )
    root = definitions.pop(reference["$ref"].removeprefix("#/$defs/"))
    schema: dict[str, Any] = {"$schema": DIALECT, "$id": f"{name}.json", **root, "title": title}
    if definitions:
        schema["$defs"] = definitions
    _say_pairs_plainly(schema)
    return schema


def _say_pairs_plainly(part: Any) -> None:
    """Two texts without `prefixItems`: a draft-07 reader takes `items: false` for "no items"."""
    if isinstance(part, dict):
        prefix = part.get("prefixItems")
        if prefix and all(item == prefix[0] for item in prefix):
            del part["prefixItems"]
            part["items"] = prefix[0]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            _say_pairs_plainly(each)
