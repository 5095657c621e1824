"""A request's URL, read strictly: where it goes, and what stands in the request line.

Pure reading lives here: no socket, no DNS, no HTTP library. Whatever two readers could
understand differently is refused, so that what the guard judged is what is dialled.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

from msgspec import Struct

from onhook.egress.address_guard import Address
from onhook.egress.port import Fault, SendError

_URL = re.compile(r"(https?)://([^/?#\\]*)([^#]*)", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*))(?::([1-9][0-9]{0,4}))?", re.ASCII)
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(Struct, frozen=True):
    """Where a request goes.

    `host` is in lower case and without brackets; `address` is set where it is an address and not
    a name. `path` is what the request line carries: path and query, as they were rendered.
    """

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None

    @property
    def where(self) -> str:
        """host:port, for messages: a URL's path may hold a secret."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def host_header(self) -> str:
        """What a Host header says: no port where it is the scheme's own, no dot at the end."""
        host = _bracketed(self.host.removesuffix("."))
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return f"{self.scheme}://{_bracketed(self.host)}{self.path}"
        return f"{self.scheme}://{self.where}{self.path}"


def read_target(url: str) -> Target:
    """Read a URL. Raises SendError with Fault.INVALID.

    Printable ASCII is kept byte for byte, nothing is quoted again and no dot segment resolved;
    other characters of path and query become percent-encoded UTF-8. The fragment is left out, and
    so is a "?" with nothing behind it.
    """
    if match := _UNSENDABLE.search(url):
        raise _invalid(
            f"has a blank or control character at position {match.start() + 1}; percent-encode it"
        )
    found = _URL.match(url)
    if found is None:
        raise _invalid("must begin with http:// or https://")
    scheme, authority, path = found[1].lower(), found[2], found[3]
    if "@" in authority:
        raise _invalid('holds a user name or password before "@"; send it in a header instead')
    host, port, address = _read_authority(authority)
    if path.startswith("\\"):
        raise _invalid('has a backslash after the host; write "/"')
    if not path.startswith("/"):
        path = f"/{path}"
    return Target(
        scheme=scheme,
        host=host,
        port=port or _DEFAULT_PORTS[scheme],
        path=quote(path.removesuffix("?") if path.count("?") == 1 else path, safe=_PRINTABLE),
        address=address,
    )


def _read_authority(authority: str) -> tuple[str, int | None, Address | None]:
    found = _AUTHORITY.fullmatch(authority)
    port = int(found[3]) if found and found[3] else None
    if found is None or (port is not None and port > 65_535):
        raise _invalid(
            f'has "{authority[:100]}" where host and port should be; a port is 1 to 65535'
        )
    if found[1] is not None:
        literal = _read_ipv6(found[1])
        return str(literal), port, literal
    if not found[2].isascii():  # before lower(), which makes a "k" of the Kelvin sign
        raise _invalid(f'has the host "{found[2][:100]}"; write its ASCII form, xn--...')
    host = found[2].lower()
    if not host:
        raise _invalid("has no host")
    labels = host.removesuffix(".").split(".")
    # A name whose last label is a number is an address to some readers (WHATWG URL, 3.5).
    if _NUMBER.fullmatch(labels[-1]):
        number = _read_ipv4(host)
        return host, port, number
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(f'has "{host[:100]}" as its host, which is no host name')
    return host, port, None


def _read_ipv4(text: str) -> IPv4Address:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        address = None
    if address is None or str(address) != text:
        raise _invalid(f'has the host "{text}"; write an address as four decimal numbers')
    return address


def _read_ipv6(text: str) -> IPv6Address:
    try:
        address = None if "%" in text else IPv6Address(text)
    except AddressValueError:
        address = None
    if address is None:
        raise _invalid(f'has the host "[{text}]", which is no IPv6 address without a zone')
    if address.ipv4_mapped is not None:
        raise _invalid(f'has the host "[{text}]"; write {address.ipv4_mapped}')
    if str(address) != text.lower():
        raise _invalid(f'has the host "[{text}]"; write [{address}]')
    return address


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _invalid(what: str) -> SendError:
    return SendError(Fault.INVALID, f"the request's URL {what}", 0.0)
