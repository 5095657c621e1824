"""Who may call an API: the Host and Origin checks that keep web pages elsewhere out.

A page on another site, or one whose name was rebound to this address, must not be able to place
a call or publish a flow. Nothing here knows any route but by the predicate it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from onhook.web.problem import Problem

ALWAYS_OWN = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]*)(:[0-9]{1,5})?", re.ASCII)
OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


def own_hosts(bound_to: str, addresses: Iterable[str]) -> frozenset[str]:
    """The host names that are this service's: loopback, what it binds to, its addresses."""
    named = {urlsplit(address).hostname for address in addresses if address}
    return ALWAYS_OWN | {bound_to.lower()} | {host for host in named if host}


def guard(hosts: frozenset[str], is_open: Callable[[web.Request], bool]) -> Middleware:
    """Middleware: refuses a foreign Host (421) and a foreign Origin (403), but where `is_open`."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN_PATHS and not is_open(request):
            _check_host(request, hosts)
            _check_origin(request)
        return await handler(request)

    return check


def _check_host(request: web.Request, hosts: frozenset[str]) -> None:
    if not _HOST.fullmatch(request.host) or host_name(request.host) not in hosts:
        raise Problem(
            421,
            f'"{request.host[:200]}" is not a name of this service; use one of '
            f"{', '.join(sorted(hosts))}, or name it in its ONHOOK_..._PUBLIC_URL",
        )


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and _netloc(origin) != request.host.lower():
        raise Problem(403, f"Requests from pages of {origin[:200]} are refused")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        is_navigation = request.headers.get("Sec-Fetch-Mode") == "navigate"
        if not (is_navigation and request.method == "GET"):
            raise Problem(403, "Requests from pages of another origin are refused")


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def host_name(host: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()
