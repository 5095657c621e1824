"""Deliveries as their receivers verify them, at each attempt, and who signs what."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from endpoint import Answer, Endpoint, Received
from flows import a_flow, a_request, an_event
from integration.connector_parts import FLOW, a_post, leaving, loaded
from onhook.egress.connector_client import keys_of
from onhook.egress.connectors import Connectors, ConnectorsError
from onhook.settings.settings import SettingError
from onhook.signature import parse_secret, verify
from onhook.signature.key import written_private, written_symmetric
from workplace import Workplace, run_of, until


def a_secret() -> str:
    return written_symmetric(os.urandom(32))


def names_of(received: Received) -> set[str]:
    return {name.lower() for name, _ in received.headers}


def is_taken(secret: str, received: Received) -> bool:
    """As another implementation judges."""
    try:
        Webhook(secret).verify(received.body, dict(received.headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True


async def test_each_attempt_is_signed_anew_over_the_bytes_that_are_sent(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    secret = a_secret()
    moment = datetime(2025, 3, 1, 12, tzinfo=UTC)
    moments = iter([moment, moment + timedelta(hours=5)])
    async with leaving(Connectors(), signing=keys_of(secret), clock=lambda: next(moments)) as out:
        way = out.way(None, endpoint.url(), flow=FLOW, node="Tell")
        body = '{"who": "Jürgen"}\n'.encode()
        for _ in range(2):
            await way.send(a_post(endpoint.url(), body))
    first, second = endpoint.requests
    assert first.header("webhook-id") == second.header("webhook-id") == "msg_1"
    assert first.header("webhook-timestamp") == "1740830400"
    assert second.header("webhook-timestamp") == "1740848400"
    assert first.header("webhook-signature") != second.header("webhook-signature")
    for received, late in ((first, 0), (second, 5)):
        now = moment + timedelta(hours=late)
        assert verify([parse_secret(secret)], received.headers, body, now).is_valid


async def test_a_flow_s_own_headers_of_these_names_give_way(endpoint: Endpoint) -> None:
    secret = a_secret()
    async with leaving(Connectors(), signing=keys_of(secret)) as out:
        request = a_post(endpoint.url())
        forged = (("Webhook-Signature", "v1,AAAA"), ("WEBHOOK-TIMESTAMP", "5"))
        request = msgspec.structs.replace(request, headers=(*forged, *request.headers))
        await out.way(None, endpoint.url(), flow=FLOW, node="Tell").send(request)
    assert is_taken(secret, endpoint.requests[0])


async def test_without_a_secret_nothing_is_added(endpoint: Endpoint) -> None:
    async with leaving(Connectors()) as out:
        await out.way(None, endpoint.url(), flow=FLOW, node="Tell").send(a_post(endpoint.url()))
    assert not names_of(endpoint.requests[0]) & {"webhook-timestamp", "webhook-signature"}


@pytest.mark.parametrize(
    ("connector", "flow", "node", "path", "signed_by"),
    [
        (None, ("id-F", "F"), "Tell", "/", "setting"),
        (None, ("id-F", "F"), "Quiet", "/", None),
        (None, ("id-F", "F"), "Tell", "other", "other"),
        (None, ("id-G", "G"), "Quiet", "/", "setting"),
        (None, ("id-G", "G"), "Tell", "/", "setting"),
        (None, ("id-H", "H"), "Anything", "other", "flow"),
        (None, ("id-H", "Renamed"), "Anything", "/", "flow"),
        ("crm", ("id-F", "F"), "Tell", "/", "connector"),
        ("bare", ("id-F", "F"), "Tell", "/", "setting"),
        ("quiet", ("id-F", "F"), "Tell", "/", None),
        ("crm", ("id-F", "F"), "Quiet", "/", None),
    ],
)
async def test_an_endpoint_s_rule_wins_over_its_connector_and_that_over_the_setting(
    tmp_path: Path,
    endpoint: Endpoint,
    connector: str | None,
    flow: tuple[str, str],
    node: str,
    path: str,
    signed_by: str | None,
) -> None:
    secrets = {name: a_secret() for name in ("setting", "connector", "flow", "other")}
    (tmp_path / "other-secret").write_text(f"{secrets['other']}\n")
    here = endpoint.url("")
    text = f"""
endpoints:
  - {{flow: F, in_flight: 1}}
  - {{flow: F, node: Quiet, signing: off}}
  - {{flow: id-H, signing: "${{FLOW_SECRET}}"}}
  - {{url: "http://localhost:{endpoint.port}/some/path", signing_file: other-secret}}
crm: {{url: "{here}", signing: {secrets["connector"]}}}
bare: {{url: "{here}", bearer: token-1}}
quiet: {{url: "{here}", bearer: token-1, signing: off}}
"""
    connectors = loaded(tmp_path, text, FLOW_SECRET=secrets["flow"])
    url = f"http://localhost:{endpoint.port}/x" if path == "other" else endpoint.url("/x")
    async with leaving(connectors, signing=keys_of(secrets["setting"])) as out:
        await out.way(connector, url, flow=flow, node=node).send(a_post(url))
        shown = out.shown_headers(connector, url, (), flow=flow, node=node)
    (received,) = endpoint.requests
    taken_by = {name for name, secret in secrets.items() if "webhook-signature" in names_of(received)
                and is_taken(secret, received)}  # fmt: skip
    assert taken_by == ({signed_by} if signed_by else set())
    assert ("webhook-signature" in names_of(received)) is bool(signed_by)
    assert (("webhook-signature", "***") in shown) is bool(signed_by)
    assert "token-1" not in str(shown)


async def test_a_signing_secret_that_rotates_in_its_file_signs_the_next_attempt(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    old, new = a_secret(), a_secret()
    file = tmp_path / "secret"
    file.write_text(old)
    connectors = loaded(
        tmp_path, f"endpoints: [{{url: '{endpoint.url('')}', signing_file: secret}}]"
    )
    async with leaving(connectors) as out:
        for text in (old, f"{new} {old}", new):
            file.write_text(text)
            way = out.way(None, endpoint.url(), flow=FLOW, node="Tell")
            await way.send(a_post(endpoint.url()))
    taken = [[is_taken(secret, each) for secret in (old, new)] for each in endpoint.requests]
    assert taken == [[True, False], [True, True], [False, True]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("endpoints: {url: https://x.example}", "endpoints: must be a list of endpoints"),
        ("endpoints: [off]", "endpoints, number 1: must have flow, node or url"),
        ("endpoints: [{flow: F}]", "says nothing; give it signing: off"),
        ("endpoints: [{signing: off}]", "needs a flow, a node or a url"),
        ("endpoints: [{flow: F, signing: off}, {flow: '', signing: off}]", "number 2: flow: must"),
        ("endpoints: [{flow: 5, signing: off}]", "flow: must be a name"),
        ("endpoints: [{url: x.example, signing: off}]", "number 1: url: "),
        ("endpoints: [{flow: F, sign: off}]", 'no key "sign" here; did you mean signing?'),
        ("endpoints: [{flow: F, signing: s3cret}]", "signing: does not begin with whsec_"),
        ("endpoints: [{flow: F, signing: on}]", "signing: must be off, or whsec_..."),
        (
            "crm: {url: https://x.example, signing: whsec_s3cret-}",
            "signing: holds what is no base64",
        ),
        ("crm: {url: https://x.example, signing_file: gone}", "No such file"),
        (
            "crm: {url: https://x.example, headers: {Webhook-Signature: s3cret}}",
            "set by the worker",
        ),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConnectorsError) as refusal:
        loaded(tmp_path, text)
    assert words in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_a_setting_that_cannot_sign_is_refused_and_not_shown() -> None:
    assert keys_of("") == ()
    with pytest.raises(
        SettingError, match=r"^ONHOOK_SIGNING_SECRET number 2 holds 6 bytes"
    ) as refusal:
        keys_of(f"{a_secret()} whsec_s3crets3")
    assert "s3cret" not in str(refusal.value)


def a_worker_s_flow(endpoint: Endpoint) -> dict[str, Any]:
    return a_flow("F", a_request("Tell", endpoint.url(), httpRequestBody='{"caller": "Jürgen"}'))


async def test_a_worker_s_deliveries_verify_at_each_attempt_and_the_secret_is_nowhere(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old, pair = a_secret(), a_secret(), written_private(os.urandom(32))
    endpoint.plan(503, Answer(429), 204)
    event = an_event(flow="F")
    flags = {"flows": workplace.flow_folder(a_worker_s_flow(endpoint))}
    async with workplace.working(**flags, signing_secret=f"{new} {old} {pair}") as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "F"), "done")
        found = await working.api.get(f"/runs/{run_of(event, 'F')}")
        trace = await working.api.get(f"/interactions/{event['subject']}")
    assert len(endpoint.requests) == 3
    assert len({each.header("webhook-id") for each in endpoint.requests}) == 1
    public = parse_secret(pair).public
    for received in endpoint.requests:
        assert is_taken(new, received)
        assert is_taken(old, received)
        assert verify([public], received.headers, received.body, datetime.now(UTC)).is_valid
    signatures = [each.header("webhook-signature") for each in endpoint.requests]
    secrets = [text for whole in (new, old, pair) for text in (whole, whole.partition("_")[2])]
    raw = [base64.b64decode(text.partition("_")[2]) for text in (new, old)]
    shown = str(found) + str(trace) + "".join(capsys.readouterr())
    for text in (*secrets, *(part for each in signatures for part in each.split(" "))):
        assert text not in shown
        for path in workplace.folder.rglob("*.sqlite*"):
            assert text.encode() not in path.read_bytes(), path
    for path in workplace.folder.rglob("*.sqlite*"):
        assert not any(secret in path.read_bytes() for secret in raw)


async def _second() -> int:
    return int(datetime.now(UTC).timestamp())


async def test_a_replay_has_the_same_id_and_a_new_time(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    secret = a_secret()
    endpoint.plan(410, 204)
    event = an_event(flow="F")
    flags = {"flows": workplace.flow_folder(a_worker_s_flow(endpoint)), "signing_secret": secret}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        (letter,) = await working.api.dead_letters(1)
        first = endpoint.requests[0]
        sent_at = first.header("webhook-timestamp")
        await until(_second, lambda second: second > int(sent_at))
        await working.api.post(f"/dead-letters/{letter['message_id']}/replay")
        await working.api.until_run(run_of(event, "F"), "done")
    first, again = endpoint.requests
    assert first.header("webhook-id") == again.header("webhook-id")
    assert int(first.header("webhook-timestamp")) < int(again.header("webhook-timestamp"))
    assert is_taken(secret, first)
    assert is_taken(secret, again)


async def test_a_worker_with_a_secret_that_cannot_sign_does_not_start(workplace: Workplace) -> None:
    with pytest.raises(SettingError, match="ONHOOK_SIGNING_SECRET holds 3 bytes"):
        async with workplace.working(signing_secret="whsec_AAAA"):
            raise AssertionError("it started")
