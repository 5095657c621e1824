"""A page's commands, done as they are written: in order, against a running `onhook up`."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from command import ONHOOK, Up, environment

PAGES = Path(__file__).parents[1]
ADDRESSES = {"emulator": "127.0.0.1:7001", "worker": "127.0.0.1:7002", "sink": "127.0.0.1:7003"}
"""Where the pages say that the services are."""

_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str, section: str = "") -> list[tuple[str, str]]:
    """(sh or text, content) of each such block of a page, or of one section of it."""
    text = (PAGES / page).read_text("utf-8")
    if section:
        begin = text.index(f"\n## {section}\n")
        text = text[begin : text.index("\n## ", begin + 1)]
    return _BLOCK.findall(text)


async def performed(commands: str, cwd: Path, running: Up) -> str:
    """What the commands print, on either stream. Each must succeed."""
    for service, address in ADDRESSES.items():
        commands = commands.replace(address, running.ready[service].removeprefix("http://"))
    urls = {f"{name}_url": running.ready[name] for name in ADDRESSES}
    path = f"{ONHOOK.parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-e",
        "-o",
        "pipefail",
        "-c",
        commands,
        cwd=cwd,
        env=environment(**urls) | {"PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()
