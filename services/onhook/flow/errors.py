"""What can be wrong with a flow or with a run of it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

LONGEST_QUOTE_BYTES = 200

UNKNOWN_PLACE = "OH1009"
WRONG_FLOW = "OH1016"
PARTLY_RUNNABLE = "OH1017"
UNSEALED = "OH1018"
UNFIT_CONNECTOR = "OH1025"
OF_SURROUNDINGS = frozenset({UNKNOWN_PLACE, WRONG_FLOW, PARTLY_RUNNABLE, UNSEALED, UNFIT_CONNECTOR})
"""Codes of what lies in a flow's surroundings: it may be well today and not tomorrow, so it stops
publishing, never what was published."""


class Severity(Enum):
    """An error blocks publishing; a warning does not; info tells what was worked out."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ORDER = tuple(Severity)


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that validation found: a stable code, where, what, and what to do."""

    code: str
    severity: Severity
    message: str
    remedy: str
    node: str | None = None

    def __str__(self) -> str:
        place = f'node "{self.node}": ' if self.node else ""
        return f"{self.code} {place}{self.message}; {self.remedy}"


class FlowError(Exception):
    """The flow file cannot be read or run. Severities are told where not all are errors."""

    def __init__(self, flow: str, findings: tuple[Finding, ...]) -> None:
        shown = flow if flow.isprintable() else repr(flow)[1:-1]
        is_mixed = any(finding.severity is not Severity.ERROR for finding in findings)
        lines = [
            f'flow "{shown}": {f"{finding.severity.value} " if is_mixed else ""}{finding}'
            for finding in findings
        ]
        super().__init__("\n".join(lines))
        self.findings = findings


class VariableError(Exception):
    """A value cannot become its variable's declared type."""


class RunError(Exception):
    """A node of the run failed; `node` is its name."""

    def __init__(self, node: str, message: str) -> None:
        super().__init__(f'node "{node}": {message}')
        self.node = node
        self.message = message


def error(code: str, message: str, remedy: str, node: str | None = None) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, remedy=remedy, node=node)


def warning(code: str, message: str, remedy: str, node: str | None = None) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, message=message, remedy=remedy, node=node)


def info(code: str, message: str, remedy: str, node: str | None = None) -> Finding:
    return Finding(code=code, severity=Severity.INFO, message=message, remedy=remedy, node=node)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, infos last; else as they were found."""
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))


def quoted(value: object) -> str:
    """`value` for a message: on one line, in quotes, at most LONGEST_QUOTE_BYTES of UTF-8."""
    if isinstance(value, dict | list):
        return "(a map)" if isinstance(value, dict) else "(a list)"
    text = repr(str(value)[:LONGEST_QUOTE_BYTES])
    encoded = text.encode()
    if len(encoded) <= LONGEST_QUOTE_BYTES:
        return text
    return encoded[: LONGEST_QUOTE_BYTES - 4].decode("utf-8", "ignore") + "...'"
