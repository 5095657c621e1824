"""Which values of a run are secure, and kept out of what is told: traces, logs, pages. No I/O.

How a value is found in a text is mask.py's. What an expression made of a value (a part, a hash) is
not the value, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from onhook.contracts.run import Progress
from onhook.flow.compiled import Flow
from onhook.flow.expression import as_text
from onhook.flow.mask import EVERYTHING, NOTHING, Mask
from onhook.flow.model import Variable
from onhook.flow.performing import Lookup, performed
from onhook.settings.contact_centre import VariableType

MOST_VALUES = 5_000
MOST_CHARS = 4 * 1024 * 1024
MOST_KEPT_CHARS = 256 * 1024
"""Of values that no variable holds any more, in a run's message. Beyond these everything is masked."""
_NOTHING: Mapping[str, Any] = {}


def holds_secure(flow: Flow) -> bool:
    return any(variable.is_secure for variable in flow.variables)


class Secrets:
    """Every value that the secure variables of one run have held, in all of its flows.

    Also those that were replaced, and those of flows that are left: a copy of one may be anywhere.
    """

    def __init__(self, kept: Iterable[str] | None = ()) -> None:
        """`kept` is what an earlier message of the run gave on; None: more than could be."""
        self._values: dict[str, None] = {}
        self._whole: set[str] = set()
        self._chars = 0
        self._is_beyond = kept is None
        self._seen: dict[tuple[str, str], tuple[Any, ...]] = {}
        """What a variable, by flow and name, was found to hold last: it is taken apart once."""
        self._held: dict[tuple[str, str], list[str]] = {}
        """The same, taken apart."""
        self._stack: set[str] = set()
        """The flow that is performed now and those that wait for it."""
        self._mask: Mask | None = None
        for value in kept or ():
            self._add(value)

    def note(
        self, flow: Flow, variables: Mapping[str, Any], overrides: Mapping[str, Any] = _NOTHING
    ) -> None:
        """What the secure variables of a flow hold, may have held at first, are configured to."""
        for variable in flow.variables:
            if not variable.is_secure:
                continue
            name = variable.name
            found = (variables.get(name), overrides.get(name), variable.value)
            key = (flow.id, name)
            seen = self._seen.get(key)
            if seen is not None and all(map(_is_same, seen, found)):
                continue
            self._seen[key] = found
            self._held[key] = [text for value in found for text in _texts_of(variable, value)]
            for text in self._held[key]:
                self._add(text, is_whole=variable.type is VariableType.BOOLEAN)

    def note_run(
        self, flow: Flow, lookup: Lookup, progress: Progress, overrides: Mapping[str, Any]
    ) -> None:
        """Of the flow that is performed now and of those that wait for it.

        `flow` is the run's own, `overrides` those of the flow that is performed now.
        """
        current = performed(flow, lookup, progress)
        self.note(current, progress.variables, overrides)
        self._stack = {current.id}
        for caller in progress.callers:
            is_own = caller.flow_id is None or caller.version is None
            waiting = flow if is_own else lookup(str(caller.flow_id), int(caller.version or 0))
            self.note(waiting, caller.variables)
            self._stack.add(waiting.id)

    @property
    def mask(self) -> Mask:
        if self._is_beyond:
            return EVERYTHING
        if self._mask is None:
            self._mask = Mask(self._values, self._whole) if self._values or self._whole else NOTHING
        return self._mask

    def kept(self) -> tuple[str, ...] | None:
        """For the run's next message: what is not held now, since what is comes with it anyway."""
        held = {
            text for key, texts in self._held.items() if key[0] in self._stack for text in texts
        }
        past = [value for value in self._values if value not in held]
        is_much = sum(map(len, past)) > MOST_KEPT_CHARS
        return None if self._is_beyond or is_much else tuple(past)

    def _add(self, text: str, *, is_whole: bool = False) -> None:
        if is_whole and text not in self._whole:
            self._whole.add(text)
            self._mask = None
        elif not is_whole and text not in self._values:
            self._values[text] = None
            self._chars += len(text)
            self._is_beyond |= len(self._values) > MOST_VALUES or self._chars > MOST_CHARS
            self._mask = None


def _is_same(one: Any, other: Any) -> bool:
    return one is other


def mask_of(flow: Flow, progress: Progress, overrides: Mapping[str, Any]) -> Mask:
    """Of the flow that is performed now, without those that wait for it."""
    secrets = Secrets()
    secrets.note(flow, progress.variables, overrides)
    return secrets.mask


def mask_in(flow: Flow, lookup: Lookup, progress: Progress, overrides: Mapping[str, Any]) -> Mask:
    """Of what a whole run holds now. For what it held, see Secrets."""
    secrets = Secrets()
    secrets.note_run(flow, lookup, progress, overrides)
    return secrets.mask


def _texts_of(variable: Variable, value: Any) -> Iterator[str]:
    """What of a variable's value must not be told."""
    if value is None or value == "":
        return
    if variable.type is VariableType.BOOLEAN:
        yield as_text(value)
        return
    yield from filter(None, _texts(value))
    if variable.type is VariableType.JSON and isinstance(value, str):
        yield from filter(None, _leaves(value))


def _texts(value: Any) -> Iterator[str]:
    """A value's text; of a map or list its JSON and every text and number in it."""
    if isinstance(value, Mapping):
        yield msgspec.json.encode(value).decode()
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list | tuple):
        yield msgspec.json.encode(value).decode()
        for member in value:
            yield from _texts(member)
    elif value is not None and not isinstance(value, bool):
        yield as_text(value)


def _leaves(text: str) -> Iterator[str]:
    try:
        yield from _texts(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return
