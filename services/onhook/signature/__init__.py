"""Standard Webhooks: deliveries signed, and signatures judged, with the reason when they fail.

No I/O and no clock: the time is a value. Source of every rule: the Standard Webhooks
specification, 1.0. No message holds a secret.
"""

from onhook.signature.key import (
    PrivateKey,
    PublicKey,
    SecretError,
    SigningKey,
    SymmetricKey,
    VerifyingKey,
    parse_secret,
    parse_secrets,
    parse_verifying_key,
)
from onhook.signature.signing import SIGNATURE, TIMESTAMP, WEBHOOK_ID, Signer, sign
from onhook.signature.verdict import Reason, Verdict, verify

__all__ = [
    "SIGNATURE",
    "TIMESTAMP",
    "WEBHOOK_ID",
    "PrivateKey",
    "PublicKey",
    "Reason",
    "SecretError",
    "Signer",
    "SigningKey",
    "SymmetricKey",
    "Verdict",
    "VerifyingKey",
    "parse_secret",
    "parse_secrets",
    "parse_verifying_key",
    "sign",
    "verify",
]
