"""Judging a signed request as a receiver should, and saying why it fails.

The time is a value. A verdict is for whoever debugs a receiver; a receiver that answers the
sender says no more than that the signature is not good.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum

from msgspec import Struct

from onhook.signature.key import PublicKey, VerifyingKey
from onhook.signature.layout import other_layouts
from onhook.signature.signing import SIGNATURE, TIMESTAMP, WEBHOOK_ID, signed_content

TOLERANCE_S = 300
MOST_SIGNATURES = 32
"""Read of one header."""
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Reason(Enum):
    """Why a request is not taken for what it says it is."""

    NO_HEADER = "no header"
    MALFORMED = "malformed"
    STALE = "stale"
    TOO_NEW = "too new"
    WRONG_SECRET = "wrong secret"  # noqa: S105 - the name of a reason
    OLD_KEY = "old key"
    RESERIALISED = "body re-serialised"


class Verdict(Struct, frozen=True, kw_only=True):
    """`reason` is None, and `key` the position of the key that fits, where the request is good."""

    reason: Reason | None
    message: str
    key: int | None = None

    @property
    def is_valid(self) -> bool:
        return self.reason is None


class _Signed(Struct, frozen=True):
    """What the headers say."""

    webhook_id: str
    timestamp: str
    signatures: tuple[tuple[str, bytes], ...]
    """Scheme and bytes."""


class _Refused(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        self.verdict = Verdict(reason=reason, message=message)


def verify(
    keys: Sequence[VerifyingKey],
    headers: Headers,
    body: bytes,
    now: datetime,
    tolerance_s: float = TOLERANCE_S,
    *,
    retired: Sequence[VerifyingKey] = (),
) -> Verdict:
    """Judge a request by its headers (in any case) and the bytes of its body.

    `retired`: keys that are no longer good, to tell a request that one of them signed.
    """
    try:
        signed = _read(headers)
    except _Refused as refusal:
        return refusal.verdict
    key = _fitting(keys, signed, body)
    if key is None:
        return _why_not(keys, retired, signed, body)
    age_s = now.timestamp() - int(signed.timestamp)
    if age_s > tolerance_s:
        return _refused(
            Reason.STALE,
            f"the signature is right, but {age_s:.0f} s old, and {tolerance_s:g} s are allowed; "
            "a replayed request, or the receiver's clock is ahead",
        )
    if age_s < -tolerance_s:
        return _refused(
            Reason.TOO_NEW,
            f"the signature is right, but from {-age_s:.0f} s ahead, and {tolerance_s:g} s are "
            "allowed; set the receiver's clock",
        )
    return Verdict(reason=None, message="the signature is right", key=key)


def _read(headers: Headers) -> _Signed:
    """Raises _Refused."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, str] = {}
    for given, value in pairs:
        name = given.lower()
        if name in (WEBHOOK_ID, TIMESTAMP, SIGNATURE):
            if name in found:
                raise _Refused(Reason.MALFORMED, f"the header {name} is there more than once")
            found[name] = value.strip()
    missing = [name for name in (WEBHOOK_ID, TIMESTAMP, SIGNATURE) if not found.get(name)]
    if missing:
        raise _Refused(Reason.NO_HEADER, f"the request has no {' and no '.join(missing)}")
    if not _SECONDS.fullmatch(found[TIMESTAMP]):
        raise _Refused(Reason.MALFORMED, f"{TIMESTAMP} is no whole number of seconds since 1970")
    if "." in found[WEBHOOK_ID]:
        raise _Refused(Reason.MALFORMED, f"{WEBHOOK_ID} has a full stop, which no id may have")
    signatures = _signatures(found[SIGNATURE])
    return _Signed(found[WEBHOOK_ID], found[TIMESTAMP], signatures)


def _signatures(text: str) -> tuple[tuple[str, bytes], ...]:
    """What is of no scheme that we know is left out, as the specification asks."""
    found = []
    parts = text.split(" ")
    if len(parts) > MOST_SIGNATURES:
        raise _Refused(Reason.MALFORMED, f"{SIGNATURE} lists more than {MOST_SIGNATURES}")
    for part in parts:
        scheme, comma, value = part.partition(",")
        if scheme not in ("v1", "v1a") or not comma:
            continue
        try:
            found.append((scheme, base64.b64decode(value, validate=True)))
        except (binascii.Error, ValueError):
            raise _Refused(Reason.MALFORMED, f"{SIGNATURE} holds what is no base64") from None
    if not found:
        raise _Refused(
            Reason.MALFORMED, f"{SIGNATURE} holds no v1,... and no v1a,...; is it cut or joined?"
        )
    return tuple(found)


def _fitting(keys: Sequence[VerifyingKey], signed: _Signed, body: bytes) -> int | None:
    """The position of the first key that fits. Every pair is tried, whichever fits."""
    content = signed_content(signed.webhook_id, signed.timestamp, body)
    fitting: int | None = None
    for position, key in enumerate(keys):
        for scheme, signature in signed.signatures:
            if scheme == key.scheme and key.fits(content, signature) and fitting is None:
                fitting = position
    return fitting


def _why_not(
    keys: Sequence[VerifyingKey],
    retired: Sequence[VerifyingKey],
    signed: _Signed,
    body: bytes,
) -> Verdict:
    if _fitting(retired, signed, body) is not None:
        return _refused(
            Reason.OLD_KEY,
            "an old key signed it, which is no longer good; let the sender sign with the new one",
        )
    schemes = {scheme for scheme, _ in signed.signatures}
    usable = [key for key in keys if key.scheme in schemes]
    if not usable:
        kind = "a whpk_ key" if "v1a" in schemes else "a whsec_ secret"
        return _refused(
            Reason.WRONG_SECRET,
            f"it is signed with {' and '.join(sorted(schemes))}, and no key here is of that kind; "
            f"give {kind}",
        )
    if any(_fitting(usable, signed, layout) is not None for layout in other_layouts(body)):
        return _refused(
            Reason.RESERIALISED,
            "the signature fits the same content laid out differently: the body was read and "
            "written again; check the bytes as they came, before parsing them",
        )
    what = "public key" if all(isinstance(key, PublicKey) for key in usable) else "secret"
    return _refused(
        Reason.WRONG_SECRET,
        f"no signature fits: another {what} signed it, or the body or the id was changed",
    )


def _refused(reason: Reason, message: str) -> Verdict:
    return Verdict(reason=reason, message=message)
