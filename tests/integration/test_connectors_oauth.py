"""OAuth 2.0 client credentials: a real token server, a real client, many who wait."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from endpoint import HANG_UP, HELD, SILENCE, Answer, Endpoint, Plan, Received
from integration.connector_parts import (
    FLOW,
    LOOPBACK,
    TokenServer,
    a_post,
    leaving,
    loaded,
    serving_tokens,
)
from onhook.egress.client import connected
from onhook.egress.connector import Connector, OAuth
from onhook.egress.connector_client import Outgoing
from onhook.egress.oauth import HOLD_OFF_S, TokenSource
from onhook.egress.port import Fault, Response, SendError
from onhook.settings.egress_rule import parse_egress_rules

SECRET = "s3cret/+ ü&="


@pytest.fixture
async def tokens() -> AsyncIterator[TokenServer]:
    async with serving_tokens() as server:
        yield server


def file_for(endpoint: Endpoint, tokens: TokenServer, more: str = "") -> str:
    return (
        f"crm: {{url: '{endpoint.url('/api')}', oauth2: {{token_url: '{tokens.url}', "
        f"client_id: me:1, client_secret: '{SECRET}'{more}}}}}\n"
    )


async def sent(outgoing: Outgoing, endpoint: Endpoint, timeout_s: float = 10) -> Response:
    url = endpoint.url("/api/x")
    way = outgoing.way("crm", url, flow=FLOW, node="Tell")
    return await way.send(a_post(url, timeout_s=timeout_s))


async def fault(outgoing: Outgoing, endpoint: Endpoint, timeout_s: float = 10) -> SendError:
    with pytest.raises(SendError) as caught:
        await sent(outgoing, endpoint, timeout_s)
    error = caught.value
    assert error.message.startswith('connector "crm": no access token from http://127.0.0.1:')
    assert SECRET not in error.message
    assert 0 <= error.elapsed_s < 30
    return error


def bearers(endpoint: Endpoint) -> list[str]:
    return [each.header("authorization") for each in endpoint.requests]


async def test_one_token_serves_many_requests_that_wait_for_it(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens))) as outgoing:
        answers = await asyncio.gather(*(sent(outgoing, endpoint) for _ in range(50)))
        answers.append(await sent(outgoing, endpoint))
    assert {answer.status for answer in answers} == {204}
    assert bearers(endpoint) == ["Bearer token-1"] * 51
    (asked,) = tokens.asked
    assert asked.method == "POST"
    assert tokens.form() == {"grant_type": "client_credentials"}
    basic = base64.b64decode(asked.header("authorization").removeprefix("Basic ")).decode()
    assert basic == "me%3A1:s3cret%2F%2B+%C3%BC%26%3D"  # RFC 6749, 2.3.1


async def test_id_and_secret_stand_in_the_form_where_the_server_wants_them_there(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    more = ", auth: post, scope: [calls.write, a], audience: 'https://crm.example/'"
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens, more))) as outgoing:
        await sent(outgoing, endpoint)
    assert tokens.form() == {
        "grant_type": "client_credentials",
        "scope": "calls.write a",
        "audience": "https://crm.example/",
        "client_id": "me:1",
        "client_secret": SECRET,
    }
    assert not [name for name, _ in tokens.asked[0].headers if name.lower() == "authorization"]


async def test_a_refused_token_is_renewed_once_for_all_that_met_the_401(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    def only_the_second(received: Received) -> Plan:
        return 204 if received.header("authorization") == "Bearer token-2" else 401

    endpoint.decide = only_the_second
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens))) as outgoing:
        answers = await asyncio.gather(*(sent(outgoing, endpoint) for _ in range(20)))
    assert [answer.status for answer in answers] == [204] * 20
    assert len(tokens.asked) == 2
    assert len(endpoint.requests) <= 40


async def test_a_401_with_a_new_token_stands(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    endpoint.decide = lambda _received: 401
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens))) as outgoing:
        assert (await sent(outgoing, endpoint)).status == 401
        assert bearers(endpoint) == ["Bearer token-1", "Bearer token-2"]
        # Nor does every further request ask for a token that would be refused as well.
        assert (await sent(outgoing, endpoint)).status == 401
    assert len(tokens.asked) == 2


ODD: dict[str, tuple[Plan, str]] = {
    "refused": (
        Answer(401, body=b'{"error": "invalid_client"}'),
        "it answered 401, invalid_client",
    ),
    "broken": (Answer(503, body=f"no: {SECRET}".encode()), "it answered 503"),
    "telling": (Answer(400, body=b'{"error": "me and s3cret"}'), "it answered 400"),
    "redirected": (Answer(302, {"Location": "http://127.0.0.1:1/"}), "it answered 302"),
    "no JSON": (Answer(200, body=b"<html>"), "no JSON object"),
    "a list": (Answer(200, body=b"[]"), "no JSON object"),
    "deep": (Answer(200, body=b"[" * 100_000), "no JSON object"),
    "no token": (Answer(200, body=b"{}"), "without an access_token"),
    "a number": (Answer(200, body=b'{"access_token": 5}'), "without an access_token"),
    "two lines": (Answer(200, body=b'{"access_token": "a\\r\\nX: b"}'), "without an access_token"),
    "another kind": (Answer(200, body=b'{"access_token": "a", "token_type": "mac"}'), "no bearer"),
    "hung up": (HANG_UP, "closed the connection"),
}


@pytest.mark.parametrize(("plan", "words"), ODD.values(), ids=ODD)
async def test_a_token_endpoint_that_fails_is_named_and_nothing_reaches_the_endpoint(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer, plan: Plan, words: str
) -> None:
    tokens.answer = lambda _received: plan
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens))) as outgoing:
        errors = await asyncio.gather(*(fault(outgoing, endpoint) for _ in range(10)))
    assert {error.fault for error in errors} == {Fault.TOKEN}
    assert all(words in error.message for error in errors)
    assert "s3cret" not in errors[0].message
    assert endpoint.requests == []
    assert len(tokens.asked) == 1


async def test_a_token_endpoint_that_keeps_silent_costs_no_more_than_the_request_has(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    tokens.answer = lambda _received: SILENCE
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens))) as outgoing:
        error = await fault(outgoing, endpoint, timeout_s=0.2)
    assert error.fault is Fault.TOKEN
    assert "no answer within 0.2 s" in error.message
    assert error.elapsed_s < 5


async def test_who_waits_for_a_token_takes_over_when_the_first_gives_up(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    tokens.answer = lambda _received: HELD if len(tokens.asked) == 1 else None
    async with leaving(loaded(tmp_path, file_for(endpoint, tokens))) as outgoing:
        first = asyncio.create_task(fault(outgoing, endpoint, timeout_s=0.3))
        second = asyncio.create_task(sent(outgoing, endpoint))
        assert (await first).fault is Fault.TOKEN
        assert (await second).status == 204
    assert len(tokens.asked) == 2


async def test_the_token_endpoint_is_behind_the_same_guard(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    rules = f"127.0.0.1:{endpoint.port}"
    connectors = loaded(tmp_path, file_for(endpoint, tokens))
    async with leaving(connectors, rules=rules) as outgoing:
        error = await fault(outgoing, endpoint)
    assert "blocked: 127.0.0.1:" in error.message
    assert "ONHOOK_EGRESS_ALLOW=" in error.message
    assert tokens.asked == endpoint.requests == []


async def test_a_client_secret_that_rotates_is_used_at_the_next_attempt(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    file.write_text("old-secret-1\n")
    text = file_for(endpoint, tokens).replace(
        f"client_secret: '{SECRET}'", "client_secret_file: secret"
    )
    connectors = loaded(tmp_path, text)
    async with leaving(connectors) as outgoing:
        await sent(outgoing, endpoint)
        file.write_text("the-new-secret-2\n")
        await sent(outgoing, endpoint)
        await sent(outgoing, endpoint)
    basics = [each.header("authorization").removeprefix("Basic ") for each in tokens.asked]
    assert [base64.b64decode(basic) for basic in basics] == [
        b"me%3A1:old-secret-1",
        b"me%3A1:the-new-secret-2",
    ]
    assert bearers(endpoint) == ["Bearer token-1"] + ["Bearer token-2"] * 2
    # What was sent before is still kept from being shown.
    assert {"old-secret-1", "the-new-secret-2", "token-1", "token-2"} <= connectors.secrets
    told = "".join(capsys.readouterr())
    assert "changed secret read" in told
    assert "-secret-" not in told


async def test_a_secret_file_that_is_gone_for_a_moment_changes_nothing(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    file.write_text("old-secret-1")
    text = file_for(endpoint, tokens).replace(
        f"client_secret: '{SECRET}'", "client_secret_file: secret"
    )
    async with leaving(loaded(tmp_path, text)) as outgoing:
        await sent(outgoing, endpoint)
        file.unlink()
        for _ in range(3):
            await sent(outgoing, endpoint)
        file.write_text("new-secret-2")
        await sent(outgoing, endpoint)
    assert bearers(endpoint) == ["Bearer token-1"] * 4 + ["Bearer token-2"]
    assert "".join(capsys.readouterr()).count("the old one is kept") == 1


async def test_a_request_is_signed_beside_its_token(
    tmp_path: Path, endpoint: Endpoint, tokens: TokenServer
) -> None:
    text = file_for(endpoint, tokens).replace(
        "oauth2:", f"signing: whsec_{'A' * 32}, headers: {{X-Key: k}}, oauth2:"
    )
    async with leaving(loaded(tmp_path, text)) as outgoing:
        await sent(outgoing, endpoint)
    (request,) = endpoint.requests
    assert request.header("webhook-signature").startswith("v1,")
    assert request.header("x-key") == "k"
    assert request.header("authorization") == "Bearer token-1"
    assert not [name for name, _ in tokens.asked[0].headers if "webhook" in name.lower()]


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def source(tokens: TokenServer) -> AsyncIterator[tuple[TokenSource, Clock]]:
    """A token source whose time is the test's."""
    clock = Clock()
    oauth = OAuth(token_url=tokens.url, client_id="me", client_secret=SECRET)
    connector = Connector(name="crm", url="https://crm.example", oauth=oauth)
    async with connected(parse_egress_rules(LOOPBACK)) as client:
        yield TokenSource(connector, oauth, client, lambda _token: None, clock=clock), clock


@pytest.mark.parametrize(
    ("given", "lives_s"),
    [(3600, 3540), ("600", 540), (100, 90), (None, 270), (0, 270), (-5, 270), ("soon", 270),
     (True, 270), ([], 270), (10**400, 270), ("nan", 270), (1e300, 86_340)],
)  # fmt: skip
async def test_a_token_is_kept_until_shortly_before_its_end(
    source: tuple[TokenSource, Clock], tokens: TokenServer, given: Any, lives_s: float
) -> None:
    tokens.fields = {} if given is None else {"expires_in": given}
    tokens_of, clock = source
    assert await tokens_of.token() == "token-1"
    clock.now += lives_s - 0.01
    assert await tokens_of.token() == "token-1"
    clock.now += 0.02
    assert await tokens_of.token() == "token-2"


async def test_a_token_that_still_lives_is_used_while_no_new_one_comes(
    source: tuple[TokenSource, Clock], tokens: TokenServer
) -> None:
    tokens_of, clock = source
    await tokens_of.token()
    tokens.answer = lambda _received: 503
    clock.now += 3_550
    assert [await tokens_of.token() for _ in range(3)] == ["token-1"] * 3
    assert len(tokens.asked) == 2
    clock.now += 60
    with pytest.raises(SendError, match="it answered 503"):
        await tokens_of.token()
    tokens.answer = lambda _received: None
    clock.now += HOLD_OFF_S
    assert await tokens_of.token() == "token-2"


async def test_a_token_endpoint_that_failed_is_left_alone_for_a_moment(
    source: tuple[TokenSource, Clock], tokens: TokenServer
) -> None:
    tokens_of, clock = source
    tokens.answer = lambda _received: 503
    for _ in range(20):
        with pytest.raises(SendError, match="it answered 503"):
            await tokens_of.token()
        clock.now += 0.1
    assert len(tokens.asked) == 1
    tokens.answer = lambda _received: None
    clock.now += HOLD_OFF_S
    assert await tokens_of.token() == "token-1"


async def test_an_endpoint_that_refuses_every_token_gets_a_new_one_now_and_then(
    source: tuple[TokenSource, Clock], tokens: TokenServer
) -> None:
    tokens_of, clock = source
    first = await tokens_of.token()
    second = await tokens_of.instead_of(first)
    assert second == "token-2"
    assert await tokens_of.instead_of(first) == second
    assert await tokens_of.instead_of(second) is None
    clock.now += HOLD_OFF_S
    assert await tokens_of.instead_of(second) == "token-3"
    assert len(tokens.asked) == 3
    assert "token-" not in repr(vars(tokens_of))
