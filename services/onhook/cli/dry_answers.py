"""`--answer NODE=STATUS[:FILE]` of a dry run: what a node's requests are answered."""

from __future__ import annotations

from collections.abc import Sequence

from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE, read_input
from onhook.event_flow.dry_answer import DryAnswer, DryAnswers
from onhook.flow.compiled import Flow
from onhook.flow.http_request import HttpRequest

_CONTENT_TYPES = {
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "txt": "text/plain",
    "html": "text/html",
}


def answers_of(given: Sequence[str], flows: Sequence[Flow], *, is_dry: bool) -> DryAnswers:
    """Raises Failure for what cannot be an answer."""
    if given and not is_dry:
        raise Failure("--answer is for a dry run; give --dry-run too", USAGE)
    nodes = (
        node
        for flow in flows
        for graph in (flow.events, flow.main)
        for node in graph.nodes.values()
    )
    names = {node.name for node in nodes if isinstance(node, HttpRequest)}
    answers: dict[str, list[DryAnswer]] = {}
    for text in given:
        node, equals, answer = text.rpartition("=") if ":" not in text else _split(text)
        if not equals or node not in names:
            known = ", ".join(sorted(names)) or "none"
            raise Failure(
                f'--answer "{text}" names no HTTP Request; write NODE=STATUS or NODE=STATUS:FILE, '
                f"with NODE one of: {known}",
                USAGE,
            )
        answers.setdefault(node, []).append(_answer(text, answer))
    return DryAnswers(answers)


def _split(text: str) -> tuple[str, str, str]:
    """At the equals sign before the status; a file's name may hold others."""
    head, colon, file = text.partition(":")
    node, equals, status = head.rpartition("=")
    return node, equals, status + colon + file


def _answer(text: str, answer: str) -> DryAnswer:
    status, _, file = answer.partition(":")
    is_number = status.isascii() and status.isdigit() and len(status) <= 3
    if not is_number or not (int(status) == 0 or 200 <= int(status) <= 599):
        raise Failure(
            f'--answer "{text}": the status is 200 to 599, or 0 for a network fault', USAGE
        )
    if not file:
        return DryAnswer(status=int(status))
    kind = _CONTENT_TYPES.get(file.rpartition(".")[2].lower(), "application/json")
    return DryAnswer(status=int(status), body=read_input(file), content_type=kind)
