"""JSON bodies with ifs, loops and all the rest: JSON with exactly the values, or an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from json_values import NASTY, json_values, texts
from onhook import pebble
from onhook.flow.json_body import JsonBody, compile_json_body
from onhook.flow.json_check import walk
from onhook.flow.json_literal import literal
from onhook.pebble import PebbleError

Context = dict[str, Any]
Grown = tuple[str, Callable[[Context], Any]]
"""A template, and the value that its output must be read as."""


def compiled(source: str) -> JsonBody:
    return compile_json_body(pebble.compile(source))


def parsed(source: str, **context: Any) -> Any:
    body = compiled(source).render(context)
    read = json.loads(body)
    assert msgspec.json.decode(body) == read
    return read


def failure_of(source: str, **context: Any) -> PebbleError:
    body = compiled(source)
    with pytest.raises(PebbleError) as failure:
        body.render(context)
    return failure.value


# -- templates that are right, made at random ----------------------------------------------------

_LEAVES: tuple[Grown, ...] = (
    ("{{a}}", lambda c: c["a"]),
    ("{{ b.inner }}", lambda c: c["b"]["inner"]),
    ("{{ m['k'] }}", lambda c: c["m"]["k"]),
    ("{{gone}}", lambda _c: None),
    ("{{ l }}", lambda c: c["l"]),
    ("true", lambda _c: True),
    ("-1.5e3", lambda _c: -1500.0),
    ('"\\u00e9\\n"', lambda _c: "é\n"),
    ('"{{t}}"', lambda c: c["t"]),
    ('"<{{t}}|{{u}}>"', lambda c: f"<{c['t']}|{c['u']}>"),
    ('"{{ t | escape("json") }}"', lambda c: c["t"]),
    ("\"{{ t | raw }}{{ gone | escape(strategy='json') }}\"", lambda c: c["t"]),
    ('"{% if yes %}{{t}}{% else %}{{u}}{% endif %}"', lambda c: c["t" if c["yes"] else "u"]),
    ('"{{ yes ? t : u }}"', lambda c: c["t" if c["yes"] else "u"]),
    ('"{% for x in texts %}{{x}};{% endfor %}"', lambda c: "".join(f"{x};" for x in c["texts"])),
    ("{% set kept = a %}{{ kept }}", lambda c: c["a"]),
    ('{# "}],{{ #}{{ t ~ u }}', lambda c: c["t"] + c["u"]),
    ('"{% verbatim %}{{t}}{% endverbatim %}"', lambda _c: "{{t}}"),
    ('"{% filter raw %}<{{t}}>{% endfilter %}"', lambda c: f"<{c['t']}>"),
    ('"{{ tag(t) }}"', lambda c: f"<{c['t']}>"),
)


def _branching(inner: tuple[Grown, Grown], trim: str) -> Grown:
    (then, of_then), (otherwise, of_otherwise) = inner
    return (
        f"{{%{trim} if yes {trim}%}}{then}{{%{trim} else {trim}%}}{otherwise}{{% endif %}}",
        lambda c: of_then(c) if c["yes"] else of_otherwise(c),
    )


def _looping(inner: Grown, style: int) -> Grown:
    source, of_inner = inner
    bodies = (
        f"{source}{{% if not loop.last %}}, {{% endif %}}",
        f"{{% if loop.index > 0 %}},{{% endif %}}{source}",
        f"{{% if loop.first %}}{{% else %}},\n{{% endif %}}{source}",
        f"{source}{{% if loop.index < loop.length - 1 %}},{{% endif %}}",
    )
    loop = f"[{{% for each in l %}}{bodies[style]}{{% endfor %}}]"
    return loop, lambda c: [of_inner(c) for _ in c["l"]]


def _sequence(inner: list[Grown]) -> Grown:
    return (
        "[ " + " ,\n".join(source for source, _ in inner) + "]",
        lambda c: [value(c) for _, value in inner],
    )


def _object(inner: list[Grown]) -> Grown:
    members = [f'"k{at}": {source}' for at, (source, _) in enumerate(inner)]
    optional = '{% if yes %}, "{{t}}!": {{a}}{% endif %}'

    def value(c: Context) -> Any:
        found = {"key": 0} | {f"k{at}": each(c) for at, (_, each) in enumerate(inner)}
        return found | {f"{c['t']}!": c["a"]} if c["yes"] else found

    return "{" + ",".join(['"key": 0', *members]) + optional + "}", value


grown = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: (
        st.builds(_branching, st.tuples(inner, inner), st.sampled_from(["", "-"]))
        | st.builds(_looping, inner, st.integers(0, 3))
        | st.builds(_sequence, st.lists(inner, max_size=3).filter(bool))
        | st.builds(_object, st.lists(inner, max_size=3))
    ),
    max_leaves=6,
)
contexts = st.fixed_dictionaries(
    {
        "a": json_values,
        "b": st.fixed_dictionaries({"inner": json_values}),
        "m": st.fixed_dictionaries({"k": json_values}),
        "l": st.lists(json_values, max_size=4),
        "texts": st.lists(texts, max_size=3),
        "t": texts,
        "u": texts,
        "yes": st.booleans(),
    }
)


@given(grown, contexts)
def test_a_body_holds_exactly_its_values_whatever_they_are(right: Grown, context: Context) -> None:
    source, value = right
    source = (
        f"{{% macro tag(x) %}}<{{{{x}}}}>{{% endmacro %}}{{% block all %}}{source}{{% endblock %}}"
    )
    assert parsed(source, **context) == value(context)


# -- templates of any kind -----------------------------------------------------------------------

_TOKENS = ("{", "}", "[", "]", '"', ":", ",", "\\", "u00", "41", "1", "-", ".", "e", "tru", "null")
_TOKENS += ("{{v}}", "{{v}}", "{{n}}", '"{{v}}"', '"k": ', " ", "\n", "{# x #}", "{{ v | raw }}")
_TAGS = ("{% if yes %}", "{% else %}", "{% endif %}", "{% for x in l %}", "{% endfor %}")
_TAGS += ("{% if not loop.last %},{% endif %}", "{% set y = v %}", "{{y}}", "{{x}}", "{%- if n -%}")
any_source = st.lists(st.sampled_from([*_TOKENS, *_TAGS]), max_size=14).map("".join)
balanced = st.recursive(
    st.sampled_from(_TOKENS),
    lambda inner: (
        st.lists(inner, max_size=6).map("".join)
        | inner.map(lambda each: f"{{% if yes %}}{each}{{% endif %}}")
        | st.tuples(inner, inner).map(
            lambda two: "{% if yes %}" + two[0] + "{% else %}" + two[1] + "{% endif %}"
        )
        | inner.map(
            lambda each: (
                f"{{% for x in l %}}{each}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}"
            )
        )
        | inner.map(lambda each: f"[{each}]")
        | inner.map(lambda each: f'{{"k": {each}}}')
        | inner.map(lambda each: f'"{each}"')
    ),
    max_leaves=12,
)


def skeleton(value: Any) -> Any:
    """What of a body no value may change: its containers, and how many members they have."""
    if isinstance(value, dict):
        return [skeleton(each) for each in value.values()]
    return [skeleton(each) for each in value] if isinstance(value, list) else 0


@given(any_source | balanced, texts | st.sampled_from(NASTY), st.booleans(), st.integers(0, 3))
@example("1{{n}}", "", True, 0)
@example('{"a": {{n}}{{n}}}', "", True, 0)
@example("[{% if yes %}1{% endif %}{{n}}]", "", True, 0)
@example('"\\{% if yes %}n{% endif %}"', "", True, 0)
@example("-{% for x in l %}1{% endfor %}", "", True, 2)
def test_whatever_the_template_a_body_is_json_of_its_own_structure_or_an_error(
    source: str, value: str, yes: bool, turns: int
) -> None:
    found = []
    try:
        body = compiled(source)
    except PebbleError:
        return
    for text, number in (("x", 7), (value, -0.5)):
        context = {"v": text, "n": number, "yes": yes, "l": [text] * turns}
        try:
            content = body.render(context)
        except PebbleError as failure:
            found.append(failure.message)
            continue
        read = json.loads(content, object_pairs_hook=lambda pairs: list(map(list, pairs)))
        msgspec.json.decode(content)
        found.append(skeleton(read))
    assert found[0] == found[1]


@given(any_source | balanced, st.booleans(), st.booleans(), st.integers(0, 3))
def test_what_is_refused_beforehand_would_have_failed_in_every_run(
    source: str, yes: bool, n: bool, turns: int
) -> None:
    try:
        template = pebble.compile(source)
    except PebbleError:
        return
    try:
        compile_json_body(template)
    except PebbleError:
        unchecked = JsonBody(template, template.references, (), {}, {}, None, None)
        with pytest.raises(PebbleError):
            unchecked.render({"v": "x", "n": n, "yes": yes, "l": [1] * turns})


@given(any_source | balanced, st.booleans(), st.booleans(), st.integers(0, 4))
def test_where_no_way_was_found_to_end_in_an_error_no_run_does(
    source: str, yes: bool, n: bool, turns: int
) -> None:
    try:
        template = pebble.compile(source)
        body = compile_json_body(template)
    except PebbleError:
        return
    found = walk(template.body, source)
    if found.is_complete and not found.deaths:
        json.loads(body.render({"v": "x", "n": n, "yes": yes, "l": [1] * turns}))


# -- values --------------------------------------------------------------------------------------


def test_numbers_keep_their_digits_and_what_json_has_not_is_null() -> None:
    assert compiled("[{{i}}, {{f}}]").render({"i": 10**300, "f": 0.1}) == (
        b"[1" + b"0" * 300 + b", 0.1]"
    )
    assert literal(Decimal("0.10000000000000000000000001")) == "0.10000000000000000000000001"
    assert parsed("[{{ 7 / 0.0 }}, {{ x }}]", x=float("nan")) == [None, None]


def test_a_map_or_list_in_a_string_goes_in_as_its_json_text() -> None:
    value = {"a": ['"', None, 1.5, {"b": True}]}
    assert json.loads(parsed('"{{v}}"', v=value)) == value
    assert json.loads(parsed('{"{{ v.a }}": 1}', v=value).popitem()[0]) == value["a"]


@pytest.mark.parametrize("value", ["\ud83d", "a\ude00b", "\ude00\ud83d"])
def test_half_a_surrogate_pair_is_a_question_mark(value: str) -> None:
    for source in ('"{{v}}"', "{{v}}", '"{{ v | raw }}"', "{% if v %}{{v}}{% endif %}"):
        assert parsed(source, v=value) == "".join("?" if c > "\ud7ff" else c for c in value)
    assert parsed("{{v}}", v={value: value}) != {}


def test_two_halves_that_meet_are_a_character() -> None:
    assert parsed("{{v}}", v="\ud83d\ude00") == "😀"


def test_what_is_nested_too_deeply_or_too_long_is_an_error_of_ours() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for source in ('"{{v}}"', "{{v}}", "{% if true %}{{v}}{% endif %}", "{{ v | raw }}"):
        assert "nested" in failure_of(source, v=deep).message
        assert "digits" in failure_of(source, v=10**5000).message
    assert "output_chars" in failure_of('"{{v}}{{v}}"', v="x" * 3_000_000).message


def test_a_loop_that_opens_without_end_is_bounded() -> None:
    source = "{% for x in l %}[{% endfor %}{% for x in l %}]{% endfor %}"
    assert parsed(source, l=[1, 2, 3]) == [[[]]]
    assert "nested too deeply" in failure_of(source, l=list(range(600))).message
