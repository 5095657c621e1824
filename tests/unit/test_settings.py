"""Settings: every variable and flag, what is refused and how, secrets, what is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.settings import (
    SETTINGS,
    Setting,
    SettingError,
    load,
    shown_value,
    unknown_variables,
)
from onhook.settings.egress_rule import EgressRule
from onhook.settings.settings import SEEDED_TOKEN, masked_url

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
TOKEN = "11111111-2222-4333-8444-555555555555"

# A text that each setting takes, and the value that it becomes. Paths are made by the test.
GIVEN: dict[str, tuple[str, object]] = {
    "amqp_url": ("amqps://u:p@broker:5671/prod", "amqps://u:p@broker:5671/prod"),
    "data": ("/var/lib/onhook", Path("/var/lib/onhook")),
    "host": ("0.0.0.0", "0.0.0.0"),
    "emulator_port": ("0", 0),
    "worker_port": ("65535", 65_535),
    "sink_port": ("8003", 8_003),
    "webhook_url": ("https://example.com/hook/", "https://example.com/hook/"),
    "sink_token": (TOKEN.upper(), TOKEN),
    "flows": ("PATH", (Path("PATH"),)),
    "contact_centre": ("FILE", Path("FILE")),
    "overrides": ("FILE", Path("FILE")),
    "egress_allow": ("localhost:3000", (EgressRule(host="localhost", port=3000),)),
    "journal_db": ("sqlite:////data/journal.sqlite", "sqlite:////data/journal.sqlite"),
    "journal_max_age": ("12h", 43_200.0),
    "journal_max_rows": ("5000", 5_000),
    "sink_db": ("sqlite:///sink.sqlite", "sqlite:///sink.sqlite"),
    "emulator_url": ("http://emulator:7001/", "http://emulator:7001"),
    "worker_url": ("http://worker:7002", "http://worker:7002"),
    "sink_url": ("http://[::1]:7003", "http://[::1]:7003"),
    "emulator_public_url": ("https://calls.example.com/", "https://calls.example.com"),
    "worker_public_url": ("https://flows.example.com", "https://flows.example.com"),
    "sink_public_url": ("https://hooks.example.com", "https://hooks.example.com"),
    "sink_max_captures": ("10", 10),
    "sink_max_body": ("0", 0),
    "in_flight": ("3", 3),
    "endpoint_in_flight": ("1", 1),
    "endpoint_rate": ("2.5", 2.5),
    "metrics_names": ("20", 20),
    "endpoint_breaker": ("0", 0),
    "connectors": ("FILE", Path("FILE")),
    "sources": ("FILE", Path("FILE")),
    "unknown_events": ("Ignore", "ignore"),
    "shadow": ("yes", True),
    "run_key": (f"{KEY} {KEY}", f"{KEY} {KEY}"),
    "signing_secret": (f"whsec_{KEY} whsk_{KEY}", f"whsec_{KEY} whsk_{KEY}"),
    "retry_scale": ("0.01", 0.01),
    "grace": ("0", 0.0),
    "declare": ("No", False),
    "synchronous": ("NORMAL", "normal"),
    "log_level": ("Debug", "debug"),
    "log_format": ("json", "json"),
}

# A text that each setting refuses, and words of what it says to that. Not here: what takes any text.
REFSETTINGS: dict[str, tuple[str, str]] = {
    "amqp_url": ("localhost:5672", "must be an address that starts with amqp://"),
    "emulator_port": ("seven", "must be a whole number from 0 to 65535"),
    "worker_port": ("65536", "must be from 0 to 65535"),
    "sink_port": ("-1", "must be from 0 to 65535"),
    "webhook_url": ("ftp://example.com", "must be an address that starts with http://"),
    "sink_token": ("hello", f"must be a UUID, such as {SEEDED_TOKEN}"),
    "flows": ("/nowhere/at/all", "names /nowhere/at/all, which does not exist"),
    "contact_centre": ("/nowhere/at.yaml", "names a file that does not exist"),
    "overrides": ("/nowhere/at.yaml", "names a file that does not exist"),
    "connectors": ("/nowhere/at.yaml", "names a file that does not exist"),
    "sources": ("/nowhere/at.yaml", "names a file that does not exist"),
    "unknown_events": ("drop", "must be one of ignore, dead"),
    "shadow": ("maybe", "must be true or false"),
    "run_key": ("c2hvcnQ=", "has a key of 5 bytes instead of 32, number 1"),
    "signing_secret": ("whsec_a s3cret", "does not begin with whsec_ or whsk_, number 2"),
    "egress_allow": ("10.0.0.1/8", 'has the entry "10.0.0.1/8" with host bits set'),
    "journal_db": ("mysql://u:secret@db/onhook", "must be sqlite:///PATH or postgresql://"),
    "journal_max_age": ("a month", "must be a time such as 30d"),
    "journal_max_rows": ("0", "must be from 1 to 1000000000"),
    "sink_db": ("sink.sqlite", "must be sqlite:///PATH"),
    "emulator_url": ("localhost:7001", "must be an address that starts with http://"),
    "worker_url": ("http://", "must be an address that starts with http://"),
    "sink_url": ("http://host:99999", "is not an address"),
    "emulator_public_url": ("/calls", "must be an address that starts with http://"),
    "worker_public_url": ("amqp://host", "must be an address that starts with http://"),
    "sink_public_url": ("http://[::1", "is not an address"),
    "sink_max_captures": ("0", "must be from 1 to 1000000000"),
    "sink_max_body": ("1e6", "must be a whole number from 0 to 1073741824"),
    "in_flight": ("2", "must be from 3 to 4096"),
    "endpoint_in_flight": ("0", "must be from 1 to 4096"),
    "endpoint_rate": ("-1", "must be from 0 to 1e+06"),
    "metrics_names": ("0", "must be from 1 to 10000"),
    "endpoint_breaker": ("-1", "must be from 0 to 1000000"),
    "retry_scale": ("nan", "must be from 0.0001 to 1"),
    "grace": ("soon", "must be a number from 0 to 3600"),
    "declare": ("maybe", "must be true or false"),
    "synchronous": ("off", "must be one of full, normal"),
    "log_level": ("loud", "must be one of debug, info, warning, error"),
    "log_format": ("xml", "must be one of auto, text, json"),
}

by_name = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


def given_text(setting: Setting, folder: Path) -> tuple[str, object]:
    """The text and value for a setting, with real files where it wants them."""
    text, value = GIVEN[setting.name]
    if text == "PATH":
        return str(folder), (folder,)
    if text == "FILE":
        path = folder / "file.yaml"
        path.write_text("{}")
        return str(path), path
    return text, value


def test_every_setting_is_tried_here() -> None:
    names = {setting.name for setting in SETTINGS}
    assert set(GIVEN) == names
    assert names - set(REFSETTINGS) == {"data", "host"}


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load({})
    assert settings.amqp_url == ""
    assert settings.data == Path("onhook-data")
    assert settings.host == "127.0.0.1"
    assert (settings.emulator_port, settings.worker_port, settings.sink_port) == (7001, 7002, 7003)
    assert settings.sink_token == SEEDED_TOKEN
    assert settings.flows == settings.egress_allow == ()
    assert settings.contact_centre is settings.overrides is None
    assert (settings.in_flight, settings.grace, settings.retry_scale) == (256, 25, 1)
    assert settings.sink_max_captures == 1_000_000
    assert settings.declare is True
    assert settings.synchronous == "full"


def test_stores_are_under_data_unless_named() -> None:
    settings = load({"ONHOOK_DATA": "/d"})
    assert settings.sink_database() == Path("/d/sink/sink.sqlite")
    assert settings.journal_database() == Path("/d/event-flow/journal.sqlite")
    named = {"ONHOOK_SINK_DB": "sqlite:///a.db", "ONHOOK_JOURNAL_DB": "sqlite:////abs/b.db"}
    settings = load(named)
    assert settings.sink_database() == Path("a.db")
    assert settings.journal_database() == Path("/abs/b.db")
    url = "postgresql://u:p@db/onhook?sslmode=require"
    assert load({"ONHOOK_JOURNAL_DB": url}).journal_database() == url


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000), ("90M", 5_400), ("61s", 61), ("600.5", 600.5)]
)
def test_a_time_is_read_with_its_unit_or_in_seconds(text: str, seconds: float) -> None:
    assert load({"ONHOOK_JOURNAL_MAX_AGE": text}).journal_max_age == seconds


@pytest.mark.parametrize("text", ["1s", "nan", "inf", "d", "-3d", "1e300d"])
def test_a_time_that_is_none_or_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="ONHOOK_JOURNAL_MAX_AGE"):
        load({"ONHOOK_JOURNAL_MAX_AGE": text})


def test_a_password_where_it_would_show_is_refused() -> None:
    url = "postgresql://u@db/onhook?password=hunter2"
    with pytest.raises(SettingError, match="before the @") as refusal:
        load({"ONHOOK_JOURNAL_DB": url})
    assert "hunter2" not in str(refusal.value)


def test_the_journal_s_file_is_shown_and_its_database_s_password_is_not() -> None:
    setting = next(setting for setting in SETTINGS if setting.name == "journal_db")
    file = "sqlite:////data/journal.sqlite"
    assert shown_value(setting, load({"ONHOOK_JOURNAL_DB": file})) == file
    shown = shown_value(setting, load({"ONHOOK_JOURNAL_DB": "postgresql://u:hunter2@db/onhook"}))
    assert shown == "postgresql://u:***@db/onhook"


@by_name
def test_a_setting_is_read_from_its_variable(setting: Setting, tmp_path: Path) -> None:
    text, value = given_text(setting, tmp_path)
    assert setting.variable == f"ONHOOK_{setting.name.upper()}"
    assert getattr(load({setting.variable: f" {text} "}), setting.name) == value


@by_name
def test_a_flag_wins_over_the_variable(setting: Setting, tmp_path: Path) -> None:
    text, value = given_text(setting, tmp_path)
    assert setting.flag == "--" + setting.name.replace("_", "-")
    wrong = {setting.variable: REFSETTINGS.get(setting.name, ("other", ""))[0]}
    assert getattr(load(wrong, {setting.name: text}), setting.name) == value


@by_name
def test_a_flag_that_was_not_given_leaves_the_variable(setting: Setting, tmp_path: Path) -> None:
    text, value = given_text(setting, tmp_path)
    assert getattr(load({setting.variable: text}, {setting.name: None}), setting.name) == value


def test_what_somebody_gave_is_told_from_a_default(tmp_path: Path) -> None:
    path = tmp_path / "amqp-url"
    path.write_text("amqp://broker/")
    environment = {
        "ONHOOK_AMQP_URL_FILE": str(path),
        "ONHOOK_SINK_PORT": "7003",
        "ONHOOK_DATA": " ",
    }
    settings = load(environment, {"host": "localhost", "grace": None})
    assert settings.given == {"amqp_url", "sink_port", "host"}


@by_name
def test_an_empty_variable_is_the_default(setting: Setting) -> None:
    settings = load({setting.variable: "  "})
    assert getattr(settings, setting.name) == getattr(load({}), setting.name)


@pytest.mark.parametrize("name", REFSETTINGS)
def test_a_refusal_names_the_variable_and_says_what_is_wanted(name: str) -> None:
    text, words = REFSETTINGS[name]
    setting = next(setting for setting in SETTINGS if setting.name == name)
    with pytest.raises(SettingError) as refusal:
        load({setting.variable: text})
    assert str(refusal.value).startswith(setting.variable)
    assert words in str(refusal.value)


@pytest.mark.parametrize("name", REFSETTINGS)
def test_a_refusal_names_the_flag_where_that_was_given(name: str) -> None:
    setting = next(setting for setting in SETTINGS if setting.name == name)
    with pytest.raises(SettingError) as refusal:
        load({}, {name: REFSETTINGS[name][0]})
    assert str(refusal.value).startswith(f"{setting.flag} ")


@pytest.mark.parametrize("name", REFSETTINGS)
def test_a_refusal_shows_the_value_unless_it_is_secret(name: str) -> None:
    setting = next(setting for setting in SETTINGS if setting.name == name)
    text = REFSETTINGS[name][0]
    with pytest.raises(SettingError) as refusal:
        load({setting.variable: text})
    assert (f'("{text}")' in str(refusal.value)) is not setting.is_secret


SECRETS = [setting for setting in SETTINGS if setting.is_secret]


def test_a_secret_is_read_from_the_file_that_its_file_variable_names(tmp_path: Path) -> None:
    path = tmp_path / "amqp-url"
    path.write_text("amqp://u:hunter2@broker/\n")
    assert load({"ONHOOK_AMQP_URL_FILE": str(path)}).amqp_url == "amqp://u:hunter2@broker/"


def test_a_secret_s_own_variable_wins_over_its_file(tmp_path: Path) -> None:
    path = tmp_path / "amqp-url"
    path.write_text("amqp://file/")
    environment = {"ONHOOK_AMQP_URL": "amqp://variable/", "ONHOOK_AMQP_URL_FILE": str(path)}
    assert load(environment).amqp_url == "amqp://variable/"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^ONHOOK_AMQP_URL_FILE: .*absent"):
        load({"ONHOOK_AMQP_URL_FILE": str(tmp_path / "absent")})


def test_a_secret_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "amqp-url"
    path.write_bytes(b"\xff")
    with pytest.raises(SettingError, match=r"^ONHOOK_AMQP_URL_FILE: "):
        load({"ONHOOK_AMQP_URL_FILE": str(path)})


def test_a_fault_in_a_secret_file_names_the_file_variable_and_hides_the_value(
    tmp_path: Path,
) -> None:
    path = tmp_path / "amqp-url"
    path.write_text("hunter2")
    with pytest.raises(SettingError, match=r"^ONHOOK_AMQP_URL_FILE must be") as refusal:
        load({"ONHOOK_AMQP_URL_FILE": str(path)})
    assert "hunter2" not in str(refusal.value)


def test_what_is_no_secret_has_no_file_variable(tmp_path: Path) -> None:
    assert load({"ONHOOK_HOST_FILE": str(tmp_path / "absent")}).host == "127.0.0.1"


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.name)
def test_a_secret_is_masked_when_shown(setting: Setting) -> None:
    keys = {"run_key": KEY, "signing_secret": f"whsec_{KEY} whsk_{KEY}"}
    is_key = setting.name in keys
    scheme = "postgresql" if setting.name == "journal_db" else "amqp"
    given = keys.get(setting.name, f"{scheme}://user:hunter2@broker:5672/v")
    settings = load({setting.variable: given})
    shown = "***" if is_key else f"{scheme}://user:***@broker:5672/v"
    assert shown_value(setting, settings) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://broker", "amqp://broker"),
        ("amqp://user@broker", "amqp://user@broker"),
        ("amqp://user:p%40ss:w@broker/v?heartbeat=5", "amqp://user:***@broker/v?heartbeat=5"),
        ("amqp://:only@[::1]:5672/", "amqp://:***@[::1]:5672/"),
        ("no address: s3cret", "***"),
    ],
)
def test_masking_leaves_all_but_the_password(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@by_name
def test_a_shown_value_is_a_text_that_reads_back_as_the_same(
    setting: Setting, tmp_path: Path
) -> None:
    text, value = given_text(setting, tmp_path)
    shown = shown_value(setting, load({setting.variable: text}))
    assert isinstance(shown, str)
    if not setting.is_secret:
        assert setting.read(shown) == value


def test_an_unknown_variable_gets_a_line_with_the_nearest_name() -> None:
    unknown = "is set, but this version has no such setting"
    lines = unknown_variables(
        {
            "ONHOOK_WEBHOK_URL": "x",
            "ONHOOK_ZEBRA": "x",
            "ONHOOK_AMQP_URL": "x",
            "ONHOOK_AMQP_URL_FILE": "x",
            "ONHOOK_TEST_BROKER": "x",
            "PATH": "/bin",
        }
    )
    assert lines == [
        f"ONHOOK_WEBHOK_URL {unknown}; did you mean ONHOOK_WEBHOOK_URL?",
        f"ONHOOK_ZEBRA {unknown}",
    ]


@given(st.sampled_from(SETTINGS), st.text() | st.text("a/", min_size=4_000, max_size=5_000))
def test_any_text_is_read_or_refused_with_the_variable_s_name(setting: Setting, text: str) -> None:
    try:
        load({setting.variable: text})
    except SettingError as refusal:
        assert str(refusal).startswith(setting.variable)
