"""Shapes: a connector, how it gets tokens, and what holds for an endpoint.

No reading of files and no sending. No `repr` shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from onhook.egress.port import SendError, Transport
from onhook.egress.target import read_target
from onhook.signature import SigningKey

Headers = tuple[tuple[str, str], ...]
Keys = tuple[SigningKey, ...]
"""Of one endpoint; none at all is unsigned."""


class OAuth(Struct, frozen=True, kw_only=True):
    """Client credentials (RFC 6749, 4.4)."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    audience: str | None = None
    in_body: bool = False
    """Id and secret stand in the form instead of an Authorization header."""

    def __repr__(self) -> str:
        return f"OAuth({self.token_url!r})"


class Connector(Struct, frozen=True, kw_only=True):
    """An endpoint. `headers` are its credentials, as sent."""

    name: str
    url: str
    headers: Headers = ()
    oauth: OAuth | None = None
    transport: Transport | None = None
    signing: Keys | None = None
    """None: as everywhere else."""
    secrets: frozenset[str] = frozenset()
    """Every text that must not be shown."""
    credentials: frozenset[str] = frozenset()
    """Those of them that a flow must not even read back, when an endpoint repeats them."""

    def __repr__(self) -> str:
        return f"Connector({self.name!r}, {self.url!r})"

    @property
    def origin(self) -> str:
        return origin_of(self.url)


class EndpointRule(Struct, frozen=True, kw_only=True):
    """What holds for endpoints: flow, node and origin, each of them or any."""

    flow: str | None = None
    """By id or name."""
    node: str | None = None
    origin: str | None = None
    signing: Keys | None = None
    """None: it does not say."""
    delivery: Mapping[str, Any] = {}
    """How to deliver there, as it stands in the file; the worker reads it."""

    def __repr__(self) -> str:
        return f"EndpointRule({self.flow!r}, {self.node!r}, {self.origin!r})"

    def covers(self, flow: tuple[str, str], node: str, origin: str) -> bool:
        """`flow` is its id and its name."""
        return (
            (self.flow is None or self.flow in flow)
            and self.node in (None, node)
            and self.origin in (None, origin)
        )


@lru_cache(maxsize=1_024)
def origin_of(url: str) -> str:
    """`scheme://host:port`, or nothing for what is no address."""
    try:
        target = read_target(url)
    except SendError:
        return ""
    return f"{target.scheme}://{target.where}"
