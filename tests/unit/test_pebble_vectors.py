"""Templates with what the real engine prints for them: all must match, errors as errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from onhook import pebble

VECTORS = Path(__file__).parents[1] / "vectors" / "pebble.jsonl"
BATCH = 500


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]


def batches() -> list[Any]:
    vectors = lines()[1:]
    return [
        pytest.param(vectors[begin : begin + BATCH], id=f"from {begin}")
        for begin in range(0, len(vectors), BATCH)
    ]


def result(template: str, context: dict[str, Any]) -> str | None:
    """The output; None for an error."""
    try:
        return pebble.compile(template).render(context)
    except pebble.PebbleError:
        return None


@pytest.mark.parametrize("vectors", batches())
def test_templates_print_what_the_real_engine_prints(vectors: list[dict[str, Any]]) -> None:
    context = lines()[0]["context"]
    wrong = [
        (vector["template"], vector.get("output"), printed)
        for vector in vectors
        if (printed := result(vector["template"], context)) != vector.get("output")
    ]
    assert wrong == []


def test_rendering_leaves_the_context_as_it_is() -> None:
    vectors = lines()
    context = vectors[0]["context"]
    for vector in vectors[1:]:
        result(vector["template"], context)
    assert context == lines()[0]["context"]


def test_the_vectors_are_all_there() -> None:
    vectors = lines()[1:]
    assert len(vectors) == 7431
    assert sum("error" in vector for vector in vectors) > 3000


class Collected:
    """An output that puts the pieces together again."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(self, node: pebble.Text) -> None:
        self.parts.append(node.text)

    def value(self, value: Any, node: pebble.Print) -> None:
        self.parts.append(pebble.as_text(value))


def test_the_pieces_of_the_output_make_up_the_rendered_text() -> None:
    vectors = lines()
    context = vectors[0]["context"]
    wrong = []
    for vector in vectors[1:]:
        if "error" in vector:
            continue
        output = Collected()
        template = pebble.compile(vector["template"])
        template.render_to(context, output)
        if "".join(output.parts) != vector["output"]:
            wrong.append((vector["template"], output.parts))
    assert wrong == []


def test_the_value_of_an_expression_prints_as_the_rendered_text() -> None:
    vectors = lines()
    context = vectors[0]["context"]
    for vector in vectors[1:]:
        template = pebble.compile(vector["template"]) if "error" not in vector else None
        if template and template.expression and vector["template"].endswith("}}"):
            printed = pebble.as_text(template.value(context))
            assert printed == vector["output"].strip("\n"), vector
