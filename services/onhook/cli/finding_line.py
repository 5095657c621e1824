"""A finding of validation as one line: severity, code, place, what is wrong, what to do."""

from __future__ import annotations

from typing import Any


def finding_line(finding: dict[str, Any]) -> str:
    """`error FC1015 node "Post", line 3, column 5: url is empty; set httpRequestUrl`."""
    place = [f'node "{finding["node"]}"'] if finding.get("node") else []
    if finding.get("line"):
        place.append(f"line {finding['line']}")
        if finding.get("column"):
            place.append(f"column {finding['column']}")
    where = f"{', '.join(place)}: " if place else ""
    remedy = f"; {finding['remedy']}" if finding["remedy"] else ""
    return f"{finding['severity']} {finding['code']} {where}{finding['message']}{remedy}"
