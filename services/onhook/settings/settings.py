"""The table of settings and how each is read.

One row a setting: `SETTINGS` drives loading, the command line's flags and `onhook config`.
It must not know which service uses what.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from onhook.settings.egress_rule import EgressRule, parse_egress_rules
from onhook.settings.reading import (
    SEEDED_TOKEN,
    base_url,
    decimal,
    duration,
    existing_file,
    folders,
    is_postgres,
    journal_url,
    one_of,
    port,
    signing_secrets,
    sqlite_path,
    sqlite_url,
    text,
    token,
    true_or_false,
    url,
    webhook_url,
    whole_number,
)
from onhook.settings.run_key import run_keys

PREFIX = "ONHOOK_"
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


class SettingError(Exception):
    """A setting has a value that cannot be used."""


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, read and checked. Times are seconds, sizes bytes."""

    amqp_url: str
    data: Path
    host: str
    emulator_port: int
    worker_port: int
    sink_port: int
    webhook_url: str
    sink_token: str
    flows: tuple[Path, ...]
    contact_centre: Path | None
    overrides: Path | None
    egress_allow: tuple[EgressRule, ...]
    journal_db: str
    journal_max_age: float
    journal_max_rows: int
    sink_db: str
    emulator_url: str
    worker_url: str
    sink_url: str
    emulator_public_url: str
    worker_public_url: str
    sink_public_url: str
    sink_max_captures: int
    sink_max_body: int
    in_flight: int
    endpoint_in_flight: int
    endpoint_rate: float
    endpoint_breaker: int
    connectors: Path | None
    sources: Path | None
    unknown_events: str
    shadow: bool
    run_key: str
    signing_secret: str
    retry_scale: float
    grace: float
    declare: bool
    synchronous: str
    metrics_names: int
    log_level: str
    log_format: str
    given: frozenset[str] = frozenset()
    """Names of the settings that a flag, a variable or its file set; the others are defaults."""

    def sink_database(self) -> Path:
        return sqlite_path(self.sink_db) or self.data / "sink" / "sink.sqlite"

    def journal_database(self) -> Path | str:
        """A SQLite file, or the address of a PostgreSQL database."""
        if is_postgres(self.journal_db):
            return self.journal_db
        return sqlite_path(self.journal_db) or self.data / "event-flow" / "journal.sqlite"


class Setting(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    name: str
    default: str
    read: Callable[[str], Any]
    what: str
    is_secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="amqp_url",
        default="",
        read=url("amqp", "amqps"),
        what="the RabbitMQ broker, amqp://user:password@host:5672/vhost; empty: the embedded bus",
        is_secret=True,
    ),
    Setting(name="data", default="./onhook-data", read=Path, what="folder of every embedded store"),
    Setting(name="host", default="127.0.0.1", read=text, what="what the services bind to"),
    Setting(
        name="emulator_port", default="7001", read=port, what="the call emulator; 0: a free one"
    ),
    Setting(name="worker_port", default="7002", read=port, what="the worker; 0: a free one"),
    Setting(name="sink_port", default="7003", read=port, what="the sink; 0: a free one"),
    Setting(
        name="webhook_url",
        default="",
        read=webhook_url,
        what="where the canonical flow POSTs: the value of its variable WebhookUrl; "
        "`onhook up` and Compose take the sink's seeded token",
    ),
    Setting(
        name="sink_token",
        default=SEEDED_TOKEN,
        read=token,
        what="the sink's token that exists from the start",
    ),
    Setting(
        name="flows",
        default="",
        read=folders,
        what="folders of flow files (separated by :) published at start, instead of Main_Flow",
    ),
    Setting(
        name="contact_centre",
        default="",
        read=existing_file,
        what="YAML: agents, queues, entry points, global variables; empty: the packaged one",
    ),
    Setting(
        name="overrides",
        default="",
        read=existing_file,
        what="YAML: flow -> variable -> value, for externalized variables",
    ),
    Setting(
        name="egress_allow",
        default="",
        read=parse_egress_rules,
        what="host, host:port, CIDR or CIDR:port that deliveries may reach although not public, "
        "separated by commas",
    ),
    Setting(
        name="journal_db",
        default="",
        read=journal_url,
        what="the journal: sqlite:///PATH, or postgresql://user:password@host:5432/database, which "
        "the workers of a fleet share; empty: under ONHOOK_DATA",
        is_secret=True,
    ),
    Setting(
        name="journal_max_age",
        default="30d",
        read=duration(60, 10 * 366 * 86_400),
        what="how long the journal keeps a run that is over and an event that started nothing: 30d, "
        "12h, 90m or seconds; what has a dead letter stays",
    ),
    Setting(
        name="journal_max_rows",
        default="1000000",
        read=whole_number(1, 1_000_000_000),
        what="runs that the journal keeps, and events that started nothing as many; beyond that "
        "those that are over go, oldest first, and the log says so",
    ),
    Setting(
        name="sink_db",
        default="",
        read=sqlite_url,
        what="sqlite:///PATH of the captures; empty: under ONHOOK_DATA",
    ),
    Setting(
        name="emulator_url",
        default="",
        read=base_url,
        what="how the others reach the call emulator; empty: from host and port",
    ),
    Setting(
        name="worker_url",
        default="",
        read=base_url,
        what="how the others reach the worker; empty: from host and port",
    ),
    Setting(
        name="sink_url",
        default="",
        read=base_url,
        what="how the others reach the sink; empty: from host and port",
    ),
    Setting(
        name="emulator_public_url",
        default="",
        read=base_url,
        what="the call emulator's address in links; empty: ONHOOK_EMULATOR_URL",
    ),
    Setting(
        name="worker_public_url",
        default="",
        read=base_url,
        what="the worker's address in links; empty: ONHOOK_WORKER_URL",
    ),
    Setting(
        name="sink_public_url",
        default="",
        read=base_url,
        what="the sink's address in links; empty: ONHOOK_SINK_URL",
    ),
    Setting(
        name="sink_max_captures",
        default="1000000",
        read=whole_number(1, 1_000_000_000),
        what="captures kept; beyond that the oldest are evicted, loudly",
    ),
    Setting(
        name="sink_max_body",
        default="33554432",
        read=whole_number(0, 1_073_741_824),
        what="largest body that the sink captures, in bytes; a larger one is answered 413",
    ),
    Setting(
        name="in_flight",
        default="256",
        read=whole_number(3, 4_096),
        what="requests that the worker has under way at once",
    ),
    Setting(
        name="endpoint_in_flight",
        default="32",
        read=whole_number(1, 4_096),
        what="requests that one endpoint (flow, node and origin) has under way at once",
    ),
    Setting(
        name="endpoint_rate",
        default="0",
        read=decimal(0, 1_000_000),
        what="requests a second that one endpoint gets at most; 0: no limit",
    ),
    Setting(
        name="endpoint_breaker",
        default="5",
        read=whole_number(0, 1_000_000),
        what="failures in a row after which an endpoint is left alone for a while; 0: never",
    ),
    Setting(
        name="connectors",
        default="",
        read=existing_file,
        what="YAML: authenticated endpoints, name -> url and basic, bearer, headers or oauth2",
    ),
    Setting(
        name="sources",
        default="",
        read=existing_file,
        what="YAML: queues of other systems, and how each message of them becomes an event",
    ),
    Setting(
        name="unknown_events",
        default="dead",
        read=one_of("ignore", "dead"),
        what="an event of a type that nobody knows: dead sets it aside as unprocessable, ignore "
        "acknowledges it and lists it as filtered",
    ),
    Setting(
        name="shadow",
        default="false",
        read=true_or_false,
        what="render and journal beside a live worker, from a queue of its own, and send nothing",
    ),
    Setting(
        name="run_key",
        default="",
        read=run_keys,
        what="32 bytes in base64 that encrypt secure values in runs; several, separated by spaces: "
        "the first encrypts; on the embedded bus one is made when this is empty",
        is_secret=True,
    ),
    Setting(
        name="signing_secret",
        default="",
        read=signing_secrets,
        what="whsec_... or whsk_... that signs deliveries; several, separated by spaces, during a "
        "rotation; empty: unsigned",
        is_secret=True,
    ),
    Setting(
        name="retry_scale",
        default="1",
        read=decimal(0.0001, 1),
        what="shrinks the retry schedule and the waits of flows, for laptops and tests: 0.01 makes "
        "30 s 300 ms",
    ),
    Setting(
        name="grace",
        default="25",
        read=decimal(0, 3_600),
        what="seconds that a service takes to finish what is under way when it is told to stop",
    ),
    Setting(
        name="declare",
        default="true",
        read=true_or_false,
        what="declare exchanges and queues; false: only check that they are there",
    ),
    Setting(
        name="synchronous",
        default="full",
        read=one_of("full", "normal"),
        what="SQLite's synchronous: full survives a power cut, normal a killed process",
    ),
    Setting(
        name="metrics_names",
        default="100",
        read=whole_number(1, 10_000),
        what="flows, and endpoints, that metrics tell apart; the rest are counted as `other`",
    ),
    Setting(
        name="log_level",
        default="info",
        read=one_of("debug", "info", "warning", "error"),
        what="least severe log line shown",
    ),
    Setting(
        name="log_format",
        default="auto",
        read=one_of("auto", "text", "json"),
        what="log lines as text or JSON; auto: text on a terminal",
    ),
)


def load(environment: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> Settings:
    """Read every setting: a flag over the variable over the `_FILE` variable over the default.

    `flags` maps setting names to texts. Raises SettingError, naming the variable and the way out.
    """
    values: dict[str, Any] = {}
    given = set()
    for setting in SETTINGS:
        origin, text, is_given = _find(setting, environment, flags or {})
        if is_given:
            given.add(setting.name)
        try:
            values[setting.name] = setting.read(text)
        except (ValueError, OSError) as error:
            shown = "" if setting.is_secret else f' ("{text}")'
            raise SettingError(f"{origin}{shown} {error}") from None
    return Settings(**values, given=frozenset(given))


def _find(
    setting: Setting, environment: Mapping[str, str], flags: Mapping[str, str | None]
) -> tuple[str, str, bool]:
    """Where its text comes from, the text, and whether anyone gave it."""
    if (flag := flags.get(setting.name)) is not None:
        return setting.flag, flag.strip(), True
    if value := environment.get(setting.variable, "").strip():
        return setting.variable, value, True
    if setting.is_secret and (name := environment.get(setting.variable + "_FILE")):
        try:
            return setting.variable + "_FILE", Path(name).read_text("utf-8").strip(), True
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{setting.variable}_FILE: {error}") from None
    return setting.variable, setting.default, False


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A line for each ONHOOK_ variable that no setting reads, with the nearest name."""
    known = {setting.variable for setting in SETTINGS}
    known |= {setting.variable + "_FILE" for setting in SETTINGS if setting.is_secret}
    lines = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in known or name.startswith("ONHOOK_TEST_"):
            continue
        near = difflib.get_close_matches(name, known, 1, 0.8)
        hint = f"; did you mean {near[0]}?" if near else ""
        lines.append(f"{name} is set, but this version has no such setting{hint}")
    return lines


def shown_value(setting: Setting, settings: Settings) -> str:
    """The value as `onhook config` prints it: secrets masked."""
    value = getattr(settings, setting.name)
    if setting.is_secret and value:
        return masked_url(value)
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def masked_url(url: str) -> str:
    """The address without its password; what is no address is masked whole."""
    if url.startswith("sqlite:///"):
        return url
    split = urlsplit(url)
    if not split.hostname:
        return "***"
    if not split.password:
        return url
    return split._replace(netloc=f"{split.username}:***@{split.netloc.rpartition('@')[2]}").geturl()
