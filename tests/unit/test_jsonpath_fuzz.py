"""Any text as a path over any plain data: a value, missing, or an error of ours. Nothing else."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from onhook import jsonpath
from onhook.jsonpath import PathError, PathMissing

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["$.a", "@", "[1]", "{'a':1}", "'q'", "1e5", "\\u12", "a/b"])
)
KEYS = st.sampled_from(["a", "b", "id", "x y", "'", "$", ")"]) | st.text(max_size=3)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)
PIECES = st.lists(
    st.sampled_from(
        [
            *"$@.[]()?*,:'\"/\\!=<>~&| 0-1aeitn{}",
            "..", "[*]", "[0]", "[-1]", "[1:]", ".a", "['a','b']", "[?(", ")]", "@.a", "$.b", "==",
            "=~", "&&", "||", " in ", " contains ", " empty ", "true", "null", "/a+/i", "['x']",
            ".length()", ".sum(", ".keys()", ".concat(", ".index(-1)", ".append(", "1e9", "'a'",
        ]
    ),
    max_size=14,
)  # fmt: skip
PATHS = st.text(max_size=30) | PIECES.map("".join) | PIECES.map(lambda some: "$" + "".join(some))
PYTHON = ("Traceback", "Error:", "object at", "NoneType", "<class", "dict", "__", "float(", "int(")


def check(path: str, document: Any) -> None:
    before = repr(document)
    begin = time.monotonic()
    try:
        jsonpath.compile(path).read(document)
    except (PathMissing, PathError) as error:
        assert str(error).startswith("JSONPath ")
        text = str(error).removeprefix("JSONPath ").replace(path or '""', "")
        assert not any(word in text for word in PYTHON)
    assert time.monotonic() - begin < 5
    assert repr(document) == before


@settings(max_examples=1_000, deadline=None)
@given(PATHS, DOCUMENTS)
def test_any_path_over_any_data_gives_a_value_or_one_of_our_errors(path: str, data: Any) -> None:
    check(path, data)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, KEYS)
def test_a_key_in_brackets_is_the_key_whatever_it_holds(value: Any, key: str) -> None:
    written = key.replace("\\", "\\\\").replace("'", "\\'")
    found = jsonpath.compile(f"$['{written}']").read({key: value})
    assert found is value


@settings(max_examples=300, deadline=None)
@given(st.lists(DOCUMENTS, max_size=5))
def test_a_scan_for_everything_finds_every_value_once(values: list[Any]) -> None:
    def count(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value
        return sum(1 + count(item) for item in inner) if isinstance(value, dict | list) else 0

    assert len(jsonpath.compile("$..*").read(values)) == count(values)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers() | st.text(max_size=5) | st.booleans() | st.none(), max_size=8))
def test_a_filter_and_its_negation_share_out_the_items(values: list[Any]) -> None:
    kept = jsonpath.compile("$[?(@ > 1)]").read(values)
    others = jsonpath.compile("$[?(!(@ > 1))]").read(values)
    assert sorted(map(repr, kept + others)) == sorted(map(repr, values))
    assert json.dumps(kept) == json.dumps(
        [value for value in values if value in kept and value is not True]
    )
