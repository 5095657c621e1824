"""TOML and YAML bodies: a value in quotes stays in them, a bare one is a value."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from json_values import NASTY, texts
from onhook import pebble
from onhook.flow.bodies import compile_body
from onhook.pebble import PebbleError

MARKS = st.sampled_from(
    [*NASTY, "'", '"""', "'''", "\n---\n", ": ", " #", "- a", "[", "}", "%", "a: b"]
)
anything = texts | MARKS | st.lists(MARKS).map("".join)
plain = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | anything
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=6,
)


def rendered(kind: str, source: str, **context: Any) -> str:
    return compile_body(kind, pebble.compile(source)).render(context).decode()


def toml(source: str, **context: Any) -> Any:
    return tomllib.loads(rendered("TOML", source, **context))


def read_yaml(source: str, **context: Any) -> Any:
    return yaml.safe_load(rendered("YAML", source, **context))


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_null(each) for each in value]
    return "" if value is None else value


@given(anything, values)
def test_toml_holds_its_values_whatever_they_are(text: str, value: Any) -> None:
    source = """a = "x{{t}}" # {{t}}\x20
b = {{v}} # {{t}}\x20
c = [{{t}}, { k = {{v}}, {{t}} = 1 } ] \n[sub.{{t}}]
d = \"\"\"<{{t}}>\"\"\"
{{t}} = {{v}} """
    if text == "k" or text == "d":
        return
    sub = {"d": f"<{text}>"} | {text: without_null(value)}
    assert toml(source, t=text, v=value) == {
        "a": f"x{text}",
        "b": without_null(value),
        "c": [text, {"k": without_null(value), text: 1}],
        "sub": {text: sub},
    }


@given(anything, values)
def test_yaml_holds_its_values_whatever_they_are(text: str, value: Any) -> None:
    source = """a: "x{{t}}" # {{t}}\x20
b: {{v}} # {{t}}\x20
c: [{{t}}, {k: {{v}}}, "{{t}}"]
d:
  - {{v}} \n  - e: {{t}} \n    f: [{{v}}]\x20
"{{t}}!": {{t}} """
    assert read_yaml(source, t=text, v=value) == {
        "a": f"x{text}",
        "b": value,
        "c": [text, {"k": value}, text],
        "d": [value, {"e": text, "f": [value]}],
        f"{text}!": text,
    }


@given(anything)
def test_single_quotes_and_blocks_of_lines_hold_a_value_or_refuse_it(text: str) -> None:
    for source in ("a: '<{{t}}>'\nb: 1", "a: |-\n  <{{t}}>\nb: 1", "a: >-\n  <{{t}}>\nb: 1"):
        try:
            read = read_yaml(source, t=text)
        except PebbleError:
            continue
        assert read == {"a": f"<{text}>", "b": 1}
    try:
        assert toml("a = '<{{t}}>'\nb = 1", t=text) == {"a": f"<{text}>", "b": 1}
    except PebbleError:
        return


_PARTS = (
    "a: ",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    " ",
    '"',
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "x",
    "#",
    "|",
    ":",
)
_PARTS += (
    "{{v}}",
    '"{{v}}"',
    "'{{v}}'",
    "{% if y %}",
    "{% endif %}",
    "a = ",
    "=",
    '"""',
    "b.",
    "\\",
)


def skeleton(value: Any) -> Any:
    if isinstance(value, dict):
        return [skeleton(each) for each in value.values()]
    return [skeleton(each) for each in value] if isinstance(value, list) else 0


@given(
    st.sampled_from(["TOML", "YAML"]),
    st.lists(st.sampled_from(_PARTS), max_size=12).map("".join),
    anything,
)
def test_no_value_changes_what_the_text_is_made_of(kind: str, source: str, value: str) -> None:
    shapes = []
    for text in ("x", value):
        try:
            content = rendered(kind, source, v=text, y=True)
            read = tomllib.loads(content) if kind == "TOML" else list(yaml.safe_load_all(content))
        except (PebbleError, yaml.YAMLError, ValueError, TypeError, AttributeError):
            return
        shapes.append(skeleton(read))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("kind", "source", "line", "column", "words"),
    [
        ("TOML", "a = {{v}}x", 1, 10, "directly behind an expression"),
        ("TOML", "a = {{v}}\nb = 1", 2, 1, "write a blank before it"),
        ("TOML", "a = 1{{v}}", 1, 6, "directly behind another text"),
        ("TOML", 'a = "\\{{v}}"', 1, 6, "a backslash"),
        ("TOML", 'a = "\\u00{{v}}"', 1, 9, "a backslash"),
        ("TOML", 'a = ""{{v}}', 1, 7, "directly behind another text"),
        ("TOML", 'a = "{{v}}""', 1, 11, "quotes stand in one piece"),
        ("TOML", "a = {{v}} \nb", 2, 2, "no TOML"),
        ("TOML", 'a = "{{v}}', 1, 11, "no TOML"),
        ("YAML", "a: x {{v}}", 1, 6, "in a text without quotes"),
        ("YAML", "a: x\n  {{v}}", 2, 3, "in a text without quotes"),
        ("YAML", "a: [x\n{{v}}]", 2, 1, "in a text without quotes"),
        ("YAML", "a: 1 # {{v}}\nb: 2", 2, 1, "write a blank before it"),
        ("YAML", "a: {{v}} x", 1, 10, "no YAML"),
        ("YAML", "a: {{v}}\nb: 1", 2, 1, "write a blank before it"),
        ("YAML", "a: [{{v}}", 1, 10, "no YAML"),
        ("YAML", 'a: "\\x4{{v}}"', 1, 7, "a backslash"),
        ("YAML", "|\n{{v}}", 2, 1, "a block of lines"),
    ],
)
def test_a_text_that_cannot_become_it_is_refused_with_its_place(
    kind: str, source: str, line: int, column: int, words: str
) -> None:
    with pytest.raises(PebbleError, match=words) as refusal:
        compile_body(kind, pebble.compile(source))
    assert (refusal.value.line, refusal.value.column) == (line, column)


def test_lines_of_a_block_are_indented() -> None:
    source = "a:\n  b: |\n    Dear {{v}},\n    {{v}}\n\nc: {{v}} "
    assert read_yaml(source, v="x\n y: z") == {
        "a": {"b": "Dear x\n y: z,\nx\n y: z\n"},
        "c": "x\n y: z",
    }
