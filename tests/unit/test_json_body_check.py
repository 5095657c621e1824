"""Checking a JSON body before it is published: what is refused, what gets a note, and how fast."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from onhook import pebble
from onhook.flow.json_body import JsonBody, compile_json_body
from onhook.flow.note import ESCAPED_ONCE
from onhook.pebble import PebbleError

Context = dict[str, Any]


def compiled(source: str) -> JsonBody:
    return compile_json_body(pebble.compile(source))


def refusal_of(source: str) -> PebbleError:
    with pytest.raises(PebbleError) as refusal:
        compiled(source)
    return refusal.value


def failure_of(source: str, **context: Any) -> PebbleError:
    body = compiled(source)
    with pytest.raises(PebbleError) as failure:
        body.render(context)
    return failure.value


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ('{"a": 1,\n{% if x %}}{% else %},{% endif %}', 2, 22, 'found ","'),
        ("[{% for x in l %},{% endfor %}", 1, 31, "ends too early"),
        ("{% if x %}[{% else %}{{% endif %}\n]", 1, 0, ""),
        ('{% if x %}{"a": 1{% endif %}', 1, 29, "ends too early"),
        ("{% set x = 1 %}", 1, 16, "expected a value"),
        ("{% if x %}{{x}}{{x}}{% else %}nul{% endif %}", 1, 45, "ends too early"),
        ('{ {% filter upper %}"a": 1{% endfilter %} }', 1, 43, 'where ":" and a value'),
        ("{% macro m() %}1{% endmacro %}[{{ m() }} 1]", 1, 42, 'where "," or "]" is expected'),
        ('["{{a}}\\{# #}n"]', 1, 8, "a backslash"),
    ],
)
def test_a_body_that_no_way_leads_through_is_refused_where_the_last_one_ends(
    source: str, line: int, column: int, words: str
) -> None:
    if not column:
        compiled(source.replace("{{%", "[{%"))
        return
    refusal = refusal_of(source)
    assert (refusal.line, refusal.column) == (line, column)
    assert words in refusal.message


@pytest.mark.parametrize(
    ("source", "context", "place", "words"),
    [
        ("[{% for x in l %}{{x}},{% endfor %}]", {"l": [1]}, (1, 36), 'found "]"'),
        ("[{% for x in l %}{{x}}{% endfor %}]", {"l": [1, 2]}, (1, 18), "an expression stands"),
        ("[1{% if a %},\n{% endif %}]", {"a": True}, (2, 12), 'found "]"'),
        ('{"a": {% if a %}1{% endif %} }', {}, (1, 30), 'found "}"'),
        ("{% if a %}[{% endif %}1", {"a": True}, (1, 24), "ends too early"),
        ("[{% if a %}1{% endif %}{{b}}]", {"a": True}, (1, 24), "behind a number"),
    ],
)
def test_what_only_some_values_break_is_an_error_of_the_run_and_a_note_of_the_check(
    source: str, context: Context, place: tuple[int, int], words: str
) -> None:
    failure = failure_of(source, **context)
    assert (failure.line, failure.column) == place
    assert failure.message.startswith("the body is no JSON with these values: ")
    assert words in failure.message
    (note,) = [note for note in compiled(source).notes if "for some values" in note.message]
    assert pebble.position(source, note.offset) == place


@pytest.mark.parametrize(
    "source",
    [
        "[{% for x in l %}{{x}}{% if not loop.last %},{% endif %}{% endfor %}]",
        "[{% for x in l %}{% if not loop.first %},{% endif %}{{x}}{% endfor %}]",
        "[{% for x in l %}{{x}}{% if loop.revindex > 0 %},{% endif %}{% endfor %}]",
        "[{% for x in l %}{{x}}{{ loop.last ? '' : '' }}{% endfor %}]".replace(
            "{{ loop.last ? '' : '' }}", "{% if loop.index + 1 != loop.length %},{% endif %}"
        ),
        "[0{% for x in l %}, {{x}}{% endfor %}]",
        "[{% for x in l %}{{x}},{% endfor %} null]",
        '{ {% if a %}"a": 1{% if b %},{% endif %}{% endif %}{% if b %}"b": 2{% endif %} }',
        "{ {% if a %}1{% endif %} }".replace("1", '"a": 1'),
        '{ {% if a %}"a": 1{% endif %}{% if a and b %},{% endif %}{% if b %}"b": 2{% endif %} }',
        '{ {% if a == 1 %}"a": 1{% endif %}{% if not (a == 1) %}"b": 2{% endif %} }',
        "{% set n = false %}[{% for x in l %}{% if n %},{% endif %}{{x}}{% set n = true %}{% endfor %}]",
        "[{% for x in l %}[{% for y in x %}{{y}}, {% endfor %}0],{% endfor %}[]]",
        "[{% for x in l %}{% for y in x %}{{y}},{% endfor %}{% endfor %} 0]",
    ],
)
def test_what_no_values_break_gets_no_note(source: str) -> None:
    assert compiled(source).notes == ()
    for flags in ((False, False), (True, False), (False, True), (True, True)):
        for size in range(4):
            context = {"a": flags[0], "b": flags[1], "l": [[1]] * size}
            json.loads(compiled(source).render(context))


@pytest.mark.parametrize(
    "source",
    [
        "[{% for x in l %}" * 40 + "0" + "{% if not loop.last %},{% endif %}{% endfor %}]" * 40,
        "[0" + "{% if a and b or c and not d %}, 1{% endif %}" * 300 + "]",
        "[0" + "".join(f"{{% if a{n // 2} %}}, {n}{{% endif %}}" for n in range(400)) + "]",
        "[0{% if " + " or ".join(f"a{n % 30}" for n in range(900)) + " %}, 1{% endif %}]",
        "[0{% if l" + " | sort" * 900 + " | length %}, 1{% endif %}]",
        "[" + "{{ l" + " | raw" * 900 + " }}" + "]",
        "[{{ " + "a ? (1 | raw) : " * 80 + "0 }}]",
    ],
    ids=[
        *("loops", "one condition", "conditions", "a long condition", "a deep condition"),
        *("filters", "choices"),
    ],
)
def test_the_check_of_any_template_is_short(source: str) -> None:
    began = time.process_time()
    body = compiled(source)
    assert time.process_time() - began < 5
    assert json.loads(body.render({"l": []})) in ([], [0], [[]])


# -- notes ---------------------------------------------------------------------------------------


def notes_of(source: str) -> list[tuple[str, int]]:
    return [(note.message, note.offset) for note in compiled(source).notes]


def test_a_value_that_is_escaped_already_gets_a_note() -> None:
    doubled = ESCAPED_ONCE.message
    assert ESCAPED_ONCE.is_advice
    for escaping in ('escape("json")', "escape(strategy='json')", "raw", 'raw | escape("json")'):
        assert notes_of(f'["{{{{ ANI | {escaping} }}}}"]') == [(doubled, 2)]
    assert notes_of("[{{ v | escape }}, {{ v | upper }}]") == []


def test_values_that_would_break_the_body_on_the_hosted_product_get_one_note() -> None:
    source = """{"a": "{{NewPhoneContact.ANI}}{{Who}}", "b": "{{ x | upper }}{{ Who }}", "c": {{y}},
    "d": "{{ z | escape("json") }}{{ u | length }}{{ w == 1 }}", "{{k}}": 1}"""
    quoting = [each for each in notes_of(source) if "hosted product" in each[0]]
    assert len(quoting) == 1
    assert "in {{Who}}, {{x}}, {{k}} would" in quoting[0][0]
    assert quoting[0][1] == source.index("{{Who}}")
    body = compile_json_body(pebble.compile(source), quotable=lambda each: each.path == ("k",))
    assert [note.offset for note in body.notes if "{{k}}" in note.message] == [
        source.index("{{k}}")
    ]


def test_a_macro_that_would_have_to_print_json_gets_a_note() -> None:
    macro = '{% macro item(x) %}{"n": "{{x}}"}{% endmacro %}'
    (note,) = compiled(macro + "[{{ item(a) }}]").notes
    assert "one JSON string" in note.message
    assert note.offset == len(macro) + 1
    assert json.loads(compiled(macro + "[{{ item(a) }}]").render({"a": '"'})) == ['{"n": """}']
    assert compiled(macro + '["{{ item(ANI) }}"]').notes == ()
    (note,) = compiled("[{% filter upper %}{{a}}{% endfilter %}]").notes
    assert note.offset == 1


def test_the_references_are_all_that_the_body_reads() -> None:
    source = '{% set a = b %}{% if c.d %}[{{a}}, "{{ e | escape("json") }}"]{% endif %}'
    paths = [reference.path for reference in compiled(source).references]
    assert paths == [("b",), ("c", "d"), ("e",)]
