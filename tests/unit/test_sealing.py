"""Sealing: what opens with which key, and keys that cannot be used."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from onhook.event_flow.sealing import (
    KEY_FILE,
    Altered,
    Keys,
    MissingKey,
    RunKeyError,
    keys_for,
)
from onhook.settings.run_key import read_keys

ONE, OTHER = os.urandom(32), os.urandom(32)
SECRET = b"4929 1234 5678 9012"


def written(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_what_was_sealed_opens_again_and_shows_nothing() -> None:
    keys = Keys((ONE,))
    sealed = keys.seal(SECRET, "run-1")
    assert keys.unseal(sealed, "run-1") == SECRET
    assert SECRET not in sealed
    assert keys.seal(SECRET, "run-1") != sealed


def test_it_opens_for_no_other_run() -> None:
    keys = Keys((ONE,))
    with pytest.raises(Altered):
        keys.unseal(keys.seal(SECRET, "run-1"), "run-2")


@pytest.mark.parametrize("at", [4, 15, 16, 30, -1])
def test_one_changed_bit_is_found(at: int) -> None:
    keys = Keys((ONE,))
    sealed = bytearray(keys.seal(SECRET, "run-1"))
    sealed[at] ^= 1
    with pytest.raises(Altered):
        keys.unseal(bytes(sealed), "run-1")


@pytest.mark.parametrize("length", [0, 3, 4, 10, 16, 20])
def test_what_broke_off_is_refused(length: int) -> None:
    keys = Keys((ONE,))
    with pytest.raises((Altered, MissingKey)):
        keys.unseal(keys.seal(SECRET, "run-1")[:length], "run-1")


def test_the_first_key_seals_and_all_open() -> None:
    before, after = Keys((ONE,)), Keys((OTHER, ONE))
    old, new = before.seal(SECRET, "r"), after.seal(SECRET, "r")
    assert after.unseal(old, "r") == SECRET
    with pytest.raises(MissingKey, match="not in ONHOOK_RUN_KEY"):
        before.unseal(new, "r")


def test_without_a_key_nothing_is_sealed() -> None:
    assert not Keys().can_seal
    with pytest.raises(MissingKey, match="openssl rand -base64 32"):
        Keys().seal(SECRET, "r")


def test_keys_are_read_in_both_alphabets_and_separated_by_blanks() -> None:
    awkward = b"\xfb\xff" * 16
    url_safe = base64.urlsafe_b64encode(awkward).decode()
    assert read_keys(f" {written(awkward)}\n{url_safe}  ") == (awkward, awkward)
    assert read_keys("") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not-base64!", "has a key that is no base64, number 1"),
        (written(b"short"), "has a key of 5 bytes instead of 32, number 1"),
        (f"{written(ONE)} {written(ONE + b'x')}", "has a key of 33 bytes instead of 32, number 2"),
    ],
)
def test_a_malformed_key_is_refused_and_not_shown(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RunKeyError) as refusal:
        keys_for(text, tmp_path, makes_one=True)
    assert str(refusal.value).startswith(f"ONHOOK_RUN_KEY {words}")
    assert not any(part in str(refusal.value) for part in text.split())


def test_the_embedded_bus_makes_a_key_and_keeps_it_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "event-flow"
    sealed = keys_for("", folder, makes_one=True).seal(SECRET, "r")
    assert keys_for("", folder, makes_one=True).unseal(sealed, "r") == SECRET
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_a_broker_makes_none(tmp_path: Path) -> None:
    assert not keys_for("", tmp_path, makes_one=False).can_seal
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_was_given_goes_before_the_one_that_was_made(tmp_path: Path) -> None:
    old = keys_for("", tmp_path, makes_one=True).seal(SECRET, "r")
    keys = keys_for(written(ONE), tmp_path, makes_one=True)
    assert keys.unseal(old, "r") == SECRET
    assert Keys((ONE,)).unseal(keys.seal(SECRET, "r"), "r") == SECRET


def test_a_kept_key_that_was_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("damaged")
    with pytest.raises(RunKeyError, match=r"run\.key has a key that is no .*put the key back"):
        keys_for("", tmp_path, makes_one=True)
