"""YAML read as plain JSON values, so that a file means the same in either notation.

It must not know what is in the file. PyYAML's own errors become one of ours, with its place.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

DEEPEST = 200
"""Levels; libyaml takes the whole process down over some ten thousand."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotPlain(Exception):
    """The text is no YAML, or holds what JSON cannot."""


def read_yaml(content: bytes) -> Any:
    """Dates become texts, as JSON writes them. Raises NotPlain."""
    try:
        _check_depth(content)
        return msgspec.json.decode(msgspec.json.encode(msgspec.yaml.decode(content)))
    except (yaml.YAMLError, msgspec.MsgspecError) as error:
        raise NotPlain(str(error)) from None
    except RecursionError:
        raise NotPlain("holds itself") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A date such as 2025-13-01, a tag on the wrong value, half of a surrogate pair.
        raise NotPlain(f"holds a value that cannot be read: {error}") from None


def _check_depth(content: bytes) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise NotPlain(f"nested more than {DEEPEST} levels deep")
