"""Masking: a secure value is told nowhere, in none of the forms that a flow's places give it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import a_request, an_event
from json_values import texts
from onhook.flow import engine
from onhook.flow.compiled import validate
from onhook.flow.errors import VariableError, quoted
from onhook.flow.mask import EVERYTHING, MASKED, Mask
from onhook.flow.secrecy import MOST_KEPT_CHARS, Secrets, holds_secure, mask_in, mask_of
from walked import (
    Walk,
    a_graph_flow,
    a_node,
    a_set,
    a_subflow,
    begun,
    compiled,
    loaded,
    read,
    walked,
)

SECRET = 'p@ss "wörd"/<&>+%20'


def a_secret(name: str = "pin", value: str = SECRET, **fields: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "isSecure": True} | fields


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        escape(SECRET),
        escape(SECRET, {'"': "&quot;"}),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_value_is_masked_however_it_is_written(written: str) -> None:
    assert Mask([SECRET]).text(f"a {written} b") == f"a {MASKED} b"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "user"])
def test_a_value_is_masked_inside_what_is_encoded_with_it(user: str) -> None:
    encoded = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    masked = Mask([SECRET]).text(f"Basic {encoded}")
    assert MASKED in masked
    core = base64.b64encode(SECRET.encode()).decode()[2:-4]
    assert core not in masked


@given(texts, texts, st.lists(texts.filter(bool), min_size=1, max_size=4))
def test_no_text_holds_a_value_once_it_is_masked(
    before: str, after: str, values: list[str]
) -> None:
    mask = Mask(values)
    for value in values:
        masked = mask.text(before + value + after)
        left = masked.replace(MASKED, "")
        assert len(value) < 4 or value not in left or value in MASKED * 10


@given(st.text(max_size=3), st.text(min_size=1))
def test_a_short_value_is_masked_only_where_it_is_the_whole(value: str, more: str) -> None:
    mask = Mask([value])
    assert mask.text(value) == (MASKED if value else "")
    assert mask.text(value + more) == value + more or value + more == value


def test_the_longest_value_is_masked_first() -> None:
    assert Mask(["secret", "secret-and-more"]).text("a secret-and-more b") == f"a {MASKED} b"


def test_data_is_masked_at_any_depth_names_included() -> None:
    data = {"a": [SECRET, 1, None, True, {SECRET: f"x{SECRET}"}]}
    assert Mask([SECRET]).data(data) == {"a": [MASKED, 1, None, True, {MASKED: f"x{MASKED}"}]}


def test_a_number_is_masked_as_a_value_and_in_texts() -> None:
    mask = Mask(["123456"])
    assert mask.data([123456, 12345, "n=123456"]) == [MASKED, 12345, f"n={MASKED}"]


def test_without_secrets_nothing_is_masked() -> None:
    assert not Mask([])
    assert Mask(["", ""]).text("a") == "a"


@pytest.mark.parametrize(
    "value",
    ['it\'s a "pass" 99', "x" * 150 + SECRET, "pa\x7fss-wörd", "p\x01ss-word", "say 'it'-99"],
)
def test_a_value_is_masked_where_an_error_quotes_it(value: str) -> None:
    assert value[2:6] not in Mask([value]).text(f"{quoted(value)} is no INTEGER")
    assert value[2:6] not in Mask([value]).text(f"{quoted('about ' + value)} is no INTEGER")


def test_the_beginning_of_a_value_is_masked_where_a_text_is_cut() -> None:
    mask = Mask(["tok-9f8e7d6c5b4a"])
    for said in (
        '"Bearer tok-9f8e7d6c" is no date',
        "no: tok-9f8e7d...",
        "tok-9f8e7",
        "'tok-9f8e'",
    ):
        assert "tok-" not in mask.text(said)
    assert mask.text("tok-9f8e is another") == "tok-9f8e is another"


@given(st.text(max_size=30), st.text(min_size=8, max_size=20), st.integers(0, 60))
def test_what_is_cut_is_masked_first(before: str, value: str, longest: int) -> None:
    mask = Mask([value])
    shown = mask.cut(before + value + before, longest)
    left = shown.split(MASKED)[-1]
    assert value not in shown
    assert not any(left.endswith(value[:length]) for length in range(8, len(value)))


def test_a_long_value_and_many_values_are_masked_quickly() -> None:
    long = "s3cret-" * 30_000
    many = [f"value-{number}" for number in range(2_000)]
    mask = Mask([long, *many])
    text = f"a {long} b value-1999 c"
    assert mask.text(text) == f"a {MASKED} b {MASKED} c"
    assert mask.cut("x" * 10 + long, 20) == "x" * 10 + MASKED


def test_masks_are_joined() -> None:
    both = Mask(["first-one"]) | Mask(["other-one"], ["no"])
    assert both.text("a first-one, other-one, no") == f"a {MASKED}, {MASKED}, no"
    assert both.text("no") == MASKED
    assert (Mask([]) | Mask(["first-one"])).text("first-one") == MASKED


def test_everything_can_be_masked_but_the_names_of_fields() -> None:
    assert EVERYTHING.data({"a": ["b", 1, None]}) == {"a": [MASKED, MASKED, None]}
    assert EVERYTHING.text("") == ""


# Of a run


def masked(run: Walk) -> str:
    mask = mask_in(run.flow, run.lookup, run.progress, run.overrides)
    return json.dumps(
        [mask.data(msgspec.to_builtins(entry)) for entry in run.trace], ensure_ascii=False
    )


def test_a_trace_tells_no_secure_value() -> None:
    body = '{"pin": "{{pin}}", "bare": {{pin}}}'
    flow = a_graph_flow(
        a_set("Copy", copy="{{pin}}", joined="<{{pin}}>"),
        a_node("Is", "condition-activity", expression="{{ pin == 'x' }}"),
        a_request("Ask", "https://example.com/{{pin}}", httpRequestBody=body),
        links=(("Copy", "out", "Is"), ("Is", "false", "Ask")),
        variables=(a_secret(), {"name": "copy"}, {"name": "joined"}),
    )
    run = walked(flow)
    assert SECRET in json.dumps(run.entry("Copy").inputs["copy"], ensure_ascii=False).replace(
        '\\"', '"'
    )
    said = masked(run)
    assert "wörd" not in said
    assert MASKED in said
    mask = mask_of(run.flow, run.progress, {})
    (url, sent) = run.rendered[0]
    assert mask.text(url) == f"https://example.com/{MASKED}"
    assert mask.text(sent.decode()) == f'{{"pin": "{MASKED}", "bare": "{MASKED}"}}'


def test_a_secure_value_from_configuration_is_masked() -> None:
    flow = compiled(
        a_graph_flow(
            a_set("S", v="{{pin}}"),
            variables=(
                a_secret(value="", isExternalized=True),
                {"name": "v"},
            ),
        )
    )
    run = walked(flow, overrides={"pin": "configured"})
    assert holds_secure(flow)
    assert mask_of(flow, run.progress, run.overrides).text("a configured b") == f"a {MASKED} b"


def test_a_new_value_of_a_secure_variable_is_masked_and_so_is_its_default() -> None:
    flow = a_graph_flow(a_set("S", pin="another"), variables=(a_secret(value="default"),))
    run = walked(flow)
    assert mask_of(run.flow, run.progress, {}).text("another default") == f"{MASKED} {MASKED}"


def test_the_parts_of_secure_json_are_masked() -> None:
    value = '{"user": "adalove", "tokens": ["t0ken", 123456]}'
    flow = a_graph_flow(a_node("E", "end"), variables=(a_secret(value=value, type="JSON"),))
    run = walked(flow)
    said = mask_of(run.flow, run.progress, {}).text("adalove t0ken 123456 user")
    assert said == f"{MASKED} {MASKED} {MASKED} user"


def test_a_secure_boolean_masks_no_true_of_others() -> None:
    flow = a_graph_flow(a_node("E", "end"), variables=(a_secret(value="true", type="BOOLEAN"),))
    run = walked(flow)
    assert mask_of(run.flow, run.progress, {}).text("it is true") == "it is true"


def test_secure_values_of_the_flows_that_wait_are_masked_too() -> None:
    sub = a_subflow(a_set("In", v="{{given}}"), variables=({"name": "given"}, {"name": "v"}))
    call = a_node(
        "Call",
        "subflow-handoff",
        subflowVersion={"id": "Sub"},
        subflowInputVariables=[{"src": "pin", "target": "given"}],
    )
    run = begun(a_graph_flow(call, variables=(a_secret(),)), sub)
    while run.progress.flow_id is None:
        run.step()
    run.step()
    run.step()
    assert run.entry("In").inputs == {"v": SECRET}
    assert "wörd" not in masked(run)


def test_a_flow_without_secure_variables_masks_nothing() -> None:
    run = walked(a_graph_flow(a_set("S", v="x"), variables=({"name": "v"},)))
    assert not holds_secure(run.flow)
    assert not mask_of(run.flow, run.progress, {})
    assert not mask_in(run.flow, run.lookup, run.progress, {})


def held(run: Walk, *, kept: tuple[str, ...] | None = ()) -> Secrets:
    """What a run is found to hold before, between and behind its steps."""
    secrets = Secrets(kept)
    secrets.note_run(run.flow, run.lookup, run.progress, run.overrides)
    while run.step():
        secrets.note_run(run.flow, run.lookup, run.progress, run.overrides)
    return secrets


TOKEN = "tok-9f8e7d6c5b4a"
COPIED = a_graph_flow(
    a_set("First", Copy="{{Token}}"),
    a_set("Second", Token="other-value"),
    a_set("Third", Again="{{Copy}}"),
    links=(("First", "out", "Second"), ("Second", "out", "Third")),
    variables=(a_secret("Token", ""), {"name": "Copy"}, {"name": "Again"}),
)


def test_what_a_secure_variable_held_stays_masked_once_it_is_replaced() -> None:
    run = begun(COPIED)
    run.progress.variables["Token"] = TOKEN
    mask = held(run).mask
    assert run.entry("Third").inputs == {"Again": TOKEN}
    assert TOKEN not in str([mask.data(msgspec.to_builtins(entry)) for entry in run.trace])


def test_the_node_that_sets_a_secure_variable_is_masked_too() -> None:
    read = [{"outputVariable": "Token", "jsonPathExp": "$.t"}]
    flow = a_graph_flow(
        a_request("Login", "https://a.example/", onFailure="continue", outputVariableArray=read),
        variables=(a_secret("Token", ""),),
    )
    run = begun(flow)
    run.results = {"Login": (200, json.dumps({"t": TOKEN}))}
    mask = held(run).mask
    assert run.entry("Login").outputs["Token"] == TOKEN
    assert TOKEN not in str([mask.data(msgspec.to_builtins(entry)) for entry in run.trace])


def test_secure_values_stay_masked_behind_a_go_to_and_behind_a_subflow() -> None:
    onward = a_subflow(a_set("S", Y="{{X}}!"), name="D", kind="FLOW", variables=(
        {"name": "X"}, {"name": "Y"},
    ))  # fmt: skip
    go = a_node(
        "Go",
        "hand-off",
        handOffFlow={"handOffTo": "D"},
        mappedVariableArray=[{"src": "Token", "target": "X"}],
    )
    run = begun(a_graph_flow(go, variables=(a_secret("Token", TOKEN),)), onward)
    secrets = held(run)
    assert run.entry("S").outputs == {"Y": f"{TOKEN}!"}
    assert secrets.mask.text(f"{TOKEN}!") == f"{MASKED}!"
    assert TOKEN in (secrets.kept() or ())

    called = a_subflow(a_set("S", Y="1"), variables=(a_secret("Token", TOKEN), {"name": "Y"}))
    call = a_node(
        "Call",
        "subflow-handoff",
        subflowVersion={"id": "Sub"},
        subflowOutputVariables=[{"outputVariable": "Plain", "target": "Token"}],
    )
    run = begun(a_graph_flow(call, variables=({"name": "Plain"},)), called)
    secrets = held(run)
    assert run.progress.variables == {"Plain": TOKEN}
    assert secrets.mask.text(TOKEN) == MASKED


def test_the_next_message_is_given_what_no_variable_holds_any_more() -> None:
    run = begun(COPIED)
    run.progress.variables["Token"] = TOKEN
    secrets = held(run)
    assert secrets.kept() == (TOKEN,)
    again = Secrets(secrets.kept())
    assert again.mask.text(TOKEN) == MASKED
    assert again.kept() == (TOKEN,)


def test_beyond_what_is_kept_everything_is_masked() -> None:
    secrets = Secrets()
    flow = compiled(COPIED)
    for letter in "ab":
        secrets.note(flow, {"Token": letter * MOST_KEPT_CHARS})
    assert secrets.mask.text("x") == "x"
    assert secrets.kept() is None
    assert Secrets(None).mask is EVERYTHING
    assert Secrets(None).kept() is None


def test_a_secure_boolean_is_masked_where_it_is_the_whole_value() -> None:
    flow = compiled(
        a_graph_flow(a_node("E", "end"), variables=(a_secret(value="", type="BOOLEAN"),))
    )
    secrets = Secrets()
    secrets.note(flow, {"pin": True})
    assert secrets.mask.data([True, "it is true", False]) == [MASKED, "it is true", False]


def test_no_error_quotes_what_a_secure_variable_cannot_be() -> None:
    pin = a_secret("Pin", TOKEN, type="INTEGER")
    (finding,) = [
        each for each in validate(loaded(a_graph_flow(a_node("E", "end"), variables=(pin,))))
        if each.code == "OH1003"
    ]  # fmt: skip
    assert finding.message == 'variable "Pin": its default is no INTEGER'
    flow = compiled(a_graph_flow(a_node("E", "end"), variables=(pin | {"value": "1"},)))
    with pytest.raises(VariableError, match="its override is no INTEGER"):
        engine.begin(flow, read(an_event()), {"Pin": TOKEN})
