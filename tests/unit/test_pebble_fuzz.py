"""Any template over any plain data either renders or raises PebbleError, and shows no Python."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from json_values import json_values, texts
from onhook import pebble
from onhook.pebble import Limits

INTERNALS = re.compile(
    r"Traceback|object at 0x|<class '|<function |<module '|<bound method|<built-in|"
    r"(?:Type|Value|Key|Index|Attribute|Overflow|Recursion|Memory)Error|"
    r"NoneType|'str'|'int'|'float'|'dict'|'list'"
)
LIMITS = Limits(steps=20_000, output_chars=50_000, range_size=2_000)

NAMES = ("a", "b", "c", "l", "m", "s", "n", "loop", "_context", "locale", "x")
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "and",
    "or",
    "~",
    "..",
    "contains",
    "equals",
]
FILTERS = [
    "abbreviate",
    "abs",
    "base64decode",
    "base64encode",
    "capitalize",
    "date",
    "default",
    "escape",
    "first",
    "format",
    "join",
    "last",
    "length",
    "lower",
    "merge",
    "nl2br",
    "numberformat",
    "raw",
    "replace",
    "reverse",
    "rsort",
    "sha256",
    "slice",
    "sort",
    "split",
    "title",
    "trim",
    "upper",
    "urlencode",
    "epoch",
    "nosuch",
]
TESTS = ["defined", "empty", "even", "iterable", "map", "null", "odd", "nosuch"]
METHODS = [
    "length",
    "size",
    "get",
    "substring",
    "indexOf",
    "split",
    "replaceAll",
    "matches",
    "repeat",
    "charAt",
    "isEmpty",
    "keySet",
    "values",
    "toString",
    "hashCode",
    "getClass",
    "__class__",
    "compareTo",
    "intValue",
    "toCharArray",
    "subList",
]

literals = st.sampled_from(
    [
        "1",
        "0",
        "-1",
        "2.5",
        "9223372036854775807",
        "''",
        "'a'",
        "'é😀'",
        "'[a-z]+'",
        "'(a+)+b'",
        "true",
        "null",
        "[]",
        "[1, 'a']",
        "{}",
        "{'k': 1}",
        "1..3",
        "'a'..'c'",
        "now()",
        "'yyyy-MM-dd'",
        "'#,##0.0'",
        "'%s%d'",
        '"#{a}x"',
        "max(1, a)",
        "range(1, 5, 2)",
        "block('x')",
        "mm(1)",
    ]
) | st.sampled_from(NAMES)


def expressions() -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        arguments = st.lists(inner, max_size=3).map(", ".join)
        return st.one_of(
            st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join),
            st.tuples(inner, st.sampled_from(FILTERS)).map(" | ".join),
            st.tuples(inner, st.sampled_from(FILTERS), arguments).map(
                "{0[0]} | {0[1]}({0[2]})".format
            ),
            st.tuples(inner, st.sampled_from(("is", "is not")), st.sampled_from(TESTS)).map(
                " ".join
            ),
            st.tuples(inner, st.sampled_from(METHODS), arguments).map(
                "({0[0]}).{0[1]}({0[2]})".format
            ),
            st.tuples(inner, inner).map("({0[0]})[{0[1]}]".format),
            st.tuples(inner, st.sampled_from(METHODS)).map("({0[0]}).{0[1]}".format),
            st.tuples(inner, inner, inner).map("({0[0]} ? {0[1]} : {0[2]})".format),
            inner.map("(not {})".format),
            inner.map("(-{})".format),
            st.tuples(inner, inner).map("[{0[0]}, {0[1]}]".format),
            st.tuples(inner, inner).map("{{{0[0]}: {0[1]}}}".format),
        )

    return st.recursive(literals, larger, max_leaves=8)


def templates() -> st.SearchStrategy[str]:
    expression = expressions()

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(expression, inner, inner).map(
                "{{% if {0[0]} %}}{0[1]}{{% else %}}{0[2]}{{% endif %}}".format
            ),
            st.tuples(st.sampled_from(NAMES), expression, inner).map(
                "{{% for {0[0]} in {0[1]} %}}{0[2]}{{% endfor %}}".format
            ),
            st.tuples(st.sampled_from(NAMES), expression).map("{{% set {0[0]} = {0[1]} %}}".format),
            inner.map("{{% macro mm(x, y=1) %}}{}{{% endmacro %}}".format),
            inner.map("{{% block x %}}{}{{% endblock %}}".format),
            st.tuples(st.sampled_from(FILTERS), inner).map(
                "{{% filter {0[0]} %}}{0[1]}{{% endfilter %}}".format
            ),
            inner.map("{{% autoescape 'js' %}}{}{{% endautoescape %}}".format),
        )

    print_ = expression.map("{{{{ {} }}}}".format)
    return st.recursive(
        print_ | st.sampled_from(["text", " \n", "{#- c -#}"]), larger, max_leaves=8
    )


contexts = st.dictionaries(st.sampled_from(NAMES), json_values, max_size=6)


class Sink:
    def text(self, node: pebble.Text) -> None:
        assert isinstance(node.text, str)

    def value(self, value: Any, node: pebble.Print) -> None:
        assert_plain(value)


def assert_plain(value: Any) -> None:
    assert type(value) in (str, int, float, bool, type(None), list, dict)
    if isinstance(value, dict):
        for key, member in value.items():
            assert_plain(key)
            assert_plain(member)
    if isinstance(value, list):
        for member in value:
            assert_plain(member)


def check(source: str, context: dict[str, Any]) -> None:
    before = repr(context)
    try:
        template = pebble.compile(source)
        text = template.render(context, limits=LIMITS)
        text.encode()
        assert not INTERNALS.search(text) or INTERNALS.search(source + before)
    except pebble.PebbleError as error:
        assert_sound(error, source, before)
        return
    finally:
        assert repr(context) == before
    for use in (
        lambda: assert_plain(template.value(context, limits=LIMITS)),
        lambda: template.render_to(context, Sink(), limits=LIMITS),
    ):
        try:
            use()
        except pebble.PebbleError as error:
            assert_sound(error, source, before)


def assert_sound(error: pebble.PebbleError, source: str, shown: str) -> None:
    lines = source.split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert not INTERNALS.search(str(error)) or INTERNALS.search(source + shown)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(templates(), contexts)
def test_a_template_put_together_at_random_renders_or_is_refused(
    source: str, context: dict[str, Any]
) -> None:
    check(source, context)


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{-",
    "-}}",
    "{%-",
    "-%}",
    "if",
    "else",
    "elseif",
    "endif",
    "for",
    "in",
    "endfor",
    "set",
    "macro",
    "endmacro",
    "filter",
    "endfilter",
    "verbatim",
    "endverbatim",
    "block",
    "endblock",
    "autoescape",
    "endautoescape",
    "a",
    "b.c",
    "l[0]",
    "'x'",
    '"#{',
    "}",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    "=",
    "|",
    "~",
    "+",
    "-",
    "*",
    "/",
    "%",
    "..",
    "==",
    "not",
    "is",
    "and",
    "or",
    "contains",
    "1",
    "2.5",
    "true",
    "null",
    "upper",
    "loop",
    "now()",
    "\\",
    "\n",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | texts, max_size=25).map(" ".join), contexts)
def test_pieces_of_templates_in_any_order_render_or_are_refused(
    source: str, context: dict[str, Any]
) -> None:
    check(source, context)


@given(texts)
def test_any_text_is_a_template_or_refused(source: str) -> None:
    check(source, {})


@given(json_values, expressions())
def test_any_value_goes_through_any_expression(value: Any, expression: str) -> None:
    check("{{ " + expression + " }}", {"a": value, "l": [value], "m": {"k": value}})
