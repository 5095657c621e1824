"""The connectors file, entry by entry: what may stand there, and what it becomes.

Reading and checking alone. Errors name the place and the way out, never a secret.
"""

from __future__ import annotations

import base64
import difflib
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from onhook.egress.connector import Connector, EndpointRule, Headers, Keys, OAuth, origin_of
from onhook.egress.connector_texts import FILE, ConnectorsError, Texts
from onhook.egress.port import SendError, Transport
from onhook.egress.proxy import read_proxy
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
KNOWN_OF_RULES = ("flow", "node", "url", "signing", "signing_file")
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
    **dict.fromkeys(("timeout", "timeout_s"), "httpResponseTimeout in the flow's node"),
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
    found = _Found()
    headers = _headers(texts, fields, found)
    oauth: OAuth | None = None
    if given:
        if any(header.lower() == "authorization" for header, _value in headers):
            raise texts.wrong(f"has {given[0]} and headers.Authorization; keep one of them")
        if given[0] == "oauth2":
            oauth = _oauth(texts, fields["oauth2"], found)
        else:
            headers = (_authorization(texts, fields, given[0], found), *headers)
    return Connector(
        name=name,
        url=url,
        headers=headers,
        oauth=oauth,
        transport=_transport(texts, fields, url, found),
        signing=_signing(texts, fields, found) if _names(fields, "signing") else None,
        secrets=frozenset(found.secrets),
        credentials=frozenset(found.credentials),
    )


def read_rule(fields: Any, texts: Texts) -> EndpointRule:
    """An entry of `endpoints`. Raises ConnectorsError."""
    if not isinstance(fields, dict):
        raise texts.wrong("must have signing, and flow, node or url")
    _check_keys(texts, fields, KNOWN_OF_RULES)
    if not _names(fields, "signing"):
        raise texts.wrong("needs signing: off, or whsec_...")
    if not any(key in fields for key in ("flow", "node", "url")):
        raise texts.wrong("needs a flow, a node or a url; for all of them: ONHOOK_SIGNING_SECRET")
    for key in ("flow", "node"):
        if key in fields and (not isinstance(fields[key], str) or not fields[key].strip()):
            raise texts.wrong(f"{key}: must be a name; put it in quotes")
    url = _url(texts, "url", fields["url"]) if "url" in fields else None
    return EndpointRule(
        flow=fields.get("flow"),
        node=fields.get("node"),
        origin=None if url is None else origin_of(url),
        signing=_signing(texts, fields, _Found()),
    )


class _Found:
    """The secrets that were met."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.credentials: set[str] = set()

    def secret(self, *texts: str) -> None:
        self.secrets.update(texts)
        self.credentials.update(texts)


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


def _authorization(
    texts: Texts, fields: dict[str, Any], kind: str, found: _Found
) -> tuple[str, str]:
    if kind == "bearer":
        token = texts.field(fields, "bearer", "bearer")
        found.secret(token)
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
    found.secret(password, both)
    return "Authorization", f"Basic {both}"


def _headers(texts: Texts, fields: dict[str, Any], found: _Found) -> Headers:
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
        found.secrets.add(value)
        # A tenant's name is no secret, and a flow may well read it in a response.
        if value != given or (len(value) >= _SHORTEST_SECRET and re.search(r"\d", value)):
            found.credentials.add(value)
        pairs.append((header, value))
    return tuple(pairs)


def _oauth(texts: Texts, inside: Any, found: _Found) -> OAuth:
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
    found.secret(client_secret, basic_of(oauth))
    return oauth


def basic_of(oauth: OAuth) -> str:
    """Id and secret in base64, each encoded as in a form before (RFC 6749, 2.3.1)."""
    both = f"{quote_plus(oauth.client_id)}:{quote_plus(oauth.client_secret)}"
    return base64.b64encode(both.encode()).decode()


def _transport(
    texts: Texts, fields: dict[str, Any], url: str, found: _Found
) -> Transport | None:
    files = {
        key: str(texts.named_file(key, fields[key]))
        for key in ("ca_file", "client_cert", "client_key")
        if key in fields
    }
    if "client_key" in files and "client_cert" not in files:
        raise texts.wrong("client_key: belongs to a client_cert; name that too")
    if "client_cert" in files and not url.lower().startswith("https:"):
        raise texts.wrong("client_cert: the url is no https, so no certificate would be shown")
    _check_certificates(texts, files)
    proxy = _proxy(texts, fields, found)
    if not files and proxy is None:
        return None
    return Transport(**files, proxy=proxy)


def _check_certificates(texts: Texts, files: Mapping[str, str]) -> None:
    if not files:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    key = "ca_file"
    try:
        if key in files:
            context.load_verify_locations(files[key])
        key = "client_cert"
        if key in files:
            # Without a password of its own OpenSSL would ask the terminal for one.
            context.load_cert_chain(files[key], files.get("client_key"), password=lambda: "")
    except ssl.SSLError as error:
        reason = (error.reason or "cannot be read").replace("_", " ").lower()
        hint = "; it must be PEM"
        if key == "client_cert":
            hint += ", and the key must be its own and have no password"
        raise texts.wrong(f"{key}: {files[key]}: {reason}{hint}") from None
    except OSError as error:
        named = [f"{name}: {files[name]}" for name in (key, "client_key") if name in files]
        raise texts.wrong(f"{' or '.join(named)}: {error.strerror}") from None


def _proxy(texts: Texts, fields: dict[str, Any], found: _Found) -> str | None:
    has_user, has_password = _names(fields, "proxy_user"), _names(fields, "proxy_password")
    if "proxy" not in fields:
        if has_user or has_password:
            raise texts.wrong("proxy_user: there is no proxy; name it, as http://host:port")
        return None
    url = texts.expanded("proxy", fields["proxy"])
    if "@" in url:
        raise texts.wrong("proxy: write its user as proxy_user and proxy_password_file")
    if has_user != has_password:
        raise texts.wrong("proxy: needs proxy_user and proxy_password, or neither")
    if has_user:
        user = texts.secret(fields, "proxy_user", "proxy_user")
        password = texts.secret(fields, "proxy_password", "proxy_password")
        found.secret(password, base64.b64encode(f"{user}:{password}".encode()).decode())
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
    try:
        read_proxy(url)
    except SendError as error:
        raise texts.wrong(f"proxy: {error.message}") from None
    return url


def _signing(texts: Texts, fields: dict[str, Any], found: _Found) -> Keys:
    """`off` is no text in YAML, but false."""
    if fields.get("signing") in (False, "off") and "signing_file" not in fields:
        return ()
    text = texts.secret(fields, "signing", "signing")
    try:
        keys = parse_secrets(text)
    except SecretError as error:
        raise texts.wrong(f"signing: {error}") from None
    found.secret(*text.split())
    return keys


def _names(fields: Mapping[str, Any], key: str) -> bool:
    return key in fields or key + FILE in fields


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
