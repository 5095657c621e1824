"""The guides' commands work as they are written, in order, against a running `onhook up`."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import up
from page import PAGES, blocks, performed


@pytest.mark.parametrize(
    ("page", "section", "said"),
    [
        (
            "docs/flows.md",
            "",
            ["Hang_Up published v1 (", "Hang_Up published v2 (", "Lookup_And_Pop"],
        ),
        ("README.md", "Flows", ["Hang_Up published v1 (", "14085551234"]),
    ],
)
async def test_the_commands_of_a_page_work_in_order(
    tmp_path: Path, page: str, section: str, said: list[str]
):
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "deploy").symlink_to(PAGES / "deploy")
    commands = [content for kind, content in blocks(page, section) if kind == "sh"]
    assert commands
    async with up(cwd=tmp_path) as running:
        printed = await performed("\n".join(commands), clone, running)
    for each in said:
        assert each in printed
