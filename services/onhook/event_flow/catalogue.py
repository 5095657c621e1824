"""The published flows: their versions and labels, and which of them an event runs.

It holds compiled versions in memory, as the journal has them; it must not know the bus, nor who may
change what.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
import structlog

from onhook.contracts.event import EVENT_NAMES, Event, canonical_name
from onhook.event_flow.dead_letter import cut
from onhook.event_flow.label import LATEST
from onhook.event_flow.selection import NeverHandled, UnknownFlow, named_flow, pinned_version
from onhook.flow.compiled import Flow, compile_stored
from onhook.flow.errors import FlowError
from onhook.flow.model import GLOBAL_EVENTS, EventFlow, FlowFile
from onhook.flow.surroundings import FlowAtHand, Surroundings
from onhook.journal.port import Journal, Version
from onhook.settings.contact_centre import ContactCentre

log = structlog.get_logger()

T = TypeVar("T")


class MissingVersion(Exception):
    """A version that a run names is not in the journal."""


class NoSuchFlow(Exception):
    """There is no flow, version or label of that name."""


class Catalogue:
    """Use `await Catalogue.loaded(...)`."""

    def __init__(
        self,
        journal: Journal,
        centre: ContactCentre,
        connectors: Mapping[str, str],
        *,
        can_seal: bool,
        event_types: frozenset[str] | None = frozenset(),
    ) -> None:
        self._journal = journal
        self._points = {
            key: point for point in centre.entry_points for key in (point.id, point.name)
        }
        self.surroundings = Surroundings(
            flows=self._at_hand,
            entry_points={
                key: (point.flow, point.flow_label) for key, point in self._points.items()
            },
            schedules={
                key: schedule
                for schedule in centre.business_hours
                for key in (schedule.id, schedule.name)
            },
            connectors=connectors,
            event_types=event_types,
            can_seal=can_seal,
        )
        """What flows are validated against."""
        self._names: dict[str, str] = {}
        """Flow name -> id; of several the one that is called so now, is published, was last."""
        self._labels: dict[tuple[str, str], int] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._newest: dict[str, Version] = {}
        """Flow id -> its version with the highest number."""
        self._flows: dict[tuple[str, int], Flow] = {}
        self._read = 0
        """How many versions were read from the journal; the others were published here."""
        self._changing = asyncio.Lock()
        """Held from the journal's write to ours, so that a slower reading undoes nothing."""

    @classmethod
    async def loaded(
        cls,
        journal: Journal,
        centre: ContactCentre,
        connectors: Mapping[str, str] | None = None,
        *,
        can_seal: bool = True,
        event_types: frozenset[str] | None = frozenset(),
    ) -> Catalogue:
        """`event_types`: those that sources make; None: any."""
        catalogue = cls(
            journal, centre, connectors or {}, can_seal=can_seal, event_types=event_types
        )
        await catalogue.refresh()
        return catalogue

    async def refresh(self) -> None:
        """Read what others have published, and labels anew."""
        async with self._changing:
            labels = await self._journal.labels()  # first: each then names a version that is read
            found = await self._journal.versions(self._read)
            self._read += len(found)
            for version in found:
                self.remember(version)
            self._labels = {(label.flow_id, label.label): label.number for label in labels}
            self._name_flows()

    def _name_flows(self) -> None:
        """A flow's name is its newest version's; older names are its own while no other has them."""
        ordered = sorted(
            self._versions.values(),
            key=lambda version: (
                self._newest[version.flow_id].name == version.name,
                not self.is_withdrawn(version.flow_id),
                version.published_at,
            ),
        )
        self._names = {version.name: version.flow_id for version in ordered}

    # What changed in the journal, told by publishing.py

    async def change(self, store: Callable[[], Awaitable[T]], take: Callable[[T], None]) -> T:
        """Store something, then have it here, with no other change in between."""
        async with self._changing:
            stored = await store()
            take(stored)
            self._name_flows()
        return stored

    def remember(self, version: Version) -> None:
        self._versions[version.flow_id, version.number] = version
        newest = self._newest.get(version.flow_id)
        if newest is None or newest.number <= version.number:
            self._newest[version.flow_id] = version

    def point(self, flow_id: str, label: str, number: int | None) -> None:
        """A label of a flow means this version now; None: it is gone."""
        if number is None:
            self._labels.pop((flow_id, label), None)
        else:
            self._labels[flow_id, label] = number

    # Which flows an event runs

    def selected(self, event: Event) -> list[tuple[str, int]]:
        """The flows and versions that an event runs (several only where none is named).

        Raises UnknownFlow where a flow or label is named that is not published; NeverHandled where
        that makes no difference.
        """
        named = named_flow(event, self._points)
        if named is None:
            return [
                (flow_id, number)
                for flow_id, number in sorted(self._latest().items())
                if self.handles(flow_id, number, event.type)
            ]
        flow_id = self._id_of(named.flow)
        if flow_id is None:
            raise UnknownFlow(
                f'flow "{cut(named.flow, 120)}" is not published; publish it, then replay this '
                "message"
            )
        if self.is_withdrawn(flow_id):
            raise self._unknown(
                flow_id,
                event.type,
                f'flow "{cut(named.flow, 120)}" was unpublished; publish it again, then replay '
                "this message",
            )
        number = pinned_version(event) or self._labels.get((flow_id, named.label))
        if number is None:
            raise self._unknown(
                flow_id,
                event.type,
                f'flow "{cut(named.flow, 120)}" has no version labelled "{cut(named.label, 60)}"; '
                "publish one under that label, then replay this message",
            )
        return [(flow_id, number)]

    def _unknown(self, flow_id: str, event_type: str, reason: str) -> UnknownFlow:
        versions = self.versions_of(flow_id)
        is_missed = any(event_type in _named_handlers(version) for version in versions)
        return UnknownFlow(reason) if is_missed else NeverHandled(reason)

    def handles(self, flow_id: str, number: int, event_type: str) -> bool:
        """Whether a version has a handler; yes for one that cannot be had now: its run waits."""
        version = self._versions.get((flow_id, number))
        try:
            return event_type in self.flow(flow_id, number).handlers
        except MissingVersion as missing:
            log.error("version cannot run", flow=flow_id, version=number, reason=str(missing))
        return version is None or event_type in _named_handlers(version)

    def flow(self, flow_id: str, number: int) -> Flow:
        """A version, compiled. Raises MissingVersion, also for one that cannot run any more."""
        found = self._flows.get((flow_id, number))
        if found is None:
            version = self._versions.get((flow_id, number))
            if version is None:
                raise MissingVersion(f'flow "{flow_id}" has no version {number} in the journal')
            try:
                file = msgspec.json.decode(version.content, type=FlowFile)
                found = compile_stored(file, self.surroundings)
            except (FlowError, msgspec.DecodeError) as error:
                raise MissingVersion(
                    f'flow "{version.name}" v{number} cannot run in this version of onhook: {error}'
                ) from None
            self._flows[flow_id, number] = found
        return found

    # Look-ups

    def has(self, flow_id: str, number: int) -> bool:
        return (flow_id, number) in self._versions

    def _at_hand(self, name_or_id: str, label: str) -> FlowAtHand | None:
        version = self.version(name_or_id, label)
        if version is None:
            return None
        try:
            file = msgspec.json.decode(version.content, type=FlowFile)
        except msgspec.DecodeError:
            return None
        return FlowAtHand(file=file, version=version.number)

    def _id_of(self, named: str) -> str | None:
        """An id goes before a name; also of a flow that was withdrawn."""
        return named if named in self._newest else self._names.get(named)

    def known_id(self, named: str) -> str:
        """The id of a flow that was ever published. Raises NoSuchFlow with the nearest name."""
        found = self._id_of(named)
        if found is None:
            near = difflib.get_close_matches(named, self._names, 1, 0.6)
            known = f"known: {', '.join(sorted(self._names)[:10]) or 'none'}"
            hint = f'did you mean "{near[0]}"?' if near else known
            raise NoSuchFlow(f'no flow "{cut(named, 120)}"; {hint}')
        return found

    @property
    def flow_ids(self) -> frozenset[str]:
        """Of every flow that was ever published."""
        return frozenset(self._newest)

    def is_withdrawn(self, flow_id: str) -> bool:
        """Published once, and not any more."""
        return flow_id in self._newest and (flow_id, LATEST) not in self._labels

    def name_of(self, flow_id: str) -> str:
        """The name of a flow's newest version; its id where it is unknown."""
        newest = self._newest.get(flow_id)
        return flow_id if newest is None else newest.name

    def newest(self, flow_id: str) -> Version:
        """Of a flow that was ever published."""
        return self._newest[flow_id]

    def version(self, name_or_id: str, label: str = LATEST) -> Version | None:
        """The version behind a flow's label; None when there is no such flow or label."""
        flow_id = self._id_of(name_or_id)
        number = None if flow_id is None else self._labels.get((flow_id, label))
        return None if flow_id is None or number is None else self._versions.get((flow_id, number))

    def numbered(self, name_or_id: str, number: int) -> Version | None:
        flow_id = self._id_of(name_or_id)
        return None if flow_id is None else self._versions.get((flow_id, number))

    def versions_of(self, flow_id: str) -> list[Version]:
        """Oldest first."""
        found = [version for (owner, _), version in self._versions.items() if owner == flow_id]
        return sorted(found, key=lambda version: version.number)

    def _latest(self) -> dict[str, int]:
        return {key[0]: number for key, number in self._labels.items() if key[1] == LATEST}

    def labelled(self) -> list[Version]:
        """Each version that a label points to, once."""
        keys = {(flow_id, number) for (flow_id, _), number in self._labels.items()}
        return [self._versions[key] for key in sorted(keys)]

    def latest(self) -> list[Version]:
        """Each published flow's Latest, by name."""
        found = [self._versions[each] for each in sorted(self._latest().items())]
        return sorted(found, key=lambda version: version.name)

    def labels_of(self, flow_id: str) -> dict[str, int]:
        return {
            label: number for (owner, label), number in self._labels.items() if owner == flow_id
        }


def _named_handlers(version: Version) -> set[str | None]:
    """The events that a stored file names, whether or not it can run."""
    try:
        file = msgspec.json.decode(version.content, type=FlowFile)
    except msgspec.DecodeError:
        return set(EVENT_NAMES)
    handlers = file.event_flows.get(GLOBAL_EVENTS) or EventFlow()
    return {canonical_name(name) or name for name in handlers.on_events}


__all__ = ["LATEST", "Catalogue", "MissingVersion", "NeverHandled", "NoSuchFlow", "UnknownFlow"]
