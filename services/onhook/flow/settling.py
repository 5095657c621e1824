"""A written tree made to fit the model: a text wherever the model wants one.

`value: 007`, `condition: true` and a header's `1.10` are the texts that their author wrote. Null
where the model has a default is as good as left out. It must not know what any field means: the
model's types and the table of activities say where a text is wanted.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from onhook.flow.activities import ACTIVITIES, Fragment
from onhook.flow.model import Node, Variable
from onhook.flow.written import Scalar, plain

_DIGITS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_AS_WRITTEN = frozenset({"STRING", "DATETIME"})


def settled(tree: Any, kind: type[Any]) -> Any:
    """JSON values that msgspec can convert to the struct `kind`, or refuse with the place."""
    return _settled(tree, msgspec.inspect.type_info(kind))


def _settled(tree: Any, kind: msgspec.inspect.Type) -> Any:
    kind = _without_null(kind)
    if isinstance(kind, msgspec.inspect.Metadata):
        return _settled(tree, kind.type)
    if isinstance(kind, msgspec.inspect.StrType) and isinstance(tree, Scalar):
        return tree.text
    if isinstance(kind, msgspec.inspect.StructType) and isinstance(tree, dict):
        fields = {each.encode_name: each for each in kind.fields}
        if kind.cls is Variable and "value" in tree:
            tree = tree | {"value": _default_text(tree["value"], tree.get("type"))}
        if kind.cls is Node and isinstance(tree.get("properties"), dict):
            tree = tree | {"properties": _settled_properties(tree["properties"])}
        return {
            name: _settled(value, fields[name].type) if name in fields else plain(value)
            for name, value in tree.items()
            if value is not None or name not in fields or _takes_null(fields[name])
        }
    if isinstance(kind, msgspec.inspect.DictType) and isinstance(tree, dict):
        return {name: _settled(value, kind.value_type) for name, value in tree.items()}
    if isinstance(kind, msgspec.inspect.VarTupleType) and isinstance(tree, list):
        return [_settled(value, kind.item_type) for value in tree]
    return plain(tree)


def _without_null(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    if not isinstance(kind, msgspec.inspect.UnionType):
        return kind
    kinds = [each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType)]
    return kinds[0] if len(kinds) == 1 else kind


def _takes_null(field: msgspec.inspect.Field) -> bool:
    return field.required or isinstance(field.type, msgspec.inspect.UnionType)


def _default_text(tree: Any, kind: Any) -> Any:
    """A variable's default: `yes` is the text yes, but of a BOOLEAN true; a JSON may be a map."""
    if not isinstance(kind, str) or kind in _AS_WRITTEN:
        return tree
    if isinstance(tree, Scalar) and _DIGITS.fullmatch(tree.text) is None:
        return msgspec.json.encode(tree.value).decode()
    if isinstance(tree, dict | list) and kind == "JSON":
        return msgspec.json.encode(plain(tree)).decode()
    return tree


def _settled_properties(tree: dict[str, Any]) -> dict[str, Any]:
    name = tree.get("activityName")
    activity = ACTIVITIES.get(name) if isinstance(name, str) else None
    known = {} if activity is None else activity.properties
    return {field: _as_described(value, known.get(field, {})) for field, value in tree.items()}


def _as_described(tree: Any, fragment: Fragment) -> Any:
    """By a fragment of JSON Schema: a text where it takes texts."""
    if isinstance(tree, Scalar):
        return tree.text if "string" in _types(fragment) else tree.value
    if isinstance(tree, dict):
        described = _branch(fragment, "object")
        rest, fields = described.get("additionalProperties", {}), described.get("properties", {})
        return {name: _as_described(each, fields.get(name, rest)) for name, each in tree.items()}
    if isinstance(tree, list):
        items = _branch(fragment, "array").get("items", {})
        return [_as_described(each, items) for each in tree]
    return tree


def _types(fragment: Fragment) -> Any:
    """Of a fragment with `anyOf` or `enum`, none: what they take is taken as it is."""
    types = fragment.get("type", ())
    return (types,) if isinstance(types, str) else types


def _branch(fragment: Fragment, kind: str) -> Fragment:
    branches = [fragment, *fragment.get("anyOf", ())]
    return next((each for each in branches if kind in _types(each)), {})
