"""The endpoint of a URL, as runs are found by it: `scheme://host:port`, the port always told.

Pure; a URL that is none (it may be masked, or was never rendered) has an endpoint all the same.
"""

from __future__ import annotations

import re

LONGEST_CHARS = 300
"""A host name has at most 253."""
_PORTS = {"http": 80, "https": 443}
_PARTS = re.compile(r"([^:/?#]+)://(?:[^/?#]*@)?([^/?#]*)")


def endpoint_of(url: str) -> str:
    """`https://Example.com/a?b` is `https://example.com:443`; empty where there is no host."""
    parts = _PARTS.match(url)
    if parts is None:
        return ""
    scheme, where = parts[1].lower(), parts[2].lower()
    if not where:
        return ""
    has_port = ":" in where.rpartition("]")[2]
    port = _PORTS.get(scheme)
    endpoint = f"{scheme}://{where}" if has_port or port is None else f"{scheme}://{where}:{port}"
    return endpoint[:LONGEST_CHARS]
