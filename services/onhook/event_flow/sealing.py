"""Encrypting what a run with secure values leaves behind, on the bus and in the journal.

Keys and bytes only; what is worth sealing is decided elsewhere. AES-256-GCM (NIST SP 800-38D):
the key's name, a nonce, the ciphertext with its tag. What it belongs to is authenticated with it,
so that it opens nowhere else.
"""

from __future__ import annotations

import base64
import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onhook.settings.run_key import HOW_TO_MAKE, KEY_BYTES, read_keys
from onhook.settings.settings import SettingError

NAME_BYTES = 4
NONCE_BYTES = 12
TAG_BYTES = 16
SHORTEST_BYTES = NAME_BYTES + NONCE_BYTES + TAG_BYTES
KEY_FILE = "run.key"


class RunKeyError(SettingError):
    """ONHOOK_RUN_KEY or the key's file cannot be used."""


class MissingKey(Exception):
    """What is sealed was sealed with a key that is not among ours, or there is none to seal with."""


class Altered(Exception):
    """What is sealed is not what was sealed, or belongs elsewhere."""


class Keys:
    """The first key seals, all open. Without any, nothing can be sealed."""

    def __init__(self, keys: tuple[bytes, ...] = ()) -> None:
        self._ciphers = {_name_of(key): AESGCM(key) for key in keys}

    @property
    def can_seal(self) -> bool:
        return bool(self._ciphers)

    def seal(self, plain: bytes, owner: str) -> bytes:
        """`owner` says what it belongs to, a run's id for example. Raises MissingKey."""
        for name, cipher in self._ciphers.items():
            nonce = os.urandom(NONCE_BYTES)
            return name + nonce + cipher.encrypt(nonce, plain, owner.encode())
        raise MissingKey(f"nothing can be sealed without ONHOOK_RUN_KEY; {HOW_TO_MAKE}")

    def unseal(self, sealed: bytes, owner: str) -> bytes:
        """Raises MissingKey or Altered."""
        if len(sealed) < SHORTEST_BYTES:
            raise Altered(f"what is sealed has {len(sealed)} bytes, fewer than any sealing makes")
        name, rest = sealed[:NAME_BYTES], sealed[NAME_BYTES:]
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise MissingKey(
                f"sealed with the key {name.hex()}, which is not in ONHOOK_RUN_KEY; add it there"
            )
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError):
            raise Altered("what is sealed was altered, or belongs to another") from None


def _name_of(key: bytes) -> bytes:
    """Tells keys apart without telling anything of them."""
    return sha256(b"onhook run key " + key).digest()[:NAME_BYTES]


def keys_for(text: str, folder: Path, *, makes_one: bool) -> Keys:
    """The keys of ONHOOK_RUN_KEY, before the one that is kept in `folder`.

    `makes_one` where that is missing and none was given. Raises RunKeyError.
    """
    try:
        given = read_keys(text)
    except ValueError as error:
        raise RunKeyError(f"ONHOOK_RUN_KEY {error}") from None
    path = folder / KEY_FILE
    try:
        if makes_one and not given and not path.exists():
            _make(path)
        kept = path.read_text("ascii") if path.exists() else ""
        return Keys((*given, *read_keys(kept)))
    except (OSError, ValueError) as error:
        raise RunKeyError(
            f"{path} {error}; put the key back, or set ONHOOK_RUN_KEY: what was sealed with a key "
            "that is lost cannot be opened again"
        ) from None


def _make(path: Path) -> None:
    """Whole and readable by its owner alone, or not there at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(".new")
    made.unlink(missing_ok=True)
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    made.rename(path)
