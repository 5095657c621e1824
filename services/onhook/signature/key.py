"""Keys, as Standard Webhooks writes them: `whsec_` symmetric, `whsk_` and `whpk_` ed25519.

Reading a key's text and using the key; what is signed is not known here. No message, and no
repr, shows a key.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
SHORTEST_BYTES, LONGEST_BYTES = 24, 64
"""Of a symmetric secret."""
_SEED_BYTES = 32
_PAIR_BYTES = 64
HOW_TO_MAKE = "make one with: onhook signature new"


class SecretError(ValueError):
    """A signing secret cannot be used."""


class SymmetricKey:
    """HMAC-SHA256 with a shared secret: signatures `v1`."""

    __slots__ = ("_secret",)
    scheme = "v1"

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, content, "sha256")

    def fits(self, content: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's. Takes the same time wherever they differ."""
        return hmac.compare_digest(self.sign(content), signature)


class PublicKey:
    """The half of an ed25519 pair that receivers hold."""

    __slots__ = ("_key",)
    scheme = "v1a"

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @property
    def text(self) -> str:
        """`whpk_...`, to be given to receivers."""
        return PUBLIC + base64.b64encode(self._key.public_bytes_raw()).decode()

    def fits(self, content: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """An ed25519 key: signatures `v1a`."""

    __slots__ = ("_key", "public")
    scheme = "v1a"

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)

    def fits(self, content: bytes, signature: bytes) -> bool:
        return self.public.fits(content, signature)


SigningKey = SymmetricKey | PrivateKey
VerifyingKey = SymmetricKey | PrivateKey | PublicKey


def parse_secret(text: str) -> SigningKey:
    """`whsec_` and 24 to 64 bytes in base64, or `whsk_` and an ed25519 key. Raises SecretError.

    An ed25519 key is its seed (32 bytes), or seed and public key (64 bytes).
    """
    if text.startswith(SYMMETRIC):
        return SymmetricKey(_symmetric(text.removeprefix(SYMMETRIC)))
    if text.startswith(PRIVATE):
        return PrivateKey(_private(text.removeprefix(PRIVATE)))
    if text.startswith(PUBLIC):
        raise SecretError("is a public key, which signs nothing; give its whsk_ key")
    raise SecretError(f"does not begin with whsec_ or whsk_; {HOW_TO_MAKE}")


def parse_secrets(text: str) -> tuple[SigningKey, ...]:
    """Secrets separated by blanks, the one to go on with first. Raises SecretError."""
    parts = text.split()
    keys = []
    for number, part in enumerate(parts, start=1):
        try:
            keys.append(parse_secret(part))
        except SecretError as error:
            which = f"number {number} " if len(parts) > 1 else ""
            raise SecretError(f"{which}{error}") from None
    return tuple(keys)


def parse_verifying_key(text: str) -> VerifyingKey:
    """Any key that can check a signature: a secret, or `whpk_...`. Raises SecretError."""
    if not text.startswith(PUBLIC):
        if not text.startswith((SYMMETRIC, PRIVATE)):
            raise SecretError("does not begin with whsec_, whpk_ or whsk_")
        return parse_secret(text)
    raw = _decoded(text.removeprefix(PUBLIC), PUBLIC)
    if len(raw) != _SEED_BYTES:
        raise SecretError(f"holds {len(raw)} bytes behind whpk_ instead of {_SEED_BYTES}")
    return PublicKey(Ed25519PublicKey.from_public_bytes(raw))


def written_symmetric(secret: bytes) -> str:
    """`whsec_...`."""
    return SYMMETRIC + base64.b64encode(secret).decode()


def written_private(seed: bytes) -> str:
    """`whsk_...`, seed and public key, of a seed of 32 bytes."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PRIVATE + base64.b64encode(seed + public).decode()


def _symmetric(text: str) -> bytes:
    secret = _decoded(text, SYMMETRIC)
    if not SHORTEST_BYTES <= len(secret) <= LONGEST_BYTES:
        raise SecretError(
            f"holds {len(secret)} bytes behind whsec_ instead of {SHORTEST_BYTES} to "
            f"{LONGEST_BYTES}; {HOW_TO_MAKE}"
        )
    return secret


def _private(text: str) -> Ed25519PrivateKey:
    raw = _decoded(text, PRIVATE)
    if len(raw) not in (_SEED_BYTES, _PAIR_BYTES):
        raise SecretError(
            f"holds {len(raw)} bytes behind whsk_ instead of {_SEED_BYTES} or {_PAIR_BYTES}; "
            f"{HOW_TO_MAKE} --ed25519"
        )
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if len(raw) == _PAIR_BYTES and key.public_key().public_bytes_raw() != raw[_SEED_BYTES:]:
        raise SecretError("holds a private and a public key that are no pair")
    return key


def _decoded(text: str, prefix: str) -> bytes:
    """Strict: a receiver that skips what is no base64 would take it for another secret."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(f"holds what is no base64 behind {prefix}") from None
