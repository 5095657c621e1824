"""What a start publishes: flow files that were never published, or the packaged flow.

A restart makes no version again, moves no label and brings no withdrawn flow back.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from onhook.contracts.run import flow_id_of
from onhook.event_flow import flow_files
from onhook.event_flow.catalogue import Catalogue
from onhook.event_flow.publishing import Publishing
from onhook.flow.errors import FlowError
from onhook.flow.loading import content_hash, load_flow
from onhook.flow.model import FlowFile

log = structlog.get_logger()

PACKAGED = "packaged"
"""The comment of versions that came with the software, not from a person."""


async def publish_at_start(
    publishing: Publishing, catalogue: Catalogue, folders: tuple[Path, ...]
) -> list[str]:
    """Publish what was never published before; returns lines for who reads the start.

    Without folders it is the packaged flow, and only while no other flow exists.
    Raises FlowError naming the file.
    """
    if not folders:
        return await _publish_packaged(publishing, catalogue)
    loaded = [
        _Loaded(flow_files.content_of(path), str(path)) for path in flow_files.found_in(folders)
    ]
    lines: list[str] = []
    for each in loaded:
        lines += await _publish_unless_known(publishing, catalogue, each)
    return lines


class _Loaded:
    def __init__(self, content: bytes, origin: str) -> None:
        self.content = content
        self.origin = origin
        self.file: FlowFile = load_flow(content, origin)
        self.flow_id = self.file.id or flow_id_of(self.file.name)

    def known_as(self, catalogue: Catalogue) -> list[int]:
        """The versions that hold the same."""
        wanted = content_hash(self.file)
        versions = catalogue.versions_of(self.flow_id)
        return [version.number for version in versions if version.content_hash == wanted]


async def _publish_packaged(publishing: Publishing, catalogue: Catalogue) -> list[str]:
    main = _Loaded(*flow_files.packaged())
    newest = next(reversed(catalogue.versions_of(main.flow_id)), None)
    is_anothers = newest is not None and newest.comment != PACKAGED and not main.known_as(catalogue)
    if catalogue.flow_ids - {main.flow_id} or is_anothers:
        return []
    return await _publish_unless_known(publishing, catalogue, main, comment=PACKAGED)


async def _publish_unless_known(
    publishing: Publishing, catalogue: Catalogue, loaded: _Loaded, *, comment: str | None = None
) -> list[str]:
    name, origin, known = loaded.file.name, loaded.origin, loaded.known_as(catalogue)
    how = f"to publish the file: onhook flow publish {origin}"
    if catalogue.is_withdrawn(loaded.flow_id):
        what = f"{name} v{known[-1]}" if known else f"a new version of {name}"
        return [f"{origin} is {what}, which was unpublished; {how}"]
    if not known:
        try:
            published = await publishing.publish(loaded.content, origin, comment=comment)
        except FlowError as error:
            raise FlowError(origin, error.findings) from None
        log.info("flow published", flow=name, version=published.version.number)
        return []
    latest = catalogue.version(loaded.flow_id)
    if latest is None or latest.number in known:
        return []
    return [f"{origin} is {name} v{known[-1]}, Latest is v{latest.number}; {how}"]
