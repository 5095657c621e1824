"""Methods of java.lang.String that templates can call, as pure functions.

What is not in the table cannot be reached.
"""

from __future__ import annotations

from onhook.java import char as java_char
from onhook.java.char import Char
from onhook.java.number import Int
from onhook.pebble.errors import Fault
from onhook.pebble.method_table import (
    Overloads,
    given,
    hash_code,
    is_char,
    is_int,
    is_text,
    to_string,
)
from onhook.pebble.state import State
from onhook.pebble.text_pattern import matches as regex_matches
from onhook.pebble.text_pattern import replaced, split
from onhook.pebble.values import Array


def _between(text: str, begin: int, end: int) -> str:
    if not 0 <= begin <= end <= java_char.length(text):
        raise Fault(f"{begin} to {end} is beyond the text's {java_char.length(text)} characters")
    return java_char.substring(text, begin, end)


def _char_at(text: str, _state: State, index: int) -> Char:
    return Char(_between(text, index, index + 1))


def _index_of(text: str, _state: State, wanted: str, begin: int = 0) -> Int:
    return Int(java_char.units(text).find(java_char.units(given(wanted)), max(begin, 0)))


def _last_index_of(text: str, _state: State, wanted: str) -> Int:
    return Int(java_char.units(text).rfind(java_char.units(given(wanted))))


def _compared(first: str, second: str) -> Int:
    """compareTo: the difference of the first characters that differ, else of the lengths."""
    first, second = java_char.units(first), java_char.units(second)
    for left, right in zip(first, second, strict=False):
        if left != right:
            return Int(ord(left) - ord(right))
    return Int(len(first) - len(second))


def _folded(text: str) -> str:
    """Letter by letter to capitals and back, as Java ignores case."""
    raised = (upper if len(upper := char.upper()) == 1 else char for char in text)
    return "".join(char.lower()[0] for char in raised)


def _repeat(text: str, state: State, count: int) -> str:
    if count < 0:
        raise Fault("a text cannot be repeated less than 0 times")
    if len(text) * count > state.limits.output_chars:
        return state.bounded(" " * (state.limits.output_chars + 1))
    return state.bounded(text * count)


def _chars(text: str, state: State) -> Array:
    state.check_size(len(text))
    return Array(Char(unit) for unit in java_char.units(text))


def _replace(text: str, state: State, old: str, new: str) -> str:
    old, new = given(old), given(new)
    growth = text.count(old) * max(len(new) - len(old), 0)
    if len(text) + growth > state.limits.output_chars:
        return state.bounded(" " * (state.limits.output_chars + 1))
    state.charge(len(text) >> 6)
    return state.bounded(text.replace(old, new))


TEXT_METHODS: dict[str, Overloads] = {
    "charat": [((is_int,), _char_at)],
    "compareto": [((is_text,), lambda text, _, other: _compared(text, given(other)))],
    "comparetoignorecase": [
        ((is_text,), lambda text, _, other: _compared(_folded(text), _folded(given(other))))
    ],
    "concat": [((is_text,), lambda text, state, other: state.bounded(text + given(other)))],
    "endswith": [((is_text,), lambda text, _, end: text.endswith(given(end)))],
    "equalsignorecase": [
        ((is_text,), lambda text, _, other: other is not None and _folded(text) == _folded(other))
    ],
    "hashcode": [((), hash_code)],
    "indexof": [
        ((is_text,), _index_of),
        ((is_text, is_int), _index_of),
        ((is_int,), lambda text, state, code: _index_of(text, state, chr(code & 0xFFFF))),
    ],
    "intern": [((), lambda text, _: text)],
    "isblank": [((), lambda text, _: all(map(java_char.is_whitespace, text)))],
    "isempty": [((), lambda text, _: not text)],
    "lastindexof": [((is_text,), _last_index_of)],
    "length": [((), lambda text, _: Int(java_char.length(text)))],
    "matches": [((is_text,), lambda text, state, p: regex_matches(given(p), text, state))],
    "repeat": [((is_int,), _repeat)],
    "replace": [((is_text, is_text), _replace), ((is_char, is_char), _replace)],
    "replaceall": [
        (
            (is_text, is_text),
            lambda text, state, p, new: replaced(given(p), text, given(new), 0, state),
        )
    ],
    "replacefirst": [
        (
            (is_text, is_text),
            lambda text, state, p, new: replaced(given(p), text, given(new), 1, state),
        )
    ],
    "split": [
        ((is_text,), lambda text, state, pattern: split(text, given(pattern), 0, state)),
        ((is_text, is_int), lambda text, state, p, limit: split(text, given(p), limit, state)),
    ],
    "startswith": [
        ((is_text,), lambda text, _, start: text.startswith(given(start))),
        (
            (is_text, is_int),
            lambda text, _, start, at: (
                0 <= at <= java_char.length(text)
                and java_char.units(text).startswith(java_char.units(given(start)), at)
            ),
        ),
    ],
    "strip": [((), lambda text, _: java_char.left_trimmed(java_char.right_trimmed(text)))],
    "stripleading": [((), lambda text, _: java_char.left_trimmed(text))],
    "striptrailing": [((), lambda text, _: java_char.right_trimmed(text))],
    "substring": [
        ((is_int,), lambda text, _, begin: _between(text, begin, java_char.length(text))),
        ((is_int, is_int), lambda text, _, begin, end: _between(text, begin, end)),
    ],
    "subsequence": [((is_int, is_int), lambda text, _, begin, end: _between(text, begin, end))],
    "tochararray": [((), _chars)],
    "tolowercase": [((), lambda text, state: state.bounded(java_char.lower(text)))],
    "tostring": [((), to_string)],
    "touppercase": [((), lambda text, state: state.bounded(java_char.upper(text)))],
    "trim": [((), lambda text, _: java_char.trimmed(text))],
}
