"""`onhook template`: one expression evaluated, as its user meets it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from command import onhook
from flows import an_event


async def test_an_expression_is_evaluated_against_a_sample_call(tmp_path: Path):
    done = await onhook("template", "{{ NewPhoneContact.ANI | slice(1) }}", cwd=tmp_path)
    assert (done.status, done.out, done.err) == (0, "14085551234\n", "")


@pytest.mark.parametrize(
    ("text", "output", "type_"),
    [
        ("{{ 1 + 1 }}", "2", "Integer"),
        ("{{ 3 / 2.0 }}", "1.5", "Decimal"),
        ("{{ 1 == 1 }}", "true", "Boolean"),
        ("{{ WhoIsCalling }}", "Ada Lovelace", "String"),
        ("{{ nothing }}", "", "null"),
        ("{{ [1, 2] }}", "[1, 2]", "list"),
        ('{{ {"a": 1} }}', "{a=1}", "map"),
        ("{{ 1 }}{{ 2 }}", "12", "String"),
    ],
)
async def test_the_type_of_the_value_is_told(tmp_path: Path, text: str, output: str, type_: str):
    done = await onhook("template", text, "--json", cwd=tmp_path)
    assert (done.status, done.json) == (0, {"output": output, "type": type_})


async def test_a_context_is_an_event_or_a_map_in_json_or_yaml(tmp_path: Path):
    event = an_event(contact={"ANI": "+1999"}, variables={"Name": "x"})
    (tmp_path / "event.json").write_bytes(msgspec.json.encode(event))
    (tmp_path / "map.yaml").write_text("Name: y\nlist: [1, 2]\n")
    words = ("template", "{{ Name }} {{ NewContact.ANI }} {{ list | last }}", "--context")
    of_event = await onhook(*words, "event.json", cwd=tmp_path)
    of_map = await onhook(*words, "map.yaml", cwd=tmp_path)
    of_stdin = await onhook(*words, "-", cwd=tmp_path, stdin=b'{"Name": "z"}')
    assert [done.out for done in (of_event, of_map, of_stdin)] == ["x +1999 \n", "y  2\n", "z  \n"]


async def test_the_template_can_come_from_stdin_but_not_both(tmp_path: Path):
    done = await onhook("template", "-", cwd=tmp_path, stdin=b"{{ 1 }}-{{ 2 }}\n")
    assert (done.status, done.out) == (0, "1-2\n")
    both = await onhook("template", "-", "--context", "-", cwd=tmp_path, stdin=b"{}")
    assert (both.status, both.out, both.err.count("\n")) == (2, "", 1)


async def test_a_json_body_escapes_each_value_for_its_place(tmp_path: Path):
    (tmp_path / "context.json").write_text('{"x": "a\\"b", "m": {"k": 1}}')
    body = '{"s": "{{x}}", "v": {{x}}, "m": {{m}}, "n": {{gone}}}'
    done = await onhook("template", body, "--json-body", "--context", "context.json", cwd=tmp_path)
    assert done.status == 0
    assert done.json == {"s": 'a"b', "v": 'a"b', "m": {"k": 1}, "n": None}
    assert "hosted product" in done.err


async def test_the_clock_can_be_stopped(tmp_path: Path):
    words = ("template", "{{ now() | epoch }} {{ now() }}", "--at")
    done = await onhook(*words, "2025-02-06T21:09:02.712Z", cwd=tmp_path)
    assert done.out == "1738876142 2025-02-06T21:09:02.712Z[UTC]\n"
    wrong = await onhook(*words, "noon", cwd=tmp_path)
    assert (wrong.status, wrong.out, wrong.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("text", "caret"),
    [
        ("{{ X | nosuch }}", "       ^"),
        ("one\n\ttwo {{ 1 / 0 }}", "\t         ^"),
        ("{{ open", "^"),
    ],
)
async def test_an_error_has_its_place_and_a_caret_under_it(tmp_path: Path, text: str, caret: str):
    done = await onhook("template", text, cwd=tmp_path)
    assert (done.status, done.out) == (1, "")
    message, line, under = done.err.splitlines()
    number = text.count("\n") + 1
    assert message.startswith(f"onhook: line {number}, column {len(caret)}: ")
    assert (line, under) == (text.rsplit("\n", maxsplit=1)[-1], caret)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1", "neither JSON nor YAML"),
        (b"[1]", "holds no map"),
        (b"a: [", "neither JSON nor YAML"),
        (b"\xff\xfe\x00", "neither JSON nor YAML"),
        (b'{"specversion": "1.0", "data": {}}', "not a CloudEvent"),
        (b"[" * 100_000, "neither JSON nor YAML"),
    ],
)
async def test_a_context_that_is_none_is_refused_in_one_line(
    tmp_path: Path, content: bytes, said: str
):
    (tmp_path / "context").write_bytes(content)
    done = await onhook("template", "{{ a }}", "--context", "context", cwd=tmp_path)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("onhook: context: ")
    assert said in done.err


async def test_a_name_that_is_not_in_the_context_is_told(tmp_path: Path):
    done = await onhook("template", "{{ NewPhoneContact.Ani }}{{ Nobody.x }}", cwd=tmp_path)
    assert (done.status, done.out) == (0, "\n")
    assert done.err.splitlines() == [
        "note: {{NewPhoneContact.Ani}} names nothing here, and prints nothing; did you mean ANI?",
        "note: {{Nobody.x}} names nothing here, and prints nothing",
    ]


async def test_a_filter_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path):
    done = await onhook("template", "{{ NewPhoneContact.ANI | uper }}", cwd=tmp_path)
    assert done.status == 1
    assert 'there is no filter "uper"; did you mean upper?' in done.err


async def test_text_without_an_expression_is_printed_and_said(tmp_path: Path):
    done = await onhook("template", "NewPhoneContact.ANI", cwd=tmp_path)
    assert (done.status, done.out) == (0, "NewPhoneContact.ANI\n")
    assert "nothing to evaluate" in done.err
