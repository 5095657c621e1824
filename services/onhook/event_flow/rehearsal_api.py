"""The worker's HTTP API for trying things: a flow run once with its trace, a template evaluated.

Reading what is asked and answering it; performing is rehearsal.py's, evaluating the tester's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from onhook.contracts.event import Event, MalformedEvent, decode_event
from onhook.contracts.run import flow_id_of
from onhook.egress.connector_client import Outgoing
from onhook.event_flow.catalogue import LATEST, Catalogue, MissingVersion
from onhook.event_flow.dry_answer import DryAnswer, DryAnswers
from onhook.event_flow.flows_at_hand import FlowsAtHand
from onhook.event_flow.overrides import Overrides
from onhook.event_flow.rehearsal import Rehearsal, Surface
from onhook.event_flow.rehearsed import Rehearsed
from onhook.event_flow.retry import Policy
from onhook.event_flow.sample import LAST, sampled, sampled_for, without_variables
from onhook.event_flow.template_tester import Evaluated, context_of_event, evaluate
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.errors import FlowError
from onhook.flow.model import FlowFile
from onhook.flow.surroundings import FlowAtHand
from onhook.pebble import PebbleError
from onhook.web.operation import Call, Operation
from onhook.web.problem import Problem

Status = Annotated[int, Meta(ge=0, le=599)]
Instant = Annotated[datetime, Meta(tz=True)]


class AnswerBody(Struct, frozen=True, kw_only=True):
    """What a request of a dry run is answered; `status` 0 is a network fault."""

    status: Status = 200
    body: str = "{}"
    content_type: str = "application/json"


class RunBody(Struct, frozen=True, kw_only=True):
    """A flow to run once: a `file`, or the name or id of a published `flow`."""

    file: FlowFile | None = None
    flow: str | None = None
    label: str = LATEST
    event: dict[str, Any] | str | None = None
    """An event, or the name of one to take a sample of; none: a sample that the flow handles."""
    dry_run: bool = False
    """Send nothing; `answers` are by node name, in turn, the last one staying."""
    answers: dict[str, list[AnswerBody]] = {}
    values: dict[str, Any] = {}
    """Of variables, over the event's and every configured one."""
    others: list[FlowFile] = field(default_factory=list)
    """Flows that it may call, before published ones of the same name."""
    at: Instant | None = None
    """What now() gives."""


class TemplateBody(Struct, frozen=True, kw_only=True):
    """A template to evaluate. `context` is an event or a map of names; none: a sample event's."""

    template: str
    context: dict[str, Any] | None = None
    json_body: bool = False
    at: Instant | None = None


class RehearsalApi:
    def __init__(
        self,
        *,
        catalogue: Catalogue,
        overrides: Overrides,
        outgoing: Outgoing,
        policy: Policy,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalogue = catalogue
        self._overrides = overrides
        self._outgoing = outgoing
        self._policy = policy
        self._clock = clock

    async def run(self, call: Call) -> Rehearsed:
        body: RunBody = call.body
        given = [*([body.file] if body.file else []), *body.others]
        flows = self._compiled(given)
        flow = flows[0] if body.file else self._published(body)
        event = without_variables(_event(body.event, flow), body.values)
        answers = DryAnswers(
            {
                node: [
                    DryAnswer(
                        status=each.status,
                        body=each.body.encode("utf-8", "replace"),
                        content_type=each.content_type,
                    )
                    for each in queue
                ]
                for node, queue in body.answers.items()
            }
        )
        surface = Surface(
            outgoing=self._outgoing,
            answer=answers.send if body.dry_run else None,
            overrides=lambda flow: self._values(flow, body.values),
            policy=self._policy,
            clock=(lambda: body.at or self._clock()),
            observe=lambda _step: None,
        )
        at_hand = FlowsAtHand(*flows, published=_PublishedFlows(self._catalogue))
        return await Rehearsal(flow, at_hand, event, surface).perform()

    async def template(self, call: Call) -> Evaluated:
        body: TemplateBody = call.body
        try:
            return evaluate(
                body.template,
                _context(body.context),
                as_json_body=body.json_body,
                now=body.at or self._clock(),
            )
        except PebbleError as error:
            raise Problem(422, str(error)) from None

    def _compiled(self, files: list[FlowFile]) -> list[Flow]:
        at_hand = {file.name: FlowAtHand(file=file) for file in files}
        at_hand |= {file.id or flow_id_of(file.name): FlowAtHand(file=file) for file in files}
        published = self._catalogue.surroundings

        def find(flow: str, label: str) -> FlowAtHand | None:
            return at_hand.get(flow) or published.flows(flow, label)

        surroundings = msgspec.structs.replace(published, flows=find)
        try:
            return [compile_flow(file, surroundings) for file in files]
        except FlowError as error:
            raise Problem(422, str(error)) from None

    def _published(self, body: RunBody) -> Flow:
        if body.flow is None:
            raise Problem(422, "give a flow `file`, or the name of a published `flow`")
        found = _PublishedFlows(self._catalogue).find(body.flow, body.label)
        if found is None:
            what = f'No flow "{body.flow[:80]}" with the label "{body.label[:80]}"'
            raise Problem(404, f"{what} that can run")
        return found[0]

    def _values(
        self, flow: Flow, chosen: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return (
            {**self._overrides.given(flow.name, flow.id), **chosen},
            {**self._overrides.of(flow.name, flow.id), **chosen},
        )


class _PublishedFlows:
    """The catalogue, as a rehearsal asks it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, name_or_id: str, label: str) -> tuple[Flow, int] | None:
        version = self._catalogue.version(name_or_id, label)
        if version is None:
            return None
        try:
            return self.lookup(version.flow_id, version.number), version.number
        except MissingVersion:
            return None

    def lookup(self, flow_id: str, version: int) -> Flow:
        return self._catalogue.flow(flow_id, version)


def _event(given: dict[str, Any] | str | None, flow: Flow) -> Event:
    """Raises Problem."""
    if isinstance(given, dict):
        event = _decoded(given)
    else:
        found = sampled(given) if given else sampled_for(flow)
        if found is None:
            raise Problem(422, "There is no sample of such an event; give the event itself")
        event = found
    if event.type not in flow.handlers:
        raise Problem(422, f'flow "{flow.name}" has no handler for {event.type[:80]}')
    return event


def _decoded(plain: dict[str, Any]) -> Event:
    try:
        return decode_event(msgspec.json.encode(plain))
    except MalformedEvent as error:
        raise Problem(422, f"event: {error}") from None


def _context(given: dict[str, Any] | None) -> dict[str, Any]:
    if given is None:
        sample = sampled(LAST)
        return {} if sample is None else context_of_event(sample)
    if "specversion" in given and "data" in given:
        return context_of_event(_decoded(given))
    return given


def operations(api: RehearsalApi | type[RehearsalApi]) -> list[Operation]:
    """The rows; over the class itself where only the description is wanted."""
    rows: list[dict[str, Any]] = [
        {
            "method": "POST",
            "path": "/flows/run",
            "name": "runFlow",
            "summary": "Run a flow once, here, and give its trace; nothing is retried or kept",
            "handler": api.run,
            "body": RunBody,
            "response": Rehearsed,
            "errors": {
                404: "No such flow is published",
                422: "The flow has errors, or the event is none that it handles",
            },
        },
        {
            "method": "POST",
            "path": "/template",
            "name": "evaluateTemplate",
            "summary": "Evaluate an expression or a template, as Flow Designer's tester does",
            "handler": api.template,
            "body": TemplateBody,
            "response": Evaluated,
            "errors": {422: "The template is wrong; the message says at which line and column"},
        },
    ]
    return [Operation(**row) for row in rows]
