"""A flow as a tidy file, JSON or YAML, which load_flow reads back to the same flow. No I/O.

What has its default is left out; texts of several lines are block scalars in YAML.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from onhook.flow.model import FlowFile

_FIRST = ("$schema", "name", "id", "flowType", "description", "comment")
_ALWAYS = frozenset({"flowType", "type", "activityType"})
"""Written though they have their defaults: a reader looks for them."""

_BLOCK = re.compile(
    r"(?![\n \t#])[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]*"
)
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""Line breaks and what may be taken for one: never in a plain or single-quoted scalar."""
_BLANKS_AT_AN_END = re.compile(r"[ \t](\n|\Z)")


def write_flow(file: FlowFile, *, as_yaml: bool = False) -> str:
    """The whole text, ending in a line break."""
    fields = tidy(file)
    ordered = {name: fields[name] for name in _FIRST if name in fields} | fields
    if as_yaml:
        text: str = yaml.dump(
            ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
        )
        return text
    return json.dumps(ordered, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def tidy(value: Any) -> Any:
    """JSON values of a struct of the model, without the fields that have their defaults."""
    if isinstance(value, Struct):
        found = {}
        for field in msgspec.structs.fields(value):
            is_unset = getattr(value, field.name) == _default(field)
            if field.encode_name in _ALWAYS or field.required or not is_unset:
                found[field.encode_name] = tidy(getattr(value, field.name))
        return found
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: tidy(each) for key, each in value.items()}
    return [tidy(each) for each in value] if isinstance(value, list | tuple) else value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


class _Dumper(yaml.SafeDumper):
    """Block scalars for texts of several lines; shared parts written out in full."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the dumper's own hook
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    style = None
    if _ODD.search(text):
        is_block = _BLOCK.fullmatch(text) is not None and not _BLANKS_AT_AN_END.search(text)
        style = "|" if is_block else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
