"""Ways out that lead nowhere: requests are made up to the point where they would leave.

For a worker that must not be noticed. No connection is opened here, and no token is asked for.
"""

from __future__ import annotations

from onhook.egress.connector_client import Outgoing
from onhook.egress.port import Client, Request, Response
from onhook.egress.target import read_target

NOT_SENT = Response(status=200, headers=(), body=b"", is_cut=False, elapsed_s=0.0)
"""What a flow reads in the place of an answer."""


class ShadowClient:
    async def send(self, request: Request) -> Response:
        """Raises SendError for a request that could never be sent."""
        read_target(request.url)
        return NOT_SENT


class ShadowOutgoing(Outgoing):
    """Connectors keep to their origin here too; their credentials are not needed."""

    def way(self, connector: str | None, url: str, *, flow: tuple[str, str], node: str) -> Client:  # noqa: ARG002
        """Raises NotItsOrigin."""
        if connector is not None:
            self.connectors.find(connector, url)
        return ShadowClient()
