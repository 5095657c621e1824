"""OpenAPI 3.1 out of the operations that a service really has.

Pure: rows in, document out. Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from onhook import __version__
from onhook.web.operation import Operation, documented_path, path_patterns
from onhook.web.problem import ErrorBody

EVERYWHERE = {
    400: "The request itself is malformed: its head, its query or its JSON",
    403: "The request comes from a web page of another origin",
    421: "The Host header names another service",
    500: "A fault of the service; its log has the traceback",
}


HEAD_TOO = "HEAD is possible wherever GET is, and answers as GET does without the body."


def describe(title: str, summary: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The document for a service."""
    types: list[Any] = [ErrorBody]
    for operation in operations:
        kinds = (operation.body, operation.response, operation.query, *operation.others.values())
        types += [kind for kind in kinds if kind is not None]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    schema_of = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    for query in {operation.query for operation in operations if operation.query is not None}:
        # Described parameter by parameter; only the types of its fields stay components.
        name = schema_of[id(query)]["$ref"].rpartition("/")[2]
        schema_of[id(query)] = components.pop(name)
    error = schema_of[id(ErrorBody)]
    paths: dict[str, Any] = {}
    for operation in operations:
        entry = paths.setdefault(documented_path(operation.path), {})
        entry[operation.method.lower()] = _operation(operation, schema_of, error)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "description": f"{summary}\n\n{HEAD_TOO}"},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(
    operation: Operation, schema_of: dict[int, dict[str, Any]], error: dict[str, Any]
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation, schema_of),
        "responses": _responses(operation, schema_of, error),
    }
    if operation.body is not None:
        document["requestBody"] = {
            "required": not operation.body_is_optional,
            "content": {"application/json": {"schema": schema_of[id(operation.body)]}},
        }
    elif operation.body_media_type != "application/json":
        document["requestBody"] = {"content": {operation.body_media_type: {}}}
    return document


def _responses(
    operation: Operation, schema_of: dict[int, dict[str, Any]], error: dict[str, Any]
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.response is not None:
        content = {"schema": schema_of[id(operation.response)]}
        good["content"] = {operation.media_type: content}
    elif operation.media_type != "application/json":
        good["content"] = {operation.media_type: {}}
    responses = {str(operation.status): good}
    for status, kind in operation.others.items():
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": schema_of[id(kind)]}},
        }
    errors = EVERYWHERE | operation.errors
    if operation.body is not None:
        errors.setdefault(413, "The body is too large")
    for status, when in sorted(errors.items()):
        responses[str(status)] = {
            "description": when,
            "content": {"application/json": {"schema": error}},
        }
    return responses


def _parameters(operation: Operation, schema_of: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"} | ({"pattern": f"^{pattern}$"} if pattern else {}),
        }
        for name, pattern in path_patterns(operation.path)
    ]
    if operation.query is not None:
        schema = schema_of[id(operation.query)]
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": of}
            for name, of in schema["properties"].items()
        ]
    return parameters
