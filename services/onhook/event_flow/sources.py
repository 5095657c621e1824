"""ONHOOK_SOURCES: queues of other systems, and how each message of them becomes an event.

Reading and checking the file; every fault is told with file, source and field. Consuming is
source_feed.py's, the templates are source_template.py's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from onhook.contracts.event import EVENT_NAMES, Event
from onhook.event_flow.dead_letter import Unprocessable, cut
from onhook.event_flow.intake import UnknownEvent
from onhook.event_flow.source_message import SourceMessage
from onhook.event_flow.source_template import (
    NoEvent,
    Recipe,
    Unusable,
    checked_type,
    compiled,
    compiled_data,
    literal,
)
from onhook.settings.plain_yaml import NotPlain, read_yaml
from onhook.settings.settings import SettingError, masked_url

FIELDS = (
    *("queue", "url", "url_file", "prefetch"),
    *("type", "types", "id", "source", "subject", "time", "data"),
)
NO_EVENT = "no event"
LARGEST_PREFETCH = 2_000
LONGEST_QUEUE_BYTES = 255
LONGEST_NAME = 100
OURS = "onhook."
_ENVIRONMENT = re.compile(r"\$\{([^}]*)\}")
_POSITION = re.compile(r"line \d+, column \d+")


class SourcesError(SettingError):
    """The sources file cannot be used."""


class Source(Struct, frozen=True, kw_only=True):
    """One queue, and how its messages are read. `types` empty: any that the template prints."""

    name: str
    queue: str
    url: str
    prefetch: int | None
    types: frozenset[str]
    recipe: Recipe
    reads: frozenset[str]
    """What the recipe reads of a message."""

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {self.queue!r}, {masked_url(self.url)!r})"

    def is_on(self, amqp_url: str) -> bool:
        """Whether its queue is in the broker and virtual host of this address."""
        return bool(amqp_url) and _place(self.url) == _place(amqp_url)

    def read(self, message: SourceMessage, now: datetime) -> Event:
        """Raises Unprocessable, and UnknownEvent of it where the type is none of its own."""
        context, why = message.context()
        if why is not None and any(context[name] is None for name in self.reads & {"body", "text"}):
            raise Unprocessable(NO_EVENT, f'source "{self.name}": {why}, and its templates read it')
        try:
            event = self.recipe.event(context, now)
        except NoEvent as problem:
            raise Unprocessable(NO_EVENT, f'source "{self.name}": {problem}') from None
        if self.types and event.type not in self.types:
            known = ", ".join(sorted(self.types))
            raise UnknownEvent(
                event,
                f'source "{self.name}": type: "{cut(event.type, 80)}" is none of its types: {known}',
            )
        return event


class Sources:
    """Look-up by name."""

    def __init__(self, sources: tuple[Source, ...] = ()) -> None:
        self.all = sources
        self._by_name = {source.name: source for source in sources}

    def named(self, name: str) -> Source | None:
        return self._by_name.get(name)

    @property
    def event_types(self) -> frozenset[str] | None:
        """Types of events that only sources make; None where one may make any."""
        if any(not source.types for source in self.all):
            return None
        return frozenset().union(*(source.types for source in self.all)) - set(EVENT_NAMES)


def load_sources(path: Path | None, amqp_url: str, environment: Mapping[str, str]) -> Sources:
    """Read the YAML file, name -> source. Raises SourcesError naming the place."""
    if path is None:
        return Sources()
    try:
        plain = read_yaml(path.read_bytes())
    except OSError as error:
        raise SourcesError(f"ONHOOK_SOURCES: {path}: {error}") from None
    except NotPlain as error:  # whose text may quote a line with a password
        found = _POSITION.search(str(error))
        place = f" at {found[0]}" if found else ""
        raise SourcesError(
            f"ONHOOK_SOURCES: {path}: no YAML that can be read{place}; correct it (a template "
            "stands in quotes, or behind a |)"
        ) from None
    given = {} if plain is None else plain
    reader = _Reader(path, amqp_url, environment)
    if not isinstance(given, dict):
        raise reader.wrong("", "must map names to sources")
    sources = tuple(reader.source(name, fields) for name, fields in given.items())
    reader.check_apart(sources)
    return Sources(sources)


class _Reader:
    """Reads one file; errors name the file, the source and the field, never a password."""

    def __init__(self, path: Path, amqp_url: str, environment: Mapping[str, str]) -> None:
        self._path = path
        self._amqp_url = amqp_url
        self._environment = environment

    def wrong(self, name: str, what: str) -> SourcesError:
        place = f'source "{cut(name, 80)}": ' if name else ""
        return SourcesError(f"ONHOOK_SOURCES: {self._path}: {place}{what}")

    def source(self, name: str, fields: Any) -> Source:
        if not name.strip() or not name.isprintable() or "{" in name or len(name) > LONGEST_NAME:
            raise self.wrong(
                name,
                f"a source needs a name that can be printed, at most {LONGEST_NAME}, without {{",
            )
        if not isinstance(fields, dict):
            raise self.wrong(name, "must have a queue, a type and an id")
        for key in fields:
            if key not in FIELDS:
                near = difflib.get_close_matches(str(key), FIELDS, 1, 0.6)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
                raise self.wrong(name, f'no field "{cut(str(key), 80)}"; {hint}')
        recipe = self._recipe(name, fields)
        url = self._url(name, fields)
        return Source(
            name=name,
            queue=self._queue(name, fields.get("queue"), url),
            url=url,
            prefetch=self._prefetch(name, fields.get("prefetch")),
            types=self._types(name, fields.get("types"), recipe.literal_type),
            recipe=recipe,
            reads=recipe.reads,
        )

    def check_apart(self, sources: tuple[Source, ...]) -> None:
        """Two sources on one queue would each get a part of its messages."""
        seen: dict[tuple[str | None, int, str, str], str] = {}
        for source in sources:
            other = seen.setdefault((*_place(source.url), source.queue), source.name)
            if other != source.name:
                raise self.wrong(
                    source.name,
                    f'queue: "{source.queue}" is that of source "{other}" too, and each message '
                    "goes to one of them; make one source of both",
                )

    def _queue(self, name: str, queue: Any, url: str) -> str:
        if not isinstance(queue, str) or not queue:
            raise self.wrong(name, "queue: must name the queue to consume")
        if len(queue.encode()) > LONGEST_QUEUE_BYTES:
            raise self.wrong(name, f"queue: is longer than {LONGEST_QUEUE_BYTES} bytes")
        is_ours = bool(self._amqp_url) and _place(url) == _place(self._amqp_url)
        if is_ours and queue.startswith(OURS):
            raise self.wrong(
                name, f'queue: "{queue}" is one of Onhook\'s own; name one of another system'
            )
        return queue

    def _url(self, name: str, fields: dict[str, Any]) -> str:
        """The source's own broker, else ours."""
        if "url" in fields and "url_file" in fields:
            raise self.wrong(name, "has url and url_file; keep one of them")
        if "url_file" in fields:
            return self._address(name, "url_file", self._content(name, fields["url_file"]))
        if "url" not in fields:
            if not self._amqp_url:
                raise self.wrong(
                    name,
                    "has no url, and ONHOOK_AMQP_URL is empty: the embedded bus has no queues of "
                    "other systems; set ONHOOK_AMQP_URL, or give the source a url",
                )
            return self._amqp_url
        if not isinstance(fields["url"], str):
            raise self.wrong(name, "url: must be a text; put it in quotes")
        return self._address(name, "url", self._expanded(name, fields["url"]))

    def _address(self, name: str, field: str, url: str) -> str:
        try:
            split = urlsplit(url)
            is_one = split.scheme in ("amqp", "amqps") and bool(split.hostname)
            _ = split.port
        except ValueError:
            is_one = False
        if not is_one:
            raise self.wrong(name, f"{field}: must look like amqp://user:password@host:5672/vhost")
        return url

    def _content(self, name: str, file: Any) -> str:
        if not isinstance(file, str):
            raise self.wrong(name, "url_file: must name a file")
        try:
            return (self._path.parent / file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self.wrong(name, f"url_file: {error}") from None

    def _expanded(self, name: str, text: str) -> str:
        for variable in _ENVIRONMENT.findall(text):
            if not self._environment.get(variable):
                raise self.wrong(
                    name, f"url: the environment has no {variable}; set it, or use url_file"
                )
        return _ENVIRONMENT.sub(lambda found: self._environment[found[1]], text)

    def _prefetch(self, name: str, given: Any) -> int | None:
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, int):
            raise self.wrong(name, "prefetch: must be a whole number")
        if not 1 <= given <= LARGEST_PREFETCH:
            raise self.wrong(name, f"prefetch: must be from 1 to {LARGEST_PREFETCH}")
        return given

    def _types(self, name: str, given: Any, literal_type: str | None) -> frozenset[str]:
        if literal_type is not None:
            if given is not None:
                raise self.wrong(name, "types: type is always the same; leave types out")
            return frozenset({literal_type})
        if given is None:
            return frozenset()
        if not isinstance(given, list) or not given or not all(isinstance(t, str) for t in given):
            raise self.wrong(name, "types: must list the types that the template may print")
        try:
            return frozenset(checked_type(each) for each in given)
        except Unusable as problem:
            raise self.wrong(name, f"types: {problem}") from None

    def _recipe(self, name: str, fields: dict[str, Any]) -> Recipe:
        for field, hint in (("type", "OrderPaid"), ("id", "{{ properties.message_id }}")):
            if fields.get(field) in (None, ""):
                raise self.wrong(name, f'{field}: is missing; give it one, such as "{hint}"')
        field = "type"
        try:
            event_type = compiled(fields[field])
            known = literal(event_type)
            if known is not None:
                known = checked_type(known)
                event_type = compiled(known)
            field = "id"
            event_id = compiled(fields[field], is_stable=True)
            if literal(event_id) is not None:
                raise Unusable("is the same for every message, so that all but one would be lost")
            field = "source"
            origin = compiled(fields.get(field) or name, is_stable=True)
            optional = {}
            for field in ("subject", "time"):
                if fields.get(field) not in (None, ""):
                    optional[field] = compiled(fields[field])
            field = "data"
            data = compiled_data(fields.get(field), known)
        except Unusable as problem:
            raise self.wrong(name, f"{field}: {problem}") from None
        return Recipe(source=origin, type=event_type, id=event_id, data=data, **optional)


def _place(url: str) -> tuple[str | None, int, str]:
    """Broker and virtual host, whatever the user."""
    split = urlsplit(url)
    port = split.port or (5671 if split.scheme == "amqps" else 5672)
    return split.hostname, port, unquote(split.path.removeprefix("/")) or "/"
