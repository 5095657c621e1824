"""Templates of a flow: what the language would find out only when it runs is found beforehand."""

from __future__ import annotations

import pytest

from onhook.flow.expression import PebbleError, compiled


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ ANI | uper }}", 'line 1, column 10: there is no filter "uper"'),
        ("{% if x is emty %}a{% endif %}", 'there is no test "emty"'),
        ("a\n{{ nwo() }}", 'line 2, column 4: there is no function "nwo"'),
    ],
)
def test_a_name_that_the_language_does_not_have_is_refused_before_any_run(source: str, said: str):
    with pytest.raises(PebbleError) as refused:
        compiled(source)
    assert said in str(refused.value)


def test_a_macro_of_the_template_is_a_name_that_it_has():
    template = compiled("{% macro hello(who) %}Hello {{ who }}{% endmacro %}{{ hello('Ada') }}")
    assert template.render({}) == "Hello Ada"
