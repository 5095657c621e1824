"""Order per interaction, where a flow asks for it: who waits for whom, and that nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from endpoint import HELD, Answer, Endpoint
from flows import a_flow, a_request, an_event
from journal_records import a_run
from onhook.event_flow.order import asks_again_at, earlier
from onhook.journal.port import Run, RunState
from workplace import Workplace, run_of, until

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
BODY = '{"interaction": "{{NewPhoneContact.InteractionId}}"}'


def ordered_flow(workplace: Workplace, *, is_ordered: bool = True) -> str:
    flow = a_flow("Kept", a_request("Post", workplace.endpoint.url(), httpRequestBody=BODY))
    return workplace.flow_folder(flow | {"isOrdered": is_ordered})


def of_one_interaction(count: int) -> list[dict[str, Any]]:
    first = an_event(flow="Kept")
    return [first, *(_same_interaction(first) for _ in range(count - 1))]


def _same_interaction(first: dict[str, Any]) -> dict[str, Any]:
    other = an_event(flow="Kept")
    return first | {"id": other["id"]}


def webhook_runs(endpoint: Endpoint) -> Iterator[str]:
    for received in endpoint.requests:
        yield received.header("onhook-run-id")


async def test_a_later_event_of_an_interaction_waits_while_an_earlier_one_is_retried(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(Answer(503, {"Retry-After": "5"}), 204)
    first, second = of_one_interaction(2)
    other = an_event(flow="Kept")
    async with workplace.working(flows=ordered_flow(workplace)) as working:
        await working.publish(first)
        await working.api.until_run(run_of(first, "Kept"), "waiting")
        await working.publish(second, other)
        await working.api.until_run(run_of(other, "Kept"), "done")
        waiting = await working.api.until_run(run_of(second, "Kept"), "waiting")
        assert waiting["reason"].startswith(f"waits for run {run_of(first, 'Kept')}")
        await working.api.until_run(run_of(second, "Kept"), "done")
    runs = [run_of(each, "Kept") for each in (first, other, first, second)]
    assert list(webhook_runs(endpoint)) == runs


async def test_events_of_an_interaction_that_come_together_leave_one_after_another(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD)
    events = of_one_interaction(8)
    async with workplace.working(flows=ordered_flow(workplace)) as working:
        await working.publish(*events)
        await endpoint.arrived(1)

        async def opened() -> int:
            return len(await working.api.get("/runs?limit=100"))

        await until(opened, lambda count: count == len(events))
        assert len(endpoint.requests) == 1
        endpoint.release()
        for event in events:
            await working.api.until_run(run_of(event, "Kept"), "done")
    assert list(webhook_runs(endpoint)) == [run_of(event, "Kept") for event in events]


async def test_a_flow_that_asks_for_no_order_lets_nothing_wait(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD)
    events = of_one_interaction(4)
    async with workplace.working(flows=ordered_flow(workplace, is_ordered=False)) as working:
        await working.publish(*events)
        await endpoint.arrived(4)
        endpoint.release()
        for event in events:
            await working.api.until_run(run_of(event, "Kept"), "done")


async def test_a_dead_run_keeps_nobody_waiting(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(410, 204)
    first, second = of_one_interaction(2)
    async with workplace.working(flows=ordered_flow(workplace)) as working:
        await working.publish(first)
        await working.api.until_run(run_of(first, "Kept"), "dead")
        await working.publish(second)
        await working.api.until_run(run_of(second, "Kept"), "done")


# Which run comes first

runs = st.builds(
    lambda name, second, state, flow: a_run(
        run_id=name, flow_id=flow, state=state, created_at=AT + timedelta(seconds=second)
    ),
    st.sampled_from("abcdef"),
    st.integers(0, 5),
    st.sampled_from(list(RunState)),
    st.sampled_from(["f1", "f2"]),
)


@given(st.lists(runs, unique_by=lambda run: run.run_id, min_size=1))
def test_of_the_runs_that_are_not_over_exactly_one_of_a_flow_waits_for_none(found: list[Run]):
    for flow in ("f1", "f2"):
        open_runs = [each for each in found if each.flow_id == flow and not each.state.is_over]
        free = [each for each in open_runs if earlier(each, found) is None]
        assert len(free) == min(1, len(open_runs))


def test_who_waits_looks_again_after_as_long_as_it_has_waited_within_limits():
    run = a_run(created_at=AT)
    waits = [
        (asks_again_at(run, AT + timedelta(seconds=age)) - AT).total_seconds() - age
        for age in (0, 20, 5_000)
    ]
    assert waits == [5.5, 20, 600]
