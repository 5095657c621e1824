"""One endpoint that hangs beside 99 that answer: the others' time to delivery with it and without.

A worker on the embedded bus in this process, endpoints in another; each flow has an endpoint of its
own. Events come at a steady rate; a time is from an event's publication to its request's arrival.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from flows import a_flow, a_request, an_event  # noqa: E402 - from the folder just named
from onhook.bus import embedded  # noqa: E402
from onhook.bus.port import Message  # noqa: E402
from onhook.cli import logs  # noqa: E402
from onhook.contracts.topology import EVENTS_EXCHANGE, event_key  # noqa: E402
from onhook.event_flow.app import running  # noqa: E402
from onhook.settings import load  # noqa: E402
from onhook.settings.egress_rule import parse_egress_rules  # noqa: E402
from onhook.web.serving import address_of, bind  # noqa: E402

ENDPOINTS = 100
HANGS_S = 30.0


async def serve(arrivals: Path, *, hangs: bool) -> None:
    """Answer at /0 to /99; at /0 only after HANGS_S. Prints its port; writes a line an arrival."""
    told = arrivals.open("w", buffering=1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                at = time.time()
                path = head.split(b" ", 2)[1]
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
                body = await reader.readexactly(int(length or 0))
                told.write(json.dumps([path.decode(), json.loads(body)["interaction"], at]) + "\n")
                if hangs and path == b"/0":
                    await asyncio.sleep(HANGS_S)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def measure(*, hangs: bool, events_per_s: float, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = [sys.executable, __file__, "--serve", str(folder / "arrivals")]
        endpoint = subprocess.Popen(
            [*words, *(["--hangs"] if hangs else [])], stdout=subprocess.PIPE, text=True
        )
        assert endpoint.stdout is not None
        try:
            port = int(endpoint.stdout.readline())
            published = asyncio.run(play(folder, port, events_per_s, seconds))
        finally:
            endpoint.terminate()
            endpoint.wait(30)
        lines = (folder / "arrivals").read_text().splitlines()
    arrived: dict[str, float] = {}
    for line in lines:
        path, interaction, at = json.loads(line)
        if path != "/0":
            arrived.setdefault(interaction, at)
    others = {name: at for name, (number, at) in published.items() if number}
    times = sorted(1_000 * (arrived[name] - at) for name, at in others.items() if name in arrived)
    centiles = statistics.quantiles(times, n=100)
    return {
        "events": len(others),
        "missing": len(others) - len(times),
        "p50": centiles[49],
        "p99": centiles[98],
        "max": times[-1],
    }


async def play(
    folder: Path, port: int, events_per_s: float, seconds: float
) -> dict[str, tuple[int, float]]:
    """The endpoint's number and the time of publication, by interaction."""
    flows = folder / "flows"
    flows.mkdir()
    for number in range(ENDPOINTS):
        request = a_request("Post", f"http://127.0.0.1:{port}/{number}")
        flow = a_flow(f"Flow{number}", request)
        (flows / f"{number}.json").write_bytes(msgspec.json.encode(flow))
    settings = load({}, {"data": str(folder / "data"), "flows": str(flows), "grace": "1"})
    listener = bind("127.0.0.1", 0, "ONHOOK_WORKER_PORT")
    published: dict[str, tuple[int, float]] = {}
    async with (
        embedded.opened(folder / "bus.sqlite") as bus,
        running(
            settings,
            bus,
            listener,
            egress_allow=parse_egress_rules(f"127.0.0.1:{port}"),
            public_url=address_of(listener, "127.0.0.1"),
        ),
        asyncio.TaskGroup() as publishing,
    ):
        began = time.perf_counter()
        for count in range(int(events_per_s * seconds)):
            number = 0 if count % 10 == 0 else 1 + count % (ENDPOINTS - 1)
            event: dict[str, Any] = an_event(flow=f"Flow{number}")
            message = Message(
                body=msgspec.json.encode(event), message_id=str(uuid4()), type=event["type"]
            )
            published[event["subject"]] = (number, time.time())
            key = event_key(event["type"])
            publishing.create_task(bus.publish(EVENTS_EXCHANGE, key, message))
            await asyncio.sleep(max(0, began + (count + 1) / events_per_s - time.perf_counter()))
        await asyncio.sleep(2)
    return published


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--hangs", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, default=200, help="events a second; a tenth hangs")
    parser.add_argument("--seconds", type=float, default=40, help="of each round")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve, hangs=given.hangs))
        return
    logs.configure("error", "text")
    for _ in range(given.rounds):
        for hangs in (False, True):
            found = measure(hangs=hangs, events_per_s=given.rate, seconds=given.seconds)
            shown = "  ".join(f"{name} {value:.1f}" for name, value in found.items())
            print(f"{'one hangs' if hangs else 'all answer'}: {shown}", flush=True)


if __name__ == "__main__":
    main()
