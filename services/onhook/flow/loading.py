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
    """The same for the same flow, however its file is laid out. Hex SHA-256."""
    return sha256(msgspec.json.encode(file, order="deterministic")).hexdigest()
