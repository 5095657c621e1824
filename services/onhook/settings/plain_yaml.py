"""YAML read as plain JSON values, so that a file means the same in either notation.

It must not know what is in the file. PyYAML's own errors become one of ours, with its place.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from onhook.settings.yaml_survey import Refused, survey

MOST_VALUES_OF_A_FILE = 1_000_000


class NotPlain(Exception):
    """The text is no YAML, or holds what JSON cannot."""


def read_yaml(content: bytes) -> Any:
    """Dates become texts, as JSON writes them. Raises NotPlain."""
    try:
        survey(content, most_values=MOST_VALUES_OF_A_FILE)
    except (yaml.YAMLError, Refused, ValueError) as error:
        raise NotPlain(str(error)) from None
    return surveyed_yaml(content)


def surveyed_yaml(content: bytes) -> Any:
    """The same, of a text that was looked through already. Raises NotPlain."""
    try:
        return msgspec.json.decode(msgspec.json.encode(msgspec.yaml.decode(content)))
    except (yaml.YAMLError, msgspec.MsgspecError) as error:
        raise NotPlain(str(error)) from None
    except RecursionError:
        raise NotPlain("holds itself") from None
    except TypeError as error:
        if "keys" in str(error):
            raise NotPlain(
                "a key of a map is no text (on, yes, no, true and dates are values in YAML); "
                "put it in quotes"
            ) from None
        raise _unreadable(error) from None
    except (ArithmeticError, AttributeError, LookupError, ValueError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> NotPlain:
    """Of a date such as 2025-13-01, a tag on the wrong value, half of a surrogate pair."""
    return NotPlain(f"holds a value that cannot be read: {error}")
