"""`onhook signature`: makes secrets, signs a body, and says why a signature is not right.

For whoever builds or debugs a receiver. Nothing is sent; the secrets are those of
ONHOOK_SIGNING_SECRET.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

from onhook.cli.failure import Failure
from onhook.cli.input_file import STDIN, USAGE, read_input, shown_name
from onhook.cli.main import settings_from
from onhook.cli.moment import moment_of
from onhook.cli.printed import print_json
from onhook.egress.connector_client import keys_of
from onhook.signature import (
    WEBHOOK_ID,
    PrivateKey,
    SecretError,
    Signer,
    VerifyingKey,
    parse_secret,
    parse_verifying_key,
    verify,
)
from onhook.signature.key import written_private, written_symmetric

SECRET_BYTES = 32


def execute(given: argparse.Namespace) -> int:
    return {"new": _new, "sign": _sign, "verify": _verify}[given.action](given)


def _new(given: argparse.Namespace) -> int:
    """Two lines for a pair: ours and the receiver's."""
    random = os.urandom(SECRET_BYTES)
    if not given.ed25519:
        sys.stdout.write(written_symmetric(random) + "\n")
        return 0
    private = written_private(random)
    key = parse_secret(private)
    assert isinstance(key, PrivateKey)
    sys.stdout.write(f"{private}\n{key.public.text}\n")
    return 0


def _sign(given: argparse.Namespace) -> int:
    """Prints header lines."""
    keys = keys_of(settings_from(given).signing_secret)
    if not keys:
        raise Failure("no secret; set ONHOOK_SIGNING_SECRET", USAGE)
    webhook_id = given.id or f"msg_{uuid4()}"
    body = read_input(given.body)
    try:
        headers = Signer(keys).headers(webhook_id, _moment(given.at), body)
    except ValueError as error:
        raise Failure(f"--id: {error}", USAGE) from None
    for name, value in ((WEBHOOK_ID, webhook_id), *headers):
        sys.stdout.write(f"{name}: {value}\n")
    return 0


def _verify(given: argparse.Namespace) -> int:
    keys: list[VerifyingKey] = [_key(text) for text in given.key]
    keys += keys_of(settings_from(given).signing_secret)
    if not keys:
        raise Failure("no key; set ONHOOK_SIGNING_SECRET, or give --key whpk_...", USAGE)
    if given.body == given.headers == STDIN:
        raise Failure("body and headers cannot both come from stdin; name a file", USAGE)
    verdict = verify(
        keys,
        list(_headers(given)),
        read_input(given.body),
        _moment(given.at),
        given.tolerance,
    )
    if given.json:
        reason = None if verdict.reason is None else verdict.reason.value
        print_json({"valid": verdict.is_valid, "reason": reason, "message": verdict.message})
    elif verdict.reason is None:
        which = f" (key {(verdict.key or 0) + 1} of {len(keys)})" if len(keys) > 1 else ""
        sys.stdout.write(f"valid: {verdict.message}{which}\n")
    else:
        sys.stdout.write(f"{verdict.reason.value}: {verdict.message}\n")
    return 0 if verdict.is_valid else 1


def _headers(given: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Of the options, and of a file that may begin with a request line."""
    yield from (_header(line, "-H") for line in given.header)
    if given.headers is None:
        return
    text = read_input(given.headers).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            return  # a body may follow
        if number > 1 or ":" in line.split(" ")[0]:
            yield _header(line, f"{shown_name(given.headers)}: line {number}")


def _header(line: str, where: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise Failure(f"{where}: is no header; write it as name: value", USAGE)
    return name.strip(), value.strip()


def _key(text: str) -> VerifyingKey:
    try:
        return parse_verifying_key(text)
    except SecretError as error:
        raise Failure(f"--key {error}", USAGE) from None


def _moment(text: str | None) -> datetime:
    return moment_of(text) if text else datetime.now(UTC)
