"""What Java 25 matched, where its dialect and that of the package `regex` part."""

from __future__ import annotations

import pytest

from onhook.java.regex import OutOfTime, PatternTime, compile_pattern
from onhook.java.regex_class import PatternError

MATCHED = [
    ("(?i)ss", "", "ß", []),
    ("(?i)é", "", "É", []),
    ("(?iu)é", "", "É", [(0, 1)]),
    ("k", "i", "\u212a", []),
    (r"\bé", "", "é", []),
    (r"\w+", "", "aé", [(0, 1)]),
    (r"(?U)\w+", "", "aé", [(0, 2)]),
    ("$", "", "a\r\n", [(1, 1), (3, 3)]),
    ("$", "d", "a\r\n", [(2, 2), (3, 3)]),
    ("(?m)$", "", "a\r\nb", [(1, 1), (4, 4)]),
    ("(?m)^", "", "a\r\nb\n", [(0, 0), (3, 3)]),
    ("(?md)^", "", "a\rb\nc", [(0, 0), (4, 4)]),
    (".", "d", "\r\n", [(0, 1)]),
    (r"\Z", "", "a\u2028", [(1, 1), (2, 2)]),
    ("(?s:.).", "", "\n\n", []),
    ("a(?i)b|c", "", "aBC", [(0, 2), (2, 3)]),
    ("[a b]", "x", "a b", [(0, 1), (2, 3)]),
    ("a #c\nb", "x", "ab", [(0, 2)]),
    ("[+--]", "", ",", [(0, 1)]),
    (r"[a\Q-z\E]", "", "-q", [(0, 1)]),
    ("[a-z&&[^b]c]", "", "bc", [(1, 2)]),
    ("[^a[b]]", "", "abc", [(2, 3)]),
    (r"\p{javaLetter}\p{InGreek}", "", "aα", [(0, 2)]),
    (r"(a)\11", "", "aa1", [(0, 3)]),
    (r"\H\V", "", "ab", [(0, 2)]),
]


@pytest.mark.parametrize(("pattern", "flags", "text", "spans"), MATCHED)
def test_a_pattern_finds_what_java_finds(
    pattern: str, flags: str, text: str, spans: list[tuple[int, int]]
) -> None:
    assert [found.span() for found in compile_pattern(pattern, flags).finditer(text)] == spans


REFUSED = [r"\p{^Lu}", r"\p{IsScript=Latin}", r"[a-\d]", r"[\b]", "[b-a]", "a{,2}", "x**", r"\y"]


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_java_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_a_refusal_says_where() -> None:
    with pytest.raises(PatternError, match="nothing to repeat") as refusal:
        compile_pattern("ab|*")
    assert refusal.value.at == 3


def test_clusters_are_known_where_they_are_asked_for() -> None:
    assert compile_pattern(r"\X", has_clusters=True).fullmatch("e\u0301")
    with pytest.raises(PatternError):
        compile_pattern(r"\X")


def test_a_match_that_tries_for_ever_uses_up_the_time_of_all() -> None:
    allowed = PatternTime(0.05)
    with pytest.raises(OutOfTime), allowed as seconds:
        compile_pattern("(a|aa)+$x").fullmatch("a" * 60, timeout=seconds)
    with pytest.raises(OutOfTime), allowed as seconds:
        compile_pattern("a").fullmatch("a", timeout=seconds)


def test_an_error_within_is_not_taken_for_slowness() -> None:
    with pytest.raises(LookupError), PatternTime(0.0):
        raise LookupError
