"""A header's value: what a template prints, trimmed, without control characters.

Anything else that a text can hold goes out as UTF-8, as the client sends it. Values are not quoted in
errors, because they may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onhook.pebble import PebbleError, Template, position
from onhook.pebble.nodes import Text

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def header_value(template: Template, context: Mapping[str, Any], *, now: datetime | None) -> str:
    """Raises PebbleError for a control character: a line break would begin another header."""
    value = template.render(context, now=now).strip()
    if _CONTROL.search(value):
        raise PebbleError("the value of the header holds control characters; remove them", 1, 1)
    return value


def check_header(template: Template) -> None:
    """Raises PebbleError where the template's own text holds what no header can.

    Line breaks and blanks at its ends are trimmed from the value, and are no fault.
    """
    end = len(template.source.rstrip())
    begin = len(template.source) - len(template.source.lstrip())
    for node in template.body:
        if isinstance(node, Text):
            for found in _CONTROL.finditer(node.text):
                at = node.offset + found.start()
                if begin <= at < end:
                    raise PebbleError(
                        "a header cannot hold control characters", *position(template.source, at)
                    )
