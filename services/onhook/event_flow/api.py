"""The worker's HTTP API: its rows together, and its published description."""

from __future__ import annotations

from onhook.event_flow import dead_api, endpoint_api, flow_api, journal_api, rehearsal_api, run_api
from onhook.event_flow.dead_api import DeadApi
from onhook.event_flow.endpoint_api import EndpointApi
from onhook.event_flow.flow_api import FlowApi
from onhook.event_flow.journal_api import JournalApi
from onhook.event_flow.rehearsal_api import RehearsalApi
from onhook.event_flow.run_api import RunApi
from onhook.web.app import Api
from onhook.web.operation import Operation

TITLE = "Onhook event-flow worker"
SUMMARY = "Published flows, their runs and attempts, dead letters."


def operations(
    flows: FlowApi | type[FlowApi],
    runs: RunApi | type[RunApi],
    journal: JournalApi | type[JournalApi],
    dead: DeadApi | type[DeadApi],
    rehearsals: RehearsalApi | type[RehearsalApi],
    endpoints: EndpointApi | type[EndpointApi],
) -> list[Operation]:
    """The rows; over the classes themselves where only the description is wanted."""
    tables = (
        *flow_api.rows(flows),
        *run_api.rows(runs),
        *journal_api.rows(journal),
        *dead_api.rows(dead),
        *endpoint_api.rows(endpoints),
    )
    rows = [Operation(**row) for row in tables]
    return [*rows, *rehearsal_api.operations(rehearsals)]


def describe() -> Api:
    """The API without a running worker, for its published description."""
    rows = operations(FlowApi, RunApi, JournalApi, DeadApi, RehearsalApi, EndpointApi)
    return Api(title=TITLE, summary=SUMMARY, operations=rows)
