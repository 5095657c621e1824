"""No secret of a connector is ever shown: not in an error, a log line, a row or an answer."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endpoint import Answer, Endpoint, Plan, Received
from flows import a_flow, a_request, an_event
from integration.connector_parts import FLOW, a_post, leaving, loaded, serving_tokens
from onhook.contracts.topology import UNDELIVERED
from onhook.egress.connectors import ConnectorsError, NotItsOrigin
from onhook.egress.port import SendError
from onhook.signature.key import written_symmetric
from workplace import Workplace, run_of

WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40)
SECRETS = st.one_of(WORDS, ANY).map(lambda text: f"zq7{text.strip()}Zq7")


def everywhere(secret: str) -> list[dict[str, Any]]:
    """Connectors with this secret in each place, some of which cannot be used."""
    url = "http://127.0.0.1:9/api"
    oauth = {"token_url": "http://127.0.0.1:9/token", "client_id": "a", "client_secret": secret}
    return [
        {"url": url, "bearer": secret},
        {"url": url, "basic": {"user": "ada", "password": secret}},
        {"url": url, "basic": {"user": "a:da", "password": secret}},
        {"url": url, "headers": {"X-Key": secret}},
        {"url": url, "headers": {"X-Key": secret, "Host": secret}},
        {"url": url, "oauth2": oauth},
        {"url": url, "oauth2": oauth | {"auth": "post", "scope": "a"}},
        {"url": url, "oauth2": oauth | {"auth": secret}},
        {"url": url, "oauth2": oauth | {"token_url": "http://127.0.0.1:9/a b"}},
        {"url": url, "proxy": "http://127.0.0.1:9", "proxy_user": "a", "proxy_password": secret},
        {"url": url, "proxy": "ftp://127.0.0.1", "proxy_user": "a", "proxy_password": secret},
        {"url": url, "proxy": "http://127.0.0.1:9", "proxy_password": secret},
        {"url": url, "signing": secret},
        {"url": url, "signing": f"whsec_{secret}"},
        {"url": url, "signing": written_symmetric(secret.encode()[:64].ljust(24, b"x"))},
        {"url": url, "bearer": secret, "bearer_file": "x"},
        {"url": url, "basic": {"password": secret}},
        {"url": url, "bearer": [secret]},
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(secret=SECRETS)
def test_no_error_and_no_repr_shows_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    told: list[str] = []

    async def leave(fields: dict[str, Any]) -> None:
        try:
            connectors = loaded(tmp_path, msgspec.json.encode({"crm": fields}).decode())
        except ConnectorsError as error:
            told.append(str(error))
            return
        found = connectors.find("crm", "http://127.0.0.1:9/api/x")
        told.extend(map(repr, (connectors, found, found.oauth, found.transport, found.signing)))
        async with leaving(connectors) as out:
            told.append(repr(out.way("crm", "http://127.0.0.1:9/api/x", flow=FLOW, node="N")))
            url = "http://127.0.0.1:9/api/x"
            told.append(str(out.shown_headers("crm", url, (), flow=FLOW, node="N")))
            with pytest.raises(SendError) as refusal:
                await out.way("crm", url, flow=FLOW, node="N").send(a_post(url))
            told.append(str(refusal.value))
            with pytest.raises(NotItsOrigin) as foreign:
                out.way("crm", "http://127.0.0.1:8/", flow=FLOW, node="N")
            told.append(str(foreign.value))

    for fields in everywhere(secret):
        asyncio.run(leave(fields))
    told.append("".join(capsys.readouterr()))
    written = "\n".join(told)
    basic = base64.b64encode(f"ada:{secret}".encode()).decode()
    for form in (secret, basic, msgspec.json.encode(secret).decode()[1:-1], secret[3:-3]):
        assert form not in written


def echo(received: Received) -> Answer:
    """What came, headers and all, as debugging endpoints answer it."""
    body = msgspec.json.encode({"headers": dict(received.headers), "body": received.body.decode()})
    return Answer(
        200, {"Content-Type": "application/json", "X-Echo": str(dict(received.headers))[:900]}, body
    )


async def test_an_endpoint_that_repeats_all_it_gets_gives_nothing_away(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """Echoed in refusals and in a success, renewed after a 401, given up and replayed."""
    secret, password, key = (f"{word}-{os.urandom(9).hex()}" for word in ("client", "basic", "key"))
    (workplace.folder / "key").write_text(key)

    def decide(received: Received) -> Plan:
        said = echo(received)
        if received.header("authorization") == "Bearer token-1":
            return Answer(401, said.headers, said.body)
        if len(endpoint.at(received.path)) < 4 or received.path == "/dead":
            return Answer(410 if received.path == "/dead" else 503, said.headers, said.body)
        return said

    endpoint.decide = decide
    async with serving_tokens() as tokens:
        (workplace.folder / "connectors.yaml").write_text(f"""
crm:
  url: {endpoint.url("")}
  headers: {{X-Api-Key_file: key, X-Org: acme}}
  oauth2: {{token_url: "{tokens.url}", client_id: me, client_secret: {secret}}}
  signing: {written_symmetric(secret.encode())}
basic: {{url: "{endpoint.url("")}", basic: {{user: ada, password: {password}}}}}
""")
        given = {"authenticated": True, "connectorId": "crm"}
        flow = a_flow(
            "F",
            a_request("Tell", "", **given, httpRequestPath="/tell", onFailure="deliver"),
            a_request("Repeat", "", **given, httpRequestPath="/repeat", httpRequestBody='{"heard": "{{Tell.httpResponseBody}}"}'),
            a_request("Dead", "", authenticated=True, connectorId="basic", httpRequestPath="/dead", onFailure="deliver"),
        )  # fmt: skip
        event = an_event(flow="F")
        flags = {
            "flows": workplace.flow_folder(flow),
            "connectors": str(workplace.folder / "connectors.yaml"),
            "egress_allow": "127.0.0.1",
            "log_level": "debug",
        }
        async with workplace.working(**flags) as working:
            await working.publish(event)
            (letter,) = await working.api.dead_letters(1)
            assert letter["queue"] == UNDELIVERED
            run_id = run_of(event, "F")
            told = [
                await working.api.get(f"/runs/{run_id}"),
                await working.api.get(f"/interactions/{event['subject']}"),
                await working.api.get("/dead-letters"),
                working.told.notices,
            ]
            lying = await working.taken(UNDELIVERED, letter["message_id"])
    paths = [request.path for request in endpoint.requests]
    assert paths.count("/tell") >= 4
    assert paths[-1] == "/dead"
    heard = [each for each in endpoint.requests if each.path == "/repeat"][-1].json["heard"]
    both = base64.b64encode(f"ada:{password}".encode()).decode()
    shown = str(told) + "".join(capsys.readouterr()) + str(lying.body)
    for text in (secret, password, key, both, "token-1", "token-2"):
        assert text not in shown
        assert text not in heard
        for path in workplace.folder.rglob("*.sqlite*"):
            assert text.encode() not in path.read_bytes(), (text, path)
    assert "acme" in heard  # what is no secret is the flow's to read
