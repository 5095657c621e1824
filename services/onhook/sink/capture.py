"""What a capture is: one request as it came over the wire, and its place in its token.

Plain data. Nothing here knows the store or the shapes of the API.
"""

from __future__ import annotations

import uuid

from msgspec import Struct

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Names and values as sent: order, case and repeats kept; blanks around a value are not its."""


class Capture(Struct, frozen=True, kw_only=True):
    """One request. `target` is the request line's, undecoded; `body` without its chunk frames."""

    id: uuid.UUID
    received_us: int
    """When it was complete, in microseconds since 1970; no two captures share one."""
    reading_us: int
    """How long its body took to arrive."""
    method: str
    target: bytes
    version: str
    scheme: str
    remote: str
    headers: RawHeaders
    size: int
    body: bytes | None
    """None where the reader did not ask for it."""

    @property
    def request_line(self) -> bytes:
        return b"%b %b %b" % (self.method.encode(), self.target, self.version.encode())

    @property
    def head_size(self) -> int:
        """Bytes of the target and of the headers' names and values."""
        return len(self.target) + sum(len(name) + len(value) for name, value in self.headers)

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, by its name in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Captured(Struct, frozen=True, kw_only=True):
    """A capture that is on disk. `sequence` counts from 1 within its token, without a gap."""

    token: str
    sequence: int
    capture: Capture
