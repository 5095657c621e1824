"""docs/first-flow.md, done as it is written: its commands against a running `onhook up`."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from command import Up, up
from page import blocks, performed
from workplace import until

FINDING = re.compile(r"((?:error|warning) [A-Z]+[0-9]+ ).*")

CHANGING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r'"[0-9a-f]{1,8}\.\.\. '), '"ID '),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r" *\d+(\.\d+)? ms"), " MS"),
    (re.compile(r'"(Date|Server)": ?"[^"]*"|(?i:date|server): .*'), "HEADER"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
)
"""What is another at each run."""


def steps() -> list[tuple[str, str]]:
    """Each block of commands with what the page says that it prints."""
    found = blocks("docs/first-flow.md")
    pairs = list(zip(found[::2], found[1::2], strict=True))
    assert all((one[0], other[0]) == ("sh", "text") for one, other in pairs)
    return [(one[1], other[1]) for one, other in pairs]


def settled(text: str) -> str:
    for pattern, name in CHANGING:
        text = pattern.sub(name, text)
    found = text.strip().splitlines()
    lines = [FINDING.sub(r"\1", line) for line in found if ": info " not in line]
    return "\n".join(lines)


async def test_the_first_flow_is_made_published_and_captured_as_the_page_says(tmp_path: Path):
    desk = tmp_path / "desk"
    desk.mkdir()
    async with up(cwd=tmp_path) as running:
        for commands, expected in steps():
            if "onhook trace" in commands:
                await _until_done(commands, desk, running)
            printed = await performed(commands, desk, running)
            assert settled(printed) == settled(expected), commands
    body = msgspec.json.decode(printed)
    assert body["WhoCalls"] == 'Grace "Amazing" Hopper'


async def _until_done(commands: str, cwd: Path, running: Up) -> None:
    """A person takes longer than the run; a test must not."""
    await until(lambda: performed(commands, cwd, running), lambda printed: ": done" in printed)
