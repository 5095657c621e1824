"""The three services against their published OpenAPI: every operation, good input and bad.

Each answer must have a status, content type and shape that the document names; no input whatever
may be a server error, and what the document forbids must be refused.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Case
from schemathesis.config import (
    ChecksConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)

from onhook.settings import Settings, load
from onhook.up.app import running

HTTP = Path(__file__).parents[2] / "contracts" / "http"
EXAMPLES = 25
START_TIMEOUT_S = 20


class Services:
    """`onhook up` on a thread of its own: schemathesis calls from this one and blocks it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._loop = asyncio.new_event_loop()
        self._started: Future[Settings] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="onhook up")

    def __enter__(self) -> Settings:
        self._thread.start()
        return self._started.result(START_TIMEOUT_S)

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
        given = {"data": str(self._data), "retry_scale": "0.001", "grace": "1"}
        ports = {"emulator_port": "0", "worker_port": "0", "sink_port": "0"}
        async with running(load({}, given | ports)) as up:
            self._started.set_result(up.settings)
            await self._stop.wait()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with Services(tmp_path_factory.mktemp("onhook")) as settings:
        yield settings


REFUSED_FOR_A_REASON = ["2xx", "404", "409", "410", "422", "503"]
"""What input that fits its schema may get: the thing is not there, or the step is not possible."""


def published(service: str) -> schemathesis.BaseSchema:
    acceptance = PositiveDataAcceptanceConfig(expected_statuses=REFUSED_FOR_A_REASON)
    checks = ChecksConfig(positive_data_acceptance=acceptance)
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(checks=checks)))
    return schemathesis.openapi.from_path(HTTP / f"{service}.openapi.yaml", config=config)


bounded = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)

emulator = published("call-emulator")
worker = published("event-flow")
sink = published("sink")


@emulator.parametrize()
@bounded
def test_the_call_emulator_does_what_it_publishes(case: Case, services: Settings) -> None:
    case.call_and_validate(base_url=services.emulator_url)


@worker.parametrize()
@bounded
def test_the_worker_does_what_it_publishes(case: Case, services: Settings) -> None:
    case.call_and_validate(base_url=services.worker_url)


@sink.parametrize()
@bounded
def test_the_sink_does_what_it_publishes(case: Case, services: Settings) -> None:
    case.call_and_validate(base_url=services.sink_url)
