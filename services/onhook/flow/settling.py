"""A written tree made to fit the model: a text wherever the model wants one.

`value: 007`, `condition: true` and `value: 2025-02-06` are the texts that their author wrote. Null
where the model has a default is as good as left out. It must not know what any field means.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onhook.flow.written import Scalar, plain


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
