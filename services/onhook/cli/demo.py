"""`onhook demo`: one call in a temporary folder on free ports, and the request that arrives."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from typing import Any

import msgspec

from onhook.cli import logs, process
from onhook.cli.played import play_and_show
from onhook.settings import Settings, load
from onhook.up import app


def execute(given: argparse.Namespace) -> int:
    logs.configure("warning", "auto")
    with tempfile.TemporaryDirectory(prefix="onhook-demo-") as folder:
        ports = {f"{service}_port": "0" for service in ("emulator", "worker", "sink")}
        settings = load({}, {"data": folder, **ports})

        def say(text: str) -> None:
            if not given.json:
                sys.stdout.write(text + "\n")

        result = process.run(lambda _stopping: _play(settings, given.who, say))
    if given.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0


async def _play(settings: Settings, who: str, say: Any) -> dict[str, Any]:
    async with asyncio.timeout(60), app.running(settings) as up:
        return await play_and_show(up, who=who, say=say)
