"""docs/findings.md names every code that validation gives, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "findings.md").read_text("utf-8")
CODE = re.compile(r'"((?:FC|OH)1\d{3})"')
ROW = re.compile(r"^\| `((?:FC|OH)1\d{3})` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_every_code_stands_on_the_page_once_and_in_order() -> None:
    sources = (ROOT / "services" / "onhook" / "flow").rglob("*.py")
    given = {code for path in sources for code in CODE.findall(path.read_text("utf-8"))}
    rows = [row[0] for row in ROW.findall(PAGE)]
    assert rows == sorted(given)


def test_every_code_has_its_severities_a_meaning_and_a_remedy() -> None:
    for _, severities, meaning, remedy in ROW.findall(PAGE):
        assert set(severities.split(", ")) <= {"error", "warning", "info"}
        assert meaning.strip().endswith(".")
        assert remedy.strip().endswith(".")
