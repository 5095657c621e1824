"""What the requests of a dry run are answered, so that nothing leaves. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from onhook.egress.port import Fault, Request, Response, SendError
from onhook.flow.effect import SendRequest


class DryAnswer(Struct, frozen=True, kw_only=True):
    """`status` 0 is a network fault, as flows see it."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"


class DryAnswers:
    """By node, by its name: each of its requests takes the next answer, the last one stays."""

    def __init__(self, answers: Mapping[str, Sequence[DryAnswer]]) -> None:
        self._left = {node: list(given) for node, given in answers.items() if given}

    async def send(self, effect: SendRequest, _request: Request) -> Response:
        """Raises SendError for status 0."""
        left = self._left.get(effect.node.name, [DryAnswer()])
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer.status == 0:
            raise SendError(Fault.CONNECT, "no connection, as the dry run was told", 0.0)
        headers = (("Content-Type", answer.content_type),) if answer.body else ()
        return Response(
            status=answer.status, headers=headers, body=answer.body, is_cut=False, elapsed_s=0.0
        )
