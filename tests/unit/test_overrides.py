"""Overrides: values of flow variables from a YAML file and ONHOOK_WEBHOOK_URL."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onhook.event_flow.override_notes import notes_on
from onhook.event_flow.overrides import Layer, Overrides, OverridesError, load_overrides
from onhook.flow.model import Variable

URL = "https://example.com/hook"


def loaded(tmp_path: Path, text: str | bytes, webhook_url: str = URL) -> Overrides:
    path = tmp_path / "overrides.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_overrides(path, webhook_url)


def test_without_a_file_every_flow_has_the_webhook_url() -> None:
    assert load_overrides(None, URL).of("Any", "id") == {"WebhookUrl": URL}
    assert load_overrides(None, "").of("Any", "id") == {}


def test_the_file_goes_over_the_webhook_url_for_its_flow_alone(tmp_path: Path) -> None:
    overrides = loaded(tmp_path, "Main_Flow:\n  WebhookUrl: https://other\n  Tries: 5\n")
    assert overrides.of("Main_Flow", "id") == {"WebhookUrl": "https://other", "Tries": 5}
    assert overrides.of("Other", "id2") == {"WebhookUrl": URL}


def test_a_flow_is_named_or_given_by_its_id_and_the_id_goes_first(tmp_path: Path) -> None:
    """Another flow may have the same name."""
    overrides = loaded(tmp_path, "id-1: {A: by id, B: by id}\nF: {A: by name}")
    assert overrides.given("F", "id-1") == {"A": "by id", "B": "by id"}
    assert overrides.given("G", "id-1") == {"A": "by id", "B": "by id"}
    assert overrides.given("F", "id-2") == {"A": "by name"}


def test_the_webhook_url_is_for_externalized_variables_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, "F: {A: 1}").given("F", "id") == {"A": 1}


def test_null_is_absent(tmp_path: Path) -> None:
    assert loaded(tmp_path, "F: {A: null}").given("F", "id") == {"A": None}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "F:\n", "F: {}"])
def test_a_file_without_values_overrides_nothing(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).of("F", "id") == {"WebhookUrl": URL}


def test_values_are_what_json_would_hold(tmp_path: Path) -> None:
    overrides = loaded(tmp_path, "F: {When: 2025-02-06, N: 1.5, L: [1, {a: null}], B: yes}")
    assert overrides.given("F", "id") == {
        "When": "2025-02-06",
        "N": 1.5,
        "L": [1, {"a": None}],
        "B": True,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("F: 5", "Expected `object | null`, got `int`"),
        ("[]", "Expected `object`, got `array`"),
        ("- F", "Expected `object`, got `array`"),
        ("words", "Expected `object`, got `str`"),
        ("F: [a", "line 1"),
        ("F: {A: 2025-13-01}", "holds a value that cannot be read"),
        ('F: {A: "\\ud800"}', ""),
        (b"\xff\xfe\x00", "overrides.yaml: "),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(OverridesError) as refusal:
        loaded(tmp_path, text)
    assert str(refusal.value).startswith(f"ONHOOK_OVERRIDES: {tmp_path / 'overrides.yaml'}: ")
    assert words in str(refusal.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(OverridesError, match=r"ONHOOK_OVERRIDES: .*gone\.yaml"):
        load_overrides(tmp_path / "gone.yaml", URL)


def test_a_webhook_url_that_is_no_text_is_refused() -> None:
    with pytest.raises(OverridesError, match="ONHOOK_WEBHOOK_URL"):
        load_overrides(None, "https://example.com/\udcff")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary(max_size=60))
def test_any_file_is_read_or_refused(tmp_path: Path, text: bytes) -> None:
    try:
        assert isinstance(loaded(tmp_path, text), Overrides)
    except OverridesError as refusal:
        assert str(refusal)


def test_where_a_process_is_told_to_deliver_wins_over_every_configuration(tmp_path: Path) -> None:
    path = tmp_path / "overrides.yaml"
    path.write_text("F: {WebhookUrl: https://configured.example.com/, Other: kept}")
    overrides = load_overrides(path, URL, "http://localhost:3000/hook")
    assert overrides.of("F", "id") == {"WebhookUrl": "http://localhost:3000/hook", "Other": "kept"}
    assert overrides.of("G", "id") == {"WebhookUrl": "http://localhost:3000/hook"}


# Layers


@pytest.fixture
def layered(tmp_path: Path) -> Overrides:
    overrides = loaded(tmp_path, "F: {WebhookUrl: https://file, Tries: 5, Gone: null}")
    overrides.store({"id": {"Tries": 7}}, {"locked": "no key"})
    return overrides


def test_what_is_stored_goes_over_the_file_and_that_over_the_environment(
    layered: Overrides,
) -> None:
    assert layered.of("F", "id") == {"WebhookUrl": "https://file", "Tries": 7, "Gone": None}
    assert layered.given("F", "id") == layered.of("F", "id")
    assert layered.of("G", "other") == {"WebhookUrl": URL}
    assert layered.lock_of("locked") == "no key"
    assert layered.lock_of("id") is None


@pytest.mark.parametrize(
    ("flow", "variable", "is_externalized", "origin"),
    [
        (("F", "id"), "Tries", False, (Layer.STORED, 7)),
        (("F", "id"), "WebhookUrl", True, (Layer.FILE, "https://file")),
        (("G", "other"), "WebhookUrl", True, (Layer.ENVIRONMENT, URL)),
        (("G", "other"), "WebhookUrl", False, (Layer.DEFAULT, None)),
        (("F", "id"), "Gone", False, (Layer.DEFAULT, None)),
        (("F", "id"), "Other", True, (Layer.DEFAULT, None)),
    ],
)
def test_each_value_says_which_layer_it_comes_from(
    layered: Overrides,
    flow: tuple[str, str],
    variable: str,
    is_externalized: bool,
    origin: tuple[Layer, object],
) -> None:
    assert layered.origin(*flow, variable, is_externalized=is_externalized) == origin


def test_where_a_process_is_told_to_deliver_is_the_strongest_layer() -> None:
    overrides = load_overrides(None, URL, "http://localhost:3000/hook")
    overrides.store({"id": {"WebhookUrl": "https://stored"}}, {})
    found = overrides.origin("F", "id", "WebhookUrl", is_externalized=True)
    assert found == (Layer.COMMAND_LINE, "http://localhost:3000/hook")
    assert overrides.of("F", "id") == {"WebhookUrl": "http://localhost:3000/hook"}


def test_a_stored_value_says_that_a_command_line_goes_before_it() -> None:
    variable = Variable(name="WebhookUrl", is_externalized=True)
    (note,) = notes_on(variable, URL, Layer.COMMAND_LINE, None)
    assert note == "stored, and not in force: --to holds as long as this process runs"
    assert list(notes_on(variable, URL, Layer.STORED, None)) == []
