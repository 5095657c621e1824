"""The canonical run, played against running services over HTTP, and what arrived at the sink."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from onhook.cli.failure import Failure
from onhook.up.app import Up

ARRIVES_WITHIN_S = 15.0
POLL_S = 0.01


async def play(up: Up, who: str) -> dict[str, Any]:
    """Play one call; the emulator's answer. Raises Failure."""
    body = {"variables": {"WhoIsCalling": who}}
    async with (
        aiohttp.ClientSession(up.settings.emulator_url) as session,
        session.post("/calls/play", json=body) as response,
    ):
        answer: dict[str, Any] = await response.json()
        if response.status >= 300:
            raise Failure(f"the call could not be played: {answer['error']['message']}")
    return answer


async def captured(up: Up, interaction_id: str) -> dict[str, Any]:
    """The capture of an interaction's request, as the sink gives it. Raises Failure."""
    url = f"/token/{up.settings.sink_token}/requests"
    deadline = time.monotonic() + ARRIVES_WITHIN_S
    async with aiohttp.ClientSession(up.settings.sink_url) as session:
        while time.monotonic() < deadline:
            async with session.get(url, params={"sorting": "newest"}) as response:
                listed = await response.json()
            for capture in listed["data"]:
                if interaction_id in capture["content"]:
                    found: dict[str, Any] = capture
                    return found
            await asyncio.sleep(POLL_S)
    raise Failure(await _why_not(up, interaction_id))


async def _why_not(up: Up, interaction_id: str) -> str:
    async with (
        aiohttp.ClientSession(up.settings.worker_url) as session,
        session.get(f"/interactions/{interaction_id}") as response,
    ):
        history = await response.json()
    reasons = [run["run"]["reason"] for run in history["runs"] if run["run"]["reason"]]
    reasons += [dead["reason"] for dead in history["dead_letters"]]
    why = "; ".join(reasons) or "the worker has not seen its AgentDisconnect"
    return f"the webhook did not arrive within {ARRIVES_WITHIN_S:.0f} s: {why}"


async def play_and_show(up: Up, *, who: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Play the canonical run and say each step; the object that `onhook demo --json` prints."""
    started = time.monotonic()
    say(f"{who} calls; the agent accepts, types the name, saves, and ends the call:")
    played = await play(up, who)
    interaction_id = str(played["interaction_id"])
    for event in played["events"]:
        say(f"  {event}")
    if not up.webhook_url.startswith(up.settings.sink_url):
        say(f"\nThe request goes to {up.webhook_url}")
        return {"interaction_id": interaction_id}
    capture = await captured(up, interaction_id)
    elapsed_ms = round((time.monotonic() - started) * 1000)
    say(f"\nThe sink captured, {elapsed_ms} ms after the call began:\n")
    say(f"  {capture['method']} {capture['url']}")
    for name in ("content-type", "webhook-id", "onhook-run-id"):
        for value in capture["headers"].get(name, []):
            say(f"  {name}: {value}")
    say("")
    say("\n".join(f"  {line}" for line in capture["content"].splitlines()))
    return {"interaction_id": interaction_id, "capture": capture, "elapsed_ms": elapsed_ms}
