"""docker-compose.yml against the settings: what is fixed there, passed through, or left out.

Reads the file only; tests/e2e brings it up.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from onhook.settings import SETTINGS, load

ROOT = Path(__file__).parents[2]
SERVICES = ("sink", "event-flow", "call-emulator")

# Paths on the caller's machine mean nothing inside a container; they are mounted by hand.
PATHS = {
    "ONHOOK_CONTACT_CENTRE",
    "ONHOOK_FLOWS",
    "ONHOOK_JOURNAL_DB",
    "ONHOOK_OVERRIDES",
    "ONHOOK_SINK_DB",
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_fixed_or_passed_through_or_a_path(
    project: dict[str, Any], service: str
) -> None:
    environment = project["services"][service]["environment"]
    settings = {setting.variable for setting in SETTINGS}
    assert set(environment) == settings - PATHS


@pytest.mark.parametrize("service", SERVICES)
def test_addresses_ports_and_folders_of_the_caller_stay_outside(
    project: dict[str, Any], service: str
) -> None:
    environment = project["services"][service]["environment"]
    passed = {name for name, value in environment.items() if value is None}
    addresses = {name for name in environment if name.endswith(("_URL", "_PORT", "_HOST", "_DATA"))}
    assert passed
    assert not passed & addresses
    assert all("$" not in str(environment[name]) for name in addresses - {"ONHOOK_WEBHOOK_URL"})


def test_the_fixed_values_are_ones_that_the_settings_accept(project: dict[str, Any]) -> None:
    environment = project["services"]["event-flow"]["environment"]
    fixed = {
        name: str(value)
        for name, value in environment.items()
        if value is not None and "${" not in str(value)
    }
    settings = load(fixed)
    ports = (settings.emulator_port, settings.worker_port, settings.sink_port)
    assert ports == (7001, 7002, 7003)
    assert settings.sink_url == "http://sink:7003"


def test_the_default_token_is_the_one_that_the_webhook_url_ends_with(
    project: dict[str, Any],
) -> None:
    environment = project["services"]["event-flow"]["environment"]
    default_token = next(s.default for s in SETTINGS if s.name == "sink_token")
    token = environment["ONHOOK_SINK_TOKEN"]
    assert token == f"${{ONHOOK_SINK_TOKEN:-{default_token}}}"
    assert environment["ONHOOK_WEBHOOK_URL"] == f"${{ONHOOK_WEBHOOK_URL:-http://sink:7003/{token}}}"


def test_every_port_is_published_on_loopback_alone(project: dict[str, Any]) -> None:
    ports = [port for service in project["services"].values() for port in service["ports"]]
    assert len(ports) == 5
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_write_outside_its_volume(project: dict[str, Any], service: str) -> None:
    definition = project["services"][service]
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert definition["volumes"] == [f"{service}:/data"]


@pytest.mark.parametrize("service", SERVICES)
def test_compose_waits_longer_than_a_service_takes_to_finish(
    project: dict[str, Any], service: str
) -> None:
    grace = next(float(s.default) for s in SETTINGS if s.name == "grace")
    assert float(project["services"][service]["stop_grace_period"].removesuffix("s")) > grace
