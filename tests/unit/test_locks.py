"""The lock files against pyproject.toml: complete, consistent, by hash, and without addresses."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {re.sub(r"[._-]+", "-", match[0]).lower() for match in found if match}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_only(lock: str) -> None:
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    pin = re.compile(r"[a-z0-9-]+==[^ ]+( ; [^\\]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    strange = [line for line in lines if not pin.fullmatch(line) and not digest.fullmatch(line)]
    assert strange == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_a_hash(lock: str) -> None:
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    following = [after for line, after in pairwise(lines) if "==" in line]
    assert len(following) == len(pins(lock))
    assert all(line.startswith("    --hash=") for line in following)


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = PYPROJECT["project"]
    runtime, build, dev = (set(pins(lock)) for lock in LOCKS)
    assert names(project["dependencies"]) <= runtime
    assert names(PYPROJECT["build-system"]["requires"]) <= build
    assert names(project["optional-dependencies"]["dev"]) <= dev


def test_development_runs_the_versions_that_the_product_runs() -> None:
    runtime, build, dev = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= dev.items()
    assert build.items() <= dev.items()
