"""The worker beside a bare loop: events/s and CPU per event over the same queued events, one run.

Each round queues the events twice and lets each contender empty its queue into the same endpoint;
the order alternates. CPU is the contender's own process, from its first event to its last.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiormq
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from broker import running_broker  # noqa: E402 - from the folder just named
from onhook.contracts.event import encode_event  # noqa: E402
from onhook.contracts.sample import sample_event  # noqa: E402
from onhook.contracts.topology import EVENT_FLOW, EVENTS_EXCHANGE, event_key  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Result(Struct, frozen=True):
    events_per_s: float
    cpu_us_per_event: float


class Endpoint:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.url = f"http://127.0.0.1:{int(process.stdout.readline())}/hook"

    def count(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def child(*command: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def cpu_s(pid: int) -> float:
    """User and system time of a process, all its threads, in seconds (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


async def queue_events(amqp_url: str, events: int) -> None:
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel()
    for first in range(0, events, 500):
        await asyncio.gather(
            *(
                channel.basic_publish(
                    encode_event(
                        sample_event(
                            "AgentDisconnect",
                            event_id=str(uuid4()),
                            interaction_id=str(uuid4()),
                            at=datetime.now(UTC),
                        )
                    ),
                    exchange=EVENTS_EXCHANGE,
                    routing_key=event_key("AgentDisconnect"),
                    properties=aiormq.spec.Basic.Properties(delivery_mode=2),
                )
                for _ in range(first, min(first + 500, events))
            )
        )
    await connection.close()


async def waiting(amqp_url: str) -> int:
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel()
    declared = await channel.queue_declare(EVENT_FLOW, passive=True)
    await connection.close()
    return int(declared.message_count or 0)


def measure(
    endpoint: Endpoint, pid: int, before: int, events: int, go: Callable[[], None]
) -> Result:
    started_cpu, started = cpu_s(pid), time.perf_counter()
    go()
    first: float | None = None
    while (count := endpoint.count() - before) < events:
        if first is None and count:
            first, started_cpu = time.perf_counter(), cpu_s(pid)
        if time.perf_counter() - (first or started) > (120 if first else 20):
            raise SystemExit(f"only {count} of {events} arrived in time")
        time.sleep(0.02)
    finished, used = time.perf_counter(), cpu_s(pid) - started_cpu
    time.sleep(1)  # for the last acknowledgements, which the endpoint cannot see
    elapsed = finished - (first or started)
    return Result(events / elapsed, used / events * 1e6)


def run_bare(amqp_url: str, endpoint: Endpoint, events: int) -> Result:
    before = endpoint.count()
    command = (sys.executable, str(ROOT / "bench/bare_loop.py"), amqp_url, endpoint.url, EVENT_FLOW)
    with child(*command) as process:
        return measure(endpoint, process.pid, before, events, lambda: None)


def run_worker(amqp_url: str, endpoint: Endpoint, events: int, extra: list[str]) -> Result:
    before = endpoint.count()
    with tempfile.TemporaryDirectory() as data:
        env = {
            "ONHOOK_AMQP_URL": amqp_url,
            "ONHOOK_DATA": data,
            "ONHOOK_WORKER_PORT": "0",
            "ONHOOK_WEBHOOK_URL": endpoint.url,
            "ONHOOK_EGRESS_ALLOW": endpoint.url.split("/")[2],
            "ONHOOK_LOG_LEVEL": "warning",
        }
        command = (str(Path(sys.executable).parent / "onhook"), "event-flow", *extra)
        with child(*command, env=env) as process:
            return measure(endpoint, process.pid, before, events, lambda: None)


def declare(amqp_url: str) -> None:
    from onhook.bus import rabbitmq  # noqa: PLC0415 - only here

    async def work() -> None:
        async with rabbitmq.connect(amqp_url, name="bench"):
            pass

    asyncio.run(work())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("extra", nargs="*", help="flags for the worker, after --")
    given = parser.parse_args()
    results: dict[str, list[Result]] = {"bare loop": [], "worker": []}
    with (
        running_broker() as broker,
        child(sys.executable, str(ROOT / "bench/endpoint.py")) as served,
    ):
        url, endpoint = broker.amqp_url, Endpoint(served)
        declare(url)
        contenders = {
            "bare loop": lambda: run_bare(url, endpoint, given.events),
            "worker": lambda: run_worker(url, endpoint, given.events, given.extra),
        }
        for number in range(given.rounds):
            order = list(contenders)
            for name in order if number % 2 == 0 else reversed(order):
                asyncio.run(queue_events(url, given.events))
                result = contenders[name]()
                results[name].append(result)
                print(
                    f"round {number + 1}  {name:<10} {result.events_per_s:7.0f} events/s  "
                    f"{result.cpu_us_per_event:6.0f} us CPU/event",
                    flush=True,
                )
                assert asyncio.run(waiting(url)) == 0
    bare, worker = (
        statistics.median(result.cpu_us_per_event for result in results[name])
        for name in ("bare loop", "worker")
    )
    rate_bare, rate_worker = (
        statistics.median(result.events_per_s for result in results[name])
        for name in ("bare loop", "worker")
    )
    print(f"\nmedian of {given.rounds} rounds, {given.events} events each")
    print(f"bare loop  {rate_bare:7.0f} events/s  {bare:6.0f} us CPU/event")
    print(f"worker     {rate_worker:7.0f} events/s  {worker:6.0f} us CPU/event")
    print(f"ratio      {rate_worker / rate_bare:7.2f}           {worker / bare:6.2f}")


if __name__ == "__main__":
    main()
