"""Flows over HTTP: publishing, versions, labels, overrides. Rows and translation only."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from onhook.event_flow.answering import NOT_FOUND, STATE, STORE_ERRORS, stored
from onhook.event_flow.catalogue import Catalogue, MissingVersion
from onhook.event_flow.label import LATEST
from onhook.event_flow.override_desk import Holding, OverrideDesk
from onhook.event_flow.publishing import Publishing
from onhook.event_flow.views import (
    FlowDetail,
    FlowPublished,
    FlowSummary,
    FlowValidated,
    LabelsChanged,
    OverrideValue,
    PublishQuery,
    VersionNumber,
    VersionQuery,
    VersionSummary,
)
from onhook.flow.errors import FlowError
from onhook.flow.loading import Loaded, load
from onhook.flow.model import FlowFile
from onhook.journal.port import Journal, Version
from onhook.web.operation import Call
from onhook.web.problem import Problem


async def _read(call: Call) -> Loaded:
    """The flow of a request, read as a file is. Raises Problem."""
    try:
        return await asyncio.to_thread(load, call.body, "Body")
    except FlowError as error:
        (found,) = error.findings
        raise Problem(400, f"Body: {found.message}; {found.remedy}") from None


class FlowApi:
    def __init__(
        self,
        *,
        journal: Journal,
        catalogue: Catalogue,
        publishing: Publishing,
        desk: OverrideDesk,
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._publishing = publishing
        self._desk = desk

    async def flows(self, _call: Call) -> list[FlowSummary]:
        return [
            FlowSummary(
                id=version.flow_id,
                name=version.name,
                version=version.number,
                labels=self._catalogue.labels_of(version.flow_id),
                comment=version.comment,
                published_at=version.published_at,
            )
            for version in self._catalogue.latest()
        ]

    async def flow(self, call: Call) -> FlowDetail:
        version = await self._asked(call)
        try:
            flow = self._catalogue.flow(version.flow_id, version.number)
        except MissingVersion as missing:
            raise Problem(409, str(missing)) from None
        return FlowDetail(
            id=version.flow_id,
            name=version.name,
            version=version.number,
            labels=self._catalogue.labels_of(version.flow_id),
            comment=version.comment,
            published_at=version.published_at,
            handlers=sorted(flow.handlers),
            file=msgspec.json.decode(version.content, type=FlowFile),
        )

    async def _asked(self, call: Call) -> Version:
        query: VersionQuery = call.query
        if query.label is not None and query.version is not None:
            raise Problem(422, "Query: give a label or a version, not both")
        flow_id = await stored(lambda: self._known(call))
        if query.version is not None:
            found = self._catalogue.numbered(flow_id, query.version)
            what = f"v{query.version}"
        else:
            label = query.label or LATEST
            found = self._catalogue.version(flow_id, label)
            what = f'version labelled "{label[:80]}"'
        if found is None:
            name = self._catalogue.name_of(flow_id)
            is_gone = self._catalogue.is_withdrawn(flow_id)
            raise Problem(404, f'flow "{name}" has no {what}{"; it was unpublished" * is_gone}')
        return found

    async def versions(self, call: Call) -> list[VersionSummary]:
        flow_id = await stored(lambda: self._known(call))
        under_way = await stored(lambda: self._journal.under_way(flow_id))
        labels = self._catalogue.labels_of(flow_id)
        return [
            VersionSummary(
                version=version.number,
                labels=sorted(label for label, n in labels.items() if n == version.number),
                comment=version.comment,
                content_hash=version.content_hash,
                published_at=version.published_at,
                runs_under_way=under_way.get(version.number, 0),
            )
            for version in reversed(self._catalogue.versions_of(flow_id))
        ]

    async def _known(self, call: Call) -> str:
        return self._catalogue.known_id(call.path["flow"])

    async def publish(self, call: Call) -> FlowPublished:
        query: PublishQuery = call.query
        loaded = await _read(call)
        try:
            published = await stored(
                lambda: self._publishing.publish_loaded(
                    loaded, labels=query.label, comment=query.comment
                )
            )
        except FlowError as error:
            raise Problem(422, str(error)) from None
        await stored(self._desk.refresh)  # a variable may have become secure
        return FlowPublished(
            id=published.version.flow_id,
            name=published.version.name,
            version=published.version.number,
            is_new=published.is_new,
            is_again=published.is_again,
            labels=self._catalogue.labels_of(published.version.flow_id),
            findings=list(published.findings),
            affected=published.affected,
        )

    async def validate(self, call: Call) -> FlowValidated:
        return FlowValidated(findings=list(await self._publishing.validated(await _read(call))))

    async def move_label(self, call: Call) -> LabelsChanged:
        flow, label = call.path["flow"], call.path["label"]
        return await self._changed(
            flow,
            await stored(lambda: self._publishing.move_label(flow, label, call.body.version)),
        )

    async def remove_label(self, call: Call) -> LabelsChanged:
        flow, label = call.path["flow"], call.path["label"]
        return await self._changed(
            flow, await stored(lambda: self._publishing.remove_label(flow, label))
        )

    async def withdraw(self, call: Call) -> LabelsChanged:
        flow = call.path["flow"]
        return await self._changed(flow, await stored(lambda: self._publishing.withdraw(flow)))

    async def _changed(self, flow: str, affected: list[str]) -> LabelsChanged:
        flow_id = self._catalogue.known_id(flow)
        return LabelsChanged(
            id=flow_id,
            name=self._catalogue.name_of(flow_id),
            labels=self._catalogue.labels_of(flow_id),
            affected=affected,
        )

    async def overrides(self, call: Call) -> list[Holding]:
        async def listed() -> list[Holding]:
            return self._desk.listed(call.path["flow"])

        return await stored(listed)

    async def set_override(self, call: Call) -> Holding:
        flow, variable = call.path["flow"], call.path["variable"]
        return await stored(lambda: self._desk.set(flow, variable, call.body.value))

    async def unset_override(self, call: Call) -> Holding:
        flow, variable = call.path["flow"], call.path["variable"]
        return await stored(lambda: self._desk.unset(flow, variable))


def rows(api: FlowApi | type[FlowApi]) -> list[dict[str, Any]]:
    label = {422: "The text cannot be a label"}
    return [
        {
            "method": "GET",
            "path": "/flows",
            "name": "listFlows",
            "summary": "Published flows, each at its Latest version",
            "handler": api.flows,
            "response": list[FlowSummary],
        },
        {
            "method": "POST",
            "path": "/flows",
            "name": "publishFlow",
            "summary": "Validate a flow and publish it as a new version; Latest and labels move to it",
            "handler": api.publish,
            "status": 201,
            "body": FlowFile,
            "takes_bytes": True,
            "query": PublishQuery,
            "response": FlowPublished,
            "errors": {
                422: "The flow has errors, of which the message lists each; or a label cannot be one",
                **STORE_ERRORS,
            },
        },
        {
            "method": "POST",
            "path": "/flows/validate",
            "name": "validateFlow",
            "summary": "What publishing a flow would say of it, errors first",
            "handler": api.validate,
            "body": FlowFile,
            "takes_bytes": True,
            "response": FlowValidated,
        },
        {
            "method": "GET",
            "path": "/flows/{flow}",
            "name": "showFlow",
            "summary": "A flow, by name or id, at the version behind a label or of a number",
            "handler": api.flow,
            "query": VersionQuery,
            "response": FlowDetail,
            "errors": {**NOT_FOUND, **STATE, 422: "Both a label and a version are given"},
        },
        {
            "method": "DELETE",
            "path": "/flows/{flow}",
            "name": "unpublishFlow",
            "summary": "Withdraw a flow: no event runs it any more; runs under way go on",
            "handler": api.withdraw,
            "response": LabelsChanged,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
        },
        {
            "method": "GET",
            "path": "/flows/{flow}/versions",
            "name": "listVersions",
            "summary": "A flow's versions, newest first, also of one that was unpublished",
            "handler": api.versions,
            "response": list[VersionSummary],
            "errors": {**NOT_FOUND, **STORE_ERRORS},
        },
        {
            "method": "PUT",
            "path": "/flows/{flow}/labels/{label}",
            "name": "moveLabel",
            "summary": "Move a label to a version; Latest moves by publishing alone",
            "handler": api.move_label,
            "body": VersionNumber,
            "response": LabelsChanged,
            "errors": {**NOT_FOUND, **STATE, **label, **STORE_ERRORS},
        },
        {
            "method": "DELETE",
            "path": "/flows/{flow}/labels/{label}",
            "name": "removeLabel",
            "summary": "Take a label away",
            "handler": api.remove_label,
            "response": LabelsChanged,
            "errors": {**NOT_FOUND, **STATE, **STORE_ERRORS},
        },
        {
            "method": "GET",
            "path": "/flows/{flow}/overrides",
            "name": "listOverrides",
            "summary": "What the flow's variables hold by configuration, and where each comes from",
            "handler": api.overrides,
            "response": list[Holding],
            "errors": NOT_FOUND,
        },
        {
            "method": "PUT",
            "path": "/flows/{flow}/overrides/{variable}",
            "name": "setOverride",
            "summary": "Store a variable's value, over every other configuration, from now on",
            "handler": api.set_override,
            "body": OverrideValue,
            "response": Holding,
            "errors": {
                **NOT_FOUND,
                **STATE,
                422: "The value is not of the variable's type",
                **STORE_ERRORS,
            },
        },
        {
            "method": "DELETE",
            "path": "/flows/{flow}/overrides/{variable}",
            "name": "unsetOverride",
            "summary": "Take a stored value away; the answer says what holds now",
            "handler": api.unset_override,
            "response": Holding,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
        },
    ]
