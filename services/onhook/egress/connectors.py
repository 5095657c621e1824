"""ONHOOK_CONNECTORS: endpoints with credentials, which flows name instead of holding secrets.

Reading and checking the file, and which headers a connector adds to a request. Credentials go to
the connector's own origin and nowhere else; a run never holds them.
"""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from onhook.egress.port import SendError
from onhook.egress.target import read_target
from onhook.settings.plain_yaml import NotPlain, read_yaml
from onhook.settings.settings import SettingError

KINDS = ("basic", "bearer", "headers")
KNOWN = ("url", *KINDS, "bearer_file")
LATER = frozenset(
    {"oauth", "oauth2", "client_credentials", "mtls", "client_certificate", "certificate", "digest"}
    | {"aws", "aws_sigv4", "hmac", "jwt", "ntlm", "kerberos", "api_key"}
)
"""What people have elsewhere and this version cannot do."""

_ENVIRONMENT = re.compile(r"\$\{([^}]*)\}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "te"}
    | {"proxy-connection", "trailer", "upgrade", "webhook-id", "onhook-run-id"}
)
_POSITION = re.compile(r"line \d+, column \d+")
_FILE = "_file"


class ConnectorsError(SettingError):
    """The connectors file cannot be used."""


class Connector(Struct, frozen=True, kw_only=True):
    """An endpoint. `headers` are its credentials, as sent."""

    name: str
    url: str
    headers: tuple[tuple[str, str], ...]
    secrets: frozenset[str]
    """Every text that must not be shown."""

    def __repr__(self) -> str:
        return f"Connector({self.name!r}, {self.url!r})"

    @property
    def origin(self) -> str:
        return origin_of(self.url)


class NotItsOrigin(Exception):
    """A request through a connector would leave the connector's origin."""


class Connectors:
    """Look-up by name."""

    def __init__(self, connectors: tuple[Connector, ...] = ()) -> None:
        self._by_name = {connector.name: connector for connector in connectors}

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs by name: all that a flow may know of them."""
        return {connector.name: connector.url for connector in self._by_name.values()}

    @property
    def secrets(self) -> frozenset[str]:
        return frozenset().union(*(each.secrets for each in self._by_name.values()))

    def with_credentials(
        self, name: str, url: str, headers: tuple[tuple[str, str], ...]
    ) -> tuple[tuple[str, str], ...]:
        """The headers of one attempt, with the connector's own before any of the same name.

        Raises NotItsOrigin where the connector is gone or `url` is not on its origin.
        """
        connector = self._by_name.get(name)
        if connector is None:
            known = ", ".join(self._by_name) or "none"
            raise NotItsOrigin(f'no connector "{name}" in ONHOOK_CONNECTORS; there: {known}')
        if origin_of(url) != connector.origin:
            raise NotItsOrigin(
                f'connector "{name}": its credentials go to {connector.origin} only; '
                "correct httpRequestPath"
            )
        names = {name.lower() for name, _value in connector.headers}
        return (*(pair for pair in headers if pair[0].lower() not in names), *connector.headers)


def origin_of(url: str) -> str:
    """`scheme://host:port`, or nothing for what is no address."""
    try:
        target = read_target(url)
    except SendError:
        return ""
    return f"{target.scheme}://{target.where}"


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
    reader = _Reader(path, environment)
    given = {} if plain is None else plain
    if not isinstance(given, dict):
        raise reader.wrong("", "must map names to connectors")
    return Connectors(tuple(reader.connector(name, fields) for name, fields in given.items()))


class _Reader:
    """Reads one file; errors name the file, the connector and the key, never a secret."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = environment

    def wrong(self, name: str, what: str) -> ConnectorsError:
        place = f'connector "{name}": ' if name else ""
        return ConnectorsError(f"ONHOOK_CONNECTORS: {self._path}: {place}{what}")

    def connector(self, name: str, fields: Any) -> Connector:
        if not name.strip() or not name.isprintable():
            raise self.wrong(name, "a connector needs a name that can be printed")
        if not isinstance(fields, dict):
            raise self.wrong(name, "must have a url, and basic, bearer or headers")
        for key in fields:
            if key not in KNOWN:
                raise self.wrong(name, _unknown(key, KNOWN))
        given = [kind for kind in KINDS if kind in fields or kind + _FILE in fields]
        if len(given) > 1:
            raise self.wrong(name, f"has {' and '.join(given)}; keep one of them")
        url = self._url(name, fields.get("url"))
        headers, secrets = self._credentials(name, fields, given[0]) if given else ((), ())
        return Connector(name=name, url=url, headers=headers, secrets=frozenset(secrets))

    def _url(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "needs a url, such as https://crm.example/api")
        url = self._expanded(name, "url", value).rstrip("/")
        try:
            read_target(url)
        except SendError as error:
            raise self.wrong(name, f"url: {error.message}") from None
        split = urlsplit(url)
        if split.query or split.fragment:
            raise self.wrong(name, "url: holds a query or a fragment; leave them to the flow")
        return url

    def _credentials(
        self, name: str, fields: dict[str, Any], kind: str
    ) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        """The headers, and the texts in them that are secret."""
        if kind == "bearer":
            token = self._field(name, fields, "bearer", "bearer")
            return (("Authorization", f"Bearer {token}"),), (token,)
        inside = fields[kind]
        if not isinstance(inside, dict) or not inside:
            needed = "user and password" if kind == "basic" else "at least one name and value"
            raise self.wrong(name, f"{kind}: needs {needed}")
        if kind == "basic":
            return self._basic(name, inside)
        return self._headers(name, inside)

    def _basic(
        self, name: str, inside: dict[str, Any]
    ) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        known = ("user", "user_file", "password", "password_file")
        for key in inside:
            if key not in known:
                raise self.wrong(name, f"basic: {_unknown(key, known)}")
        user = self._secret(name, inside, "user", "basic.user")
        if ":" in user:
            raise self.wrong(name, "basic.user: holds a colon, which HTTP cannot carry in a user")
        password = self._secret(name, inside, "password", "basic.password")
        both = base64.b64encode(f"{user}:{password}".encode()).decode()
        return (("Authorization", f"Basic {both}"),), (password, both)

    def _headers(
        self, name: str, inside: dict[str, Any]
    ) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        pairs = []
        for key in inside:
            header = key.removesuffix(_FILE)
            if not _TOKEN.fullmatch(header):
                raise self.wrong(name, f'headers: "{key[:80]}" is no header name')
            if header.lower() in _OURS:
                raise self.wrong(name, f"headers.{header}: is set by the worker itself; remove it")
            pairs.append((header, self._field(name, inside, header, f"headers.{header}")))
        return tuple(pairs), tuple(value for _header, value in pairs)

    def _secret(self, name: str, inside: dict[str, Any], key: str, place: str) -> str:
        """A text as it stands, with `${NAME}` out of the environment, or out of a file."""
        if key in inside and key + _FILE in inside:
            raise self.wrong(name, f"{place}: stands there and in a file; keep one of them")
        if key + _FILE in inside:
            text = self._content(name, place, inside[key + _FILE])
        else:
            value = inside.get(key)
            if not isinstance(value, str):
                raise self.wrong(name, f"{place}: must be a text; put it in quotes")
            text = self._expanded(name, place, value)
        if not text:
            raise self.wrong(name, f"{place}: is empty")
        return text

    def _field(self, name: str, inside: dict[str, Any], key: str, place: str) -> str:
        """A secret that stands in a header as it is."""
        text = self._secret(name, inside, key, place)
        if not _FIELD_VALUE.fullmatch(text):
            raise self.wrong(name, f"{place}: holds what no HTTP header can carry")
        return text

    def _content(self, name: str, place: str, file: Any) -> str:
        if not isinstance(file, str):
            raise self.wrong(name, f"{place}{_FILE}: must name a file")
        try:
            return (self._path.parent / file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self.wrong(name, f"{place}{_FILE}: {error}") from None

    def _expanded(self, name: str, place: str, text: str) -> str:
        for variable in _ENVIRONMENT.findall(text):
            if not self._environment.get(variable):
                raise self.wrong(
                    name, f"{place}: the environment has no {variable}; set it, or use a file"
                )
        return _ENVIRONMENT.sub(lambda found: self._environment[found[1]], text)


def _unknown(key: Any, known: tuple[str, ...]) -> str:
    shown = str(key)[:80]
    if shown.lower().replace("-", "_") in LATER:
        return f'"{shown}" is not possible in this version; use basic, bearer or headers'
    near = difflib.get_close_matches(shown, known, 1, 0.7)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f'no key "{shown}" here; {hint}'
