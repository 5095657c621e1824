"""docs/first-flow.md, done as it is written: its commands against a running `onhook up`."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import msgspec

from command import ONHOOK, Up, environment, up
from workplace import until

PAGE = Path(__file__).parents[2] / "docs" / "first-flow.md"
ADDRESSES = {"emulator": "http://127.0.0.1:7001", "sink": "http://127.0.0.1:7003"}
FINDING = re.compile(r"((?:error|warning) [A-Z]+[0-9]+ ).*")
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

CHANGING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r'"[0-9a-f]{1,8}\.\.\. '), '"ID '),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r" *\d+(\.\d+)? ms"), " MS"),
    (re.compile(r'"(Date|Server)": ?"[^"]*"|(?i:date|server): .*'), "HEADER"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
)
"""What is another at each run."""


def blocks() -> list[tuple[str, str]]:
    """Each block of commands with what the page says that it prints."""
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    pairs = zip(found[::2], found[1::2], strict=True)
    assert all((one[0], other[0]) == ("sh", "text") for one, other in pairs)
    return [(found[i][1], found[i + 1][1]) for i in range(0, len(found), 2)]


def settled(text: str) -> str:
    for pattern, name in CHANGING:
        text = pattern.sub(name, text)
    found = text.strip().splitlines()
    lines = [FINDING.sub(r"\1", line) for line in found if ": info " not in line]
    unordered = sorted(line for line in lines if ": filtered, " in line)
    return "\n".join([line for line in lines if line not in unordered] + unordered)


async def performed(commands: str, cwd: Path, running: Up) -> str:
    """What the commands print, on either stream."""
    for service, address in ADDRESSES.items():
        commands = commands.replace(address, running.ready[service])
    urls = {f"{name}_url": running.ready[name] for name in ("emulator", "worker", "sink")}
    path = f"{ONHOOK.parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-e",
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


async def test_the_first_flow_is_made_published_and_captured_as_the_page_says(tmp_path: Path):
    desk = tmp_path / "desk"
    desk.mkdir()
    async with up(cwd=tmp_path) as running:
        for commands, expected in blocks():
            if "onhook trace" in commands:
                await _until_done(commands, desk, running)
            printed = await performed(commands, desk, running)
            assert settled(printed) == settled(expected), commands
    body = msgspec.json.decode(printed)
    assert body["WhoCalls"] == 'Grace "Amazing" Hopper'


async def _until_done(commands: str, cwd: Path, running: Up) -> None:
    """A person takes longer than the run; a test must not."""
    await until(lambda: performed(commands, cwd, running), lambda printed: ": done" in printed)
