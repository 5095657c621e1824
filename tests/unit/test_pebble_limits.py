"""Work and sizes are bounded: what takes too much ends soon, with an error that names the bound."""

from __future__ import annotations

import time
from typing import Any

import pytest

from onhook import pebble
from onhook.pebble import Limits

CONTEXT: dict[str, Any] = {
    "list": [1, 2, 3],
    "big": "a" * 1_000_000,
    "map": {str(number): number for number in range(1000)},
    "as": "a" * 40 + "!",
}
DEFAULT = Limits()
GROWN = "{% set a = [] %}{% for i in 1..99 %}{% set a = [a, a] %}{% endfor %}"
"""A list that is small, and immense when it is written out."""


def failure(source: str, limits: Limits = DEFAULT) -> str:
    began = time.perf_counter()
    with pytest.raises(pebble.PebbleError) as refusal:
        pebble.compile(source).render(CONTEXT, limits=limits)
    assert time.perf_counter() - began < 30
    return refusal.value.message


BOUNDS = {
    "a text that doubles": (
        "{% set a = 'x' %}{% for i in 1..100 %}{% set a = a ~ a %}{% endfor %}",
        "output_chars",
    ),
    "a text that doubles by plus": (
        "{% set a = 'x' %}{% for i in 1..100 %}{% set a = a + a %}{% endfor %}",
        "output_chars",
    ),
    "a text that doubles in a macro": (
        "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('x') }}",
        "output_chars",
    ),
    "output that grows": ("{% for i in 1..100 %}{{ big }}{% endfor %}", "output_chars"),
    "output of a plain template": ("{{ big }}" * 100, "output_chars"),
    "a replacement": ("{{ big | replace({'a': big}) }}", "output_chars"),
    "a replacement by method": ("{{ big.replace('a', big) }}", "output_chars"),
    "a replacement by expression": ("{{ big.replaceAll('a', big) }}", "output_chars"),
    "a joined list": ("{{ 1..1000 | join(big) }}", "output_chars"),
    "a repeated text": ("{{ big.repeat(big.length) }}", "output_chars"),
    "a list that is printed": (GROWN + "{{ a }}", "parts"),
    "a list that is joined": (GROWN + "{{ a | join }}", "parts"),
    "a list that is formatted": (GROWN + "{{ '%s' | format(a) }}", "parts"),
    "lists that are compared": (
        GROWN + GROWN.replace("a", "b").replace("bs", "as") + "{{ a == b }}",
        "",
    ),
    "empty loops in one another": (
        "{% for i in 1..100000 %}{% for j in 1..100000 %}{% endfor %}{% endfor %}",
        "steps",
    ),
    "macros that call two": (
        "{% macro m(x) %}{% if x > 0 %}{{ m(x - 1) }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(39) }}",
        "steps",
    ),
    "long texts again and again": (
        "{% for i in 1..100000 %}{% set x = big | upper %}{% endfor %}",
        "steps",
    ),
    "a map that is merged": (
        "{% for i in 1..100000 %}{% set x = map | merge(map) %}{% endfor %}",
        "steps",
    ),
    "sorting again and again": (
        "{% for i in 1..100000 %}{% set x = 1..1000 | sort %}{% endfor %}",
        "steps",
    ),
    "a range": ("{{ 1..100001 }}", "range_size"),
    "an endless range": ("{{ 1..9223372036854775807 }}", "range_size"),
    "a list of pieces": ("{{ big | split('') | length }}", "range_size"),
    "a macro that calls itself": ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "40 deep"),
    "a block that prints itself": ("{% block b %}{{ block('b') }}{% endblock %}", "40 deep"),
    "an expression that backtracks": (
        "{{ as | split('(a|aa)+$') }}",
        "regular expressions take longer",
    ),
    "expressions that are many": (
        "{% for i in 1..100000 %}{{ as | split('(a' ~ i ~ '|b)+') | length }}{% endfor %}",
        "",
    ),
    "an expression that repeats": (
        "{{ 'x'.matches('((a{1000}){1000}){1000}') }}",
        "repeats too much",
    ),
    "a long expression": ("{{ 'x' | split('(' ~ big ~ ')') }}", "longer than 1000 characters"),
    "a wide format": ("{{ '%99999999d' | format(1) }}", "10000"),
    "a long pattern": ("{{ 1 | numberformat(big) }}", "longer than 1000 characters"),
    "parentheses": ("{{ " + "(" * 200 + "1" + ")" * 200 + " }}", "100 levels deep"),
    "nots": ("{{ " + "not " * 200 + "1 }}", "100 levels deep"),
    "conditionals": ("{{ " + "1 ? 1 : " * 200 + "1 }}", "100 levels deep"),
    "ifs": ("{% if 1 %}" * 200 + "{% endif %}" * 200, "100 levels deep"),
    "operators": ("{{ " + " ~ ".join("x" * 2000) + " }}", "1000 operators"),
    "accesses": ("{{ a" + ".b" * 2000 + " }}", "1000 accesses"),
    "the source": ("x" * 1_048_577, "longer than 1048576 characters"),
}


@pytest.mark.parametrize(("source", "bound"), BOUNDS.values(), ids=BOUNDS)
def test_what_takes_too_much_is_ended(source: str, bound: str) -> None:
    assert bound in failure(source)


def test_limits_can_be_set_for_a_rendering() -> None:
    assert "more than 50 steps" in failure(
        "{% for i in 1..100 %}{{ i }}{% endfor %}", Limits(steps=50)
    )
    assert "longer than 9 characters" in failure("{{ 'ab' ~ '12345678' }}", Limits(output_chars=9))
    assert "longer than 9 characters" in failure("{{ nosuch }}0123456789", Limits(output_chars=9))
    assert "more than 3 elements" in failure("{{ 1..4 }}", Limits(range_size=3))
    assert "more than 3 steps" in failure("{{ a }}{{ b }}{{ c }}{{ d }}", Limits(steps=3))


FINE = {
    "a hundred fields": ("{{ nosuch }}," * 100, "," * 100),
    "a long chain": ("{{ " + " ~ ".join(["'x'"] * 900) + " }}", "x" * 900),
    "a long sum": ("{{ " + " + ".join(["1"] * 900) + " }}", "900"),
    "many filters": ("{{ 'x'" + " | upper | lower" * 400 + " }}", "x"),
    "many interpolations": ('{{ "' + "#{1}" * 500 + '" }}', "1" * 500),
    "deep parentheses": ("{{ " + "(" * 90 + "1" + ")" * 90 + " }}", "1"),
    "deep tags": ("{% if 1 %}" * 90 + "x" + "{% endif %}" * 90, "x"),
    "a macro that counts down": (
        "{% macro m(x) %}{{ x }}{% if x > 1 %}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(9) }}",
        "987654321",
    ),
    "ten thousand rounds": ("{% for i in 1..10000 %}x{% endfor %}", "x" * 10_000),
    "a list that grows": (
        "{% set q = [] %}{% for i in 1..5000 %}{% set q = q + [i] %}{% endfor %}{{ q | length }}",
        "5000",
    ),
}


@pytest.mark.parametrize(("source", "output"), FINE.values(), ids=FINE)
def test_what_is_large_but_sound_is_rendered(source: str, output: str) -> None:
    assert pebble.compile(source).render({}) == output


def test_deep_data_is_refused_not_followed() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    for source in ("{{ d }}", "{{ d ~ '' }}", "{{ d == [d] }}", "{{ d + 1 }}", "{{ d | join }}"):
        with pytest.raises(pebble.PebbleError, match="100 levels deep"):
            pebble.compile(source).render({"d": deep})
    with pytest.raises(pebble.PebbleError, match="100 levels deep"):
        pebble.compile("{{ d }}").value({"d": deep})
    with pytest.raises(pebble.PebbleError, match="100 levels deep"):
        pebble.as_text(deep)


def test_the_canonical_body_takes_microseconds() -> None:
    body = '{"DNIS": "{{NewPhoneContact.DNIS}}", "ANI": "{{NewPhoneContact.ANI}}", "Who": "{{WhoIsCalling}}"}'
    template = pebble.compile(body)
    context = {"NewPhoneContact": {"DNIS": "1", "ANI": "2"}, "WhoIsCalling": "Ada"}
    began = time.perf_counter()
    for _ in range(1000):
        template.render(context)
    assert time.perf_counter() - began < 0.1  # ten times what it takes
