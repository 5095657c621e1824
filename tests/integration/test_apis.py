"""The three services against their published OpenAPI: every operation, good input and bad.

Each answer must have a status, content type and shape that the document names; no input whatever
may be a server error, and what the document forbids must be refused. Each operation is tried twice:
on names that are made up, where little is found, and on things that are there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import Queue
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from onhook.event_flow.notice import AttemptMade, Notice
from onhook.settings import Settings, load
from onhook.up.app import running

HTTP = Path(__file__).parents[2] / "contracts" / "http"
MOST_EXAMPLES = 10
WAIT_S = 20

GOOD_INPUT_GETS = ["2xx", "404", "409", "410", "422"]
"""Input that fits its schema: done, or nothing of that name, or not possible now."""
BAD_INPUT_GETS = ["400", "404", "405", "410", "422"]


class Services:
    """`onhook up` on a thread of its own: schemathesis calls from this one and blocks it."""

    def __init__(self, data: Path) -> None:
        self.notices: Queue[Notice] = Queue()
        self._data = data
        self._loop = asyncio.new_event_loop()
        self._started: Future[Settings] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="onhook up")

    def __enter__(self) -> Settings:
        self._thread.start()
        return self._started.result(WAIT_S)

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)
        finally:
            self._loop.close()

    async def _run(self) -> None:
        given = {"data": str(self._data), "grace": "1"}
        ports = {"emulator_port": "0", "worker_port": "0", "sink_port": "0"}
        async with running(load({}, given | ports), observe=self.notices.put) as up:
            self._started.set_result(up.settings)
            await self._stop.wait()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, dict[str, str]]]:
    """The services after one call, and the ids of what it left."""
    running_services = Services(tmp_path_factory.mktemp("onhook"))
    with running_services as settings:
        call = answer_of("POST", f"{settings.emulator_url}/calls/play")
        while not isinstance(notice := running_services.notices.get(timeout=WAIT_S), AttemptMade):
            pass
        assert notice.status == 200
        yield settings, {"interaction": call["interaction_id"], "run": notice.run_id}


@pytest.fixture
def settings(played: tuple[Settings, dict[str, str]]) -> Settings:
    return played[0]


@pytest.fixture
def left_by_a_call(played: tuple[Settings, dict[str, str]]) -> dict[str, str]:
    return played[1] | {"flow": "Main_Flow"}


@pytest.fixture
def open_call(settings: Settings) -> dict[str, str]:
    """A call that rings at an agent who was free: a new one, or one that waited."""
    base = settings.emulator_url
    agent = f"{base}/agents/ada"
    if earlier := answer_of("GET", agent)["interaction_id"]:
        requests.post(f"{base}/calls/{earlier}/hang-up", timeout=WAIT_S).raise_for_status()
    requests.post(f"{agent}/login", timeout=WAIT_S)
    answer_of("POST", f"{base}/calls")
    # Refused where a call that waited rings already.
    requests.post(f"{agent}/state", json={"state": "Available"}, timeout=WAIT_S)
    rings = answer_of("GET", agent)["interaction_id"]
    assert answer_of("GET", f"{base}/calls/{rings}")["state"] == "offered"
    return {"agent": "ada", "interaction": rings}


@pytest.fixture
def captured(settings: Settings) -> dict[str, str]:
    """A new token that holds one captured request."""
    base = settings.sink_url
    token = answer_of("POST", f"{base}/token")["uuid"]
    requests.post(f"{base}/{token}", data=b"\x00\xff", timeout=WAIT_S).raise_for_status()
    newest = answer_of("GET", f"{base}/token/{token}/request/latest")
    return {"token": token, "request": newest["uuid"]}


def answer_of(method: str, url: str) -> dict[str, Any]:
    response = requests.request(method, url, timeout=WAIT_S)
    response.raise_for_status()
    return response.json()


def published(service: str) -> schemathesis.BaseSchema:
    checks = {
        "positive_data_acceptance": {"expected-statuses": GOOD_INPUT_GETS},
        "negative_data_rejection": {"expected-statuses": BAD_INPUT_GETS},
    }
    config = SchemathesisConfig.from_dict({"checks": checks})
    return schemathesis.openapi.from_path(HTTP / f"{service}.openapi.yaml", config=config)


load_all_checks()
EXCLUDED = {
    # Any method is captured, those that no document can name too.
    "/{token}": ["unsupported_method"],
    # Other methods are answered by the row that takes a name, as for one of this name: there is none.
    "/runs/try-now": ["allow_header_conformance"],
    # The product writes null for what is unset; in a flow file that is read as it is meant.
    "/flows/validate": ["allow_header_conformance", "negative_data_rejection"],
    "/flows": ["negative_data_rejection"],
    # 3.0 is an integer to JSON Schema, and none to a reader of JSON that keeps the two apart.
    "/flows/run": ["allow_header_conformance", "positive_data_acceptance"],
    "/flows/{flow}/labels/{label}": ["positive_data_acceptance"],
    # A time may be a Unix time too.
    "/runs": ["negative_data_rejection"],
    "/journal": ["negative_data_rejection"],
    "/dead-letters": ["negative_data_rejection"],
    "/dead/alike": ["negative_data_rejection"],
    "/dead/replay": ["positive_data_acceptance"],
    "/dead/drop": ["positive_data_acceptance"],
}


def check(case: Case, base_url: str, there: dict[str, str] | None = None) -> None:
    """Call and check everything; names of the path are taken from `there` where it has them."""
    names = case.path_parameters or {}
    if there:
        case.path_parameters = {name: there.get(name, made_up) for name, made_up in names.items()}
    excluded = CHECKS.get_by_names(EXCLUDED.get(case.operation.path, []))
    case.call_and_validate(base_url=base_url, excluded_checks=excluded, timeout=WAIT_S)


bounded = hypothesis.settings(
    max_examples=MOST_EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
NAMED = r"\{"
"""Paths that name something."""
emulator, worker, sink = (published(name) for name in ("call-emulator", "event-flow", "sink"))


@emulator.parametrize()
@bounded
def test_the_call_emulator_does_what_it_publishes(case: Case, settings: Settings) -> None:
    check(case, settings.emulator_url)


@worker.parametrize()
@bounded
def test_the_worker_does_what_it_publishes(case: Case, settings: Settings) -> None:
    check(case, settings.worker_url)


@sink.parametrize()
@bounded
def test_the_sink_does_what_it_publishes(case: Case, settings: Settings) -> None:
    check(case, settings.sink_url)


@emulator.include(path_regex=NAMED).parametrize()
@bounded
def test_the_call_emulator_does_so_for_an_open_call(
    case: Case, settings: Settings, open_call: dict[str, str]
) -> None:
    check(case, settings.emulator_url, open_call)


@worker.include(path_regex=NAMED).parametrize()
@bounded
def test_the_worker_does_so_for_a_run(
    case: Case, settings: Settings, left_by_a_call: dict[str, str]
) -> None:
    check(case, settings.worker_url, left_by_a_call)


@sink.include(path_regex=NAMED).parametrize()
@bounded
def test_the_sink_does_so_for_a_capture(
    case: Case, settings: Settings, captured: dict[str, str]
) -> None:
    check(case, settings.sink_url, captured)
