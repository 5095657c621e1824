"""How a connector's endpoint is reached: its authorities, the certificate we show, the proxy.

Reading and trying the files alone; connections are the client's.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from onhook.egress.connector_texts import Texts, has
from onhook.egress.port import SendError, Transport
from onhook.egress.proxy import read_proxy


def read_transport(texts: Texts, fields: Mapping[str, Any], url: str) -> Transport | None:
    paths = {
        key: texts.named_file(key, fields[key])
        for key in ("ca_file", "client_cert", "client_key")
        if key in fields
    }
    files = {key: str(path) for key, path in paths.items()}
    if "client_key" in files and "client_cert" not in files:
        raise texts.wrong("client_key: belongs to a client_cert; name that too")
    if "client_cert" in files and not url.lower().startswith("https:"):
        raise texts.wrong("client_cert: the url is no https, so no certificate would be shown")
    _check_certificates(texts, files)
    proxy = _proxy(texts, fields)
    if not files and proxy is None:
        return None
    stamps = (texts.stamps[path] for path in paths.values())
    return Transport(
        ca_file=files.get("ca_file"),
        client_cert=files.get("client_cert"),
        client_key=files.get("client_key"),
        proxy=proxy,
        written_at=tuple(stamp[0] for stamp in stamps if stamp is not None),
    )


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


def _proxy(texts: Texts, fields: Mapping[str, Any]) -> str | None:
    has_user, has_password = has(fields, "proxy_user"), has(fields, "proxy_password")
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
        texts.hide(password, base64.b64encode(f"{user}:{password}".encode()).decode())
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
    try:
        read_proxy(url)
    except SendError as error:
        raise texts.wrong(f"proxy: {error.message}") from None
    return url
