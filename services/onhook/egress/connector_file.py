"""The connectors file, entry by entry: what may stand there, and what it becomes.

Reading and checking alone. Errors name the place and the way out, never a secret.
"""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlsplit

from onhook.egress.connector import Connector, EndpointRule, Headers, Keys, OAuth, origin_of
from onhook.egress.connector_texts import FILE, ConnectorsError, Texts, has
from onhook.egress.connector_transport import read_transport
from onhook.egress.port import SendError
from onhook.egress.target import read_target
from onhook.signature import SecretError, parse_secrets

KINDS = ("basic", "bearer", "oauth2")
KNOWN = (
    *("url", *KINDS, "bearer_file", "headers", "ca_file", "client_cert", "client_key", "proxy"),
    *("proxy_user", "proxy_user_file", "proxy_password", "proxy_password_file"),
    *("signing", "signing_file"),
)
KNOWN_OF_OAUTH = (
    *("token_url", "client_id", "client_id_file", "client_secret", "client_secret_file"),
    *("scope", "audience", "auth"),
)
KNOWN_OF_DELIVERY = (
    *("in_flight", "rate", "burst", "schedule", "give_up_after", "success", "timeout", "breaker"),
)
"""What the worker reads of an entry of `endpoints`."""
KNOWN_OF_RULES = ("flow", "node", "url", "signing", "signing_file", *KNOWN_OF_DELIVERY)
ENDPOINTS = "endpoints"
"""The one name in the file that is no connector's: it holds a list."""

_ELSEWHERE = {
    **dict.fromkeys(("oauth", "client_credentials"), "oauth2"),
    **dict.fromkeys(
        ("mtls", "tls", "certificate", "client_certificate"), "client_cert and client_key"
    ),
    **dict.fromkeys(("api_key", "apikey", "header"), "headers"),
    **dict.fromkeys(("ca", "cafile", "verify", "insecure", "skip_verify"), "ca_file"),
    **dict.fromkeys(("https_proxy", "http_proxy"), "proxy"),
    **dict.fromkeys(
        ("timeout", "timeout_s"),
        "httpResponseTimeout in the flow's node, or timeout under endpoints",
    ),
}
"""Names that people know from elsewhere, and what it is here."""
_IMPOSSIBLE = frozenset({"digest", "aws", "aws_sigv4", "hmac", "jwt", "ntlm", "kerberos"})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "te"}
    | {"proxy-connection", "trailer", "upgrade", "webhook-id", "onhook-run-id"}
    | {"webhook-timestamp", "webhook-signature", "proxy-authorization"}
)
_SHORTEST_SECRET = 16


def read_connector(name: str, fields: Any, texts: Texts) -> Connector:
    """Raises ConnectorsError."""
    if not name.strip() or not name.isprintable():
        raise texts.wrong("a connector needs a name that can be printed")
    if not isinstance(fields, dict):
        raise texts.wrong("must have a url, and basic, bearer, headers or oauth2")
    _check_keys(texts, fields, KNOWN)
    given = [kind for kind in KINDS if kind in fields or kind + FILE in fields]
    if len(given) > 1:
        raise texts.wrong(f"has {' and '.join(given)}; keep one of them")
    url = _url(texts, "url", fields.get("url"))
    headers = _headers(texts, fields)
    oauth: OAuth | None = None
    if given:
        if any(header.lower() == "authorization" for header, _value in headers):
            raise texts.wrong(f"has {given[0]} and headers.Authorization; keep one of them")
        if given[0] == "oauth2":
            oauth = _oauth(texts, fields["oauth2"])
        else:
            headers = (_authorization(texts, fields, given[0]), *headers)
    return Connector(
        name=name,
        url=url,
        headers=headers,
        oauth=oauth,
        transport=read_transport(texts, fields, url),
        signing=_signing(texts, fields) if has(fields, "signing") else None,
        secrets=frozenset(texts.secrets),
        credentials=frozenset(texts.credentials),
    )


def read_rule(fields: Any, texts: Texts) -> EndpointRule:
    """An entry of `endpoints`. Raises ConnectorsError."""
    if not isinstance(fields, dict):
        raise texts.wrong("must have flow, node or url, and say something of it, as signing: off")
    _check_keys(texts, fields, KNOWN_OF_RULES)
    delivery = {key: fields[key] for key in KNOWN_OF_DELIVERY if key in fields}
    if not has(fields, "signing") and not delivery:
        raise texts.wrong("says nothing; give it signing: off, or whsec_..., or in_flight: 1")
    if not any(key in fields for key in ("flow", "node", "url")):
        raise texts.wrong("needs a flow, a node or a url")
    for key in ("flow", "node"):
        if key in fields and (not isinstance(fields[key], str) or not fields[key].strip()):
            raise texts.wrong(f"{key}: must be a name; put it in quotes")
    url = _url(texts, "url", fields["url"]) if "url" in fields else None
    return EndpointRule(
        flow=fields.get("flow"),
        node=fields.get("node"),
        origin=None if url is None else origin_of(url),
        signing=_signing(texts, fields) if has(fields, "signing") else None,
        delivery=delivery,
    )


def _url(texts: Texts, place: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise texts.wrong(f"needs a {place}, such as https://crm.example/api")
    url = texts.expanded(place, value).rstrip("/")
    try:
        read_target(url)
    except SendError as error:
        raise texts.wrong(f"{place}: {error.message}") from None
    split = urlsplit(url)
    if split.query or split.fragment:
        raise texts.wrong(f"{place}: holds a query or a fragment; leave them to the flow")
    return url


def _authorization(texts: Texts, fields: dict[str, Any], kind: str) -> tuple[str, str]:
    if kind == "bearer":
        token = texts.field(fields, "bearer", "bearer")
        texts.hide(token)
        return "Authorization", f"Bearer {token}"
    inside = fields[kind]
    if not isinstance(inside, dict) or not inside:
        raise texts.wrong("basic: needs user and password")
    _check_keys(texts, inside, ("user", "user_file", "password", "password_file"), "basic: ")
    user = texts.secret(inside, "user", "basic.user")
    if ":" in user:
        raise texts.wrong("basic.user: holds a colon, which HTTP cannot carry in a user")
    password = texts.secret(inside, "password", "basic.password")
    both = base64.b64encode(f"{user}:{password}".encode()).decode()
    texts.hide(password, both)
    return "Authorization", f"Basic {both}"


def _headers(texts: Texts, fields: dict[str, Any]) -> Headers:
    if "headers" not in fields:
        return ()
    inside = fields["headers"]
    if not isinstance(inside, dict) or not inside:
        raise texts.wrong("headers: needs at least one name and value")
    pairs = []
    for key, given in inside.items():
        header = key.removesuffix(FILE)
        if not _TOKEN.fullmatch(header):
            raise texts.wrong(f'headers: "{key[:80]}" is no header name')
        if header.lower() in _OURS:
            raise texts.wrong(f"headers.{header}: is set by the worker itself; remove it")
        value = texts.field(inside, header, f"headers.{header}")
        texts.secrets.add(value)
        # A tenant's name is no secret, and a flow may well read it in a response.
        if value != given or (len(value) >= _SHORTEST_SECRET and re.search(r"\d", value)):
            texts.credentials.add(value)
        pairs.append((header, value))
    return tuple(pairs)


def _oauth(texts: Texts, inside: Any) -> OAuth:
    if not isinstance(inside, dict) or not inside:
        raise texts.wrong("oauth2: needs token_url, client_id and client_secret")
    _check_keys(texts, inside, KNOWN_OF_OAUTH, "oauth2: ")
    place = "oauth2.token_url"
    token_url = texts.expanded(place, inside.get("token_url", ""))
    try:
        read_target(token_url)
    except SendError as error:
        raise texts.wrong(f"{place}: {error.message}") from None
    client_id = texts.secret(inside, "client_id", "oauth2.client_id")
    client_secret = texts.secret(inside, "client_secret", "oauth2.client_secret")
    scope = inside.get("scope")
    if isinstance(scope, list) and all(isinstance(each, str) for each in scope):
        scope = " ".join(scope)
    auth = inside.get("auth", "basic")
    if auth not in ("basic", "post"):
        raise texts.wrong("oauth2.auth: must be basic or post")
    oauth = OAuth(
        token_url=token_url,
        client_id=client_id,
        client_secret=client_secret,
        scope=None if scope is None else texts.expanded("oauth2.scope", scope),
        audience=texts.expanded("oauth2.audience", inside["audience"])
        if "audience" in inside
        else None,
        in_body=auth == "post",
    )
    texts.hide(client_secret, basic_of(oauth))
    return oauth


def basic_of(oauth: OAuth) -> str:
    """Id and secret in base64, each encoded as in a form before (RFC 6749, 2.3.1)."""
    both = f"{quote_plus(oauth.client_id)}:{quote_plus(oauth.client_secret)}"
    return base64.b64encode(both.encode()).decode()


def _signing(texts: Texts, fields: dict[str, Any]) -> Keys:
    """`off` is no text in YAML, but false."""
    if fields.get("signing") in (False, "off") and "signing_file" not in fields:
        return ()
    if isinstance(fields.get("signing"), bool):
        raise texts.wrong("signing: must be off, or whsec_...")
    text = texts.secret(fields, "signing", "signing")
    try:
        keys = parse_secrets(text)
    except SecretError as error:
        raise texts.wrong(f"signing: {error}") from None
    texts.hide(*text.split())
    return keys


def _check_keys(
    texts: Texts, fields: Mapping[str, Any], known: tuple[str, ...], place: str = ""
) -> None:
    for key in fields:
        if key not in known:
            raise texts.wrong(place + _unknown(key, known))


def _unknown(key: str, known: tuple[str, ...]) -> str:
    shown = key[:80]
    plain = shown.lower().replace("-", "_")
    if plain in _IMPOSSIBLE:
        return f'"{shown}" is not possible in this version; use {", ".join(KINDS)} or headers'
    if known is KNOWN and plain in _ELSEWHERE:
        return f'no key "{shown}" here; use {_ELSEWHERE[plain]}'
    near = difflib.get_close_matches(shown, known, 1, 0.7)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f'no key "{shown}" here; {hint}'


__all__ = ["ENDPOINTS", "ConnectorsError", "basic_of", "read_connector", "read_rule"]
