"""Publishing flows, moving their labels, withdrawing them: each change stored, then in force at once.

Who is affected is told with every change. It must not know the bus or HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from onhook.event_flow.catalogue import Catalogue, MissingVersion, NoSuchFlow
from onhook.event_flow.dead_letter import cut
from onhook.event_flow.label import LATEST, affected_lines, checked_label, gone_lines
from onhook.flow.compiled import Flow, compile_flow, validate
from onhook.flow.errors import Finding, in_order
from onhook.flow.loading import Loaded, content_hash, load
from onhook.flow.subflow import CallNode
from onhook.journal.port import Journal, Label, Version
from onhook.settings.contact_centre import EntryPoint


class NotAllowed(Exception):
    """What was asked of a label is not done."""


class Published(Struct, frozen=True, kw_only=True):
    version: Version
    is_new: bool
    is_again: bool
    """The flow was unpublished before."""
    flow: Flow
    findings: tuple[Finding, ...]
    """Warnings, those of the file before those of the flow."""
    affected: list[str]
    """Lines saying who notices."""


class Publishing:
    def __init__(
        self, journal: Journal, catalogue: Catalogue, entry_points: tuple[EntryPoint, ...]
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._entry_points = entry_points

    async def validated(self, loaded: Loaded) -> tuple[Finding, ...]:
        """Everything that publishing would say of it, errors first."""
        found = await asyncio.to_thread(validate, loaded.file, self._catalogue.surroundings)
        return in_order((*loaded.findings, *found))

    async def publish(
        self, content: bytes, origin: str, *, labels: Iterable[str] = (), comment: str | None = None
    ) -> Published:
        """As publish_loaded. `origin` names the file in a FlowError that says it is none."""
        return await self.publish_loaded(load(content, origin), labels=labels, comment=comment)

    async def publish_loaded(
        self, loaded: Loaded, *, labels: Iterable[str] = (), comment: str | None = None
    ) -> Published:
        """Validate and store a version; `Latest` and `labels` move to it.

        What is the newest version already makes no other, and labels move all the same.
        Raises FlowError, UnusableLabel.
        """
        moving = tuple(dict.fromkeys((LATEST, *(checked_label(label) for label in labels))))
        file = loaded.file
        flow = await asyncio.to_thread(compile_flow, file, self._catalogue.surroundings)
        candidate = Version(
            flow_id=flow.id,
            name=file.name,
            number=0,
            content_hash=content_hash(file),
            content=msgspec.json.encode(file),
            comment=comment,
            published_at=datetime.now(UTC),
        )
        before: dict[str, int] = {}
        is_again = self._catalogue.is_withdrawn(flow.id)

        def take(stored: tuple[Version, bool]) -> None:
            before.update(self._catalogue.labels_of(flow.id))
            self._catalogue.remember(stored[0])
            for label in moving:
                self._catalogue.point(flow.id, label, stored[0].number)

        version, is_new = await self._catalogue.change(
            lambda: self._journal.publish_version(candidate, moving), take
        )
        moved = [label for label in moving if before.get(label) != version.number]
        return Published(
            version=version,
            is_new=is_new,
            is_again=is_again,
            flow=flow,
            findings=(*loaded.findings, *flow.findings),
            affected=await self._affected(flow.id, dict.fromkeys(moved, version.number)),
        )

    async def move_label(self, name_or_id: str, label: str, number: int) -> list[str]:
        """Move a label to a version, back or forth; lines saying who notices.

        Raises NoSuchFlow, NotAllowed, UnusableLabel.
        """
        checked_label(label)
        flow_id = self._catalogue.known_id(name_or_id)
        name = self._catalogue.name_of(flow_id)
        if self._catalogue.numbered(flow_id, number) is None:
            newest = self._catalogue.newest(flow_id).number
            raise NoSuchFlow(f'flow "{name}" has no v{number}; its newest is v{newest}')
        if label == LATEST:
            raise NotAllowed(
                f"{LATEST} always is the newest version. To run v{number} again, publish its file: "
                f"onhook flow show {name} --version {number} --file > flow.json, then onhook flow "
                "publish flow.json"
            )
        if self._catalogue.is_withdrawn(flow_id):
            raise NotAllowed(f"{name} was unpublished; publish it again, then move its labels")
        before = self._catalogue.labels_of(flow_id).get(label)
        moved = Label(flow_id=flow_id, label=label, number=number)
        await self._catalogue.change(
            lambda: self._journal.move_label(moved),
            lambda _: self._catalogue.point(flow_id, label, number),
        )
        return await self._affected(flow_id, {label: number} if before != number else {})

    async def remove_label(self, name_or_id: str, label: str) -> list[str]:
        """Take a label away; lines saying who notices. Raises NoSuchFlow, NotAllowed."""
        flow_id = self._catalogue.known_id(name_or_id)
        name, labels = self._catalogue.name_of(flow_id), self._catalogue.labels_of(flow_id)
        if label not in labels:
            there = ", ".join(sorted(labels)) or "none"
            raise NoSuchFlow(f'flow "{name}" has no label "{cut(label, 60)}"; there: {there}')
        if label == LATEST:
            raise NotAllowed(
                f"a published flow always has {LATEST}; to withdraw it: onhook flow unpublish {name}"
            )
        await self._catalogue.change(
            lambda: self._journal.remove_labels(flow_id, label),
            lambda _: self._catalogue.point(flow_id, label, None),
        )
        return await self._affected(flow_id, {label: None})

    async def withdraw(self, name_or_id: str) -> list[str]:
        """No event selects the flow any more; its versions stay. Lines saying who notices.

        Raises NoSuchFlow.
        """
        flow_id = self._catalogue.known_id(name_or_id)
        gone: dict[str, int | None] = dict.fromkeys(sorted(self._catalogue.labels_of(flow_id)))
        if not gone:
            raise NoSuchFlow(f'flow "{self._catalogue.name_of(flow_id)}" is not published')

        def take(_: None) -> None:
            for label in self._catalogue.labels_of(flow_id):
                self._catalogue.point(flow_id, label, None)

        await self._catalogue.change(lambda: self._journal.remove_labels(flow_id), take)
        return [*gone_lines(gone), *await self._affected(flow_id, gone)]

    async def _affected(self, flow_id: str, moved: Mapping[str, int | None]) -> list[str]:
        names = {flow_id, self._catalogue.name_of(flow_id)}
        points = [point for point in self._entry_points if point.flow in names]
        under_way = await self._journal.under_way(flow_id)
        return affected_lines(moved, points, self._callers(names), under_way)

    def _callers(self, names: set[str]) -> list[tuple[str, str]]:
        """Published flows that call one of these names, and by which label."""
        found = set()
        for version in self._catalogue.labelled():
            try:
                flow = self._catalogue.flow(version.flow_id, version.number)
            except MissingVersion:
                continue
            nodes = (*flow.events.nodes.values(), *flow.main.nodes.values())
            calls = [node for node in nodes if isinstance(node, CallNode)]
            found |= {(flow.name, call.label) for call in calls if call.flow in names}
        return sorted(found)
