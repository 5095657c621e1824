"""Reading a flow file's bytes, JSON or YAML, into the model and its content hash. No I/O."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from onhook.flow.errors import FlowError, error
from onhook.flow.model import FlowFile
from onhook.settings.plain_yaml import NotPlain, read_yaml


def load_flow(content: bytes, origin: str) -> FlowFile:
    """Read a flow. `origin` names it in errors. Raises FlowError with the place."""
    plain = _read(content, origin)
    try:
        return msgspec.convert(plain, FlowFile)
    except msgspec.ValidationError as problem:
        raise FlowError(
            origin, (error("OH1000", f"no flow file: {problem}", "correct the field"),)
        ) from None


def _read(content: bytes, origin: str) -> Any:
    try:
        if content.lstrip()[:1] == b"{":
            return msgspec.json.decode(content)
        return read_yaml(content)
    except (msgspec.DecodeError, NotPlain, UnicodeDecodeError, RecursionError) as problem:
        raise FlowError(
            origin, (error("OH1000", f"neither JSON nor YAML: {problem}", "correct the file"),)
        ) from None


def content_hash(file: FlowFile) -> str:
    """The same for the same flow, however its file is laid out. Hex SHA-256.

    Journals hold hashes for ever. So a field that the model gained later counts only where it is
    set, and `$schema`, which is for editors, never.
    """
    plain = msgspec.to_builtins(file, order="deterministic")
    del plain["$schema"]
    _drop_unset(plain, {"comment": None, "variableOrders": {}})
    for variable in plain["variables"]:
        _drop_unset(variable, {"overwrite": False})
    for graph in (plain, *plain["eventFlows"].values()):
        for node in graph["nodes"]:
            _drop_unset(node, {"point": None})
        for edge in graph["edges"]:
            _drop_unset(edge, {"properties": {}})
    return sha256(msgspec.json.encode(plain)).hexdigest()


def _drop_unset(part: dict[str, Any], later: dict[str, Any]) -> None:
    for name, unset in later.items():
        if part[name] == unset:
            del part[name]
