"""How the text of a setting is read and checked: one function a kind of value.

Each takes the text and raises ValueError with what is wrong, to stand behind the setting's name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

SEEDED_TOKEN = "00000000-0000-4000-8000-000000000001"


def text(value: str) -> str:
    return value


def port(value: str) -> int:
    return _number(value, 0, 65_535)


def _number(value: str, low: int, high: int) -> int:
    try:
        number = int(value)
    except ValueError:
        raise ValueError(f"must be a whole number from {low} to {high}") from None
    if not low <= number <= high:
        raise ValueError(f"must be from {low} to {high}")
    return number


def whole_number(low: int, high: int) -> Callable[[str], int]:
    return lambda value: _number(value, low, high)


def decimal(low: float, high: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"must be a number from {low:g} to {high:g}") from None
        if not low <= number <= high:
            raise ValueError(f"must be from {low:g} to {high:g}")
        return number

    return read


_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def duration(low_s: float, high_s: float) -> Callable[[str], float]:
    """Seconds, from `30d`, `12h`, `90m`, `45s` or a number of seconds."""

    def read(value: str) -> float:
        unit_s = _UNITS_S.get(value[-1:].lower())
        try:
            number = float(value[:-1] if unit_s else value)
        except ValueError:
            raise ValueError("must be a time such as 30d, 12h, 90m or 45s") from None
        found_s = number * (unit_s or 1.0)
        if not low_s <= found_s <= high_s:
            raise ValueError(f"must be from {low_s:g} to {high_s:g} seconds")
        return found_s

    return read


def true_or_false(value: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return known[value.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return read


def url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not value:
            return ""
        split = _split(value)
        if split.scheme not in schemes or not split.hostname:
            starts = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"must be an address that starts with {starts}")
        return value

    return read


def webhook_url(value: str) -> str:
    """An http or https address that a request can go to, or nothing."""
    if any(char.isspace() or not char.isprintable() for char in value):
        raise ValueError("holds blanks or control characters; percent-encode them")
    found = url("http", "https")(value)
    if "@" in _split(found).netloc:
        raise ValueError("holds a user or password, which would show in logs; leave it out")
    return found


def _split(value: str) -> SplitResult:
    try:
        split = urlsplit(value)
        _ = split.port
    except ValueError as error:
        raise ValueError(f"is not an address: {error}") from None
    return split


def base_url(value: str) -> str:
    return url("http", "https")(value).rstrip("/")


def existing_file(value: str) -> Path | None:
    if not value:
        return None
    path = Path(value)
    if not path.is_file():
        raise ValueError("names a file that does not exist")
    return path


def folders(value: str) -> tuple[Path, ...]:
    found = tuple(Path(part) for part in value.split(":") if part)
    for folder in found:
        if not folder.exists():
            raise ValueError(f"names {folder}, which does not exist")
    return found


def token(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise ValueError("must be a UUID, such as " + SEEDED_TOKEN) from None


def signing_secrets(value: str) -> str:
    """Their kind alone; what stands behind it is read by whoever signs."""
    for number, secret in enumerate(value.split(), start=1):
        if not secret.startswith(("whsec_", "whsk_")):
            raise ValueError(
                f"has a secret that does not begin with whsec_ or whsk_, number {number}; "
                "make one with: onhook signature new"
            )
    return value


def sqlite_path(value: str) -> Path | None:
    return Path(value.removeprefix("sqlite:///")) if value else None


def sqlite_url(value: str) -> str:
    if value and not value.startswith("sqlite:///"):
        raise ValueError("must be sqlite:///PATH; this version stores in SQLite only")
    return value


def journal_url(value: str) -> str:
    """A SQLite file or a PostgreSQL database, or nothing."""
    if not value or value.startswith("sqlite:///"):
        return value
    if is_postgres(value) and (split := urlsplit(value)).path.strip("/"):
        if "password" in parse_qs(split.query):
            raise ValueError("has its password where it would show; put it before the @")
        return value
    raise ValueError("must be sqlite:///PATH or postgresql://user:password@host:5432/database")


def is_postgres(value: str) -> bool:
    return value.startswith(("postgresql://", "postgres://"))
