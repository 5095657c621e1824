"""Regular expressions in filters are Java's, and cannot hang."""

from __future__ import annotations

import time

import pytest

from onhook import jsonpath
from onhook.jsonpath import PathError


def matches(pattern: str, text: str, flags: str = "") -> bool:
    found = jsonpath.compile(f"$[?(@ =~ /{pattern}/{flags})]").read([text])
    return found == [text]


@pytest.mark.parametrize(
    ("pattern", "text", "flags"),
    [
        ("a.c", "abc", ""),
        ("A.C", "abc", "i"),
        (r"\+\d{3,}", "+1613", ""),
        (r"[a-z&&[^aeiou]]+", "bcd", ""),
        (r"[^\s,]+", "a-b", ""),
        (r"(?i)abc", "ABC", ""),
        (r"(?<year>\d+)-\k<year>", "12-12", ""),
        (r"(a)\1", "aa", ""),
        (r"\Qa.b\E+", "a.bb", ""),
        (r"\p{Lu}\p{Alpha}*", "Éa", ""),
        (r"\p{IsLatin}+", "éa", ""),
        (r"a*+b", "aab", ""),
        (r"(?>a+)b", "aab", ""),
        (r"\x41\u0042\x{43}", "ABC", ""),
        (r"\h+\R", " \t\r\n", ""),
        (r"a.b", "a\nb", "s"),
        (r"a b # c", "ab", "x"),
        (r"^a$", "a", ""),
        (r"É", "é", "iu"),
        (r"\w", "é", "U"),
        (r"[]a]", "]", ""),
        (r"[\]\-a]+", "a-]", ""),
        (r"x\/y", "x/y", ""),
        (r"~&-", "~&-", ""),
        (r"[||--~~]+", "|~", ""),
    ],
)
def test_a_pattern_matches_the_whole_text_as_in_java(pattern: str, text: str, flags: str) -> None:
    assert matches(pattern, text, flags)


@pytest.mark.parametrize(
    ("pattern", "text", "flags"),
    [
        ("b", "abc", ""),
        ("a.b", "a\nb", ""),
        ("a.b", "a\u2028b", ""),
        (r"\d", "٣", ""),
        (r"\w", "é", ""),
        ("É", "é", "i"),
        ("ss", "ß", "iU"),
        (r"[[:alpha:]]+", "xyz", ""),
        (r"\p{Lower}", "é", ""),
    ],
)
def test_a_pattern_does_not_match_where_java_does_not(pattern: str, text: str, flags: str) -> None:
    assert not matches(pattern, text, flags)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a", "a**b{", "(a", "a)", "[a", r"\y", r"\i", "{e<=1}", "(?:a){e<=1}", "a{i<3}", "(?R)",
        "(?1)", "(?&name)", "(?P<n>a)", r"\L<n>", "(?|a)", r"\1", "a{2,1}", "a{9999}",
        "(a{100}){100}", r"\p{Nothing}", r"\x4", r"\N{SPACE}", r"\X", r"\m", "(?<a", "(?#x)",
        "(" * 40 + ")" * 40, "[" * 40 + "]" * 40,
    ],
)  # fmt: skip
def test_what_java_refuses_or_only_python_understands_is_refused(pattern: str) -> None:
    with pytest.raises(PathError, match="the regular expression is wrong"):
        jsonpath.compile(f"$[?(@ =~ /{pattern}/)]")


@pytest.mark.parametrize("pattern", [r"(a|aa)+$x", r"(a+)+b", r"(.*a){20}b", r"(a?){30}a{30}b"])
def test_a_pattern_that_backtracks_for_ever_ends_in_an_error(pattern: str) -> None:
    path = jsonpath.compile(f"$[?(@ =~ /{pattern}/)]")
    begin = time.monotonic()
    try:
        path.read(["a" * 60 + "c"] * 200)
    except PathError as error:
        assert "regular expressions took more than" in str(error)
    assert time.monotonic() - begin < 3
