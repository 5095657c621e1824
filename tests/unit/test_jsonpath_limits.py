"""No path and no document makes the work endless, or the stack too deep."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from onhook import jsonpath
from onhook.jsonpath import PathError, limits

WIDE = [{"id": number, "text": str(number), "tags": ["a", "b"]} for number in range(60_000)]


def deep(levels: int) -> Any:
    document: Any = 1
    for _ in range(levels):
        document = [document]
    return document


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("$" + ".a" * (limits.LONGEST_PATH // 2 + 1), "characters; 4096 are the most"),
        ("$" + ".a" * 121, "more than 120 steps"),
        ("$[?(" + "(" * 500 + "1 == 1" + ")" * 500 + ")]", "more than 24 levels deep"),
        ("$[?(" + "!" * 500 + "(1 == 1))]", "more than 24 levels deep"),
        ("$" + "[?(@" * 30 + ")]" * 30, "more than 24 levels deep"),
        ("$.sum(" + "$.sum(" * 100 + ")" * 101, "levels deep|is missing"),
        ("$[?(@ == " + "[" * 60 + "]" * 60 + ")]", None),
    ],
)
def test_a_path_that_is_too_large_is_refused(path: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(PathError, match="nested more than 40 levels"):
            jsonpath.compile(path).read([[1]])
    else:
        with pytest.raises(PathError, match=text):
            jsonpath.compile(path)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("$..*..*..*", WIDE),
        ("$[?(@.id in $[*].id)]", WIDE),
        ("$[?(@ == $[0])]", [WIDE, WIDE]),
        ("$" + "..*" * 40, deep(1_000)),
        ("$..[?(@ == $)]", deep(5_000)),
        ("$..*.length()", deep(400_000)),
        ("$[?(@ contains 'b')]", ["a" * 1_000_000] * 3_000),
        ("$[?('x' in @)]", [["$" + ".a" * 100] * 1_000] * 100),
        ("$[?(@ == 1.5)]", [10**100_000] * 1_000),
        ("$[?(@ < '1')]", [10**100_000] * 1_000),
        ("$.concat($[*], $[*], $[*])", ["a" * 1_000_000] * 100),
    ],
)
def test_too_much_work_ends_in_an_error_that_says_so(path: str, document: Any) -> None:
    compiled = jsonpath.compile(path)
    begin = time.monotonic()
    with pytest.raises(PathError, match="the document is too large for this path"):
        compiled.read(document)
    assert time.monotonic() - begin < 10


def test_a_large_document_is_read_when_the_path_is_exact() -> None:
    assert len(jsonpath.compile("$[?(@.id > 59990 && @.text != '59999')].text").read(WIDE)) == 8


def test_a_document_of_any_depth_is_walked() -> None:
    assert len(jsonpath.compile("$..*").read(deep(100_000))) == 100_000


def test_a_list_that_is_too_deep_to_print_is_an_error() -> None:
    with pytest.raises(PathError, match="it goes too deep"):
        jsonpath.compile("$.concat($[*])").read([deep(5_000)])


def test_a_slice_from_far_away_costs_no_more_than_the_list() -> None:
    assert jsonpath.compile("$[-2000000000:1]").read([1, 2]) == [1, 2, 1]
    assert jsonpath.compile("$[0:2000000000]").read([1, 2]) == [1, 2]


def test_numbers_of_any_size_are_compared() -> None:
    assert jsonpath.compile("$[?(@ < 1e2147483647)]").read([1, 2.5]) == [1, 2.5]
    assert jsonpath.compile("$[?(@ == 1e5000)]").read([10**5000]) == [10**5000]
    assert jsonpath.compile("$[?(@ size 1e2147483646)]").read([[], "a"]) == [[]]


@pytest.mark.parametrize(
    "path", ["$" + ".*" * 119, "$" + "[0]" * 110 + "..*", "$" + "[?(1 == 1)]" * 60]
)
def test_a_stack_that_is_nearly_full_ends_in_our_error(path: str) -> None:
    def descend(levels: int, action: Callable[[], Any]) -> Any:
        return action() if levels <= 0 else descend(levels - 1, action)

    document = deep(150)
    compiled = jsonpath.compile(path)
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    for room in (20, 60, 120):
        levels = sys.getrecursionlimit() - depth - room - 5
        for action in (lambda: compiled.read(document), lambda: jsonpath.compile(path)):
            try:
                descend(levels, action)
            except PathError as error:
                assert "it goes too deep" in str(error)


def test_a_definite_path_of_three_keys_reads_in_about_a_microsecond() -> None:
    path, document = jsonpath.compile("$.a.b.c"), {"a": {"b": {"c": 1}}}
    best = min(_seconds(lambda: path.read(document), 10_000) for _ in range(5))
    assert best < 5e-6


def _seconds(action: Callable[[], Any], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - begin) / times
