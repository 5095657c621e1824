"""A file's bytes as JSON values, of which each number, truth or date knows how it was written.

JSON or YAML. It must not know what the file holds: which places want a text is decided by whoever
reads the tree (`settled`). A key that stands twice in one map is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from onhook.settings.plain_yaml import NotPlain, read_yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class NotWritten(Exception):
    """The bytes are neither JSON nor YAML that can be read."""


class Scalar(Struct, frozen=True):
    """A value that is no text, and the text that stands in the file: 7, of `007`."""

    value: Any
    text: str


def read_written(content: bytes) -> Any:
    """Maps, lists, texts, None, and Scalars for all else. Raises NotWritten."""
    try:
        if content.lstrip()[:1] == b"{":
            return _read_json(content)
        return _annotated(read_yaml(content), _composed(content))
    except (msgspec.DecodeError, NotPlain, UnicodeDecodeError, ValueError) as problem:
        said = str(problem).replace('in "<byte string>",', "at")
        raise NotWritten(" ".join(said.split())) from None
    except RecursionError:
        raise NotWritten("nested too deeply") from None


def plain(tree: Any) -> Any:
    """The tree with each Scalar as the value that it is."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, dict):
        return {key: plain(each) for key, each in tree.items()}
    return [plain(each) for each in tree] if isinstance(tree, list) else tree


def _read_json(content: bytes) -> Any:
    msgspec.json.decode(content)  # refuses what json.loads lets pass: half pairs, NaN
    return _with_constants(
        json.loads(
            content,
            object_pairs_hook=_once_each,
            parse_int=_number,
            parse_float=_number,
        )
    )


def _number(text: str) -> Scalar:
    return Scalar(msgspec.json.decode(text), text)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise NotWritten(f'the key "{key[:80]}" stands twice in one map; keep one of them')
        found[key] = value
    return found


def _with_constants(tree: Any) -> Any:
    if isinstance(tree, bool):
        return Scalar(tree, "true" if tree else "false")
    if isinstance(tree, dict):
        return {key: _with_constants(each) for key, each in tree.items()}
    return [_with_constants(each) for each in tree] if isinstance(tree, list) else tree


def _composed(content: bytes) -> yaml.Node | None:
    """The document's nodes, which hold the texts; read_yaml has found it sound."""
    root: yaml.Node | None = yaml.compose(content, Loader=_Loader)
    if root is not None:
        _refuse_repeated_keys(root)
    return root


def _refuse_repeated_keys(root: yaml.Node) -> None:
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            inner = node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                inner.append(value)
                if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                    continue
                if (key.tag, key.value) in keys:
                    line = key.start_mark.line + 1
                    raise NotWritten(
                        f'line {line}: the key "{key.value[:80]}" stands twice in one map; '
                        "keep one of them"
                    )
                keys.add((key.tag, key.value))
        for each in inner:
            if id(each) not in seen:
                seen.add(id(each))
                waiting.append(each)


def _annotated(value: Any, node: yaml.Node | None) -> Any:
    """`value` as read_yaml gave it, with the texts of `node` where the two go together."""
    if isinstance(value, dict):
        pairs = dict(_pairs(node)) if isinstance(node, yaml.MappingNode) else {}
        return {key: _annotated(each, pairs.get(key)) for key, each in value.items()}
    if isinstance(value, list):
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        if len(items) != len(value):
            items = [None] * len(value)
        return [_annotated(each, item) for each, item in zip(value, items, strict=True)]
    if value is None or (isinstance(value, str) and (node is None or node.tag == _TEXT)):
        return value
    if isinstance(node, yaml.ScalarNode):
        return Scalar(value, node.value)
    return Scalar(value, value if isinstance(value, str) else json.dumps(value))


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    """Keys and values, those merged in by `<<` first, so that its own win."""
    for key, value in node.value:
        if key.tag == _MERGE:
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for each in reversed(merged):
                yield from _pairs(each)
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            yield key.value, value
