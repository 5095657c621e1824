"""`--set NAME=VALUE` of a run: values of variables, over every configured one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE
from onhook.flow.compiled import Flow


def assigned(given: Sequence[str], flows: Sequence[Flow]) -> dict[str, str]:
    """Raises Failure for what no flow declares."""
    known = sorted({variable.name for flow in flows for variable in flow.variables})
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise Failure(f'--set "{text}" gives no value; write {name or "NAME"}=VALUE', USAGE)
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'}"
            raise Failure(f'--set "{text}": no variable is called "{name}"; {hint}', USAGE)
        values[name] = value
    return values
