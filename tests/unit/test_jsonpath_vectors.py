"""Every path of the vectors gives what Jayway's JsonPath 2.9 gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from onhook import jsonpath

LINES = (Path(__file__).parents[1] / "vectors" / "jsonpath.jsonl").read_text("utf-8").splitlines()
DOCUMENTS = json.loads(LINES[0])["docs"]
VECTORS = [json.loads(line) for line in LINES[1:]]


def outcome(path: str, document: Any) -> str:
    """The value as JSON, so that 1, 1.0 and true differ."""
    try:
        return json.dumps(jsonpath.compile(path).read(document))
    except jsonpath.PathMissing:
        return "missing"
    except jsonpath.PathError:
        return "error"


def expected(vector: dict[str, Any]) -> str:
    if "value" in vector:
        return json.dumps(vector["value"])
    return "missing" if vector.get("missing") else "error"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_gives_what_jayway_gives(name: str) -> None:
    wrong = [
        (vector["path"], expected(vector), found)
        for vector in VECTORS
        if vector["doc"] == name
        and (found := outcome(vector["path"], DOCUMENTS[name])) != expected(vector)
    ]
    assert wrong == []


def test_a_path_is_read_the_same_again_and_leaves_the_document_as_it_was() -> None:
    before = json.dumps(DOCUMENTS)
    for vector in VECTORS[::7]:
        for _ in range(2):
            assert outcome(vector["path"], DOCUMENTS[vector["doc"]]) == expected(vector)
    assert json.dumps(DOCUMENTS) == before


def test_the_vectors_are_all_there() -> None:
    assert len(VECTORS) == 2_641
