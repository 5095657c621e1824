"""ONHOOK_CONNECTORS: endpoints with credentials, which flows name instead of holding secrets.

Look-up by name: what a connector adds to a request, and who signs it. Credentials go to the
connector's own origin and nowhere else; a run never holds them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from onhook.egress.connector import Connector, EndpointRule, Headers, Keys, origin_of
from onhook.egress.connector_file import ENDPOINTS, read_connector, read_rule
from onhook.egress.connector_texts import ConnectorsError, Texts, Watched
from onhook.flow.mask import NOTHING, Mask
from onhook.settings.plain_yaml import NotPlain, read_yaml

_POSITION = re.compile(r"line \d+, column \d+")
_REMEMBERED = 256
"""Secrets of the past that are still masked: tokens, and what stood in files before."""


class NotItsOrigin(Exception):
    """A request through a connector would leave the connector's origin."""


class Connectors:
    """Look-up by name."""

    def __init__(
        self,
        connectors: Sequence[Watched[Connector]] = (),
        rules: Sequence[Watched[EndpointRule]] = (),
    ) -> None:
        self._by_name = {each.current.name: each for each in connectors}
        self._rules = tuple(rules)
        self._past: deque[str] = deque(maxlen=_REMEMBERED)
        for each in connectors:
            each.replaced = self._replaced

    def __repr__(self) -> str:
        return f"Connectors({', '.join(self._by_name)})"

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs by name: all that a flow may know of them."""
        return {name: each.current.url for name, each in self._by_name.items()}

    @property
    def rules(self) -> tuple[EndpointRule, ...]:
        """What holds for endpoints, in the file's order."""
        return tuple(each.current for each in self._rules)

    @property
    def secrets(self) -> frozenset[str]:
        """Every text that must not be shown, with tokens and what files held before."""
        return self._united("secrets")

    @property
    def mask(self) -> Mask:
        """Over what is shown of requests through connectors."""
        return _mask_over(self.secrets)

    @property
    def outputs_mask(self) -> Mask:
        """Over what a flow reads of their responses."""
        return _mask_over(self._united("credentials"))

    def remember(self, secret: str) -> None:
        """Keep another text from being shown."""
        if secret not in self._past:
            self._past.append(secret)

    def find(self, name: str, url: str) -> Connector:
        """The connector for a request to `url`, with what its files hold now.

        Raises NotItsOrigin where the connector is gone or `url` is not on its origin.
        """
        watched = self._by_name.get(name)
        if watched is None:
            known = ", ".join(self._by_name) or "none"
            raise NotItsOrigin(f'no connector "{name}" in ONHOOK_CONNECTORS; there: {known}')
        connector = watched.current
        if origin_of(url) != connector.origin:
            raise NotItsOrigin(
                f'connector "{name}": its credentials go to {connector.origin} only; '
                "correct httpRequestPath"
            )
        return connector

    def with_credentials(self, name: str, url: str, headers: Headers) -> Headers:
        """The headers of one attempt, with the connector's own before any of the same name.

        Without a token, which is asked for when the request is sent. Raises NotItsOrigin.
        """
        return with_own(headers, self.find(name, url).headers)

    def signing(
        self, connector: Connector | None, flow: tuple[str, str], node: str, url: str
    ) -> Keys | None:
        """Who signs for an endpoint: the first rule that covers it and says so, else the connector.

        `flow` is its id and its name. None: as everywhere else.
        """
        if self._rules:
            origin = origin_of(url)
            for rule in self._rules:
                current = rule.current
                if current.signing is not None and current.covers(flow, node, origin):
                    return current.signing
        return None if connector is None else connector.signing

    def _united(self, kind: str) -> frozenset[str]:
        now: frozenset[str] = frozenset().union(
            *(getattr(each.current, kind) for each in self._by_name.values())
        )
        return now.union(self._past)

    def _replaced(self, before: Connector, now: Connector) -> None:
        for secret in before.secrets - now.secrets:
            self.remember(secret)


@lru_cache(maxsize=8)  # making one costs more than a request
def _mask_over(secrets: frozenset[str]) -> Mask:
    return Mask(secrets) if secrets else NOTHING


def with_own(headers: Headers, own: Headers) -> Headers:
    """`own` in place of whatever has the same names."""
    names = {name.lower() for name, _value in own}
    return (*(pair for pair in headers if pair[0].lower() not in names), *own)


def load_connectors(path: Path | None, environment: Mapping[str, str]) -> Connectors:
    """Read the YAML file, name -> connector. Raises ConnectorsError naming the place."""
    if path is None:
        return Connectors()
    try:
        plain = read_yaml(path.read_bytes())
    except OSError as error:
        raise ConnectorsError(f"ONHOOK_CONNECTORS: {path}: {error}") from None
    except NotPlain as error:  # whose text may quote a line with a secret
        found = _POSITION.search(str(error))
        place = f" at {found[0]}" if found else ""
        raise ConnectorsError(
            f"ONHOOK_CONNECTORS: {path}: no YAML that can be read{place}; correct it"
        ) from None
    given: Any = {} if plain is None else plain
    if not isinstance(given, dict):
        raise ConnectorsError(f"ONHOOK_CONNECTORS: {path}: must map names to connectors")
    rules = given.pop(ENDPOINTS, [])
    if not isinstance(rules, list):
        raise ConnectorsError(
            f"ONHOOK_CONNECTORS: {path}: {ENDPOINTS}: must be a list of endpoints; a connector "
            "needs another name"
        )

    def texts(place: str) -> Texts:
        return Texts(path, environment, place)

    return Connectors(
        [
            Watched(
                partial(texts, f'connector "{name}": ' if name else ""),
                partial(read_connector, name, fields),
            )
            for name, fields in given.items()
        ],
        [
            Watched(partial(texts, f"{ENDPOINTS}, number {number}: "), partial(read_rule, fields))
            for number, fields in enumerate(rules, start=1)
        ],
    )
