"""YAML read as plain JSON values, so that a file means the same in either notation.

It must not know what is in the file. PyYAML's own errors become one of ours, with its place.
"""

from __future__ import annotations

from typing import Any

import msgspec


class NotPlain(Exception):
    """The text is no YAML, or holds what JSON cannot."""


def read_yaml(content: bytes) -> Any:
    """Dates become texts, as JSON writes them. Raises NotPlain."""
    try:
        return msgspec.json.decode(msgspec.json.encode(msgspec.yaml.decode(content)))
    except msgspec.MsgspecError as error:
        raise NotPlain(str(error)) from None
    except RecursionError:
        raise NotPlain("nested too deeply, or within itself") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A date such as 2025-13-01, a tag on the wrong value, half of a surrogate pair.
        raise NotPlain(f"holds a value that cannot be read: {error}") from None
