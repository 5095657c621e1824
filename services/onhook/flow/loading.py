"""Reading a flow file's bytes, JSON or YAML, into the model and its content hash. No I/O."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from onhook.flow.errors import Finding, FlowError, error
from onhook.flow.misfit import explained
from onhook.flow.model import FlowFile
from onhook.flow.settling import settled
from onhook.flow.spelling import unknown_fields
from onhook.flow.written import NotWritten, plain, read_written

UNREADABLE = "OH1000"


class Loaded(Struct, frozen=True):
    """A flow, and warnings of what its file holds that nothing reads."""

    file: FlowFile
    findings: tuple[Finding, ...] = ()


def load_flow(content: bytes, origin: str) -> FlowFile:
    """Read a flow. `origin` names it in errors. Raises FlowError with the place."""
    return load(content, origin).file


def load(content: bytes, origin: str) -> Loaded:
    """Read a flow, with warnings. Raises FlowError with the place."""
    try:
        tree = read_written(content)
        is_export = isinstance(tree, dict) and isinstance(tree.get("process"), dict)
        if is_export and "nodes" not in tree:
            raise refusal(
                origin,
                "this is a flow exported from Flow Designer, not yet in the form that is run",
                "turn it into one: onhook flow import FILE",
            )
        fitted = settled(tree, FlowFile)
        file = msgspec.convert(fitted, FlowFile)
        return Loaded(file, unknown_fields(plain(tree)))
    except NotWritten as problem:
        raise refusal(origin, f"neither JSON nor YAML: {problem}", "correct the file") from None
    except RecursionError:
        raise refusal(origin, "nested too deeply", "correct the file") from None
    except msgspec.ValidationError as problem:
        what, remedy = explained(problem, fitted, content)
        raise refusal(origin, f"no flow file: {what}", remedy) from None


def refusal(origin: str, message: str, remedy: str) -> FlowError:
    return FlowError(origin, (error(UNREADABLE, message, remedy),))


def content_hash(file: FlowFile) -> str:
    """The same for the same flow, however its file is laid out. Hex SHA-256.

    Journals hold hashes for ever. So a field that the model gained later counts only where it is
    set, and `$schema`, which is for editors, never.
    """
    fields = msgspec.to_builtins(file, order="deterministic")
    del fields["$schema"]
    _drop_unset(fields, {"comment": None, "variableOrders": {}, "isOrdered": False})
    for variable in fields["variables"]:
        _drop_unset(variable, {"overwrite": False})
    for graph in (fields, *fields["eventFlows"].values()):
        for node in graph["nodes"]:
            _drop_unset(node, {"point": None})
        for edge in graph["edges"]:
            _drop_unset(edge, {"properties": {}})
    return sha256(msgspec.json.encode(fields)).hexdigest()


def _drop_unset(part: dict[str, Any], later: dict[str, Any]) -> None:
    for name, unset in later.items():
        if part[name] == unset:
            del part[name]
