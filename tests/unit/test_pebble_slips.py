"""What a template's author is told after a slip: the message says how this language writes it."""

from __future__ import annotations

import pytest

from onhook import pebble

CONTEXT = {"Tier": "gold", "Ask": {"body": "none"}}


def refusal(source: str) -> str:
    with pytest.raises(pebble.PebbleError) as refused:
        pebble.compile(source).render(CONTEXT)
    return refused.value.message


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{{ if Tier }}a{{ endif }}", "a statement is written {% if ... %}"),
        ("{{ for x in y }}", "a statement is written {% for ... %}"),
        ("{{ endif x }}", "a statement is written {% endif %}"),
        ("{{ set x = 1 }}", "a statement is written {% set ... %}"),
        ("{{ a && b }}", '"&&" is written and'),
        ("{{ a || b }}", '"||" is written or'),
        ("{{ !a }}", '"!" is written not'),
        ("{{ a <> b }}", '"<>" is written !='),
        ("{{ a === b }}", '"===" is written =='),
        ("{{ a !== b }}", '"!==" is written !='),
        ("{{ a = 1 }}", "equality is written ==, and a value is set by {% set name = ... %}"),
        ("{% if a = 1 %}", "equality is written ==, and a value is set by {% set name = ... %}"),
        ("{{ “a” }}", "a text stands in straight quotes, \" or '"),
        ("{{ ‘a’ }}", "a text stands in straight quotes, \" or '"),
        ("{{ $a }}", "a name stands without a $"),
        ("{{ a ?? b }}", 'a value instead of nothing is written {{ value | default("...") }}'),
        ("{{ a if b else c }}", "a choice is written {{ condition ? value : otherwise }}"),
        ("{{ hello world }}", "a text stands in quotes, and an operator between two values"),
        ("{% elif a %}", "did you mean elseif?"),
        ("{% if a %}{% else if b %}{% endif %}", "write {% elseif ... %}"),
        ("{% fro a in b %}", "did you mean for?"),
        ("{% a = 1 %}", "a value is set by {% set a = ... %}"),
        ("{% a | upper %}", "a value is printed by {{ a ... }}"),
    ],
)
def test_a_slip_is_answered_by_what_is_written_here(source: str, hint: str) -> None:
    assert refusal(source).endswith(f"; {hint}")


@pytest.mark.parametrize("source", ["{{ }}", "{{ a + }}", "{{ 'a' } }}", "{% nosuchthing %}"])
def test_what_is_like_no_slip_has_no_advice(source: str) -> None:
    assert ";" not in refusal(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ a | uper }}", 'there is no filter "uper"; did you mean upper?'),
        ("{{ a | substring(1) }}", 'there is no filter "substring"; did you mean slice?'),
        ("{{ upper(a) }}", 'no function "upper"; upper is a filter: {{ value | upper }}'),
        ("{{ a | now }}", 'there is no filter "now"; now is a function: {{ now() }}'),
        ("{{ odd(a) }}", 'there is no function "odd"; odd is a test: {{ value is odd }}'),
        ("{{ a is emty }}", 'there is no test "emty"; did you mean empty?'),
        ("{{ a | replace('+', '') }}", 'it takes one map, such as {"old": "new"}'),
        ("{{ a | slice(1, 2, 3) }}", '"slice" takes 2 arguments, not 3'),
        ("{{ a | date(formt='x') }}", '"date" has no argument "formt"; it has format'),
        ("{% macro m(b) %}{% endmacro %}{{ m(1, 2) }}", '"m" takes 1 argument, not 2'),
        ("{% macro hello() %}{% endmacro %}{{ helo() }}", "did you mean hello?"),
    ],
)
def test_names_and_arguments_that_surely_fail_are_problems_of_the_template(
    source: str, said: str
) -> None:
    (problem,) = pebble.compile(source).problems
    assert said in problem.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ a | slice(1) }}{{ a | date(timeZone='UTC') }}{{ max(1, 2, 3) }}{{ block('x') }}",
        "{% macro m(b) %}{% endmacro %}{{ m() }}{{ m(b=1) }}{{ a | first(1, 2) }}",
    ],
)
def test_arguments_that_fit_are_no_problem(source: str) -> None:
    assert pebble.compile(source).problems == ()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ Tier > 3 }}", "Tier: a text cannot be compared; only numbers can"),
        ("{{ 3 < Tier }}", "Tier: a text cannot be compared; only numbers can"),
        ("{{ Ask.body * 2 }}", 'Ask.body: the text "none" is no number and cannot be multiplied'),
        ("{{ nothing - 1 }}", "nothing: null cannot be subtracted"),
        ("{{ 'x' * Tier }}", 'the text "x" is no number and cannot be multiplied'),
    ],
)
def test_an_operand_that_an_operator_cannot_take_is_named(source: str, said: str) -> None:
    assert refusal(source) == said
