"""Variables: who sets what, in which order, and what each type takes."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_values import json_values, texts
from onhook.flow.errors import VariableError
from onhook.flow.model import Variable
from onhook.flow.variables import (
    Origin,
    assigned_value,
    converted,
    external_values,
    initial_variables,
    is_now,
)
from onhook.settings.contact_centre import VariableType

STRING, INTEGER, DECIMAL, BOOLEAN, DATETIME, JSON = VariableType


def a_variable(kind: VariableType = STRING, value: str | None = "default", **more: Any) -> Variable:
    return Variable(name="v", type=kind, value=value, **more)


def start(variable: Variable, event: Any, override: Any, *, settable: bool = True) -> Any:
    names = {variable.name} if settable else set()
    return initial_variables([variable], {"v": event}, names, {"v": override})["v"]


@pytest.mark.parametrize(
    ("event", "override", "found"),
    [
        ("event", "override", "event"),
        ("event", None, "event"),
        (None, "override", "override"),
        (None, None, "default"),
        ("", "override", ""),
        (None, "", ""),
    ],
)
def test_an_event_goes_over_an_override_and_that_over_the_default(
    event: str | None, override: str | None, found: str
) -> None:
    assert start(a_variable(), event, override) == found


def test_values_are_taken_key_by_key() -> None:
    declared = [Variable(name=name, value=f"{name}-default") for name in "abc"]
    given_by_event = {"a": "a-event", "b": None, "undeclared": "x"}
    overrides = {"a": "a-override", "b": "b-override", "other": "y"}
    assert initial_variables(declared, given_by_event, set("abc"), overrides) == {
        "a": "a-event",
        "b": "b-override",
        "c": "c-default",
    }


def test_an_event_does_not_set_what_is_not_settable() -> None:
    assert start(a_variable(), "event", None, settable=False) == "default"
    assert start(a_variable(), "event", "override", settable=False) == "override"


def test_an_externalized_variable_is_looked_up_when_it_is_used_and_never_taken_from_an_event() -> (
    None
):
    variable = a_variable(is_externalized=True)
    assert initial_variables([variable], {"v": "event"}, {"v"}, {"v": "override"}) == {}
    assert external_values([variable], {"v": "override"}) == {"v": "override"}
    assert external_values([variable], {"v": None}) == {"v": "default"}
    assert external_values([variable], {}) == {"v": "default"}
    assert external_values([a_variable()], {"v": "override"}) == {}


@pytest.mark.parametrize("kind", VariableType)
def test_null_is_absent_for_every_type(kind: VariableType) -> None:
    assert start(a_variable(kind, value=None), None, None) is None
    assert converted(a_variable(kind), None, Origin.EVENT) is None


@pytest.mark.parametrize("kind", [kind for kind in VariableType if kind is not STRING])
def test_an_empty_text_is_a_value_that_other_types_read_as_null(kind: VariableType) -> None:
    default = {INTEGER: "5", DECIMAL: "5", BOOLEAN: "true", JSON: "[]"}.get(
        kind, "2026-01-05T09:30:00Z"
    )
    assert start(a_variable(kind, default), "", None) is None


READ: list[tuple[VariableType, Any, Any]] = [
    (STRING, "text", "text"),
    (STRING, " spaces ", " spaces "),
    (STRING, 5, "5"),
    (STRING, 1.5, "1.5"),
    (STRING, True, "true"),
    (STRING, False, "false"),
    (INTEGER, 5, 5),
    (INTEGER, "5", 5),
    (INTEGER, " -12 ", -12),
    (INTEGER, "+7", 7),
    (INTEGER, 5.0, 5),
    (INTEGER, "1" * 400, int("1" * 400)),
    (DECIMAL, 5, 5),
    (DECIMAL, 1.5, 1.5),
    (DECIMAL, "1.5", 1.5),
    (DECIMAL, " -.5e3 ", -500.0),
    (DECIMAL, "5.", 5.0),
    (DECIMAL, "12345678901234567890", 12345678901234567890),
    (BOOLEAN, True, True),
    (BOOLEAN, "true", True),
    (BOOLEAN, " FALSE ", False),
    (DATETIME, "2025-02-06T21:09:02.712Z", "2025-02-06T21:09:02.712Z"),
    (DATETIME, "2025-02-06T21:09:02Z", "2025-02-06T21:09:02Z"),
    (DATETIME, "2025-02-06T21:09Z", "2025-02-06T21:09Z"),
    (DATETIME, "2025-02-06T21:09:02+05:30", "2025-02-06T21:09:02+05:30"),
    (DATETIME, "2025-02-06T21:09:02.712Z[UTC]", "2025-02-06T21:09:02.712Z[UTC]"),
    (DATETIME, "2025-02-06T21:09+01:00[Europe/Berlin]", "2025-02-06T21:09+01:00[Europe/Berlin]"),
    (JSON, '{"a": [1, null]}', {"a": [1, None]}),
    (JSON, {"a": 1}, {"a": 1}),
    (JSON, [1], [1]),
    (JSON, 5, 5),
    (JSON, '"text"', "text"),
    (JSON, "null", None),
]


@pytest.mark.parametrize(("kind", "given_value", "value"), READ)
def test_a_value_becomes_its_type(kind: VariableType, given_value: Any, value: Any) -> None:
    found = converted(a_variable(kind), given_value, Origin.EVENT)
    assert found == value
    assert type(found) is type(value)


REFUSED: list[tuple[VariableType, Any]] = [
    (STRING, {"a": 1}),
    (STRING, [1]),
    (STRING, math.inf),
    (INTEGER, "five"),
    (INTEGER, "5.0"),
    (INTEGER, "5_000"),
    (INTEGER, "٥"),
    (INTEGER, "0x10"),
    (INTEGER, 5.5),
    (INTEGER, True),
    (INTEGER, [5]),
    (INTEGER, " "),
    (INTEGER, "9" * 5_000),
    (DECIMAL, "1,5"),
    (DECIMAL, "inf"),
    (DECIMAL, "NaN"),
    (DECIMAL, "1e999"),
    (DECIMAL, math.nan),
    (DECIMAL, math.inf),
    (DECIMAL, False),
    (DECIMAL, {}),
    (BOOLEAN, "yes"),
    (BOOLEAN, 1),
    (BOOLEAN, []),
    (DATETIME, "yesterday"),
    (DATETIME, "2025-02-30T00:00:00Z"),
    (DATETIME, 1_700_000_000),
    (DATETIME, "2025-02-06T21:09Z[U T C]"),
    (DATETIME, "[UTC]"),
    (DATETIME, "{{now()}}"),
    (JSON, "{not json"),
    (JSON, "{} {}"),
    (JSON, "[" * 100_000),
    (JSON, "[" * 100_000 + "]" * 100_000),
]


@pytest.mark.parametrize(
    ("kind", "value"), REFUSED, ids=lambda value: repr(getattr(value, "name", value))[:20]
)
def test_a_value_that_cannot_become_its_type_is_refused_by_name(
    kind: VariableType, value: Any
) -> None:
    with pytest.raises(VariableError) as refusal:
        converted(a_variable(kind), value, Origin.EVENT)
    said = str(refusal.value)
    assert said.startswith('variable "v": the event\'s value')
    assert f"is no {kind.value};" in said
    assert len(said.encode()) < 400


@pytest.mark.parametrize(
    ("event", "override", "words"),
    [("x", "5", "the event's value 'x'"), (None, "y", "its override 'y'"), (None, None, "'z'")],
)
def test_a_refusal_says_where_the_value_came_from(
    event: str | None, override: str | None, words: str
) -> None:
    with pytest.raises(VariableError) as refusal:
        start(a_variable(INTEGER, "z"), event, override)
    assert words in str(refusal.value)


@given(st.sampled_from(VariableType), json_values)
def test_any_value_becomes_its_type_or_is_refused(kind: VariableType, value: Any) -> None:
    try:
        found = converted(a_variable(kind), value, Origin.EVENT)
    except VariableError as refusal:
        assert len(str(refusal).encode()) < 400
        return
    types = {
        STRING: str,
        INTEGER: int,
        DECIMAL: (int, float),
        BOOLEAN: bool,
        DATETIME: str,
        JSON: object,
    }
    assert found is None or isinstance(found, types[kind])
    assert kind is JSON or kind is BOOLEAN or not isinstance(found, bool)
    msgspec.json.encode(found)


@given(texts)
def test_any_text_is_a_string_as_it_is(value: str) -> None:
    assert converted(a_variable(), value, Origin.EVENT) == value


@given(st.integers(-(10**300), 10**300))
def test_a_whole_number_is_the_same_however_it_is_written(number: int) -> None:
    for kind in (INTEGER, DECIMAL, JSON):
        assert converted(a_variable(kind), str(number), Origin.EVENT) == number
        assert converted(a_variable(kind), number, Origin.EVENT) == number
    assert converted(a_variable(), number, Origin.EVENT) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_the_same_however_it_is_written(number: float) -> None:
    assert converted(a_variable(DECIMAL), repr(number), Origin.EVENT) == number
    assert converted(a_variable(DECIMAL), number, Origin.EVENT) == number


@given(json_values.filter(lambda value: value not in (None, "")))
def test_json_is_the_same_as_text_and_as_itself(value: Any) -> None:
    assert converted(a_variable(JSON), msgspec.json.encode(value).decode(), Origin.EVENT) == value
    if not isinstance(value, str):
        assert converted(a_variable(JSON), value, Origin.EVENT) == value


# The time as a default, and what activities assign


NOW = datetime(2026, 3, 4, 13, 30, 5, 6_789, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize("default", ["{{now()}}", " {{ now( ) }} "])
def test_a_default_of_now_is_the_time_at_which_the_run_begins(default: str) -> None:
    variable = a_variable(DATETIME, default)
    assert is_now(variable)
    assert initial_variables([variable], {}, (), {}, NOW) == {"v": "2026-03-04T12:30:05.006Z"}
    assert initial_variables([variable], {}, (), {}) == {"v": None}
    external = a_variable(DATETIME, default, is_externalized=True)
    assert external_values([external], {}, NOW) == {"v": "2026-03-04T12:30:05.006Z"}
    assert external_values([external], {"v": "2026-01-01T00:00Z"}, NOW) == {
        "v": "2026-01-01T00:00Z"
    }


@pytest.mark.parametrize(
    ("kind", "default"), [(STRING, "{{now()}}"), (DATETIME, "{{soon()}}"), (DATETIME, "2026-01-01")]
)
def test_any_other_default_is_what_it_says(kind: VariableType, default: str) -> None:
    assert not is_now(a_variable(kind, default))


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (STRING, None, ""),
        (STRING, [1, "a"], '[1,"a"]'),
        (STRING, {"a": None}, '{"a":null}'),
        (STRING, 1.5, "1.5"),
        (INTEGER, None, None),
        (INTEGER, "", None),
        (JSON, {"a": 1}, {"a": 1}),
        (JSON, '{"a": 1}', {"a": 1}),
    ],
)
def test_what_an_activity_assigns_becomes_the_variable_s_type(
    kind: VariableType, value: Any, found: Any
) -> None:
    assert assigned_value(a_variable(kind), value) == found


def test_what_an_activity_assigns_is_refused_where_it_does_not_fit() -> None:
    with pytest.raises(VariableError, match="the value 'many' is no INTEGER"):
        assigned_value(a_variable(INTEGER), "many")
