"""CPU per POST: a bare aiohttp session, the aiohttp adapter, and the lean client that delivers.

One kilobyte of JSON out, a 200 back, over kept connections to an endpoint in a process of its own,
so that the CPU counted is the client's alone. Rounds are interleaved and their order alternates;
a figure is a median.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import uvloop

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from aiohttp_egress import client as aiohttp_client  # noqa: E402 - from the folder just named
from onhook.egress import client  # noqa: E402
from onhook.egress.port import Request  # noqa: E402
from onhook.settings.egress_rule import parse_egress_rules  # noqa: E402

BODY = json.dumps({"InteractionId": "x" * 36, "Notes": "y" * 960}).encode()
HEADERS = (
    ("Content-Type", "application/json"),
    ("webhook-id", "msg_6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    ("webhook-timestamp", "1614265330"),
    ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ("onhook-run-id", "6f9619ff-8b86-5011-b42d-00cf4fc964ff"),
)
RULES = parse_egress_rules("127.0.0.1")

Post = Callable[[], Awaitable[int]]


@contextlib.asynccontextmanager
async def bare(url: str) -> AsyncIterator[Post]:
    """What a first script does: no guard, no limits, no ids."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        headers = dict(HEADERS)

        async def post() -> int:
            async with session.post(url, data=BODY, headers=headers) as response:
                await response.read()
                return response.status

        yield post


@contextlib.asynccontextmanager
async def through(url: str, connected: Callable[..., object]) -> AsyncIterator[Post]:
    """The port, with all that it promises."""
    request = Request(method="POST", url=url, headers=HEADERS, body=BODY, timeout_s=15)
    async with connected(RULES) as opened:  # type: ignore[attr-defined] - either adapter's

        async def post() -> int:
            return (await opened.send(request)).status

        yield post


CLIENTS = {
    "bare aiohttp": bare,
    "aiohttp adapter": lambda url: through(url, aiohttp_client.connected),
    "lean client": lambda url: through(url, client.connected),
}


async def cpu_per_post(post: Post, posts: int, in_flight: int) -> float:
    """Microseconds of this process's CPU for each of `posts` POSTs."""
    left = iter(range(posts))

    async def sender() -> None:
        for _ in left:
            if await post() != 200:
                raise RuntimeError("the endpoint did not answer 200")

    before = time.process_time()
    await asyncio.gather(*(sender() for _ in range(in_flight)))
    return (time.process_time() - before) / posts * 1e6


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The URL of an endpoint in a process of its own."""
    endpoint = subprocess.Popen(
        [sys.executable, HERE / "endpoint.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert endpoint.stdin is not None
    assert endpoint.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(endpoint.stdout.readline())}/hook"
    finally:
        endpoint.stdin.close()
        endpoint.wait(10)


async def measure(url: str, posts: int, rounds: int, in_flight: list[int]) -> None:
    print(f"{'in flight':>9}  {'client':<16}{'us CPU/POST':>12}{'of bare':>9}   rounds")
    for number in in_flight:
        figures: dict[str, list[float]] = {name: [] for name in CLIENTS}
        for turn in range(rounds + 1):
            names = list(CLIENTS) if turn % 2 else list(reversed(CLIENTS))
            for name in names:
                async with CLIENTS[name](url) as post:
                    await cpu_per_post(post, max(50, number), number)  # opens the connections
                    figure = await cpu_per_post(post, posts, number)
                if turn:  # the first round warms up
                    figures[name].append(figure)
        base = statistics.median(figures["bare aiohttp"])
        for name, all_rounds in figures.items():
            middle = statistics.median(all_rounds)
            spread = f"{min(all_rounds):.0f} to {max(all_rounds):.0f}"
            print(f"{number:>9}  {name:<16}{middle:>12.1f}{middle / base:>9.2f}   {spread}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=5000, help="a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 50, 200])
    given = parser.parse_args()
    with serving() as url:
        uvloop.run(measure(url, given.posts, given.rounds, given.in_flight))


if __name__ == "__main__":
    main()
