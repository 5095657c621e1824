"""`onhook flow run`: one run of a flow in this process, told step by step as it happens."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from onhook.cli import logs
from onhook.cli.assignment import assigned
from onhook.cli.dry_answers import answers_of
from onhook.cli.event_file import read_event
from onhook.cli.failure import Failure
from onhook.cli.flow_files import read_flows, surroundings_of
from onhook.cli.input_file import STDIN, USAGE
from onhook.cli.main import settings_from
from onhook.cli.moment import moment_of
from onhook.cli.printed import one_line, print_json
from onhook.cli.run_lines import detail_lines, step_line, took
from onhook.contracts.event import Event
from onhook.egress.client import connected
from onhook.egress.connector_client import Outgoing, keys_of
from onhook.egress.connectors import Connectors, load_connectors
from onhook.event_flow.dry_answer import DryAnswers
from onhook.event_flow.flows_at_hand import FlowsAtHand
from onhook.event_flow.overrides import Overrides, OverridesError, load_overrides
from onhook.event_flow.rehearsal import Rehearsal, Surface
from onhook.event_flow.rehearsed import Rehearsed, StepTaken
from onhook.event_flow.retry import Policy
from onhook.event_flow.sample import sampled, sampled_for, without_variables
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.errors import FlowError
from onhook.settings import Settings


def execute(given: argparse.Namespace) -> int:
    if [given.file, given.event, *given.others].count(STDIN) > 1:
        raise Failure("only one of flow and event can come from stdin; name files", USAGE)
    settings = settings_from(given)
    logs.configure("error", "auto")
    connectors = load_connectors(settings.connectors, os.environ)
    flows = _flows([given.file, *given.others], settings, connectors)
    event = _event(given.event, flows[0])
    answers = answers_of(given.answer, flows, is_dry=given.dry_run)
    chosen = assigned(given.set, flows)
    event = without_variables(event, chosen)
    rehearsed = asyncio.run(_rehearse(given, settings, flows, event, connectors, answers, chosen))
    if given.json:
        print_json(rehearsed)
    else:
        _say_end(rehearsed, is_dry=given.dry_run)
    return 0 if rehearsed.is_finished else 1


def _flows(names: list[str], settings: Settings, connectors: Connectors) -> list[Flow]:
    """Raises Failure with every error of the first file that has some."""
    files = read_flows(names)
    for each in files:
        if each.error is not None:
            raise Failure(str(each.error))
    surroundings = surroundings_of(settings, [each.file for each in files if each.file], connectors)
    try:
        return [compile_flow(each.file, surroundings) for each in files if each.file]
    except FlowError as error:
        raise Failure(str(error)) from None


def _event(name: str | None, flow: Flow) -> Event:
    if name is not None:
        event = None if name == STDIN or Path(name).exists() else sampled(name)
        event = event or read_event(name)
        if event.type not in flow.handlers:
            raise Failure(
                f'flow "{flow.name}" has no handler for {event.type}; it handles '
                f"{', '.join(_handled(flow)) or 'no event'}",
                USAGE,
            )
        return event
    sample = sampled_for(flow)
    if sample is not None:
        return sample
    if not _handled(flow):
        raise Failure(
            f'flow "{flow.name}" handles no event, so nothing starts it; a subflow runs with the '
            "flow that calls it: onhook flow run CALLER --with FILE",
            USAGE,
        )
    raise Failure(
        f'flow "{flow.name}" handles {", ".join(_handled(flow))}: there is no sample of that; '
        "give it one with --event FILE",
        USAGE,
    )


def _handled(flow: Flow) -> list[str]:
    return sorted(set(flow.handlers) - {"OnGlobalError"})


async def _rehearse(
    given: argparse.Namespace,
    settings: Settings,
    flows: list[Flow],
    event: Event,
    connectors: Connectors,
    answers: DryAnswers,
    chosen: Mapping[str, str],
) -> Rehearsed:
    at = moment_of(given.at) if given.at else None
    try:
        configured = load_overrides(settings.overrides, settings.webhook_url)
    except OverridesError as error:
        raise Failure(str(error)) from None
    quiet = bool(given.json)
    if not quiet:
        _say_start(flows[0], event, given)
    async with connected(settings.egress_allow) as client:
        surface = Surface(
            outgoing=Outgoing(client, connectors, keys_of(settings.signing_secret)),
            answer=answers.send if given.dry_run else None,
            overrides=lambda flow: _values(configured, chosen, flow),
            policy=Policy(scale=settings.retry_scale),
            clock=lambda: at or datetime.now(UTC),
            observe=(lambda _step: None) if quiet else _say_step,
        )
        return await Rehearsal(flows[0], FlowsAtHand(*flows), event, surface).perform()


def _values(
    configured: Overrides, chosen: Mapping[str, Any], flow: Flow
) -> tuple[dict[str, Any], dict[str, Any]]:
    """For any variable at the start, and for the externalized ones when they are used."""
    return (
        {**configured.given(flow.name, flow.id), **chosen},
        {**configured.of(flow.name, flow.id), **chosen},
    )


def _say_start(flow: Flow, event: Event, given: argparse.Namespace) -> None:
    is_sample = given.event is None or (given.event != STDIN and not Path(given.event).exists())
    which = "a sample" if is_sample else given.event
    sys.stdout.write(
        f"flow {one_line(flow.name)}, event {event.type} ({which}), "
        f"interaction {one_line(event.interaction_id or 'none')}\n"
    )
    sys.stdout.flush()


def _say_step(step: StepTaken) -> None:
    plain = msgspec.to_builtins(step)
    depth = step.address.count("/")
    lines = [step_line(step.number, plain, depth=depth)]
    lines += [f"      {line}".rstrip() for line in detail_lines(plain)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _say_end(rehearsed: Rehearsed, *, is_dry: bool) -> None:
    requests = sum(len(step.requests) for step in rehearsed.steps)
    how = "answered here, nothing left" if is_dry and requests else "sent"
    if not rehearsed.is_finished:
        sys.stdout.flush()
        sys.stderr.write(f"onhook: failed: {rehearsed.reason}\n")
    counted = f"{len(rehearsed.steps)} steps, requests: {requests}"
    said = f"{counted} ({how})" if requests else counted
    verdict = "finished" if rehearsed.is_finished else "failed"
    sys.stdout.write(f"{verdict} in {took(msgspec.to_builtins(rehearsed))}; {said}\n")
