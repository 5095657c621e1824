"""Where a file does not fit the model, in the file's own words: the keys and names that lead there,
its line, what stands there and what is wanted.

It explains what msgspec has refused; what fits is the model's to say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import yaml

from onhook.flow.model import FlowFile, FlowType
from onhook.settings.contact_centre import VariableType

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLACE = re.compile(r"^(?P<said>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_EXPECTED = re.compile(r"Expected `(\w+)`(?:, got `(\w+)`)?(.*)")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_ENUM = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_WORDS = {
    "object": "a map",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}
_CHOICES = {"type": VariableType, "flowType": FlowType}
_LONGEST = 80

Step = str | int


def explained(problem: msgspec.ValidationError, tree: Any, content: bytes) -> tuple[str, str]:
    """What is wrong with `tree`, which `content` holds, and what to do."""
    found = _PLACE.match(str(problem))
    said, path = (found["said"], found["path"] or "") if found else (str(problem), "")
    steps = _steps(path, tree)
    what, remedy = _said(said, steps)
    place = _named(steps, tree)
    line = _line_of(steps, content)
    where = ", ".join(each for each in (place, line) if each)
    return f"{where}: {what}" if where else what, remedy


def _said(said: str, steps: Sequence[Step]) -> tuple[str, str]:
    if missing := _MISSING.match(said):
        return f'"{missing[1]}" is missing', f"write {missing[1]}"
    if _ENUM.match(said) and steps and (choices := _CHOICES.get(str(steps[-1]))):
        known = [str(each.value) for each in choices]
        value = _ENUM.match(said)[1].strip("'")[:_LONGEST]  # type: ignore[index]  # it matched
        folded = {each.lower(): each for each in known}
        near = difflib.get_close_matches(value.lower(), folded, 1, 0.5)
        remedy = f"did you mean {folded[near[0]]}?" if near else "use one of them"
        return f'"{value}" is none of {", ".join(known)}', remedy
    if expected := _EXPECTED.match(said):
        wanted = _WORDS.get(expected[1], expected[1])
        if expected[2]:
            found = _WORDS.get(expected[2], expected[2])
            remedy = f"write {wanted}" if steps else "`onhook flow new` prints a flow to begin with"
            return f"{found} stands where {wanted} is wanted", remedy
        if expected[3] == " of length >= 1":
            return f"{wanted} must not be empty", "fill it in"
    return said.replace("`", '"'), "correct the field"


def _steps(path: str, tree: Any) -> tuple[Step, ...]:
    """The keys and indices of a path in which msgspec leaves keys of maps out."""
    steps: list[Step] = []
    at = tree
    for found in _STEP.finditer(path):
        name, index, any_key = found.groups()
        step: Step | None = name if name is not None else int(index) if index else None
        if any_key is not None:
            step = _culprit(tree, steps, at)
        if step is None:
            break
        steps.append(step)
        try:
            at = at[step]
        except (LookupError, TypeError):
            break
    return tuple(steps)


def _culprit(tree: Any, steps: Sequence[Step], members: Any) -> str | None:
    """The first key of a map whose value alone is refused."""
    for key, value in members.items():
        try:
            msgspec.convert(_replaced(tree, steps, {key: value}), FlowFile)
        except msgspec.ValidationError as problem:
            if str(problem).rpartition("`$")[2].startswith(_written(steps)):
                return str(key)
    return None


def _written(steps: Sequence[Step]) -> str:
    """The beginning of the path, as far as msgspec writes it alike."""
    return f".{steps[0]}" if steps else ""


def _replaced(tree: Any, steps: Sequence[Step], new: Any) -> Any:
    if not steps:
        return new
    first, rest = steps[0], steps[1:]
    if isinstance(tree, dict):
        return tree | {first: _replaced(tree[first], rest, new)}
    return [_replaced(each, rest, new) if at == first else each for at, each in enumerate(tree)]


def _named(steps: Sequence[Step], tree: Any) -> str:
    """`eventFlows.GLOBAL_EVENTS.nodes[3] ("Post").name`."""
    written = ""
    at = tree
    for step in steps:
        at = _member(at, step)
        written += f"[{step}]" if isinstance(step, int) else f".{step}" if written else step
        name = at.get("name") if isinstance(step, int) and isinstance(at, dict) else None
        if isinstance(name, str) and name:
            written += f' ("{name[:_LONGEST]}")'
    return written


def _member(value: Any, step: Step) -> Any:
    try:
        return value[step]
    except (LookupError, TypeError):
        return None


def _line_of(steps: Sequence[Step], content: bytes) -> str:
    """`line 12`; JSON is YAML too, but for what YAML reads otherwise: then nothing."""
    try:
        node = yaml.compose(content, Loader=_Loader)
        for step in steps:
            node = _inner(node, step)
    except (yaml.YAMLError, LookupError, ValueError, RecursionError):
        return ""
    return "" if node is None or not steps else f"line {node.start_mark.line + 1}"


def _inner(node: yaml.Node | None, step: Step) -> yaml.Node:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        found: yaml.Node = node.value[step]
        return found
    return dict(_pairs(node))[str(step)]


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)
