"""The words of `onhook signature`. Only words live here."""

from __future__ import annotations

import argparse


def signature_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new", help="make a secret", description="Print a new secret; with --ed25519 a pair."
    )
    new.add_argument(
        "--ed25519", action="store_true", help="whsk_... for us, and whpk_... for receivers"
    )
    sign = actions.add_parser(
        "sign",
        help="sign a body",
        description="Print the three headers that a delivery of this body would carry.",
    )
    _body(sign)
    sign.add_argument("--id", metavar="ID", help="the webhook-id; without it a new one")
    check = actions.add_parser(
        "verify",
        help="say whether a signature is right, and if not why",
        description="Judge a request by the bytes of its body and its headers. Status 0: valid.",
    )
    _body(check)
    check.add_argument(
        "-H",
        dest="header",
        action="append",
        default=[],
        metavar="HEADER",
        help="a header as it came, 'webhook-id: msg_...'; repeat it",
    )
    check.add_argument(
        "--headers", metavar="FILE", help="the head of the request, one header a line; - is stdin"
    )
    check.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="a public key, whpk_..., beside the secrets of ONHOOK_SIGNING_SECRET",
    )
    check.add_argument(
        "--tolerance",
        type=float,
        default=300,
        metavar="SECONDS",
        help="how old it may be, or how far ahead (300)",
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")


def _body(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("body", metavar="BODY", help="file with the body's bytes; - is stdin")
    parser.add_argument("--at", metavar="MOMENT", help="now, for this command: ISO 8601")
