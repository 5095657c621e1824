"""The template language, one test for each rule, as Pebble's Java engine has it."""

from __future__ import annotations

from typing import Any

import pytest

from onhook import pebble

CONTEXT: dict[str, Any] = {
    "n": 42,
    "d": 2.5,
    "t": True,
    "nul": None,
    "e": "",
    "s": "text",
    "num": "17",
    "list": ["red", "green", "blue"],
    "numbers": [3, 1, 2],
    "map": {"k": "v", "size": "mine"},
    "wide": "a😀b",
    "deep": {"x": [{"y": "z"}]},
}


def rendered(source: str) -> str:
    return pebble.compile(source).render(CONTEXT)


def failure(source: str) -> str:
    with pytest.raises(pebble.PebbleError) as refusal:
        rendered(source)
    return str(refusal.value)


RULES = {
    "text is itself": ("a } }} %} #} { b", "a } }} %} #} { b"),
    "an unknown variable prints nothing": ("[{{ nosuch.a.b }}]", "[]"),
    "null prints nothing": ("[{{ nul }}]", "[]"),
    "a comment prints nothing": ("a{# {{ n }} #}b", "ab"),
    "one line break behind a tag is dropped": ("{{ n }}\n\nx", "42\nx"),
    "a windows line break is one": ("{{ n }}\r\nx", "42x"),
    "a minus and a blank trim what stands before": ("a \n {{- n }}", "a42"),
    "a minus without a blank is an operator": ("a {{-n}}", "a -42"),
    "a minus trims what follows": ("{{ n -}} \n b", "42b"),
    "a minus in a comment trims": ("a {#- x -#} b", "ab"),
    "verbatim is text, trimmed at its beginning": (
        "{% verbatim %} {{ n }} {% endverbatim %}|",
        "{{ n }} |",
    ),
    "verbatim trims where it is told": ("{% verbatim %}a {%- endverbatim -%} b", "ab"),
    "numbers": ("{{ 7 }} {{ 1.50 }} {{ 10L }}", "7 1.5 10"),
    "constants in both cases": ("{{ true }}{{ FALSE }}[{{ none }}{{ NULL }}]", "truefalse[]"),
    "single quotes": ("{{ 'it\\'s #{n}' }}", "it's #{n}"),
    "double quotes interpolate": ('{{ "a#{n + 1}b#{s}" }}', "a43btext"),
    "interpolation nests": ('{{ "#{ "#{n}" ~ 1 }" }}', "421"),
    "a hash alone is text": ('{{ "#1 #" }}', "#1 #"),
    "other backslashes stay": (r'{{ "a\n\\" }}', r"a\n\\"),
    "a list": ("{{ [1, 's', [nul]] }}", "[1, s, [null]]"),
    "a map in the order of Java's hash map": ('{{ {"b": 1, "a": 2} }}', "{a=2, b=1}"),
    "names may have any letters": ("{{ naïve_1 }}x", "x"),
    "a longer word is no operator": ("{{ organisation }}{{ nothing }}{{ isle }}x", "x"),
    "times before plus": ("{{ 1 + 2 * 3 }}", "7"),
    "left to right": ("{{ 10 - 3 - 2 }} {{ 100 / 10 / 2 }}", "5 5"),
    "filters before times": ("{{ 2 * n | default(1) }}", "84"),
    "tilde before filters": ("{{ 'a' ~ 'b' | upper }}", "AB"),
    "ranges before tilde": ("{{ 1..2 ~ 'x' }}", "[1, 2]x"),
    "comparison before and, and before or": ("{{ 1 > 2 and t or t }}", "true"),
    "not binds to one operand": ("{{ not t == t }} {{ not 2.0 is null }}", "false false"),
    "unary minus": ("{{ -n + 1 }} {{ --n }} {{ +d }}", "-41 42 2.5"),
    "parentheses": ("{{ (1 + 2) * 3 }}", "9"),
    "division of whole numbers cuts off": ("{{ 7 / 2 }} {{ -7 / 2 }} {{ -7 % 2 }}", "3 -3 -1"),
    "a decimal makes decimals": ("{{ 7 / 2.0 }} {{ 1 + 0.5 }}", "3.5 1.5"),
    "decimals divide by zero": (
        "{{ 1 / 0.0 }} {{ -1 / 0.0 }} {{ 0.0 / 0 }}",
        "Infinity -Infinity NaN",
    ),
    "whole numbers wrap": ("{{ 9223372036854775807 + 1 }}", "-9223372036854775808"),
    "texts that hold numbers are numbers": ("{{ num * 2 }} {{ '1.5' - 1 }}", "34 0.5"),
    "plus joins texts": ("{{ num + 1 }} {{ 1 + num }} {{ nul + s }}", "171 117 nulltext"),
    "plus adds to a list": (
        "{{ list + 'x' }} {{ numbers + [4] }}",
        "[red, green, blue]x [3, 1, 2, 4]",
    ),
    "minus takes out of a list": ("{{ list - ['red'] }} {{ numbers - 3 }}", "[green, blue] [1, 2]"),
    "tilde joins anything": ("{{ n ~ nul ~ t ~ list }}", "42true[red, green, blue]"),
    "equality of numbers is by value": ("{{ 1 == 1.0 }} {{ n equals 42 }}", "true true"),
    "a text never equals a number": ("{{ num == 17 }} {{ num == '17' }}", "false true"),
    "lists are equal by element": ("{{ [1, 'a'] == [1, 'a'] }} {{ [1] != [1.0] }}", "true true"),
    "null compares as false": (
        "{{ nul < 1 }} {{ nul >= 1 }} {{ nul == nosuch }}",
        "false false true",
    ),
    "and and or give true or false": (
        "{{ 1 and 'x' }} {{ 0 or '' }} {{ nul or 2 }}",
        "true false true",
    ),
    "and leaves its right side alone": ("{{ false and 1 / 0 }} {{ true or 1 / 0 }}", "false true"),
    "contains in lists, maps and texts": (
        "{{ list contains 'red' }} {{ map contains 'k' }} {{ s contains 'ex' }} {{ list contains ['red', 'x'] }}",
        "true true true false",
    ),
    "nothing is in null": ("{{ nul contains 1 / 0 }}", "false"),
    "ranges of numbers and letters": (
        "{{ 1..4 }} {{ 'a'..'c' }} {{ 3..1 }}",
        "[1, 2, 3, 4] [a, b, c] []",
    ),
    "the conditional": ("{{ t ? 'y' : 'n' }} {{ nul ? 1 : e ? 2 : 3 }}", "y 3"),
    "attributes of maps and lists": ("{{ map.k }} {{ list[1] }} {{ deep.x[0]['y'] }}", "v green z"),
    "a key wins over a method of its name": ("{{ map.size }} {{ map.size() }}", "mine 2"),
    "an index as text, and beyond the list": (
        "{{ list['1'] }}[{{ list[9] }}{{ list[-1] }}]",
        "green[]",
    ),
    "properties of Java's texts and lists": (
        "{{ s.length }} {{ s.length() }} {{ list.size }} {{ list.empty }} {{ e.isEmpty }}",
        "4 4 3 false true",
    ),
    "methods are found whatever their case": (
        "{{ s.LENGTH() }} {{ s.startswith('te') }}",
        "4 true",
    ),
    "a long is no int": ("[{{ s.substring(2) }}]", "[]"),
    "a length is an int": ("{{ s.substring(list.size) }} {{ s.charAt(e.length) }}", "t t"),
    "arithmetic makes longs": ("[{{ s.substring(list.size - 1) }}]", "[]"),
    "methods of texts": (
        (
            "{{ s.toUpperCase() }} {{ s.replace('t', 'T') }} {{ s.indexOf('x') }} {{ s.concat('!') }} "
            "{{ 'a1b2'.replaceAll('[0-9]', '-') }} {{ s.matches('t.*') }} {{ 'B'.compareTo('A') }}"
        ),
        "TEXT TexT 2 text! a-b- true 1",
    ),
    "methods of maps": (
        "{{ map.get('k') }} {{ map.keySet() }} {{ map.containsKey('z') }}",
        "v [k, size] false",
    ),
    "a text has no index": ("[{{ s[0] }}]", "[]"),
    "tests": (
        (
            "{{ e is empty }} {{ ' ' is empty }} {{ [] is empty }} {{ 0 is empty }} {{ n is even }} {{ 3 is odd }} "
            "{{ list is iterable }} {{ map is map }} {{ nul is null }} {{ n is defined }} {{ x is not defined }}"
        ),
        "true true true false true true true true true true true",
    ),
    "set": ("{% set a = 1 %}{% set b = a + 1 %}{{ a }}{{ b }}", "12"),
    "set in a loop stays there": ("{% for i in 1..2 %}{% set q = i %}{% endfor %}[{{ q }}]", "[]"),
    "set of a known name goes further": (
        "{% set a = 0 %}{% for i in 1..3 %}{% set a = a + i %}{% endfor %}{{ a }}",
        "6",
    ),
    "set hides the context": ("{% for i in 1..2 %}{% set n = i %}{% endfor %}{{ n }}", "2"),
    "if, elseif and else": (
        "{% if n < 1 %}a{% elseif n == 42 %}b{% else %}c{% endif %}{% if e %}d{% else %}f{% endif %}",
        "bf",
    ),
    "for over a list": (
        "{% for c in list %}{{ loop.index }}{{ c }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }};{% endfor %}",
        "0redtruefalse32;1greenfalsefalse31;2bluefalsetrue30;",
    ),
    "for over a map": (
        "{% for x in map %}{{ x.key }}:{{ x.value }}:{{ x }} {% endfor %}",
        "k:v:k=v size:mine:size=mine ",
    ),
    "for over nothing": (
        "{% for c in [] %}x{% else %}none{% endfor %}[{% for c in nul %}x{% else %}y{% endfor %}]",
        "none[]",
    ),
    "loops nest": (
        "{% for i in 1..2 %}{% for j in 1..2 %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}",
        "010;011;",
    ),
    "a macro": (
        "{% macro m(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}",
        "<1x><12><43><x>",
    ),
    "a macro sees its parameters alone": ("{% macro m() %}[{{ n }}]{% endmacro %}{{ m() }}", "[]"),
    "a macro may stand behind its call": ("{{ m() }}{% macro m() %}x{% endmacro %}", "x"),
    "a macro's result is not escaped twice": (
        "{% macro m() %}<b>{% endmacro %}{{ m() | escape }}{{ m() | upper | escape }}",
        "<b>&lt;B&gt;",
    ),
    "a filter block": ("{% filter upper | replace({'A': 'b'}) %}a{{ s }}{% endfilter %}", "bTEXT"),
    "a block prints where it stands and where it is called": (
        "{% block x %}b{{ n }}{% endblock x %}{{ block('x') }}",
        "b42b42",
    ),
    "parallel, cache and flush": (
        "{% parallel %}a{% endparallel %}{% cache 'k' %}b{% endcache %}{% flush %}c",
        "abc",
    ),
    "autoescape": (
        "{% autoescape %}{{ '<' ~ e }}{{ '<' }}{{ '<' ~ e | raw }}{% endautoescape %}{{ '<' ~ e }}",
        "&lt;<<<",
    ),
    "autoescape by name, and off": (
        "{% autoescape 'js' %}{{ \"'\" ~ e }}{% autoescape false %}{{ \"'\" ~ e }}{% endautoescape %}{% endautoescape %}",
        "\\''",
    ),
    "functions": (
        "{{ max(1, 3, 2) }} {{ min(2, 1.5) }} {{ range(1, 7, 3) }} {{ range(3, 1, -1) }}",
        "3 1.5 [1, 4, 7] [3, 2, 1]",
    ),
    "_context and locale": ("{{ _context.n }}{{ _context['s'] }} {{ locale }}", "42text en_US"),
    "lists are changed in place, as in Java": (
        "{{ numbers | sort }}{{ numbers }}",
        "[1, 2, 3][1, 2, 3]",
    ),
}


@pytest.mark.parametrize(("source", "output"), RULES.values(), ids=RULES)
def test_the_language_has_this_rule(source: str, output: str) -> None:
    assert rendered(source) == output


def test_lists_that_a_template_changes_are_its_own() -> None:
    before = list(CONTEXT["numbers"])
    rendered("{{ numbers | reverse }}{{ numbers + 4 }}{{ numbers - 3 }}{{ deep.x + 1 }}")
    assert CONTEXT["numbers"] == before
    assert CONTEXT["deep"] == {"x": [{"y": "z"}]}


REFUSED = {
    "an empty print": "{{ }}",
    "a print without an end": "{{ n",
    "an unknown tag": "{% nosuch %}",
    "a tag without a name": "{% %}",
    "a tag that is not closed": "{% if t %}",
    "a tag that closes nothing": "{% endif %}",
    "a wrong closing tag": "{% for i in list %}{% endif %}",
    "an else too many": "{% if t %}{% else %}{% else %}{% endif %}",
    "a comment without an end": "{# x",
    "verbatim without an end": "{% verbatim %}x",
    "a text without an end": "{{ 'x }}",
    "an interpolation without an end": '{{ "#{n" }}',
    "a backslash at the end of a text": '{{ "#\\',
    "a bracket of another kind": "{{ (1] }}",
    "a character that means nothing": "{{ n & 1 }}",
    "a number that is too great": "{{ 9223372036854775808 }}",
    "a call of what is no name": "{{ n.x()() }}",
    "an operator as a name": "{{ list.contains('red') }}",
    "a number as a name": "{{ list.0 }}",
    "a positional argument behind a named one": "{{ s | slice(toIndex=2, 1) }}",
    "a trailing comma": "{{ [1,] }}",
    "two blanks in is not": "{{ n is  not even }}",
    "a constant as a variable": "{% set true = 1 %}",
    "two macros of one name": "{% macro a() %}{% endmacro %}{% macro a() %}{% endmacro %}",
    "named arguments of a method": "{{ s.concat(str='x') }}",
    "a block call without a name": "{{ block() }}",
    "an unknown function": "{{ nosuch() }}",
    "an unknown filter": "{{ n | nosuch }}",
    "an unknown test": "{{ n is nosuch }}",
    "an argument too many": "{{ s | slice(1, 2, 3) }}",
    "an argument of another name": "{{ s | slice(begin=1) }}",
    "division by zero": "{{ 1 / 0 }}",
    "arithmetic with null": "{{ nul * 1 }}",
    "arithmetic with true": "{{ -t }}",
    "arithmetic with a word": "{{ s * 2 }}",
    "comparison of texts": "{{ 'a' < 'b' }}",
    "a list as a condition": "{% if list %}x{% endif %}",
    "an escaped text as a condition": "{{ s | escape ? 1 : 2 }}",
    "a loop over a text": "{% for c in s %}x{% endfor %}",
    "contains of a number": "{{ n contains 4 }}",
    "even of a decimal": "{{ d is even }}",
    "a list that changes while it is iterated": "{% for c in list %}{{ list + [1] }}{% endfor %}",
    "a list as a key": "{{ {list: 1} }}",
    "a number as the key of texts": "{{ map[1] }}",
    "parent without a parent": "{{ parent() }}",
    "messages without a bundle": "{{ i18n('a', 'b') }}",
    "getClass": "{{ s.getClass() }}",
    "class": "{{ n.class }}",
    "include": "{% include 'x' %}",
    "extends": "{% extends 'x' %}",
    "import": "{% import 'x' %}",
    "from": "{% from 'x' import y %}",
    "embed": "{% embed 'x' %}{% endembed %}",
}


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_the_language_refuses(source: str) -> None:
    assert failure(source).startswith("line 1, column ")


def test_what_is_never_evaluated_may_be_wrong() -> None:
    assert rendered("{% if false %}{{ n | nosuch }}{{ nosuch() }}{% endif %}ok") == "ok"


def test_another_template_is_refused_with_the_reason() -> None:
    assert failure("{% include 'x' %}") == (
        'line 1, column 4: the tag "include" needs another template; here is only this one'
    )
