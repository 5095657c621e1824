"""The corpus of addresses that deliveries must and must not be kept from, as the tests read it."""

from __future__ import annotations

from pathlib import Path

_UNIT = Path(__file__).parent / "unit"
_RESOLVED = "@ "


def blocked_urls(port: int) -> list[str]:
    """URLs that no delivery may follow; {port} stands for a port that listens."""
    lines = _lines("blocked_urls.txt")
    return [
        _unescaped(line.replace("{port}", str(port)))
        for line in lines
        if not line.startswith(_RESOLVED)
    ]


def blocked_answers() -> list[tuple[str, ...]]:
    """What DNS may say of a name without a delivery's following it."""
    lines = _lines("blocked_urls.txt")
    return [tuple(line.split()[1:]) for line in lines if line.startswith(_RESOLVED)]


def public_addresses() -> list[str]:
    """Addresses that need no rule."""
    return _lines("public_addresses.txt")


def _lines(file: str) -> list[str]:
    lines = (_UNIT / file).read_text(encoding="ascii").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _unescaped(text: str) -> str:
    # A pair of surrogates is one character.
    plain = text.encode("ascii").decode("raw_unicode_escape")
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
