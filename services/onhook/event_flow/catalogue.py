"""The published flows: their versions and labels, and which of them an event runs.

It holds compiled versions in memory and publishes into the journal; it must not know the bus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from onhook.contracts.event import EVENT_NAMES, Event, canonical_name
from onhook.contracts.run import flow_id_of
from onhook.event_flow.dead_letter import cut
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.errors import FlowError, error
from onhook.flow.loading import content_hash, load_flow
from onhook.flow.model import GLOBAL_EVENTS, EventFlow, FlowFile
from onhook.journal.port import Journal, Version
from onhook.settings.contact_centre import ContactCentre

log = structlog.get_logger()

LATEST = "Latest"
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
FLOW_FILE_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
PACKAGED = "packaged"
"""The comment of versions that came with the software, not from a person."""
LARGEST_VERSION = 2**31 - 1


class UnknownFlow(Exception):
    """The event names a flow or label that is not published."""


class MissingVersion(Exception):
    """A version that a run names is not in the journal."""


class Published(Struct, frozen=True, kw_only=True):
    version: Version
    is_new: bool
    flow: Flow


class Catalogue:
    """Use `await Catalogue.loaded(...)`."""

    def __init__(self, journal: Journal, centre: ContactCentre) -> None:
        self._journal = journal
        self._points = {
            key: point for point in centre.entry_points for key in (point.id, point.name)
        }
        self._names: dict[str, str] = {}
        """Flow name -> id; the flow published last under a name has it."""
        self._labels: dict[tuple[str, str], int] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._newest: dict[str, Version] = {}
        """Flow id -> its version with the highest number."""
        self._flows: dict[tuple[str, int], Flow] = {}

    @classmethod
    async def loaded(cls, journal: Journal, centre: ContactCentre) -> Catalogue:
        catalogue = cls(journal, centre)
        await catalogue.refresh()
        return catalogue

    async def refresh(self) -> None:
        """Read versions and labels anew."""
        labels = await self._journal.labels()  # first: each then names a version that is read
        for version in await self._journal.versions():
            self._remember(version)
        for label in labels:
            self._labels[label.flow_id, label.label] = label.number

    def _remember(self, version: Version) -> None:
        self._versions[version.flow_id, version.number] = version
        newest = self._newest.get(version.flow_id)
        if newest is None or newest.number <= version.number:
            self._newest[version.flow_id] = version
        self._names[version.name] = version.flow_id

    async def publish(
        self, content: bytes, origin: str, *, labels: Iterable[str] = (), comment: str | None = None
    ) -> Published:
        """Validate and store a version; `Latest` and `labels` move to it. Raises FlowError."""
        file = load_flow(content, origin)
        flow = compile_flow(file)
        version, is_new = await self._journal.publish_version(
            Version(
                flow_id=flow.id,
                name=file.name,
                number=0,
                content_hash=content_hash(file),
                content=msgspec.json.encode(file),
                comment=comment,
                published_at=datetime.now(UTC),
            ),
            (LATEST, *labels),
        )
        self._remember(version)
        for label in (LATEST, *labels):
            self._labels[flow.id, label] = version.number
        return Published(version=version, is_new=is_new, flow=flow)

    async def publish_at_start(self, folders: tuple[Path, ...]) -> list[str]:
        """Publish flow files never published before; returns lines for who reads the start.

        Without folders it is the packaged flow, and only while no other flow exists.
        Raises FlowError naming the file.
        """
        if not folders:
            return await self._publish_packaged()
        lines: list[str] = []
        for path in _flow_files(folders):
            lines += await self._publish_unless_known(_read(path), str(path))
        return lines

    async def _publish_packaged(self) -> list[str]:
        packaged = files("onhook.flow").joinpath("main_flow.json")
        content, origin = packaged.read_bytes(), str(packaged)
        main = load_flow(content, origin)
        flow_id, wanted = main.id or flow_id_of(main.name), content_hash(main)
        versions = self._versions.values()
        is_known = any(v.flow_id == flow_id and v.content_hash == wanted for v in versions)
        latest = self.version(flow_id)
        is_anothers = latest is not None and latest.comment != PACKAGED and not is_known
        if self._newest.keys() - {flow_id} or is_anothers:
            return []
        return await self._publish_unless_known(content, origin, comment=PACKAGED)

    async def _publish_unless_known(
        self, content: bytes, origin: str, *, comment: str | None = None
    ) -> list[str]:
        file = load_flow(content, origin)
        flow_id, wanted = file.id or flow_id_of(file.name), content_hash(file)
        known = [
            version.number
            for version in self._versions.values()
            if version.flow_id == flow_id and version.content_hash == wanted
        ]
        if not known:
            published = await self.publish(content, origin, comment=comment)
            log.info("flow published", flow=file.name, version=published.version.number)
            return []
        latest = self._labels.get((flow_id, LATEST))
        if latest in known:
            return []
        line = (
            f"{origin} is {file.name} v{known[-1]}, {LATEST} is v{latest}; "
            f"to publish the file: onhook flow publish {origin}"
        )
        return [line]

    def selected(self, event: Event) -> list[tuple[str, int]]:
        """The flows and versions that an event runs (several only where none is named).

        Raises UnknownFlow where a flow or label is named that is not published.
        """
        named, label = self._named_flow(event)
        if named is not None:
            flow_id = self._id_of(named)
            version = self._version_of(flow_id, named, label, event)
            return [(flow_id, version)]
        return [
            (flow_id, self._labels[flow_id, LATEST])
            for flow_id in sorted(self._newest)
            if (flow_id, LATEST) in self._labels
            and self.handles(flow_id, self._labels[flow_id, LATEST], event.type)
        ]

    def _named_flow(self, event: Event) -> tuple[str | None, str]:
        contact = event.data.get("NewPhoneContact")
        outputs = contact if isinstance(contact, dict) else {}
        flow = outputs.get("FlowId")
        if isinstance(flow, str) and flow:
            label = outputs.get("FlowVersionLabel")
            return flow, label if isinstance(label, str) and label else LATEST
        entry = outputs.get("EntryPointId")
        point = self._points.get(entry) if isinstance(entry, str) else None
        return (None, LATEST) if point is None else (point.flow, point.flow_label)

    def _id_of(self, named: str) -> str:
        """An id goes before a name. Raises UnknownFlow."""
        if named in self._newest:
            return named
        if named not in self._names:
            raise UnknownFlow(
                f'flow "{cut(named, 120)}" is not published; publish it, then replay this message'
            )
        return self._names[named]

    def _version_of(self, flow_id: str, named: str, label: str, event: Event) -> int:
        pinned = event.flowversion
        if pinned is not None:
            if _NUMBER.fullmatch(str(pinned)) and 0 < int(pinned) <= LARGEST_VERSION:
                return int(pinned)
            raise UnknownFlow(
                f'flowversion "{cut(str(pinned), 40)}" is no version number; '
                "send the number of a published version, or leave it out"
            )
        number = self._labels.get((flow_id, label))
        if number is None:
            raise UnknownFlow(
                f'flow "{cut(named, 120)}" has no version labelled "{cut(label, 60)}"; '
                "publish one under that label, then replay this message"
            )
        return number

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
                found = compile_flow(msgspec.json.decode(version.content, type=FlowFile))
            except (FlowError, msgspec.DecodeError) as error:
                raise MissingVersion(
                    f'flow "{version.name}" v{number} cannot run in this version of onhook: {error}'
                ) from None
            self._flows[flow_id, number] = found
        return found

    def name_of(self, flow_id: str) -> str:
        """The name of a flow's newest version; its id where it is unknown."""
        newest = self._newest.get(flow_id)
        return flow_id if newest is None else newest.name

    def version(self, name_or_id: str, label: str = LATEST) -> Version | None:
        """The version behind a flow's label; None when there is no such flow or label."""
        is_id = name_or_id in self._newest
        flow_id = name_or_id if is_id else self._names.get(name_or_id, name_or_id)
        number = self._labels.get((flow_id, label))
        return None if number is None else self._versions.get((flow_id, number))

    def latest(self) -> list[Version]:
        """Each flow's Latest, by name."""
        found = [
            self._versions[flow_id, self._labels[flow_id, LATEST]]
            for flow_id in sorted(self._newest)
            if (flow_id, LATEST) in self._labels
        ]
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
    return {canonical_name(name) for name in handlers.on_events}


def _flow_files(folders: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        if folder.is_file():
            found.append(folder)
            continue
        inside = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in FLOW_FILE_SUFFIXES and not path.is_dir()
        )
        if not inside:
            log.warning("no flow files in folder", folder=str(folder))
        found += inside
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        unreadable = error(
            "OH1000", f"cannot be read: {problem.strerror}", "let the worker read it"
        )
        raise FlowError(str(path), (unreadable,)) from None


__all__ = ["LATEST", "Catalogue", "FlowError", "MissingVersion", "Published", "UnknownFlow"]
